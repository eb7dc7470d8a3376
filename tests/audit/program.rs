//! The commands as people type them: what they print, how they end.

use std::process::{Command, Output};

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
