//! Agents of whom the kernel itself needs the home for a while: nobody starts or removes them meanwhile.

use std::{collections::HashMap, sync::Arc};

use aether_protocol::{AgentId, Error};
use tokio::sync::watch;

/// Who is held, and for what. Cheap to clone.
///
/// *Invariant:* whoever makes an agent live or removes it asks here inside the transaction that does it. The
/// writer runs one change after the other, so a hold that was taken before a transaction is seen by it.
#[derive(Clone, Debug)]
pub(crate) struct Holds(Arc<watch::Sender<HashMap<AgentId, &'static str>>>);

impl Default for Holds {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(HashMap::new())))
    }
}

impl Holds {
    /// Holds an agent until the result is dropped. `what` is done with it: "a snapshot is being taken".
    pub(crate) fn take(&self, agent: AgentId, what: &'static str) -> Result<Held, Error> {
        let mut busy = None;
        self.0.send_if_modified(|held| {
            busy = held.get(&agent).copied();
            if busy.is_none() {
                held.insert(agent, what);
            }
            // Nobody waits for this direction.
            false
        });
        match busy {
            Some(busy) => Err(refusal(busy)),
            None => Ok(Held { holds: self.clone(), agent }),
        }
    }

    /// Refuses while the agent is held.
    pub(crate) fn check(&self, agent: AgentId) -> Result<(), Error> {
        match self.0.borrow().get(&agent) {
            Some(busy) => Err(refusal(busy)),
            None => Ok(()),
        }
    }

    /// Returns when the agent is not held.
    pub(crate) async fn free(&self, agent: AgentId) {
        // The sender is in `self`.
        let _ = self.0.subscribe().wait_for(|held| !held.contains_key(&agent)).await;
    }
}

/// An agent that is held.
#[derive(Debug)]
pub(crate) struct Held {
    holds: Holds,
    agent: AgentId,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.holds.0.send_modify(|held| {
            held.remove(&self.agent);
        });
    }
}

fn refusal(what: &str) -> Error {
    Error::conflict(format!("This agent is busy: {what}")).hint("Try again in a moment")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn one_holds_and_the_others_wait_or_are_told() {
        let (holds, agent) = (Holds::default(), AgentId(Uuid::from_u128(7)));
        let held = holds.take(agent, "a snapshot is being taken").unwrap();
        assert!(holds.take(agent, "it is being restored").unwrap_err().message.contains("a snapshot"));
        assert!(holds.check(agent).is_err());
        assert!(holds.check(AgentId(Uuid::from_u128(8))).is_ok());
        let waiting = tokio::spawn({
            let holds = holds.clone();
            async move { holds.free(agent).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        waiting.await.unwrap();
        assert!(holds.check(agent).is_ok());
    }
}
