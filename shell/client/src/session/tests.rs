//! What the kernel does to a connection, and what must become of calls, events and terminals.

use std::{
    sync::{Arc, Mutex},
    task::{Poll, Waker},
};

use aether_protocol::{
    Actor, EventBody, Pid, TerminalId, UnixMillis,
    process::{Get, Pause},
};
use serde_json::json;

use super::*;

type Answers = Arc<Mutex<Vec<Result<Value, Error>>>>;

struct Rig {
    session: Session,
    answers: Answers,
}

impl Rig {
    fn new() -> Self {
        Self { session: Session::new(true), answers: Answers::default() }
    }

    fn online() -> Self {
        let mut rig = Self::new();
        rig.hello(0);
        rig.sent();
        rig.subscribed(0, 1);
        rig
    }

    fn receive(&mut self, frame: &ServerFrame) {
        self.session.text(&serde_json::to_string(frame).unwrap());
    }

    fn hello(&mut self, last_seq: u64) {
        self.receive(&ServerFrame::Hello { version: "0".into(), last_seq: Seq(last_seq) });
    }

    fn subscribed(&mut self, after: u64, oldest: u64) {
        self.receive(&ServerFrame::Subscribed { after: Seq(after), oldest: Seq(oldest) });
    }

    fn events(&mut self, seqs: impl IntoIterator<Item = u64>) {
        let events = seqs
            .into_iter()
            .map(|seq| Event {
                seq: Seq(seq),
                at: UnixMillis(0),
                actor: Actor::Kernel,
                body: EventBody::SystemStopping {},
            })
            .collect();
        self.receive(&ServerFrame::Events { events });
    }

    fn lose(&mut self) -> u64 {
        self.session.lost("the cable was pulled", 0, 0.5)
    }

    fn call(&mut self, command: impl Into<Command>) {
        let answers = Arc::clone(&self.answers);
        self.session.call(&command.into(), Box::new(move |answer| answers.lock().unwrap().push(answer)));
    }

    fn answers(&self) -> Vec<Result<Value, Error>> {
        std::mem::take(&mut self.answers.lock().unwrap())
    }

    /// The text frames that were to be sent since the last time.
    fn sent(&mut self) -> Vec<Value> {
        self.orders()
            .into_iter()
            .filter_map(|order| match order {
                Order::Send(Frame::Text(text)) => Some(serde_json::from_str(&text).unwrap()),
                _ => None,
            })
            .collect()
    }

    fn orders(&mut self) -> Vec<Order> {
        let mut orders = Vec::new();
        while let Poll::Ready(order) = self.session.next_order(Waker::noop()) {
            orders.push(order);
        }
        orders
    }

    fn seen(&mut self) -> Vec<String> {
        self.session
            .drain()
            .into_iter()
            .map(|incoming| match incoming {
                Incoming::Event(event) => event.seq.to_string(),
                Incoming::Live(_) => "live".into(),
                Incoming::Resynced => "resynced".into(),
            })
            .collect()
    }
}

fn terminal_frame(terminal: TerminalId, bytes: &[u8]) -> bytes::Bytes {
    aether_protocol::frame::TerminalFrame { terminal, bytes }.encode().into()
}

#[test]
fn calls_made_while_connecting_are_sent_after_the_subscription() {
    let mut rig = Rig::new();
    rig.call(Get { pid: Pid(1) });
    assert!(rig.sent().is_empty());
    rig.hello(7);
    let sent = rig.sent();
    assert_eq!(sent[0], json!({"type": "subscribe"}));
    assert_eq!(sent[1]["command"]["call"], "process.get");
    let id = sent[1]["id"].as_u64().unwrap();
    rig.receive(&ServerFrame::Reply { id, reply: json!(1) });
    rig.receive(&ServerFrame::Reply { id, reply: json!(2) });
    assert_eq!(rig.answers(), [Ok(json!(1))], "one call, one answer");
}

#[test]
fn a_lost_connection_sends_reads_again_and_interrupts_writes() {
    let mut rig = Rig::online();
    rig.call(Get { pid: Pid(1) });
    rig.call(Pause { pid: Pid(1) });
    let first = rig.sent();
    rig.lose();
    let answers = rig.answers();
    assert_eq!(answers.len(), 1);
    let error = answers[0].as_ref().unwrap_err();
    assert_eq!(error.code, Code::Interrupted);
    assert!(error.message.contains("may or may not"), "{}", error.message);
    rig.hello(0);
    let again = rig.sent();
    assert_eq!(again.len(), 2, "{again:?}");
    assert_eq!(again[1], first[0]);
    // The late answer to the write goes to nobody.
    rig.receive(&ServerFrame::Reply { id: first[1]["id"].as_u64().unwrap(), reply: json!(null) });
    rig.receive(&ServerFrame::Reply { id: first[0]["id"].as_u64().unwrap(), reply: json!("late") });
    assert_eq!(rig.answers(), [Ok(json!("late"))]);
}

