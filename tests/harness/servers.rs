//! Real servers for the stories, started by `tools/`. They end when the test binary does, however it
//! ends: each watches its standard input. A server that cannot be started fails the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

/// A running server. Dropping it ends it.
pub struct Server {
    child: Child,
    line: Line,
}

#[derive(Deserialize)]
struct Line {
    port: u16,
    url: String,
}

impl Server {
    /// A PostgreSQL cluster of one's own.
    pub fn start(version: u32) -> Server {
        let tool = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/postgres");
        let advice = format!("PostgreSQL {version} cannot be started with {tool}; run tools/setup first");
        let mut child = Command::new(tool)
            .args(["run", &version.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{advice}: {error}"));
        let mut line = String::new();
        let output = child.stdout.take().expect("piped");
        BufReader::new(output).read_line(&mut line).unwrap_or_else(|error| panic!("{advice}: {error}"));
        let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{advice}: {error}"));
        Server { child, line }
    }

    pub fn port(&self) -> u16 {
        self.line.port
    }

    /// The superuser's URL, with its password.
    pub fn url(&self) -> &str {
        &self.line.url
    }

    /// The URL of a login.
    pub fn url_of(&self, login: &str, password: &str) -> String {
        let mut url = url::Url::parse(&self.line.url).expect("a URL");
        url.set_username(login).expect("a host");
        url.set_password(Some(password)).expect("a host");
        url.into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A PostgreSQL of one's own that keeps its data when it is stopped, and loses no commit by that.
pub struct Kept {
    line: Line,
    dir: String,
}

#[derive(Deserialize)]
struct Dir {
    dir: String,
}

impl Kept {
    pub fn start() -> Kept {
        Kept::by(&["start", "15"])
    }

    /// A server that follows this one: what is committed here is committed there.
    pub fn follower(&self) -> Kept {
        Kept::by(&["follow", "15", "--of", &self.dir])
    }

    fn by(words: &[&str]) -> Kept {
        let parent = std::process::id().to_string();
        let options = ["-c", "synchronous_commit=on", "-c", "wal_level=replica", "-c", "max_wal_senders=5"];
        let line = tool(&[words, &["--watch-parent", &parent, "--"], &options].concat());
        let dir: Dir = serde_json::from_str(&line).expect("a folder");
        Kept { line: serde_json::from_str(&line).expect("a server"), dir: dir.dir }
    }

    /// Stops it at once, as a power cut would.
    pub fn halt(&self) {
        tool(&["halt", &self.dir]);
    }

    pub fn resume(&self) {
        tool(&["resume", &self.dir]);
    }

    pub fn port(&self) -> u16 {
        self.line.port
    }

    pub fn url(&self) -> &str {
        &self.line.url
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        tool(&["stop", &self.dir]);
    }
}

fn tool(words: &[&str]) -> String {
    let done = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tools/postgres")).args(words).output().expect("the tool runs");
    assert!(done.status.success(), "tools/postgres {words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// The PostgreSQL cluster that all stories of this run share; each makes names of its own.
pub fn postgres(version: u32) -> &'static Server {
    static FIFTEEN: OnceLock<Server> = OnceLock::new();
    static EIGHTEEN: OnceLock<Server> = OnceLock::new();
    match version {
        15 => FIFTEEN.get_or_init(|| Server::start(15)),
        18 => EIGHTEEN.get_or_init(|| Server::start(18)),
        other => panic!("there is no PostgreSQL {other} here; say 15 or 18"),
    }
}
