//! One agent: what it did and does, its terminal, its files, its facts, and a hand on it.

mod bar;
mod entries;
mod info;
mod journal;
mod log;
mod quotas;

#[cfg(test)]
mod tests;

use aether_client::Pending;
use aether_kit::{
    ErrorState, Icon, TextKind, Tone, duration_text, label, phase_dot, skeleton_rows, space, tabs, tokens,
    truncated,
};
use aether_protocol::{
    Pid,
    files::Place,
    process::{Get, Process},
    terminal::Target,
};
use egui::{Frame, Margin, Rect, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};

pub use entries::call_line;

use crate::{
    App, AppContext, AppId, Intent, Terminal,
    deeds::{Deeds, Doubt, needs_steps},
    doubt_sheet,
    files_pane::FilesPane,
    mission_control::{Deploy, DeployForm, Outcome},
    text,
    world::Loaded,
};
use bar::BarWish;
use journal::Journal;
use log::Log;
use quotas::Quotas;

/// From this width on, the log and a panel stand side by side.
const SIDE_BY_SIDE_WIDTH: f32 = 860.0;
/// The panel's width, in points.
const PANEL_WIDTH: f32 = 380.0;

/// A part of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Log,
    Terminal,
    Files,
    Info,
}

impl Pane {
    fn title(self) -> &'static str {
        match self {
            Self::Log => "Log",
            Self::Terminal => "Terminal",
            Self::Files => "Files",
            Self::Info => "Info",
        }
    }
}

/// One agent, in one of its lives.
pub struct AgentView {
    pid: Pid,
    /// The row, where the world has none: it ended long ago, or the list has not come.
    fetched: Loaded<Process>,
    fetching: Option<Pending<Process>>,
    journal: Journal,
    log: Log,
    files: Option<FilesPane>,
    quotas: Quotas,
    /// Made when a person looks at it: it opens a shell in the sandbox.
    terminal: Option<Terminal>,
    pane: Pane,
    panel: Pane,
    message: String,
    deeds: Deeds,
    doubt: Option<Doubt>,
    again: Option<Deploy>,
    name: Option<String>,
    gaps: u64,
}

impl AgentView {
    /// The view of the life under a PID. Nothing is asked yet.
    pub fn new(pid: Pid) -> Self {
        Self {
            pid,
            fetched: Loaded::Loading,
            fetching: None,
            journal: Journal::new(pid),
            log: Log::default(),
            files: None,
            quotas: Quotas::new(pid),
            terminal: None,
            pane: Pane::Log,
            panel: Pane::Files,
            message: String::new(),
            deeds: Deeds::default(),
            doubt: None,
            again: None,
            name: None,
            gaps: 0,
        }
    }

    fn process(&self, cx: &AppContext<'_>) -> Option<Process> {
        let known = cx.world.process(self.pid).map(|known| known.process.clone());
        known.or_else(|| self.fetched.ready().cloned())
    }

    fn fetch(&mut self, cx: &AppContext<'_>) {
        if let Some(pending) = &mut self.fetching
            && let Some(answer) = pending.take()
        {
            self.fetching = None;
            self.fetched = match answer {
                Ok(process) => Loaded::Ready(process),
                Err(error) => Loaded::Failed(error),
            };
        }
        let unknown = cx.world.process(self.pid).is_none();
        if unknown && self.fetching.is_none() && matches!(self.fetched, Loaded::Loading) {
            self.fetching = Some(cx.client.call(Get { pid: self.pid }));
        }
        // What the world knew is asked for again once the world has let go of it.
        if !unknown && self.fetching.is_none() {
            self.fetched = Loaded::Loading;
        }
    }

