//! Narrow places: each was once a way to be told something false, to wait for nothing, or to get what
//! nobody approved.

use p0::desk::Answer;
use p0::desk::view::{Left, Phase};
use p0::domain::access::Planned;
use p0::domain::assignment::AssignmentState;
use p0::domain::fault::Fault;
use p0::domain::grant::{End, Ended};
use p0::domain::person::Actor;
use p0::domain::time::{Clock, Span};
use p0::store::Kind;

use crate::harness::target::{By, Lie};
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const KEY: &str = "shelf/a/alice@acme.example";

#[tokio::test]
async fn a_reload_that_is_refused_changes_nothing() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    let path = world.path("p0.yaml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replace("bob@acme.example, carol@acme.example", "dave@acme.example");
    std::fs::write(&path, format!("{text}engine: {{ breaker: lots }}\n")).expect("written");
    let refused = world.app.reload().await;
    assert!(refused.is_err());
    let answer = world.approve("dave", &request).await;
    assert!(matches!(answer, Answer::Refused { .. }), "the refused configuration is in force: {answer:?}");
}

#[tokio::test]
async fn what_was_standing_and_is_gone_can_be_asked_for() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.held.insert(KEY.into(), By::Somebody));
    world.approves("bob", &first).await;
    world.settle().await;
    world.target.with(|state| state.held.remove(KEY));
    world.pass(Span::minutes(11)).await;
    let answer = world.ask("alice", "shelf", "a", HOUR).await;
    assert!(matches!(answer, Answer::Asked { .. }), "she does not have it: {answer:?}");
}

#[tokio::test]
async fn what_was_standing_and_is_gone_is_granted_to_the_next_request() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.held.insert(KEY.into(), By::Somebody));
    world.approves("bob", &first).await;
    world.settle().await;
    world.target.with(|state| state.held.remove(KEY));
    world.pass(Span::minutes(11)).await;
    let second = world.gets("alice", "shelf", "a", HOUR).await;
    assert!(world.target.holds(KEY) && matches!(world.phase(&second).await, Phase::Usable { standing: false, .. }));
    world.relinquish("alice", &second).await;
    world.relinquish("alice", &first).await;
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds(KEY), "this time it was ours");
}

#[tokio::test]
async fn a_request_that_is_over_does_not_say_that_it_is_being_taken_away_for_an_hour() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    world.outer.pass(HOUR + Span::seconds(5)); // the lane is busy, the engine was away
    let end = world.outer.now();
    let mut tx = world.app.store.begin().await.expect("a transaction");
    let held = tx.grants_of(&first).await.expect("read").remove(0).grant;
    let ended = Ended { at: end, by: Actor::Engine, how: End::Expired, why: None };
    tx.end_grant(&held.id, &ended).await.expect("ended");
    tx.commit().await.expect("committed");
    let wanted = async || world.app.store.notices_of(&first).await.expect("read").iter().map(|notice| notice.wanted).sum::<i64>();
    let before = wanted().await;
    world.approves("bob", &second).await;
    assert!(before < wanted().await, "it is told that the access stays after all");
    world.settle().await;
    world.pass(Span::minutes(20)).await;
    assert!(world.target.holds(KEY));
    let phase = world.phase(&first).await;
    assert!(!matches!(phase, Phase::Ending { .. }), "{phase:?}");
}

#[tokio::test]
async fn what_landed_late_while_the_target_was_away_is_told() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    world.relinquish("alice", &first).await;
    world.settle().await;
    world.target.with(|state| {
        state.held.insert(KEY.into(), By::Us);
        state.down = true;
    });
    world.pass(HOUR).await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    assert_eq!(row.state, AssignmentState::Settling);
    assert!(
        !world.app.store.open_alerts().await.expect("read").is_empty(),
        "an hour overdue and nobody was told: {:?}",
        row.error
    );
}

#[tokio::test]
async fn what_came_back_while_it_settled_was_not_gone() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.relinquish("alice", &request).await;
    world.settle().await;
    let row = async || world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    assert_eq!(row().await.state, AssignmentState::Settling);
    world.target.with(|state| {
        state.held.insert(KEY.into(), By::Us); // a lost call
        state.jammed.insert(KEY.into());
    });
    world.pass(Span::seconds(15)).await;
    assert_eq!((row().await.state, row().await.absent_at), (AssignmentState::Revoking, None));
    world.target.with(|state| state.jammed.clear());
    let freed = world.outer.now();
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds(KEY) && row().await.absent_at > Some(freed));
}

