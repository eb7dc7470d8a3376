//! Replicas when what they stand on goes away for a while: one of them freezes, the database stops, the
//! database moves to its follower. They go on by themselves, and nothing is lost or done twice.

use p0::domain::id::RequestId;
use sqlx::{Connection, PgConnection};

use crate::harness::office::{Office, POLICY, POSTGRES_15, text};
use crate::harness::process::Process;
use crate::harness::servers::Kept;
use crate::harness::wire::Wire;

/// An office whose record is in a database of its own, at the end of a line.
async fn office_on(store: &Kept) -> (Office, Wire) {
    let wire = Wire::to(store.port()).await;
    let mut url = url::Url::parse(store.url()).expect("a URL");
    url.set_port(Some(wire.port)).expect("a host");
    (Office::laid_out(POSTGRES_15, POLICY, Some(url.into())).await, wire)
}

/// Somebody has an access and can use it.
async fn in_use(office: &Office, who: &str) -> RequestId {
    let request = office.asks(who).await;
    office.presses("bob", &request, "approve").await;
    office.dm_says(who, &request, "How to use it").await;
    assert!(office.is_member(who).await);
    request
}

async fn is_over(office: &Office, who: &str, request: &RequestId) {
    office.stops_being_member(who).await;
    office.dm_says(who, request, "The access is gone").await;
    office.channel_says(request, "access ended").await;
    assert_eq!(office.record(request).await, ["request.asked", "request.approved", "request.usable", "grant.ended"]);
}

