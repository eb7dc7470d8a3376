//! The app under test: answers from a script and remembers what it was sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::Value;

use super::{Hand, start};
use crate::playground::{AppUrls, Settings, Sim, sign};

/// What the app answers to one kind of request.
#[derive(Clone)]
pub struct Script {
    pub status: u16,
    pub body: Value,
    pub after_ms: u64,
    pub no_retry: bool,
}

impl Default for Script {
    fn default() -> Script {
        Script { status: 200, body: Value::Null, after_ms: 0, no_retry: false }
    }
}

#[derive(Default)]
pub struct Memory {
    pub scripts: HashMap<&'static str, Script>,
    pub headers: Vec<HeaderMap>,
    pub payloads: Vec<Value>,
}

#[derive(Clone, Default)]
pub struct App(pub Arc<Mutex<Memory>>);

impl App {
    /// From now on, answers this to a path: `commands`, `interactive`, `options`, `events`.
    pub fn answers(&self, path: &'static str, script: Script) {
        self.0.lock().expect("whole").scripts.insert(path, script);
    }

    pub fn says(&self, path: &'static str, body: Value) {
        self.answers(path, Script { body, ..Script::default() });
    }

    pub fn count(&self) -> usize {
        self.0.lock().expect("whole").payloads.len()
    }

    /// What it was sent last.
    pub fn last(&self) -> Value {
        self.0.lock().expect("whole").payloads.last().cloned().expect("something was sent")
    }

    pub fn last_header(&self, name: &str) -> Option<String> {
        let memory = self.0.lock().expect("whole");
        memory.headers.last()?.get(name)?.to_str().ok().map(str::to_owned)
    }

    /// Refuses what is not signed, as a real one would.
    async fn handle(self, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse + use<> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let signed = sign::signature(&Settings::default().signing_secret, &header("x-slack-request-timestamp"), &body);
        if signed != header("x-slack-signature") {
            return (StatusCode::UNAUTHORIZED, [("content-type", "text/plain"), ("x-slack-no-retry", "0")], String::new());
        }
        let payload = if header("content-type") == "application/json" {
            serde_json::from_slice(&body).expect("JSON")
        } else {
            let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
            form.get("payload")
                .map_or_else(|| serde_json::to_value(&form).expect("a form"), |text| serde_json::from_str(text).expect("JSON"))
        };
        let script = {
            let mut memory = self.0.lock().expect("whole");
            memory.headers.push(headers.clone());
            memory.payloads.push(payload);
            let path = uri.path().trim_start_matches("/slack/");
            memory.scripts.iter().find(|(name, _)| **name == path).map(|(_, script)| script.clone()).unwrap_or_default()
        };
        if script.after_ms > 0 {
            tokio::time::sleep(Duration::from_millis(script.after_ms)).await;
        }
        let body = if script.body.is_null() { String::new() } else { script.body.to_string() };
        let no_retry = if script.no_retry { "1" } else { "0" };
        let status = StatusCode::from_u16(script.status).expect("a status");
        (status, [("content-type", "application/json"), ("x-slack-no-retry", no_retry)], body)
    }
}

/// A stand-in and an app behind it.
pub async fn with_app() -> (Sim, App, Arc<Hand>) {
    let app = App::default();
    let handler = app.clone();
    let router =
        Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| handler.clone().handle(uri, headers, body));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    let settings = Settings { app: AppUrls::under(&format!("http://{address}")), ..Settings::default() };
    let (sim, clock) = start(settings).await;
    (sim, app, clock)
}
