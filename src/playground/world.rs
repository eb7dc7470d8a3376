//! The workspace: people, channels, groups, messages, views, triggers and response URLs.
//!
//! Plain data behind one lock, with the rules that hold for every way in. It must never do IO or
//! wait; time is handed in.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::faults::Fault;
use super::pace::Pace;
use super::{Error, Settings, inputs};
use crate::domain::time::{Span, Time};

/// A trigger lives this long and works once.
pub(super) const TRIGGER_LIFE: Span = Span::seconds(3);
/// A response URL lives this long...
pub(super) const RESPONSE_LIFE: Span = Span::minutes(30);
/// ...and works this often.
pub(super) const RESPONSE_USES: u32 = 5;

/// Chance with a seed, so that a run can be had again.
pub(super) struct Dice(u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn letters(&mut self, count: usize, of: &[u8]) -> String {
        (0..count).map(|_| char::from(of[(self.next() % of.len() as u64) as usize])).collect()
    }

    /// An id as Slack writes them: the letter of its kind and ten more characters.
    pub fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.letters(10, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
    }

    /// What Slack calls a block or an action that was given no name.
    pub fn short(&mut self) -> String {
        self.letters(5, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/")
    }

    pub fn hex(&mut self, digits: usize) -> String {
        self.letters(digits, b"0123456789abcdef")
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub real_name: String,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default = "utc")]
    pub tz: String,
    #[serde(default)]
    pub tz_offset: i64,
    /// Another team than the workspace's makes a Slack Connect user.
    #[serde(default)]
    pub team_id: String,
    #[serde(default)]
    pub deleted: bool,
    #[serde(default)]
    pub is_bot: bool,
}

