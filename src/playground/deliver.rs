//! The sending side: signs a payload and posts it to the app, or puts it on one of its sockets, and gives
//! up after three seconds.
//!
//! Commands and interactions are sent once, as Slack does; only a fault or a test makes it twice.
//! It must never read the answer's meaning: that is for the callers.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::faults::Trouble;
use super::socket::Content;
use super::{Sim, sign};
use crate::domain::time::{Span, Time};

pub(super) type Client = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// A connection for each request, so that an app that was restarted is never met on an old one.
pub(super) fn client() -> Client {
    hyper_util::client::legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
}

/// The error a person sees when the app did not answer in time.
pub const TIMED_OUT: &str = "operation_timeout";

/// One thing sent to the app, and what came back.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    pub at: Option<Time>,
    /// `command`, `block_actions`, `block_suggestion`, `shortcut`, `view_submission`, `view_closed`, `event`, `url_verification`.
    pub kind: String,
    pub url: String,
    /// The payload; for a command, its form fields.
    pub sent: Value,
    /// The bytes of the body.
    pub raw: String,
    pub timestamp: String,
    pub signature: String,
    pub status: Option<u16>,
    pub content_type: String,
    pub body: String,
    pub timed_out: bool,
    /// The app asked not to be sent this event again.
    pub no_retry: bool,
    /// What the person sees of a failure.
    pub shown: Option<String>,
    /// The text of the ephemeral message a command was answered with.
    pub ephemeral: Option<String>,
    /// What came back when the same bytes were sent again.
    pub again: Vec<Delivery>,
}

impl Delivery {
    /// Acknowledged in time with a 2xx.
    pub fn ok(&self) -> bool {
        !self.timed_out && self.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }

    pub fn trigger_id(&self) -> Option<&str> {
        self.sent["trigger_id"].as_str()
    }

    pub fn response_url(&self) -> Option<&str> {
        self.sent["response_url"].as_str()
    }
}

/// How a payload goes over the wire.
pub(super) enum Body {
    /// A form of its own fields, as slash commands are.
    Form(Value),
    /// A form with the one field `payload`, as interactions are.
    Payload(Value),
    /// A JSON body, as events are.
    Json(Value),
}

