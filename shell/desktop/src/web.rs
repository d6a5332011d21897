//! The desktop on a canvas in a browser, connected to where the page came from.

use aether_client::{Client, Endpoint};
use aether_protocol::UnixMillis;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::{Address, Desktop, Host};

/// What keeps a few settings in a browser: its local storage, under this prefix.
const PREFIX: &str = "aether.";

struct WebHost;

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

impl Host for WebHost {
    fn load(&self, key: &str) -> Option<String> {
        storage()?.get_item(&format!("{PREFIX}{key}")).ok().flatten()
    }

    fn store(&mut self, key: &str, value: &str) {
        if let Some(storage) = storage() {
            // Full or forbidden storage costs comfort, nothing else.
            let _ = storage.set_item(&format!("{PREFIX}{key}"), value);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(storage) = storage() {
            let _ = storage.remove_item(&format!("{PREFIX}{key}"));
        }
    }

    fn now(&self) -> UnixMillis {
        UnixMillis(js_sys::Date::now() as i64)
    }

    fn utc_offset_minutes(&self, at: UnixMillis) -> i32 {
        let date = js_sys::Date::new(&JsValue::from_f64(at.0 as f64));
        -(date.get_timezone_offset() as i32)
    }

    fn device(&self) -> String {
        let agent = user_agent();
        let has = |word: &str| agent.contains(word);
        let browser = match () {
            () if has("Firefox/") => "Firefox",
            () if has("Edg/") => "Edge",
            () if has("OPR/") => "Opera",
            () if has("Chrome/") || has("CriOS/") => "Chrome",
            () if has("Safari/") => "Safari",
            () => "Browser",
        };
        let system = match () {
            () if has("Android") => "Android",
            () if has("iPhone") || has("iPad") => "iOS",
            () if has("Windows") => "Windows",
            () if has("Mac OS X") => "macOS",
            () if has("CrOS") => "ChromeOS",
            () if has("Linux") => "Linux",
            () => return browser.to_owned(),
        };
        format!("{browser} on {system}")
    }

    fn is_apple(&self) -> bool {
        let agent = user_agent();
        agent.contains("Mac OS X") || agent.contains("iPhone")
    }
}

fn user_agent() -> String {
    web_sys::window().and_then(|window| window.navigator().user_agent().ok()).unwrap_or_default()
}

struct WebApp {
    desktop: Desktop,
    frames: u8,
}

impl eframe::App for WebApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.desktop.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.desktop.ui(ui);
        // The first frame lays out without textures of text; the second one is complete.
        if self.frames < 2 {
            self.frames += 1;
            ui.ctx().request_repaint();
            if self.frames == 2 {
                announce("aether-first-frame", "");
            }
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// Tells the page.
fn announce(name: &str, detail: &str) {
    let init = web_sys::CustomEventInit::new();
    init.set_detail(&JsValue::from_str(detail));
    if let Some(window) = web_sys::window()
        && let Ok(event) = web_sys::CustomEvent::new_with_event_init_dict(name, &init)
    {
        let _ = window.dispatch_event(&event);
    }
}

/// Starts the desktop on `canvas`. Fails when the browser cannot draw it.
#[wasm_bindgen]
pub async fn start(canvas: web_sys::HtmlCanvasElement) -> Result<(), JsValue> {
    let runner = eframe::WebRunner::new();
    tell_of_panics();
    let options = eframe::WebOptions { renderer: eframe::Renderer::Glow, ..eframe::WebOptions::default() };
    runner
        .start(
            canvas,
            options,
            Box::new(|cc| {
                #[cfg(feature = "inspect")]
                expose(&cc.egui_ctx);
                let ctx = cc.egui_ctx.clone();
                let endpoint = Endpoint::same_origin();
                let address = Address { url: endpoint.url.clone(), fingerprint: None };
                let client = Client::connect(endpoint, None, move || ctx.request_repaint());
                let desktop = Desktop::new(Box::new(WebHost), client, address);
                Ok(Box::new(WebApp { desktop, frames: 0 }))
            }),
        )
        .await
}

/// A panic ends the desktop; the page says so instead of standing still.
fn tell_of_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        announce("aether-failed", "It met a defect.");
    }));
}

/// For tests: `aether_inspect()` returns the named controls as JSON.
#[cfg(feature = "inspect")]
fn expose(ctx: &egui::Context) {
    use wasm_bindgen::closure::Closure;
    crate::inspect::watch(ctx);
    let ctx = ctx.clone();
    let list = Closure::<dyn Fn() -> String>::new(move || {
        serde_json::to_string(&crate::inspect::controls(&ctx)).unwrap_or_default()
    });
    if let Some(window) = web_sys::window() {
        let _ = js_sys::Reflect::set(&window, &JsValue::from_str("aether_inspect"), list.as_ref());
    }
    list.forget();
}
