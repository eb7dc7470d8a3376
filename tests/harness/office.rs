//! An office to tell stories in over the wire: the Slack stand-in, the real server on a real store, a
//! real PostgreSQL to grant in, and people who type and press.
//!
//! Time is the real time plus what the story lets pass, because PostgreSQL compares our deadlines with
//! its own clock.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use p0::app::App;
use p0::config::Settings;
use p0::domain::id::RequestId;
use p0::domain::outside::Outside;
use p0::domain::time::{Clock, Span, Time};
use p0::playground::{self, AppUrls, Delivery, Press, PressTarget, Sim};
use p0::secret::Env;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::outside::unique;
use super::servers::{self, Server};
use super::wire::Wire;

/// Which store and which target a story is told on.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    pub replicated: bool,
    pub target: u32,
    /// Slack sends over sockets, not by HTTP.
    pub sockets: bool,
}

pub const SQLITE_18: Setting = Setting { replicated: false, target: 18, sockets: false };
pub const POSTGRES_15: Setting = Setting { replicated: true, target: 15, sockets: false };
pub const SQLITE_BY_SOCKET: Setting = Setting { sockets: true, ..SQLITE_18 };
pub const POSTGRES_BY_SOCKET: Setting = Setting { sockets: true, ..POSTGRES_15 };

/// What a story begins with: the usual office, or the setting for an office of its own.
pub trait Begin {
    async fn begin(setting: Setting) -> Self;
}

impl Begin for Office {
    async fn begin(setting: Setting) -> Office {
        Office::open(setting).await
    }
}

impl Begin for Setting {
    async fn begin(setting: Setting) -> Setting {
        setting
    }
}

/// Tells a story once on each store and each target.
macro_rules! stories {
    ($($(#[$doc:meta])* async fn $name:ident($it:ident: $kind:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            async fn story($it: $kind) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite_with_18() {
                story(<$kind as $crate::harness::office::Begin>::begin($crate::harness::office::SQLITE_18).await).await
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres_with_15() {
                story(<$kind as $crate::harness::office::Begin>::begin($crate::harness::office::POSTGRES_15).await).await
            }
        }
    )*};
}
pub(crate) use stories;

/// The same with Socket Mode.
macro_rules! by_socket {
    ($($(#[$doc:meta])* async fn $name:ident($it:ident: $kind:ident) $body:block)*) => {$(
        mod $name {
            use super::*;
            async fn story($it: $kind) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                story(<$kind as $crate::harness::office::Begin>::begin($crate::harness::office::SQLITE_BY_SOCKET).await).await
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                story(<$kind as $crate::harness::office::Begin>::begin($crate::harness::office::POSTGRES_BY_SOCKET).await).await
            }
        }
    )*};
}
pub(crate) use by_socket;

/// Tells a story by HTTP and by socket.
macro_rules! either_way {
    ($($all:tt)*) => {
        $crate::harness::office::stories! { $($all)* }
        mod by_socket {
            use super::*;
            $crate::harness::office::by_socket! { $($all)* }
        }
    };
}
pub(crate) use either_way;

/// The real time, moved forward by hand.
pub struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        Time(i64::try_from(since.as_millis()).expect("not that late") + self.0.load(Ordering::SeqCst))
    }
}

impl Outside for Moved {
    fn random(&self) -> u128 {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("chance");
        u128::from_le_bytes(bytes)
    }
}

pub struct Office {
    pub setting: Setting,
    pub clock: Arc<Moved>,
    pub sim: Sim,
    pub app: App,
    pub server: &'static Server,
    /// The line to the target.
    pub wire: Wire,
    pub role: String,
    pub table: String,
    number: u64,
    pub folder: PathBuf,
    pub database_url: String,
    /// Where each replica listens, in the order of their starts.
    pub addresses: Vec<std::net::SocketAddr>,
    running: Vec<(tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<()>)>,
}

pub const SIGNING_SECRET: &str = "a-signing-secret-for-tests";
pub const PASSWORD: &str = "correct horse";
pub const APPROVALS: &str = "C0REQUESTS";
pub const POLICY: &str = "policy:\n  approvers: { people: [ bob@acme.example, carol@acme.example ] }\n";

