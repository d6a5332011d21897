//! The same journey as in the browser, on the native desktop: the real client, a real kernel, real sandboxes; the
//! window is drawn by software and the model is scripted.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use aether_client::{Client, Endpoint};
use aether_kit::{Appearance, Theme};
use aether_shell::{Address, Desktop, Host as _, MemoryHost};
use aether_tests::{
    chromium::screens,
    daemon::{Daemon, OWNER, PASSWORD},
    scripted::{Answer, Script, Server},
};
use egui::{Key, Modifiers, Role};
use egui_kittest::{Harness, kittest::Queryable as _};
use serde_json::json;

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(60);
const AGENT: &str = "inkwell";
const TEXT: &str = "The harbour is quiet at four.";

/// Rings when the client has something new.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.heard.notify_all();
    }

    /// Waits for the bell, or for a moment in which a list on the desktop may be due to be read again.
    fn wait(&self) {
        let rung = self.rung.lock().unwrap();
        let (mut rung, _) = self.heard.wait_timeout_while(rung, Duration::from_millis(250), |rung| !*rung).unwrap();
        *rung = false;
    }
}

struct Seat {
    harness: Harness<'static, Desktop>,
    bell: Arc<Bell>,
}

impl Seat {
    fn at(daemon: &Daemon, width: f32, height: f32, theme: Theme) -> Self {
        let fingerprint = daemon.fingerprint.parse().unwrap();
        let endpoint = Endpoint::new(&daemon.url(), Some(fingerprint)).unwrap();
        let address = Address { url: endpoint.url.clone(), fingerprint: Some(daemon.fingerprint.clone()) };
        let bell = Arc::new(Bell::default());
        let rings = Arc::clone(&bell);
        let client = Client::connect(endpoint, None, move || rings.ring());
        let appearance = Appearance { theme, reduced_motion: true, ..Appearance::default() };
        let mut host = MemoryHost { now: aether_kit::now(), ..MemoryHost::default() };
        host.store("appearance", &serde_json::to_string(&appearance).unwrap());
        let desktop = Desktop::new(Box::new(host), client, address);
        let harness =
            Harness::builder().with_size([width, height]).with_render_cursor(false).wgpu().build_ui_state(
                |ui, desktop: &mut Desktop| {
                    desktop.logic(ui.ctx());
                    desktop.ui(ui);
                },
                desktop,
            );
        Self { harness, bell }
    }

    /// Draws until `seen` holds.
    fn until(&mut self, what: &str, seen: impl Fn(&Harness<'static, Desktop>) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.harness.run_steps(2);
            if seen(&self.harness) {
                return;
            }
            if Instant::now() > end {
                self.picture("failed");
                panic!("never seen: {what}; look at native-failed.png");
            }
            self.bell.wait();
        }
    }

    fn shows(&mut self, words: &str) {
        let wanted = words.to_owned();
        self.until(words, move |harness| harness.query_all_by_label_contains(&wanted).next().is_some());
    }

    fn click(&mut self, role: Role, name: &str) {
        self.until(name, |harness| harness.query_all_by_role_and_label(role, name).next().is_some());
        self.harness.query_all_by_role_and_label(role, name).next().unwrap().click();
        self.harness.run_steps(3);
    }

    fn fill(&mut self, role: Role, name: &str, text: &str) {
        self.until(name, |harness| harness.query_all_by_role_and_label(role, name).next().is_some());
        let field = self.harness.query_all_by_role_and_label(role, name).next().unwrap();
        field.focus();
        self.harness.run_steps(2);
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        self.harness.run_steps(1);
        self.harness.query_all_by_role_and_label(role, name).next().unwrap().type_text(text);
        self.harness.run_steps(2);
    }

    fn picture(&mut self, name: &str) {
        let folder = screens().unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.harness.render().unwrap();
        picture.save(folder.join(format!("native-{name}.png"))).unwrap();
    }

    fn sign_in(&mut self) {
        self.fill(Role::TextInput, "Name", OWNER);
        self.fill(Role::PasswordInput, "Password", PASSWORD);
        self.click(Role::Button, "Sign in");
        self.shows("Close Mission Control");
    }
}

