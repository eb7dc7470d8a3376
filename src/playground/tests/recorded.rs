//! Beside what Slack itself sent: every key that all recorded payloads of a kind have in common is in ours,
//! with a value of a type that was seen there. The recordings are not part of this project; where they are
//! not at hand, `tools/test` says so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::app::with_app;
use super::{buttons, call, input, modal, section};
use crate::playground::{Delivery, PressTarget, Sim};

/// What recordings of one kind agree in.
#[derive(Debug, Default)]
struct Shape {
    kinds: BTreeSet<&'static str>,
    /// Keys that every one of them has; only of objects: what is in lists differs with the app.
    keys: Option<BTreeMap<String, Shape>>,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl Shape {
    fn take(&mut self, value: &Value) {
        self.kinds.insert(kind(value));
        let Value::Object(object) = value else { return };
        let first = self.keys.is_none();
        let keys = self.keys.get_or_insert_default();
        keys.retain(|key, _| object.contains_key(key));
        for (key, value) in object {
            match first {
                true => keys.entry(key.clone()).or_default().take(value),
                false => keys.get_mut(key).into_iter().for_each(|shape| shape.take(value)),
            }
        }
    }

    /// What is missing in ours, or of another type.
    fn lacks(&self, ours: &Value, at: &str, found: &mut Vec<String>) {
        // Whether there is an enterprise is a matter of the workspace.
        if !self.kinds.contains(kind(ours)) && !ours.is_null() {
            found.push(format!("{at} is of type {}, recorded as {:?}", kind(ours), self.kinds));
        }
        let Value::Object(object) = ours else { return };
        for (key, shape) in self.keys.iter().flatten() {
            match object.get(key) {
                Some(value) => shape.lacks(value, &format!("{at}/{key}"), found),
                None => found.push(format!("{at}/{key} is missing")),
            }
        }
    }
}

fn recorded(kind: &str) -> Option<Shape> {
    let folder = format!("{}/../shared/slack-samples/recorded/{kind}", env!("CARGO_MANIFEST_DIR"));
    let mut shape = Shape::default();
    for entry in std::fs::read_dir(folder).ok()? {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("text");
        let mut payload: Value = serde_json::from_str(&text).expect("JSON");
        if let Some(body) = payload.get("form_body").and_then(Value::as_str) {
            let fields = url::form_urlencoded::parse(body.as_bytes()).into_owned();
            let fields: serde_json::Map<_, _> = fields.map(|(key, value)| (key, Value::String(value))).collect();
            payload = match fields.get("payload").and_then(Value::as_str) {
                Some(inner) => serde_json::from_str(inner).expect("JSON"),
                None => Value::Object(fields),
            };
        }
        shape.take(&payload);
    }
    Some(shape)
}

/// One of each kind.
async fn all(sim: &Sim) -> BTreeMap<&'static str, Delivery> {
    let command = sim.command("alice", "#general", "/p0", "ls").await.expect("typed");
    let shortcut = sim.shortcut("alice", "request_access").await.expect("run");
    let lookup = json!({ "type": "external_select", "action_id": "lookup", "min_query_length": 1 });
    let mut view = modal(json!([input("lookup", lookup)]));
    view["blocks"][0]["optional"] = true.into();
    view["notify_on_close"] = true.into();
    let open = async |trigger: Option<&str>| {
        let opened = call(sim, "views.open", json!({ "trigger_id": trigger, "view": view })).await;
        opened["view"]["id"].as_str().expect("opened").to_owned()
    };
    let first = open(command.trigger_id()).await;
    let suggestion =
        sim.type_ahead("alice", PressTarget::view(&first), "lookup", "x").await.expect("typed").delivery.expect("sent");
    let submitted = sim.submit("alice", &first).await.expect("submitted").delivery.expect("sent");
    let second = open(shortcut.trigger_id()).await;
    let closed = sim.close("alice", &second, true).await.expect("closed").remove(0);
    call(sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "text": "x", "blocks": [buttons("b", &["yes"])] })).await;
    let pressed = sim.press("bob", PressTarget::message("C0REQUESTS", "last"), "yes").await.expect("pressed");
    let tab = json!({ "type": "home", "blocks": [section("x")] });
    call(sim, "views.publish", json!({ "user_id": "U0ALICE", "view": tab })).await;
    let home = sim.open_home("alice").await.expect("opened");
    BTreeMap::from([
        ("slash_command", command),
        ("shortcut", shortcut),
        ("block_suggestion", suggestion),
        ("view_submission", submitted),
        ("view_closed", closed),
        ("block_actions", pressed),
        ("event_app_home_opened", home),
    ])
}

#[tokio::test]
async fn what_recordings_have_in_common_is_in_what_is_sent() {
    let (sim, app, _) = with_app().await;
    app.says("options", json!({ "options": [] }));
    let mut found = Vec::new();
    for (kind, delivery) in all(&sim).await {
        let Some(shape) = recorded(kind) else { continue };
        assert!(!shape.kinds.is_empty(), "there is no recording of {kind}");
        shape.lacks(&delivery.sent, kind, &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_missing_key_and_another_type_are_found() {
    let mut shape = Shape::default();
    shape.take(&json!({ "a": { "b": 1, "c": "x" }, "only": true }));
    shape.take(&json!({ "a": { "b": null, "c": "y" } }));
    let mut found = Vec::new();
    shape.lacks(&json!({ "a": { "b": "1" } }), "it", &mut found);
    assert_eq!(found, ["it/a/b is of type string, recorded as {\"null\", \"number\"}", "it/a/c is missing"]);
}
