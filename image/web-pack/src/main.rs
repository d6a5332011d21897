//! Packs the web desktop: `web-pack MODULE.wasm PAGES_DIR OUT_DIR`.
//!
//! Makes the JavaScript bindings, names module and bindings by their hash (so that they can be cached for ever),
//! puts the names into the pages, and writes a brotli and a gzip copy beside each file.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

/// The name of the bindings before they are hashed.
const NAME: &str = "aether_shell";

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [module, pages, out] = arguments.as_slice() else {
        bail!("usage: web-pack MODULE.wasm PAGES_DIR OUT_DIR");
    };
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("emptying {}", out.display()))?;
    }
    fs::create_dir_all(out)?;

    wasm_bindgen_cli_support::Bindgen::new()
        .input_path(module)
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .out_name(NAME)
        .generate(out)
        .context("making the bindings")?;

    let wasm = hashed(out, &format!("{NAME}_bg.wasm"), NAME, "wasm")?;
    let js = hashed(out, &format!("{NAME}.js"), NAME, "js")?;
    // The loader names the module and the bindings; the page names the loader.
    let mut boot = None;
    for page in files(pages)? {
        let target = out.join(page.file_name().context("a page without a name")?);
        if page.file_name().is_some_and(|name| name == "boot.js") {
            fs::write(&target, fill(&page, &js, &wasm, "")?)?;
            boot = Some(hashed(out, "boot.js", "boot", "js")?);
        }
    }
    let boot = boot.unwrap_or_default();
    for page in files(pages)? {
        let name = page.file_name().context("a page without a name")?;
        let target = out.join(name);
        match page.extension().and_then(|extension| extension.to_str()) {
            _ if name == "boot.js" => {}
            Some("html" | "css" | "json" | "webmanifest" | "svg") => {
                fs::write(target, fill(&page, &js, &wasm, &boot)?)?;
            }
            _ => {
                fs::copy(&page, target)?;
            }
        }
    }
    for file in files(out)? {
        compress(&file)?;
    }
    report(out, &wasm)
}

/// The text of a page with the names of what it loads.
fn fill(page: &Path, js: &str, wasm: &str, boot: &str) -> Result<String> {
    let text = fs::read_to_string(page).with_context(|| format!("reading {}", page.display()))?;
    Ok(text.replace("{{js}}", js).replace("{{wasm}}", wasm).replace("{{boot}}", boot))
}

/// Renames a file to `STEM-HASH.EXTENSION` and returns that name.
fn hashed(folder: &Path, file: &str, stem: &str, extension: &str) -> Result<String> {
    let from = folder.join(file);
    let bytes = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
    let hash = hex::encode(Sha256::digest(&bytes));
    let name = format!("{stem}-{}.{extension}", &hash.get(..16).unwrap_or(&hash));
    fs::rename(&from, folder.join(&name))?;
    Ok(name)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Writes `FILE.br` and `FILE.gz`.
fn compress(file: &Path) -> Result<()> {
    let bytes = fs::read(file)?;
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let parameters = brotli::enc::BrotliEncoderParams { quality: 10, lgwin: 22, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut out, &parameters)?;
    fs::write(beside(".br"), &out)?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&bytes)?;
    fs::write(beside(".gz"), gzip.finish()?)?;
    Ok(())
}

fn report(out: &Path, wasm: &str) -> Result<()> {
    let size = |name: String| -> Result<u64> { Ok(fs::metadata(out.join(name))?.len()) };
    println!(
        "web desktop: {} bytes of WebAssembly, {} with brotli, {} with gzip",
        size(wasm.to_owned())?,
        size(format!("{wasm}.br"))?,
        size(format!("{wasm}.gz"))?
    );
    Ok(())
}
