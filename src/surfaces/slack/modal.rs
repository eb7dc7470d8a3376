//! The forms people fill in: to ask for access, and to deny a request.
//!
//! A form of the catalog becomes a view, and a view that comes back becomes a draft; what the values
//! mean is not known here. Slack keeps what was typed as long as a field's block keeps its id, so the
//! id of a field names its integration and access type: another choice above starts it anew, another
//! list of options does not.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::catalog::args::{self, MANY, Problem};
use crate::catalog::form::{
    ACCESS_TYPE, DURATION, Draft, END, Field, Form, INTEGRATION, LENGTH, Purpose, REASON, START, TO, Widget, Window, short,
};
use crate::desk::view::RequestView;
use crate::domain::access::{Args, Choice};
use crate::domain::id::RequestId;
use crate::domain::request::LONGEST_REASON;
use crate::domain::time::{Span, Time};

use super::blocks::{self, limit};
use super::inbound::{Input, View};
use super::messages;

#[cfg(test)]
mod tests;

/// What a view is for, as it comes back with it.
pub mod callback {
    pub const ASK: &str = "ask";
    pub const DENY: &str = "deny";
    /// Nothing can be done in it: it waits for another, or says something.
    pub const TOLD: &str = "told";
    /// The global shortcut, as the app manifest names it.
    pub const SHORTCUT: &str = "request_access";
    /// The shortcut at a message.
    pub const MESSAGE_SHORTCUT: &str = "request_this";
    pub const SHORTCUTS: [&str; 2] = [SHORTCUT, MESSAGE_SHORTCUT];
}

/// What rides along in `private_metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Carried {
    /// What is known and stands in no field.
    #[serde(flatten)]
    pub draft: Draft,
    /// Whatever the caller wants back: where the form was opened from, say. At most 1,000 characters.
    pub origin: Option<String>,
}

impl Carried {
    /// What rode along; nothing, if it does not read.
    pub fn of(view: &View) -> Carried {
        serde_json::from_str(&view.metadata).unwrap_or_default()
    }
}

/// What stands above a view; Slack leaves little room for it.
pub fn title(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Request | Purpose::Grant => "Request access",
        Purpose::Allow => "Allow access",
    }
}

/// Something to look at while the real form is made: Slack allows three seconds to open one.
pub fn loading() -> Json {
    told("Request access", "Loading what you can ask for…")
}

/// A view that only says something.
pub fn told(title: &str, text: &str) -> Json {
    json!({
        "type": "modal",
        "callback_id": callback::TOLD,
        "title": blocks::plain_text(title, limit::TITLE),
        "close": blocks::plain_text("Close", limit::TITLE),
        "blocks": [blocks::section(&blocks::line(text, limit::SECTION))],
    })
}

/// The form to ask for access, for oneself or for somebody, or to allow it ahead of time.
pub fn ask(form: &Form, origin: Option<&str>) -> Json {
    let heading = Some(form.purpose.heading()).filter(|heading| *heading != title(form.purpose));
    let heading = heading.map(|heading| format!("*{heading}*"));
    let first = heading.into_iter().chain(form.note.as_deref().map(|note| blocks::line(note, 1000))).collect::<Vec<_>>();
    let mut blocks = Vec::new();
    if !first.is_empty() {
        blocks.push(blocks::section(&first.join("\n")));
    }
    let mut told = false;
    for field in &form.fields {
        // What the access type is stands between the choice of it and what it needs.
        let common = [TO, INTEGRATION, ACCESS_TYPE].contains(&field.name.as_str());
        if !common && !told {
            told = true;
            blocks.extend(about(form));
        }
        blocks.push(block(form, field));
    }
    blocks.truncate(limit::VIEW_BLOCKS);
    json!({
        "type": "modal",
        "callback_id": callback::ASK,
        "title": blocks::plain_text(title(form.purpose), limit::TITLE),
        "submit": blocks::plain_text(form.purpose.submit(), limit::TITLE),
        "close": blocks::plain_text("Cancel", limit::TITLE),
        "private_metadata": carried(form, origin),
        "blocks": blocks,
    })
}

