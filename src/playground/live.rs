//! What the page follows: all that people see in Slack, and what stands beside it, each told as soon as it changes.
//!
//! Beside Slack stand a clock that can be moved and the targets; whoever starts the playground hands them in. It
//! must never tell a secret, a trigger or a response URL, and never write anything.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Error, Sim};
use crate::domain::time::{Span, Time};

/// A page that saw no change for so long is told that there was none.
const PATIENCE: Span = Span::seconds(20);

/// How often the targets are looked at while somebody watches.
const LOOK_EVERY: Span = Span::millis(200);

/// A jump to the end leaves this much of it to be watched.
const LEFT_TO_WATCH: Span = Span::seconds(3);

/// What an app's manifest adds to Slack's own menus.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    pub slash_commands: Vec<SlashCommand>,
    pub shortcuts: Vec<Shortcut>,
    pub app_home: AppHome,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AppHome {
    pub home_tab_enabled: bool,
    /// People cannot write to the app.
    pub messages_tab_read_only_enabled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SlashCommand {
    pub command: String,
    pub description: String,
    #[serde(default)]
    pub usage_hint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shortcut {
    pub name: String,
    /// `global` or `message`.
    #[serde(rename = "type")]
    pub kind: String,
    pub callback_id: String,
    pub description: String,
}

/// What stands beside Slack.
#[async_trait]
pub trait Beside: Send + Sync {
    /// Moves the clock of the stand-in and of the app forward.
    fn pass(&self, span: Span);
    /// When the next access ends.
    async fn next_end(&self) -> Option<Time>;
    /// What the targets hold.
    async fn targets(&self) -> Vec<Target>;
}

/// A system that access is given in, as it shows itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    pub title: String,
    /// What it is and where.
    pub about: String,
    /// A page of its own.
    pub link: Option<String>,
    /// What the rows are: `pg_auth_members`.
    pub table: String,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    /// What people get who use it now.
    pub tries: Vec<Try>,
    /// Why it cannot be looked at.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    pub cells: Vec<String>,
    /// Given by the app; what was there before is not.
    pub given: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Try {
    /// A person's name in the workspace.
    pub who: String,
    pub asks: String,
    pub gets: String,
    pub works: bool,
}

fn version(of: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    of.to_string().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// `now` is no change: it always is another.
fn told(sim: &Sim, mut content: Value, version: String) -> Value {
    content["version"] = version.into();
    content["now"] = json!(sim.now());
    content
}

/// All that people see, once it is something else than `since`.
pub(super) async fn seen(sim: &Sim, since: &str) -> Value {
    let look = |sim: &Sim| {
        let seen = sim.seen();
        let version = version(&seen);
        (version != since).then(|| told(sim, seen, version))
    };
    sim.until(PATIENCE, look).await.unwrap_or_else(|| told(sim, json!({ "same": true }), since.to_owned()))
}

/// What stands beside Slack, once it is something else than `since`.
pub(super) async fn beside(sim: &Sim, since: &str) -> Result<Value, Error> {
    let beside = sim.beside()?;
    let mut looks = PATIENCE.0 / LOOK_EVERY.0;
    loop {
        let content = json!({ "next_end": beside.next_end().await, "targets": beside.targets().await });
        let version = version(&content);
        if version != since || looks == 0 {
            return Ok(told(sim, content, version));
        }
        looks -= 1;
        tokio::time::sleep(LOOK_EVERY.to_std()).await;
    }
}

impl Sim {
    /// Gives the page something to show beside Slack.
    pub fn stand_beside(&self, beside: Arc<dyn Beside>) {
        self.world().beside = Some(beside);
    }

    fn beside(&self) -> Result<Arc<dyn Beside>, Error> {
        let none = || Error::Cannot("only `p0 playground` has a clock that can be moved and targets to look at".to_owned());
        self.world().beside.clone().ok_or_else(none)
    }

    /// Moves the clock forward.
    pub(super) fn forward(&self, span: &str) -> Result<Time, Error> {
        let span = Span::parse(span).map_err(|error| Error::Unreadable(error.to_string()))?;
        self.pass(&*self.beside()?, span);
        Ok(self.now())
    }

    /// Moves the clock to just before the next end.
    pub(super) async fn jump(&self) -> Result<Time, Error> {
        let beside = self.beside()?;
        let end = beside.next_end().await;
        let end = end.ok_or_else(|| Error::Cannot("nobody has an access now that could end".to_owned()))?;
        self.pass(&*beside, end - self.now() - LEFT_TO_WATCH);
        Ok(self.now())
    }

    fn pass(&self, beside: &dyn Beside, span: Span) {
        let span = span.max(Span::ZERO);
        beside.pass(span);
        let mut world = self.world();
        world.forwarded = world.forwarded + span;
    }

    fn seen(&self) -> Value {
        let world = self.world();
        let screens: BTreeMap<&str, _> = world.users.iter().map(|user| (user.id.as_str(), world.screen(&user.id))).collect();
        let home = |(user, id): (&String, &String)| Some((user.clone(), world.view_json(world.view(id)?)));
        let homes: BTreeMap<String, Value> = world.homes.iter().filter_map(home).collect();
        let messages = world.listed(|_| true);
        json!({
            "team": { "id": world.team_id, "name": world.team_name }, "bot_user": world.bot_user,
            "users": world.users, "channels": world.channels, "groups": world.groups, "messages": messages,
            "screens": screens, "homes": homes, "features": world.settings.features, "forwarded": world.forwarded, "beside": world.beside.is_some(),
        })
    }
}
