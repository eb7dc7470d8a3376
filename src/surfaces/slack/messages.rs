//! What a request looks like in Slack: in the approvals channel, and in the requestor's own message.
//!
//! A pure function of the view: rendering the same view again gives the same message, so a message
//! that is out of date is simply rewritten. `text` carries everything that matters, because that is
//! what screen readers and notifications have. A button carries the request's id, and Approve also what it
//! was drawn for; nothing here decides who may press it.

use serde_json::Value as Json;

use crate::desk::view::{Phase, RequestView};
use crate::domain::id::{PersonId, RequestId};
use crate::domain::time::{Span, Time};

use super::blocks::{self, Look, limit};
use super::inbound::State;

mod alert;
mod home;
mod preapproval;
mod reminder;
#[cfg(test)]
pub(crate) mod tests;
mod told;

pub use alert::alert;
pub use home::{home, nobody};
pub use preapproval::{preapproval, preapproval_ends};
pub use reminder::reminder;

use told::{Form, Reader, Teller};

/// What a button or a select does, as it comes back in `actions`.
pub mod action {
    pub const APPROVE: &str = "approve";
    pub const DENY: &str = "deny";
    /// The select of lengths beside [`APPROVE`].
    pub const DURATION: &str = "duration";
    pub const REVOKE: &str = "revoke";
    /// Ends every request that holds the same access.
    pub const REVOKE_ALL: &str = "revoke_all";
    pub const RELINQUISH: &str = "relinquish";
    /// Asks for more of what one has.
    pub const EXTEND: &str = "extend";
    /// The requestor takes an undecided request back.
    pub const WITHDRAW: &str = "withdraw";
    /// The requestor has whoever is on call told.
    pub const ESCALATE: &str = "escalate";
    /// A reviewer looked at an emergency.
    pub const REVIEWED: &str = "reviewed";
    /// Opens the form, in the Home tab.
    pub const ASK: &str = "ask_for_access";
    /// Opens it with what was asked for before.
    pub const AGAIN: &str = "ask_again";
    /// Nobody can use what was allowed ahead of time any more.
    pub const END_PREAPPROVAL: &str = "end_preapproval";
}

/// Block ids. Only blocks with inputs have one: what an approver has chosen stays chosen while an
/// undecided request is rewritten, and no later block inherits it. Slack makes up the others anew.
const DECIDE: &str = "decide";
const END: &str = "end";

/// Between a request's id and what its button was drawn for.
const BOUND: char = '#';

/// How much of a reason stands in `text`; the blocks show it whole.
const SPOKEN_REASON: usize = 600;

/// A message as `chat.postMessage` and `chat.update` take it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub text: String,
    pub blocks: Vec<Json>,
}

/// The message in the approvals channel.
pub fn approval(view: &RequestView, now: Time) -> Message {
    let rich = Teller { view, now, reader: Reader::Approvers, form: Form::Rich };
    let spoken = Teller { form: Form::Spoken, ..rich };

    let mut blocks = vec![blocks::header(&spoken.headline()), blocks::section(&rich.ask())];
    blocks.extend(blocks::fields(&facts(view)));
    blocks.push(reason(view));
    if let Some(warning) = rich.warning() {
        blocks.push(blocks::section(&warning));
    }
    blocks.extend(rich.extends().map(|extends| blocks::section(&extends)));
    blocks.extend(rest(&rich));
    let policy = rich.policy();
    if !policy.is_empty() {
        blocks.push(blocks::context(&policy.join(" ")));
    }
    let buttons = approval_buttons(view, &spoken);
    if !buttons.is_empty() {
        blocks.push(blocks::actions(if view.can_decide() { DECIDE } else { END }, buttons));
    }
    if let Some(who) = rich.who_decides() {
        blocks.push(blocks::context(&who));
    }
    blocks.push(footer(view, None));

    let mut text = vec![opening(&spoken.headline()), spoken.ask(), spoken.reason(SPOKEN_REASON)];
    text.extend(spoken.warning());
    text.extend(spoken.extends());
    text.extend(spoken.told());
    text.extend(spoken.policy());
    text.extend(spoken.who_decides());
    text.extend(view.can_decide().then(|| "Approve or deny in this message.".to_owned()));
    text.push(format!("Request {}.", view.id));
    Message { text: joined(text), blocks }
}

