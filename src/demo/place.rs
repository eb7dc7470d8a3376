//! Where it takes place: a PostgreSQL of its own, the Slack stand-in, the real server on SQLite.
//! Everything lies in one temporary folder, PostgreSQL's, which `tools/postgres` removes when this
//! process ends, however it ends. Without a PostgreSQL there is a folder of ours, removed at the end.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Failed;
use crate::app::App;
use crate::config::Settings;
use crate::domain::outside::{Faults, Outside};
use crate::domain::time::{Clock, Span, Time};
use crate::playground::members::Members;
use crate::playground::{self, AppUrls, Sim};
use crate::secret::Env;
use crate::yaml::Section;

/// Starts the server of the demo; it ends when its standard input does.
const TOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/postgres");

/// What the app adds to Slack's menus stands in its manifest.
const APP_MANIFEST: &str = include_str!("../../slack-app-manifest.yaml");

/// How long what was started may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// The world as it is, only later.
pub struct Ahead {
    outside: Arc<dyn Outside>,
    by: AtomicI64,
}

impl Ahead {
    pub fn of(outside: Arc<dyn Outside>) -> Arc<Ahead> {
        Arc::new(Ahead { outside, by: AtomicI64::new(0) })
    }

    pub fn pass(&self, span: Span) {
        self.by.fetch_add(span.0.max(0), Ordering::SeqCst);
    }
}

impl Clock for Ahead {
    fn now(&self) -> Time {
        self.outside.now() + Span::millis(self.by.load(Ordering::SeqCst))
    }
}

impl Outside for Ahead {
    fn random(&self) -> u128 {
        self.outside.random()
    }

    fn faults(&self) -> Option<&dyn Faults> {
        self.outside.faults()
    }
}

/// What `tools/postgres` says of the server it started.
#[derive(Deserialize)]
struct Line {
    version: String,
    port: u16,
    url: String,
    dir: PathBuf,
}

/// Everything that runs beside the target.
pub struct Place {
    pub clock: Arc<Ahead>,
    pub sim: Sim,
    pub app: App,
    /// Where p0 listens.
    pub address: String,
    pub folder: PathBuf,
}

/// The PostgreSQL server in which access is given.
pub struct Target {
    pub version: String,
    pub port: u16,
    admin: String,
    password: String,
}

/// A row of `pg_auth_members`, by names.
pub type Membership = Vec<String>;

pub const MEMBERSHIP: [&str; 6] = ["role", "member", "grantor", "admin", "inherit", "set"];

impl Target {
    fn url_of(&self, login: &str) -> String {
        format!("postgres://{login}:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// A session of a person, as they would open it.
    pub async fn session(&self, login: &str) -> Result<PgConnection, Failed> {
        Ok(PgConnection::connect(&self.url_of(login)).await?)
    }

    /// A session of the server's own administrator, to look.
    pub async fn look(&self) -> Result<PgConnection, Failed> {
        Ok(PgConnection::connect(&self.admin).await?)
    }

    /// Who is in these roles, and in which any of these people are, as PostgreSQL has it.
    pub async fn members(&self, admin: &mut PgConnection, roles: &[&str], people: &[&str]) -> Result<Vec<Membership>, Failed> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let rows = sqlx::query(
            "SELECT r.rolname AS role, m.rolname AS member, g.rolname AS grantor, left(a.admin_option::text, 1) AS admin,
                 left(a.inherit_option::text, 1) AS inherit, left(a.set_option::text, 1) AS set
             FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
                 JOIN pg_roles g ON g.oid = a.grantor
             WHERE r.rolname = ANY($1) OR m.rolname = ANY($2) ORDER BY r.rolname, a.oid",
        )
        .bind(names(roles))
        .bind(names(people))
        .fetch_all(admin)
        .await?;
        let cells = |row: &sqlx::postgres::PgRow| MEMBERSHIP.iter().map(|name| row.try_get::<String, _>(*name)).collect();
        Ok(rows.iter().map(cells).collect::<Result<_, sqlx::Error>>()?)
    }
}

/// What was started, to be ended in the opposite order.
#[derive(Default)]
pub struct Opened {
    server: Option<Child>,
    /// Ours to remove.
    folder: Option<PathBuf>,
    sim: Option<Sim>,
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Opened {
    /// A PostgreSQL server, and the folder that goes with it.
    pub async fn postgres(&mut self, outside: &dyn Outside) -> Result<(Target, PathBuf), Failed> {
        let password = format!("{:032x}", outside.random());
        let line = self.start_server().await?;
        let target = Target { version: line.version, port: line.port, admin: line.url, password };
        lay_out(&target).await?;
        Ok((target, line.dir.join("p0")))
    }

    /// A folder where there is no server's.
    pub fn folder(&mut self, outside: &dyn Outside) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("p0-playground.{:032x}", outside.random()));
        self.folder = Some(folder.clone());
        folder
    }

