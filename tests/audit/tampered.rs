//! Whatever somebody changes, in the database or in an export, both who check it say what and where.

use p0::audit::{self, Checkpoint, Entry, Signer};
use serde_json::{Value, json};

use super::office::Past;
use crate::harness::world::Database;

/// Changes the record and an export of it in the same way; each must be found, in these words.
async fn is_found(what: &str, statements: Vec<String>, past: &Past, edit: impl Fn(&mut Vec<Value>), says: &[&str]) {
    let mut lines = past.exported().await;
    edit(&mut lines);
    recount(&mut lines);
    let (well, said) = past.judged(&lines, true);
    assert!(!well, "{what} in an export: {said}");
    assert!(says.iter().any(|words| said.contains(words)), "{what} in an export: {said}");

    past.tampers(&statements).await;
    let found = past.verified(true).await.join("\n");
    assert!(says.iter().any(|words| found.contains(words)), "{what} in the record: {found}");
}

/// Whoever changes an export makes its last line fit.
fn recount(lines: &mut Vec<Value>) {
    lines.pop();
    let count = |is: &str| lines.iter().filter(|line| line["is"] == is).count();
    let end = json!({ "is": "end", "checkpoints": count("checkpoint"), "streams": count("stream"), "events": count("event") });
    lines.push(end);
}

fn place_of(lines: &[Value], stream: &str, seq: i64) -> usize {
    let found = lines.iter().position(|line| line["is"] == "event" && line["stream"] == stream && line["seq"] == seq);
    found.expect("the event")
}

#[tokio::test]
async fn an_event_that_was_edited() {
    for database in [Database::Sqlite, Database::postgres().await] {
        let past = Past::new(database).await;
        let id = past.request.as_str();
        is_found(
            "an edit",
            vec![format!("UPDATE events SET actor = 'person:per_x' WHERE stream = '{id}' AND seq = 2")],
            &past,
            |lines| {
                let at = place_of(lines, id, 2);
                lines[at]["actor"] = json!("person:per_x");
            },
            &[&format!("stream {id}, event 2: it was changed after it was written")],
        )
        .await;
    }
}

#[tokio::test]
async fn an_event_that_was_edited_with_all_hashes_after_it() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.request.as_str();
    let mut forged: Vec<Entry> = past.store().stream(id).await.expect("read");
    forged[1].actor = "person:per_x".into();
    let mut previous = forged[0].hash.clone();
    for entry in &mut forged[1..] {
        entry.previous = previous;
        entry.hash = audit::hash(entry);
        previous = entry.hash.clone();
    }
    audit::verify(&forged).expect("a chain that looks right");
    let mut statements: Vec<String> = forged
        .iter()
        .map(|Entry { seq, actor, previous, hash, .. }| {
            format!(
                "UPDATE events SET actor = '{actor}', previous = '{previous}', hash = '{hash}' WHERE stream = '{id}' AND seq = {seq}"
            )
        })
        .collect();
    statements.push(format!("UPDATE streams SET head = '{previous}' WHERE stream = '{id}'"));
    let edit = |lines: &mut Vec<Value>| {
        for entry in &forged {
            let at = place_of(lines, id, entry.seq);
            lines[at] = json!(entry);
            lines[at]["is"] = json!("event");
        }
        let head = lines.iter_mut().find(|line| line["is"] == "stream" && line["stream"] == id).expect("the stream");
        head["head"] = json!(previous);
    };
    let says = format!("stream {id}, event 3: it is not the one that checkpoint 1 sealed");
    is_found("an edit with hashes", statements, &past, edit, &[&says]).await;
}

#[tokio::test]
async fn an_event_that_was_dropped() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.request.as_str();
    let statements = vec![format!("DELETE FROM events WHERE stream = '{id}' AND seq = 2")];
    let edit = |lines: &mut Vec<Value>| {
        let at = place_of(lines, id, 2);
        lines.remove(at);
    };
    let says = format!("stream {id}, event 3: an event is missing before it");
    is_found("a drop", statements, &past, edit, &[&says]).await;
}

#[tokio::test]
async fn the_last_event_of_a_stream_that_was_dropped() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.request.as_str();
    let last = i64::try_from(past.store().stream(id).await.expect("read").len()).expect("few");
    let statements = vec![format!("DELETE FROM events WHERE stream = '{id}' AND seq = {last}")];
    let edit = |lines: &mut Vec<Value>| {
        let at = place_of(lines, id, last);
        lines.remove(at);
    };
    let says = format!("stream {id}, event {last}: it is missing; checkpoint 2 sealed it");
    is_found("a drop at the end", statements, &past, edit, &[&says]).await;
}

#[tokio::test]
async fn two_events_that_were_put_in_another_order() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.request.as_str();
    let to = |from: i64, to: i64| format!("UPDATE events SET seq = {to} WHERE stream = '{id}' AND seq = {from}");
    let edit = |lines: &mut Vec<Value>| {
        let (one, two) = (place_of(lines, id, 2), place_of(lines, id, 3));
        lines.swap(one, two);
    };
    // The record is told its numbers anew; the export has them in the lines.
    let says = [
        format!("stream {id}, event 2: it does not follow the event before it"),
        format!("stream {id}, event 3: an event is missing before it"),
    ];
    is_found("another order", vec![to(2, -1), to(3, 2), to(-1, 3)], &past, edit, &[&says[0], &says[1]]).await;
}

