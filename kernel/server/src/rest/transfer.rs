//! The contents of files: upload and download, raw.

use std::fmt::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    get,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    post, put, web,
};
use aether_protocol::{
    Actor, Error, UnixMillis,
    files::{Append, Entry, EntryKind, Place, Read, Stat, Write},
};
use bytes::Bytes;

use crate::{
    body::read_upload,
    caller::{Answer, Caller},
    problem::{Problem, Refusals},
    rest::{
        place,
        range::{self, Range},
    },
    state::State,
};

/// What is read from the kernel at once; a client that reads slowly holds no more than this in memory.
const PIECE_BYTES: u64 = 1024 * 1024;

/// A file's content, or a part of it. Never shown by a browser as a page of this server.
#[utoipa::path(
    tag = "files", operation_id = "files.read",
    params(
        ("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path),
        ("range" = Option<String>, Header, description = "One part, in bytes")
    ),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304), Refusals
    )
)]
#[get("/api/v1/files/{place}/{path:.*}")]
pub(crate) async fn download(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> Answer {
    let (place, path) = place::parse(path.into_inner())?;
    let entry = caller.state.kernel.request(&caller.actor, Stat { place, path: path.clone() }).await?;
    if entry.kind == EntryKind::Folder {
        return Err(Error::invalid("This is a folder").hint("Its entries are at /api/v1/folders/…").into());
    }
    // The first piece before the status line, so that a refusal is one.
    let etag = format!("\"{:x}-{:x}\"", entry.modified_at.0, entry.size_bytes);
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if header(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags == "*" || tags.split(',').any(|tag| tag.trim() == etag))
    {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    let is_fresh = header(header::IF_RANGE).is_none_or(|tag| tag == etag);
    let range = header(header::RANGE)
        .filter(|_| is_fresh)
        .map_or(Range::Whole, |value| range::parse(value, entry.size_bytes));
    let (status, first, length) = match range {
        Range::Whole => (StatusCode::OK, 0, entry.size_bytes),
        Range::Part { first, length } => (StatusCode::PARTIAL_CONTENT, first, length),
        Range::OutOfBounds => {
            let error = Error::invalid(format!("The file has {} bytes only", entry.size_bytes));
            let mut answer = actix_web::ResponseError::error_response(&Problem::with_status(
                StatusCode::RANGE_NOT_SATISFIABLE,
                error,
            ));
            if let Ok(value) = HeaderValue::try_from(format!("bytes */{}", entry.size_bytes)) {
                answer.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return Ok(answer);
        }
    };
    let mut pieces = Pieces {
        state: caller.state,
        actor: caller.actor,
        place,
        path,
        size_bytes: entry.size_bytes,
        modified_at: entry.modified_at,
        next: first,
        left: length,
    };
    let opening = pieces.read().await?;
    let mut response = HttpResponse::build(status);
    if status == StatusCode::PARTIAL_CONTENT {
        response.insert_header((
            header::CONTENT_RANGE,
            format!("bytes {first}-{}/{}", first + length - 1, entry.size_bytes),
        ));
    }
    response
        .insert_header((header::CONTENT_TYPE, "application/octet-stream"))
        .insert_header((header::CONTENT_DISPOSITION, attachment(&entry.name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::ETAG, etag));
    let stream = futures_util::stream::unfold((Some(opening), pieces), |(opening, mut pieces)| async move {
        let piece = match opening {
            Some(bytes) if bytes.is_empty() => return None,
            Some(bytes) => Ok(bytes),
            None if pieces.left == 0 => return None,
            None => pieces.read().await,
        };
        Some((piece, (None, pieces)))
    });
    Ok(response.body(SizedStream::new(length, stream)))
}

/// A download under way.
struct Pieces {
    state: web::Data<State>,
    actor: Actor,
    place: Place,
    path: String,
    size_bytes: u64,
    modified_at: UnixMillis,
    next: u64,
    left: u64,
}

impl Pieces {
    /// The next piece. Fails when the file has another size or another time by now, so that no mixture of two versions
    /// passes for a file.
    async fn read(&mut self) -> Result<Bytes, Error> {
        if self.left == 0 {
            return Ok(Bytes::new());
        }
        let length = Some(self.left.min(PIECE_BYTES));
        let read = Read { place: self.place, path: self.path.clone(), offset: self.next, length };
        let part = self.state.kernel.request(&self.actor, read).await?;
        let got = part.data.0.len() as u64;
        let is_another = part.size_bytes != self.size_bytes || part.modified_at != self.modified_at;
        if is_another || got == 0 || got > self.left {
            return Err(Error::conflict("The file was changed while it was read"));
        }
        self.next += got;
        self.left -= got;
        Ok(Bytes::from(part.data.0))
    }
}

/// `attachment` with the name in the form that every browser reads (RFC 6266, RFC 8187).
pub(crate) fn attachment(name: &str) -> String {
    let mut value = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            value.push(byte.into());
        } else {
            // Writing to a string cannot fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

/// Writes a whole file: readers see the old or the new one. With `If-None-Match: *` only where there is none.
#[utoipa::path(
    tag = "files", operation_id = "files.write",
    params(
        ("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path),
        ("if-none-match" = Option<String>, Header, description = "`*`: fail where there is a file already")
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Entry), Refusals)
)]
#[put("/api/v1/files/{place}/{path:.*}")]
pub(crate) async fn upload(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Answer {
    let caller = caller.signed_in()?;
    let (place, path) = place::parse(path.into_inner())?;
    let must_be_new = request.headers().get(header::IF_NONE_MATCH).is_some_and(|value| value == "*");
    let data = read_upload(&caller.state, &request, payload.into_inner()).await?;
    caller.ask(Write { place, path, data: data.into(), must_be_new }).await
}

/// Adds to the end of a file; makes it where there is none.
#[utoipa::path(
    tag = "files", operation_id = "files.append",
    params(("place" = String, Path, description = "`home`, `shared` or `agents/{id}`"), ("path" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Entry), Refusals)
)]
#[post("/api/v1/files/{place}/{path:.*}")]
pub(crate) async fn append(
    caller: Caller,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Answer {
    let caller = caller.signed_in()?;
    let (place, path) = place::parse(path.into_inner())?;
    let data = read_upload(&caller.state, &request, payload.into_inner()).await?;
    caller.ask(Append { place, path, data: data.into() }).await
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn names_cannot_leave_the_header() {
        assert_eq!(
            attachment("a b\"\r\nx: ü.txt"),
            "attachment; filename*=UTF-8''a%20b%22%0D%0Ax%3A%20%C3%BC.txt"
        );
    }
}
