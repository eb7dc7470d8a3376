//! Lost answers, late calls, locks, many at once: whatever happens, no call of ours lands after its time.

use futures::future::join_all;
use p0::domain::access::Observed;
use p0::domain::fault::Fault;
use p0::domain::time::{Clock, Span};

use super::world::{PASSWORD, Session, World, ask, assignment, connector};
use crate::harness::servers::Server;

super::on_both! {
    too_late_does_nothing
    a_grant_held_up_beyond_its_deadline_never_lands
    a_grant_held_up_for_long_gives_up
    a_role_renamed_at_the_same_moment_is_looked_up_anew
    a_connection_lost_in_the_middle_is_a_maybe
    a_call_given_up_never_lands
    many_at_once_come_through
    a_read_only_server_is_told
    a_wrong_password_is_told_and_not_shown
    a_server_that_is_down_is_tried_later
    a_membership_that_was_widened_is_narrowed_and_goes
}

async fn too_late_does_nothing(world: World) {
    let planned = world.planned().await;
    let told = world.connector.grant(&planned, world.outside.now() - Span::millis(1)).await.expect_err("too late");
    assert!(matches!(&told, Fault::Later { why, .. } if why.contains("too late")), "{told:?}");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
}

/// Holds every change of a membership up.
const HOLD: &str = "begin; lock table pg_auth_members in exclusive mode";

async fn a_grant_held_up_beyond_its_deadline_never_lands(world: World) {
    let server = Server::start(world.version);
    let (mut admin, connector) = alone(&server, &world).await;
    let mut watcher = Session::open(server.url()).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    admin.say(HOLD).await;
    let deadline = world.outside.now() + Span::millis(1200);
    let held_up = async {
        watcher.until(WAITING).await;
        assert!(world.outside.now() < deadline, "it was there in time");
        watcher.say(&format!("select pg_sleep_until(to_timestamp({}))", (deadline.0 + 50) as f64 / 1000.0)).await;
        admin.say("commit").await;
    };
    let (told, ()) = tokio::join!(connector.grant(&planned, deadline), held_up);
    assert!(matches!(&told, Err(Fault::Later { why, .. }) if why.contains("too late")), "{told:?}");
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
}

const WAITING: &str =
    "exists (select from pg_locks l join pg_stat_activity s using (pid) where not l.granted and s.usename = 'p0')";

/// A server of one's own with the same stage, since these stories hold up everybody on it.
async fn alone(server: &Server, world: &World) -> (Session, std::sync::Arc<dyn p0::connectors::Connector>) {
    let mut admin = Session::open(server.url()).await;
    admin.say(&format!("create role p0 login password '{PASSWORD}'; create role analyst; create role alice login")).await;
    admin.say("grant analyst to p0 with admin option").await;
    (admin, connector(&[("main", &server.url_of("p0", PASSWORD), "")], world.outside.clone()))
}

async fn a_grant_held_up_for_long_gives_up(world: World) {
    let server = Server::start(world.version);
    let (mut admin, connector) = alone(&server, &world).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    admin.say(HOLD).await;
    let told = connector.grant(&planned, world.in_an_hour()).await;
    assert!(matches!(&told, Err(Fault::Later { why, .. }) if why.contains("held up")), "{told:?}");
    admin.say("commit").await;
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
    connector.grant(&planned, world.in_an_hour()).await.expect("granted");
}

async fn a_role_renamed_at_the_same_moment_is_looked_up_anew(world: World) {
    let server = Server::start(world.version);
    let (mut admin, connector) = alone(&server, &world).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    let mut watcher = Session::open(server.url()).await;
    admin.say("create role spare").await;
    admin.say(HOLD).await;
    let rename = async {
        watcher.until(WAITING).await;
        watcher.say("alter role analyst rename to reader; alter role spare rename to analyst").await;
        admin.say("commit").await;
    };
    let (told, ()) = tokio::join!(connector.grant(&planned, world.in_an_hour()), rename);
    assert!(matches!(&told, Err(Fault::Later { why, .. }) if why.contains("renamed")), "{told:?}");
    connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(connector.observe(&planned).await, Ok(world.there()));
    let right = "select count(*) from pg_auth_members where roleid = 'reader'::regrole and member = 'alice'::regrole";
    assert_eq!(admin.number(right).await, 1);
}

async fn a_connection_lost_in_the_middle_is_a_maybe(world: World) {
    let server = Server::start(world.version);
    let (mut admin, connector) = alone(&server, &world).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    let mut watcher = Session::open(server.url()).await;
    admin.say(HOLD).await;
    let cut_off = async {
        watcher.until(WAITING).await;
        watcher.say("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'p0'").await;
    };
    let (told, ()) = tokio::join!(connector.grant(&planned, world.in_an_hour()), cut_off);
    assert!(matches!(&told, Err(Fault::Maybe { .. })), "{told:?}");
    admin.say("commit").await;
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent), "and a new connection is made");
}

