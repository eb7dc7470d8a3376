//! Choices for people, and the check for operators.

use p0::domain::access::{Choice, Observed};
use p0::domain::fault::Fault;

use super::world::{PASSWORD, Session, World, ask, assignment, connector};
use crate::harness::servers::{self, Server};

super::on_both! {
    choices_are_what_can_be_asked_for
    the_smallest_role_of_each_table_is_known
    a_dead_instance_hides_no_other
    a_well_prepared_server_passes
    what_is_missing_is_told_sentence_by_sentence
    another_cluster_under_the_same_name_is_left_alone
    the_manual_is_right
}

fn values(choices: &[Choice]) -> Vec<&str> {
    choices.iter().map(|choice| choice.value.as_str()).collect()
}

async fn choices_are_what_can_be_asked_for(world: World) {
    let mut admin = world.admin().await;
    let number = world.number;
    admin.say(&format!("create role other_{number}")).await;
    admin.say(&format!("create database shop_{number}")).await;
    admin.say(&format!("create database closed_{number} allow_connections false")).await;
    let roles = world.connector.choices("roles").await.expect("roles");
    assert_eq!(values(&roles), [world.role.as_str()]);
    assert_eq!(roles[0].given.get("instance").map(String::as_str), Some("main"));
    let databases = world.connector.choices("databases").await.expect("databases");
    let databases = values(&databases);
    assert!(databases.contains(&"postgres") && databases.contains(&format!("shop_{number}").as_str()), "{databases:?}");
    assert!(
        !databases.iter().any(|name| name.starts_with("template") || name.starts_with(&format!("closed_{number}"))),
        "{databases:?}"
    );
    let listed = world.again(&format!("title: Main database\nroles: [other_{number}]"));
    assert!(listed.choices("roles").await.expect("roles").is_empty());
    assert_eq!(listed.choices("instances").await.expect("instances")[0].label, "Main database");
    assert!(matches!(listed.choices("tables").await, Err(Fault::Never { .. })));
    assert!(world.connector.sources().iter().all(|source| ["instances", "databases", "roles", "table_roles"].contains(source)));
}

/// Whoever may not read a table is shown the role that gives it and least else.
async fn the_smallest_role_of_each_table_is_known(world: World) {
    let mut admin = world.admin().await;
    let (number, role, table) = (world.number, &world.role, &world.table);
    let wide = format!("wide_{number}");
    admin
        .say(&format!("create role {wide}; create table more_{number} (n int); grant select on {table}, more_{number} to {wide}"))
        .await;
    let with = if world.version >= 16 { "with admin true, inherit false, set false" } else { "with admin option" };
    admin.say(&format!("grant {wide} to {} {with}", world.p0)).await;
    let found = world.connector.choices("table_roles").await.expect("roles");
    let of = |table: &str| {
        let choice = found.iter().find(|choice| choice.given.get("table").is_some_and(|name| name == table)).expect("a role");
        (choice.value.clone(), choice.given["instance"].clone())
    };
    assert_eq!(of(table), (role.clone(), "main".to_owned()));
    assert_eq!(of(&format!("more_{number}")), (wide, "main".to_owned()));
    assert!(!found.iter().any(|choice| choice.given["table"] == "pg_class"), "what everybody reads is nobody's role");
}

async fn a_dead_instance_hides_no_other(world: World) {
    let url = world.server.url_of(&world.p0, PASSWORD);
    let dead = "postgres://p0:hunter2@127.0.0.1:1/postgres";
    let both = connector(&[("dead", dead, ""), ("main", &url, "")], world.outside.clone());
    assert_eq!(values(&both.choices("roles").await.expect("roles")), [world.role.as_str()]);
    assert_eq!(values(&both.choices("instances").await.expect("instances")), ["dead", "main"]);
    let told = both.check().await.expect_err("one is dead");
    assert_eq!(told, Fault::later("PostgreSQL instance dead cannot be reached"));
    let alone = connector(&[("dead", dead, "")], world.outside.clone());
    assert!(matches!(alone.choices("databases").await, Err(Fault::Later { .. })));
}

