//! What changes is told, bounded, and of nothing but the folder.

use std::{collections::BTreeSet, fs};

use aether_protocol::{Code, files::Changed};

use super::{Ground, code};

impl Ground {
    /// Watches a folder while `change` runs; returns what was told until `is_enough`.
    fn watched(&self, path: &str, change: impl FnOnce(), is_enough: impl Fn(&Changed) -> bool) -> Changed {
        self.wait(async {
            let mut stream = self.files.watch(&self.root(), path.to_owned()).await?;
            change();
            let (mut all, mut names) = (Changed::default(), BTreeSet::new());
            while !is_enough(&all) {
                let Some(changed) = stream.next().await else { break };
                assert!(changed.names.len() <= 256, "{}", changed.names.len());
                names.extend(changed.names);
                all.names = names.iter().cloned().collect();
                all.more |= changed.more;
                all.gone |= changed.gone;
            }
            if all.gone {
                assert!(stream.next().await.is_none(), "nothing follows");
            }
            Ok(all)
        })
        .unwrap()
    }
}

#[test]
fn what_comes_goes_and_is_written_is_told() {
    let ground = Ground::new();
    let told = ground.watched(
        "inner",
        || {
            fs::write(ground.at("inner/new"), "x").unwrap();
            fs::rename(ground.at("inner/new"), ground.at("inner/renamed")).unwrap();
            fs::write(ground.at("inner/deep/below"), "not watched").unwrap();
            fs::write(ground.at("inner/plain.txt"), "y").unwrap();
        },
        |told| told.names.len() >= 3,
    );
    assert_eq!(told.names, ["new", "plain.txt", "renamed"]);
}

#[test]
fn a_storm_is_told_in_few_words_and_the_end_of_the_folder_as_one() {
    let ground = Ground::new();
    let told = ground.watched(
        "inner/deep",
        || {
            for number in 0..2000 {
                fs::write(ground.at(&format!("inner/deep/f{number}")), "x").unwrap();
            }
        },
        |told| told.more,
    );
    assert!(told.more);
    let gone = ground.watched(
        "inner/deep",
        || fs::rename(ground.at("inner/deep"), ground.at("elsewhere")).unwrap(),
        |told| told.gone,
    );
    assert!(gone.gone);
}

#[test]
fn only_folders_of_the_place_are_watched_and_not_too_many() {
    let ground = Ground::new();
    ground.link("../outside", "out");
    for path in ["out", "inner/plain.txt", "nowhere", "../outside", "/etc"] {
        assert!(ground.wait(ground.files.watch(&ground.root(), path.to_owned())).is_err(), "{path}");
    }
    ground
        .wait(async {
            let mut all = Vec::new();
            let refused = loop {
                match ground.files.watch(&ground.root(), String::new()).await {
                    Ok(stream) => all.push(stream),
                    Err(error) => break error,
                }
                assert!(all.len() <= 32, "there is no bound");
            };
            assert_eq!(refused.code, Code::Unavailable);
            all.pop();
            assert!(ground.files.watch(&ground.root(), String::new()).await.is_ok(), "there is room again");
            Ok(())
        })
        .unwrap();
    assert_eq!(code(ground.wait(ground.files.watch(&ground.root(), "a//b".to_owned()))), Code::Invalid);
}
