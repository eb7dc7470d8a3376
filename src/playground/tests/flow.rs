//! People and an app: from the command to the outcome, and all that can come between.

use serde_json::{Value, json};

use super::app::{Script, with_app};
use super::{buttons, call, control, error, http, input, modal, plain, request, section};
use crate::domain::time::Span;
use crate::playground::{Fault, Outcome, Press, PressTarget, Trouble};

fn form() -> Value {
    let resource =
        json!({ "type": "external_select", "action_id": "resource", "min_query_length": 2, "placeholder": plain("Search") });
    let length = json!({ "type": "static_select", "action_id": "length", "options": [
        { "text": plain("1 hour"), "value": "1h" }, { "text": plain("4 hours"), "value": "4h" }] });
    let mut view = modal(json!([
        input("resource", resource),
        input("length", length),
        input("reason", json!({ "type": "plain_text_input", "action_id": "reason", "multiline": true })),
    ]));
    view["blocks"][1]["dispatch_action"] = true.into();
    view["private_metadata"] = "kept".into();
    view["notify_on_close"] = true.into();
    view
}

fn offer(names: &[&str]) -> Value {
    json!({ "options": names.iter().map(|name| json!({ "text": plain(name), "value": name })).collect::<Vec<_>>() })
}

#[tokio::test]
async fn from_the_command_to_the_submission() {
    let (sim, app, _) = with_app().await;
    // alice types a command
    let typed =
        sim.command("alice", "#general", "/p0", "request for @bob & see https://x.example/?a=1&b=2").await.expect("typed");
    assert!(typed.ok());
    let sent = app.last();
    assert_eq!(sent["text"], "request for <@U0BOB|bob> &amp; see <https://x.example/?a=1&amp;b=2>");
    assert_eq!(
        (&sent["user_id"], &sent["channel_name"], &sent["command"]),
        (&json!("U0ALICE"), &json!("general"), &json!("/p0"))
    );
    // the app opens a modal
    let opened = call(&sim, "views.open", json!({ "trigger_id": typed.trigger_id(), "view": form() })).await;
    let id = opened["view"]["id"].as_str().expect("opened").to_owned();
    let view = PressTarget::view(&id);
    assert_eq!(opened["view"]["state"]["values"]["reason"]["reason"], json!({ "type": "plain_text_input", "value": null }));
    // submitting at once is refused by the client
    let early = sim.submit("alice", &id).await.expect("pressed");
    assert_eq!((early.outcome, early.errors.len(), app.count()), (Outcome::Refused, 3, 1));
    // typing: one letter sends nothing, two do
    app.says("options", offer(&["role analyst", "role admin"]));
    assert!(!sim.type_ahead("alice", view.clone(), "resource", "r").await.expect("typed").sent);
    let offered = sim.type_ahead("alice", view.clone(), "resource", "ro").await.expect("typed");
    assert_eq!(offered.texts(), ["role analyst", "role admin"]);
    assert_eq!((&app.last()["value"], &app.last()["view"]["private_metadata"]), (&json!("ro"), &json!("kept")));
    // what was not offered cannot be chosen
    assert!(sim.fill("alice", &id, "resource", json!("role owner")).await.is_err());
    assert!(sim.fill("alice", &id, "resource", json!("role analyst")).await.expect("chosen").is_none());
    // the length is told to the app at once, with everything chosen so far
    let told = sim.fill("alice", &id, "length", json!("1 hour")).await.expect("chosen").expect("told");
    assert_eq!(told.sent["actions"][0]["selected_option"]["value"], "1h");
    assert_eq!(told.sent["view"]["state"]["values"]["resource"]["resource"]["selected_option"]["value"], "role analyst");
    assert_eq!(told.sent["container"], json!({ "type": "view", "view_id": id }));
    // the app updates the view; what was chosen stays, and the old hash no longer fits
    let hash = told.sent["view"]["hash"].clone();
    let mut wider = form();
    wider["blocks"].as_array_mut().expect("blocks").push(section("role analyst may read"));
    assert_eq!(call(&sim, "views.update", json!({ "view_id": id, "hash": hash, "view": wider })).await["ok"], true);
    assert_eq!(error(&call(&sim, "views.update", json!({ "view_id": id, "hash": hash, "view": wider })).await), "hash_conflict");
    sim.fill("alice", &id, "reason", json!("INC-42")).await.expect("typed");
    // the app finds a mistake
    app.says("interactive", json!({ "response_action": "errors", "errors": { "reason": "Say more." } }));
    let wrong = sim.submit("alice", &id).await.expect("submitted");
    assert_eq!((wrong.outcome, wrong.errors["reason"].as_str()), (Outcome::Errors, "Say more."));
    assert_eq!(sim.views("alice").expect("alice")[0]["errors"]["reason"], "Say more.");
    // errors must name an input block
    app.says("interactive", json!({ "response_action": "errors", "errors": { "nothing": "x" } }));
    assert_eq!(sim.submit("alice", &id).await.expect("submitted").outcome, Outcome::Failed);
    // then it is satisfied
    app.says("interactive", Value::Null);
    let done = sim.submit("alice", &id).await.expect("submitted");
    assert_eq!((done.outcome, done.views.len()), (Outcome::Closed, 0));
    let values = &app.last()["view"]["state"]["values"];
    assert_eq!(values["length"]["length"]["selected_option"]["value"], "1h");
    assert_eq!(values["reason"]["reason"]["value"], "INC-42");
    assert_eq!(error(&call(&sim, "views.update", json!({ "view_id": id, "view": form() })).await), "not_found");
    assert!(sim.emitted().iter().any(|emitted| emitted.by == "views.open"));
}

