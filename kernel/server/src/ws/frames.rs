//! Frames towards the client. Events are put together from the JSON that the bus wrote once for everybody.

use std::sync::Arc;

use aether_kernel::Record;
use aether_protocol::{Code, Error, Reply, frame::ServerFrame};
use serde::Serialize;

/// Events in one frame, at most.
const BATCH: usize = 256;
/// Bytes of events in one frame; a single larger event travels alone.
const BATCH_BYTES: usize = 64 * 1024;

/// A frame as text.
pub(super) fn text(frame: &ServerFrame) -> String {
    serde_json::to_string(frame).unwrap_or_else(|error| {
        tracing::error!(%error, "a frame cannot be written as JSON");
        r#"{"type":"refused","error":{"code":"internal","message":"A frame cannot be written"}}"#.to_owned()
    })
}

/// The answer to a call.
pub(super) fn answer(id: u64, result: Result<Reply, Error>) -> String {
    /// [`ServerFrame::Reply`], without the way over a `Value`.
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "reply")]
    struct Done<'a> {
        id: u64,
        reply: &'a Reply,
    }
    let error = match result {
        Ok(reply) => match serde_json::to_string(&Done { id, reply: &reply }) {
            Ok(text) => return text,
            Err(error) => Error::new(Code::Internal, format!("The reply cannot be written as JSON: {error}")),
        },
        Err(error) => error,
    };
    text(&ServerFrame::Failed { id, error })
}

/// Events in as few frames as the bounds permit, in order.
pub(super) fn events(records: &[Arc<Record>]) -> impl Iterator<Item = String> + '_ {
    const OPEN: &str = r#"{"type":"events","events":["#;
    const CLOSE: &str = "]}";
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let count = rest
            .iter()
            .take(BATCH)
            .take_while(|record| {
                let fits = bytes == 0 || bytes + record.json.len() < BATCH_BYTES;
                bytes += record.json.len() + 1;
                fits
            })
            .count();
        let (batch, later) = rest.split_at_checked(count).filter(|_| count > 0)?;
        rest = later;
        let mut frame = String::with_capacity(OPEN.len() + bytes + CLOSE.len());
        frame.push_str(OPEN);
        for (index, record) in batch.iter().enumerate() {
            if index > 0 {
                frame.push(',');
            }
            frame.push_str(&record.json);
        }
        frame.push_str(CLOSE);
        Some(frame)
    })
}

#[cfg(test)]
mod tests {
    use aether_protocol::{Actor, Event, EventBody, Seq, UnixMillis, system};

    use super::*;

    fn record(seq: u64, text_bytes: usize) -> Arc<Record> {
        let body = EventBody::SystemStarted { version: "x".repeat(text_bytes), resumed: 0 };
        Arc::new(Record::new(Event { seq: Seq(seq), at: UnixMillis(0), actor: Actor::Kernel, body }).unwrap())
    }

    #[test]
    fn batches_hold_every_event_once_in_order_and_are_bounded() {
        let records: Vec<_> =
            (1..=600).map(|seq| record(seq, if seq == 300 { 100_000 } else { 400 })).collect();
        let mut seen = Vec::new();
        for frame in events(&records) {
            let ServerFrame::Events { events } = serde_json::from_str(&frame).unwrap() else {
                panic!("{frame}")
            };
            assert!(!events.is_empty() && events.len() <= BATCH);
            assert!(events.len() == 1 || frame.len() < BATCH_BYTES + 200, "{}", frame.len());
            seen.extend(events.iter().map(|event| event.seq.0));
        }
        assert_eq!(seen, (1..=600).collect::<Vec<_>>());
        assert_eq!(events(&[]).count(), 0);
    }

    #[test]
    fn answers_are_the_frames_of_the_protocol() {
        let reply = Reply::System(system::Reply::Doctor(system::Diagnosis { checks: vec![] }));
        let expected = ServerFrame::Reply { id: 7, reply: serde_json::to_value(&reply).unwrap() };
        assert_eq!(serde_json::from_str::<ServerFrame>(&answer(7, Ok(reply))).unwrap(), expected);
        let error = Error::unauthenticated();
        let expected = ServerFrame::Failed { id: 8, error: error.clone() };
        assert_eq!(serde_json::from_str::<ServerFrame>(&answer(8, Err(error))).unwrap(), expected);
    }
}
