//! One membership, role to login: looking at it, making it, taking it away.
//!
//! Everything goes by oids; names are looked up and quoted by the server in the same statement that
//! uses them, and looked at again behind it. What changes something is a single statement that
//! commits by itself: there is no later COMMIT that could be late.
//!
//! **How a deadline is kept.** First the server's clock is read. The statement then carries, by that
//! clock, the time at which our own clock reaches the deadline, or [`LANDS_WITHIN`] if that is
//! earlier. It looks at the server's clock before and, as the GRANT may have waited for locks, again
//! after it; too late, and it raises, which undoes everything. So clocks that differ do no harm, and a
//! lost call lands within [`LANDS_WITHIN`] or never. Between the second look and the commit nothing
//! waits but the write of the log (`synchronous_commit = local`: a standby that is down would hold
//! up the commit for as long as it likes, and then let it through).

use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};

use super::fault::{LOGIN_GONE, RENAMED, ROLE_GONE, SUPERUSER, TOO_LATE};
use super::instance::{Instance, LANDS_WITHIN, Sent, Trouble};
use super::target::Target;
use crate::domain::access::Observed;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::time::Time;

/// The first version that records who granted, and lets SET ROLE be withheld.
pub const KNOWS_GRANTORS: i32 = 160_000;

/// Every superuser's grants are recorded as made by this one.
const BOOTSTRAP: u32 = 10;

/// What the server says of an edge, its two ends and us.
pub struct Facts {
    pub version: i32,
    cluster: String,
    micros: i64,
    me: u32,
    me_super: bool,
    role: Option<String>,
    /// The login: oid and name.
    pub member: Option<(u32, String)>,
    /// A login of that name exists that we did not create.
    stranger: bool,
    /// Who granted it: oid and name.
    grantors: Vec<(u32, String)>,
    /// What we granted may be passed on, or switched to: somebody changed it.
    passes_on: bool,
    switches: bool,
}

/// $1 role oid, $2 login oid or null, $3 comment of a login we created or null, $4 its name or null.
const FACTS: &str = "
with login as (
  select u.oid, u.rolname from pg_roles u
  where u.oid = $2 or ($3::text is not null and shobj_description(u.oid, 'pg_authid') = $3)
  order by u.oid limit 1
)
select current_setting('server_version_num')::int4 as version,
  (select system_identifier::text from pg_control_system()) as cluster,
  (extract(epoch from clock_timestamp()) * 1000000)::int8 as micros,
  me.oid as me, me.rolsuper as me_super,
  (select r.rolname::text from pg_roles r where r.oid = $1) as role,
  (select oid from login) as member, (select rolname::text from login) as member_name,
  exists (select from pg_roles s where s.rolname = $4 and s.oid not in (select oid from login)) as stranger,
  edge.grantors, edge.names, edge.passes_on, edge.switches
from pg_roles me, lateral (
  select coalesce(array_agg(m.grantor), '{}') as grantors,
    coalesce(array_agg(coalesce(g.rolname::text, m.grantor::text)), '{}') as names,
    coalesce(bool_or(m.admin_option) filter (where m.grantor = me.oid), false) as passes_on,
    coalesce(bool_or((to_jsonb(m) ->> 'set_option')::bool) filter (where m.grantor = me.oid), false) as switches
  from pg_auth_members m left join pg_roles g on g.oid = m.grantor
  where m.roleid = $1 and m.member = (select oid from login)
    -- A membership that may neither be used nor switched to gives nothing.
    and (coalesce((to_jsonb(m) ->> 'inherit_option')::bool, true) or coalesce((to_jsonb(m) ->> 'set_option')::bool, true)
      or m.grantor = me.oid)
) edge
where me.rolname = current_user";

/// Told when the one thing that everybody may read unless it was taken away was taken away.
pub fn no_identity(instance: &str) -> String {
    format!(
        "our login may not read the system identifier of PostgreSQL instance {instance}; run: GRANT EXECUTE ON FUNCTION pg_control_system() TO it"
    )
}

/// Told when PostgreSQL refuses to give or take away the role.
pub fn may_not(target: &Target, what: &str) -> String {
    format!(
        "our login may not {what} the role {} on PostgreSQL instance {}; give it ADMIN OPTION on that role again",
        target.role.name, target.instance
    )
}

