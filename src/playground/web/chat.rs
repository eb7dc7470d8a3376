//! `chat.*`: messages in channels and direct messages.

use serde_json::{Map, Value, json};

use super::{Answer, Args, Refusal, flag, missing, need, no, refuse, text};
use crate::domain::time::{Span, Time};
use crate::playground::blocks;
use crate::playground::world::World;

/// The parts of a message Slack keeps, checked.
pub(in crate::playground) fn content(args: &Args, longest: Option<usize>) -> Result<Map<String, Value>, Refusal> {
    let mut body = Map::new();
    let words = args.get("text").and_then(Value::as_str).unwrap_or_default();
    if longest.is_some_and(|longest| words.chars().count() > longest) {
        return no("msg_too_long");
    }
    body.insert("text".into(), words.chars().take(blocks::POST_TEXT).collect::<String>().into());
    let items = |name: &str| args.get(name).filter(|value| !value.is_null() && *value != &json!([]));
    if let Some(given) = items("blocks") {
        let problems = if given.is_array() {
            blocks::check_message(given)
        } else {
            vec!["must provide an array [json-pointer:/blocks]".into()]
        };
        if !problems.is_empty() {
            return refuse("invalid_blocks", &problems);
        }
        body.insert("blocks".into(), given.clone());
    }
    if let Some(given) = items("attachments") {
        let all = given.as_array().map(Vec::as_slice).unwrap_or_default();
        if all.len() > blocks::ATTACHMENTS {
            return no("too_many_attachments");
        }
        let problems: Vec<String> = all.iter().filter_map(|one| one.get("blocks")).flat_map(blocks::check_message).collect();
        if !problems.is_empty() {
            return refuse("invalid_attachments", &problems);
        }
        body.insert("attachments".into(), given.clone());
    }
    if words.is_empty() && body.len() == 1 {
        return no("no_text");
    }
    if let Some(metadata) = args.get("metadata").filter(|value| !value.is_null()) {
        if !metadata["event_type"].is_string() || !metadata["event_payload"].is_object() {
            return no("invalid_metadata_format");
        }
        body.insert("metadata".into(), metadata.clone());
    }
    Ok(body)
}

/// The channel a post goes to. A person's id opens the direct messages.
fn target(world: &mut World, name: &str, public: bool) -> Result<String, Refusal> {
    let plain = name.trim_start_matches('#').to_owned();
    if let Some(user) = world.users.iter().find(|user| user.id == plain) {
        if user.is_bot {
            return no("cannot_dm_bot");
        }
        if user.deleted {
            return no("channel_not_found");
        }
        return Ok(world.dm(&plain));
    }
    let Ok(channel) = world.place(&plain) else { return no("channel_not_found") };
    let member = channel.members.contains(&world.bot_user);
    match (channel.is_archived, member, channel.is_private) {
        (_, false, true) => no("channel_not_found"),
        (true, _, _) => no("is_archived"),
        (_, false, false) if !public => no("not_in_channel"),
        _ => Ok(channel.id.clone()),
    }
}

fn thread(world: &World, channel: &str, args: &Args) -> Result<Option<String>, Refusal> {
    match text(args, "thread_ts") {
        None => Ok(None),
        Some(ts) => match world.message(channel, ts) {
            // A reply to a reply goes into the thread of its parent.
            Some(parent) if parent.only_for.is_none() => Ok(Some(parent.thread_ts.clone().unwrap_or_else(|| ts.to_owned()))),
            _ => no("thread_not_found"),
        },
    }
}

pub(super) fn post(world: &mut World, now: Time, args: &Args, public: bool) -> Answer {
    let channel = target(world, need(args, "channel")?, public)?;
    let thread_ts = thread(world, &channel, args)?;
    if flag(args, "reply_broadcast") && thread_ts.is_none() {
        return no("cannot_broadcast_message");
    }
    let mut body = content(args, None)?;
    if flag(args, "reply_broadcast") {
        body.insert("subtype".into(), "thread_broadcast".into());
    }
    world.emit(now, "chat.postMessage", "message", &Value::Object(args.clone()));
    let ts = world.post(now, &channel, None, thread_ts, body);
    let message = world.message(&channel, &ts).map(|message| world.message_json(message));
    Ok(json!({ "channel": channel, "ts": ts, "message": message }))
}

/// The longest that a message can be put ahead.
const AHEAD: Span = Span::days(120);

