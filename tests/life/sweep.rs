//! What is in the target and not as the record says: orphans, what somebody took away or changed,
//! too much at once, ends that are overdue.

use p0::cli;
use p0::desk::view::{Left, Phase};
use p0::domain::alert::{AlertKind, Told};
use p0::domain::event::ORGANISATION;
use p0::domain::fault::Fault;
use p0::domain::notice::{ApprovalsPlace, Audience};
use p0::domain::time::{Clock, Span, Time};
use p0::engine::LEASE;
use p0::store::Kind;

use crate::harness::target::{By, Lie};
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const TEN_MINUTES: Span = Span::minutes(10);
const KEY: &str = "shelf/a/alice@acme.example";
const APPROVERS: &str = "policy:\n  approvers: { people: [ bob@acme.example, carol@acme.example ] }\n";

/// A world whose target tells ours from others', with these lines for the engine.
async fn marked(engine: &str) -> World {
    let world = World::with(Database::Sqlite, &format!("{APPROVERS}{engine}")).await;
    world.target.with(|state| state.marks = true);
    world
}

impl World {
    /// Time passes at once; then everything that is due is done.
    async fn later(&self, span: Span) {
        self.outer.pass(span);
        self.app.engine.scan(self.outer.now()).await;
        self.settle().await;
    }

    /// An operator wants what nobody holds to be taken away.
    async fn apply_next_sweep(&self) {
        let mut tx = self.app.store.begin().await.expect("a transaction");
        tx.apply_next_sweep("depot", "operator:root").await.expect("noted");
        tx.look(Kind::Sweep, "depot", self.outer.now()).await.expect("planned");
        tx.commit().await.expect("committed");
    }

    async fn alerts(&self) -> Vec<(AlertKind, String)> {
        let open = self.app.store.open_alerts().await.expect("read");
        open.into_iter().map(|alert| (alert.kind, alert.told.about)).collect()
    }

    async fn granted(&self) -> p0::domain::id::RequestId {
        let request = self.asks("alice", "shelf", "a", HOUR).await;
        self.approves("bob", &request).await;
        self.settle().await;
        assert!(self.target.holds(KEY));
        request
    }
}

#[tokio::test]
async fn what_nobody_holds_is_told_at_the_first_sweep_and_taken_away_by_the_next() {
    let world = marked("engine: { orphans: revoke }\n").await;
    world.target.with(|state| {
        state.held.insert("shelf/b/eve@acme.example".into(), By::Us);
        state.held.insert("shelf/c/eve@acme.example".into(), By::Somebody);
    });
    world.later(Span::ZERO).await;
    assert_eq!(world.alerts().await, [(AlertKind::Orphan, "shelf/b/eve@acme.example".to_owned())]);
    assert!(world.target.holds("shelf/b/eve@acme.example"), "the first sweep only looks");

    world.later(TEN_MINUTES).await;
    assert!(!world.target.holds("shelf/b/eve@acme.example"));
    assert!(world.target.holds("shelf/c/eve@acme.example"), "what others made is never touched");
    world.pass(Span::minutes(1)).await;
    assert_eq!(world.alerts().await, [], "settled when it was seen gone, not at the next sweep");
    let row = world.app.store.assignment_by_key("shelf/b/eve@acme.example").await.expect("read").expect("it has a record now");
    let story = world.story(row.id.as_str()).await;
    assert_eq!(story, ["assignment.orphan", "assignment.absent", "assignment.receipt"]);
}

#[tokio::test]
async fn unless_it_is_wished_an_orphan_is_only_told_until_a_person_says_so() {
    let world = marked("").await;
    world.target.with(|state| state.held.insert("shelf/b/eve@acme.example".into(), By::Us));
    for _ in 0..5 {
        world.later(TEN_MINUTES).await;
    }
    assert!(world.target.holds("shelf/b/eve@acme.example"));
    world.apply_next_sweep().await;
    world.later(Span::seconds(1)).await;
    assert!(!world.target.holds("shelf/b/eve@acme.example"));
}

