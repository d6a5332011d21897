//! `process.*`, and `agent.steps`: what a process did.

use actix_web::{get, post, put, web};
use aether_protocol::{
    Page, Pid,
    agent::Steps,
    journal::Step,
    process::{
        Continue, Get, GetQuotas, List, Message, Pause, Process, Resume, SetPriority, SetQuota, Signal,
        SignalName, Spawn,
    },
    quota::{QuotaReport, Quotas},
};
use serde::Deserialize;

use crate::{
    body::{Params, Signed},
    caller::{Answer, Caller},
    problem::Refusals,
};

/// The processes, highest PID first.
#[utoipa::path(
    tag = "processes", operation_id = "process.list", params(List),
    responses((status = 200, body = Page<Process>), Refusals)
)]
#[get("/api/v1/processes")]
pub(crate) async fn list(caller: Caller, query: Params<List>) -> Answer {
    caller.ask(query.0).await
}

/// Deploys an agent: a new identity, or a new life of one that exists. Queued when too many run.
#[utoipa::path(
    tag = "processes", operation_id = "process.spawn", request_body = Spawn,
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes")]
pub(crate) async fn spawn(body: Signed<Spawn>) -> Answer {
    body.0.ask(body.1).await
}

/// One process.
#[utoipa::path(
    tag = "processes", operation_id = "process.get", params(("pid" = Pid, Path)),
    responses((status = 200, body = Process), Refusals)
)]
#[get("/api/v1/processes/{pid}")]
pub(crate) async fn get(caller: Caller, pid: web::Path<Pid>) -> Answer {
    caller.ask(Get { pid: *pid }).await
}

/// Which steps.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    /// Only steps with an index greater than this.
    after: Option<u32>,
    /// At most 200; 50 when left out.
    limit: Option<u32>,
}

/// What a process did, step by step, oldest first.
#[utoipa::path(
    tag = "processes", operation_id = "agent.steps", params(("pid" = Pid, Path), After),
    responses((status = 200, body = Page<Step>), Refusals)
)]
#[get("/api/v1/processes/{pid}/steps")]
pub(crate) async fn steps(caller: Caller, pid: web::Path<Pid>, query: Params<After>) -> Answer {
    let After { after, limit } = query.0;
    caller.ask(Steps { pid: *pid, after, limit }).await
}

/// A signal.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignalBody {
    /// Which.
    signal: SignalName,
}

/// Sends a signal to the whole process tree.
#[utoipa::path(
    tag = "processes", operation_id = "process.signal", params(("pid" = Pid, Path)), request_body = SignalBody,
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes/{pid}/signal")]
pub(crate) async fn signal(pid: web::Path<Pid>, body: Signed<SignalBody>) -> Answer {
    body.0.ask(Signal { pid: *pid, signal: body.1.signal }).await
}

/// A priority.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PriorityBody {
    /// 1 (highest) to 5.
    priority: u8,
}

/// Changes the priority of a queued or running process.
#[utoipa::path(
    tag = "processes", operation_id = "process.set_priority", params(("pid" = Pid, Path)),
    request_body = PriorityBody, responses((status = 200, body = Process), Refusals)
)]
#[put("/api/v1/processes/{pid}/priority")]
pub(crate) async fn set_priority(pid: web::Path<Pid>, body: Signed<PriorityBody>) -> Answer {
    body.0.ask(SetPriority { pid: *pid, priority: body.1.priority }).await
}

/// A person takes over: the agent stands still before its next thought or call.
#[utoipa::path(
    tag = "processes", operation_id = "process.pause", params(("pid" = Pid, Path)),
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes/{pid}/pause")]
pub(crate) async fn pause(caller: Caller, pid: web::Path<Pid>) -> Answer {
    caller.ask(Pause { pid: *pid }).await
}

/// The agent goes on.
#[utoipa::path(
    tag = "processes", operation_id = "process.resume", params(("pid" = Pid, Path)),
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes/{pid}/resume")]
pub(crate) async fn resume(caller: Caller, pid: web::Path<Pid>) -> Answer {
    caller.ask(Resume { pid: *pid }).await
}

/// More budget.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepsBody {
    /// How many thoughts more, 1 to 1,000.
    steps: u32,
}

/// Extends the step budget; a process that waits at its limit goes on.
#[utoipa::path(
    tag = "processes", operation_id = "process.continue", params(("pid" = Pid, Path)), request_body = StepsBody,
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes/{pid}/continue")]
pub(crate) async fn extend(pid: web::Path<Pid>, body: Signed<StepsBody>) -> Answer {
    body.0.ask(Continue { pid: *pid, steps: body.1.steps }).await
}

/// Something to say.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextBody {
    /// 1 to 8,000 characters.
    text: String,
}

/// Says something to the agent. Answers its question, where it has asked one.
#[utoipa::path(
    tag = "processes", operation_id = "process.message", params(("pid" = Pid, Path)), request_body = TextBody,
    responses((status = 200, body = Process), Refusals)
)]
#[post("/api/v1/processes/{pid}/message")]
pub(crate) async fn message(pid: web::Path<Pid>, body: Signed<TextBody>) -> Answer {
    body.0.ask(Message { pid: *pid, text: body.1.text }).await
}

/// What a process may use, has used, and what holds each limit.
#[utoipa::path(
    tag = "processes", operation_id = "process.quotas", params(("pid" = Pid, Path)),
    responses((status = 200, body = QuotaReport), Refusals)
)]
#[get("/api/v1/processes/{pid}/quotas")]
pub(crate) async fn quotas(caller: Caller, pid: web::Path<Pid>) -> Answer {
    caller.ask(GetQuotas { pid: *pid }).await
}

/// Changes quotas. A process that was paused at a limit that is raised goes on. What Linux itself was told when its
/// processes were started (memory, processes, open files of each) grows with the next life.
#[utoipa::path(
    tag = "processes", operation_id = "process.set_quota", params(("pid" = Pid, Path)), request_body = Quotas,
    responses((status = 200, body = QuotaReport), Refusals)
)]
#[put("/api/v1/processes/{pid}/quotas")]
pub(crate) async fn set_quota(pid: web::Path<Pid>, body: Signed<Quotas>) -> Answer {
    body.0.ask(SetQuota { pid: *pid, quotas: Box::new(body.1) }).await
}
