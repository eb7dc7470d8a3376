//! What the engine costs, measured on the real app with a target in memory:
//!
//! ```sh
//! cargo bench --bench engine -- asks              # CPU of one ask and one approval, each durable
//! cargo bench --bench engine -- ends              # 10,000 accesses that end in the same minute
//! cargo bench --bench engine -- growth            # the life of an access beside 1,000 and 1,000,000 that are over
//! cargo bench --bench engine -- ends postgres     # the same with the record in a throw-away PostgreSQL
//! ```
//!
//! Figures are printed, never asserted: a busy machine fails no test. CPU is this process's own; what
//! the PostgreSQL server spends comes on top and is not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use p0::app::{App, Real};
use p0::catalog::form::Draft;
use p0::config::Settings;
use p0::connectors::Connector;
use p0::desk::{Answer, Came};
use p0::domain::access::{Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan, Planned, Principal};
use p0::domain::assignment::Timing;
use p0::domain::fault::Fault;
use p0::domain::id::RequestId;
use p0::domain::notice::{Notice, Posted};
use p0::domain::outside::{Faults, Outside, Trouble};
use p0::domain::person::{Email, Handle, Person};
use p0::domain::time::{Clock, Span, Time};
use p0::secret::Env;
use p0::surfaces::Surface;
use sqlx::{AssertSqlSafe, Connection, Executor, Row};

const MANIFEST: &str = r#"
manifest: 1
name: depot
title: Depot
connector: depot
access:
  shelf:
    title: Shelf
    args: [ { name: shelf, title: Shelf, kind: choice, options: { source: shelves } } ]
    effect: "shelf {shelf}"
"#;

const CONFIG: &str = "organisation: { slug: acme, title: Acme }
manifests: manifests
integrations: { depot: {} }
engine: { breaker: 1000000 }
policy: { approvers: { people: [ bob@acme.example ] }, openRequests: 100000, longest: 1d }
";

/// How long the target takes for each call.
const TARGET: Duration = Duration::from_millis(5);

#[derive(Clone, Default)]
struct Depot {
    held: Arc<Mutex<BTreeSet<String>>>,
    slow: bool,
}

impl Depot {
    async fn call<T>(&self, act: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
        if self.slow {
            tokio::time::sleep(TARGET).await;
        }
        act(&mut self.held.lock().expect("no panic"))
    }
}

#[async_trait]
impl Connector for Depot {
    fn timing(&self) -> Timing {
        // What answers at once has nothing under way: an end comes to its receipt without a wait.
        let settle = if self.slow { Span::seconds(10) } else { Span::ZERO };
        Timing { call: Span::seconds(5), settle, per_second: 1_000_000 }
    }
    fn sources(&self) -> Vec<&str> {
        vec!["shelves"]
    }
    async fn check(&self) -> Result<(), Fault> {
        Ok(())
    }
    async fn choices(&self, _source: &str) -> Result<Vec<Choice>, Fault> {
        let choice = |number: u32| {
            let value = format!("s{number}");
            Choice { label: value.clone(), value, given: BTreeMap::new() }
        };
        Ok((0..SHELVES).map(choice).collect())
    }
    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault> {
        let key = format!("{}/{}", ask.access.args["shelf"], ask.email);
        let planned =
            Planned { connector: "depot".into(), lane: key.clone(), target: serde_json::json!({}), effect: key.clone(), key };
        let principal = Principal { name: ask.email.local().into(), native: ask.email.as_str().into() };
        Ok(Plan { principal, assignments: vec![planned], warning: None, connect: None })
    }
    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault> {
        Ok(self.call(|held| if held.contains(&assignment.key) { Observed::Held } else { Observed::Absent }).await)
    }
    async fn grant(&self, assignment: &Assignment, _deadline: Time) -> Result<Called, Fault> {
        self.call(|held| held.insert(assignment.key.clone())).await;
        Ok(Called::DONE)
    }
    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault> {
        self.call(|held| held.remove(&assignment.key)).await;
        Ok(Called::DONE)
    }
    async fn ours(&self, _mark: &str) -> Result<Vec<Marked>, Fault> {
        Ok(Vec::new())
    }
    async fn cut(&self, _assignment: &Assignment) -> Result<Cut, Fault> {
        Ok(Cut::NotNeeded)
    }
}

