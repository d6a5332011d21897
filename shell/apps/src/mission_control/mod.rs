//! Mission Control: all agents, at a glance and at hand.

mod actions;
mod card;
mod deploy;
mod ended;
mod form;
mod grid;
mod header;
mod keys;
mod list;
mod preview;
mod shown;
mod tall_sheet;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use aether_kit::{Button, EmptyState, ErrorState, Icon, IconButton, TextKind, Tone, label, space, tokens};
use aether_protocol::{Pid, process::Process, terminal::Target};
use egui::{Frame, Margin, Ui};

use actions::Wish;
pub use deploy::{Deploy, Outcome};
pub use form::DeployForm;
use header::View;
use shown::{Filter, Shown, Which};

use crate::{
    App, AppContext, AppId, Intent, ShellCommand, World,
    deeds::{Deed, Deeds, Doubt},
    doubt_sheet,
    world::Loaded,
};

/// All agents.
#[derive(Default)]
pub struct MissionControl {
    filter: Filter,
    view: View,
    shown: Shown,
    ended: ended::Ended,
    selection: HashSet<Pid>,
    /// The card that the keyboard is on.
    cursor: Option<Pid>,
    /// The card to bring into sight and to focus.
    move_to: Option<Pid>,
    columns: usize,
    answers: HashMap<Pid, String>,
    deeds: Deeds,
    doubt: Option<Doubt>,
    deploy: Option<Deploy>,
    focus_search: bool,
    gaps: u64,
}

impl MissionControl {
    /// Mission Control, with the dialogue that deploys when `deploying`.
    pub fn new(deploying: bool) -> Self {
        let mut app = Self { columns: 1, ..Self::default() };
        if deploying {
            app.open_deploy(DeployForm::default());
        }
        app
    }

    fn open_deploy(&mut self, form: DeployForm) {
        if self.deploy.is_none() {
            self.deploy = Some(Deploy::new(form));
        }
    }

    fn toggle(&mut self, pid: Pid) {
        if !self.selection.remove(&pid) {
            self.selection.insert(pid);
        }
    }

