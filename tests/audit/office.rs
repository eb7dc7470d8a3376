//! A world with a history under two checkpoints, and the two who check it: `p0 audit verify` and the
//! program in `tools/` that shares no code with it.

use std::path::Path;
use std::process::Command;

use p0::audit::Kept;
use p0::cli::audit::{export, verify};
use p0::domain::id::{AssignmentId, RequestId};
use p0::domain::time::{Clock, Span};
use p0::secret::Key;
use p0::store::Store;
use serde_json::Value;
use sqlx::{AnyConnection, Connection};

use crate::harness::world::{Database, World};

/// The access that alice had and gave back, and everything needed to look for it.
pub struct Past {
    pub world: World,
    pub key: String,
    pub request: RequestId,
    pub assignment: AssignmentId,
    /// The second and last checkpoint, kept elsewhere.
    pub kept: Kept,
}

pub fn public_key(world: &World) -> String {
    Key::load(&world.path("p0.key")).expect("a key").signer().expect("a signer").public_key()
}

impl Past {
    /// Asked, approved and usable under the first checkpoint; given back and gone under the second;
    /// then something newer that is only chained.
    pub async fn new(database: Database) -> Past {
        let world = World::new(database).await;
        let key = public_key(&world);
        let request = world.asks("alice", "shelf", "a", Span::hours(1)).await;
        world.approves("bob", &request).await;
        world.settle().await;
        world.app.engine.scan(world.outer.now()).await;
        world.outer.pass(Span::minutes(6));
        world.relinquish("alice", &request).await;
        world.pass(Span::minutes(1)).await;
        world.app.engine.scan(world.outer.now()).await;
        let last = world.app.store.last_checkpoint().await.expect("read").expect("sealed");
        assert_eq!(last.number, 2);
        world.asks("carol", "shelf", "b", Span::hours(1)).await;
        let grants = world.app.store.grants_of(&request).await.expect("read");
        let assignment = grants[0].grant.assignment.clone();
        Past { kept: Kept::new(last, key.clone()), key, request, assignment, world }
    }

    pub fn store(&self) -> &Store {
        &self.world.app.store
    }

    /// What `p0 audit verify` finds.
    pub async fn verified(&self, kept: bool) -> Vec<String> {
        let kept = kept.then(|| self.kept.clone());
        let report = verify::verify(self.store(), self.key.clone(), kept).await.expect("read");
        report.findings.iter().map(ToString::to_string).collect()
    }

    /// The lines of an export of the record as it is.
    pub async fn exported(&self) -> Vec<Value> {
        let mut out = Vec::new();
        export::export(self.store(), self.key.clone(), self.world.outer.now(), &mut out).await.expect("exported");
        let text = String::from_utf8(out).expect("text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What the other program finds in these lines: whether all is well, and what it said.
    pub fn judged(&self, lines: &[Value], kept: bool) -> (bool, String) {
        let (file, checkpoint) = (self.world.path("export.jsonl"), self.world.path("kept.json"));
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        std::fs::write(&file, text.join("\n") + "\n").expect("written");
        std::fs::write(&checkpoint, serde_json::to_string(&self.kept).expect("JSON")).expect("written");
        judge(&[&file], kept.then_some(checkpoint.as_path()))
    }

    /// Somebody with the database's password does this.
    pub async fn tampers(&self, statements: &[String]) {
        let mut store = AnyConnection::connect(self.world.url()).await.expect("connected");
        for sql in statements {
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql.clone()))
                .execute(&mut store)
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        store.close().await.expect("closed");
    }
}

/// Runs `tools/verify-audit`.
pub fn judge(files: &[&Path], kept: Option<&Path>) -> (bool, String) {
    let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tools/verify-audit"));
    if let Some(kept) = kept {
        command.arg("--checkpoint").arg(kept);
    }
    let done = command.args(files).output().expect("tools/verify-audit runs");
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.success(), said)
}
