//! Maximum durations: they count over a whole line of accesses, however each of them was asked for.

use p0::catalog::form::Draft;
use p0::desk::Answer;
use p0::desk::view::More;
use p0::domain::time::{Clock, Span};

use crate::harness::world::{Database, World, ask};

const HOUR: Span = Span::hours(1);
const TWO_HOURS: &str = "policy:\n  approvers: { people: [ bob@acme.example ] }\n  longest: 2h\n";

fn minutes(n: i64) -> Span {
    Span::minutes(n)
}

#[tokio::test]
async fn a_line_is_no_longer_than_one_access_may_be() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::with(database, TWO_HOURS).await;
        let first = world.gets("alice", "shelf", "a", minutes(90)).await;
        world.outer.pass(minutes(80));
        let more = world.app.desk.more(&first).await.expect("read");
        assert_eq!(more, Some(More::Offered { length: minutes(30), at_once: false }), "what is left");
        let afresh = world.ask("alice", "shelf", "a", HOUR).await;
        let Answer::Mistakes { mistakes } = afresh else { panic!("a mistake: {afresh:?}") };
        assert_eq!(
            mistakes[0].message,
            "This may be held for 2 hours without a pause, and 40 minutes are left of that; choose 40 minutes or less."
        );
        let Answer::Asked { request: second, .. } = world.extend("alice", &first).await else { panic!("asked") };
        assert_eq!(world.view(&second).await.durations, [minutes(30)]);
        world.approves("bob", &second).await;
        world.settle().await;
        let until = world.until(&second).await;

        // It is used up, and each way of asking says so.
        world.outer.pass(minutes(10));
        world.pass(Span::seconds(15)).await;
        assert_eq!(world.app.desk.more(&second).await.expect("read"), Some(More::UsedUp { longest: Span::hours(2) }));
        let used_up = Answer::UsedUp { effect: "shelf a".into(), longest: Span::hours(2), until };
        assert_eq!(world.extend("alice", &second).await, used_up);
        assert_eq!(world.ask("alice", "shelf", "a", HOUR).await, used_up);

        // After a pause there is a new line.
        world.outer.pass(minutes(31));
        world.pass(Span::seconds(15)).await;
        world.gets("alice", "shelf", "a", Span::hours(2)).await;
    }
}

#[tokio::test]
async fn who_asks_afresh_for_what_they_have_extends_it() {
    let world = World::with(Database::Sqlite, TWO_HOURS).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    world.outer.pass(minutes(30));
    let second = world.asks("alice", "shelf", "a", HOUR).await;
    let extends = world.view(&second).await.extends.expect("an extension");
    assert_eq!((extends.id, extends.on_top), (first, false));
    world.approves("bob", &second).await;
    world.settle().await;
    assert_eq!(world.until(&second).await, world.outer.now() + HOUR, "for as long as was asked, from now on");
    let others = world.asks("carol", "shelf", "a", HOUR).await;
    assert_eq!(world.view(&others).await.extends, None);
}

#[tokio::test]
async fn at_the_press_a_length_that_is_too_long_by_now_is_refused_with_what_is_left() {
    let world = World::with(Database::Sqlite, TWO_HOURS).await;
    let first = world.gets("alice", "shelf", "a", HOUR).await;
    let second = world.asks("alice", "shelf", "a", Span::hours(2)).await;
    world.outer.pass(minutes(50));
    assert_eq!(world.view(&second).await.durations, [30, 60, 70].map(minutes));
    let came = world.press("bob").await;
    let answer = world.app.desk.approve(&came, &second, Some(Span::hours(2))).await.expect("answered");
    let Answer::Refused { why } = answer else { panic!("refused: {answer:?}") };
    assert_eq!(
        why,
        "This may be held for 2 hours without a pause, and 1 hour 10 minutes are left of that. Choose 1 hour 10 minutes or less."
    );
    let came = world.press("bob").await;
    let answer = world.app.desk.approve(&came, &second, Some(minutes(70))).await.expect("answered");
    assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
    world.settle().await;
    assert_eq!(world.until(&second).await, world.until(&first).await + HOUR);
}

#[tokio::test]
async fn neither_another_wording_nor_another_order_makes_a_line_longer() {
    let world = World::with(Database::Sqlite, TWO_HOURS).await;
    // The same shelf, asked for in two ways, before anything is held.
    let one = world.asks("alice", "shelf", "a", Span::hours(2)).await;
    let came = world.press("alice").await;
    let mut other = ask("shelf", "a", Span::hours(2));
    other.values.insert("beside".into(), "b".into());
    let Answer::Asked { request: other, .. } = world.app.desk.submit(&came, Draft { ..other }).await.expect("answered") else {
        panic!("asked")
    };
    assert_eq!(world.view(&other).await.extends, None);
    world.approves("bob", &one).await;
    world.settle().await;
    world.outer.pass(minutes(110));
    let answer = world.app.desk.approve(&world.press("bob").await, &other, Some(Span::hours(2))).await.expect("answered");
    assert!(matches!(&answer, Answer::Refused { why } if why.contains("10 minutes are left")), "{answer:?}");
    // Whoever leaves the length to us gives what is left.
    assert_eq!(world.approve("bob", &other).await, Answer::Approved { request: other.clone(), length: minutes(10) });
    world.settle().await;
    assert_eq!(world.until(&other).await, world.until(&one).await);
}
