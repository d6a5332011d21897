//! Somebody swaps a folder with a link to the outside, without end, while the operations run.

use std::{
    fs,
    os::unix::fs::symlink,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use aether_protocol::files::Search;

use super::{Ground, SECRET, finding::wanted};

/// How often each operation is tried against the swapping.
const ROUNDS: u32 = 400;

/// Swaps until dropped.
struct Swapper {
    stop: Arc<AtomicBool>,
    swaps: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    /// Exchanges the folder or file at `path` with a link to `aim`, in one step each time.
    fn start(ground: &Ground, path: &str, aim: &str) -> Self {
        let (here, there) = (ground.at(path), ground.at("link-to-swap"));
        symlink(aim, &there).unwrap();
        let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (stop, swaps) = (stop.clone(), swaps.clone());
            move || {
                while !stop.load(Ordering::Relaxed) {
                    if renameat_with(CWD, &here, CWD, &there, RenameFlags::EXCHANGE).is_ok() {
                        swaps.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        Self { stop, swaps, thread: Some(thread) }
    }

    fn swaps(&self) -> u64 {
        self.swaps.load(Ordering::Relaxed)
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Counts how an operation ended, so that a test that never met the folder, or never met the link, is seen.
#[derive(Default)]
struct Met {
    done: u32,
    refused: u32,
}

impl Met {
    /// Whether so many were tried, and both ends of the race were met.
    fn is_enough(&self, tries: u32) -> bool {
        self.done + self.refused >= tries && self.done > 0 && self.refused > 0
    }

    fn note<T>(&mut self, result: &aether_protocol::Result<T>) {
        if result.is_ok() { self.done += 1 } else { self.refused += 1 }
    }
}

/// Many more than are needed on a machine that is not busy: who wins a race is for the machine to say.
fn rounds(usual: u32) -> std::ops::Range<u32> {
    0..usual * 100
}

fn ground() -> Ground {
    let ground = Ground::new();
    fs::create_dir_all(ground.at("swap/dir")).unwrap();
    fs::write(ground.at("swap/secret.txt"), "harmless").unwrap();
    fs::write(ground.at("swap/dir/file"), "harmless").unwrap();
    ground
}

#[test]
fn reading_through_a_folder_that_is_swapped() {
    let ground = ground();
    let before = ground.neighbours();
    let swapper = Swapper::start(&ground, "swap", "../outside");
    let mut met = Met::default();
    for _ in rounds(ROUNDS * 5) {
        if met.is_enough(ROUNDS * 5) {
            break;
        }
        let read = ground.read("swap/secret.txt");
        met.note(&read);
        if let Ok(bytes) = read {
            assert_eq!(bytes, b"harmless");
        }
        if let Ok(page) = ground.list("swap") {
            assert!(page.items.iter().all(|entry| entry.name != "empty"), "the outside was listed");
        }
        if let Ok(entry) = ground.stat("swap/secret.txt") {
            assert_eq!(entry.size_bytes, 8, "the outside was described");
        }
    }
    assert!(met.done > 0 && met.refused > 0, "{} read, {} refused", met.done, met.refused);
    assert!(swapper.swaps() > 100);
    drop(swapper);
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn writing_through_a_folder_that_is_swapped() {
    let ground = ground();
    let before = ground.neighbours();
    let swapper = Swapper::start(&ground, "swap", "../outside");
    let mut met = Met::default();
    for round in rounds(ROUNDS) {
        if met.is_enough(ROUNDS) {
            break;
        }
        met.note(&ground.write("swap/secret.txt", b"harmless"));
        met.note(&ground.write_as(&format!("swap/new-{round}"), b"x", true));
        met.note(&ground.append("swap/log", b"x"));
        met.note(&ground.mkdir("swap/made/below"));
        met.note(&ground.remove("swap/made", true));
        met.note(&ground.copy("inner/plain.txt", "swap/copied", true));
        met.note(&ground.rename("swap/copied", "swap/renamed", true));
    }
    assert!(met.done > 0 && met.refused > 0, "{} done, {} refused", met.done, met.refused);
    drop(swapper);
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn writing_to_a_file_that_is_swapped_with_a_link() {
    let ground = ground();
    let before = ground.neighbours();
    fs::write(ground.at("target"), "harmless").unwrap();
    let swapper = Swapper::start(&ground, "target", "../outside/secret.txt");
    let mut met = Met::default();
    for _ in rounds(ROUNDS) {
        if met.is_enough(ROUNDS) {
            break;
        }
        let read = ground.read("target");
        assert!(!read.is_ok_and(|bytes| bytes == SECRET.as_bytes()));
        met.note(&ground.append("target", b"x"));
        met.note(&ground.write("target", b"harmless"));
    }
    assert!(met.done > 0 && met.refused > 0, "{} done, {} refused", met.done, met.refused);
    drop(swapper);
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn copying_and_removing_a_tree_in_which_a_folder_is_swapped() {
    let ground = ground();
    let before = ground.neighbours();
    fs::create_dir_all(ground.at("tree")).unwrap();
    let mut rounds = 0;
    for _ in 0..ROUNDS / 10 {
        fs::create_dir_all(ground.at("tree/swap/dir")).unwrap();
        fs::write(ground.at("tree/swap/secret.txt"), "harmless").unwrap();
        let swapper = Swapper::start(&ground, "tree/swap", "../../outside");
        for copy in 0..4 {
            let to = format!("copy-{copy}");
            if ground.copy("tree", &to, false).is_ok() {
                let copied = fs::read_to_string(ground.at(&to).join("swap/secret.txt"));
                let through = fs::symlink_metadata(ground.at(&to).join("swap")).unwrap();
                assert!(through.is_symlink() || copied.unwrap() == "harmless");
                rounds += 1;
            }
        }
        // Succeeds or not, depending on what it met; what matters is what it left alone.
        let _ = ground.remove("tree/swap", true);
        drop(swapper);
        assert_eq!(ground.neighbours(), before);
        for copy in 0..4 {
            let _ = ground.remove(&format!("copy-{copy}"), true);
        }
        let _ = ground.remove("tree/swap", true);
        let _ = ground.remove("link-to-swap", true);
    }
    assert!(rounds > 0);
}

#[test]
fn searching_counting_packing_and_throwing_away_while_a_folder_is_swapped() {
    let ground = ground();
    let before = ground.neighbours();
    let swapper = Swapper::start(&ground, "swap", "../outside");
    let (mut met, mut thrown) = (Met::default(), Met::default());
    for _ in 0..ROUNDS {
        let found = ground.search(wanted(None, Some("canary"))).unwrap();
        assert!(found.items.is_empty(), "the outside was searched: {found:?}");
        let below = ground.search(Search { path: "swap".to_owned(), ..wanted(Some("empty"), None) });
        met.note(&below);
        assert!(!below.is_ok_and(|found| !found.items.is_empty()), "the outside was searched");
        if let Ok(usage) = ground.usage("swap") {
            assert!(usage.shares.iter().all(|share| share.name != "empty"), "the outside was counted");
        }
        let _ = ground.write("swap/secret.txt", b"harmless");
        if let Ok(trashed) = ground.trash("swap/secret.txt") {
            thrown.note(&ground.restore(&trashed.name, None, true));
        }
    }
    for _ in 0..ROUNDS / 10 {
        for (name, content) in ground.packed("") {
            assert!(!String::from_utf8_lossy(&content).contains(SECRET), "{name} is from outside");
        }
    }
    assert!(met.done > 0 && met.refused > 0, "{} done, {} refused", met.done, met.refused);
    assert!(thrown.done > 0, "{} back, {} refused", thrown.done, thrown.refused);
    assert!(swapper.swaps() > 100);
    drop(swapper);
    assert_eq!(ground.neighbours(), before);
}