async fn model_and_daemon() -> (Server, Daemon) {
    let script = Script::answers(vec![
        Answer::call("write_file", json!({"path": "harbour.txt", "content": TEXT})),
        Answer::complete("harbour.txt is written"),
    ]);
    let model = Server::start(script).await.unwrap();
    let config = format!(
        "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
         [models]\ndefault_model = \"test:scripted\"\n\
         [models.local]\nenabled = false\n\
         [models.endpoints.test]\nbase_url = \"{}\"\n",
        model.base_url()
    );
    let daemon = Daemon::start_with(&config).await.unwrap();
    (model, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn desktop_native_does_a_job_from_first_start_to_finished_file() {
    let (_model, daemon) = model_and_daemon().await;
    let mut seat = Seat::at(&daemon, 1280.0, 720.0, Theme::Dark);

    let code = daemon.setup_code.clone().unwrap();
    seat.fill(Role::TextInput, "Set-up code", "WRONG-CODE");
    seat.fill(Role::TextInput, "Owner name", OWNER);
    seat.fill(Role::PasswordInput, "Password", PASSWORD);
    seat.fill(Role::PasswordInput, "Password again", PASSWORD);
    seat.click(Role::Button, "Create owner account");
    seat.shows("code");
    seat.fill(Role::TextInput, "Set-up code", &code);
    seat.fill(Role::PasswordInput, "Password", PASSWORD);
    seat.fill(Role::PasswordInput, "Password again", PASSWORD);
    seat.picture("set-up-dark");
    seat.click(Role::Button, "Create owner account");
    seat.shows("Close Mission Control");
    seat.picture("mission-control-empty-dark");

    seat.click(Role::Button, "Deploy agent");
    seat.click(Role::Button, "Role Scribe");
    seat.fill(Role::TextInput, "Name", AGENT);
    seat.fill(Role::MultilineTextInput, "Goal", "Write down how the harbour is");
    seat.picture("deploy-dark");
    seat.click(Role::Button, "Deploy");
    seat.shows("reached its goal");
    seat.picture("mission-control-done-dark");

    seat.click(Role::Link, "Open");
    seat.shows("write_file");
    seat.picture("agent-dark");
    seat.click(Role::Tab, "Files");
    seat.shows("harbour.txt");
    seat.click(Role::Button, "harbour.txt");
    seat.shows(TEXT);
    seat.picture("file-dark");

    let mut phone = Seat::at(&daemon, 390.0, 844.0, Theme::Light);
    phone.fill(Role::TextInput, "Name", OWNER);
    phone.fill(Role::PasswordInput, "Password", PASSWORD);
    phone.click(Role::Button, "Sign in");
    phone.shows("Search");
    phone.picture("phone-light");
}

#[tokio::test(flavor = "multi_thread")]
async fn desktop_native_keeps_the_door_shut_and_says_why() {
    let (_model, daemon) = model_and_daemon().await;
    daemon.sign_up().await.unwrap();
    let mut seat = Seat::at(&daemon, 1280.0, 720.0, Theme::Light);
    seat.fill(Role::TextInput, "Name", OWNER);
    seat.fill(Role::PasswordInput, "Password", "not the password");
    seat.click(Role::Button, "Sign in");
    seat.shows("password");
    assert!(seat.harness.query_by_label("Close Mission Control").is_none());
    seat.sign_in();
    seat.picture("mission-control-light");
    seat.click(Role::Button, &format!("User menu of {OWNER}"));
    seat.click(Role::Button, "Sign out");
    seat.shows("Sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn desktop_native_survives_a_kernel_that_goes_away() {
    let (_model, daemon) = model_and_daemon().await;
    daemon.sign_up().await.unwrap();
    let mut seat = Seat::at(&daemon, 1280.0, 720.0, Theme::Dark);
    seat.sign_in();
    let stopped = daemon.kill().await.unwrap();
    seat.shows("Not connected");
    seat.picture("reconnecting-dark");
    drop(stopped);
}