#[tokio::test]
async fn the_lag_is_the_first_look_that_showed_it_absent() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    for _ in 0..40 {
        world.target.lies("cut", Lie::Refuses(Fault::later("Sessions are still ending.")));
    }
    world.relinquish("alice", &first).await;
    let ended = world.outer.now();
    world.pass(Span::minutes(15)).await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    let lag = row.absent_at.map(|at| at - ended);
    assert!(lag.is_some_and(|lag| lag < Span::seconds(5)), "it was absent at once, the receipt says {lag:?}");
}

#[tokio::test]
async fn who_closed_by_force_and_why_stays_told() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    world.target.with(|state| state.down = true);
    world.relinquish("alice", &first).await;
    world.pass(Span::minutes(5)).await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    p0::cli::grants::close(&world.app.store, row.id.as_str(), "the depot burnt down", world.outer.now()).await.expect("closed");
    let watched = world.app.store.closed_by_force(world.outer.now() - HOUR).await.expect("read");
    assert!(matches!(watched.as_slice(), [row] if row.key == KEY), "{watched:?}");
    let again = p0::cli::grants::close(&world.app.store, row.id.as_str(), "once more", world.outer.now()).await;
    assert!(again.expect_err("closed before").contains("was closed by force before"));
    world.pass(Span::minutes(20)).await;
    let phase = format!("{:?}", world.phase(&first).await);
    assert!(phase.contains("burnt down"), "{phase}");
}

#[tokio::test]
async fn a_target_cannot_ask_for_a_day_of_patience() {
    let world = World::new(Database::Sqlite).await;
    let first = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &first).await;
    world.settle().await;
    let why = "Too many calls.".to_owned();
    world.target.lies("revoke", Lie::Refuses(Fault::Later { why, after: Some(Span::hours(24)) }));
    world.relinquish("alice", &first).await;
    world.pass(Span::minutes(30)).await;
    assert!(!world.target.holds(KEY), "a revocation waits for a day");
}

#[tokio::test]
async fn a_target_is_left_alone_for_as_long_as_it_asks_for() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    let why = "Too many calls.".to_owned();
    world.target.lies("revoke", Lie::Refuses(Fault::Later { why, after: Some(Span::seconds(12)) }));
    world.relinquish("alice", &request).await;
    world.settle().await;
    let before = world.target.calls();
    world.pass(Span::seconds(11)).await;
    assert_eq!(world.target.calls(), before);
    world.pass(Span::seconds(1)).await;
    assert!(!world.target.holds(KEY));
}

#[tokio::test]
async fn whoever_asks_for_what_somebody_else_holds_needs_an_approver() {
    let policy = "policy:\n  approvers: { people: [ bob@acme.example ] }\n  extensions: { atOnce: 8h }\n";
    let world = World::with(Database::Sqlite, policy).await;
    // The effect key is the target's login; two people whose addresses make the same login share it.
    world.target.with(|state| state.one_login = true);
    world.gets("alice", "shelf", "a", HOUR).await;
    world.pass(Span::minutes(1)).await;
    let answer = world.ask("mallory", "shelf", "a", HOUR).await;
    assert!(matches!(answer, Answer::Asked { .. }), "nobody approved anything for mallory: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_its_lane_does_not_make_the_engine_spin() {
    let world = World::new(Database::Sqlite).await;
    for person in ["alice", "dave"] {
        let request = world.asks(person, "shelf", "a", HOUR).await;
        world.approves("bob", &request).await;
    }
    // Notices, request rows and all else first; one look of the lane is under way elsewhere and takes seconds.
    let held = world.app.store.claim(world.outer.now(), Span::seconds(45), |_| 500, |_| 100).await.expect("claimed");
    assert!(held.iter().any(|claim| !claim.lane.is_empty()));
    world.outer.die_at(-1);
    let engine = world.app.engine.clone();
    let running = tokio::spawn(async move { engine.run().await });
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let begun = world.outer.passed.lock().expect("no panic").iter().filter(|place| **place == "store.begin").count();
    running.abort();
    assert!(begun < 40, "{begun} write transactions in two seconds, for nothing");
}

/// A server that started with a clock that ran ahead, and was put right.
#[tokio::test]
async fn what_was_written_by_a_clock_that_ran_ahead_is_still_taken_away_in_time() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.outer.pass(Span::hours(5)); // its end has come, by that clock
    world.target.with(|state| state.down = true);
    world.settle().await;
    world.outer.pass(Span::ZERO - Span::hours(4)); // and it is put right, a little past the true end
    world.target.with(|state| state.down = false);
    world.settle().await;
    assert!(world.target.holds(KEY), "the next try was planned for hours later");
    world.app.engine.scan(world.outer.now()).await;
    world.settle().await;
    assert!(!world.target.holds(KEY), "the scan of the next minute finds it");
    world.pass(Span::minutes(1)).await;
    assert!(
        matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }),
        "{:?}",
        world.phase(&request).await
    );
}

