//! Ends: overlapping grants, presses that cross, targets that are down, agendas that are lost.

use p0::desk::Answer;
use p0::desk::view::{Left, Phase};
use p0::domain::assignment::AssignmentState;
use p0::domain::grant::End;
use p0::domain::time::{Clock, Span};

use crate::harness::world::{Database, World, ask};

const HOUR: Span = Span::hours(1);
const KEY: &str = "shelf/a/alice@acme.example";

#[tokio::test]
async fn the_access_ends_with_its_last_grant() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    world.pass(Span::minutes(30)).await;
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &second).await;
    world.settle().await;
    let until = world.outer.now() + HOUR;
    assert_eq!(world.view(&first).await.stays_until, Some(until));

    // The first one's end does not cut the second.
    world.pass(Span::minutes(31)).await;
    assert!(world.target.holds(KEY));
    assert!(matches!(world.phase(&first).await, Phase::Ended { how: End::Expired, left: Left::Kept, .. }));
    world.pass(Span::minutes(30)).await;
    assert!(!world.target.holds(KEY));
    assert!(matches!(world.phase(&second).await, Phase::Ended { how: End::Expired, left: Left::Gone { .. }, .. }));
}

#[tokio::test]
async fn revoke_ends_one_request_and_revoke_all_ends_all() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("carol", &second).await;
    world.settle().await;
    let third = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("carol", &third).await;
    world.settle().await;

    assert!(matches!(world.revoke("dave", &first, false).await, Answer::Refused { .. }));
    assert!(matches!(world.revoke("bob", &first, false).await, Answer::EndedButKept { .. }));
    world.pass(Span::seconds(30)).await;
    assert!(world.target.holds(KEY));
    assert!(matches!(world.revoke("bob", &first, false).await, Answer::OverBefore { .. }));
    assert!(matches!(world.revoke("bob", &second, true).await, Answer::Ended { .. }));
    world.pass(Span::seconds(30)).await;
    assert!(!world.target.holds(KEY));
    assert!(matches!(world.phase(&third).await, Phase::Ended { how: End::Revoked, left: Left::Gone { .. }, .. }));
}

#[tokio::test]
async fn a_grant_that_comes_while_it_is_taken_away_waits_and_is_granted_anew() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.relinquish("alice", &first).await;
    world.settle().await;
    world.approves("bob", &second).await;
    world.pass(Span::seconds(30)).await;
    assert!(matches!(world.phase(&second).await, Phase::Approved { .. }));
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(40)).await;
    assert!(world.target.holds(KEY));
    let Phase::Usable { since, until, .. } = world.phase(&second).await else {
        panic!("usable: {:?}", world.phase(&second).await)
    };
    assert_eq!(until, since + HOUR);
    assert!(matches!(world.phase(&first).await, Phase::Ended { how: End::Relinquished, .. }));
    world.pass(HOUR + Span::minutes(1)).await;
    assert!(!world.target.holds(KEY));
}

#[tokio::test]
async fn a_target_that_is_down_at_the_end_is_asked_until_it_is_gone() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.settle().await;
    world.target.with(|state| state.down = true);
    world.pass(HOUR + Span::minutes(1)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ending { stuck: false, trouble: Some(_), .. }));
    world.pass(Span::minutes(9)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ending { stuck: true, .. }));
    let before = world.target.calls().len();
    world.pass(Span::minutes(10)).await;
    let tries = world.target.calls().len() - before;
    assert!(tries >= 40, "at least every fifteen seconds, for ever: {tries} in ten minutes");
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(16)).await;
    assert!(!world.target.holds(KEY));
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
    let assignment = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    let story = world.story(assignment.id.as_str()).await;
    assert_eq!(story.iter().filter(|what| *what == "assignment.stuck").count(), 1, "{story:?}");
}

