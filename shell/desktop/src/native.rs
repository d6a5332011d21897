//! The desktop as a native window.

mod host;
#[cfg(feature = "inspect")]
mod inspection_file;
mod renderer;

use aether_client::{Client, Endpoint, Token};
use anyhow::{Context as _, Result};

pub use host::FileHost;
#[cfg(feature = "inspect")]
pub use inspection_file::InspectionFile;
pub use renderer::Choice;

use crate::{Address, Desktop};

/// What the window is opened with.
#[derive(Clone, Debug)]
pub struct Options {
    /// The kernel.
    pub endpoint: Endpoint,
    /// Which renderer.
    pub renderer: Choice,
    /// Over the whole display, without the system's frame.
    pub fullscreen: bool,
    /// Where settings are kept; the person's configuration folder when left out.
    pub config_dir: Option<std::path::PathBuf>,
}

struct NativeApp {
    desktop: Desktop,
}

impl eframe::App for NativeApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.desktop.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.desktop.ui(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

/// Opens the window and returns when it is closed.
pub fn run(options: &Options) -> Result<()> {
    let renderer = renderer::choose(options.renderer);
    tracing::info!(%renderer, "renderer chosen");
    match open(options, renderer) {
        // A driver that promises more than it holds: the other renderer may still do.
        Err(error) if options.renderer == Choice::Auto && renderer == eframe::Renderer::Wgpu => {
            tracing::warn!(%error, "wgpu failed to start, trying glow");
            open(options, eframe::Renderer::Glow)
        }
        result => result,
    }
}

fn open(options: &Options, renderer: eframe::Renderer) -> Result<()> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Aether")
        .with_app_id("aether-shell")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([360.0, 480.0])
        .with_fullscreen(options.fullscreen)
        .with_decorations(!options.fullscreen);
    let native = eframe::NativeOptions { viewport, renderer, ..eframe::NativeOptions::default() };
    let host = FileHost::open(options.config_dir.as_deref(), &options.endpoint.url)
        .context("The folder for settings cannot be used")?;
    let endpoint = options.endpoint.clone();
    eframe::run_native(
        "Aether",
        native,
        Box::new(move |cc| {
            #[cfg(feature = "inspect")]
            if let Some(file) = InspectionFile::wanted() {
                crate::inspect::watch_into(&cc.egui_ctx, file);
            }
            Ok(Box::new(NativeApp { desktop: desktop(&cc.egui_ctx, endpoint, host) }))
        }),
    )
    .map_err(|error| anyhow::anyhow!("The window cannot be opened: {error}"))
}

/// A desktop on a native connection.
fn desktop(ctx: &egui::Context, endpoint: Endpoint, host: FileHost) -> Desktop {
    let address = Address {
        url: endpoint.url.clone(),
        fingerprint: endpoint.fingerprint.map(|fingerprint| fingerprint.to_string()),
    };
    let repaint = ctx.clone();
    let token = host.token().map(Token::new);
    let client = Client::connect(endpoint, token, move || repaint.request_repaint());
    Desktop::new(Box::new(host), client, address)
}
