//! What goes over plain HTTP: the door, signing in and out, whole files. Shapes only, no sockets.

use aether_protocol::{Code, Error, files::Place};
use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};

/// A request, still without host and token.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: Option<&'static str>,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), content_type: None, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn json(
        method: &'static str,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::invalid(format!("The request cannot be written: {error}")))?;
        Ok(Self { content_type: Some("application/json"), body, ..Self::new(method, path) })
    }

    /// Reads (`GET`) or writes (`PUT`) a whole file.
    pub(crate) fn file(method: &'static str, place: Place, path: &str) -> Result<Self, Error> {
        let mut address = match place {
            Place::Home => "/api/v1/files/home".to_owned(),
            Place::Shared => "/api/v1/files/shared".to_owned(),
            Place::Agent { agent } => format!("/api/v1/files/agents/{agent}"),
        };
        for part in path.trim_start_matches('/').split('/') {
            // Every HTTP client resolves these in an address by itself, so they would name another file.
            if matches!(part, "." | "..") {
                return Err(Error::invalid(format!("The path '{path}' contains '{part}'"))
                    .hint("Write the path from the root of its place"));
            }
            address.push('/');
            address.push_str(&encode(part));
        }
        Ok(Self::new(method, address))
    }
}

impl Answer {
    /// The body, where the request succeeded.
    pub(crate) fn bytes(self) -> Result<Bytes, Error> {
        if (200..300).contains(&self.status) { Ok(self.body) } else { Err(problem(self.status, &self.body)) }
    }

    /// The body as JSON, where the request succeeded.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let body = self.bytes()?;
        serde_json::from_slice(&body).map_err(|error| {
            Error::internal(format!("The kernel's answer was not understood: {error}"))
                .hint("Check that the address is that of Aether and that both have the same version")
        })
    }
}

/// A problem document (RFC 9457) with Aether's own fields.
#[derive(Deserialize)]
struct Problem {
    code: Code,
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    retry_after_secs: Option<u32>,
}

/// What a status and a body mean.
pub(crate) fn problem(status: u16, body: &[u8]) -> Error {
    if let Ok(problem) = serde_json::from_slice::<Problem>(body) {
        let message = problem.detail.filter(|detail| !detail.is_empty()).unwrap_or(problem.title);
        let retry_after_secs = problem.retry_after_secs;
        return Error { code: problem.code, message, hint: problem.hint, retry_after_secs };
    }
    let code = match status {
        401 => return Error::unauthenticated(),
        400 | 405 | 415 | 422 => Code::Invalid,
        403 => Code::Forbidden,
        404 => Code::NotFound,
        409 => Code::Conflict,
        413 => Code::TooLarge,
        429 => Code::RateLimited,
        502..=504 => Code::Unavailable,
        _ => Code::Internal,
    };
    Error::new(code, format!("The server answered with HTTP status {status}"))
        .hint("Check that the address is that of Aether")
}

/// Percent-encodes what is not unreserved (RFC 3986 §2.3).
fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_documents_become_errors() {
        let body =
            br#"{"type":"about:blank","title":"Too many requests","status":429,"detail":"Too many attempts",
            "code":"rate_limited","hint":"Wait","retry_after_secs":30}"#;
        let error = problem(429, body);
        assert_eq!(error.code, Code::RateLimited);
        assert_eq!(error.message, "Too many attempts");
        assert_eq!(error.hint.as_deref(), Some("Wait"));
        assert_eq!(error.retry_after_secs, Some(30));
    }

    #[test]
    fn other_bodies_become_errors_by_their_status() {
        assert_eq!(problem(404, b"<html>").code, Code::NotFound);
        assert_eq!(problem(401, b"").code, Code::Unauthenticated);
        assert_eq!(problem(503, b"{}").code, Code::Unavailable);
        assert_eq!(problem(418, b"null").code, Code::Internal);
    }

    #[test]
    fn paths_are_encoded() {
        let path = |path| Ask::file("GET", Place::Home, path).map(|ask| ask.path);
        assert_eq!(path("a b/ä&c=1%?#").unwrap(), "/api/v1/files/home/a%20b/%C3%A4%26c%3D1%25%3F%23");
        assert_eq!(path("..%2F").unwrap(), "/api/v1/files/home/..%252F");
        for outside in ["..", "../x", "a/../../b", "./a"] {
            assert_eq!(path(outside).unwrap_err().code, Code::Invalid, "{outside}");
        }
    }
}
