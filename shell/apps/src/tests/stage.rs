//! One app on a stage of a given size, with a world and a client that has no kernel.

use aether_client::{Client, Endpoint};
use aether_kit::{Appearance, Theme};
use egui::{Vec2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};

use crate::{App, AppContext, ShellCommand, World};

/// A laptop's screen.
pub const WIDE: Vec2 = vec2(1280.0, 720.0);
/// A phone's screen.
pub const PHONE: Vec2 = vec2(390.0, 844.0);

/// What is on the stage.
pub struct Stage<A> {
    pub app: A,
    pub world: World,
    pub client: Client,
    pub commands: Vec<ShellCommand>,
    pub appearance: Appearance,
    pub narrow: bool,
}

impl<A: App> Stage<A> {
    /// Runs one frame of the app.
    fn frame(&mut self, ui: &mut egui::Ui) {
        aether_kit::apply(ui.ctx(), &self.appearance);
        let mut cx = AppContext {
            client: &self.client,
            world: &self.world,
            commands: &mut self.commands,
            appearance: &self.appearance,
            narrow: self.narrow,
        };
        self.app.logic(&mut cx);
        egui::CentralPanel::default()
            .frame(egui::Frame::NONE.fill(aether_kit::tokens(ui).surface_0))
            .show(ui, |ui| self.app.ui(ui, &mut cx));
    }

    /// The intents that windows were asked for.
    pub fn opened(&self) -> Vec<crate::Intent> {
        self.commands
            .iter()
            .filter_map(|command| match command {
                ShellCommand::Open(intent) => Some(intent.clone()),
                _ => None,
            })
            .collect()
    }
}

/// A client whose kernel does not answer: reads wait, writes are refused.
pub fn no_kernel() -> Client {
    let endpoint = Endpoint::new("https://127.0.0.1:9", None).unwrap();
    Client::connect(endpoint, None, || {})
}

/// Puts an app on a stage.
pub fn on<A: App + 'static>(
    app: A,
    world: World,
    size: Vec2,
    theme: Theme,
    text_percent: u16,
) -> Harness<'static, Stage<A>> {
    let appearance =
        Appearance { theme, reduced_motion: true, text_scale_percent: text_percent, ..Appearance::default() };
    let narrow = size.x < 600.0;
    let stage = Stage { app, world, client: no_kernel(), commands: Vec::new(), appearance, narrow };
    let mut harness =
        Harness::builder().with_size(size).build_ui_state(|ui, stage: &mut Stage<A>| stage.frame(ui), stage);
    harness.run();
    harness
}

/// Writes a picture into the folder that `AETHER_GALLERY` names, where it names one.
pub fn looked_at<A: App>(harness: &mut Harness<'_, Stage<A>>, name: &str) {
    if let Ok(folder) = std::env::var("AETHER_GALLERY") {
        let image = harness.render().expect("a software renderer (Debian: mesa-vulkan-drivers)");
        image.save(format!("{folder}/apps-{name}.png")).unwrap();
    }
}

/// Whether a control of this name is there.
pub fn has<A: App>(harness: &Harness<'_, Stage<A>>, name: &str) -> bool {
    harness.query_all_by_label(name).next().is_some()
}
