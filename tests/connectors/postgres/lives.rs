//! An access from its grant to its end, and what others do to it meanwhile.

use p0::domain::access::{Cut, Observed};
use p0::domain::fault::Fault;
use p0::domain::time::Span;

use super::world::{PASSWORD, Session, World, assignment, connector, quoted};

super::on_both! {
    granted_used_and_gone
    a_session_that_took_the_role_ends
    an_open_transaction_ends
    what_an_administrator_granted_stays
    names_may_change_meanwhile
    a_dropped_role_is_gone
    what_came_to_superuser_rights_meanwhile_is_not_given
    a_dropped_login_is_gone
    a_missing_login_is_created_once
    a_superuser_connection_works
    hostile_names_are_only_names
    our_clock_may_be_wrong
    what_only_we_can_have_granted_is_listed
    what_was_changed_since_is_told
}

async fn granted_used_and_gone(world: World) {
    let planned = world.planned().await;
    let mut alice = world.person().await;
    assert_eq!(alice.refused(&world.reading()).await, "42501");
    assert_eq!(world.seen(&planned).await, Observed::Absent);

    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(alice.number(&world.reading()).await, 100);
    assert_eq!(world.seen(&planned).await, world.there());
    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted again");
    let edges = format!("select count(*) from pg_auth_members where member = '{}'::regrole", world.login);
    assert_eq!(world.admin().await.number(&edges).await, 1);

    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(alice.refused(&world.reading()).await, "42501");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
    world.connector.revoke(&planned).await.expect("revoked again");
    assert!(matches!(world.connector.cut(&planned).await.expect("cut"), Cut::NotNeeded | Cut::Ended { sessions: 1 }));
}

/// Before PostgreSQL 16, and for a superuser, nobody can tell who granted what: nothing is called ours.
async fn what_only_we_can_have_granted_is_listed(world: World) {
    let ours = async || {
        let all = world.connector.ours("p0abcdef").await.expect("listed");
        all.into_iter().map(|marked| marked.planned).filter(|planned| planned.effect.contains(&world.login)).collect::<Vec<_>>()
    };
    assert_eq!(ours().await, []);
    let plan = world.plan().await;
    let granted = world.granted().await;
    match world.version {
        ..16 => assert_eq!(ours().await, []),
        _ => assert_eq!(ours().await, plan.assignments, "an orphan has the key that its ask would have"),
    }
    world.connector.revoke(&granted).await.expect("revoked");
    assert_eq!(ours().await, []);
    world.admin().await.say(&format!("grant {} to {}", world.role, world.login)).await;
    assert_eq!(ours().await, [], "what an administrator granted is not ours");
}

async fn what_was_changed_since_is_told(world: World) {
    let planned = world.granted().await;
    if world.version < 16 {
        return; // it cannot be told from what others granted
    }
    let mut admin = world.admin().await;
    let by = format!(
        "select g.rolname::text from pg_auth_members m join pg_roles g on g.oid = m.grantor where m.member = '{}'::regrole",
        world.login
    );
    let grantor = admin.text(&by).await;
    admin.say(&format!("grant {} to {} with set true granted by {grantor}", world.role, world.login)).await;
    let Observed::Changed { how } = world.seen(&planned).await else { panic!("changed") };
    assert!(how.contains("switched"), "{how}");
    admin.say(&format!("grant {} to {} with admin true granted by {grantor}", world.role, world.login)).await;
    let Observed::Changed { how } = world.seen(&planned).await else { panic!("changed") };
    assert!(how.contains("passed on"), "{how}");
    world.connector.revoke(&planned).await.expect("revoked all the same");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
}

async fn a_session_that_took_the_role_ends(world: World) {
    let planned = world.granted().await;
    let mut alice = world.person().await;
    let take = format!("set role {}", world.role);
    if 16 <= world.version {
        assert_eq!(alice.refused(&take).await, "42501");
        assert_eq!(alice.number(&world.reading()).await, 100);
        world.connector.revoke(&planned).await.expect("revoked");
        assert_eq!(world.connector.cut(&planned).await, Ok(Cut::NotNeeded));
        assert_eq!(alice.refused(&world.reading()).await, "42501");
        return;
    }
    alice.say(&take).await;
    let mut second = world.person().await;
    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(alice.number(&world.reading()).await, 100, "this is why sessions are ended");
    assert_eq!(world.connector.cut(&planned).await, Ok(Cut::Ended { sessions: 2 }));
    assert!(["57P01", "gone"].contains(&alice.refused(&world.reading()).await.as_str()));
    assert!(["57P01", "gone"].contains(&second.refused("select 1").await.as_str()));
    assert_eq!(world.connector.cut(&planned).await, Ok(Cut::Ended { sessions: 0 }));
}

