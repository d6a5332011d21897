//! `files.*` but the transfer of contents, which is in [`super::transfer`].

use actix_web::{delete, get, post, put, web};
use aether_protocol::{
    Page,
    files::{Copy, Entry, Gone, List, Mkdir, Move, Remove, Stat},
};
use serde::Deserialize;

use crate::{
    body::{Params, Signed},
    caller::{Answer, Caller},
    problem::Refusals,
    rest::{Paging, place},
};

/// The entries of a folder: folders first, then by name.
#[utoipa::path(
    tag = "files", operation_id = "files.list",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path), Paging),
    responses((status = 200, body = Page<Entry>), Refusals)
)]
#[get("/api/v1/folders/{place}/{path:.*}")]
pub(crate) async fn list(caller: Caller, path: web::Path<(String, String)>, query: Params<Paging>) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    let Paging { cursor, limit } = query.0;
    caller.ask(List { place, path, cursor, limit }).await
}

/// Makes a folder and those above it.
#[utoipa::path(
    tag = "files", operation_id = "files.mkdir",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    responses((status = 200, body = Entry), Refusals)
)]
#[put("/api/v1/folders/{place}/{path:.*}")]
pub(crate) async fn mkdir(caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    caller.ask(Mkdir { place, path }).await
}

/// What one path is.
#[utoipa::path(
    tag = "files", operation_id = "files.stat",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    responses((status = 200, body = Entry), Refusals)
)]
#[get("/api/v1/entries/{place}/{path:.*}")]
pub(crate) async fn stat(caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    caller.ask(Stat { place, path }).await
}

/// How to remove.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recursive {
    /// Also where it is a folder with something in it.
    #[serde(default)]
    recursive: bool,
}

/// Removes a file, or a folder with all that is in it.
#[utoipa::path(
    tag = "files", operation_id = "files.remove",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path), Recursive),
    responses((status = 200, body = Gone), Refusals)
)]
#[delete("/api/v1/files/{place}/{path:.*}")]
pub(crate) async fn remove(
    caller: Caller,
    path: web::Path<(String, String)>,
    query: Params<Recursive>,
) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    caller.ask(Remove { place, path, recursive: query.0.recursive }).await
}

/// Moves or renames.
#[utoipa::path(
    tag = "files", operation_id = "files.move", request_body = Move,
    responses((status = 200, body = Entry), Refusals)
)]
#[post("/api/v1/moves")]
pub(crate) async fn rename(body: Signed<Move>) -> Answer {
    body.0.ask(body.1).await
}

/// Copies a file, or a folder with all that is in it.
#[utoipa::path(
    tag = "files", operation_id = "files.copy", request_body = Copy,
    responses((status = 200, body = Entry), Refusals)
)]
#[post("/api/v1/copies")]
pub(crate) async fn copy(body: Signed<Copy>) -> Answer {
    body.0.ask(body.1).await
}
