//! Who may send what.
//!
//! There is one kind of person so far, the owner, who may do everything that is not an agent's own business.

use aether_protocol::{Actor, Command, Error, Result, channel, identity, mind};

pub(super) fn check(actor: &Actor, command: &Command) -> Result<()> {
    let agents_only = matches!(
        command,
        Command::Life(_)
            | Command::Mind(mind::Command::Think(_))
            | Command::Channel(channel::Command::Receive(_))
    );
    let agents_too = matches!(
        command,
        Command::Channel(channel::Command::Post(_) | channel::Command::List(_) | channel::Command::Peers(_))
    );
    let open = matches!(
        command,
        Command::Identity(
            identity::Command::Door(_) | identity::Command::Setup(_) | identity::Command::Login(_)
        )
    );
    match actor {
        Actor::Anonymous { .. } if !open => Err(Error::unauthenticated()),
        Actor::User { .. } if agents_only => {
            Err(Error::forbidden(format!("Only an agent's own process may send {}", command.name())))
        }
        Actor::Agent { .. } if !agents_only && !agents_too => {
            Err(Error::forbidden(format!("An agent's process may not send {}", command.name())))
        }
        Actor::Kernel | Actor::Anonymous { .. } | Actor::User { .. } | Actor::Agent { .. } => Ok(()),
    }
}
