//! Every subscriber sees every event once, in order, however slow it is.

use aether_protocol::{Actor, EventBody, Live, Pid, Seq};

use super::{Bus, Delivery, RECENT, Subscription};
use crate::state::store::Store;

fn world() -> (tempfile::TempDir, Store, Bus) {
    let dir = tempfile::tempdir().unwrap();
    let bus = Bus::default();
    let store = Store::open(&dir.path().join("state.db"), bus.clone()).unwrap();
    (dir, store, bus)
}

async fn emit(store: &Store, count: usize) {
    store
        .write(move |tx| {
            for _ in 0..count {
                tx.emit(&Actor::Kernel, EventBody::SystemStopping {})?;
            }
            Ok(())
        })
        .await
        .unwrap();
}

async fn read(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.len() < count {
        match subscription.next().await.unwrap() {
            Delivery::Events(records) => seen.extend(records.iter().map(|record| record.event.seq.0)),
            Delivery::Live(_) => {}
        }
    }
    seen
}

#[tokio::test]
async fn a_slow_subscriber_misses_nothing() {
    let (_dir, store, bus) = world();
    let mut slow = Subscription::start(&bus, &store, None).await.unwrap();
    // Far more than the bus keeps in memory.
    for _ in 0..5 {
        emit(&store, RECENT).await;
    }
    let expected: Vec<u64> = (1..=5 * RECENT as u64).collect();
    assert_eq!(read(&mut slow, expected.len()).await, expected);
    emit(&store, 1).await;
    assert_eq!(read(&mut slow, 1).await, [5 * RECENT as u64 + 1]);
}

#[tokio::test]
async fn a_subscriber_resumes_where_it_was() {
    let (_dir, store, bus) = world();
    emit(&store, 10).await;
    let mut later = Subscription::start(&bus, &store, Some(Seq(7))).await.unwrap();
    assert_eq!((later.after(), later.oldest()), (Seq(7), Seq(1)));
    assert_eq!(read(&mut later, 3).await, [8, 9, 10]);
    let mut new = Subscription::start(&bus, &store, None).await.unwrap();
    emit(&store, 1).await;
    assert_eq!(read(&mut new, 1).await, [11]);
}

#[tokio::test]
async fn a_gap_is_told_and_a_number_from_the_future_waits_for_nothing() {
    let (_dir, store, bus) = world();
    emit(&store, 10).await;
    store.write(|tx| Ok(tx.execute("DELETE FROM events WHERE seq <= 4", [])?)).await.unwrap();
    let gap = Subscription::start(&bus, &store, Some(Seq(2))).await.unwrap();
    assert_eq!((gap.after(), gap.oldest()), (Seq(4), Seq(5)));
    let mut future = Subscription::start(&bus, &store, Some(Seq(1_000))).await.unwrap();
    emit(&store, 1).await;
    assert_eq!(read(&mut future, 1).await, [11]);
}

#[tokio::test]
async fn the_json_is_the_event() {
    let (_dir, store, bus) = world();
    let mut subscription = Subscription::start(&bus, &store, None).await.unwrap();
    emit(&store, 1).await;
    let Delivery::Events(records) = subscription.next().await.unwrap() else { panic!("no events") };
    let record = &records[0];
    assert_eq!(serde_json::from_str::<aether_protocol::Event>(&record.json).unwrap(), record.event);
}

#[tokio::test]
async fn projections_see_events_before_the_writer_answers() {
    let (_dir, store, bus) = world();
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = std::sync::Arc::clone(&seen);
    bus.project(move |event| counter.store(event.seq.0, std::sync::atomic::Ordering::SeqCst));
    emit(&store, 3).await;
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 3);
}

#[tokio::test]
async fn live_words_are_gathered_and_do_not_disturb_the_log() {
    let (_dir, store, bus) = world();
    let mut subscription = Subscription::start(&bus, &store, None).await.unwrap();
    for text in ["one ", "two ", "three"] {
        bus.show(Live::Words { pid: Pid(1), text: text.to_owned() });
    }
    let Delivery::Live(live) = subscription.next().await.unwrap() else { panic!("no words") };
    assert_eq!(live.len(), 3);
    emit(&store, 1).await;
    assert_eq!(read(&mut subscription, 1).await, [1]);
}
