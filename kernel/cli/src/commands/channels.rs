//! `aether channel`

use aether_client::{Client, Incoming};
use aether_protocol::{
    ChannelId, Error, EventBody,
    channel::{
        Ack, Channel, Create, Get, Join, Kind, Leave, List, Members, Message, Party, Peers, Post, Read,
        Remove, Target,
    },
    identity::WhoAmI,
};
use comfy_table::Cell;

use crate::{
    args::ChannelCommand,
    context::Context,
    failure::Outcome,
    resolve::{self, all},
    shape,
};

pub(super) async fn run(cx: &Context, command: ChannelCommand) -> Outcome {
    let client = cx.connect().await?;
    match command {
        ChannelCommand::Ls { limit } => list(cx, &client, limit).await,
        ChannelCommand::Create { name, agents, topic } => {
            let agents = resolved(&client, &agents).await?;
            let channel = client.call(Create { name, topic, agents }).await?;
            if cx.out.json {
                return Ok(cx.out.json(&channel)?);
            }
            Ok(cx.out.line(&format!("Made {}", title(&channel)))?)
        }
        ChannelCommand::Rm { channel } => {
            let channel = find(&client, &channel).await?;
            cx.confirm(&format!("Remove {} with all that was said in it?", title(&channel)))?;
            let removed = client.call(Remove { channel: channel.id }).await?;
            if cx.out.json {
                return Ok(cx.out.json(&removed)?);
            }
            Ok(cx.out.line(&format!("Removed {}", title(&channel)))?)
        }
        ChannelCommand::Members { channel } => members(cx, &client, &channel).await,
        ChannelCommand::Add { channel, agents } => {
            let channel = find(&client, &channel).await?;
            for party in parties(&client, &agents).await? {
                let member = client.call(Join { channel: channel.id, party }).await?;
                if cx.out.json {
                    cx.out.json(&member)?;
                } else {
                    let name = shape::plain(&member.name);
                    cx.out.line(&format!("{name} is in {}", title(&channel)))?;
                }
            }
            Ok(())
        }
        ChannelCommand::Leave { channel, agents } => {
            let channel = find(&client, &channel).await?;
            for party in parties(&client, &agents).await? {
                let left = client.call(Leave { channel: channel.id, party }).await?;
                if cx.out.json {
                    cx.out.json(&left)?;
                }
            }
            Ok(())
        }
        ChannelCommand::Post { channel, text, thread, key } => {
            let target = target(&client, &channel).await?;
            let message = client.call(Post { target, text, thread, key }).await?;
            if cx.out.json {
                return Ok(cx.out.json(&message)?);
            }
            Ok(cx.out.line(&format!("Said as message {}", message.number))?)
        }
        ChannelCommand::Read { channel, follow, after, thread, limit } => {
            let channel = find(&client, &channel).await?.id;
            let mut log = Log { cx, client: &client, channel, thread, last: 0 };
            log.read(follow, after, limit).await
        }
        ChannelCommand::Ack { channel, number } => {
            let channel = find(&client, &channel).await?;
            let upto = number.unwrap_or(channel.last);
            let member = client.call(Ack { channel: channel.id, upto }).await?;
            if cx.out.json {
                return Ok(cx.out.json(&member)?);
            }
            Ok(cx.out.line(&format!("{} messages wait", member.waiting))?)
        }
        ChannelCommand::Peers => peers(cx, &client).await,
    }
}

async fn list(cx: &Context, client: &Client, limit: usize) -> Outcome {
    let rows: Vec<Channel> =
        all(client, limit, |cursor, limit| List { name: None, cursor, limit: Some(limit) }).await?;
    if cx.out.json {
        return Ok(cx.out.json(&rows)?);
    }
    let rows = rows
        .iter()
        .map(|channel| {
            vec![
                Cell::new(title(channel)),
                Cell::new(channel.members),
                Cell::new(channel.last),
                Cell::new(channel.waiting),
                Cell::new(channel.last_at.map(shape::time).unwrap_or_default()),
                Cell::new(shape::one_line(&channel.topic, 48)),
            ]
        })
        .collect();
    Ok(cx.out.table(&["CHANNEL", "MEMBERS", "SAID", "WAITING", "NEWEST", "TOPIC"], &[1, 2, 3], rows)?)
}

async fn members(cx: &Context, client: &Client, channel: &str) -> Outcome {
    let channel = find(client, channel).await?;
    let members = client.call(Members { channel: channel.id }).await?.items;
    if cx.out.json {
        return Ok(cx.out.json(&members)?);
    }
    let rows = members
        .iter()
        .map(|member| {
            vec![
                Cell::new(shape::plain(&member.name)),
                Cell::new(kind(member.party)),
                Cell::new(member.acked),
                Cell::new(member.waiting),
                Cell::new(member.dropped),
                Cell::new(shape::time(member.joined_at)),
            ]
        })
        .collect();
    Ok(cx.out.table(&["NAME", "KIND", "ACKED", "WAITING", "DROPPED", "SINCE"], &[2, 3, 4], rows)?)
}

