//! Finding files, what folders hold, and folders as one file.

use actix_web::{HttpResponse, get, http::header, web};
use aether_protocol::files::{Archive, Found, Search, Usage, UsageReport};
use serde::Deserialize;

use crate::{
    body::Params,
    caller::{Answer, Caller},
    problem::Refusals,
    rest::{place, transfer::attachment},
};

/// What to search for.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// A part of the name, or a pattern with `*`, `?` and `[…]` for the whole of it. Capitals do not count.
    name: Option<String>,
    /// What a line of the file contains. Binary files are passed over.
    content: Option<String>,
    /// `content` is a regular expression.
    #[serde(default)]
    regex: bool,
    /// Capitals count in `content`.
    #[serde(default)]
    match_case: bool,
    /// Also what has a name that begins with a dot, and what is in such a folder.
    #[serde(default)]
    hidden: bool,
    /// At most 1,000 files; 200 when left out.
    limit: Option<u32>,
}

/// Finds files by name, by content, or by both. The reply tells where the search ended before it had seen all.
#[utoipa::path(
    tag = "files", operation_id = "files.search",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path), Wanted),
    responses((status = 200, body = Found), Refusals)
)]
#[get("/api/v1/search/{place}/{path:.*}")]
pub(crate) async fn search(
    caller: Caller,
    path: web::Path<(String, String)>,
    query: Params<Wanted>,
) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    let Wanted { name, content, regex, match_case, hidden, limit } = query.0;
    caller.ask(Search { place, path, name, content, regex, match_case, hidden, limit }).await
}

/// What a folder holds, and which of its entries hold how much of that.
#[utoipa::path(
    tag = "files", operation_id = "files.usage",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    responses((status = 200, body = UsageReport), Refusals)
)]
#[get("/api/v1/usage/{place}/{path:.*}")]
pub(crate) async fn usage(caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    caller.ask(Usage { place, path }).await
}

/// A folder as a zip, made while it is sent: its length is not known before. Links are not followed; what is left
/// out is named in the archive.
#[utoipa::path(
    tag = "files", operation_id = "files.archive",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), Refusals)
)]
#[get("/api/v1/archives/{place}/{path:.*}")]
pub(crate) async fn archive(caller: Caller, path: web::Path<(String, String)>) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("files").to_owned();
    let stream = caller.state.kernel.archive(&caller.actor, Archive { place, path }).await?;
    let stopping = caller.state.stopping.clone();
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/zip"))
        .insert_header((header::CONTENT_DISPOSITION, attachment(&format!("{name}.zip"))))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .streaming(futures_util::stream::unfold((stream, stopping), |(mut stream, mut stopping)| async move {
            let piece = tokio::select! {
                piece = stream.next() => piece?,
                _ = stopping.wait_for(|stopping| *stopping) => Err(std::io::ErrorKind::ConnectionAborted.into()),
            };
            Some((piece, (stream, stopping)))
        })))
}
