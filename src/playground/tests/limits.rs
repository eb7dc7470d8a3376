//! Every limit: what just fits passes, and one more does not.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{buttons, input, modal, plain, section};
use crate::domain::time::Time;
use crate::playground::blocks::{self, LIMITS, check_message, check_options, check_view};
use crate::playground::pace::PACES;
use crate::playground::web::{chat, views};
use crate::playground::world::World;
use crate::playground::{Error, Settings};

fn letters(n: usize) -> String {
    "é".repeat(n)
}

fn texts(n: usize) -> Vec<Value> {
    (0..n).map(|_| plain("x")).collect()
}

fn option(text: &str, value: &str) -> Value {
    json!({ "text": plain(text), "value": value })
}

fn options(n: usize) -> Vec<Value> {
    (0..n).map(|n| option("x", &n.to_string())).collect()
}

fn with(mut value: Value, key: &str, inner: Value) -> Value {
    value[key] = inner;
    value
}

/// The problems of a message of one block.
fn message(block: Value) -> Vec<String> {
    check_message(&json!([block]))
}

fn button(key: &str, value: Value) -> Vec<String> {
    let mut actions = buttons("b", &["a"]);
    actions["elements"][0][key] = value;
    message(actions)
}

fn confirm(key: &str, value: Value) -> Vec<String> {
    let confirm =
        json!({ "title": plain("Sure?"), "text": plain("It is gone then."), "confirm": plain("Yes"), "deny": plain("No") });
    button("confirm", with(confirm, key, value))
}

fn element(element: Value) -> Vec<String> {
    check_view(&modal(json!([input("b", element)])))
}

fn select(options: &[Value]) -> Value {
    json!({ "type": "static_select", "action_id": "a", "options": options })
}

fn refused<T>(done: Result<T, crate::playground::web::Refusal>) -> Vec<String> {
    done.err().map(|refusal| Error::from(refusal).to_string()).into_iter().collect()
}

fn content(args: &Value, longest: Option<usize>) -> Vec<String> {
    refused(chat::content(args.as_object().expect("an object"), longest))
}

