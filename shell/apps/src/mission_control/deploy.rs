//! The dialogue that deploys an agent.

use std::cell::RefCell;

use aether_client::Pending;
use aether_kit::{
    Banner, Button, Card, Icon, SelectOption, TextField, TextKind, Tone, checkbox, focus_ring, icon_fill,
    label, label_wrapped, radius, section_heading, segmented, select, skeleton, space, tokens,
};
use aether_protocol::{
    Error, Page,
    agent::Role,
    mind::{Model, ModelName, Models},
    process::Process,
    tools,
};
use egui::{Align, Key, KeyboardShortcut, Layout, Modifiers, Ui};

use super::{form::DeployForm, tall_sheet};
use crate::{AppContext, Intent, ShellCommand, World, deeds::error_words, world::Loaded};

/// Sends the form.
const SEND: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter);

/// The dialogue, open.
pub struct Deploy {
    /// What is filled in.
    pub form: DeployForm,
    sending: Option<Pending<Process>>,
    error: Option<Error>,
    /// The models as they are now; the world's may be old.
    fresh: Option<Pending<Page<Model>>>,
    models: Option<Vec<Model>>,
    first_frame: bool,
}

/// What came of the dialogue in this frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stays open.
    Open,
    /// The person wants it gone, or the agent is deployed.
    Close,
}

impl Deploy {
    /// The dialogue with something filled in.
    pub fn new(form: DeployForm) -> Self {
        Self { form, sending: None, error: None, fresh: None, models: None, first_frame: true }
    }

    /// Whether the deployment is on its way.
    pub fn is_sending(&self) -> bool {
        self.sending.is_some()
    }

    /// Shows a refusal, as a reply brings it.
    #[cfg(test)]
    pub fn fail(&mut self, error: Error) {
        self.error = Some(error);
    }

    /// Takes in answers. Opens the agent once it is deployed.
    pub fn logic(&mut self, cx: &mut AppContext<'_>) -> Outcome {
        if self.first_frame && self.fresh.is_none() {
            self.fresh = Some(cx.client.call(Models {}));
        }
        if let Some(pending) = &mut self.fresh
            && let Some(answer) = pending.take()
        {
            // Without an answer the world's models stand; the kernel checks the choice anyhow.
            self.models = answer.ok().map(|page| page.items);
        }
        if let Some(pending) = &mut self.sending
            && let Some(answer) = pending.take()
        {
            self.sending = None;
            match answer {
                Ok(process) => {
                    cx.send(ShellCommand::Open(Intent::Process(process.pid)));
                    return Outcome::Close;
                }
                Err(error) => self.error = Some(error),
            }
        }
        Outcome::Open
    }

    /// Draws it.
    pub fn show(&mut self, ui: &Ui, cx: &mut AppContext<'_>) -> Outcome {
        let title = match &self.form.again {
            Some((_, name)) => format!("Start {name} again"),
            None => "Deploy an agent".to_owned(),
        };
        let world = cx.world;
        let models: Vec<Model> =
            self.models.clone().or_else(|| world.models().ready().cloned()).unwrap_or_default();
        let roles = world.roles().ready().map(Vec::as_slice).unwrap_or_default();
        let form = RefCell::new(&mut *self);
        let narrow = cx.narrow;
        let answer = tall_sheet::show(
            ui.ctx(),
            &title,
            680.0,
            |ui| form.borrow_mut().contents(ui, world, &models, narrow),
            |ui| form.borrow_mut().buttons(ui, cx, roles, &models),
        );
        self.first_frame = false;
        if answer.close || answer.inner == Outcome::Close { Outcome::Close } else { Outcome::Open }
    }

