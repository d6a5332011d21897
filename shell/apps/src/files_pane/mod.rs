//! A folder and what one of its files holds: in the agent's view, and as a window of its own.

mod preview;
mod rows;
mod save;
mod thrown;
mod windows;

use aether_client::{Client, Pending};
use aether_kit::{
    Banner, Button, EmptyState, Icon, IconButton, TextKind, Tone, hairline, label, size_text, skeleton_rows,
    space,
};
use aether_protocol::{
    Cursor, Error, Page,
    files::{Entry, EntryKind, List, Place},
};
use bytes::Bytes;
use egui::{Rect, Ui, UiBuilder, vec2};

use crate::{AppContext, Intent, Notice, NoticeKind, ShellCommand, deeds::error_words};
pub use preview::{Preview, PreviewWish};
pub use windows::{FileWindow, FilesWindow};

/// Entries asked for at once.
const PAGE_ENTRIES: u32 = 200;
/// From this width on, list and file stand side by side.
const SIDE_BY_SIDE_WIDTH: f32 = 620.0;

/// The folder shown, as far as it has been read.
struct Folder {
    path: String,
    entries: Vec<Entry>,
    next: Option<Cursor>,
    pending: Option<Pending<Page<Entry>>>,
    /// The page on its way is a first one: it takes the place of what is here.
    replaces: bool,
    is_read: bool,
    error: Option<Error>,
}

impl Folder {
    fn new(path: String) -> Self {
        Self {
            path,
            entries: Vec::new(),
            next: None,
            pending: None,
            replaces: true,
            is_read: false,
            error: None,
        }
    }
}

/// A place's files.
pub struct FilesPane {
    place: Place,
    folder: Folder,
    preview: Option<Preview>,
    downloads: Vec<(String, Pending<Bytes>)>,
    thrown: thrown::Thrown,
    version: u64,
}

