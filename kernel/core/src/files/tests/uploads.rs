//! Uploads in pieces: whole or not there, however often they break.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Barrier},
};

use aether_protocol::{
    Blob, Code, Result, UserId,
    files::{AppendUpload, BeginUpload, Place, Upload},
};
use uuid::Uuid;

use super::{Ground, code};

const ME: UserId = UserId(Uuid::from_u128(1));
const OTHER: UserId = UserId(Uuid::from_u128(2));

/// The ground with a folder for uploads.
fn ground() -> Ground {
    let ground = Ground::new();
    fs::create_dir(ground.outside("uploads")).unwrap();
    ground
}

impl Ground {
    fn begin(&self, path: &str, size_bytes: u64, replace: bool) -> Result<Upload> {
        let request = BeginUpload {
            place: Place::Shared,
            path: path.to_owned(),
            size_bytes,
            replace,
            fingerprint: None,
        };
        self.wait(self.files.begin_upload(&self.root(), ME, request))
    }

    fn piece_within(&self, upload: Uuid, offset: u64, data: &[u8], limit: Option<u64>) -> Result<Upload> {
        let request = AppendUpload { upload, offset, data: Blob(data.to_vec()) };
        self.wait(async {
            let (_, size) = self.files.upload_target(ME, upload).await?;
            self.files.append_upload(&self.root(), ME, request, limit, size).await
        })
    }

    fn piece(&self, upload: Uuid, offset: u64, data: &[u8]) -> Result<Upload> {
        self.piece_within(upload, offset, data, None)
    }

    fn upload(&self, upload: Uuid) -> Result<Upload> {
        self.wait(self.files.upload(ME, upload))
    }

    fn pieces_at(&self, upload: Uuid) -> PathBuf {
        self.outside("uploads").join(upload.to_string())
    }
}

#[test]
fn a_file_is_there_when_its_last_byte_has_come_and_not_before() {
    let ground = ground();
    let upload = ground.begin("inner/new.bin", 10, false).unwrap();
    assert_eq!((upload.offset, upload.finished), (0, false));
    assert_eq!(ground.piece(upload.id, 0, b"01234").unwrap().offset, 5);
    assert!(!ground.at("inner/new.bin").exists());
    assert_eq!(ground.upload(upload.id).unwrap().offset, 5);
    // The same piece again, one from further on, and more than was announced.
    assert_eq!(code(ground.piece(upload.id, 0, b"01234")), Code::Conflict);
    assert_eq!(code(ground.piece(upload.id, 7, b"789")), Code::Conflict);
    assert_eq!(code(ground.piece(upload.id, 5, b"567890")), Code::TooLarge);
    assert_eq!(code(ground.piece(upload.id, 5, &vec![0; (4 << 20) + 1])), Code::TooLarge);
    let done = ground.piece(upload.id, 5, b"56789").unwrap();
    assert_eq!((done.offset, done.finished), (10, true));
    assert_eq!(ground.read("inner/new.bin").unwrap(), b"0123456789");
    // Whoever missed the answer learns that it is done.
    assert!(ground.upload(upload.id).unwrap().finished);
    assert!(ground.piece(upload.id, 10, b"").unwrap().finished);
    assert_eq!(code(ground.piece(upload.id, 10, b"x")), Code::Conflict);
    assert_eq!(ground.read("inner/new.bin").unwrap(), b"0123456789");
}

#[test]
fn an_empty_file_is_there_at_once_and_its_mode_is_that_of_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let ground = ground();
    assert!(ground.begin("empty", 0, false).unwrap().finished);
    let metadata = fs::metadata(ground.at("empty")).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (0, 0o644));
}

#[test]
fn what_is_there_is_replaced_only_where_that_was_asked_for() {
    let ground = ground();
    assert_eq!(code(ground.begin("inner/plain.txt", 1, false)), Code::Conflict);
    assert_eq!(code(ground.begin("inner", 1, true)), Code::Conflict);
    assert_eq!(code(ground.begin("nowhere/x", 1, true)), Code::NotFound);
    let late = ground.begin("late", 1, false).unwrap();
    ground.write("late", b"first").unwrap();
    assert_eq!(code(ground.piece(late.id, 0, b"x")), Code::Conflict);
    assert_eq!(ground.read("late").unwrap(), b"first");
    // Nothing is lost: with the name free again an empty piece puts it there.
    assert_eq!(ground.upload(late.id).unwrap().offset, 1);
    ground.remove("late", false).unwrap();
    assert!(ground.piece(late.id, 1, b"").unwrap().finished);
    assert_eq!(ground.read("late").unwrap(), b"x");
    let over = ground.begin("inner/plain.txt", 3, true).unwrap();
    assert_eq!(ground.read("inner/plain.txt").unwrap(), b"plain");
    ground.piece(over.id, 0, b"new").unwrap();
    assert_eq!(ground.read("inner/plain.txt").unwrap(), b"new");
}

