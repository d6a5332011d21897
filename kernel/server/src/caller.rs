//! Who asks: the token of a request, and the calls it makes.

use std::{future::Ready, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{Method, header},
    web,
};
use aether_protocol::{Actor, Error, Request};
use serde::Serialize;

use crate::{guard, problem::Problem, state::State};

/// The name of the browser's cookie.
pub(crate) const COOKIE: &str = "aether_session";

/// What a handler returns.
pub(crate) type Answer = Result<HttpResponse, Problem>;

/// How the caller proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Not at all.
    None,
    /// By the browser's cookie.
    Cookie,
    /// By `Authorization: Bearer`.
    Bearer,
}

/// Whoever sent a request.
pub(crate) struct Caller {
    /// For the gate.
    pub actor: Actor,
    /// How it is known.
    pub proof: Proof,
    /// What handlers share.
    pub state: web::Data<State>,
}

impl Caller {
    /// Puts a request to the gate and answers with its reply.
    pub async fn ask<R: Request>(&self, request: R) -> Answer {
        json(&self.state.kernel.request(&self.actor, request).await?)
    }

    /// Refuses strangers before anything of their body is read.
    pub fn signed_in(self) -> Result<Self, Problem> {
        if matches!(self.actor, Actor::Anonymous { .. }) {
            Err(Error::unauthenticated().into())
        } else {
            Ok(self)
        }
    }
}

/// The token of a request and where it stood.
pub(crate) fn token(request: &HttpRequest) -> Option<(&str, Proof)> {
    let headers = request.headers();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A header that is there but is no bearer token must not fall back to the cookie.
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then_some((token.trim(), Proof::Bearer));
    }
    headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .map(|token| (token, Proof::Cookie))
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(caller(request))
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let Some(state) = request.app_data::<web::Data<State>>().cloned() else {
        return Err(Error::internal("The server has no state").into());
    };
    let known = token(request)
        .and_then(|(token, proof)| state.kernel.authenticate(token).map(|actor| (actor, proof)));
    let (actor, proof) = known.unwrap_or_else(|| (anonymous(request), Proof::None));
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // A foreign Origin was refused before; what is left is a request by cookie that says nothing of where it
    // comes from, and no browser sends that.
    if proof == Proof::Cookie && !is_safe && !guard::says_same_origin(request.headers()) {
        return Err(Error::forbidden("The request does not say which page it comes from")
            .hint("Programs send the token as Authorization: Bearer instead of the cookie")
            .into());
    }
    Ok(Caller { actor, proof, state })
}

fn anonymous(request: &HttpRequest) -> Actor {
    let peer = request.peer_addr().map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string());
    Actor::Anonymous { peer: Arc::from(peer) }
}

/// A 200 with a JSON body.
pub(crate) fn json<T: Serialize>(value: &T) -> Answer {
    match serde_json::to_vec(value) {
        Ok(body) => {
            Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(body))
        }
        Err(error) => Err(Error::internal(format!("The reply cannot be written as JSON: {error}")).into()),
    }
}
