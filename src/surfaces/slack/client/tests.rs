//! Against a small server on this machine that answers what each test tells it to.

use std::collections::VecDeque;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method as Verb, StatusCode, Uri};

use super::*;
use crate::domain::outside::tests::Still;

const NOW: Time = Time(1_800_000_000_000);
const TOKEN: &str = "xoxb-hush-hush";

/// What the server was sent.
#[derive(Debug, Clone)]
struct Seen {
    verb: Verb,
    path: String,
    token: String,
    body: String,
}

/// A status, headers and a body.
type Answer = (u16, Vec<(&'static str, String)>, String);

#[derive(Clone, Default)]
struct Slack {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn answer(
    State(slack): State<Slack>,
    verb: Verb,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let body = String::from_utf8_lossy(&body).into_owned();
    slack.seen.lock().expect("seen").push(Seen { verb, path: uri.to_string(), token, body });
    let next = slack.answers.lock().expect("answers").pop_front();
    let Some((status, headers, text)) = next else { return std::future::pending().await };
    let mut map = HeaderMap::from_iter([(
        HeaderName::from_static("content-type"),
        "application/json; charset=utf-8".parse().expect("a value"),
    )]);
    map.extend(headers.into_iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))));
    (StatusCode::from_u16(status).expect("a status"), map, text)
}

