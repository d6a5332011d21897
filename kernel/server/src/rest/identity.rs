//! `identity.*`: the lock screen, signing in and out, sessions.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    delete, get, post, web,
};
use aether_protocol::{
    Page, SessionId,
    identity::{
        Door, DoorState, Login, Logout, Me, Revoke, Session, Sessions, Setup, SignedIn, SignedOut, WhoAmI,
    },
};

use crate::{
    body::Open,
    caller::{Answer, COOKIE, Caller, json},
    problem::Refusals,
};

/// What the lock screen needs to know.
#[utoipa::path(
    tag = "identity", operation_id = "identity.door", security(()),
    responses((status = 200, body = DoorState), Refusals)
)]
#[get("/api/v1/door")]
pub(crate) async fn door(caller: Caller) -> Answer {
    caller.ask(Door {}).await
}

/// Creates the owner, with the one-time code that the device shows, and signs in.
#[utoipa::path(
    tag = "identity", operation_id = "identity.setup", security(()), request_body = Setup,
    responses((status = 200, body = SignedIn, headers(("set-cookie" = String))), Refusals)
)]
#[post("/api/v1/setup")]
pub(crate) async fn setup(request: HttpRequest, body: Open<Setup>) -> Answer {
    let Open(caller, args) = body;
    welcome(&request, caller.state.kernel.request(&caller.actor, args).await?)
}

/// Signs in. Programs keep the token; browsers get the same as a cookie that scripts cannot read.
#[utoipa::path(
    tag = "identity", operation_id = "identity.login", security(()), request_body = Login,
    responses((status = 200, body = SignedIn, headers(("set-cookie" = String))), Refusals)
)]
#[post("/api/v1/session")]
pub(crate) async fn login(request: HttpRequest, body: Open<Login>) -> Answer {
    let Open(caller, args) = body;
    welcome(&request, caller.state.kernel.request(&caller.actor, args).await?)
}

/// Ends the caller's own session.
#[utoipa::path(tag = "identity", operation_id = "identity.logout", responses((status = 200, body = SignedOut), Refusals))]
#[delete("/api/v1/session")]
pub(crate) async fn logout(caller: Caller) -> Answer {
    let mut response = caller.ask(Logout {}).await?;
    set_cookie(&mut response, "", 0);
    Ok(response)
}

/// Who the caller is.
#[utoipa::path(tag = "identity", operation_id = "identity.whoami", responses((status = 200, body = Me), Refusals))]
#[get("/api/v1/me")]
pub(crate) async fn whoami(caller: Caller) -> Answer {
    caller.ask(WhoAmI {}).await
}

/// The caller's sessions, newest first.
#[utoipa::path(
    tag = "identity", operation_id = "identity.sessions",
    responses((status = 200, body = Page<Session>), Refusals)
)]
#[get("/api/v1/sessions")]
pub(crate) async fn sessions(caller: Caller) -> Answer {
    caller.ask(Sessions {}).await
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    tag = "identity", operation_id = "identity.revoke", params(("session" = SessionId, Path)),
    responses((status = 200, body = SignedOut), Refusals)
)]
#[delete("/api/v1/sessions/{session}")]
pub(crate) async fn revoke(caller: Caller, session: web::Path<SessionId>) -> Answer {
    caller.ask(Revoke { session: *session }).await
}

fn welcome(request: &HttpRequest, mut signed_in: SignedIn) -> Answer {
    let token = std::mem::take(&mut signed_in.token);
    // In a browser the cookie alone holds the token, where no script can read it.
    let is_browser = request.headers().contains_key("sec-fetch-site");
    if !is_browser {
        signed_in.token.clone_from(&token);
    }
    let mut response = json(&signed_in)?;
    let session = &signed_in.session;
    let secs = i64::try_from(session.expires_at.since_ms(session.created_at) / 1000).unwrap_or(0);
    set_cookie(&mut response, &token, secs);
    Ok(response)
}

fn set_cookie(response: &mut HttpResponse, token: &str, secs: i64) {
    let cookie = Cookie::build(COOKIE, token)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(Duration::seconds(secs))
        .finish();
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::error!(%error, "the session cookie cannot be written");
    }
}
