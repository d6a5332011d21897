// Loads the desktop, shows how far that has come, and says so when it cannot run here.
// `{{js}}` and `{{wasm}}` are replaced by the names of the built files.

const boot = document.getElementById("boot");
const filled = document.getElementById("filled");
const said = document.getElementById("said");
const hint = document.getElementById("hint");
const again = document.getElementById("again");
again.addEventListener("click", () => location.reload());

function fail(what, advice, canReload) {
  boot.classList.remove("done");
  boot.classList.add("failed");
  boot.setAttribute("role", "alert");
  said.textContent = what;
  hint.textContent = advice;
  again.hidden = !canReload;
}

function progress(loaded, total) {
  const share = total > 0 ? Math.min(1, loaded / total) : 0;
  filled.style.width = `${Math.round(share * 100)}%`;
  filled.parentElement.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  const mib = (bytes) => (bytes / 1048576).toFixed(1);
  said.textContent = total > 0 ? `Loading ${mib(loaded)} of ${mib(total)} MiB` : `Loading ${mib(loaded)} MiB`;
}

// The body is counted as it arrives. It is already decompressed, so the total is the uncompressed length.
function counted(response) {
  const total = Number(response.headers.get("X-Uncompressed-Length") ?? 0);
  let loaded = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      progress(loaded, total);
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), { headers: { "Content-Type": "application/wasm" } });
}

function hasWebGl2() {
  try {
    const probe = document.createElement("canvas").getContext("webgl2");
    probe?.getExtension("WEBGL_lose_context")?.loseContext();
    return probe !== null;
  } catch {
    return false;
  }
}

async function start() {
  if (typeof WebAssembly !== "object" || typeof WebAssembly.instantiateStreaming !== "function") {
    fail("This browser cannot run the desktop", "It has no WebAssembly. Use a current Firefox, Chrome, Edge or Safari.", false);
    return;
  }
  if (!hasWebGl2()) {
    fail("This browser cannot draw the desktop", "WebGL 2 is missing or switched off. Switch on hardware acceleration in the browser's settings, or use another browser.", true);
    return;
  }
  let desktop;
  try {
    const [module, response] = await Promise.all([import("/{{js}}"), fetch("/{{wasm}}")]);
    if (!response.ok) {
      throw new Error(`the device answered ${response.status}`);
    }
    await module.default({ module_or_path: counted(response) });
    desktop = module;
  } catch (error) {
    fail("The desktop could not be loaded", `${error.message ?? error}. Check that the device is on and in reach, then reload.`, true);
    return;
  }
  said.textContent = "Starting";
  globalThis.addEventListener("aether-failed", (event) => {
    fail("The desktop has stopped", `${event.detail} Reload the page to go on; agents are not affected.`, true);
  });
  globalThis.addEventListener("aether-first-frame", () => {
    performance.mark("aether-first-frame");
    boot.classList.add("done");
    setTimeout(() => boot.remove(), 400);
  }, { once: true });
  try {
    await desktop.start(document.getElementById("desktop"));
  } catch (error) {
    fail("The desktop could not be started", `${error.message ?? error}`, true);
  }
}

start();
