//! Faults that other access-request systems were found to have, one story each. Every one of them left
//! an access that nobody ended, a decision that was made twice, or a person who was told something
//! that was not so.

use std::collections::BTreeSet;
use std::time::Instant;

use futures::stream::{self, StreamExt};
use p0::app::App;
use p0::desk::view::{Left, Phase};
use p0::desk::{Answer, Came};
use p0::domain::fault::Fault;
use p0::domain::grant::End;
use p0::domain::id::RequestId;
use p0::domain::time::Span;
use p0::playground::{Fault as SlackFault, Trouble};

use crate::harness::office::{APPROVALS, Office, POSTGRES_15, stories, text};
use crate::harness::target::Lie;
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);

/// How many pairs press while others are still waiting for their answer.
const AT_ONCE: usize = 250;

/// Elsewhere: two approvals within a second made two accesses and one end.
#[tokio::test]
async fn two_approvals_within_one_second_are_two_accesses_with_two_ends() {
    let world = World::new(Database::Sqlite).await;
    let (alice, dave) = (world.asks("alice", "shelf", "a", HOUR).await, world.asks("dave", "shelf", "a", HOUR).await);
    tokio::join!(world.approves("bob", &alice), world.approves("carol", &dave));
    world.settle().await;
    for request in [&alice, &dave] {
        let Phase::Usable { since, until, .. } = world.phase(request).await else { panic!("usable") };
        assert_eq!(until, since + HOUR);
    }
    world.pass(HOUR + Span::seconds(2)).await;
    assert!(world.target.with(|state| state.held.is_empty()), "both are gone");
    world.pass(Span::seconds(15)).await;
    for request in [&alice, &dave] {
        assert!(matches!(world.phase(request).await, Phase::Ended { how: End::Expired, left: Left::Gone { .. }, .. }));
    }
}

/// Elsewhere: one access that could not be taken away kept all that came after it.
#[tokio::test]
async fn one_item_that_cannot_be_taken_away_does_not_keep_the_others() {
    let world = World::new(Database::Sqlite).await;
    let people = ["alice", "bob", "carol", "dave"];
    let key = |who: &str| format!("shelf/a/{who}@acme.example");
    for who in people {
        let request = world.asks(who, "shelf", "a", HOUR).await;
        world.approves(if who == "bob" { "carol" } else { "bob" }, &request).await;
    }
    world.settle().await;
    for jammed in people {
        assert!(people.iter().all(|who| world.target.holds(&key(who))));
        world.target.with(|state| state.jammed = BTreeSet::from([key(jammed)]));
        world.outer.pass(HOUR);
        world.pass(Span::seconds(10)).await; // they are of one lane: one after the other
        let left: Vec<_> = people.into_iter().filter(|who| world.target.holds(&key(who))).collect();
        assert_eq!(left, [jammed]);
        world.target.with(|state| state.jammed.clear());
        world.pass(Span::seconds(40)).await;
        assert!(!world.target.holds(&key(jammed)), "it was tried until it was gone");
        for who in people {
            let request = world.asks(who, "shelf", "a", HOUR).await;
            world.approves(if who == "bob" { "carol" } else { "bob" }, &request).await;
        }
        world.pass(Span::seconds(15)).await;
    }
}

/// Elsewhere: while the store was down, the access was made and its end was not.
#[tokio::test]
async fn while_the_store_is_down_an_approval_grants_nothing() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    let press = world.press("bob").await;
    world.outer.store_is_down(true);
    assert!(world.app.desk.approve(&press, &request, None).await.is_err(), "nobody is told yes");
    world.settle().await;
    world.outer.store_is_down(false);
    world.settle().await;
    assert_eq!(world.phase(&request).await, Phase::Asked);
    assert!(world.target.with(|state| state.held.is_empty()));
    // Slack's own error asked for another press: of the same interaction, or of a new one.
    let again = world.app.desk.approve(&press, &request, None).await.expect("answered");
    assert!(matches!(again, Answer::Approved { .. }), "{again:?}");
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Usable { .. }));
}

/// The same with the real database of replicas gone, over the wire.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_gone_an_approval_grants_nothing_and_the_person_is_told() {
    let office = Office::open(POSTGRES_15).await;
    let request = office.asks("alice").await;
    office.dm_says("alice", &request, "Waiting for").await;
    office.store_lets_nobody_in(true).await;
    let pressed = office.presses("bob", &request, "approve").await;
    assert!(!pressed.ok() && pressed.shown.is_some(), "{pressed:?}");
    assert!(!office.is_member("alice").await);
    office.store_lets_nobody_in(false).await;
    assert!(office.presses("bob", &request, "approve").await.ok());
    office.becomes_member("alice").await;
    office.dm_says("alice", &request, "How to use it").await;
    assert_eq!(office.record(&request).await, ["request.asked", "request.approved", "request.usable"]);
    office.close().await;
}