/// The real world, which counts what is asked of the record.
struct Counting {
    real: Real,
    passed: Mutex<BTreeMap<&'static str, u32>>,
}

impl Counting {
    /// How often each place was passed since this was last asked.
    fn passed(&self) -> BTreeMap<&'static str, u32> {
        std::mem::take(&mut self.passed.lock().expect("no panic"))
    }

    /// What that is for each of so many.
    fn each(&self, count: u32) -> String {
        let passed = self.passed();
        let each = |place: &str| f64::from(passed.get(place).copied().unwrap_or(0)) / f64::from(count);
        let (reads, statements, commits) = (each("store.read"), each("store.statement"), each("store.before-commit"));
        format!("{reads:.1} reads, {statements:.1} statements and {commits:.1} commits")
    }
}

impl Clock for Counting {
    fn now(&self) -> Time {
        self.real.now()
    }
}

impl Outside for Counting {
    fn random(&self) -> u128 {
        self.real.random()
    }
    fn faults(&self) -> Option<&dyn Faults> {
        Some(self)
    }
}

#[async_trait]
impl Faults for Counting {
    async fn reach(&self, place: &'static str) -> Result<(), Trouble> {
        *self.passed.lock().expect("no panic").entry(place).or_default() += 1;
        Ok(())
    }
}

/// A place whose messages cost nothing but what the engine does for them.
struct Wall;

#[async_trait]
impl Surface for Wall {
    fn name(&self) -> &'static str {
        "bench"
    }
    fn routes(self: Arc<Self>) -> axum::Router {
        axum::Router::new()
    }
    async fn show(&self, notice: &Notice, _until: Time) -> Result<Posted, Fault> {
        Ok(Posted { place: "W1".into(), message: notice.id.as_str().to_owned(), link: None })
    }
    async fn resume(&self, _key: &str) -> Result<(), Fault> {
        Ok(())
    }
}

const PEOPLE: u32 = 1_000;
const SHELVES: u32 = 100;

struct Bench {
    app: App,
    url: String,
    outside: Arc<Counting>,
    people: Vec<(Person, Handle)>,
    bob: (Person, Handle),
    presses: u64,
    folder: PathBuf,
    server: Option<Child>,
}

