//! Who is granted what, how long that holds, and what an agent without grants has.

use std::{fs, sync::atomic::Ordering};

use aether_protocol::journal::StepBody;
use serde_json::json;

use crate::{Trial, commands, output, outside::HELLO, world::World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_without_grants_has_no_way_out() {
    let mut trial = Trial::new("", "").await;
    let port = trial.outside.plain;
    let look = format!(
        "env | grep -ci proxy
         for port in 3128 {port}; do /usr/bin/python3 -c 'import socket,sys; socket.create_connection((\"127.0.0.1\", int(sys.argv[1])))' $port 2>&1 | tail -1; done
         curl -sS --max-time 5 http://localhost:{port}/"
    );
    let (life, output) = trial.run(&[], &look).await;
    assert!(output.starts_with("0\n"), "{output}");
    assert_eq!(output.matches("PermissionError").count(), 2, "{output}");
    assert!(!output.contains(HELLO), "{output}");
    assert!(life.sandbox.iter().all(|layer| layer.name != "network"));
    let landlock = life.sandbox.iter().find(|layer| layer.name == "landlock").unwrap();
    assert!(landlock.detail.contains("no TCP"), "{landlock:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_grant_the_proxys_port_is_the_only_one() {
    let mut trial = Trial::new("", "").await;
    let grants = trial.by_name();
    let look = "cat > look.py <<'END'
import socket
for port in (3128, 3127, 80):
    try:
        socket.create_connection(('127.0.0.1', port), 5)
        print(port, 'open')
    except OSError as error:
        print(port, type(error).__name__)
try:
    socket.socket().bind(('127.0.0.1', 4000))
    print('bound')
except OSError as error:
    print('bind', type(error).__name__)
END
/usr/bin/python3 look.py; env | grep -c AETHER; echo $HTTPS_PROXY $http_proxy $ALL_PROXY \"[$NO_PROXY]\"";
    let (life, output) = trial.run(&grants, look).await;
    let address = "http://127.0.0.1:3128";
    let expected = "3128 open\n3127 PermissionError\n80 PermissionError\nbind PermissionError\n";
    assert!(output.starts_with(expected), "{output}");
    assert!(output.contains(&format!("{address} {address} {address} []\n")), "{output}");
    let landlock = life.sandbox.iter().find(|layer| layer.name == "landlock").unwrap();
    assert!(landlock.detail.contains("TCP only to the proxy"), "{landlock:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_holds_after_a_crash_of_the_kernel() {
    let trial = Trial::new("", "").await;
    let port = trial.outside.plain;
    let spawn = trial.spawn(&trial.by_name(), &format!("curl -sS http://localhost:{port}/"));
    let Trial { mut world, outside, .. } = trial;
    let hold = world.server.hold();
    let life = world.spawn_as(spawn).await;
    world.held(1).await;
    let mut world = world.crash_and_restart().await;
    drop(hold);
    let life = world.until_completed(life.pid.0).await;
    assert_eq!(life.restarts, 1);
    assert!(output(&world.steps(life.pid.0).await).contains(HELLO));
    assert!(life.sandbox.iter().any(|layer| layer.name == "network" && layer.active), "{life:#?}");
    assert_eq!(outside.paths(), ["/"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_grants_its_hosts_and_a_spawn_others_instead() {
    let roles = tempfile::tempdir().unwrap();
    let outside = crate::Outside::start().await;
    let role = format!(
        "id = \"fetcher\"\ntitle = \"Fetcher\"\nsummary = \"Fetches\"\nexample_goal = \"true\"\n\
         instructions = \"Fetch.\"\ntools = [\"run_command\", \"complete\"]\n\
         [[network]]\nhost = \"localhost\"\nport = {}\nlocal = true\n",
        outside.plain
    );
    fs::write(roles.path().join("fetcher.toml"), role).unwrap();
    let process = format!("roles_dir = \"{}\"", roles.path().display());
    let mut world = World::with(commands(), &process, "").await;
    let goal = format!("curl -sS http://localhost:{}/", outside.plain);
    let ask = async |world: &mut World, network: serde_json::Value| {
        let life = world.spawn_as(json!({ "role": "fetcher", "goal": goal, "network": network })).await;
        let life = world.until_completed(life.pid.0).await;
        output(&world.steps(life.pid.0).await)
    };
    assert!(ask(&mut world, json!(null)).await.contains(HELLO));
    // What the model is told is what holds.
    let told = world.server.requests()[0].to_string();
    assert!(told.contains("you can reach these hosts and no others: localhost"), "{told}");
    let other = ask(&mut world, json!([{ "host": "pypi.org" }])).await;
    assert!(other.contains("localhost:") && other.contains("is not granted to this agent"), "{other}");
    assert!(!ask(&mut world, json!([])).await.contains(HELLO));
    assert!(world.server.requests().last().unwrap().to_string().contains("You have no network."));
    let granted_port = ask(&mut world, json!([{ "host": "localhost" }])).await;
    assert!(granted_port.contains("but not on this port"), "{granted_port}");
    let wrong = json!({ "role": "fetcher", "goal": goal, "network": [{ "host": "https://pypi.org" }] });
    let problem = world.refused("POST", "/processes", Some(wrong), 400, "invalid").await;
    assert!(problem["detail"].as_str().unwrap().contains("https://pypi.org"), "{problem}");
    assert_eq!(outside.paths().len(), 1);
    assert_eq!(outside.reached.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_requests_is_served_and_counted() {
    let mut trial = Trial::new("", "").await;
    let (port, grants) = (trial.outside.plain, trial.by_name());
    let flood = format!(
        "cat > flood.py <<'END'
import socket
def ask(host):
    with socket.create_connection(('127.0.0.1', 3128), 30) as tool:
        tool.sendall(f'GET http://{{host}}/ HTTP/1.1\\r\\nHost: {{host}}\\r\\nConnection: close\\r\\n\\r\\n'.encode())
        return b''.join(iter(lambda: tool.recv(4096), b'')).split(b' ')[1].decode()
print([ask('localhost:{port}') for _ in range(150)].count('200'), [ask(f'h{{n}}.test') for n in range(150)].count('403'))
END
/usr/bin/python3 flood.py"
    );
    let (life, output) = trial.run(&grants, &flood).await;
    assert!(output.starts_with("150 150\n"), "{output}");
    let events = trial.events_of(&life, "egress.").await;
    let number = |event: &serde_json::Value, name: &str| event[name].as_u64().unwrap_or(0);
    let left_out: u64 = events.iter().map(|event| number(event, "allowed") + number(event, "refused")).sum();
    let listed = events.iter().filter(|event| event.get("host").is_some()).count() as u64;
    assert_eq!(listed + left_out, 300, "{events:#?}");
    assert!(left_out > 100, "{left_out}");
    assert_eq!(trial.outside.paths().len(), 150);
    let steps = trial.world.steps(life.pid.0).await;
    assert!(steps.iter().any(|step| matches!(step, StepBody::Completed { .. })));
}
