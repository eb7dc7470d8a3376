//! Calls that only look whether all is as it should be. Nobody sees anything of them.

use hyper::Method as Verb;
use serde_json::{Value as Json, json};

use super::{Client, fault, method, must, not_understood};
use crate::domain::fault::Fault;
use crate::domain::time::{Span, Time};
use crate::outbound::{Bearer, Failed, Outbound};

/// How far ahead the message is put that is taken back at once. Slack allows 120 days.
const FAR: Span = Span::days(100);

/// How often it is tried to take it back.
const TRIES: u32 = 3;

/// What Slack says of a bot token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub team: String,
    pub user: String,
    pub scopes: Vec<String>,
    /// Slack's clock, to the second.
    pub time: Option<Time>,
}

impl Client {
    /// Whose token it is and what it may; both stand in headers, which no other call of ours reads.
    pub async fn check_token(&self) -> Result<Told, Fault> {
        let bearer = Bearer::new(&self.token).map_err(|why| Fault::Denied { why: format!("SLACK_BOT_TOKEN: {why}") })?;
        let client = Outbound::new(self.timeout).map_err(|error| Fault::later(format!("TLS cannot be used: {error}")))?;
        let url = format!("{}/auth.test", self.base.as_str().trim_end_matches('/'));
        let answer = client.send(Verb::POST, &url, &bearer, Some(b"{}".to_vec())).await.map_err(|failed| match failed {
            Failed::NotSent => Fault::later("Slack cannot be reached; see whether this machine can open https://slack.com"),
            Failed::NoAnswer | Failed::TooLong => Fault::later(format!("Slack {failed}")),
        })?;
        let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let json: Json = serde_json::from_slice(&answer.body).map_err(|_| not_understood())?;
        if json["ok"] != true {
            return Err(fault::refused(&method::AUTH_TEST, json["error"].as_str().unwrap_or("no answer"), None));
        }
        Ok(Told {
            team: must(&json, "/team").or_else(|_| must(&json, "/team_id"))?,
            user: must(&json, "/user").or_else(|_| must(&json, "/user_id"))?,
            scopes: header("x-oauth-scopes")
                .split(',')
                .map(|scope| scope.trim().to_owned())
                .filter(|it| !it.is_empty())
                .collect(),
            time: Time::of_http_date(header("date")),
        })
    }

    /// May the app write into this channel? A message is put there for a day that is far away, and taken back.
    pub async fn check_channel(&self, channel: &str) -> Result<(), Fault> {
        let at = (self.clock.now() + FAR).seconds();
        let body = json!({ "channel": channel, "post_at": at, "text": "p0 doctor looks whether p0 may write here." });
        let answer = self.send(&method::CHAT_SCHEDULE_MESSAGE, None, body).await?;
        let id = must(&answer, "/scheduled_message_id")?;
        let back = json!({ "channel": channel, "scheduled_message_id": id });
        for _ in 0..TRIES {
            if self.send(&method::CHAT_DELETE_SCHEDULED, None, back.clone()).await.is_ok() {
                return Ok(());
            }
        }
        let why = format!("it can be written to, but a message that this put there for {FAR} from now could not be taken back");
        Err(Fault::later(format!("{why}; delete the scheduled message {id}.")))
    }
}
