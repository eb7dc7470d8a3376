//! Submitting and closing modals, and what is on a person's screen.
//!
//! Submitting checks first what the Slack client checks, then does what the app answers. It must
//! never close a view the app did not acknowledge.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::deliver::Delivery;
use super::inputs;
use super::person::interactive;
use super::web::views;
use super::world::World;
use super::{Error, Sim};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The client found a field not filled in; nothing was sent.
    Refused,
    /// The app answered errors; the view stays open and shows them.
    Errors,
    Updated,
    Pushed,
    /// This view is closed; the one below shows again.
    Closed,
    /// All views are closed.
    Cleared,
    /// No good answer in time; the view stays open and says there was trouble.
    Failed,
}

#[derive(Debug, Clone, Serialize)]
pub struct SubmitResult {
    pub outcome: Outcome,
    /// By block: the client's own refusals, or the app's errors.
    pub errors: BTreeMap<String, String>,
    /// What was wrong with the app's answer.
    pub problem: Option<String>,
    pub delivery: Option<Delivery>,
    /// The person's open modals afterwards, the topmost last.
    pub views: Vec<Value>,
}

/// What an app's answer to a submission comes to.
enum Wanted {
    Close,
    Clear,
    Errors(BTreeMap<String, String>),
    Update(Value),
    Push(Value),
}

fn read(delivery: &Delivery) -> Result<Wanted, String> {
    if !delivery.ok() {
        return Err(delivery.shown.clone().unwrap_or_else(|| "not acknowledged".into()));
    }
    if delivery.body.trim().is_empty() {
        return Ok(Wanted::Close);
    }
    if !delivery.content_type.starts_with("application/json") {
        return Err(format!("the answer has a body of type {:?}; it must be application/json", delivery.content_type));
    }
    let answer = delivery.json().ok_or("the answer is not JSON")?;
    let view = || answer.get("view").cloned().ok_or("the answer has no view".to_owned());
    match answer.get("response_action").and_then(Value::as_str) {
        None if answer == json!({}) => Ok(Wanted::Close),
        None => Err("the answer has no response_action".into()),
        Some("clear") => Ok(Wanted::Clear),
        Some("update") => Ok(Wanted::Update(view()?)),
        Some("push") => Ok(Wanted::Push(view()?)),
        Some("errors") => match serde_json::from_value(answer["errors"].clone()) {
            Ok(errors) => Ok(Wanted::Errors(errors)),
            Err(_) => Err("errors must be an object of texts".into()),
        },
        Some(other) => Err(format!("there is no response_action {other}")),
    }
}

impl Sim {
    /// Presses the submit button of a modal.
    pub async fn submit(&self, user: &str, view_id: &str) -> Result<SubmitResult, Error> {
        self.submit_with(user, view_id, false).await
    }

