//! `p0 receipt`: the evidence of how each part of a request ended, or why there is none yet.
//!
//! One assignment serves many requests over time. What belongs to a request is the first receipt of
//! the assignment after the request's grant on it had ended, and those of what came back after that.

use std::fmt::Write;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::{Result, record, told};
use crate::audit::Entry;
use crate::domain::access::{Cut, Observed};
use crate::domain::assignment::{self, AssignmentState};
use crate::domain::grant::{End, Ended, Grant};
use crate::domain::id::RequestId;
use crate::domain::outside::Outside;
use crate::domain::person::Actor;
use crate::domain::request::RequestState;
use crate::domain::time::Time;
use crate::store::{AssignmentRow, Store};

#[derive(Args)]
pub struct Receipt {
    /// The request, as messages name it: req_...
    request: String,
}

pub async fn run(args: Receipt, outside: Arc<dyn Outside>) -> Result<()> {
    let store = record(&outside).await?;
    println!("{}", receipt(&store, &args.request, outside.now()).await?);
    store.close().await;
    Ok(())
}

/// The whole text.
pub async fn receipt(store: &Store, id: &str, now: Time) -> Result<String> {
    let no_such = || format!("there is no request \"{id}\"; it begins with req_ and stands at the foot of its messages");
    let id = RequestId::parse(id).ok_or_else(no_such)?;
    let row = store.request(&id).await.map_err(told)?.ok_or_else(no_such)?;
    let request = &row.request;
    let requestor = name(store, &Actor::Person(request.requestor.clone())).await?;
    let mut text = format!("{id}: {}\n", request.effect);
    line(&mut text, "asked", &format!("{} by {requestor}", request.created_at));
    let decision = store.decisions(&id).await.map_err(told)?.into_iter().next_back();
    let by = match &decision {
        Some(decision) => format!(" by {}", name(store, &decision.actor).await?),
        None => String::new(),
    };
    let at = request.decided_at.map_or_else(String::new, |at| at.to_string());
    match request.state {
        RequestState::Open => line(&mut text, "undecided", "nothing was granted yet, so there is no receipt"),
        RequestState::Approved => line(&mut text, "approved", &format!("{at}{by}")),
        RequestState::Denied => line(&mut text, "denied", &format!("{at}{by}; nothing was granted, so there is no receipt")),
        RequestState::Withdrawn => line(&mut text, "withdrawn", &format!("{at}; nothing was granted, so there is no receipt")),
        RequestState::Stale => line(&mut text, "undecided", &format!("closed {at}; nothing was granted, so there is no receipt")),
    }
    for held in store.grants_of(&id).await.map_err(told)? {
        let Some(assignment) = store.assignment(&held.grant.assignment).await.map_err(told)? else { continue };
        part(&mut text, store, &held.grant, &assignment, now).await?;
    }
    Ok(text.trim_end().to_owned())
}

async fn part(text: &mut String, store: &Store, grant: &Grant, row: &AssignmentRow, now: Time) -> Result<()> {
    let _ = write!(text, "\n{} ({})\n", row.effect, row.id);
    match grant.usable_at {
        Some(at) => line(text, "usable", &format!("{at}, seen in the target")),
        None => line(text, "usable", "never seen in the target for this request"),
    }
    let Some(ended) = &grant.ended else {
        let why = match grant.usable_at {
            Some(_) => format!("not yet: it is there until {}", grant.ends_at),
            None => format!("not yet: it is being granted, and given up at {} if it does not work", grant.usable_by()),
        };
        line(text, "receipt", &why);
        return Ok(());
    };
    line(text, "ended", &format!("{}, {}", ended.at, how(store, ended).await?));
    let events = store.stream(row.id.as_str()).await.map_err(told)?;
    let ours = belonging(&events, ended.at);
    if ours.is_empty() {
        line(text, "receipt", &none_yet(store, ended, row, now).await?);
    }
    for evidence in ours {
        evidence.tell(text, store, ended.at).await?;
    }
    Ok(())
}

async fn how(store: &Store, ended: &Ended) -> Result<String> {
    let why = ended.why.as_ref().map_or_else(String::new, |why| format!(": {why}"));
    Ok(match ended.how {
        End::Expired => "its time was up".to_owned(),
        End::Relinquished => format!("given back by {}", name(store, &ended.by).await?),
        End::Revoked => format!("revoked by {}{why}", name(store, &ended.by).await?),
        End::Failed => format!("it did not come to be{why}"),
    })
}

