//! What an ask means on an instance: the role, the login, and every reason to refuse early.
//!
//! One query, nothing changed. Every refusal is a sentence the requestor can act on.

use sqlx::Row;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgRow};

use super::config::LONGEST_NAME;
use super::edge::{KNOWS_GRANTORS, grantor};
use super::instance::{Instance, Trouble};
use super::target::{Member, Named, Target};
use crate::domain::access::{Plan, Principal};
use crate::domain::fault::Fault;

/// The oldest version whose functions we use.
pub const OLDEST: i32 = 140_000;

/// Made by initdb; anything made by people comes later.
const FIRST_OWN_OID: u32 = 16_384;

/// $1 role, $2 login, $3 database or null.
const FACTS: &str = "
select current_setting('server_version_num')::int4 as version, pg_is_in_recovery() as standby,
  (select system_identifier::text from pg_control_system()) as cluster,
  me.oid as me, me.rolsuper as me_super, me.rolcreaterole as me_creates,
  r.oid as role, r.rolsuper as role_super, r.rolcanlogin as role_login,
  exists (select from pg_auth_members a where a.roleid = r.oid and a.member = me.oid and a.admin_option) as admin,
  coalesce(pg_has_role(me.oid, r.oid, 'MEMBER WITH ADMIN OPTION'), false) as admin_somehow,
  exists (select from pg_roles s where s.rolsuper and pg_has_role(r.oid, s.oid, 'MEMBER')) as reaches_super,
  coalesce(r.rolcreaterole, false)
    or exists (select from pg_auth_members a where a.admin_option and pg_has_role(r.oid, a.member, 'MEMBER')) as passes_on,
  u.oid as login, u.rolsuper as login_super, u.rolcanlogin as login_login, shobj_description(u.oid, 'pg_authid') as comment,
  coalesce(pg_has_role(r.oid, u.oid, 'MEMBER'), false) as cycle,
  array(
    select o.rolname::text from pg_auth_members a join pg_roles o on o.oid = a.member
    where a.roleid = u.oid and a.member <> me.oid and not o.rolsuper
      and (coalesce((to_jsonb(a) ->> 'inherit_option')::bool, true) or coalesce((to_jsonb(a) ->> 'set_option')::bool, true))
    order by 1
  ) as others,
  $3::text is null or exists (select from pg_database where datname = $3 and datallowconn and not datistemplate) as database
from pg_roles me left join pg_roles r on r.rolname = $1 left join pg_roles u on u.rolname = $2
where me.rolname = current_user";

struct Facts {
    version: i32,
    standby: bool,
    cluster: String,
    me: u32,
    me_super: bool,
    me_creates: bool,
    role: Option<Role>,
    admin: bool,
    admin_somehow: bool,
    reaches_super: bool,
    passes_on: bool,
    login: Option<Login>,
    cycle: bool,
    others: Vec<String>,
    database: bool,
}

struct Role {
    oid: u32,
    superuser: bool,
    login: bool,
}

struct Login {
    oid: u32,
    superuser: bool,
    login: bool,
    comment: Option<String>,
}

fn read(row: &PgRow) -> Result<Facts, sqlx::Error> {
    let role = match row.try_get::<Option<Oid>, _>("role")? {
        Some(oid) => Some(Role { oid: oid.0, superuser: row.try_get("role_super")?, login: row.try_get("role_login")? }),
        None => None,
    };
    let login = match row.try_get::<Option<Oid>, _>("login")? {
        Some(oid) => Some(Login {
            oid: oid.0,
            superuser: row.try_get("login_super")?,
            login: row.try_get("login_login")?,
            comment: row.try_get("comment")?,
        }),
        None => None,
    };
    Ok(Facts {
        version: row.try_get("version")?,
        standby: row.try_get("standby")?,
        cluster: row.try_get("cluster")?,
        me: row.try_get::<Oid, _>("me")?.0,
        me_super: row.try_get("me_super")?,
        me_creates: row.try_get("me_creates")?,
        role,
        admin: row.try_get("admin")?,
        admin_somehow: row.try_get("admin_somehow")?,
        reaches_super: row.try_get("reaches_super")?,
        passes_on: row.try_get("passes_on")?,
        login,
        cycle: row.try_get("cycle")?,
        others: row.try_get("others")?,
        database: row.try_get("database")?,
    })
}

/// What is asked for, by the names people use.
pub struct Wish<'a> {
    pub role: &'a str,
    pub login: &'a str,
    pub database: Option<&'a str>,
}

