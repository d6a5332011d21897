//! Who governs: quotas, runaway agents, a machine that is short of something.

pub(crate) mod governor;