impl Bench {
    async fn start(store: &str, slow: bool, people: u32) -> Bench {
        let folder = std::env::temp_dir().join(format!("p0-bench-{}-{store}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("manifests")).expect("a folder");
        std::fs::write(folder.join("manifests/depot.yaml"), MANIFEST).expect("written");
        std::fs::write(folder.join("p0.yaml"), CONFIG).expect("written");
        let (url, server) = match store {
            "postgres" => postgres(),
            _ => (format!("sqlite:{}", folder.join("p0.db").display()), None),
        };
        let (config, key, database) =
            (folder.join("p0.yaml").display().to_string(), folder.join("p0.key").display().to_string(), url.clone());
        let env = Env::new(move |name| match name {
            "P0_CONFIG" => Some(config.clone()),
            "P0_KEY_FILE" => Some(key.clone()),
            "P0_DATABASE_URL" => Some(database.clone()),
            _ => None,
        });
        let outside = Arc::new(Counting { real: Real::new(None), passed: Mutex::default() });
        let depot = Depot { slow, ..Depot::default() };
        let app = App::build(Settings::read(env), outside.clone(), vec![("depot".into(), Arc::new(depot))]).await;
        let app = app.unwrap_or_else(|error| panic!("{error}"));
        app.desk.refresh_choices().await;
        app.engine.add_surface(Arc::new(Wall), &[]);
        let mut all = Vec::new();
        for number in 0..people {
            all.push(meet(&app, &format!("p{number}")).await);
        }
        let bob = meet(&app, "bob").await;
        Bench { app, url, outside, people: all, bob, presses: 0, folder, server }
    }

    fn came(&mut self, (person, handle): (Person, Handle)) -> Came {
        self.presses += 1;
        Came { key: format!("press:{}", self.presses), person, handle, tell_by: None, unfinished: false, shown: None }
    }

    fn ask(&mut self, number: u32, length: Span) -> (Came, Draft) {
        let person = self.people[(number % u32::try_from(self.people.len()).expect("few")) as usize].clone();
        let shelf = format!("s{}", number / u32::try_from(self.people.len()).expect("few") % SHELVES);
        let draft = Draft {
            integration: Some("depot".into()),
            access_type: Some("shelf".into()),
            values: [("shelf".to_owned(), shelf)].into(),
            reason: Some("INC-42".into()),
            duration: Some(length),
            ..Draft::default()
        };
        (self.came(person), draft)
    }

    async fn asks(&mut self, number: u32, length: Span) -> RequestId {
        let (came, draft) = self.ask(number, length);
        match self.app.desk.submit(&came, draft).await.expect("answered") {
            Answer::Asked { request, .. } => request,
            other => panic!("{other:?}"),
        }
    }

    async fn approves(&mut self, request: &RequestId, length: Option<Span>) {
        let came = self.came(self.bob.clone());
        let answer = self.app.desk.approve(&came, request, length).await.expect("answered");
        assert!(matches!(answer, Answer::Approved { .. }), "{answer:?}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some(server) = &mut self.server {
            drop(server.stdin.take()); // it removes itself
            let _ = server.wait();
        }
    }
}

async fn meet(app: &App, name: &str) -> (Person, Handle) {
    let handle = Handle { surface: "bench".into(), realm: "T1".into(), handle: format!("U-{name}") };
    let email = Email::parse(&format!("{name}@acme.example")).expect("an address");
    (app.desk.meet(&handle, &email, name).await.expect("met"), handle)
}

/// A throw-away server that syncs to disk and has the memory of PostgreSQL's defaults, as a real one does at least.
fn postgres() -> (String, Option<Child>) {
    let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/postgres");
    let mut server = Command::new(tool)
        .args(["run", "15", "--", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "shared_buffers=128MB"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tools/postgres");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let told: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    (told["url"].as_str().expect("a URL").to_owned(), Some(server))
}

/// CPU time of this process, all threads.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("ticks") + fields[12].parse::<u64>().expect("ticks");
    Duration::from_millis(ticks * 10)
}

fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).expect("kB") / 1024
}

/// Runs something `count` times: microseconds of CPU and milliseconds of wall for each.
async fn measured<F: Future<Output = ()>>(what: &str, count: u32, work: F) -> f64 {
    let (cpu_before, before) = (cpu(), Instant::now());
    work.await;
    let spent = (cpu() - cpu_before).as_secs_f64() * 1e6 / f64::from(count);
    let wall = before.elapsed().as_secs_f64() * 1e3 / f64::from(count);
    println!("{what:<52} {spent:>8.0} us CPU  {wall:>8.2} ms");
    spent
}

async fn asks(store: &str) {
    let mut bench = Bench::start(store, false, PEOPLE).await;
    let count = 3_000;
    let mut requests = Vec::new();
    for number in 0..200 {
        let request = bench.asks(number, Span::hours(1)).await; // warms up
        bench.approves(&request, None).await;
    }
    bench.outside.passed();
    measured(&format!("{store}: ask, durable"), count, async {
        for number in 200..200 + count {
            requests.push(bench.asks(number, Span::hours(1)).await);
        }
    })
    .await;
    println!("{store}: {} each", bench.outside.each(count));
    measured(&format!("{store}: approve, intent durable"), count, async {
        for request in &requests {
            bench.approves(request, None).await;
        }
    })
    .await;
    println!("{store}: {} each", bench.outside.each(count));
    println!("{store}: memory {} MB", memory());
}

async fn ends(store: &str, count: u32) {
    let mut bench = Bench::start(store, true, PEOPLE).await;
    let engine = bench.app.engine.clone();
    let working = tokio::spawn(async move { engine.run().await });
    let begin = bench.outside.now() + Span::millis(i64::from(count) * if store == "postgres" { 24 } else { 18 });
    for number in 0..count {
        let request = bench.asks(number, Span::hours(1)).await;
        let end = begin + Span::millis(i64::from(number) * 60_000 / i64::from(count));
        let length = end - bench.outside.now();
        bench.approves(&request, Some(length)).await;
    }
    let (total, by_state) = states(&bench.url).await;
    println!("{store}: {total} accesses are given ({by_state}); they end within one minute");
    let left = (begin - bench.outside.now()).max(Span::ZERO);
    println!("{store}: {left} until the first ends, memory {} MB", memory());
    tokio::time::sleep(left.to_std()).await;
    let before = cpu();
    bench.outside.passed();
    tokio::time::sleep(Duration::from_secs(75)).await;
    loop {
        let (_, by_state) = states(&bench.url).await;
        if by_state.starts_with("ended") && !by_state.contains(',') {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let spent = (cpu() - before).as_secs_f64() * 1e3 / f64::from(count);
    println!("{store}: {} for each end, its messages included", bench.outside.each(count));
    let lags = lags(&bench.url).await;
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
    println!(
        "{store}: {} ends: lag p50 {} ms, p99 {} ms, max {} ms (the target's own calls: {} ms); {spent:.2} ms CPU for each end",
        lags.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        2 * TARGET.as_millis()
    );
    println!("{store}: memory {} MB", memory());
    bench.app.engine.stop();
    let _ = working.await;
}

async fn states(url: &str) -> (i64, String) {
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("connected");
    let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM assignments GROUP BY state ORDER BY state")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    let counts: Vec<(String, i64)> = rows.iter().map(|row| (row.get("state"), row.get("n"))).collect();
    let text: Vec<String> = counts.iter().map(|(state, count)| format!("{state} {count}")).collect();
    (counts.iter().map(|(_, count)| count).sum(), text.join(", "))
}

async fn lags(url: &str) -> Vec<i64> {
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("connected");
    let rows = sqlx::query("SELECT absent_at - due_at AS lag FROM assignments WHERE absent_at IS NOT NULL ORDER BY 1")
        .fetch_all(&mut connection)
        .await
        .expect("read");
    rows.iter().map(|row| row.get("lag")).collect()
}

async fn growth(store: &str) {
    let mut figures = Vec::new();
    for over in [1_000u32, 1_000_000] {
        let mut bench = Bench::start(store, false, 1_000).await;
        let before = Instant::now();
        bury(&bench.url, bench.outside.now(), over).await;
        println!("{store}: {over} requests that are over are in the record ({:.0} s)", before.elapsed().as_secs_f64());
        let count = 500;
        let mut number = 0;
        let lives = async |bench: &mut Bench, number: &mut u32, count: u32| {
            for _ in 0..count {
                let request = bench.asks(*number, Span::hours(1)).await;
                bench.approves(&request, None).await;
                bench.app.engine.run_due().await;
                let own = bench.people[(*number % 1_000) as usize].clone();
                let came = bench.came(own);
                bench.app.desk.relinquish(&came, &request).await.expect("answered");
                bench.app.engine.run_due().await;
                *number += 1;
            }
        };
        lives(&mut bench, &mut number, 100).await;
        let mut best = f64::MAX;
        bench.outside.passed();
        for _ in 0..3 {
            let what = format!("{store}: a life beside {over} that are over");
            best = best.min(measured(&what, count, lives(&mut bench, &mut number, count)).await);
        }
        println!("{store}: {} for each life, its receipt and messages included", bench.outside.each(3 * count));
        let now = bench.outside.now();
        bench.app.engine.scan(now).await; // makes the checkpoint of what just happened
        let what = format!("{store}: the scan of each minute beside {over}");
        measured(&what, 100, async {
            for _ in 0..100 {
                bench.app.engine.scan(now).await;
            }
        })
        .await;
        println!("{store}: memory {} MB", memory());
        figures.push(best);
        bench.app.store.close().await;
    }
    println!("{store}: a life costs {:+.1} % beside a thousand times as many", (figures[1] / figures[0] - 1.0) * 100.0);
}

/// Puts requests that are over since 60 days into the record, each person's as many, with all that lives leave
/// behind, and comes back when nothing of that is left to be written to disk.
async fn bury(url: &str, now: Time, count: u32) {
    let mut connection = sqlx::AnyConnection::connect(url).await.expect("connected");
    let n = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let few = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})", count.div_ceil(10));
    let id = |prefix: &str| format!("'{prefix}_0000000000000000' || (1000000000 + i)");
    let one_of = |prefix: &str, of: u32| format!("'{prefix}_0000000000000000' || (1000000000 + 1 + i % {of})");
    let assignments = count.div_ceil(10);
    let people =
        "JOIN (SELECT id AS person, ROW_NUMBER() OVER (ORDER BY id) - 1 AS place FROM people) AS p ON p.place = i % 1000";
    let hash = "'0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'";
    let at = format!("{} + i", (now - Span::days(60)).0);
    let mut all = vec![
        format!(
            "INSERT INTO requests (id, requestor, principal, integration, access_type, args, same, effect, reason, length, via, state,
             policy, plan, created_at, stale_at, decided_at) {n} SELECT {}, person, person, 'depot', 'shelf', '{{\"shelf\":\"s1\"}}',
             {hash}, 'shelf s1', 'INC-42', 3600000, 'bench', 'approved', 1, '{{\"assignments\":[],\"connect\":null}}', {at}, {at}, {at} FROM n {people}",
            id("req")
        ),
        format!(
            "INSERT INTO decisions (request, step, actor, verdict, length, via, policy, at)
             {n} SELECT {}, 1, person, 'approve', 3600000, 'bench', 1, {at} FROM n {people}",
            id("req")
        ),
        format!(
            "INSERT INTO assignments (id, key, connector, target, effect, lane, state, baseline, due_at, absent_at, observed_at, ended_at,
             seen, cut, created_at) {few} SELECT {}, 'old/' || i, 'depot', '{{}}', 'shelf s1', 'old/' || i, 'ended', 'absent', {at}, {at},
             {at}, {at}, '{{\"seen\":\"absent\"}}', '{{\"cut\":\"not_needed\"}}', {at} FROM n",
            id("asg")
        ),
        format!(
            "INSERT INTO grants (id, request, assignment, position, length, ends_at, usable_at, ended_at, ended_by, ended_how)
             {n} SELECT {}, {}, {}, 0, 3600000, {at}, {at}, {at}, 'engine', 'expired' FROM n",
            id("gra"),
            id("req"),
            one_of("asg", assignments)
        ),
        format!(
            "INSERT INTO notices (id, subject, surface, realm, audience, wanted, shown, not_before)
             {n} SELECT {}, {}, 'bench', 'T1', 'approvals', 4, 4, 0 FROM n",
            id("not"),
            id("req")
        ),
        format!("INSERT INTO streams (stream, seq, head, sealed) {n} SELECT {}, 4, {hash}, 4 FROM n", id("req")),
    ];
    for seq in 1..=4 {
        all.push(format!(
            "INSERT INTO events (stream, seq, at, actor, what, body, previous, hash)
             {n} SELECT {}, {seq}, {at}, 'engine', 'request.asked', '{{\"length_ms\":3600000,\"policy\":1}}', {hash}, {hash} FROM n",
            id("req")
        ));
    }
    for press in 1..=3 {
        all.push(format!(
            "INSERT INTO inbox (key, surface, at, state, answer) {n} SELECT 'old:{press}:' || i, 'bench', {at}, 'answered', '{{}}' FROM n"
        ));
    }
    for statement in all {
        connection.execute(AssertSqlSafe(statement)).await.expect("buried");
    }
    // PostgreSQL gathers figures about its tables by itself, SQLite never does. Of what was filled only: told that the
    // agenda is empty, it would go on to plan for an empty one.
    let settle: &[&str] = match url.starts_with("sqlite:") {
        true => &["PRAGMA wal_checkpoint(TRUNCATE)"],
        false => &["VACUUM ANALYZE requests, decisions, assignments, grants, notices, streams, events, inbox", "CHECKPOINT"],
    };
    for statement in settle {
        connection.execute(*statement).await.expect("settled");
    }
    assert!(Command::new("sync").status().expect("sync").success());
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let stores: Vec<&str> = ["sqlite", "postgres"].into_iter().filter(|store| args.iter().any(|arg| arg == store)).collect();
    let stores = if stores.is_empty() { vec!["sqlite", "postgres"] } else { stores };
    let wanted = |name: &str| {
        args.iter().any(|arg| arg == name) || !args.iter().any(|arg| ["asks", "ends", "growth"].contains(&arg.as_str()))
    };
    for store in stores {
        if wanted("asks") {
            asks(store).await;
        }
        if wanted("ends") {
            ends(store, 10_000).await;
        }
        if wanted("growth") {
            growth(store).await;
        }
    }
}
