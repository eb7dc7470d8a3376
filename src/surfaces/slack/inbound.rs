//! What Slack sends, as types of ours. It comes here after [`super::signature::check`] only.
//!
//! Slack adds keys at any time, leaves out others and sends `null` for a third kind, so only what we
//! use is looked at, and only what we cannot do without is insisted on. What lacks that is refused
//! with one sentence; nothing in here panics, whatever the bytes, and nothing reads a clock.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

mod event;
mod state;
#[cfg(test)]
mod tests;
mod typed;

pub use event::Event;
pub use state::{Input, State};
pub use typed::typed;

/// Slack's ids are far shorter together.
const LONGEST_NAME: usize = 500;

/// Why something was not taken. No part of what came in is repeated in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub &'static str);

/// Who did something, and in which installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The `realm` of their handle: the enterprise of an org-wide installation, else the team the
    /// app is installed in.
    pub realm: String,
    pub user: String,
    /// The team the user belongs to, where Slack says; it is another one for guests that come
    /// through Slack Connect.
    pub user_team: Option<String>,
    /// The team it happened in.
    pub team: Option<String>,
    /// The enterprise that team belongs to.
    pub enterprise: Option<String>,
    pub org_wide: bool,
}

impl Who {
    /// Is this one of our own people, not somebody who comes in through Slack Connect? `team` and
    /// `enterprise` are the installation's own, as `auth.test` tells them. `None`: the payload does
    /// not say, ask `users.info`.
    pub fn at_home(&self, team: &str, enterprise: Option<&str>) -> Option<bool> {
        let theirs = self.user_team.as_deref()?;
        if theirs == team || enterprise == Some(theirs) {
            return Some(true);
        }
        if enterprise.is_none() {
            return Some(false);
        }
        // In an organisation: another team of the same enterprise is home, if the payload says so.
        match self.enterprise.as_deref() {
            Some(here) if self.team.as_deref() == Some(theirs) => Some(enterprise == Some(here)),
            Some(_) | None => None,
        }
    }
}

/// `/p0 …`, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlashCommand {
    pub who: Who,
    /// `/p0`, or whatever the operator called it.
    pub command: String,
    pub text: String,
    pub channel: Option<String>,
    pub trigger: String,
    pub response_url: Option<String>,
}

impl SlashCommand {
    /// Reads the form body of a slash command.
    pub fn parse(body: &[u8]) -> Result<SlashCommand, Refused> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            fields.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        if fields.values().any(|value| value.contains('\0')) {
            return Err(NUL);
        }
        let mut take = |name: &str| fields.remove(name).filter(|value| !value.is_empty());
        let org_wide = take("is_enterprise_install").as_deref() == Some("true");
        let (team, enterprise) = (take("team_id"), take("enterprise_id"));
        let realm = realm(org_wide, team.clone(), enterprise.clone())?;
        let user = take("user_id").ok_or(Refused("the command does not say who typed it"))?;
        // Only members of the installed team can use its commands.
        let who = Who { realm, user, user_team: team.clone(), team, enterprise, org_wide };
        Ok(SlashCommand {
            who,
            command: take("command").ok_or(Refused("the command has no name"))?,
            text: take("text").unwrap_or_default(),
            channel: take("channel_id"),
            trigger: take("trigger_id").ok_or(Refused("the command has no trigger id"))?,
            response_url: take("response_url"),
        })
    }

    /// The key under which it is stored before it is acknowledged.
    pub fn key(&self) -> String {
        named(format!("command/{}/{}", self.who.realm, self.trigger))
    }
}

/// The name of an interaction as it is stored: an index takes no name of any length.
pub(super) fn named(name: String) -> String {
    if name.len() <= LONGEST_NAME { name } else { format!("hash/{}", hex::encode(Sha256::digest(name))) }
}

/// What came to the interactivity URL (or the options URL).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    Actions(Actions),
    Submission(Submission),
    Closed {
        who: Who,
        view: View,
    },
    /// `said`: the text of the message it was chosen at, if it was one.
    Shortcut {
        who: Who,
        callback: String,
        trigger: String,
        action_ts: Option<String>,
        said: Option<String>,
    },
    Suggestion(Suggestion),
    /// A kind that we do not use, or do not know yet.
    Ignored {
        kind: String,
    },
}

