//! A request of two parts: granted in order, taken back in reverse, failed as one.

use p0::desk::view::Phase;
use p0::domain::assignment::REVERSE_PATIENCE;
use p0::domain::fault::Fault;
use p0::domain::grant::End;
use p0::domain::time::{Clock, Span};

use crate::harness::target::Lie;
use crate::harness::world::{Database, World};

const HOUR: Span = Span::hours(1);

fn changes(world: &World) -> Vec<String> {
    let first = |call: &String| call.starts_with("grant") || call.starts_with("revoke");
    world.target.calls().into_iter().filter(first).map(|call| call.replace("/alice@acme.example", "")).collect()
}

#[tokio::test]
async fn parts_are_granted_in_order_and_taken_away_in_reverse() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "room", "vault", HOUR).await;
    world.target.lies("grant", Lie::OnlySaysYes);
    world.approves("bob", &request).await;
    world.settle().await;
    assert!(matches!(world.phase(&request).await, Phase::Approved { .. }), "the gate does not show yet");
    world.pass(Span::seconds(3)).await;
    let Phase::Usable { since, until, .. } = world.phase(&request).await else { panic!("usable") };
    assert_eq!(until, since + HOUR, "the clock starts when both work");
    world.pass(until - world.outer.now() + Span::seconds(3)).await;
    assert_eq!(
        changes(&world),
        ["grant gate/vault", "grant gate/vault", "grant room/vault", "revoke room/vault", "revoke gate/vault"]
    );
    world.pass(Span::minutes(1)).await;
    assert!(matches!(world.phase(&request).await, Phase::Ended { how: End::Expired, .. }));
}

#[tokio::test]
async fn when_one_part_fails_for_good_the_others_are_taken_back() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "room", "vault", HOUR).await;
    world.target.lies("observe", Lie::Refuses(Fault::later("not yet"))); // the gate's first look
    world.approves("bob", &request).await;
    world.settle().await;
    world.target.with(|state| state.lies.clear());
    // The gate works; the room never will.
    world.pass(Span::seconds(2)).await;
    assert!(world.target.holds("gate/vault/alice@acme.example"));
    let request = world.asks("alice", "room", "attic", HOUR).await;
    world.approves("bob", &request).await;
    // Grants in order: the gate is granted, the room is refused for good.
    world.target.with(|state| {
        state
            .lies
            .entry("grant")
            .or_default()
            .extend([Lie::LosesTheAnswer, Lie::Refuses(Fault::never("The attic is closed for good."))]);
    });
    world.pass(Span::minutes(1)).await;
    let Phase::Ended { how: End::Failed, why: Some(why), .. } = world.phase(&request).await else { panic!("failed") };
    assert_eq!(why, "The attic is closed for good.");
    assert!(!world.target.holds("gate/attic/alice@acme.example"));
    assert!(!world.target.holds("room/attic/alice@acme.example"));
    let changes: Vec<_> = changes(&world).into_iter().filter(|change| change.contains("attic")).collect();
    assert_eq!(changes[..4], ["grant gate/attic", "grant room/attic", "revoke room/attic", "revoke gate/attic"]);
}

#[tokio::test]
async fn a_later_part_that_cannot_be_taken_away_does_not_keep_the_earlier_one() {
    let world = World::new(Database::Sqlite).await;
    let request = world.asks("alice", "room", "vault", HOUR).await;
    world.approves("bob", &request).await;
    world.settle().await;
    let (gate, room) = ("gate/vault/alice@acme.example", "room/vault/alice@acme.example");
    world.target.with(|state| state.jammed.insert(room.into()));
    world.relinquish("alice", &request).await;
    world.pass(REVERSE_PATIENCE - Span::seconds(1)).await;
    assert!(world.target.holds(gate), "the later one first");
    world.pass(Span::seconds(2)).await;
    assert!(!world.target.holds(gate) && world.target.holds(room));
    world.target.with(|state| state.jammed.clear());
    world.pass(Span::minutes(1)).await;
    assert!(!world.target.holds(room));
}

#[tokio::test]
async fn an_earlier_part_follows_as_soon_as_the_later_one_is_gone() {
    let (gate, room) = ("gate/vault/alice@acme.example", "room/vault/alice@acme.example");
    let world = World::new(Database::Sqlite).await;
    let request = world.gets("alice", "room", "vault", HOUR).await;
    world.target.with(|state| state.jammed.insert(room.into()));
    world.relinquish("alice", &request).await;
    world.pass(Span::seconds(2)).await;
    world.target.with(|state| state.jammed.clear());
    world.pass(REVERSE_PATIENCE - Span::seconds(3)).await;
    assert!(!world.target.holds(room) && !world.target.holds(gate), "patience is for what does not go");
}