/// What rides along. What is too long for it can be typed again.
fn carried(form: &Form, origin: Option<&str>) -> String {
    let mut carried = Carried { draft: form.rest.clone(), origin: origin.map(|origin| blocks::cut(origin, 1000)) };
    let whole = json!(carried).to_string();
    if whole.encode_utf16().count() <= limit::METADATA {
        return whole;
    }
    carried.draft.reason = None;
    carried.draft.values.clear();
    json!(carried).to_string()
}

fn about(form: &Form) -> Option<Json> {
    form.access_type.as_ref()?;
    let title = blocks::line(&form.title, 200);
    Some(match form.help.as_deref().map(|help| blocks::line(help, 1000)) {
        Some(help) => blocks::section(&format!("*{title}*\n{help}")),
        None => blocks::section(&format!("*{title}*")),
    })
}

/// The block a field stands in.
pub fn block_id(integration: Option<&str>, access_type: Option<&str>, field: &str) -> String {
    let (integration, access_type) = (integration.unwrap_or_default(), access_type.unwrap_or_default());
    match field {
        // These stay good whatever else is chosen.
        INTEGRATION | REASON | TO | START | END | LENGTH => field.to_owned(),
        ACCESS_TYPE => blocks::cut(&format!("{integration}//{field}"), limit::ID),
        _ => blocks::cut(&format!("{integration}/{access_type}/{field}"), limit::ID),
    }
}

fn block(form: &Form, field: &Field) -> Json {
    let Some(element) = element(field) else {
        let title = blocks::line(&field.title, 200);
        let why = match (field.name.as_str(), form.purpose) {
            (INTEGRATION, Purpose::Request) => "There is nothing to choose from: no access policy lets you ask for anything.",
            (INTEGRATION, Purpose::Grant | Purpose::Allow) => {
                "There is nothing to choose from: no access policy lets this person have anything."
            }
            _ => "There is nothing to choose from. Ask whoever runs p0 to look at it.",
        };
        return blocks::section(&format!("*{title}*\n{why}"));
    };
    let mut input = json!({
        "type": "input",
        "block_id": block_id(form.integration.as_deref(), form.access_type.as_deref(), &field.name),
        "label": blocks::plain_text(&field.title, 150),
        "optional": !field.required,
        "dispatch_action": field.dependants,
        "element": element,
    });
    if let Some(hint) = field.hint.as_deref().filter(|hint| !hint.trim().is_empty()) {
        input["hint"] = blocks::plain_text(hint, 500);
    }
    input
}

/// `None`: a list with nothing in it, which Slack would refuse.
fn element(field: &Field) -> Option<Json> {
    let mut element = match &field.widget {
        Widget::Text { pattern: _, multiline } => text_input(field, *multiline),
        Widget::Choice(choices) => from_list(field, options(choices))?,
        Widget::Duration(lengths) => from_list(field, lengths.iter().filter_map(length).collect())?,
        Widget::Lookup { .. } => looked_up(field),
        Widget::Time => time(field),
        Widget::Person => person(field),
    };
    element["action_id"] = json!(field.name);
    if let Some(placeholder) = field.placeholder.as_deref().filter(|text| !text.trim().is_empty()) {
        element["placeholder"] = blocks::plain_text(placeholder, limit::PLACEHOLDER);
    }
    Some(element)
}

fn text_input(field: &Field, multiline: bool) -> Json {
    let longest = if field.name == REASON { LONGEST_REASON } else { limit::INPUT };
    let mut input = json!({ "type": "plain_text_input", "multiline": multiline, "max_length": longest });
    if let Some(value) = field.value.as_deref().filter(|value| !value.is_empty()) {
        input["initial_value"] = json!(blocks::cut(value, longest));
    }
    input
}