    fn contents(&mut self, ui: &mut Ui, world: &World, models: &[Model], narrow: bool) {
        ui.spacing_mut().item_spacing.y = space::M;
        if self.form.again.is_none() {
            match world.roles() {
                Loaded::Ready(roles) => self.roles(ui, roles, narrow),
                Loaded::Loading => {
                    ui.horizontal(|ui| {
                        for _ in 0..3 {
                            skeleton(ui, 180.0, 84.0);
                        }
                    });
                }
                Loaded::Failed(error) => {
                    let words = error_words(error);
                    let banner = Banner::new(Tone::Bad, "Could not load the roles").detail(Some(&words));
                    if banner.action("Try again").show(ui).is_some() {
                        world.retry();
                    }
                }
            }
        }
        let goal_error = self.form.tried.then(|| self.form.goal_error()).flatten();
        let field = TextField::area("Goal", &mut self.form.goal, 4)
            .placeholder("What shall the agent do?")
            .error(goal_error.as_deref())
            .focus(self.first_frame && self.form.again.is_some());
        if ui.add(field).changed() {
            self.form.goal_is_example = false;
        }
        if narrow {
            self.name(ui);
            self.model(ui, models);
        } else {
            ui.columns(2, |columns| {
                if let [left, right] = columns {
                    self.name(left);
                    self.model(right, models);
                }
            });
        }
        let roles = world.roles().ready().map(Vec::as_slice).unwrap_or_default();
        self.advanced(ui, roles);
        if let Some(error) = &self.error {
            let words = error.hint.clone();
            Banner::new(Tone::Bad, &format!("Could not deploy the agent: {}", error.message))
                .detail(words.as_deref())
                .show(ui);
        }
    }

