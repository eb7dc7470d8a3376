//! The Home tab: everything of one person, with the buttons their messages have. It is drawn anew when it is
//! opened, when something is pressed in it, and when a message to them changes.

use serde_json::{Value as Json, json};

use super::told::{Form, Reader, Teller};
use super::{action, approve_button, deny_button, lengths, nearest, summary};
use crate::desk::view::{More, Phase, RequestView};
use crate::desk::{Again, Held, Home};
use crate::domain::time::{Span, Time};
use crate::surfaces::slack::blocks::{self, Look, limit};

/// How long an effect may be in a line.
const EFFECT: usize = 300;

/// The tab of somebody.
pub fn home(home: &Home, now: Time) -> Json {
    let mut blocks =
        vec![blocks::actions("ask", vec![blocks::button(action::ASK, "Request access", "new", Look::Primary, "Request access")])];
    if home.held.is_empty() && home.asked.is_empty() && home.to_decide.is_empty() {
        blocks.push(blocks::section("You have no access through P0 just now, and nothing waits for you."));
    }
    let mut part = |title: &str, parts: Vec<Vec<Json>>| {
        if !parts.is_empty() {
            blocks.push(blocks::header(title));
            blocks.extend(parts.into_iter().flatten());
        }
    };
    part("Waiting for your decision", home.to_decide.iter().map(|view| to_decide(view, now)).collect());
    part("What you have", home.held.iter().map(|it| held(it, now)).collect());
    part("What you asked for", home.asked.iter().map(|view| asked(view, now)).collect());
    part("Ask again", if home.again.is_empty() { Vec::new() } else { vec![again(&home.again)] });
    let more = if home.more { "There is more than is shown here. " } else { "" };
    blocks.push(blocks::context(&format!("{more}As of {}. `/p0 help` shows what you can type.", blocks::date(now))));
    blocks.truncate(limit::VIEW_BLOCKS);
    json!({ "type": "home", "callback_id": "home", "blocks": blocks })
}

/// The tab of somebody who is nobody here, and why.
pub fn nobody(why: &str) -> Json {
    json!({ "type": "home", "callback_id": "home", "blocks": [blocks::section(&blocks::line(why, limit::SECTION))] })
}

fn to_decide(view: &RequestView, now: Time) -> Vec<Json> {
    let rich = Teller { view, now, reader: Reader::Approvers, form: Form::Rich };
    let spoken = Teller { form: Form::Spoken, ..rich };
    let mut lines = vec![summary(view, now)];
    lines.extend(rich.warning());
    lines.extend(rich.extends());
    let length = nearest(view, &lengths(view)).unwrap_or(view.length);
    let label = format!("Approve for {length}");
    let buttons = vec![approve_button(view, &label, Some(length), &spoken), deny_button(view, &spoken)];
    vec![blocks::section(&lines.join("\n")), blocks::actions(&format!("decide/{}", view.id), buttons)]
}

fn held(held: &Held, now: Time) -> Vec<Json> {
    let Held { view, own, more } = held;
    let spoken = Teller { view, now, reader: Reader::Requestor, form: Form::Spoken };
    let for_whom = match own {
        true => String::new(),
        false => format!(" for {}", blocks::line(&view.principal.name, EFFECT)),
    };
    let until = match &view.phase {
        Phase::Usable { .. } if view.missing => "somebody took it away elsewhere".to_owned(),
        Phase::Usable { standing: true, .. } => "you had it before, so it stays".to_owned(),
        Phase::Usable { until, .. } if now < *until => {
            let left = (*until - now).whole_minutes();
            let left = if left == Span::ZERO { "less than a minute".to_owned() } else { left.to_string() };
            format!("{left} left, until {}", blocks::date(*until))
        }
        Phase::Approved { length, .. } => format!("being set up, then for {length}"),
        Phase::Usable { .. } | Phase::Ending { .. } | Phase::Ended { .. } => "being taken away".to_owned(),
        Phase::Asked | Phase::Denied { .. } | Phase::Withdrawn { .. } | Phase::Stale { .. } => String::new(),
    };
    let access = format!("*{}*{for_whom} · {}", blocks::line(&view.effect, EFFECT), blocks::line(&view.integration, EFFECT));
    let mut blocks = vec![blocks::section(&format!("{access}\n{until}"))];
    let mut buttons = Vec::new();
    if view.can_end() {
        let (id, whose) = (view.id.as_str(), spoken.whose());
        if let Some(More::Offered { length, .. }) = more {
            let label = format!("Extend by {length}");
            buttons.push(blocks::button(action::EXTEND, &label, id, Look::Plain, &format!("{label}: {whose}")));
        }
        let label = format!("Relinquish: {whose}");
        buttons.push(blocks::button(action::RELINQUISH, "Relinquish", id, Look::Plain, &label));
        blocks.push(blocks::actions(&format!("end/{id}"), buttons));
    }
    blocks
}

fn asked(view: &RequestView, now: Time) -> Vec<Json> {
    let rich = Teller { view, now, reader: Reader::Requestor, form: Form::Rich };
    let spoken = Teller { form: Form::Spoken, ..rich };
    let mut lines = vec![rich.ask()];
    lines.extend(Teller { reader: Reader::Approvers, ..rich }.who_decides());
    let label = format!("Take back: {}", spoken.whose());
    let button = blocks::button(action::WITHDRAW, "Take back", view.id.as_str(), Look::Plain, &label);
    vec![blocks::section(&lines.join("\n")), blocks::actions(&format!("back/{}", view.id), vec![button])]
}

fn again(all: &[Again]) -> Vec<Json> {
    // Each in a block has a name of its own.
    let button = |(number, again): (usize, &Again)| {
        let label = format!("{}, {}", again.effect, again.length);
        let spoken = format!("Ask again: {label}");
        blocks::button(&format!("{}/{number}", action::AGAIN), &label, again.request.as_str(), Look::Plain, &spoken)
    };
    vec![blocks::actions("again", all.iter().enumerate().map(button).collect())]
}
