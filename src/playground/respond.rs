//! Response URLs: five uses in thirty minutes, past every rule about who may post where.
//!
//! A use that is refused for its content does not count. It must never name the person's channel
//! to anybody who does not hold the URL.

use hyper::HeaderMap;
use serde_json::{Map, Value, json};

use super::Sim;
use super::faults::Trouble;
use super::server::Reply;
use super::web::{Refusal, chat, flag, no, text};
use super::world::{Call, RESPONSE_LIFE, RESPONSE_USES, World};
use crate::domain::time::Time;

/// The message in an answer to a command or to a response URL.
pub(super) fn content(args: &Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    if let Some(kind) = text(args, "response_type").filter(|kind| *kind != "ephemeral" && *kind != "in_channel") {
        return super::web::refuse(
            "invalid_payload",
            &[format!("there is no response_type {kind} [json-pointer:/response_type]")],
        );
    }
    chat::content(args, None)
}

pub(super) async fn serve(sim: &Sim, id: &str, headers: &HeaderMap, body: &[u8]) -> Reply {
    let args = serde_json::from_slice::<Value>(body).ok().and_then(|body| body.as_object().cloned());
    let now = sim.now();
    let fault = sim.world().fault("response_url", false);
    let mut wait = None;
    let (status, answer) = match fault.as_ref().map(|fault| &fault.what) {
        Some(Trouble::Http500) => (500, json!({ "ok": false, "error": "internal_error" })),
        Some(Trouble::Reset) => (0, Value::Null),
        Some(Trouble::RateLimit { retry_after }) => {
            wait = Some(*retry_after);
            (429, json!({ "ok": false, "error": "rate_limited" }))
        }
        Some(Trouble::Error { error }) => (400, json!({ "ok": false, "error": error })),
        other => {
            if let Some(Trouble::Slow { ms }) = other {
                tokio::time::sleep(std::time::Duration::from_millis(*ms)).await;
            }
            let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let now = sim.now();
            match &args {
                Some(args) if kind.starts_with("application/json") => {
                    let (status, seconds, answer) = sim.world().respond(now, id, args);
                    wait = seconds;
                    (status, answer)
                }
                _ => (400, json!({ "ok": false, "error": "invalid_payload" })),
            }
        }
    };
    let what = fault.as_ref().map(|fault| fault.what.clone());
    let args = args.map_or(Value::Null, Value::Object);
    sim.world().calls.push(Call { at: now, method: "response_url".into(), args, status, answer: answer.clone(), fault });
    sim.0.changed.notify_waiters();
    match what {
        Some(Trouble::Reset) => Reply::Reset,
        Some(Trouble::LostAnswer) => Reply::Lost,
        _ => Reply::json(status, wait.map(|seconds| ("retry-after", seconds.to_string())).into_iter().collect(), &answer),
    }
}

impl World {
    fn respond(&mut self, now: Time, id: &str, args: &Map<String, Value>) -> (u16, Option<u64>, Value) {
        let failed = |error: &str| (404, None, json!({ "ok": false, "error": error }));
        let Some(url) = self.urls.get(id).cloned() else { return failed("not_found") };
        if now - url.made > RESPONSE_LIFE {
            return failed("expired_url");
        }
        if url.uses >= RESPONSE_USES {
            return failed("used_url");
        }
        if self.settings.rate_limits
            && let Err(seconds) = self.pace.respond(id, now)
        {
            return (429, Some(seconds), json!({ "ok": false, "error": "rate_limited" }));
        }
        match self.answered(now, &url, args) {
            Ok(()) => {
                if let Some(url) = self.urls.get_mut(id) {
                    url.uses += 1;
                }
                (200, None, json!({ "ok": true }))
            }
            Err(refusal) => {
                let mut answer = json!({ "ok": false, "error": refusal.error });
                answer.as_object_mut().into_iter().for_each(|answer| answer.extend(refusal.extra.clone()));
                (400, None, answer)
            }
        }
    }

    fn answered(&mut self, now: Time, url: &super::world::ResponseUrl, args: &Map<String, Value>) -> Result<(), Refusal> {
        let original = url.message.as_ref().filter(|ts| self.message(&url.channel, ts).is_some());
        if flag(args, "delete_original") {
            let Some(ts) = original else { return no("message_not_found") };
            self.messages.retain(|message| message.channel != url.channel || message.ts != *ts);
            return Ok(());
        }
        let public = text(args, "response_type") == Some("in_channel");
        let replace = flag(args, "replace_original");
        let thread = text(args, "thread_ts");
        if thread.is_some() && (!public || replace) {
            return super::web::refuse(
                "invalid_payload",
                &["thread_ts needs response_type in_channel and no replace_original [json-pointer:/thread_ts]".into()],
            );
        }
        let body = content(args)?;
        self.emit(now, "response_url", "message", &Value::Object(args.clone()));
        match original.filter(|_| replace) {
            Some(ts) => chat::replace(self, &url.channel, ts, body),
            // A slash command has no message that could be replaced: this is a new one.
            None => {
                let only_for = (!public).then(|| url.user.clone());
                self.post(now, &url.channel, only_for, thread.map(str::to_owned), body);
            }
        }
        Ok(())
    }
}
