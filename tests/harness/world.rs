//! The world of a story: clock, app, people, verbs. No surface is needed; people press by the desk.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use p0::app::App;
use p0::catalog::form::Draft;
use p0::config::Settings;
use p0::desk::view::{Phase, RequestView};
use p0::desk::{Answer, Came};
use p0::domain::id::RequestId;
use p0::domain::outside::{Faults, Outside, Trouble};
use p0::domain::person::{Email, Handle, Person};
use p0::domain::time::{Clock, Span, Time};
use p0::engine::LEASE;
use p0::secret::Env;
use sqlx::Connection;

use super::board::Board;
use super::target::{MANIFEST, Target};

/// Time that is moved by hand, chance from a seed, and a place to be killed at.
pub struct Outer {
    now: AtomicI64,
    seed: AtomicU64,
    /// Places left to pass before the process "dies"; below zero: lives for ever.
    lives: AtomicI64,
    store_is_down: AtomicBool,
    /// Reads of the store left until the process stands still for a while; below zero: never.
    stands: AtomicI64,
    pub passed: Mutex<Vec<&'static str>>,
}

impl Outer {
    pub fn new(seed: u64) -> Arc<Outer> {
        Arc::new(Outer {
            now: AtomicI64::new(1_700_000_000_000),
            seed: AtomicU64::new(seed),
            lives: AtomicI64::new(-1),
            store_is_down: AtomicBool::new(false),
            stands: AtomicI64::new(-1),
            passed: Mutex::default(),
        })
    }

    pub fn pass(&self, span: Span) {
        self.now.fetch_add(span.0, Ordering::SeqCst);
    }

    /// Did it reach the place it was to die at?
    pub fn is_dead(&self) -> bool {
        self.lives.load(Ordering::SeqCst) == i64::MIN
    }

    /// While it is, the store takes and tells nothing.
    pub fn store_is_down(&self, down: bool) {
        self.store_is_down.store(down, Ordering::SeqCst);
    }

    /// At the `n`-th read of the store from now on, the process stands still for longer than a claim lasts.
    pub fn stands_still_at_read(&self, n: i64) {
        self.stands.store(n, Ordering::SeqCst);
    }

    /// From now on, the `n`-th place that is reached is never left.
    pub fn die_at(&self, n: i64) {
        self.lives.store(n, Ordering::SeqCst);
        self.passed.lock().expect("no panic").clear();
    }
}

impl Clock for Outer {
    fn now(&self) -> Time {
        Time(self.now.load(Ordering::SeqCst))
    }
}

impl Outside for Outer {
    fn random(&self) -> u128 {
        // splitmix64, twice
        let next = || {
            let mut z = self.seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            u128::from(z ^ (z >> 31))
        };
        (next() << 64) | next()
    }

    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }
}

#[async_trait]
impl Faults for Outer {
    async fn reach(&self, place: &'static str) -> Result<(), Trouble> {
        if place.starts_with("store.") && self.store_is_down.load(Ordering::SeqCst) {
            return Err(Trouble::Full);
        }
        if place == "store.read" && self.stands.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.pass(LEASE + Span::seconds(1));
        }
        if place == "store.statement" || place == "store.read" {
            return Ok(()); // killed between two statements is killed before the commit
        }
        self.passed.lock().expect("no panic").push(place);
        let left = self.lives.load(Ordering::SeqCst);
        if left == i64::MIN {
            std::future::pending::<()>().await; // a dead process does nothing more, anywhere
        }
        if left >= 0 {
            self.lives.store(if left == 0 { i64::MIN } else { left - 1 }, Ordering::SeqCst);
            if left == 0 {
                std::future::pending::<()>().await;
            }
        }
        Ok(())
    }
}

/// Where a world keeps its record.
#[derive(Debug, Clone)]
pub enum Database {
    Sqlite,
    /// The URL of an empty PostgreSQL database.
    Postgres(String),
}