    fn carry_out(&mut self, cx: &mut AppContext<'_>, pid: Pid, wish: Wish) {
        let Some(process) = find(cx.world, &self.ended, pid).cloned() else { return };
        match wish {
            Wish::Open => cx.send(ShellCommand::Open(Intent::Process(pid))),
            Wish::Files => cx.send(ShellCommand::Open(Intent::AgentFiles(process.agent, pid))),
            Wish::Terminal => cx.send(ShellCommand::Open(Intent::Terminal(Target::Process { pid }))),
            Wish::Do(deed) => self.deeds.send(cx, &process, deed),
            Wish::Doubt(doubt) => self.doubt = Some(doubt),
            Wish::Again => self.open_deploy(DeployForm::again(&process)),
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let nothing = self.shown.pids().is_empty();
        let state = cx.world.processes_state();
        let waits_for_ended =
            self.filter.which.has_ended() && self.ended.is_first() && self.ended.error().is_none();
        if nothing {
            if let Loaded::Failed(error) = state {
                if ErrorState::of(error).show(ui) {
                    cx.world.retry();
                }
                return;
            }
            if matches!(state, Loaded::Loading) || waits_for_ended {
                grid::skeletons(ui);
                return;
            }
            if let Some(error) = self.ended.error().filter(|_| self.filter.which == Which::Ended) {
                if ErrorState::of(error).show(ui) {
                    self.ended.ask(cx.client);
                }
                return;
            }
            self.empty(ui);
            return;
        }
        let wishes = match self.view {
            View::Grid => grid::show(self, ui, cx),
            View::List => list::show(self, ui, cx),
        };
        for (pid, wish) in wishes {
            self.carry_out(cx, pid, wish);
        }
    }

    fn empty(&mut self, ui: &mut Ui) {
        if !self.filter.text.trim().is_empty() {
            let sentence = format!("No agent matches “{}”", self.filter.text.trim());
            if EmptyState::new(Icon::Search, &sentence).action("Clear filter", None).show(ui) {
                self.filter.text.clear();
            }
            return;
        }
        match self.filter.which {
            Which::Ended => {
                if EmptyState::new(Icon::Archive, "No agent has ended yet").action("Show all", None).show(ui)
                {
                    self.filter.which = Which::All;
                }
            }
            Which::Live | Which::All => {
                let sentence =
                    if self.filter.which == Which::Live { "No agent is running" } else { "No agents yet" };
                if EmptyState::new(Icon::Rocket, sentence).action("Deploy agent", Some(Icon::Add)).show(ui) {
                    self.open_deploy(DeployForm::default());
                }
            }
        }
    }

    /// What can be done to all that are selected.
    fn bulk_bar(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        self.selection.retain(|pid| find(cx.world, &self.ended, *pid).is_some());
        if self.selection.is_empty() {
            return;
        }
        let mut chosen: Vec<Process> =
            self.selection.iter().filter_map(|pid| find(cx.world, &self.ended, *pid)).cloned().collect();
        chosen.sort_by_key(|process| process.pid);
        let tokens = tokens(ui);
        Frame::NONE
            .fill(tokens.surface_2)
            .corner_radius(aether_kit::radius::CARD)
            .inner_margin(Margin::symmetric(12, 6))
            .show(ui, |ui| {
                ui.horizontal_wrapped(|ui| {
                    label(ui, TextKind::Strong, Tone::Normal, format!("{} selected", chosen.len()));
                    ui.add_space(space::S);
                    for (icon, name, deed) in [
                        (Icon::Pause, "Pause selected", Deed::Pause),
                        (Icon::Play, "Resume selected", Deed::Resume),
                    ] {
                        let fitting: Vec<&Process> =
                            chosen.iter().filter(|process| deed.fits(process)).collect();
                        let button = Button::secondary(name).icon(icon).small();
                        if ui.add_enabled(!fitting.is_empty(), button).clicked() {
                            for process in fitting {
                                self.deeds.send(cx, process, deed.clone());
                            }
                        }
                    }
                    let ending: Vec<Process> =
                        chosen.iter().filter(|process| Deed::Stop.fits(process)).cloned().collect();
                    let button = Button::secondary("Stop selected…").icon(Icon::Stop).small();
                    if ui.add_enabled(!ending.is_empty(), button).clicked() {
                        self.doubt = Some(Doubt::Stop(ending));
                    }
                    if ui.add(IconButton::new(Icon::Close, "Clear selection").size(24.0)).clicked() {
                        self.selection.clear();
                    }
                });
            });
    }
}

/// A process, wherever it is known; the world knows better than a page read before.
fn find<'a>(world: &'a World, ended: &'a ended::Ended, pid: Pid) -> Option<&'a Process> {
    world.process(pid).map(|known| &known.process).or_else(|| ended.get(pid))
}

impl App for MissionControl {
    fn id(&self) -> AppId {
        "mission-control"
    }

    fn title(&self) -> String {
        "Mission Control".to_owned()
    }

    fn icon(&self) -> Icon {
        Icon::Mission
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        self.deeds.logic(cx);
        if cx.world.gaps() != self.gaps {
            self.gaps = cx.world.gaps();
            self.ended.refresh();
        }
        self.ended.logic();
        if self.filter.which.has_ended() {
            self.ended.want_first(cx.client);
        }
        if let Some(deploy) = &mut self.deploy
            && deploy.logic(cx) == Outcome::Close
        {
            self.deploy = None;
        }
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        self.shown.update(cx.world, &self.ended, &self.filter);
        keys::handle(self, ui, cx);
        let margin = if cx.narrow { space::M } else { space::XL - 4.0 };
        Frame::NONE.inner_margin(Margin::same(margin as i8)).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::M;
            if header::header(ui, cx) {
                self.open_deploy(DeployForm::default());
            }
            let focus = std::mem::take(&mut self.focus_search);
            let count = self.shown.pids().len();
            header::toolbar(ui, cx, &mut self.filter, &mut self.view, focus, count);
            self.bulk_bar(ui, cx);
            self.body(ui, cx);
        });
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
        if let Some(deploy) = &mut self.deploy
            && deploy.show(ui, cx) == Outcome::Close
        {
            self.deploy = None;
        }
        // The load in the header is read by the world from time to time.
        ui.ctx().request_repaint_after(std::time::Duration::from_secs(5));
    }

    fn holds(&self) -> Intent {
        Intent::MissionControl
    }

    fn show(&mut self, intent: &Intent) -> bool {
        match intent {
            Intent::MissionControl => true,
            Intent::Deploy => {
                self.open_deploy(DeployForm::default());
                true
            }
            _ => false,
        }
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(1_016.0, 680.0)
    }

    fn badge(&self, cx: &AppContext<'_>) -> u32 {
        cx.world.counts().waiting
    }
}
