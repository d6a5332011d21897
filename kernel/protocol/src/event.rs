//! What happened.

use serde::{Deserialize, Serialize};

use crate::{
    Actor, AgentId, ChannelId, LifeId, Pid, Seq, SnapshotId, TerminalId, UnixMillis, UserId,
    channel::{Message, Party},
    files::Place,
    journal::Step,
    process::Process,
    quota::Decision,
    snapshot::Snapshot,
};

/// Something that happened, in the order in which the kernel wrote it down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its place in the log.
    pub seq: Seq,
    /// When.
    pub at: UnixMillis,
    /// Who caused it.
    pub actor: Actor,
    /// What.
    pub body: EventBody,
}

/// What happened. Names on the wire are `subsystem.past_participle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", content = "data")]
pub enum EventBody {
    /// The kernel is ready.
    #[serde(rename = "system.started")]
    SystemStarted {
        /// The version of Aether.
        version: String,
        /// Lives that are started again.
        resumed: u32,
    },
    /// The kernel begins to shut down.
    #[serde(rename = "system.stopping")]
    SystemStopping {},
    /// The owner exists.
    #[serde(rename = "identity.owner_created")]
    OwnerCreated {
        /// Who.
        user: UserId,
    },
    /// A device signed in.
    #[serde(rename = "identity.signed_in")]
    SignedIn {
        /// Who.
        user: UserId,
        /// What the device calls itself.
        device: String,
    },
    /// A session ended by hand.
    #[serde(rename = "identity.signed_out")]
    SignedOut {
        /// Who.
        user: UserId,
    },
    /// A process is new, or its row changed: state, phase, budget, priority.
    #[serde(rename = "process.changed")]
    ProcessChanged {
        /// The row as it is now.
        process: Box<Process>,
    },
    /// A step was written to a life's journal.
    #[serde(rename = "process.stepped")]
    ProcessStepped {
        /// The process.
        pid: Pid,
        /// Whose.
        agent: AgentId,
        /// Which life.
        life: LifeId,
        /// The step. Texts over 4,096 bytes are cut; `agent.steps` has them whole.
        step: Step,
        /// Whether something was cut.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
    },
    /// The governor warned, paused, ended, throttled or released a process.
    #[serde(rename = "governor.acted")]
    GovernorActed {
        /// What, and why.
        decision: Box<Decision>,
    },
    /// An agent was removed.
    #[serde(rename = "agent.removed")]
    AgentRemoved {
        /// Which.
        agent: AgentId,
        /// Its name.
        name: String,
    },
    /// Something was said in a channel, or directly.
    #[serde(rename = "channel.posted")]
    ChannelPosted {
        /// The message. A text over 4,096 bytes is cut; `channel.read` has it whole.
        message: Box<Message>,
        /// Whether something was cut.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
    },
    /// A channel was made, its members changed, or somebody acknowledged what was said in it.
    #[serde(rename = "channel.changed")]
    ChannelChanged {
        /// Which.
        channel: ChannelId,
        /// Whose membership changed, if somebody's did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        party: Option<Party>,
    },
    /// A member's queue is full: from now on the oldest messages fall out of it.
    #[serde(rename = "channel.overflowed")]
    ChannelOverflowed {
        /// Which.
        channel: ChannelId,
        /// Whose queue.
        party: Party,
        /// The member's name.
        name: String,
    },
    /// A channel was removed with all that was said in it.
    #[serde(rename = "channel.removed")]
    ChannelRemoved {
        /// Which.
        channel: ChannelId,
        /// Its name.
        name: String,
    },
    /// A file was written, made, moved or removed through the kernel.
    #[serde(rename = "files.changed")]
    FileChanged {
        /// Where. [`Place::Home`] is the home of `owner`.
        place: Place,
        /// Whose home, for [`Place::Home`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<UserId>,
        /// The path.
        path: String,
    },
    /// A snapshot was taken, or imported.
    #[serde(rename = "snapshot.taken")]
    SnapshotTaken {
        /// The snapshot.
        snapshot: Box<Snapshot>,
    },
    /// A snapshot became an agent; its new life follows as `process.changed`.
    #[serde(rename = "snapshot.restored")]
    SnapshotRestored {
        /// Which.
        snapshot: SnapshotId,
        /// Whom.
        agent: AgentId,
        /// The new life's process.
        pid: Pid,
    },
    /// A snapshot was removed, by somebody or because newer ones are kept.
    #[serde(rename = "snapshot.removed")]
    SnapshotRemoved {
        /// Which.
        snapshot: SnapshotId,
        /// Of whom it was.
        agent: AgentId,
    },
    /// A connection of a process to a host beyond its sandbox has ended.
    #[serde(rename = "egress.allowed")]
    EgressAllowed {
        /// Whose.
        pid: Pid,
        /// The host as it was asked for.
        host: String,
        /// Its port.
        port: u16,
        /// The address that was connected to.
        address: String,
        /// Content towards the host.
        sent_bytes: u64,
        /// Content from the host.
        received_bytes: u64,
        /// How long it was open.
        duration_ms: u64,
    },
    /// A process asked for a host that it may not reach, or that could not be reached.
    #[serde(rename = "egress.refused")]
    EgressRefused {
        /// Who.
        pid: Pid,
        /// The host as it was asked for; empty where the request was none.
        host: String,
        /// Its port, where it was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        port: Option<u16>,
        /// Why.
        reason: String,
    },
    /// A process asked for more than is written down one by one.
    #[serde(rename = "egress.left_out")]
    EgressLeftOut {
        /// Who.
        pid: Pid,
        /// Connections that were not written down.
        allowed: u64,
        /// Refusals that were not written down.
        refused: u64,
        /// Content of those connections towards hosts.
        sent_bytes: u64,
        /// Content of those connections from hosts.
        received_bytes: u64,
    },
    /// A terminal was opened.
    #[serde(rename = "terminal.opened")]
    TerminalOpened {
        /// Which.
        terminal: TerminalId,
    },
    /// A recording ended: stopped, with its shell, or because it could not go on.
    #[serde(rename = "terminal.recorded")]
    TerminalRecorded {
        /// Which terminal.
        terminal: TerminalId,
        /// The file in its owner's home.
        path: String,
        /// How large it became.
        size_bytes: u64,
        /// Why it ended.
        reason: String,
    },
    /// A terminal's shell ended.
    #[serde(rename = "terminal.closed")]
    TerminalClosed {
        /// Which.
        terminal: TerminalId,
        /// Why, or the exit status.
        reason: String,
    },
}

/// What is shown while it happens and is not kept: a reader who was away does not miss it, since the
/// journal holds the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "live", content = "data", rename_all = "snake_case")]
pub enum Live {
    /// The next words of a thought.
    Words {
        /// Who thinks.
        pid: Pid,
        /// The words.
        text: String,
    },
    /// The thought is in the journal, or was given up: forget its words.
    WordsEnd {
        /// Who thought.
        pid: Pid,
    },
}