async fn an_open_transaction_ends(world: World) {
    let planned = world.granted().await;
    let mut alice = world.person().await;
    alice.say(&format!("begin; declare c cursor for select * from {}", world.table)).await;
    world.connector.revoke(&planned).await.expect("revoked");
    alice.say("fetch 2 from c").await; // the cursor goes on reading
    assert_eq!(world.connector.cut(&planned).await, Ok(Cut::Ended { sessions: 1 }));
    assert!(["57P01", "gone"].contains(&alice.refused("fetch 2 from c").await.as_str()));
}

async fn what_an_administrator_granted_stays(world: World) {
    let mut admin = world.admin().await;
    let planned = world.planned().await;
    admin.say(&format!("grant {} to {}", world.role, world.login)).await;
    if world.version < 16 {
        assert_eq!(world.seen(&planned).await, Observed::Held); // the engine takes it for standing and never revokes
        return;
    }
    let foreign = Observed::Foreign { by: "postgres".to_owned() };
    assert_eq!(world.seen(&planned).await, foreign);
    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(world.seen(&planned).await, Observed::Ours);
    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(world.seen(&planned).await, foreign);
    assert_eq!(world.person().await.number(&world.reading()).await, 100);
    world.connector.revoke(&planned).await.expect("revoked again");
    assert_eq!(world.seen(&planned).await, foreign);

    // A membership that only allows passing on gives nothing.
    admin.say(&format!("grant {} to {} with admin true, inherit false, set false", world.role, world.login)).await;
    assert_eq!(world.seen(&planned).await, Observed::Absent);
}

async fn names_may_change_meanwhile(world: World) {
    let planned = world.granted().await;
    let mut admin = world.admin().await;
    let (role, login) = (&world.role, &world.login);
    // Somebody else's role and login get the old names.
    admin.say(&format!("alter role {role} rename to {role}_old; alter role {login} rename to {login}_old")).await;
    admin.say(&format!("create role {role}; create role {login} login; grant {role} to {login}")).await;
    assert_eq!(world.seen(&planned).await, world.there());
    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
    let others = format!("select count(*) from pg_auth_members where roleid = '{role}'::regrole and member = '{login}'::regrole");
    assert_eq!(admin.number(&others).await, 1);
}

async fn a_dropped_role_is_gone(world: World) {
    let planned = world.granted().await;
    let mut admin = world.admin().await;
    admin.say(&format!("drop owned by {0}; drop role {0}", world.role)).await;
    assert_eq!(world.seen(&planned).await, Observed::Absent);
    world.connector.revoke(&planned).await.expect("nothing to revoke");
    let told = world.connector.grant(&planned, world.in_an_hour()).await.expect_err("no role");
    assert!(matches!(&told, Fault::Never { why } if why.contains("role no longer exists")), "{told:?}");
}

async fn what_came_to_superuser_rights_meanwhile_is_not_given(world: World) {
    let planned = world.planned().await;
    let boss = format!("boss_of_{}", world.role);
    world.admin().await.say(&format!("create role {boss} superuser; grant {boss} to {}", world.role)).await;
    let mut told = world.connector.grant(&planned, world.in_an_hour()).await.expect_err("too much by now");
    for _ in 0..5 {
        if !matches!(told, Fault::Later { .. }) {
            break; // others may have changed roles at the same moment before
        }
        told = world.connector.grant(&planned, world.in_an_hour()).await.expect_err("too much by now");
    }
    assert!(matches!(&told, Fault::Never { why } if why.contains("superuser rights")), "{told:?}");
    assert_eq!(world.seen(&planned).await, Observed::Absent);
}

async fn a_dropped_login_is_gone(world: World) {
    let planned = world.granted().await;
    let mut alice = world.person().await;
    if world.version < 16 {
        alice.say(&format!("set role {}", world.role)).await;
    }
    world.admin().await.say(&format!("drop role {}", world.login)).await;
    assert_eq!(world.seen(&planned).await, Observed::Absent);
    world.connector.revoke(&planned).await.expect("nothing to revoke");
    let told = world.connector.grant(&planned, world.in_an_hour()).await.expect_err("no login");
    assert!(matches!(&told, Fault::Never { why } if why.contains("login no longer exists")), "{told:?}");
    // The session outlives even its login.
    let cut = world.connector.cut(&planned).await.expect("cut");
    assert_eq!(cut, if world.version < 16 { Cut::Ended { sessions: 1 } } else { Cut::NotNeeded });
}