fn from_list(field: &Field, options: Vec<Json>) -> Option<Json> {
    if options.is_empty() {
        return None;
    }
    let wanted: Vec<&str> = field.values().into_iter().map(|(value, _)| value).collect();
    let chosen: Vec<Json> =
        options.iter().filter(|option| option["value"].as_str().is_some_and(|value| wanted.contains(&value))).cloned().collect();
    Some(select("static_select", field.many, json!({ "options": options }), chosen))
}

fn looked_up(field: &Field) -> Json {
    let chosen = field.values().into_iter().filter_map(|(value, label)| blocks::option(value, label)).collect();
    select("external_select", field.many, json!({ "min_query_length": 0 }), chosen)
}

fn select(kind: &str, many: bool, mut element: Json, mut chosen: Vec<Json>) -> Json {
    if many {
        element["type"] = json!(format!("multi_{kind}"));
        if !chosen.is_empty() {
            element["initial_options"] = json!(chosen);
        }
    } else {
        element["type"] = json!(kind);
        if !chosen.is_empty() {
            element["initial_option"] = chosen.swap_remove(0);
        }
    }
    element
}

/// A day and a time in the reader's own zone.
fn time(field: &Field) -> Json {
    match field.value.as_deref().map(Time::parse) {
        // Slack takes ten digits: nothing before September 2001.
        Some(Ok(at)) if at.seconds() >= 1_000_000_000 => json!({ "type": "datetimepicker", "initial_date_time": at.seconds() }),
        Some(Ok(_) | Err(_)) | None => json!({ "type": "datetimepicker" }),
    }
}

/// A person by their Slack id. Slack's list of people cannot show an e-mail address, so one that was given
/// stands as text.
fn person(field: &Field) -> Json {
    let id = |value: &str| args::mention(value).filter(|id| blocks::mention(id).is_some()).map(str::to_owned);
    let values = field.values();
    let chosen: Vec<String> = values.iter().filter_map(|(value, _)| id(value)).collect();
    if chosen.len() < values.len() {
        return text_input(field, field.many);
    }
    match (field.many, chosen.first()) {
        (true, None) => json!({ "type": "multi_users_select" }),
        (true, Some(_)) => json!({ "type": "multi_users_select", "initial_users": chosen }),
        (false, None) => json!({ "type": "users_select" }),
        (false, Some(first)) => json!({ "type": "users_select", "initial_user": first }),
    }
}

fn length(length: &Span) -> Option<Json> {
    blocks::option(&short(*length), &length.to_string())
}

/// Options without doubles; a value longer than Slack can carry is left out.
fn options(choices: &[Choice]) -> Vec<Json> {
    let mut seen = std::collections::BTreeSet::new();
    let fresh = choices.iter().filter(|choice| seen.insert(choice.value.as_str()));
    fresh.filter_map(|choice| blocks::option(&choice.value, &choice.label)).take(limit::OPTIONS).collect()
}

/// The answer to a type-ahead. With `free`, what was typed may be taken as it is.
pub fn suggestions(choices: &[Choice], query: &str, free: bool) -> Json {
    let query = query.trim();
    let mut options = options(choices);
    if free && !query.is_empty() && !choices.iter().any(|choice| choice.value == query) {
        options.truncate(limit::OPTIONS - 1);
        options.extend(blocks::option(query, &format!("Use \"{query}\"")));
    }
    json!({ "options": options })
}