/// Elsewhere: one request approved in two processes was granted twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_approved_in_two_replicas_has_one_outcome() {
    let world = World::new(Database::postgres().await).await;
    let other = world.replica().await;
    let request = world.asks("alice", "shelf", "a", HOUR).await;
    let answers = pair(&world, [&world.app, &other], &request).await;
    one_approved_and_the_other_was_told(&answers);
    tokio::join!(world.settle(), other.engine.run_due());
    world.settle().await;
    let granted = world.target.calls().iter().filter(|call| call.starts_with("grant ")).count();
    assert_eq!(granted, 1, "{:?}", world.target.calls());
    let story = world.story(request.as_str()).await;
    assert_eq!(story.iter().filter(|what| *what == "request.approved").count(), 1, "{story:?}");
}

/// Elsewhere: a request too old to be decided was granted by a late press.
#[tokio::test]
async fn a_late_click_on_a_stale_request_grants_nothing() {
    let policy = "policy:\n  approvers: { people: [ bob@acme.example, carol@acme.example ] }\n  approvable: 1h\n";
    for engine_came_first in [true, false] {
        let world = World::with(Database::Sqlite, policy).await;
        let request = world.asks("alice", "shelf", "a", HOUR).await;
        world.outer.pass(HOUR); // everything may have been down over a weekend
        if engine_came_first {
            world.settle().await;
        }
        for who in ["bob", "carol"] {
            let late = world.approve(who, &request).await;
            assert!(matches!(&late, Answer::Refused { why } if why.contains("went stale")), "{late:?}");
        }
        world.pass(Span::seconds(5)).await;
        assert!(matches!(world.phase(&request).await, Phase::Stale { .. }));
        assert!(world.target.with(|state| state.held.is_empty()));
        assert!(world.app.store.decisions(&request).await.expect("read").is_empty());
        assert_eq!(world.story(request.as_str()).await, ["request.asked", "request.stale"]);
    }
}

/// Elsewhere: approved for ever in the record, while the target had nothing.
#[tokio::test]
async fn approved_while_the_target_fails_it_works_later_or_ends_as_failed() {
    let world = World::new(Database::Sqlite).await;
    let later = world.asks("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.down = true);
    world.approves("bob", &later).await;
    world.pass(Span::minutes(10)).await;
    let Phase::Approved { trouble: Some(trouble), .. } = world.phase(&later).await else { panic!("told what is wrong") };
    assert_eq!(trouble, "The depot cannot be reached.");
    world.target.with(|state| state.down = false);
    world.pass(Span::seconds(16)).await;
    let Phase::Usable { since, until, .. } = world.phase(&later).await else { panic!("usable") };
    assert_eq!(until, since + HOUR, "the clock starts when it works");

    let never = world.asks("alice", "shelf", "b", HOUR).await;
    world.target.with(|state| state.down = true);
    world.approves("bob", &never).await;
    world.pass(Span::minutes(16)).await;
    let Phase::Ended { how: End::Failed, why: Some(why), left: Left::Nothing, .. } = world.phase(&never).await else {
        panic!("failed: {:?}", world.phase(&never).await)
    };
    assert!(why.contains("The depot cannot be reached."), "{why}");
    world.target.with(|state| state.down = false);
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds("shelf/b/alice@acme.example"), "nothing comes after all");

    let refused = world.asks("alice", "shelf", "c", HOUR).await;
    world.target.lies("grant", Lie::Refuses(Fault::never("This shelf is closed for good.")));
    world.approves("bob", &refused).await;
    world.pass(Span::minutes(1)).await;
    let Phase::Ended { how: End::Failed, why: Some(why), .. } = world.phase(&refused).await else { panic!("failed") };
    assert_eq!(why, "This shelf is closed for good.");
}

