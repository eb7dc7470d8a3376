//! Socket Mode, seen by an app that speaks WebSocket by hand.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Hand, call, error, http, modal, request, section, start};
use crate::domain::time::Span;
use crate::playground::{Disconnect, Fault, Settings, Sim, Trouble};

/// One connection of the app.
struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Asks with the app-level token.
async fn opens(sim: &Sim) -> Value {
    let mut request = request(format!("{}/apps.connections.open", sim.api_url()), &json!({}));
    request.headers_mut().insert("authorization", "Bearer xapp-a-token-for-tests".parse().expect("a header"));
    http(request).await.expect("answered").2
}

impl Line {
    async fn open(sim: &Sim) -> Line {
        let url = opens(sim).await["url"].as_str().expect("a URL").to_owned();
        Line(connect_async(url).await.expect("connected").0)
    }

    /// The next thing Slack says; `None` when the connection ends.
    async fn hears(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    async fn greeted(sim: &Sim) -> Line {
        let mut line = Line::open(sim).await;
        assert_eq!(line.hears().await.expect("a hello")["type"], "hello");
        line
    }

    async fn acknowledges(&mut self, envelope: &Value, payload: Option<Value>) {
        let mut said = json!({ "envelope_id": envelope["envelope_id"] });
        if let Some(payload) = payload {
            said["payload"] = payload;
        }
        self.0.send(Message::text(said.to_string())).await.expect("sent");
    }
}

async fn by_socket() -> (Sim, std::sync::Arc<Hand>) {
    start(Settings { socket_mode: true, ..Settings::default() }).await
}

#[tokio::test]
async fn a_connection_is_opened_with_the_apps_own_token_and_a_ticket_that_works_once() {
    let (sim, clock) = by_socket().await;
    assert_eq!(error(&call(&sim, "apps.connections.open", json!({})).await), "not_allowed_token_type");
    let url = opens(&sim).await["url"].as_str().expect("a URL").to_owned();
    let (mut first, _) = connect_async(&url).await.expect("connected");
    assert!(matches!(first.next().await, Some(Ok(Message::Text(hello))) if hello.contains("\"num_connections\":1")));
    assert!(connect_async(&url).await.is_err(), "the ticket is used");
    let late = opens(&sim).await["url"].as_str().expect("a URL").to_owned();
    clock.pass(Span::seconds(31));
    assert!(connect_async(&late).await.is_err(), "the ticket is old");
    let mut other = request(format!("{}/auth.test", sim.api_url()), &json!({}));
    other.headers_mut().insert("authorization", "Bearer xapp-a-token-for-tests".parse().expect("a header"));
    assert_eq!(error(&http(other).await.expect("answered").2), "not_allowed_token_type", "it is good for nothing else");
}

#[tokio::test]
async fn ten_connections_share_what_comes_and_an_eleventh_is_sent_away() {
    let (sim, _) = by_socket().await;
    let mut lines = Vec::new();
    for _ in 0..10 {
        lines.push(Line::greeted(&sim).await);
    }
    assert_eq!(Line::open(&sim).await.hears().await.expect("told")["reason"], "too_many_websockets");
    let typing = (0..10).map(|_| sim.command("alice", "general", "/p0", "ls"));
    let answering = futures::future::join_all(lines.iter_mut().map(async |line| {
        let envelope = line.hears().await.expect("an envelope");
        line.acknowledges(&envelope, None).await;
        envelope
    }));
    let (typed, envelopes) = futures::join!(futures::future::join_all(typing), answering);
    assert!(typed.into_iter().all(|typed| typed.expect("typed").ok()), "each connection got one");
    assert!(envelopes.iter().all(|envelope| envelope["type"] == "slash_commands" && envelope["payload"]["command"] == "/p0"));
}

#[tokio::test]
async fn an_answer_is_taken_where_the_envelope_says_so_and_nowhere_else() {
    let (sim, _) = by_socket().await;
    let mut line = Line::greeted(&sim).await;
    let (typed, envelope) = futures::join!(sim.command("alice", "general", "/p0", "ls"), async {
        let envelope = line.hears().await.expect("an envelope");
        line.acknowledges(&envelope, Some(json!({ "text": "Nothing yet." }))).await;
        envelope
    });
    let typed = typed.expect("typed");
    assert_eq!((typed.ephemeral.as_deref(), &envelope["accepts_response_payload"]), (Some("Nothing yet."), &json!(true)));
    let (run, envelope) = futures::join!(sim.shortcut("alice", "request_access"), async {
        let envelope = line.hears().await.expect("an envelope");
        line.acknowledges(&envelope, Some(json!({ "text": "ignored" }))).await;
        envelope
    });
    assert_eq!((run.expect("run").body.as_str(), &envelope["accepts_response_payload"]), ("", &json!(false)));
    assert_eq!((&envelope["type"], &envelope["payload"]["type"]), (&json!("interactive"), &json!("shortcut")));
    let view = json!({ "trigger_id": envelope["payload"]["trigger_id"], "view": modal(json!([section("x")])) });
    let id = call(&sim, "views.open", view).await["view"]["id"].as_str().expect("opened").to_owned();
    let (submitted, envelope) = futures::join!(sim.submit("alice", &id), async {
        let envelope = line.hears().await.expect("an envelope");
        line.acknowledges(&envelope, Some(json!({ "response_action": "clear" }))).await;
        envelope
    });
    assert_eq!(submitted.expect("submitted").outcome, crate::playground::Outcome::Cleared);
    assert_eq!(envelope["accepts_response_payload"], true);
}

#[tokio::test]
async fn what_is_not_acknowledged_comes_again_on_another_connection() {
    let (sim, clock) = by_socket().await;
    let (mut first, mut second) = (Line::greeted(&sim).await, Line::greeted(&sim).await);
    // the connection breaks before the acknowledgement
    let (typed, (before, after)) = futures::join!(sim.command("alice", "general", "/p0", "ls"), async {
        let (at, before) = tokio::select! {
            Some(envelope) = first.hears() => (0, envelope),
            Some(envelope) = second.hears() => (1, envelope),
        };
        sim.cut(Some(at));
        let other = if at == 0 { &mut second } else { &mut first };
        let after = other.hears().await.expect("again");
        other.acknowledges(&after, None).await;
        (before, after)
    });
    assert!(typed.expect("typed").ok());
    assert_eq!((&after["payload"], &after["retry_attempt"]), (&before["payload"], &json!(1)));
    assert_ne!(after["envelope_id"], before["envelope_id"]);
    // nobody acknowledges an event: it comes again, as by HTTP
    sim.configure(|settings| settings.ack_ms = 20);
    assert!(sim.open_home("bob").await.expect("opened").timed_out);
    let mut left = if sim.sockets() == 1 { vec![first, second] } else { Vec::new() };
    left.push(Line::greeted(&sim).await);
    sim.configure(|settings| settings.ack_ms = 3000);
    clock.pass(Span::seconds(1));
    let hearing = left.iter_mut().map(|line| {
        Box::pin(async move {
            loop {
                let Some(envelope) = line.hears().await else { return std::future::pending().await };
                line.acknowledges(&envelope, None).await;
                if envelope["retry_attempt"] == 1 {
                    return envelope;
                }
            }
        })
    });
    let (again, (envelope, ..)) = futures::join!(sim.tick(), futures::future::select_all(hearing));
    assert!(again[0].ok());
    assert_eq!((&envelope["type"], &envelope["retry_reason"]), (&json!("events_api"), &json!("timeout")));
    assert_eq!(envelope["payload"]["event"]["type"], "app_home_opened");
}

#[tokio::test]
async fn connections_end_with_a_reason_and_what_comes_goes_to_the_others() {
    let (sim, _) = by_socket().await;
    let (mut old, mut new) = (Line::greeted(&sim).await, Line::greeted(&sim).await);
    sim.disconnect(Some(0), Disconnect::RefreshRequested);
    let told = old.hears().await.expect("told");
    assert_eq!((&told["type"], &told["reason"]), (&json!("disconnect"), &json!("refresh_requested")));
    assert_eq!(old.hears().await, None, "it is closed");
    let (typed, ()) = futures::join!(sim.command("alice", "general", "/p0", "ls"), async {
        let envelope = new.hears().await.expect("an envelope");
        new.acknowledges(&envelope, None).await;
    });
    assert!(typed.expect("typed").ok());
    sim.disconnect(None, Disconnect::Warning);
    assert_eq!(new.hears().await.expect("told")["reason"], "warning");
    assert_eq!(sim.sockets(), 1, "for ten seconds it is used as before");
    sim.socket_mode(false);
    assert_eq!(new.hears().await.expect("told")["reason"], "link_disabled");
    assert_eq!(opens(&sim).await["response_metadata"]["messages"][0], "[WARN] Socket Mode is not turned on.");
    sim.socket_mode(true);
    drop((old, new));
    sim.until(Span::seconds(3), |sim| (sim.sockets() == 0).then_some(())).await.expect("nobody is connected");
    let typed = sim.command("alice", "general", "/p0", "ls").await.expect("typed");
    assert_eq!(typed.shown.as_deref(), Some("dispatch_failed"));
}

#[tokio::test]
async fn a_lost_acknowledgement_brings_the_same_once_more() {
    let (sim, _) = by_socket().await;
    let mut line = Line::greeted(&sim).await;
    sim.faults([Fault::new("command", Trouble::LostAck)]);
    let (typed, envelopes) = futures::join!(sim.command("alice", "general", "/p0", "ls"), async {
        let mut all = Vec::new();
        for _ in 0..2 {
            all.push(line.hears().await.expect("an envelope"));
            line.acknowledges(&all[all.len() - 1], None).await;
        }
        all
    });
    assert!(typed.expect("typed").again[0].ok());
    assert_eq!((&envelopes[0]["payload"], &envelopes[1]["retry_attempt"]), (&envelopes[1]["payload"], &json!(1)));
}