    /// The same; `duplicate` sends the same bytes twice.
    pub async fn submit_with(&self, user: &str, view_id: &str, duplicate: bool) -> Result<SubmitResult, Error> {
        let now = self.now();
        let (person, out) = {
            let mut world = self.world();
            let person = world.person(user)?.clone();
            let view = world.own_view(&person.id, view_id)?.clone();
            if world.stacks.get(&person.id).and_then(|stack| stack.last()).is_none_or(|top| top != view_id) {
                return Err(Error::Cannot(format!("{view_id} is not the topmost view")));
            }
            if view.body.get("submit").is_none_or(Value::is_null) {
                return Err(Error::Cannot(format!("{view_id} has no submit button")));
            }
            let placed = inputs::elements(view.body.get("blocks").unwrap_or(&Value::Null));
            let refused: BTreeMap<String, String> = placed
                .iter()
                .filter(|placed| placed.input.is_some())
                .filter_map(|placed| {
                    Some((placed.block_id.clone(), inputs::refusal(placed, &view.state[&placed.block_id][&placed.action_id])?))
                })
                .collect();
            if !refused.is_empty() {
                let views = world.screen(&person.id);
                return Ok(SubmitResult { outcome: Outcome::Refused, errors: refused, problem: None, delivery: None, views });
            }
            let mut payload = world.interaction("view_submission", &person);
            payload["trigger_id"] = world.trigger(now, &person.id, Some(view_id)).into();
            world.in_view(&mut payload, &view, false);
            let mut urls = Vec::new();
            for placed in placed.iter().filter(|placed| placed.element["response_url_enabled"] == true) {
                let held = &view.state[&placed.block_id][&placed.action_id];
                if let Some(channel) = held["selected_conversation"].as_str().or_else(|| held["selected_channel"].as_str()) {
                    let url = world.response_url(now, &person.id, channel, None);
                    urls.push(
                        json!({ "block_id": placed.block_id, "action_id": placed.action_id, "channel_id": channel, "response_url": url }),
                    );
                }
            }
            payload["response_urls"] = Value::Array(urls);
            (person, interactive(&world, "view_submission", payload, duplicate))
        };
        let delivery = self.send(out).await;
        let now = self.now();
        let mut world = self.world();
        let done = read(&delivery).and_then(|wanted| world.apply(now, &person.id, view_id, wanted));
        let (outcome, errors, problem) = match done {
            Ok((outcome, errors)) => (outcome, errors, None),
            Err(problem) => (Outcome::Failed, BTreeMap::new(), Some(problem)),
        };
        let views = world.screen(&person.id);
        Ok(SubmitResult { outcome, errors, problem, delivery: Some(delivery), views })
    }

    /// Presses Cancel or the back arrow; `cleared` is the × that closes the whole stack. The app is
    /// told of each view that asked for it with `notify_on_close`.
    pub async fn close(&self, user: &str, view_id: &str, cleared: bool) -> Result<Vec<Delivery>, Error> {
        let outs = {
            let mut world = self.world();
            let person = world.person(user)?.clone();
            world.own_view(&person.id, view_id)?;
            let stack = world.stacks.get(&person.id).cloned().unwrap_or_default();
            if stack.last().is_none_or(|top| top != view_id) {
                return Err(Error::Cannot(format!("{view_id} is not the topmost view")));
            }
            let all = cleared || world.view(view_id).is_some_and(|view| view.body.get("clear_on_close") == Some(&json!(true)));
            let mut outs = Vec::new();
            for _ in 0..if all { stack.len() } else { 1 } {
                let Some(closed) = world.close_top(&person.id) else { break };
                let Some(view) = world.view(&closed).filter(|view| view.body.get("notify_on_close") == Some(&json!(true))) else {
                    continue;
                };
                let mut payload = world.interaction("view_closed", &person);
                world.in_view(&mut payload, view, false);
                payload["is_cleared"] = all.into();
                payload["response_urls"] = json!([]);
                outs.push(interactive(&world, "view_closed", payload, false));
            }
            outs
        };
        let mut deliveries = Vec::new();
        for out in outs {
            deliveries.push(self.send(out).await);
        }
        Ok(deliveries)
    }

    /// A person's open modals, the topmost last, each with the `errors` it shows.
    pub fn views(&self, user: &str) -> Result<Vec<Value>, Error> {
        let world = self.world();
        let user = world.person(user)?.id.clone();
        Ok(world.screen(&user))
    }

    /// A person's Home tab, once it was published.
    pub fn home(&self, user: &str) -> Result<Option<Value>, Error> {
        let world = self.world();
        let id = world.homes.get(&world.person(user)?.id);
        Ok(id.and_then(|id| world.view(id)).map(|view| world.view_json(view)))
    }

    /// What everybody in a channel sees, oldest first, replies among it.
    pub fn messages(&self, channel: &str) -> Result<Vec<Value>, Error> {
        let world = self.world();
        let id = world.place(channel)?.id.clone();
        Ok(world.listed(|message| message.channel == id && message.only_for.is_none()))
    }

    /// The direct messages between the app and a person.
    pub fn dms(&self, user: &str) -> Result<Vec<Value>, Error> {
        let world = self.world();
        let user = world.person(user)?.id.clone();
        let Some(id) = world.channels.iter().find(|channel| channel.dm.as_ref() == Some(&user)).map(|channel| channel.id.clone())
        else {
            return Ok(Vec::new());
        };
        Ok(world.listed(|message| message.channel == id && message.only_for.is_none()))
    }