#[test]
fn uploads_are_their_owners_alone_and_can_be_given_up() {
    let ground = ground();
    let upload = ground.begin("a", 5, false).unwrap();
    ground.piece(upload.id, 0, b"ab").unwrap();
    assert_eq!(code(ground.wait(ground.files.upload(OTHER, upload.id))), Code::NotFound);
    assert_eq!(code(ground.wait(ground.files.drop_upload(OTHER, upload.id))), Code::NotFound);
    assert!(ground.wait(ground.files.uploads(OTHER)).unwrap().is_empty());
    assert_eq!(ground.wait(ground.files.uploads(ME)).unwrap().len(), 1);
    assert_eq!(ground.wait(ground.files.drop_upload(ME, upload.id)).unwrap().bytes, 2);
    assert_eq!(code(ground.upload(upload.id)), Code::NotFound);
    assert_eq!(code(ground.piece(upload.id, 2, b"c")), Code::NotFound);
    assert!(!ground.pieces_at(upload.id).exists());
    assert_eq!(code(ground.upload(Uuid::nil())), Code::NotFound);
}

#[test]
fn of_many_who_send_the_same_piece_one_is_taken() {
    let ground = Arc::new(ground());
    for round in 0..20 {
        let upload = ground.begin(&format!("race-{round}"), 8, false).unwrap().id;
        let barrier = Arc::new(Barrier::new(4));
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let (files, root, barrier) =
                    (super::Files::new(ground.dir.path().to_path_buf()), ground.root(), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    barrier.wait();
                    let data = Blob(vec![b'0' + sender; 8]);
                    let request = AppendUpload { upload, offset: 0, data };
                    runtime.block_on(files.append_upload(&root, ME, request, None, 8)).is_ok()
                })
            })
            .collect();
        let taken: Vec<_> = senders.into_iter().map(|sender| sender.join().unwrap()).collect();
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1, "{taken:?}");
        let read = ground.read(&format!("race-{round}")).unwrap();
        let winner = b'0' + u8::try_from(taken.iter().position(|taken| *taken).unwrap()).unwrap();
        assert_eq!(read, vec![winner; 8]);
    }
}

#[test]
fn what_a_home_may_hold_is_held_to() {
    let ground = ground();
    let upload = ground.begin("big", 1000, false).unwrap();
    assert_eq!(code(ground.piece_within(upload.id, 0, &[7; 1000], Some(1))), Code::Exhausted);
    assert!(!ground.at("big").exists());
    assert!(ground.piece_within(upload.id, 1000, b"", Some(1 << 30)).unwrap().finished);
    let endless = ground.begin("endless", u64::MAX, false);
    assert_eq!(code(endless), Code::Exhausted);
    let root = ground.root();
    assert_eq!(code(ground.wait(ground.files.has_room(&root, Some(1 << 20), u64::MAX))), Code::Exhausted);
}

#[test]
fn an_upload_goes_where_it_was_announced_or_nowhere() {
    let ground = ground();
    for path in ["../x", "/x", "", "a/../x", "a\0", "x/"] {
        assert_eq!(code(ground.begin(path, 1, true)), Code::Invalid, "{path:?}");
    }
    ground.link("../outside", "out");
    ground.link("../outside/secret.txt", "secret");
    ground.link("../outside/made", "dangling");
    let before: Vec<_> =
        fs::read_dir(ground.outside("outside")).unwrap().map(|row| row.unwrap().path()).collect();
    for path in ["out/new", "secret", "dangling", "out"] {
        assert!(ground.begin(path, 1, true).is_err(), "{path}");
    }
    // What was a folder becomes a link while the upload is on its way.
    fs::create_dir(ground.at("way")).unwrap();
    let upload = ground.begin("way/secret.txt", 1, true).unwrap();
    fs::remove_dir(ground.at("way")).unwrap();
    ground.link("../outside", "way");
    assert!(ground.piece(upload.id, 0, b"x").is_err());
    // And a name becomes a link.
    let upload = ground.begin("name", 1, true).unwrap();
    ground.link("../outside/secret.txt", "name");
    assert!(ground.piece(upload.id, 0, b"x").is_err());
    let after: Vec<_> =
        fs::read_dir(ground.outside("outside")).unwrap().map(|row| row.unwrap().path()).collect();
    assert_eq!(before, after);
    assert_eq!(fs::read_to_string(ground.outside("outside/secret.txt")).unwrap(), super::SECRET);
}

#[test]
fn what_nobody_goes_on_with_is_stale_after_a_day() {
    let ground = ground();
    let (old, new) = (ground.begin("old", 5, false).unwrap().id, ground.begin("new", 5, false).unwrap().id);
    let uploads = super::super::Uploads::new(ground.dir.path());
    assert!(uploads.stale().is_empty());
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(25);
    for path in [ground.pieces_at(old).join("data"), ground.pieces_at(old)] {
        fs::File::open(path).unwrap().set_modified(long_ago).unwrap();
    }
    assert_eq!(uploads.stale(), [ground.pieces_at(old)]);
    // The next beginning clears away.
    ground.begin("next", 5, false).unwrap();
    assert_eq!(code(ground.upload(old)), Code::NotFound);
    assert!(ground.upload(new).is_ok());
}
