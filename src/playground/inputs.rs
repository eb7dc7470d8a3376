//! What a person can do with the elements of a view or message: the state they hold, what is put
//! into it, and what an action about one looks like on the wire.
//!
//! Pure functions over JSON. It must never accept a choice a person could not make on the screen.

use serde_json::{Map, Value, json};

use super::Error;
use super::world::Dice;

/// An element with where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub block_id: String,
    pub action_id: String,
    pub element: Value,
    /// The whole input block, when the element stands in one.
    pub input: Option<Value>,
}

impl Placed {
    pub fn kind(&self) -> &str {
        self.element["type"].as_str().unwrap_or_default()
    }

    pub fn optional(&self) -> bool {
        self.input.as_ref().is_some_and(|input| input["optional"] == true)
    }

    /// Whether a change of the value is told to the app at once.
    pub fn dispatches(&self) -> bool {
        self.input.as_ref().is_none_or(|input| input["dispatch_action"] == true)
    }
}

/// Every interactive element of these blocks, in order.
pub(super) fn elements(blocks: &Value) -> Vec<Placed> {
    let mut found = Vec::new();
    for block in blocks.as_array().map(Vec::as_slice).unwrap_or_default() {
        let block_id = block["block_id"].as_str().unwrap_or_default();
        let mut add = |element: &Value, input: Option<Value>| {
            if let Some(action_id) = element["action_id"].as_str() {
                let (block_id, action_id) = (block_id.to_owned(), action_id.to_owned());
                found.push(Placed { block_id, action_id, element: element.clone(), input });
            }
        };
        match block["type"].as_str() {
            Some("section") => add(&block["accessory"], None),
            Some("actions" | "context_actions") => {
                block["elements"].as_array().map(Vec::as_slice).unwrap_or_default().iter().for_each(|element| add(element, None));
            }
            Some("input") => add(&block["element"], Some(block.clone())),
            _ => {}
        }
    }
    found
}

/// What Slack adds to blocks it accepted: ids where there were none, and the defaults.
pub(super) fn complete(body: &mut Map<String, Value>, dice: &mut Dice) {
    fn texts(value: &mut Value) {
        match value {
            Value::Object(object) => {
                match object.get("type").and_then(Value::as_str) {
                    Some("plain_text") => drop(object.entry("emoji").or_insert(json!(true))),
                    Some("mrkdwn") => drop(object.entry("verbatim").or_insert(json!(false))),
                    _ => {}
                }
                object.values_mut().for_each(texts);
            }
            Value::Array(items) => items.iter_mut().for_each(texts),
            _ => {}
        }
    }
    fn named(element: &mut Value, dice: &mut Dice) {
        if let Some(object) = element.as_object_mut()
            && object.get("type").is_some_and(|kind| kind != "image" && kind != "mrkdwn" && kind != "plain_text")
        {
            object.entry("action_id").or_insert_with(|| dice.short().into());
        }
    }
    for key in ["blocks", "title", "submit", "close"] {
        body.get_mut(key).into_iter().for_each(texts);
    }
    for block in body.get_mut("blocks").and_then(Value::as_array_mut).map(Vec::as_mut_slice).unwrap_or_default() {
        let Some(block) = block.as_object_mut() else { continue };
        if block.get("block_id").and_then(Value::as_str).is_none_or(str::is_empty) {
            block.insert("block_id".into(), dice.short().into());
        }
        match block.get("type").and_then(Value::as_str) {
            Some("section") => block.get_mut("accessory").into_iter().for_each(|element| named(element, dice)),
            Some("actions") => {
                let elements = block.get_mut("elements").and_then(Value::as_array_mut);
                elements.into_iter().flatten().for_each(|element| named(element, dice));
            }
            Some("input") => {
                block.entry("optional").or_insert(json!(false));
                block.entry("dispatch_action").or_insert(json!(false));
                block.get_mut("element").into_iter().for_each(|element| named(element, dice));
            }
            _ => {}
        }
    }
}

