//! What a file holds, as far as it can be shown: text, or that it is none.

use aether_client::{Client, Pending};
use aether_kit::{
    Banner, Button, EmptyState, Icon, TextKind, Tone, label, rich, size_text, skeleton_rows, tokens,
};
use aether_protocol::{
    Error,
    files::{Part, Place, Read},
};
use egui::{Label, ScrollArea, Ui};

use crate::deeds::error_words;

/// Bytes that are read for a preview.
const PREVIEW_BYTES: u64 = 262_144;

/// What is known of a file's contents.
enum Contents {
    Loading,
    Text { lines: Vec<String>, is_cut: bool },
    Binary,
    Failed(Error),
}

/// One file, shown.
pub struct Preview {
    place: Place,
    path: String,
    size_bytes: u64,
    contents: Contents,
    pending: Option<Pending<Part>>,
    version: u64,
}

/// What a person wants of a preview.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewWish {
    /// Save it on this device.
    Download,
}

impl Preview {
    /// Begins to read a file. `version` is that of its place, as the world counts.
    pub fn open(client: &Client, place: Place, path: &str, version: u64) -> Self {
        let mut preview = Self {
            place,
            path: path.to_owned(),
            size_bytes: 0,
            contents: Contents::Loading,
            pending: None,
            version,
        };
        preview.read(client);
        preview
    }

    /// A preview with its contents, as a reply brings them.
    #[cfg(test)]
    pub fn of(place: Place, path: &str, part: Part) -> Self {
        let mut preview = Self {
            place,
            path: path.to_owned(),
            size_bytes: 0,
            contents: Contents::Loading,
            pending: None,
            version: 0,
        };
        preview.take(Ok(part));
        preview
    }

    /// Which file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its size, once known.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read(&mut self, client: &Client) {
        self.pending = Some(client.call(Read {
            place: self.place,
            path: self.path.clone(),
            offset: 0,
            length: Some(PREVIEW_BYTES),
        }));
    }

    /// Takes in what has come; reads again when the place has changed.
    pub fn logic(&mut self, client: &Client, version: u64) {
        if let Some(pending) = &mut self.pending
            && let Some(answer) = pending.take()
        {
            self.pending = None;
            self.take(answer);
        }
        if self.pending.is_none() && version != self.version {
            self.version = version;
            self.read(client);
        }
    }

    fn take(&mut self, answer: Result<Part, Error>) {
        match answer {
            Ok(part) => {
                self.size_bytes = part.size_bytes;
                self.contents = contents(&part.data.0, part.size_bytes);
            }
            Err(error) => self.contents = Contents::Failed(error),
        }
    }

    /// Draws it in all the room there is.
    pub fn ui(&mut self, ui: &mut Ui, client: &Client) -> Option<PreviewWish> {
        match &self.contents {
            Contents::Loading => {
                skeleton_rows(ui, 5);
                None
            }
            Contents::Failed(error) => {
                let words = error_words(error);
                let banner = Banner::new(Tone::Bad, "Could not read the file").detail(Some(&words));
                if banner.action("Try again").show(ui).is_some() {
                    self.contents = Contents::Loading;
                    self.read(client);
                }
                None
            }
            Contents::Binary => {
                let sentence = format!("This file is not text ({})", size_text(self.size_bytes));
                let download =
                    EmptyState::new(Icon::File, &sentence).action("Download", Some(Icon::Download)).show(ui);
                download.then_some(PreviewWish::Download)
            }
            Contents::Text { lines, is_cut } => {
                let mut wish = None;
                if *is_cut {
                    let shown = size_text(PREVIEW_BYTES);
                    let text = format!("Only the first {shown} of {} are shown", size_text(self.size_bytes));
                    ui.horizontal(|ui| {
                        label(ui, TextKind::Hint, Tone::Warn, text);
                        if ui.add(Button::ghost("Download the whole").small()).clicked() {
                            wish = Some(PreviewWish::Download);
                        }
                    });
                }
                text(ui, &self.path, lines);
                wish
            }
        }
    }
}

fn contents(bytes: &[u8], size_bytes: u64) -> Contents {
    if bytes.contains(&0) {
        return Contents::Binary;
    }
    let is_cut = (bytes.len() as u64) < size_bytes;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The cut may have gone through a character.
        Err(error) if is_cut && error.valid_up_to() + 4 > bytes.len() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return Contents::Binary,
    };
    Contents::Text { lines: text.lines().map(str::to_owned).collect(), is_cut }
}

fn text(ui: &mut Ui, path: &str, lines: &[String]) {
    let tokens = tokens(ui);
    if lines.is_empty() {
        label(ui, TextKind::Body, Tone::Faint, "The file is empty");
        return;
    }
    let row_height = ui.fonts_mut(|fonts| fonts.row_height(&TextKind::MonoSmall.font())) + 2.0;
    let digits = lines.len().to_string().len();
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::both().id_salt(("text of", path)).auto_shrink(false).show_rows(
        ui,
        row_height,
        lines.len(),
        |ui, range| {
            for index in range {
                let Some(line) = lines.get(index) else { break };
                ui.horizontal(|ui| {
                    ui.set_min_height(row_height);
                    let number =
                        rich(TextKind::MonoSmall, format!("{:>digits$}", index + 1)).color(tokens.text_faint);
                    ui.add(Label::new(number).selectable(false));
                    let words = rich(TextKind::MonoSmall, line.as_str()).color(tokens.text);
                    ui.add(Label::new(words).extend().selectable(true));
                });
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], size: u64) -> Option<Vec<String>> {
        match contents(bytes, size) {
            Contents::Text { lines, .. } => Some(lines),
            _ => None,
        }
    }

    #[test]
    fn text_is_text_also_when_cut_through_a_character() {
        assert_eq!(lines("a\nä".as_bytes(), 4).unwrap(), ["a", "ä"]);
        assert_eq!(lines(&"aä".as_bytes()[..2], 3).unwrap(), ["a"]);
    }

    #[test]
    fn what_is_no_text_says_so() {
        assert_eq!(lines(b"a\0b", 3), None);
        assert_eq!(lines(&[0xff, 0xfe, b'a', b'b', b'c'], 5), None);
    }
}
