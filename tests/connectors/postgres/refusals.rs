//! Asks that are refused before an approver is asked, and what a plan says.

use p0::domain::fault::Fault;

use super::world::{PASSWORD, World, ask, connector, quoted};

super::on_both! {
    a_plan_says_what_it_means
    what_cannot_be_given_is_refused_with_advice
    only_listed_roles_may_be_asked_for
    our_login_without_the_privilege_is_told_what_to_run
    instances_are_told_apart
}

fn never(fault: Fault, part: &str) {
    assert!(matches!(&fault, Fault::Never { why } if why.contains(part)), "{part} is missing in: {fault:?}");
}

fn denied(fault: Fault, part: &str) {
    assert!(matches!(&fault, Fault::Denied { why } if why.contains(part)), "{part} is missing in: {fault:?}");
}

async fn a_plan_says_what_it_means(world: World) {
    let (role, login, port) = (&world.role, &world.login, world.server.port());
    let plan = world.plan().await;
    let [planned] = plan.assignments.as_slice() else { panic!("one assignment: {plan:?}") };
    let mut admin = world.admin().await;
    let role_oid = admin.number(&format!("select '{role}'::regrole::oid::bigint")).await;
    let login_oid = admin.number(&format!("select '{login}'::regrole::oid::bigint")).await;
    let cluster = admin.number("select system_identifier from pg_control_system()").await;
    assert_eq!(planned.key, format!("postgres/main@{cluster}/{role_oid}/{login_oid}"));
    assert_eq!(planned.lane, format!("postgres/main@{cluster}/{role_oid}"));
    assert_eq!((plan.principal.name.as_str(), plan.principal.native.as_str()), (login.as_str(), login_oid.to_string().as_str()));
    assert_eq!(planned.effect, format!("{role} on main for {login}"));
    assert_eq!(planned.connector, "postgres");
    assert_eq!(plan.connect, Some(format!("psql \"host=127.0.0.1 port={port} dbname=postgres user={login}\"")));
    let ended = format!("all open sessions of {login} on this server are ended when the access ends");
    assert_eq!(plan.warning, (world.version < 16).then_some(ended));

    let elsewhere = world.again("host: db.acme.example:6432");
    let plan =
        elsewhere.plan(&world.ask(&[("role", role), ("database", "postgres"), ("instance", "main")])).await.expect("planned");
    assert_eq!(plan.connect, Some(format!("psql \"host=db.acme.example port=6432 dbname=postgres user={login}\"")));

    // A role that can pass things on, and a login that is shared, are told to the approver.
    admin.say(&format!("create role bob_{0} login; grant {login} to bob_{0}; create role inner_{0}; grant inner_{0} to {role} with admin option", world.number)).await;
    let warning = world.plan().await.warning.expect("a warning");
    assert!(warning.contains(&format!("bob_{} can act as {login}", world.number)), "{warning}");
    assert!(warning.contains(&format!("{role} can give roles to others")), "{warning}");
}

async fn what_cannot_be_given_is_refused_with_advice(world: World) {
    let (role, number) = (&world.role, world.number);
    let mut admin = world.admin().await;
    admin
        .say(&format!("create role boss_{number} superuser; create role deputy_{number}; grant boss_{number} to deputy_{number}"))
        .await;
    admin
        .say(&format!("create role svc_{number} login; create role crowd_{number}; create role chief_{number} login superuser"))
        .await;
    never(world.refusal(&[("role", "no_such_role")]).await, "no role named no_such_role");
    never(world.refusal(&[("role", &format!("boss_{number}"))]).await, "superuser");
    never(world.refusal(&[("role", &format!("deputy_{number}"))]).await, "superuser");
    never(world.refusal(&[("role", &format!("svc_{number}"))]).await, "is a login of its own");
    never(world.refusal(&[("role", "pg_read_all_data")]).await, "PostgreSQL's own");
    never(world.refusal(&[("role", &"x".repeat(64))]).await, "at most 63 bytes");
    never(world.refusal(&[("role", "a\0b")]).await, "63 bytes");
    never(world.refusal(&[("role", role), ("database", "nowhere")]).await, "no database named nowhere");
    never(world.refusal(&[("role", role), ("database", "template0")]).await, "no database named template0");
    never(world.refusal(&[]).await, "which role");

    let by = async |login: &str| {
        world.connector.plan(&ask(&format!("{login}@acme.example"), &[("role", role)])).await.expect_err("refused")
    };
    never(by("nobody").await, "has no login named nobody; ask the database's owner to create it");
    never(by(&format!("crowd_{number}")).await, "may not log in");
    never(by(&format!("chief_{number}")).await, "is a superuser");
    never(by(&world.p0).await, "p0's own login");

    admin.say(&format!("grant {} to {role}", quoted(&world.login))).await;
    never(world.refusal(&[("role", role)]).await, "is itself a member");
    let mut other = world.ask(&[("role", role)]);
    other.access.access_type = "session".to_owned();
    never(world.connector.plan(&other).await.expect_err("refused"), "no access named session");
}

async fn only_listed_roles_may_be_asked_for(world: World) {
    let connector = world.again(&format!("roles: [other, {}]", world.role));
    connector.plan(&world.ask(&[("role", &world.role)])).await.expect("planned");
    let connector = world.again("roles: [other]");
    never(connector.plan(&world.ask(&[("role", &world.role)])).await.expect_err("refused"), "not one that can be asked for");
}

async fn our_login_without_the_privilege_is_told_what_to_run(world: World) {
    let planned = world.planned().await;
    let mut admin = world.admin().await;
    let (role, p0) = (&world.role, &world.p0);
    // 16 and later: through a group is not enough, since the grant would be recorded as the group's.
    let group = format!("grantors_{}", world.number);
    admin.say(&format!("revoke {role} from {p0}; create role {group}; grant {group} to {p0}")).await;
    denied(world.refusal(&[("role", role)]).await, "ADMIN");
    let told = world.connector.grant(&planned, world.in_an_hour()).await.expect_err("no privilege");
    denied(told, &format!("give the role {role}"));
    let told = world.connector.check().await.expect_err("no role can be given").to_string();
    assert!(told.contains("may not give any role on PostgreSQL instance main; run: GRANT"), "{told}");
    admin.say(&format!("grant {role} to {group} with admin option")).await;
    if 16 <= world.version {
        denied(world.refusal(&[("role", role)]).await, "not to a group");
    } else {
        world.plan().await;
    }
}

async fn instances_are_told_apart(world: World) {
    let url = world.server.url_of(&world.p0, PASSWORD);
    let connector = connector(&[("main", &url, ""), ("copy", &url, "title: The copy")], world.outside.clone());
    let role = world.role.as_str();
    never(connector.plan(&world.ask(&[("role", role)])).await.expect_err("which?"), "main, copy");
    never(
        connector.plan(&world.ask(&[("role", role), ("instance", "prod")])).await.expect_err("none"),
        "no PostgreSQL instance named prod",
    );
    let key = async |instance: &str| {
        connector.plan(&world.ask(&[("role", role), ("instance", instance)])).await.expect("planned").assignments[0].key.clone()
    };
    // A cluster made from a snapshot has its origin's identifier and oids; its keys differ all the same.
    assert_ne!(key("main").await, key("copy").await);
    let told = connector.check().await.expect_err("one server under two names").to_string();
    assert!(told.contains("PostgreSQL instances main and copy are one server"), "{told}");
}
