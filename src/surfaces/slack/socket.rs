//! Socket Mode: everything that Slack sends comes over connections that we open, and no address of ours
//! has to be reachable.
//!
//! Two connections stand at once, and a new one is opened before an old one ends, so that there is always
//! one to send to. What comes is led to the same handlers as over HTTP, in the same bytes, and acknowledged
//! only when they are done: what it says is durable then. An acknowledgement that is lost makes it come
//! again under the same key. The token goes out in the `Authorization` header of one call; the address
//! that call answers holds a ticket and is as secret.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{FutureExt, SinkExt, StreamExt};
use hyper_rustls::ConfigBuilderExt;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::Slack;
use super::receive::Door;
use super::routes::{LARGEST, Reply};
use crate::domain::fault::Fault;
use crate::domain::time::{Span, Time};

#[cfg(test)]
mod tests;

/// How many connections stand at once. Slack allows ten for all processes of an app together, and for a
/// moment there is one more for each that is replaced.
const CONNECTIONS: usize = 2;
const PROCESSES: usize = 4;
/// How long a connection may take to be there, and then to say hello.
const OPEN_WITHIN: Span = Span::seconds(10);
/// A connection that stood this long is replaced without a pause when it ends or will end.
const STEADY: Span = Span::seconds(30);
/// The pauses between tries: the first, and the longest.
const PAUSE: Span = Span::millis(250);
const LONGEST_PAUSE: Span = Span::seconds(30);
/// How many envelopes of one connection are worked on at once. The next is not read before one is done.
const AT_ONCE: usize = 100;
/// How long what is under way may take when the process is to stop.
const FINISH_WITHIN: Span = Span::seconds(8);
/// How long saying goodbye may take.
const CLOSE_WITHIN: Span = Span::seconds(1);

/// How long to wait on one connection.
#[derive(Clone, Copy)]
struct Patience {
    /// After this long without a word the other side is asked whether it is there, and after twice as long
    /// it is not. Slack itself asks more often than that. Nothing that is sent may take longer.
    quiet: Span,
    /// How long a connection that Slack gave up is still read; Slack ends it itself long before.
    given_up: Span,
}

const PATIENCE: Patience = Patience { quiet: Span::seconds(15), given_up: Span::seconds(60) };

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The connections, and what operators are told of them.
pub struct Sockets {
    token: SecretString,
    tls: Arc<rustls::ClientConfig>,
    standing: Mutex<Standing>,
}

struct Standing {
    open: usize,
    /// Since when there is none, and why.
    since: Time,
    why: String,
}

/// A connection that did not come about, and how long Slack wants it not to be tried.
struct NotOpen(String, Option<Span>);

impl From<Fault> for NotOpen {
    fn from(fault: Fault) -> NotOpen {
        let after = if let Fault::Later { after, .. } = &fault { *after } else { None };
        NotOpen(fault.to_string(), after)
    }
}

/// What Slack says on a connection. Of what is not an envelope only the kind counts.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
    envelope_id: Option<String>,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(default)]
    payload: Json,
    reason: Option<String>,
}

impl Said {
    fn read(text: &str) -> Option<Said> {
        serde_json::from_str(text).ok()
    }
}

impl Sockets {
    /// The app-level token.
    pub fn token(&self) -> &SecretString {
        &self.token
    }

