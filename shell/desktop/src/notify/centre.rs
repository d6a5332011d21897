//! What the person was told: toasts that go by themselves, and the list that keeps them. Pure.

use aether_apps::{Intent, Notice, NoticeKind};
use aether_protocol::UnixMillis;

/// How many messages are kept.
const KEPT: usize = 100;
/// How many toasts show at once.
const TOASTS: usize = 3;

/// A message, with when it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Its number, never used twice.
    pub id: u64,
    /// When.
    pub at: UnixMillis,
    /// What.
    pub notice: Notice,
    /// Whether the person has seen it.
    pub read: bool,
    /// Whether it still shows in the corner.
    toast: bool,
}

/// All messages, newest first.
#[derive(Clone, Debug, Default)]
pub struct Centre {
    told: Vec<Told>,
    count: u64,
}

impl Centre {
    /// Newest first.
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// Takes in a message. One that says the same about the same thing as the newest takes its place.
    pub fn tell(&mut self, notice: Notice, now: UnixMillis) {
        if self.told.first().is_some_and(|last| last.notice == notice && !last.read) {
            self.told.remove(0);
        }
        self.count += 1;
        self.told.insert(0, Told { id: self.count, at: now, notice, read: false, toast: true });
        self.told.truncate(KEPT);
    }

    /// How many the person has not seen.
    pub fn unread(&self) -> usize {
        self.told.iter().filter(|told| !told.read).count()
    }

    /// What shows in the corner now, newest first, at most three.
    pub fn toasts(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.toast).take(TOASTS)
    }

    /// Lets go of the toasts whose time is over. Returns how long the next one still has, in milliseconds.
    pub fn expire(&mut self, now: UnixMillis) -> Option<u64> {
        let mut next: Option<u64> = None;
        for told in self.told.iter_mut().filter(|told| told.toast) {
            let left = shows_ms(told.notice.kind).saturating_sub(now.since_ms(told.at));
            if left == 0 {
                told.toast = false;
            } else {
                next = Some(next.map_or(left, |least| least.min(left)));
            }
        }
        next
    }

    /// The toast goes; the message stays in the list.
    pub fn dismiss_toast(&mut self, id: u64) {
        for told in self.told.iter_mut().filter(|told| told.id == id) {
            told.toast = false;
        }
    }

    /// The person has acted on it.
    pub fn open(&mut self, id: u64) {
        for told in self.told.iter_mut().filter(|told| told.id == id) {
            told.toast = false;
            told.read = true;
        }
    }

    /// The person looks at what this opens: nothing needs to be said about it.
    pub fn seen(&mut self, intent: &Intent) {
        for told in self.told.iter_mut().filter(|told| told.notice.opens.as_ref() == Some(intent)) {
            told.toast = false;
            told.read = true;
        }
    }

    /// The list is open: all is seen, and no toast is needed.
    pub fn read_all(&mut self) {
        for told in &mut self.told {
            told.read = true;
            told.toast = false;
        }
    }

    /// Throws one away.
    pub fn remove(&mut self, id: u64) {
        self.told.retain(|told| told.id != id);
    }

    /// Throws all away.
    pub fn clear(&mut self) {
        self.told.clear();
    }
}

/// How long a toast shows, in milliseconds: longer where a person is needed.
fn shows_ms(kind: NoticeKind) -> u64 {
    match kind {
        NoticeKind::Info | NoticeKind::Good => 6_000,
        NoticeKind::Waiting | NoticeKind::Bad => 12_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(kind: NoticeKind, title: &str) -> Notice {
        Notice { kind, title: title.into(), body: String::new(), opens: None }
    }

    #[test]
    fn toasts_go_by_themselves_and_the_message_stays() {
        let mut centre = Centre::default();
        centre.tell(notice(NoticeKind::Good, "done"), UnixMillis(0));
        centre.tell(notice(NoticeKind::Waiting, "asks"), UnixMillis(1_000));
        assert_eq!(centre.expire(UnixMillis(2_000)), Some(4_000));
        assert_eq!(centre.toasts().count(), 2);
        assert_eq!(centre.expire(UnixMillis(6_000)), Some(7_000));
        let left: Vec<_> = centre.toasts().map(|told| told.notice.title.as_str()).collect();
        assert_eq!(left, ["asks"]);
        assert_eq!(centre.expire(UnixMillis(13_000)), None);
        assert_eq!((centre.toasts().count(), centre.told().len(), centre.unread()), (0, 2, 2));
    }

    #[test]
    fn the_same_message_twice_is_one() {
        let mut centre = Centre::default();
        for at in 0..5 {
            centre.tell(notice(NoticeKind::Bad, "failed"), UnixMillis(at));
        }
        assert_eq!(centre.told().len(), 1);
        centre.read_all();
        centre.tell(notice(NoticeKind::Bad, "failed"), UnixMillis(9));
        assert_eq!((centre.told().len(), centre.unread()), (2, 1));
    }

    #[test]
    fn what_a_person_looks_at_needs_no_words() {
        let mut centre = Centre::default();
        for intent in [Intent::Settings, Intent::MissionControl] {
            let about = Notice { opens: Some(intent), ..notice(NoticeKind::Info, "news") };
            centre.tell(about, UnixMillis(0));
        }
        centre.seen(&Intent::Settings);
        assert_eq!((centre.toasts().count(), centre.told().len(), centre.unread()), (1, 2, 1));
    }

    #[test]
    fn memory_is_bounded_and_few_toasts_show() {
        let mut centre = Centre::default();
        for n in 0..500 {
            centre.tell(notice(NoticeKind::Info, &n.to_string()), UnixMillis(n));
        }
        assert_eq!(centre.told().len(), KEPT);
        assert_eq!(centre.toasts().count(), TOASTS);
        assert_eq!(centre.told().first().map(|told| told.notice.title.as_str()), Some("499"));
    }
}