/// The peers' fault: a sync takes what it finds in the target for something to keep.
#[tokio::test]
async fn a_sweep_never_makes_temporary_permanent() {
    let world = marked("engine: { orphans: revoke }\n").await;
    let request = world.granted().await;
    world.later(HOUR + Span::minutes(1)).await;
    world.pass(Span::seconds(30)).await;
    assert!(!world.target.holds(KEY));
    for round in 0..3 {
        // A backup of the target is restored, a script runs again: there it is, with our mark on it.
        world.target.with(|state| state.held.insert(KEY.into(), By::Us));
        world.later(Span::minutes(11)).await;
        world.pass(Span::seconds(30)).await;
        assert!(!world.target.holds(KEY), "round {round}");
        assert!(
            world
                .app
                .store
                .live_grants(&world.app.store.assignment_by_key(KEY).await.expect("read").expect("there").id)
                .await
                .expect("read")
                .is_empty()
        );
    }
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
    world.chains_are_whole().await;
}

#[tokio::test]
async fn what_is_live_is_no_orphan_in_any_state() {
    let world = marked("engine: { orphans: revoke }\n").await;
    world.later(Span::ZERO).await;
    world.granted().await;
    world.later(TEN_MINUTES).await;
    world.later(TEN_MINUTES).await;
    assert!(world.target.holds(KEY));
    assert_eq!(world.alerts().await, []);
}

/// The list may have been made while it still was there.
#[tokio::test]
async fn what_ended_a_moment_before_a_sweep_is_no_orphan_for_it() {
    let world = marked("engine: { orphans: revoke }\n").await;
    world.later(Span::ZERO).await;
    let request = world.granted().await;
    world.relinquish("alice", &request).await;
    world.pass(Span::seconds(15)).await;
    let row = async || world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    let ended = row().await.ended_at.expect("ended");
    world.target.with(|state| state.held.insert(KEY.into(), By::Us));
    for (after, orphan) in [(Span::seconds(30), false), (LEASE, false), (LEASE + Span::millis(1), true)] {
        world.outer.pass(ended + after - world.outer.now());
        let mut tx = world.app.store.begin().await.expect("a transaction");
        tx.look(Kind::Sweep, "depot", world.outer.now()).await.expect("planned");
        tx.commit().await.expect("committed");
        world.settle().await;
        assert_eq!(!world.target.holds(KEY), orphan, "{after} after its end");
    }
    assert!(world.story(row().await.id.as_str()).await.contains(&"assignment.orphan".to_owned()));
}

#[tokio::test]
async fn what_somebody_took_away_is_told_and_not_put_back() {
    let world = marked("").await;
    let request = world.granted().await;
    world.target.with(|state| state.held.remove(KEY));
    world.later(Span::minutes(11)).await;
    assert_eq!(world.alerts().await, [(AlertKind::Missing, KEY.to_owned())]);
    assert!(world.view(&request).await.missing);
    assert!(!world.target.holds(KEY), "it is not put back");
    world.later(Span::minutes(11)).await;
    assert_eq!(world.alerts().await.len(), 1, "told once");

    // It comes back by itself: then it is right again.
    world.target.with(|state| state.held.insert(KEY.into(), By::Us));
    world.later(Span::minutes(11)).await;
    assert_eq!(world.alerts().await, []);
    assert!(!world.view(&request).await.missing);
    world.later(HOUR).await;
    world.pass(Span::seconds(30)).await;
    assert!(!world.target.holds(KEY));
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    let story = world.story(row.id.as_str()).await;
    assert_eq!(story.iter().filter(|what| *what == "assignment.missing").count(), 1, "{story:?}");
}

#[tokio::test]
async fn what_is_missing_at_the_end_ends_all_the_same() {
    let world = marked("").await;
    let request = world.granted().await;
    world.target.with(|state| state.held.insert(KEY.into(), By::Somebody));
    world.later(Span::minutes(11)).await;
    assert_eq!(world.alerts().await, [(AlertKind::Missing, KEY.to_owned())]);
    world.later(HOUR).await;
    world.pass(Span::seconds(30)).await;
    assert_eq!(world.alerts().await, []);
    assert!(world.target.holds(KEY), "somebody else's is left");
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Elsewhere { .. }, .. }));
}

