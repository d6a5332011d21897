//! Which form of a file is served, under which headers, and what is never served.

use actix_web::{
    body::to_bytes,
    http::header::{self, HeaderMap, HeaderValue},
    test::TestRequest,
};

use super::*;

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let web = dir.path().join("web");
    std::fs::create_dir(&web).unwrap();
    for (name, content) in [
        ("index.html", "<script src=\"a.js\"></script><script>start()</script>"),
        ("shell-5f3a9c01.wasm", "wasm, long"),
        ("shell-5f3a9c01.wasm.br", "br"),
        ("shell-5f3a9c01.wasm.gz", "gz"),
        (".hidden", "CANARY"),
    ] {
        std::fs::write(web.join(name), content).unwrap();
    }
    std::fs::write(dir.path().join("secret.txt"), "CANARY").unwrap();
    std::os::unix::fs::symlink(dir.path().join("secret.txt"), web.join("link.txt")).unwrap();
    dir
}

async fn get(desktop: &Desktop, uri: &str, accept: &'static str) -> Option<(StatusCode, HeaderMap, Vec<u8>)> {
    let request =
        TestRequest::with_uri(uri).insert_header((header::ACCEPT_ENCODING, accept)).to_http_request();
    let response = desktop.serve(&request).await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Some((status, headers, to_bytes(response.into_body()).await.unwrap().to_vec()))
}

#[actix_web::test]
async fn the_best_form_is_served_and_named() {
    let dir = folder();
    let desktop = Desktop::new(Some(dir.path().join("web")));
    for (accept, body, coding) in [
        ("gzip, br", "br", Some("br")),
        ("gzip", "gz", Some("gzip")),
        ("br;q=0, gzip;q=0.5", "gz", Some("gzip")),
        ("identity", "wasm, long", None),
    ] {
        let (status, headers, got) = get(&desktop, "/shell-5f3a9c01.wasm", accept).await.unwrap();
        assert_eq!(status, StatusCode::OK);
        assert_eq!(got, body.as_bytes(), "{accept}");
        assert_eq!(headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap()), coding);
        assert_eq!(headers.get(UNCOMPRESSED_LENGTH).unwrap(), "10");
        assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/wasm");
        assert!(headers.get(header::CACHE_CONTROL).unwrap().to_str().unwrap().contains("immutable"));
    }
}

#[actix_web::test]
async fn a_page_has_a_policy_with_its_own_scripts_and_is_asked_for_again() {
    let dir = folder();
    let desktop = Desktop::new(Some(dir.path().join("web")));
    let (_, headers, _) = get(&desktop, "/", "").await.unwrap();
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' 'sha256-"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 1);
    assert_eq!(headers.get(header::CACHE_CONTROL).unwrap(), "no-cache");

    let etag = headers.get(header::ETAG).unwrap().clone();
    let request = TestRequest::with_uri("/").insert_header((header::IF_NONE_MATCH, etag)).to_http_request();
    assert_eq!(desktop.serve(&request).await.unwrap().status(), StatusCode::NOT_MODIFIED);

    std::fs::write(dir.path().join("web/index.html"), "changed").unwrap();
    let (status, changed, body) = get(&desktop, "/", "").await.unwrap();
    assert_eq!((status, body.as_slice()), (StatusCode::OK, b"changed".as_slice()));
    assert_ne!(changed.get(header::ETAG), headers.get(header::ETAG));
}

#[actix_web::test]
async fn nothing_outside_is_served() {
    let dir = folder();
    let desktop = Desktop::new(Some(dir.path().join("web")));
    for uri in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/link.txt",
        "/.hidden",
        "//secret.txt",
        "/a/../../secret.txt",
        "/secret.txt%00.html",
        "/shell-5f3a9c01.wasm/",
        "/web",
        "/./index.html",
    ] {
        assert!(get(&desktop, uri, "").await.is_none(), "{uri}");
    }
}

#[actix_web::test]
async fn without_a_desktop_the_page_says_what_to_run() {
    for desktop in [Desktop::new(None), Desktop::new(Some("/nowhere/at/all".into()))] {
        let (status, headers, body) = get(&desktop, "/", "").await.unwrap();
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(String::from_utf8(body).unwrap().contains("cargo xtask web"));
        assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY));
        assert!(get(&desktop, "/app.js", "").await.is_none());
    }
}

#[test]
fn hashed_names_are_told_from_others() {
    for name in ["shell-5f3a9c01.wasm", "a/5f3a9c01d2e4.js", "x_0123456789abcdef_bg.wasm"] {
        assert!(files::is_hashed(name), "{name}");
    }
    for name in ["index.html", "shell.js", "favicon.ico", "deadbeef.js", "aether_shell_bg.wasm"] {
        assert!(!files::is_hashed(name), "{name}");
    }
}

#[test]
fn codings_follow_the_header() {
    let mut headers = HeaderMap::new();
    assert_eq!(Coding::best(&headers), Coding::Identity);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("GZIP, BR;q=0.0"));
    assert_eq!(Coding::best(&headers), Coding::Gzip);
}
