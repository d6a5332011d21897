//! What every request passes first: the name it was sent to, the page it comes from, and the headers that
//! every answer carries.

use std::net::IpAddr;

use actix_web::{
    ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode, Version,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use aether_protocol::Error;

use crate::{problem::Problem, state::State, unread::Unread};

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The middleware.
pub(crate) async fn guard<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let hsts = request.app_data::<web::Data<State>>().is_some_and(|state| state.config.hsts);
    let unread = Unread::hold(&mut request);
    let mut response = match admit(&request) {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => {
            let mut answer = problem.error_response();
            answer.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
            request.into_response(answer).map_into_right_body()
        }
    };
    if unread.is_some_and(Unread::release) {
        response.response_mut().head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
    }
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    Ok(response)
}

fn admit(request: &ServiceRequest) -> Result<(), Problem> {
    let Some(state) = request.app_data::<web::Data<State>>() else {
        return Err(Error::internal("The server has no state").into());
    };
    let authority = authority(request)?;
    // DNS rebinding: a foreign name that points here must not reach the API in its own page's name.
    if !is_our_name(host_of(authority), &state.names) {
        return Err(Problem::with_status(
            StatusCode::MISDIRECTED_REQUEST,
            Error::forbidden("The request was sent to a name that is not this machine's")
                .hint("Use its address, its host name, or add the name to server.names in aether.toml"),
        ));
    }
    if let Some(origin) = request.headers().get(header::ORIGIN)
        && !is_same_origin(origin, authority)
    {
        return Err(Error::forbidden("The request comes from a page of another site").into());
    }
    Ok(())
}

/// Host and port that the request was sent to: `:authority` in HTTP/2, `Host` in HTTP/1.
fn authority(request: &ServiceRequest) -> Result<&str, Problem> {
    let malformed = || Problem::from(Error::invalid("The request does not say which host it is for"));
    let mut hosts = request.headers().get_all(header::HOST);
    let host = hosts.next().map(|value| value.to_str().map_err(|_| malformed())).transpose()?;
    if hosts.next().is_some() {
        return Err(malformed());
    }
    let in_target = request.uri().authority().map(actix_web::http::uri::Authority::as_str);
    match (host, in_target) {
        (Some(host), None) => Ok(host),
        (None, Some(target)) if request.version() == Version::HTTP_2 => Ok(target),
        (Some(host), Some(target)) if host.eq_ignore_ascii_case(target) => Ok(host),
        _ => Err(malformed()),
    }
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or("", |(host, _)| host);
    }
    authority.rsplit_once(':').map_or(authority, |(host, port)| {
        if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
    })
}

fn is_our_name(host: &str, names: &[String]) -> bool {
    host.parse::<IpAddr>().is_ok() || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

/// Whether `Origin` is this server, as the request itself names it.
fn is_same_origin(origin: &HeaderValue, authority: &str) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://")) else {
        return false;
    };
    let bare = |authority: &'_ str| authority.strip_suffix(":443").unwrap_or(authority).to_ascii_lowercase();
    origin.eq_ignore_ascii_case(authority) || bare(origin) == bare(authority)
}

/// Whether the request says that a page of this server sent it. An `Origin` that is there was compared
/// already.
pub(crate) fn says_same_origin(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.contains_key(header::ORIGIN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_from_authorities() {
        for (authority, host) in [
            ("localhost", "localhost"),
            ("localhost:7380", "localhost"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:7380", "::1"),
            ("[::1]", "::1"),
            ("[::1", ""),
            ("evil.example:x", "evil.example:x"),
            ("", ""),
        ] {
            assert_eq!(host_of(authority), host, "{authority}");
        }
    }

    #[test]
    fn foreign_names_are_not_ours() {
        let names = vec!["localhost".to_owned(), "attic.local".to_owned()];
        for ours in ["localhost", "LOCALHOST", "attic.local", "10.0.0.7", "::1"] {
            assert!(is_our_name(ours, &names), "{ours}");
        }
        for foreign in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "attic"] {
            assert!(!is_our_name(foreign, &names), "{foreign}");
        }
    }

    #[test]
    fn origins_must_be_the_server_itself() {
        let same =
            |origin: &'static str, authority| is_same_origin(&HeaderValue::from_static(origin), authority);
        assert!(same("https://localhost:7380", "localhost:7380"));
        assert!(same("https://LOCALHOST:7380", "localhost:7380"));
        assert!(same("https://attic.local", "attic.local:443"));
        for foreign in
            ["null", "", "http://localhost:7380", "https://localhost", "https://localhost:7380.evil.example"]
        {
            assert!(!same(foreign, "localhost:7380"), "{foreign}");
        }
    }
}
