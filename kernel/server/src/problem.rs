//! Errors on the wire: problem documents (RFC 9457) with the fields of [`aether_protocol::Error`].

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use aether_protocol::{Code, Error};
use serde::Serialize;

/// An error with the status under which it is answered.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    error: Error,
    allow: Option<String>,
}

/// The document, as it travels.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Always `about:blank`: `code` says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, one sentence.
    detail: &'a str,
    /// For programs.
    code: Code,
    /// What to do, where there is something to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    /// Seconds after which another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_secs: Option<u32>,
}

impl Problem {
    /// An error under a status that its code alone does not give.
    pub fn with_status(status: StatusCode, error: Error) -> Self {
        Self { status, error, allow: None }
    }

    /// 405, naming the methods that would do.
    pub fn method_not_allowed(method: &str, path: &str, allow: String) -> Self {
        let error = Error::invalid(format!("{path} does not answer {method}")).hint(format!("Use {allow}"));
        Self { status: StatusCode::METHOD_NOT_ALLOWED, error, allow: Some(allow) }
    }

    /// 404 for an address that nothing answers.
    pub fn no_such_address(path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        Error::new(Code::NotFound, format!("There is nothing at {shown}")).into()
    }
}

/// The status that a code is answered under.
fn status_of(code: Code) -> StatusCode {
    match code {
        Code::Invalid => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict | Code::Exhausted => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Interrupted | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unsupported => StatusCode::NOT_IMPLEMENTED,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self { status: status_of(error.code), error, allow: None }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let document = Document {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.error.message,
            code: self.error.code,
            hint: self.error.hint.as_deref(),
            retry_after_secs: self.error.retry_after_secs,
        };
        let mut response = HttpResponse::build(self.status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        if let Some(secs) = self.error.retry_after_secs {
            response.insert_header((header::RETRY_AFTER, secs));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"aether\""));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        // What was not read of the body must not be taken for the next request.
        if self.status == StatusCode::PAYLOAD_TOO_LARGE || self.status == StatusCode::REQUEST_TIMEOUT {
            response.force_close();
        }
        response.body(serde_json::to_vec(&document).unwrap_or_default())
    }
}

/// The refusals that every operation of the API can answer with, for the OpenAPI document.
pub(crate) struct Refusals;

impl utoipa::IntoResponses for Refusals {
    fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
        use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = |text: &str| {
            ResponseBuilder::new()
                .description(text)
                .content("application/problem+json", content.clone())
                .build()
        };
        [
            ("4XX", response("The request was refused; the document says why and what to do")),
            ("5XX", response("Something failed, or is not available at present")),
        ]
        .into_iter()
        .map(|(status, response)| (status.to_owned(), response.into()))
        .collect()
    }
}
