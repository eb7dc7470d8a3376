//! What was allowed ahead of time: told to whoever may use it, to whoever allowed it, and to approvers.

use super::told::ended;
use super::{Message, action, joined};
use crate::desk::view::{PersonView, PreapprovalView};
use crate::domain::id::PersonId;
use crate::domain::time::Time;
use crate::surfaces::slack::blocks::{self, Look, limit};

/// It ends before long, for whoever allowed it or may use it. When it is over this says so.
pub fn preapproval_ends(view: &PreapprovalView, reader: &PersonId, now: Time) -> Message {
    if view.ended_at.is_some() || view.until <= now {
        return preapproval(view, Some(reader), now);
    }
    let headline = format!("{} access allowed ahead of time, ending soon", blocks::plain(&view.integration, 80));
    let told = |rich: bool| {
        let (effect, until) = (blocks::line(&view.effect, 400), blocks::date(view.until));
        let effect = if rich { format!("*{effect}*") } else { effect };
        let (issuer, principal) = (named(&view.issuer, rich), named(&view.principal, rich));
        match (*reader == view.issuer.id, *reader == view.principal.id) {
            (true, true) => format!("What you allowed yourself ends {until}: {effect}. `/p0 allow` allows it for longer."),
            (true, false) => format!("What you allowed {principal} ends {until}: {effect}. `/p0 allow` allows it for longer."),
            (false, _) => format!(
                "What {issuer} allowed you ends {until}: {effect}. If you need it for longer, ask {issuer} to allow it again."
            ),
        }
    };
    let context = blocks::context(&format!("Allowed ahead of time {}", view.id));
    let all = vec![blocks::header(&headline), blocks::section(&told(true)), context];
    Message { text: joined(vec![format!("{headline}."), told(false)]), blocks: all }
}

/// The message; `reader` is who it is for, if it is for one person.
pub fn preapproval(view: &PreapprovalView, reader: Option<&PersonId>, now: Time) -> Message {
    let name = |person: &PersonView, rich: bool| {
        if reader == Some(&person.id) {
            return "you".to_owned();
        }
        named(person, rich)
    };
    let over = view.ended_at.is_some() || view.until <= now;
    let headline = format!(
        "{} access {}",
        blocks::plain(&view.integration, 80),
        if over { "no longer allowed ahead of time" } else { "allowed ahead of time" }
    );
    let told = |rich: bool| {
        let effect = blocks::line(&view.effect, 400);
        let effect = if rich { format!("*{effect}*") } else { effect };
        let (issuer, principal) = (name(&view.issuer, rich), name(&view.principal, rich));
        let first = |word: &str| if word == "you" { "You".to_owned() } else { word.to_owned() };
        let until = blocks::date(view.until);
        let gets = if principal == "you" { "get" } else { "gets" };
        let window = match now < view.from {
            true => format!("From {} until {until}", blocks::date(view.from)),
            false => format!("Until {until}"),
        };
        let what = match view.ended_at {
            Some(at) => format!("That was taken back {}. What was given by it ends at its own time.", blocks::date(at)),
            None if view.until <= now => format!("That was over {}.", blocks::date(view.until)),
            None => format!(
                "{window}, {principal} can ask for it and {gets} it at once, each time for at most {}. Nothing is given before that.",
                view.length
            ),
        };
        format!("{} allowed {principal} ahead of time: {effect}. {what}", first(&issuer))
    };
    let mut all = vec![blocks::header(&headline), blocks::section(&told(true))];
    if let Some(reason) = view.reason.as_deref().map(|it| blocks::quote(it, limit::SECTION - 20)).filter(|it| !it.is_empty()) {
        all.push(blocks::section(&format!("*Reason*\n{reason}")));
    }
    // Whoever may use it has nothing to take back.
    if !over && reader != Some(&view.principal.id) {
        let label = format!("Take back what {} may have: {}", view.principal.name, view.effect);
        let button = blocks::button(action::END_PREAPPROVAL, "Take back", view.id.as_str(), Look::Danger, &label);
        let text = format!("{} has to ask again for {}.", view.principal.name, view.effect);
        all.push(blocks::actions("ahead", vec![blocks::confirmed(button, "Take this back?", &text, "Take back", "Keep it")]));
    }
    all.push(blocks::context(&format!("Allowed ahead of time {}", view.id)));
    let mut text = vec![format!("{headline}."), told(false)];
    text.extend(view.reason.as_deref().map(|reason| format!("Reason: {}", ended(&blocks::line(reason, 600)))));
    Message { text: joined(text), blocks: all }
}

/// Somebody, mentioned where the text can do that.
fn named(person: &PersonView, rich: bool) -> String {
    let mention = person.handle.as_deref().filter(|_| rich).and_then(blocks::mention);
    mention.unwrap_or_else(|| blocks::line(&person.name, 120))
}
