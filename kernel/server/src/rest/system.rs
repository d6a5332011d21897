//! `system.*`

use actix_web::{get, post};
use aether_protocol::system::{Collected, Diagnosis, Doctor, Gc, GetStatus, Status};

use crate::{
    body::Signed,
    caller::{Answer, Caller},
    problem::Refusals,
};

/// How the kernel is.
#[utoipa::path(tag = "system", operation_id = "system.status", responses((status = 200, body = Status), Refusals))]
#[get("/api/v1/status")]
pub(crate) async fn status(caller: Caller) -> Answer {
    caller.ask(GetStatus {}).await
}

/// What the host can and cannot give, with remedies.
#[utoipa::path(tag = "system", operation_id = "system.doctor", responses((status = 200, body = Diagnosis), Refusals))]
#[get("/api/v1/doctor")]
pub(crate) async fn doctor(caller: Caller) -> Answer {
    caller.ask(Doctor {}).await
}

/// Removes what nothing refers to any more, or only tells of it.
#[utoipa::path(
    tag = "system", operation_id = "system.gc", request_body = Gc,
    responses((status = 200, body = Collected), Refusals)
)]
#[post("/api/v1/gc")]
pub(crate) async fn gc(body: Signed<Gc>) -> Answer {
    body.0.ask(body.1).await
}