async fn a_call_given_up_never_lands(world: World) {
    let server = Server::start(world.version);
    let (mut admin, connector) = alone(&server, &world).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    let mut watcher = Session::open(server.url()).await;
    admin.say(HOLD).await;
    tokio::select! { // whoever called goes away in the middle
        told = connector.grant(&planned, world.in_an_hour()) => panic!("it was held up: {told:?}"),
        () = watcher.until(WAITING) => {}
    }
    // The server notices by itself that nobody listens; the lock is still held.
    watcher.until("not exists (select from pg_stat_activity where usename = 'p0' and wait_event_type = 'Lock')").await;
    admin.say("commit").await;
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
}

async fn many_at_once_come_through(world: World) {
    let number = world.number;
    let mut admin = world.admin().await;
    for one in 0..20 {
        admin.say(&format!("create role many_{number}_{one} login")).await;
    }
    let all = (0..20).map(async |one| {
        let ask = ask(&format!("many_{number}_{one}@acme.example"), &[("role", &world.role)]);
        let patient = async |call: &dyn Fn() -> futures::future::BoxFuture<'static, Result<(), Fault>>| {
            for _ in 0..20 {
                match call().await {
                    Ok(()) => return,
                    Err(Fault::Later { .. } | Fault::Maybe { .. }) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            panic!("not in 20 tries");
        };
        let planned = assignment(world.connector.plan(&ask).await.expect("planned"));
        for round in 0..3 {
            let (connector, assignment, deadline) = (world.connector.clone(), planned.clone(), world.in_an_hour());
            patient(&move || {
                let (connector, assignment) = (connector.clone(), assignment.clone());
                Box::pin(async move { connector.grant(&assignment, deadline).await.map(|_| ()) })
            })
            .await;
            assert_eq!(world.seen(&planned).await, world.there());
            if round < 2 {
                let (connector, assignment) = (world.connector.clone(), planned.clone());
                patient(&move || {
                    let (connector, assignment) = (connector.clone(), assignment.clone());
                    Box::pin(async move { connector.revoke(&assignment).await.map(|_| ()) })
                })
                .await;
                assert_eq!(world.seen(&planned).await, Observed::Absent);
            }
        }
    });
    join_all(all).await;
    let edges = format!(
        "select count(*) from pg_auth_members where roleid = '{}'::regrole and member <> '{}'::regrole",
        world.role, world.p0
    );
    assert_eq!(admin.number(&edges).await, 20);
}

async fn a_read_only_server_is_told(world: World) {
    let planned = world.planned().await;
    world.admin().await.say(&format!("alter role {} set default_transaction_read_only = on", world.p0)).await;
    let told = world.again("").grant(&planned, world.in_an_hour()).await.expect_err("read-only");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("read-only")), "{told:?}");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
}

async fn a_wrong_password_is_told_and_not_shown(world: World) {
    let connector = connector(&[("main", &world.server.url_of(&world.p0, "hunter2"), "")], world.outside.clone());
    let told = connector.plan(&world.ask(&[("role", &world.role)])).await.expect_err("refused");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("refuses our login")), "{told:?}");
    assert!(!format!("{told:?}").contains("hunter2"));
}

async fn a_server_that_is_down_is_tried_later(world: World) {
    let server = Server::start(world.version);
    let (admin, connector) = alone(&server, &world).await;
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "analyst")])).await.expect("planned"));
    drop((admin, server));
    let unreachable = Fault::later("PostgreSQL instance main cannot be reached");
    let told = tokio::join!(
        async { connector.grant(&planned, world.in_an_hour()).await.err() },
        async { connector.revoke(&planned).await.err() },
        async { connector.observe(&planned).await.err() },
        async { connector.check().await.err() },
    );
    let all = Some(unreachable);
    assert_eq!(told, (all.clone(), all.clone(), all.clone(), all));
}

async fn a_membership_that_was_widened_is_narrowed_and_goes(world: World) {
    if world.version < 16 {
        return; // a membership has no options there
    }
    let planned = world.granted().await;
    let widen = format!("grant {} to {} with admin true, inherit false, set true", world.role, world.login);
    Session::open(&world.server.url_of(&world.p0, PASSWORD)).await.say(&widen).await;
    assert!(matches!(world.seen(&planned).await, Observed::Changed { .. }));
    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted again");
    let as_ours = format!(
        "select count(*) from pg_auth_members where member = '{}'::regrole and inherit_option and not set_option and not admin_option",
        world.login
    );
    let mut admin = world.admin().await;
    assert_eq!(admin.number(&as_ours).await, 1);

    // Widened again, and passed on: all of it goes.
    Session::open(&world.server.url_of(&world.p0, PASSWORD)).await.say(&widen).await;
    admin.say(&format!("create role carol_{}", world.number)).await;
    world.person().await.say(&format!("grant {} to carol_{}", world.role, world.number)).await;
    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
    let all = format!(
        "select count(*) from pg_auth_members where roleid = '{}'::regrole and member <> '{}'::regrole",
        world.role, world.p0
    );
    assert_eq!(admin.number(&all).await, 0);
}
