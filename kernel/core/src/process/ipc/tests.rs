//! Rules of queues, on a store alone. Channels with real agents are tried in `tests/`.

use aether_protocol::{AgentId, ChannelId, UserId, channel::Party};
use rusqlite::params;
use uuid::Uuid;

use super::{checked_name, store};
use crate::state::{
    bus::Bus,
    store::{Store, StoreError},
};

const ADA: UserId = UserId(Uuid::from_u128(1));
const ONE: Party = Party::Agent { agent: AgentId(Uuid::from_u128(2)) };
const TWO: Party = Party::Agent { agent: AgentId(Uuid::from_u128(3)) };

/// A channel with two agents in it.
async fn ground(dir: &tempfile::TempDir) -> (Store, ChannelId) {
    let store = Store::open(&dir.path().join("state.db"), Bus::default()).unwrap();
    let channel = store
        .write(|tx| {
            tx.execute(
                "INSERT INTO users (id, name, password, created_at) VALUES (?1, 'ada', '', 0)",
                [ADA.to_string()],
            )?;
            for (party, name) in [(ONE, "one"), (TWO, "two")] {
                let Party::Agent { agent } = party else { continue };
                tx.execute(
                    "INSERT INTO agents (id, owner, name, role, created_at) VALUES (?1, ?2, ?3, 'scribe', 0)",
                    params![agent.to_string(), ADA.to_string(), name],
                )?;
            }
            let id = store::insert(tx, ADA, "work", "", None)?;
            store::join(tx, id, ONE, "one")?;
            store::join(tx, id, TWO, "two")?;
            Ok(id)
        })
        .await
        .unwrap();
    (store, channel)
}

fn say(
    tx: &rusqlite::Connection,
    channel: ChannelId,
    from: Party,
    text: &str,
    keep: u32,
) -> Result<(), StoreError> {
    let draft = store::Draft { from, name: "somebody", text, thread: None, key: None };
    store::post(tx, channel, &draft, keep).map(drop)
}

fn queue(tx: &rusqlite::Connection, channel: ChannelId, of: Party) -> Vec<String> {
    let acked = store::find_member(tx, channel, of).unwrap().unwrap().acked;
    let queued = store::queued(tx, channel, of, acked, 1000).unwrap();
    queued.into_iter().map(|message| message.text).collect()
}

#[tokio::test]
async fn a_queue_keeps_its_bound_whatever_the_member_said_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let (store, channel) = ground(&dir).await;
    store
        .write(move |tx| {
            let mut began = 0;
            for number in 0..20 {
                say(tx, channel, ONE, &format!("one {number}"), 100)?;
                began += store::bound(tx, channel, 5)?.len();
                // One's own words wait for nobody but two, whose queue is that of one's alone.
                say(tx, channel, TWO, "two", 100)?;
                store::ack(tx, channel, ONE, u64::MAX >> 1, 0)?;
                let member = store::find_member(tx, channel, TWO)?.unwrap();
                assert_eq!(member.waiting as usize, queue(tx, channel, TWO).len());
                assert!(member.waiting <= 5);
            }
            assert_eq!(began, 1, "it begins to overflow once");
            assert_eq!(queue(tx, channel, TWO), ["one 15", "one 16", "one 17", "one 18", "one 19"]);
            assert_eq!(store::find_member(tx, channel, TWO)?.unwrap().dropped, 15);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn an_acknowledgement_never_goes_back_and_counts_what_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (store, channel) = ground(&dir).await;
    store
        .write(move |tx| {
            for number in 1..=10 {
                say(tx, channel, ONE, &number.to_string(), 100)?;
            }
            store::ack(tx, channel, TWO, 7, 0)?;
            store::ack(tx, channel, TWO, 3, 0)?;
            let member = store::find_member(tx, channel, TWO)?.unwrap();
            assert_eq!((member.acked, member.waiting), (7, 3));
            assert_eq!(queue(tx, channel, TWO), ["8", "9", "10"]);
            assert!(store::waits(tx, TWO, None)? && !store::waits(tx, ONE, None)?);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn whoever_joins_hears_what_is_said_from_then_on_and_an_agent_leaves_with_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (store, channel) = ground(&dir).await;
    store
        .write(move |tx| {
            let ada = Party::User { user: ADA };
            say(tx, channel, ONE, "before", 100)?;
            assert!(store::join(tx, channel, ada, "ada")?);
            assert!(!store::join(tx, channel, ada, "ada")?, "twice is once");
            say(tx, channel, ONE, "after", 100)?;
            assert_eq!(queue(tx, channel, ada), ["after"]);
            let Party::Agent { agent } = ONE else { return Ok(()) };
            crate::agents::delete(tx, agent)?;
            assert!(store::find_member(tx, channel, ONE)?.is_none());
            assert_eq!(store::members(tx, channel)?.len(), 2);
            Ok(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_channel_keeps_its_newest_messages() {
    let dir = tempfile::tempdir().unwrap();
    let (store, channel) = ground(&dir).await;
    store
        .write(move |tx| {
            for number in 1..=10 {
                say(tx, channel, ONE, &number.to_string(), 4)?;
            }
            let kept: i64 = tx.query_row("SELECT count(*) FROM channel_messages", [], |row| row.get(0))?;
            assert_eq!(kept, 4);
            let newest = aether_protocol::channel::Read {
                channel,
                after: None,
                before: None,
                thread: None,
                limit: None,
            };
            let numbers: Vec<_> =
                store::read(tx, &newest, 2)?.into_iter().map(|message| message.number).collect();
            assert_eq!(numbers, [9, 10]);
            Ok(())
        })
        .await
        .unwrap();
}

#[test]
fn names_are_words() {
    assert_eq!(checked_name(" #plan-2_b ").unwrap(), "plan-2_b");
    for name in ["", "#", "a b", "Plan", "a\u{0}", "../x", &"x".repeat(49)] {
        assert!(checked_name(name).is_err(), "{name:?}");
    }
}