pub(super) struct Outgoing {
    pub kind: &'static str,
    pub url: String,
    pub body: Body,
    /// Which retry this is, from 1, and why.
    pub retry: Option<(usize, &'static str)>,
    /// Send the same bytes a second time.
    pub duplicate: bool,
}

impl Sim {
    pub(super) async fn send(&self, out: Outgoing) -> Delivery {
        if self.world().settings.socket_mode {
            return self.send_by_socket(out).await;
        }
        let (raw, kind, sent) = match out.body {
            Body::Form(fields) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                for (key, value) in fields.as_object().into_iter().flatten() {
                    form.append_pair(key, value.as_str().unwrap_or_default());
                }
                (form.finish(), "application/x-www-form-urlencoded", fields)
            }
            Body::Payload(payload) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                (form.append_pair("payload", &payload.to_string()).finish(), "application/x-www-form-urlencoded", payload)
            }
            Body::Json(body) => (body.to_string(), "application/json", body),
        };
        let now = self.now();
        let timestamp = now.seconds().to_string();
        let (fault, signature, limit) = {
            let mut world = self.world();
            let signature = sign::signature(&world.settings.signing_secret, &timestamp, raw.as_bytes());
            (world.fault(out.kind, false), signature, world.settings.ack_ms)
        };
        let mut headers = vec![
            ("content-type", kind.to_owned()),
            ("accept", "application/json,*/*".to_owned()),
            ("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)".to_owned()),
            ("x-slack-request-timestamp", timestamp.clone()),
            ("x-slack-signature", signature.clone()),
        ];
        if let Some((retry, reason)) = out.retry {
            headers.extend([("x-slack-retry-num", retry.to_string()), ("x-slack-retry-reason", reason.to_owned())]);
        }
        let (url, what) = (out.url, out.kind.to_owned());
        let blank = Delivery { at: Some(now), kind: what, url, sent, raw, timestamp, signature, ..Delivery::default() };
        let trouble = fault.map(|fault| fault.what);
        let mut done = match trouble {
            Some(Trouble::DuplicateAtOnce) => {
                let (mut first, second) =
                    futures::join!(self.attempt(&blank, &headers, limit), self.attempt(&blank, &headers, limit));
                first.again.push(second);
                first
            }
            _ => self.attempt(&blank, &headers, limit).await,
        };
        if out.duplicate || trouble == Some(Trouble::Duplicate) {
            let second = self.attempt(&blank, &headers, limit).await;
            done.again.push(second);
        }
        if trouble == Some(Trouble::LostAck) {
            let again = std::mem::take(&mut done.again);
            done = Delivery { timed_out: true, shown: Some(TIMED_OUT.into()), again, ..blank };
        }
        self.sent(done)
    }

    fn sent(&self, done: Delivery) -> Delivery {
        self.world().deliveries.push(done.clone());
        self.0.changed.notify_waiters();
        done
    }

    /// The same, in an envelope. An acknowledgement that is lost makes it come again on another connection.
    async fn send_by_socket(&self, out: Outgoing) -> Delivery {
        let (kind, takes_payload, payload) = match out.body {
            Body::Form(fields) => ("slash_commands", true, fields),
            Body::Payload(payload) => ("interactive", matches!(out.kind, "view_submission" | "block_suggestion"), payload),
            Body::Json(body) => ("events_api", false, body),
        };
        let now = self.now();
        let (fault, limit) = {
            let mut world = self.world();
            (world.fault(out.kind, false).map(|fault| fault.what), world.settings.ack_ms)
        };
        let limit = Span::millis(i64::try_from(limit).unwrap_or(i64::MAX));
        let (raw, sent) = (payload.to_string(), payload.clone());
        let blank = Delivery { at: Some(now), kind: out.kind.to_owned(), url: "socket".into(), sent, raw, ..Delivery::default() };
        let mut content = Content { kind, takes_payload, payload, attempt: out.retry.map_or(0, |(retry, _)| retry) };
        let mut done = match fault {
            Some(Trouble::DuplicateAtOnce) => {
                let (mut first, second) =
                    futures::join!(self.carry(&content, blank.clone(), limit), self.carry(&content, blank.clone(), limit));
                first.again.push(second);
                first
            }
            _ => self.carry(&content, blank.clone(), limit).await,
        };
        if out.duplicate || matches!(fault, Some(Trouble::Duplicate | Trouble::LostAck)) {
            if fault == Some(Trouble::LostAck) {
                content.attempt += 1;
            }
            let second = self.carry(&content, blank, limit).await;
            done.again.push(second);
        }
        self.sent(done)
    }

    async fn attempt(&self, blank: &Delivery, headers: &[(&'static str, String)], limit: u64) -> Delivery {
        let mut done = blank.clone();
        if blank.url.is_empty() {
            done.shown = Some("dispatch_unknown_error".into());
            return done;
        }
        let wait = Span::millis(i64::try_from(limit).unwrap_or(i64::MAX)).to_std();
        match tokio::time::timeout(wait, self.exchange(blank, headers)).await {
            Err(_) => {
                done.timed_out = true;
                done.shown = Some(TIMED_OUT.into());
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, url = blank.url, "the app cannot be reached");
                done.shown = Some("http_client_error".into());
            }
            Ok(Ok((status, content_type, no_retry, body))) => {
                done.status = Some(status);
                done.content_type = content_type;
                done.no_retry = no_retry;
                done.body = body;
                done.shown = (!(200..300).contains(&status)).then(|| "http_service_error".into());
            }
        }
        done
    }

    async fn exchange(
        &self,
        blank: &Delivery,
        headers: &[(&'static str, String)],
    ) -> Result<(u16, String, bool, String), Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::post(&blank.url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self.0.client.request(request.body(Full::new(Bytes::from(blank.raw.clone())))?).await?;
        let header =
            |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let (status, kind, no_retry) = (response.status().as_u16(), header("content-type"), header("x-slack-no-retry") == "1");
        let body = Limited::new(response.into_body(), 1_000_000).collect().await?.to_bytes();
        Ok((status, kind, no_retry, String::from_utf8_lossy(&body).into_owned()))
    }
}