/// The own message of whoever asked, or of whoever receives it; `channel_link` leads to the one in the approvals
/// channel.
pub fn direct(view: &RequestView, reader: &PersonId, now: Time, channel_link: Option<&str>) -> Message {
    let reader = if *reader == view.requestor.id { Reader::Requestor } else { Reader::Principal };
    let rich = Teller { view, now, reader, form: Form::Rich };
    let spoken = Teller { form: Form::Spoken, ..rich };

    let mut blocks = vec![blocks::header(&spoken.headline()), blocks::section(&rich.ask())];
    if view.can_decide() {
        blocks.extend(blocks::fields(&facts(view)));
        blocks.push(reason(view));
    }
    blocks.extend(rich.extends().map(|extends| blocks::section(&extends)));
    blocks.extend(rest(&rich));
    blocks.extend(rich.unreached().or(rich.who_decides()).map(|who| blocks::section(&who)));
    let connect = connect(view);
    if let Some(connect) = connect {
        blocks.push(blocks::section(&format!("*How to use it*\n{}", blocks::code(connect, limit::SECTION - 20))));
    }
    let policy = |teller: &Teller<'_>| {
        if view.can_decide() || view.policy.at_once.is_some() { teller.policy() } else { Vec::new() }
    };
    let (policy, spoken_policy) = (policy(&rich), policy(&spoken));
    if !policy.is_empty() {
        blocks.push(blocks::context(&policy.join(" ")));
    }
    let buttons = direct_buttons(view, &spoken);
    if !buttons.is_empty() {
        blocks.push(blocks::actions(if view.can_decide() { DECIDE } else { END }, buttons));
    }
    blocks.push(footer(view, channel_link));

    let mut text = vec![opening(&spoken.headline()), spoken.ask()];
    // Whoever asked knows why.
    text.extend((view.can_decide() && reader == Reader::Principal).then(|| spoken.reason(SPOKEN_REASON)));
    text.extend(spoken.extends());
    text.extend(spoken.told());
    text.extend(spoken_policy);
    text.extend(spoken.unreached().or(spoken.who_decides()));
    text.extend(connect.map(|connect| format!("How to use it: {}", blocks::line(connect, 800))));
    text.push(format!("Request {}.", view.id));
    Message { text: joined(text), blocks }
}

/// Who asks for what, and why, in a few lines of mrkdwn.
pub fn summary(view: &RequestView, now: Time) -> String {
    let rich = Teller { view, now, reader: Reader::Approvers, form: Form::Rich };
    match view.reason.as_deref().map(|reason| blocks::quote(reason, 1500)).filter(|quoted| !quoted.is_empty()) {
        Some(quoted) => format!("{}\n{quoted}", rich.ask()),
        None => rich.ask(),
    }
}

/// What a button bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed<'a> {
    pub request: RequestId,
    /// What it was drawn for.
    pub bound: Option<&'a str>,
    /// The length it says, where there was nothing to choose.
    pub length: Option<Span>,
}

/// Reads the value of a button that is about a request.
pub fn pressed(value: Option<&str>) -> Option<Pressed<'_>> {
    let mut parts = value?.split(BOUND);
    let request = RequestId::parse(parts.next()?)?;
    let bound = parts.next();
    let length = parts.next().and_then(|millis| millis.parse().ok()).filter(|millis: &i64| *millis > 0).map(Span::millis);
    Some(Pressed { request, bound, length })
}

/// The length an approver chose, read back from the press on Approve. `None`: there was no choice.
pub fn chosen_length(state: &State) -> Option<Span> {
    let chosen = state.get(DECIDE, action::DURATION)?.value()?;
    chosen.parse().ok().filter(|millis: &i64| *millis > 0).map(Span::millis)
}

fn opening(headline: &str) -> String {
    format!("{}.", blocks::line(headline, limit::HEADER))
}

/// As many sentences as `text` can hold; a torn one could leave half a time or half a mention.
fn joined(sentences: Vec<String>) -> String {
    let mut text = String::new();
    for sentence in sentences.iter().filter(|sentence| !sentence.is_empty()) {
        if text.encode_utf16().count() + sentence.encode_utf16().count() < limit::MESSAGE_TEXT {
            let space = if text.is_empty() { "" } else { " " };
            text.push_str(space);
            text.push_str(sentence);
        }
    }
    text
}

fn facts(view: &RequestView) -> Vec<(String, String)> {
    let access = format!("{} · {}", view.integration, view.access_type);
    let mut facts = vec![("Access".to_owned(), access)];
    if view.can_decide() {
        facts.push(("For how long".to_owned(), view.length.to_string()));
    }
    facts.extend(view.details.iter().take(38).cloned());
    facts
}

fn reason(view: &RequestView) -> Json {
    match view.reason.as_deref().map(|reason| blocks::quote(reason, limit::SECTION - 20)) {
        Some(quoted) if !quoted.is_empty() => blocks::section(&format!("*Reason*\n{quoted}")),
        Some(_) | None => blocks::section("*Reason*\nNone was given."),
    }
}

/// What has become of it, after the ask; the words somebody gave for that follow what they are about.
fn rest(rich: &Teller<'_>) -> Vec<Json> {
    let told = rich.told_without_words();
    let paragraph = |lines: &[String]| (!lines.is_empty()).then(|| blocks::section(&lines.join("\n")));
    match rich.words().map(|words| blocks::quote(words, limit::SECTION)).filter(|quoted| !quoted.is_empty()) {
        Some(words) => {
            let (first, after) = told.split_at(told.len().min(1));
            [paragraph(first), Some(blocks::section(&words)), paragraph(after)].into_iter().flatten().collect()
        }
        None => paragraph(&told).into_iter().collect(),
    }
}