stories! {
    /// Elsewhere: a delete that failed at expiry was the last try, and nobody heard of it.
    async fn a_delete_that_fails_at_expiry_is_told_and_tried_until_it_is_gone(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.wire.cut();
        office.pass(Span::minutes(61));
        office.channel_says(&request, "being taken away").await;
        let overdue = async || office.channel().contains("An access is overdue").then_some(());
        office.until("the reviewers are told", async || {
            office.hurry(Span::seconds(5)).await;
            overdue().await
        }).await;
        assert!(office.is_member("alice").await, "its end is in the target's hands, and the line is cut");
        office.wire.mend();
        office.until("gone", async || {
            office.hurry(Span::seconds(5)).await;
            (!office.is_member("alice").await).then_some(())
        }).await;
        office.dm_says("alice", &request, "The access is gone").await;
        office.until("it is settled", async || office.channel().contains("Settled").then_some(())).await;
        office.pass(Span::seconds(15));
        office.nothing_is_left().await;
        office.close().await;
    }

    /// Elsewhere: the reason was read back out of the message, up to its first colon.
    async fn a_reason_with_colons_and_a_link_is_kept_whole(office: Office) {
        const REASON: &str = "INC-42: db failover: see https://wiki/x";
        let typed = office.types("alice", &format!("request postgres role {} --reason \"{REASON}\"", office.role)).await;
        assert!(typed.ok(), "{typed:?}");
        let request = office.until("the request", async || office.requests().pop()).await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        let row = office.app.store.request(&request).await.expect("read").expect("there");
        assert_eq!(row.request.reason.as_deref(), Some(REASON));
        let shown = office.approval(&request)["blocks"].to_string();
        assert!(shown.contains("INC-42: db failover: see") && shown.contains("https://wiki/x"), "{shown}");
        office.close().await;
    }

    /// Elsewhere: the buttons of an old request stayed, buried under newer messages, and still worked.
    async fn an_old_button_that_was_never_taken_off_grants_nothing(office: Office) {
        let request = office.asks("alice").await;
        office.dm_says("alice", &request, "Waiting for").await;
        let old = office.approval(&request);
        office.sim.faults([SlackFault::new("chat.update", Trouble::Http500).times(10_000)]);
        office.pass(Span::days(15));
        office.until("it is stale", async || office.record(&request).await.contains(&"request.stale".to_owned()).then_some(())).await;
        assert!(office.presses_in("bob", &office.now(&old), "approve").await.ok());
        office.is_told("bob", "went stale").await;
        assert!(!office.is_member("alice").await);
        assert_eq!(office.record(&request).await, ["request.asked", "request.stale"]);
        assert!(!office.sim.messages(APPROVALS).expect("a channel").iter().map(text).any(|told| told.contains("Approved")));
        office.close().await;
    }
}

/// Both approvers press at the same moment, each at one of these.
async fn pair(world: &World, apps: [&App; 2], request: &RequestId) -> [Answer; 2] {
    let (bob, carol) = (world.press("bob").await, world.press("carol").await);
    let (one, two) = tokio::join!(presses(apps[0], &bob, request), presses(apps[1], &carol, request));
    [one, two]
}

/// Presses until there is an answer: a store with so much to write may be too busy at first.
async fn presses(app: &App, came: &Came, request: &RequestId) -> Answer {
    for _ in 0..5 {
        if let Ok(answer) = app.desk.approve(came, request, None).await {
            return answer;
        }
    }
    app.desk.approve(came, request, None).await.expect("answered")
}

fn one_approved_and_the_other_was_told(answers: &[Answer; 2]) {
    let (won, lost) = match answers {
        [won @ Answer::Approved { .. }, lost] | [lost, won] => (won, lost),
    };
    assert!(matches!(won, Answer::Approved { .. }), "{answers:?}");
    let by = if *won == answers[0] { "bob" } else { "carol" };
    assert!(matches!(lost, Answer::DecidedBefore { what, by: told, .. } if what == "approved" && told == by), "{answers:?}");
}

/// Elsewhere: of two approvers at once, nearly always both were told that it was theirs.
async fn a_thousand_pairs(database: Database, replicas: usize) {
    let started = Instant::now();
    let world = World::new(database).await;
    let other = if replicas == 2 { world.replica().await } else { world.app.clone() };
    let world = &world;
    let asks = (0..1000).map(|number| async move { world.asks(&format!("person{number}"), "shelf", "a", HOUR).await });
    let requests: Vec<_> = stream::iter(asks).buffered(AT_ONCE).collect().await;
    let asked = started.elapsed();
    let pairs = requests.iter().map(|request| pair(world, [&world.app, &other], request));
    let answers: Vec<_> = stream::iter(pairs).buffered(AT_ONCE).collect().await;
    let decided = started.elapsed() - asked;
    for (request, answers) in requests.iter().zip(&answers) {
        one_approved_and_the_other_was_told(answers);
        assert_eq!(world.app.store.decisions(request).await.expect("read").len(), 1);
        assert_eq!(world.app.store.grants_of(request).await.expect("read").len(), 1);
        assert_eq!(world.story(request.as_str()).await, ["request.asked", "request.approved"]);
    }
    println!("1,000 pairs of approvers, {replicas} replicas: asked in {asked:?}, decided in {decided:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pairs_of_approvers_at_once_are_a_thousand_single_outcomes_on_sqlite() {
    a_thousand_pairs(Database::Sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_pairs_of_approvers_at_once_are_a_thousand_single_outcomes_in_two_replicas() {
    a_thousand_pairs(Database::postgres().await, 2).await;
}
