//! What each operation does when nobody is hostile, and what it says when it cannot.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    sync::Arc,
};

use aether_protocol::{
    Blob, Code, Cursor,
    files::{EntryKind, Place, Write},
};

use super::{super::remove_home, Ground, code};
use crate::files::{MAX_READ_BYTES, MAX_WRITE_BYTES};

#[test]
fn a_file_is_written_read_and_described() {
    let ground = Ground::new();
    let entry = ground.write("inner/new.txt", b"hello").unwrap();
    assert_eq!((entry.name.as_str(), entry.path.as_str()), ("new.txt", "inner/new.txt"));
    assert_eq!((entry.kind, entry.size_bytes), (EntryKind::File, 5));
    assert!(entry.modified_at.0 > 1_700_000_000_000);
    assert_eq!(ground.stat("inner/new.txt").unwrap(), entry);
    assert_eq!(ground.read("inner/new.txt").unwrap(), b"hello");
    let part = ground.read_part("inner/new.txt", 1, Some(3)).unwrap();
    assert_eq!((part.data.0.as_slice(), part.offset, part.size_bytes), (&b"ell"[..], 1, 5));
    assert_eq!(ground.read_part("inner/new.txt", 9, None).unwrap().data.0, b"");
    assert_eq!(ground.read_part("inner/new.txt", u64::MAX, Some(1)).unwrap().data.0, b"");
    assert_eq!(fs::metadata(ground.at("inner/new.txt")).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn replacing_keeps_permissions_and_leaves_nothing_beside() {
    let ground = Ground::new();
    ground.write("script", b"one").unwrap();
    fs::set_permissions(ground.at("script"), fs::Permissions::from_mode(0o750)).unwrap();
    let before = fs::metadata(ground.at("script")).unwrap();
    ground.write("script", b"two").unwrap();
    let after = fs::metadata(ground.at("script")).unwrap();
    assert_eq!(after.permissions().mode() & 0o777, 0o750);
    assert_ne!(before.ino(), after.ino());
    assert_eq!(code(ground.write_as("script", b"three", true)), Code::Conflict);
    ground.write_as("fresh", b"four", true).unwrap();
    assert_eq!(ground.read("fresh").unwrap(), b"four");
    let names: Vec<String> = ground.list("").unwrap().items.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["inner", "fresh", "script"]);
}

#[test]
fn limits_are_said() {
    let ground = Ground::new();
    assert_eq!(code(ground.read_part("inner/plain.txt", 0, Some(MAX_READ_BYTES + 1))), Code::TooLarge);
    assert_eq!(code(ground.write("big", &vec![0; MAX_WRITE_BYTES + 1])), Code::TooLarge);
    assert_eq!(code(ground.append("big", &vec![0; MAX_WRITE_BYTES + 1])), Code::TooLarge);
    assert_eq!(code(ground.stat("big")), Code::NotFound);
    for limit in [0, 1001] {
        assert_eq!(code(ground.page("", None, Some(limit))), Code::Invalid);
    }
    for cursor in ["", "!", "AA", "Bw"] {
        assert_eq!(code(ground.page("", Some(Cursor(cursor.to_owned())), None)), Code::Invalid, "{cursor}");
    }
}

#[test]
fn a_large_file_is_read_in_parts() {
    let ground = Ground::new();
    let data: Vec<u8> = (0..MAX_READ_BYTES + 1000).map(|byte| (byte % 251) as u8).collect();
    ground.write("large", &data).unwrap();
    let first = ground.read_part("large", 0, None).unwrap();
    assert_eq!((first.data.0.len() as u64, first.size_bytes), (MAX_READ_BYTES, data.len() as u64));
    let rest = ground.read_part("large", MAX_READ_BYTES, None).unwrap();
    assert_eq!([first.data.0, rest.data.0].concat(), data);
}

#[test]
fn appending_makes_and_extends() {
    let ground = Ground::new();
    assert_eq!(ground.append("log", b"a\n").unwrap().size_bytes, 2);
    assert_eq!(ground.append("log", b"b\n").unwrap().size_bytes, 4);
    assert_eq!(ground.read("log").unwrap(), b"a\nb\n");
    assert_eq!(code(ground.append("missing/log", b"x")), Code::NotFound);
}

#[test]
fn folders_are_made_with_those_above() {
    let ground = Ground::new();
    assert_eq!(ground.mkdir("a/b/c").unwrap().kind, EntryKind::Folder);
    assert_eq!(ground.mkdir("a/b/c").unwrap().path, "a/b/c");
    assert_eq!(code(ground.mkdir("inner/plain.txt")), Code::Conflict);
    assert_eq!(code(ground.mkdir("inner/plain.txt/x")), Code::Conflict);
}

#[test]
fn removing_asks_for_recursive_and_counts() {
    let ground = Ground::new();
    assert_eq!(code(ground.remove("inner", false)), Code::Conflict);
    assert_eq!(ground.remove("inner/deep/file", false).unwrap().entries, 1);
    assert_eq!(ground.remove("inner/deep", false).unwrap().entries, 1);
    assert_eq!(ground.remove("inner", true).unwrap().entries, 2);
    assert_eq!(code(ground.remove("inner", true)), Code::NotFound);
}

#[test]
fn moving_and_copying_replace_only_when_asked() {
    let ground = Ground::new();
    ground.write("a", b"a").unwrap();
    ground.write("b", b"b").unwrap();
    assert_eq!(code(ground.rename("a", "b", false)), Code::Conflict);
    assert_eq!(code(ground.copy("a", "b", false)), Code::Conflict);
    assert_eq!(ground.copy("a", "b", true).unwrap().path, "b");
    assert_eq!(ground.read("b").unwrap(), b"a");
    assert_eq!(ground.rename("a", "b", true).unwrap().path, "b");
    assert_eq!(code(ground.stat("a")), Code::NotFound);
    assert_eq!(code(ground.rename("a", "c", false)), Code::NotFound);
    assert_eq!(code(ground.copy("a", "c", false)), Code::NotFound);
    assert_eq!(code(ground.copy("b", "b", true)), Code::Conflict);
    assert_eq!(code(ground.rename("inner", "inner/deep/inner", false)), Code::Invalid);
    assert_eq!(code(ground.copy("inner", "inner/deep/inner", false)), Code::Invalid);
    // The same by another way: the link's target is the folder itself.
    ground.link("inner", "same");
    assert_eq!(code(ground.copy("inner", "same/copy", false)), Code::Invalid);
    assert_eq!(ground.list("inner").unwrap().items.len(), 2, "the broken copy is gone");
    ground.copy("inner", "twin", false).unwrap();
    assert_eq!(ground.read("twin/deep/file").unwrap(), b"deep");
    ground.write("twin/more", b"more").unwrap();
    assert_eq!(code(ground.rename("inner", "twin", true)), Code::Conflict);
    ground.copy("inner", "twin", true).unwrap();
    assert_eq!(code(ground.stat("twin/more")), Code::NotFound);
    assert_eq!(code(ground.copy("b", "twin", true)), Code::Conflict);
    assert_eq!(code(ground.copy("twin", "b", true)), Code::Conflict);
    let names: Vec<String> = ground.list("").unwrap().items.into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["inner", "twin", "b", "same"]);
}