    fn roles(&mut self, ui: &mut Ui, roles: &[Role], narrow: bool) {
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(space::S, space::S);
            label(ui, TextKind::LabelStrong, Tone::Muted, "Role");
            let columns = if narrow { 1 } else { 3 };
            for row in roles.chunks(columns) {
                ui.horizontal_top(|ui| {
                    let width = (ui.available_width() - space::S * (columns as f32 - 1.0)) / columns as f32;
                    for role in row {
                        ui.allocate_ui_with_layout(
                            egui::vec2(width, 0.0),
                            Layout::top_down(Align::Min),
                            |ui| {
                                ui.set_width(width);
                                self.role(ui, role, narrow);
                            },
                        );
                    }
                });
            }
            if self.form.tried
                && let Some(error) = self.form.role_error()
            {
                label(ui, TextKind::Hint, Tone::Bad, error);
            }
        });
    }

    fn role(&mut self, ui: &mut Ui, role: &Role, narrow: bool) {
        let chosen = self.form.role.as_deref() == Some(&role.id);
        let name = format!("Role {}", role.title);
        let card = Card::new().padding(space::M).clickable(name).selected(chosen);
        let shown = card.show(ui, |ui| {
            ui.set_width(ui.available_width());
            if !narrow {
                ui.set_min_height(58.0);
            }
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.horizontal(|ui| {
                let color = if chosen { tokens(ui).accent } else { tokens(ui).text_muted };
                icon_fill(ui, role_icon(&role.id), 18.0, color);
                label(ui, TextKind::Strong, Tone::Normal, &role.title);
            });
            label_wrapped(ui, TextKind::Label, Tone::Muted, &role.summary);
        });
        focus_ring(ui, &shown.response, shown.response.rect, radius::CARD);
        if shown.response.clicked() {
            self.form.choose_role(role);
        }
    }

    fn name(&mut self, ui: &mut Ui) {
        if let Some((_, name)) = &self.form.again {
            label(ui, TextKind::LabelStrong, Tone::Muted, "Name");
            label(ui, TextKind::Body, Tone::Normal, name);
            label(ui, TextKind::Hint, Tone::Faint, "Its home and its history stay");
            return;
        }
        let error = self.form.name_error();
        let field = TextField::new("Name", &mut self.form.name)
            .placeholder("Made from the role")
            .error(error.as_deref());
        ui.add(field);
    }

    fn model(&mut self, ui: &mut Ui, models: &[Model]) {
        let default = models.iter().find(|model| model.is_default).map(|model| model.name.0.as_str());
        let text = default.map_or_else(|| "Default".to_owned(), |name| format!("Default ({name})"));
        let mut options = vec![SelectOption::new(None, text)];
        options.extend(models.iter().map(|model| {
            SelectOption::new(Some(model.name.clone()), model.name.0.clone())
                .note(model.note.clone())
                .enabled(model.available)
        }));
        let width = ui.available_width();
        let mut chosen: Option<ModelName> = self.form.model.clone();
        if chosen.as_ref().is_some_and(|name| !models.iter().any(|model| model.name == *name)) {
            let name = chosen.as_ref().map(|name| name.0.clone()).unwrap_or_default();
            options
                .push(SelectOption::new(chosen.clone(), name).note(Some("No longer in the list of models")));
        }
        if select(ui, "Model", &mut chosen, &options, width).changed() {
            self.form.model = chosen;
        }
        if let Some(error) = self.form.model_error(models) {
            label_wrapped(ui, TextKind::Hint, Tone::Bad, error);
        } else if let Some(note) = self.model_note(models) {
            label_wrapped(ui, TextKind::Hint, Tone::Faint, note);
        }
    }

    fn model_note(&self, models: &[Model]) -> Option<String> {
        let model = match &self.form.model {
            Some(name) => models.iter().find(|model| model.name == *name),
            None => models.iter().find(|model| model.is_default),
        }?;
        model.note.clone()
    }

    fn advanced(&mut self, ui: &mut Ui, roles: &[Role]) {
        let (icon, name) = if self.form.advanced {
            (Icon::CaretDown, "Fewer options")
        } else {
            (Icon::CaretRight, "More options")
        };
        if ui.add(Button::ghost(name).icon(icon).small()).clicked() {
            self.form.advanced = !self.form.advanced;
        }
        if !self.form.advanced {
            return;
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::XL;
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 6.0;
                label(ui, TextKind::LabelStrong, Tone::Muted, "Priority, 1 is highest");
                let options =
                    [(1, None, "1"), (2, None, "2"), (3, None, "3"), (4, None, "4"), (5, None, "5")];
                segmented(ui, "Priority", &mut self.form.priority, &options);
            });
            let error = self.form.steps_error();
            let field = TextField::new("Step limit", &mut self.form.steps)
                .width(160.0)
                .placeholder("Default")
                .error(error.as_deref());
            ui.add(field);
        });
        let Some(role) = self.form.role.as_ref().and_then(|id| roles.iter().find(|role| role.id == *id))
        else {
            return;
        };
        section_heading(ui, "Tools", Some("What the agent may use of what its role grants"));
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for tool in &role.tools {
                let mut granted = !self.form.without.contains(tool);
                let response = checkbox(ui, &mut granted, tool);
                if response.changed() {
                    if granted {
                        self.form.without.remove(tool);
                    } else {
                        self.form.without.insert(tool.clone());
                    }
                }
                response.on_hover_text(risk_words(tool));
            }
        });
        if let Some(error) = self.form.tools_error(Some(role)) {
            label(ui, TextKind::Hint, Tone::Bad, error);
        }
    }

    fn buttons(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>, roles: &[Role], models: &[Model]) -> Outcome {
        let mut outcome = Outcome::Open;
        let mut send = ui.input_mut(|input| input.consume_shortcut(&SEND));
        let verb = if self.form.again.is_some() { "Start agent" } else { "Deploy" };
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let deploy = ui.add(Button::primary(verb).icon(Icon::Rocket).busy(self.is_sending()));
            send |= deploy.on_hover_text(ui.ctx().format_shortcut(&SEND)).clicked();
            if ui.add(Button::secondary("Cancel")).clicked() {
                outcome = Outcome::Close;
            }
        });
        if send && !self.is_sending() {
            self.form.tried = true;
            if let Some(spawn) = self.form.spawn(roles, models) {
                self.error = None;
                self.sending = Some(cx.client.call(spawn));
            }
        }
        outcome
    }
}

/// The picture of a role.
pub fn role_icon(id: &str) -> Icon {
    match id {
        "scribe" | "writer" => Icon::Edit,
        "librarian" | "researcher" | "analyst" => Icon::Book,
        "engineer" | "coder" | "developer" => Icon::Code,
        "operator" | "admin" | "sysadmin" => Icon::Terminal,
        "reviewer" | "critic" | "tester" => Icon::ListChecks,
        _ => Icon::Agent,
    }
}

fn risk_words(tool: &str) -> &'static str {
    match tools::risk(tool) {
        Some(tools::Risk::None) => "Changes nothing",
        Some(tools::Risk::Read) => "Reads its home",
        Some(tools::Risk::Write) => "Changes its home",
        Some(tools::Risk::Execute) => "Runs programs in its sandbox",
        Some(tools::Risk::Message) => "Speaks to agents and people",
        None => "Not known to this desktop",
    }
}
