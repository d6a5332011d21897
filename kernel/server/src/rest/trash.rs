//! The trash of a place.

use actix_web::{delete, get, post, web};
use aether_protocol::{
    Error, Page,
    files::{EmptyTrash, Entry, Gone, ListTrash, Place, Restore, Trash, Trashed},
};
use serde::Deserialize;

use crate::{
    body::{Params, Signed},
    caller::{Answer, Caller},
    problem::{Problem, Refusals},
    rest::{Paging, place},
};

/// A place alone: each has one trash.
fn whole((place, path): (String, String)) -> Result<Place, Problem> {
    let (place, path) = place::parse((place, path))?;
    if path.is_empty() {
        Ok(place)
    } else {
        Err(Error::invalid("A place has one trash, not one for each folder")
            .hint("Leave the path out")
            .into())
    }
}

/// Puts a file, or a folder with all that is in it, into the trash of its place.
#[utoipa::path(
    tag = "files", operation_id = "files.trash", request_body = Trash,
    responses((status = 200, body = Trashed), Refusals)
)]
#[post("/api/v1/trash")]
pub(crate) async fn trash(body: Signed<Trash>) -> Answer {
    body.0.ask(body.1).await
}

/// What is in the trash of a place, newest first.
#[utoipa::path(
    tag = "files", operation_id = "files.trash_list",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path), Paging),
    responses((status = 200, body = Page<Trashed>), Refusals)
)]
#[get("/api/v1/trash/{place}/{path:.*}")]
pub(crate) async fn list(caller: Caller, path: web::Path<(String, String)>, query: Params<Paging>) -> Answer {
    let caller = caller.signed_in()?;
    let Paging { cursor, limit } = query.0;
    caller.ask(ListTrash { place: whole(path.into_inner())?, cursor, limit }).await
}

/// What to remove.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chosen {
    /// Only this one, by its name in the trash; all when left out.
    name: Option<String>,
    /// Only what was put there at least so many days ago.
    older_than_days: Option<u32>,
}

/// Removes for good what is in the trash, or some of it.
#[utoipa::path(
    tag = "files", operation_id = "files.empty_trash",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path), Chosen),
    responses((status = 200, body = Gone), Refusals)
)]
#[delete("/api/v1/trash/{place}/{path:.*}")]
pub(crate) async fn empty(
    caller: Caller,
    path: web::Path<(String, String)>,
    query: Params<Chosen>,
) -> Answer {
    let caller = caller.signed_in()?;
    let Chosen { name, older_than_days } = query.0;
    let place = whole(path.into_inner())?;
    caller.ask(EmptyTrash { place, names: name.map(|name| vec![name]), older_than_days }).await
}

/// Brings something back from the trash.
#[utoipa::path(
    tag = "files", operation_id = "files.restore", request_body = Restore,
    responses((status = 200, body = Entry), Refusals)
)]
#[post("/api/v1/restorations")]
pub(crate) async fn restore(body: Signed<Restore>) -> Answer {
    body.0.ask(body.1).await
}
