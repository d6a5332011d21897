//! A person at the desktop: a real kernel, a scripted model, and the whole shell drawn without a window.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use aether_client::{Client, Endpoint, Token};
use aether_kit::Appearance;
use aether_shell::{Address, Desktop, Host as _, native::FileHost};
use aether_tests::{
    daemon::{Daemon, Stopped, program},
    scripted::{MODEL, Script, Server},
};
use egui::{Event, Key, Modifiers, Pos2, Vec2, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A laptop's screen.
pub const WIDE: Vec2 = vec2(1280.0, 720.0);
/// A phone's screen.
pub const PHONE: Vec2 = vec2(390.0, 844.0);
/// Nothing that a person waits for takes longer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
/// Frames also go on without news of the kernel, since some of what is drawn follows the clock.
const FRAME: Duration = Duration::from_millis(20);

/// What can be pressed.
const PRESSED: [Role; 7] =
    [Role::Button, Role::Tab, Role::ListItem, Role::MenuItem, Role::CheckBox, Role::RadioButton, Role::Link];
/// What can be written into.
const WRITTEN: [Role; 4] =
    [Role::TextInput, Role::MultilineTextInput, Role::PasswordInput, Role::SearchInput];

/// A person at the desktop.
pub struct Seat {
    harness: Harness<'static, Desktop>,
    woken: Receiver<()>,
    /// The model that agents think with.
    pub model: Server,
    /// The kernel, until it is taken away.
    pub daemon: Option<Daemon>,
    /// A kernel that was started by hand.
    again: Option<Child>,
    folder: TempDir,
    runtime: Runtime,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(child) = &mut self.again {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// A desktop as it starts on a display, and what it is told when something has arrived.
fn desk(daemon: &Daemon, folder: &Path, size: Vec2) -> (Harness<'static, Desktop>, Receiver<()>) {
    let mut host = FileHost::open(Some(folder), &daemon.url()).unwrap();
    if host.load("appearance").is_none() {
        let still = Appearance { reduced_motion: true, ..Appearance::default() };
        host.store("appearance", &serde_json::to_string(&still).unwrap());
    }
    let fingerprint = daemon.fingerprint.parse().unwrap();
    let endpoint = Endpoint::new(&daemon.url(), Some(fingerprint)).unwrap();
    let address = Address { url: endpoint.url.clone(), fingerprint: Some(fingerprint.to_string()) };
    let (wake, woken) = channel();
    let token = host.token().map(Token::new);
    let client = Client::connect(endpoint, token, move || {
        // Nobody listens any more when the desktop is gone.
        let _ = wake.send(());
    });
    let desktop = Desktop::new(Box::new(host), client, address);
    let harness = Harness::builder().with_size(size).with_render_cursor(false).build_ui_state(
        |ui, desktop: &mut Desktop| {
            desktop.logic(ui.ctx());
            desktop.ui(ui);
        },
        desktop,
    );
    (harness, woken)
}

impl Seat {
    /// Sits down before a kernel that nobody has used yet.
    pub fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let (model, daemon) = runtime.block_on(async {
            let model = Server::start(Script::goals()).await.unwrap();
            let config = format!(
                "[identity]\nanonymous_per_minute = 1000000\nsigned_in_per_minute = 1000000000\n\
                 [models]\ndefault_model = \"test:{MODEL}\"\n[models.local]\nenabled = false\n\
                 [models.endpoints.test]\nbase_url = \"{}\"\n",
                model.base_url()
            );
            (model, Daemon::start_with(&config).await.unwrap())
        });
        let folder = tempfile::tempdir().unwrap();
        let (harness, woken) = desk(&daemon, folder.path(), WIDE);
        Self { harness, woken, model, daemon: Some(daemon), again: None, folder, runtime }
    }

    /// Sits down as the owner, who is signed in already, before an empty desk.
    pub fn signed_in() -> Self {
        let mut seat = Self::new();
        let daemon = seat.daemon.as_ref().unwrap();
        let token = seat.runtime.block_on(daemon.sign_up()).unwrap();
        let mut host = FileHost::open(Some(seat.folder.path()), &daemon.url()).unwrap();
        host.keep_token(Some(&token));
        seat.restart_desktop();
        seat.see("No agents yet");
        seat
    }

    /// Ends the desktop and starts it once more, as after a crash of it.
    pub fn restart_desktop(&mut self) {
        let daemon = self.daemon.as_ref().unwrap();
        (self.harness, self.woken) = desk(daemon, self.folder.path(), WIDE);
    }

    /// The code of the first set-up.
    pub fn setup_code(&self) -> String {
        self.daemon.as_ref().unwrap().setup_code.clone().unwrap()
    }

    /// Lets the kernel die in the middle of whatever it does.
    pub fn kill_kernel(&mut self) -> Stopped {
        let daemon = self.daemon.take().unwrap();
        self.runtime.block_on(daemon.kill()).unwrap()
    }

    /// Starts the kernel on the same state, and at the same address.
    pub fn start_kernel(&mut self, stopped: &Stopped, address: std::net::SocketAddr) {
        let child = Command::new(program("aetherd").unwrap())
            .args(["--listen", &address.to_string(), "--config"])
            .arg(stopped.config())
            .arg("--state-dir")
            .arg(stopped.state_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.again = Some(child);
    }

    /// Draws frames until something holds.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        loop {
            self.harness.step();
            if holds(self) {
                return;
            }
            if started.elapsed() > PATIENCE {
                self.picture(&format!("failed-{}", std::thread::current().name().unwrap_or("test")));
                let log = self.daemon.as_ref().map(Daemon::log).unwrap_or_default();
                panic!("{what}: not within {PATIENCE:?}\n{}\n{log}", self.all().join("\n"));
            }
            // What has arrived is worth a frame at once.
            let _ = self.woken.recv_timeout(FRAME);
        }
    }

    /// Every named control, for the message of a failure.
    fn all(&self) -> Vec<String> {
        let named = |node: &egui_kittest::Node<'_>| {
            let node = node.accesskit_node();
            let (label, value) = (node.label(), node.value());
            (label.is_some() || value.is_some()).then(|| format!("{:?} {label:?} {value:?}", node.role()))
        };
        self.harness.root().children_recursive().filter_map(|node| named(&node)).collect()
    }

    /// Whether something has exactly this name.
    pub fn has(&self, name: &str) -> bool {
        self.harness.query_all_by_label(name).next().is_some()
    }

    /// Whether something has a name with this in it.
    pub fn has_part(&self, part: &str) -> bool {
        self.harness.query_all_by_label_contains(part).next().is_some()
    }

    /// Waits until something has exactly this name.
    pub fn see(&mut self, name: &str) {
        self.until(&format!("“{name}” in sight"), |seat| seat.has(name));
    }

    /// Waits until something has a name with this in it.
    pub fn see_part(&mut self, part: &str) {
        self.until(&format!("“{part}” in sight"), |seat| seat.has_part(part));
    }

    /// Waits until nothing has a name with this in it.
    pub fn see_no(&mut self, part: &str) {
        self.until(&format!("“{part}” out of sight"), |seat| !seat.has_part(part));
    }

    /// What stands in the field of this name.
    pub fn value(&self, field: &str) -> Option<String> {
        let fits = |node: &egui_kittest::Node<'_>| WRITTEN.contains(&node.accesskit_node().role());
        self.harness.query_all_by_label(field).find(fits)?.value()
    }

    /// The middle of the last control of this name and one of these roles that is enabled, within a place of
    /// this name where one is given.
    fn spot(&self, name: &str, roles: &[Role], place: &str) -> Option<Pos2> {
        let within = |node: &egui_kittest::Node<'_>| {
            let mut above = node.accesskit_node().parent();
            while let Some(node) = above {
                if node.label().as_deref() == Some(place) {
                    return true;
                }
                above = node.parent();
            }
            place.is_empty()
        };
        let fits = |node: &egui_kittest::Node<'_>| {
            let inner = node.accesskit_node();
            roles.contains(&inner.role()) && !inner.is_disabled() && within(node)
        };
        self.harness.query_all_by_label(name).rfind(fits).map(|node| node.rect().center())
    }

    fn press_at(&mut self, at: Pos2) {
        self.harness.hover_at(at);
        self.harness.step();
        for pressed in [true, false] {
            self.harness.event(Event::PointerButton {
                pos: at,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: Modifiers::NONE,
            });
            self.harness.step();
        }
        self.harness.step();
    }

    /// Presses the control of this name with the pointer, once it is there and enabled.
    pub fn press(&mut self, name: &str) {
        self.press_in("", name);
    }

    /// Presses the control of this name within the place of another.
    pub fn press_in(&mut self, place: &str, name: &str) {
        let mut at = None;
        self.until(&format!("“{name}” to be pressed"), |seat| {
            at = seat.spot(name, &PRESSED, place);
            at.is_some()
        });
        self.press_at(at.unwrap());
    }

    /// Puts a text into the field of this name, in place of what is there.
    pub fn write(&mut self, field: &str, text: &str) {
        let mut at = None;
        self.until(&format!("the field “{field}”"), |seat| {
            at = seat.spot(field, &WRITTEN, "");
            at.is_some()
        });
        self.press_at(at.unwrap());
        self.key(Modifiers::COMMAND, Key::A);
        self.type_text(text);
    }

    /// Types where the focus is.
    pub fn type_text(&mut self, text: &str) {
        self.harness.event(Event::Text(text.to_owned()));
        self.harness.step();
        self.harness.step();
    }

    /// Strikes a key.
    pub fn key(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.step();
        self.harness.step();
    }

    /// What the terminals in sight show.
    pub fn terminal(&self) -> String {
        let terminals = self.harness.root();
        terminals
            .children_recursive()
            .filter(|node| node.accesskit_node().role() == Role::Terminal)
            .filter_map(|node| node.value())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Clicks into the terminal in sight.
    pub fn focus_terminal(&mut self) {
        let mut at = None;
        self.until("a terminal", |seat| {
            let root = seat.harness.root();
            at = root
                .children_recursive()
                .find(|node| node.accesskit_node().role() == Role::Terminal)
                .map(|node| node.rect().center());
            at.is_some()
        });
        self.press_at(at.unwrap());
    }

    /// Gives the screen another size.
    pub fn resize(&mut self, size: Vec2) {
        self.harness.set_size(size);
        self.harness.step();
        self.harness.step();
    }

    /// Opens the dialogue and deploys an assistant; waits for its view.
    pub fn deploy(&mut self, name: &str, goal: &str, step_limit: Option<u32>) {
        self.key(Modifiers { alt: true, ctrl: true, command: true, ..Modifiers::NONE }, Key::G);
        self.press("Role Assistant");
        self.write("Goal", goal);
        self.write("Name", name);
        if let Some(limit) = step_limit {
            self.press("More options");
            self.write("Step limit", &limit.to_string());
        }
        self.press("Deploy");
        self.see(&format!("Goal: {goal}"));
    }

    /// Writes a picture into the folder that `AETHER_GALLERY` names, where it names one.
    pub fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("AETHER_GALLERY") else { return };
        for _ in 0..4 {
            self.harness.step();
        }
        let image = self.harness.render().expect("a software renderer (Debian: mesa-vulkan-drivers)");
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder).unwrap();
        image.save(folder.join(format!("kernel-{name}.png"))).unwrap();
    }

    /// Pictures in both themes, and on a phone.
    pub fn pictures(&mut self, name: &str) {
        self.picture(&format!("{name}-dark"));
        if std::env::var_os("AETHER_GALLERY").is_none() {
            return;
        }
        let toggle = Modifiers { alt: true, ctrl: true, command: true, ..Modifiers::NONE };
        self.key(toggle, Key::Y);
        self.picture(&format!("{name}-light"));
        self.key(toggle, Key::Y);
        self.resize(PHONE);
        self.picture(&format!("{name}-phone"));
        self.resize(WIDE);
    }
}
