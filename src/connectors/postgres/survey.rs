//! What an instance has to offer, and whether we can do our work there. Changes nothing.

use std::collections::BTreeMap;

use sqlx::Row;
use sqlx::postgres::PgConnection;
use sqlx::postgres::types::Oid;

use super::edge::KNOWS_GRANTORS;
use super::instance::{Instance, Trouble};
use super::plan::{OLDEST, advice};
use super::target::{Member, Named, Target};
use crate::domain::access::{Args, Planned};
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};

/// Clocks that differ do no harm to a grant's end, but people compare logs.
const SKEW: Span = Span::seconds(2);

const DATABASES: &str = "select datname::text from pg_database where datallowconn and not datistemplate order by 1";

/// Roles that can be asked for: $1 is the allow-list or null.
const ROLES: &str = "
select r.rolname::text as name,
  me.rolsuper or exists (select from pg_auth_members a where a.roleid = r.oid and a.member = me.oid and a.admin_option)
    or (current_setting('server_version_num')::int4 < 160000
      and (me.rolcreaterole or pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION'))) as givable
from pg_roles r, pg_roles me
where me.rolname = current_user and r.oid >= 16384 and not r.rolcanlogin and r.rolname not like 'pg\\_%'
  and not exists (select from pg_roles s where s.rolsuper and (s.oid = r.oid or pg_has_role(r.oid, s.oid, 'MEMBER')))
  and ($1::text[] is null or r.rolname::text = any ($1))
order by 1";

const SELF: &str = "
select current_setting('server_version_num')::int4 as version, pg_is_in_recovery() as standby,
  (extract(epoch from clock_timestamp()) * 1000)::int8 as millis, me.rolsuper as me_super,
  me.rolcreaterole as creates, pg_has_role(me.oid, 'pg_signal_backend', 'USAGE') as signals,
  (select system_identifier::text from pg_control_system()) as cluster, pg_postmaster_start_time()::text as started
from pg_roles me where me.rolname = current_user";

pub async fn databases(connection: &mut PgConnection) -> Result<Vec<String>, Trouble> {
    Ok(sqlx::query_scalar(DATABASES).fetch_all(connection).await?)
}

pub async fn roles(instance: &Instance, connection: &mut PgConnection) -> Result<Vec<String>, Trouble> {
    let rows = sqlx::query(ROLES).bind(instance.settings.roles.as_deref()).fetch_all(connection).await?;
    let mut names = Vec::new();
    for row in rows {
        if row.try_get("givable")? {
            names.push(row.try_get("name")?);
        }
    }
    Ok(names)
}

/// Who reads what, in the database of the instance's URL: the tables that were granted to each of these roles ($1)
/// itself, and how many those are.
const READERS: &str = "
select c.relname::text as table, r.rolname::text as role, count(*) over (partition by r.oid) as tables
from pg_class c cross join lateral aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
where c.relkind in ('r', 'v', 'm', 'p', 'f') and a.privilege_type = 'SELECT' and r.rolname::text = any ($1)
order by 3, 2, 1";

/// For each table the role that gives it and least else.
pub async fn table_roles(instance: &Instance, connection: &mut PgConnection) -> Result<Vec<(String, Args)>, Trouble> {
    let givable = roles(instance, connection).await?;
    let mut smallest: BTreeMap<String, String> = BTreeMap::new();
    for row in sqlx::query(READERS).bind(givable).fetch_all(connection).await? {
        smallest.entry(row.try_get("table")?).or_insert(row.try_get("role")?);
    }
    Ok(smallest.into_iter().map(|(table, role)| (role, Args::from([("table".to_owned(), table)]))).collect())
}

/// Memberships that only we can have granted: recorded as ours, while we are no superuser. Before
/// PostgreSQL 16 nobody can tell.
const OURS: &str = "
select (select system_identifier::text from pg_control_system()) as cluster, me.oid as me,
  r.oid as role, r.rolname::text as role_name, u.oid as member, u.rolname::text as member_name,
  shobj_description(u.oid, 'pg_authid') as comment
from pg_roles me join pg_auth_members m on m.grantor = me.oid and m.member <> me.oid
join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
where me.rolname = current_user and not me.rolsuper and current_setting('server_version_num')::int4 >= 160000
order by r.oid, u.oid";

pub async fn ours(instance: &Instance, connection: &mut PgConnection) -> Result<Vec<Planned>, Trouble> {
    let mut found = Vec::new();
    for row in sqlx::query(OURS).fetch_all(connection).await? {
        let oid = |column: &str| row.try_get::<Oid, _>(column).map(|oid| oid.0);
        let (role, login): (String, String) = (row.try_get("role_name")?, row.try_get("member_name")?);
        let comment: Option<String> = row.try_get("comment")?;
        let target = Target {
            instance: instance.name.clone(),
            cluster: row.try_get("cluster")?,
            role: Named { oid: oid("role")?, name: role },
            member: Member::found(oid("member")?, &login, comment.as_deref()),
            grantor: oid("me")?,
        };
        found.push(target.planned(&login)?);
    }
    Ok(found)
}

/// What a look at an instance brought to light.
pub struct Health {
    /// One sentence for each thing that an operator must do.
    pub problems: Vec<String>,
    /// The running server, to tell whether two instances are one.
    pub server: String,
}

pub async fn check(instance: &Instance, connection: &mut PgConnection, outside: &dyn Outside) -> Result<Health, Trouble> {
    let before = outside.now();
    let row = sqlx::query(SELF).fetch_one(&mut *connection).await?;
    let after = outside.now();
    let (version, me_super): (i32, bool) = (row.try_get("version")?, row.try_get("me_super")?);
    let server = format!("{} {}", row.try_get::<String, _>("cluster")?, row.try_get::<String, _>("started")?);
    let on = format!("PostgreSQL instance {}", instance.name);
    let mut problems = Vec::new();
    if version < OLDEST {
        problems.push(format!("{on} is older than version 14, the oldest that works; upgrade it"));
        return Ok(Health { problems, server });
    }
    if row.try_get("standby")? {
        problems.push(format!("{on} is a standby and read-only; let its URL name the primary"));
    }
    let server_time = Time(row.try_get("millis")?);
    let ahead = (server_time - after).0.max(0) + (server_time - before).0.min(0);
    if SKEW.0 < ahead.abs() {
        let way = if ahead < 0 { "behind" } else { "ahead of" };
        problems.push(format!(
            "the clock of {on} is {} {way} ours; let both follow one time server",
            Span((ahead.abs() + 500) / 1000 * 1000)
        ));
    }
    if !me_super && !row.try_get::<bool, _>("signals")? {
        let what = if version < KNOWS_GRANTORS { "sessions" } else { "transactions" };
        problems
            .push(format!("our login may not end {what} that outlast an access on {on}; run: GRANT pg_signal_backend TO ours"));
    }
    if instance.settings.create_login && !me_super && !row.try_get::<bool, _>("creates")? {
        problems.push(format!("create_login is on but our login may not create logins on {on}; run: ALTER ROLE ours CREATEROLE"));
    }
    let givable = roles(instance, connection).await?;
    match &instance.settings.roles {
        Some(allowed) => {
            for role in allowed.iter().filter(|role| !givable.contains(role)) {
                problems.push(format!("the role {role} of {on} cannot be given: it does not exist, is a login or a superuser's, or our login lacks it; for the last, {}", advice(version)));
            }
        }
        None if givable.is_empty() => problems.push(format!("our login may not give any role on {on}; {}", advice(version))),
        None => {}
    }
    Ok(Health { problems, server })
}
