//! A whole session of a device that is set to be offline, with a capture of what leaves it. Needs Chromium, iproute2,
//! and what [`aether_tests::journey`] needs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket},
    process::Command,
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use aether_protocol::{journal::StepBody, process::State};
use aether_tests::{
    chromium::Chromium,
    daemon::{Daemon, OWNER, PASSWORD},
    journey,
    screen::{Key, Screen as _},
    scripted::{Answer, MODEL, Script, Server},
};
use anyhow::{Context as _, Result, ensure};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketType, recv, socket};
use serde_json::json;

/// Set in the process that has the network to itself.
const ALONE: &str = "AETHER_TEST_ALONE";
/// The device's address, and the router's, which leads nowhere.
const DEVICE: &str = "192.168.77.2/24";
const ROUTER: &str = "192.168.77.1";
const ROUTER_MAC: &str = "02:00:00:00:77:01";
/// Addresses of the internet (RFC 5737), for what must be seen and for what must not.
const SEEN: &str = "203.0.113.1";
const LAST: &str = "203.0.113.2";
const FAR: &str = "203.0.113.7";
const FARTHER: &str = "203.0.113.8";
/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn a_device_that_is_offline_sends_nothing_beyond_its_local_network() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        return runtime.unwrap().block_on(session()).unwrap();
    }
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.args(["--user", "--map-current-user", "--keep-caps"]);
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_device_that_is_offline_sends_nothing_beyond_its_local_network";
    let status = unshare
        .args(["--net", "--mount", "--"])
        .arg(this)
        .args(["--exact", name, "--nocapture"])
        .env(ALONE, "1")
        .status();
    assert!(status.expect("util-linux is missing: it has `unshare`").success());
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output();
    let output = output.expect("iproute2 is missing; run `cargo xtask setup`");
    assert!(output.status.success(), "ip {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Gives the device a wire to a router that answers nobody. What comes out at its other end is sent here.
fn wire() -> Receiver<IpAddr> {
    let (sender, captured) = channel();
    let (ready, is_ready) = channel();
    let (plugged, is_plugged) = channel();
    std::thread::spawn(move || router(&sender, &ready, &is_plugged));
    let router: i32 = is_ready.recv().unwrap();
    ip(&["link", "set", "lo", "up"]);
    ip(&["link", "add", "lan0", "type", "veth", "peer", "name", "router0"]);
    ip(&["link", "set", "router0", "address", ROUTER_MAC]);
    ip(&["link", "set", "router0", "netns", &router.to_string()]);
    plugged.send(()).unwrap();
    is_ready.recv().unwrap();
    ip(&["addr", "add", DEVICE, "dev", "lan0"]);
    ip(&["link", "set", "lan0", "up"]);
    ip(&["neigh", "add", ROUTER, "lladdr", ROUTER_MAC, "dev", "lan0", "nud", "permanent"]);
    ip(&["route", "add", "default", "via", ROUTER]);
    captured
}

/// The other end of the wire, in a network namespace of this thread's own: nothing else is to be heard there.
#[expect(unsafe_code, reason = "rustix marks every unshare so, since some break memory safety")]
fn router(captured: &Sender<IpAddr>, ready: &Sender<i32>, plugged: &Receiver<()>) {
    // SAFETY: a network namespace of its own changes nothing that other threads of this process share with it.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.unwrap();
    ready.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
    plugged.recv().unwrap();
    let every = Protocol::from_raw(u32::from(0x0003_u16.to_be()).try_into().unwrap());
    let socket = socket(AddressFamily::PACKET, SocketType::RAW, Some(every)).unwrap();
    ip(&["link", "set", "router0", "up"]);
    ready.send(0).unwrap();
    let mut frame = [0_u8; 2048];
    loop {
        let (_, length) = recv(&socket, &mut frame[..], RecvFlags::empty()).unwrap();
        let Some(to) = destination(&frame[..length.min(frame.len())]) else { continue };
        if captured.send(to).is_err() {
            return;
        }
    }
}

/// Where an Ethernet frame goes; `None` where it is neither IPv4 nor IPv6.
fn destination(frame: &[u8]) -> Option<IpAddr> {
    match frame.get(12..14)? {
        [0x08, 0x00] => {
            let to: [u8; 4] = frame.get(30..34)?.try_into().ok()?;
            Some(Ipv4Addr::from(to).into())
        }
        [0x86, 0xdd] => {
            let to: [u8; 16] = frame.get(38..54)?.try_into().ok()?;
            Some(Ipv6Addr::from(to).into())
        }
        _ => None,
    }
}

/// Of the local network, or of its link alone.
fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.octets().starts_with(&[192, 168, 77])
                || address.octets().starts_with(&[224, 0, 0])
                || address.is_broadcast()
        }
        IpAddr::V6(address) => address.is_unicast_link_local() || address.segments()[0] & 0xff0f == 0xff02,
    }
}

/// All that is captured until something goes to `last`, which is not part of it.
fn until(captured: &mut Receiver<IpAddr>, last: &str) -> Vec<IpAddr> {
    let last: IpAddr = last.parse().unwrap();
    tokio::task::block_in_place(|| {
        let mut all = Vec::new();
        loop {
            let to =
                captured.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("nothing goes to {last}: {all:?}"));
            if to == last {
                return all;
            }
            all.push(to);
        }
    })
}

fn send_to(address: &str) {
    UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"hello", (address, 9)).unwrap();
}