/// A press of a button or a change of a select, in a message or in a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actions {
    pub who: Who,
    pub place: Place,
    /// The view it happened in, if it was one.
    pub view: Option<View>,
    pub actions: Vec<Action>,
    /// What the inputs around it hold: those of the message, or of the view.
    pub state: State,
    pub trigger: Option<String>,
    pub response_url: Option<String>,
}

impl Actions {
    /// The key under which one of its actions is stored before it is acknowledged.
    pub fn key(&self, action: &Action) -> String {
        let place = match &self.place {
            Place::Message { channel, ts, .. } => format!("{channel}/{ts}"),
            Place::View { id } => id.clone(),
        };
        let Who { realm, user, .. } = &self.who;
        named(format!("action/{realm}/{place}/{}/{}/{user}", action.action_id, action.action_ts))
    }
}

/// Where an action happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Message { channel: String, ts: String, ephemeral: bool },
    View { id: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub action_id: String,
    pub block_id: String,
    /// The `value` of a button.
    pub value: Option<String>,
    /// What is chosen now, in a select.
    pub input: Input,
    pub action_ts: String,
}

/// A view that was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    pub who: Who,
    pub view: View,
    pub trigger: Option<String>,
}

impl Submission {
    /// The key under which a submission *that was taken* is stored. One that was answered with
    /// errors under the fields comes again with the same view id: store no row for it.
    pub fn key(&self) -> String {
        named(format!("submission/{}/{}", self.who.realm, self.view.id))
    }
}

/// Somebody types into an external select, or opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub who: Who,
    pub block_id: String,
    pub action_id: String,
    /// What was typed so far.
    pub query: String,
    pub view: Option<View>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    pub id: String,
    /// `modal` or `home`.
    pub kind: String,
    pub callback: String,
    pub metadata: String,
    pub hash: Option<String>,
    pub state: State,
}

impl Interaction {
    /// Reads the form body of an interaction: one field `payload`.
    pub fn parse(body: &[u8]) -> Result<Interaction, Refused> {
        let payload = url::form_urlencoded::parse(body)
            .find_map(|(name, value)| (name == "payload").then_some(value))
            .ok_or(Refused("the interaction has no payload"))?;
        Interaction::from_json(payload.as_bytes())
    }

    /// Reads a payload as Socket Mode brings it.
    pub fn from_json(payload: &[u8]) -> Result<Interaction, Refused> {
        let json = json_object(payload)?;
        let kind = text(&json, "/type").ok_or(Refused("the interaction does not say its kind"))?;
        match kind.as_str() {
            "block_actions" => actions(&json).map(Interaction::Actions),
            "view_submission" => Ok(Interaction::Submission(Submission {
                who: who(&json)?,
                view: view(&json)?,
                trigger: text(&json, "/trigger_id"),
            })),
            "view_closed" => Ok(Interaction::Closed { who: who(&json)?, view: view(&json)? }),
            "shortcut" | "message_action" => Ok(Interaction::Shortcut {
                who: who(&json)?,
                callback: text(&json, "/callback_id").ok_or(Refused("the shortcut has no callback id"))?,
                trigger: text(&json, "/trigger_id").ok_or(Refused("the shortcut has no trigger id"))?,
                action_ts: text(&json, "/action_ts"),
                said: said(&json),
            }),
            "block_suggestion" => Ok(Interaction::Suggestion(Suggestion {
                who: who(&json)?,
                block_id: text(&json, "/block_id").ok_or(Refused("the type-ahead has no block id"))?,
                action_id: text(&json, "/action_id").ok_or(Refused("the type-ahead has no action id"))?,
                query: text(&json, "/value").unwrap_or_default(),
                view: view(&json).ok(),
            })),
            _ => Ok(Interaction::Ignored { kind }),
        }
    }

    /// What a log may say of it.
    pub fn kind(&self) -> &str {
        match self {
            Interaction::Actions(_) => "block_actions",
            Interaction::Submission(_) => "view_submission",
            Interaction::Closed { .. } => "view_closed",
            Interaction::Shortcut { .. } => "shortcut",
            Interaction::Suggestion(_) => "block_suggestion",
            Interaction::Ignored { kind } => kind,
        }
    }
}

