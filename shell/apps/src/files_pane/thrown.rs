//! Throwing away, and taking that back.

use aether_client::{Client, Pending};
use aether_kit::{Banner, BannerAnswer, Tone};
use aether_protocol::{
    Error,
    files::{Entry, Place, Restore, Trash, Trashed},
};
use egui::Ui;

use crate::{Notice, NoticeKind, deeds::error_words};

/// What was thrown away last, and what is under way.
#[derive(Default)]
pub(super) struct Thrown {
    throwing: Option<(String, Pending<Trashed>)>,
    restoring: Option<(String, Pending<Entry>)>,
    last: Option<Trashed>,
}

impl Thrown {
    /// Puts something into the trash of its place. One at a time.
    pub fn throw(&mut self, client: &Client, place: Place, path: &str) {
        if self.throwing.is_none() {
            let request = Trash { place, path: path.to_owned() };
            self.throwing = Some((path.to_owned(), client.call(request)));
        }
    }

    /// Takes in what has come; returns what went wrong.
    pub fn logic(&mut self) -> Option<Notice> {
        if let Some((path, pending)) = &mut self.throwing
            && let Some(answer) = pending.take()
        {
            let path = std::mem::take(path);
            self.throwing = None;
            return self.thrown(&path, answer);
        }
        if let Some((path, pending)) = &mut self.restoring
            && let Some(answer) = pending.take()
        {
            let path = std::mem::take(path);
            self.restoring = None;
            return answer.err().map(|error| failed("bring back", &path, &error));
        }
        None
    }

    /// Takes in that something was thrown away, as a reply brings it.
    pub fn thrown(&mut self, path: &str, answer: Result<Trashed, Error>) -> Option<Notice> {
        match answer {
            Ok(trashed) => {
                self.last = Some(trashed);
                None
            }
            Err(error) => Some(failed("throw away", path, &error)),
        }
    }

    /// Says what was thrown away, with the way back.
    pub fn ui(&mut self, ui: &mut Ui, client: &Client, place: Place) {
        let Some(last) = &self.last else { return };
        let text = format!("{} is in the trash", name_of(&last.path));
        match Banner::new(Tone::Good, &text).action("Undo").dismissible().show(ui) {
            None => return,
            Some(BannerAnswer::Act) => {
                let request = Restore { place, name: last.name.clone(), to: None, rename: false };
                self.restoring = Some((last.path.clone(), client.call(request)));
            }
            Some(BannerAnswer::Dismiss) => {}
        }
        self.last = None;
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn failed(deed: &str, path: &str, error: &Error) -> Notice {
    Notice {
        kind: NoticeKind::Bad,
        title: format!("Could not {deed} {}", name_of(path)),
        body: error_words(error),
        opens: None,
    }
}
