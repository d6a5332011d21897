//! Files as windows: an agent's home, and one file.

use aether_client::Pending;
use aether_kit::{Icon, IconButton, TextKind, Tone, label, size_text, space};
use aether_protocol::{AgentId, Pid, files::Place};
use bytes::Bytes;
use egui::{Frame, Margin, Ui};

use super::{FilesPane, Preview, PreviewWish, downloaded};
use crate::{App, AppContext, AppId, Intent, ShellCommand};

/// The files of an agent's home.
pub struct FilesWindow {
    agent: AgentId,
    pid: Pid,
    name: Option<String>,
    pane: FilesPane,
}

impl FilesWindow {
    /// The home of an agent, named after one of its lives.
    pub fn new(agent: AgentId, pid: Pid) -> Self {
        Self { agent, pid, name: None, pane: FilesPane::new(Place::Agent { agent }) }
    }
}

impl App for FilesWindow {
    fn id(&self) -> AppId {
        "file"
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("Files of {name}"),
            None => format!("Files of process {}", self.pid),
        }
    }

    fn icon(&self) -> Icon {
        Icon::Folder
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        if let Some(known) = cx.world.process(self.pid) {
            self.name = Some(known.process.name.clone());
        }
        self.pane.logic(cx);
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        Frame::NONE.inner_margin(Margin::same(space::M as i8)).show(ui, |ui| self.pane.ui(ui, cx));
    }

    fn holds(&self) -> Intent {
        Intent::AgentFiles(self.agent, self.pid)
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(760.0, 480.0)
    }
}

/// One file.
pub struct FileWindow {
    place: Place,
    path: String,
    preview: Option<Preview>,
    download: Option<Pending<Bytes>>,
}

impl FileWindow {
    /// A file. Nothing is asked yet.
    pub fn new(place: Place, path: String) -> Self {
        Self { place, path, preview: None, download: None }
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl App for FileWindow {
    fn id(&self) -> AppId {
        "file"
    }

    fn title(&self) -> String {
        self.name().to_owned()
    }

    fn icon(&self) -> Icon {
        Icon::Document
    }

    fn logic(&mut self, cx: &mut AppContext<'_>) {
        let version = cx.world.files_version(self.place);
        match &mut self.preview {
            Some(preview) => preview.logic(cx.client, version),
            None => self.preview = Some(Preview::open(cx.client, self.place, &self.path, version)),
        }
        if let Some(pending) = &mut self.download
            && let Some(answer) = pending.take()
        {
            self.download = None;
            cx.send(ShellCommand::Notify(downloaded(&self.path, answer)));
        }
    }

    fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        Frame::NONE.inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
            let mut download = false;
            ui.horizontal(|ui| {
                label(ui, TextKind::Label, Tone::Muted, &self.path);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let name = format!("Download {}", self.name());
                    download = ui.add(IconButton::new(Icon::Download, name)).clicked();
                    if let Some(preview) = &self.preview {
                        label(ui, TextKind::NumberSmall, Tone::Faint, size_text(preview.size_bytes()));
                    }
                });
            });
            if let Some(preview) = &mut self.preview {
                download |= preview.ui(ui, cx.client) == Some(PreviewWish::Download);
            }
            if download && self.download.is_none() {
                self.download = Some(cx.client.download(self.place, &self.path));
            }
        });
    }

    fn holds(&self) -> Intent {
        Intent::File(self.place, self.path.clone())
    }

    fn initial_size(&self) -> egui::Vec2 {
        egui::vec2(640.0, 520.0)
    }
}
