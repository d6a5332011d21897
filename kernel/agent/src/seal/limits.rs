//! Resource limits (setrlimit(2)), inherited by all that the process starts.

use aether_protocol::process::Layer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{SealError, layer};

/// What a process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space of each process.
    pub memory_bytes: u64,
    /// Processes and threads of the sandbox's user.
    pub processes: u64,
    /// Open files of each process.
    pub open_files: u64,
    /// The largest file.
    pub file_bytes: u64,
    /// CPU time of each process.
    pub cpu_secs: u64,
}

impl Limits {
    /// From `memory=…,processes=…,open_files=…,file=…,cpu=…`, as the kernel writes it.
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let value = |wanted: &str| {
            text.split(',')
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| *name == wanted)
                .and_then(|(_, value)| value.parse().ok())
                .ok_or_else(|| SealError::Limits(text.to_owned()))
        };
        Ok(Self {
            memory_bytes: value("memory")?,
            processes: value("processes")?,
            open_files: value("open_files")?,
            file_bytes: value("file")?,
            cpu_secs: value("cpu")?,
        })
    }

    pub(super) fn apply(&self) -> Result<Layer, SealError> {
        set(Resource::As, self.memory_bytes)?;
        set(Resource::Nproc, self.processes)?;
        set(Resource::Nofile, self.open_files)?;
        set(Resource::Fsize, self.file_bytes)?;
        set(Resource::Cpu, self.cpu_secs)?;
        set(Resource::Core, 0)?;
        set(Resource::Msgqueue, 0)?;
        let detail = format!(
            "{} MiB of address space, {} processes, {} open files, {} MiB a file, {} s of CPU",
            self.memory_bytes >> 20,
            self.processes,
            self.open_files,
            self.file_bytes >> 20,
            self.cpu_secs
        );
        Ok(layer("rlimits", true, detail))
    }
}

/// Hard and soft; never more than what is already the limit.
fn set(resource: Resource, wanted: u64) -> Result<(), SealError> {
    let most = getrlimit(resource).maximum.map_or(wanted, |most| most.min(wanted));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
        .map_err(SealError::host("setting a resource limit"))
}
