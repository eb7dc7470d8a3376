//! Slack's documented limits as a checker over JSON, for tests. It shares no number and no code with
//! what builds the blocks, so that the two do not agree on an error.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::messages::Message;

/// Everything that Slack would refuse or mangle in a message.
pub fn of_message(message: &Message) -> Vec<String> {
    let mut found = Vec::new();
    if message.text.is_empty() || units(&message.text) > 4000 {
        found.push(format!("text of {} characters", units(&message.text)));
    }
    of_blocks(&message.blocks, 50, false, &mut found);
    found
}

/// Everything that Slack would refuse in a modal.
pub fn of_view(view: &Json) -> Vec<String> {
    let mut found = Vec::new();
    if view["type"] != "modal" {
        found.push("not a modal".to_owned());
    }
    for name in ["title", "submit", "close"] {
        if name == "title" || !view[name].is_null() {
            plain(&view[name], 24, name, &mut found);
        }
    }
    for (name, most) in [("private_metadata", 3000), ("callback_id", 255), ("external_id", 255)] {
        if units(view[name].as_str().unwrap_or_default()) > most {
            found.push(format!("{name} is too long"));
        }
    }
    if view.to_string().len() > 250_000 {
        found.push("more than 250 KB".to_owned());
    }
    let none = Vec::new();
    let blocks = view["blocks"].as_array().unwrap_or(&none);
    if blocks.iter().any(|block| block["type"] == "input") && view["submit"].is_null() {
        found.push("inputs without submit".to_owned());
    }
    of_blocks(blocks, 100, true, &mut found);
    found
}

