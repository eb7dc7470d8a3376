//! What an app can call, and how Slack refuses it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};

use super::{alone, buttons, call, control, error, get, http, modal, request, section, start};
use crate::domain::time::Span;
use crate::playground::{Channel, Error, Fault, Settings, Sim, Trouble, User};

async fn post(sim: &Sim, channel: &str, text: &str) -> Value {
    call(sim, "chat.postMessage", json!({ "channel": channel, "text": text })).await
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    let settings = Settings { listen: "0.0.0.0:0".parse().expect("an address"), ..Settings::default() };
    let clock = std::sync::Arc::new(super::Hand(0.into()));
    assert!(matches!(Sim::start(settings, clock).await, Err(Error::NotLoopback(_))));
}

#[tokio::test]
async fn the_token_comes_by_header_only_and_every_way_of_calling_works() {
    let (sim, _) = alone().await;
    let url = |method: &str| format!("{}/{method}", sim.api_url());
    let bare = Request::post(url("auth.test")).body(Full::default()).expect("a request");
    assert_eq!(error(&http(bare).await.expect("answered").2), "not_authed");
    let in_body = Request::post(url("auth.test")).header("content-type", "application/x-www-form-urlencoded");
    let in_body = in_body.body(Full::new(Bytes::from("token=xoxb-a-token-for-tests"))).expect("a request");
    assert_eq!(error(&http(in_body).await.expect("answered").2), "not_authed");
    let wrong =
        Request::post(url("auth.test")).header("authorization", "Bearer xoxb-other").body(Full::default()).expect("a request");
    assert_eq!(error(&http(wrong).await.expect("answered").2), "invalid_auth");
    assert_eq!(call(&sim, "auth.test", json!({})).await["user_id"], "U0P0BOT");
    assert_eq!(get(&sim, "users.lookupByEmail?email=Alice%40acme.example").await["user"]["id"], "U0ALICE");
    let form = Request::post(url("chat.postMessage")).header("authorization", "Bearer xoxb-a-token-for-tests");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let form =
        form.body(Full::new(Bytes::from("channel=C0REQUESTS&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"))).expect("a request");
    assert_eq!(http(form).await.expect("answered").2["message"]["blocks"][0]["type"], "divider");
    assert_eq!(error(&call(&sim, "chat.nothing", json!({})).await), "unknown_method");
    assert!(sim.calls().iter().all(|call| !call.args.to_string().contains("xoxb")), "no token in the log");
}

#[tokio::test]
async fn scopes_are_asked_for_by_name() {
    let (sim, _) = alone().await;
    let refused = call(&sim, "team.info", json!({})).await;
    assert_eq!((error(&refused), &refused["needed"]), ("missing_scope", &json!("team:read")));
    assert!(refused["provided"].as_str().is_some_and(|scopes| scopes.contains("chat:write")));
    sim.configure(|settings| settings.scopes.retain(|scope| scope != "users:read.email"));
    assert_eq!(error(&call(&sim, "users.lookupByEmail", json!({ "email": "bob@acme.example" })).await), "missing_scope");
    assert_eq!(call(&sim, "users.info", json!({ "user": "U0BOB" })).await["user"]["profile"].get("email"), None);
}

#[tokio::test]
async fn people_groups_and_channels_are_found_or_refused() {
    let (sim, _) = alone().await;
    sim.configure(|settings| {
        settings.scopes.extend(["channels:read".to_owned(), "groups:read".to_owned(), "im:read".to_owned()])
    });
    let away = |id: &str, name: &str, team_id: &str, deleted: bool| User {
        email: Some(format!("{name}@acme.example")),
        team_id: team_id.into(),
        deleted,
        ..serde_json::from_value(json!({ "id": id, "name": name })).expect("a user")
    };
    sim.add_user(away("U0GONE", "gone", "", true));
    sim.add_user(away("U0ELSE", "stranger", "T0OTHER", false));
    for (method, args, expected) in [
        ("users.info", json!({ "user": "U0NOBODY" }), "user_not_found"),
        ("users.lookupByEmail", json!({ "email": "nobody@acme.example" }), "users_not_found"),
        ("users.lookupByEmail", json!({ "email": "gone@acme.example" }), "users_not_found"),
        ("users.lookupByEmail", json!({ "email": "stranger@acme.example" }), "users_not_found"),
        ("usergroups.users.list", json!({ "usergroup": "S0NONE" }), "no_such_subteam"),
        ("conversations.info", json!({ "channel": "C0NONE" }), "channel_not_found"),
        ("conversations.open", json!({ "users": "U0NOBODY" }), "user_not_found"),
        ("conversations.open", json!({}), "users_list_not_supplied"),
        ("users.list", json!({ "cursor": "bogus" }), "invalid_cursor"),
    ] {
        assert_eq!(error(&call(&sim, method, args).await), expected, "{method}");
    }
    assert_eq!(call(&sim, "users.info", json!({ "user": "U0ELSE" })).await["user"]["team_id"], "T0OTHER");
    assert_eq!(get(&sim, "usergroups.users.list?usergroup=S0APPROVERS").await["users"], json!(["U0BOB", "U0CAROL"]));
    assert_eq!(get(&sim, "usergroups.list?include_users=true").await["usergroups"][0]["handle"], "p0approvers");
    let first = get(&sim, "users.list?limit=4").await;
    let next = first["response_metadata"]["next_cursor"].as_str().expect("a cursor");
    assert_eq!(get(&sim, &format!("users.list?limit=4&cursor={next}")).await["response_metadata"]["next_cursor"], "");
    let dm = call(&sim, "conversations.open", json!({ "users": "U0ALICE" })).await["channel"]["id"].clone();
    assert_eq!(post(&sim, "U0ALICE", "hello").await["channel"], dm, "posting to a person opens the same direct messages");
    assert_eq!(call(&sim, "conversations.info", json!({ "channel": dm })).await["channel"]["user"], "U0ALICE");
    assert_eq!(
        call(&sim, "conversations.members", json!({ "channel": "C0REQUESTS" })).await["members"].as_array().map(Vec::len),
        Some(5)
    );
}

