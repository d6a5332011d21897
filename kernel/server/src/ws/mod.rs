//! The WebSocket: commands, events and terminals over one connection ([`aether_protocol::frame`]).

mod connection;
mod frames;
mod terminals;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header},
    web,
};
use aether_protocol::Error;

use crate::{
    caller::{self, Caller, Proof},
    problem::{Problem, Refusals},
};

/// The largest message that a client may send.
const MESSAGE_LIMIT_BYTES: usize = 1024 * 1024;

/// Opens the WebSocket.
#[utoipa::path(
    tag = "events", operation_id = "ws",
    responses((status = 101, description = "The connection is a WebSocket from here on"), Refusals)
)]
#[get("/api/v1/ws")]
pub(crate) async fn upgrade(
    caller: Caller,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = caller.signed_in()?;
    // Browsers always say which page opens a WebSocket, and a foreign one was refused before.
    if caller.proof != Proof::Bearer && !request.headers().contains_key(header::ORIGIN) {
        return Err(Error::forbidden("The request does not say which page it comes from")
            .hint("Programs send the token as Authorization: Bearer instead of the cookie")
            .into());
    }
    let token: Arc<str> =
        caller::token(&request).map(|(token, _)| Arc::from(token)).ok_or_else(Error::unauthenticated)?;
    let (response, session, messages) = actix_ws::handle(&request, payload).map_err(|error| {
        Problem::with_status(
            StatusCode::BAD_REQUEST,
            Error::invalid(format!("This is no WebSocket handshake: {error}")),
        )
    })?;
    let messages = messages
        .max_frame_size(MESSAGE_LIMIT_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MESSAGE_LIMIT_BYTES);
    let connection = connection::Connection::new(caller.state, caller.actor, token, session);
    actix_web::rt::spawn(connection.run(messages));
    Ok(response)
}
