//! What must happen, and when.

use p0::desk::Answer;
use p0::desk::view::{Left, Phase};
use p0::domain::fault::Fault;
use p0::domain::grant::End;
use p0::domain::time::{Clock, Span};
use p0::store::Kind;

use crate::harness::target::{By, Lie};
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const ALICES_SHELF: &str = "shelf/a/alice@acme.example";

#[tokio::test]
async fn a_quiet_day() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.settle().await;
    assert_eq!(world.phase(&request).await, Phase::Asked);
    assert!(!world.target.holds(ALICES_SHELF));

    world.approves("bob", &request).await;
    world.settle().await;
    let start = world.outer.now();
    assert!(world.target.holds(ALICES_SHELF));
    let Phase::Usable { since, until, standing: false, connect, .. } = world.phase(&request).await else { panic!("usable") };
    assert_eq!((since, until, connect.as_deref()), (start, start + HOUR, Some("Walk to shelf a.")));

    world.pass(HOUR - Span::millis(500)).await;
    assert!(world.target.holds(ALICES_SHELF), "half a second before its end it is still there");
    world.pass(Span::millis(500)).await;
    assert!(!world.target.holds(ALICES_SHELF), "at its end it is gone");
    let Phase::Ended { how: End::Expired, left: Left::Gone { at }, .. } = world.phase(&request).await else { panic!("ended") };
    assert_eq!(at, start + HOUR);

    world.pass(Span::minutes(1)).await;
    insta::assert_snapshot!(world.target.calls().join("\n"), @r"
    plan alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    grant shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    revoke shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    cut shelf/a/alice@acme.example
    revoke shelf/a/alice@acme.example
    observe shelf/a/alice@acme.example
    cut shelf/a/alice@acme.example
    ");
    insta::assert_snapshot!(world.story(request.as_str()).await.join("\n"), @r"
    request.asked
    request.approved
    request.usable
    grant.ended
    ");
    let assignment = world.app.store.assignment_by_key(ALICES_SHELF).await.expect("read").expect("there");
    insta::assert_snapshot!(world.story(assignment.id.as_str()).await.join("\n"), @r"
    assignment.baseline
    assignment.active
    assignment.revoking
    assignment.absent
    assignment.receipt
    ");
}

#[tokio::test]
async fn an_ended_access_is_looked_at_again_for_a_day() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.settle().await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    let row = async || world.app.store.assignment_by_key(ALICES_SHELF).await.expect("read").expect("there");
    let gone = row().await.absent_at;
    world.target.with(|state| {
        state.calls.clear();
        state.marks = true;
    });
    for wait in [Span::minutes(11), HOUR, Span::hours(24), Span::hours(48)] {
        world.outer.pass(wait);
        world.settle().await;
    }
    assert_eq!(world.target.calls().len(), 3, "three late looks and no more: {:?}", world.target.calls());
    assert_eq!(row().await.absent_at, gone, "they change nothing of what is on record");
    let story = world.story(row().await.id.as_str()).await;
    assert_eq!(story.iter().filter(|what| *what == "assignment.absent").count(), 1, "{story:?}");

    // What bears our mark and comes back after all is taken away.
    let again = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &again).await;
    world.settle().await;
    world.relinquish("alice", &again).await;
    world.pass(Span::minutes(1)).await;
    world.target.with(|state| state.held.insert(ALICES_SHELF.into(), By::Us));
    world.outer.pass(Span::minutes(11));
    world.settle().await;
    assert!(!world.target.holds(ALICES_SHELF));
}

/// This target bears no marks, so what is there could be ours; but it was seen gone.
#[tokio::test]
async fn what_somebody_gives_after_the_end_is_noted_and_left() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    world.target.with(|state| state.held.insert(ALICES_SHELF.into(), By::Somebody));
    world.outer.pass(Span::minutes(11));
    world.settle().await;
    world.pass(Span::minutes(1)).await;
    assert!(world.target.holds(ALICES_SHELF));
    let row = world.app.store.assignment_by_key(ALICES_SHELF).await.expect("read").expect("there");
    assert_eq!(world.story(row.id.as_str()).await.last().map(String::as_str), Some("assignment.held-after-its-end"));
}

