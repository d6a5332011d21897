//! Uploads of any size that go on after a broken connection: the protocol tus 1.0 (https://tus.io), its core and
//! the extensions for creation and termination. The kernel takes pieces; here they are cut from the body.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _, delete, get, head,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    options, patch, post, web,
};
use aether_protocol::{
    Code, Error, Page,
    files::{AppendUpload, BeginUpload, DropUpload, GetUpload, ListUploads, Upload},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::BytesMut;
use futures_util::StreamExt as _;
use uuid::Uuid;

use crate::{
    caller::{Answer, Caller},
    problem::{Problem, Refusals},
    rest::place,
    state::State,
};

const VERSION: &str = "1.0.0";
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: &str = "upload-offset";
const LENGTH: &str = "upload-length";
const METADATA: &str = "upload-metadata";
const PIECE_TYPE: &str = "application/offset+octet-stream";
/// What goes to the kernel at once; more of one upload is never held in memory.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// What the protocol asks of every answer, refusals included.
fn marked(answer: Answer) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|problem| problem.error_response());
    response.headers_mut().insert(RESUMABLE, HeaderValue::from_static(VERSION));
    response
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// A number in a header: digits, nothing else.
fn number(request: &HttpRequest, name: &str) -> Result<u64, Problem> {
    text(request, name)
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::invalid(format!("The header {name} is missing or is no number")).into())
}

/// Refuses another version of the protocol. A client that names none gets this one.
fn same_version(request: &HttpRequest) -> Result<(), Problem> {
    match text(request, RESUMABLE.as_str()) {
        None | Some(VERSION) => Ok(()),
        Some(_) => Err(Problem::with_status(
            StatusCode::PRECONDITION_FAILED,
            Error::invalid("This version of tus is not spoken here")
                .hint(format!("Send Tus-Resumable: {VERSION}")),
        )),
    }
}

/// A value of `Upload-Metadata`: pairs of a key and base64, separated by commas.
fn metadata(request: &HttpRequest, key: &str) -> Result<Option<String>, Problem> {
    let Some(pairs) = text(request, METADATA) else { return Ok(None) };
    let found = pairs.split(',').find_map(|pair| {
        let (name, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        (name == key).then_some(value)
    });
    found
        .map(|value| STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()))
        .map(|decoded| {
            decoded
                .ok_or_else(|| Error::invalid(format!("'{key}' in {METADATA} is no text in base64")).into())
        })
        .transpose()
}

fn stands_at(mut response: actix_web::HttpResponseBuilder, upload: &Upload) -> HttpResponse {
    response
        .insert_header((OFFSET, upload.offset.to_string()))
        .insert_header((LENGTH, upload.size_bytes.to_string()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

/// What of the protocol is spoken.
#[utoipa::path(
    tag = "files", operation_id = "files.upload_abilities",
    responses((status = 204, description = "The versions and extensions, in headers"), Refusals)
)]
#[options("/api/v1/uploads")]
pub(crate) async fn abilities(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.signed_in()?;
    Ok(marked(Ok(HttpResponse::NoContent()
        .insert_header(("tus-version", VERSION))
        .insert_header(("tus-extension", "creation,termination"))
        .finish())))
}

/// Begins an upload. Where the path ends in a slash, the name is `filename` of `Upload-Metadata`. `Location` is
/// where the pieces go. With `If-None-Match: *` only where there is no file.
#[utoipa::path(
    tag = "files", operation_id = "files.begin_upload",
    params(
        ("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path),
        ("upload-length" = u64, Header, description = "The size of the whole file, in bytes"),
        ("upload-metadata" = Option<String>, Header, description = "`filename` and `fingerprint`, each in base64"),
        ("if-none-match" = Option<String>, Header, description = "`*`: fail where there is a file already")
    ),
    responses((status = 201, body = Upload), Refusals)
)]
#[post("/api/v1/uploads/{place}/{path:.*}")]
pub(crate) async fn begin(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.signed_in()?;
    let begun = async {
        same_version(&request)?;
        let (place, mut path) = place::parse(path.into_inner())?;
        if path.is_empty() || path.ends_with('/') {
            let name =
                metadata(&request, "filename")?.filter(|name| !name.contains('/')).ok_or_else(|| {
                    Error::invalid("The file has no name").hint("Name it in the address, or as `filename`")
                })?;
            path.push_str(&name);
        }
        let size_bytes = number(&request, LENGTH)?;
        let replace = request.headers().get(header::IF_NONE_MATCH).is_none_or(|value| value != "*");
        let fingerprint = metadata(&request, "fingerprint")?;
        let wanted = BeginUpload { place, path, size_bytes, replace, fingerprint };
        let upload = caller.state.kernel.request(&caller.actor, wanted).await?;
        Ok(HttpResponse::Created()
            .insert_header((header::LOCATION, format!("/api/v1/uploads/{}", upload.id)))
            .insert_header((OFFSET, upload.offset.to_string()))
            .json(upload))
    };
    Ok(marked(begun.await))
}

