//! `terminal.*`. What a terminal shows travels over the WebSocket ([`crate::ws`]).

use actix_web::{delete, get, post, put, web};
use aether_protocol::{
    Page, TerminalId,
    terminal::{Close, Closed, List, Open, Record, Resize, Size, StopRecording, Terminal},
};

use crate::{
    body::Signed,
    caller::{Answer, Caller},
    problem::Refusals,
};

/// The terminals that the caller may see.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.list",
    responses((status = 200, body = Page<Terminal>), Refusals)
)]
#[get("/api/v1/terminals")]
pub(crate) async fn list(caller: Caller) -> Answer {
    caller.ask(List {}).await
}

/// Starts a shell.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.open", request_body = Open,
    responses((status = 200, body = Terminal), Refusals)
)]
#[post("/api/v1/terminals")]
pub(crate) async fn open(body: Signed<Open>) -> Answer {
    body.0.ask(body.1).await
}

/// Changes the size.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.resize", params(("terminal" = TerminalId, Path)),
    request_body = Size, responses((status = 200, body = Terminal), Refusals)
)]
#[put("/api/v1/terminals/{terminal}/size")]
pub(crate) async fn resize(terminal: web::Path<TerminalId>, body: Signed<Size>) -> Answer {
    body.0.ask(Resize { terminal: *terminal, size: body.1 }).await
}

/// Where a recording goes.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordInto {
    /// A new file in the caller's home.
    path: String,
}

/// Writes what a terminal shows into a new file, as asciicast v2.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.record", params(("terminal" = TerminalId, Path)),
    request_body = RecordInto, responses((status = 200, body = Terminal), Refusals)
)]
#[post("/api/v1/terminals/{terminal}/recording")]
pub(crate) async fn record(terminal: web::Path<TerminalId>, body: Signed<RecordInto>) -> Answer {
    body.0.ask(Record { terminal: *terminal, path: body.1.path }).await
}

/// Ends a recording; the shell goes on.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.stop_recording", params(("terminal" = TerminalId, Path)),
    responses((status = 200, body = Terminal), Refusals)
)]
#[delete("/api/v1/terminals/{terminal}/recording")]
pub(crate) async fn stop_recording(caller: Caller, terminal: web::Path<TerminalId>) -> Answer {
    caller.ask(StopRecording { terminal: *terminal }).await
}

/// Ends the shell and all that it started.
#[utoipa::path(
    tag = "terminals", operation_id = "terminal.close", params(("terminal" = TerminalId, Path)),
    responses((status = 200, body = Closed), Refusals)
)]
#[delete("/api/v1/terminals/{terminal}")]
pub(crate) async fn close(caller: Caller, terminal: web::Path<TerminalId>) -> Answer {
    caller.ask(Close { terminal: *terminal }).await
}