#[tokio::test]
async fn nothing_is_granted_anew_while_the_last_revocation_can_still_land() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    world.relinquish("alice", &first).await;
    world.settle().await;
    world.target.lies("revoke", Lie::LandsLate(Span::seconds(7)));
    world.pass(Span::seconds(10)).await;
    assert!(matches!(world.phase(&first).await, Phase::Ended { left: Left::Gone { .. }, .. }));
    world.approves("bob", &second).await;
    world.settle().await;
    assert!(!world.target.holds(ALICES_SHELF), "the call that was lost would take it away again");
    world.pass(Span::seconds(10)).await;
    assert!(world.target.holds(ALICES_SHELF));
    world.pass(Span::minutes(11)).await;
    assert!(world.target.holds(ALICES_SHELF));
}

#[tokio::test]
async fn a_late_look_that_was_not_answered_is_taken_again_each_minute_for_an_hour_after_the_last() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    world.target.with(|state| {
        state.calls.clear();
        state.marks = true;
        state.down = true;
        state.held.insert(ALICES_SHELF.into(), By::Us);
    });
    world.pass(Span::minutes(19)).await;
    let looks = world.target.calls().len();
    assert!((9..=11).contains(&looks), "each minute, from ten minutes after the end: {looks}");
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }), "what is on record stays");
    world.target.with(|state| state.down = false);
    world.pass(Span::minutes(1) + Span::seconds(30)).await;
    assert!(!world.target.holds(ALICES_SHELF));

    // A target that never answers again is left alone in the end.
    let ended = world.outer.now();
    world.target.with(|state| state.down = true);
    let mut last = ended;
    for _ in 0..30 {
        world.outer.pass(HOUR);
        world.target.with(|state| state.calls.clear());
        world.settle().await;
        if !world.target.calls().is_empty() {
            last = world.outer.now();
        }
    }
    assert!((Span::hours(25)..=Span::hours(27)).contains(&(last - ended)), "{:?}", last - ended);
}

#[tokio::test]
async fn the_clock_starts_when_it_works() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.approves("bob", &request).await;
    world.pass(Span::minutes(5)).await;
    let Phase::Approved { trouble: Some(trouble), usable_by, length, .. } = world.phase(&request).await else {
        panic!("approved")
    };
    assert_eq!((trouble.as_str(), length), ("The depot cannot be reached.", HOUR));
    assert_eq!(usable_by - world.outer.now(), Span::minutes(10));
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(20)).await;
    let Phase::Usable { since, until, .. } = world.phase(&request).await else { panic!("usable") };
    assert_eq!(until, since + HOUR);
}

#[tokio::test]
async fn what_does_not_work_in_time_fails_and_is_told() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.approves("bob", &request).await;
    world.pass(Span::minutes(16)).await;
    // Nothing is known of the target, so it counts as not granted: no call was ever made.
    let Phase::Ended { how: End::Failed, why: Some(why), left: Left::Nothing, .. } = world.phase(&request).await else {
        panic!("failed")
    };
    assert_eq!(why, "It did not work in time. The depot cannot be reached.");
    world.target.with(|state| state.down = false);
    world.pass(Span::hours(2)).await;
    assert!(!world.target.holds(ALICES_SHELF));
}

#[tokio::test]
async fn a_grant_whose_answer_was_lost_is_found_by_looking() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.lies("grant", Lie::LosesTheAnswer);
    world.approves("bob", &request).await;
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Usable { .. }));
    assert_eq!(world.target.calls().iter().filter(|call| call.starts_with("grant")).count(), 1);
}