#[tokio::test]
async fn messages_are_refused_where_slack_refuses_them() {
    let (sim, _) = alone().await;
    let secret = json!({ "id": "C0SECRET", "name": "secret", "is_private": true, "members": ["U0ALICE"] });
    sim.add_channel(serde_json::from_value::<Channel>(secret).expect("a channel"));
    for (channel, expected) in [
        ("C0NONE", "channel_not_found"),
        ("C0GENERAL", "not_in_channel"),
        ("C0OLD", "is_archived"),
        ("C0SECRET", "channel_not_found"),
    ] {
        assert_eq!(error(&post(&sim, channel, "x").await), expected);
    }
    assert_eq!(error(&post(&sim, "C0REQUESTS", "").await), "no_text");
    let bad = call(&sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "blocks": [section("")] })).await;
    assert_eq!(error(&bad), "invalid_blocks");
    assert_eq!(
        bad["response_metadata"]["messages"][0],
        "[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]"
    );
    assert_eq!(bad["errors"][0], "must be more than 0 characters [json-pointer:/blocks/0/text/text]");
    let lost = json!({ "channel": "C0REQUESTS", "text": "x", "thread_ts": "1.000001" });
    assert_eq!(error(&call(&sim, "chat.postMessage", lost).await), "thread_not_found");
    sim.configure(|settings| settings.scopes.push("chat:write.public".into()));
    assert_eq!(post(&sim, "C0GENERAL", "x").await["ok"], true);
    assert_eq!(sim.messages("#access-requests").expect("the channel"), Vec::<Value>::new(), "what was refused is not there");
}

#[tokio::test]
async fn only_own_lasting_messages_are_edited_and_text_alone_takes_the_blocks_away() {
    let (sim, _) = alone().await;
    let blocks = json!([section("waiting"), buttons("b", &["approve"])]);
    let posted = call(&sim, "chat.postMessage", json!({ "channel": "C0REQUESTS", "text": "waiting", "blocks": blocks })).await;
    let (channel, ts) = ("C0REQUESTS", posted["ts"].as_str().expect("a ts"));
    let update = |ts: &str, text: &str| call(&sim, "chat.update", json!({ "channel": channel, "ts": ts, "text": text }));
    assert_eq!(update(ts, "approved").await["ok"], true);
    assert_eq!(sim.messages(channel).expect("the channel")[0].get("blocks"), None);
    assert_eq!(error(&update(ts, &"x".repeat(4001)).await), "msg_too_long");
    assert_eq!(error(&update("1.000001", "x").await), "message_not_found");
    let said = sim.say("alice", channel, "mine", Some(ts)).expect("said");
    assert_eq!(error(&update(&said, "x").await), "cant_update_message");
    assert_eq!(error(&call(&sim, "chat.delete", json!({ "channel": channel, "ts": said })).await), "cant_delete_message");
    let only = call(&sim, "chat.postEphemeral", json!({ "channel": channel, "user": "U0BOB", "text": "psst" })).await;
    assert_eq!(error(&update(only["message_ts"].as_str().expect("a ts"), "x").await), "message_not_found");
    assert_eq!(sim.ephemerals("bob").expect("bob")[0]["text"], "psst");
    assert_eq!(
        error(&call(&sim, "chat.update", json!({ "channel": "U0ALICE", "ts": ts, "text": "x" })).await),
        "channel_not_found"
    );
    let link = get(&sim, &format!("chat.getPermalink?channel={channel}&message_ts={ts}")).await;
    assert_eq!(link["permalink"], format!("https://acme.slack.com/archives/C0REQUESTS/p{}", ts.replace('.', "")));
    assert_eq!(call(&sim, "chat.delete", json!({ "channel": channel, "ts": ts })).await["ok"], true);
}

