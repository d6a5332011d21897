//! Agents as lasting identities, and the roles that they can be deployed in.

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, Cursor, Page, Pid, UnixMillis, UserId, call::calls, journal::Step, mind::ModelName,
    process::Process,
};

calls! { Agent:
    /// Lists the agents that the actor may see, newest first.
    read "agent.list" List -> Page<Agent>;
    /// One agent.
    read "agent.get" Get -> Agent;
    /// The lives of an agent, newest first.
    read "agent.lives" Lives -> Page<Process>;
    /// What one life did, step by step, oldest first.
    read "agent.steps" Steps -> Page<Step>;
    /// Removes an agent that is not running: identity, home and history. Only its snapshots stay.
    write "agent.remove" Remove -> Removed;
    /// The roles that can be deployed.
    read "agent.roles" Roles -> Page<Role>;
}

/// A citizen: it keeps its home and history over many lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AgentIdentity))]
pub struct Agent {
    /// Lasting.
    pub id: AgentId,
    /// Unique among its owner's agents.
    pub name: String,
    /// The role it was deployed in.
    pub role: String,
    /// Who answers for it.
    pub owner: UserId,
    /// When it was first deployed.
    pub created_at: UnixMillis,
    /// Its newest life, whether it runs or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pid: Option<Pid>,
    /// How many lives it has had.
    pub lives: u32,
}

/// A kind of agent: instructions and the tools it is granted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Role {
    /// A short word: `scribe`.
    pub id: String,
    /// For people.
    pub title: String,
    /// What it is good for, one sentence.
    pub summary: String,
    /// A goal that works well in this role, offered as an example.
    pub example_goal: String,
    /// The names of the tools that it is granted ([`crate::tools`]).
    pub tools: Vec<String>,
    /// The model it prefers, where it has a preference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelName>,
}

/// `agent.list`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentList))]
pub struct List {
    /// Only the agent of this name; upper and lower case are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `agent.get`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentGet))]
pub struct Get {
    /// Which.
    pub agent: AgentId,
}

/// `agent.lives`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentLives))]
pub struct Lives {
    /// Whose.
    pub agent: AgentId,
    /// From a page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `agent.steps`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentSteps))]
pub struct Steps {
    /// The process whose life it is (a PID is never used twice).
    pub pid: Pid,
    /// Only steps with an index greater than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// At most 200; 50 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `agent.remove`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentRemove))]
pub struct Remove {
    /// Which.
    pub agent: AgentId,
}

/// What `agent.remove` removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = AgentRemoved))]
pub struct Removed {
    /// Its name.
    pub name: String,
    /// What its home held, in bytes.
    pub home_bytes: u64,
}

/// `agent.roles`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", schema(as = AgentRoles))]
pub struct Roles {}