impl Office {
    pub async fn open(setting: Setting) -> Office {
        Office::with(setting, POLICY).await
    }

    /// With this `policy:` section.
    pub async fn with(setting: Setting, policy: &str) -> Office {
        let mut office = Office::unattended(setting, policy).await;
        office.serve(office.app.clone()).await;
        office.app.desk.refresh_choices().await;
        office
    }

    /// Laid out, and nobody serves: for stories that start the program itself.
    pub async fn unattended(setting: Setting, policy: &str) -> Office {
        Office::laid_out(setting, policy, None).await
    }

    /// The same, with its record in this database if one is named.
    pub async fn laid_out(setting: Setting, policy: &str, store: Option<String>) -> Office {
        if std::env::var_os("RUST_LOG").is_some() {
            p0::telemetry::start("info");
        }
        let number = unique() + u64::from(std::process::id()) * 1000;
        let folder = std::env::temp_dir().join(format!("p0-office-{number}"));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let server = servers::postgres(setting.target);
        let (role, table) = (format!("analyst_{number}"), format!("sales_{number}"));
        let office_login = format!("p0_{number}");
        let mut admin = PgConnection::connect(server.url()).await.expect("connected");
        let with = if setting.target >= 16 { "with admin true, inherit false, set false" } else { "with admin option" };
        let mut sql = format!(
            "create role {office_login} login password '{PASSWORD}'; create role {role}; grant {role} to {office_login} {with};
             grant pg_signal_backend to {office_login}; create table {table} as select 1 n; grant select on {table} to {role};"
        );
        for person in ["alice", "bob", "carol", "dave"] {
            sql += &format!("create role {person}_{number} login password '{PASSWORD}';");
        }
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.expect("a target is laid out");
        let database_url = if let Some(url) = store {
            url
        } else if setting.replicated {
            let name = format!("p0_store_{number}");
            let store = servers::postgres(15);
            let mut admin = PgConnection::connect(store.url()).await.expect("connected");
            sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.expect("a store");
            let mut url = url::Url::parse(store.url()).expect("a URL");
            url.set_path(&name);
            url.to_string()
        } else {
            format!("sqlite:{}", folder.join("p0.db").display())
        };
        let wire = Wire::to(server.port()).await;
        let mut target = url::Url::parse(&server.url_of(&office_login, PASSWORD)).expect("a URL");
        target.set_port(Some(wire.port)).expect("a host");
        std::fs::write(folder.join("target.url"), target.as_str()).expect("written");
        let config = format!(
            "organisation: {{ slug: acme, title: Acme }}\nslack: {{ approvals: {APPROVALS} }}\nintegrations:\n  postgres:\n    instances:\n      main:\n        url: {{ file: {}/target.url }}\n        login: \"{{local}}_{number}\"\n        roles: [ {role} ]\n{policy}",
            folder.display()
        );
        std::fs::write(folder.join("p0.yaml"), config).expect("written");
        let clock = Arc::new(Moved(AtomicI64::new(0)));
        let about_slack = playground::Settings { socket_mode: setting.sockets, ..playground::Settings::default() };
        let sim = Sim::start(about_slack, clock.clone()).await.expect("a stand-in");
        let app = build(setting, &folder, &database_url, &sim, clock.clone()).await;
        Office {
            setting,
            clock,
            sim,
            app,
            server,
            wire,
            role,
            table,
            number,
            folder,
            database_url,
            addresses: Vec::new(),
            running: Vec::new(),
        }
    }