#[tokio::test]
async fn whoever_was_stuck_is_not_once_it_is_gone_and_is_told_again_if_it_cannot_be_closed() {
    let world = World::new(Database::Sqlite).await;
    world.gets("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.pass(HOUR + Span::minutes(5)).await;
    world.target.with(|state| state.down = false);
    for _ in 0..20 {
        world.pass(Span::seconds(if world.target.holds(KEY) { 1 } else { 0 })).await;
    }
    let row = async || world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    assert_eq!((row().await.state, row().await.stuck_at), (AssignmentState::Settling, None));
    world.target.with(|state| state.down = true);
    world.pass(Span::minutes(5)).await;
    assert!(row().await.stuck_at.is_some());
    world.target.with(|state| state.down = false);
    world.pass(Span::minutes(1)).await;
    assert_eq!((row().await.state, row().await.stuck_at), (AssignmentState::Ended, None));
    let story = world.story(row().await.id.as_str()).await;
    assert_eq!(story.iter().filter(|what| *what == "assignment.stuck").count(), 2, "{story:?}");
}

/// The assignment is one for ever; what is taken away in a later life is not what an earlier request is about.
#[tokio::test]
async fn a_request_that_is_over_does_not_look_as_if_it_ended_again() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.approves("bob", &first).await;
    world.settle().await;
    world.relinquish("alice", &first).await;
    world.settle().await;
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(30)).await;
    assert!(matches!(world.phase(&first).await, Phase::Ended { left: Left::Nothing, .. }), "{:?}", world.phase(&first).await);
    let second = world.gets("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.relinquish("alice", &second).await;
    world.pass(Span::seconds(10)).await;
    assert!(matches!(world.phase(&second).await, Phase::Ending { .. }));
    assert!(matches!(world.phase(&first).await, Phase::Ended { .. }), "{:?}", world.phase(&first).await);
}

#[tokio::test]
async fn two_approvers_at_once_are_one_outcome_and_the_second_is_told() {
    let world = World::new(Database::Sqlite).await;
    for _ in 0..20 {
        let request = world.asks("alice", "shelf", "a", HOUR).await;
        let (one, other) = tokio::join!(world.approve("bob", &request), world.approve("carol", &request));
        let (won, lost) = if matches!(one, Answer::Approved { .. }) { (one, other) } else { (other, one) };
        assert!(matches!(won, Answer::Approved { .. }));
        assert!(matches!(&lost, Answer::DecidedBefore { what, .. } if what == "approved"), "{lost:?}");
        assert_eq!(world.app.store.decisions(&request).await.expect("read").len(), 1);
        world.settle().await;
        world.relinquish("alice", &request).await;
        world.pass(Span::seconds(30)).await;
    }
    world.chains_are_whole().await;
}

#[tokio::test]
async fn the_same_press_twice_has_one_effect_and_one_answer() {
    let world = World::new(Database::Sqlite).await;
    let came = world.press("alice").await;
    let first = world.app.desk.submit(&came, ask("shelf", "a", HOUR)).await.expect("answered");
    let second = world.app.desk.submit(&came, ask("shelf", "a", HOUR)).await.expect("answered");
    assert_eq!(first, second);
    let Answer::Asked { request, .. } = first else { panic!("asked") };
    // Another press is another key; the same ask is still only asked once.
    assert!(
        matches!(world.ask("alice", "shelf", "a", HOUR).await, Answer::AlreadyAsked { request: again, .. } if again == request)
    );
    let press = world.press("bob").await;
    let both = tokio::join!(world.app.desk.approve(&press, &request, None), world.app.desk.approve(&press, &request, None));
    assert!(matches!((both.0.expect("answered"), both.1.expect("answered")), (Answer::Approved { .. }, Answer::Approved { .. })));
    assert_eq!(world.app.store.decisions(&request).await.expect("read").len(), 1);
}

#[tokio::test]
async fn nobody_decides_the_own_request_and_strangers_decide_nothing() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("bob", "shelf", "a", HOUR).await;
    assert!(matches!(world.approve("bob", &request).await, Answer::Refused { why } if why.contains("your own request")));
    assert!(matches!(world.approve("dave", &request).await, Answer::Refused { why } if why.contains("not one for this")));
    assert_eq!(world.phase(&request).await, Phase::Asked);
    world.approves("carol", &request).await;

    let allowed = "policy:\n  approvers: { people: [ bob@acme.example ] }\n  allowOneParty: true\n";
    let world = World::with(Database::Sqlite, allowed).await;
    let request = world.asks("bob", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    assert!(matches!(world.approve("alice", &request).await, Answer::Refused { .. }), "one party is for approvers only");
}

#[tokio::test]
async fn the_whole_agenda_can_be_lost() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.app.store.lose_agenda().await.expect("lost");
    world.settle().await;
    assert!(!world.target.holds(KEY), "nothing is on the agenda");
    world.app.engine.scan(world.outer.now()).await;
    world.settle().await;
    assert!(world.target.holds(KEY));
    world.app.store.lose_agenda().await.expect("lost");
    world.outer.pass(HOUR);
    world.app.engine.scan(world.outer.now()).await;
    world.settle().await;
    assert!(!world.target.holds(KEY));
}

#[tokio::test]
async fn a_clock_that_jumps_ends_nothing_late_and_moves_no_end_later() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.settle().await;
    world.outer.pass(Span::minutes(-20)); // the clock is set back
    world.settle().await;
    assert!(world.target.holds(KEY));
    world.outer.pass(Span::days(3)); // the machine slept
    world.settle().await;
    assert!(!world.target.holds(KEY));
}