/// What stands in a message: its own text, or that of what an app attached to it.
fn said(json: &Json) -> Option<String> {
    let attached = || ["/message/attachments/0/text", "/message/attachments/0/fallback"].iter().find_map(|at| text(json, at));
    text(json, "/message/text").or_else(attached)
}

fn actions(json: &Json) -> Result<Actions, Refused> {
    let view = view(json).ok();
    let message = || -> Option<Place> {
        Some(Place::Message {
            channel: text(json, "/container/channel_id").or_else(|| text(json, "/channel/id"))?,
            ts: text(json, "/container/message_ts").or_else(|| text(json, "/message/ts"))?,
            ephemeral: json.pointer("/container/is_ephemeral").and_then(Json::as_bool).unwrap_or(false),
        })
    };
    let place = match (&view, text(json, "/container/view_id")) {
        (Some(view), _) => Place::View { id: view.id.clone() },
        (None, Some(id)) => Place::View { id },
        (None, None) => message().ok_or(Refused("the press names neither a message nor a view"))?,
    };
    let pressed = json.get("actions").and_then(Json::as_array).filter(|list| !list.is_empty());
    let mut actions = Vec::new();
    for action in pressed.ok_or(Refused("the press names no action"))? {
        actions.push(Action {
            action_id: text(action, "/action_id").ok_or(Refused("the action has no id"))?,
            block_id: text(action, "/block_id").unwrap_or_default(),
            value: text(action, "/value"),
            input: Input::read(action),
            action_ts: text(action, "/action_ts").ok_or(Refused("the action has no time"))?,
        });
    }
    let state = match &view {
        Some(view) => view.state.clone(),
        None => State::of(json),
    };
    let (trigger, response_url) = (text(json, "/trigger_id"), text(json, "/response_url"));
    Ok(Actions { who: who(json)?, place, view, actions, state, trigger, response_url })
}

fn who(json: &Json) -> Result<Who, Refused> {
    let team = text(json, "/team/id");
    let enterprise = text(json, "/enterprise/id").or_else(|| text(json, "/team/enterprise_id"));
    let org_wide = json.get("is_enterprise_install").and_then(Json::as_bool).unwrap_or(false) || team.is_none();
    // A view opened by somebody from another team: the app stands in the team that is named here.
    let installed = text(json, "/view/app_installed_team_id").or_else(|| team.clone());
    let user = text(json, "/user/id").ok_or(Refused("the interaction does not say who did it"))?;
    Ok(Who {
        realm: realm(org_wide, installed, enterprise.clone())?,
        user,
        user_team: text(json, "/user/team_id"),
        team,
        enterprise,
        org_wide,
    })
}

fn view(json: &Json) -> Result<View, Refused> {
    let view = json.get("view").filter(|view| view.is_object()).ok_or(Refused("there is no view in it"))?;
    Ok(View {
        id: text(view, "/id").ok_or(Refused("the view has no id"))?,
        kind: text(view, "/type").unwrap_or_default(),
        callback: text(view, "/callback_id").unwrap_or_default(),
        metadata: text(view, "/private_metadata").unwrap_or_default(),
        hash: text(view, "/hash"),
        state: State::of(view),
    })
}

fn realm(org_wide: bool, team: Option<String>, enterprise: Option<String>) -> Result<String, Refused> {
    let (first, second) = if org_wide { (enterprise, team) } else { (team, enterprise) };
    first.or(second).ok_or(Refused("neither a team nor an enterprise is named"))
}

/// Nobody can type one, and not every database stores it.
const NUL: Refused = Refused("a text in it holds a NUL character");

fn json_object(bytes: &[u8]) -> Result<Json, Refused> {
    let json: Json = serde_json::from_slice(bytes).map_err(|_| Refused("this is not JSON"))?;
    match json {
        Json::Object(_) if holds_nul(&json) => Err(NUL),
        Json::Object(_) => Ok(json),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Err(Refused("this is not a JSON object"))
        }
    }
}

fn holds_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(all) => all.iter().any(holds_nul),
        Json::Object(all) => all.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// A text that is there and not empty. Slack writes absent, `null` and `""` for the same.
fn text(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
