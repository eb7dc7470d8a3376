//! The stage of each story: a members page, and a connector that knows no more of it than `manifests/members.yaml`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use p0::catalog::form::Draft;
use p0::connectors::{Connector, http};
use p0::desk::Answer;
use p0::desk::view::Phase;
use p0::domain::access::{Access, Ask, Assignment, Observed, Plan, mark};
use p0::domain::fault::Fault;
use p0::domain::id::{AssignmentId, RequestId};
use p0::domain::person::Email;
use p0::domain::time::{Clock, Span, Time};
use p0::playground::members::{self, Members};
use p0::yaml::{BadYaml, Section};

use crate::harness::outside::{Wall, unique};
use crate::harness::world::{Database, World};

pub const MANIFEST: &str = include_str!("../../../manifests/members.yaml");
pub const TOKEN: &str = "a-token-nobody-may-see";
pub const INSTALLATION: &str = "abc123";
pub const HOUR: Span = Span::hours(1);

/// A file that holds a secret, gone after the story.
pub struct Secret(pub PathBuf);

impl Secret {
    pub fn new(text: &str) -> Secret {
        let path = std::env::temp_dir().join(format!("p0-token-{}-{}", std::process::id(), unique()));
        std::fs::write(&path, text).expect("written");
        Secret(path)
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub async fn members(clock: Arc<dyn Clock>) -> Members {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    members::start(listen, TOKEN.to_owned(), clock).await.expect("started")
}

/// The connector as a configuration and a manifest make it, or the mistake.
pub fn built(config: &str, manifest: &str) -> Result<Arc<dyn Connector>, BadYaml> {
    let section = Section::whole("p0.yaml", format!("integrations:\n  members:\n{config}"));
    let section = section.child("integrations").child("members");
    http::build(&section, &Section::whole("members.yaml", manifest), Arc::new(Wall(Span::ZERO)))
}

/// The page and the connector, without the engine.
pub struct Page {
    pub members: Members,
    pub outside: Arc<Wall>,
    pub connector: Arc<dyn Connector>,
}

impl Page {
    pub async fn new() -> Page {
        Page::with(MANIFEST).await
    }

    pub async fn with(manifest: &str) -> Page {
        let outside = Arc::new(Wall(Span::ZERO));
        let members = members(outside.clone()).await;
        let connector = connector(&members, manifest);
        Page { members, outside, connector }
    }

    pub async fn plan(&self, person: &str, club: &str) -> Result<Plan, Fault> {
        self.connector.plan(&ask(&format!("{person}@acme.example"), club)).await
    }

    pub async fn planned(&self, person: &str, club: &str) -> Assignment {
        assignment(self.plan(person, club).await.expect("planned"))
    }

    pub async fn seen(&self, assignment: &Assignment) -> Observed {
        self.connector.observe(assignment).await.expect("observed")
    }

    pub fn soon(&self) -> Time {
        self.outside.now() + Span::seconds(10)
    }

    /// Grants, and remembers the handle as the engine does.
    pub async fn grant(&self, assignment: &mut Assignment) {
        let called = self.connector.grant(assignment, self.soon()).await.expect("granted");
        if let Some(handle) = called.handle() {
            assignment.handle = Some(handle.clone());
        }
    }
}

pub fn connector(members: &Members, manifest: &str) -> Arc<dyn Connector> {
    configured(members, "", "", manifest)
}

/// With this behind the address, and these lines more in the configuration.
pub fn configured(members: &Members, path: &str, more: &str, manifest: &str) -> Arc<dyn Connector> {
    let secret = Secret::new(members.token());
    let config = format!("    url: {}{path}\n    token: {{ file: {} }}\n{more}", members.url(), secret.0.display());
    built(&config, manifest).unwrap_or_else(|mistake| panic!("{mistake}"))
}

pub fn ask(email: &str, club: &str) -> Ask {
    let args = [("club".to_owned(), club.to_owned())].into();
    let access = Access { integration: "members".to_owned(), access_type: "club".to_owned(), args };
    Ask { access, email: Email::parse(email).expect("an address") }
}

pub fn assignment(plan: Plan) -> Assignment {
    let planned = plan.assignments.into_iter().next().expect("an assignment");
    let id = AssignmentId::new(&Wall(Span::millis(i64::try_from(unique()).expect("small"))));
    let mark = mark(INSTALLATION, &id);
    Assignment { id, key: planned.key, target: planned.target, handle: None, seen: None, mark }
}

/// The page with the whole engine before it. Both have one clock.
pub struct Stage {
    pub world: World,
    pub members: Members,
    _secret: Secret,
}

impl Stage {
    pub async fn new() -> Stage {
        Stage::with("").await
    }

    /// With these lines more in the configuration.
    pub async fn with(more: &str) -> Stage {
        let world = World::new(Database::Sqlite).await;
        let members = members(world.outer.clone()).await;
        let secret = Secret::new(TOKEN);
        let path = world.path("p0.yaml");
        let text = std::fs::read_to_string(&path).expect("read");
        let ours =
            format!("integrations:\n  members:\n    url: {}\n    token: {{ file: {} }}\n", members.url(), secret.0.display());
        std::fs::write(&path, text.replace("integrations:\n", &ours) + more).expect("written");
        world.app.reload().await.unwrap_or_else(|error| panic!("{error}"));
        world.app.desk.refresh_choices().await;
        members.calls(); // those of the choices
        Stage { world, members, _secret: secret }
    }

    pub async fn ask(&self, person: &str, club: &str) -> Answer {
        let draft = Draft {
            integration: Some("members".into()),
            access_type: Some("club".into()),
            values: [("club".to_owned(), club.to_owned())].into(),
            reason: Some("INC-42".into()),
            duration: Some(HOUR),
            ..Draft::default()
        };
        for _ in 0..10 {
            let answer = self.world.app.desk.submit(&self.world.press(person).await, draft.clone()).await.expect("answered");
            // A busy machine took longer than the second a person is let wait: as they do, once more.
            if !matches!(&answer, Answer::Refused { why } if why.contains("There was no answer within")) {
                return answer;
            }
        }
        panic!("never answered in time")
    }

    pub async fn asks(&self, person: &str, club: &str) -> RequestId {
        match self.ask(person, club).await {
            Answer::Asked { request, .. } => request,
            other => panic!("{person} asked for {club} and got {other:?}"),
        }
    }

    /// Asks, and it is approved.
    pub async fn approved(&self, person: &str, club: &str) -> RequestId {
        let request = self.asks(person, club).await;
        self.world.approves("bob", &request).await;
        request
    }

    /// Time passes until this is so; the engine works on the way.
    pub async fn until(&self, what: &str, request: &RequestId, so: impl Fn(&Phase) -> bool) -> Phase {
        for _ in 0..120 {
            let phase = self.world.phase(request).await;
            if so(&phase) {
                return phase;
            }
            self.world.outer.pass(Span::seconds(1));
            self.world.settle().await;
        }
        panic!("never {what}: {:?}; {:?}", self.world.phase(request).await, self.members.calls())
    }

    pub async fn usable(&self, request: &RequestId) -> Phase {
        self.until("usable", request, |phase| matches!(phase, Phase::Usable { .. })).await
    }

    pub async fn ended(&self, request: &RequestId) -> Phase {
        self.until("ended", request, |phase| matches!(phase, Phase::Ended { .. })).await
    }

    /// The key of somebody's membership.
    pub fn key(&self, club: &str, person: &str) -> String {
        format!("members@{}/club/{club}/{person}", self.members.url().trim_start_matches("http://"))
    }
}

/// Waits until this is so.
pub async fn until(so: impl Fn() -> bool) {
    let patient = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), patient).await.expect("never so");
}

/// What was logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps all that this thread logs, down to the last detail, until what is given back is dropped.
    pub fn keep(&self) -> impl Sized {
        let written = self.clone();
        // With a single subscriber, a place that another thread logs from first would be taken for one that nobody wants.
        let beside = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
        let all = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || written.clone());
        (beside, tracing::subscriber::set_default(all.finish()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