impl FilesPane {
    /// The root of a place. Nothing is asked yet.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            folder: Folder::new(String::new()),
            preview: None,
            downloads: Vec::new(),
            thrown: thrown::Thrown::default(),
            version: 0,
        }
    }

    fn ask(&mut self, client: &Client, cursor: Option<Cursor>) {
        self.folder.replaces = cursor.is_none();
        self.folder.pending = Some(client.call(List {
            place: self.place,
            path: self.folder.path.clone(),
            cursor,
            limit: Some(PAGE_ENTRIES),
        }));
    }

    /// Shows another folder.
    fn go(&mut self, path: String) {
        self.folder = Folder::new(path);
        self.preview = None;
    }

    /// Takes in what has come; reads again when files have changed.
    pub fn logic(&mut self, cx: &mut AppContext<'_>) {
        let version = cx.world.files_version(self.place);
        if let Some(pending) = &mut self.folder.pending
            && let Some(answer) = pending.take()
        {
            self.folder.pending = None;
            self.take(answer);
        }
        let stale = version != self.version || !self.folder.is_read;
        if self.folder.pending.is_none() && self.folder.error.is_none() && stale {
            self.version = version;
            self.folder.is_read = true;
            self.ask(cx.client, None);
        }
        if let Some(preview) = &mut self.preview {
            preview.logic(cx.client, version);
        }
        let mut notices = Vec::new();
        self.downloads.retain_mut(|(path, pending)| match pending.take() {
            None => true,
            Some(answer) => {
                notices.push(downloaded(path, answer));
                false
            }
        });
        notices.extend(self.thrown.logic());
        for notice in notices {
            cx.send(ShellCommand::Notify(notice));
        }
    }

    /// Takes in a page of the folder, as a reply brings it.
    pub fn take(&mut self, answer: Result<Page<Entry>, Error>) {
        match answer {
            Ok(page) => {
                self.folder.error = None;
                self.folder.is_read = true;
                if self.folder.replaces {
                    self.folder.entries.clear();
                }
                self.folder.entries.extend(page.items);
                self.folder.next = page.next;
            }
            Err(error) => self.folder.error = Some(error),
        }
    }

    /// Shows a file, as a reply brings it.
    #[cfg(test)]
    pub fn show_preview(&mut self, preview: Preview) {
        self.preview = Some(preview);
    }

    /// Takes in that something was thrown away, as a reply brings it.
    #[cfg(test)]
    pub fn take_thrown(&mut self, trashed: aether_protocol::files::Trashed) {
        assert!(self.thrown.thrown("", Ok(trashed)).is_none());
    }

    /// Puts an entry into the trash; what was shown of it goes.
    fn throw(&mut self, client: &Client, path: &str) {
        self.thrown.throw(client, self.place, path);
        if self.preview.as_ref().is_some_and(|preview| preview.path() == path) {
            self.preview = None;
        }
    }

    /// Begins to save a file on this device.
    fn download(&mut self, client: &Client, path: &str) {
        if !self.downloads.iter().any(|(known, _)| known == path) {
            self.downloads.push((path.to_owned(), client.download(self.place, path)));
        }
    }

    /// Draws it in all the room there is.
    pub fn ui(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let room = ui.available_rect_before_wrap();
        if self.preview.is_none() {
            self.list(ui, cx);
            return;
        }
        let side_by_side = room.width() >= SIDE_BY_SIDE_WIDTH;
        let (first, second) = if side_by_side {
            let (left, right) = room.split_left_right_at_fraction(0.4);
            (left.with_max_x(left.right() - space::S), right.with_min_x(right.left() + space::S))
        } else {
            let (top, bottom) = room.split_top_bottom_at_fraction(0.42);
            (top.with_max_y(top.bottom() - space::S), bottom)
        };
        within(ui, first, "folder", |ui| self.list(ui, cx));
        within(ui, second, "file", |ui| self.file(ui, cx));
        ui.advance_cursor_after_rect(room);
    }

    fn list(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        self.path_bar(ui, cx);
        self.thrown.ui(ui, cx.client, self.place);
        if let Some(error) = &self.folder.error {
            let words = error_words(error);
            let banner = Banner::new(Tone::Bad, "Could not list the folder").detail(Some(&words));
            if banner.action("Try again").show(ui).is_some() {
                self.folder.error = None;
                self.folder.is_read = false;
            }
            return;
        }
        if self.folder.entries.is_empty() {
            if self.folder.pending.is_some() || !self.folder.is_read {
                skeleton_rows(ui, 5);
            } else {
                EmptyState::new(Icon::FolderOpen, "Nothing in this folder yet").show(ui);
            }
            return;
        }
        let open = self.preview.as_ref().map(|preview| preview.path().to_owned());
        let shown = rows::Shown {
            open: open.as_deref(),
            now: cx.world.now(),
            narrow: cx.narrow,
            has_more: self.folder.next.is_some(),
        };
        let answer = rows::show(ui, &self.folder.entries, &shown);
        match answer {
            Some(rows::RowWish::Open(entry)) => match entry.kind {
                EntryKind::Folder => self.go(entry.path),
                EntryKind::File | EntryKind::Link => {
                    let version = cx.world.files_version(self.place);
                    self.preview = Some(Preview::open(cx.client, self.place, &entry.path, version));
                }
                EntryKind::Special => {}
            },
            Some(rows::RowWish::Download(path)) => self.download(cx.client, &path),
            Some(rows::RowWish::Throw(path)) => self.throw(cx.client, &path),
            Some(rows::RowWish::Viewer(path)) => cx.send(ShellCommand::Open(Intent::File(self.place, path))),
            Some(rows::RowWish::More) if self.folder.pending.is_none() => {
                let next = self.folder.next.clone();
                self.ask(cx.client, next);
            }
            Some(rows::RowWish::More) | None => {}
        }
    }

    /// Where one is, each part a button.
    fn path_bar(&mut self, ui: &mut Ui, cx: &AppContext<'_>) {
        let mut target = None;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if ui.add(IconButton::new(Icon::Home, "Home folder")).clicked() {
                target = Some(String::new());
            }
            let mut path = String::new();
            let parts: Vec<&str> = self.folder.path.split('/').filter(|part| !part.is_empty()).collect();
            for part in parts {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(part);
                label(ui, TextKind::Label, Tone::Faint, "/");
                if ui.add(Button::ghost(part).small()).clicked() {
                    target = Some(path.clone());
                }
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if ui.add(IconButton::new(Icon::Refresh, "Refresh files")).clicked() {
                    self.folder.error = None;
                    if self.folder.pending.is_none() {
                        self.ask(cx.client, None);
                    }
                }
                label(ui, TextKind::Hint, Tone::Faint, entries_text(self.folder.entries.len()));
            });
        });
        hairline(ui);
        if let Some(path) = target
            && path != self.folder.path
        {
            self.go(path);
        }
    }

    fn file(&mut self, ui: &mut Ui, cx: &mut AppContext<'_>) {
        let Some(preview) = &mut self.preview else { return };
        let path = preview.path().to_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let mut close = false;
        let mut download = false;
        let mut throw = false;
        ui.horizontal(|ui| {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                close = ui.add(IconButton::new(Icon::Close, "Close preview")).clicked();
                download = ui.add(IconButton::new(Icon::Download, format!("Download {name}"))).clicked();
                throw = ui.add(IconButton::new(Icon::Trash, format!("Throw {name} away"))).clicked();
                if ui.add(IconButton::new(Icon::ArrowSquareOut, "Open in a window")).clicked() {
                    cx.send(ShellCommand::Open(Intent::File(self.place, path.clone())));
                }
                label(ui, TextKind::NumberSmall, Tone::Faint, size_text(preview.size_bytes()));
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    label(ui, TextKind::Strong, Tone::Normal, &name);
                });
            });
        });
        hairline(ui);
        download |= preview.ui(ui, cx.client) == Some(PreviewWish::Download);
        if download {
            self.download(cx.client, &path);
        }
        if throw {
            self.throw(cx.client, &path);
        }
        if close {
            self.preview = None;
        }
    }
}

/// Draws into a part of the room.
fn within(ui: &mut Ui, rect: Rect, salt: &str, add: impl FnOnce(&mut Ui)) {
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).id_salt(salt));
    child.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
    child.spacing_mut().item_spacing = vec2(space::S, space::XS);
    add(&mut child);
}

/// What became of a download.
pub(crate) fn downloaded(path: &str, answer: Result<Bytes, Error>) -> Notice {
    let name = path.rsplit('/').next().unwrap_or(path);
    let failed = |body: String| Notice {
        kind: NoticeKind::Bad,
        title: format!("Could not download {name}"),
        body,
        opens: None,
    };
    match answer {
        Err(error) => failed(error_words(&error)),
        Ok(bytes) => match save::save(name, &bytes) {
            Ok(place) => Notice {
                kind: NoticeKind::Good,
                title: format!("Downloaded {name}"),
                body: format!("{}, {place}", size_text(bytes.len() as u64)),
                opens: None,
            },
            Err(why) => failed(why),
        },
    }
}

fn entries_text(number: usize) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}