async fn a_well_prepared_server_passes(world: World) {
    assert_eq!(world.connector.check().await, Ok(()));
    assert_eq!(world.again(&format!("roles: [{}]", world.role)).check().await, Ok(()));
}

async fn what_is_missing_is_told_sentence_by_sentence(world: World) {
    world.admin().await.say(&format!("revoke pg_signal_backend from {}", world.p0)).await;
    let told = world.again(&format!("roles: [{}, ghost]\ncreate_login: true", world.role)).check().await.expect_err("problems");
    let Fault::Denied { why } = told else { panic!("an operator must act: {told:?}") };
    for part in
        ["GRANT pg_signal_backend", "ALTER ROLE ours CREATEROLE", "the role ghost of PostgreSQL instance main cannot be given"]
    {
        assert!(why.contains(part), "{part} is missing in: {why}");
    }
    assert_eq!(why.matches(". ").count(), 2, "{why}");

    // With open transactions and no way to end them, the end of an access is not claimed.
    let planned = world.granted().await;
    let mut alice = world.person().await;
    alice.say("begin; select 1").await;
    world.connector.revoke(&planned).await.expect("revoked");
    let told = world.connector.cut(&planned).await.expect_err("not ours to end");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("GRANT pg_signal_backend")), "{told:?}");
    drop(alice);
    let session = format!("not exists (select from pg_stat_activity where usename = '{}')", world.login);
    world.admin().await.until(&session).await;
    assert!(world.connector.cut(&planned).await.is_ok());
}

async fn another_cluster_under_the_same_name_is_left_alone(world: World) {
    let planned = world.granted().await;
    let other = servers::postgres(if world.version < 16 { 18 } else { 15 });
    let moved = connector(&[("main", other.url(), "")], world.outside.clone());
    for told in [moved.observe(&planned).await.err(), moved.revoke(&planned).await.err(), moved.cut(&planned).await.err()] {
        assert!(matches!(&told, Some(Fault::Denied { why }) if why.contains("another cluster")), "{told:?}");
    }
    // Upgraded in place: a new identifier, the same oids and names.
    let mut upgraded = planned.clone();
    upgraded.target["cluster"] = "1".into();
    assert_eq!(world.seen(&upgraded).await, world.there());
    world.connector.revoke(&upgraded).await.expect("revoked");
    assert_eq!(world.seen(&planned).await, Observed::Absent);

    let unnamed = connector(&[("renamed", &world.server.url_of(&world.p0, PASSWORD), "")], world.outside.clone());
    let told = unnamed.revoke(&planned).await.expect_err("not configured");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("main is not configured any more")), "{told:?}");
    let ask = world.ask(&[("role", &world.role)]);
    assert_ne!(assignment(unnamed.plan(&ask).await.expect("planned")).key, planned.key);
}

/// What `docs/postgresql.md` tells operators to run is run here, as it stands there.
async fn the_manual_is_right(world: World) {
    let manual = include_str!("../../../docs/postgresql.md");
    let mark = format!("<!-- run on {} -->\n```sql\n", world.version);
    let sql = manual.split_once(&mark).and_then(|(_, rest)| rest.split_once("```")).expect("statements").0;
    let server = Server::start(world.version);
    let mut admin = Session::open(server.url()).await;
    admin.say("create role analyst; create role app_rw; create role alice login").await;
    admin.say(sql).await;
    let connector = connector(&[("main", &server.url_of("p0", "change-me"), "roles: [analyst, app_rw]")], world.outside.clone());
    assert_eq!(connector.check().await, Ok(()));
    assert_eq!(values(&connector.choices("roles").await.expect("roles")), ["analyst", "app_rw"]);
    let planned = assignment(connector.plan(&ask("alice@acme.example", &[("role", "app_rw")])).await.expect("planned"));
    connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(connector.observe(&planned).await, Ok(world.there()));
    connector.revoke(&planned).await.expect("revoked");
    assert!(connector.cut(&planned).await.is_ok());
}
