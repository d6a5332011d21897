//! What is thrown away comes back, and nothing else comes with it.

use std::fs;

use aether_protocol::{
    AgentId, Code,
    files::{EmptyTrash, ListTrash, Place, Restore, Trash, Trashed},
};

use super::{Ground, SECRET, code};

const FILES: &str = ".local/share/Trash/files";
const INFO: &str = ".local/share/Trash/info";

impl Ground {
    pub(super) fn trash(&self, path: &str) -> aether_protocol::Result<Trashed> {
        let request = Trash { place: Place::Shared, path: path.to_owned() };
        self.wait(self.files.trash(&self.root(), request))
    }

    fn trashed(&self) -> Vec<Trashed> {
        let request = ListTrash { place: Place::Shared, cursor: None, limit: None };
        self.wait(self.files.trash_list(&self.root(), request)).unwrap().items
    }

    pub(super) fn restore(
        &self,
        name: &str,
        to: Option<&str>,
        rename: bool,
    ) -> aether_protocol::Result<aether_protocol::files::Entry> {
        let request =
            Restore { place: Place::Shared, name: name.to_owned(), to: to.map(str::to_owned), rename };
        self.wait(self.files.restore(&self.root(), request))
    }

    fn empty(&self, names: Option<&[&str]>, older_than_days: Option<u32>) -> aether_protocol::Result<u64> {
        let names = names.map(|names| names.iter().map(|&name| name.to_owned()).collect());
        let request = EmptyTrash { place: Place::Shared, names, older_than_days };
        self.wait(self.files.empty_trash(&self.root(), request)).map(|gone| gone.entries)
    }
}

#[test]
fn what_is_thrown_away_comes_back_where_it_was() {
    let ground = Ground::new();
    assert!(ground.trashed().is_empty());
    let trashed = ground.trash("inner/deep").unwrap();
    assert_eq!((trashed.name.as_str(), trashed.path.as_str()), ("deep", "inner/deep"));
    assert!(!ground.at("inner/deep").exists());
    assert_eq!(fs::read(ground.at(FILES).join("deep/file")).unwrap(), b"deep");
    let note = fs::read_to_string(ground.at(INFO).join("deep.trashinfo")).unwrap();
    assert!(note.starts_with("[Trash Info]\nPath=inner/deep\nDeletionDate=2"), "{note}");
    assert_eq!(ground.trashed(), [trashed]);
    assert_eq!(ground.restore("deep", None, false).unwrap().path, "inner/deep");
    assert_eq!(fs::read(ground.at("inner/deep/file")).unwrap(), b"deep");
    assert!(ground.trashed().is_empty());
    assert_eq!(fs::read_dir(ground.at(INFO)).unwrap().count(), 0);
    assert_eq!(code(ground.restore("deep", None, false)), Code::NotFound);
}

#[test]
fn equal_names_do_not_hide_each_other_and_a_taken_place_is_not_overwritten() {
    let ground = Ground::new();
    for text in ["one", "two", "three"] {
        ground.write("notes.txt", text.as_bytes()).unwrap();
        ground.trash("notes.txt").unwrap();
    }
    let mut names: Vec<_> = ground.trashed().into_iter().map(|item| item.name).collect();
    names.sort();
    assert_eq!(names, ["notes.txt", "notes.txt.2", "notes.txt.3"]);
    ground.restore("notes.txt.2", None, false).unwrap();
    assert_eq!(code(ground.restore("notes.txt", None, false)), Code::Conflict);
    assert_eq!(ground.restore("notes.txt", None, true).unwrap().path, "notes (2).txt");
    assert_eq!(ground.restore("notes.txt.3", Some("new/place/x"), false).unwrap().path, "new/place/x");
    let read = |path: &str| String::from_utf8(ground.read(path).unwrap()).unwrap();
    assert_eq!([read("notes.txt"), read("notes (2).txt"), read("new/place/x")], ["two", "one", "three"]);
}

#[test]
fn a_folder_that_is_gone_is_made_again() {
    let ground = Ground::new();
    ground.trash("inner/deep/file").unwrap();
    ground.remove("inner", true).unwrap();
    assert_eq!(ground.restore("file", None, false).unwrap().path, "inner/deep/file");
}

#[test]
fn emptying_removes_what_was_chosen_and_all_at_the_end() {
    let ground = Ground::new();
    for name in ["a", "b", "c"] {
        ground.write(name, b"x").unwrap();
        ground.trash(name).unwrap();
    }
    fs::write(
        ground.at(INFO).join("b.trashinfo"),
        "[Trash Info]\nPath=b\nDeletionDate=2001-02-03T04:05:06\n",
    )
    .unwrap();
    assert_eq!(ground.empty(None, Some(30)).unwrap(), 1);
    assert_eq!(ground.empty(Some(&["a", "nobody"]), None).unwrap(), 1);
    assert_eq!(ground.trashed().into_iter().map(|item| item.name).collect::<Vec<_>>(), ["c"]);
    // Without a note: not listed, but gone with the rest.
    fs::write(ground.at(FILES).join("stray"), "x").unwrap();
    assert_eq!(ground.empty(None, None).unwrap(), 2);
    assert_eq!(fs::read_dir(ground.at(FILES)).unwrap().count(), 0);
    assert_eq!(fs::read_dir(ground.at(INFO)).unwrap().count(), 0);
    assert_eq!(ground.empty(None, None).unwrap(), 0);
}