#[tokio::test]
async fn a_stream_that_was_dropped_whole() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.assignment.as_str();
    let statements =
        vec![format!("DELETE FROM events WHERE stream = '{id}'"), format!("DELETE FROM streams WHERE stream = '{id}'")];
    let edit = |lines: &mut Vec<Value>| lines.retain(|line| line["stream"] != id);
    let says = format!("stream {id}: the whole stream is missing; checkpoint 1 sealed its event");
    is_found("a whole stream dropped", statements, &past, edit, &[&says]).await;
}

#[tokio::test]
async fn a_stream_that_is_said_to_be_archived() {
    let past = Past::new(Database::Sqlite).await;
    let id = past.assignment.as_str();
    past.tampers(&[
        format!("DELETE FROM events WHERE stream = '{id}'"),
        format!("UPDATE streams SET archived = seq WHERE stream = '{id}'"),
    ])
    .await;
    let found = past.verified(false).await.join("\n");
    assert!(found.contains("events are missing as archived, but the record of archiving says 0"), "{found}");
}

#[tokio::test]
async fn everything_after_the_first_checkpoint_cut_off() {
    let past = Past::new(Database::Sqlite).await;
    let leaf = "SELECT 1 FROM leaves AS l WHERE l.checkpoint = 1 AND l.stream";
    let statements = [
        format!("DELETE FROM events WHERE NOT EXISTS ({leaf} = events.stream AND l.seq >= events.seq)"),
        format!("DELETE FROM streams WHERE NOT EXISTS ({leaf} = streams.stream)"),
        "UPDATE streams SET (seq, head, sealed) = (SELECT l.seq, l.head, l.seq FROM leaves AS l WHERE l.checkpoint = 1 \
         AND l.stream = streams.stream)"
            .to_owned(),
        "DELETE FROM leaves WHERE checkpoint > 1".to_owned(),
        "DELETE FROM checkpoints WHERE seq > 1".to_owned(),
    ];
    past.tampers(&statements).await;
    // By itself it is a record like any other of that time. Who kept the checkpoint knows better.
    assert_eq!(past.verified(false).await, Vec::<String>::new());
    let lines = past.exported().await;
    assert!(past.judged(&lines, false).0);
    let says = "checkpoint 2: it was kept, but the record ends with checkpoint 1: what came after was cut off";
    assert_eq!(past.verified(true).await, [says]);
    let (well, said) = past.judged(&lines, true);
    assert!(!well && said.contains(says), "{said}");
}

#[tokio::test]
async fn a_checkpoint_that_was_dropped() {
    let past = Past::new(Database::Sqlite).await;
    let edit = |lines: &mut Vec<Value>| lines.retain(|line| line["number"] != 1);
    let statements = vec!["DELETE FROM checkpoints WHERE seq = 1".to_owned()];
    is_found("a checkpoint dropped", statements, &past, edit, &["checkpoint 1: it is missing"]).await;
}

#[tokio::test]
async fn a_leaf_that_was_changed() {
    let past = Past::new(Database::Sqlite).await;
    let edit = |lines: &mut Vec<Value>| {
        let checkpoint = lines.iter_mut().find(|line| line["number"] == 1).expect("the checkpoint");
        checkpoint["leaves"][0]["head"] = json!("00");
    };
    let statements = vec![format!("UPDATE leaves SET head = '00' WHERE checkpoint = 1 AND stream = '{}'", past.request)];
    is_found("a leaf", statements, &past, edit, &["checkpoint 1: its root is not that of what it sealed"]).await;
}

#[tokio::test]
async fn a_checkpoint_that_was_signed_by_somebody_else() {
    let past = Past::new(Database::Sqlite).await;
    let mut forged: Checkpoint = past.kept.checkpoint.clone();
    forged.at += 1;
    Signer::from_seed(&[9; 32]).expect("a key").sign(&mut forged);
    let edit = |lines: &mut Vec<Value>| {
        let checkpoint = lines.iter_mut().find(|line| line["number"] == 2).expect("the checkpoint");
        (checkpoint["at"], checkpoint["signature"]) = (json!(forged.at), json!(forged.signature));
    };
    let statements = vec![format!("UPDATE checkpoints SET at = {}, signature = '{}' WHERE seq = 2", forged.at, forged.signature)];
    let says = "checkpoint 2: its signature is not by this installation's key";
    is_found("a forged signature", statements, &past, edit, &[says]).await;
}

#[tokio::test]
async fn a_record_that_was_signed_anew_with_another_key() {
    let past = Past::new(Database::Sqlite).await;
    let signer = Signer::from_seed(&[9; 32]).expect("a key");
    let mut lines = past.exported().await;
    lines[0]["key"] = json!(signer.public_key());
    for line in lines.iter_mut().filter(|line| line["is"] == "checkpoint") {
        let mut checkpoint: Checkpoint = serde_json::from_value(line.clone()).expect("a checkpoint");
        signer.sign(&mut checkpoint);
        line["signature"] = json!(checkpoint.signature);
    }
    assert!(past.judged(&lines, false).0, "it fits itself");
    let (well, said) = past.judged(&lines, true);
    assert!(!well && said.contains("signed with another key than this installation's"), "{said}");
}

#[tokio::test]
async fn an_export_that_was_cut_off() {
    let past = Past::new(Database::Sqlite).await;
    let mut lines = past.exported().await;
    lines.truncate(lines.len() - 2);
    let (well, said) = past.judged(&lines, false);
    assert!(!well && said.contains("its last line is missing: it was cut off"), "{said}");
}