fn utc() -> String {
    "Etc/UTC".to_owned()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Channel {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub is_private: bool,
    #[serde(default)]
    pub is_archived: bool,
    /// User ids, the bot's among them when it was invited.
    #[serde(default)]
    pub members: Vec<String>,
    /// The person, when this is the direct messages between one person and the app.
    #[serde(default)]
    pub dm: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Group {
    pub id: String,
    pub handle: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub users: Vec<String>,
    #[serde(default)]
    pub disabled: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Message {
    pub channel: String,
    pub ts: String,
    pub user: String,
    /// Posted by the app under test.
    pub ours: bool,
    /// Seen by this person only.
    pub only_for: Option<String>,
    pub thread_ts: Option<String>,
    pub body: Map<String, Value>,
    pub state: Value,
    pub edited: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct View {
    pub id: String,
    pub user: String,
    pub body: Map<String, Value>,
    pub state: Value,
    pub hash: String,
    pub root: String,
    pub previous: Option<String>,
    /// What the app answered to the last submission, by block.
    pub errors: BTreeMap<String, String>,
    pub open: bool,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Trigger {
    pub user: String,
    pub made: Time,
    pub used: bool,
    /// The view the person acted in; only from there can another be pushed.
    pub view: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ResponseUrl {
    pub made: Time,
    pub uses: u32,
    pub user: String,
    pub channel: String,
    /// The message the person acted on; a slash command has none.
    pub message: Option<String>,
}

/// One Web API call or response URL use, as it was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Call {
    pub at: Time,
    pub method: String,
    pub args: Value,
    pub status: u16,
    pub answer: Value,
    /// The fault that was played, if any.
    pub fault: Option<Fault>,
}

/// A view or a message that was accepted, as the app sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Emitted {
    pub at: Time,
    pub by: String,
    pub kind: String,
    pub body: Value,
}

/// How payloads differ from the plain ones; see `POST /_control/settings`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Variant {
    /// As in an organisation-wide install: `team` is null and the enterprise is named.
    pub org_wide: bool,
    /// As in a workspace of an Enterprise Grid: the team names its enterprise.
    pub in_grid: bool,
    /// The keys in another order.
    pub reordered: bool,
    /// Leave out the keys Slack sometimes leaves out.
    pub fewer_keys: bool,
    /// Add keys nobody has heard of.
    pub more_keys: bool,
}

pub(super) struct World {
    pub settings: Settings,
    pub base: String,
    pub team_id: String,
    pub team_name: String,
    pub team_domain: String,
    pub enterprise_id: String,
    pub app_id: String,
    pub bot_id: String,
    pub bot_user: String,
    pub users: Vec<User>,
    pub channels: Vec<Channel>,
    pub groups: Vec<Group>,
    pub messages: Vec<Message>,
    pub views: Vec<View>,
    /// The open modals of each person, the topmost last.
    pub stacks: BTreeMap<String, Vec<String>>,
    pub homes: BTreeMap<String, String>,
    /// The channels of messages that are to be posted later.
    pub scheduled: BTreeMap<String, String>,
    pub triggers: BTreeMap<String, Trigger>,
    pub urls: BTreeMap<String, ResponseUrl>,
    /// What the last type-ahead offered, by view or message, block and action.
    pub offered: HashMap<(String, String, String), Vec<Value>>,
    pub calls: Vec<Call>,
    pub deliveries: Vec<super::Delivery>,
    pub emitted: Vec<Emitted>,
    pub events: Vec<super::events::Pending>,
    pub sockets: super::socket::Sockets,
    pub faults: Vec<Fault>,
    pub pace: Pace,
    pub dice: Dice,
    pub last_ts: i64,
    pub beside: Option<std::sync::Arc<dyn super::Beside>>,
    /// How far the clock was moved.
    pub forwarded: Span,
}

impl World {
    pub fn new(settings: Settings, base: String) -> World {
        let dice = Dice(settings.seed);
        let mut world = World {
            settings,
            base,
            team_id: String::new(),
            team_name: String::new(),
            team_domain: String::new(),
            enterprise_id: String::new(),
            app_id: String::new(),
            bot_id: String::new(),
            bot_user: String::new(),
            users: Vec::new(),
            channels: Vec::new(),
            groups: Vec::new(),
            messages: Vec::new(),
            views: Vec::new(),
            stacks: BTreeMap::new(),
            homes: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            triggers: BTreeMap::new(),
            urls: BTreeMap::new(),
            offered: HashMap::new(),
            calls: Vec::new(),
            deliveries: Vec::new(),
            emitted: Vec::new(),
            events: Vec::new(),
            sockets: super::socket::Sockets::default(),
            faults: Vec::new(),
            pace: Pace::default(),
            dice,
            last_ts: 0,
            beside: None,
            forwarded: Span::ZERO,
        };
        super::seed::plant(&mut world);
        world
    }

    /// The next message time stamp; no two are the same.
    pub fn ts(&mut self, now: Time) -> String {
        self.last_ts = (now.0 * 1000).max(self.last_ts + 100);
        format!("{}.{:06}", self.last_ts / 1_000_000, self.last_ts % 1_000_000)
    }

    /// A person by id, name or @name.
    pub fn person(&self, who: &str) -> Result<&User, Error> {
        let name = who.trim_start_matches('@');
        self.users.iter().find(|user| user.id == name || user.name == name).ok_or_else(|| Error::NoUser(who.to_owned()))
    }

    /// A channel by id, name or #name.
    pub fn place(&self, which: &str) -> Result<&Channel, Error> {
        let name = which.trim_start_matches('#');
        let found = self.channels.iter().find(|channel| channel.id == name || (channel.dm.is_none() && channel.name == name));
        found.ok_or_else(|| Error::NoChannel(which.to_owned()))
    }

    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }

    /// The direct messages between the app and a person, opened if need be.
    pub fn dm(&mut self, user: &str) -> String {
        if let Some(there) = self.channels.iter().find(|channel| channel.dm.as_deref() == Some(user)) {
            return there.id.clone();
        }
        let id = self.dice.id("D");
        let members = vec![user.to_owned(), self.bot_user.clone()];
        let name = "directmessage".to_owned();
        self.channels.push(Channel {
            id: id.clone(),
            name,
            is_private: true,
            is_archived: false,
            members,
            dm: Some(user.to_owned()),
        });
        id
    }

    pub fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.channel == channel && message.ts == ts)
    }

    pub fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts)
    }

    pub fn view(&self, id: &str) -> Option<&View> {
        self.views.iter().find(|view| view.id == id)
    }

    pub fn view_mut(&mut self, id: &str) -> Option<&mut View> {
        self.views.iter_mut().find(|view| view.id == id)
    }

    pub fn trigger(&mut self, now: Time, user: &str, view: Option<&str>) -> String {
        let id = format!(
            "{}.{}.{}",
            10_u64.pow(12) + self.dice.next() % 10_u64.pow(12),
            self.dice.next() % 10_u64.pow(11),
            self.dice.hex(32)
        );
        let trigger = Trigger { user: user.to_owned(), made: now, used: false, view: view.map(str::to_owned) };
        self.triggers.insert(id.clone(), trigger);
        id
    }

    pub fn response_url(&mut self, now: Time, user: &str, channel: &str, message: Option<&str>) -> String {
        let id = self.dice.hex(24);
        let (user, channel, message) = (user.to_owned(), channel.to_owned(), message.map(str::to_owned));
        self.urls.insert(id.clone(), ResponseUrl { made: now, uses: 0, user, channel, message });
        format!("{}/response/{id}", self.base)
    }

    /// A message as Slack shows it to apps.
    pub fn message_json(&self, message: &Message) -> Value {
        let mut json = json!({ "type": "message", "user": message.user, "ts": message.ts, "team": self.team_id });
        if message.ours {
            json["bot_id"] = self.bot_id.as_str().into();
            json["app_id"] = self.app_id.as_str().into();
            json["bot_profile"] = json!({ "id": self.bot_id, "app_id": self.app_id, "name": "p0", "deleted": false, "updated": 1_700_000_000,
                "team_id": self.team_id, "icons": { "image_36": "https://a.slack-edge.com/img/plugins/app/bot_36.png" } });
        }
        json["text"] = "".into();
        for (key, value) in &message.body {
            json[key.as_str()] = value.clone();
        }
        if let Some(thread) = &message.thread_ts {
            json["thread_ts"] = thread.as_str().into();
        }
        if message.edited {
            json["edited"] = json!({ "user": message.user, "ts": message.ts });
        }
        json
    }

    /// A view as Slack shows it to apps.
    pub fn view_json(&self, view: &View) -> Value {
        let get = |key: &str, otherwise: Value| view.body.get(key).cloned().unwrap_or(otherwise);
        let title = json!({ "type": "plain_text", "text": "View Title", "emoji": true });
        json!({
            "id": view.id, "team_id": self.team_id, "type": get("type", "modal".into()), "blocks": get("blocks", json!([])),
            "private_metadata": get("private_metadata", "".into()), "callback_id": get("callback_id", "".into()),
            "state": { "values": view.state }, "hash": view.hash, "title": get("title", title),
            "clear_on_close": get("clear_on_close", false.into()), "notify_on_close": get("notify_on_close", false.into()),
            "close": get("close", Value::Null), "submit": get("submit", Value::Null),
            "previous_view_id": view.previous, "root_view_id": view.root, "app_id": self.app_id,
            "external_id": get("external_id", "".into()), "app_installed_team_id": self.team_id, "bot_id": self.bot_id,
        })
    }

    /// Stores an accepted message and answers its time stamp.
    pub fn post(
        &mut self,
        now: Time,
        channel: &str,
        only_for: Option<String>,
        thread_ts: Option<String>,
        mut body: Map<String, Value>,
    ) -> String {
        let ts = self.ts(now);
        let state = self.accepted(&mut body);
        let (channel, user) = (channel.to_owned(), self.bot_user.clone());
        self.messages.push(Message {
            channel,
            ts: ts.clone(),
            user,
            ours: true,
            only_for,
            thread_ts,
            body,
            state,
            edited: false,
        });
        ts
    }

    /// Completes the blocks of an accepted message or view and answers its first state.
    pub fn accepted(&mut self, body: &mut Map<String, Value>) -> Value {
        inputs::complete(body, &mut self.dice);
        inputs::state(body.get("blocks").unwrap_or(&Value::Null), &json!({}))
    }

    pub fn emit(&mut self, now: Time, by: &str, kind: &str, body: &Value) {
        self.emitted.push(Emitted { at: now, by: by.to_owned(), kind: kind.to_owned(), body: body.clone() });
    }
}
