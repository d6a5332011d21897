//! The web desktop's files, as `cargo xtask web` leaves them: each with a `.br` and a `.gz` beside it.

mod files;
mod page;

use std::path::PathBuf;

use actix_web::{
    HttpRequest, HttpResponse,
    body::SizedStream,
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};

use self::files::{Coding, Files, Variant};

/// How large a file is once unpacked, so that the page can show how far its loading has come.
const UNCOMPRESSED_LENGTH: HeaderName = HeaderName::from_static("x-uncompressed-length");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_EMBEDDER_POLICY: HeaderName = HeaderName::from_static("cross-origin-embedder-policy");

/// What nobody of the desktop needs. The clipboard stays: terminals copy and paste.
const PERMISSIONS: &str =
    "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), bluetooth=()";

/// The desktop's files.
pub(crate) struct Desktop {
    files: Option<Files>,
}

impl Desktop {
    /// Serves `dir`; the page that says how to build it when there is none, or nothing in it.
    pub fn new(dir: Option<PathBuf>) -> Self {
        Self { files: dir.map(Files::new) }
    }

    /// A file, the desktop's page, or the page that says how to build it. `None` when there is no such file.
    pub async fn serve(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.path().strip_prefix('/')?;
        let name = if path.is_empty() { "index.html" } else { path };
        let coding = Coding::best(request.headers());
        let found = match &self.files {
            Some(files) => files.find(name, coding).await,
            None => None,
        };
        match found {
            Some(variant) => Some(answer(request, name, variant)),
            None if name == "index.html" => {
                Some(document(HttpResponse::NotFound(), page::not_built_policy()).body(page::NOT_BUILT))
            }
            None => None,
        }
    }
}

fn answer(request: &HttpRequest, name: &str, variant: Variant) -> HttpResponse {
    let is_page = files::is_page(name);
    let etag = format!("\"{}\"", variant.sha256);
    let is_known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag));
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    if is_page {
        response = document(response, page::policy(&variant.inline_scripts));
    }
    let cache = if files::is_hashed(name) { "public, max-age=31536000, immutable" } else { "no-cache" };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header((header::CACHE_CONTROL, cache));
    if is_known {
        return response.finish();
    }
    response
        .insert_header((header::CONTENT_TYPE, files::content_type(name)))
        .insert_header((UNCOMPRESSED_LENGTH, variant.uncompressed_bytes));
    if let Some(coding) = variant.coding.name() {
        response.insert_header((header::CONTENT_ENCODING, coding));
    }
    if request.method() == Method::HEAD {
        return response
            .body(SizedStream::new(variant.size_bytes, futures_util::stream::empty::<std::io::Result<_>>()));
    }
    response.body(SizedStream::new(variant.size_bytes, variant.content()))
}

/// The headers of a page that a browser shows.
fn document(mut response: actix_web::HttpResponseBuilder, policy: String) -> actix_web::HttpResponseBuilder {
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.insert_header((header::CONTENT_SECURITY_POLICY, policy));
    }
    response
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((PERMISSIONS_POLICY, PERMISSIONS))
        .insert_header((CROSS_ORIGIN_OPENER_POLICY, "same-origin"))
        .insert_header((CROSS_ORIGIN_EMBEDDER_POLICY, "require-corp"));
    response
}

#[cfg(test)]
mod tests;
