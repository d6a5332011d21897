//! Who asks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{AgentId, LifeId, Pid, SessionId, UserId};

/// Whoever asks the kernel for something. The gate decides by it; events and the audit log name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// The kernel itself: recovery, timers, the set-up of the first boot.
    Kernel,
    /// Somebody who has not signed in. May do nothing but set up, sign in and ask for health.
    Anonymous {
        /// The network address, for rate limits and the audit log.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        peer: Arc<str>,
    },
    /// A person.
    User {
        /// The account.
        user: UserId,
        /// Its name.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: Arc<str>,
        /// The device signed in.
        session: SessionId,
    },
    /// An agent, known by the socket that its process inherited.
    Agent {
        /// The identity.
        agent: AgentId,
        /// The life that speaks.
        life: LifeId,
        /// Its process.
        pid: Pid,
        /// On whose behalf.
        owner: UserId,
    },
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kernel => f.write_str("kernel"),
            Self::Anonymous { peer } => write!(f, "anonymous at {peer}"),
            Self::User { name, .. } => f.write_str(name),
            Self::Agent { pid, .. } => write!(f, "process {pid}"),
        }
    }
}
