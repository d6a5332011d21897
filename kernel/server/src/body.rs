//! Request bodies and query strings, read within bounds.

use std::{future::Ready, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{StatusCode, header},
    web,
};
use aether_protocol::{Code, Error};
use bytes::BytesMut;
use futures_util::{StreamExt as _, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

use crate::{caller::Caller, problem::Problem, state::State};

/// The largest body of a request that needs no token.
const OPEN_LIMIT_BYTES: usize = 256 * 1024;

/// The JSON body of somebody who is signed in. Strangers are refused before it is read.
pub(crate) struct Signed<T>(pub Caller, pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Signed<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner().and_then(Caller::signed_in);
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let caller = caller?;
            let limit = caller.state.config.json_limit_bytes;
            let args = read_json(&request, payload, limit, caller.state.config.request_timeout).await?;
            Ok(Self(caller, args))
        })
    }
}

/// The JSON body of a command that is open to everybody.
pub(crate) struct Open<T>(pub Caller, pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Open<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let caller = caller?;
            let patience = caller.state.config.request_timeout;
            let args = read_json(&request, payload, OPEN_LIMIT_BYTES, patience).await?;
            Ok(Self(caller, args))
        })
    }
}

/// The query string, with the mistake named.
pub(crate) struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let params = web::Query::<T>::from_query(request.query_string());
        std::future::ready(
            params
                .map(|query| Self(query.into_inner()))
                .map_err(|error| Error::invalid(format!("The query string does not fit: {error}")).into()),
        )
    }
}

async fn read_json<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    limit_bytes: usize,
    patience: Duration,
) -> Result<T, Problem> {
    let is_json =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
            |kind| {
                kind.split(';')
                    .next()
                    .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
            },
        );
    if !is_json {
        return Err(Problem::with_status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Error::invalid("The body is not declared as JSON").hint("Send Content-Type: application/json"),
        ));
    }
    let bytes = read(request, payload, limit_bytes, patience).await?;
    parse(&bytes)
}

/// Parses JSON; the error names the place of the mistake.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!(" at {path}") };
        Error::invalid(format!("The body does not fit{place}: {}", error.inner()))
    })?;
    deserializer
        .end()
        .map_err(|error| Error::invalid(format!("The body does not end where it should: {error}")))?;
    Ok(value)
}

/// Reads a whole body of at most `limit_bytes`; a client that pauses longer than `patience` is refused.
pub(crate) async fn read(
    request: &HttpRequest,
    mut payload: Payload,
    limit_bytes: usize,
    patience: Duration,
) -> Result<BytesMut, Problem> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .unwrap_or(0);
    if declared > limit_bytes as u64 {
        return Err(too_large(limit_bytes));
    }
    let mut body = BytesMut::with_capacity(usize::try_from(declared).unwrap_or(0).min(64 * 1024));
    loop {
        let Ok(chunk) = tokio::time::timeout(patience, payload.next()).await else {
            return Err(Problem::with_status(
                StatusCode::REQUEST_TIMEOUT,
                Error::new(Code::Interrupted, "The body did not arrive in time"),
            ));
        };
        let Some(chunk) = chunk else { return Ok(body) };
        let chunk = chunk.map_err(|error| Error::invalid(format!("The body broke off: {error}")))?;
        if body.len() + chunk.len() > limit_bytes {
            return Err(too_large(limit_bytes));
        }
        body.extend_from_slice(&chunk);
    }
}

fn too_large(limit_bytes: usize) -> Problem {
    Error::new(Code::TooLarge, format!("The body is larger than {limit_bytes} bytes")).into()
}

/// A raw body of somebody who is signed in, at most as large as an upload may be. Waits for a free place
/// among the uploads before the first byte is read.
pub(crate) async fn read_upload(
    state: &State,
    request: &HttpRequest,
    payload: Payload,
) -> Result<Vec<u8>, Problem> {
    let _place = state.uploads.acquire().await.map_err(|_| Error::unavailable("The server stops"))?;
    let body = read(request, payload, state.config.upload_limit_bytes, state.config.request_timeout).await?;
    Ok(body.into())
}
