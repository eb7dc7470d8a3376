//! Tests of the stand-in: an app of a few lines, a clock by hand, and people who act.

mod app;
mod calls;
mod flow;
mod limits;
mod page;
mod recorded;
mod socket;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use serde_json::{Value, json};

use super::{Settings, Sim};
use crate::domain::time::{Clock, Span, Time};

/// A clock that only moves when it is told to.
pub(super) struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

impl Hand {
    fn pass(&self, span: Span) {
        self.0.fetch_add(span.0, Ordering::SeqCst);
    }
}

/// A stand-in with nobody behind it, and its clock.
async fn alone() -> (Sim, Arc<Hand>) {
    start(Settings::default()).await
}

async fn start(settings: Settings) -> (Sim, Arc<Hand>) {
    let clock = Arc::new(Hand(AtomicI64::new(1_790_000_000_000)));
    let sim = Sim::start(settings, clock.clone()).await.expect("started");
    (sim, clock)
}

/// One HTTP exchange: status, `retry-after`, body. `None` when the connection broke.
async fn http(request: Request<Full<Bytes>>) -> Option<(u16, Option<u64>, Value)> {
    let response = super::deliver::client().request(request).await.ok()?;
    let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some((status, wait, serde_json::from_slice(&body).unwrap_or_default()))
}

fn request(url: String, body: &Value) -> Request<Full<Bytes>> {
    let token = Settings::default().bot_token;
    let request = Request::post(url)
        .header("content-type", "application/json; charset=utf-8")
        .header("authorization", format!("Bearer {token}"));
    request.body(Full::new(body.to_string().into())).expect("a request")
}

/// Calls a Web API method with a JSON body.
async fn call(sim: &Sim, method: &str, args: Value) -> Value {
    http(request(format!("{}/{method}", sim.api_url()), &args)).await.expect("answered").2
}

/// Calls it by GET, as some clients read.
async fn get(sim: &Sim, method_and_query: &str) -> Value {
    let token = Settings::default().bot_token;
    let request =
        Request::get(format!("{}/{method_and_query}", sim.api_url())).header("authorization", format!("Bearer {token}"));
    http(request.body(Full::default()).expect("a request")).await.expect("answered").2
}

/// Calls the control API.
async fn control(sim: &Sim, verb: &str, body: Value) -> Value {
    http(request(format!("http://{}/_control/{verb}", sim.address()), &body)).await.expect("answered").2
}

fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_default()
}

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn modal(blocks: Value) -> Value {
    json!({ "type": "modal", "title": plain("Request access"), "submit": plain("Request"), "callback_id": "request", "blocks": blocks })
}

fn input(block_id: &str, element: Value) -> Value {
    json!({ "type": "input", "block_id": block_id, "label": plain("Label"), "element": element })
}

fn buttons(block_id: &str, ids: &[&str]) -> Value {
    let button = |id: &&str| json!({ "type": "button", "action_id": id, "text": plain(id), "value": format!("{id}-value") });
    json!({ "type": "actions", "block_id": block_id, "elements": ids.iter().map(button).collect::<Vec<_>>() })
}