/// Nothing is ever posted by it: whoever waits so long sees nothing here.
pub(super) fn schedule(world: &mut World, now: Time, args: &Args, public: bool) -> Answer {
    let channel = target(world, need(args, "channel")?, public)?;
    let at = args.get("post_at").and_then(|at| at.as_i64().or_else(|| at.as_str()?.parse().ok()));
    let Some(at) = at else { return missing("post_at") };
    content(args, None)?;
    match at - now.seconds() {
        ..=0 => return no("time_in_past"),
        ahead if AHEAD.0 / 1000 < ahead => return no("time_too_far"),
        _ => {}
    }
    let id = world.dice.id("Q");
    world.scheduled.insert(id.clone(), channel.clone());
    Ok(json!({ "channel": channel, "scheduled_message_id": id, "post_at": at }))
}

pub(super) fn unschedule(world: &mut World, args: &Args) -> Answer {
    let (channel, id) = (need(args, "channel")?, need(args, "scheduled_message_id")?);
    match world.scheduled.get(id) {
        Some(known) if known == channel => {
            world.scheduled.remove(id);
            Ok(json!({}))
        }
        Some(_) | None => no("invalid_scheduled_message_id"),
    }
}

pub(super) fn post_ephemeral(world: &mut World, now: Time, args: &Args) -> Answer {
    let user = need(args, "user")?.to_owned();
    let channel = target(world, need(args, "channel")?, true)?;
    if world.users.iter().all(|other| other.id != user) {
        return no("user_not_found");
    }
    if world.channel(&channel).is_some_and(|channel| !channel.members.contains(&user)) {
        return no("user_not_in_channel");
    }
    let thread_ts = thread(world, &channel, args)?;
    let body = content(args, None)?;
    world.emit(now, "chat.postEphemeral", "message", &Value::Object(args.clone()));
    let ts = world.post(now, &channel, Some(user), thread_ts, body);
    Ok(json!({ "message_ts": ts }))
}

/// The app's own lasting message, or why it cannot be touched.
fn own(world: &World, args: &Args, not_ours: &str) -> Result<(String, String), Refusal> {
    let (channel, ts) = (need(args, "channel")?, need(args, "ts")?);
    match world.channel(channel) {
        None => return no("channel_not_found"),
        Some(channel) if channel.is_archived => return no("is_archived"),
        Some(_) => {}
    }
    match world.message(channel, ts) {
        Some(message) if message.only_for.is_some() => no("message_not_found"),
        Some(message) if !message.ours => no(not_ours),
        Some(_) => Ok((channel.to_owned(), ts.to_owned())),
        None => no("message_not_found"),
    }
}

pub(super) fn update(world: &mut World, now: Time, args: &Args) -> Answer {
    let (channel, ts) = own(world, args, "cant_update_message")?;
    let body = content(args, Some(blocks::UPDATE_TEXT))?;
    world.emit(now, "chat.update", "message", &Value::Object(args.clone()));
    replace(world, &channel, &ts, body);
    let message = world.message(&channel, &ts).map(|message| world.message_json(message));
    Ok(json!({ "channel": channel, "ts": ts, "text": args.get("text").cloned().unwrap_or_default(), "message": message }))
}

/// Puts new content in place of a message's old one. Text without blocks takes the blocks away.
pub(in crate::playground) fn replace(world: &mut World, channel: &str, ts: &str, mut body: Map<String, Value>) {
    world.accepted(&mut body);
    if let Some(message) = world.message_mut(channel, ts) {
        if !body.contains_key("metadata")
            && let Some(metadata) = message.body.get("metadata")
        {
            body.insert("metadata".into(), metadata.clone());
        }
        let nothing = json!([]);
        message.state = crate::playground::inputs::state(body.get("blocks").unwrap_or(&nothing), &message.state);
        message.edited = !body.contains_key("blocks");
        message.body = body;
    }
}

pub(super) fn delete(world: &mut World, args: &Args) -> Answer {
    let (channel, ts) = own(world, args, "cant_delete_message")?;
    world.messages.retain(|message| message.channel != channel || message.ts != ts);
    Ok(json!({ "channel": channel, "ts": ts }))
}

pub(super) fn permalink(world: &World, args: &Args) -> Answer {
    let (channel, ts) = (need(args, "channel")?, need(args, "message_ts")?);
    if world.channel(channel).is_none() {
        return no("channel_not_found");
    }
    let Some(message) = world.message(channel, ts).filter(|message| message.only_for.is_none()) else {
        return no("message_not_found");
    };
    let mut link = format!("https://{}.slack.com/archives/{channel}/p{}", world.team_domain, ts.replace('.', ""));
    if let Some(thread) = &message.thread_ts {
        link.push_str(&format!("?thread_ts={thread}&cid={channel}"));
    }
    Ok(json!({ "channel": channel, "permalink": link }))
}
