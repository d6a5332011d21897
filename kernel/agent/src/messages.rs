//! The tools that speak: to other agents, and to people. The kernel carries them out.
//!
//! Results carry no numbers and no times: what comes round again looks the same, so that the kernel notices two
//! agents that talk in a circle.

use std::fmt::Write as _;

use aether_protocol::{
    channel::{Kind, List, Party, Peers, Post, Receive, Target},
    tools::{SendMessage, Tool},
};

use crate::{
    link::{Link, LinkError, Patience},
    signals::Signals,
    tools::Outcome,
};

/// Carries out a call of one of these tools.
pub fn carry_out(link: &mut Link, signals: &mut Signals, tool: Tool) -> Result<Outcome, LinkError> {
    match tool {
        Tool::SendMessage(message) => {
            let target = match target(&message) {
                Ok(target) => target,
                Err(mistake) => return Ok(Outcome::failed(mistake)),
            };
            let post = Post { target, text: message.text, thread: message.thread, key: None };
            link.call(signals, Patience::Step, post)?;
            Ok(Outcome::done("Sent."))
        }
        Tool::ReadMessages(read) => {
            let receive = Receive { channel: read.channel, wait_secs: read.wait_secs.unwrap_or(0) };
            let messages = link.call(signals, Patience::Person, receive)?.messages;
            if messages.is_empty() {
                return Ok(Outcome::done("There are no new messages."));
            }
            let mut text = String::new();
            for message in messages {
                let _ = writeln!(text, "{}: {}", message.from, set_off(&message.text));
            }
            Ok(Outcome::done(text.trim_end()))
        }
        Tool::ListChannels(_) => {
            let page = link.call(signals, Patience::Step, List { limit: Some(200), ..List::default() })?;
            let mut text = String::new();
            for channel in page.items {
                let name = match channel.kind {
                    Kind::Channel => format!("#{}", channel.name),
                    Kind::Direct => format!("directly: {}", channel.name),
                };
                let topic =
                    if channel.topic.is_empty() { String::new() } else { format!(" ({})", channel.topic) };
                let _ = writeln!(text, "{name}{topic}");
            }
            Ok(Outcome::done(if text.is_empty() { "You are in no channel." } else { text.trim_end() }))
        }
        Tool::ListAgents(_) => {
            let page = link.call(signals, Patience::Step, Peers {})?;
            let mut text = String::new();
            for peer in page.items {
                let what = match (peer.party, peer.role) {
                    (Party::User { .. }, _) => "a person".to_owned(),
                    (Party::Agent { .. }, role) => {
                        let state = if peer.is_live { "running" } else { "not running" };
                        format!("an agent, {}, {state}", role.unwrap_or_default())
                    }
                };
                let _ = writeln!(text, "{}: {what}", peer.name);
            }
            Ok(Outcome::done(if text.is_empty() { "There is nobody else." } else { text.trim_end() }))
        }
        _ => Ok(Outcome::failed("This is no message.")),
    }
}

/// A text of several lines, so that none of them passes for somebody else's words.
pub fn set_off(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// To whom; the error is for the model.
fn target(message: &SendMessage) -> Result<Target, String> {
    match (&message.to, &message.channel) {
        (Some(name), None) => Ok(Target::To { name: name.clone() }),
        (None, Some(name)) => Ok(Target::Named { name: name.clone() }),
        _ => Err("Give either `to` or `channel`.".to_owned()),
    }
}
