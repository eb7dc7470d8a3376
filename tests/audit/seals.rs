//! Checkpoints: when they are made, what they cost, that replicas make each once.

use p0::cli::audit::verify::verify;
use p0::domain::time::{Clock, Span};

use super::office::{Past, public_key};
use crate::harness::world::{Database, World};

#[tokio::test]
async fn a_checkpoint_is_made_when_there_is_something_new_and_the_last_is_five_minutes_old() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let world = World::new(database).await;
        let last = || async { world.app.store.last_checkpoint().await.expect("read").map_or(0, |last| last.number) };
        world.asks("alice", "shelf", "a", Span::hours(1)).await;
        assert_eq!(last().await, 0);
        world.app.engine.scan(world.outer.now()).await;
        assert_eq!(last().await, 1);

        world.asks("alice", "shelf", "b", Span::hours(1)).await;
        world.outer.pass(Span::minutes(4));
        world.app.engine.scan(world.outer.now()).await;
        assert_eq!(last().await, 1, "too early");
        world.outer.pass(Span::minutes(1));
        world.app.engine.scan(world.outer.now()).await;
        assert_eq!(last().await, 2);

        world.outer.pass(Span::hours(1));
        world.app.engine.scan(world.outer.now()).await;
        assert_eq!(last().await, 2, "nothing is new");
        // Only what is new is in it: the second request, and not the first.
        let second = world.app.store.checkpoint_after(1).await.expect("read").expect("there");
        assert_eq!(second.leaves.len(), 1, "{:?}", second.leaves);
        let report = verify(&world.app.store, public_key(&world), None).await.expect("read");
        assert!(report.findings.is_empty() && report.unsealed == 0 && report.checkpoints == 2, "{report:?}");
    }
}

#[tokio::test]
async fn what_was_written_is_found_as_it_was_written() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let past = Past::new(database).await;
        assert_eq!(past.verified(true).await, Vec::<String>::new());
        let (well, said) = past.judged(&past.exported().await, true);
        assert!(well && said.contains("Only chained so far, not sealed: 2 events."), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_seal_while_people_work_make_each_checkpoint_once() {
    let world = World::new(Database::postgres().await).await;
    let others = [world.replica().await, world.replica().await];
    for round in 0..10 {
        let work = async {
            let request = world.asks("alice", "shelf", "a", Span::hours(1)).await;
            world.approves("bob", &request).await;
            world.settle().await;
            world.relinquish("alice", &request).await;
            for _ in 0..3 {
                world.outer.pass(Span::seconds(11));
                world.settle().await;
            }
        };
        let outer = &world.outer;
        let seal = |store: p0::store::Store| async move {
            let mut made = Vec::new();
            for _ in 0..10 {
                let now = outer.now();
                match store.seal(now, now).await {
                    Ok(sealed) => made.extend(sealed.map(|sealed| sealed.checkpoint.number)),
                    Err(error) => assert!(error.is_conflict(), "{error}"),
                }
            }
            made
        };
        let ((), one, two) = tokio::join!(work, seal(others[0].store.clone()), seal(others[1].store.clone()));
        assert!(one.iter().all(|number| !two.contains(number)), "round {round}: {one:?} {two:?}");
    }
    let now = world.outer.now();
    while world.app.store.seal(now, now).await.expect("sealed").is_some() {}
    let report = verify(&world.app.store, public_key(&world), None).await.expect("read");
    assert!(report.findings.is_empty() && report.unsealed == 0, "{report:?}");
    assert!(report.checkpoints > 5, "{report:?}");
}
