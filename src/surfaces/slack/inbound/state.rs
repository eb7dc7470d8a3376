//! What people typed and chose: the state of the inputs in a view or a message.
//!
//! It knows no block and no action of ours; a kind of input we do not use is kept by name, not read.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::text;
use crate::domain::time::Time;

/// What inputs hold, by block id and action id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State(pub BTreeMap<String, BTreeMap<String, Input>>);

impl State {
    /// The inputs of a view, or of the message a press came from.
    pub(super) fn of(json: &Json) -> State {
        let blocks = json.pointer("/state/values").and_then(Json::as_object);
        let read = |block: &Json| -> BTreeMap<String, Input> {
            let inputs = block.as_object().into_iter().flatten();
            inputs.map(|(action, input)| (action.clone(), Input::read(input))).collect()
        };
        State(blocks.into_iter().flatten().map(|(block, inputs)| (block.clone(), read(inputs))).collect())
    }

    pub fn get(&self, block_id: &str, action_id: &str) -> Option<&Input> {
        self.0.get(block_id)?.get(action_id)
    }

    /// The first block that holds this action, for callers that know the action only.
    pub fn find(&self, action_id: &str) -> Option<&Input> {
        self.0.values().find_map(|block| block.get(action_id))
    }
}

/// What one input holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Empty,
    Text(String),
    /// An option of a select, radio buttons or an external select.
    Choice {
        value: String,
        label: String,
    },
    Choices(Vec<(String, String)>),
    User(String),
    Users(Vec<String>),
    Time(Time),
    /// A kind of input that we do not use.
    Other(String),
}

impl Input {
    /// The one value it holds, whatever kind it is: a text, an option's value, a user's id.
    pub fn value(&self) -> Option<&str> {
        match self {
            Input::Text(value) | Input::Choice { value, .. } | Input::User(value) => Some(value),
            Input::Empty | Input::Choices(_) | Input::Users(_) | Input::Time(_) | Input::Other(_) => None,
        }
    }

    pub fn time(&self) -> Option<Time> {
        if let Input::Time(at) = self { Some(*at) } else { None }
    }

    pub(super) fn read(json: &Json) -> Input {
        let option = |json: &Json| {
            let value = text(json, "/value")?;
            let label = text(json, "/text/text").unwrap_or_else(|| value.clone());
            Some((value, label))
        };
        let list = |key: &str| json.get(key).and_then(Json::as_array);
        let ids = |list: &[Json]| list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        match text(json, "/type").as_deref().unwrap_or_default() {
            "button" => Input::Empty,
            "plain_text_input" | "number_input" | "email_text_input" | "url_text_input" => {
                text(json, "/value").map_or(Input::Empty, Input::Text)
            }
            "static_select" | "external_select" | "radio_buttons" | "overflow" => {
                json.get("selected_option").and_then(option).map_or(Input::Empty, |(value, label)| Input::Choice { value, label })
            }
            "multi_static_select" | "multi_external_select" | "checkboxes" => match list("selected_options") {
                Some(chosen) if !chosen.is_empty() => Input::Choices(chosen.iter().filter_map(option).collect()),
                Some(_) | None => Input::Empty,
            },
            "users_select" => text(json, "/selected_user").map_or(Input::Empty, Input::User),
            "multi_users_select" => match list("selected_users") {
                Some(chosen) if !chosen.is_empty() => Input::Users(ids(chosen)),
                Some(_) | None => Input::Empty,
            },
            "datetimepicker" => {
                let seconds = json.get("selected_date_time").and_then(Json::as_i64);
                seconds.map_or(Input::Empty, |seconds| Input::Time(Time(seconds.saturating_mul(1000))))
            }
            other => Input::Other(other.to_owned()),
        }
    }
}
