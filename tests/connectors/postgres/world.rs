//! The stage of each story: a cluster with a role that may read a table, a person's login, and our own
//! login with exactly the privileges that `docs/postgresql.md` tells operators to give it.

use std::collections::BTreeMap;
use std::sync::Arc;

use p0::connectors::{Connector, postgres};
use p0::domain::access::{Access, Ask, Assignment, Observed, Plan};
use p0::domain::fault::Fault;
use p0::domain::id::AssignmentId;
use p0::domain::outside::Outside;
use p0::domain::person::Email;
use p0::domain::time::{Clock, Span, Time};
use p0::yaml::Section;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::harness::outside::{Wall, unique};
use crate::harness::servers::{self, Server};

pub const PASSWORD: &str = "correct horse";

pub struct World {
    pub version: u32,
    pub server: &'static Server,
    pub number: u64,
    pub role: String,
    pub login: String,
    pub table: String,
    /// Our own login.
    pub p0: String,
    pub outside: Arc<Wall>,
    pub connector: Arc<dyn Connector>,
}

pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A connection of somebody: the administrator, a person.
pub struct Session(PgConnection);

impl Session {
    pub async fn open(url: &str) -> Session {
        Session(PgConnection::connect(url).await.expect("connected"))
    }

    /// Says it, and it works.
    pub async fn say(&mut self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Says it, and it is refused with this code.
    pub async fn refused(&mut self, sql: &str) -> String {
        match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await {
            Ok(_) => panic!("{sql} was not refused"),
            Err(sqlx::Error::Database(told)) => told.code().expect("a code").into_owned(),
            Err(_) => "gone".to_owned(),
        }
    }

    pub async fn text(&mut self, sql: &str) -> String {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.0).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn number(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.0).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until this is so.
    pub async fn until(&mut self, condition: &str) {
        let sql = format!("select ({condition})::int::bigint");
        let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while self.number(&sql).await == 0 {
            assert!(tokio::time::Instant::now() < give_up, "never so: {condition}");
            tokio::task::yield_now().await;
        }
    }
}

impl World {
    pub async fn on(version: u32) -> World {
        World::named(version, "analyst", "alice", Span::ZERO).await
    }

    /// With these names (a number is put behind them) and a clock of ours that is off by `skew`.
    pub async fn named(version: u32, role: &str, login: &str, skew: Span) -> World {
        let server = servers::postgres(version);
        let number = unique();
        let (role, login) = (format!("{role}_{number}"), format!("{login}_{number}"));
        let (p0, table) = (format!("p0_{number}"), format!("sales_{number}"));
        let mut admin = Session::open(server.url()).await;
        let (q_role, q_login) = (quoted(&role), quoted(&login));
        admin
            .say(&format!(
                "create role {p0} login password '{PASSWORD}'; create role {q_role}; create role {q_login} login password '{PASSWORD}';
                 create table {table} as select generate_series(1, 100) n; grant select on {table} to {q_role}"
            ))
            .await;
        let rights = match version {
            15 => format!("grant {q_role} to {p0} with admin option; grant pg_signal_backend to {p0}"),
            _ => format!(
                "grant {q_role} to {p0} with admin true, inherit false, set false;
                 grant pg_signal_backend to {p0} with inherit true, set false"
            ),
        };
        admin.say(&rights).await;
        let outside = Arc::new(Wall(skew));
        let connector = connector(&[("main", &server.url_of(&p0, PASSWORD), "")], outside.clone());
        World { version, server, number, role, login, table, p0, outside, connector }
    }

    /// Another connector to the same server, configured otherwise.
    pub fn again(&self, rest: &str) -> Arc<dyn Connector> {
        connector(&[("main", &self.server.url_of(&self.p0, PASSWORD), rest)], self.outside.clone())
    }

    pub async fn admin(&self) -> Session {
        Session::open(self.server.url()).await
    }

    /// The person connects.
    pub async fn person(&self) -> Session {
        Session::open(&self.server.url_of(&self.login, PASSWORD)).await
    }

    /// What the role is for.
    pub fn reading(&self) -> String {
        format!("select count(*) from {}", self.table)
    }

    pub fn ask(&self, args: &[(&str, &str)]) -> Ask {
        ask(&format!("{}@acme.example", self.login), args)
    }

    pub async fn plan(&self) -> Plan {
        self.connector.plan(&self.ask(&[("role", &self.role)])).await.expect("planned")
    }

    /// Why the ask is refused.
    pub async fn refusal(&self, args: &[(&str, &str)]) -> Fault {
        self.connector.plan(&self.ask(args)).await.expect_err("refused")
    }

    pub async fn planned(&self) -> Assignment {
        assignment(self.plan().await)
    }

    pub fn in_an_hour(&self) -> Time {
        self.outside.now() + Span::hours(1)
    }

    pub async fn granted(&self) -> Assignment {
        let assignment = self.planned().await;
        self.connector.grant(&assignment, self.in_an_hour()).await.expect("granted");
        assignment
    }

    pub async fn seen(&self, assignment: &Assignment) -> Observed {
        for _ in 0..5 {
            if let Ok(seen) = self.connector.observe(assignment).await {
                return seen; // a busy machine may have taken too long before
            }
        }
        self.connector.observe(assignment).await.expect("observed")
    }

    /// How our own grant is seen on this version.
    pub fn there(&self) -> Observed {
        if self.version < 16 { Observed::Held } else { Observed::Ours }
    }
}

pub fn ask(email: &str, args: &[(&str, &str)]) -> Ask {
    let args: BTreeMap<_, _> = args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let access = Access { integration: "postgres".to_owned(), access_type: "role".to_owned(), args };
    Ask { access, email: Email::parse(email).expect("an address") }
}

pub fn assignment(plan: Plan) -> Assignment {
    let planned = plan.assignments.into_iter().next().expect("an assignment");
    let id = AssignmentId::new(&Wall(Span::ZERO));
    Assignment { id, key: planned.key, target: planned.target, handle: None, seen: None, mark: String::new() }
}

/// A connector to these instances: name, URL, further lines of its section.
pub fn connector(instances: &[(&str, &str, &str)], outside: Arc<dyn Outside>) -> Arc<dyn Connector> {
    let mut text = "integrations:\n  postgres:\n    instances:\n".to_owned();
    let mut files = Vec::new();
    for (name, url, rest) in instances {
        let file = std::env::temp_dir().join(format!("p0-url-{}-{}", std::process::id(), unique()));
        std::fs::write(&file, url).expect("written");
        text += &format!("      {name}:\n        url: {{ file: {} }}\n        login: \"{{local}}\"\n", file.display());
        rest.lines().for_each(|line| text += &format!("        {line}\n"));
        files.push(file);
    }
    let section = Section::whole("p0.yaml", text).child("integrations").child("postgres");
    let built =
        postgres::build(&section, &Section::whole("postgres.yaml", ""), outside).unwrap_or_else(|error| panic!("{error}"));
    files.iter().for_each(|file| std::fs::remove_file(file).expect("removed"));
    built
}
