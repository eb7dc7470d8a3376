//! `views.*`: modals and the Home tab.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Answer, Args, Refusal, missing, need, no, refuse, text};
use crate::domain::time::Time;
use crate::playground::world::{TRIGGER_LIFE, View, World};
use crate::playground::{blocks, inputs};

/// The view an app sent, checked.
pub(in crate::playground) fn checked(
    world: &World,
    view: Option<&Value>,
    kind: &str,
    same: Option<&str>,
) -> Result<Map<String, Value>, Refusal> {
    let Some(Value::Object(body)) = view else {
        return if view.is_none() {
            missing("view")
        } else {
            refuse("invalid_arguments", &["must provide an object [json-pointer:/view]".into()])
        };
    };
    let size = serde_json::to_string(body).map_or(0, |text| text.len());
    if size > blocks::VIEW_BYTES {
        return no("view_too_large");
    }
    // A key that is given as null is a key that is not given.
    let body: Map<String, Value> =
        body.iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.clone(), value.clone())).collect();
    let view = Value::Object(body.clone());
    let mut problems = blocks::check_view(&view);
    if let Some(given) = view["type"].as_str().filter(|given| *given != kind) {
        problems.push(format!("unsupported type: {given} [json-pointer:/view/type]"));
    }
    if !problems.is_empty() {
        return refuse("invalid_arguments", &problems);
    }
    if let Some(external) = body.get("external_id").and_then(Value::as_str).filter(|id| !id.is_empty()) {
        let taken = |other: &View| {
            other.open && other.body.get("external_id") == Some(&json!(external)) && Some(other.id.as_str()) != same
        };
        if world.views.iter().any(taken) {
            return no("duplicate_external_id");
        }
    }
    Ok(body)
}

/// Adds a view on top of a person's stack; without a stack it is the root.
pub(in crate::playground) fn stack(
    world: &mut World,
    now: Time,
    user: &str,
    mut body: Map<String, Value>,
) -> Result<String, Refusal> {
    let below = world.stacks.get(user).cloned().unwrap_or_default();
    if below.len() >= blocks::VIEW_STACK {
        return no("push_limit_reached");
    }
    let state = world.accepted(&mut body);
    let id = world.dice.id("V");
    let root = below.first().cloned().unwrap_or_else(|| id.clone());
    let hash = hash(world, now);
    let previous = below.last().cloned();
    world.views.push(View {
        id: id.clone(),
        user: user.to_owned(),
        body,
        state,
        hash,
        root,
        previous,
        errors: BTreeMap::new(),
        open: true,
    });
    world.stacks.entry(user.to_owned()).or_default().push(id.clone());
    Ok(id)
}

fn hash(world: &mut World, now: Time) -> String {
    format!("{}.{}", now.seconds(), world.dice.hex(8))
}

/// Puts new content into a view. What was typed stays where the same element is still there.
pub(in crate::playground) fn renew(world: &mut World, now: Time, id: &str, mut body: Map<String, Value>) {
    world.accepted(&mut body);
    let hash = hash(world, now);
    if let Some(view) = world.view_mut(id) {
        let nothing = json!([]);
        view.state = inputs::state(body.get("blocks").unwrap_or(&nothing), &view.state);
        view.body = body;
        view.hash = hash;
        view.errors.clear();
    }
}

fn shown(world: &World, id: &str) -> Value {
    json!({ "view": world.view(id).map(|view| world.view_json(view)) })
}

/// `views.open` and `views.push`. The trigger is used up only when the view was good.
pub(super) fn open(world: &mut World, now: Time, args: &Args, push: bool) -> Answer {
    let Some(id) = text(args, "trigger_id").or_else(|| text(args, "interactivity_pointer")) else { return missing("trigger_id") };
    let (method, id) = (if push { "views.push" } else { "views.open" }, id.to_owned());
    let body = checked(world, args.get("view"), "modal", None)?;
    let Some(trigger) = world.triggers.get(&id).cloned() else { return no("invalid_trigger_id") };
    if trigger.used {
        return no("exchanged_trigger_id");
    }
    if now - trigger.made > TRIGGER_LIFE {
        return no("expired_trigger_id");
    }
    let on_screen =
        trigger.view.as_ref().is_some_and(|view| world.view(view).is_some_and(|view| view.open && view.body["type"] == "modal"));
    match (push, on_screen) {
        (true, false) => return no("not_found"),
        // Opened from elsewhere than a modal, it takes the place of whatever is open.
        (false, false) => world.close_all(&trigger.user),
        (_, true) => {}
    }
    let view = stack(world, now, &trigger.user, body)?;
    if let Some(trigger) = world.triggers.get_mut(&id) {
        trigger.used = true;
    }
    world.emit(now, method, "view", &args["view"]);
    Ok(shown(world, &view))
}

pub(super) fn update(world: &mut World, now: Time, args: &Args) -> Answer {
    let external = |view: &&View| text(args, "external_id").is_some_and(|id| view.body.get("external_id") == Some(&json!(id)));
    let found = match text(args, "view_id") {
        Some(id) => world.view(id),
        None if text(args, "external_id").is_some() => world.views.iter().filter(|view| view.open).find(external),
        None => return missing("view_id"),
    };
    let Some(view) = found.filter(|view| view.open) else { return no("not_found") };
    let (id, held, kind) = (view.id.clone(), view.hash.clone(), view.body["type"].as_str().unwrap_or("modal").to_owned());
    let body = checked(world, args.get("view"), &kind, Some(&id))?;
    if text(args, "hash").is_some_and(|hash| hash != held) {
        return no("hash_conflict");
    }
    world.emit(now, "views.update", "view", &args["view"]);
    renew(world, now, &id, body);
    Ok(shown(world, &id))
}

pub(super) fn publish(world: &mut World, now: Time, args: &Args) -> Answer {
    let user = need(args, "user_id")?.to_owned();
    if world.users.iter().all(|other| other.id != user || other.deleted) {
        return no("user_not_found");
    }
    let there = world.homes.get(&user).cloned();
    let mut body = checked(world, args.get("view"), "home", there.as_deref())?;
    if let Some(hash) = text(args, "hash")
        && there.as_ref().and_then(|id| world.view(id)).is_some_and(|view| view.hash != hash)
    {
        return no("hash_conflict");
    }
    world.emit(now, "views.publish", "view", &args["view"]);
    if let Some(id) = there {
        renew(world, now, &id, body);
        return Ok(shown(world, &id));
    }
    let state = world.accepted(&mut body);
    let (id, hash) = (world.dice.id("V"), hash(world, now));
    let (root, errors) = (id.clone(), BTreeMap::new());
    world.views.push(View { id: id.clone(), user: user.clone(), body, state, hash, root, previous: None, errors, open: true });
    world.homes.insert(user, id.clone());
    Ok(shown(world, &id))
}

impl World {
    /// Takes one view off a person's screen. The view below shows again.
    pub(in crate::playground) fn close_top(&mut self, user: &str) -> Option<String> {
        let id = self.stacks.get_mut(user)?.pop()?;
        if let Some(view) = self.view_mut(&id) {
            view.open = false;
        }
        Some(id)
    }

    /// Takes this view off the stack, wherever it is by now.
    pub(in crate::playground) fn close_one(&mut self, user: &str, id: &str) {
        if let Some(stack) = self.stacks.get_mut(user) {
            stack.retain(|other| other != id);
        }
        if let Some(view) = self.view_mut(id) {
            view.open = false;
        }
    }

    pub(in crate::playground) fn close_all(&mut self, user: &str) {
        while self.close_top(user).is_some() {}
    }
}
