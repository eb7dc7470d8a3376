//! `p0 playground`: the place of the demo, to play in with a browser. The page is the Slack stand-in's own; this starts
//! what it shows and says where it is. It must never do anything in the place that people do not ask for there, and
//! leaves nothing behind.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use super::place::{Ahead, MEMBERSHIP, Opened, Target};
use super::screen::{Ink, Screen};
use super::{ANY_PORT, Failed};
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::playground::{self, Beside, Try};
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
    let (target, folder) = match opened.postgres(&*outside).await {
        Ok((target, folder)) => (Some(target), folder),
        Err(why @ (Failed::NoTool(..) | Failed::NoServer(_))) => {
            screen.line(&format!("Without a database to give access to: {why}"));
            (None, opened.folder(&*outside))
        }
        Err(other) => return Err(other),
    };
    let listen = args.listen.unwrap_or_else(free_port);
    let place = opened.open(outside, listen, target.as_ref(), folder).await?;
    let postgres = target.map(|target| Mutex::new(Watched { target, admin: None, sessions: BTreeMap::new() }));
    place.sim.stand_beside(Arc::new(Around { clock: place.clock.clone(), store: place.app.store.clone(), postgres }));
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
        match &self.postgres {
            Some(postgres) => vec![postgres.lock().await.look().await],
            None => Vec::new(),
        }
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
            rows: rows.unwrap_or_default(),
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
