//! `auth.test`, `team.info`, `users.*` and `usergroups.*`.

use serde_json::{Value, json};

use super::{Answer, Args, flag, need, no, page};
use crate::playground::world::{Group, User, World};

pub(super) fn auth_test(world: &World) -> Answer {
    let mut answer = json!({
        "url": format!("https://{}.slack.com/", world.team_domain), "team": world.team_name, "user": "p0",
        "team_id": world.team_id, "user_id": world.bot_user, "bot_id": world.bot_id,
        "is_enterprise_install": world.settings.variant.org_wide,
    });
    if world.settings.variant.org_wide {
        answer["enterprise_id"] = world.enterprise_id.as_str().into();
    }
    Ok(answer)
}

pub(super) fn team_info(world: &World) -> Answer {
    Ok(json!({ "team": { "id": world.team_id, "name": world.team_name, "domain": world.team_domain,
        "url": format!("https://{}.slack.com/", world.team_domain), "email_domain": format!("{}.example", world.team_domain),
        "icon": { "image_default": true } } }))
}

fn user_json(user: &User, email: bool) -> Value {
    let mut profile = json!({ "real_name": user.real_name, "real_name_normalized": user.real_name, "display_name": user.name,
        "display_name_normalized": user.name, "status_text": "", "status_emoji": "", "avatar_hash": "g0000000000", "team": user.team_id });
    if email && let Some(address) = &user.email {
        profile["email"] = address.as_str().into();
    }
    let mut json = json!({ "id": user.id, "team_id": user.team_id, "name": user.name, "deleted": user.deleted, "profile": profile,
        "is_bot": user.is_bot, "is_app_user": false, "updated": 1_700_000_000 });
    if !user.deleted {
        for (key, value) in [
            ("color", json!("9f69e7")),
            ("real_name", json!(user.real_name)),
            ("tz", json!(user.tz)),
            ("tz_label", json!(user.tz)),
            ("tz_offset", json!(user.tz_offset)),
            ("is_admin", json!(false)),
            ("is_owner", json!(false)),
            ("is_primary_owner", json!(false)),
            ("is_restricted", json!(false)),
            ("is_ultra_restricted", json!(false)),
            ("is_email_confirmed", json!(true)),
        ] {
            json[key] = value;
        }
    }
    json
}

pub(super) fn info(world: &World, args: &Args, email: bool) -> Answer {
    let id = need(args, "user")?;
    match world.users.iter().find(|user| user.id == id) {
        Some(user) => {
            let mut json = user_json(user, email);
            if user.team_id != world.team_id {
                json["is_stranger"] = true.into();
            }
            Ok(json!({ "user": json }))
        }
        None => no("user_not_found"),
    }
}

pub(super) fn list(world: &World, args: &Args, email: bool) -> Answer {
    let own: Vec<&User> = world.users.iter().filter(|user| user.team_id == world.team_id).collect();
    let (users, next) = page(args, &own)?;
    let members: Vec<Value> = users.into_iter().map(|user| user_json(user, email)).collect();
    Ok(json!({ "members": members, "cache_ts": 1_700_000_000, "response_metadata": { "next_cursor": next } }))
}

/// People of other workspaces and those who left are not found by e-mail.
pub(super) fn by_email(world: &World, args: &Args) -> Answer {
    let email = need(args, "email")?.to_lowercase();
    let same = |user: &&User| user.email.as_ref().is_some_and(|address| address.to_lowercase() == email);
    match world.users.iter().filter(|user| !user.deleted && user.team_id == world.team_id).find(same) {
        Some(user) => Ok(json!({ "user": user_json(user, true) })),
        None => no("users_not_found"),
    }
}

pub(super) fn groups(world: &World, args: &Args) -> Answer {
    let json = |group: &Group| {
        let mut json = json!({ "id": group.id, "team_id": world.team_id, "is_usergroup": true, "name": group.name, "description": "",
            "handle": group.handle, "is_external": false, "date_create": 1_700_000_000, "date_update": 1_700_000_000,
            "date_delete": if group.disabled { 1_700_000_000 } else { 0 }, "auto_type": null, "created_by": "U0DAVE",
            "updated_by": "U0DAVE", "deleted_by": null, "prefs": { "channels": [], "groups": [] }, "user_count": group.users.len() });
        if flag(args, "include_users") {
            json["users"] = json!(group.users);
        }
        json
    };
    let shown = world.groups.iter().filter(|group| !group.disabled || flag(args, "include_disabled"));
    Ok(json!({ "usergroups": shown.map(json).collect::<Vec<_>>() }))
}

pub(super) fn group_users(world: &World, args: &Args) -> Answer {
    let id = need(args, "usergroup")?;
    match world.groups.iter().find(|group| group.id == id) {
        Some(group) if group.disabled && !flag(args, "include_disabled") => no("no_such_subteam"),
        Some(group) => Ok(json!({ "users": group.users })),
        None => no("no_such_subteam"),
    }
}