/// What stands in the form now: submitted, or changed half-way.
pub fn draft(view: &View) -> Draft {
    let carried = Carried::of(view).draft;
    let chosen = |block: &str, action: &str| view.state.get(block, action).and_then(Input::value).map(str::to_owned);
    let integration = chosen(INTEGRATION, INTEGRATION).or_else(|| carried.integration.clone());
    let same = integration == carried.integration;
    let own = |access_type: Option<&str>, field: &str| block_id(integration.as_deref(), access_type, field);
    let access_type = chosen(&own(None, ACCESS_TYPE), ACCESS_TYPE).or(carried.access_type.filter(|_| same));
    // A field that is shown says what holds, even nothing; else what rode along does.
    let held = |name: &str| view.state.get(name, name);
    let before = carried.window.unwrap_or_default();
    let window = Window {
        start: held(START).map_or(before.start, Input::time),
        end: held(END).map_or(before.end, Input::time),
        length: held(LENGTH).map_or(before.length, |input| Span::parse(input.value()?).ok()),
    };
    let mut draft = Draft {
        to: held(TO).map_or(carried.to, value),
        values: if same { carried.values } else { Args::new() },
        reason: held(REASON).map_or(carried.reason, |input| input.value().map(str::to_owned)),
        duration: carried.duration,
        window: window.known(),
        integration: None,
        access_type: None,
        ..carried
    };
    for (block, inputs) in &view.state.0 {
        for (name, input) in inputs {
            // Fields of another integration or access type are still there until the form is rewritten.
            if *block != own(access_type.as_deref(), name) {
                continue;
            }
            match name.as_str() {
                INTEGRATION | ACCESS_TYPE | REASON | TO | START | END | LENGTH => {}
                DURATION => draft.duration = input.value().and_then(|value| Span::parse(value).ok()),
                _ => {
                    draft.values.extend(value(input).map(|value| (name.clone(), value)));
                }
            }
        }
    }
    Draft { integration, access_type, ..draft }
}

fn value(input: &Input) -> Option<String> {
    let joined = |values: Vec<String>| (!values.is_empty()).then(|| values.join(MANY));
    match input {
        Input::Text(text) => joined(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()),
        Input::Choice { value, .. } => Some(value.clone()),
        Input::Choices(choices) => joined(choices.iter().map(|(value, _)| value.clone()).collect()),
        Input::User(id) => Some(format!("<@{id}>")),
        Input::Users(ids) => joined(ids.iter().map(|id| format!("<@{id}>")).collect()),
        Input::Time(at) => Some(at.typed()),
        Input::Empty | Input::Other(_) => None,
    }
}

/// The answer to a submission with mistakes in it: each at its field. What belongs to no field that is
/// shown stands at the first one, because an answer without a place would close the form.
pub fn errors(form: &Form, problems: &[Problem]) -> Json {
    let mut errors = serde_json::Map::new();
    for problem in problems {
        let shown = form.fields.iter().find(|field| field.name == problem.arg && element(field).is_some());
        let (name, message) = match shown {
            Some(field) => (field.name.as_str(), problem.message.clone()),
            None => (INTEGRATION, format!("{}: {}", problem.arg, problem.message)),
        };
        let block = block_id(form.integration.as_deref(), form.access_type.as_deref(), name);
        let before = errors.get(&block).and_then(Json::as_str).map(|before| format!("{before} ")).unwrap_or_default();
        errors.insert(block, json!(blocks::plain(&format!("{before}{message}"), 500)));
    }
    json!({ "response_action": "errors", "errors": errors })
}

/// The form to deny a request in.
pub fn deny(view: &RequestView, now: Time) -> Json {
    let reason = json!({
        "type": "input",
        "block_id": REASON,
        "label": blocks::plain_text("Reason", limit::LABEL),
        "hint": blocks::plain_text(&format!("{} will see it.", view.requestor.name), 150),
        "optional": true,
        "element": { "type": "plain_text_input", "action_id": REASON, "multiline": true, "max_length": LONGEST_REASON },
    });
    json!({
        "type": "modal",
        "callback_id": callback::DENY,
        "title": blocks::plain_text("Deny this request?", limit::TITLE),
        "submit": blocks::plain_text("Deny", limit::TITLE),
        "close": blocks::plain_text("Cancel", limit::TITLE),
        "private_metadata": view.id.as_str(),
        "blocks": [blocks::section(&messages::summary(view, now)), reason],
    })
}

/// Which request is denied, and why. `None`: this is no such form.
pub fn denied(view: &View) -> Option<(RequestId, Option<String>)> {
    let id = RequestId::parse(&view.metadata)?;
    let reason = view.state.get(REASON, REASON).and_then(Input::value).map(str::trim).filter(|reason| !reason.is_empty());
    Some((id, reason.map(str::to_owned)))
}
