//! The Web API: what an app's Slack client calls under `/api/<method>`.
//!
//! Reads the arguments in every form Slack takes them, checks token, scope and pace, plays faults,
//! and keeps the log of calls. It must never take a token from anywhere but the `Authorization`
//! header, nor write one into the log. The methods themselves are in the modules below.

pub(super) mod chat;
mod conversations;
mod people;
pub(super) mod views;

use hyper::{HeaderMap, Method};
use serde_json::{Map, Value, json};

use super::faults::{Fault, Trouble};
use super::server::Reply;
use super::world::{Call, World};
use super::{Error, Sim};
use crate::domain::time::{Span, Time};

pub(super) type Args = Map<String, Value>;

/// `ok: false`, with its error and whatever goes along with it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub error: String,
    pub extra: Map<String, Value>,
}

pub(super) type Answer = Result<Value, Refusal>;

pub(super) fn no<T>(error: &str) -> Result<T, Refusal> {
    Err(Refusal { error: error.to_owned(), extra: Map::new() })
}

/// A refusal of blocks or of a view, with the problems and their JSON pointers.
pub(super) fn refuse<T>(error: &str, problems: &[String]) -> Result<T, Refusal> {
    let messages: Vec<String> = problems.iter().map(|problem| format!("[ERROR] {problem}")).collect();
    let mut extra = Map::new();
    if error == "invalid_blocks" {
        extra.insert("errors".into(), json!(problems));
    }
    extra.insert("response_metadata".into(), json!({ "messages": messages }));
    Err(Refusal { error: error.to_owned(), extra })
}

pub(super) fn missing<T>(name: &str) -> Result<T, Refusal> {
    refuse("invalid_arguments", &[format!("missing required field: {name} [json-pointer:]")])
}

pub(super) fn text<'a>(args: &'a Args, name: &str) -> Option<&'a str> {
    args.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn need<'a>(args: &'a Args, name: &str) -> Result<&'a str, Refusal> {
    text(args, name).map_or_else(|| missing(name), Ok)
}

pub(super) fn flag(args: &Args, name: &str) -> bool {
    matches!(args.get(name), Some(Value::Bool(true))) || matches!(text(args, name), Some("true" | "1"))
}

/// One page of a list, and the cursor of the next.
pub(super) fn page<T: Clone>(args: &Args, all: &[T]) -> Result<(Vec<T>, String), Refusal> {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let size =
        args.get("limit").and_then(number).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(1000).min(1000);
    let from = match text(args, "cursor") {
        None => 0,
        Some(cursor) => match cursor.strip_prefix("next:").and_then(|n| n.parse::<usize>().ok()) {
            Some(from) => from,
            None => return no("invalid_cursor"),
        },
    };
    let here: Vec<T> = all.iter().skip(from).take(size).cloned().collect();
    let to = from + here.len();
    Ok((here, if to < all.len() { format!("next:{to}") } else { String::new() }))
}

/// Arguments from a query, a form or a JSON body; structured ones may come as JSON text.
fn arguments(http: &Method, query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Args, &'static str> {
    let pairs = |bytes: &[u8]| {
        let parsed = url::form_urlencoded::parse(bytes).into_owned();
        parsed.map(|(key, value)| (key, Value::String(value))).collect::<Args>()
    };
    let mut args = pairs(query.as_bytes());
    if http == Method::POST && !body.is_empty() {
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" => match serde_json::from_slice::<Value>(body) {
                Ok(Value::Object(object)) => args.extend(object),
                Ok(_) => return Err("json_not_object"),
                Err(_) => return Err("invalid_json"),
            },
            "application/x-www-form-urlencoded" => args.extend(pairs(body)),
            _ => return Err("invalid_post_type"),
        }
    }
    for name in ["blocks", "attachments", "view", "metadata"] {
        if let Some(Value::String(text)) = args.get(name)
            && let Ok(parsed) = serde_json::from_str::<Value>(text)
        {
            args.insert(name.to_owned(), parsed);
        }
    }
    args.remove("token");
    Ok(args)
}

/// The scope a call needs. Conversations need the one of their kind.
fn scope(world: &World, method: &str, args: &Args) -> Option<&'static str> {
    let of = |channel: Option<&str>| match channel.and_then(|id| world.channel(id)) {
        Some(channel) if channel.dm.is_some() => "im:read",
        Some(channel) if channel.is_private => "groups:read",
        _ => "channels:read",
    };
    match method {
        "chat.postMessage"
        | "chat.update"
        | "chat.delete"
        | "chat.postEphemeral"
        | "chat.scheduleMessage"
        | "chat.deleteScheduledMessage" => Some("chat:write"),
        "users.info" | "users.list" => Some("users:read"),
        "users.lookupByEmail" => Some("users:read.email"),
        "usergroups.list" | "usergroups.users.list" => Some("usergroups:read"),
        "conversations.open" => Some("im:write"),
        "conversations.info" | "conversations.members" => Some(of(text(args, "channel"))),
        "conversations.list" => match text(args, "types") {
            Some(types) if types.contains("private") => Some("groups:read"),
            Some("im") => Some("im:read"),
            _ => Some("channels:read"),
        },
        "team.info" => Some("team:read"),
        _ => None,
    }
}

impl World {
    pub(super) fn scopes(&self, token: &str) -> Option<&[String]> {
        if token == self.settings.bot_token {
            return Some(&self.settings.scopes);
        }
        self.settings.tokens.get(token).map(Vec::as_slice)
    }

