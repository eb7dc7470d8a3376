//! Receipts: the evidence of how a request's accesses ended, as `p0 receipt` tells it.

use p0::cli::receipt::receipt;
use p0::domain::id::RequestId;
use p0::domain::person::Actor;
use p0::domain::time::{Clock, Span};

use crate::harness::target::{By, Lie};
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const KEY: &str = "shelf/a/alice@acme.example";

impl World {
    async fn receipt(&self, request: &RequestId) -> String {
        receipt(&self.app.store, request.as_str(), self.outer.now()).await.expect("told")
    }

    /// The receipt has this line; what is between may be anything.
    async fn tells(&self, request: &RequestId, what: &str, says: &str) {
        let text = self.receipt(request).await;
        let there = text.lines().any(|line| line.trim_start().starts_with(what) && line.contains(says));
        assert!(there, "no line {what} with {says} in:\n{text}");
    }

    async fn gets_shelf(&self, shelf: &str) -> RequestId {
        let request = self.asks("alice", "shelf", shelf, HOUR).await;
        self.approves("bob", &request).await;
        self.settle().await;
        request
    }
}

#[tokio::test]
async fn why_there_is_no_receipt_yet_is_told_at_each_step() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        let request = world.asks("alice", "shelf", "a", HOUR).await;
        world.tells(&request, "undecided", "nothing was granted yet").await;
        world.target.with(|state| state.down = true);
        world.approves("bob", &request).await;
        world.settle().await;
        world.tells(&request, "approved", "by bob").await;
        world.tells(&request, "receipt", "not yet: it is being granted, and given up at").await;
        world.target.with(|state| state.down = false);
        world.pass(Span::seconds(30)).await;
        world.tells(&request, "usable", "seen in the target").await;
        world.tells(&request, "receipt", "not yet: it is there until").await;

        world.target.with(|state| state.down = true);
        world.relinquish("alice", &request).await;
        world.settle().await;
        world.tells(&request, "ended", "given back by alice").await;
        world.tells(&request, "receipt", "being taken away. The last try said: The depot cannot be reached.").await;
        world.pass(Span::minutes(3)).await;
        world.tells(&request, "receipt", "OVERDUE since").await;
        world.target.with(|state| state.down = false);
        world.target.lies("revoke", Lie::LosesTheAnswer);
        while world.target.holds(KEY) {
            world.pass(Span::millis(500)).await;
        }
        world.tells(&request, "receipt", "looked at once more at").await;
        world.pass(Span::minutes(1)).await;
        world.tells(&request, "seen gone", " late, after the call to revoke, whose answer was: The answer was lost.").await;
        world.tells(&request, "seen gone", ", 3 minutes").await;
        world.tells(&request, "closed", ": gone").await;
        world.tells(&request, "on record", "not sealed yet").await;
        world.app.engine.scan(world.outer.now()).await;
        world.tells(&request, "on record", "sealed by checkpoint 1").await;
    }
}

#[tokio::test]
async fn each_request_has_the_receipt_of_its_own_time() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets_shelf("a").await;
    world.relinquish("alice", &first).await;
    world.pass(Span::minutes(1)).await;
    let of_first = world.receipt(&first).await;
    let second = world.gets_shelf("a").await;
    assert_eq!(world.receipt(&first).await, of_first, "what comes later changes nothing");
    world.pass(HOUR + Span::minutes(1)).await;
    assert_eq!(world.receipt(&first).await, of_first);
    world.tells(&second, "ended", "its time was up").await;
    let record = |text: String| text.lines().find(|line| line.contains("on record")).map(str::to_owned);
    assert_ne!(record(of_first), record(world.receipt(&second).await));
}

#[tokio::test]
async fn what_another_request_keeps_has_its_receipt_when_that_ends() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets_shelf("a").await;
    world.pass(Span::minutes(30)).await;
    let second = world.gets_shelf("a").await;
    world.relinquish("alice", &first).await;
    world.settle().await;
    world.tells(&first, "receipt", "not yet: another request keeps it until").await;
    world.pass(HOUR + Span::minutes(1)).await;
    world.tells(&first, "end was due", "another request kept it until then").await;
    world.tells(&first, "closed", ": gone").await;
    let text = world.receipt(&second).await;
    assert!(text.contains("closed") && !text.contains("another request"), "{text}");
}

#[tokio::test]
async fn what_was_held_before_is_left_and_what_is_denied_has_none() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.held.insert(KEY.into(), By::Somebody));
    world.approves("bob", &request).await;
    world.settle().await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    world.tells(&request, "closed", ": left: held before").await;
    assert!(world.target.holds(KEY));

    let denied = world.asks("alice", "shelf", "b", HOUR).await;
    let came = world.press("bob").await;
    world.app.desk.deny(&came, &denied, None).await.expect("answered");
    world.tells(&denied, "denied", "by bob; nothing was granted, so there is no receipt").await;
    let why = receipt(&world.app.store, "req_nobody", world.outer.now()).await.expect_err("unknown");
    assert!(why.contains("there is no request"), "{why}");
}

#[tokio::test]
async fn each_part_of_a_request_has_its_own() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "room", "vault", HOUR).await;
    world.approves("bob", &request).await;
    world.settle().await;
    world.pass(HOUR + Span::minutes(1)).await;
    let text = world.receipt(&request).await;
    assert_eq!(text.matches(": gone").count(), 2, "{text}");
    assert_eq!(text.matches("after the call to revoke, which was done").count(), 2, "{text}");
}

#[tokio::test]
async fn what_came_back_after_its_end_has_a_second_receipt() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets_shelf("a").await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    world.target.with(|state| state.held.insert(KEY.into(), By::Us));
    world.target.with(|state| state.marks = true);
    world.outer.pass(Span::minutes(10));
    world.settle().await;
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds(KEY));
    let text = world.receipt(&request).await;
    assert!(text.contains("came back") && text.matches(": gone").count() == 2, "{text}");
}

#[tokio::test]
async fn an_archived_receipt_is_in_the_archive() {
    let world = World::new(Database::Sqlite).await;
    let request = world.gets_shelf("a").await;
    world.relinquish("alice", &request).await;
    world.pass(Span::minutes(1)).await;
    world.outer.pass(Span::days(3));
    let now = world.outer.now();
    world.app.engine.scan(now).await;
    let file = world.path("old.jsonl");
    let by = Actor::Operator("eve".into());
    p0::cli::audit::archive::archive(&world.app.store, String::new(), by, now, now - Span::days(1), &file).await.expect("done");
    world.tells(&request, "receipt", "archived: look for asg_").await;
}