fn config(server: &Server, rest: &str) -> String {
    format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n{rest}\
         [models]\ndefault_model = \"openai:{MODEL}\"\n[models.local]\nenabled = false\n\
         [models.openai]\nbase_url = \"{}\"\n[models.endpoints.far]\nbase_url = \"http://{FAR}/v1\"\n",
        server.base_url()
    )
}

async fn session() -> Result<()> {
    // Whoever looks up a name asks a server beyond the local network.
    let folder = tempfile::tempdir()?;
    let names = folder.path().join("resolv.conf");
    std::fs::write(&names, format!("nameserver {FARTHER}\n"))?;
    let mounted = Command::new("mount").arg("--bind").arg(&names).arg("/etc/resolv.conf").status()?;
    ensure!(mounted.success(), "/etc/resolv.conf cannot be replaced");
    let mut captured = wire();

    // The capture sees what leaves, and a device that is not offline does send something.
    send_to(SEEN);
    until(&mut captured, SEEN);
    let server = Server::start(script()).await?;
    let online = Daemon::start_with(&config(&server, "")).await?;
    let token = online.sign_up().await?;
    let asking = tokio::spawn({
        let (mut raw, token) = (online.connect().await?, token.clone());
        async move {
            let bearer = format!("Bearer {token}");
            raw.request("GET", "/api/v1/models", &[("authorization", bearer.as_str())], b"").await
        }
    });
    until(&mut captured, FAR);
    asking.abort();
    drop(online.kill().await?);
    send_to(SEEN);
    until(&mut captured, SEEN);

    offline(&server).await?;
    send_to(LAST);
    let left: Vec<IpAddr> =
        until(&mut captured, LAST).into_iter().filter(|address| !is_near(*address)).collect();
    ensure!(left.is_empty(), "this left the local network: {left:?}");
    Ok(())
}

/// Looks for what it can reach, then through its files.
fn script() -> Script {
    Script::new(|conversation| match conversation.thought {
        0 => {
            let command = format!(
                "for url in http://{FARTHER}/ https://updates.example.org/ http://example.org:8080/; do \
                 curl -sS -m 20 $url; done; git ls-remote https://code.example.org/a.git; echo said > found.txt"
            );
            Answer::call("run_command", json!({"command": command}))
        }
        1 => Answer::call("search_files", json!({"path": ".", "pattern": "said"})),
        _ => Answer::complete("Searched"),
    })
}

/// From the start of the kernel to its end.
async fn offline(server: &Server) -> Result<()> {
    let web = std::env::var("AETHER_TEST_WEB").context("AETHER_TEST_WEB is not set")?;
    let rest = format!("[network]\noffline = true\n[server]\nweb_dir = '{web}'\n");
    let daemon = Daemon::start_with(&config(server, &rest)).await?;
    let token = daemon.sign_up().await?;
    let models = daemon.ask("GET", "/api/v1/models", &token, None).await?;
    ensure!(models.text().contains("set to be offline"), "{}", models.text());

    let grants = json!([{"host": FARTHER}, {"host": "*.example.org"}, {"host": "example.org", "port": 8080}]);
    let spawn = json!({"role": "assistant", "goal": "Look around", "network": grants});
    let row = daemon.ask("POST", "/api/v1/processes", &token, Some(spawn)).await?;
    ensure!(row.status < 300, "{}", row.text());
    let pid = row.json()?["pid"].as_u64().context("no PID")?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let mut beats = tokio::time::interval(Duration::from_millis(20));
    loop {
        let row = daemon.ask("GET", &format!("/api/v1/processes/{pid}"), &token, None).await?;
        if row.json()?["state"] == json!(State::Dead) {
            break;
        }
        ensure!(tokio::time::Instant::now() < deadline, "it never ends: {}", row.text());
        beats.tick().await;
    }
    let steps = daemon.ask("GET", &format!("/api/v1/processes/{pid}/steps?limit=200"), &token, None).await?;
    let steps: Vec<StepBody> = steps.json()?["items"]
        .as_array()
        .context("no steps")?
        .iter()
        .map(|step| Ok(serde_json::from_value(step["body"].clone())?))
        .collect::<Result<_>>()?;
    let outputs: Vec<&String> = steps
        .iter()
        .filter_map(|step| match step {
            StepBody::CallFinished { output, .. } => Some(output),
            _ => None,
        })
        .collect();
    ensure!(outputs.len() >= 2, "{steps:#?}");
    ensure!(outputs[0].contains("set to be offline"), "{steps:#?}");
    ensure!(outputs[1].contains("found.txt"), "{steps:#?}");

    let mut browser = Chromium::start_without_names(1280, 720).await?;
    browser.open(&daemon.url()).await?;
    browser.wait_for("document.getElementById('boot') === null").await?;
    browser.fill("Name", OWNER).await?;
    browser.fill("Password", PASSWORD).await?;
    browser.press(Key::Enter).await?;
    journey::mission_control(&mut browser).await?;
    // The browser was given no names; so the page is asked what it wanted.
    let elsewhere = browser
        .evaluate(
            "performance.getEntriesByType('resource').map(entry => entry.name)\
             .filter(name => !name.startsWith(location.origin + '/')).join(' ')",
        )
        .await?;
    ensure!(elsewhere == json!(""), "the page asked elsewhere: {elsewhere}");
    drop(browser);
    let (_, status) = daemon.stop().await?;
    ensure!(status.success(), "{status}");
    Ok(())
}
