//! `p0 playground`: the place of the demo and a web application beside it, to play in with a browser. The page is the Slack
//! stand-in's own; this starts what it shows and says where it is. It must never do anything in the place that people do not ask for there, and
//! leaves nothing behind.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::place::{Ahead, MEMBERSHIP, Opened, Target};
use super::screen::{Ink, Screen};
use super::{ANY_PORT, Failed};
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::playground::members::{self, Members};
use crate::playground::{self, Beside, Row, Try};
use crate::store::Store;

/// Where it listens when nothing is said and nobody else does.
const USUAL_PORT: u16 = 4390;

const ROLES: [&str; 2] = ["analyst", "app_rw"];
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const QUERY: &str = "select count(*) from orders;";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; this machine only. Without it, 127.0.0.1:4390, or any port when that one is taken.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Opens the page with xdg-open.
    #[arg(long)]
    open: bool,
}

/// Stays up until `stop`; leaves nothing behind.
pub async fn run(args: Args, outside: Arc<dyn Outside>, stop: impl Future<Output = ()>) -> Result<(), Failed> {
    let mut opened = Opened::default();
    let screen = Screen::of_stdout();
    let done = tokio::select! {
        done = play(&args, outside, &mut opened, &screen) => done,
        () = stop => {
            screen.line("");
            Ok(())
        }
    };
    opened.close().await;
    if done.is_ok() {
        screen.line("Everything that was started here is stopped and removed.");
    }
    done
}

async fn play(args: &Args, outside: Arc<dyn Outside>, opened: &mut Opened, screen: &Screen) -> Result<(), Failed> {
    let clock = Ahead::of(outside);
    let (target, folder) = match opened.postgres(&*clock).await {
        Ok((target, folder)) => (Some(target), folder),
        Err(why @ (Failed::NoTool(..) | Failed::NoServer(_))) => {
            screen.line(&format!("Without a database to give access to: {why}"));
            (None, opened.folder(&*clock))
        }
        Err(other) => return Err(other),
    };
    let listen = args.listen.unwrap_or_else(free_port);
    let members = members::start(ANY_PORT, format!("{:032x}", clock.random()), clock.clone()).await?;
    let place = opened.open(clock, listen, target.as_ref(), Some(&members), folder).await?;
    let postgres = target.map(|target| Mutex::new(Watched { target, admin: None, sessions: BTreeMap::new() }));
    let around = Around { clock: place.clock.clone(), store: place.app.store.clone(), postgres, members };
    place.sim.stand_beside(Arc::new(around));
    let url = format!("http://{}/", place.sim.address());
    screen.line(&screen.ink(Ink::Bold, &format!("The playground is at {url}")));
    screen.line("It runs on this machine only, and stays up until Ctrl-C.");
    if args.open {
        let opener = tokio::process::Command::new("xdg-open").arg(&url).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        if let Err(error) = opener {
            screen.line(&format!("xdg-open cannot be run ({error}); open the address in a browser yourself."));
        }
    }
    std::future::pending().await
}

/// The usual port, else any.
fn free_port() -> SocketAddr {
    let usual = SocketAddr::new(ANY_PORT.ip(), USUAL_PORT);
    if std::net::TcpListener::bind(usual).is_ok() { usual } else { ANY_PORT }
}

/// What stands beside Slack in the page.
struct Around {
    clock: Arc<Ahead>,
    store: Store,
    postgres: Option<Mutex<Watched>>,
    members: Members,
}

#[async_trait]
impl Beside for Around {
    fn pass(&self, span: Span) {
        self.clock.pass(span);
    }

    async fn next_end(&self) -> Option<Time> {
        let grants = self.store.all_live_grants().await.ok()?;
        grants.iter().filter(|row| row.grant.usable_at.is_some()).map(|row| row.grant.ends_at).min()
    }

    async fn targets(&self) -> Vec<playground::Target> {
        let mut targets = Vec::new();
        if let Some(postgres) = &self.postgres {
            targets.push(postgres.lock().await.look().await);
        }
        targets.push(look_at(&self.members));
        targets
    }
}

/// Who is in which club. What p0 gave bears its mark; people's own notes begin in other ways.
fn look_at(members: &Members) -> playground::Target {
    let shown = members.shown();
    let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = each(&shown["clubs"]).into_iter().flat_map(|club| {
        let row = |it: &Value| vec![text(&club["name"]), text(&it["person"]), text(&it["note"])];
        each(&club["members"]).iter().map(row).collect::<Vec<_>>()
    });
    let rows = rows.map(|cells| Row { given: cells[2].starts_with("p0"), cells });
    playground::Target {
        title: "Members page".to_owned(),
        about: format!("A web application at {}, which p0 knows from one YAML file", members.url()),
        link: Some(members.url()),
        table: "clubs".to_owned(),
        columns: ["club", "member", "note"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
        ..playground::Target::default()
    }
}

/// PostgreSQL, with the sessions that look at it: its administrator's, and one of each person that stays open.
struct Watched {
    target: Target,
    admin: Option<PgConnection>,
    sessions: BTreeMap<&'static str, PgConnection>,
}

impl Watched {
    async fn look(&mut self) -> playground::Target {
        let rows = self.rows().await;
        if rows.is_err() {
            self.admin = None; // the next look opens another
        }
        let mut tries = Vec::new();
        for who in PEOPLE {
            let (works, gets) = self.query(who).await;
            tries.push(Try { who: who.to_owned(), asks: QUERY.to_owned(), gets, works });
        }
        playground::Target {
            title: "Orders database".to_owned(),
            about: format!("PostgreSQL {} on 127.0.0.1:{}", self.target.version, self.target.port),
            table: "pg_auth_members".to_owned(),
            columns: MEMBERSHIP.map(str::to_owned).to_vec(),
            problem: rows.as_ref().err().map(ToString::to_string),
            rows: rows.unwrap_or_default().into_iter().map(|cells| Row { given: cells[2] == "p0", cells }).collect(),
            tries,
            ..playground::Target::default()
        }
    }

    async fn rows(&mut self) -> Result<Vec<Vec<String>>, Failed> {
        let admin = match &mut self.admin {
            Some(admin) => admin,
            none => none.insert(self.target.look().await?),
        };
        self.target.members(admin, &ROLES, &PEOPLE).await
    }

    /// What a person gets who asks now, in the session they have open.
    async fn query(&mut self, who: &'static str) -> (bool, String) {
        if !self.sessions.contains_key(who) {
            match self.target.session(who).await {
                Ok(session) => drop(self.sessions.insert(who, session)),
                Err(error) => return (false, error.to_string()),
            }
        }
        let Some(session) = self.sessions.get_mut(who) else { return (false, String::new()) };
        match sqlx::query_scalar::<_, i64>(QUERY).fetch_one(session).await {
            Ok(count) => (true, count.to_string()),
            Err(sqlx::Error::Database(error)) if !error.message().contains("terminating connection") => {
                (false, format!("ERROR:  {}", error.message()))
            }
            Err(_) => {
                self.sessions.remove(who); // it was ended; they open another
                (false, "the session was ended".to_owned())
            }
        }
    }
}