#[tokio::test]
async fn too_much_at_once_is_not_granted_before_a_person_says_so_and_ends_come_on_time() {
    let world = marked("engine: { breaker: 2 }\n").await;
    let names = ["alice", "bob", "carol", "dave"];
    let first = world.asks("alice", "shelf", "a", Span::minutes(5)).await;
    world.approves("bob", &first).await;
    world.settle().await;
    let mut waiting = Vec::new();
    for name in &names[1..] {
        let request = world.asks(name, "shelf", "a", HOUR).await;
        world.approves(if *name == "carol" { "bob" } else { "carol" }, &request).await;
        waiting.push(request);
    }
    world.settle().await;
    let held = world.target.with(|state| state.held.len());
    assert_eq!(held, 2);
    assert_eq!(world.alerts().await, [(AlertKind::Breaker, "depot".to_owned())]);
    // An end that comes meanwhile is kept.
    world.pass(Span::minutes(6)).await;
    assert!(!world.target.holds(KEY));
    assert_eq!(world.target.with(|state| state.held.len()), 1);
    let mut paused = 0;
    for request in &waiting {
        if let Phase::Approved { trouble: Some(why), .. } = world.phase(request).await {
            assert!(why.contains("paused"), "{why}");
            paused += 1;
        }
    }
    assert_eq!(paused, 2);

    let mut tx = world.app.store.begin().await.expect("a transaction");
    tx.release_breaker("depot").await.expect("released");
    tx.commit().await.expect("committed");
    world.pass(Span::seconds(20)).await;
    assert_eq!(world.target.with(|state| state.held.len()), 3);
}

#[tokio::test]
async fn a_target_that_is_down_does_not_look_like_too_much_at_once() {
    let world = marked("engine: { breaker: 3 }\n").await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.target.with(|state| state.down = true);
    world.pass(Span::minutes(5)).await;
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(20)).await;
    assert!(world.target.holds(KEY));
    // Nor does one access whose call is tried again and again.
    for _ in 0..5 {
        world.target.lies("grant", Lie::Refuses(Fault::later("The keeper is at lunch.")));
    }
    let request = world.asks("alice", "shelf", "b", HOUR).await;
    world.approves("bob", &request).await;
    world.pass(Span::minutes(1)).await;
    assert!(world.target.holds("shelf/b/alice@acme.example"));
    assert_eq!(world.alerts().await, []);
}

#[tokio::test]
async fn a_sweep_that_would_take_away_too_much_takes_away_nothing() {
    let world = marked("engine: { orphans: revoke, breaker: 2 }\n").await;
    world.later(Span::ZERO).await;
    let appear = |names: &[&str]| {
        let keys: Vec<_> = names.iter().map(|name| (format!("shelf/b/{name}@acme.example"), By::Us)).collect();
        world.target.with(|state| state.held.extend(keys));
    };
    appear(&["eve", "frank"]);
    world.later(Span::minutes(11)).await;
    world.pass(Span::seconds(5)).await; // they are of one lane: one after the other
    assert_eq!(world.target.with(|state| state.held.len()), 0, "two are not too much");
    appear(&["grace", "heidi", "ivan"]);
    world.later(Span::minutes(11)).await;
    assert_eq!(world.target.with(|state| state.held.len()), 3);
    let kinds: Vec<AlertKind> = world.alerts().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == AlertKind::Orphan).count(), 3);
    assert!(kinds.contains(&AlertKind::Breaker));
    // A person has looked at them.
    world.apply_next_sweep().await;
    world.later(Span::seconds(1)).await;
    world.pass(Span::seconds(5)).await;
    assert_eq!(world.target.with(|state| state.held.len()), 0);
}

#[tokio::test]
async fn where_orphans_are_only_told_no_number_of_them_stops_granting() {
    let world = marked("engine: { breaker: 2 }\n").await;
    world.later(Span::ZERO).await;
    let keys = ["eve", "frank", "grace"].map(|name| (format!("shelf/b/{name}@acme.example"), By::Us));
    world.target.with(|state| state.held.extend(keys));
    world.later(Span::minutes(11)).await;
    assert!(world.alerts().await.iter().all(|(kind, _)| *kind == AlertKind::Orphan));
}

