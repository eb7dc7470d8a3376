//! The Events API: `app_home_opened`, the check of the URL, and retries on Slack's table.
//!
//! A failed event waits until its time has come by the handed-in clock and somebody calls
//! [`Sim::tick`]. It must never retry anything but events: Slack does not.

use serde::Serialize;
use serde_json::{Value, json};

use super::deliver::{Body, Delivery, Outgoing};
use super::{Error, Sim};
use crate::domain::time::{Span, Time};

/// When the first, second and third retry come, each counted from the failure before it.
const RETRIES: [Span; 3] = [Span::ZERO, Span::minutes(1), Span::minutes(5)];

/// An event that was not taken and is to be sent again.
#[derive(Debug, Clone, Serialize)]
pub struct Pending {
    pub event_id: String,
    pub body: Value,
    /// Which retry comes next, from 1.
    pub retry: usize,
    pub due: Time,
    pub reason: &'static str,
}

impl Sim {
    /// A person opens the app's Home tab.
    pub async fn open_home(&self, user: &str) -> Result<Delivery, Error> {
        let event = {
            let mut world = self.world();
            let user = world.person(user)?.id.clone();
            let channel = world.dm(&user);
            let mut event = json!({ "type": "app_home_opened", "user": user, "channel": channel, "tab": "home" });
            if let Some(view) = world.homes.get(&user).and_then(|id| world.view(id)) {
                event["view"] = world.view_json(view);
            }
            event
        };
        Ok(self.event(event).await)
    }

    /// Sends any event in its envelope.
    pub async fn event(&self, mut event: Value) -> Delivery {
        let now = self.now();
        let (event_id, body) = {
            let mut world = self.world();
            let event_id = world.dice.id("Ev");
            if event.get("event_ts").is_none() {
                event["event_ts"] = world.ts(now).into();
            }
            let org_wide = world.settings.variant.org_wide;
            let team = if org_wide { Value::Null } else { world.team_id.as_str().into() };
            let enterprise = if org_wide { world.enterprise_id.as_str().into() } else { Value::Null };
            let authorization = json!({ "enterprise_id": enterprise, "team_id": team, "user_id": world.bot_user, "is_bot": true, "is_enterprise_install": org_wide });
            let mut body = json!({
                "token": "verification-token-not-to-be-used", "team_id": world.team_id, "api_app_id": world.app_id, "event": event,
                "type": "event_callback", "event_id": event_id, "event_time": now.seconds(), "authorizations": [authorization],
                "is_ext_shared_channel": false, "event_context": format!("4-{}", world.dice.hex(16)),
            });
            if org_wide {
                body["enterprise_id"] = enterprise;
            }
            (event_id, world.dress(body))
        };
        self.deliver_event(event_id, body, 0, "").await
    }

    async fn deliver_event(&self, event_id: String, body: Value, retry: usize, reason: &'static str) -> Delivery {
        let url = self.world().settings.app.events.clone();
        let again = (retry > 0).then_some((retry, reason));
        let done =
            self.send(Outgoing { kind: "event", url, body: Body::Json(body.clone()), retry: again, duplicate: false }).await;
        if !done.ok()
            && !done.no_retry
            && let Some(wait) = RETRIES.get(retry)
        {
            let reason = match (done.timed_out, done.status) {
                (true, _) => "http_timeout",
                (false, Some(_)) => "http_error",
                (false, None) => "connection_failed",
            };
            let due = self.now() + *wait;
            self.world().events.push(Pending { event_id, body, retry: retry + 1, due, reason });
        }
        done
    }

    /// Sends every event again whose time has come.
    pub async fn tick(&self) -> Vec<Delivery> {
        let now = self.now();
        let due: Vec<Pending> = {
            let mut world = self.world();
            let (due, later) = std::mem::take(&mut world.events).into_iter().partition(|event| event.due <= now);
            world.events = later;
            due
        };
        let mut sent = Vec::new();
        for event in due {
            sent.push(self.deliver_event(event.event_id, event.body, event.retry, event.reason).await);
        }
        sent
    }

    /// Events that wait for their retry.
    pub fn pending(&self) -> Vec<Pending> {
        self.world().events.clone()
    }

    /// Checks the events URL as Slack does when it is entered; true when the challenge came back.
    pub async fn verify_url(&self) -> (bool, Delivery) {
        let (url, challenge) = {
            let mut world = self.world();
            (world.settings.app.events.clone(), world.dice.hex(52))
        };
        let body = json!({ "token": "verification-token-not-to-be-used", "challenge": challenge, "type": "url_verification" });
        let done =
            self.send(Outgoing { kind: "url_verification", url, body: Body::Json(body), retry: None, duplicate: false }).await;
        let echoed = done.body.trim() == challenge || done.json().is_some_and(|answer| answer["challenge"] == challenge);
        (done.ok() && echoed, done)
    }
}
