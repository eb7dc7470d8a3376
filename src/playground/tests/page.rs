//! The page: who may talk to it, what it is told and what never, and the clock beside it.

use super::*;
use crate::playground::{Beside, Press, PressTarget, Target, live};

/// A clock by hand and one row, as a playground brings them.
struct Row(Arc<Hand>, Time);

#[async_trait::async_trait]
impl Beside for Row {
    fn pass(&self, span: Span) {
        self.0.pass(span);
    }
    async fn next_end(&self) -> Option<Time> {
        (self.0.now() < self.1).then_some(self.1)
    }
    async fn targets(&self) -> Vec<Target> {
        let held = self.0.now() < self.1;
        let rows = if held { vec![live::Row { cells: vec!["alice".into()], given: true }] } else { vec![] };
        vec![Target { title: "Orders".into(), rows, ..Target::default() }]
    }
}

/// What a browser sends on behalf of a page: its own address bar's host, and where the page is from.
async fn browse(sim: &Sim, path: &str, host: &str, origin: Option<&str>, kind: Option<&str>) -> (u16, Value) {
    let url = format!("http://{}{path}", sim.address());
    let mut request = if kind.is_some() { Request::post(url) } else { Request::get(url) }.header("host", host);
    for (name, value) in [("origin", origin), ("content-type", kind)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let body = if kind.is_some() { r#"{"user":"alice","channel":"general","text":"hello"}"# } else { "" };
    let (status, _, answer) = http(request.body(Full::new(Bytes::from(body))).expect("a request")).await.expect("answered");
    (status, answer)
}

#[tokio::test]
async fn no_other_web_page_in_the_browser_acts_or_reads_here() {
    let (sim, _) = alone().await;
    let port = sim.address().port();
    let own = format!("127.0.0.1:{port}");
    let json = Some("application/json");
    let say = "/_control/say";

    // DNS rebinding: another name that leads here, or another port.
    for host in
        [format!("evil.example:{port}"), "127.0.0.1".into(), "127.0.0.1:1".into(), format!("127.0.0.1.evil.example:{port}")]
    {
        for path in ["/", "/_control/state", "/_control/seen"] {
            assert_eq!(browse(&sim, path, &host, None, None).await.0, 403, "{host} {path}");
        }
        assert_eq!(browse(&sim, say, &host, None, json).await.0, 403, "{host}");
    }
    // Across sites: a fetch or a form of another page.
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", &format!("https://{own}")] {
        let (status, answer) = browse(&sim, say, &own, Some(origin), json).await;
        assert_eq!((status, error(&answer)), (403, "another web page may not act here"), "{origin}");
    }
    // What a form can send without being asked for leave.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json", ""] {
        assert_eq!(browse(&sim, say, &own, None, Some(kind)).await.0, 403, "{kind}");
    }
    assert!(sim.messages("general").expect("a channel").is_empty(), "nothing was done");

    let local = format!("localhost:{port}");
    for (host, origin) in [(&own, None), (&own, Some(format!("http://{own}"))), (&local, Some(format!("http://{local}")))] {
        assert_eq!(browse(&sim, say, host, origin.as_deref(), json).await.0, 200, "{host} {origin:?}");
    }
    assert_eq!(sim.messages("general").expect("a channel").len(), 3);
    assert_eq!(browse(&sim, "/_control/state", &own, None, None).await.0, 200);
}

#[tokio::test]
async fn the_page_and_every_file_it_names_are_served_with_a_policy() {
    let (sim, _) = alone().await;
    let mut waiting = vec!["/".to_owned()];
    let mut served = std::collections::BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if !served.insert(path.clone()) {
            continue;
        }
        let request = Request::get(format!("http://{}{path}", sim.address())).body(Full::default()).expect("a request");
        let response = super::super::deliver::client().request(request).await.expect("answered");
        assert_eq!(response.status(), 200, "{path}");
        let policy = response.headers()["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        let text = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(text.to_vec()).expect("text");
        // The rules of the page: nothing that people wrote becomes markup, nothing comes from elsewhere.
        for never in [".innerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(never), "{path} has {never}");
        }
        let named = text.split(['"', '\'']).filter(|word| word.starts_with("/page/") || word.starts_with("./"));
        waiting.extend(named.map(|word| word.replacen("./", "/page/", 1)));
    }
    let mut files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/playground/page")).expect("a folder");
    let all = files.by_ref().map(|file| file.expect("a file").file_name().into_string().expect("text"));
    for file in all.filter(|file| file != "index.html") {
        assert!(served.contains(&format!("/page/{file}")), "{file} is named by nothing");
    }
}

