//! Servers outside of the sandbox: pages, a git server, a package index and a registry, plain and over TLS; and
//! one that nobody is granted.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// What the granted server says, and what the other one says.
pub const HELLO: &str = "hello from outside";
const SECRET: &str = "a secret of the local network";

/// The servers. They end with the test's runtime.
pub struct Outside {
    /// The port of the server without TLS.
    pub plain: u16,
    /// The port of the same with TLS.
    pub tls: u16,
    /// The port of the one that nobody is granted.
    pub secret: u16,
    /// The certificate of the authority that the one with TLS stands on.
    pub authority: String,
    /// The heads that the granted servers got.
    pub heads: Arc<Mutex<Vec<String>>>,
    /// How often the other one was reached.
    pub reached: Arc<AtomicUsize>,
}

struct Site {
    folder: TempDir,
    secret: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Outside {
    pub async fn start() -> Self {
        let (plain, tls, secret) = (listen().await, listen().await, listen().await);
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let reached = Arc::new(AtomicUsize::new(0));
        let (acceptor, authority) = certificate();
        let outside = Self {
            plain: port(&plain),
            tls: port(&tls),
            secret: port(&secret),
            authority,
            heads: Arc::clone(&heads),
            reached: Arc::clone(&reached),
        };
        let site = Arc::new(Site { folder: contents(), secret: outside.secret, heads });
        let behind_tls = Arc::clone(&site);
        tokio::spawn(async move {
            while let Ok((stream, _)) = plain.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&site)));
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = tls.accept().await {
                let (acceptor, site) = (acceptor.clone(), Arc::clone(&behind_tls));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, site).await;
                    }
                });
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = secret.accept().await {
                reached.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{SECRET}").as_bytes()).await;
            }
        });
        outside
    }

    /// The paths that were asked for.
    pub fn paths(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads.iter().filter_map(|head| Some(head.split(' ').nth(1)?.to_owned())).collect()
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// An authority of the test's own, and a certificate for localhost.
fn certificate() -> (TlsAcceptor, String) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    // Certificates with one name are taken for one that signed itself.
    authority.distinguished_name.push(DnType::CommonName, "an authority for this test");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.use_authority_key_identifier_extension = true;
    let chain = vec![params.signed_by(&key, &issuer).unwrap().der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority_pem)
}

/// A repository and a wheel.
fn contents() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"set -e
        git init -q -b main work
        cd work
        echo 'cloned through the proxy' > README
        git add README
        git -c user.name=test -c user.email=test@localhost commit -qm first
        cd ..
        git clone -q --bare work demo.git
        python3 - <<'END'
import zipfile
wheel = zipfile.ZipFile("demo_wheel-1.0-py3-none-any.whl", "w")
info = "demo_wheel-1.0.dist-info/"
wheel.writestr("demo_wheel.py", "answer = 42\n")
wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: demo-wheel\nVersion: 1.0\n")
wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
wheel.writestr(info + "RECORD", "demo_wheel.py,,\n")
wheel.close()
END"#;
    let made = Command::new("sh").args(["-c", script]).current_dir(folder.path()).status().unwrap();
    assert!(made.success(), "git or python3 is missing: run `cargo xtask setup`");
    folder
}

/// One request, answered.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, site: Arc<Site>) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if !matches!(stream.read_buf(&mut bytes).await, Ok(read) if read > 0) {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut body = bytes.split_off(end + 4);
    site.heads.lock().unwrap().push(head.clone());
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let length: usize = field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let chunked = field("transfer-encoding").is_some();
    while body.len() < length || (chunked && !body.ends_with(b"0\r\n\r\n")) {
        if !matches!(stream.read_buf(&mut body).await, Ok(read) if read > 0) {
            return;
        }
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let page = |kind: &str, body: Vec<u8>| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    };
    let answer = match path {
        "/redirect" => format!(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{}/secret\r\nContent-Length: 0\r\n\r\n",
            site.secret
        )
        .into_bytes(),
        "/switch" => {
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: anything\r\nConnection: upgrade\r\n\r\n".to_vec()
        }
        "/simple/demo-wheel/" => page(
            "text/html",
            b"<a href=\"/packages/demo_wheel-1.0-py3-none-any.whl\">demo_wheel-1.0-py3-none-any.whl</a>"
                .to_vec(),
        ),
        "/npm/demo-package" => {
            let version = json!({
                "name": "demo-package", "version": "1.2.3",
                "dist": { "tarball": "http://localhost/demo.tgz", "shasum": "0".repeat(40) },
            });
            let about = json!({ "name": "demo-package", "dist-tags": { "latest": "1.2.3" }, "versions": { "1.2.3": version } });
            page("application/json", about.to_string().into_bytes())
        }
        path if path.starts_with("/packages/") => {
            let name = path.rsplit('/').next().unwrap_or_default();
            page("application/octet-stream", std::fs::read(site.folder.path().join(name)).unwrap_or_default())
        }
        path if path.starts_with("/git/") => {
            let environment = [
                ("REQUEST_METHOD", method),
                ("PATH_INFO", path.trim_start_matches("/git")),
                ("QUERY_STRING", query),
                ("CONTENT_TYPE", &field("content-type").unwrap_or_default()),
                ("CONTENT_LENGTH", &body.len().to_string()),
                ("HTTP_CONTENT_ENCODING", &field("content-encoding").unwrap_or_default()),
                ("GIT_PROTOCOL", &field("git-protocol").unwrap_or_default()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
            git(site.folder.path(), &environment, &body).await
        }
        _ => page("text/plain", format!("{HELLO}\n").into_bytes()),
    };
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

/// git's own server, by CGI (git-http-backend(1)).
async fn git(folder: &std::path::Path, environment: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut backend = tokio::process::Command::new("git")
        .arg("http-backend")
        .envs(environment.iter().cloned())
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git");
    backend.stdin.take().unwrap().write_all(body).await.unwrap();
    let output = backend.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").expect("a head of git's server");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let length = output.len() - end - 4;
    let start = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{head}\r\n\r\n");
    [start.as_bytes(), &output[end + 4..]].concat()
}