impl Slack {
    async fn start(answers: &[Json]) -> (Slack, Client) {
        let slack = Slack::default();
        answers.iter().for_each(|answer| slack.will(200, vec![], answer.to_string()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}/api", listener.local_addr().expect("an address"));
        let app = axum::Router::new().fallback(answer).with_state(slack.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::new(&base, SecretString::from(TOKEN), Arc::new(Still(NOW))).expect("a client");
        (slack, client.with_timeout(Span::millis(300)))
    }

    fn will(&self, status: u16, headers: Vec<(&'static str, String)>, body: String) {
        self.answers.lock().expect("answers").push_back((status, headers, body));
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("seen").clone()
    }
}

fn hello() -> Message {
    Message { text: "hello".to_owned(), blocks: vec![json!({ "type": "divider" })] }
}

fn posted() -> Posted {
    Posted { place: "C1".to_owned(), message: "1.5".to_owned(), link: None }
}

#[tokio::test]
async fn a_message_is_posted_once_and_its_place_is_kept() {
    let (slack, client) = Slack::start(&[json!({ "ok": true, "channel": "D9", "ts": "17.5", "new": 1 })]).await;
    let posted = client.post("U1", &hello()).await.expect("posted");
    assert_eq!((posted.place.as_str(), posted.message.as_str()), ("D9", "17.5"));
    let seen = &slack.seen()[0];
    assert_eq!(
        (seen.verb.clone(), seen.path.as_str(), seen.token.as_str()),
        (Verb::POST, "/api/chat.postMessage", "Bearer xoxb-hush-hush")
    );
    let body: Json = serde_json::from_str(&seen.body).expect("JSON");
    assert_eq!(body["blocks"][0]["type"], "divider");
    assert_eq!((&body["channel"], &body["text"]), (&json!("U1"), &json!("hello")));
}

#[tokio::test]
async fn people_and_installations_are_read() {
    let (slack, client) = Slack::start(&[
        json!({ "ok": true, "team_id": "T1", "user_id": "U0BOT", "enterprise_id": null, "url": "https://acme.slack.com/" }),
        json!({ "ok": true, "user": { "id": "U1", "team_id": "T1", "tz": "Europe/Berlin", "deleted": false, "is_bot": false,
            "is_email_confirmed": true, "name": "al", "profile": { "real_name": "Alice Anderson", "email": "Alice@Example.com" } } }),
        json!({ "ok": true, "user": { "id": "U2" } }),
    ])
    .await;
    let installation = client.auth_test().await.expect("an installation");
    assert_eq!((installation.team.as_str(), installation.bot_user.as_str(), installation.org_wide), ("T1", "U0BOT", false));
    let alice = client.user("U1").await.expect("Alice");
    assert_eq!((alice.name.as_str(), alice.email.as_ref().map(Email::as_str)), ("Alice Anderson", Some("alice@example.com")));
    assert_eq!(client.lookup_by_email(&alice.email.expect("one")).await.expect("somebody").name, "U2");
    assert_eq!(slack.seen()[2].path, "/api/users.lookupByEmail?email=alice%40example.com");
}

#[tokio::test]
async fn a_group_is_read_once_a_minute() {
    let (slack, client) = Slack::start(&[json!({ "ok": true, "users": ["U1", "U2"] })]).await;
    for _ in 0..3 {
        assert_eq!(client.group_members("S1", None).await.expect("members"), ["U1", "U2"]);
    }
    assert_eq!(slack.seen().len(), 1);
    assert_eq!(slack.seen()[0].path, "/api/usergroups.users.list?usergroup=S1");
}

#[tokio::test]
async fn views_are_opened_and_rewritten_under_their_hash() {
    let view = json!({ "ok": true, "view": { "id": "V1", "hash": "h1" } });
    let (slack, client) = Slack::start(&[view.clone(), view]).await;
    let opened = client.open_view("1.2.x", &json!({ "type": "modal" })).await.expect("open");
    client.update_view(&opened.view, opened.hash.as_deref(), &json!({ "type": "modal" })).await.expect("rewritten");
    let body: Json = serde_json::from_str(&slack.seen()[1].body).expect("JSON");
    assert_eq!((&body["view_id"], &body["hash"]), (&json!("V1"), &json!("h1")));
}

#[tokio::test]
async fn too_often_is_told_with_the_time_to_wait_and_held_to() {
    let (slack, client) = Slack::start(&[]).await;
    slack.will(429, vec![("retry-after", "7".to_owned())], json!({ "ok": false, "error": "ratelimited" }).to_string());
    let Err(Fault::Later { after, .. }) = client.update(&posted(), &hello()).await else { panic!("later") };
    assert_eq!(after, Some(Span::seconds(7)));
    let Err(Fault::Later { after, .. }) = client.update(&posted(), &hello()).await else { panic!("later") };
    assert_eq!(after, Some(Span::seconds(7)));
    assert_eq!(slack.seen().len(), 1, "the second was not sent");
}

#[tokio::test]
async fn a_lost_answer_is_a_maybe_for_a_post_and_a_later_for_an_edit() {
    for status in [500, 503] {
        let (slack, client) = Slack::start(&[]).await;
        slack.will(status, vec![], "oops".to_owned());
        slack.will(status, vec![], "oops".to_owned());
        assert!(matches!(client.post("C1", &hello()).await, Err(Fault::Maybe { .. })));
        assert!(matches!(client.update(&posted(), &hello()).await, Err(Fault::Later { .. })));
    }
    let (_slack, client) = Slack::start(&[]).await;
    assert!(matches!(client.post("C1", &hello()).await, Err(Fault::Maybe { .. })), "no answer in time");
    assert!(matches!(client.user("U1").await, Err(Fault::Later { .. })), "no answer in time");
    let nobody = Client::new("http://127.0.0.1:9/api", SecretString::from(TOKEN), Arc::new(Still(NOW))).expect("a client");
    assert!(matches!(nobody.post("C1", &hello()).await, Err(Fault::Later { .. })), "nothing was sent");
}

#[tokio::test]
async fn what_slack_refuses_says_what_to_do() {
    for (code, denied, says) in [
        ("channel_not_found", true, "/invite @p0"),
        ("not_in_channel", true, "/invite @p0"),
        ("is_archived", true, "Unarchive"),
        ("missing_scope", true, "slack-app-manifest.yaml"),
        ("invalid_auth", true, "new token"),
        ("account_inactive", true, "new token"),
        ("users_not_found", false, "nobody"),
        ("message_not_found", false, "post a new one"),
        ("expired_trigger_id", false, "press again"),
        ("invalid_blocks", false, "invalid_blocks at /blocks/0"),
    ] {
        let answer = json!({ "ok": false, "error": code, "needed": "chat:write", "provided": "commands",
            "response_metadata": { "messages": ["[ERROR] hush-hush [json-pointer:/blocks/0]"] } });
        let (_slack, client) = Slack::start(&[answer]).await;
        let fault = client.post("C1", &hello()).await.expect_err(code);
        assert_eq!(matches!(fault, Fault::Denied { .. }), denied, "{code}");
        let why = fault.to_string();
        assert!(why.contains(says) && !why.contains('\n') && !why.contains("hush"), "{code}: {why}");
    }
}

#[tokio::test]
async fn a_reply_goes_to_slack_and_nowhere_else() {
    let (slack, client) = Slack::start(&[]).await;
    slack.will(200, vec![("content-type", "text/plain".to_owned())], "ok".to_owned());
    let here = client.base.join("/reply/1").expect("a URL");
    client.respond(here.as_str(), Reply::Ephemeral, &hello()).await.expect("sent");
    let seen = &slack.seen()[0];
    assert_eq!(seen.token, "", "a reply URL gets no token");
    assert_eq!(serde_json::from_str::<Json>(&seen.body).expect("JSON")["response_type"], "ephemeral");
    for url in [
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "https://u:p@hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "file:///etc/passwd",
        "nonsense",
    ] {
        let fault = client.respond(url, Reply::Replace, &hello()).await.expect_err(url);
        assert!(matches!(fault, Fault::Never { .. }), "{url}");
    }
    assert!(client.reply_url("https://hooks.slack.com/actions/T1/2/x").is_some());
    assert_eq!(slack.seen().len(), 1);
}

#[test]
fn a_token_is_sent_over_tls_or_not_off_this_machine() {
    let made = |base: &str| Client::new(base, SecretString::from(TOKEN), Arc::new(Still(NOW)));
    assert!(made(SLACK).is_ok());
    for base in ["http://slack.com/api", "ftp://127.0.0.1", "slack.com", ""] {
        assert!(made(base).is_err(), "{base}");
    }
    let client = made(SLACK).expect("a client");
    assert!(!format!("{client:?}").contains("hush"), "{client:?}");
}