impl Database {
    /// An empty database on the PostgreSQL that this run shares.
    pub async fn postgres() -> Database {
        let server = super::servers::postgres(15);
        let name = format!("p0_world_{}", super::outside::unique());
        let mut admin = sqlx::PgConnection::connect(server.url()).await.expect("connected");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.expect("a store");
        let mut url = url::Url::parse(server.url()).expect("a URL");
        url.set_path(&name);
        Database::Postgres(url.into())
    }
}

pub struct World {
    pub outer: Arc<Outer>,
    pub target: Target,
    pub board: Arc<Board>,
    pub app: App,
    folder: PathBuf,
    url: String,
    presses: AtomicU64,
}

const POLICY: &str = "policy:\n  approvers: { people: [ bob@acme.example, carol@acme.example ] }\n";

impl World {
    pub async fn new(database: Database) -> World {
        World::with(database, POLICY).await
    }

    pub async fn with(database: Database, policy: &str) -> World {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let folder = std::env::temp_dir().join(format!("p0-world-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("manifests")).expect("a temporary folder");
        std::fs::write(folder.join("manifests/depot.yaml"), MANIFEST).expect("written");
        let text =
            format!("organisation: {{ slug: acme, title: Acme }}\nmanifests: manifests\nintegrations:\n  depot: {{}}\n{policy}");
        std::fs::write(folder.join("p0.yaml"), text).expect("written");
        let url = match database {
            Database::Sqlite => format!("sqlite:{}", folder.join("p0.db").display()),
            Database::Postgres(url) => url,
        };
        let outer = Outer::new(number + 1);
        let target = Target::new(outer.clone());
        let board = Board::new(outer.clone());
        let app = build(&folder, &url, &outer, &target).await;
        World { outer, target, board, app, folder, url, presses: AtomicU64::new(0) }
    }

    /// A path in the folder of this world, which is gone after it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Where its record is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process died and is started again: everything in memory is gone.
    pub async fn restart(&mut self) {
        self.outer.die_at(-1);
        self.app = build(&self.folder, &self.url, &self.outer, &self.target).await;
        self.app.engine.scan(self.outer.now()).await;
    }

    /// From now on what people are told is put up on the board.
    pub fn shows(&self) {
        self.app.engine.add_surface(self.board.clone(), &[]);
    }

    /// Runs something until it is done, or until the process is dead: `None`.
    pub async fn until_dead<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        loop {
            if let Ok(done) = tokio::time::timeout(Duration::from_millis(20), work.as_mut()).await {
                return Some(done);
            }
            if self.outer.is_dead() {
                return None;
            }
        }
    }

    /// Another replica on the same store.
    pub async fn replica(&self) -> App {
        build(&self.folder, &self.url, &self.outer, &self.target).await
    }

    pub async fn person(&self, name: &str) -> (Person, Handle) {
        let handle = Handle { surface: "test".into(), realm: "T1".into(), handle: format!("U-{name}") };
        let email = Email::parse(&format!("{name}@acme.example")).expect("an address");
        (self.app.desk.meet(&handle, &email, name).await.expect("met"), handle)
    }

    /// A fresh press of this person.
    pub async fn press(&self, name: &str) -> Came {
        let (person, handle) = self.person(name).await;
        let key = format!("press:{}", self.presses.fetch_add(1, Ordering::SeqCst));
        Came { key, person, handle, tell_by: None, unfinished: false, shown: None }
    }

    pub async fn ask(&self, name: &str, access_type: &str, value: &str, length: Span) -> Answer {
        let came = self.press(name).await;
        self.app.desk.submit(&came, ask(access_type, value, length)).await.expect("answered")
    }

    /// Asks, and the request is open.
    pub async fn asks(&self, name: &str, access_type: &str, value: &str, length: Span) -> RequestId {
        let mut answer = self.ask(name, access_type, value, length).await;
        for _ in 0..10 {
            // A busy machine took longer than the second a person is let wait: as they do, once more.
            if !matches!(&answer, Answer::Refused { why } if why.contains("There was no answer within")) {
                break;
            }
            answer = self.ask(name, access_type, value, length).await;
        }
        match answer {
            Answer::Asked { request, .. } => request,
            other => panic!("{name} asked for {access_type} {value} and got {other:?}"),
        }
    }

    pub async fn approve(&self, name: &str, request: &RequestId) -> Answer {
        let came = self.press(name).await;
        self.app.desk.approve(&came, request, None).await.expect("answered")
    }

    pub async fn approves(&self, name: &str, request: &RequestId) {
        let answer = self.approve(name, request).await;
        assert!(matches!(answer, Answer::Approved { .. }), "{name} approved and got {answer:?}");
    }

    pub async fn extend(&self, name: &str, request: &RequestId) -> Answer {
        let came = self.press(name).await;
        self.app.desk.extend(&came, request).await.expect("answered")
    }

    /// Asks, it is approved, and it works.
    pub async fn gets(&self, name: &str, access_type: &str, value: &str, length: Span) -> RequestId {
        let request = self.asks(name, access_type, value, length).await;
        self.approves("bob", &request).await;
        self.settle().await;
        request
    }

    /// Until when a request's access can be used.
    pub async fn until(&self, request: &RequestId) -> Time {
        match self.phase(request).await {
            Phase::Usable { until, .. } => until,
            other => panic!("not usable: {other:?}"),
        }
    }

    pub async fn relinquish(&self, name: &str, request: &RequestId) -> Answer {
        let came = self.press(name).await;
        self.app.desk.relinquish(&came, request).await.expect("answered")
    }

    pub async fn revoke(&self, name: &str, request: &RequestId, all: bool) -> Answer {
        let came = self.press(name).await;
        self.app.desk.revoke(&came, request, all).await.expect("answered")
    }

    /// Everything that is due now is done.
    pub async fn settle(&self) {
        self.app.engine.run_due().await;
    }

    /// Time passes in steps, and what comes due is done on the way.
    pub async fn pass(&self, span: Span) {
        let step = Span::millis(500);
        let end = self.outer.now() + span;
        while self.outer.now() < end {
            self.outer.pass(step.min(end - self.outer.now()));
            self.settle().await;
        }
    }

    pub async fn view(&self, request: &RequestId) -> RequestView {
        self.app.desk.view(request, "test", "T1").await.expect("read").expect("there")
    }

    pub async fn phase(&self, request: &RequestId) -> Phase {
        self.view(request).await.phase
    }

    /// The names of what happened to a request, in order.
    pub async fn story(&self, stream: &str) -> Vec<String> {
        let entries = self.app.store.stream(stream).await.expect("read");
        p0::audit::verify(&entries).expect("an unbroken chain");
        entries.into_iter().map(|entry| entry.what).collect()
    }

    /// Every chain in the record is whole.
    pub async fn chains_are_whole(&self) {
        for stream in self.app.store.streams().await.expect("read") {
            self.story(&stream).await;
        }
    }
}

pub fn ask(access_type: &str, value: &str, length: Span) -> Draft {
    Draft {
        integration: Some("depot".into()),
        access_type: Some(access_type.into()),
        values: [(access_type.to_owned(), value.to_owned())].into(),
        reason: Some("INC-42".into()),
        duration: Some(length),
        ..Draft::default()
    }
}

async fn build(folder: &std::path::Path, url: &str, outer: &Arc<Outer>, target: &Target) -> App {
    let (config, key, url) =
        (folder.join("p0.yaml").display().to_string(), folder.join("p0.key").display().to_string(), url.to_owned());
    let env = Env::new(move |name| match name {
        "P0_CONFIG" => Some(config.clone()),
        "P0_KEY_FILE" => Some(key.clone()),
        "P0_DATABASE_URL" => Some(url.clone()),
        _ => None,
    });
    let outside: Arc<dyn Outside> = outer.clone();
    let app = App::build(Settings::read(env), outside, vec![("depot".into(), Arc::new(target.clone()))]).await;
    let app = app.unwrap_or_else(|error| panic!("the app does not start: {error}"));
    app.desk.refresh_choices().await;
    app
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
