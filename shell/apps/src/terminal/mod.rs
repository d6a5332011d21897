//! The Terminal: shells that the kernel keeps, one in each tab.
//!
//! A shell outlives the window that shows it. Opening the app again shows those that still run; closing a tab ends
//! its shell.

mod tab;

use aether_client::Pending;
use aether_kit::{Banner, ErrorState, Icon, IconButton, Tone, skeleton, space, tabs_closable};
use aether_protocol::{
    Page,
    terminal::{Close, Closed, List, Open, Resize, Size, Target, Terminal as Shell},
};
use egui::{Margin, Ui};

use crate::{App, AppContext, AppId, Intent};
use tab::{Phase, Tab};

/// Shells of one place: the person's own, or those inside a process's sandbox.
pub struct Terminal {
    target: Target,
    tabs: Vec<Tab>,
    shown: usize,
    known: Known,
    closing: Vec<Pending<Closed>>,
    failure: Option<aether_protocol::Error>,
    typed_blind: bool,
}

/// Whether the shells that run already are known.
enum Known {
    Unasked,
    Asked(Pending<Page<Shell>>),
    Yes,
}

impl Terminal {
    /// A window for the shells of `target`.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            tabs: Vec::new(),
            shown: 0,
            known: Known::Unasked,
            closing: Vec::new(),
            failure: None,
            typed_blind: false,
        }
    }

    fn open(&mut self, cx: &AppContext<'_>) {
        let size = self.tabs.get(self.shown).map(Tab::size).unwrap_or_default();
        let pending = cx.client.call(Open { target: self.target, size });
        self.tabs.push(Tab::opening(pending));
        self.shown = self.tabs.len() - 1;
    }

    /// Attaches the shells that run already, or opens the first.
    fn take_known(&mut self, shells: Vec<Shell>, cx: &AppContext<'_>) {
        for shell in shells.into_iter().filter(|shell| shell.target == self.target) {
            let link = cx.client.open_terminal(shell.id);
            self.tabs.push(Tab::attached(&shell, link));
        }
        self.shown = 0;
        if self.tabs.is_empty() {
            self.open(cx);
        }
    }

    fn close(&mut self, index: usize, cx: &mut AppContext<'_>) {
        if index >= self.tabs.len() {
            return;
        }
        let tab = self.tabs.remove(index);
        if let Some(terminal) = tab.terminal() {
            self.closing.push(cx.client.call(Close { terminal }));
        }
        if self.shown > index || self.shown >= self.tabs.len() {
            self.shown = self.shown.saturating_sub(1);
        }
        if let Some(tab) = self.tabs.get_mut(self.shown) {
            tab.view.focus();
        } else {
            cx.send(crate::ShellCommand::CloseMe);
        }
    }

    fn titles(&self) -> Vec<String> {
        self.tabs.iter().enumerate().map(|(index, tab)| self.title_of(index, tab)).collect()
    }

    fn title_of(&self, index: usize, tab: &Tab) -> String {
        if let Some(title) = tab.view.title() {
            return title.to_owned();
        }
        let place = match self.target {
            Target::Home => "Shell".to_owned(),
            Target::Process { pid } => format!("Shell of process {pid}"),
        };
        if index == 0 { place } else { format!("{place} {}", index + 1) }
    }

    fn body(&mut self, ui: &mut Ui, cx: &AppContext<'_>) {
        let name = self.tabs.get(self.shown).map(|tab| self.title_of(self.shown, tab)).unwrap_or_default();
        let Some(tab) = self.tabs.get_mut(self.shown) else {
            shape(ui);
            return;
        };
        let again = match &tab.phase {
            Phase::Opening(_) => {
                shape(ui);
                false
            }
            Phase::Failed(error) => {
                let shown = ErrorState::new(&error.message).action("Open again");
                let shown = if let Some(hint) = &error.hint { shown.why(hint) } else { shown };
                shown.show(ui)
            }
            Phase::Ended { reason, .. } => {
                let answer = Banner::new(Tone::Info, "The shell has ended")
                    .detail(Some(reason.as_str()).filter(|reason| !reason.is_empty()))
                    .action("Open again")
                    .show(ui);
                tab.view.ui(ui, &name);
                // Nobody reads what is typed now.
                tab.view.take_input();
                answer.is_some()
            }
            Phase::Attached { .. } => {
                tab.view.ui(ui, &name);
                false
            }
        };
        if let Some((cols, rows)) = tab.view.take_resize() {
            tab.wanted = Some(Size { cols, rows });
        }
        tab.send_size(|terminal, size| cx.client.call(Resize { terminal, size }));
        if again {
            let size = tab.size();
            *tab = Tab::opening(cx.client.call(Open { target: self.target, size }));
        }
    }
}