#[tokio::test]
async fn a_grant_that_lands_late_is_taken_away_again() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", Span::minutes(30)).await;
    world.target.lies("grant", Lie::LandsLate(Span::seconds(7)));
    world.target.with(|_| {});
    world.approves("bob", &request).await;
    world.settle().await;
    world.relinquish("alice", &request).await;
    world.settle().await;
    world.pass(Span::seconds(8)).await;
    assert!(world.target.holds(ALICES_SHELF), "the lost call landed after the revocation");
    world.pass(Span::seconds(20)).await;
    assert!(!world.target.holds(ALICES_SHELF), "settling took it away");
}

#[tokio::test]
async fn a_yes_is_not_believed_before_it_shows() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.lies("grant", Lie::OnlySaysYes);
    world.approves("bob", &request).await;
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Approved { .. }));
    world.pass(Span::seconds(5)).await;
    assert!(matches!(world.phase(&request).await, Phase::Usable { .. }));
    // Nor at the end.
    world.target.lies("revoke", Lie::OnlySaysYes);
    world.relinquish("alice", &request).await;
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Ending { .. }));
    world.pass(Span::seconds(5)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
}

#[tokio::test]
async fn a_grant_that_can_never_work_fails_with_the_reason() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.lies("grant", Lie::Refuses(Fault::never("Shelf a was taken down.")));
    world.approves("bob", &request).await;
    world.pass(Span::minutes(1)).await;
    let Phase::Ended { how: End::Failed, why: Some(why), .. } = world.phase(&request).await else { panic!("failed") };
    assert_eq!(why, "Shelf a was taken down.");
}

#[tokio::test]
async fn what_somebody_else_gave_is_answered_and_never_taken() {
    let world = World::new(Database::Sqlite).await;
    world.target.with(|state| state.held.insert(ALICES_SHELF.into(), By::Somebody));
    let answer = world.ask("alice", "shelf", "a", HOUR).await;
    assert_eq!(answer, Answer::AlreadyHeld { effect: "shelf a".into() });

    // Given between the ask and the grant: standing, usable, left at the end.
    let request = world.asks("alice", "shelf", "b", HOUR).await;
    let key = "shelf/b/alice@acme.example";
    world.target.with(|state| state.held.insert(key.into(), By::Somebody));
    world.approves("bob", &request).await;
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Usable { standing: true, .. }));
    world.pass(HOUR + Span::minutes(1)).await;
    assert!(world.target.holds(key));
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Standing, .. }));
    assert!(!world.target.calls().iter().any(|call| call.starts_with("revoke")));
}

#[tokio::test]
async fn a_principal_the_target_does_not_know_is_refused_before_anybody_is_asked() {
    let world = World::new(Database::Sqlite).await;
    let answer = world.ask("stranger", "shelf", "a", HOUR).await;
    assert_eq!(answer, Answer::Refused { why: "The depot has no account for you; ask its keeper for one.".into() });
    let answer = world.ask("alice", "shelf", "z", HOUR).await;
    assert!(matches!(&answer, Answer::Mistakes { mistakes } if mistakes[0].field == "shelf"), "{answer:?}");
    let answer = world.ask("alice", "shelf", "a", Span::days(30)).await;
    assert!(matches!(&answer, Answer::Mistakes { mistakes } if mistakes[0].field == "duration"), "{answer:?}");
}

#[tokio::test]
async fn left_undecided_it_goes_stale_and_a_late_press_grants_nothing() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.outer.pass(Span::days(13));
    let mut tx = world.app.store.begin().await.expect("a transaction");
    tx.look(Kind::Request, request.as_str(), world.outer.now()).await.expect("planned");
    tx.commit().await.expect("committed");
    world.settle().await;
    assert_eq!(world.phase(&request).await, Phase::Asked, "looked at before its time, it stays open");
    world.outer.pass(Span::days(1));
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Stale { .. }));
    let answer = world.approve("bob", &request).await;
    assert!(matches!(answer, Answer::Refused { .. }), "{answer:?}");
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds(ALICES_SHELF));
}
