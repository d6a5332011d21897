//! What is written down.

use aether_protocol::{EventBody, Pid};

use super::super::report::Reporter;

#[tokio::test]
async fn a_flood_is_counted_instead_of_written() {
    let (reporter, mut events) = Reporter::new(Pid(9));
    for number in 0..1000 {
        reporter.refused(&format!("{number}.test"), Some(443), "is not granted to this agent");
    }
    for _ in 0..10 {
        drop(reporter.follow("a.test".to_owned(), 443, [127, 0, 0, 1].into()));
    }
    reporter.finish();
    drop(reporter);
    let (mut refused, mut allowed, mut left_out, mut written) = (0, 0, 0, 0);
    while let Some(event) = events.recv().await {
        written += 1;
        match event {
            EventBody::EgressRefused { .. } => refused += 1,
            EventBody::EgressAllowed { .. } => allowed += 1,
            EventBody::EgressLeftOut { allowed: connections, refused: refusals, .. } => {
                left_out += connections + refusals;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused + allowed + left_out, 1010);
    assert!((60..100).contains(&written), "{written}");
}