    pub fn new(token: SecretString, now: Time) -> Result<Sockets, rustls::Error> {
        let config = || {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
        };
        // A container without certificates: those that come with the program.
        let roots = match config()?.with_native_roots() {
            Ok(native) => native,
            Err(_) => config()?.with_webpki_roots(),
        };
        let standing = Standing { open: 0, since: now, why: "none was opened yet".to_owned() };
        Ok(Sockets { token, tls: Arc::new(roots.with_no_client_auth()), standing: Mutex::new(standing) })
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing comes in just now.
    pub fn deaf(&self) -> Option<String> {
        let standing = self.standing();
        (standing.open == 0).then(|| format!("no socket to Slack is open since {}: {}", standing.since, standing.why))
    }

    fn opened(&self) {
        let mut standing = self.standing();
        standing.open += 1;
        standing.why.clear(); // the same failure would be news again
        if standing.open == 1 {
            tracing::info!("a socket to Slack is open");
        }
    }

    fn ended(&self, now: Time) {
        let mut standing = self.standing();
        standing.open = standing.open.saturating_sub(1);
        if standing.open == 0 {
            standing.since = now;
            standing.why = "the connection ended".to_owned();
        }
    }

    /// What failed is told when it is news.
    fn failed(&self, why: &str) {
        let mut standing = self.standing();
        if standing.why != why {
            tracing::warn!(why, open = standing.open, "a socket to Slack does not open; it is tried again");
            why.clone_into(&mut standing.why);
        }
    }

    /// Opens one and waits for Slack's hello.
    async fn open(&self, slack: &Slack) -> Result<Socket, NotOpen> {
        let url = slack.client.open_socket(&self.token).await?;
        let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let tls = Connector::Rustls(self.tls.clone());
        let connecting = connect_async_tls_with_config(url.as_str(), Some(limits), true, Some(tls));
        // What went wrong may repeat the address, ticket and all.
        let failed = || {
            NotOpen(
                "the address Slack gave for it cannot be reached; see whether this machine can open wss://wss-primary.slack.com"
                    .to_owned(),
                None,
            )
        };
        let (mut socket, _) =
            tokio::time::timeout(OPEN_WITHIN.to_std(), connecting).await.map_err(|_| failed())?.map_err(|_| failed())?;
        let greeting = tokio::time::timeout(OPEN_WITHIN.to_std(), async {
            while let Some(Ok(message)) = socket.next().await {
                if let Message::Text(text) = message {
                    return Said::read(&text);
                }
            }
            None
        });
        match greeting.await.ok().flatten() {
            Some(said) if said.kind == "hello" => Ok(socket),
            Some(said) => Err(NotOpen(refusal(said.reason.as_deref()), None)),
            None => Err(NotOpen("Slack did not greet".to_owned(), None)),
        }
    }
}

/// Slack's reason to give no connection, as a sentence.
fn refusal(reason: Option<&str>) -> String {
    match reason {
        Some("too_many_websockets") => {
            format!("Slack allows ten for one app: run at most {PROCESSES} processes of p0, and nothing else with this token")
        }
        Some("link_disabled") => "Socket Mode is turned off: turn it on in the app's settings".to_owned(),
        _ => "Slack gave it up before it was of use".to_owned(),
    }
}

/// Takes what comes until `stop` says true, then finishes what is under way.
pub async fn listen(slack: &Arc<Slack>, sockets: &Arc<Sockets>, stop: watch::Receiver<bool>) {
    futures::future::join_all((0..CONNECTIONS).map(|_| keep(slack, sockets, stop.clone()))).await;
}

/// Keeps one connection open, with another in its place before it ends wherever Slack says so in time.
async fn keep(slack: &Arc<Slack>, sockets: &Arc<Sockets>, mut stop: watch::Receiver<bool>) {
    let mut all = JoinSet::new();
    let mut tries = 0u32;
    loop {
        let opened = tokio::select! {
            opened = sockets.open(slack) => opened,
            () = stopped(&mut stop) => break,
        };
        let mut at_least = Span::ZERO;
        match opened {
            Ok(socket) => {
                sockets.opened();
                let (leaving, mut left) = oneshot::channel();
                let (slack, sockets, stop) = (slack.clone(), sockets.clone(), stop.clone());
                all.spawn(async move {
                    serve(socket, |said| take(slack.clone(), said), leaving, stop, PATIENCE).await;
                    sockets.ended(slack.outside.now());
                });
                match tokio::time::timeout(STEADY.to_std(), &mut left).await {
                    Ok(_) => tries += 1, // too soon, for whatever reason: not without a pause
                    Err(_) => {
                        tries = 0;
                        let _ = left.await;
                    }
                }
            }
            Err(NotOpen(why, after)) => {
                sockets.failed(&why);
                at_least = after.unwrap_or_default();
                tries += 1;
            }
        }
        while all.try_join_next().is_some() {}
        let pause = at_least.max(pause(slack, tries));
        tokio::select! {
            () = tokio::time::sleep(pause.to_std()) => {}
            () = stopped(&mut stop) => break,
        }
    }
    all.join_all().await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // who could say so is gone: the same
}

/// Twice as long after each try, and never the same for all processes.
fn pause(slack: &Slack, tries: u32) -> Span {
    if tries == 0 {
        return Span::ZERO;
    }
    let most = (PAUSE.0 << (tries - 1).min(10)).min(LONGEST_PAUSE.0);
    let jitter = slack.outside.pick(most.unsigned_abs() / 2 + 1);
    Span(most - i64::try_from(jitter).unwrap_or_default())
}

/// One connection, until Slack or the network ends it. What `take` makes of an envelope is its
/// acknowledgement. `leaving` is told when Slack says that it will end, and dropped when it ended.
async fn serve<S, F, Taken>(
    mut socket: WebSocketStream<S>,
    take: F,
    leaving: oneshot::Sender<()>,
    mut stop: watch::Receiver<bool>,
    patience: Patience,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Fn(Said) -> Taken,
    Taken: Future<Output = Option<Json>> + Send + 'static,
{
    let mut leaving = Some(leaving);
    let mut asked = false;
    let mut under_way = JoinSet::new();
    let mut given_up = futures::future::pending().boxed();
    let stopping = loop {
        let sent = tokio::select! {
            () = stopped(&mut stop) => break true,
            () = &mut given_up => break false,
            Some(done) = under_way.join_next() => acknowledge(&mut socket, patience, done.ok().flatten()).await,
            said = tokio::time::timeout(patience.quiet.to_std(), socket.next()), if under_way.len() < AT_ONCE => match said {
                Err(_) if asked => break false,
                Err(_) => {
                    asked = true;
                    within(patience, socket.send(Message::Ping("p0".into()))).await
                }
                Ok(None | Some(Err(_))) => break false,
                Ok(Some(Ok(message))) => {
                    asked = false;
                    match message.to_text().ok().filter(|_| message.is_text()).and_then(Said::read) {
                        Some(said) if said.kind == "disconnect" => {
                            if let Some(leaving) = leaving.take() {
                                given_up = tokio::time::sleep(patience.given_up.to_std()).boxed();
                                // Nobody is waiting for it when the process stops.
                                let _ = leaving.send(());
                            }
                        }
                        Some(said) => drop(under_way.spawn(take(said))),
                        None => {}
                    }
                    Ok(())
                }
            },
        };
        if sent.is_err() {
            break false;
        }
    };
    if stopping {
        let finishing = async {
            while let Some(done) = under_way.join_next().await {
                let _ = acknowledge(&mut socket, patience, done.ok().flatten()).await;
            }
        };
        let _ = tokio::time::timeout(FINISH_WITHIN.to_std(), finishing).await;
    }
    // What is under way is finished, though nobody can be told any more.
    under_way.detach_all();
    drop(leaving);
    let _ = tokio::time::timeout(CLOSE_WITHIN.to_std(), socket.close(None)).await;
}

/// The other side broke off, or takes nothing any more.
struct Broken;

async fn within<T, E>(patience: Patience, sending: impl Future<Output = Result<T, E>>) -> Result<(), Broken> {
    match tokio::time::timeout(patience.quiet.to_std(), sending).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Broken),
    }
}

