//! Landlock (landlock(7)): what of the sandbox's file system can be written, no TCP but to the kernel's proxy where
//! hosts are granted, nobody outside signalled.
//!
//! A second wall behind the read-only mounts: it stays when a mount is got wrong.

use std::io;

use aether_protocol::process::Layer;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::{Profile, SealError, layer};

/// The version whose rights are asked for; an older Linux gives what it has.
const ABI_WANTED: ABI = ABI::V6;

/// Devices that programs use.
const DEVICES: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/console",
    "/dev/ptmx",
    "/dev/pts",
];

pub(super) fn confine(profile: &Profile) -> Result<Layer, SealError> {
    let all = AccessFs::from_all(ABI_WANTED);
    let mut rules = Ruleset::default().handle_access(all)?.handle_access(AccessNet::from_all(ABI::V4))?;
    if profile.scoped {
        rules = rules.scope(Scope::from_all(ABI_WANTED))?;
    }
    let look = AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::Execute;
    let own = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::ReadDir | AccessFs::IoctlDev;
    let mut rules = allow(rules.create()?, "/", look)?;
    for folder in [profile.home.as_str(), "/tmp", "/dev/shm"] {
        rules = allow(rules, folder, own)?;
    }
    for path in DEVICES {
        rules = allow(rules, path, device)?;
    }
    // The terminal comes from the host: its path is not in this sandbox, so the open file itself is named.
    let terminal = std::io::stdin();
    if rustix::termios::isatty(&terminal) {
        let rule = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
        rules = rules.add_rule(PathBeneath::new(terminal, rule))?;
    }
    if let Some(port) = profile.proxy_port {
        rules = rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
    }
    let status = rules.restrict_self()?;
    let tcp = if profile.proxy_port.is_some() { "TCP only to the proxy" } else { "no TCP" };
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("ABI {}", effective_abi as i32),
        _ => "not offered by this Linux".to_owned(),
    };
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => {
            layer("landlock", true, format!("{abi}: writes only to the home and /tmp, {tcp}"))
        }
        RulesetStatus::PartiallyEnforced => {
            layer("landlock", true, format!("{abi}, in part: writes only to the home and /tmp"))
        }
        RulesetStatus::NotEnforced => layer("landlock", false, abi),
    })
}

/// What does not exist needs no rule.
fn allow(rules: RulesetCreated, path: &str, access: BitFlags<AccessFs>) -> Result<RulesetCreated, SealError> {
    let is_folder = match std::fs::metadata(path) {
        Ok(found) => found.is_dir(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(rules),
        Err(source) => return Err(SealError::Host { what: "looking at what may be written", source }),
    };
    let access = if is_folder { access } else { access & AccessFs::from_file(ABI_WANTED) };
    let place = PathFd::new(path)
        .map_err(|error| SealError::host("opening what may be written")(io::Error::other(error)))?;
    Ok(rules.add_rule(PathBeneath::new(place, access))?)
}
