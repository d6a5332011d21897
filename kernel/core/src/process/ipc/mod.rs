//! Channels: what agents and people say to each other.
//!
//! Everything is tied to lasting identities. What was said is on disk before whoever said it hears so; what waits for
//! an agent goes into the journal of its life and is acknowledged in the same transaction ([`deliver`]).
//!
//! *Invariant:* a member's queue never holds more than its bound; what falls out of it is counted, and the member is
//! told.

pub(super) mod deliver;
mod post;
mod store;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use aether_protocol::{
    Actor, AgentId, ChannelId, Code, Cursor, Error, EventBody, Page, Result, UserId,
    channel::{
        Ack, Channel, Create, Get, Join, Leave, List, MAX_NAME_CHARS, Member, Members, Message, Party, Peer,
        Read, Remove, Removed,
    },
};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use rusqlite::Connection;

use super::Processes;
use crate::{
    agents::page_limit,
    config::ChannelConfig,
    state::store::{StoreError, Tx},
};

/// Named channels of one owner, at most.
const MAX_CHANNELS: u32 = 1000;
/// Members of one channel, at most.
const MAX_MEMBERS: usize = 256;
/// Characters of a topic, at most.
const MAX_TOPIC_CHARS: usize = 500;

/// What is kept of channels between calls.
pub(super) struct Ipc {
    config: ChannelConfig,
    /// How often each agent has spoken lately.
    posts: DefaultKeyedRateLimiter<AgentId>,
}

/// Who speaks, and on whose behalf.
#[derive(Clone, Copy)]
struct Voice {
    owner: UserId,
    party: Party,
}

impl Ipc {
    pub(super) fn new(config: &ChannelConfig) -> Self {
        let per_minute = NonZeroU32::new(config.posts_per_minute).unwrap_or(NonZeroU32::MIN);
        Self { config: config.clone(), posts: RateLimiter::keyed(Quota::per_minute(per_minute)) }
    }

    /// How many messages wait for one member of one channel, at most.
    fn queue(&self) -> u32 {
        self.config.queue_messages.max(1)
    }

    /// What a channel keeps; never less than what may wait.
    fn keep(&self) -> u32 {
        self.config.keep_messages.max(self.queue())
    }
}

impl Processes {
    pub(crate) async fn create_channel(&self, actor: &Actor, create: Create) -> Result<Channel> {
        let voice = voice(actor)?;
        let (name, topic) = (checked_name(&create.name)?, create.topic.trim().to_owned());
        if topic.chars().count() > MAX_TOPIC_CHARS || topic.contains('\0') {
            return Err(Error::invalid("The topic cannot be used").hint("At most 500 characters, no NUL"));
        }
        if create.agents.len() >= MAX_MEMBERS {
            return Err(too_many_members());
        }
        self.change_channels(actor, move |tx, actor| {
            if store::count(tx, voice.owner)? >= MAX_CHANNELS {
                return Err(Error::new(Code::Exhausted, "There are 1,000 channels already")
                    .hint("Remove one that is not used any more")
                    .into());
            }
            let id = store::insert(tx, voice.owner, &name, &topic, None)?;
            store::join(tx, id, voice.party, &name_of(tx, voice.owner, voice.party)?)?;
            for agent in create.agents {
                let party = Party::Agent { agent };
                store::join(tx, id, party, &name_of(tx, voice.owner, party)?)?;
            }
            tx.emit(actor, EventBody::ChannelChanged { channel: id, party: None })?;
            known(tx, voice, id)
        })
        .await
    }

    /// An agent sees the channels that it is in; a person those of all agents that they answer for.
    pub(crate) async fn channels(&self, actor: &Actor, list: List) -> Result<Page<Channel>> {
        let voice = voice(actor)?;
        self.check_call(actor, "list_channels")?;
        let limit = page_limit(list.limit);
        let before = before(list.cursor.as_ref())?;
        let own_only = matches!(voice.party, Party::Agent { .. });
        let rows = self
            .store
            .read(move |connection| match list.name {
                Some(name) => {
                    let found = store::named(connection, voice.owner, voice.party, plain_name(&name))?;
                    let found = found.filter(|channel| channel.is_member || !own_only);
                    Ok(found.into_iter().map(|channel| (0, channel)).collect())
                }
                None => store::list(connection, voice.owner, voice.party, own_only, &before, limit),
            })
            .await?;
        let full = rows.len() == limit as usize;
        let next = rows.last().filter(|_| full).map(|(at, channel)| Cursor(format!("{at}.{}", channel.id)));
        Ok(Page { items: rows.into_iter().map(|(_, channel)| channel).collect(), next })
    }

