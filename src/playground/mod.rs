//! The Slack stand-in: a server any program's Slack client can be pointed at, and hands to act as
//! the people in it.
//!
//! It enforces what Slack enforces (triggers, hashes, limits, scopes, paces) and signs what it
//! sends as Slack does. It must never import anything of this crate but `domain::time`, so that
//! the two cannot agree on an error; it never reads a clock but the one handed in (only the
//! time-outs of real sockets are tokio's), and it listens on this machine only.
//!
//! Start with [`Sim`]. People act by its methods ([`person`], [`submit`], [`events`]), over HTTP by the table
//! at the top of [`control`], or in a browser by [`page`], which follows [`live`]; apps call [`web`] and
//! [`respond`]. What is sent to them goes by HTTP or, with `socket_mode`, over the connections they opened
//! ([`socket`]).

pub mod blocks;
mod control;
mod deliver;
mod elements;
mod escape;
pub mod events;
pub mod faults;
mod inputs;
pub mod live;
pub mod members;
mod pace;
mod page;
mod payload;
pub mod person;
mod respond;
mod seed;
mod server;
pub mod sign;
pub mod socket;
pub mod submit;
mod web;
pub mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use deliver::Delivery;
pub use faults::{Fault, Trouble};
pub use live::{Beside, Features, Row, Target, Try};
pub use person::{Press, PressTarget, TypeAhead};
pub use socket::Disconnect;
pub use submit::{Outcome, SubmitResult};
pub use world::{Call, Channel, Emitted, Group, User, Variant};

use crate::domain::time::{Clock, Span, Time};

/// Where the app under test listens. An empty one is not configured, as in Slack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppUrls {
    pub commands: String,
    pub interactive: String,
    pub options: String,
    pub events: String,
}

impl AppUrls {
    /// The usual paths under one address, as in our app manifest.
    pub fn under(base: &str) -> AppUrls {
        let base = base.trim_end_matches('/');
        let path = |name: &str| format!("{base}/slack/{name}");
        AppUrls { commands: path("commands"), interactive: path("interactive"), options: path("options"), events: path("events") }
    }
}

/// How the stand-in is set up. Start from `Settings::default()`, which suits fast tests.
#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub signing_secret: String,
    pub bot_token: String,
    /// The app-level token, with `connections:write` and nothing else.
    pub app_token: String,
    /// Everything goes over sockets, nothing to `app`: the switch in an app's settings.
    pub socket_mode: bool,
    /// The scopes of `bot_token`.
    pub scopes: Vec<String>,
    /// Further tokens and their scopes.
    pub tokens: BTreeMap<String, Vec<String>>,
    pub app: AppUrls,
    pub seed: u64,
    /// 429 by tier, and one post a second in a channel. Off by default; on when run as a program.
    pub rate_limits: bool,
    /// Slash commands come with `&`, `<`, `>`, mentions and links written out.
    pub should_escape: bool,
    pub variant: Variant,
    /// How long an app may take to acknowledge, in real milliseconds.
    pub ack_ms: u64,
    /// What stands in Slack's menus because of the app.
    pub features: live::Features,
}

impl Default for Settings {
    fn default() -> Settings {
        let scopes = ["commands", "chat:write", "im:write", "users:read", "users:read.email", "usergroups:read"];
        Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            signing_secret: "a-signing-secret-for-tests".into(),
            bot_token: "xoxb-a-token-for-tests".into(),
            app_token: "xapp-a-token-for-tests".into(),
            socket_mode: false,
            scopes: scopes.map(str::to_owned).to_vec(),
            tokens: BTreeMap::new(),
            app: AppUrls::default(),
            seed: 1,
            rate_limits: false,
            should_escape: true,
            variant: Variant::default(),
            ack_ms: 3000,
            features: live::Features::default(),
        }
    }
}

/// What stands in the way of starting, or of what a person wants to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the stand-in listens on this machine only; {0} is not a loopback address, use 127.0.0.1")]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    #[error("the environment variable {0} is not set; give it the same value the app has")]
    NoSecret(&'static str),
    #[error("there is nobody called {0}; GET /_control/state lists the people")]
    NoUser(String),
    #[error("there is no channel {0}; GET /_control/state lists the channels")]
    NoChannel(String),
    #[error("{0} cannot see a message {1} in {2}")]
    NoMessage(String, String, String),
    #[error("{0} has no open view {1}")]
    NoView(String, String),
    #[error("there is no element {0} to act on; there are {1:?}")]
    NoElement(String, Vec<String>),
    #[error("{0}")]
    Cannot(String),
    #[error("refused as Slack would: {0} {1}")]
    Refused(String, Value),
    #[error("this cannot be read: {0}")]
    Unreadable(String),
}

/// A running stand-in. Cheap to clone; every clone is the same one.
#[derive(Clone)]
pub struct Sim(Arc<Inner>);

