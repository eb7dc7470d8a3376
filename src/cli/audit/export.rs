//! `p0 audit export`: everything that happened, as JSON lines that are checked without our code.

use std::io::Write;
use std::path::PathBuf;

use super::super::{Result, told};
use super::{count, create, unwritten};
use crate::audit::{Entry, FORMAT, Line, StreamHead};
use crate::domain::time::Time;
use crate::store::Store;

/// After how many streams progress is told.
const TELL_EVERY: i64 = 10_000;

/// Writes lines, and counts them for the last one.
pub struct Lines<'a> {
    out: &'a mut dyn Write,
    checkpoints: i64,
    pub streams: i64,
    pub events: i64,
}

impl<'a> Lines<'a> {
    pub fn new(out: &'a mut dyn Write) -> Lines<'a> {
        Lines { out, checkpoints: 0, streams: 0, events: 0 }
    }

    pub fn write(&mut self, line: &Line) -> Result<()> {
        match line {
            Line::Checkpoint(_) => self.checkpoints += 1,
            Line::Stream(_) => self.streams += 1,
            Line::Event(_) => self.events += 1,
            Line::Export { .. } | Line::Archive { .. } | Line::End { .. } => {}
        }
        serde_json::to_writer(&mut *self.out, line).map_err(told)?;
        self.out.write_all(b"\n").map_err(told)
    }

    /// A stream with its events, each of which is shown to `see`.
    pub async fn stream(&mut self, store: &Store, head: StreamHead, see: &mut dyn FnMut(&Entry)) -> Result<()> {
        let (stream, up_to, mut seen) = (head.stream.clone(), head.seq, head.archived);
        self.write(&Line::Stream(head))?;
        loop {
            let events = store.events_after(&stream, seen, up_to).await.map_err(told)?;
            let Some(last) = events.last() else { break };
            seen = last.seq;
            for event in events {
                see(&event);
                self.write(&Line::Event(event))?;
            }
        }
        if self.streams % TELL_EVERY == 0 {
            eprintln!("{}, {} so far", count(self.streams, "stream"), count(self.events, "event"));
        }
        Ok(())
    }

    pub fn end(&mut self) -> Result<()> {
        self.write(&Line::End { checkpoints: self.checkpoints, streams: self.streams, events: self.events })?;
        self.out.flush().map_err(told)
    }
}

/// Writes the whole record; says how much that was.
pub async fn export(store: &Store, key: String, now: Time, out: &mut dyn Write) -> Result<String> {
    let mut lines = Lines::new(out);
    lines.write(&Line::Export { format: FORMAT, at: now.0, key })?;
    let mut last = 0;
    while let Some(sealed) = store.checkpoint_after(last).await.map_err(told)? {
        last = sealed.checkpoint.number;
        lines.write(&Line::Checkpoint(sealed))?;
    }
    let mut after = String::new();
    loop {
        let page = store.stream_heads_after(&after).await.map_err(told)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.stream);
        for head in page {
            lines.stream(store, head, &mut |_| {}).await?;
        }
    }
    lines.end()?;
    let (streams, events) = (count(lines.streams, "stream"), count(lines.events, "event"));
    Ok(format!("{streams} with {events} and {}", count(lines.checkpoints, "checkpoint")))
}

pub(super) async fn run(store: &Store, key: String, now: Time, out: Option<PathBuf>) -> Result<()> {
    let done = match &out {
        None => export(store, key, now, &mut std::io::BufWriter::new(std::io::stdout())).await?,
        Some(path) => {
            let mut file = std::io::BufWriter::new(create(path)?);
            let done = export(store, key, now, &mut file).await?;
            file.get_ref().sync_all().map_err(|error| unwritten(path, error))?;
            done
        }
    };
    eprintln!("Exported {done}.");
    Ok(())
}
