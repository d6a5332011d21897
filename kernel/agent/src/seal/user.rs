//! Becomes the sandbox's user and gives up every capability.

use rustix::{
    process::{Gid, Signal, Uid},
    thread::{CapabilitySet, CapabilitySets},
};

use super::SealError;

/// The user and group inside a sandbox.
pub(crate) const INSIDE: u32 = 1000;

/// Where the kernel runs as root, the first process of a sandbox begins as user 0 of its namespace, which is
/// the host's root without power over the host, and becomes the agent's own user here.
pub(super) fn become_inside_user() -> Result<(), SealError> {
    if rustix::process::geteuid().is_root() {
        let (user, group) = (Uid::from_raw(INSIDE), Gid::from_raw(INSIDE));
        rustix::thread::set_thread_groups(&[]).map_err(SealError::host("leaving root's groups"))?;
        rustix::thread::set_thread_res_gid(group, group, group)
            .map_err(SealError::host("becoming the agent's group"))?;
        rustix::thread::set_thread_res_uid(user, user, user)
            .map_err(SealError::host("becoming the agent's user"))?;
        // The change of the user forgot it.
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(SealError::host("tying the process to its parent"))?;
    }
    drop_capabilities(CapabilitySet::empty())
}

/// Gives up all capabilities but `kept`.
pub(crate) fn drop_capabilities(kept: CapabilitySet) -> Result<(), SealError> {
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(SealError::host("giving up capabilities"))
}