pub async fn plan(instance: &Instance, connection: &mut PgConnection, wish: &Wish<'_>) -> Result<Plan, Trouble> {
    let on = format!("PostgreSQL instance {}", instance.name);
    let Wish { role, login, database } = *wish;
    let never = |why: String| Err(Trouble::Told(Fault::never(why)));
    let denied = |why: String| Err(Trouble::Told(Fault::Denied { why }));
    if [Some(role), Some(login), database].into_iter().flatten().any(|name| name.contains('\0') || LONGEST_NAME < name.len()) {
        return never(format!("names on {on} have at most {LONGEST_NAME} bytes; check role, database and login {login:?}"));
    }
    if instance.settings.roles.as_ref().is_some_and(|allowed| !allowed.iter().any(|one| one == role)) {
        return never(format!("the role {role} on {on} is not one that can be asked for; choose another"));
    }
    let row = sqlx::query(FACTS).bind(role).bind(login).bind(database).fetch_one(connection).await?;
    let facts = read(&row)?;

    if facts.version < OLDEST {
        return denied(format!("{on} is older than version 14, the oldest that works; upgrade it"));
    }
    if facts.standby {
        return denied(format!("{on} is a standby and read-only; let its URL name the primary"));
    }
    let Some(target_role) = &facts.role else {
        return never(format!("{on} has no role named {role}; choose one that exists"));
    };
    if target_role.superuser || facts.reaches_super {
        return never(format!("the role {role} on {on} has superuser rights and is never given; ask for a narrower one"));
    }
    if target_role.login {
        return never(format!("{role} on {on} is a login of its own, not a role to be given; choose another"));
    }
    if target_role.oid < FIRST_OWN_OID || role.starts_with("pg_") {
        return never(format!(
            "{role} on {on} is one of PostgreSQL's own roles and is never given; ask for one made for this database"
        ));
    }
    let member = match &facts.login {
        Some(found) if found.oid == facts.me => return never(format!("{login} on {on} is p0's own login and is given nothing")),
        Some(found) if !found.login => {
            return never(format!("{login} on {on} may not log in; ask the database's owner to make it a login"));
        }
        Some(found) if found.superuser => return never(format!("{login} is a superuser on {on} and can do all of this already")),
        Some(found) => Member::found(found.oid, login, found.comment.as_deref()),
        None if !instance.settings.create_login => {
            return never(format!("{on} has no login named {login}; ask the database's owner to create it"));
        }
        None if login.starts_with("pg_") => {
            return never(format!("{on} keeps names that begin with pg_ for itself, so {login} cannot be created"));
        }
        None if !facts.me_super && !facts.me_creates => {
            return denied(format!(
                "{on} has no login named {login} and ours may not create it; run: ALTER ROLE ours CREATEROLE, or create the login"
            ));
        }
        None => Member { oid: None, name: login.to_owned() },
    };
    if facts.cycle {
        return never(format!("the role {role} on {on} is itself a member of {login}, so it cannot be given to it"));
    }
    let knows_grantors = KNOWS_GRANTORS <= facts.version;
    let may_give = facts.me_super || facts.admin || (!knows_grantors && (facts.admin_somehow || facts.me_creates));
    if !may_give {
        return denied(format!("our login may not give the role {role} on {on}; {}", advice(facts.version)));
    }
    if !facts.database {
        return never(format!(
            "{on} has no database named {} that people can connect to; choose another",
            database.unwrap_or_default()
        ));
    }

    let native = member.key();
    let target = Target {
        instance: instance.name.clone(),
        cluster: facts.cluster.clone(),
        role: Named { oid: target_role.oid, name: role.to_owned() },
        member,
        grantor: grantor(facts.me, facts.me_super),
    };
    let planned = target.planned(login)?;
    Ok(Plan {
        principal: Principal { name: login.to_owned(), native },
        assignments: vec![planned],
        warning: warning(&facts, wish, knows_grantors),
        connect: Some(instance.connect(database.unwrap_or("postgres"), login)),
    })
}

/// What an operator has to run so that we can give a role.
pub fn advice(version: i32) -> &'static str {
    if version < KNOWS_GRANTORS {
        "run: GRANT the_role TO ours WITH ADMIN OPTION"
    } else {
        "run: GRANT the_role TO ours WITH ADMIN TRUE, INHERIT FALSE, SET FALSE (to our login itself, not to a group it is in)"
    }
}

fn warning(facts: &Facts, wish: &Wish<'_>, knows_grantors: bool) -> Option<String> {
    let Wish { role, login, .. } = wish;
    let mut told = Vec::new();
    if !knows_grantors {
        told.push(format!("all open sessions of {login} on this server are ended when the access ends"));
    }
    if !facts.others.is_empty() {
        told.push(format!("{} can act as {login} and gets the role too", facts.others.join(", ")));
    }
    if facts.passes_on {
        told.push(format!("{role} can give roles to others, and what is given with it stays"));
    }
    (!told.is_empty()).then(|| told.join("; "))
}
