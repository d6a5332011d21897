//! `system.*`

use actix_web::get;
use aether_protocol::system::{Diagnosis, Doctor, GetStatus, Status};

use crate::{
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
