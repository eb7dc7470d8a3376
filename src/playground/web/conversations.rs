//! `conversations.*`: which channels there are and who is in them.

use serde_json::{Value, json};

use super::{Answer, Args, flag, need, no, page, text};
use crate::playground::world::{Channel, World};

fn channel_json(world: &World, channel: &Channel) -> Value {
    let member = channel.members.contains(&world.bot_user);
    let mut json = json!({ "id": channel.id, "created": 1_700_000_000, "is_archived": channel.is_archived, "is_im": channel.dm.is_some(),
        "is_org_shared": false, "context_team_id": world.team_id, "updated": 1_700_000_000_000_i64 });
    if let Some(user) = &channel.dm {
        json["user"] = user.as_str().into();
        json["is_user_deleted"] = world.users.iter().any(|other| &other.id == user && other.deleted).into();
        json["is_open"] = true.into();
        return json;
    }
    let shared = channel.members.iter().any(|id| world.users.iter().any(|user| &user.id == id && user.team_id != world.team_id));
    for (key, value) in [
        ("name", json!(channel.name)),
        ("name_normalized", json!(channel.name)),
        ("is_channel", json!(!channel.is_private)),
        ("is_group", json!(channel.is_private)),
        ("is_private", json!(channel.is_private)),
        ("is_mpim", json!(false)),
        ("is_general", json!(channel.name == "general")),
        ("is_shared", json!(shared)),
        ("is_ext_shared", json!(shared)),
        ("is_pending_ext_shared", json!(false)),
        ("is_member", json!(member)),
        ("creator", json!("U0DAVE")),
        ("num_members", json!(channel.members.len())),
        ("topic", json!({ "value": "", "creator": "", "last_set": 0 })),
        ("purpose", json!({ "value": "", "creator": "", "last_set": 0 })),
    ] {
        json[key] = value;
    }
    json
}

/// A channel the app can see: any public one, and those it is in.
fn seen<'a>(world: &'a World, id: &str) -> Option<&'a Channel> {
    world.channel(id).filter(|channel| !channel.is_private || channel.members.contains(&world.bot_user))
}

pub(super) fn open(world: &mut World, args: &Args) -> Answer {
    if let Some(id) = text(args, "channel") {
        return match seen(world, id) {
            Some(channel) if channel.dm.is_some() => Ok(json!({ "no_op": true, "already_open": true, "channel": { "id": id } })),
            Some(_) => no("method_not_supported_for_channel_type"),
            None => no("channel_not_found"),
        };
    }
    let users: Vec<String> = match args.get("users") {
        Some(Value::String(ids)) => ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect(),
        Some(Value::Array(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    match users.as_slice() {
        [] => no("users_list_not_supplied"),
        [user] => match world.users.iter().find(|other| &other.id == user) {
            None => no("user_not_found"),
            Some(other) if other.deleted => no("user_disabled"),
            Some(other) if other.is_bot => no("cannot_dm_bot"),
            Some(_) => {
                let there = world.channels.iter().any(|channel| channel.dm.as_deref() == Some(user));
                let id = world.dm(user);
                let channel = match world.channel(&id) {
                    Some(channel) if flag(args, "return_im") => channel_json(world, channel),
                    _ => json!({ "id": id }),
                };
                Ok(if there {
                    json!({ "no_op": true, "already_open": true, "channel": channel })
                } else {
                    json!({ "channel": channel })
                })
            }
        },
        // Direct messages of several people need mpim:write, which the app does not ask for.
        _ => no("missing_scope"),
    }
}

pub(super) fn info(world: &World, args: &Args) -> Answer {
    match seen(world, need(args, "channel")?) {
        Some(channel) => Ok(json!({ "channel": channel_json(world, channel) })),
        None => no("channel_not_found"),
    }
}

pub(super) fn members(world: &World, args: &Args) -> Answer {
    let Some(channel) = seen(world, need(args, "channel")?) else { return no("channel_not_found") };
    let (members, next) = page(args, &channel.members)?;
    Ok(json!({ "members": members, "response_metadata": { "next_cursor": next } }))
}

pub(super) fn list(world: &World, args: &Args) -> Answer {
    let types = text(args, "types").unwrap_or("public_channel");
    let wanted = |channel: &&Channel| {
        let kind = match (channel.dm.is_some(), channel.is_private) {
            (true, _) => "im",
            (false, true) => "private_channel",
            (false, false) => "public_channel",
        };
        types.split(',').any(|each| each.trim() == kind)
            && !(channel.is_archived && flag(args, "exclude_archived"))
            && (!channel.is_private || channel.members.contains(&world.bot_user))
    };
    let all: Vec<&Channel> = world.channels.iter().filter(wanted).collect();
    let (channels, next) = page(args, &all)?;
    let channels: Vec<Value> = channels.into_iter().map(|channel| channel_json(world, channel)).collect();
    Ok(json!({ "channels": channels, "response_metadata": { "next_cursor": next } }))
}
