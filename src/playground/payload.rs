//! What Slack sends of a command or an interaction: the keys, and the variants of them.
//!
//! It must never send anything; that is [`super::deliver`].

use serde_json::{Map, Value, json};

use super::inputs::Placed;
use super::world::{Channel, Message, User, World};

/// The verification token of old; nobody should look at it.
const TOKEN: &str = "verification-token-not-to-be-used";

impl World {
    /// The fields of a slash command.
    pub(super) fn command_fields(
        &self,
        user: &User,
        channel: &Channel,
        command: &str,
        text: &str,
        trigger: &str,
        url: &str,
    ) -> Value {
        let org_wide = self.settings.variant.org_wide;
        let mut fields = json!({
            "token": TOKEN, "team_id": self.team_id, "team_domain": self.team_domain, "channel_id": channel.id,
            "channel_name": shown_name(channel), "user_id": user.id, "user_name": user.name, "command": command, "text": text,
            "api_app_id": self.app_id, "is_enterprise_install": org_wide.to_string(), "response_url": url, "trigger_id": trigger,
        });
        if user.team_id != self.team_id {
            fields["team_id"] = user.team_id.as_str().into();
            fields["team_domain"] = "elsewhere".into();
        }
        if org_wide || self.settings.variant.in_grid {
            fields["enterprise_id"] = self.enterprise_id.as_str().into();
            fields["enterprise_name"] = "Acme Group".into();
        }
        self.dress(fields)
    }

    /// What every interaction carries.
    pub(super) fn interaction(&self, kind: &str, user: &User) -> Value {
        let org_wide = self.settings.variant.org_wide;
        let enterprise = if org_wide { json!({ "id": self.enterprise_id, "name": "Acme Group" }) } else { Value::Null };
        let mut person = json!({ "id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id });
        if kind == "shortcut" {
            person.as_object_mut().map(|person| person.shift_remove("name"));
        }
        let mut payload = json!({
            "type": kind, "user": person, "api_app_id": self.app_id, "token": TOKEN,
            "team": if org_wide { Value::Null } else { json!({ "id": self.team_id, "domain": self.team_domain }) },
            "enterprise": enterprise, "is_enterprise_install": org_wide,
        });
        if self.settings.variant.in_grid && !org_wide {
            payload["team"]["enterprise_id"] = self.enterprise_id.as_str().into();
            payload["team"]["enterprise_name"] = "Acme Group".into();
        }
        if kind == "shortcut" {
            payload.as_object_mut().map(|payload| payload.shift_remove("api_app_id"));
        }
        payload
    }

    /// Adds where a message interaction happened.
    pub(super) fn in_message(&self, payload: &mut Value, message: &Message) {
        let ephemeral = message.only_for.is_some();
        let mut container =
            json!({ "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": ephemeral });
        if let Some(thread) = &message.thread_ts {
            container["thread_ts"] = thread.as_str().into();
        }
        payload["container"] = container;
        payload["channel"] = match self.channel(&message.channel) {
            Some(channel) => json!({ "id": channel.id, "name": shown_name(channel) }),
            None => json!({ "id": message.channel }),
        };
        if !ephemeral {
            payload["message"] = self.message_json(message);
        }
        payload["state"] = json!({ "values": message.state });
    }

    /// Adds the view an interaction happened in.
    pub(super) fn in_view(&self, payload: &mut Value, view: &super::world::View, container: bool) {
        if container {
            payload["container"] = json!({ "type": "view", "view_id": view.id });
        }
        payload["view"] = self.view_json(view);
    }

    pub(super) fn suggestion(&self, payload: &mut Value, placed: &Placed, value: &str) {
        payload["action_id"] = placed.action_id.as_str().into();
        payload["block_id"] = placed.block_id.as_str().into();
        payload["value"] = value.into();
    }

    /// The variants: with fewer or with more keys.
    pub(super) fn dress(&self, mut payload: Value) -> Value {
        let Some(object) = payload.as_object_mut() else { return payload };
        if self.settings.variant.fewer_keys {
            for key in [
                "token",
                "team_domain",
                "channel_name",
                "user_name",
                "is_enterprise_install",
                "enterprise",
                "enterprise_name",
                "state",
                "response_urls",
            ] {
                object.shift_remove(key);
            }
            strip(object, "team", &["domain"]);
            strip(object, "user", &["name", "username", "team_id"]);
            strip(object, "channel", &["name"]);
            strip(object, "message", &["blocks", "bot_profile", "app_id", "team"]);
        }
        if self.settings.variant.more_keys {
            let new = json!({ "since": 2027, "list": [1, null, { "deep": true }] });
            for key in ["user", "team", "channel", "view", "message", "container"] {
                if let Some(inner) = object.get_mut(key).and_then(Value::as_object_mut) {
                    inner.insert("not_heard_of".into(), new.clone());
                }
            }
            for action in object.get_mut("actions").and_then(Value::as_array_mut).into_iter().flatten() {
                action["not_heard_of"] = new.clone();
            }
            let flat = object.contains_key("command");
            object.insert("not_heard_of".into(), if flat { "yes".into() } else { new });
        }
        if self.settings.variant.reordered {
            *object = std::mem::take(object).into_iter().rev().collect();
        }
        payload
    }
}

fn strip(object: &mut Map<String, Value>, inner: &str, keys: &[&str]) {
    if let Some(inner) = object.get_mut(inner).and_then(Value::as_object_mut) {
        inner.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

fn shown_name(channel: &Channel) -> &str {
    match (&channel.dm, channel.is_private) {
        (Some(_), _) => "directmessage",
        (None, true) => "privategroup",
        (None, false) => &channel.name,
    }
}