struct Inner {
    world: Mutex<world::World>,
    clock: Arc<dyn Clock>,
    address: SocketAddr,
    client: deliver::Client,
    stop: tokio::sync::Notify,
    /// Told after every call of the app, every answer of it, and every act over HTTP.
    changed: tokio::sync::Notify,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Sim {
    pub async fn start(settings: Settings, clock: Arc<dyn Clock>) -> Result<Sim, Error> {
        let listen = settings.listen;
        if !listen.ip().is_loopback() {
            return Err(Error::NotLoopback(listen));
        }
        let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| Error::Listen(listen, error))?;
        let address = listener.local_addr().map_err(|error| Error::Listen(listen, error))?;
        let sim = Sim(Arc::new(Inner {
            world: Mutex::new(world::World::new(settings, format!("http://{address}"))),
            clock,
            address,
            client: deliver::client(),
            stop: tokio::sync::Notify::new(),
            changed: tokio::sync::Notify::new(),
            task: Mutex::new(None),
        }));
        let task = tokio::spawn(server::run(sim.clone(), listener));
        *sim.0.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(sim)
    }

    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// What a Slack client takes as its base: `http://127.0.0.1:PORT/api`.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.0.address)
    }

    /// Ends the server and every connection to it.
    pub async fn stop(self) {
        self.0.stop.notify_one();
        let task = self.0.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            // The task ends by itself once told; that it panicked would have been printed.
            task.await.ok();
        }
    }

    /// Everything as at the start: people, channels, messages, faults and logs. Settings stay.
    pub fn reset(&self) {
        let mut world = self.world();
        let (settings, base, beside) = (world.settings.clone(), world.base.clone(), world.beside.clone());
        *world = world::World { beside, ..world::World::new(settings, base) };
    }

    pub fn set_app(&self, app: AppUrls) {
        self.world().settings.app = app;
    }

    /// Changes settings while it runs: rate limits, scopes, variants.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world().settings);
    }

    /// Adds these to the faults that wait to be played.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.world().faults.extend(faults);
    }

    /// Takes away the faults that were not played yet.
    pub fn forget_faults(&self) {
        self.world().faults.clear();
    }

    /// Adds a person, or changes the one with this id.
    pub fn add_user(&self, mut user: User) {
        let mut world = self.world();
        if user.team_id.is_empty() {
            user.team_id = world.team_id.clone();
        }
        world.users.retain(|other| other.id != user.id);
        world.users.push(user);
    }

    pub fn add_channel(&self, channel: Channel) {
        let mut world = self.world();
        world.channels.retain(|other| other.id != channel.id);
        world.channels.push(channel);
    }

    pub fn add_group(&self, group: Group) {
        let mut world = self.world();
        world.groups.retain(|other| other.id != group.id);
        world.groups.push(group);
    }

    /// What a person is called, by id or name.
    pub fn name_of(&self, user: &str) -> Option<String> {
        self.world().person(user).ok().map(|user| user.real_name.clone())
    }

    /// Every Web API call and response URL use so far.
    pub fn calls(&self) -> Vec<Call> {
        self.world().calls.clone()
    }

    /// Everything sent to the app so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.world().deliveries.clone()
    }

    /// Every view and message accepted so far, as the app sent them.
    pub fn emitted(&self) -> Vec<Emitted> {
        self.world().emitted.clone()
    }

    /// Looks again after whatever the app does, until there is something to see; `None` when real
    /// time ran out first.
    pub async fn until<T>(&self, limit: Span, mut look: impl FnMut(&Sim) -> Option<T>) -> Option<T> {
        let looking = async {
            loop {
                let mut change = std::pin::pin!(self.0.changed.notified());
                change.as_mut().enable(); // before looking, so that no change in between is missed
                if let Some(found) = look(self) {
                    return found;
                }
                change.await;
            }
        };
        tokio::time::timeout(limit.to_std(), looking).await.ok()
    }

    fn world(&self) -> MutexGuard<'_, world::World> {
        self.0.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Time {
        self.0.clock.now()
    }
}

/// `p0 slack-sim`: the stand-in as a program. The secrets come from the environment, as the app's do.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; this machine only.
    #[arg(long, default_value = "127.0.0.1:4390")]
    pub listen: SocketAddr,
    /// Where the app listens; /slack/commands, /slack/interactive, /slack/options and /slack/events are added.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub app: String,
    /// Makes ids and triggers come out the same again.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Never answers 429.
    #[arg(long)]
    pub no_rate_limits: bool,
    /// Sends everything over Socket Mode, to whoever has SLACK_APP_TOKEN, and nothing to --app.
    #[arg(long)]
    pub socket_mode: bool,
}

/// Runs until it is interrupted.
pub async fn run(args: Args, clock: Arc<dyn Clock>) -> Result<(), Error> {
    let secret = |name: &'static str| std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(Error::NoSecret(name));
    let settings = Settings {
        listen: args.listen,
        signing_secret: secret("SLACK_SIGNING_SECRET")?,
        bot_token: secret("SLACK_BOT_TOKEN")?,
        app_token: if args.socket_mode { secret("SLACK_APP_TOKEN")? } else { Settings::default().app_token },
        socket_mode: args.socket_mode,
        app: AppUrls::under(&args.app),
        seed: args.seed,
        rate_limits: !args.no_rate_limits,
        ..Settings::default()
    };
    let sim = Sim::start(settings, clock).await?;
    tracing::info!(api = sim.api_url(), control = format!("http://{}/_control", sim.address()), "the Slack stand-in listens");
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "cannot wait for an interrupt; stopping");
    }
    sim.stop().await;
    Ok(())
}
