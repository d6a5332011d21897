//! Saying something.

use aether_protocol::{
    Actor, ChannelId, Code, Error, EventBody, Result, UserId,
    channel::{Channel, Message, Party, Post, Target},
};
use governor::clock::Clock as _;
use rusqlite::Connection;

use super::{Voice, known, name_of, no_channel, no_member, plain_name, store, voice};
use crate::{
    gate::audit,
    process::{Processes, spawn::checked_text},
    state::store::{StoreError, Tx},
};

/// Characters of a key, at most.
const MAX_KEY_CHARS: usize = 64;
/// Text of a message that an event carries, in bytes.
const EVENT_TEXT_BYTES: usize = 4096;

impl Processes {
    /// Says something. It is on disk, and in the queue of every other member, when this returns.
    pub(crate) async fn post(&self, actor: &Actor, post: Post) -> Result<Message> {
        let voice = voice(actor)?;
        let text = checked_text("message", &post.text)?;
        let key = match (self.check_call(actor, "send_message")?, actor) {
            // An agent's message is as lasting as its call: made again after a restart, it is said once.
            (Some(call), Actor::Agent { life, .. }) => Some(format!("{life}/{call}")),
            _ => post.key,
        };
        if key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > MAX_KEY_CHARS) {
            return Err(Error::invalid("The key cannot be used").hint("1 to 64 characters"));
        }
        let (queue, keep) = (self.ipc.queue(), self.ipc.keep());
        self.check_pace(voice.party)?;
        let (target, thread) = (post.target, post.thread);
        let (message, others) = self
            .change_channels(actor, move |tx, actor| {
                if let Some(said) =
                    key.as_deref().map(|key| store::under_key(tx, voice.party, key)).transpose()?
                    && let Some(said) = said
                {
                    return if said.text == text {
                        Ok((said, Vec::new()))
                    } else {
                        Err(Error::conflict("Something else was said under this key")
                            .hint("Make a new key for a new message")
                            .into())
                    };
                }
                let name = name_of(tx, voice.owner, voice.party)?;
                let channel = open(tx, actor, voice, &name, target)?;
                let thread = thread.map(|number| root_of(tx, channel.id, number)).transpose()?;
                let draft =
                    store::Draft { from: voice.party, name: &name, text: &text, thread, key: key.as_deref() };
                let message = store::post(tx, channel.id, &draft, keep)?;
                for member in store::bound(tx, channel.id, queue)? {
                    let reason = format!("More than {queue} messages wait; the oldest are dropped");
                    let about = format!("{} {}", channel.id, store::word(member.party));
                    audit::decided(tx, "channel.overflow", &about, &reason)?;
                    let (party, name) = (member.party, member.name);
                    tx.emit(
                        &Actor::Kernel,
                        EventBody::ChannelOverflowed { channel: channel.id, party, name },
                    )?;
                }
                let mut shown = message.clone();
                let cut = shown.text.len() > EVENT_TEXT_BYTES;
                shown.text.truncate(shown.text.floor_char_boundary(EVENT_TEXT_BYTES));
                tx.emit(actor, EventBody::ChannelPosted { message: Box::new(shown), cut })?;
                let members = store::members(tx, channel.id)?.into_iter().map(|member| member.party);
                Ok((message, members.filter(|party| *party != voice.party).collect()))
            })
            .await?;
        self.wake(&others);
        Ok(message)
    }

    /// Two agents that talk in a circle are slowed down here, whatever their step budgets are.
    fn check_pace(&self, party: Party) -> Result<()> {
        let Party::Agent { agent } = party else { return Ok(()) };
        self.ipc.posts.check_key(&agent).map_err(|not_until| {
            let wait = not_until.wait_time_from(governor::clock::DefaultClock::default().now());
            let secs = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let most = self.ipc.config.posts_per_minute;
            Error {
                retry_after_secs: Some(secs),
                ..Error::new(Code::RateLimited, format!("More than {most} messages in a minute"))
                    .hint(format!("Say more with fewer messages; the next can be sent in {secs} s"))
            }
        })
    }

    /// Lets agents that wait look into their queues.
    fn wake(&self, parties: &[Party]) {
        let living = self.living.lock();
        for life in living.values() {
            if parties.contains(&Party::Agent { agent: life.agent }) {
                life.row_changed();
            }
        }
    }
}

