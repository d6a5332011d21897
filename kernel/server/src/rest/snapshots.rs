//! `snapshot.*`

use actix_web::{HttpRequest, HttpResponse, body::SizedStream, delete, get, http::header, post, web};
use aether_protocol::{
    Actor, Error, Page, SnapshotId,
    snapshot::{
        Get, Import, List, Read, Remove, Removed, Restore, RestoreAs, Restored, Snapshot, Source, Take,
        Verified, Verify,
    },
};
use bytes::Bytes;
use serde::Deserialize;

use crate::{
    body::{Params, Signed, read_upload},
    caller::{Answer, Caller},
    problem::Refusals,
    state::State,
};

/// What is read from the kernel at once.
const PIECE_BYTES: u64 = 1024 * 1024;

/// The snapshots, newest first.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.list", params(List),
    responses((status = 200, body = Page<Snapshot>), Refusals)
)]
#[get("/api/v1/snapshots")]
pub(crate) async fn list(caller: Caller, query: Params<List>) -> Answer {
    caller.ask(query.0).await
}

/// Takes a snapshot. An agent that runs stands still while its home is copied; the reply says how long.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.take", request_body = Take,
    responses((status = 200, body = Snapshot), Refusals)
)]
#[post("/api/v1/snapshots")]
pub(crate) async fn take(body: Signed<Take>) -> Answer {
    body.0.ask(body.1).await
}

/// One snapshot.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.get", params(("snapshot" = SnapshotId, Path)),
    responses((status = 200, body = Snapshot), Refusals)
)]
#[get("/api/v1/snapshots/{snapshot}")]
pub(crate) async fn get(caller: Caller, snapshot: web::Path<SnapshotId>) -> Answer {
    caller.ask(Get { snapshot: *snapshot }).await
}

/// Reads the whole archive and checks its signature and every hash.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.verify", params(("snapshot" = SnapshotId, Path)),
    responses((status = 200, body = Verified), Refusals)
)]
#[get("/api/v1/snapshots/{snapshot}/verification")]
pub(crate) async fn verify(caller: Caller, snapshot: web::Path<SnapshotId>) -> Answer {
    caller.ask(Verify { snapshot: *snapshot }).await
}

/// Who it becomes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RestoreBody {
    /// The same agent when left out.
    #[serde(default, rename = "as")]
    restore_as: RestoreAs,
    /// The new agent's name; made from the old one when left out.
    #[serde(default)]
    name: Option<String>,
}

/// Makes an agent what it was: the same one, or a new one. All of it or nothing.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.restore", params(("snapshot" = SnapshotId, Path)),
    request_body = RestoreBody, responses((status = 200, body = Restored), Refusals)
)]
#[post("/api/v1/snapshots/{snapshot}/restore")]
pub(crate) async fn restore(snapshot: web::Path<SnapshotId>, body: Signed<RestoreBody>) -> Answer {
    let RestoreBody { restore_as, name } = body.1;
    body.0.ask(Restore { snapshot: *snapshot, restore_as, name }).await
}

/// Removes a snapshot with its archive.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.remove", params(("snapshot" = SnapshotId, Path)),
    responses((status = 200, body = Removed), Refusals)
)]
#[delete("/api/v1/snapshots/{snapshot}")]
pub(crate) async fn remove(caller: Caller, snapshot: web::Path<SnapshotId>) -> Answer {
    caller.ask(Remove { snapshot: *snapshot }).await
}

/// Where the archive lies, where it is not the body.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportQuery {
    /// A path in the caller's home; then there is no body.
    path: Option<String>,
    /// The public key of another device whose archives are trusted for this import, in hex.
    trusted_key: Option<String>,
}

/// Takes in an archive that was exported before: the body, or a file of the caller's home.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.import", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Snapshot), Refusals)
)]
#[post("/api/v1/snapshots/archive")]
pub(crate) async fn import(
    caller: Caller,
    request: HttpRequest,
    query: Params<ImportQuery>,
    payload: web::Payload,
) -> Answer {
    let caller = caller.signed_in()?;
    let ImportQuery { path, trusted_key } = query.0;
    let source = match path {
        Some(path) => Source::Home { path },
        None => {
            Source::Bytes { data: read_upload(&caller.state, &request, payload.into_inner()).await?.into() }
        }
    };
    caller.ask(Import { source, trusted_key }).await
}

/// The archive: a zstd-compressed tar, with a signature that `zstd -d` passes over.
#[utoipa::path(
    tag = "snapshots", operation_id = "snapshot.read", params(("snapshot" = SnapshotId, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zstd"), Refusals)
)]
#[get("/api/v1/snapshots/{snapshot}/archive")]
pub(crate) async fn archive(caller: Caller, snapshot: web::Path<SnapshotId>) -> Answer {
    let id = *snapshot;
    let size = caller.state.kernel.request(&caller.actor, Get { snapshot: id }).await?.archive_bytes;
    let mut pieces = Pieces { state: caller.state, actor: caller.actor, id, next: 0, size };
    // The first piece before the status line, so that a refusal is one.
    let opening = pieces.read().await?;
    let stream = futures_util::stream::unfold((Some(opening), pieces), |(opening, mut pieces)| async move {
        let piece = match opening {
            Some(bytes) => Ok(bytes),
            None if pieces.next >= pieces.size => return None,
            None => pieces.read().await,
        };
        Some((piece, (None, pieces)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/zstd"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.tar.zst\"")))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .body(SizedStream::new(size, stream)))
}

/// A download under way.
struct Pieces {
    state: web::Data<State>,
    actor: Actor,
    id: SnapshotId,
    next: u64,
    size: u64,
}

impl Pieces {
    async fn read(&mut self) -> Result<Bytes, Error> {
        let length = Some((self.size - self.next).min(PIECE_BYTES));
        let read = Read { snapshot: self.id, offset: self.next, length };
        let part = self.state.kernel.request(&self.actor, read).await?;
        if part.data.0.is_empty() {
            return Err(Error::conflict("The archive is shorter than it should be")
                .hint("`aether snapshot verify` says more"));
        }
        self.next += part.data.0.len() as u64;
        Ok(Bytes::from(part.data.0))
    }
}
