//! The shipped roles have the shape that `configs/roles/README.md` documents, and name tools that exist.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path};

use aether_llm::protocol::{
    mind::{Message, ModelName},
    tools,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleFile {
    id: String,
    title: String,
    summary: String,
    example_goal: String,
    instructions: String,
    tools: Vec<String>,
    #[serde(default)]
    model: Option<ModelName>,
    #[serde(default)]
    max_output_tokens: Option<u32>,
    #[serde(default)]
    examples: Vec<Message>,
}

fn roles() -> BTreeMap<String, RoleFile> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/roles");
    let mut roles = BTreeMap::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let text = fs::read_to_string(&path).unwrap();
            let role: RoleFile =
                toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(
                path.file_stem().unwrap().to_str().unwrap(),
                role.id,
                "the file is named like the role"
            );
            roles.insert(role.id.clone(), role);
        }
    }
    roles
}

#[test]
fn every_role_can_be_read_and_can_complete() {
    let roles = roles();
    let ids: Vec<&str> = roles.keys().map(String::as_str).collect();
    assert_eq!(ids, ["assistant", "coder", "researcher", "scribe"]);
    for role in roles.values() {
        for text in [&role.title, &role.summary, &role.example_goal, &role.instructions] {
            assert!(!text.trim().is_empty(), "{} has an empty text", role.id);
        }
        assert!(!role.summary.ends_with('.'), "{}", role.id);
        for tool in &role.tools {
            assert!(tools::risk(tool).is_some(), "{} names {tool}, which is no tool", role.id);
        }
        assert!(role.tools.iter().any(|tool| tool == "complete"), "{} cannot say that it is done", role.id);
        assert!(role.model.as_ref().is_none_or(|model| model.split().is_some()));
        assert!(role.max_output_tokens.is_none_or(|most| most >= 64));
    }
    assert_eq!(roles["assistant"].tools.len(), tools::ALL.len(), "the assistant has every tool");
}

#[test]
fn worked_examples_call_granted_tools_with_arguments_that_fit() {
    for role in roles().values() {
        let mut called = Vec::new();
        for message in &role.examples {
            match message {
                Message::Assistant { calls, .. } => {
                    for call in calls {
                        assert!(role.tools.contains(&call.tool), "{}: {}", role.id, call.tool);
                        tools::Tool::parse(&call.tool, &call.args).unwrap();
                        assert!(!called.contains(&call.id), "{}: the id {} occurs twice", role.id, call.id);
                        called.push(call.id.clone());
                    }
                }
                Message::Tool { call, .. } => {
                    assert!(called.contains(call), "{}: {call} has no call", role.id);
                }
                Message::User { .. } | Message::System { .. } => {}
            }
        }
    }
}