#[tokio::test]
async fn an_orphan_is_told_with_the_time_when_it_was_first_seen() {
    let world = marked("").await;
    let mut firsts = Vec::new();
    // Of another integration, which is not swept here: nothing that is seen in this one settles it.
    let mut tx = world.app.store.begin().await.expect("a transaction");
    let told = Told::new("key 7", "It stays until a person decides.", world.outer.now());
    tx.open_alert(AlertKind::Orphan, "elsewhere key/7", &told, world.outer.now()).await.expect("opened");
    tx.commit().await.expect("committed");
    firsts.push(("key 7".to_owned(), world.outer.now()));
    for name in ["eve", "frank"] {
        let key = format!("shelf/b/{name}@acme.example");
        world.target.with(|state| state.held.insert(key.clone(), By::Us));
        world.later(Span::minutes(11)).await;
        firsts.push((key, world.outer.now()));
    }
    world.later(Span::minutes(11)).await;
    let open = world.app.store.open_alerts().await.expect("read");
    let since: Vec<_> = open.into_iter().map(|alert| (alert.told.about, alert.told.since)).collect();
    assert_eq!(since, firsts);
    let found = world.story(ORGANISATION).await.into_iter().filter(|what| what == "orphan.found").count();
    assert_eq!(found, 2, "once each");
}

#[tokio::test]
async fn a_thousand_alerts_are_one_message() {
    let world = marked("").await;
    world.app.engine.add_surface(world.board.clone(), &[ApprovalsPlace { surface: "test".into(), realm: "T1".into() }]);
    let messages = || {
        let posted = world.board.posted.lock().expect("no panic");
        posted.iter().filter(|(_, audience, _)| *audience == Audience::Approvals).count()
    };
    let more = (AlertKind::Orphan, "more than 10 of these".to_owned());
    let all: Vec<String> = (0..30).map(|number| format!("shelf/b/eve{number}@acme.example")).collect();
    for (number, open) in [(10, 10), (11, 12), (30, 31)] {
        world.target.with(|state| state.held.extend(all[..number].iter().map(|key| (key.clone(), By::Us))));
        world.later(Span::minutes(11)).await;
        assert_eq!((world.alerts().await.len(), world.alerts().await.contains(&more)), (open, number > 10));
        assert_eq!(messages(), number.min(11), "one for each of ten, and one that says that there are more");
    }
    for (left, told) in [(11, 12), (10, 10)] {
        world.target.with(|state| state.held.retain(|key, _| all[..left].contains(key)));
        world.later(Span::minutes(11)).await;
        let open = world.alerts().await;
        assert_eq!((open.len(), open.contains(&more)), (told, left == 11));
    }
    world.target.with(|state| state.held.clear());
    world.later(Span::minutes(11)).await;
    assert_eq!(world.alerts().await, []);
    assert_eq!(messages(), 11);
}

#[tokio::test]
async fn a_target_that_is_down_is_not_told_by_what_is_in_use() {
    let world = marked("").await;
    let request = world.granted().await;
    let before = world.story(request.as_str()).await;
    world.target.with(|state| state.down = true);
    world.pass(Span::minutes(30)).await;
    assert_eq!(world.story(request.as_str()).await, before);
    assert_eq!(world.alerts().await, []);
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    assert_eq!(row.error, None);
    world.pass(Span::minutes(33)).await;
    assert_eq!(world.alerts().await, [(AlertKind::Stuck, KEY.to_owned())], "its end comes all the same");
}

#[tokio::test]
async fn an_overdue_end_is_told_until_it_is_gone() {
    let world = marked("").await;
    let request = world.granted().await;
    world.target.with(|state| state.down = true);
    world.pass(HOUR + Span::minutes(3)).await;
    assert_eq!(world.alerts().await, [(AlertKind::Stuck, KEY.to_owned())]);
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(20)).await;
    assert_eq!(world.alerts().await, []);
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
}

