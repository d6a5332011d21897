//! Channels: what agents and people say to each other, kept and delivered.
//!
//! A channel is tied to lasting identities, never to PIDs. A member's queue is what was said by others since it
//! last acknowledged; it is bounded, and what falls out of it is counted and told.

use serde::{Deserialize, Serialize};

use crate::{AgentId, ChannelId, Cursor, Page, UnixMillis, UserId, call::calls};

calls! { Channel:
    /// Makes a named channel. Whoever makes it is its first member.
    write "channel.create" Create -> Channel;
    /// The channels that the actor may see, the one with the newest message first.
    read "channel.list" List -> Page<Channel>;
    /// One channel.
    read "channel.get" Get -> Channel;
    /// Removes a channel with all that was said in it.
    write "channel.remove" Remove -> Removed;
    /// Who is in a channel, and how far each has acknowledged.
    read "channel.members" Members -> Page<Member>;
    /// Makes somebody a member. Only people may.
    write "channel.join" Join -> Member;
    /// Ends a membership; what waits for the member is forgotten. Only people may.
    write "channel.leave" Leave -> Removed;
    /// Says something: in a channel, or to somebody directly.
    write "channel.post" Post -> Message;
    /// What was said, oldest first; the newest page when nothing says from where.
    read "channel.read" Read -> Page<Message>;
    /// Acknowledges everything up to a message. What was acknowledged is not delivered again.
    write "channel.ack" Ack -> Member;
    /// Who can be written to directly.
    read "channel.peers" Peers -> Page<Peer>;
    /// What waits for the calling agent. It is acknowledged with the result of the call that asks for it.
    write "channel.receive" Receive -> Received;
}

/// The name of a channel has so many characters at most.
pub const MAX_NAME_CHARS: usize = 48;

/// Somebody who can be a member: a lasting identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Party {
    /// An agent, whether it runs or not.
    Agent {
        /// Which.
        agent: AgentId,
    },
    /// A person.
    User {
        /// Who.
        user: UserId,
    },
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", schema(as = ChannelKind))]
pub enum Kind {
    /// It has a name, and members come and go.
    Channel,
    /// Between two, for good.
    Direct,
}

/// A channel, as the actor sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Channel {
    /// Lasting.
    pub id: ChannelId,
    /// Named, or between two.
    pub kind: Kind,
    /// Its name; of a direct one the names of both.
    pub name: String,
    /// What it is for.
    pub topic: String,
    /// The person who answers for it.
    pub owner: UserId,
    /// When it was made.
    pub created_at: UnixMillis,
    /// How many members it has.
    pub members: u32,
    /// The number of the newest message; 0 when nothing was said.
    pub last: u64,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<UnixMillis>,
    /// Whether the actor is a member.
    pub is_member: bool,
    /// Messages that wait for the actor.
    pub waiting: u32,
}

/// A member of a channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ChannelMember))]
pub struct Member {
    /// Who.
    pub party: Party,
    /// The name.
    pub name: String,
    /// Since when.
    pub joined_at: UnixMillis,
    /// Everything up to this message is acknowledged, or was dropped.
    pub acked: u64,
    /// Messages that wait.
    pub waiting: u32,
    /// Messages that fell out of the full queue and that the member has not been told of yet.
    pub dropped: u64,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ChannelMessage))]
pub struct Message {
    /// Where.
    pub channel: ChannelId,
    /// Its number in the channel, from 1, without gaps. With the channel it is the message's id.
    pub number: u64,
    /// When.
    pub at: UnixMillis,
    /// Who.
    pub from: Party,
    /// The name then.
    pub from_name: String,
    /// What.
    pub text: String,
    /// The message that began the thread, where it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
}

/// Somebody who can be written to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Peer {
    /// Who.
    pub party: Party,
    /// The name to write to.
    pub name: String,
    /// An agent's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether an agent is queued or alive. What is said to one that is not waits for its next life.
    #[serde(default)]
    pub is_live: bool,
}

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// To a channel.
    Channel {
        /// Which.
        channel: ChannelId,
    },
    /// To the channel of this name.
    Named {
        /// With or without a `#` in front.
        name: String,
    },
    /// To somebody directly.
    Direct {
        /// Whom.
        with: Party,
    },
    /// Directly to the agent or person of this name.
    To {
        /// With or without an `@` in front.
        name: String,
    },
}

/// `channel.create`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelCreate))]
pub struct Create {
    /// 1 to 48 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// What it is for; at most 500 characters.
    #[serde(default)]
    pub topic: String,
    /// Agents that are members from the start.
    #[serde(default)]
    pub agents: Vec<AgentId>,
}

/// `channel.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelList))]
pub struct List {
    /// Only the channel of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

macro_rules! about_one {
    ($($(#[doc = $doc:literal])+ $name:ident as $schema:ident;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(deny_unknown_fields)]
        #[cfg_attr(feature = "openapi", schema(as = $schema))]
        pub struct $name {
            /// Which.
            pub channel: ChannelId,
        }
    )+};
}

about_one! {
    /// `channel.get`
    Get as ChannelGet;
    /// `channel.remove`
    Remove as ChannelRemove;
    /// `channel.members`
    Members as ChannelMembers;
}

/// `channel.join`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelJoin))]
pub struct Join {
    /// Which.
    pub channel: ChannelId,
    /// Who; the actor when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
}

/// `channel.leave`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelLeave))]
pub struct Leave {
    /// Which.
    pub channel: ChannelId,
    /// Who; the actor when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party: Option<Party>,
}

/// What was removed: a channel, or a membership.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ChannelRemoved))]
pub struct Removed {
    /// The channel's name.
    pub name: String,
}

/// `channel.post`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelPost))]
pub struct Post {
    /// Where to.
    pub target: Target,
    /// 1 to 8,000 characters.
    pub text: String,
    /// The message that this belongs to; of a thread the one that began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// A name of the sender's own making for this message, at most 64 characters: what is sent twice under one key
    /// is said once. An agent's is the id of its call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// `channel.read`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelRead))]
pub struct Read {
    /// Which.
    pub channel: ChannelId,
    /// Only messages with a greater number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// Only messages with a lesser number: the newest ones of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only the thread that this message began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u64>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `channel.ack`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelAck))]
pub struct Ack {
    /// Which.
    pub channel: ChannelId,
    /// The last message that was taken in.
    pub upto: u64,
}

/// `channel.peers`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = ChannelPeers))]
pub struct Peers {}

/// `channel.receive`. Agents only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receive {
    /// Only from the channel of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How long to wait for a message where none is there; at most 3,600 s.
    #[serde(default)]
    pub wait_secs: u32,
}

/// What waited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// In the order in which it was said.
    pub messages: Vec<Heard>,
}

/// Something that an agent is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// Who said it, and where.
    pub from: String,
    /// What was said.
    pub text: String,
}