    /// What only this person sees, in any channel.
    pub fn ephemerals(&self, user: &str) -> Result<Vec<Value>, Error> {
        let world = self.world();
        let user = world.person(user)?.id.clone();
        Ok(world.listed(|message| message.only_for.as_ref() == Some(&user)))
    }

    /// Writes a message as a person, for an app to trip over.
    pub fn say(&self, user: &str, channel: &str, text: &str, thread_ts: Option<&str>) -> Result<String, Error> {
        let now = self.now();
        let mut world = self.world();
        let user = world.person(user)?.id.clone();
        let channel = if channel == "dm" { world.dm(&user) } else { world.place(channel)?.id.clone() };
        let body = json!({ "text": text }).as_object().cloned().unwrap_or_default();
        let ts = world.post(now, &channel, None, thread_ts.map(str::to_owned), body);
        if let Some(message) = world.message_mut(&channel, &ts) {
            message.ours = false;
            message.user = user;
        }
        Ok(ts)
    }
}

impl World {
    pub(super) fn screen(&self, user: &str) -> Vec<Value> {
        let stack = self.stacks.get(user).into_iter().flatten();
        stack
            .filter_map(|id| self.view(id))
            .map(|view| {
                let mut json = self.view_json(view);
                json["errors"] = json!(view.errors);
                json
            })
            .collect()
    }

    pub(super) fn listed(&self, wanted: impl Fn(&super::world::Message) -> bool) -> Vec<Value> {
        let shown = self.messages.iter().filter(|message| wanted(message));
        shown
            .map(|message| {
                let mut json = self.message_json(message);
                json["channel"] = message.channel.as_str().into();
                json["state"] = json!({ "values": message.state });
                if let Some(only) = &message.only_for {
                    json["only_for"] = only.as_str().into();
                }
                json
            })
            .collect()
    }

    /// Does what the app answered to a submission.
    fn apply(
        &mut self,
        now: crate::domain::time::Time,
        user: &str,
        view_id: &str,
        wanted: Wanted,
    ) -> Result<(Outcome, BTreeMap<String, String>), String> {
        let wrong = |refusal: super::web::Refusal| Error::from(refusal).to_string();
        let none = BTreeMap::new();
        if self.own_view(user, view_id).is_err() {
            return Err("the view is no longer open".into());
        }
        match wanted {
            Wanted::Close => {
                self.close_one(user, view_id);
                Ok((Outcome::Closed, none))
            }
            Wanted::Clear => {
                self.close_all(user);
                Ok((Outcome::Cleared, none))
            }
            Wanted::Errors(errors) => {
                let Some(view) = self.view_mut(view_id) else { return Err("the view is gone".into()) };
                let blocks = inputs::elements(view.body.get("blocks").unwrap_or(&Value::Null));
                let known = |id: &&String| blocks.iter().any(|placed| placed.input.is_some() && placed.block_id == **id);
                if errors.is_empty() {
                    return Err("errors must name at least one block".into());
                }
                if let Some(unknown) = errors.keys().find(|id| !known(id)) {
                    return Err(format!("errors names {unknown}, which is not an input block"));
                }
                view.errors.clone_from(&errors);
                Ok((Outcome::Errors, errors))
            }
            Wanted::Update(view) => {
                let body = views::checked(self, Some(&view), "modal", Some(view_id)).map_err(wrong)?;
                self.emit(now, "view_submission answer", "view", &view);
                views::renew(self, now, view_id, body);
                Ok((Outcome::Updated, none))
            }
            Wanted::Push(view) => {
                let body = views::checked(self, Some(&view), "modal", None).map_err(wrong)?;
                views::stack(self, now, user, body).map_err(wrong)?;
                self.emit(now, "view_submission answer", "view", &view);
                Ok((Outcome::Pushed, none))
            }
        }
    }
}
