//! `p0 audit archive`: moves the events of what has long been over into a file, and out of the record.
//!
//! Only what a checkpoint sealed to its last event is moved; the head of its stream and what was
//! sealed of it stay, so that the record and the file are each checked against the checkpoints.
//! Nothing is removed before the file is safely on the disk, and then only what stands in it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::super::{Result, told};
use super::export::Lines;
use super::{count, create, unwritten};
use crate::audit::{FORMAT, Line, StreamCheck, StreamHead};
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::person::Actor;
use crate::domain::time::{Span, Time};
use crate::store::Store;

/// What the organisation's stream says of each batch of events that were moved.
pub const ARCHIVED: &str = "audit.archived";

/// How many streams are taken out in one transaction.
const BATCH: usize = 100;

pub(super) async fn run(store: &Store, key: String, actor: Actor, now: Time, before: &str, out: &Path) -> Result<()> {
    let before = since(before, now)?;
    println!("{}", archive(store, key, actor, now, before, out).await?);
    Ok(())
}

/// `400d` or `2026-01-31`: a point in time.
fn since(text: &str, now: Time) -> Result<Time> {
    match Time::of_day(text) {
        Some(at) => Ok(at),
        None => Span::parse(text).map(|age| now - age).map_err(|error| format!("{error}; or a day like 2026-01-31")),
    }
}

/// Moves what has been over since before `before`. Says what it did.
pub async fn archive(store: &Store, key: String, actor: Actor, now: Time, before: Time, out: &Path) -> Result<String> {
    if before > now {
        return Err("that is in the future; only what is over can be archived".to_owned());
    }
    if store.archivable_after("", before).await.map_err(told)?.is_empty() {
        return Ok(format!("Nothing that can be archived was over before {before}; no file was made."));
    }
    let file = create(out)?;
    let mut writer = std::io::BufWriter::new(file);
    write(store, key, now, before, &mut writer).await?;
    let mut file = writer.into_inner().map_err(|error| unwritten(out, error.into_error()))?;
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = file.sync_all().and_then(|()| std::fs::File::open(folder)?.sync_all());
    synced.map_err(|error| unwritten(out, error))?;
    let hash = hash_of(&mut file).map_err(|error| format!("{} cannot be read back: {error}", out.display()))?;
    let (streams, events) = remove(store, &actor, now, &mut file, &hash).await?;
    let (streams, events) = (count(streams, "stream"), count(events, "event"));
    Ok(format!(
        "{events} of {streams} are in {} and not in the record any more. Keep the file; its SHA-256 is {hash}.",
        out.display()
    ))
}

/// The file: the checkpoints that seal the last events of what is archived, then the streams.
async fn write(store: &Store, key: String, now: Time, before: Time, out: &mut dyn Write) -> Result<()> {
    let mut lines = Lines::new(out);
    lines.write(&Line::Archive { format: FORMAT, at: now.0, key })?;
    // What is archivable is listed twice, so that checkpoints come first and memory stays small. What
    // becomes archivable in between is left for the next time.
    let mut numbers = BTreeSet::new();
    let mut after = String::new();
    loop {
        let page = store.archivable_after(&after, before).await.map_err(told)?;
        let Some(end) = page.last() else { break };
        after.clone_from(&end.stream);
        for head in &page {
            let leaves = store.leaves_of(&head.stream).await.map_err(told)?;
            let sealing = leaves.into_iter().filter(|(_, leaf)| leaf.seq == head.seq || leaf.seq == head.archived);
            numbers.extend(sealing.map(|(number, _)| number));
        }
    }
    for number in &numbers {
        if let Some(sealed) = store.checkpoint_after(number - 1).await.map_err(told)? {
            lines.write(&Line::Checkpoint(sealed))?;
        }
    }
    let mut after = String::new();
    loop {
        let page = store.archivable_after(&after, before).await.map_err(told)?;
        let Some(end) = page.last() else { break };
        after.clone_from(&end.stream);
        for head in page {
            let leaves = store.leaves_of(&head.stream).await.map_err(told)?;
            if leaves.last().is_none_or(|(number, _)| !numbers.contains(number)) {
                continue;
            }
            let mut found = None;
            let mut find = |finding| found = Some(finding);
            let mut check = StreamCheck::new(head.clone(), leaves, &mut find);
            lines.stream(store, head, &mut |event| check.event(event, &mut find)).await?;
            check.end(&mut find);
            if let Some(finding) = found {
                return Err(format!("nothing was archived, for the record is not as it was written. {finding}"));
            }
        }
    }
    lines.end()
}

/// Takes out of the record what stands in the file, some streams at a time.
async fn remove(store: &Store, actor: &Actor, now: Time, file: &mut std::fs::File, hash: &str) -> Result<(i64, i64)> {
    file.rewind().map_err(told)?;
    let (mut streams, mut events) = (0, 0);
    let mut batch: Vec<StreamHead> = Vec::new();
    let mut lines = BufReader::new(file).lines();
    loop {
        let line = lines.next().transpose().map_err(told)?;
        if let Some(line) = &line {
            match serde_json::from_str(line).map_err(told)? {
                Line::Stream(head) => batch.push(head),
                Line::Export { .. } | Line::Archive { .. } | Line::Checkpoint(_) | Line::Event(_) | Line::End { .. } => {}
            }
        }
        if batch.len() == BATCH || (line.is_none() && !batch.is_empty()) {
            let mut tx = store.begin().await.map_err(told)?;
            let (mut some_streams, mut some_events) = (0, 0);
            for head in batch.drain(..) {
                let gone = tx.remove_archived(&head).await.map_err(told)?;
                some_events += gone;
                some_streams += i64::from(gone > 0);
            }
            let body = json!({ "events": some_events, "streams": some_streams, "sha256": hash });
            tx.record(Event::new(ORGANISATION, now, actor.clone(), ARCHIVED).with(body));
            tx.commit().await.map_err(told)?;
            (streams, events) = (streams + some_streams, events + some_events);
        }
        if line.is_none() {
            return Ok((streams, events));
        }
    }
}

fn hash_of(file: &mut std::fs::File) -> std::io::Result<String> {
    file.rewind()?;
    let mut reader = BufReader::new(file);
    let mut hash = Sha256::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(bytes);
        let used = bytes.len();
        reader.consume(used);
    }
}
