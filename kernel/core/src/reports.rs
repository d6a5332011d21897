//! What the kernel says about itself and its host.

use aether_protocol::system::{Check, Diagnosis, Health, Status};
use rustix::process::{Resource, getrlimit};

use crate::{Kernel, clock, govern::governor::pressure};

/// Files that the kernel has open for itself and its connections.
const FILES_OF_KERNEL: u64 = 1024 + 512;
/// Files that it has open for each agent: link, pidfds, pipes, and a terminal or two.
const FILES_OF_AGENT: u64 = 12;

impl Kernel {
    /// `system.status`
    pub(crate) fn status(&self) -> Status {
        let (running, queued, max_running) = self.processes.counts();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            device: self.device.clone(),
            started_at: self.started_at,
            now: clock::now(),
            last_seq: self.bus.last(),
            running,
            queued,
            max_running,
            ready: self.processes.ready(),
            subsystems: self.subsystems.clone(),
            host: self.devices.host(),
        }
    }

    /// `system.doctor`: the sandbox's abilities, then models, store and disk.
    pub(crate) async fn diagnose(&self) -> Diagnosis {
        let mut checks = self.processes.checks();
        checks.push(self.check_models().await);
        checks.push(self.check_store().await);
        checks.push(self.check_disk());
        checks.push(self.check_open_files());
        checks.push(check_pressure());
        Diagnosis { checks }
    }

    async fn check_models(&self) -> Check {
        let models = self.mind.models().await;
        let available: Vec<_> =
            models.iter().filter(|model| model.available).map(|model| model.name.0.as_str()).collect();
        let reasons: Vec<_> = models.iter().filter_map(|model| model.note.as_deref()).collect();
        if available.is_empty() {
            Check {
                name: "models".into(),
                state: Health::Failed,
                detail: if reasons.is_empty() { "no model is configured".into() } else { reasons.join("; ") },
                remedy: Some(format!(
                    "Put a GGUF file into {}, or name a provider in aether.toml",
                    self.config.state_dir.join("models").display()
                )),
            }
        } else {
            Check { name: "models".into(), state: Health::Ready, detail: available.join(", "), remedy: None }
        }
    }

    async fn check_store(&self) -> Check {
        let (state, detail) = match self.store.integrity().await {
            Ok(finding) if finding == "ok" => {
                (Health::Ready, "the whole database was read and is sound".to_owned())
            }
            Ok(finding) => (Health::Failed, finding),
            Err(error) => (Health::Failed, error.to_string()),
        };
        let remedy = (state != Health::Ready)
            .then(|| "Stop aetherd, keep a copy of state.db, and restore the last backup".to_owned());
        Check { name: "database".into(), state, detail, remedy }
    }

    /// What the kernel itself may open, against what its agents need of it.
    fn check_open_files(&self) -> Check {
        let (_, _, places) = self.processes.counts();
        let needed = FILES_OF_KERNEL + FILES_OF_AGENT * u64::from(places);
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let (state, remedy) = if limit >= needed {
            (Health::Ready, None)
        } else {
            let remedy = format!(
                "Let aetherd open {needed} files (LimitNOFILE= in its unit, ulimit -n), or lower process.max_running"
            );
            (Health::Degraded, Some(remedy))
        };
        let detail = format!("{limit} allowed, {needed} for {places} agents at once");
        Check { name: "open files".into(), state, detail, remedy }
    }

    fn check_disk(&self) -> Check {
        let host = self.devices.host();
        let free_mib = host.disk_free_bytes >> 20;
        let (state, remedy) = match free_mib {
            0..256 => (Health::Failed, Some("Free some space where the state directory lies".to_owned())),
            256..2048 => {
                (Health::Degraded, Some("Free some space where the state directory lies".to_owned()))
            }
            _ => (Health::Ready, None),
        };
        Check { name: "disk".into(), state, detail: format!("{free_mib} MiB free"), remedy }
    }
}

/// Whether this Linux tells how short the machine is.
fn check_pressure() -> Check {
    let name = "pressure".to_owned();
    match pressure::read() {
        Some(_) => Check {
            name,
            state: Health::Ready,
            detail: "agents of lower priority stand back when the machine is short of something".to_owned(),
            remedy: None,
        },
        None => Check {
            name,
            state: Health::Degraded,
            detail: "this Linux does not tell how short the machine is (/proc/pressure)".to_owned(),
            remedy: Some("Start Linux with psi=1 on its command line".to_owned()),
        },
    }
}