#[test]
fn the_list_comes_in_pages_newest_first() {
    let ground = Ground::new();
    for number in 0..5 {
        let name = format!("f{number}");
        ground.write(&name, b"x").unwrap();
        ground.trash(&name).unwrap();
        let note = format!("[Trash Info]\nPath={name}\nDeletionDate=2020-01-0{}T00:00:00\n", number + 1);
        fs::write(ground.at(INFO).join(format!("{name}.trashinfo")), note).unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let request = ListTrash { place: Place::Shared, cursor, limit: Some(2) };
        let page = ground.wait(ground.files.trash_list(&ground.root(), request)).unwrap();
        seen.extend(page.items.into_iter().map(|item| item.name));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["f4", "f3", "f2", "f1", "f0"]);
}

#[test]
fn the_trash_does_not_swallow_itself() {
    let ground = Ground::new();
    ground.write("a", b"x").unwrap();
    ground.trash("a").unwrap();
    for path in [".local", ".local/share", ".local/share/Trash", FILES, ".local/share/Trash/files/a"] {
        assert_eq!(code(ground.trash(path)), Code::Conflict, "{path}");
    }
    ground.link(".local", "shortcut");
    assert_eq!(code(ground.trash("shortcut/share")), Code::Conflict);
    assert_eq!(ground.trashed().len(), 1);
    assert_eq!(fs::read_dir(ground.at(INFO)).unwrap().count(), 1, "a failed attempt leaves no note");
    // A link is thrown away itself, not what it points to.
    ground.trash("shortcut").unwrap();
    assert!(ground.at(FILES).join("a").exists());
}

#[test]
fn an_agents_note_is_written_as_the_agent_sees_its_home() {
    let ground = Ground::new();
    let place = Place::Agent { agent: AgentId(uuid::Uuid::nil()) };
    let request = Trash { place, path: "inner/plain.txt".to_owned() };
    ground.wait(ground.files.trash(&ground.root(), request)).unwrap();
    let note = fs::read_to_string(ground.at(INFO).join("plain.txt.trashinfo")).unwrap();
    assert!(note.contains("\nPath=/home/agent/inner/plain.txt\n"), "{note}");
    assert_eq!(ground.trashed()[0].path, "inner/plain.txt");
}

#[test]
fn a_hostile_trash_leads_nowhere() {
    let ground = Ground::new();
    let before = ground.neighbours();
    ground.write("a", b"x").unwrap();
    ground.trash("a").unwrap();
    // Notes that name what is outside, names that are no names.
    for (name, path) in [("x", "../outside/new"), ("y", "/etc/passwd"), ("z", "%2e%2e/outside/new")] {
        fs::write(ground.at(FILES).join(name), "x").unwrap();
        let note = format!("[Trash Info]\nPath={path}\nDeletionDate=2020-01-01T00:00:00\n");
        fs::write(ground.at(INFO).join(format!("{name}.trashinfo")), note).unwrap();
        assert_eq!(code(ground.restore(name, None, true)), Code::Conflict, "{path}");
    }
    assert_eq!(ground.trashed().len(), 1);
    for name in ["../../../../inner", "..", "", "a/b", "/a", "a\0"] {
        assert_eq!(code(ground.restore(name, Some("new"), false)), Code::Invalid, "{name:?}");
        assert_eq!(code(ground.empty(Some(&[name]), None)), Code::Invalid, "{name:?}");
    }
    for to in ["../outside/new", "/tmp/x", "", "a/../../x"] {
        assert_eq!(code(ground.restore("a", Some(to), false)), Code::Invalid, "{to:?}");
    }
    // A note that is a link to a secret.
    fs::write(ground.at(FILES).join("l"), "x").unwrap();
    ground.link("../../../../../outside/secret.txt", &format!("{INFO}/l.trashinfo"));
    assert!(ground.trashed().iter().all(|item| !item.path.contains(SECRET)));
    // A folder of what was thrown away that is a link, inside or out.
    for aim in ["../../../../outside", "../../../inner"] {
        fs::rename(ground.at(FILES), ground.at(".local/share/Trash/real")).unwrap();
        ground.link(aim, FILES);
        assert!(ground.trash("inner/plain.txt").is_err());
        assert!(ground.restore("a", None, false).is_err());
        assert!(ground.empty(None, None).is_err());
        fs::remove_file(ground.at(FILES)).unwrap();
        fs::rename(ground.at(".local/share/Trash/real"), ground.at(FILES)).unwrap();
    }
    // Restoring through a link that leads out.
    ground.link("../outside", "way");
    assert!(ground.restore("a", Some("way/new"), false).is_err());
    assert!(ground.restore("a", Some("way/deeper/new"), false).is_err());
    assert_eq!(ground.neighbours(), before);
    assert_eq!(ground.read("inner/plain.txt").unwrap(), b"plain");
    ground.restore("a", None, false).unwrap();
}