async fn a_missing_login_is_created_once(world: World) {
    let mut admin = world.admin().await;
    let bob = format!("bo/b{}", world.number);
    let ask = super::world::ask(&format!("{bob}@acme.example"), &[("role", &world.role)]);
    let told = world.connector.plan(&ask).await.expect_err("no login");
    assert!(matches!(&told, Fault::Never { why } if why.contains("ask the database's owner")), "{told:?}");
    let connector = world.again("create_login: true");
    let told = connector.plan(&ask).await.expect_err("no privilege");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("CREATEROLE")), "{told:?}");

    admin.say(&format!("alter role {} createrole", world.p0)).await;
    let before = connector.plan(&ask).await.expect("planned");
    let mut planned = assignment(before.clone());
    let logins = format!("select count(*) from pg_roles where rolname = '{bob}' and rolcanlogin");
    assert_eq!(admin.number(&logins).await, 0, "planning changes nothing");
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
    connector.revoke(&planned).await.expect("nothing to revoke");
    planned.handle = connector.grant(&planned, world.in_an_hour()).await.expect("granted").handle().cloned();
    assert_eq!(admin.number(&logins).await, 1);
    assert_eq!(connector.observe(&planned).await, Ok(world.there()));

    // Whoever plans now, by whatever configuration, comes to the same key; also under another name.
    assert_eq!(world.connector.plan(&ask).await.expect("planned").assignments[0].key, before.assignments[0].key);
    admin.say(&format!("alter role {} rename to bob_{}", quoted(&bob), world.number)).await;
    assert_eq!(connector.observe(&planned).await, Ok(world.there()));
    connector.revoke(&planned).await.expect("revoked");
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
    assert_eq!(admin.number(&format!("select count(*) from pg_roles where rolname = 'bob_{}'", world.number)).await, 1);

    // A login of that name which somebody else made since is not ours to use under this key.
    let other = super::world::ask(&format!("carol{}@acme.example", world.number), &[("role", &world.role)]);
    let carol = assignment(connector.plan(&other).await.expect("planned"));
    admin.say(&format!("create role carol{} login", world.number)).await;
    let told = connector.grant(&carol, world.in_an_hour()).await.expect_err("a stranger");
    assert!(matches!(&told, Fault::Never { why } if why.contains("ask again")), "{told:?}");
    let by_oid = connector.plan(&other).await.expect("planned");
    assert_ne!(by_oid.assignments[0].key, carol.key);
}

async fn a_superuser_connection_works(world: World) {
    let connector = connector(&[("main", world.server.url(), "")], world.outside.clone());
    let planned = assignment(connector.plan(&world.ask(&[("role", &world.role)])).await.expect("planned"));
    connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Held)); // any superuser may have granted it
    assert_eq!(world.person().await.number(&world.reading()).await, 100);
    connector.revoke(&planned).await.expect("revoked");
    assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
}

async fn hostile_names_are_only_names(world: World) {
    let version = world.version;
    let world = World::named(version, "a\"b'; drop role p0; -- $p0$ \\ {role}", "o'neil-$p0$-%i-$id`", Span::ZERO).await;
    let plan = world.plan().await;
    assert!(plan.connect.as_ref().is_some_and(|hint| hint.starts_with("psql '")), "{:?}", plan.connect);
    let planned = assignment(plan);
    world.connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(world.seen(&planned).await, world.there());
    let mut person = Session::open(&world.server.url_of(&world.login, PASSWORD)).await;
    assert_eq!(person.number(&world.reading()).await, 100);
    world.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(world.seen(&planned).await, Observed::Absent);

    world.admin().await.say(&format!("alter role {} createrole", world.p0)).await;
    let fresh = format!("x'-$p0$-%i-{}`", world.number);
    let ask = super::world::ask(&format!("{fresh}@acme.example"), &[("role", &world.role)]);
    let connector = world.again("create_login: true");
    let planned = assignment(connector.plan(&ask).await.expect("planned"));
    connector.grant(&planned, world.in_an_hour()).await.expect("granted");
    assert_eq!(connector.observe(&planned).await, Ok(world.there()));
}

async fn our_clock_may_be_wrong(world: World) {
    for skew in [Span::hours(-3), Span::hours(3)] {
        let world = World::named(world.version, "analyst", "alice", skew).await;
        let planned = world.granted().await;
        assert_eq!(world.seen(&planned).await, world.there());
        let told = world.connector.check().await.expect_err("clocks differ").to_string();
        let way = if skew < Span::ZERO { "ahead of" } else { "behind" };
        assert!(told.contains(&format!("is 3 hours {way} ours")), "{told}");
        let late = {
            use p0::domain::time::Clock;
            world.outside.now()
        };
        world.connector.revoke(&planned).await.expect("revoked");
        assert!(matches!(world.connector.grant(&planned, late).await, Err(Fault::Later { .. })));
        assert_eq!(world.seen(&planned).await, Observed::Absent);
    }
}