pub async fn facts(instance: &Instance, connection: &mut PgConnection, target: &Target) -> Result<Facts, Trouble> {
    let row = sqlx::query(FACTS)
        .bind(Oid(target.role.oid))
        .bind(target.member.oid.map(Oid))
        .bind(target.member.comment())
        .bind(target.member.comment().map(|_| target.member.name.as_str()))
        .fetch_one(connection)
        .await?;
    let facts = read(&row)?;
    // After an upgrade with pg_upgrade the identifier is new while oids and names are the same. Anything
    // else is another cluster, in which our oids mean nothing; only people can tell what to do there.
    let unchanged = facts.role.as_deref() == Some(target.role.name.as_str())
        && facts.member.as_ref().is_some_and(|(_, name)| *name == target.member.name);
    if facts.cluster != target.cluster && !unchanged {
        return Err(Trouble::Told(Fault::Denied {
            why: format!(
                "PostgreSQL instance {} is another cluster now than when {} was given to {}; look there whether that was carried over and take it away by hand",
                instance.name, target.role.name, target.member.name
            ),
        }));
    }
    Ok(facts)
}

fn read(row: &PgRow) -> Result<Facts, sqlx::Error> {
    let member = row.try_get::<Option<Oid>, _>("member")?.zip(row.try_get::<Option<String>, _>("member_name")?);
    let grantors = row.try_get::<Vec<Oid>, _>("grantors")?.into_iter().map(|oid| oid.0);
    Ok(Facts {
        version: row.try_get("version")?,
        cluster: row.try_get("cluster")?,
        micros: row.try_get("micros")?,
        me: row.try_get::<Oid, _>("me")?.0,
        me_super: row.try_get("me_super")?,
        role: row.try_get("role")?,
        member: member.map(|(oid, name)| (oid.0, name)),
        stranger: row.try_get("stranger")?,
        grantors: grantors.zip(row.try_get::<Vec<String>, _>("names")?).collect(),
        passes_on: row.try_get("passes_on")?,
        switches: row.try_get("switches")?,
    })
}

/// Whom a grant of ours is recorded as made by.
pub fn grantor(me: u32, me_super: bool) -> u32 {
    if me_super { BOOTSTRAP } else { me }
}

/// Ours is what we granted as we are now, or as we were when it was planned: the user in the URL may
/// have changed since. What a superuser granted may be any superuser's, and before PostgreSQL 16
/// nobody can tell at all.
pub fn observed(facts: &Facts, target: &Target) -> Observed {
    if facts.version < KNOWS_GRANTORS {
        return if facts.grantors.is_empty() { Observed::Absent } else { Observed::Held };
    }
    let ours = [grantor(facts.me, facts.me_super), target.grantor];
    let mut mine = facts.grantors.iter().filter(|(oid, _)| ours.contains(oid)).peekable();
    if mine.peek().is_some() && (facts.passes_on || facts.switches) {
        let how = if facts.passes_on { "it may be passed on (ADMIN OPTION)" } else { "it may be switched to (SET)" };
        return Observed::Changed { how: how.to_owned() };
    }
    if mine.peek().is_some() {
        return if mine.any(|(oid, _)| *oid != BOOTSTRAP) { Observed::Ours } else { Observed::Held };
    }
    match facts.grantors.first() {
        Some((_, by)) => Observed::Foreign { by: by.clone() },
        None => Observed::Absent,
    }
}

/// The latest time for a statement, in microseconds of the server's clock.
fn not_after(facts: &Facts, left_millis: i64) -> i64 {
    facts.micros.saturating_add(left_millis.min(LANDS_WITHIN.0).saturating_mul(1000))
}

/// The guard that stands before and behind what changes something.
fn in_time(not_after: i64) -> String {
    raise_if(&format!("extract(epoch from clock_timestamp()) * 1000000 >= {not_after}"), TOO_LATE)
}

fn raise_if(condition: &str, code: &str) -> String {
    format!("if {condition} then raise exception 'p0' using errcode = '{code}'; end if;\n")
}

/// Has somebody renamed one of the two meanwhile? Then the names may have meant another role.
fn renamed(role: u32) -> String {
    let other = format!(
        "not exists (select from pg_roles where oid = {role} and rolname = r) \
         or not exists (select from pg_roles where oid = login and rolname = u)"
    );
    raise_if(&other, RENAMED)
}

/// Only integers that we formatted, codes, and hexadecimal digits get into the text of a statement.
async fn run(connection: &mut PgConnection, sent: &Sent, body: String) -> Result<(), sqlx::Error> {
    sent.mark();
    let text = format!("do $p0$ declare r name; u name; g name; login oid; begin\n{body}end $p0$");
    sqlx::raw_sql(AssertSqlSafe(text)).execute(connection).await.map(|_| ())
}

