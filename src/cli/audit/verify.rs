//! `p0 audit verify`: everything in the record against itself, and against a checkpoint that was kept.
//!
//! One stream and one checkpoint are looked at after the other, so memory does not grow with the
//! record. It may run while `p0 serve` does.

use std::path::PathBuf;

use super::super::{Result, told};
use super::count;
use crate::audit::{Checkpoints, Finding, Kept, Leaf, StreamCheck, StreamHead, of_kept};
use crate::domain::event::ORGANISATION;
use crate::domain::time::Time;
use crate::store::{Store, StoreError};

/// How many findings are told one by one.
const TOLD: usize = 100;

/// What a check came to.
#[derive(Debug, Default)]
pub struct Report {
    pub findings: Vec<Finding>,
    pub streams: i64,
    pub events: i64,
    pub checkpoints: i64,
    pub last_at: Option<Time>,
    /// Events that are chained and in no checkpoint yet.
    pub unsealed: i64,
    pub archived_streams: i64,
    pub archived_events: i64,
}

pub(super) async fn run(store: &Store, key: String, kept: Option<PathBuf>) -> Result<()> {
    let kept = match kept {
        Some(path) => {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            let kept = serde_json::from_str::<Kept>(&text);
            Some(kept.map_err(|error| format!("{} is not a checkpoint of p0: {error}", path.display()))?)
        }
        None => None,
    };
    let number = kept.as_ref().map(|kept| kept.checkpoint.number);
    let report = verify(store, key, kept).await.map_err(told)?;
    report.findings.iter().take(TOLD).for_each(|finding| println!("{finding}"));
    if report.findings.len() > TOLD {
        println!("and {} more", report.findings.len() - TOLD);
    }
    println!("{}", summary(&report));
    match (report.findings.len(), number) {
        (0, Some(number)) if 0 < report.archived_events => println!(
            "Everything here up to the kept checkpoint {number} is as it was then. Of what is archived, only the files are proof: \
             `tools/verify-audit --checkpoint KEPT EXPORT ARCHIVE...` checks them together."
        ),
        (0, Some(number)) => println!("Everything up to the kept checkpoint {number} is as it was then."),
        (0, None) => println!("Everything is as it was written."),
        (found, _) => {
            let found = count(i64::try_from(found).unwrap_or(i64::MAX), "thing");
            return Err(format!("the record is not as it was written: {found} found"));
        }
    }
    Ok(())
}

fn summary(report: &Report) -> String {
    let mut text = format!("Checked {} in {}", count(report.events, "event"), count(report.streams, "stream"));
    text += &match report.last_at {
        Some(at) => format!(", and {}, the last of {at}.", count(report.checkpoints, "checkpoint")),
        None => ". There is no checkpoint yet.".to_owned(),
    };
    if report.archived_streams > 0 {
        let (events, streams) = (count(report.archived_events, "event"), count(report.archived_streams, "stream"));
        text += &format!(
            "\n{events} of {streams} are archived: what was sealed of them is here, they themselves are in the archive files."
        );
    }
    if report.unsealed > 0 {
        let events = count(report.unsealed, "event");
        let verb = if report.unsealed == 1 { "is" } else { "are" };
        text += &format!("\n{events} {verb} only chained so far, not sealed: the next checkpoint does that.");
    }
    text
}

/// Checks the whole record.
pub async fn verify(store: &Store, key: String, kept: Option<Kept>) -> std::result::Result<Report, StoreError> {
    let mut report = Report::default();
    let mut findings = Vec::new();
    let mut find = |finding| findings.push(finding);
    if let Some(kept) = &kept {
        of_kept(kept, &key, &mut find);
    }
    let mut checkpoints = Checkpoints::new(key, kept);
    loop {
        while let Some(sealed) = store.checkpoint_after(checkpoints.last).await? {
            checkpoints.checkpoint(&sealed.checkpoint, &sealed.leaves, &mut find);
            report.checkpoints += 1;
            report.last_at = Some(Time(sealed.checkpoint.at));
        }
        let gone = store.checkpoints_gone_after(checkpoints.last).await?;
        // One that was made just now is no finding.
        if gone.is_empty() || store.checkpoint_after(checkpoints.last).await?.is_none() {
            gone.into_iter().for_each(|number| find(Finding::Missing { number }));
            break;
        }
    }
    checkpoints.end(&mut find);

    let (mut after, mut recorded) = (String::new(), 0);
    loop {
        let page = store.stream_heads_after(&after).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.stream);
        for head in page {
            let (head, leaves) = with_leaves(store, head).await?;
            report.streams += 1;
            report.unsealed += head.seq - head.sealed;
            if head.archived > 0 {
                report.archived_streams += 1;
                report.archived_events += head.archived;
            }
            let (stream, up_to, mut seen) = (head.stream.clone(), head.seq, head.archived);
            let mut check = StreamCheck::new(head, leaves, &mut find);
            loop {
                let events = store.events_after(&stream, seen, up_to).await?;
                let Some(last) = events.last() else { break };
                seen = last.seq;
                for event in &events {
                    report.events += 1;
                    check.event(event, &mut find);
                    if stream == ORGANISATION && event.what == super::archive::ARCHIVED {
                        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
                        recorded += body["events"].as_i64().unwrap_or(0);
                    }
                }
            }
            check.end(&mut find);
        }
    }
    if recorded != report.archived_events {
        find(Finding::Archives { missing: report.archived_events, recorded });
    }
    for (checkpoint, leaf) in store.leaves_without_a_stream().await? {
        find(Finding::Gone { stream: leaf.stream, seq: leaf.seq, checkpoint });
    }
    for stream in store.events_without_a_stream().await? {
        find(Finding::Headless { stream });
    }
    report.findings = findings;
    Ok(report)
}

/// A stream and what was sealed of it, as both were at one time.
async fn with_leaves(store: &Store, head: StreamHead) -> std::result::Result<(StreamHead, Vec<(i64, Leaf)>), StoreError> {
    let mut head = head;
    let mut leaves = store.leaves_of(&head.stream).await?;
    for _ in 0..3 {
        if leaves.last().map_or(0, |(_, leaf)| leaf.seq) == head.sealed {
            break;
        }
        // Perhaps a checkpoint was made in between: look again, and the other way round.
        leaves = store.leaves_of(&head.stream).await?;
        head = store.stream_head(&head.stream).await?.unwrap_or(head);
    }
    Ok((head, leaves))
}
