//! Payloads of the shapes Slack sends, and of shapes it never should.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::time::Time;

fn form(json: &Json) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &json.to_string()).finish().into_bytes()
}

fn press() -> Json {
    json!({
        "type": "block_actions",
        "user": { "id": "U7", "username": "bob", "team_id": "T1" },
        "team": { "id": "T1", "domain": "acme" },
        "container": { "type": "message", "message_ts": "1700.25", "channel_id": "C5", "is_ephemeral": false },
        "channel": { "id": "C5", "name": "approvals" },
        "message": { "ts": "1700.25", "blocks": [] },
        "state": { "values": { "decide": { "duration": { "type": "static_select",
            "selected_option": { "text": { "type": "plain_text", "text": "1 hour" }, "value": "1h" } } } } },
        "trigger_id": "11.22.aa",
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{ "type": "button", "action_id": "approve", "block_id": "decide", "value": "req_1", "action_ts": "1701.5" }],
    })
}

fn view() -> Json {
    json!({
        "type": "view_submission",
        "user": { "id": "U7", "team_id": "T1" },
        "team": { "id": "T1" },
        "trigger_id": "11.22.bb",
        "view": {
            "id": "V3", "type": "modal", "callback_id": "ask", "private_metadata": "m", "hash": "1.h",
            "app_installed_team_id": "T1",
            "state": { "values": {
                "why": { "reason": { "type": "plain_text_input", "value": "INC-42" } },
                "none": { "empty": { "type": "plain_text_input", "value": null } },
                "for": { "person": { "type": "users_select", "selected_user": "U9" } },
                "many": { "roles": { "type": "multi_static_select", "selected_options": [
                    { "text": { "type": "plain_text", "text": "A" }, "value": "a" } ] } },
                "when": { "from": { "type": "datetimepicker", "selected_date_time": 1_798_102_800 }, "never": { "type": "datetimepicker", "selected_date_time": null } },
                "odd": { "date": { "type": "datepicker", "selected_date": "2026-01-02" } },
            } },
        },
    })
}