async fn peers(cx: &Context, client: &Client) -> Outcome {
    let peers = client.call(Peers {}).await?.items;
    if cx.out.json {
        return Ok(cx.out.json(&peers)?);
    }
    let rows = peers
        .iter()
        .map(|peer| {
            vec![
                Cell::new(shape::plain(&peer.name)),
                Cell::new(peer.role.as_deref().unwrap_or_else(|| kind(peer.party))),
                Cell::new(if peer.is_live { "running" } else { "not running" }),
            ]
        })
        .collect();
    Ok(cx.out.table(&["NAME", "ROLE", "STATE"], &[], rows)?)
}

/// What is printed of one channel.
struct Log<'a> {
    cx: &'a Context,
    client: &'a Client,
    channel: ChannelId,
    thread: Option<u64>,
    last: u64,
}

impl Log<'_> {
    async fn read(&mut self, follow: bool, after: Option<u64>, limit: u32) -> Outcome {
        // Begun before the list, so that nothing falls between them.
        let events = follow.then(|| self.client.events(None));
        let first = Read { after, limit: Some(limit), ..self.part() };
        for message in self.client.call(first).await?.items {
            self.print(&message)?;
        }
        let Some(mut events) = events else { return Ok(()) };
        self.last = self.last.max(after.unwrap_or(0));
        loop {
            match events.next().await {
                Incoming::Event(event) => match &event.body {
                    EventBody::ChannelPosted { message, .. } if message.channel == self.channel => {
                        self.catch_up().await?;
                    }
                    EventBody::ChannelRemoved { channel, name } if *channel == self.channel => {
                        return Err(Error::not_found("channel", shape::plain(name)).into());
                    }
                    _ => {}
                },
                Incoming::Resynced => self.catch_up().await?,
                Incoming::Live(_) => {}
            }
        }
    }

    async fn catch_up(&mut self) -> Outcome {
        loop {
            let next = Read { after: Some(self.last), limit: Some(200), ..self.part() };
            let page = self.client.call(next).await?;
            for message in &page.items {
                self.print(message)?;
            }
            if page.next.is_none() {
                return Ok(());
            }
        }
    }

    fn part(&self) -> Read {
        Read { channel: self.channel, after: None, before: None, thread: self.thread, limit: None }
    }

    fn print(&mut self, message: &Message) -> Outcome {
        self.last = self.last.max(message.number);
        let out = self.cx.out;
        if out.json {
            return Ok(out.json(message)?);
        }
        let (clock, name) = (shape::clock(message.at), shape::plain(&message.from_name));
        let color = if matches!(message.from, Party::Agent { .. }) { 34 } else { 32 };
        let thread = message.thread.map(|thread| format!(" [{thread}]")).unwrap_or_default();
        let text = shape::plain(&message.text);
        let number = message.number;
        Ok(out
            .line(&format!("\x1b[2m{clock} {number:>4}\x1b[0m \x1b[{color}m{name}\x1b[0m{thread}  {text}"))?)
    }
}

fn title(channel: &Channel) -> String {
    let name = shape::plain(&channel.name);
    match channel.kind {
        Kind::Channel => format!("#{name}"),
        Kind::Direct => name,
    }
}

fn kind(party: Party) -> &'static str {
    match party {
        Party::Agent { .. } => "agent",
        Party::User { .. } => "person",
    }
}

async fn resolved(client: &Client, agents: &[String]) -> Result<Vec<aether_protocol::AgentId>, Error> {
    let mut ids = Vec::new();
    for agent in agents {
        ids.push(resolve::agent(client, agent).await?);
    }
    Ok(ids)
}

/// Agents, or nobody else than who asks.
async fn parties(client: &Client, agents: &[String]) -> Result<Vec<Option<Party>>, Error> {
    if agents.is_empty() {
        return Ok(vec![None]);
    }
    let agents = resolved(client, agents).await?;
    Ok(agents.into_iter().map(|agent| Some(Party::Agent { agent })).collect())
}

async fn target(client: &Client, text: &str) -> Result<Target, Error> {
    if let Some(name) = text.strip_prefix('@') {
        let agent = resolve::agent(client, name).await?;
        return Ok(Target::Direct { with: Party::Agent { agent } });
    }
    Ok(match text.parse() {
        Ok(channel) => Target::Channel { channel },
        Err(_) => Target::Named { name: text.to_owned() },
    })
}

/// A channel by name or id, or the direct thread with an agent.
async fn find(client: &Client, text: &str) -> Result<Channel, Error> {
    if let Ok(channel) = text.parse::<ChannelId>() {
        return client.call(Get { channel }).await;
    }
    let missing = || Error::not_found("channel", text).hint("`aether channel ls` lists them");
    let Some(agent) = text.strip_prefix('@') else {
        let list = List { name: Some(text.to_owned()), ..List::default() };
        return client.call(list).await?.items.into_iter().next().ok_or_else(missing);
    };
    let me = client.call(WhoAmI {}).await?.user.name;
    let names = [format!("{me}, {agent}"), format!("{agent}, {me}")];
    let rows: Vec<Channel> =
        all(client, usize::MAX, |cursor, limit| List { name: None, cursor, limit: Some(limit) }).await?;
    let mut found = rows.into_iter().filter(|row| row.kind == Kind::Direct && names.contains(&row.name));
    found.next().ok_or_else(missing)
}
