//! `agent.*`

use actix_web::{delete, get, web};
use aether_protocol::{
    AgentId, Page,
    agent::{Agent, Get, List, Lives, Remove, Removed, Role, Roles},
    process::Process,
};

use crate::{
    body::Params,
    caller::{Answer, Caller},
    problem::Refusals,
    rest::Paging,
};

/// The agents, newest first.
#[utoipa::path(
    tag = "agents", operation_id = "agent.list", params(List),
    responses((status = 200, body = Page<Agent>), Refusals)
)]
#[get("/api/v1/agents")]
pub(crate) async fn list(caller: Caller, query: Params<List>) -> Answer {
    caller.ask(query.0).await
}

/// One agent.
#[utoipa::path(
    tag = "agents", operation_id = "agent.get", params(("agent" = AgentId, Path)),
    responses((status = 200, body = Agent), Refusals)
)]
#[get("/api/v1/agents/{agent}")]
pub(crate) async fn get(caller: Caller, agent: web::Path<AgentId>) -> Answer {
    caller.ask(Get { agent: *agent }).await
}

/// The lives of an agent, newest first.
#[utoipa::path(
    tag = "agents", operation_id = "agent.lives", params(("agent" = AgentId, Path), Paging),
    responses((status = 200, body = Page<Process>), Refusals)
)]
#[get("/api/v1/agents/{agent}/lives")]
pub(crate) async fn lives(caller: Caller, agent: web::Path<AgentId>, query: Params<Paging>) -> Answer {
    let Paging { cursor, limit } = query.0;
    caller.ask(Lives { agent: *agent, cursor, limit }).await
}

/// Removes an agent that is not running: identity, home and history. Only its snapshots stay.
#[utoipa::path(
    tag = "agents", operation_id = "agent.remove", params(("agent" = AgentId, Path)),
    responses((status = 200, body = Removed), Refusals)
)]
#[delete("/api/v1/agents/{agent}")]
pub(crate) async fn remove(caller: Caller, agent: web::Path<AgentId>) -> Answer {
    caller.ask(Remove { agent: *agent }).await
}

/// The roles that can be deployed.
#[utoipa::path(tag = "agents", operation_id = "agent.roles", responses((status = 200, body = Page<Role>), Refusals))]
#[get("/api/v1/roles")]
pub(crate) async fn roles(caller: Caller) -> Answer {
    caller.ask(Roles {}).await
}