/// Your uploads, those that are finished until a day after.
#[utoipa::path(
    tag = "files", operation_id = "files.list_uploads",
    responses((status = 200, body = Page<Upload>), Refusals)
)]
#[get("/api/v1/uploads")]
pub(crate) async fn list(caller: Caller) -> Answer {
    caller.ask(ListUploads {}).await
}

/// How far an upload is: `Upload-Offset` is where the next piece begins.
#[utoipa::path(
    tag = "files", operation_id = "files.get_upload", params(("upload" = Uuid, Path)),
    responses((status = 200, description = "Upload-Offset and Upload-Length, in headers"), Refusals)
)]
#[head("/api/v1/uploads/{upload}")]
pub(crate) async fn progress(
    caller: Caller,
    request: HttpRequest,
    upload: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.signed_in()?;
    let told = async {
        same_version(&request)?;
        let upload = caller.state.kernel.request(&caller.actor, GetUpload { upload: *upload }).await?;
        Ok(stands_at(HttpResponse::Ok(), &upload))
    };
    Ok(marked(told.await))
}

/// The next piece of an upload. What came of it is kept, also where the connection breaks. With the last byte the
/// file is in its place.
#[utoipa::path(
    tag = "files", operation_id = "files.append_upload",
    params(
        ("upload" = Uuid, Path),
        ("upload-offset" = u64, Header, description = "Where the piece begins: where the upload stands")
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses((status = 204, description = "Upload-Offset, in a header"), Refusals)
)]
#[patch("/api/v1/uploads/{upload}")]
pub(crate) async fn append(
    caller: Caller,
    request: HttpRequest,
    upload: web::Path<Uuid>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let caller = caller.signed_in()?;
    let appended = async {
        same_version(&request)?;
        if text(&request, header::CONTENT_TYPE.as_str()) != Some(PIECE_TYPE) {
            return Err(Problem::with_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Error::invalid("The body is not declared as a piece of an upload")
                    .hint(format!("Send Content-Type: {PIECE_TYPE}")),
            ));
        }
        let offset = number(&request, OFFSET)?;
        let upload = take(&caller, *upload, offset, payload).await?;
        Ok(stands_at(HttpResponse::NoContent(), &upload))
    };
    Ok(marked(appended.await))
}

/// Hands the body on, piece by piece.
async fn take(
    caller: &Caller,
    upload: Uuid,
    mut offset: u64,
    mut payload: web::Payload,
) -> Result<Upload, Problem> {
    let state: &State = &caller.state;
    let mut buffer = BytesMut::new();
    let mut last: Option<Upload> = None;
    let broken = loop {
        match tokio::time::timeout(state.config.request_timeout, payload.next()).await {
            Err(_) => {
                break Some(Problem::with_status(
                    StatusCode::REQUEST_TIMEOUT,
                    Error::new(Code::Interrupted, "The piece did not arrive in time")
                        .hint("Ask how far the upload is, and go on from there"),
                ));
            }
            Ok(None) => break None,
            Ok(Some(Err(error))) => {
                break Some(Error::invalid(format!("The piece broke off: {error}")).into());
            }
            Ok(Some(Ok(chunk))) => buffer.extend_from_slice(&chunk),
        }
        while buffer.len() >= PIECE_BYTES {
            let data = buffer.split_to(PIECE_BYTES).to_vec().into();
            let piece = AppendUpload { upload, offset, data };
            let stands = state.kernel.request(&caller.actor, piece).await?;
            offset = stands.offset;
            last = Some(stands);
        }
    };
    if !buffer.is_empty() || last.is_none() && broken.is_none() {
        let piece = AppendUpload { upload, offset, data: buffer.to_vec().into() };
        last = Some(state.kernel.request(&caller.actor, piece).await?);
    }
    match (broken, last) {
        (Some(problem), _) => Err(problem),
        (None, Some(upload)) => Ok(upload),
        (None, None) => Err(Error::internal("The piece was not taken").into()),
    }
}

/// Gives an upload up and removes what came of it.
#[utoipa::path(
    tag = "files", operation_id = "files.drop_upload", params(("upload" = Uuid, Path)),
    responses((status = 204, description = "It is gone"), Refusals)
)]
#[delete("/api/v1/uploads/{upload}")]
pub(crate) async fn give_up(
    caller: Caller,
    request: HttpRequest,
    upload: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let caller = caller.signed_in()?;
    let dropped = async {
        same_version(&request)?;
        caller.state.kernel.request(&caller.actor, DropUpload { upload: *upload }).await?;
        Ok(HttpResponse::NoContent().finish())
    };
    Ok(marked(dropped.await))
}
