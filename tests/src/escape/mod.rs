//! The escape suite: attempts to get out of a sandbox, what holds each, and what shows that it would work outside.

mod attempts;
pub mod suite;

use serde::{Deserialize, Serialize};

pub use attempts::ATTEMPTS;

/// What can hold an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What is not mounted cannot be named.
    MountNamespace,
    /// The system is mounted for reading only.
    ReadOnlyMount,
    /// Other processes cannot be named.
    PidNamespace,
    /// There is no network but a loopback of its own.
    NetNamespace,
    /// Root's powers end at the namespace.
    UserNamespace,
    /// `/tmp` has a size.
    TmpSize,
    /// All were given up.
    Capabilities,
    /// Setuid programs give nothing.
    NoNewPrivs,
    /// setrlimit(2).
    Rlimit,
    /// landlock(7).
    Landlock,
    /// seccomp(2).
    Seccomp,
}

/// What the suite can leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// Landlock.
    Landlock,
    /// The filter of system calls.
    Seccomp,
    /// bubblewrap, and all namespaces and mounts with it.
    Namespaces,
}

/// What the same attempt does outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// It works for anybody.
    Works,
    /// It works for root.
    Root,
    /// It works for root, where this Linux has what it aims at.
    RootWhereThere,
    /// It works where this Linux offers it.
    WhereThere,
    /// None: it would harm the host, or there is nothing outside to compare with.
    No,
}

/// One attempt; `probe NAME` makes it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Its name.
    pub name: &'static str,
    /// Each of these holds it alone.
    pub held_by: &'static [Layer],
    /// What it does outside.
    pub control: Control,
}

/// What came of an attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// In the sandbox: `held: …` or `got out: …`.
    pub inside: String,
    /// Outside, by the same user, where that was tried.
    pub outside: Option<String>,
}

impl Attempt {
    /// What holds it, for people.
    pub fn layers(&self) -> String {
        self.held_by.iter().map(|layer| layer.name()).collect::<Vec<_>>().join(", ")
    }
}

impl Outcome {
    /// Whether the sandbox held.
    pub fn is_held(&self) -> bool {
        self.inside.starts_with("held: ")
    }

    /// Whether it works outside.
    pub fn works_outside(&self) -> bool {
        self.outside.as_ref().is_some_and(|said| said.starts_with("got out: "))
    }
}

impl Layer {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::MountNamespace => "mount namespace",
            Self::ReadOnlyMount => "read-only mount",
            Self::PidNamespace => "pid namespace",
            Self::NetNamespace => "net namespace",
            Self::UserNamespace => "user namespace",
            Self::TmpSize => "size of /tmp",
            Self::Capabilities => "capabilities",
            Self::NoNewPrivs => "no_new_privs",
            Self::Rlimit => "rlimit",
            Self::Landlock => "Landlock",
            Self::Seccomp => "seccomp",
        }
    }

    /// Whether it is gone with what was left out.
    pub fn goes_with(self, removed: Removed) -> bool {
        match self {
            Self::MountNamespace
            | Self::ReadOnlyMount
            | Self::PidNamespace
            | Self::NetNamespace
            | Self::UserNamespace
            | Self::TmpSize => removed == Removed::Namespaces,
            Self::Landlock => removed == Removed::Landlock,
            Self::Seccomp => removed == Removed::Seccomp,
            Self::Capabilities | Self::NoNewPrivs | Self::Rlimit => false,
        }
    }
}

impl Removed {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Landlock, Self::Seccomp, Self::Namespaces];

    /// As it is written on command lines and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Namespaces => "namespaces",
        }
    }
}

impl Control {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Works => "anybody",
            Self::Root => "root",
            Self::RootWhereThere => "root, where the host has it",
            Self::WhereThere => "anybody, where the host has it",
            Self::No => "not tried",
        }
    }

    /// Whether the control must work for this user.
    pub fn must_work(self, is_root: bool) -> bool {
        self == Self::Works || (self == Self::Root && is_root)
    }

    /// Whether the control is worth a try.
    pub fn is_tried(self, is_root: bool) -> bool {
        match self {
            Self::Works | Self::WhereThere => true,
            Self::Root | Self::RootWhereThere => is_root,
            Self::No => false,
        }
    }
}
