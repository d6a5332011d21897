//! The stream of events for those who cannot open a WebSocket: server-sent events.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use aether_kernel::{Delivery, Subscription};
use aether_protocol::{Actor, Error, Seq};
use bytes::Bytes;
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    body::Params,
    caller::{self, Caller},
    problem::{Problem, Refusals},
    state::State,
};

/// How often a silent stream shows that it lives, and looks whether its session still does.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Where the stream begins.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// Everything after this event; only what is new when left out. `Last-Event-ID` goes first.
    after: Option<Seq>,
}

/// The stream of events, as server-sent events: `id` is the event's `seq`, `data` the event. Ends with the
/// session.
#[utoipa::path(
    tag = "events", operation_id = "events.subscribe",
    params(From, ("last-event-id" = Option<String>, Header, description = "Where the client left off")),
    responses((status = 200, body = String, content_type = "text/event-stream"), Refusals)
)]
#[get("/api/v1/events/stream")]
pub(crate) async fn stream(
    caller: Caller,
    request: HttpRequest,
    from: Params<From>,
) -> Result<HttpResponse, Problem> {
    let last = match request.headers().get("last-event-id") {
        Some(id) => Some(
            id.to_str()
                .ok()
                .and_then(|id| id.trim().parse().ok())
                .map(Seq)
                .ok_or_else(|| Error::invalid("Last-Event-ID is not the number of an event"))?,
        ),
        None => from.0.after,
    };
    let subscription = caller.state.kernel.subscribe(&caller.actor, last).await?;
    let token: Arc<str> =
        caller::token(&request).map(|(token, _)| Arc::from(token)).ok_or_else(Error::unauthenticated)?;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = Stream { state: caller.state, actor: caller.actor, token, subscription, heartbeat };
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/event-stream")).streaming(
        futures_util::stream::unfold(start, |mut stream| async move {
            let chunk = stream.next().await?;
            Some((Ok::<_, Error>(chunk), stream))
        }),
    ))
}

struct Stream {
    state: web::Data<State>,
    actor: Actor,
    token: Arc<str>,
    subscription: Subscription,
    heartbeat: Interval,
}

impl Stream {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        let mut stopping = self.state.stopping.clone();
        loop {
            let text = tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return None,
                _ = self.heartbeat.tick() => ": alive\n\n".to_owned(),
                delivery = self.subscription.next() => text_of(&delivery?),
            };
            // A session that was ended elsewhere gets nothing more.
            if self.state.kernel.authenticate(&self.token).as_ref() != Some(&self.actor) {
                return None;
            }
            if !text.is_empty() {
                return Some(Bytes::from(text));
            }
        }
    }
}

/// Live words carry no number and are left to the WebSocket.
fn text_of(delivery: &Delivery) -> String {
    let Delivery::Events(records) = delivery else { return String::new() };
    let mut text = String::with_capacity(records.iter().map(|record| record.json.len() + 40).sum());
    for record in records {
        text.push_str("id: ");
        text.push_str(&record.event.seq.to_string());
        text.push_str("\ndata: ");
        text.push_str(&record.json);
        text.push_str("\n\n");
    }
    text
}
