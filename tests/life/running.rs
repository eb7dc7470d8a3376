//! The engine at work by itself, as in `p0 serve`: when it scans, how much it has in its hands at once, how
//! it gets over a store that was away, how it stops.

use std::time::Duration;

use p0::domain::access::Planned;
use p0::domain::assignment::{AssignmentState, Baseline};
use p0::domain::id::RequestId;
use p0::domain::time::{Clock, Span};
use p0::store::{AssignmentRow, Kind};
use tokio::task::JoinHandle;

use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const KEY: &str = "shelf/a/alice@acme.example";

impl World {
    fn runs(&self) -> JoinHandle<()> {
        let engine = self.app.engine.clone();
        tokio::spawn(async move { engine.run().await })
    }

    async fn stops(&self, running: JoinHandle<()>) {
        self.app.engine.stop();
        tokio::time::timeout(Duration::from_secs(30), running).await.expect("it stops").expect("it did not fail");
    }

    /// The engine has gone round since: something that was asked meanwhile came about.
    async fn goes_round(&self, shelf: &str) {
        let request = self.asks("dave", "shelf", shelf, HOUR).await;
        self.approves("bob", &request).await;
        until("it goes round", async || self.target.holds(&format!("shelf/{shelf}/dave@acme.example"))).await;
    }

    async fn is_planned(&self, request: &RequestId) -> bool {
        let agenda = self.app.store.agenda().await.expect("read");
        agenda.iter().any(|(kind, id, _)| *kind == Kind::Request && id == request.as_str())
    }
}

async fn until(what: &str, mut check: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if check().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never so: {what}");
}

#[tokio::test]
async fn it_scans_at_the_start_each_minute_and_when_its_clock_was_put_back() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    let lost = async || world.app.store.lose_agenda().await.expect("lost");
    lost().await;
    let running = world.runs();
    until("it is back at the start", async || world.is_planned(&request).await).await;
    world.goes_round("a").await;
    lost().await;
    world.goes_round("b").await;
    assert!(!world.is_planned(&request).await, "no minute has passed");
    world.outer.pass(Span::minutes(1));
    until("it is back after a minute", async || world.is_planned(&request).await).await;
    lost().await;
    world.outer.pass(Span::ZERO - HOUR);
    until("it is back though by this clock the next scan is in an hour", async || world.is_planned(&request).await).await;
    lost().await;
    world.goes_round("c").await;
    assert!(!world.is_planned(&request).await, "no minute has passed by this clock either");
    world.stops(running).await;
}

/// So many things of one integration that are to be taken away, none in the way of another.
async fn herd(world: &World, count: usize) {
    let now = world.outer.now();
    for number in 0..count {
        let key = format!("crate/{number}/x");
        let (connector, lane) = ("depot".to_owned(), format!("crate/{number}"));
        let planned = Planned { connector, lane, target: serde_json::json!({}), effect: key.clone(), key };
        let mut tx = world.app.store.begin().await.expect("a transaction");
        let row = tx.assignment_for(&planned, now).await.expect("made");
        let row = AssignmentRow { state: AssignmentState::Revoking, baseline: Some(Baseline::Absent), due_at: Some(now), ..row };
        tx.put_assignment(&row).await.expect("put");
        tx.look_at_assignment(&row.id, now).await.expect("planned");
        tx.commit().await.expect("committed");
    }
}

#[tokio::test]
async fn a_target_that_hangs_has_ten_looks_under_way_and_no_message_waits_for_them() {
    let world = World::new(Database::Sqlite).await;
    world.shows();
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    herd(&world, 25).await;
    world.target.with(|state| state.hangs = true);
    let looks = || world.target.calls().iter().filter(|call| call.starts_with("observe crate/")).count();
    let running = world.runs();
    until("all hands are busy", async || 10 <= looks()).await;
    let notices = async || world.app.store.notices_of(&request).await.expect("read");
    let before = notices().await.iter().map(|notice| notice.wanted).sum::<i64>();
    world.approves("bob", &request).await;
    until("it is told that it is approved", async || {
        let notices = notices().await;
        before < notices.iter().map(|notice| notice.wanted).sum() && notices.iter().all(|notice| notice.shown == notice.wanted)
    })
    .await;
    assert_eq!(looks(), 10);
    world.target.with(|state| state.hangs = false);
    until("all had their turn", async || looks() == 25 && world.target.holds(KEY)).await;
    world.stops(running).await;
}

#[tokio::test]
async fn what_was_in_its_hands_when_the_store_went_away_is_gone_on_with_before_its_lease_runs_out() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.target.with(|state| state.hangs = true);
    let running = world.runs();
    until("a look is under way", async || world.target.calls().iter().filter(|call| call.starts_with("observe")).count() == 2)
        .await;
    world.outer.store_is_down(true);
    world.target.with(|state| state.hangs = false);
    tokio::time::sleep(Duration::from_millis(1500)).await; // so that it could not be given back at first
    world.outer.store_is_down(false);
    until("it works", async || world.target.holds(KEY)).await; // all that time the clock stood still
    world.stops(running).await;
}