#[tokio::test]
async fn what_nobody_can_take_away_is_closed_by_a_person_with_a_reason_and_watched_for_a_day() {
    let world = marked("").await;
    let request = world.granted().await;
    let row = world.app.store.assignment_by_key(KEY).await.expect("read").expect("there");
    let close = async |reason: &str| cli::grants::close(&world.app.store, row.id.as_str(), reason, world.outer.now()).await;
    assert!(close("gone").await.expect_err("not overdue").contains("not overdue"));
    world.target.with(|state| state.down = true);
    world.pass(HOUR + Span::minutes(3)).await;
    assert!(close("").await.expect_err("no reason").contains("--reason"));
    close("The depot burned down.").await.expect("closed");
    assert_eq!(world.alerts().await, []);
    let Phase::Ended { left: Left::Unproven { why }, .. } = world.phase(&request).await else { panic!("closed by force") };
    assert!(why.contains("The depot burned down."), "{why}");
    world.pass(Span::seconds(30)).await;
    assert!(world.app.store.unfinished_assignments().await.expect("read").is_empty());

    // It did not burn down after all.
    world.target.with(|state| state.down = false);
    world.later(Span::minutes(11)).await;
    world.pass(Span::seconds(30)).await;
    assert!(!world.target.holds(KEY));
    world.chains_are_whole().await;
}

#[tokio::test]
async fn a_target_that_works_on_a_call_is_asked_how_far_it_is() {
    let world = marked("").await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    world.approves("bob", &request).await;
    world.target.lies("grant", Lie::WorksOnIt(Span::seconds(7)));
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Approved { trouble: None, .. }), "no trouble: it takes its time");
    world.pass(Span::seconds(9)).await;
    assert!(world.target.holds(KEY));
    let grants = world.target.calls().iter().filter(|call| call.starts_with("grant")).count();
    assert_eq!(grants, 1, "asked how far it is, not asked again: {:?}", world.target.calls());
    world.target.lies("revoke", Lie::WorksOnIt(Span::seconds(7)));
    world.relinquish("alice", &request).await;
    world.pass(Span::seconds(5)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ending { trouble: None, .. }));
    world.pass(Span::seconds(30)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
}

/// Puts looks at so many assignments of an integration on the agenda, due at one time.
async fn herd(world: &World, integration: &str, count: usize, at: Time) {
    for number in 0..count {
        let mut tx = world.app.store.begin().await.expect("a transaction");
        let planned = p0::domain::access::Planned {
            connector: integration.into(),
            key: format!("{integration}/{number}"),
            lane: format!("{integration}/lane/{number}"),
            target: serde_json::json!({}),
            effect: format!("shelf {number}"),
        };
        let row = tx.assignment_for(&planned, at).await.expect("made");
        tx.look_at_assignment(&row.id, at).await.expect("planned");
        tx.commit().await.expect("committed");
    }
}

#[tokio::test]
async fn what_is_due_at_one_integration_does_not_wait_behind_the_herd_of_another() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        let now = world.outer.now();
        herd(&world, "down", 40, now - Span::minutes(5)).await;
        herd(&world, "well", 2, now).await;
        let next = async |after: Time| world.app.store.next_after(after).await.expect("read");
        assert_eq!((next(now - HOUR).await, next(now - Span::minutes(1)).await), (Some(now - Span::minutes(5)), Some(now)));
        let claim = async |free: usize| {
            let free = move |name: &str| if name == "down" { free } else { 10 };
            let claimed = world.app.store.claim(now, Span::seconds(45), |_| 100, free).await.expect("claimed");
            let of = |name: &str| claimed.iter().filter(|claim| claim.connector == name).count();
            (of("down"), claimed.len() - of("down"))
        };
        assert_eq!(claim(10).await, (10, 2));
        herd(&world, "well-too", 1, now).await;
        assert_eq!(claim(0).await, (0, 1), "all hands of the one are busy");
        assert_eq!(claim(3).await, (3, 0));
    }
}

#[tokio::test]
async fn a_herd_is_spread_over_the_next_seconds() {
    let world = marked("").await;
    herd(&world, "depot", 30, world.outer.now()).await;
    let now = world.outer.now();
    let mut at = now;
    let mut claimed = Vec::new();
    for _ in 0..12 {
        let mut here = 0;
        for _ in 0..4 {
            here += world.app.store.claim(at, Span::seconds(45), |_| 10, |_| 16).await.expect("claimed").len();
        }
        claimed.push(here);
        at = at + Span::millis(500);
    }
    assert_eq!(claimed.iter().sum::<usize>(), 30, "all had their turn: {claimed:?}");
    for second in claimed.chunks(2) {
        assert!(second.iter().sum::<usize>() <= 20, "{claimed:?}");
    }
    assert!(claimed[0] == 10, "{claimed:?}");
}
