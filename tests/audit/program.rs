//! The commands as people type them: what they print, how they end.

use std::process::{Command, Output};

use sqlx::{AnyConnection, Connection, Executor};

use super::office::{Past, judge};
use crate::harness::world::Database;

impl Past {
    fn types(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p0"));
        command.args(args).env_clear().env("P0_DATABASE_URL", self.world.url()).env("P0_KEY_FILE", self.world.path("p0.key"));
        command.current_dir(self.world.path("")).output().expect("p0 runs")
    }

    /// It works, and says this.
    fn says(&self, args: &[&str]) -> String {
        let done = self.types(args);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&done.stderr));
        said
    }
}

#[tokio::test]
async fn another_key_does_not_go_on_with_the_record() {
    let past = Past::new(Database::Sqlite).await;
    std::fs::rename(past.world.path("p0.key"), past.world.path("kept.key")).expect("moved");
    std::fs::write(past.world.path("p0.key"), "7".repeat(64)).expect("written");
    let done = past.types(&["audit", "checkpoint"]);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && told.contains("put this installation's own key file back"), "{told}");
    std::fs::rename(past.world.path("kept.key"), past.world.path("p0.key")).expect("moved");
    past.says(&["audit", "checkpoint"]);
    assert!(past.says(&["audit", "verify"]).contains("as it was written"));
}

#[tokio::test]
async fn a_command_makes_no_record_where_there_is_none() {
    let past = Past::new(Database::Sqlite).await;
    let other = past.world.path("other.db");
    let url = format!("sqlite:{}", other.display());
    let mut made = AnyConnection::connect(&format!("{url}?mode=rwc")).await.expect("a database of somebody else");
    made.execute("CREATE TABLE theirs (a TEXT)").await.expect("made");
    for args in [["grants"].as_slice(), &["alerts"], &["audit", "verify"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_p0"));
        command.args(args).env_clear().env("P0_DATABASE_URL", &url).env("P0_KEY_FILE", past.world.path("p0.key"));
        let done = command.output().expect("p0 runs");
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && told.contains("there is no record of p0 in this database"), "{args:?}: {told}");
    }
    let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&mut made).await.expect("read");
    assert_eq!(tables.len(), 1, "nothing was made there");
}

#[tokio::test]
async fn an_operator_seals_checks_exports_and_archives() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let past = Past::new(database).await;
        let said = past.says(&["audit", "verify"]);
        assert!(said.contains("2 events are only chained so far"), "{said}");
        let said = past.says(&["audit", "checkpoint", "--out", "kept.json"]);
        assert!(said.starts_with("Checkpoint 3 is in kept.json."), "{said}");
        assert!(past.says(&["audit", "checkpoint"]).starts_with("{\"number\":3,"), "nothing is new");
        let said = past.says(&["audit", "verify", "--checkpoint", "kept.json"]);
        assert!(said.ends_with("Everything up to the kept checkpoint 3 is as it was then.\n"), "{said}");

        past.says(&["audit", "export", "--out", "export.jsonl"]);
        assert_eq!(past.says(&["audit", "export"]).lines().count(), past.exported().await.len());
        let kept = past.world.path("kept.json");
        let (well, said) = judge(&[&past.world.path("export.jsonl")], Some(&kept));
        assert!(well, "{said}");
        let there = past.types(&["audit", "export", "--out", "export.jsonl"]);
        assert!(String::from_utf8_lossy(&there.stderr).contains("is there already"));

        // This world is of 2023.
        let said = past.says(&["audit", "archive", "--before", "90d", "--out", "old.jsonl"]);
        assert!(said.contains("are in old.jsonl and not in the record any more"), "{said}");
        let said = past.says(&["audit", "verify", "--checkpoint", "kept.json"]);
        assert!(said.contains("of 2 streams are archived"), "{said}");
        let (well, said) = judge(&[&past.world.path("old.jsonl")], None);
        assert!(well, "{said}");

        past.tampers(&["UPDATE events SET actor = 'engine' WHERE what = 'request.asked'".to_owned()]).await;
        let done = past.types(&["audit", "verify"]);
        let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("event 1: it was changed after it was written"), "{said}");
        assert!(said.contains("p0: the record is not as it was written: 1 thing found"), "{said}");
    }
}

#[tokio::test]
async fn without_the_key_file_nothing_is_sealed_and_no_key_is_made() {
    let past = Past::new(Database::Sqlite).await;
    std::fs::remove_file(past.world.path("p0.key")).expect("removed");
    let done = past.types(&["audit", "checkpoint"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("P0_KEY_FILE"), "{said}");
    assert!(!past.world.path("p0.key").exists());
}
