//! Archives: what is long over goes into a file; record and file are still checked together.

use p0::cli::audit::{archive::archive, verify::verify};
use p0::domain::person::Actor;
use p0::domain::time::{Clock, Span};

use super::office::{Past, judge};
use crate::harness::world::Database;

const DAY: Span = Span::days(1);

impl Past {
    async fn seals(&self) {
        let now = self.world.outer.now();
        while self.store().seal(now, now).await.expect("sealed").is_some() {}
    }

    async fn archives(&self, file: &str, age: Span) -> String {
        let now = self.world.outer.now();
        let actor = Actor::Operator("eve".into());
        let done = archive(self.store(), self.key.clone(), actor, now, now - age, &self.world.path(file)).await;
        done.expect("archived")
    }
}

#[tokio::test]
async fn what_is_long_over_moves_into_a_file_and_both_are_checked() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let past = Past::new(database).await;
        let (world, request) = (&past.world, past.request.as_str());
        let before = past.store().stream(request).await.expect("read").len();
        world.outer.pass(DAY + DAY);
        world.settle().await;
        past.seals().await;

        // Carol's request is undecided: it stays.
        let said = past.archives("one.jsonl", DAY).await;
        assert!(said.contains("of 2 streams are in"), "{said}");
        assert!(past.store().stream(request).await.expect("read").is_empty(), "{before} events are archived");
        let report = verify(past.store(), past.key.clone(), Some(past.kept.clone())).await.expect("read");
        assert!(report.findings.is_empty() && report.archived_streams == 2, "{report:?}");
        assert!(past.archives("none.jsonl", DAY).await.starts_with("Nothing that can be archived"));

        let (well, said) = judge(&[&world.path("one.jsonl")], None);
        assert!(well, "{said}");
        let (well, said) = past.judged(&past.exported().await, true);
        assert!(well && said.contains("Archived and in none of these files: "), "{said}");

        // The same access is asked for again: its assignment goes on where its archived events end.
        let again = world.asks("alice", "shelf", "a", Span::hours(1)).await;
        world.approves("bob", &again).await;
        world.settle().await;
        assert!(world.target.holds("shelf/a/alice@acme.example"));
        world.relinquish("alice", &again).await;
        world.pass(Span::minutes(1)).await;
        past.seals().await;
        assert_eq!(past.verified(true).await, Vec::<String>::new());
        world.outer.pass(DAY + DAY);
        world.settle().await;
        past.seals().await;
        past.archives("two.jsonl", DAY).await;
        past.seals().await;
        assert_eq!(past.verified(true).await, Vec::<String>::new());
        assert!(past.judged(&past.exported().await, true).0);
        let files = ["export.jsonl", "one.jsonl", "two.jsonl"].map(|name| world.path(name));
        let files: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
        let (well, said) = judge(&files, Some(&world.path("kept.json")));
        assert!(well && !said.contains("in none of these files"), "{said}");
        let (well, said) = judge(&files[2..], None);
        assert!(well, "the second archive by itself: {said}");

        // An archive that was changed is found by itself, and beside the export.
        let text = std::fs::read_to_string(files[1]).expect("read");
        std::fs::write(files[1], text.replacen("request.asked", "request.axked", 1)).expect("written");
        for files in [&files[1..2], &files[..]] {
            let (well, said) = judge(files, None);
            assert!(!well && said.contains(&format!("stream {request}, event 1: it was changed")), "{said}");
        }
    }
}

#[tokio::test]
async fn what_was_changed_is_not_archived() {
    let past = Past::new(Database::Sqlite).await;
    past.world.outer.pass(DAY + DAY);
    past.world.settle().await;
    past.seals().await;
    past.tampers(&[format!("UPDATE events SET body = '{{}}' WHERE stream = '{}' AND seq = 1", past.request)]).await;
    let now = past.world.outer.now();
    let actor = Actor::Operator("eve".into());
    let done = archive(past.store(), past.key.clone(), actor, now, now - DAY, &past.world.path("one.jsonl")).await;
    let why = done.expect_err("refused");
    assert!(why.starts_with("nothing was archived") && why.contains(past.request.as_str()), "{why}");
    assert!(!past.store().stream(past.request.as_str()).await.expect("read").is_empty());
}

#[tokio::test]
async fn killed_at_every_place_while_archiving_nothing_is_lost() {
    let mut survived = 0;
    for place in 0.. {
        let mut past = Past::new(Database::Sqlite).await;
        past.world.outer.pass(DAY + DAY);
        past.world.settle().await;
        past.seals().await;
        past.world.outer.die_at(place);
        if past.world.until_dead(past.archives("one.jsonl", DAY)).await.is_some() {
            break; // there are no more places
        }
        survived += 1;
        past.world.restart().await;
        assert_eq!(past.verified(true).await, Vec::<String>::new(), "place {place}");
        if past.store().stream(past.request.as_str()).await.expect("read").is_empty() {
            let (well, said) = judge(&[&past.world.path("one.jsonl")], None);
            assert!(well && said.contains("in 2 streams"), "place {place}: {said}");
        } else {
            past.archives("again.jsonl", DAY).await;
            assert_eq!(past.verified(true).await, Vec::<String>::new(), "place {place}");
        }
    }
    assert!(survived >= 3, "only {survived} places were passed");
}

#[tokio::test]
async fn answered_interactions_are_dropped_after_three_months_and_others_never() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let past = Past::new(database).await;
        let key = "press:0";
        assert!(past.store().letter(key).await.expect("read").is_some());
        past.world.outer.pass(Span::days(89));
        past.world.app.engine.scan(past.world.outer.now()).await;
        assert!(past.store().letter(key).await.expect("read").is_some(), "a press that comes again is answered");
        past.world.outer.pass(Span::days(2));
        past.tampers(&["UPDATE inbox SET state = 'pending' WHERE key = 'press:1'".to_owned()]).await;
        past.world.app.engine.scan(past.world.outer.now()).await;
        assert!(past.store().letter(key).await.expect("read").is_none());
        assert!(past.store().letter("press:1").await.expect("read").is_some());
    }
}