    pub(crate) async fn channel(&self, actor: &Actor, get: Get) -> Result<Channel> {
        let voice = voice(actor)?;
        Ok(self.store.read(move |connection| known(connection, voice, get.channel)).await?)
    }

    pub(crate) async fn remove_channel(&self, actor: &Actor, remove: Remove) -> Result<Removed> {
        let voice = voice(actor)?;
        self.change_channels(actor, move |tx, actor| {
            let name = known(tx, voice, remove.channel)?.name;
            store::delete(tx, remove.channel)?;
            tx.emit(actor, EventBody::ChannelRemoved { channel: remove.channel, name: name.clone() })?;
            Ok(Removed { name })
        })
        .await
    }

    pub(crate) async fn channel_members(&self, actor: &Actor, of: Members) -> Result<Page<Member>> {
        let voice = voice(actor)?;
        let items = self
            .store
            .read(move |connection| {
                known(connection, voice, of.channel)?;
                store::members(connection, of.channel)
            })
            .await?;
        Ok(Page { items, next: None })
    }

    pub(crate) async fn join_channel(&self, actor: &Actor, join: Join) -> Result<Member> {
        let voice = voice(actor)?;
        let (id, party) = (join.channel, join.party.unwrap_or(voice.party));
        self.change_channels(actor, move |tx, actor| {
            let channel = known(tx, voice, id)?;
            let name = name_of(tx, voice.owner, party)?;
            if channel.kind == aether_protocol::channel::Kind::Direct && party != voice.party {
                return Err(Error::conflict("This thread is between two")
                    .hint("Make a channel for more of them")
                    .into());
            }
            if channel.members as usize >= MAX_MEMBERS {
                return Err(too_many_members().into());
            }
            if store::join(tx, id, party, &name)? {
                tx.emit(actor, EventBody::ChannelChanged { channel: id, party: Some(party) })?;
            }
            member(tx, &channel, party)
        })
        .await
    }

    pub(crate) async fn leave_channel(&self, actor: &Actor, leave: Leave) -> Result<Removed> {
        let voice = voice(actor)?;
        let (id, party) = (leave.channel, leave.party.unwrap_or(voice.party));
        self.change_channels(actor, move |tx, actor| {
            let channel = known(tx, voice, id)?;
            if !store::leave(tx, id, party)? {
                return Err(no_member(&channel.name).into());
            }
            tx.emit(actor, EventBody::ChannelChanged { channel: id, party: Some(party) })?;
            Ok(Removed { name: channel.name })
        })
        .await
    }

    pub(crate) async fn read_channel(&self, actor: &Actor, read: Read) -> Result<Page<Message>> {
        let voice = voice(actor)?;
        let limit = page_limit(read.limit);
        let newest_first = read.after.is_none();
        let items = self
            .store
            .read(move |connection| {
                known(connection, voice, read.channel)?;
                store::read(connection, &read, limit)
            })
            .await?;
        let full = items.len() == limit as usize;
        // A page of the newest goes on towards the past.
        let edge = if newest_first { items.first() } else { items.last() };
        let next = edge.filter(|_| full).map(|message| Cursor(message.number.to_string()));
        Ok(Page { items, next })
    }

    pub(crate) async fn ack_channel(&self, actor: &Actor, ack: Ack) -> Result<Member> {
        let voice = voice(actor)?;
        self.change_channels(actor, move |tx, actor| {
            let channel = known(tx, voice, ack.channel)?;
            if ack.upto > channel.last {
                return Err(Error::invalid(format!("There is no message {} yet", ack.upto))
                    .hint(format!("The newest is {}", channel.last))
                    .into());
            }
            let before = member(tx, &channel, voice.party)?;
            store::ack(tx, ack.channel, voice.party, ack.upto, before.dropped)?;
            let after = member(tx, &channel, voice.party)?;
            if after != before {
                let body = EventBody::ChannelChanged { channel: ack.channel, party: Some(voice.party) };
                tx.emit(actor, body)?;
            }
            Ok(after)
        })
        .await
    }

