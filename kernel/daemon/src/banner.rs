//! What a person sees at start, and what a program reads.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, time::Duration};

use aether_kernel::Kernel;
use aether_protocol::system::Health;
use serde::Serialize;

/// What whoever started the daemon waits for.
#[derive(Serialize)]
pub(crate) struct Ready {
    #[serde(rename = "ready")]
    is_up: bool,
    /// With scheme and port.
    pub address: String,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    setup_code: Option<String>,
    /// From the start of the process's work to the open port.
    start_ms: f64,
}

impl Ready {
    /// After everything has started.
    pub fn new(kernel: &Kernel, server: &aether_server::BoundServer, took: Duration) -> Self {
        let address = server.address;
        // A wildcard is no address to open.
        let address = match address.ip() {
            ip if ip.is_unspecified() => format!("https://localhost:{}", address.port()),
            _ => format!("https://{address}"),
        };
        Self {
            is_up: true,
            address,
            fingerprint: server.fingerprint.clone(),
            setup_code: kernel.setup_code(),
            start_ms: (took.as_secs_f64() * 1e5).round() / 100.0,
        }
    }

    /// One line of JSON for programs.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Each subsystem, and how to get in.
    pub fn banner(&self, kernel: &Kernel) -> String {
        let mut text = format!("\nAether OS {} on {}\n\n", env!("CARGO_PKG_VERSION"), kernel.device());
        for part in kernel.subsystems() {
            let state = match part.state {
                Health::Ready => "ready",
                Health::Degraded => "degraded",
                Health::Failed => "failed",
            };
            let millis = part.start_us as f64 / 1000.0;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {:<10} {state:<9} {millis:>7.1} ms  {}", part.name, part.detail);
        }
        let _ = writeln!(text, "\n  started in {:.0} ms\n", self.start_ms);
        let _ = writeln!(text, "  address       {}", self.address);
        if let Some(code) = &self.setup_code {
            let _ = writeln!(text, "  set-up code   {code}");
        }
        let _ = writeln!(text, "  certificate   SHA-256 {}\n", self.fingerprint);
        text
    }

    /// Writes the line to an open file descriptor.
    pub fn write_to_fd(&self, fd: u32) -> std::io::Result<()> {
        OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"))?.write_all(self.line().as_bytes())
    }
}
