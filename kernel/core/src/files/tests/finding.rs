//! Searching, counting, packing: what is found is inside, and what is hostile costs nobody more than its bounds.

use std::{
    fs,
    io::{Cursor, Read as _},
    os::unix::fs::{PermissionsExt as _, symlink},
};

use aether_protocol::{
    Code,
    files::{Found, Place, Search, Stopped, Usage, UsageReport},
};

use super::{Ground, SECRET, code};

pub(super) fn wanted(name: Option<&str>, content: Option<&str>) -> Search {
    Search {
        place: Place::Shared,
        path: String::new(),
        name: name.map(str::to_owned),
        content: content.map(str::to_owned),
        regex: false,
        match_case: false,
        hidden: false,
        limit: None,
    }
}

impl Ground {
    pub(super) fn search(&self, search: Search) -> aether_protocol::Result<Found> {
        self.wait(self.files.search(&self.root(), search))
    }

    pub(super) fn usage(&self, path: &str) -> aether_protocol::Result<UsageReport> {
        self.wait(self.files.usage(&self.root(), Usage { place: Place::Shared, path: path.to_owned() }))
    }

    /// The zip of a folder: names and contents.
    pub(super) fn packed(&self, path: &str) -> Vec<(String, Vec<u8>)> {
        let bytes = self
            .wait(async {
                let mut stream = self.files.archive(&self.root(), path.to_owned(), "top".to_owned()).await?;
                let mut all = Vec::new();
                while let Some(piece) = stream.next().await {
                    all.extend(piece.map_err(|error| aether_protocol::Error::internal(error.to_string()))?);
                }
                Ok(all)
            })
            .unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut entries = Vec::new();
        for index in 0..archive.len() {
            let mut file = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            entries.push((file.name().unwrap().into_owned(), content));
        }
        entries.sort();
        entries
    }
}

fn paths(found: &Found) -> Vec<&str> {
    found.items.iter().map(|hit| hit.entry.path.as_str()).collect()
}

#[test]
fn names_are_found_by_a_part_and_by_a_pattern() {
    let ground = Ground::new();
    for path in ["Report.md", "inner/report-2.MD", "inner/deep/other.txt", ".hidden/report"] {
        fs::create_dir_all(ground.at(path).parent().unwrap()).unwrap();
        fs::write(ground.at(path), "x").unwrap();
    }
    let by = |name: &str| ground.search(wanted(Some(name), None)).unwrap();
    assert_eq!(paths(&by("REPORT")), ["Report.md", "inner/report-2.MD"]);
    assert_eq!(paths(&by("*.md")), ["Report.md", "inner/report-2.MD"]);
    assert_eq!(paths(&by("report-?.md")), ["inner/report-2.MD"]);
    assert_eq!(paths(&by("deep")), ["inner/deep"], "folders as well");
    assert!(by("nothing like it").items.is_empty());
    let all = ground.search(Search { hidden: true, ..wanted(Some("report"), None) }).unwrap();
    assert_eq!(paths(&all), [".hidden/report", "Report.md", "inner/report-2.MD"]);
    let below = ground.search(Search { path: "inner".to_owned(), ..wanted(Some("report"), None) }).unwrap();
    assert_eq!(paths(&below), ["inner/report-2.MD"]);
    assert!(all.stopped.is_none());
}

#[test]
fn contents_are_found_by_line_and_binary_files_are_passed_over() {
    let ground = Ground::new();
    fs::write(ground.at("a.txt"), "first\nthe Needle here\r\nlast needle").unwrap();
    fs::write(ground.at("binary"), b"needle\n\0needle").unwrap();
    fs::write(ground.at("long.txt"), format!("{}needle{}", "x".repeat(5000), "y".repeat(5000))).unwrap();
    fs::write(ground.at("endless.txt"), "z".repeat(3 << 20) + "needle").unwrap();
    let found = ground.search(wanted(None, Some("needle"))).unwrap();
    assert_eq!(paths(&found), ["a.txt", "long.txt"]);
    let lines: Vec<_> = found.items[0].lines.iter().map(|line| (line.number, line.text.as_str())).collect();
    assert_eq!(lines, [(2, "the Needle here"), (3, "last needle")]);
    let long = &found.items[1].lines[0].text;
    assert!(long.contains("needle") && long.chars().count() < 250, "{long}");
    assert_eq!(found.passed_over, 1, "a line without end");
    let exact = Search { match_case: true, ..wanted(Some("*.txt"), Some("Needle")) };
    assert_eq!(paths(&ground.search(exact).unwrap()), ["a.txt"]);
    let regex = Search { regex: true, ..wanted(None, Some("^last\\s+n.*e$")) };
    assert_eq!(paths(&ground.search(regex).unwrap()), ["a.txt"]);
    // Without `regex` the same is text.
    assert!(ground.search(wanted(None, Some("n.*e"))).unwrap().items.is_empty());
}

#[test]
fn a_search_that_makes_no_sense_is_refused_with_the_reason() {
    let ground = Ground::new();
    let long = "x".repeat(1025);
    for search in [
        wanted(None, None),
        wanted(Some(""), None),
        wanted(None, Some("")),
        wanted(Some(&long), None),
        wanted(None, Some(&long)),
        wanted(Some("[a"), None),
        Search { regex: true, ..wanted(None, Some("(")) },
        Search { regex: true, ..wanted(None, Some("(a{1000}){1000}")) },
        Search { regex: true, ..wanted(None, Some("a\nb")) },
        Search { limit: Some(0), ..wanted(Some("a"), None) },
        Search { limit: Some(1001), ..wanted(Some("a"), None) },
        Search { path: "../outside".to_owned(), ..wanted(Some("a"), None) },
    ] {
        assert_eq!(code(ground.search(search.clone())), Code::Invalid, "{search:?}");
    }
    let missing = Search { path: "nowhere".to_owned(), ..wanted(Some("a"), None) };
    assert_eq!(code(ground.search(missing)), Code::NotFound);
}

