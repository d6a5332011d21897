//! curl, git, pip and npm, as they come, inside a sandbox.

use std::sync::atomic::Ordering;

use aether_protocol::process::{Layer, Process};

use crate::{Trial, outside::HELLO};

/// Who is not granted.
const OTHER: &str = "refused.test";

/// What an agent's tools need to be there, on the host and so in the sandbox.
fn need(program: &str) {
    assert!(
        std::path::Path::new(program).exists(),
        "{program} is missing, which is needed inside sandboxes: run `cargo xtask setup`"
    );
}

fn network_layer(process: &Process) -> Option<&Layer> {
    process.sandbox.iter().find(|layer| layer.name == "network")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_reaches_what_is_granted_and_is_told_what_is_not() {
    need("/usr/bin/curl");
    let mut trial = Trial::new("", "").await;
    let (plain, tls, grants) = (trial.outside.plain, trial.outside.tls, trial.by_name());
    let (life, output) = trial
        .run(&grants, &format!("curl -sS http://localhost:{plain}/ https://localhost:{tls}/ --cacert ca.pem"))
        .await;
    assert_eq!(output.matches(HELLO).count(), 2, "{output}");
    let shown = network_layer(&life).expect("the layer");
    assert!(shown.active && shown.detail.contains(&format!("localhost:{plain},local")), "{shown:?}");
    let allowed = trial.events_of(&life, "egress.allowed").await;
    assert_eq!(allowed.len(), 2, "{allowed:#?}");
    assert_eq!((&allowed[0]["host"], &allowed[0]["port"]), (&"localhost".into(), &plain.into()));
    assert_eq!(allowed[0]["received_bytes"], HELLO.len() + 1);
    assert!(allowed[1]["sent_bytes"].as_u64().unwrap() > 100, "{allowed:#?}");

    let (life, output) = trial
        .run(&grants, &format!("curl -sS http://{OTHER}/; curl -sS -v https://{OTHER}/; curl -sS -L http://localhost:{plain}/redirect"))
        .await;
    assert!(output.contains(&format!("{OTHER}:80 is not granted to this agent")), "{output}");
    assert!(output.contains(&format!("aether spawn --network {OTHER}")), "{output}");
    assert!(output.contains(&format!("403 {OTHER} is not granted to this agent")), "{output}");
    assert!(output.contains(&format!("127.0.0.1:{} is not granted", trial.outside.secret)), "{output}");
    let refused = trial.events_of(&life, "egress.refused").await;
    let hosts: Vec<&str> = refused.iter().map(|event| event["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, [OTHER, OTHER, "127.0.0.1"]);
    assert_eq!(trial.outside.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn git_clones_what_is_granted_and_is_told_what_is_not() {
    need("/usr/bin/git");
    let mut trial = Trial::new("", "").await;
    let (plain, tls, grants) = (trial.outside.plain, trial.outside.tls, trial.by_name());
    let (_, output) = trial
        .run(
            &grants,
            &format!(
                "git clone -q http://localhost:{plain}/git/demo.git one && cat one/README;
                 git -c http.sslCAInfo=$HOME/ca.pem clone -q https://localhost:{tls}/git/demo.git two && cat two/README;
                 git clone -q http://{OTHER}/git/demo.git three; git clone -q https://{OTHER}/git/demo.git four; ls"
            ),
        )
        .await;
    assert_eq!(output.matches("cloned through the proxy").count(), 2, "{output}");
    for scheme in ["http", "https"] {
        assert!(output.contains(&format!("unable to access '{scheme}://{OTHER}/git/demo.git/'")), "{output}");
    }
    assert!(output.contains("403") && !output.contains("three\n") && !output.contains("four\n"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pip_downloads_what_is_granted_and_is_told_what_is_not() {
    need("/usr/bin/pip3");
    let mut trial = Trial::new("", "").await;
    let (tls, grants) = (trial.outside.tls, trial.by_name());
    let pip =
        "/usr/bin/python3 -m pip download --disable-pip-version-check --no-cache-dir --no-deps --retries 1";
    let (_, output) = trial
        .run(
            &grants,
            &format!(
                "{pip} --cert ca.pem --index-url https://localhost:{tls}/simple/ demo-wheel; ls;
                 {pip} --cert ca.pem --index-url https://{OTHER}/simple/ demo-wheel"
            ),
        )
        .await;
    assert!(output.contains("demo_wheel-1.0-py3-none-any.whl\n"), "{output}");
    assert!(output.contains(&format!("Tunnel connection failed: 403 {OTHER} is not granted")), "{output}");
    assert!(trial.home().join("demo_wheel-1.0-py3-none-any.whl").is_file());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn npm_views_what_is_granted_and_is_told_what_is_not() {
    need("/usr/bin/npm");
    let mut trial = Trial::new("", "").await;
    let (plain, tls, grants) = (trial.outside.plain, trial.outside.tls, trial.by_name());
    let npm =
        "npm --fetch-retries=0 --no-update-notifier --no-audit --loglevel=http view demo-package version";
    let (_, output) = trial
        .run(
            &grants,
            &format!(
                "{npm} --registry=https://localhost:{tls}/npm/ --cafile=$HOME/ca.pem;
                 {npm} --registry=http://localhost:{plain}/npm/;
                 {npm} --registry=http://{OTHER}/npm/"
            ),
        )
        .await;
    assert_eq!(output.lines().filter(|line| line.trim() == "1.2.3").count(), 2, "{output}");
    assert!(output.contains(OTHER) && output.contains("403"), "{output}");
}