pub async fn grant(
    instance: &Instance,
    connection: &mut PgConnection,
    sent: &Sent,
    target: &Target,
    (deadline, outside): (Time, &dyn Outside),
) -> Result<Option<String>, Trouble> {
    let facts = facts(instance, connection, target).await?;
    // Our clock is read behind the server's, so that the way there and back shortens the time left.
    let not_after = not_after(&facts, (deadline - outside.now()).0);
    let role = target.role.oid;
    let login = match (&facts.member, target.member.comment()) {
        (Some((oid, _)), _) => format!("login := {oid};\n"),
        (None, Some(comment)) if !facts.stranger => create(&target.member.name, &comment),
        (None, Some(_)) => {
            let why = "somebody has created the login {} on PostgreSQL instance {} since this was asked for; ask again";
            return Err(Fault::never(why.replacen("{}", &target.member.name, 1).replacen("{}", &instance.name, 1)).into());
        }
        (None, None) => raise_if("true", LOGIN_GONE),
    };
    let with = match (facts.version < KNOWS_GRANTORS, facts.me_super) {
        (true, _) => "",
        (false, true) => " with admin false, inherit true, set false",
        (false, false) => " with admin false, inherit true, set false granted by current_user",
    };
    let body = [
        in_time(not_after),
        "perform set_config('synchronous_commit', 'local', true);\n".to_owned(),
        format!("select rolname into r from pg_roles where oid = {role};\n"),
        raise_if("not found", ROLE_GONE),
        // What was asked for may mean more by now, up to two weeks later.
        raise_if(
            &format!("exists (select from pg_roles s where s.rolsuper and pg_has_role({role}, s.oid, 'MEMBER'))"),
            SUPERUSER,
        ),
        login,
        "select rolname into u from pg_roles where oid = login;\n".to_owned(),
        raise_if("not found", LOGIN_GONE),
        format!("execute format('grant %I to %I{with}', r, u);\n"),
        renamed(role),
        in_time(not_after),
    ];
    run(connection, sent, body.concat()).await?;
    if target.member.oid.is_some() {
        return Ok(None);
    }
    // What cuts sessions needs the oid of a login that may be gone by then.
    let oid = self::facts(instance, connection, target).await?.member.map(|(oid, _)| oid.to_string());
    Ok(oid)
}

/// Makes the login and marks it, so that whoever plans later comes to the same key.
fn create(name: &str, comment: &str) -> String {
    let text = |text: &str| format!("convert_from(decode('{}', 'hex'), 'UTF8')", hex::encode(text));
    let (name, comment) = (text(name), text(comment));
    format!(
        "execute format('create role %I login', {name});\nexecute format('comment on role %I is %L', {name}, {comment});\n\
         select oid into login from pg_roles where rolname = {name};\n"
    )
}

/// Takes away what is ours. What others granted stays: the read-back shows it.
pub async fn revoke(instance: &Instance, connection: &mut PgConnection, sent: &Sent, target: &Target) -> Result<(), Trouble> {
    let facts = facts(instance, connection, target).await?;
    let Some((login, _)) = &facts.member else { return Ok(()) };
    let not_after = not_after(&facts, LANDS_WITHIN.0);
    let role = target.role.oid;
    let take_away = if facts.version < KNOWS_GRANTORS {
        "execute format('revoke %I from %I', r, u);\n".to_owned()
    } else {
        // Cascade: should somebody have added ADMIN OPTION to ours, what was passed on goes with it.
        format!(
            "for g in select a.rolname from pg_auth_members m join pg_roles a on a.oid = m.grantor
               where m.roleid = {role} and m.member = login and m.grantor in ({}, {})
             loop execute format('revoke %I from %I granted by %I cascade', r, u, g); end loop;\n",
            grantor(facts.me, facts.me_super),
            target.grantor
        )
    };
    let body = [
        in_time(not_after),
        format!("login := {login};\n"),
        format!("select rolname into r from pg_roles where oid = {role};\nif not found then return; end if;\n"),
        "select rolname into u from pg_roles where oid = login;\nif not found then return; end if;\n".to_owned(),
        take_away,
        renamed(role),
        in_time(not_after),
    ];
    run(connection, sent, body.concat()).await?;
    Ok(())
}
