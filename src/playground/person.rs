//! What a person does in Slack, except submitting: commands, shortcuts, presses, choices, typing.
//!
//! Each verb refuses what the client would not let a person do, and sends what it would send. It
//! must never touch what the app alone may change.

use serde_json::{Value, json};

use super::deliver::{Body, Delivery, Outgoing};
use super::inputs::{self, Placed};
use super::world::{Channel, Message, User, View, World};
use super::{Error, Sim, blocks, escape};

/// Where an element is: in a message (by its time stamp, or `last` for the newest this person sees
/// there; the channel `dm` is the app's direct messages), or in a modal or Home tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PressTarget {
    Message { channel: String, ts: String },
    View { view_id: String },
}

impl PressTarget {
    pub fn message(channel: &str, ts: &str) -> PressTarget {
        PressTarget::Message { channel: channel.to_owned(), ts: ts.to_owned() }
    }

    pub fn view(view_id: &str) -> PressTarget {
        PressTarget::View { view_id: view_id.to_owned() }
    }
}

/// Which element is meant: by its action, and where that is not enough, by block, value or turn.
#[derive(Debug, Clone, Default)]
pub struct Press {
    pub action_id: String,
    pub block_id: Option<String>,
    pub value: Option<String>,
    pub occurrence: usize,
    /// Sends the same bytes twice.
    pub duplicate: bool,
}

impl From<&str> for Press {
    fn from(action_id: &str) -> Press {
        Press { action_id: action_id.to_owned(), ..Press::default() }
    }
}

impl Press {
    pub fn block(self, block_id: &str) -> Press {
        Press { block_id: Some(block_id.to_owned()), ..self }
    }

    /// The button that bears this value.
    pub fn value(self, value: &str) -> Press {
        Press { value: Some(value.to_owned()), ..self }
    }

    pub fn nth(self, occurrence: usize) -> Press {
        Press { occurrence, ..self }
    }

    pub fn twice(self) -> Press {
        Press { duplicate: true, ..self }
    }
}

/// What a type-ahead brought.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct TypeAhead {
    /// False when the text is shorter than `min_query_length`: then nothing is sent.
    pub sent: bool,
    /// Every option offered, those of groups too.
    pub options: Vec<Value>,
    /// Why the client shows nothing, when the answer was not to be used.
    pub problem: Option<String>,
    pub delivery: Option<Delivery>,
}

impl TypeAhead {
    /// The texts on the screen.
    pub fn texts(&self) -> Vec<&str> {
        self.options.iter().filter_map(|option| option["text"]["text"].as_str()).collect()
    }
}

/// A message or view a person sees, as it is now.
enum Seen {
    Message(Box<Message>),
    View(Box<View>),
}

impl Seen {
    fn blocks(&self) -> &Value {
        static NONE: Value = Value::Null;
        match self {
            Seen::Message(message) => message.body.get("blocks").unwrap_or(&NONE),
            Seen::View(view) => view.body.get("blocks").unwrap_or(&NONE),
        }
    }

    fn id(&self) -> &str {
        match self {
            Seen::Message(message) => &message.ts,
            Seen::View(view) => &view.id,
        }
    }

    fn state(&self) -> &Value {
        match self {
            Seen::Message(message) => &message.state,
            Seen::View(view) => &view.state,
        }
    }
}

impl World {
    pub(super) fn own_view(&self, user: &str, view_id: &str) -> Result<&View, Error> {
        let mine = |view: &&View| view.open && view.user == user;
        self.view(view_id).filter(mine).ok_or_else(|| Error::NoView(user.to_owned(), view_id.to_owned()))
    }

    fn seen(&self, user: &User, target: &PressTarget) -> Result<Seen, Error> {
        match target {
            PressTarget::View { view_id } => Ok(Seen::View(Box::new(self.own_view(&user.id, view_id)?.clone()))),
            PressTarget::Message { channel, ts } => {
                let dm = |channel: &&Channel| channel.dm.as_ref() == Some(&user.id);
                let channel = match channel.as_str() {
                    "dm" => self.channels.iter().find(dm).ok_or_else(|| Error::NoChannel("dm".to_owned()))?,
                    other => self.place(other)?,
                };
                let shown = |message: &&Message| {
                    message.channel == channel.id
                        && channel.members.contains(&user.id)
                        && message.only_for.as_ref().is_none_or(|only| *only == user.id)
                };
                let mut seen = self.messages.iter().filter(shown);
                let found = if ts == "last" { seen.next_back() } else { seen.find(|message| message.ts == *ts) };
                match found {
                    Some(message) => Ok(Seen::Message(Box::new(message.clone()))),
                    None => Err(Error::NoMessage(user.name.clone(), ts.clone(), channel.name.clone())),
                }
            }
        }
    }
}