/// Why a grant that ended has no receipt.
async fn none_yet(store: &Store, ended: &Ended, row: &AssignmentRow, now: Time) -> Result<String> {
    let stream = store.stream_head(row.id.as_str()).await.map_err(told)?;
    let archived = stream.as_ref().is_some_and(|head| head.archived > 0);
    if archived && row.ended_at.is_some_and(|at| at >= ended.at) {
        return Ok(format!("archived: look for {} in the archive file", row.id));
    }
    let live = store.live_grants(&row.id).await.map_err(told)?;
    let kept = live.iter().map(|held| held.grant.ends_at).max();
    let again = row.until.map_or_else(String::new, |at| format!(" at {at}"));
    let said = row.error.as_ref().map_or_else(String::new, |error| format!(" The last try said: {error}"));
    Ok(match (row.state, kept) {
        (AssignmentState::Granting | AssignmentState::Active, Some(until)) => {
            format!("not yet: another request keeps it until {until}")
        }
        (AssignmentState::Settling, _) => {
            let gone = row.absent_at.map_or_else(String::new, |at| format!("seen gone {at}, and "));
            format!("not yet: {gone}looked at once more{again}.{said}")
        }
        (AssignmentState::Revoking, _) if assignment::stuck(row.state, row.overdue_since(), now) => {
            let since = row.due_at.map_or_else(String::new, |at| format!(" since {at}"));
            format!("not yet: it is OVERDUE{since}, and tried again within 15 seconds of the last try.{said}")
        }
        (AssignmentState::Revoking, _) => format!("not yet: it is being taken away.{said}"),
        (AssignmentState::Granting | AssignmentState::Active | AssignmentState::Ended, _) => {
            format!("not yet: it is taken away with the next look.{said}")
        }
    })
}

/// A receipt, and the read-back before it that first showed the access gone.
struct Evidence<'a> {
    receipt: &'a Entry,
    absent: Option<&'a Entry>,
    /// It had come back after an earlier receipt.
    again: bool,
}

/// The receipts in an assignment's stream that belong to a grant that ended then.
fn belonging(events: &[Entry], ended: Time) -> Vec<Evidence<'_>> {
    let mut found: Vec<Evidence<'_>> = Vec::new();
    let mut absent = None;
    for event in events {
        match event.what.as_str() {
            // What comes after belongs to those who asked anew.
            "assignment.reopened" if !found.is_empty() => break,
            "assignment.absent" => absent = Some(event),
            "assignment.receipt" => {
                let absent = absent.take();
                if event.at >= ended.0 {
                    found.push(Evidence { receipt: event, absent, again: !found.is_empty() });
                }
            }
            _ => {}
        }
    }
    found
}

impl Evidence<'_> {
    async fn tell(&self, text: &mut String, store: &Store, ended: Time) -> Result<()> {
        let body: Value = serde_json::from_str(&self.receipt.body).map_err(told)?;
        let time = |name: &str| body[name].as_i64().map(Time);
        if self.again {
            line(text, "came back", "a call that was lost had landed after all, or somebody put it back under our mark");
        }
        if let Some(due) = time("due_at") {
            let kept = if due > ended { ": another request kept it until then" } else { "" };
            line(text, "end was due", &format!("{due}{kept}"));
        }
        if let Some((absent, due)) = time("absent_at").zip(time("due_at")) {
            let call = self.absent.and_then(|event| serde_json::from_str::<Value>(&event.body).ok());
            let call = call.and_then(|body| body["call"].as_str().map(|call| format!(", after the call to {call}")));
            line(text, "seen gone", &format!("{absent}, {} late{}", absent - due, call.unwrap_or_default()));
        }
        let cuts: Vec<Option<Cut>> = serde_json::from_value(body["cut"].clone()).unwrap_or_default();
        for cut in cuts.into_iter().flatten() {
            match cut {
                Cut::NotNeeded => {}
                Cut::Ended { sessions } => line(text, "sessions", &format!("{sessions} that were open were ended")),
                Cut::Impossible { why, until } => line(text, "sessions", &format!("open ones may go on until {until}: {why}")),
            }
        }
        if let Ok(Observed::Foreign { by }) = serde_json::from_value(body["seen"].clone()) {
            line(text, "but", &format!("{by} gives the same access, which is not ours to take"));
        }
        if let Some(reason) = body["reason"].as_str() {
            line(text, "forced by", &format!("{}, without having seen it gone: {reason}", self.receipt.actor));
        }
        let outcome = body["outcome"].as_str().unwrap_or("unknown");
        line(text, "closed", &format!("{}: {outcome}", Time(self.receipt.at)));
        let Entry { stream, seq, hash, .. } = self.receipt;
        let sealed = store.leaves_of(stream).await.map_err(told)?.into_iter().find(|(_, leaf)| leaf.seq >= *seq);
        let sealed = sealed.map_or_else(|| "not sealed yet".to_owned(), |(number, _)| format!("sealed by checkpoint {number}"));
        line(text, "on record", &format!("event {seq} of {stream}, {sealed}, hash {hash}"));
        Ok(())
    }
}

fn line(text: &mut String, what: &str, says: &str) {
    let _ = writeln!(text, "  {what:<12} {says}");
}

async fn name(store: &Store, actor: &Actor) -> Result<String> {
    Ok(match actor {
        Actor::Person(id) => store.person(id).await.map_err(told)?.map_or_else(|| id.to_string(), |person| person.name),
        Actor::Engine => "P0".to_owned(),
        Actor::Config => "the configuration".to_owned(),
        Actor::Operator(name) => format!("{name} at the server's terminal"),
    })
}
