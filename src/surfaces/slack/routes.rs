//! The doors for HTTP: how many bytes are read, who signed them, and which door they came to.
//!
//! The body is limited before it is read and the signature checked before anything is parsed. What a
//! stranger sends is neither logged nor answered with more than a status and a sentence.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use secrecy::SecretString;
use serde_json::Value as Json;

use super::inbound::Refused;
use super::receive::Door;
use super::{Slack, signature};

/// Slack's largest payloads are views of 250 KB, url-encoded.
pub const LARGEST: usize = 1024 * 1024;

/// How long a body may take to arrive. Slack itself gives up after three seconds.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// Who serves, and the secret that Slack signs with.
type Served = (Arc<Slack>, SecretString);

pub fn routes(slack: Arc<Slack>, secret: SecretString) -> Router {
    Router::new()
        .route("/slack/commands", post(commands))
        .route("/slack/interactive", post(interactive))
        .route("/slack/options", post(interactive))
        .route("/slack/events", post(events))
        .with_state((slack, secret))
}

/// The answer to Slack.
#[derive(Debug)]
pub enum Reply {
    /// Received; nothing to say.
    Ack,
    Body(Json),
    /// The challenge of the URL check, as it came.
    Plain(String),
    /// Not something we understand: a bad client, not a bad day.
    Refused(Refused),
    /// Our own trouble; Slack shows its own error and the person tries again.
    Failed,
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Reply::Ack => StatusCode::OK.into_response(),
            Reply::Body(json) => ([(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response(),
            Reply::Plain(text) => text.into_response(),
            Reply::Refused(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
            Reply::Failed => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

async fn commands(State(served): State<Served>, request: Request) -> Response {
    take(&served, Door::Commands, request).await
}

async fn interactive(State(served): State<Served>, request: Request) -> Response {
    take(&served, Door::Interactive, request).await
}

async fn events(State(served): State<Served>, request: Request) -> Response {
    take(&served, Door::Events, request).await
}

async fn take(served: &Served, door: Door, request: Request) -> Response {
    match open(served, request).await {
        Err(refused) => refused,
        Ok(body) => served.0.take(door, &body).await.into_response(),
    }
}

/// The body, read within limits and signed by Slack; or the answer to whoever sent it.
async fn open((slack, secret): &Served, request: Request) -> Result<Bytes, Response> {
    let (head, body) = request.into_parts();
    let body = read(&head.headers, body).await?;
    if signature::is_ssl_check(&body) {
        return Err(StatusCode::OK.into_response());
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let (timestamp, signed) = (header(signature::TIMESTAMP_HEADER), header(signature::SIGNATURE_HEADER));
    match signature::check(secret, timestamp, signed, &body, slack.desk.now()) {
        Ok(()) => Ok(body),
        Err(why) => {
            if why == signature::NotFromSlack::Stale {
                tracing::warn!("a rightly signed request is more than five minutes old: check this machine's clock");
            }
            Err((StatusCode::UNAUTHORIZED, format!("{why}\n")).into_response())
        }
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Response> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| LARGEST < length) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    }
    match tokio::time::timeout(BODY_WITHIN, Limited::new(body, LARGEST).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST.into_response()),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT.into_response()),
    }
}
