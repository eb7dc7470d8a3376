//! What reviewers are told beside requests, in the approvals channel. It is rewritten when it is right
//! again. Only an emergency has a button, for whoever looked at it: all else is done where accesses are looked
//! after.

use super::told::ended;
use super::{Message, action, joined};
use crate::domain::alert::{Alert, AlertKind};
use crate::surfaces::slack::blocks::{self, Look};

/// The message of an alert.
pub fn alert(alert: &Alert) -> Message {
    let (headline, told) = match alert.closed_at {
        None => (open(alert.kind), body(alert)),
        Some(_) if alert.told.by_hand => (
            "Closed by hand",
            format!(
                "{} {} Nobody has seen it gone. For a day it is looked at again, should its target answer.",
                about(alert),
                ended(&blocks::line(&alert.told.why, 1200))
            ),
        ),
        Some(at) if alert.kind == AlertKind::Emergency => {
            let who = alert.told.looked_at_by.as_deref().map(|who| blocks::line(who, 120));
            let who = who.unwrap_or_else(|| "somebody".to_owned());
            let why = ended(&blocks::line(&alert.told.why, 1200));
            let said = format!("{} {who} looked at it, {}. The reason given: {why}", about(alert), blocks::date(at));
            ("Emergency access, looked at", said)
        }
        Some(at) => ("Settled", format!("{} this is as it should be since {}.", about(alert), blocks::date(at))),
    };
    let mut blocks = vec![blocks::header(headline), blocks::section(&told)];
    if alert.kind == AlertKind::Emergency && alert.closed_at.is_none() {
        let label = format!("Reviewed: {}", alert.told.about);
        let button = blocks::button(action::REVIEWED, "Reviewed", alert.id.as_str(), Look::Primary, &label);
        blocks.push(blocks::actions("review", vec![button]));
    }
    blocks.push(blocks::context(&format!("Alert {} · since {}", alert.id, blocks::date(alert.told.since))));
    Message { text: joined(vec![format!("{headline}."), told]), blocks }
}

fn open(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Stuck => "An access is overdue",
        AlertKind::Orphan => "An access that nobody asked for",
        AlertKind::Missing => "An access was taken away elsewhere",
        AlertKind::Changed => "An access was changed elsewhere",
        AlertKind::Breaker => "Granting is paused",
        AlertKind::Emergency => "Emergency access, please look at it",
    }
}

fn about(alert: &Alert) -> String {
    format!("{}:", blocks::line(&alert.told.about, 300))
}

fn body(alert: &Alert) -> String {
    let since = blocks::date(alert.told.since);
    let why = ended(&blocks::line(&alert.told.why, 1200));
    let (what, then) = match alert.kind {
        AlertKind::Stuck => (
            format!("it should be gone since {since}, and that is not certain. The last try said:"),
            "It is tried again within 15 seconds of the last try. `p0 grants --stuck` lists what is overdue.",
        ),
        AlertKind::Orphan => (
            "it bears our mark and no request holds it.".to_owned(),
            "`p0 sweep` lists what nobody holds and says how to take it away.",
        ),
        AlertKind::Missing => {
            ("it was granted and is not there any more.".to_owned(), "It is not put back; whoever needs it asks again.")
        }
        AlertKind::Changed => ("it is not as it was granted.".to_owned(), "It is taken away at its end all the same."),
        AlertKind::Emergency => (
            "it was given at once, as an emergency. The reason given:".to_owned(),
            "Whoever looked at what was done with it presses Reviewed; one of you is enough.",
        ),
        AlertKind::Breaker => (
            "more was to be done in a minute than is plausible.".to_owned(),
            "What is due to be taken away is still taken away. `p0 breaker` says how to let it go on.",
        ),
    };
    let said = [about(alert), what, why, then.to_owned()];
    said.into_iter().filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join(" ")
}