/// The problems of the thing of size `n` that this limit is about.
fn case(name: &str, n: usize) -> Option<Vec<String>> {
    let image = json!({ "type": "image", "image_url": "https://a.example/i.png", "alt_text": "x" });
    let text_input = json!({ "type": "plain_text_input", "action_id": "a" });
    Some(match name {
        "MESSAGE_BLOCKS" => check_message(&vec![section("x"); n].into()),
        "VIEW_BLOCKS" => check_view(&modal(vec![section("x"); n].into())),
        "VIEW_BYTES" => {
            // Twenty groups of big options come near; the private metadata fills up to the byte.
            let mut big = modal(json!([]));
            let mut blocks: Vec<Value> = (0..84).map(|_| section(&"x".repeat(2900))).collect();
            big["blocks"] = blocks.clone().into();
            let rest = n - big.to_string().len();
            blocks.push(json!({ "type": "divider", "block_id": "" }));
            big["blocks"] = blocks.into();
            let (metadata, empty) = (r#","private_metadata":"""#.len(), r#",{"type":"divider","block_id":""}"#.len());
            big["private_metadata"] = "x".repeat(rest - metadata - empty).into();
            assert_eq!(big.to_string().len(), n);
            refused(views::checked(&World::new(Settings::default(), String::new()), Some(&big), "modal", None))
        }
        "VIEW_STACK" => {
            let mut world = World::new(Settings::default(), String::new());
            (0..n).flat_map(|_| refused(views::stack(&mut world, Time(0), "U0ALICE", Map::new()))).collect()
        }
        "ID" => [
            message(with(section("x"), "block_id", letters(n).into())),
            button("action_id", letters(n).into()),
            check_view(&with(modal(json!([section("x")])), "callback_id", letters(n).into())),
            check_view(&with(modal(json!([section("x")])), "external_id", letters(n).into())),
        ]
        .concat(),
        "PRIVATE_METADATA" => check_view(&with(modal(json!([section("x")])), "private_metadata", letters(n).into())),
        "TITLE" => ["title", "submit", "close"]
            .iter()
            .flat_map(|key| check_view(&with(modal(json!([section("x")])), key, plain(&letters(n)))))
            .collect(),
        "SECTION_TEXT" => message(section(&letters(n))),
        "SECTION_FIELDS" => message(json!({ "type": "section", "fields": texts(n) })),
        "FIELD_TEXT" => message(json!({ "type": "section", "fields": [plain(&letters(n))] })),
        "HEADER_TEXT" => message(json!({ "type": "header", "text": plain(&letters(n)) })),
        "CONTEXT_ELEMENTS" => message(json!({ "type": "context", "elements": texts(n) })),
        "ACTIONS_ELEMENTS" => {
            let ids: Vec<String> = (0..n).map(|n| format!("a{n}")).collect();
            message(buttons("b", &ids.iter().map(String::as_str).collect::<Vec<_>>()))
        }
        "BUTTON_TEXT" => button("text", plain(&letters(n))),
        "BUTTON_VALUE" => button("value", letters(n).into()),
        "URL" => [button("url", letters(n).into()), message(with(image, "image_url", letters(n).into()))].concat(),
        "ACCESSIBILITY_LABEL" => button("accessibility_label", letters(n).into()),
        "CONFIRM_TITLE" => confirm("title", plain(&letters(n))),
        "CONFIRM_TEXT" => confirm("text", plain(&letters(n))),
        "CONFIRM_BUTTON" => [confirm("confirm", plain(&letters(n))), confirm("deny", plain(&letters(n)))].concat(),
        "OPTIONS" => [element(select(&options(n))), check_options(&json!({ "options": options(n) }))].concat(),
        "OPTION_GROUPS" => {
            let groups: Vec<Value> = (0..n).map(|_| json!({ "label": plain("x"), "options": options(1) })).collect();
            check_options(&json!({ "option_groups": groups }))
        }
        "GROUP_LABEL" => check_options(&json!({ "option_groups": [{ "label": plain(&letters(n)), "options": options(1) }] })),
        "OPTION_TEXT" => element(select(&[option(&letters(n), "x")])),
        "OPTION_VALUE" => element(select(&[option("x", &letters(n))])),
        "OPTION_DESCRIPTION" => element(select(&[with(option("x", "x"), "description", plain(&letters(n)))])),
        "PLACEHOLDER" => element(with(text_input, "placeholder", plain(&letters(n)))),
        "OVERFLOW_OPTIONS" => {
            message(with(section("x"), "accessory", json!({ "type": "overflow", "action_id": "a", "options": options(n) })))
        }
        "CHOICES" => ["radio_buttons", "checkboxes"]
            .iter()
            .flat_map(|kind| element(json!({ "type": kind, "action_id": "a", "options": options(n) })))
            .collect(),
        "INPUT_LABEL" => check_view(&modal(json!([with(input("b", text_input), "label", plain(&letters(n)))]))),
        "INPUT_HINT" => check_view(&modal(json!([with(input("b", text_input), "hint", plain(&letters(n)))]))),
        "INPUT_LENGTH" => element(with(text_input, "max_length", n.into())),
        "ALT_TEXT" => message(with(image, "alt_text", letters(n).into())),
        "IMAGE_TITLE" => message(with(image, "title", plain(&letters(n)))),
        "MARKDOWN_TEXT" => {
            let half = |n: usize| json!({ "type": "markdown", "text": letters(n) });
            check_message(&json!([half(n / 2), half(n - n / 2)]))
        }
        "TABLE_ROWS" => message(json!({ "type": "table", "rows": vec![json!([{ "type": "raw_text", "text": "x" }]); n] })),
        "TABLE_COLUMNS" => message(json!({ "type": "table", "rows": [vec![json!({ "type": "raw_text", "text": "x" }); n]] })),
        "TABLES" => check_message(&vec![json!({ "type": "table", "rows": [[{ "type": "raw_text", "text": "x" }]] }); n].into()),
        "ATTACHMENTS" => content(&json!({ "text": "x", "attachments": vec![json!({ "text": "x" }); n] }), None),
        "POST_TEXT" => {
            // It is cut off rather than refused.
            let body = chat::content(json!({ "text": letters(n) }).as_object().expect("an object"), None).expect("taken");
            let kept = body["text"].as_str().expect("a text").chars().count();
            if kept == n { Vec::new() } else { vec![format!("cut to {kept}")] }
        }
        "UPDATE_TEXT" => content(&json!({ "text": letters(n) }), Some(blocks::UPDATE_TEXT)),
        _ => return None,
    })
}

#[test]
fn every_limit_takes_what_just_fits_and_refuses_one_more() {
    for (name, max, of) in LIMITS {
        let fits = case(name, *max).unwrap_or_else(|| panic!("{name} has no case"));
        assert_eq!(fits, Vec::<String>::new(), "{max} {of} must pass");
        let more = case(name, max + 1).unwrap_or_default();
        assert!(!more.is_empty(), "{} {of} must not pass", max + 1);
    }
}

#[test]
fn what_slack_refuses_besides_is_refused_in_its_words_with_a_pointer() {
    let text_input = || json!({ "type": "plain_text_input", "action_id": "a" });
    let no_submit = {
        let mut view = modal(json!([section("x"), input("b", text_input())]));
        view.as_object_mut().expect("an object").remove("submit");
        view
    };
    let home = |blocks: Value| json!({ "type": "home", "blocks": blocks });
    let twice = |id: &str| json!([with(section("x"), "block_id", id.into()), with(section("y"), "block_id", id.into())]);
    let cases: Vec<(Vec<String>, &str)> = vec![
        (check_view(&no_submit), "must define `submit` to use an `input` block in modals [json-pointer:/view/blocks/1/input]"),
        (check_view(&modal(twice("same"))), "`block_id` \"same\" already exists [json-pointer:/view/blocks/1/block_id]"),
        (message(buttons("b", &["a", "a"])), "`action_id` \"a\" already exists [json-pointer:/blocks/0/elements/1/action_id]"),
        (
            check_view(&modal(json!([{ "type": "markdown", "text": "x" }]))),
            "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
        ),
        (message(json!({ "type": "alert", "text": plain("x") })), "unsupported type: alert [json-pointer:/blocks/0/type]"),
        (message(json!({ "type": "sectoin" })), "unsupported type: sectoin [json-pointer:/blocks/0/type]"),
        (
            message(input("b", json!({ "type": "email_text_input", "action_id": "a" }))),
            "unsupported type: email_text_input [json-pointer:/blocks/0/element/type]",
        ),
        (
            check_view(&home(json!([{ "type": "actions", "elements": [{ "type": "datetimepicker", "action_id": "a" }] }]))),
            "unsupported type: datetimepicker [json-pointer:/view/blocks/0/elements/0/type]",
        ),
        (message(with(section("x"), "colour", "red".into())), "invalid additional property: colour [json-pointer:/blocks/0]"),
        (message(section("")), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (
            message(json!({ "type": "header", "text": { "type": "mrkdwn", "text": "x" } })),
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        (message(json!({ "type": "section" })), "missing required field: text [json-pointer:/blocks/0]"),
        (message(json!("x")), "must provide an object [json-pointer:/blocks/0]"),
        (check_view(&json!({ "type": "modal", "blocks": [section("x")] })), "missing required field: title [json-pointer:/view]"),
        (check_view(&json!({})), "missing required field: type [json-pointer:/view]"),
        (button("style", "green".into()), "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]"),
        (
            element(with(select(&options(2)), "initial_option", option("x", "9"))),
            "must be one of the options [json-pointer:/view/blocks/0/element/initial_option]",
        ),
        (
            element(json!({ "type": "datepicker", "action_id": "a", "initial_date": "1 May" })),
            "must have the form 0000-00-00 [json-pointer:/view/blocks/0/element/initial_date]",
        ),
        (
            element(with(text_input(), "min_length", (-1).into())),
            "must provide a whole number [json-pointer:/view/blocks/0/element/min_length]",
        ),
        (
            check_view(&modal(json!([
                input("b", with(text_input(), "focus_on_load", true.into())),
                input("c", with(text_input(), "focus_on_load", true.into()))
            ]))),
            "only one element may have focus_on_load [json-pointer:/view/blocks]",
        ),
        (check_view(&modal(json!([]))), "no fewer than 1 items allowed [json-pointer:/view/blocks]"),
        (check_options(&json!({ "option": [] })), "missing required field: options [json-pointer:]"),
    ];
    for (problems, expected) in cases {
        assert!(problems.iter().any(|problem| problem == expected), "{expected}\nis not among {problems:?}");
    }
}

#[test]
fn what_does_not_belong_on_a_surface_is_refused_there() {
    let home = |block: Value| check_view(&json!({ "type": "home", "blocks": [block] }));
    let view = |block: Value| check_view(&modal(json!([block])));
    for kind in ["markdown", "table", "card", "carousel", "context_actions"] {
        let problem = format!("unsupported type: {kind} [json-pointer:/view/blocks/0/type]");
        assert!(view(json!({ "type": kind })).contains(&problem), "{kind} in a modal");
        assert!(home(json!({ "type": kind })).contains(&problem), "{kind} in a Home tab");
    }
    let alert = json!({ "type": "alert", "text": plain("x") });
    assert!(message(alert).contains(&"unsupported type: alert [json-pointer:/blocks/0/type]".to_owned()));
    for kind in ["file_input", "number_input", "email_text_input", "url_text_input"] {
        let field = input("b", json!({ "type": kind, "action_id": "a", "is_decimal_allowed": false }));
        let problem = |at: &str| format!("unsupported type: {kind} [json-pointer:{at}/blocks/0/element/type]");
        assert!(home(field.clone()).contains(&problem("/view")), "{kind} in a Home tab");
        assert!(message(field.clone()).contains(&problem("")), "{kind} in a message");
        assert!(!view(field).contains(&problem("/view")), "{kind} belongs in a modal");
    }
    let picker = json!({ "type": "actions", "elements": [{ "type": "datetimepicker", "action_id": "a" }] });
    assert_eq!((home(picker.clone()).len(), message(picker)), (1, Vec::new()));
}

#[tokio::test]
async fn every_method_that_has_a_pace_is_there() {
    let (sim, _) = super::alone().await;
    for (method, _) in PACES {
        assert_ne!(super::error(&super::call(&sim, method, json!({})).await), "unknown_method", "{method}");
    }
}

#[test]
fn a_good_modal_and_a_good_message_have_no_problems() {
    let kinds: BTreeMap<&str, Value> = BTreeMap::from([
        (
            "r",
            json!({ "type": "external_select", "action_id": "resource", "min_query_length": 1, "placeholder": plain("Search") }),
        ),
        ("d", select(&options(3))),
        ("t", json!({ "type": "plain_text_input", "action_id": "reason", "multiline": true, "max_length": 3000 })),
        (
            "c",
            json!({ "type": "checkboxes", "action_id": "c", "options": [{ "text": { "type": "mrkdwn", "text": "*x*" }, "value": "1" }] }),
        ),
        ("n", json!({ "type": "number_input", "action_id": "n", "is_decimal_allowed": false })),
        ("w", json!({ "type": "datetimepicker", "action_id": "w" })),
        ("u", json!({ "type": "multi_users_select", "action_id": "u", "max_selected_items": 3 })),
    ]);
    let blocks: Vec<Value> = kinds.into_iter().map(|(id, element)| input(id, element)).collect();
    assert_eq!(check_view(&modal(blocks.into())), Vec::<String>::new());
    let good = json!([{ "type": "header", "text": plain("Access request") }, section("*who*"), { "type": "divider" }, buttons("b", &["yes", "no"])]);
    assert_eq!(check_message(&good), Vec::<String>::new());
}