#[tokio::test]
async fn views_answer_with_pointers_and_hashes_guard_updates() {
    let (sim, _) = alone().await;
    let home = |text: &str| json!({ "type": "home", "blocks": [section(text)] });
    let bad = call(&sim, "views.open", json!({ "trigger_id": "1.2.3", "view": {} })).await;
    assert_eq!(error(&bad), "invalid_arguments");
    assert!(
        bad["response_metadata"]["messages"].to_string().contains("[ERROR] missing required field: type [json-pointer:/view]")
    );
    assert_eq!(
        error(&call(&sim, "views.open", json!({ "trigger_id": "1.2.3", "view": modal(json!([section("x")])) })).await),
        "invalid_trigger_id"
    );
    let first = call(&sim, "views.publish", json!({ "user_id": "U0ALICE", "view": home("one") })).await["view"].clone();
    let second = call(&sim, "views.publish", json!({ "user_id": "U0ALICE", "view": home("two"), "hash": first["hash"] })).await;
    assert_eq!(second["view"]["id"], first["id"], "a person has one Home tab");
    let stale = json!({ "user_id": "U0ALICE", "view": home("three"), "hash": first["hash"] });
    assert_eq!(error(&call(&sim, "views.publish", stale).await), "hash_conflict");
    assert_eq!(error(&call(&sim, "views.update", json!({ "view_id": "V0NONE", "view": home("x") })).await), "not_found");
    let large = modal((0..90).map(|_| section(&"x".repeat(2990))).collect());
    assert_eq!(error(&call(&sim, "views.open", json!({ "trigger_id": "1.2.3", "view": large })).await), "view_too_large");
}

#[tokio::test]
async fn too_many_calls_get_429_with_retry_after_and_time_heals_it() {
    let (sim, clock) = start(Settings { rate_limits: true, ..Settings::default() }).await;
    let body = json!({ "channel": "C0REQUESTS", "text": "x" });
    let url = format!("{}/chat.postMessage", sim.api_url());
    for _ in 0..4 {
        assert_eq!(http(request(url.clone(), &body)).await.expect("answered").0, 200);
    }
    let (status, wait, answer) = http(request(url.clone(), &body)).await.expect("answered");
    assert_eq!((status, wait, error(&answer)), (429, Some(1), "ratelimited"));
    clock.pass(Span::seconds(1));
    assert_eq!(http(request(url, &body)).await.expect("answered").0, 200);
}

#[tokio::test]
async fn faults_are_played_as_often_as_asked_and_say_whether_it_was_done() {
    let (sim, _) = alone().await;
    let url = format!("{}/chat.postMessage", sim.api_url());
    let post = |text: &str| http(request(url.clone(), &json!({ "channel": "C0REQUESTS", "text": text })));
    let on = |what: Trouble| Fault::new("chat.postMessage", what);
    sim.faults([
        on(Trouble::Http500),
        on(Trouble::Reset),
        on(Trouble::RateLimit { retry_after: 7 }),
        on(Trouble::Error { error: "fatal_error".into() }),
        on(Trouble::LostAnswer),
        on(Trouble::Slow { ms: 10 }),
    ]);
    assert_eq!(post("500").await.expect("answered").0, 500);
    assert!(post("reset").await.is_none());
    let (status, wait, _) = post("429").await.expect("answered");
    assert_eq!((status, wait), (429, Some(7)));
    assert_eq!(error(&post("error").await.expect("answered").2), "fatal_error");
    assert!(post("lost").await.is_none());
    assert_eq!(post("slow").await.expect("answered").0, 200);
    assert_eq!(post("good").await.expect("answered").0, 200);
    let done: Vec<Value> = sim.messages("C0REQUESTS").expect("there").iter().map(|message| message["text"].clone()).collect();
    assert_eq!(done, ["lost", "slow", "good"]);
    let asked = json!([{ "on": "*", "kind": "error", "error": "internal_error", "times": 2, "after": 1 }]);
    assert_eq!(control(&sim, "faults", asked).await["ok"], true);
    assert_eq!(call(&sim, "auth.test", json!({})).await["ok"], true);
    assert_eq!(error(&call(&sim, "auth.test", json!({})).await), "internal_error");
    assert_eq!(control(&sim, "faults", json!([])).await["ok"], true);
    assert_eq!(call(&sim, "auth.test", json!({})).await["ok"], true);
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let (sim, clock) = alone().await;
    let listen = sim.address();
    sim.stop().await;
    let again = Sim::start(Settings { listen, ..Settings::default() }, clock).await;
    assert!(again.is_ok());
}