/// The shape of a shell that is coming.
fn shape(ui: &mut Ui) {
    egui::Frame::NONE.inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
        skeleton(ui, 220.0, 14.0);
        skeleton(ui, 320.0, 14.0);
        skeleton(ui, 120.0, 14.0);
    });
}

impl App for Terminal {
    fn id(&self) -> AppId {
        "terminal"
    }

    fn title(&self) -> String {
        self.tabs.get(self.shown).map_or_else(|| "Terminal".to_owned(), |tab| self.title_of(self.shown, tab))
    }

    fn icon(&self) -> Icon {
        Icon::Terminal
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        ui.spacing_mut().item_spacing.y = 0.0;
        if self.tabs.len() > 1 {
            let titles = self.titles();
            let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
            let margin = Margin::symmetric(space::S as i8, space::XS as i8);
            let answer = egui::Frame::NONE
                .inner_margin(margin)
                .show(ui, |ui| {
                    egui::ScrollArea::horizontal()
                        .id_salt("tabs")
                        .auto_shrink([false, true])
                        .show(ui, |ui| tabs_closable(ui, "Terminals", self.shown, &titles))
                        .inner
                })
                .inner;
            if let Some(index) = answer.closed {
                self.close(index, cx);
            } else if let Some(index) = answer.chosen {
                self.shown = index;
                if let Some(tab) = self.tabs.get_mut(index) {
                    tab.view.focus();
                }
            }
        }
        if let Some(error) = &self.failure {
            let banner = Banner::new(Tone::Bad, &error.message).detail(error.hint.as_deref()).dismissible();
            if banner.show(ui).is_some() {
                self.failure = None;
            }
        } else if self.typed_blind {
            Banner::new(Tone::Warn, "There is no connection: what you type does not arrive").show(ui);
        }
        self.body(ui, cx);
    }

    fn tools_ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        if ui.add(IconButton::new(Icon::Add, "New tab")).clicked() {
            self.open(cx);
        }
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        match &mut self.known {
            Known::Unasked => self.known = Known::Asked(cx.client.call(List {})),
            Known::Asked(pending) => {
                if let Some(answer) = pending.take() {
                    self.known = Known::Yes;
                    // A list that cannot be had must not keep a shell from being opened; opening says what is wrong.
                    self.take_known(answer.map(|page| page.items).unwrap_or_default(), cx);
                }
            }
            Known::Yes => {}
        }
        for tab in &mut self.tabs {
            let arrived = tab.logic(|terminal| cx.client.open_terminal(terminal));
            if let Some(arrived) = arrived {
                self.typed_blind = !arrived;
            }
        }
        let online = cx.client.state() == aether_client::ConnectionState::Online;
        self.typed_blind &= !online;
        let failure = &mut self.failure;
        self.closing.retain_mut(|pending| match pending.take() {
            None => true,
            Some(Ok(Closed {})) => false,
            // It had ended by itself, which is what was wanted.
            Some(Err(error)) if error.code == aether_protocol::Code::NotFound => false,
            Some(Err(error)) => {
                *failure = Some(error);
                false
            }
        });
    }

    fn holds(&self) -> Intent {
        Intent::Terminal(self.target)
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(760.0, 480.0)
    }
}

#[cfg(test)]
mod tests;