#[test]
fn lists_are_ordered_and_paged_while_they_change() {
    let ground = Ground::new();
    ground.mkdir("many").unwrap();
    for number in 0..250 {
        fs::write(ground.at(&format!("many/f{number:03}")), "").unwrap();
    }
    for number in 0..7 {
        ground.mkdir(&format!("many/zz{number}")).unwrap();
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let page = ground.page("many", cursor, Some(50)).unwrap();
        names.extend(page.items.iter().map(|entry| entry.name.clone()));
        // What goes and comes before the cursor moves nothing.
        if names.len() == 50 {
            ground.remove("many/f000", false).unwrap();
            fs::write(ground.at("many/a-new-one"), "").unwrap();
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let expected: Vec<String> = (0..7)
        .map(|number| format!("zz{number}"))
        .chain((0..250).map(|number| format!("f{number:03}")))
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn a_folder_of_a_hundred_thousand_is_paged_to_its_end() {
    let ground = Ground::new();
    ground.mkdir("huge").unwrap();
    // Names of one file: making them is cheap.
    fs::write(ground.at("one"), "").unwrap();
    let made = 100_000;
    for number in 0..made {
        let name = ground.at(&format!("huge/{number}"));
        if number % 20_000 == 0 {
            fs::write(ground.at("one"), "").unwrap();
            fs::remove_file(ground.at("one")).unwrap();
            fs::write(ground.at("one"), "").unwrap();
        }
        fs::hard_link(ground.at("one"), name).unwrap();
    }
    let (mut seen, mut cursor, mut last) = (0, None, Vec::new());
    loop {
        let page = ground.page("huge", cursor, Some(1000)).unwrap();
        for entry in &page.items {
            assert!(entry.name.as_bytes() > last.as_slice());
            last = entry.name.clone().into_bytes();
        }
        seen += page.items.len();
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
}

#[test]
fn names_that_are_not_utf8_are_listed_and_explained() {
    use std::os::unix::ffi::OsStrExt;
    let ground = Ground::new();
    fs::write(ground.root().join(std::ffi::OsStr::from_bytes(b"bad\xff.txt")), "x").unwrap();
    let listed = ground.list("").unwrap().items;
    let bad = listed.iter().find(|entry| entry.name.starts_with("bad")).unwrap();
    let error = ground.read_part(&bad.path, 0, None).unwrap_err();
    assert_eq!(error.code, Code::NotFound);
    assert!(error.hint.unwrap().contains("UTF-8"));
}

#[test]
fn one_whole_version_wins_among_many_writers() {
    let ground = Ground::new();
    let root = ground.root();
    let files = Arc::new(ground.files);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for version in 0..24_u8 {
            let (files, root) = (files.clone(), root.clone());
            writers.spawn(async move {
                let data = Blob(vec![version; 300_000]);
                let request =
                    Write { place: Place::Shared, path: "shared".to_owned(), data, must_be_new: false };
                files.write(&root, request).await.unwrap();
                let seen = std::fs::read(root.join("shared")).unwrap();
                assert_eq!(seen.len(), 300_000);
                assert!(seen.iter().all(|byte| *byte == seen[0]), "a mixture was seen");
            });
        }
        while let Some(done) = writers.join_next().await {
            done.unwrap();
        }
    });
    assert_eq!(fs::read_dir(&root).unwrap().count(), 2, "nothing is left beside");
}

#[test]
fn only_one_of_many_makers_makes_a_new_file() {
    let ground = Ground::new();
    let root = ground.root();
    let files = Arc::new(ground.files);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    let made = runtime.block_on(async {
        let mut makers = tokio::task::JoinSet::new();
        for maker in 0..16_u8 {
            let (files, root) = (files.clone(), root.clone());
            makers.spawn(async move {
                let data = Blob(vec![maker]);
                let request = Write { place: Place::Shared, path: "new".to_owned(), data, must_be_new: true };
                files.write(&root, request).await.is_ok()
            });
        }
        makers.join_all().await
    });
    assert_eq!(made.into_iter().filter(|made| *made).count(), 1);
}

#[test]
fn a_tree_that_is_too_deep_is_refused_in_words() {
    let ground = Ground::new();
    ground.mkdir("deep").unwrap();
    let mut path = "deep".to_owned();
    for _ in 0..140 {
        path.push_str("/d");
    }
    fs::create_dir_all(ground.at(&path)).unwrap();
    assert_eq!(code(ground.copy("deep", "copy", false)), Code::TooLarge);
    assert_eq!(code(ground.stat("copy")), Code::NotFound);
    assert_eq!(code(ground.remove("deep", true)), Code::TooLarge);
}

#[test]
fn a_home_is_removed_whole_and_links_in_it_are_not_followed() {
    let ground = Ground::new();
    ground.link("../outside", "link");
    let before = ground.neighbours();
    assert_eq!(remove_home(&ground.root()).unwrap(), 9);
    assert!(!ground.root().exists());
    assert_eq!(remove_home(&ground.root()).unwrap(), 0);
    fs::create_dir(ground.root()).unwrap();
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn a_root_elsewhere_is_refused() {
    let ground = Ground::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let request = aether_protocol::files::Stat { place: Place::Shared, path: String::new() };
    assert_eq!(code(ground.wait(ground.files.stat(elsewhere.path(), request))), Code::Internal);
}
