//! `events.list`. The live stream is in [`crate::sse`] and [`crate::ws`].

use actix_web::get;
use aether_protocol::{Event, Page, events::List};

use crate::{
    body::Params,
    caller::{Answer, Caller},
    problem::Refusals,
};

/// Past events, oldest first.
#[utoipa::path(
    tag = "events", operation_id = "events.list",
    params(List), responses((status = 200, body = Page<Event>), Refusals)
)]
#[get("/api/v1/events")]
pub(crate) async fn list(caller: Caller, query: Params<List>) -> Answer {
    caller.ask(query.0).await
}
