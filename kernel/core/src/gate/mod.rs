//! The gate: the one function that every command passes, whoever sends it.
//!
//! *Invariant:* permission, rate limit, audit and dispatch happen here and nowhere else.

pub(crate) mod audit;
mod dispatch;
mod permission;
mod rate;

use aether_protocol::{Actor, Command, Error, Reply, Result};

use crate::{Kernel, config::IdentityConfig};

/// What the gate keeps between calls.
pub(crate) struct Gate {
    rate: rate::Limits,
}

impl Gate {
    pub(crate) fn new(config: &IdentityConfig) -> Self {
        Self { rate: rate::Limits::new(config) }
    }
}

impl Kernel {
    /// Does what `actor` asks, if it may. When it returns `Ok`, what was done is on disk.
    pub async fn call(&self, actor: &Actor, command: Command) -> Result<Reply> {
        let ticket = self.admit(actor, &command).await?;
        let result = self.dispatch(actor, command).await;
        ticket.close(&self.store, result.as_ref().err()).await;
        result
    }

    /// Rate limit, permission, and the audit's first half. What streams (events, terminals) passes here before it
    /// starts.
    pub(crate) async fn admit(&self, actor: &Actor, command: &Command) -> Result<audit::Ticket> {
        self.gate.rate.check(actor, command)?;
        let permitted = permission::check(actor, command);
        let ticket = audit::Ticket::open(&self.store, actor, command, permitted.as_ref().err()).await?;
        permitted?;
        Ok(ticket)
    }
}

/// The person behind a call, for commands that only people may send.
pub(crate) fn person(actor: &Actor) -> Result<aether_protocol::UserId> {
    match actor {
        Actor::User { user, .. } => Ok(*user),
        _ => Err(Error::unauthenticated()),
    }
}
