//! Socket Mode: the connections an app opens to be sent everything through, instead of by HTTP.
//!
//! Each envelope goes to one of the open connections, in turn. What is not acknowledged before its
//! connection is gone goes to another one. It must never read what an acknowledgement means (that is
//! for the callers, as with [`super::deliver`]), nor keep a connection alive that the app dropped.

use std::collections::{BTreeMap, BTreeSet};

use futures::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Sim;
use super::deliver::{Delivery, TIMED_OUT};
use super::world::World;
use crate::domain::time::{Span, Time};

/// How many connections an app may have.
pub const MOST: usize = 10;
/// How long the URL of a connection may be used, once.
const TICKET_LIFE: Span = Span::seconds(30);
/// How long after a warning Slack takes a connection away.
const AFTER_WARNING: Span = Span::seconds(10);
/// How long after it asked for another one Slack closes a connection.
const AFTER_REQUEST: Span = Span::seconds(1);
/// How often the other side is asked whether it is there.
const PING: Span = Span::seconds(5);
/// An acknowledgement holds a view at most.
const LARGEST: usize = 1_000_000;

/// Why Slack ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disconnect {
    /// It will be taken away in ten seconds.
    Warning,
    /// It is sent nothing new and closed in a moment; a new one is welcome.
    RefreshRequested,
    /// Socket Mode was turned off.
    LinkDisabled,
    /// There are ten already.
    TooManyWebsockets,
}

/// What a connection is told to do.
enum Order {
    Say(String),
    /// Says that it closes, and closes.
    Close,
    /// Ends without a word.
    Cut,
}

struct Link {
    id: u64,
    orders: mpsc::UnboundedSender<Order>,
    /// It is sent nothing new.
    leaving: bool,
}

/// An envelope that waits for its acknowledgement. Dropped with its connection.
struct Waiting {
    link: u64,
    takes_payload: bool,
    acknowledged: oneshot::Sender<Option<Value>>,
}

/// The connections of the app, and what is under way on them.
#[derive(Default)]
pub(super) struct Sockets {
    tickets: BTreeMap<String, Time>,
    links: Vec<Link>,
    waiting: BTreeMap<String, Waiting>,
    opened: u64,
    turn: usize,
}

/// What goes into an envelope.
pub(super) struct Content {
    pub kind: &'static str,
    /// May the acknowledgement bring an answer?
    pub takes_payload: bool,
    pub payload: Value,
    pub attempt: usize,
}

impl World {
    /// `apps.connections.open`: the address of one connection. With Socket Mode turned off Slack gives
    /// one too, warns, and sends nothing there.
    pub(super) fn ticket(&mut self, now: Time) -> Value {
        let ticket = self.dice.hex(32);
        self.sockets.tickets.insert(ticket.clone(), now);
        let base = self.base.replacen("http", "ws", 1);
        let mut answer = json!({ "url": format!("{base}/link/?ticket={ticket}&app_id={}", self.app_id) });
        if !self.settings.socket_mode {
            answer["response_metadata"] = json!({ "messages": ["[WARN] Socket Mode is not turned on."] });
        }
        answer
    }