fn find(seen: &Seen, press: &Press) -> Result<Placed, Error> {
    let all = inputs::elements(seen.blocks());
    let fits = |placed: &&Placed| {
        placed.action_id == press.action_id
            && press.block_id.as_ref().is_none_or(|block| *block == placed.block_id)
            && press.value.as_ref().is_none_or(|value| placed.element["value"] == value.as_str())
    };
    all.iter().filter(fits).nth(press.occurrence).cloned().ok_or_else(|| {
        let there = all.iter().map(|placed| format!("{}/{}", placed.block_id, placed.action_id)).collect();
        Error::NoElement(press.action_id.clone(), there)
    })
}

impl Sim {
    /// Types a slash command into a channel, or into the app's direct messages (`"dm"`).
    pub async fn command(&self, user: &str, channel: &str, command: &str, text: &str) -> Result<Delivery, Error> {
        self.command_with(user, channel, command, text, false).await
    }

    /// The same; `duplicate` sends the same bytes twice.
    pub async fn command_with(
        &self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
        duplicate: bool,
    ) -> Result<Delivery, Error> {
        let now = self.now();
        let (out, user, channel) = {
            let mut world = self.world();
            let user = world.person(user)?.clone();
            let channel = if channel == "dm" { world.dm(&user.id) } else { world.place(channel)?.id.clone() };
            let channel = world.place(&channel)?.clone();
            if !channel.members.contains(&user.id) {
                return Err(Error::Cannot(format!("{} is not in {}", user.name, channel.name)));
            }
            let trigger = world.trigger(now, &user.id, None);
            let response = world.response_url(now, &user.id, &channel.id, None);
            let text = if world.settings.should_escape { escape::escape(&world, text) } else { text.to_owned() };
            let fields = world.command_fields(&user, &channel, command, text.trim(), &trigger, &response);
            let url = world.settings.app.commands.clone();
            (Outgoing { kind: "command", url, body: Body::Form(fields), retry: None, duplicate }, user, channel)
        };
        let mut done = self.send(out).await;
        if done.ok() && !done.body.trim().is_empty() {
            self.answer_of_command(&user, &channel.id, &mut done);
        }
        Ok(done)
    }

    /// The body of the acknowledgement is a message, by default for this person only.
    fn answer_of_command(&self, user: &User, channel: &str, done: &mut Delivery) {
        let args = match done.json() {
            Some(Value::Object(args)) if done.content_type.starts_with("application/json") => args,
            _ => json!({ "text": done.body }).as_object().cloned().unwrap_or_default(),
        };
        let now = self.now();
        let mut world = self.world();
        match super::respond::content(&args) {
            Ok(body) => {
                let public = args.get("response_type").is_some_and(|kind| kind == "in_channel");
                if !public {
                    done.ephemeral = body.get("text").and_then(Value::as_str).map(str::to_owned);
                }
                world.emit(now, "command answer", "message", &Value::Object(args));
                world.post(now, channel, (!public).then(|| user.id.clone()), None, body);
            }
            Err(refusal) if refusal.error == "no_text" => {}
            Err(refusal) => done.shown = Some(format!("{}: {}", refusal.error, Value::Object(refusal.extra))),
        }
    }

    /// Runs a global shortcut.
    pub async fn shortcut(&self, user: &str, callback_id: &str) -> Result<Delivery, Error> {
        let now = self.now();
        let out = {
            let mut world = self.world();
            let user = world.person(user)?.clone();
            let trigger = world.trigger(now, &user.id, None);
            let mut payload = world.interaction("shortcut", &user);
            payload["action_ts"] = world.ts(now).into();
            payload["callback_id"] = callback_id.into();
            payload["trigger_id"] = trigger.into();
            interactive(&world, "shortcut", payload, false)
        };
        Ok(self.send(out).await)
    }