#[tokio::test]
async fn a_trigger_works_once_and_for_three_seconds() {
    let (sim, _, clock) = with_app().await;
    let open = |trigger: String| call(&sim, "views.open", json!({ "trigger_id": trigger, "view": form() }));
    let trigger =
        || async { sim.shortcut("alice", "request_access").await.expect("run").trigger_id().expect("a trigger").to_owned() };
    let first = trigger().await;
    let bad = call(&sim, "views.open", json!({ "trigger_id": first, "view": modal(json!([])) })).await;
    assert_eq!(error(&bad), "invalid_arguments");
    clock.pass(Span::seconds(3));
    assert_eq!(open(first.clone()).await["ok"], true, "a bad view does not use it up, and three seconds are not too late");
    assert_eq!(error(&open(first).await), "exchanged_trigger_id");
    let late = trigger().await;
    clock.pass(Span::millis(3001));
    assert_eq!(error(&open(late).await), "expired_trigger_id");
}

#[tokio::test]
async fn three_views_make_a_full_stack_and_closing_tells_who_asked() {
    let (sim, app, _) = with_app().await;
    let root = sim.shortcut("alice", "request_access").await.expect("run");
    let push = |trigger: Option<String>| call(&sim, "views.push", json!({ "trigger_id": trigger, "view": form() }));
    assert_eq!(error(&push(root.trigger_id().map(str::to_owned)).await), "not_found", "there is nothing to push on");
    call(&sim, "views.open", json!({ "trigger_id": root.trigger_id(), "view": form() })).await;
    let top = || sim.views("alice").expect("alice").last().expect("open")["id"].as_str().expect("an id").to_owned();
    app.says("options", offer(&["x"]));
    for expected in ["", "", "push_limit_reached"] {
        let told = sim.fill("alice", &top(), "length", json!("1h")).await.expect("chosen").expect("told");
        assert_eq!(error(&push(told.trigger_id().map(str::to_owned)).await), expected);
    }
    let stack = sim.views("alice").expect("alice");
    assert_eq!((&stack[2]["previous_view_id"], &stack[2]["root_view_id"]), (&stack[1]["id"], &stack[0]["id"]));
    assert!(sim.close("alice", stack[0]["id"].as_str().expect("an id"), false).await.is_err(), "only the topmost can be closed");
    assert_eq!(sim.close("alice", &top(), false).await.expect("closed")[0].sent["is_cleared"], false);
    assert_eq!(sim.close("alice", &top(), true).await.expect("closed").len(), 2);
    assert_eq!(app.last()["is_cleared"], true);
    assert!(sim.views("alice").expect("alice").is_empty());
}

