//! The program itself, started for an office: a process that can be killed, or that kills itself at a
//! named place. Its clock is the real one.

use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use p0::playground::AppUrls;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor, Row};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::office::{self, Office};

/// A port that nobody has and that the system gives to nobody by itself: between now and the start of
/// the program no other test can come by it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let port = 20_000 + NEXT.fetch_add(1, Ordering::Relaxed) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A running `p0 serve`. Dropping it kills it.
pub struct Process {
    child: Child,
    pub urls: AppUrls,
}

impl Process {
    pub fn is_dead(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("kill runs").success());
    }

    /// `kill -TERM`, and waits until it has ended: in good order.
    pub async fn stops(&mut self) {
        self.signal("-TERM");
        while !self.is_dead() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(self.child.wait().expect("a child").success(), "it did not end in good order");
    }

    /// `kill -STOP`: it is there, and nothing moves in it.
    pub fn freezes(&self) {
        self.signal("-STOP");
    }

    pub fn thaws(&self) {
        self.signal("-CONT");
    }

    /// What `/readyz` says: its status and its line.
    pub async fn ready(&self) -> (u16, String) {
        self.answers("/readyz").await.expect("it listens")
    }

    async fn answers(&self, path: &str) -> std::io::Result<(u16, String)> {
        let address = self.urls.commands.strip_prefix("http://").and_then(|rest| rest.split('/').next()).expect("an address");
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: p0\r\nconnection: close\r\n\r\n").as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Ok((status, answer.lines().last().unwrap_or_default().to_owned()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Office {
    /// Starts the program; Slack sends there from now on. With a place and a number of passes
    /// (`engine.after-grant:0`) it aborts there. Comes back when it is ready or dead.
    pub async fn starts(&self, abort_at: Option<&str>) -> Process {
        let port = free_port();
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.join("p0.log")).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_p0"));
        command.arg("serve").env_clear().envs(office::settings(self.setting, &self.folder, &self.database_url, &self.sim));
        command
            .env("P0_LISTEN", format!("127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log);
        if let Some(place) = abort_at {
            command.env("P0_ABORT_AT", place);
        }
        let child = command.spawn().expect("the program starts");
        let mut process = Process { child, urls: AppUrls::under(&format!("http://127.0.0.1:{port}")) };
        // As whoever spreads the load does: nothing is sent there before it says that it is ready.
        loop {
            let ready = process.answers("/readyz").await.is_ok_and(|(status, _)| status == 200);
            if process.is_dead() || (ready && self.knows_the_roles().await) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.sim.set_app(process.urls.clone());
        process
    }

    /// Before the roles were fetched for the first time, a command that names one opens the form.
    async fn knows_the_roles(&self) -> bool {
        !self.app.store.choices("postgres", "roles").await.expect("read").is_empty()
    }

    /// What a dead process had claimed is free 45 seconds later. These stories run by the real
    /// clock and do not wait for that.
    pub async fn leases_run_out(&self) {
        self.store_does(&["UPDATE agenda SET lease_until = 0".to_owned(), "UPDATE lanes SET lease_until = 0".to_owned()]).await;
    }

    /// Changes the record behind the back of whoever serves: what only time would change.
    pub async fn store_does(&self, statements: &[String]) {
        let mut store = AnyConnection::connect(&self.database_url).await.expect("connected");
        for sql in statements {
            let mut tries = 0;
            while let Err(error) = store.execute(AssertSqlSafe(sql.as_str())).await {
                tries += 1;
                assert!(tries < 20, "{sql}: {error}"); // a deadlock, or a busy file: the same again will do
            }
        }
        store.close().await.expect("closed");
    }

    /// The agenda as it stands, for whoever wants to know why something is not done.
    pub async fn agenda(&self) -> Vec<String> {
        let mut store = AnyConnection::connect(&self.database_url).await.expect("connected");
        let sql = "SELECT kind || ' ' || id || ' in ' || lane AS what, run_at, lease_until, attempts FROM agenda";
        let rows = sqlx::query(sql).fetch_all(&mut store).await.expect("read");
        store.close().await.expect("closed");
        let row = |row: &AnyRow| {
            let (run_at, lease): (i64, i64) = (row.get("run_at"), row.get("lease_until"));
            format!("{} at {run_at}, leased until {lease}, try {}", row.get::<String, _>("what"), row.get::<i64, _>("attempts"))
        };
        rows.iter().map(row).collect()
    }

    /// How many rows there are of these: `inbox WHERE state = 'pending'`.
    pub async fn store_counts(&self, of: &str) -> i64 {
        let mut store = AnyConnection::connect(&self.database_url).await.expect("connected");
        let query = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) AS count FROM {of}")));
        let count = query.fetch_one(&mut store).await.expect("read").get("count");
        store.close().await.expect("closed");
        count
    }
}
