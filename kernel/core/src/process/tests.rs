//! The journal's rules that need no sandbox. Lives with real processes are tried in `tests/`.

use aether_protocol::{
    UnixMillis,
    journal::{Step, StepBody},
    mind::ToolCall,
};

use super::journal::open_call;

fn steps(bodies: Vec<StepBody>) -> Vec<Step> {
    bodies.into_iter().zip(0..).map(|(body, index)| Step { index, at: UnixMillis(0), body }).collect()
}

fn started(id: &str) -> StepBody {
    let call = ToolCall { id: id.into(), tool: "rm".into(), args: serde_json::json!({}) };
    StepBody::CallStarted { call }
}

fn finished(id: &str) -> StepBody {
    StepBody::CallFinished {
        call: id.into(),
        tool: "rm".into(),
        ok: true,
        output: String::new(),
        duration_ms: 1,
    }
}

#[test]
fn only_a_call_without_an_end_is_open() {
    let interrupted = || StepBody::CallInterrupted { call: "a".into(), tool: "rm".into() };
    let message = || StepBody::Message { from: "ada".into(), text: "hurry".into() };
    let open = |bodies| open_call(&steps(bodies)).map(|(id, _)| id);
    assert_eq!(open(vec![]), None);
    assert_eq!(open(vec![started("a")]), Some("a".into()));
    assert_eq!(open(vec![started("a"), message()]), Some("a".into()));
    assert_eq!(open(vec![started("a"), finished("a")]), None);
    assert_eq!(open(vec![started("a"), interrupted()]), None);
    // A refused call of another id ends nothing.
    assert_eq!(open(vec![started("a"), finished("b")]), Some("a".into()));
    assert_eq!(open(vec![started("a"), finished("a"), started("b")]), Some("b".into()));
}