#[tokio::test]
async fn a_submission_can_update_push_and_clear() {
    let (sim, app, _) = with_app().await;
    let trigger = sim.shortcut("alice", "request_access").await.expect("run");
    let simple = modal(json!([section("x")]));
    call(&sim, "views.open", json!({ "trigger_id": trigger.trigger_id(), "view": simple })).await;
    let top = || sim.views("alice").expect("alice").last().expect("open")["id"].as_str().expect("an id").to_owned();
    let before = sim.views("alice").expect("alice")[0]["hash"].clone();
    for (action, expected, open) in
        [("update", Outcome::Updated, 1), ("push", Outcome::Pushed, 2), ("update", Outcome::Updated, 2)]
    {
        app.says("interactive", json!({ "response_action": action, "view": simple }));
        let done = sim.submit("alice", &top()).await.expect("submitted");
        assert_eq!((done.outcome, done.views.len()), (expected, open), "{:?}", done.problem);
    }
    assert_ne!(sim.views("alice").expect("alice")[0]["hash"], before);
    app.says("interactive", json!({ "response_action": "update", "view": modal(json!([])) }));
    let bad = sim.submit("alice", &top()).await.expect("submitted");
    assert!(bad.problem.is_some_and(|problem| problem.contains("/view/blocks")), "a bad view in an answer shows trouble");
    app.says("interactive", json!({ "response_action": "clear" }));
    assert_eq!(sim.submit("alice", &top()).await.expect("submitted").outcome, Outcome::Cleared);
}

#[tokio::test]
async fn a_test_can_wait_for_what_the_app_does_later() {
    let (sim, _, _) = with_app().await;
    let there = |sim: &crate::playground::Sim| sim.messages("C0REQUESTS").ok()?.first().map(|message| message["text"].clone());
    assert_eq!(sim.until(Span::millis(1), there).await, None);
    let later = async { call(&sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "text": "at last" })).await };
    let (seen, _) = futures::join!(sim.until(Span::minutes(1), there), later);
    assert_eq!(seen, Some(json!("at last")));
}

#[tokio::test]
async fn submitting_twice_at_once_closes_one_view_once() {
    let (sim, app, _) = with_app().await;
    let trigger = sim.shortcut("alice", "request_access").await.expect("run");
    let top = || sim.views("alice").expect("alice").last().expect("open")["id"].as_str().expect("an id").to_owned();
    call(
        &sim,
        "views.open",
        json!({ "trigger_id": trigger.trigger_id(), "view": modal(json!([section("x"), buttons("b", &["more"])])) }),
    )
    .await;
    let below = top();
    let pressed = sim.press("alice", PressTarget::view(&below), "more").await.expect("pressed");
    call(&sim, "views.push", json!({ "trigger_id": pressed.trigger_id(), "view": modal(json!([section("y")])) })).await;
    let above = top();
    let (one, two) = futures::join!(sim.submit("alice", &above), sim.submit("alice", &above));
    let outcomes = [one.expect("submitted").outcome, two.expect("submitted").outcome];
    assert!(outcomes.contains(&Outcome::Closed) && outcomes.contains(&Outcome::Failed), "{outcomes:?}");
    assert_eq!((top(), app.count()), (below, 4));
}

