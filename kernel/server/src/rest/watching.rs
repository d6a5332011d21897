//! What changes in a folder, as server-sent events.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, get, http::header, web};
use aether_kernel::files::WatchStream;
use aether_protocol::{
    Actor, Error,
    files::{Changed, Watch},
};
use bytes::Bytes;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::{
    caller::{self, Caller},
    problem::{Problem, Refusals},
    rest::place,
    state::State,
};

/// How often a silent stream shows that it lives, and looks whether its session still does.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What changes in a folder, whoever changes it, as server-sent events: `data` is what has changed since the last
/// one. What is below the folder is not watched. Ends with the folder, and with the session.
#[utoipa::path(
    tag = "files", operation_id = "files.watch",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    responses((status = 200, body = Changed, content_type = "text/event-stream"), Refusals)
)]
#[get("/api/v1/watches/{place}/{path:.*}")]
pub(crate) async fn watch(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (place, path) = place::parse(path.into_inner())?;
    let changes = caller.state.kernel.watch(&caller.actor, Watch { place, path }).await?;
    let token: Arc<str> =
        caller::token(&request).map(|(token, _)| Arc::from(token)).ok_or_else(Error::unauthenticated)?;
    let mut heartbeat = interval(HEARTBEAT);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = Stream { state: caller.state, actor: caller.actor, token, changes, heartbeat };
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
    changes: WatchStream,
    heartbeat: Interval,
}

impl Stream {
    /// The next piece of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        let mut stopping = self.state.stopping.clone();
        let text = tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => return None,
            _ = self.heartbeat.tick() => ": alive\n\n".to_owned(),
            changed = self.changes.next() => {
                format!("data: {}\n\n", serde_json::to_string(&changed?).unwrap_or_default())
            }
        };
        // A session that was ended elsewhere gets nothing more.
        let is_known = self.state.kernel.authenticate(&self.token).as_ref() == Some(&self.actor);
        is_known.then(|| Bytes::from(text))
    }
}
