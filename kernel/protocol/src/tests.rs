//! What crosses the wire comes back as it was, and stays small.

use serde_json::json;
use uuid::Uuid;

use crate::*;

fn round_trip(command: impl Into<Command>) -> serde_json::Value {
    let command = command.into();
    let value = serde_json::to_value(&command).unwrap();
    assert_eq!(serde_json::from_value::<Command>(value.clone()).unwrap(), command);
    value
}

#[test]
fn commands_carry_subsystem_and_verb() {
    let value = round_trip(process::Signal { pid: Pid(7), signal: process::SignalName::Stop });
    assert_eq!(value, json!({"call": "process.signal", "args": {"pid": 7, "signal": "STOP"}}));
    round_trip(process::Spawn {
        goal: "write a haiku".into(),
        role: Some("scribe".into()),
        ..Default::default()
    });
    round_trip(files::Write {
        place: files::Place::Agent { agent: AgentId(Uuid::nil()) },
        path: "a/b".into(),
        data: vec![0, 255].into(),
        must_be_new: false,
    });
    round_trip(life::Boot { version: link::VERSION, sealed: vec![] });
    round_trip(system::GetStatus {});
}

#[test]
fn names_are_unique_and_well_formed() {
    let names: Vec<_> = Command::names().collect();
    let unique: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
    for name in names {
        let (subsystem, verb) = name.split_once('.').unwrap();
        assert!(subsystem.chars().all(|c| c.is_ascii_lowercase()), "{name}");
        assert!(verb.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
    }
}

#[test]
fn mistakes_are_named() {
    let mistake =
        |value: serde_json::Value| serde_json::from_value::<Command>(value).unwrap_err().to_string();
    assert!(mistake(json!({"args": {}})).contains("missing field `call`"));
    assert!(mistake(json!({"call": "weather.get", "args": {}})).contains("no subsystem 'weather'"));
    assert!(mistake(json!({"call": "process.dance", "args": {}})).contains("process.dance"));
    assert!(mistake(json!({"call": "process.get", "args": {"pid": "x"}})).contains("invalid type"));
    assert!(mistake(json!({"call": "process.get", "args": {"pid": 1, "colour": 2}})).contains("colour"));
    assert!(mistake(json!(null)).contains("call"));
}

#[test]
fn replies_are_taken_by_their_own_command_only() {
    let reply = Reply::Files(files::Reply::Remove(files::Gone { entries: 3 }));
    let value = serde_json::to_value(&reply).unwrap();
    assert_eq!(value, json!({"call": "files.remove", "reply": {"entries": 3}}));
    let reply: Reply = serde_json::from_value(value).unwrap();
    assert_eq!(files::Remove::take(reply.clone()), Some(files::Gone { entries: 3 }));
    assert_eq!(files::Stat::take(reply), None);
}

#[test]
fn blobs_are_base64_and_errors_keep_their_hint() {
    assert_eq!(serde_json::to_value(Blob(vec![1, 2, 3])).unwrap(), json!("AQID"));
    assert!(serde_json::from_value::<Blob>(json!("not base64!")).is_err());
    let error = Error::not_found("agent", "nemo").hint("`aether ps` lists them");
    let back: Error = serde_json::from_str(&serde_json::to_string(&error).unwrap()).unwrap();
    assert_eq!(back, error);
}

#[test]
fn terminal_frames_survive_and_short_ones_are_refused() {
    let frame = frame::TerminalFrame { terminal: TerminalId(Uuid::from_u128(9)), bytes: b"ls\r" };
    assert_eq!(frame::TerminalFrame::decode(&frame.encode()), Some(frame));
    assert_eq!(frame::TerminalFrame::decode(&[0; 15]), None);
}

#[test]
fn secrets_do_not_show_in_debug() {
    let login = identity::Login { name: "ada".into(), password: "hunter22".into(), device: "laptop".into() };
    assert!(!format!("{:?}", Command::from(login)).contains("hunter22"));
}

#[test]
fn sizes_on_the_wire_and_in_memory() {
    // An event of the common kind fits one network packet; a command fits a few cache lines.
    let event = Event {
        seq: Seq(1_000_000),
        at: UnixMillis(1_790_000_000_000),
        actor: Actor::Agent {
            agent: AgentId(Uuid::max()),
            life: LifeId(Uuid::max()),
            pid: Pid(100_000),
            owner: UserId(Uuid::max()),
        },
        body: EventBody::ProcessStepped {
            pid: Pid(100_000),
            agent: AgentId(Uuid::max()),
            life: LifeId(Uuid::max()),
            step: journal::Step {
                index: 10_000,
                at: UnixMillis(1_790_000_000_000),
                body: journal::StepBody::Note { text: "x".repeat(100) },
            },
            cut: false,
        },
    };
    assert!(serde_json::to_vec(&event).unwrap().len() < 800);
    assert!(size_of::<Command>() <= 320, "{}", size_of::<Command>());
    assert!(size_of::<Event>() <= 320, "{}", size_of::<Event>());
}

#[cfg(feature = "schemas")]
#[test]
fn schemas_and_types_agree() {
    let specs = tools::specs();
    assert_eq!(specs.len(), tools::ALL.len());
    for spec in &specs {
        assert!(tools::risk(&spec.name).is_some());
        assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
        assert_eq!(spec.parameters["additionalProperties"], false, "{}", spec.name);
    }
    let write = specs.iter().find(|spec| spec.name == "write_file").unwrap();
    assert_eq!(write.parameters["required"], json!(["path", "content"]));
    assert_eq!(write.description, "Writes a whole text file; replaces what was there.");
    assert!(tools::Tool::parse("write_file", &json!({"path": "a"})).unwrap_err().contains("content"));
    assert!(tools::Tool::parse("fly", &json!({})).unwrap_err().contains("no tool 'fly'"));
}