/// Everything that Slack would refuse in a Home tab. Each request in it has a first button of its own.
pub fn of_home(view: &Json) -> Vec<String> {
    let mut found = Vec::new();
    if view["type"] != "home" {
        found.push("not a Home tab".to_owned());
    }
    of_blocks(view["blocks"].as_array().map_or(&[], Vec::as_slice), 100, true, &mut found);
    found.retain(|problem| !problem.ends_with("primary buttons"));
    found
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn of_blocks(blocks: &[Json], most: usize, view: bool, found: &mut Vec<String>) {
    if blocks.is_empty() || blocks.len() > most {
        found.push(format!("{} blocks", blocks.len()));
    }
    let (mut ids, mut primaries) = (BTreeSet::new(), 0);
    for block in blocks {
        if let Some(id) = block["block_id"].as_str()
            && (id.is_empty() || units(id) > 255 || !ids.insert(id.to_owned()))
        {
            found.push(format!("block_id {id} is empty, too long or there twice"));
        }
        let elements = block["elements"].as_array();
        match block["type"].as_str().unwrap_or_default() {
            "header" => plain(&block["text"], 150, "header", found),
            "divider" => {}
            "section" => {
                let fields = block["fields"].as_array();
                if block["text"].is_null() && fields.is_none() {
                    found.push("an empty section".to_owned());
                }
                if !block["text"].is_null() {
                    mrkdwn(&block["text"], 3000, found);
                }
                if let Some(fields) = fields {
                    if fields.is_empty() || fields.len() > 10 {
                        found.push(format!("{} fields", fields.len()));
                    }
                    fields.iter().for_each(|field| mrkdwn(field, 2000, found));
                }
            }
            "context" => {
                let elements = elements.map(Vec::as_slice).unwrap_or_default();
                if elements.is_empty() || elements.len() > 10 {
                    found.push(format!("{} context elements", elements.len()));
                }
                elements.iter().for_each(|element| mrkdwn(element, 3000, found));
            }
            "actions" => {
                let elements = elements.map(Vec::as_slice).unwrap_or_default();
                if elements.is_empty() || elements.len() > 25 {
                    found.push(format!("{} actions", elements.len()));
                }
                let unique: BTreeSet<_> = elements.iter().map(|element| element["action_id"].as_str()).collect();
                if unique.len() != elements.len() {
                    found.push("action_id twice in a block".to_owned());
                }
                primaries += elements.iter().filter(|element| element["style"] == "primary").count();
                elements.iter().for_each(|element| self::element(element, found));
            }
            "input" if view => {
                plain(&block["label"], 2000, "label", found);
                if !block["hint"].is_null() {
                    plain(&block["hint"], 2000, "hint", found);
                }
                if block["block_id"].is_null() {
                    found.push("an input without block_id: its errors have no place".to_owned());
                }
                element(&block["element"], found);
            }
            other => found.push(format!("a block of type {other:?} here")),
        }
    }
    if primaries > 1 {
        found.push(format!("{primaries} primary buttons"));
    }
}

fn element(element: &Json, found: &mut Vec<String>) {
    let id = element["action_id"].as_str().unwrap_or_default();
    if id.is_empty() || units(id) > 255 {
        found.push(format!("action_id {id:?}"));
    }
    if !element["placeholder"].is_null() {
        plain(&element["placeholder"], 150, "placeholder", found);
    }
    match element["type"].as_str().unwrap_or_default() {
        "button" => {
            plain(&element["text"], 75, "button", found);
            if units(element["value"].as_str().unwrap_or_default()) > 2000 {
                found.push("button value".to_owned());
            }
            if units(element["accessibility_label"].as_str().unwrap_or_default()) > 75 {
                found.push("accessibility_label".to_owned());
            }
            let confirm = &element["confirm"];
            if !confirm.is_null() {
                for (name, most) in [("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)] {
                    plain(&confirm[name], most, name, found);
                }
            }
        }
        "static_select" | "multi_static_select" => {
            let none = Vec::new();
            let options = element["options"].as_array().unwrap_or(&none);
            if options.is_empty() || options.len() > 100 {
                found.push(format!("{} options", options.len()));
            }
            let values: BTreeSet<_> = options.iter().map(|option| option["value"].as_str()).collect();
            if values.len() != options.len() {
                found.push("an option value twice".to_owned());
            }
            options.iter().for_each(|option| self::option(option, found));
            let several = element["initial_options"].as_array().into_iter().flatten();
            if several.into_iter().any(|initial| !options.contains(initial)) {
                found.push("initial_options are not among the options".to_owned());
            }
            let initial = &element["initial_option"];
            if !initial.is_null() && !options.contains(initial) {
                found.push("initial_option is none of the options".to_owned());
            }
        }
        "external_select" | "multi_external_select" => {
            let several = element["initial_options"].as_array().into_iter().flatten();
            several.chain(Some(&element["initial_option"]).filter(|one| !one.is_null())).for_each(|one| option(one, found));
        }
        "plain_text_input" => {
            let most = element["max_length"].as_u64().unwrap_or(3000);
            if most == 0 || most > 3000 || units(element["initial_value"].as_str().unwrap_or_default()) as u64 > most {
                found.push("max_length or initial_value".to_owned());
            }
        }
        "users_select" | "multi_users_select" => {}
        "datetimepicker" => {
            let initial = &element["initial_date_time"];
            if !initial.is_null() && initial.as_u64().is_none_or(|seconds| seconds.to_string().len() != 10) {
                found.push(format!("initial_date_time {initial}"));
            }
            if !element["placeholder"].is_null() {
                found.push("a date and time with a placeholder".to_owned());
            }
        }
        other => found.push(format!("an element of type {other:?}")),
    }
}

/// One option, as in a select or in the answer to a type-ahead.
pub fn option(option: &Json, found: &mut Vec<String>) {
    plain(&option["text"], 75, "option", found);
    let value = units(option["value"].as_str().unwrap_or_default());
    if value == 0 || value > 150 {
        found.push(format!("option value of {value} characters"));
    }
}

fn plain(text: &Json, most: usize, what: &str, found: &mut Vec<String>) {
    let shown = text["text"].as_str().unwrap_or_default();
    if text["type"] != "plain_text" || shown.trim().is_empty() || units(shown) > most || shown.contains('\n') {
        found.push(format!("{what}: {text}"));
    }
}

/// Also: nothing in angle brackets but a person, a user group, a time or a link.
fn mrkdwn(text: &Json, most: usize, found: &mut Vec<String>) {
    let shown = text["text"].as_str().unwrap_or_default();
    if text["type"] != "mrkdwn" || shown.trim().is_empty() || units(shown) > most {
        found.push(format!("mrkdwn of {} characters: {shown}", units(shown)));
    }
    if text["verbatim"] != true {
        found.push("mrkdwn that links by itself".to_owned());
    }
    in_brackets(shown, found);
}

pub fn in_brackets(shown: &str, found: &mut Vec<String>) {
    for part in shown.split('<').skip(1) {
        let inner = part.split('>').next().unwrap_or_default();
        let known = ["@", "!subteam^S", "!date^", "https://"].iter().any(|start| inner.starts_with(start));
        if !known || !part.contains('>') {
            found.push(format!("<{inner}"));
        }
    }
}

#[test]
fn the_checker_finds_what_it_is_for() {
    use serde_json::json;
    let broken = |blocks: Json| {
        let message = Message { text: "x".into(), blocks: blocks.as_array().cloned().unwrap_or_default() };
        of_message(&message)
    };
    let text = |text: &str| json!({ "type": "mrkdwn", "text": text, "verbatim": true });
    assert!(broken(json!([{ "type": "section", "text": text("fine <@U1>") }])).is_empty());
    for blocks in [
        json!([]),
        json!([{ "type": "section", "text": text("<!channel>") }]),
        json!([{ "type": "section", "text": text(&"x".repeat(3001)) }]),
        json!([{ "type": "section", "text": text(" ") }]),
        json!([{ "type": "divider", "block_id": "a" }, { "type": "divider", "block_id": "a" }]),
        json!([{ "type": "header", "text": { "type": "plain_text", "text": "x".repeat(151) } }]),
        json!([{ "type": "actions", "elements": [{ "type": "static_select", "action_id": "a", "options": [] }] }]),
        json!([{ "type": "input" }]),
    ] {
        assert!(!broken(blocks.clone()).is_empty(), "{blocks}");
    }
}