    /// Runs a shortcut of a message.
    pub async fn message_shortcut(&self, user: &str, target: PressTarget, callback_id: &str) -> Result<Delivery, Error> {
        let now = self.now();
        let out = {
            let mut world = self.world();
            let user = world.person(user)?.clone();
            let Seen::Message(message) = world.seen(&user, &target)? else {
                return Err(Error::Cannot("only messages have such shortcuts".to_owned()));
            };
            if message.only_for.is_some() {
                return Err(Error::Cannot("a message that only one person sees has no shortcuts".to_owned()));
            }
            let mut payload = world.interaction("message_action", &user);
            world.in_message(&mut payload, &message);
            for key in ["container", "state"] {
                payload.as_object_mut().map(|payload| payload.shift_remove(key));
            }
            payload["action_ts"] = world.ts(now).into();
            payload["callback_id"] = callback_id.into();
            payload["message_ts"] = message.ts.as_str().into();
            payload["trigger_id"] = world.trigger(now, &user.id, None).into();
            payload["response_url"] = world.response_url(now, &user.id, &message.channel, Some(&message.ts)).into();
            interactive(&world, "message_action", payload, false)
        };
        Ok(self.send(out).await)
    }

    /// Presses a button.
    pub async fn press(&self, user: &str, target: PressTarget, press: impl Into<Press>) -> Result<Delivery, Error> {
        let press = press.into();
        let now = self.now();
        let out = {
            let mut world = self.world();
            let person = world.person(user)?.clone();
            let seen = world.seen(&person, &target)?;
            let placed = find(&seen, &press)?;
            if placed.kind() != "button" {
                return Err(Error::Cannot(format!("{} is a {}; choose a value instead", placed.action_id, placed.kind())));
            }
            act(&mut world, now, &person, seen, &placed, None, press.duplicate)
        };
        Ok(self.send(out).await)
    }

    /// Chooses a value in a select, picker, checkboxes or overflow menu. Outside input blocks, and in
    /// those with `dispatch_action`, the app is told at once.
    pub async fn select(
        &self,
        user: &str,
        target: PressTarget,
        press: impl Into<Press>,
        value: Value,
    ) -> Result<Option<Delivery>, Error> {
        self.put(user, target, &press.into(), value, false).await
    }

    /// Fills the input block of a view. A text field with `dispatch_action` tells the app as its
    /// `dispatch_action_config` says: on each character, or when [`Sim::enter`] is pressed.
    pub async fn fill(&self, user: &str, view_id: &str, block_id: &str, value: Value) -> Result<Option<Delivery>, Error> {
        let action_id = self.action_in(user, view_id, block_id)?;
        self.put(user, PressTarget::view(view_id), &Press::from(action_id.as_str()).block(block_id), value, false).await
    }

    /// Presses Enter in a text field.
    pub async fn enter(&self, user: &str, view_id: &str, block_id: &str) -> Result<Option<Delivery>, Error> {
        let action_id = self.action_in(user, view_id, block_id)?;
        self.put(user, PressTarget::view(view_id), &Press::from(action_id.as_str()).block(block_id), Value::Null, true).await
    }

    fn action_in(&self, user: &str, view_id: &str, block_id: &str) -> Result<String, Error> {
        let world = self.world();
        let user = world.person(user)?.id.clone();
        let all = inputs::elements(world.own_view(&user, view_id)?.body.get("blocks").unwrap_or(&Value::Null));
        let there = || all.iter().map(|placed| placed.block_id.clone()).collect();
        let found = all.iter().find(|placed| placed.block_id == block_id);
        found.map(|placed| placed.action_id.clone()).ok_or_else(|| Error::NoElement(block_id.to_owned(), there()))
    }

    async fn put(
        &self,
        user: &str,
        target: PressTarget,
        press: &Press,
        value: Value,
        enter: bool,
    ) -> Result<Option<Delivery>, Error> {
        let now = self.now();
        let out = {
            let mut world = self.world();
            let person = world.person(user)?.clone();
            let seen = world.seen(&person, &target)?;
            let placed = find(&seen, press)?;
            let offered = world.offered.get(&(seen.id().to_owned(), placed.block_id.clone(), placed.action_id.clone())).cloned();
            let held = if placed.kind() == "overflow" {
                json!({ "selected_option": inputs::option(&placed, &[], &value)? })
            } else if enter {
                seen.state()[&placed.block_id][&placed.action_id].clone()
            } else {
                inputs::choose(&placed, &offered.unwrap_or_default(), &value)?
            };
            if placed.kind() != "overflow" {
                let state = match &target {
                    PressTarget::View { view_id } => world.view_mut(view_id).map(|view| &mut view.state),
                    PressTarget::Message { .. } => match &seen {
                        Seen::Message(message) => {
                            world.message_mut(&message.channel, &message.ts).map(|message| &mut message.state)
                        }
                        Seen::View(_) => None,
                    },
                };
                if let Some(state) = state {
                    state[placed.block_id.as_str()][placed.action_id.as_str()] = held.clone();
                }
            }
            if !tells(&placed, enter) {
                return Ok(None);
            }
            let seen = world.seen(&person, &target)?;
            act(&mut world, now, &person, seen, &placed, Some(&held), press.duplicate)
        };
        Ok(Some(self.send(out).await))
    }