#[tokio::test]
async fn what_people_see_is_told_once_it_is_another_and_holds_no_secret() {
    let (sim, _) = alone().await;
    let seen = control_get(&sim, "seen").await;
    let version = seen["version"].as_str().expect("a version").to_owned();
    let later = format!("seen?since={version}");
    let (next, ()) = tokio::join!(control_get(&sim, &later), async {
        sim.command("alice", "general", "/p0", "help").await.expect("typed");
        let said = control(&sim, "say", json!({ "user": "bob", "channel": "general", "text": "hello" })).await;
        assert_eq!(said["ok"], true);
    });
    assert_ne!(next["version"], version);
    let texts = |seen: &Value| seen["messages"].to_string();
    assert!(texts(&next).contains("hello"), "{next}");

    let settings = Settings::default();
    let trigger = sim.deliveries()[0].sent["trigger_id"].as_str().expect("a trigger").to_owned();
    let whole = next.to_string();
    for secret in [settings.bot_token, settings.signing_secret, trigger, "/response/".to_owned()] {
        assert!(!whole.contains(&secret), "{secret} is told");
    }
}

#[tokio::test]
async fn the_clock_goes_forward_only_where_there_is_one_to_move() {
    let (sim, clock) = alone().await;
    for verb in ["forward", "jump"] {
        let refused = control(&sim, verb, json!({ "span": "10m" })).await;
        assert!(error(&refused).contains("only `p0 playground` has a clock"), "{refused}");
    }
    let began = clock.now();
    let end = began + Span::hours(1);
    sim.stand_beside(Arc::new(Row(clock.clone(), end)));
    assert_eq!(control(&sim, "forward", json!({ "span": "10m" })).await["now"], (began + Span::minutes(10)).0);
    for bad in ["", "-1h", "1 month", "soon"] {
        assert_eq!(control(&sim, "forward", json!({ "span": bad })).await["ok"], false, "{bad}");
    }
    let before = control_get(&sim, "beside").await;
    assert_eq!(
        (&before["next_end"], &before["targets"][0]["rows"]),
        (&json!(end), &json!([{ "cells": ["alice"], "given": true }]))
    );

    control(&sim, "jump", json!({})).await;
    assert_eq!(clock.now(), end - Span::seconds(3), "the last seconds are left to be watched");
    control(&sim, "jump", json!({})).await;
    assert_eq!(clock.now(), end - Span::seconds(3), "no clock goes back");

    let later = format!("beside?since={}", before["version"].as_str().expect("a version"));
    let (after, ()) = tokio::join!(control_get(&sim, &later), async { clock.pass(Span::seconds(4)) });
    assert_eq!((&after["next_end"], &after["targets"][0]["rows"]), (&Value::Null, &json!([])));
    assert!(error(&control(&sim, "jump", json!({})).await).contains("nobody has an access"));
}

#[tokio::test]
async fn a_shortcut_of_a_message_carries_the_message() {
    let (sim, _) = alone().await;
    let ts = sim.say("bob", "general", "ERROR: permission denied for table orders", None).expect("said");
    let target = PressTarget::message("general", &ts);
    let sent = sim.message_shortcut("alice", target, "request_this").await.expect("run").sent;
    assert_eq!((&sent["type"], &sent["callback_id"]), (&json!("message_action"), &json!("request_this")));
    assert_eq!(sent["message"]["text"], "ERROR: permission denied for table orders");
    assert_eq!((&sent["message_ts"], &sent["channel"]["id"]), (&json!(ts), &json!("C0GENERAL")));
    assert!(sent["trigger_id"].is_string() && sent["response_url"].is_string());
    // It is a message's, not a button's.
    let pressed = sim.press("alice", PressTarget::message("general", &ts), Press::from("request_this")).await;
    assert!(pressed.is_err());
}

async fn control_get(sim: &Sim, what: &str) -> Value {
    let request = Request::get(format!("http://{}/_control/{what}", sim.address())).body(Full::default()).expect("a request");
    http(request).await.expect("answered").2
}
