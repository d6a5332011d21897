//! `aether-shell`: the desktop as a native window.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    cli::main()
}

// In a browser the library is the desktop.
#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
mod cli {
    use aether_client::{Endpoint, Fingerprint};
    use aether_shell::native::{self, Choice, Options};
    use clap::{Parser, ValueEnum};

    /// The desktop of an Aether device, as a window on this computer.
    #[derive(Parser)]
    #[command(name = "aether-shell", version)]
    struct Arguments {
        /// Where the device is.
        #[arg(long, env = "AETHER_ADDRESS", default_value = "https://127.0.0.1:7380")]
        address: String,
        /// The SHA-256 fingerprint of the device's certificate, as the device shows it. The system's
        /// authorities decide when left out.
        #[arg(long, env = "AETHER_FINGERPRINT")]
        fingerprint: Option<String>,
        /// What draws: wgpu where there is a graphics processor, glow where there is none.
        #[arg(long, value_enum, default_value_t = RendererName::Auto)]
        renderer: RendererName,
        /// Over the whole display.
        #[arg(long)]
        fullscreen: bool,
        /// The folder for settings and the session, in place of the one in your configuration folder.
        #[arg(long, value_name = "FOLDER")]
        config_dir: Option<std::path::PathBuf>,
    }

    #[derive(Clone, Copy, ValueEnum)]
    enum RendererName {
        Auto,
        Wgpu,
        Glow,
    }

    pub fn main() -> anyhow::Result<()> {
        tracing_subscriber::fmt()
            .with_env_filter(
                tracing_subscriber::EnvFilter::try_from_default_env()
                    .unwrap_or_else(|_| "warn,aether_shell=info".into()),
            )
            .with_writer(std::io::stderr)
            .init();
        let arguments = Arguments::parse();
        let fingerprint = arguments.fingerprint.as_deref().map(str::parse::<Fingerprint>).transpose()?;
        native::run(&Options {
            endpoint: Endpoint::new(&arguments.address, fingerprint)?,
            renderer: match arguments.renderer {
                RendererName::Auto => Choice::Auto,
                RendererName::Wgpu => Choice::Wgpu,
                RendererName::Glow => Choice::Glow,
            },
            fullscreen: arguments.fullscreen,
            config_dir: arguments.config_dir,
        })
    }
}