#[tokio::test]
async fn what_was_closed_by_force_is_taken_away_even_where_nobody_can_tell_whose_it_is() {
    let world = World::new(Database::Sqlite).await; // this target bears no marks
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(5)).await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    p0::cli::grants::close(&world.app.store, row.id.as_str(), "the depot burnt down", world.outer.now()).await.expect("closed");
    world.target.with(|state| state.down = false);
    world.pass(Span::minutes(11)).await;
    assert!(!world.target.holds(KEY), "it was only said to be away");
}

/// It was seen gone once, and then its target was not reached any more for the last look.
#[tokio::test]
async fn what_was_closed_by_force_while_it_settled_is_taken_away_should_it_come_back() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "shelf", "a", HOUR).await;
    world.relinquish("alice", &request).await;
    world.pass(Span::seconds(2)).await;
    world.target.with(|state| state.down = true);
    world.pass(Span::minutes(5)).await;
    let row = async || world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    assert_eq!(row().await.state, AssignmentState::Settling);
    let now = world.outer.now();
    p0::cli::grants::close(&world.app.store, row().await.id.as_str(), "the depot burnt down", now).await.expect("closed");
    assert!(row().await.closed_by_force() && row().await.stuck_at.is_none());
    world.target.with(|state| {
        state.down = false;
        state.held.insert(KEY.into(), By::Us); // a call that was lost for very long
    });
    world.pass(Span::minutes(11)).await;
    assert!(!world.target.holds(KEY), "nobody looked after it any more");
}

#[tokio::test]
async fn an_interaction_that_is_given_up_is_dropped_once() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        assert!(world.app.desk.accept("press:1", "a surface that is gone", "{}").await.expect("stored"));
        world.pass(Span::minutes(29)).await;
        let letter = async || world.app.store.letter("press:1").await.expect("read").expect("there");
        world.app.engine.scan(world.outer.now()).await;
        assert!(letter().await.pending && letter().await.sealed.is_some(), "until then it is tried");
        world.pass(Span::minutes(2)).await;
        world.app.engine.scan(world.outer.now()).await;
        assert!(!letter().await.pending && letter().await.sealed.is_none(), "what was sealed with it is kept no longer");
        let agenda = world.app.store.agenda().await.expect("read");
        assert!(agenda.iter().all(|(kind, ..)| *kind != Kind::Inbox), "{agenda:?}");
    }
}

#[tokio::test]
async fn how_to_reach_what_is_granted_stays_as_it_was_granted() {
    let world = World::new(Database::Sqlite).await;
    world.gets("alice", "shelf", "a", HOUR).await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    // Somebody asks for the same while it is there, and it would be granted by another login by now.
    let planned = |by: &str| Planned {
        key: row.key.clone(),
        connector: row.connector.clone(),
        target: serde_json::json!({ "by": by }),
        effect: row.effect.clone(),
        lane: row.lane.clone(),
    };
    let mut tx = world.app.store.begin().await.expect("a transaction");
    let now = world.outer.now();
    assert_eq!(tx.assignment_for(&planned("another"), now).await.expect("there").target, row.target);
    drop(tx);
    world.pass(HOUR + Span::minutes(2)).await;
    let mut tx = world.app.store.begin().await.expect("a transaction");
    let next = tx.assignment_for(&planned("another"), now).await.expect("there");
    assert_eq!(next.target, serde_json::json!({ "by": "another" }), "the next life begins with what is true then");
}