#[test]
fn a_search_says_that_there_is_more() {
    let ground = Ground::new();
    for number in 0..12 {
        fs::write(ground.at(&format!("match-{number}")), "x").unwrap();
    }
    let some = ground.search(Search { limit: Some(10), ..wanted(Some("match"), None) }).unwrap();
    assert_eq!((some.items.len(), some.stopped), (10, Some(Stopped::Limit)));
    let all = ground.search(Search { limit: Some(12), ..wanted(Some("match"), None) }).unwrap();
    assert_eq!((all.items.len(), all.stopped), (12, None));
}

/// A tree with everything that could lead out.
fn hostile(ground: &Ground) {
    for (aim, path) in [
        ("../outside", "out"),
        ("../outside/secret.txt", "secret-link"),
        ("/", "slash"),
        (".", "circle"),
        ("../data-evil/secret.txt", "inner/evil"),
    ] {
        ground.link(aim, path);
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, ground.at("pipe"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
}

#[test]
fn searching_counting_and_packing_follow_no_link_and_wait_for_no_pipe() {
    let ground = Ground::new();
    hostile(&ground);
    let before = ground.neighbours();
    let found = ground.search(wanted(None, Some("canary"))).unwrap();
    assert!(found.items.is_empty(), "{found:?}");
    assert!(ground.search(Search { path: "out".to_owned(), ..wanted(Some("secret"), None) }).is_err());
    let names = ground.search(wanted(Some("secret"), None)).unwrap();
    assert_eq!(paths(&names), ["secret-link"], "the link itself");
    let usage = ground.usage("").unwrap();
    assert_eq!((usage.folders, usage.files), (2, 8));
    assert!(ground.usage("out").is_err());
    let packed = ground.packed("");
    let text: Vec<_> = packed.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        text,
        ["top/LEFT OUT.txt", "top/inner/", "top/inner/deep/", "top/inner/deep/file", "top/inner/plain.txt"]
    );
    assert!(packed.iter().all(|(_, content)| !String::from_utf8_lossy(content).contains(SECRET)));
    let left_out = String::from_utf8_lossy(&packed[0].1).into_owned();
    assert!(left_out.contains("out: is a link\n") && left_out.contains("pipe: is a pipe"), "{left_out}");
    assert_eq!(ground.neighbours(), before);
}

#[test]
fn usage_tells_what_holds_how_much_the_largest_first() {
    let ground = Ground::new();
    fs::write(ground.at("inner/large"), vec![1; 300_000]).unwrap();
    fs::write(ground.at("small"), vec![1; 5000]).unwrap();
    fs::hard_link(ground.at("inner/large"), ground.at("inner/deep/again")).unwrap();
    let usage = ground.usage("").unwrap();
    let names: Vec<_> = usage.shares.iter().map(|share| share.name.as_str()).collect();
    assert_eq!(names, ["inner", "small"]);
    let inner = &usage.shares[0];
    assert_eq!((inner.files, inner.folders), (4, 2));
    assert!((300_000..600_000).contains(&inner.bytes), "a file with two names counts once: {inner:?}");
    assert_eq!(usage.bytes, usage.shares.iter().map(|share| share.bytes).sum::<u64>());
    assert_eq!((usage.files, usage.folders, usage.stopped), (5, 2, None));
    assert_eq!(ground.usage("inner/deep").unwrap().files, 2);
    assert!(ground.usage("small").is_err(), "a file is no folder");
}

#[test]
fn an_archive_opens_safely_everywhere_and_loses_no_name() {
    let ground = Ground::new();
    fs::create_dir(ground.at("zip")).unwrap();
    for (name, text) in [
        ("..\\..\\evil", "1"),
        ("C:evil", "2"),
        ("C_evil", "3"),
        ("C_evil~2", "4"),
        ("ä 🎈", "5"),
        ("LEFT OUT.txt", "6"),
    ] {
        fs::write(ground.at("zip").join(name), text).unwrap();
    }
    let closed = ground.at("zip/run.sh");
    fs::write(&closed, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
    symlink("x", ground.at("zip/link")).unwrap();
    let packed = ground.packed("zip");
    let mut texts: Vec<_> =
        packed.iter().map(|(_, text)| String::from_utf8_lossy(text).into_owned()).collect();
    texts.sort();
    assert_eq!(texts, ["#!/bin/sh\n", "1", "2", "3", "4", "5", "6", "link: is a link\n"]);
    for (name, _) in &packed {
        assert!(name.starts_with("top/") && !name.contains(['\\', ':']) && !name.contains("/../"), "{name}");
    }
    assert!(packed.iter().any(|(name, text)| name == "top/ä 🎈" && text == b"5"));
    assert!(ground.packed("inner/deep").iter().any(|(name, text)| name == "top/file" && text == b"deep"));
}

#[test]
fn an_archive_that_nobody_takes_ends() {
    let ground = Ground::new();
    let noise: Vec<u8> = (0..4 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(ground.at("noise"), noise).unwrap();
    ground
        .wait(async {
            // As many as there are places, each dropped after its first piece: there is room again each time.
            for _ in 0..40 {
                loop {
                    match ground.files.archive(&ground.root(), String::new(), "top".to_owned()).await {
                        Ok(mut stream) => {
                            assert!(stream.next().await.unwrap().is_ok());
                            break;
                        }
                        Err(error) => assert_eq!(error.code, Code::Unavailable),
                    }
                    tokio::task::yield_now().await;
                }
            }
            Ok(())
        })
        .unwrap();
}
