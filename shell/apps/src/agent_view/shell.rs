//! A shell inside the agent's sandbox.

use aether_client::{Client, Pending, TerminalLink};
use aether_kit::{EmptyState, ErrorState, Icon, TerminalView, skeleton};
use aether_protocol::{
    Error, Pid,
    terminal::{Open, Resize, Size, Target, Terminal},
};
use egui::Ui;

/// How far the shell has come.
enum Stage {
    /// A person has not asked for one.
    Closed,
    Opening(Pending<Terminal>),
    Open(TerminalLink),
    Ended(String),
    Failed(Error),
}

/// A shell inside the agent's sandbox, opened when a person asks for it.
pub struct Shell {
    pid: Pid,
    stage: Stage,
    view: TerminalView,
    resizing: Option<Pending<Terminal>>,
}

impl Shell {
    /// A shell that is not open yet.
    pub fn new(pid: Pid) -> Self {
        Self { pid, stage: Stage::Closed, view: TerminalView::new(), resizing: None }
    }

    fn open(&mut self, client: &Client) {
        let (cols, rows) = self.view.size();
        let open = Open { target: Target::Process { pid: self.pid }, size: Size { cols, rows } };
        self.view.reset();
        self.stage = Stage::Opening(client.call(open));
    }

    /// Takes in what has come.
    pub fn logic(&mut self, client: &Client) {
        if self.resizing.as_mut().is_some_and(|pending| pending.take().is_some()) {
            self.resizing = None;
        }
        match &mut self.stage {
            Stage::Opening(pending) => match pending.take() {
                None => {}
                Some(Ok(terminal)) => {
                    self.stage = Stage::Open(client.open_terminal(terminal.id));
                    self.view.focus();
                }
                Some(Err(error)) => self.stage = Stage::Failed(error),
            },
            Stage::Open(link) => {
                for bytes in link.drain() {
                    self.view.feed(&bytes);
                }
                if let Some(why) = link.ended() {
                    self.stage = Stage::Ended(why);
                }
            }
            Stage::Closed | Stage::Ended(_) | Stage::Failed(_) => {}
        }
    }

    /// Draws it in all the room there is.
    pub fn ui(&mut self, ui: &mut Ui, client: &Client) {
        match &self.stage {
            Stage::Closed => {
                let sentence = "A shell inside the agent's sandbox, with its files and its limits";
                if EmptyState::new(Icon::Terminal, sentence).action("Open terminal", Some(Icon::Terminal)).show(ui) {
                    self.open(client);
                }
            }
            Stage::Opening(_) => skeleton(ui, ui.available_width(), ui.available_height().min(200.0)),
            Stage::Failed(error) => {
                if ErrorState::of(error).show(ui) {
                    self.open(client);
                }
            }
            Stage::Ended(why) => {
                let sentence = format!("The terminal has ended: {why}");
                if EmptyState::new(Icon::Terminal, &sentence).action("Open terminal", None).show(ui) {
                    self.open(client);
                }
            }
            Stage::Open(link) => {
                self.view.ui(ui, "Terminal");
                let typed = self.view.take_input();
                if !typed.is_empty() {
                    link.send(&typed);
                }
                if let Some((cols, rows)) = self.view.take_resize() {
                    let size = Size { cols, rows };
                    self.resizing = Some(client.call(Resize { terminal: link.terminal(), size }));
                }
            }
        }
    }
}