fn go_to(office: &Office, process: &Process) {
    office.sim.set_app(process.urls.clone());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_frozen_with_a_call_in_its_hands_does_nothing_when_it_wakes() {
    let office = Office::unattended(POSTGRES_15, POLICY).await;
    let frozen = office.starts(None).await;
    let request = office.asks("alice").await;
    office.wire.keeps_back("'grant %I");
    office.presses("bob", &request, "approve").await;
    office.until("the call is under way", async || office.wire.is_keeping().then_some(())).await;
    // A message it had in its hands as well would be told twice: what it remembers of its lease is still
    // good when it wakes, as we let the others' run out behind its back.
    office
        .until("everybody is told", async || (office.store_counts("notices WHERE shown < wanted").await == 0).then_some(()))
        .await;
    frozen.freezes();
    let mut other = office.starts(None).await;
    office.leases_run_out().await; // it is frozen for longer than that
    office.dm_says("alice", &request, "How to use it").await;
    office.presses_own("alice", &request, "relinquish").await;
    is_over(&office, "alice", &request).await;
    office.nothing_is_left().await;
    let assignment = office.app.store.streams().await.expect("read").into_iter().find(|stream| stream.starts_with("asg_"));
    let assignment = assignment.expect("an assignment");
    let story =
        async || office.app.store.stream(&assignment).await.expect("read").into_iter().map(|it| it.what).collect::<Vec<_>>();
    let before = story().await;

    office.wire.lets_go(); // now the late call reaches the target, which compares its deadline
    frozen.thaws();
    // It goes on: with all it had in its hands, and with what comes.
    go_to(&office, &frozen);
    office.until("it answers", async || office.types("dave", "help").await.ok().then_some(())).await;
    other.stops().await;
    let next = in_use(&office, "dave").await;
    assert!(!office.is_member("alice").await, "the late call granted");
    assert_eq!(story().await, before, "it wrote of what was not its own any more");
    assert_eq!(before.iter().filter(|what| *what == "assignment.active").count(), 1, "{before:?}");
    assert_eq!(office.messages_of("alice", &request), 2, "told twice");
    office.presses_own("dave", &next, "relinquish").await;
    is_over(&office, "dave", &next).await;
    drop(frozen);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_frozen_inside_a_transaction_does_not_hold_up_the_others() {
    let store = Kept::start();
    let (office, line) = office_on(&store).await;
    let frozen = office.starts(None).await;
    let request = office.asks("alice").await;
    office.dm_says("alice", &request, "Waiting for").await;
    let message = office.approval(&request);
    line.keeps_back("COMMIT");
    // What it has locked by then is for the database to give back.
    let (pressed, ()) = tokio::join!(office.presses_in("bob", &message, "approve"), async {
        office.until("it is about to commit", async || line.is_keeping().then_some(())).await;
        frozen.freezes();
    });
    assert!(!pressed.ok(), "{pressed:?}");
    let other = office.starts(None).await;
    office
        .until("another press is taken", async || office.presses_in("carol", &message, "approve").await.ok().then_some(()))
        .await;
    office.leases_run_out().await; // what it had claimed waits for that
    office.dm_says("alice", &request, "How to use it").await;
    line.lets_go();
    frozen.thaws();
    office.presses_own("alice", &request, "relinquish").await;
    is_over(&office, "alice", &request).await;
    assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
    drop((frozen, other));
    office.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_they_say_so_and_afterwards_nothing_overdue_stays() {
    let store = Kept::start();
    let (office, _line) = office_on(&store).await;
    let mut all = [office.starts(None).await, office.starts(None).await];
    let (alice, dave) = (in_use(&office, "alice").await, office.asks("dave").await);
    office.dm_says("dave", &dave, "Waiting for").await;
    for process in &all {
        assert_eq!(process.ready().await.0, 200);
    }
    office
        .store_does(&[
            "UPDATE grants SET ends_at = ends_at - 3598000".to_owned(),
            "UPDATE agenda SET run_at = run_at - 3598000".to_owned(),
        ])
        .await;
    store.halt();
    for process in &all {
        assert_eq!(process.ready().await, (503, "the database does not answer".to_owned()));
    }
    let pressed = office.presses("bob", &dave, "approve").await;
    assert!(!pressed.ok() && pressed.shown.is_some(), "{pressed:?}");
    assert!(!office.is_member("dave").await);
    store.resume();
    for process in &mut all {
        assert!(!process.is_dead());
        office.until("ready again", async || (process.ready().await.0 == 200).then_some(())).await;
    }
    is_over(&office, "alice", &alice).await;
    office.presses("bob", &dave, "approve").await;
    office.dm_says("dave", &dave, "How to use it").await;
    office.presses_own("dave", &dave, "relinquish").await;
    is_over(&office, "dave", &dave).await;
    office.nothing_is_left().await;
    drop(all);
    office.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_database_moves_to_its_follower_they_go_on_by_themselves() {
    let store = Kept::start();
    let (office, line) = office_on(&store).await;
    let mut all = [office.starts(None).await, office.starts(None).await];
    let follower = store.follower();
    let mut admin = PgConnection::connect(store.url()).await.expect("connected");
    for sql in ["alter system set synchronous_standby_names = '*'", "select pg_reload_conf()"] {
        sqlx::raw_sql(sql).execute(&mut admin).await.expect("done");
    }
    let follows = "select 1 from pg_stat_replication where sync_state = 'sync'";
    office.until("it follows", async || sqlx::query(follows).fetch_optional(&mut admin).await.expect("read").map(|_| ())).await;
    let (alice, dave) = (in_use(&office, "alice").await, office.asks("dave").await);
    // Acknowledged: it is at the follower, too.
    assert!(office.presses("carol", &dave, "approve").await.ok());
    store.halt();
    let mut admin = PgConnection::connect(follower.url()).await.expect("connected");
    sqlx::raw_sql("select pg_promote()").execute(&mut admin).await.expect("promoted");
    line.leads_to(follower.port());
    office.until("somebody is let in", async || office.types("carol", "help").await.ok().then_some(())).await;
    office.leases_run_out().await; // what was in somebody's hands is not given back at a database that is gone
    office.dm_says("dave", &dave, "How to use it").await;
    for (process, who, request) in [(0, "alice", &alice), (1, "dave", &dave)] {
        assert!(!all[process].is_dead());
        go_to(&office, &all[process]);
        office
            .until("it takes it", async || {
                let own = office.dm(who, request)?;
                office.presses_in(who, &own, "relinquish").await.ok().then_some(())
            })
            .await;
        is_over(&office, who, request).await;
    }
    office.nothing_is_left().await;
    assert!(office.copies(&alice).iter().all(|copy| text(copy).contains("access ended")));
    drop(all);
    office.close().await;
}