fn connect(view: &RequestView) -> Option<&str> {
    match &view.phase {
        Phase::Usable { .. } if view.missing => None,
        Phase::Usable { connect, .. } => connect.as_deref().filter(|connect| !connect.trim().is_empty()),
        Phase::Asked
        | Phase::Denied { .. }
        | Phase::Withdrawn { .. }
        | Phase::Stale { .. }
        | Phase::Approved { .. }
        | Phase::Ending { .. }
        | Phase::Ended { .. } => None,
    }
}

fn approval_buttons(view: &RequestView, spoken: &Teller<'_>) -> Vec<Json> {
    let id = view.id.as_str();
    let whose = spoken.whose();
    if view.can_decide() {
        let mut buttons = Vec::new();
        let lengths = lengths(view);
        let only = lengths.len() == 1;
        if !only {
            let options = lengths.iter().filter_map(|length| blocks::option(&length.0.to_string(), &label(view, *length)));
            let asked = nearest(view, &lengths).map_or_else(String::new, |length| length.0.to_string());
            buttons.push(blocks::select(action::DURATION, "For how long", options.collect(), Some(&asked)));
        }
        let approve =
            if only { format!("Approve for {}", lengths.first().unwrap_or(&view.length)) } else { "Approve".to_owned() };
        let length = lengths.first().copied().filter(|_| only);
        buttons.extend([approve_button(view, &approve, length, spoken), deny_button(view, spoken)]);
        return buttons;
    }
    if !view.can_end() {
        return Vec::new();
    }
    let button = blocks::button(action::REVOKE, "Revoke", id, Look::Danger, &format!("Revoke: {whose}"));
    let mut buttons = vec![blocks::confirmed(button, "Revoke this access?", &spoken.what_revoking_does(), "Revoke", "Keep it")];
    if view.stays_until.is_some() {
        let button = blocks::button(action::REVOKE_ALL, "Revoke all", id, Look::Danger, &format!("Revoke all: {whose}"));
        let text = spoken.what_revoking_all_does();
        buttons.push(blocks::confirmed(button, "Revoke every request for it?", &text, "Revoke all", "Keep them"));
    }
    buttons
}

/// `length`: what the label says.
fn approve_button(view: &RequestView, label: &str, length: Option<Span>, spoken: &Teller<'_>) -> Json {
    let mut bound = format!("{}{BOUND}{}", view.id, view.bound);
    if let Some(length) = length {
        bound.push_str(&format!("{BOUND}{}", length.0));
    }
    blocks::button(action::APPROVE, label, &bound, Look::Primary, &format!("{label}: {}", spoken.whose()))
}

fn deny_button(view: &RequestView, spoken: &Teller<'_>) -> Json {
    blocks::button(action::DENY, "Deny", view.id.as_str(), Look::Danger, &format!("Deny: {}", spoken.whose()))
}

fn direct_buttons(view: &RequestView, spoken: &Teller<'_>) -> Vec<Json> {
    let id = view.id.as_str();
    let mut buttons = Vec::new();
    if view.can_decide() && spoken.reader == Reader::Requestor {
        if view.policy.can_escalate {
            let label = format!("Escalate: {}", spoken.whose());
            let button = blocks::button(action::ESCALATE, "Escalate", id, Look::Plain, &label);
            let text = "Whoever is on call gets a message about your request now.";
            buttons.push(blocks::confirmed(button, "Is it urgent?", text, "Escalate", "Not now"));
        }
        let label = format!("Take back: {}", spoken.whose());
        buttons.push(blocks::button(action::WITHDRAW, "Take back", id, Look::Plain, &label));
    } else if view.can_end() {
        let label = format!("Relinquish: {}", spoken.whose());
        buttons.push(blocks::button(action::RELINQUISH, "Relinquish", id, Look::Plain, &label));
    }
    buttons
}

/// The lengths to choose from, shortest first; the asked one is among them unless it is too long by now.
fn lengths(view: &RequestView) -> Vec<Span> {
    let mut lengths: Vec<Span> = view.durations.iter().copied().filter(|length| length.0 > 0).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let fits = lengths.last().is_none_or(|longest| view.length <= *longest);
    lengths.truncate(limit::OPTIONS - 1);
    if fits && !lengths.contains(&view.length) {
        lengths.push(view.length);
        lengths.sort_unstable();
    }
    lengths
}

/// Of these the one that was asked for, or what comes next to it.
fn nearest(view: &RequestView, lengths: &[Span]) -> Option<Span> {
    lengths.iter().rev().find(|length| **length <= view.length).or(lengths.first()).copied()
}

fn label(view: &RequestView, length: Span) -> String {
    if length == view.length { format!("{length} (as asked)") } else { length.to_string() }
}

fn footer(view: &RequestView, channel_link: Option<&str>) -> Json {
    let of = view.extends.as_ref().map(|extends| format!(" · extends {}", extends.id)).unwrap_or_default();
    let asked = format!("Request {} · asked {}{of}", view.id, blocks::date(view.asked_at));
    match channel_link.and_then(|url| blocks::link(url, "Open it in the approvals channel")) {
        Some(link) => blocks::context(&format!("{asked} · {link}")),
        None => blocks::context(&asked),
    }
}
