//! Killed at every place, one after the other: nothing is left behind, nothing happens twice.

use std::time::Duration;

use p0::desk::Answer;
use p0::domain::time::{Clock, Span};
use p0::store::Kind;

use crate::harness::world::{Database, World, ask};

/// A whole life: asked, approved, used, ended by its time. Every step may be cut off; what was not
/// answered is simply done again, as people do.
async fn life(world: &mut World, dies_at: Option<i64>) -> bool {
    let mut died = false;
    let came = world.press("alice").await;
    let approval = world.press("bob").await;
    world.outer.die_at(dies_at.unwrap_or(i64::MAX));
    macro_rules! survive {
        ($act:expr) => {
            loop {
                let done = tokio::time::timeout(Duration::from_secs(5), world.until_dead(async { $act })).await;
                match done.expect("neither done nor dead") {
                    Some(done) => break done,
                    None => {
                        died = true;
                        world.outer.pass(Span::seconds(60)); // every lease runs out
                        world.restart().await;
                    }
                }
            }
        };
    }
    let Answer::Asked { request, .. } =
        survive!(world.app.desk.submit(&came, ask("room", "vault", Span::hours(1))).await.expect("answered"))
    else {
        panic!("asked")
    };
    survive!(world.settle().await);
    let approved = survive!(world.app.desk.approve(&approval, &request, None).await.expect("answered"));
    assert!(matches!(approved, Answer::Approved { .. }), "{approved:?}");
    survive!(world.settle().await);
    assert!(world.target.holds("room/vault/alice@acme.example"), "usable after {dies_at:?}");
    assert_eq!(world.app.store.decisions(&request).await.expect("read").len(), 1);
    world.outer.pass(Span::hours(1) + Span::minutes(2));
    survive!(world.settle().await);
    for _ in 0..6 {
        world.outer.pass(Span::seconds(15));
        survive!(world.settle().await);
    }
    assert!(!world.target.holds("gate/vault/alice@acme.example"), "left behind after {dies_at:?}");
    assert!(!world.target.holds("room/vault/alice@acme.example"), "left behind after {dies_at:?}");
    let unfinished = world.app.store.unfinished_assignments().await.expect("read");
    assert!(unfinished.is_empty(), "unfinished after {dies_at:?}: {unfinished:?}");
    world.chains_are_whole().await;
    died
}

/// The same on the store that replicas share; every place has its turn on SQLite already.
#[tokio::test]
async fn killed_at_many_places_on_postgres() {
    for n in (0..60).step_by(4) {
        let mut world = World::new(Database::postgres().await).await;
        life(&mut world, Some(n)).await;
    }
}

#[tokio::test]
async fn killed_at_every_place() {
    let mut world = World::new(Database::Sqlite).await;
    life(&mut world, None).await;
    let places = world.outer.passed.lock().expect("no panic").len();
    assert!(places > 30, "only {places} places were passed");
    for n in 0..i64::try_from(places).expect("few") {
        let mut world = World::new(Database::Sqlite).await;
        assert!(life(&mut world, Some(n)).await, "place {n} of {places} was never reached");
    }
}

/// A process that stood still acts by what it read before. Somebody else may have taken it away since,
/// and granted it anew.
#[tokio::test]
async fn whoever_stood_still_for_longer_than_a_claim_lasts_takes_nothing_away() {
    let mut reads = 0;
    loop {
        let world = World::new(Database::Sqlite).await;
        world.gets("alice", "shelf", "a", Span::hours(1)).await;
        world.outer.pass(Span::hours(1) + Span::minutes(2));
        let claims = world.app.engine.claim(world.outer.now(), 10).await;
        let (assignment, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(|claim| claim.kind == Kind::Assignment);
        for claim in others {
            world.app.engine.look(claim).await.expect("looked");
        }
        world.outer.stands_still_at_read(reads);
        for claim in assignment {
            world.app.engine.look(claim).await.expect("looked");
        }
        if !world.target.holds("shelf/a/alice@acme.example") {
            break; // it stood still after the call
        }
        world.pass(Span::minutes(1)).await;
        assert!(!world.target.holds("shelf/a/alice@acme.example"), "left behind after {reads} reads");
        reads += 1;
    }
    assert!(6 < reads, "taken away by what was read before it stood still, after read {reads}");
}