    /// All else. `listen` is the stand-in's.
    pub async fn open(
        &mut self,
        clock: Arc<Ahead>,
        listen: SocketAddr,
        target: Option<&Target>,
        members: Option<&Members>,
        folder: PathBuf,
    ) -> Result<Place, Failed> {
        write_settings(&folder, target, members).map_err(|error| Failed::Folder(folder.display().to_string(), error))?;
        let secret = format!("{:032x}", clock.random());
        let token = format!("xoxb-{:032x}", clock.random());
        let features = Section::whole("slack-app-manifest.yaml", APP_MANIFEST).child("features").read()?;
        let settings = playground::Settings {
            listen,
            signing_secret: secret.clone(),
            bot_token: token.clone(),
            features: features.unwrap_or_default(),
            ..playground::Settings::default()
        };
        let sim = Sim::start(settings, clock.clone()).await?;
        self.sim = Some(sim.clone());

        let path = |name: &str| folder.join(name).display().to_string();
        let settings = [
            ("P0_CONFIG", path("p0.yaml")),
            ("P0_KEY_FILE", path("p0.key")),
            ("P0_DATABASE_URL", format!("sqlite:{}", path("p0.db"))),
            ("SLACK_API_URL", sim.api_url()),
            ("SLACK_SIGNING_SECRET", secret),
            ("SLACK_BOT_TOKEN", token),
        ];
        let env = Env::new(move |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()));
        let app = App::build(Settings::read(env), clock.clone(), Vec::new()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Failed::Listen)?;
        let address = format!("http://{}", listener.local_addr().map_err(Failed::Listen)?);
        sim.set_app(AppUrls::under(&address));
        let (stop, stopped) = oneshot::channel::<()>();
        let served = app.clone();
        let task = tokio::spawn(async move { served.run(listener, async { drop(stopped.await) }).await });
        self.serving = Some((stop, task));
        app.desk.refresh_choices().await;
        Ok(Place { clock, sim, app, address, folder })
    }

    /// In a process group of its own, so that an interrupt from the keyboard reaches p0 alone.
    async fn start_server(&mut self) -> Result<Line, Failed> {
        let mut command = Command::new(TOOL);
        command.args(["run", "18"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let server = self.server.insert(command.spawn().map_err(|error| Failed::NoTool(TOOL.to_owned(), error))?);
        let mut line = String::new();
        if let Some(output) = server.stdout.take() {
            let _ = BufReader::new(output).read_line(&mut line).await;
        }
        if let Ok(line) = serde_json::from_str(&line) {
            return Ok(line);
        }
        let mut why = String::new();
        if let Some(mut errors) = server.stderr.take() {
            let _ = errors.read_to_string(&mut why).await;
        }
        // Its own words say what to do.
        let why = why.trim().trim_start_matches("postgres: ");
        let silent = "tools/postgres said nothing; run 'tools/setup postgres 18', then this again";
        Err(Failed::NoServer(if why.is_empty() { silent } else { why }.to_owned()))
    }

    pub async fn close(self) {
        if let Some((stop, mut task)) = self.serving {
            let _ = stop.send(());
            if tokio::time::timeout(END_WITHIN, &mut task).await.is_err() {
                task.abort();
            }
        }
        if let Some(sim) = self.sim {
            sim.stop().await;
        }
        if let Some(mut server) = self.server {
            drop(server.stdin.take());
            let _ = tokio::time::timeout(END_WITHIN, server.wait()).await;
        }
        if let Some(folder) = self.folder {
            let _ = std::fs::remove_dir_all(folder); // it may never have been made
        }
    }
}

/// A shop: a table, two roles that may use it, so many others that one has to search, four people who have none, and
/// p0's own login as `docs/postgresql.md` says.
async fn lay_out(target: &Target) -> Result<(), Failed> {
    let password = &target.password;
    let sql = format!(
        "CREATE TABLE orders (id int PRIMARY KEY, item text NOT NULL, total numeric NOT NULL);
         INSERT INTO orders VALUES (1, 'tea', 12.50), (2, 'kettle', 39.00), (3, 'tea', -12.50);
         CREATE ROLE analyst;
         GRANT SELECT ON orders TO analyst;
         CREATE ROLE app_rw;
         GRANT SELECT, UPDATE ON orders TO app_rw;
         CREATE ROLE alice LOGIN PASSWORD '{password}';
         CREATE ROLE bob LOGIN PASSWORD '{password}';
         CREATE ROLE carol LOGIN PASSWORD '{password}';
         CREATE ROLE dave LOGIN PASSWORD '{password}';
         CREATE ROLE p0 LOGIN PASSWORD '{password}';
         GRANT analyst, app_rw TO p0 WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
         GRANT pg_signal_backend TO p0 WITH INHERIT TRUE, SET FALSE;
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT team || '_' || may FROM
                 unnest('{{billing,catalog,claims,finance,fleet,growth,hr,legal,loyalty,payments,pricing,returns,sales,search,shipping,stock,
                     support,tax,trust,web}}'::text[]) team, unnest('{{read,write,export,audit,admin}}'::text[]) may
             LOOP
                 EXECUTE format('CREATE ROLE %I', name);
                 EXECUTE format('GRANT %I TO p0 WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', name);
             END LOOP;
         END $$;"
    );
    let mut admin = target.look().await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await?;
    admin.close().await?;
    Ok(())
}

fn write_settings(folder: &Path, target: Option<&Target>, members: Option<&Members>) -> std::io::Result<()> {
    std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    let mut config = "organisation: { slug: acme, title: Acme }

slack:
  approvals: C0REQUESTS # #access-requests

policy:
  approvers: { people: [ bob@acme.example, carol@acme.example ] }

integrations:
"
    .to_owned();
    if let Some(target) = target {
        std::fs::write(folder.join("main.url"), target.url_of("p0"))?;
        let url = folder.join("main.url");
        config += &format!(
            "  postgres:
    instances:
      main:
        title: Orders database
        url: {{ file: {} }}
        login: \"{{local}}\"
",
            url.display()
        );
    }
    if let Some(members) = members {
        let token = folder.join("members.token");
        std::fs::write(&token, members.token())?;
        config += &format!("  members: {{ url: \"{}\", token: {{ file: {} }} }}\n", members.url(), token.display());
    }
    std::fs::write(folder.join("p0.yaml"), config)
}