    /// Types into an external select and gets what the app offers.
    pub async fn type_ahead(
        &self,
        user: &str,
        target: PressTarget,
        press: impl Into<Press>,
        text: &str,
    ) -> Result<TypeAhead, Error> {
        let press = press.into();
        let (out, key) = {
            let world = self.world();
            let person = world.person(user)?.clone();
            let seen = world.seen(&person, &target)?;
            let placed = find(&seen, &press)?;
            if !placed.kind().ends_with("external_select") {
                return Err(Error::Cannot(format!("{} is a {}, which asks for no options", placed.action_id, placed.kind())));
            }
            let least = placed.element["min_query_length"].as_u64().unwrap_or(3);
            if (text.chars().count() as u64) < least {
                return Ok(TypeAhead::default());
            }
            let mut payload = world.interaction("block_suggestion", &person);
            world.suggestion(&mut payload, &placed, text);
            match &seen {
                Seen::Message(message) => world.in_message(&mut payload, message),
                Seen::View(view) => world.in_view(&mut payload, view, true),
            }
            let body = Body::Payload(world.dress(payload));
            let url = world.settings.app.options.clone();
            let key = (seen.id().to_owned(), placed.block_id, placed.action_id);
            (Outgoing { kind: "block_suggestion", url, body, retry: None, duplicate: press.duplicate }, key)
        };
        let delivery = self.send(out).await;
        let answer = delivery.json();
        let problem = match (&answer, delivery.ok()) {
            (_, false) => delivery.shown.clone(),
            (None, true) => Some("the answer is not JSON".to_owned()),
            (Some(answer), true) => Some(blocks::check_options(answer).join("; ")).filter(|problems| !problems.is_empty()),
        };
        let options = match (&problem, answer.as_ref().and_then(Value::as_object)) {
            (None, Some(answer)) => inputs::options_of(answer),
            _ => Vec::new(),
        };
        self.world().offered.entry(key).or_default().clone_from(&options);
        Ok(TypeAhead { sent: true, options, problem, delivery: Some(delivery) })
    }
}

/// Whether a change tells the app at once.
fn tells(placed: &Placed, enter: bool) -> bool {
    if !placed.dispatches() {
        return false;
    }
    let typed =
        matches!(placed.kind(), "plain_text_input" | "number_input" | "email_text_input" | "url_text_input" | "rich_text_input");
    let on = &placed.element["dispatch_action_config"]["trigger_actions_on"];
    let listed = |name: &str| on.as_array().is_some_and(|all| all.iter().any(|one| one == name));
    match (typed, enter) {
        (false, _) => true,
        (true, true) => on.is_null() || listed("on_enter_pressed"),
        (true, false) => listed("on_character_entered"),
    }
}

fn act(
    world: &mut World,
    now: crate::domain::time::Time,
    user: &User,
    seen: Seen,
    placed: &Placed,
    held: Option<&Value>,
    duplicate: bool,
) -> Outgoing {
    let mut payload = world.interaction("block_actions", user);
    let view = match &seen {
        Seen::Message(message) => {
            world.in_message(&mut payload, message);
            payload["response_url"] = world.response_url(now, &user.id, &message.channel, Some(&message.ts)).into();
            None
        }
        Seen::View(view) => {
            world.in_view(&mut payload, view, true);
            Some(view.id.as_str())
        }
    };
    payload["trigger_id"] = world.trigger(now, &user.id, view).into();
    let action_ts = world.ts(now);
    payload["actions"] = json!([inputs::action(placed, held, &action_ts)]);
    interactive(world, "block_actions", payload, duplicate)
}

pub(super) fn interactive(world: &World, kind: &'static str, payload: Value, duplicate: bool) -> Outgoing {
    let body = Body::Payload(world.dress(payload));
    Outgoing { kind, url: world.settings.app.interactive.clone(), body, retry: None, duplicate }
}
