//! The reminder before an end, a message of its own: how to get more time, how to give the access back.
//! Once there is nothing left to press it says what became of the access, and has no buttons.

use serde_json::Value as Json;

use super::told::{Form, Reader, Teller};
use super::{END, Message, action, footer, joined, opening};
use crate::desk::view::{More, Phase, RequestView};
use crate::domain::time::Time;
use crate::surfaces::slack::blocks::{self, Look};

/// How long an effect may be on a button.
const EFFECT: usize = 400;

/// The reminder of a request; `more` is what pressing Extend would do.
pub fn reminder(view: &RequestView, more: Option<More>, now: Time) -> Message {
    let reader = if view.principal.id == view.requestor.id { Reader::Requestor } else { Reader::Principal };
    let rich = Teller { view, now, reader, form: Form::Rich };
    let spoken = Teller { form: Form::Spoken, ..rich };
    let (headline, told, spoken_told, buttons) = match ends(view, now) {
        Some(until) => {
            let headline = format!("{} access ends soon", blocks::plain(&view.integration, 80));
            let lines = |form: &Teller<'_>| {
                let effect = form.strong(&blocks::line(&view.effect, EFFECT));
                let mut lines = vec![format!("Your access to {effect} ends {}.", form.strong(&blocks::date(until)))];
                lines.extend(more.map(|more| what_more(more, until)));
                lines
            };
            (headline, lines(&rich), lines(&spoken), buttons(view, more, &spoken))
        }
        None => (headline(&spoken), over(&rich), over(&spoken), Vec::new()),
    };
    let mut blocks = vec![blocks::header(&headline), blocks::section(&told.join("\n"))];
    if !buttons.is_empty() {
        blocks.push(blocks::actions(END, buttons));
    }
    blocks.push(footer(view, None));
    let mut text = vec![opening(&headline)];
    text.extend(spoken_told);
    Message { text: joined(text), blocks }
}

/// When the access ends, while it is in use and nothing keeps it longer.
fn ends(view: &RequestView, now: Time) -> Option<Time> {
    match view.phase {
        Phase::Usable { until, standing: false, .. } if now < until && !view.missing => {
            Some(until).filter(|until| view.stays_until.is_none_or(|stays| stays <= *until))
        }
        Phase::Usable { .. }
        | Phase::Asked
        | Phase::Denied { .. }
        | Phase::Withdrawn { .. }
        | Phase::Stale { .. }
        | Phase::Approved { .. }
        | Phase::Ending { .. }
        | Phase::Ended { .. } => None,
    }
}

/// Until when it stays, when something else keeps it longer than the end that this was to remind of.
fn goes_on(view: &RequestView) -> Option<Time> {
    view.stays_until.filter(|_| !view.missing && matches!(view.phase, Phase::Usable { standing: false, .. }))
}

fn headline(spoken: &Teller<'_>) -> String {
    match goes_on(spoken.view) {
        Some(_) => format!("{} access goes on", blocks::plain(&spoken.view.integration, 80)),
        None => spoken.headline(),
    }
}

fn over(teller: &Teller<'_>) -> Vec<String> {
    let effect = teller.strong(&blocks::line(&teller.view.effect, EFFECT));
    if let Some(until) = goes_on(teller.view) {
        let why = if teller.view.extended { "it was extended" } else { "another request keeps it" };
        return vec![format!("Your access to {effect} goes on until {}: {why}.", teller.strong(&blocks::date(until)))];
    }
    let mut lines = vec![format!("This was a reminder of the end of your access to {effect}.")];
    lines.extend(teller.told());
    lines
}

fn what_more(more: More, until: Time) -> String {
    match more {
        More::Offered { length, at_once: true } => {
            format!("You can extend it at once, until {}, or give it back now.", blocks::date(until + length))
        }
        More::Offered { length, at_once: false } => {
            format!("You can ask the approvers to extend it until {}, or give it back now.", blocks::date(until + length))
        }
        More::Asked => "You asked for more time, and that waits for a decision.".to_owned(),
        More::UsedUp { longest } => {
            format!("It may be held for {longest} without a pause, and that is used up. You can ask again after it has ended.")
        }
    }
}

fn buttons(view: &RequestView, more: Option<More>, spoken: &Teller<'_>) -> Vec<Json> {
    let (id, whose) = (view.id.as_str(), spoken.whose());
    let mut buttons = Vec::new();
    if let Some(More::Offered { length, .. }) = more {
        let label = format!("Extend by {length}");
        buttons.push(blocks::button(action::EXTEND, &label, id, Look::Primary, &format!("{label}: {whose}")));
    }
    buttons.push(blocks::button(action::RELINQUISH, "I am done", id, Look::Plain, &format!("I am done, relinquish: {whose}")));
    buttons
}
