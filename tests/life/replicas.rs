//! Two replicas on one PostgreSQL store: one outcome, one call at a time, nothing lost.

use p0::desk::Answer;
use p0::desk::view::Phase;
use p0::domain::time::{Clock, Span};
use p0::store::Next;

use crate::harness::world::{Database, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvers_at_two_replicas_are_one_outcome() {
    let world = World::new(Database::postgres().await).await;
    let other = world.replica().await;
    for _ in 0..25 {
        let request = world.asks("alice", "shelf", "a", Span::hours(1)).await;
        let (bob, carol) = (world.press("bob").await, world.press("carol").await);
        let (one, two) = tokio::join!(world.app.desk.approve(&bob, &request, None), other.desk.approve(&carol, &request, None));
        let answers = [one.expect("answered"), two.expect("answered")];
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Approved { .. })).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::DecidedBefore { .. })).count(), 1, "{answers:?}");
        tokio::join!(world.settle(), other.engine.run_due());
        world.settle().await;
        assert!(matches!(world.phase(&request).await, Phase::Usable { .. }));
        world.relinquish("alice", &request).await;
        for _ in 0..3 {
            world.outer.pass(Span::seconds(11));
            tokio::join!(world.settle(), other.engine.run_due());
        }
        assert!(!world.target.holds("shelf/a/alice@acme.example"));
    }
    world.chains_are_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_asked_at_two_replicas_is_asked_once() {
    let world = World::new(Database::postgres().await).await;
    let other = world.replica().await;
    for shelf in ["a", "b", "c"] {
        let (here, there) = (world.press("alice").await, world.press("alice").await);
        let ask = || crate::harness::world::ask("shelf", shelf, Span::hours(1));
        let (one, two) = tokio::join!(world.app.desk.submit(&here, ask()), other.desk.submit(&there, ask()));
        let answers = [one.expect("answered"), two.expect("answered")];
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::Asked { .. })).count(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Answer::AlreadyAsked { .. })).count(), 1, "{answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_claimers_never_hold_one_row_or_one_lane_twice() {
    let world = World::new(Database::postgres().await).await;
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        for shelf in ["a", "b", "c"] {
            let request = world.asks(name, "shelf", shelf, Span::hours(1)).await;
            let approver = if name == "bob" { "carol" } else { "bob" };
            world.approves(approver, &request).await;
        }
    }
    let store = &world.app.store;
    let now = world.outer.now();
    let claims =
        futures::future::join_all((0..8).map(|_| async move { store.claim(now, Span::seconds(45), |_| u32::MAX, |_| 4).await }))
            .await;
    let claimed: Vec<_> = claims.into_iter().filter_map(Result::ok).flatten().collect();
    let mut rows: Vec<_> = claimed.iter().map(|claim| (claim.kind, claim.id.clone())).collect();
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), claimed.len(), "a row was claimed twice");
    let mut lanes: Vec<_> = claimed.iter().map(|claim| claim.lane.clone()).filter(|lane| !lane.is_empty()).collect();
    let all = lanes.len();
    lanes.sort();
    lanes.dedup();
    assert_eq!(lanes.len(), all, "a lane was held twice");
    assert!(all > 0, "something was claimed");
}

#[tokio::test]
async fn a_process_that_works_alone_takes_over_at_once_and_replicas_wait_for_the_lease() {
    for (database, at_once) in [(Database::Sqlite, true), (Database::postgres().await, false)] {
        let world = World::new(database).await;
        let request = world.asks("alice", "shelf", "a", Span::hours(1)).await;
        world.approves("bob", &request).await;
        let (store, now) = (&world.app.store, world.outer.now());
        let claim = async || store.claim(now, Span::seconds(45), |_| u32::MAX, |_| 16).await.expect("read");
        let of_the_dead = claim().await;
        assert!(!of_the_dead.is_empty() && claim().await.is_empty());
        store.take_over().await.expect("done");
        assert_eq!(claim().await.len(), if at_once { of_the_dead.len() } else { 0 });
        if at_once {
            let mut tx = store.begin().await.expect("a transaction");
            assert!(!tx.finish(&of_the_dead[0], Next::Never).await.expect("asked"), "who was taken for dead writes nothing");
        }
    }
}

#[tokio::test]
async fn a_long_reason_and_many_open_requests_have_their_limits_on_both_stores() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let policy = "policy:\n  approvers: { people: [ bob@acme.example ] }\n  openRequests: 2\n";
        let world = World::with(database, policy).await;
        world.asks("alice", "shelf", "a", Span::hours(1)).await;
        world.asks("alice", "shelf", "b", Span::hours(1)).await;
        let third = world.ask("alice", "shelf", "c", Span::hours(1)).await;
        assert!(matches!(&third, Answer::Refused { why } if why.contains("2 requests")), "{third:?}");
        let came = world.press("carol").await;
        let long = p0::catalog::form::Draft {
            reason: Some("x".repeat(1001)),
            ..crate::harness::world::ask("shelf", "a", Span::hours(1))
        };
        let answer = world.app.desk.submit(&came, long).await.expect("answered");
        assert!(matches!(&answer, Answer::Mistakes { mistakes } if mistakes[0].field == "reason"), "{answer:?}");
    }
}

#[tokio::test]
async fn what_one_replica_is_at_is_left_to_it_however_many_steps_it_takes() {
    let world = World::new(Database::postgres().await).await;
    let other = world.replica().await;
    let request = world.gets("alice", "shelf", "a", Span::hours(1)).await;
    world.target.with(|state| {
        state.hangs = true;
        state.calls.clear();
    });
    world.relinquish("alice", &request).await;
    let ((), ()) = tokio::join!(world.settle(), async {
        while world.target.calls().len() < 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // The revocation was begun in a step of its own, and now its look hangs.
        other.engine.run_due().await;
        assert_eq!(world.target.calls().len(), 2, "{:?}", world.target.calls());
        world.target.with(|state| state.hangs = false);
    });
    assert!(!world.target.holds("shelf/a/alice@acme.example"));
}