    fn header(ui: &mut Ui, cx: &AppContext<'_>, process: &Process) {
        let tokens = tokens(ui);
        ui.horizontal(|ui| {
            phase_dot(ui, process.state, process.phase);
            label(ui, TextKind::Title, Tone::Normal, &process.name);
            if !cx.narrow {
                let time = duration_text(text::lifetime_ms(process, cx.world.now()));
                let used = text::count(process.usage.input_tokens + process.usage.output_tokens);
                let facts = format!(
                    "{} · PID {} · {} · {time} · {used} tokens",
                    process.role, process.pid, process.model
                );
                label(ui, TextKind::Label, Tone::Muted, facts);
            }
        });
        let goal = truncated(ui, TextKind::Body, tokens.text_muted, &process.goal, ui.available_width(), 2);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), goal.size().y), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Goal: {}", process.goal)));
        ui.painter().galley(rect.min, goal, tokens.text_muted);
        response.on_hover_text(&process.goal);
    }

    /// The panes that exist for this process, chosen by tabs.
    fn chosen(&mut self, ui: &mut Ui, process: &Process, with_log: bool) -> Pane {
        let mut panes = Vec::new();
        if with_log {
            panes.push(Pane::Log);
        }
        panes.push(Pane::Files);
        if process.state.is_alive() {
            panes.push(Pane::Terminal);
        }
        panes.push(Pane::Info);
        let current = if with_log { self.pane } else { self.panel };
        let shown = panes.iter().position(|pane| *pane == current).unwrap_or(0);
        let titles: Vec<&str> = panes.iter().map(|pane| pane.title()).collect();
        let answer = tabs(ui, "Parts of the agent", shown, &titles);
        let chosen = answer.chosen.unwrap_or(shown);
        let pane = panes.get(chosen).copied().unwrap_or(Pane::Log);
        if with_log {
            self.pane = pane;
        }
        if pane != Pane::Log {
            self.panel = pane;
        }
        pane
    }

    fn pane_ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>, process: &Process, pane: Pane) {
        match pane {
            Pane::Log => self.log_ui(ui, cx, process),
            Pane::Terminal => {
                let target = Target::Process { pid: self.pid };
                self.terminal.get_or_insert_with(|| Terminal::new(target)).ui(ui, cx);
            }
            Pane::Files => {
                let place = Place::Agent { agent: process.agent };
                self.files.get_or_insert_with(|| FilesPane::new(place)).ui(ui, cx);
            }
            Pane::Info => info::show(ui, cx, process, &mut self.quotas),
        }
    }

    fn log_ui(&mut self, ui: &mut Ui, cx: &AppContext<'_>, process: &Process) {
        let words = cx.world.process(self.pid).map_or("", |known| known.words.as_str());
        self.log.ui(ui, cx.client, &mut self.journal, words, process.state.is_alive());
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>, process: &Process) {
        let room = ui.available_rect_before_wrap();
        if room.width() < SIDE_BY_SIDE_WIDTH {
            let pane = self.chosen(ui, process, true);
            ui.add_space(space::XS);
            self.pane_ui(ui, cx, process, pane);
            return;
        }
        let split = room.right() - PANEL_WIDTH;
        let left = room.with_max_x(split - space::L);
        let right = room.with_min_x(split);
        part(ui, left, "log", |ui| self.log_ui(ui, cx, process));
        ui.painter().vline(split - space::S, room.y_range(), egui::Stroke::new(1.0, tokens(ui).line));
        part(ui, right, "panel", |ui| {
            let pane = self.chosen(ui, process, false);
            ui.add_space(space::XS);
            self.pane_ui(ui, cx, process, pane);
        });
        ui.advance_cursor_after_rect(room);
    }

    fn sheets(&mut self, ui: &Ui, cx: &mut AppContext<'_>) {
        if let Some(doubt) = &self.doubt {
            match doubt_sheet::show(ui.ctx(), doubt) {
                Some(true) => {
                    let doubt = self.doubt.take();
                    doubt_sheet::carry_out(doubt, &mut self.deeds, cx);
                }
                Some(false) => self.doubt = None,
                None => {}
            }
        }
        if let Some(deploy) = &mut self.again
            && deploy.show(ui, cx) == Outcome::Close
        {
            self.again = None;
        }
    }
}

/// Draws into a part of the room.
fn part(ui: &mut Ui, rect: Rect, salt: &str, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(salt));
    child.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
    add(&mut child);
}

impl App for AgentView {
    fn id(&self) -> AppId {
        "agent-view"
    }

    fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("Process {}", self.pid))
    }

    fn icon(&self) -> Icon {
        Icon::Agent
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        self.fetch(cx);
        self.deeds.logic(cx);
        if cx.world.gaps() != self.gaps {
            self.gaps = cx.world.gaps();
            self.journal.missed();
        }
        self.journal.logic(cx.client, cx.world.process(self.pid));
        if let Some(terminal) = &mut self.terminal {
            terminal.logic(cx);
        }
        if let Some(files) = &mut self.files {
            files.logic(cx);
        }
        if let Some(process) = self.process(cx) {
            self.name = Some(process.name);
        }
        if let Some(deploy) = &mut self.again
            && deploy.logic(cx) == Outcome::Close
        {
            self.again = None;
        }
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let margin = if cx.narrow { space::M } else { space::L };
        Frame::NONE.inner_margin(Margin::same(margin as i8)).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            let Some(process) = self.process(cx) else {
                match &self.fetched {
                    Loaded::Failed(error) => {
                        if ErrorState::of(error).show(ui) {
                            self.fetched = Loaded::Loading;
                        }
                    }
                    _ => skeleton_rows(ui, 6),
                }
                return;
            };
            Self::header(ui, cx, &process);
            ui.add_space(space::XS);
            let mut wish = None;
            egui::Panel::bottom(("agent bar", self.pid.0))
                .frame(Frame::NONE.inner_margin(Margin { top: 8, ..Margin::ZERO }))
                .show_separator_line(false)
                .resizable(false)
                .show(ui, |ui| {
                    let last = self.journal.steps().last().map(|step| &step.body);
                    let needs_steps = needs_steps(&process, last);
                    wish = bar::show(ui, &process, &self.deeds, &mut self.message, needs_steps, cx.narrow);
                });
            self.body(ui, cx, &process);
            match wish {
                Some(BarWish::Do(deed)) => self.deeds.send(cx, &process, deed),
                Some(BarWish::Doubt(doubt)) => self.doubt = Some(doubt),
                Some(BarWish::Again) => self.again = Some(Deploy::new(DeployForm::again(&process))),
                None => {}
            }
            if process.state.is_alive() {
                ui.ctx().request_repaint_after(std::time::Duration::from_secs(1));
            }
        });
        self.sheets(ui, cx);
    }

    fn holds(&self) -> Intent {
        Intent::Process(self.pid)
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(1_080.0, 680.0)
    }

    fn badge(&self, cx: &AppContext<'_>) -> u32 {
        u32::from(
            cx.world
                .process(self.pid)
                .is_some_and(|known| known.process.phase == aether_protocol::process::Phase::Waiting),
        )
    }
}
