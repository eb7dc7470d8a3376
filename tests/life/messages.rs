//! Messages: when they are brought up to date, and when one that was refused is tried again.

use std::time::Duration;

use p0::domain::fault::Fault;
use p0::domain::id::RequestId;
use p0::domain::notice::{ApprovalsPlace, Audience};
use p0::domain::time::{Clock, Span};
use p0::store::Kind;

use crate::harness::target::By;
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);

impl World {
    /// How often what the requestor's own message has to say has changed.
    async fn versions(&self, request: &RequestId) -> i64 {
        let notices = self.app.store.notices_of(request).await.expect("read");
        let own = notices.iter().find(|notice| matches!(notice.audience, Audience::Person(_)));
        own.expect("a message").wanted
    }

    fn visits(&self) -> usize {
        self.board.visits.lock().expect("no panic").len()
    }
}

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
        world.asks("alice", "shelf", "a", HOUR).await;
        world.settle().await;
        let at = world.app.store.next_due().await.expect("read").expect("it is tried again");
        assert!(wait.contains(&(at - world.outer.now())), "{fault:?}: {:?}", at - world.outer.now());
        world.outer.pass(at - world.outer.now() - Span::millis(1));
        world.settle().await;
        assert_eq!(world.visits(), 1);
        world.outer.pass(Span::millis(1));
        world.settle().await;
        assert_eq!(world.board.posted.lock().expect("no panic").len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_edit_that_is_refused_is_not_taken_for_made() {
    let world = World::new(Database::Sqlite).await;
    world.shows();
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.settle().await;
    let says_it_all = async || {
        let notices = world.app.store.notices_of(&request).await.expect("read");
        notices.iter().filter(|notice| matches!(notice.audience, Audience::Person(_))).all(|notice| notice.shown == notice.wanted)
    };
    assert!(says_it_all().await);
    world.board.refuses.lock().expect("no panic").extend((0..5).map(|_| Fault::later("Not now.")));
    world.approves("bob", &request).await;
    world.settle().await;
    assert!(!says_it_all().await);
    world.pass(Span::seconds(40)).await;
    assert!(says_it_all().await);
}

#[tokio::test]
async fn what_goes_wrong_is_told_when_it_begins_and_when_it_is_overdue_and_not_at_each_try() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    let versions = async || world.versions(&request).await;
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

#[tokio::test]
async fn what_another_request_changes_about_an_access_is_told_by_both() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let second = world.asks("alice", "shelf", "a", Span::hours(2)).await;
    world.approves("bob", &second).await;
    let before = world.versions(&first).await;
    world.settle().await;
    let longer = world.versions(&first).await;
    assert!(before < longer, "it stays for as long as the second");
    world.outer.pass(HOUR);
    let before = world.versions(&second).await;
    world.settle().await;
    assert!(before < world.versions(&second).await, "the second keeps it alone now");
}

#[tokio::test]
async fn messages_of_one_thing_follow_each_other_once_and_are_left_alone_when_they_say_it_all() {
    let world = World::new(Database::Sqlite).await;
    let places = ["T1", "T2"].map(|realm| ApprovalsPlace { surface: "test".into(), realm: realm.into() });
    world.app.engine.add_surface(world.board.clone(), &places);
    world.target.with(|state| {
        state.marks = true;
        state.held.insert("shelf/b/eve@acme.example".into(), By::Us);
    });
    world.app.engine.scan(world.outer.now()).await;
    tokio::time::timeout(Duration::from_secs(60), world.settle()).await.expect("they do not edit each other for ever");
    let shown = world.visits();
    assert!((2..=4).contains(&shown), "two messages, each edited once at most: {shown}");
    let alert = world.app.store.open_alerts().await.expect("read").remove(0);
    let notices = world.app.store.notices_of(&alert.id).await.expect("read");
    assert!(notices.len() == 2 && notices.iter().all(|notice| notice.shown == notice.wanted), "{notices:?}");
    let mut tx = world.app.store.begin().await.expect("a transaction");
    for notice in notices {
        tx.look(Kind::Notice, notice.id.as_str(), world.outer.now()).await.expect("planned");
    }
    tx.commit().await.expect("committed");
    world.settle().await;
    assert_eq!(world.visits(), shown);
}
