//! A device that is set to be offline.

use std::time::{Duration, Instant};

use crate::{Trial, outside::HELLO};

/// An address of the internet. Nothing is sent to it: that is what is tried.
const FAR: &str = "93.184.215.14";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offline_nothing_beyond_the_lan_is_asked() {
    let far = format!("[models.endpoints.far]\nbase_url = \"http://{FAR}/v1\"\n");
    let mut trial = Trial::new("[network]\noffline = true", &far).await;
    let port = trial.outside.plain;
    let mut grants = trial.by_name();
    grants.extend([FAR.to_owned(), format!("{FAR}:8080,local")]);
    let start = Instant::now();
    // An address, since looking up a name may be beyond the local network too.
    grants.push(format!("127.0.0.1:{port},local"));
    let (life, output) = trial
        .run(
            &grants,
            &format!("curl -sS http://{FAR}/; curl -sS http://{FAR}:8080/; curl -sS -v https://{FAR}/; curl -sS http://127.0.0.1:{port}/"),
        )
        .await;
    assert_eq!(output.matches("this device is set to be offline").count(), 3, "{output}");
    assert!(output.contains(HELLO), "{output}");
    assert!(start.elapsed() < Duration::from_mins(1), "somebody waited for an answer");
    assert_eq!(trial.events_of(&life, "egress.refused").await.len(), 3);
    let models = trial.world.done("GET", "/models", None).await.to_string();
    assert!(models.contains("far") && models.contains("set to be offline"), "{models}");
}