#[tokio::test]
async fn an_approver_presses_and_the_message_is_replaced_by_its_response_url() {
    let (sim, app, clock) = with_app().await;
    let blocks = json!([section("alice asks"), buttons("one", &["approve", "deny"]), buttons("two", &["approve"])]);
    let posted = call(&sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "text": "alice asks", "blocks": blocks })).await;
    let message = PressTarget::message("#access-requests", posted["ts"].as_str().expect("a ts"));
    let press = sim.press("bob", message.clone(), Press::from("approve").nth(1)).await.expect("pressed");
    assert_eq!(
        (&app.last()["actions"][0]["block_id"], &app.last()["actions"][0]["value"]),
        (&json!("two"), &json!("approve-value"))
    );
    assert_eq!(app.last()["message"]["ts"], posted["ts"]);
    assert_eq!(app.last()["container"]["is_ephemeral"], false);
    assert!(sim.press("bob", message.clone(), "unknown").await.is_err());
    let url = press.response_url().expect("a response url").to_owned();
    let respond = |body: Value| http(request(url.clone(), &body));
    // a bad body costs no use
    assert_eq!(respond(json!({ "blocks": [section("")] })).await.expect("answered").0, 400);
    assert_eq!(respond(json!({ "text": "only for bob" })).await.expect("answered").0, 200);
    assert_eq!(sim.ephemerals("bob").expect("bob")[0]["text"], "only for bob");
    assert_eq!(respond(json!({ "text": "all", "thread_ts": "1.1" })).await.expect("answered").0, 400);
    assert_eq!(respond(json!({ "text": "for all", "response_type": "in_channel" })).await.expect("answered").0, 200);
    assert_eq!(respond(json!({ "text": "approved by bob", "replace_original": true })).await.expect("answered").0, 200);
    let texts = || sim.messages("C0REQUESTS").expect("there").iter().map(|one| one["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(), ["approved by bob", "for all"]);
    assert_eq!(respond(json!({ "delete_original": true })).await.expect("answered").0, 200);
    assert_eq!(texts(), ["for all"]);
    assert_eq!(respond(json!({ "text": "fifth" })).await.expect("answered").0, 200);
    assert_eq!(error(&respond(json!({ "text": "sixth" })).await.expect("answered").2), "used_url");
    let late = sim.command("alice", "#general", "/p0", "").await.expect("typed");
    clock.pass(Span::minutes(30));
    clock.pass(Span::millis(1));
    let answer = http(request(late.response_url().expect("a url").to_owned(), &json!({ "text": "x" }))).await.expect("answered");
    assert_eq!((answer.0, error(&answer.2)), (404, "expired_url"));
}

#[tokio::test]
async fn a_message_keeps_what_was_chosen_and_sends_it_along() {
    let (sim, app, _) = with_app().await;
    let choice =
        json!({ "type": "static_select", "action_id": "length", "options": [{ "text": plain("1 hour"), "value": "1h" }] });
    let mut row = buttons("row", &["approve"]);
    row["elements"].as_array_mut().expect("elements").push(choice);
    let posted = call(&sim, "chat.postMessage", json!({ "channel": "U0BOB", "text": "asks", "blocks": [row] })).await;
    let target = PressTarget::message(posted["channel"].as_str().expect("a channel"), posted["ts"].as_str().expect("a ts"));
    assert!(sim.select("bob", target.clone(), "length", json!("1h")).await.expect("chosen").expect("told").ok());
    sim.press("bob", target.clone(), "approve").await.expect("pressed");
    assert_eq!(app.last()["state"]["values"]["row"]["length"]["selected_option"]["value"], "1h");
    assert_eq!(app.last()["channel"]["name"], "directmessage");
    assert!(sim.press("alice", target, "approve").await.is_err(), "alice does not see bob's direct messages");
}

#[tokio::test]
async fn a_slow_app_is_given_up_on_and_its_body_is_an_ephemeral_otherwise() {
    let (sim, app, _) = with_app().await;
    app.answers("commands", Script { after_ms: 60_000, ..Script::default() });
    sim.configure(|settings| settings.ack_ms = 100);
    let late = sim.command("alice", "#general", "/p0", "request").await.expect("typed");
    sim.configure(|settings| settings.ack_ms = 3000);
    assert!(late.timed_out && late.shown.as_deref() == Some("operation_timeout"));
    app.answers("commands", Script { status: 500, ..Script::default() });
    assert_eq!(sim.command("alice", "#general", "/p0", "x").await.expect("typed").shown.as_deref(), Some("http_service_error"));
    app.says("commands", json!({ "text": "You have nothing to give back." }));
    let told = sim.command("alice", "dm", "/p0", "relinquish").await.expect("typed");
    assert_eq!(told.ephemeral.as_deref(), Some("You have nothing to give back."));
    assert_eq!(sim.ephemerals("alice").expect("alice").len(), 1);
    app.says("commands", json!({ "response_type": "in_channel", "text": "hello all" }));
    sim.command("alice", "#general", "/p0", "hello").await.expect("typed");
    assert_eq!(sim.messages("#general").expect("there")[0]["text"], "hello all");
    sim.set_app(Default::default());
    assert_eq!(sim.command("alice", "#general", "/p0", "x").await.expect("typed").status, None);
}

#[tokio::test]
async fn deliveries_can_come_twice_and_acknowledgements_get_lost() {
    let (sim, app, _) = with_app().await;
    let done = sim.command_with("alice", "#general", "/p0", "once", true).await.expect("typed");
    assert_eq!((done.again.len(), app.count()), (1, 2));
    sim.faults([Fault::new("shortcut", Trouble::DuplicateAtOnce), Fault::new("shortcut", Trouble::LostAck)]);
    assert_eq!(sim.shortcut("alice", "request_access").await.expect("run").again.len(), 1);
    assert!(sim.shortcut("alice", "request_access").await.expect("run").timed_out);
    assert_eq!(app.count(), 5, "the app did get it");
}

#[tokio::test]
async fn events_are_tried_again_at_once_after_a_minute_and_after_five() {
    let (sim, app, clock) = with_app().await;
    app.answers("events", Script { status: 503, ..Script::default() });
    assert!(!sim.open_home("alice").await.expect("opened").ok());
    let id = app.last()["event_id"].clone();
    for (wait, number) in [(0, "1"), (60, "2"), (300, "3")] {
        if wait > 0 {
            clock.pass(Span::millis(wait * 1000 - 1));
            assert!(sim.tick().await.is_empty(), "not before its time");
            clock.pass(Span::millis(1));
        }
        assert_eq!(sim.tick().await.len(), 1);
        assert_eq!(app.last_header("x-slack-retry-num").as_deref(), Some(number));
        assert_eq!(app.last_header("x-slack-retry-reason").as_deref(), Some("http_error"));
        assert_eq!(app.last()["event_id"], id);
    }
    clock.pass(Span::hours(1));
    assert!(sim.tick().await.is_empty(), "three are all");
    app.answers("events", Script { status: 503, no_retry: true, ..Script::default() });
    sim.open_home("alice").await.expect("opened");
    assert!(sim.pending().is_empty(), "the app asked for no retry");
    app.says("events", json!({ "challenge": "wrong" }));
    assert!(!sim.verify_url().await.0);
}

#[tokio::test]
async fn payloads_come_in_variants() {
    let (sim, app, _) = with_app().await;
    sim.configure(|settings| settings.variant.org_wide = true);
    sim.shortcut("alice", "request_access").await.expect("run");
    assert_eq!((&app.last()["team"], &app.last()["enterprise"]["id"]), (&Value::Null, &json!("E0P0DEMO")));
    sim.command("alice", "#general", "/p0", "x").await.expect("typed");
    assert_eq!((&app.last()["is_enterprise_install"], &app.last()["enterprise_id"]), (&json!("true"), &json!("E0P0DEMO")));
    sim.configure(|settings| {
        settings.variant = serde_json::from_value(json!({ "fewer_keys": true, "more_keys": true })).expect("a variant")
    });
    sim.shortcut("alice", "request_access").await.expect("run");
    assert_eq!(
        app.last()["user"],
        json!({ "id": "U0ALICE", "not_heard_of": { "since": 2027, "list": [1, null, { "deep": true }] } })
    );
}

#[tokio::test]
async fn people_can_be_played_over_http() {
    let (sim, app, _) = with_app().await;
    let typed =
        control(&sim, "command", json!({ "user": "alice", "channel": "#general", "command": "/p0", "text": "request" })).await;
    assert_eq!(typed["status"], 200);
    let opened = call(&sim, "views.open", json!({ "trigger_id": typed["sent"]["trigger_id"], "view": form() })).await;
    let id = &opened["view"]["id"];
    app.says("options", offer(&["role analyst"]));
    let ask = json!({ "user": "alice", "target": { "view_id": id }, "action_id": "resource", "text": "role" });
    assert_eq!(control(&sim, "type_ahead", ask).await["options"][0]["value"], "role analyst");
    for (block, value) in [("resource", "role analyst"), ("length", "4h"), ("reason", "INC-42")] {
        control(&sim, "fill", json!({ "user": "alice", "view_id": id, "block_id": block, "value": value })).await;
    }
    app.says("interactive", Value::Null);
    assert_eq!(control(&sim, "submit", json!({ "user": "alice", "view_id": id })).await["outcome"], "closed");
    let posted =
        call(&sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "text": "x", "blocks": [buttons("b", &["approve"])] }))
            .await;
    let ask = json!({ "user": "bob", "channel": "C0REQUESTS", "ts": posted["ts"], "action_id": "approve", "presses": 2 });
    let pressed = control(&sim, "press", ask).await;
    assert_ne!(pressed[0]["sent"]["trigger_id"], pressed[1]["sent"]["trigger_id"]);
    let state = http(
        hyper::Request::get(format!("http://{}/_control/state", sim.address())).body(Default::default()).expect("a request"),
    )
    .await;
    let state = state.expect("answered").2;
    assert_eq!((&state["users"][0]["name"], state["messages"].as_array().map(Vec::len)), (&json!("alice"), Some(1)));
    assert!(!state.to_string().contains("a-signing-secret"));
    assert_eq!(control(&sim, "nonsense", json!({})).await["ok"], false);
    control(&sim, "reset", json!({})).await;
    assert!(sim.messages("C0REQUESTS").expect("there").is_empty());
}