    /// Takes the ticket in this query, if it is good.
    pub(super) fn admit(&mut self, now: Time, query: &str) -> bool {
        let ticket = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "ticket").map(|(_, value)| value);
        let made = ticket.and_then(|ticket| self.sockets.tickets.remove(ticket.as_ref()));
        made.is_some_and(|made| now - made <= TICKET_LIFE)
    }

    fn hello(&self) -> Value {
        json!({
            "type": "hello", "num_connections": self.sockets.links.len(), "connection_info": { "app_id": self.app_id },
            "debug_info": { "host": HOST, "build_number": 1, "approximate_connection_time": 3600 },
        })
    }

    /// Puts an envelope on one of the connections, another one than those named if there is any.
    fn hand(
        &mut self,
        content: &Content,
        attempt: usize,
        not: &BTreeSet<u64>,
    ) -> Option<(u64, String, oneshot::Receiver<Option<Value>>)> {
        let id = self.uuid();
        let fits: Vec<u64> = self.sockets.links.iter().filter(|link| !link.leaving).map(|link| link.id).collect();
        let fresh: Vec<u64> = fits.iter().copied().filter(|link| !not.contains(link)).collect();
        let among = if fresh.is_empty() { fits } else { fresh };
        self.sockets.turn += 1;
        let link = *among.get(self.sockets.turn % among.len().max(1))?;
        let mut envelope = json!({
            "envelope_id": id, "payload": content.payload, "type": content.kind, "accepts_response_payload": content.takes_payload,
        });
        if content.kind == "events_api" || attempt > 0 {
            envelope["retry_attempt"] = attempt.into();
            envelope["retry_reason"] = if attempt > 0 { "timeout" } else { "" }.into();
        }
        let (acknowledged, waits) = oneshot::channel();
        self.sockets.waiting.insert(id.clone(), Waiting { link, takes_payload: content.takes_payload, acknowledged });
        self.sockets.tell(link, Order::Say(envelope.to_string()));
        Some((link, id, waits))
    }

    fn uuid(&mut self) -> String {
        let mut part = |digits| self.dice.hex(digits);
        format!("{}-{}-4{}-a{}-{}", part(8), part(4), part(3), part(3), part(12))
    }

    /// Says on these connections that they end, and ends them as Slack does.
    fn disconnect(&mut self, links: &[u64], reason: Disconnect) {
        let said = json!({ "type": "disconnect", "reason": reason, "debug_info": { "host": HOST } }).to_string();
        for link in links {
            self.sockets.tell(*link, Order::Say(said.clone()));
            match reason {
                Disconnect::Warning => continue, // until then it is used as before
                Disconnect::RefreshRequested => {}
                Disconnect::LinkDisabled | Disconnect::TooManyWebsockets => self.sockets.tell(*link, Order::Close),
            }
            self.sockets.links.iter_mut().filter(|other| other.id == *link).for_each(|link| link.leaving = true);
        }
    }
}

const HOST: &str = "applink-stand-in";

impl Sockets {
    fn tell(&self, link: u64, order: Order) {
        if let Some(link) = self.links.iter().find(|other| other.id == link) {
            // Whoever is gone needs to be told nothing.
            link.orders.send(order).ok();
        }
    }

    /// The `nth` connection, counted from the oldest, or all of them.
    fn chosen(&self, nth: Option<usize>) -> Vec<u64> {
        let open = self.links.iter().filter(|link| !link.leaving).map(|link| link.id);
        match nth {
            Some(nth) => open.skip(nth).take(1).collect(),
            None => open.collect(),
        }
    }

    /// How many there are that are not about to end.
    pub fn open(&self) -> usize {
        self.links.iter().filter(|link| !link.leaving).count()
    }

    fn forget(&mut self, link: u64) {
        self.links.retain(|other| other.id != link);
        // Whoever waits for these learns that they go to another connection.
        self.waiting.retain(|_, waiting| waiting.link != link);
    }

    fn acknowledge(&mut self, said: &str) {
        let Ok(said) = serde_json::from_str::<Value>(said) else { return };
        let Some(waiting) = said["envelope_id"].as_str().and_then(|id| self.waiting.remove(id)) else { return };
        let payload = said.get("payload").filter(|_| waiting.takes_payload).cloned();
        // Too late: nobody waits any more.
        waiting.acknowledged.send(payload).ok();
    }
}

impl Sim {
    /// How many connections the app has that are not about to end.
    pub fn sockets(&self) -> usize {
        self.world().sockets.open()
    }

    /// How many connections the app has opened so far.
    pub fn connections(&self) -> u64 {
        self.world().sockets.opened
    }

    /// Ends the `nth` connection (the oldest is 0), or all, as Slack does for this reason.
    pub fn disconnect(&self, nth: Option<usize>, reason: Disconnect) {
        let links = self.world().sockets.chosen(nth);
        self.world().disconnect(&links, reason);
        let sim = self.clone();
        tokio::spawn(async move {
            if reason == Disconnect::Warning {
                tokio::time::sleep(AFTER_WARNING.to_std()).await;
                sim.world().disconnect(&links, Disconnect::RefreshRequested);
            }
            // Whoever is quick has a new one by then, and can still acknowledge on this one.
            tokio::time::sleep(AFTER_REQUEST.to_std()).await;
            links.into_iter().for_each(|link| sim.world().sockets.tell(link, Order::Close));
        });
    }