/// The name of the field that holds an element's value on the wire, and of its initial value.
fn field(kind: &str) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        "plain_text_input" | "number_input" | "email_text_input" | "url_text_input" => ("value", "initial_value"),
        "rich_text_input" => ("rich_text_value", "initial_value"),
        "static_select" | "external_select" | "radio_buttons" => ("selected_option", "initial_option"),
        "multi_static_select" | "multi_external_select" | "checkboxes" => ("selected_options", "initial_options"),
        "users_select" => ("selected_user", "initial_user"),
        "multi_users_select" => ("selected_users", "initial_users"),
        "conversations_select" => ("selected_conversation", "initial_conversation"),
        "multi_conversations_select" => ("selected_conversations", "initial_conversations"),
        "channels_select" => ("selected_channel", "initial_channel"),
        "multi_channels_select" => ("selected_channels", "initial_channels"),
        "datepicker" => ("selected_date", "initial_date"),
        "timepicker" => ("selected_time", "initial_time"),
        "datetimepicker" => ("selected_date_time", "initial_date_time"),
        "file_input" => ("files", "initial_files"),
        _ => return None,
    })
}

fn is_many(kind: &str) -> bool {
    kind.starts_with("multi_") || kind == "checkboxes" || kind == "file_input"
}

/// `state.values` of these blocks. What was there before stays, when the same element is still there.
pub(super) fn state(blocks: &Value, before: &Value) -> Value {
    let mut values = Map::new();
    for placed in elements(blocks) {
        let kind = placed.kind();
        let Some((key, initial)) = field(kind) else { continue };
        let old = before.get(&placed.block_id).and_then(|block| block.get(&placed.action_id)).filter(|old| old["type"] == kind);
        let value = old.cloned().unwrap_or_else(|| {
            let nothing = if is_many(kind) { json!([]) } else { Value::Null };
            json!({ "type": kind, key: placed.element.get(initial).cloned().unwrap_or(nothing) })
        });
        let block = values.entry(placed.block_id.clone()).or_insert_with(|| json!({}));
        block[placed.action_id.as_str()] = value;
    }
    Value::Object(values)
}

/// The options an element carries itself, groups flattened.
pub(super) fn options_of(element: &Map<String, Value>) -> Vec<Value> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut options = list(element.get("options"));
    for group in list(element.get("option_groups")) {
        options.extend(list(group.get("options")));
    }
    options
}

/// The value of an element after a person chose `wanted`: an option's value or text, a text, a
/// date, an id; an array for the many-valued ones; null to clear it.
pub(super) fn choose(placed: &Placed, offered: &[Value], wanted: &Value) -> Result<Value, Error> {
    let kind = placed.kind();
    let Some((key, _)) = field(kind) else {
        return Err(Error::Cannot(format!("{} is a {kind}, which holds no value; press it", placed.action_id)));
    };
    let many = is_many(kind);
    let one = |wanted: &Value| match key {
        "selected_option" | "selected_options" => option(placed, offered, wanted),
        "rich_text_value" if wanted.is_string() => Ok(json!({ "type": "rich_text", "elements": [
            { "type": "rich_text_section", "elements": [{ "type": "text", "text": wanted }] }] })),
        _ => Ok(wanted.clone()),
    };
    let value = match (many, wanted) {
        (true, Value::Null) => json!([]),
        (true, Value::Array(all)) => Value::Array(all.iter().map(one).collect::<Result<_, _>>()?),
        (true, single) => json!([one(single)?]),
        (false, Value::Null) => Value::Null,
        (false, Value::String(text)) if text.is_empty() => Value::Null,
        (false, single) => one(single)?,
    };
    if let (Some(most), Some(chosen)) = (placed.element["max_selected_items"].as_u64(), value.as_array())
        && chosen.len() as u64 > most
    {
        return Err(Error::Cannot(format!("{} takes at most {most} items", placed.action_id)));
    }
    if let (Some(text), "plain_text_input") = (value.as_str(), kind) {
        let most = placed.element["max_length"].as_u64().unwrap_or(super::blocks::INPUT_LENGTH as u64);
        if text.chars().count() as u64 > most {
            return Err(Error::Cannot(format!("{} takes at most {most} characters", placed.action_id)));
        }
    }
    Ok(json!({ "type": kind, key: value }))
}

