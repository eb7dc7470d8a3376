//! Extensions: requests of their own, put on top of what is held; at once where the policy lets them.

use p0::desk::Answer;
use p0::desk::view::{Left, More, Phase};
use p0::domain::grant::End;
use p0::domain::person::Actor;
use p0::domain::time::{Clock, Span};

use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);
const KEY: &str = "shelf/a/alice@acme.example";
const AT_ONCE: &str = "policy:\n  approvers: { people: [ bob@acme.example ] }\n  extensions: { atOnce: 3h }\n";

#[tokio::test]
async fn an_extension_is_a_request_of_its_own_and_no_end_moves() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        let first = world.gets("alice", "shelf", "a", HOUR).await;
        let until = world.until(&first).await;
        world.outer.pass(Span::minutes(45));
        let more = world.app.desk.more(&first).await.expect("read");
        assert_eq!(more, Some(More::Offered { length: HOUR, at_once: false }));
        assert!(matches!(world.extend("dave", &first).await, Answer::Refused { .. }), "not theirs");
        let Answer::Asked { request: second, .. } = world.extend("alice", &first).await else { panic!("asked") };
        assert_eq!(world.app.desk.more(&first).await.expect("read"), Some(More::Asked));
        assert!(matches!(world.extend("alice", &first).await, Answer::AlreadyAsked { .. }));

        let view = world.view(&second).await;
        let extends = view.extends.expect("an extension");
        assert_eq!((extends.id, extends.until, extends.on_top), (first.clone(), Some(until), true));
        assert_eq!((view.length, view.reason.as_deref()), (HOUR, Some("INC-42")));

        world.outer.pass(Span::minutes(5));
        world.approves("bob", &second).await;
        world.settle().await;
        assert_eq!(world.until(&first).await, until, "no end moves");
        assert_eq!(world.until(&second).await, until + HOUR);
        let before = world.view(&first).await;
        assert_eq!((before.stays_until, before.extended), (Some(until + HOUR), true));
        assert!(matches!(world.extend("alice", &first).await, Answer::Refused { .. }), "it is extended");

        world.pass(Span::minutes(11)).await;
        assert!(matches!(world.phase(&first).await, Phase::Ended { how: End::Expired, left: Left::Kept, .. }));
        assert!(world.target.holds(KEY));
        world.outer.pass(until + HOUR - world.outer.now());
        world.pass(Span::seconds(15)).await;
        for request in [&first, &second] {
            assert!(matches!(world.phase(request).await, Phase::Ended { left: Left::Gone { .. }, .. }));
        }
        assert_eq!(world.target.calls().iter().filter(|call| call.starts_with("grant")).count(), 1);
        world.chains_are_whole().await;
    }
}

#[tokio::test]
async fn left_undecided_at_the_end_it_can_still_be_approved_and_is_given_anew() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    world.outer.pass(Span::minutes(50));
    let Answer::Asked { request: second, .. } = world.extend("alice", &first).await else { panic!("asked") };
    world.pass(Span::minutes(12)).await;
    assert!(!world.target.holds(KEY), "an ask keeps nothing");
    assert_eq!(world.view(&second).await.extends.expect("an extension").until, None);
    world.approves("bob", &second).await;
    world.pass(Span::seconds(20)).await;
    let Phase::Usable { since, until, .. } = world.phase(&second).await else { panic!("usable") };
    assert_eq!(until, since + HOUR, "from when it works");
    assert!(matches!(world.phase(&first).await, Phase::Ended { left: Left::Gone { .. }, .. }));

    // Nor does one that nobody decides keep anything; it goes stale as every request does.
    let Answer::Asked { request: third, .. } = world.extend("alice", &second).await else { panic!("asked") };
    world.outer.pass(Span::days(14));
    world.settle().await;
    assert!(matches!(world.phase(&third).await, Phase::Stale { .. }));
    assert!(matches!(world.extend("alice", &second).await, Answer::Refused { .. }), "it is over");
}

#[tokio::test]
async fn a_chain_of_extensions_stays_one_access_to_all_of_them() {
    let world = World::new(Database::Sqlite).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let mut last = first.clone();
    for _ in 0..2 {
        world.outer.pass(world.until(&last).await - world.outer.now() - Span::minutes(10));
        let Answer::Asked { request, .. } = world.extend("alice", &last).await else { panic!("asked") };
        world.approves("carol", &request).await;
        world.settle().await;
        last = request;
    }
    world.pass(Span::minutes(12)).await;
    let view = world.view(&first).await;
    assert!(matches!(view.phase, Phase::Ended { left: Left::Kept, .. }), "{view:?}");
    assert!(view.extended);
    assert_eq!(world.app.desk.more(&last).await.expect("read"), Some(More::Offered { length: HOUR, at_once: false }));
}