fn acted(json: &Json) -> Actions {
    match Interaction::parse(&form(json)) {
        Ok(Interaction::Actions(actions)) => actions,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_is_read_and_keyed_by_its_trigger() {
    let body = "token=x&team_id=T1&team_domain=acme&channel_id=C1&user_id=U1&command=%2Fp0&text=request+postgres+role+%E2%80%9Ca%20b%E2%80%9D&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F1&trigger_id=1.2.c&new=1";
    let command = SlashCommand::parse(body.as_bytes()).expect("taken");
    assert_eq!(command.text, "request postgres role “a b”");
    assert_eq!(command.key(), "command/T1/1.2.c");
    assert_eq!((command.who.realm.as_str(), command.who.user.as_str()), ("T1", "U1"));
    assert_eq!(command.response_url.as_deref(), Some("https://hooks.slack.com/commands/1"));
}

#[test]
fn a_command_of_an_org_wide_installation_is_in_the_realm_of_its_enterprise() {
    let command = |org: &str| {
        let body = format!("team_id=T1&enterprise_id=E1&is_enterprise_install={org}&user_id=W1&command=%2Fp0&trigger_id=1.2.c");
        SlashCommand::parse(body.as_bytes()).expect("taken").who.realm
    };
    assert_eq!((command("true"), command("false")), ("E1".to_owned(), "T1".to_owned()));
}

#[test]
fn a_command_without_what_matters_is_refused_in_one_sentence() {
    for body in ["", "command=%2Fp0", "team_id=T1&user_id=&command=%2Fp0&trigger_id=1", "user_id=U1&command=%2Fp0&trigger_id=1"] {
        let why = SlashCommand::parse(body.as_bytes()).expect_err(body).to_string();
        assert!(!why.contains('\n') && !why.contains("U1"), "{why}");
    }
    assert!(SlashCommand::parse(b"team_id=T1&user_id=U1&command=%2Fp0").is_err());
}

#[test]
fn a_press_says_who_where_and_what_is_chosen() {
    let actions = acted(&press());
    assert_eq!(actions.place, Place::Message { channel: "C5".into(), ts: "1700.25".into(), ephemeral: false });
    assert_eq!(actions.actions[0].value.as_deref(), Some("req_1"));
    assert_eq!(actions.state.get("decide", "duration").and_then(Input::value), Some("1h"));
    assert_eq!(actions.key(&actions.actions[0]), "action/T1/C5/1700.25/approve/1701.5/U7");
}

#[test]
fn two_presses_are_two_keys_and_a_repeated_one_is_the_same() {
    let mut later = press();
    later["actions"][0]["action_ts"] = json!("1702.5");
    let mut other = press();
    other["user"]["id"] = json!("U8");
    let key = |json: &Json| {
        let actions = acted(json);
        actions.key(&actions.actions[0])
    };
    assert_eq!(key(&press()), key(&press()));
    assert_ne!(key(&press()), key(&later));
    assert_ne!(key(&press()), key(&other));
}

#[test]
fn an_org_wide_press_has_no_team() {
    let mut json = press();
    json["team"] = Json::Null;
    json["enterprise"] = json!({ "id": "E1", "name": "Acme" });
    json["is_enterprise_install"] = json!(true);
    let who = acted(&json).who;
    assert_eq!((who.realm.as_str(), who.team, who.org_wide), ("E1", None, true));
    json["enterprise"] = Json::Null;
    assert!(Interaction::parse(&form(&json)).is_err());
}

#[test]
fn odd_but_real_presses_are_taken() {
    for (pointer, value) in [
        ("/state", json!({})),
        ("/state", json!({ "values": [] })),
        ("/state", Json::Null),
        ("/trigger_id", Json::Null),
        ("/response_url", Json::Null),
        ("/message", Json::Null),
        ("/channel", Json::Null),
        ("/user/team_id", Json::Null),
        ("/actions/0/value", Json::Null),
        ("/container/is_ephemeral", json!("yes")),
    ] {
        let mut json = press();
        *json.pointer_mut(pointer).expect(pointer) = value;
        acted(&json);
    }
}

#[test]
fn stubs_are_refused() {
    for (pointer, value) in [
        ("/container", json!({})),
        ("/actions", json!([])),
        ("/actions/0/action_id", json!("")),
        ("/user", json!({ "id": "" })),
        ("/type", Json::Null),
    ] {
        let mut json = press();
        json["message"] = Json::Null;
        *json.pointer_mut(pointer).expect(pointer) = value;
        assert!(Interaction::parse(&form(&json)).is_err(), "{pointer}");
    }
    assert!(Interaction::from_json(br#"{"type":"view_submission","team":{},"user":{},"view":{"type":"modal"}}"#).is_err());
    assert!(Interaction::parse(b"token=1").is_err());
}

#[test]
fn a_submission_is_read_by_kind_of_input() {
    let Ok(Interaction::Submission(submitted)) = Interaction::parse(&form(&view())) else { panic!("a submission") };
    let state = &submitted.view.state;
    assert_eq!(state.get("why", "reason"), Some(&Input::Text("INC-42".into())));
    assert_eq!(state.get("none", "empty"), Some(&Input::Empty));
    assert_eq!(state.find("person"), Some(&Input::User("U9".into())));
    assert_eq!(state.get("many", "roles"), Some(&Input::Choices(vec![("a".into(), "A".into())])));
    assert_eq!(state.get("when", "from"), Some(&Input::Time(Time(1_798_102_800_000))));
    assert_eq!(state.get("when", "never"), Some(&Input::Empty));
    assert_eq!(state.get("odd", "date"), Some(&Input::Other("datepicker".into())));
    assert_eq!(submitted.key(), "submission/T1/V3");
}

#[test]
fn somebody_of_another_team_is_no_member_of_ours() {
    let from = |user: &str, team: &str, enterprise: Option<&str>| {
        let mut json = press();
        json["user"]["team_id"] = json!(user);
        json["team"] = json!({ "id": team, "enterprise_id": enterprise });
        acted(&json).who
    };
    assert_eq!(from("T1", "T1", None).at_home("T1", None), Some(true));
    assert_eq!(from("T9", "T9", None).at_home("T1", None), Some(false));
    assert_eq!(from("E1", "T1", Some("E1")).at_home("T1", Some("E1")), Some(true));
    assert_eq!(from("T2", "T2", Some("E1")).at_home("T1", Some("E1")), Some(true));
    assert_eq!(from("T9", "T9", Some("E9")).at_home("T1", Some("E1")), Some(false));
    assert_eq!(from("T9", "T1", Some("E1")).at_home("T1", Some("E1")), None);
}

#[test]
fn a_view_opened_from_another_team_belongs_to_the_team_the_app_is_in() {
    let mut json = view();
    json["team"] = json!({ "id": "T9", "enterprise_id": "E9" });
    json["user"]["team_id"] = json!("T9");
    json["enterprise"] = json!({ "id": "E9" });
    let Ok(Interaction::Submission(submitted)) = Interaction::parse(&form(&json)) else { panic!("a submission") };
    assert_eq!(submitted.who.realm, "T1");
    assert_eq!(submitted.who.at_home("T1", None), Some(false));
}

#[test]
fn type_ahead_brings_the_rest_of_the_form() {
    let mut json = view();
    json["type"] = json!("block_suggestion");
    json["value"] = json!("ana");
    json["block_id"] = json!("b");
    json["action_id"] = json!("a");
    let Ok(Interaction::Suggestion(asked)) = Interaction::parse(&form(&json)) else { panic!("a suggestion") };
    assert_eq!(asked.query, "ana");
    assert_eq!(asked.view.expect("the view").state.get("why", "reason").and_then(Input::value), Some("INC-42"));
}

#[test]
fn events_are_read_and_keyed_by_their_id() {
    let event = |event: Json, own: Json| {
        let json = json!({ "type": "event_callback", "team_id": "T9", "event_id": "Ev1", "event": event, "authorizations": own });
        Event::parse(json.to_string().as_bytes()).expect("taken")
    };
    let opened = event(json!({ "type": "app_home_opened", "user": "U1", "tab": "home" }), Json::Null);
    assert_eq!(opened.key().as_deref(), Some("event/Ev1"));
    let own = json!([{ "team_id": null, "enterprise_id": "E1", "is_enterprise_install": true }]);
    let revoked = event(json!({ "type": "tokens_revoked", "tokens": { "bot": ["B1"], "oauth": [] } }), own);
    assert_eq!(revoked, Event::TokensRevoked { id: "Ev1".into(), realm: "E1".into(), bots: vec!["B1".into()] });
    assert_eq!(event(json!({ "type": "message" }), json!([])), Event::Ignored { kind: "message".into() });
    assert_eq!(Event::parse(br#"{"type":"url_verification","challenge":"c"}"#), Ok(Event::Challenge("c".into())));
    assert_eq!(Event::parse(br#"{"type":"app_rate_limited"}"#), Ok(Event::Ignored { kind: "app_rate_limited".into() }));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[a-z_]{0,8}".prop_map(Json::from)
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..3).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

/// Every place in a payload, as JSON pointers.
fn places(json: &Json, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match json {
        Json::Object(map) => map.iter().for_each(|(key, value)| places(value, &format!("{at}/{key}"), into)),
        Json::Array(list) => list.iter().enumerate().for_each(|(n, value)| places(value, &format!("{at}/{n}"), into)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {}
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (SlashCommand::parse(&bytes), Interaction::parse(&bytes), Interaction::from_json(&bytes), Event::parse(&bytes));
    }

    #[test]
    fn whatever_stands_in_one_place_nothing_panics(which in any::<prop::sample::Index>(), other in any_json(), pick in 0..2) {
        let mut json = if pick == 0 { press() } else { view() };
        let mut all = Vec::new();
        places(&json, "", &mut all);
        let place: &String = which.get(&all);
        *json.pointer_mut(place).expect("a place") = other;
        let _ = (Interaction::from_json(json.to_string().as_bytes()), Event::parse(json.to_string().as_bytes()));
    }
}
