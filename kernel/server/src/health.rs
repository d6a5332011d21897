//! Whether the kernel lives (`/healthz`) and does all it should (`/readyz`). Open to everybody, and telling
//! nobody more than yes or no.

use crate::state::State;
use actix_web::{HttpResponse, get, http::header, web};

/// The process answers.
#[utoipa::path(tag = "health", operation_id = "healthz", responses((status = 200, body = String, content_type = "text/plain")))]
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    plain(HttpResponse::Ok(), "ok\n")
}

/// The kernel answers, and no part of it has failed.
#[utoipa::path(
    tag = "health", operation_id = "readyz",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain")
    )
)]
#[get("/readyz")]
pub(crate) async fn readyz(state: web::Data<State>) -> HttpResponse {
    if state.kernel.healthy().await {
        plain(HttpResponse::Ok(), "ready\n")
    } else {
        plain(HttpResponse::ServiceUnavailable(), "not ready\n")
    }
}

fn plain(mut response: actix_web::HttpResponseBuilder, text: &'static str) -> HttpResponse {
    response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body(text)
}