    /// People and agents on whose behalf the same person answers.
    pub(crate) async fn peers(&self, actor: &Actor) -> Result<Page<Peer>> {
        let voice = voice(actor)?;
        self.check_call(actor, "list_agents")?;
        let (person, agents) = self
            .store
            .read(move |connection| {
                Ok((store::person(connection, voice.owner)?, store::agents(connection, voice.owner, 200)?))
            })
            .await?;
        let user = Party::User { user: voice.owner };
        let person = person.map(|name| Peer { party: user, name, role: None, is_live: true });
        let agents = agents.into_iter().map(|(agent, name, role)| Peer {
            party: Party::Agent { agent },
            name,
            role: Some(role),
            is_live: self.is_live(agent),
        });
        let items = person.into_iter().chain(agents).filter(|peer| peer.party != voice.party).collect();
        Ok(Page { items, next: None })
    }

    async fn change_channels<T, F>(&self, actor: &Actor, change: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>, &Actor) -> Result<T, StoreError> + Send + 'static,
    {
        let actor = actor.clone();
        Ok(self.store.write(move |tx| change(tx, &actor)).await?)
    }

    /// How many messages wait for one member of one channel, at most.
    pub(super) fn queue_bound(&self) -> u32 {
        self.ipc.queue()
    }

    /// Refuses an agent that has no call of `tool` in flight: it speaks by its tools, which its role grants and its
    /// journal shows. Returns that call, of an agent.
    fn check_call(&self, actor: &Actor, tool: &str) -> Result<Option<String>> {
        let Actor::Agent { pid, .. } = actor else { return Ok(None) };
        let call = self.living(*pid)?.call_in_flight(tool);
        call.map(Some).ok_or_else(|| {
            Error::forbidden(format!("This needs a call of the tool {tool}")).hint("The role may grant it")
        })
    }
}

/// Who speaks. The kernel itself and strangers say nothing.
fn voice(actor: &Actor) -> Result<Voice> {
    match actor {
        Actor::User { user, .. } => Ok(Voice { owner: *user, party: Party::User { user: *user } }),
        Actor::Agent { agent, owner, .. } => {
            Ok(Voice { owner: *owner, party: Party::Agent { agent: *agent } })
        }
        Actor::Kernel | Actor::Anonymous { .. } => Err(Error::unauthenticated()),
    }
}

/// A channel that this voice may see: a person every one of theirs, an agent those that it is in.
fn known(connection: &Connection, voice: Voice, id: ChannelId) -> Result<Channel, StoreError> {
    let found = store::get(connection, voice.owner, voice.party, id)?;
    let found = found.filter(|channel| channel.is_member || matches!(voice.party, Party::User { .. }));
    Ok(found.ok_or_else(|| no_channel(id))?)
}

fn member(connection: &Connection, channel: &Channel, party: Party) -> Result<Member, StoreError> {
    Ok(store::find_member(connection, channel.id, party)?.ok_or_else(|| no_member(&channel.name))?)
}

/// The name of a party that belongs to `owner`.
fn name_of(connection: &Connection, owner: UserId, party: Party) -> Result<String, StoreError> {
    let name = match party {
        Party::Agent { agent } => store::agent(connection, owner, &agent.to_string())?.map(|(_, name)| name),
        Party::User { user } if user == owner => store::person(connection, user)?,
        Party::User { .. } => None,
    };
    let word = store::word(party);
    Ok(name.ok_or_else(|| Error::not_found("member", word).hint("`aether agents` lists the agents"))?)
}

fn no_channel(name: impl std::fmt::Display) -> Error {
    Error::not_found("channel", name).hint("`aether channel ls` lists them")
}

fn no_member(channel: &str) -> Error {
    Error::forbidden(format!("Not a member of {channel}")).hint("A person adds members: `aether channel add`")
}

fn too_many_members() -> Error {
    Error::new(Code::Exhausted, "A channel has at most 256 members")
}

/// Without the `#` that people write in front.
fn plain_name(name: &str) -> &str {
    let name = name.trim();
    name.strip_prefix('#').unwrap_or(name)
}

fn checked_name(name: &str) -> Result<String> {
    let name = plain_name(name);
    let fits = (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'));
    if fits {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid("This name cannot be used").hint("1 to 48 lower-case letters, digits, '-' or '_'"))
    }
}

fn before(cursor: Option<&Cursor>) -> Result<(i64, String)> {
    let Some(cursor) = cursor else { return Ok((i64::MAX, String::new())) };
    let parsed = cursor.0.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    parsed.ok_or_else(|| {
        Error::invalid("This is no cursor of this list")
            .hint("Pass back `next` of the page before, unchanged")
    })
}
