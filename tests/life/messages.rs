//! Messages: when they are brought up to date, and when one that was refused is tried again.

use p0::domain::fault::Fault;
use p0::domain::time::{Clock, Span};

use crate::harness::world::{Database, World};

#[tokio::test]
async fn a_message_that_is_refused_is_tried_again_when_that_can_help() {
    let why = || "Not now.".to_owned();
    let cases = [
        (Fault::Later { why: why(), after: Some(Span::seconds(30)) }, Span::seconds(30)..=Span::seconds(30)),
        (Fault::later(why()), Span::millis(750)..=Span::seconds(1)),
        (Fault::Maybe { why: why() }, Span::millis(750)..=Span::seconds(1)),
        (Fault::never(why()), Span::minutes(1)..=Span::minutes(1)),
        (Fault::Denied { why: why() }, Span::minutes(1)..=Span::minutes(1)),
    ];
    for (fault, wait) in cases {
        let world = World::new(Database::Sqlite).await;
        world.shows();
        world.board.refuses.lock().expect("no panic").push_back(fault.clone());
        world.asks("alice", "shelf", "a", Span::hours(1)).await;
        world.settle().await;
        let at = world.app.store.next_due().await.expect("read").expect("it is tried again");
        assert!(wait.contains(&(at - world.outer.now())), "{fault:?}: {:?}", at - world.outer.now());
        world.outer.pass(at - world.outer.now() - Span::millis(1));
        world.settle().await;
        assert_eq!(world.board.visits.lock().expect("no panic").len(), 1);
        world.outer.pass(Span::millis(1));
        world.settle().await;
        assert_eq!(world.board.posted.lock().expect("no panic").len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_when_it_begins_and_when_it_is_overdue_and_not_at_each_try() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", Span::hours(1)).await;
    let versions =
        async || world.app.store.notices_of(&request).await.expect("read").iter().map(|notice| notice.wanted).sum::<i64>();
    world.target.with(|state| state.down = true);
    world.relinquish("alice", &request).await;
    let given_back = versions().await;
    world.settle().await;
    assert_eq!(versions().await, given_back + 1, "that it is not gone yet, and why");
    world.pass(Span::minutes(1)).await;
    assert_eq!(versions().await, given_back + 1);
    world.pass(Span::minutes(5)).await;
    assert_eq!(versions().await, given_back + 2, "that it is overdue");
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(16)).await;
    assert_eq!(versions().await, given_back + 3, "that it is gone");
}