    /// Starts serving; Slack sends there from now on.
    async fn serve(&mut self, app: App) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        self.addresses.push(listener.local_addr().expect("bound"));
        self.turn_to(self.addresses.len() - 1);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move { app.run(listener, async { drop(stopped.await) }).await });
        self.running.push((stop, task));
        if self.setting.sockets {
            let all = 2 * self.addresses.len();
            self.sim.until(Span::seconds(30), |sim| (sim.sockets() == all).then_some(())).await.expect("two sockets of each");
        }
    }

    /// Another replica beside the first; Slack sends to this one from now on.
    pub async fn replica(&mut self) -> App {
        let app = build(self.setting, &self.folder, &self.database_url, &self.sim, self.clock.clone()).await;
        self.serve(app.clone()).await;
        app
    }

    /// Slack sends to this replica from now on.
    pub fn turn_to(&self, replica: usize) {
        self.sim.set_app(AppUrls::under(&format!("http://{}", self.addresses[replica])));
    }

    pub fn pass(&self, span: Span) {
        self.clock.0.fetch_add(span.0, Ordering::SeqCst);
    }

    /// Time runs, for a loop that waits: much faster than the real one, but so that what is under way
    /// has time to come back before its claim is over.
    pub async fn hurry(&self, span: Span) {
        self.pass(span);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    /// Waits until something is so, which it must be within thirty seconds.
    pub async fn until<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let give_up = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = check().await {
                return found;
            }
            if give_up < tokio::time::Instant::now() {
                let told =
                    ["alice", "dave"].map(|who| self.sim.dms(who).unwrap_or_default().iter().map(text).collect::<Vec<_>>());
                let (now, agenda) = (self.clock.now(), self.agenda().await);
                panic!("never so: {what}\nin the channel: {}\ntold: {told:#?}\nat {}: {agenda:#?}", self.channel(), now.0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    // ---- people

    pub async fn types(&self, who: &str, text: &str) -> Delivery {
        let typed = async || self.sim.command(who, "C0GENERAL", "/p0", text).await.expect("sent");
        let mut answered = typed().await;
        for _ in 0..10 {
            // A busy machine took longer than the second a person is let wait: as they do, once more.
            if answered.ephemeral.as_ref().is_none_or(|told| !told.contains("There was no answer within")) {
                break;
            }
            answered = typed().await;
        }
        answered
    }

    /// Asks for the role by a complete command, and the approvals message is there.
    pub async fn asks(&self, who: &str) -> RequestId {
        let before = self.requests().len();
        let typed = self.types(who, &format!("request postgres role {} --reason \"INC-42\"", self.role)).await;
        assert!(typed.ok(), "{typed:?}");
        let answered = typed.ephemeral.unwrap_or_default();
        assert!(answered.is_empty() || answered.starts_with("Asked for"), "{answered}");
        self.until("the approvals message", async || self.requests().get(before).cloned()).await
    }

    /// The requests in the approvals channel, oldest first, by their messages' texts.
    pub fn requests(&self) -> Vec<RequestId> {
        let mut found: Vec<RequestId> = Vec::new();
        for request in self.sim.messages(APPROVALS).expect("a channel").iter().filter_map(|message| id_in(&text(message))) {
            if !found.contains(&request) {
                found.push(request);
            }
        }
        found
    }

    pub fn channel(&self) -> String {
        self.sim.messages(APPROVALS).expect("a channel").iter().map(text).collect::<Vec<_>>().join("\n")
    }

    /// The approvals message of a request: the newest, should there be a copy.
    pub fn approval(&self, request: &RequestId) -> Value {
        self.copies(request).pop().expect("an approvals message")
    }

    /// Every approvals message of a request, oldest first.
    pub fn copies(&self, request: &RequestId) -> Vec<Value> {
        let mut all = self.sim.messages(APPROVALS).expect("a channel");
        all.retain(|message| text(message).contains(request.as_str()));
        all
    }

    /// Waits until a message in the channel beside those of requests says this.
    pub async fn alert(&self, part: &str) {
        self.until(&format!("an alert says {part:?}"), async || {
            let all = self.sim.messages(APPROVALS).expect("a channel");
            all.iter().map(text).any(|text| text.contains(part) && !text.contains("Request req_")).then_some(())
        })
        .await;
    }

    /// One message as it is now.
    pub fn now(&self, message: &Value) -> Value {
        let all = self.sim.messages(message["channel"].as_str().expect("a channel")).expect("a channel");
        all.into_iter().find(|other| other["ts"] == message["ts"]).expect("still there")
    }

    /// Presses in this very message.
    pub async fn presses_in(&self, who: &str, message: &Value, action: &str) -> Delivery {
        let target = PressTarget::message(message["channel"].as_str().expect("a channel"), message["ts"].as_str().expect("a ts"));
        self.sim.press(who, target, Press::from(action)).await.unwrap_or_else(|error| panic!("{who} {action}: {error}"))
    }

    /// The direct message of a request.
    pub fn dm(&self, who: &str, request: &RequestId) -> Option<Value> {
        self.sim.dms(who).ok()?.into_iter().rfind(|message| text(message).contains(request.as_str()))
    }

    /// Presses in the approvals message, once it has that button.
    pub async fn presses(&self, who: &str, request: &RequestId, action: &str) -> Delivery {
        let message = self.until(&format!("{action} in {request}"), async || with(action, self.copies(request).pop())).await;
        self.presses_in(who, &message, action).await
    }

    /// Presses in the own direct message, once it has that button.
    pub async fn presses_own(&self, who: &str, request: &RequestId, action: &str) -> Delivery {
        let message = self.until(&format!("{action} for {who} in {request}"), async || with(action, self.dm(who, request))).await;
        self.presses_in(who, &message, action).await
    }

    /// Waits until the approvals message says this.
    pub async fn channel_says(&self, request: &RequestId, part: &str) -> String {
        self.until(&format!("the channel says {part:?} of {request}"), async || {
            self.copies(request).last().map(text).filter(|text| text.contains(part))
        })
        .await
    }

    /// Waits until the requestor's message says this.
    pub async fn dm_says(&self, who: &str, request: &RequestId, part: &str) -> String {
        self.until(
            &format!(
                "{who} is told {part:?}; was told {:?}",
                self.sim.dms(who).map(|all| all.iter().map(text).collect::<Vec<_>>())
            ),
            async || Some(text(&self.dm(who, request)?)).filter(|text| text.contains(part)),
        )
        .await
    }

    /// Waits until somebody is told this for their eyes only.
    pub async fn is_told(&self, who: &str, part: &str) -> String {
        self.until(
            &format!(
                "{who} is told {part:?}; saw {:?}",
                self.sim.ephemerals(who).map(|all| all.iter().map(text).collect::<Vec<_>>())
            ),
            async || self.sim.ephemerals(who).expect("a person").iter().map(text).find(|text| text.contains(part)),
        )
        .await
    }

    /// How many messages there are for a request: one in the channel, one to the person.
    pub fn messages_of(&self, who: &str, request: &RequestId) -> usize {
        let own = self.sim.dms(who).expect("a person");
        self.copies(request).len() + own.iter().filter(|message| text(message).contains(request.as_str())).count()
    }

    /// The story that the record tells of a request.
    pub async fn record(&self, request: &RequestId) -> Vec<String> {
        let entries = self.app.store.stream(request.as_str()).await.expect("read");
        entries.into_iter().map(|entry| entry.what).collect()
    }

    /// Waits until the record has no access that is not over and done with.
    pub async fn nothing_is_left(&self) {
        self.until("nothing is left to do", async || {
            self.app.store.unfinished_assignments().await.expect("read").is_empty().then_some(())
        })
        .await;
    }

    /// The database of the replicas turns everybody away, and throws out whoever is in.
    pub async fn store_lets_nobody_in(&self, nobody: bool) {
        let name = self.database_url.rsplit('/').next().expect("a database");
        let sql = format!(
            "alter database {name} allow_connections {};
             select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and {nobody}",
            !nobody
        );
        let mut admin = PgConnection::connect(servers::postgres(15).url()).await.expect("connected");
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut admin).await.expect("done");
    }

    // ---- the target

    pub async fn admin(&self) -> PgConnection {
        PgConnection::connect(self.server.url()).await.expect("connected")
    }

    pub async fn say(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.admin().await).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// An administrator takes the role away, past P0.
    pub async fn taken_away_by_hand(&self, who: &str) {
        let (role, login) = (&self.role, self.login(who));
        let by = "select g.rolname from pg_auth_members m join pg_roles g on g.oid = m.grantor";
        let of = format!("m.roleid = '{role}'::regrole and m.member = '{login}'::regrole");
        self.say(&format!(
            "do $$ declare g name; begin
             if current_setting('server_version_num')::int < 160000 then revoke {role} from {login}; return; end if;
             for g in {by} where {of} loop execute format('revoke {role} from {login} granted by %I', g); end loop; end $$"
        ))
        .await;
    }

    pub fn login(&self, who: &str) -> String {
        format!("{who}_{}", self.number)
    }

    /// A session of this person in the target.
    pub async fn session(&self, who: &str) -> PgConnection {
        PgConnection::connect(&self.server.url_of(&self.login(who), PASSWORD)).await.expect("connected")
    }

    /// Can this session read what the role is for?
    pub async fn can_read(&self, session: &mut PgConnection) -> bool {
        sqlx::query(AssertSqlSafe(format!("select n from {}", self.table))).fetch_one(session).await.is_ok()
    }

    /// Does the target itself say that this person is a member?
    pub async fn is_member(&self, who: &str) -> bool {
        let sql = "select 1 from pg_auth_members m join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
                   where r.rolname = $1 and u.rolname = $2";
        sqlx::query(sql)
            .bind(&self.role)
            .bind(self.login(who))
            .fetch_optional(&mut self.admin().await)
            .await
            .expect("read")
            .is_some()
    }

    pub async fn becomes_member(&self, who: &str) {
        self.until(&format!("{who} is a member"), async || self.is_member(who).await.then_some(())).await;
    }

    pub async fn stops_being_member(&self, who: &str) {
        self.until(&format!("{who} is no member"), async || (!self.is_member(who).await).then_some(())).await;
    }

    /// Ends the story: every chain is whole, everything Slack was sent is handed to the judges.
    pub async fn close(mut self) {
        for (stop, task) in self.running.drain(..) {
            let _ = stop.send(());
            task.await.expect("no panic");
        }
        let store = p0::store::Store::open(&self.database_url, self.clock.clone()).await.expect("opened");
        for stream in store.streams().await.expect("read") {
            p0::audit::verify(&store.stream(&stream).await.expect("read")).expect("an unbroken chain");
        }
        hand_over(&self.sim, self.number);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Leaves what Slack was sent where `tools/check-blocks` judges it.
fn hand_over(sim: &Sim, number: u64) {
    let Some(folder) = std::env::var_os("P0_EMITTED") else { return };
    let folder = PathBuf::from(folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let lines: Vec<String> = sim.emitted().iter().map(|emitted| serde_json::to_string(emitted).expect("JSON")).collect();
    std::fs::write(folder.join(format!("office-{number}.ndjson")), lines.join("\n")).expect("written");
}

fn with(action: &str, message: Option<Value>) -> Option<Value> {
    message.filter(|message| has_button(message, action))
}

pub fn has_button(message: &Value, action: &str) -> bool {
    message["blocks"].to_string().contains(&format!("\"action_id\":\"{action}\""))
}

pub fn text(message: &Value) -> String {
    message["text"].as_str().unwrap_or_default().to_owned()
}

pub fn id_in(text: &str) -> Option<RequestId> {
    let at = text.find(RequestId::PREFIX)?;
    RequestId::parse(text.get(at..at + RequestId::PREFIX.len() + 26)?)
}

/// What the program is told by its environment.
pub fn settings(setting: Setting, folder: &std::path::Path, url: &str, sim: &Sim) -> [(&'static str, String); 6] {
    // With sockets nothing is signed.
    let way = match setting.sockets {
        true => ("SLACK_APP_TOKEN", "xapp-a-token-for-tests".to_owned()),
        false => ("SLACK_SIGNING_SECRET", SIGNING_SECRET.to_owned()),
    };
    [
        ("P0_CONFIG", folder.join("p0.yaml").display().to_string()),
        ("P0_KEY_FILE", folder.join("p0.key").display().to_string()),
        ("P0_DATABASE_URL", url.to_owned()),
        ("SLACK_API_URL", sim.api_url()),
        way,
        ("SLACK_BOT_TOKEN", "xoxb-a-token-for-tests".to_owned()),
    ]
}

async fn build(setting: Setting, folder: &std::path::Path, url: &str, sim: &Sim, clock: Arc<Moved>) -> App {
    let settings = settings(setting, folder, url, sim);
    let env = Env::new(move |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()));
    App::build(Settings::read(env), clock, Vec::new()).await.unwrap_or_else(|error| panic!("the app does not start: {error}"))
}