    /// The network takes the `nth` connection away, or all, without a word.
    pub fn cut(&self, nth: Option<usize>) {
        let world = self.world();
        world.sockets.chosen(nth).into_iter().for_each(|link| world.sockets.tell(link, Order::Cut));
    }

    /// The app's setting: by sockets, or by HTTP.
    pub fn socket_mode(&self, on: bool) {
        self.world().settings.socket_mode = on;
        if !on {
            self.disconnect(None, Disconnect::LinkDisabled);
        }
    }

    /// Sends it on one connection after the other until one acknowledges it or the time is over.
    pub(super) async fn carry(&self, content: &Content, mut done: Delivery, limit: Span) -> Delivery {
        let mut tried = BTreeSet::new();
        let mut under_way = None;
        let carrying = async {
            let mut attempt = content.attempt;
            loop {
                let handed = self.world().hand(content, attempt, &tried);
                match handed {
                    Some((link, envelope, waits)) => {
                        under_way = Some(envelope);
                        if let Ok(payload) = waits.await {
                            return Some(payload);
                        }
                        tried.insert(link);
                        attempt += 1;
                    }
                    None if tried.is_empty() => return None,
                    None => self.connected().await,
                }
            }
        };
        let carried = tokio::time::timeout(limit.to_std(), carrying).await;
        if let Some(envelope) = under_way {
            self.world().sockets.waiting.remove(&envelope);
        }
        match carried {
            Ok(Some(payload)) => {
                done.status = Some(200);
                done.content_type = "application/json".into();
                done.body = payload.map(|payload| payload.to_string()).unwrap_or_default();
            }
            Ok(None) => done.shown = Some("dispatch_failed".into()),
            Err(_) => {
                done.timed_out = true;
                done.shown = Some(TIMED_OUT.into());
            }
        }
        done
    }

    /// Comes back when there is a connection.
    async fn connected(&self) {
        loop {
            let mut change = std::pin::pin!(self.0.changed.notified());
            change.as_mut().enable();
            if self.sockets() > 0 {
                return;
            }
            change.await;
        }
    }

    /// One connection, from its first word to its end. `read` is what came with its handshake.
    pub(super) async fn link(&self, stream: TcpStream, read: Vec<u8>) {
        let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let mut socket = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(limits)).await;
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let (id, hello) = {
            let mut world = self.world();
            world.sockets.opened += 1;
            let id = world.sockets.opened;
            let full = MOST <= world.sockets.links.len();
            world.sockets.links.push(Link { id, orders, leaving: false });
            if full {
                world.disconnect(&[id], Disconnect::TooManyWebsockets);
            }
            (id, (!full).then(|| world.hello().to_string()))
        };
        if let Some(hello) = hello
            && socket.send(Message::text(hello)).await.is_err()
        {
            return self.gone(id);
        }
        self.0.changed.notify_waiters();
        let mut pings = tokio::time::interval(PING.to_std());
        loop {
            let sent = tokio::select! {
                order = ordered.recv() => match order {
                    Some(Order::Say(text)) => socket.send(Message::text(text)).await,
                    Some(Order::Close) => {
                        // Slack waits for no answer: the connection is dropped. Who is gone is not to be told.
                        socket.close(None).await.ok();
                        break;
                    }
                    Some(Order::Cut) | None => break,
                },
                said = socket.next() => match said {
                    Some(Ok(Message::Text(text))) => {
                        self.world().sockets.acknowledge(&text);
                        Ok(())
                    }
                    Some(Ok(_)) => Ok(()),
                    Some(Err(_)) | None => break,
                },
                _ = pings.tick() => socket.send(Message::Ping("Ping from the stand-in".into())).await,
            };
            if sent.is_err() {
                break;
            }
        }
        self.gone(id);
    }

    fn gone(&self, link: u64) {
        self.world().sockets.forget(link);
        self.0.changed.notify_waiters();
    }
}