/// What is not to be acknowledged comes again, or its person is shown Slack's own error.
async fn acknowledge<S>(socket: &mut WebSocketStream<S>, patience: Patience, done: Option<Json>) -> Result<(), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match done {
        Some(acknowledgement) => within(patience, socket.send(Message::text(acknowledgement.to_string()))).await,
        None => Ok(()),
    }
}

/// Leads an envelope to where it would have come by HTTP. Answers its acknowledgement.
async fn take(slack: Arc<Slack>, said: Said) -> Option<Json> {
    let id = said.envelope_id?;
    let (door, body) = match said.kind.as_str() {
        "slash_commands" => (Door::Commands, as_form(&said.payload)),
        "interactive" => (Door::Interactive, as_form(&json!({ "payload": said.payload.to_string() }))),
        "events_api" => (Door::Events, said.payload.to_string()),
        _ => return Some(json!({ "envelope_id": id })), // a kind we do not know yet, and need not
    };
    match slack.take(door, body.as_bytes()).await {
        Reply::Body(answer) if said.accepts_response_payload => Some(json!({ "envelope_id": id, "payload": answer })),
        Reply::Ack | Reply::Body(_) | Reply::Plain(_) => Some(json!({ "envelope_id": id })),
        Reply::Refused(why) => {
            tracing::warn!(%why, kind = said.kind, "something came over a socket that cannot be understood");
            None
        }
        Reply::Failed => None,
    }
}

/// The fields of an object as a form, as slash commands come by HTTP.
fn as_form(fields: &Json) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields.as_object().into_iter().flatten() {
        match value {
            Json::String(text) => drop(form.append_pair(name, text)),
            Json::Bool(_) | Json::Number(_) => drop(form.append_pair(name, &value.to_string())),
            Json::Null | Json::Array(_) | Json::Object(_) => {}
        }
    }
    form.finish()
}