#[tokio::test]
async fn within_its_limit_the_policy_extends_at_once() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::with(database, AT_ONCE).await;
        let first = world.gets("alice", "shelf", "a", HOUR).await;
        let until = world.until(&first).await;
        world.outer.pass(Span::minutes(45));
        let more = world.app.desk.more(&first).await.expect("read");
        assert_eq!(more, Some(More::Offered { length: HOUR, at_once: true }));
        let came = world.press("alice").await;
        let answer = world.app.desk.extend(&came, &first).await.expect("answered");
        let Answer::AtOnce { request: second, until: told, .. } = answer.clone() else { panic!("at once: {answer:?}") };
        assert_eq!(world.app.desk.extend(&came, &first).await.expect("answered"), answer, "the same bytes again");
        world.target.with(|state| state.down = true); // what the record says needs no target
        let Answer::Refused { why } = world.extend("alice", &first).await else { panic!("pressed once more") };
        assert!(why.contains("nothing to extend"), "{why}");
        world.target.with(|state| state.down = false);
        world.settle().await;
        assert_eq!((world.until(&second).await, told), (until + HOUR, until + HOUR));

        // It went the way of every approval.
        let decisions = world.app.store.decisions(&second).await.expect("read");
        assert_eq!((decisions.len(), &decisions[0].actor, decisions[0].length), (1, &Actor::Config, Some(HOUR)));
        assert_eq!(world.story(second.as_str()).await, ["request.asked", "request.approved", "request.usable"]);

        // Up to three hours in all; then people decide.
        world.outer.pass(HOUR);
        let Answer::AtOnce { request: third, .. } = world.extend("alice", &second).await else { panic!("at once") };
        world.settle().await;
        world.outer.pass(HOUR);
        assert!(matches!(world.extend("alice", &third).await, Answer::Asked { .. }));
    }
}

#[tokio::test]
async fn what_was_taken_away_is_never_extended_at_once() {
    let world = World::with(Database::Sqlite, AT_ONCE).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    world.revoke("bob", &first, false).await;
    assert!(matches!(world.extend("alice", &first).await, Answer::Refused { .. }));
    // Nor is what somebody asks for afresh.
    world.asks("alice", "shelf", "a", HOUR).await;
}

#[tokio::test]
async fn what_somebody_took_away_in_the_target_is_not_put_back_without_an_approver() {
    let world = World::with(Database::Sqlite, AT_ONCE).await;
    world.shows();
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    world.target.with(|state| state.held.clear());
    world.outer.pass(Span::minutes(11));
    world.settle().await; // it is looked at every ten minutes
    assert!(world.view(&first).await.missing);
    world.outer.pass(Span::minutes(35));
    world.settle().await;
    assert_eq!(world.board.reminders(&first), []);
    assert!(matches!(world.extend("alice", &first).await, Answer::Refused { .. }));
    let again = world.asks("alice", "shelf", "a", HOUR).await;
    assert_eq!(world.view(&again).await.extends, None);
    assert!(!world.target.holds(KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pressed_twice_at_two_replicas_it_is_extended_once() {
    for policy in [AT_ONCE, "policy:\n  approvers: { people: [ bob@acme.example ] }\n"] {
        let world = World::with(Database::postgres().await, policy).await;
        let other = world.replica().await;
        for shelf in ["a", "b", "c"] {
            let request = world.gets("alice", "shelf", shelf, HOUR).await;
            let (here, there) = (world.press("alice").await, world.press("alice").await);
            let (one, two) = tokio::join!(world.app.desk.extend(&here, &request), other.desk.extend(&there, &request));
            let answers = [one.expect("answered"), two.expect("answered")];
            let made = |answer: &&Answer| matches!(answer, Answer::Asked { .. } | Answer::AtOnce { .. });
            assert_eq!(answers.iter().filter(made).count(), 1, "{answers:?}");
        }
    }
}

#[tokio::test]
async fn killed_at_every_place_while_it_is_extended_at_once() {
    let mut n = 0;
    loop {
        let mut world = World::with(Database::Sqlite, AT_ONCE).await;
        let first = world.gets("alice", "shelf", "a", HOUR).await;
        let until = world.until(&first).await;
        world.outer.pass(Span::minutes(45));
        let came = world.press("alice").await;
        world.outer.die_at(n);
        let died = world.until_dead(world.app.desk.extend(&came, &first)).await.is_none();
        world.outer.pass(Span::minutes(1));
        world.restart().await;
        // Slack or the person repeats it.
        let Answer::AtOnce { request, .. } = world.app.desk.extend(&came, &first).await.expect("answered") else {
            panic!("at once after {n}")
        };
        world.settle().await;
        // The minute that nobody was at work may count as the time it took to set it up.
        let over = world.until(&request).await - (until + HOUR);
        assert!(Span::ZERO <= over && over <= Span::minutes(1), "killed at place {n}: {over} more");
        world.outer.pass(Span::hours(2));
        for _ in 0..4 {
            world.settle().await;
            world.outer.pass(Span::seconds(15));
        }
        assert!(!world.target.holds(KEY));
        world.chains_are_whole().await;
        if !died {
            break;
        }
        n += 1;
    }
    assert!(n > 2, "only {n} places");
}