/// The option a person means, among those on the screen.
pub(super) fn option(placed: &Placed, offered: &[Value], wanted: &Value) -> Result<Value, Error> {
    let mut shown = placed.element.as_object().map(options_of).unwrap_or_default();
    shown.extend_from_slice(offered);
    let same = |option: &&Value| &option["value"] == wanted || &option["text"]["text"] == wanted || *option == wanted;
    shown.iter().find(same).cloned().ok_or_else(|| {
        let there: Vec<&str> = shown.iter().filter_map(|option| option["value"].as_str()).collect();
        Error::Cannot(format!("{} does not offer {wanted}; it offers {there:?}", placed.action_id))
    })
}

/// Why the client would not let a person submit with this value; `None` when it would.
pub(super) fn refusal(placed: &Placed, held: &Value) -> Option<String> {
    let (key, _) = field(placed.kind())?;
    let value = &held[key];
    let empty = match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if empty {
        return (!placed.optional()).then(|| "Please complete this required field.".to_owned());
    }
    let text = value.as_str().unwrap_or_default();
    let number = |key: &str| placed.element[key].as_str().and_then(|n| n.parse::<f64>().ok());
    match placed.kind() {
        "plain_text_input" => {
            let least = placed.element["min_length"].as_u64().unwrap_or(0);
            ((text.chars().count() as u64) < least).then(|| format!("This field needs at least {least} characters."))
        }
        "email_text_input" => {
            let good = text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.'));
            (!good).then(|| "Please enter a valid email address.".to_owned())
        }
        "url_text_input" => url::Url::parse(text).is_err().then(|| "Please enter a valid URL.".to_owned()),
        "number_input" => match text.parse::<f64>() {
            Err(_) => Some("Please enter a number.".to_owned()),
            Ok(n) if n.fract() != 0.0 && placed.element["is_decimal_allowed"] != true => {
                Some("Please enter a whole number.".to_owned())
            }
            Ok(n) if number("min_value").is_some_and(|least| n < least) => Some("This number is too small.".to_owned()),
            Ok(n) if number("max_value").is_some_and(|most| n > most) => Some("This number is too large.".to_owned()),
            Ok(_) => None,
        },
        _ => None,
    }
}

/// One entry of `actions[]`. `held` is the element's value after the action.
pub(super) fn action(placed: &Placed, held: Option<&Value>, action_ts: &str) -> Value {
    let mut action = json!({ "type": placed.kind(), "action_id": placed.action_id, "block_id": placed.block_id });
    for key in ["text", "value", "style", "url", "confirm", "placeholder", "initial_option", "initial_options", "initial_date"] {
        if let Some(value) = placed.element.get(key)
            && !(key == "text" && placed.kind() != "button")
        {
            action[key] = value.clone();
        }
    }
    for (key, value) in held.and_then(Value::as_object).into_iter().flatten() {
        action[key.as_str()] = value.clone();
    }
    action["action_ts"] = action_ts.into();
    action
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select() -> Value {
        json!([{ "type": "input", "block_id": "b", "label": { "type": "plain_text", "text": "L" }, "element":
            { "type": "static_select", "action_id": "a", "options": [{ "text": { "type": "plain_text", "text": "One hour" }, "value": "1h" }] } }])
    }

    #[test]
    fn only_what_is_offered_can_be_chosen_by_value_or_by_text() {
        let placed = elements(&select()).remove(0);
        assert_eq!(
            choose(&placed, &[], &json!("1h")).expect("by value"),
            choose(&placed, &[], &json!("One hour")).expect("by text")
        );
        assert!(choose(&placed, &[], &json!("2h")).is_err());
        assert!(refusal(&placed, &choose(&placed, &[], &Value::Null).expect("cleared")).is_some());
    }

    #[test]
    fn what_was_typed_survives_an_update_of_the_same_element_only() {
        let held = json!({ "b": { "a": { "type": "static_select", "selected_option": { "value": "1h" } } } });
        assert_eq!(state(&select(), &held), held);
        let mut other = select();
        other[0]["element"]["action_id"] = json!("another");
        assert_eq!(state(&other, &held)["b"]["another"]["selected_option"], Value::Null);
    }
}
