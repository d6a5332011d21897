//! The entries of a folder, one row each.

use aether_kit::{Button, Icon, ListRow, relative, size_text};
use aether_protocol::{
    UnixMillis,
    files::{Entry, EntryKind},
};
use egui::{ScrollArea, Ui};

/// What a person wants of a row.
pub enum RowWish {
    /// Look into it.
    Open(Entry),
    /// Save it on this device.
    Download(String),
    /// Show it in a window of its own.
    Viewer(String),
    /// Put it into the trash.
    Throw(String),
    /// The next page.
    More,
}

/// How the rows are shown.
pub struct Shown<'a> {
    /// The path whose contents are shown beside.
    pub open: Option<&'a str>,
    /// The kernel's clock.
    pub now: UnixMillis,
    /// Rows for fingers.
    pub narrow: bool,
    /// Whether there is another page.
    pub has_more: bool,
}

/// Draws the rows; only those in sight are made.
pub fn show(ui: &mut Ui, entries: &[Entry], shown: &Shown<'_>) -> Option<RowWish> {
    let Shown { open, now, narrow, has_more } = *shown;
    let mut wish = None;
    let height = if narrow { aether_kit::row::TOUCH } else { aether_kit::row::NORMAL };
    ui.spacing_mut().item_spacing.y = 2.0;
    let rows = entries.len() + usize::from(has_more);
    ScrollArea::vertical().id_salt("entries").auto_shrink(false).show_rows(ui, height, rows, |ui, range| {
        let wide = ui.available_width() > 320.0;
        for index in range {
            let Some(entry) = entries.get(index) else {
                if ui.add(Button::ghost("Show more files").small()).clicked() {
                    wish = Some(RowWish::More);
                }
                break;
            };
            let size = match entry.kind {
                EntryKind::File | EntryKind::Link => size_text(entry.size_bytes),
                EntryKind::Folder | EntryKind::Special => String::new(),
            };
            let trailing = match (wide, size.is_empty()) {
                (true, false) => format!("{size}  ·  {}", relative(entry.modified_at, now)),
                (true, true) => relative(entry.modified_at, now),
                (false, _) => size,
            };
            let row = ListRow::new(&entry.name)
                .icon(entry_icon(entry))
                .trailing(&trailing)
                .touch(narrow)
                .selected(open == Some(entry.path.as_str()));
            let response = ui.add(row);
            if response.clicked() {
                wish = Some(RowWish::Open(entry.clone()));
            }
            response.context_menu(|ui| {
                ui.set_width(190.0);
                let mut item = |ui: &mut Ui, icon, text: &str, chosen| {
                    if ui.add(ListRow::new(text).icon(icon)).clicked() {
                        wish = Some(chosen);
                        ui.close();
                    }
                };
                if entry.kind == EntryKind::File {
                    item(ui, Icon::ArrowSquareOut, "Open in a window", RowWish::Viewer(entry.path.clone()));
                    item(ui, Icon::Download, "Download", RowWish::Download(entry.path.clone()));
                }
                item(ui, Icon::Trash, "Throw away", RowWish::Throw(entry.path.clone()));
            });
        }
    });
    wish
}

/// The picture of an entry.
pub fn entry_icon(entry: &Entry) -> Icon {
    match entry.kind {
        EntryKind::Folder => Icon::Folder,
        EntryKind::Link => Icon::Link,
        EntryKind::Special => Icon::Plug,
        EntryKind::File => {
            let extension = entry.name.rsplit_once('.').map_or("", |(_, extension)| extension);
            match extension.to_ascii_lowercase().as_str() {
                "png" | "jpg" | "jpeg" | "gif" | "webp" | "svg" => Icon::FileImage,
                "rs" | "py" | "js" | "ts" | "sh" | "c" | "h" | "json" | "toml" | "yaml" | "html" | "css" => {
                    Icon::FileCode
                }
                "txt" | "md" | "log" | "csv" => Icon::Document,
                _ => Icon::File,
            }
        }
    }
}