/// The channel that a message goes to. A direct one is made with its first message; a person who writes in a
/// conversation of their agents becomes a member.
fn open(
    tx: &mut Tx<'_>,
    actor: &Actor,
    voice: Voice,
    name: &str,
    target: Target,
) -> Result<Channel, StoreError> {
    let with = match target {
        Target::Channel { channel } => return enter(tx, actor, voice, name, channel),
        Target::Named { name: wanted } => {
            let wanted = plain_name(&wanted);
            let found = store::named(tx, voice.owner, voice.party, wanted)?;
            // An agent is not told which channels there are.
            let channel = found.ok_or_else(|| match voice.party {
                Party::User { .. } => no_channel(wanted),
                Party::Agent { .. } => no_member(wanted),
            })?;
            return enter(tx, actor, voice, name, channel.id);
        }
        Target::Direct { with } => with,
        Target::To { name } => by_name(tx, voice.owner, &name)?,
    };
    if with == voice.party {
        return Err(Error::invalid("Nobody writes to themselves").into());
    }
    let other = name_of(tx, voice.owner, with)?;
    let mut pair = [store::word(voice.party), store::word(with)];
    pair.sort_unstable();
    let pair = pair.join("|");
    if let Some(known) = store::direct(tx, voice.owner, voice.party, &pair)? {
        // Whoever had left is in it again: they are who it is for.
        store::join(tx, known.id, with, &other)?;
        return enter(tx, actor, voice, name, known.id);
    }
    let id = store::insert(tx, voice.owner, &format!("{name}, {other}"), "", Some(&pair))?;
    store::join(tx, id, voice.party, name)?;
    store::join(tx, id, with, &other)?;
    tx.emit(actor, EventBody::ChannelChanged { channel: id, party: None })?;
    known(tx, voice, id)
}

fn enter(
    tx: &mut Tx<'_>,
    actor: &Actor,
    voice: Voice,
    name: &str,
    id: ChannelId,
) -> Result<Channel, StoreError> {
    let Some(channel) = store::get(tx, voice.owner, voice.party, id)? else {
        return Err(no_channel(id).into());
    };
    if !channel.is_member {
        if matches!(voice.party, Party::Agent { .. })
            && channel.kind == aether_protocol::channel::Kind::Channel
        {
            return Err(no_member(&channel.name).into());
        }
        store::join(tx, id, voice.party, name)?;
        tx.emit(actor, EventBody::ChannelChanged { channel: id, party: Some(voice.party) })?;
    }
    Ok(channel)
}

fn by_name(connection: &Connection, owner: UserId, name: &str) -> Result<Party, StoreError> {
    let name = name.trim();
    let name = name.strip_prefix('@').unwrap_or(name);
    let agent = store::agent(connection, owner, name)?.map(|(agent, _)| Party::Agent { agent });
    let person = store::person(connection, owner)?;
    let person =
        person.filter(|person| person.eq_ignore_ascii_case(name)).map(|_| Party::User { user: owner });
    match (agent, person) {
        (Some(party), None) | (None, Some(party)) => Ok(party),
        (Some(_), Some(_)) => Err(Error::conflict(format!("An agent and a person are both named {name}"))
            .hint("Write to the agent's id, or in a channel")
            .into()),
        (None, None) => {
            Err(Error::not_found("agent or person", name).hint("Look at the list of agents first").into())
        }
    }
}

/// The message that began the thread of message `number`.
fn root_of(connection: &Connection, channel: ChannelId, number: u64) -> Result<u64, StoreError> {
    match store::said(connection, channel, number)? {
        Some(message) => Ok(message.thread.unwrap_or(number)),
        None => Err(Error::not_found("message", number).hint("It may be too old to be kept").into()),
    }
}
