//! The reminder: at its time and not before, once, never of what is over; through crashes.

use p0::domain::time::{Clock, Span};

use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const BEFORE: Span = Span::minutes(45);

#[tokio::test]
async fn it_comes_a_quarter_of_an_hour_before_the_end_and_not_before() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        world.shows();
        let request = world.gets("alice", "shelf", "a", HOUR).await;
        let at = world.until(&request).await - Span::minutes(15);
        world.outer.pass(BEFORE - Span::millis(1));
        world.settle().await;
        // The scan gives back what was lost, for its time.
        world.app.store.lose_agenda().await.expect("lost");
        world.app.engine.scan(world.outer.now()).await;
        world.settle().await;
        assert_eq!(world.board.reminders(&request), []);
        world.outer.pass(Span::millis(1));
        world.settle().await;
        assert_eq!(world.board.reminders(&request), [at]);
        world.pass(Span::minutes(20)).await;
        assert_eq!(world.board.reminders(&request), [at], "once");
    }
}

#[tokio::test]
async fn nobody_is_reminded_of_what_is_over_or_too_short() {
    let world = World::new(Database::Sqlite).await;
    world.shows();
    let given_back = world.gets("alice", "shelf", "a", HOUR).await;
    let revoked = world.gets("alice", "shelf", "b", HOUR).await;
    let short = world.gets("alice", "shelf", "c", Span::minutes(5)).await;
    let missed = world.gets("carol", "shelf", "a", HOUR).await;
    world.relinquish("alice", &given_back).await;
    world.revoke("bob", &revoked, false).await;
    world.pass(Span::minutes(6)).await;
    world.outer.pass(HOUR); // nobody was at work until all was over
    world.settle().await;
    for request in [given_back, revoked, short, missed] {
        assert_eq!(world.board.reminders(&request), []);
    }
}

#[tokio::test]
async fn what_another_request_keeps_longer_needs_no_reminder_until_that_one_ends() {
    let world = World::new(Database::Sqlite).await;
    world.shows();
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let second = world.gets("alice", "shelf", "a", Span::hours(2)).await;
    world.outer.pass(Span::minutes(50));
    world.settle().await;
    assert_eq!(world.board.reminders(&first), []);
    world.revoke("bob", &second, false).await;
    world.settle().await;
    assert_eq!(world.board.reminders(&first), [world.outer.now()]);
    world.outer.pass(HOUR);
    world.settle().await;
    assert_eq!(world.board.reminders(&second), []);
}

#[tokio::test]
async fn who_keeps_it_longest_is_reminded_and_of_two_equals_both() {
    let world = World::new(Database::Sqlite).await;
    world.shows();
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let equals = [world.gets("alice", "shelf", "b", HOUR).await, world.gets("alice", "shelf", "b", HOUR).await];
    world.outer.pass(Span::minutes(25));
    let sooner = world.gets("alice", "shelf", "a", Span::minutes(30)).await;
    world.outer.pass(Span::minutes(20));
    world.settle().await;
    let now = world.outer.now();
    assert_eq!(world.board.reminders(&first), [now]);
    assert_eq!(equals.map(|request| world.board.reminders(&request)), [[now], [now]]);
    world.outer.pass(Span::minutes(6));
    world.settle().await;
    assert_eq!(world.board.reminders(&sooner), [], "hers goes on");
}

#[tokio::test]
async fn a_crash_at_any_place_loses_no_reminder() {
    let mut n = 0;
    loop {
        let mut world = World::new(Database::Sqlite).await;
        world.shows();
        let request = world.asks("alice", "shelf", "a", HOUR).await;
        world.approves("bob", &request).await;
        world.outer.die_at(n);
        let died = world.until_dead(world.settle()).await.is_none();
        world.outer.pass(Span::minutes(1)); // every lease runs out
        world.restart().await;
        world.shows();
        world.settle().await;
        let until = world.until(&request).await;
        world.outer.pass(until - Span::minutes(15) - world.outer.now());
        world.settle().await;
        assert_eq!(world.board.reminders(&request), [until - Span::minutes(15)], "killed at place {n}");
        if !died {
            break;
        }
        n += 1;
    }
    assert!(n > 8, "only {n} places");
}