    fn call(&mut self, now: Time, method: &str, token: Option<&str>, args: &Args) -> (u16, Option<u64>, Value) {
        let answer = self.authorised(now, method, token, args);
        match answer {
            Ok(Ok(mut answer)) => {
                if let Some(answer) = answer.as_object_mut() {
                    answer.shift_insert(0, "ok".into(), true.into());
                }
                (200, None, answer)
            }
            Ok(Err(refusal)) => {
                let mut answer = json!({ "ok": false, "error": refusal.error });
                answer.as_object_mut().into_iter().for_each(|answer| answer.extend(refusal.extra.clone()));
                (200, None, answer)
            }
            Err(seconds) => (429, Some(seconds), json!({ "ok": false, "error": "ratelimited" })),
        }
    }

    fn authorised(&mut self, now: Time, method: &str, token: Option<&str>, args: &Args) -> Result<Answer, u64> {
        if method == "api.test" {
            return Ok(Ok(json!({ "args": args })));
        }
        let Some(token) = token else { return Ok(no("not_authed")) };
        // The app's own token is good for its connections, and nothing else is.
        match (token == self.settings.app_token, method) {
            (true, "apps.connections.open") => {
                if self.settings.rate_limits {
                    self.pace.take(method, None, now)?;
                }
                return Ok(Ok(self.ticket(now)));
            }
            (false, "apps.connections.open") | (true, _) => return Ok(no("not_allowed_token_type")),
            (false, _) => {}
        }
        let Some(scopes) = self.scopes(token).map(<[String]>::to_vec) else { return Ok(no("invalid_auth")) };
        if let Some(needed) = scope(self, method, args)
            && !scopes.iter().any(|scope| scope == needed)
        {
            let extra = json!({ "needed": needed, "provided": scopes.join(",") });
            return Ok(Err(Refusal { error: "missing_scope".into(), extra: extra.as_object().cloned().unwrap_or_default() }));
        }
        if self.settings.rate_limits {
            self.pace.take(method, text(args, "channel"), now)?;
        }
        let has = |scope: &str| scopes.iter().any(|other| other == scope);
        Ok(match method {
            "auth.test" => people::auth_test(self),
            "team.info" => people::team_info(self),
            "users.info" => people::info(self, args, has("users:read.email")),
            "users.list" => people::list(self, args, has("users:read.email")),
            "users.lookupByEmail" => people::by_email(self, args),
            "usergroups.list" => people::groups(self, args),
            "usergroups.users.list" => people::group_users(self, args),
            "conversations.open" => conversations::open(self, args),
            "conversations.info" => conversations::info(self, args),
            "conversations.members" => conversations::members(self, args),
            "conversations.list" => conversations::list(self, args),
            "chat.postMessage" => chat::post(self, now, args, has("chat:write.public")),
            "chat.postEphemeral" => chat::post_ephemeral(self, now, args),
            "chat.scheduleMessage" => chat::schedule(self, now, args, has("chat:write.public")),
            "chat.deleteScheduledMessage" => chat::unschedule(self, args),
            "chat.update" => chat::update(self, now, args),
            "chat.delete" => chat::delete(self, args),
            "chat.getPermalink" => chat::permalink(self, args),
            "views.open" => views::open(self, now, args, false),
            "views.push" => views::open(self, now, args, true),
            "views.update" => views::update(self, now, args),
            "views.publish" => views::publish(self, now, args),
            _ => no("unknown_method"),
        })
    }
}

pub(super) async fn serve(sim: &Sim, method: &str, http: &Method, query: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
    let args = match arguments(http, query, headers, body) {
        Ok(args) => args,
        Err(error) => return finish(sim, method, Args::new(), 200, None, json!({ "ok": false, "error": error }), None),
    };
    let fault = sim.world().fault(method, true);
    match fault.as_ref().map(|fault| &fault.what) {
        Some(Trouble::Http500) => {
            return finish(sim, method, args, 500, None, json!({ "ok": false, "error": "internal_error" }), fault);
        }
        Some(Trouble::Reset) => {
            finish(sim, method, args, 0, None, Value::Null, fault);
            return Reply::Reset;
        }
        Some(Trouble::RateLimit { retry_after }) => {
            let seconds = *retry_after;
            return finish(sim, method, args, 429, Some(seconds), json!({ "ok": false, "error": "ratelimited" }), fault);
        }
        Some(Trouble::Error { error }) => {
            let answer = json!({ "ok": false, "error": error });
            return finish(sim, method, args, 200, None, answer, fault);
        }
        Some(Trouble::Slow { ms }) => {
            let ms = i64::try_from(*ms).unwrap_or(i64::MAX);
            tokio::time::sleep(Span::millis(ms).to_std()).await;
        }
        Some(Trouble::LostAnswer | Trouble::Duplicate | Trouble::DuplicateAtOnce | Trouble::LostAck) | None => {}
    }
    let token =
        headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    let now = sim.now();
    let (status, wait, answer) = sim.world().call(now, method, token, &args);
    let lost = matches!(fault, Some(Fault { what: Trouble::LostAnswer, .. }));
    let reply = finish(sim, method, args, status, wait, answer, fault);
    if lost { Reply::Lost } else { reply }
}

/// Writes the log and makes the HTTP answer.
fn finish(sim: &Sim, method: &str, args: Args, status: u16, wait: Option<u64>, answer: Value, fault: Option<Fault>) -> Reply {
    let call =
        Call { at: sim.now(), method: method.to_owned(), args: Value::Object(args), status, answer: answer.clone(), fault };
    let mut world = sim.world();
    world.calls.push(call);
    sim.0.changed.notify_waiters();
    let mut headers = vec![("x-slack-req-id", world.dice.hex(32)), ("x-oauth-scopes", world.settings.scopes.join(","))];
    headers.extend(wait.map(|seconds| ("retry-after", seconds.to_string())));
    Reply::json(status, headers, &answer)
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal.error, Value::Object(refusal.extra))
    }
}