#[test]
fn without_a_connection_writes_fail_at_once_and_reads_wait() {
    let mut rig = Rig::online();
    rig.lose();
    rig.call(Pause { pid: Pid(1) });
    assert_eq!(rig.answers()[0].as_ref().unwrap_err().code, Code::Unavailable);
    rig.call(Get { pid: Pid(1) });
    assert!(rig.answers().is_empty());
    rig.hello(0);
    assert_eq!(rig.sent().len(), 2);
}

#[test]
fn a_write_that_was_never_sent_is_not_called_interrupted() {
    let mut rig = Rig::new();
    rig.call(Pause { pid: Pid(1) });
    rig.lose();
    let answers = rig.answers();
    assert_eq!(answers[0].as_ref().unwrap_err().code, Code::Unavailable);
    rig.hello(0);
    assert_eq!(rig.sent().len(), 1, "the subscription alone");
}

#[test]
fn events_are_seen_once_and_in_order_over_disconnects() {
    let mut rig = Rig::online();
    let mut next_in_frame = 1;
    let mut seen = Vec::new();
    for round in 0..50_u64 {
        // The kernel repeats a few events that were sent before the connection was lost.
        let from = next_in_frame.max(4) - 3;
        rig.events(from..next_in_frame + 5);
        next_in_frame += 5;
        if round % 3 == 0 {
            seen.extend(rig.seen());
        }
        rig.lose();
        rig.hello(next_in_frame - 1);
        assert_eq!(rig.sent()[0], json!({"type": "subscribe", "after": next_in_frame - 1}));
        rig.subscribed(next_in_frame - 1, 1);
    }
    seen.extend(rig.seen());
    let expected: Vec<String> = (1..next_in_frame).map(|seq| seq.to_string()).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_gap_is_said() {
    let mut rig = Rig::online();
    rig.events(1..=3);
    rig.lose();
    rig.hello(900);
    rig.subscribed(3, 500);
    rig.events(500..=501);
    assert_eq!(rig.seen(), ["1", "2", "3", "resynced", "500", "501"]);
}

#[test]
fn the_next_event_still_kept_is_no_gap() {
    let mut rig = Rig::online();
    rig.events(1..=3);
    rig.lose();
    rig.hello(4);
    rig.subscribed(3, 4);
    rig.events(4..=4);
    assert_eq!(rig.seen(), ["1", "2", "3", "4"]);
}

#[test]
fn a_kernel_that_was_set_up_anew_starts_the_events_anew() {
    let mut rig = Rig::online();
    rig.events(1..=300);
    rig.seen();
    rig.lose();
    rig.hello(2);
    assert_eq!(rig.sent(), [json!({"type": "subscribe"})]);
    rig.subscribed(2, 1);
    rig.events(3..=3);
    assert_eq!(rig.seen(), ["resynced", "3"]);
}

#[test]
fn moving_the_subscription_drops_what_the_old_one_still_brings() {
    let mut rig = Rig::online();
    rig.events(1..=2);
    rig.session.follow(Some(Seq(0)));
    assert_eq!(rig.sent(), [json!({"type": "subscribe", "after": 0})]);
    rig.events(3..=3);
    rig.subscribed(0, 1);
    rig.events(1..=3);
    assert_eq!(rig.seen(), ["1", "2", "3"]);
}

#[test]
fn events_that_nobody_takes_stay_with_the_kernel() {
    let mut rig = Rig::online();
    let all = INCOMING_LIMIT as u64 + 100;
    rig.events(1..=all);
    rig.events(all + 1..=all + 10);
    let seen = rig.seen();
    assert_eq!(seen.len(), INCOMING_LIMIT);
    assert_eq!(rig.sent(), [json!({"type": "subscribe", "after": INCOMING_LIMIT})]);
    rig.subscribed(INCOMING_LIMIT as u64, 1);
    rig.events(INCOMING_LIMIT as u64 + 1..=all + 10);
    assert_eq!(rig.seen().last().unwrap(), &(all + 10).to_string());
}

#[test]
fn pauses_double_up_to_a_limit_and_start_over_after_a_success() {
    let mut rig = Rig::new();
    let pauses: Vec<u64> = (0..10).map(|_| rig.lose()).collect();
    assert_eq!(pauses[..4], [187, 375, 750, 1500]);
    assert_eq!(pauses[9], BACK_OFF_LONGEST_MS * 3 / 4);
    assert!(matches!(
        rig.session.state(10_000),
        ConnectionState::Reconnecting { attempt: 10, next_try_in_secs: 2, .. }
    ));
    rig.hello(0);
    assert_eq!(rig.session.state(0), ConnectionState::Online);
    assert_eq!(rig.lose(), 187);
    let spread = (rig.session.lost("", 0, 0.0), rig.session.lost("", 0, 1.0));
    assert!(spread.0 < spread.1);
}

#[test]
fn signing_out_ends_calls_and_terminals() {
    let mut rig = Rig::online();
    let terminal = TerminalId(uuid(1));
    rig.session.open_terminal(terminal);
    rig.call(Get { pid: Pid(1) });
    rig.session.signed_out(None, None);
    assert_eq!(rig.answers()[0].as_ref().unwrap_err().code, Code::Unauthenticated);
    assert!(rig.session.terminals().why_ended(terminal).is_some());
    rig.call(Get { pid: Pid(1) });
    assert_eq!(rig.answers()[0].as_ref().unwrap_err().code, Code::Unauthenticated);
    rig.session.signing_in();
    assert_eq!(rig.session.state(0), ConnectionState::Connecting);
    rig.hello(9);
    assert_eq!(rig.seen(), ["resynced"]);
}

#[test]
fn a_terminal_is_attached_again_and_starts_anew() {
    let mut rig = Rig::online();
    let terminal = TerminalId(uuid(1));
    let link = rig.session.open_terminal(terminal);
    assert_eq!(rig.sent(), [json!({"type": "attach", "terminal": terminal})]);
    rig.session.binary(&terminal_frame(terminal, b"$ ls"));
    rig.session.binary(&terminal_frame(TerminalId(uuid(2)), b"of another"));
    assert_eq!(rig.session.terminals().drain(terminal, link), ["$ ls"]);
    assert!(rig.session.type_into(terminal, b"x"));
    assert_eq!(rig.orders().len(), 1);
    rig.lose();
    assert!(!rig.session.type_into(terminal, b"rm -rf"));
    rig.hello(0);
    let sent = rig.sent();
    assert_eq!(sent[1], json!({"type": "attach", "terminal": terminal}));
    rig.session.binary(&terminal_frame(terminal, b"$ ls again"));
    assert_eq!(rig.session.terminals().drain(terminal, link), [&b"\x1bc"[..], b"$ ls again"]);
    rig.receive(&ServerFrame::TerminalEnded { terminal, reason: "exit 0".into() });
    assert_eq!(rig.session.terminals().why_ended(terminal).as_deref(), Some("exit 0"));
    rig.session.close_terminal(terminal, link);
    assert!(rig.sent().is_empty(), "what has ended need not be detached");
}

#[test]
fn two_viewers_of_one_terminal_see_the_same() {
    let mut rig = Rig::online();
    let terminal = TerminalId(uuid(1));
    let first = rig.session.open_terminal(terminal);
    rig.session.binary(&terminal_frame(terminal, b"one"));
    let second = rig.session.open_terminal(terminal);
    rig.session.binary(&terminal_frame(terminal, b"two"));
    assert_eq!(rig.session.terminals().drain(terminal, first), ["one", "two"]);
    assert_eq!(rig.session.terminals().drain(terminal, second), ["one", "two"]);
    assert_eq!(rig.sent().len(), 1, "attached once");
    rig.session.close_terminal(terminal, first);
    assert!(rig.sent().is_empty());
    rig.session.close_terminal(terminal, second);
    assert_eq!(rig.sent(), [json!({"type": "detach", "terminal": terminal})]);
}

#[test]
fn frames_that_make_no_sense_do_not_stop_the_session() {
    let mut rig = Rig::online();
    rig.session.text("null");
    rig.session.text("{\"type\":\"events\",\"events\":[{}]}");
    rig.session.binary(&bytes::Bytes::from_static(b"short"));
    rig.receive(&ServerFrame::Reply { id: 99, reply: json!(null) });
    rig.events(1..=1);
    assert_eq!(rig.seen(), ["resynced", "resynced", "1"]);
}

fn uuid(number: u8) -> uuid::Uuid {
    uuid::Uuid::from_bytes([number; 16])
}
