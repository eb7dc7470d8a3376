//! Calls to Slack, each once, each bounded in time. Trying again is the caller's affair: a fault says
//! whether and when that is of use (see [`fault`]).
//!
//! The token is read in [`token`] only and never reaches a log, an error or `Debug`. A reply
//! URL came from outside, so it is followed to Slack's own hosts and nowhere else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{SlackClient, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientHyperConnector};
use slack_morphism::{SlackApiToken, SlackApiTokenValue};
use url::Url;

use crate::domain::fault::Fault;
use crate::domain::notice::Posted;
use crate::domain::person::Email;
use crate::domain::time::{Clock, Span, Time};

use super::messages::Message;

mod check;
mod fault;
pub mod method;
pub mod pace;
#[cfg(test)]
mod tests;

pub use fault::{is_changed, is_gone};
use method::Method;
use pace::Pace;

/// Where Slack is. Tests name a stand-in on this machine instead.
pub const SLACK: &str = "https://slack.com/api";

/// How long one call may take.
pub const TIMEOUT: Span = Span::seconds(5);

/// Where Slack's reply URLs lead.
const REPLY_HOSTS: &[&str] = &["hooks.slack.com", "hooks.slack-gov.com"];

/// How long the members of a group are believed.
const GROUP_KEPT: Span = Span::seconds(60);

/// The name the shared HTTP stack is kept under.
type Connector = SlackClientHyperConnector<HttpsConnector<HttpConnector>>;

#[derive(Debug, thiserror::Error)]
pub enum BadBase {
    #[error("\"{0}\" is not the address of Slack's API; leave it out, or write https://slack.com/api")]
    NoUrl(String),
    #[error("\"{0}\" is not safe to send a token to; use https, or http to this machine only")]
    NotSafe(String),
    #[error("the system's TLS certificates cannot be used: {0}")]
    NoTls(String),
}

/// What [`Client::auth_test`] tells of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    pub team: String,
    pub enterprise: Option<String>,
    pub org_wide: bool,
    /// The bot's own user id.
    pub bot_user: String,
    /// `https://acme.slack.com/`
    pub url: Option<String>,
}

/// A Slack user as Slack describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: String,
    pub name: String,
    pub email: Option<Email>,
    /// Has Slack checked the address? `None`: it does not say.
    pub email_confirmed: Option<bool>,
    pub tz: Option<String>,
    pub deleted: bool,
    pub bot: bool,
    /// A single- or multi-channel guest.
    pub guest: bool,
    /// From another organisation, through Slack Connect.
    pub stranger: bool,
    pub team: Option<String>,
    pub enterprise: Option<String>,
}

impl User {
    /// Does the account belong to this team, or to its enterprise? An account that does not say is none of ours.
    pub fn is_at(&self, team: &str, enterprise: Option<&str>) -> bool {
        self.team.as_deref() == Some(team) || (self.enterprise.is_some() && self.enterprise.as_deref() == enterprise)
    }

    /// A living member of this organisation whose address Slack does not call unconfirmed.
    pub fn is_ours(&self) -> bool {
        !self.stranger && !self.bot && !self.deleted && self.email_confirmed != Some(false)
    }
}

/// A view that stands open; `hash` guards the next update against a lost race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    pub view: String,
    pub hash: Option<String>,
}

/// What a reply to a press or a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Shown to the one who pressed, beside what is there.
    Ephemeral,
    /// In place of the message that was pressed.
    Replace,
}

/// The members of groups, with the time they were read.
type Groups = HashMap<String, (Time, Vec<String>)>;

pub struct Client {
    slack: SlackClient<Connector>,
    base: Url,
    token: SecretString,
    clock: Arc<dyn Clock>,
    timeout: Span,
    pace: Mutex<Pace>,
    groups: Mutex<Groups>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for one installation. `base` is [`SLACK`], or a stand-in on this machine.
    pub fn new(base: &str, token: SecretString, clock: Arc<dyn Clock>) -> Result<Client, BadBase> {
        let base = base.trim_end_matches('/');
        let url = Url::parse(base).map_err(|_| BadBase::NoUrl(base.to_owned()))?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err(BadBase::NotSafe(base.to_owned())),
        }
        let provider = rustls::crypto::ring::default_provider;
        let https = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider()) {
            Ok(builder) => builder,
            // A container without certificates: those that come with the program.
            Err(_) => HttpsConnectorBuilder::new()
                .with_provider_and_webpki_roots(provider())
                .map_err(|error| BadBase::NoTls(error.to_string()))?,
        };
        let https = if url.scheme() == "https" { https.https_only() } else { https.https_or_http() };
        let connector = SlackClientHyperConnector::with_connector(https.enable_http1().build()).with_slack_api_url(base);
        Ok(Client {
            slack: SlackClient::new(connector),
            base: url,
            token,
            clock,
            timeout: TIMEOUT,
            pace: Mutex::default(),
            groups: Mutex::default(),
        })
    }

    pub fn with_timeout(self, timeout: Span) -> Client {
        Client { timeout, ..self }
    }

    /// Which installation the token belongs to. The first call at start: it shows a wrong token.
    pub async fn auth_test(&self) -> Result<Installation, Fault> {
        let answer = self.send(&method::AUTH_TEST, None, json!({})).await?;
        Ok(Installation {
            team: must(&answer, "/team_id")?,
            enterprise: text(&answer, "/enterprise_id"),
            org_wide: flag(&answer, "/is_enterprise_install").unwrap_or(false),
            bot_user: must(&answer, "/user_id")?,
            url: text(&answer, "/url"),
        })
    }

    pub async fn user(&self, id: &str) -> Result<User, Fault> {
        let answer = self.read(&method::USERS_INFO, &[("user", Some(id))]).await?;
        user(&answer)
    }

    pub async fn lookup_by_email(&self, email: &Email) -> Result<User, Fault> {
        let answer = self.read(&method::USERS_LOOKUP_BY_EMAIL, &[("email", Some(email.as_str()))]).await?;
        user(&answer)
    }

    /// The members of a user group, believed for at most a minute. `team` is needed when the app is
    /// installed for a whole organisation. A group that is unknown is a fault, never an empty list.
    pub async fn group_members(&self, group: &str, team: Option<&str>) -> Result<Vec<String>, Fault> {
        let now = self.clock.now();
        let kept = |groups: &Groups| groups.get(group).filter(|(read, _)| *read <= now && now - *read < GROUP_KEPT).cloned();
        if let Some((_, members)) = kept(&self.groups.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(members);
        }
        let answer = self.read(&method::USERGROUPS_USERS_LIST, &[("usergroup", Some(group)), ("team_id", team)]).await?;
        let users = answer.get("users").and_then(Json::as_array).ok_or_else(not_understood)?;
        let members: Vec<String> = users.iter().filter_map(|user| user.as_str().map(str::to_owned)).collect();
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.retain(|_, (read, _)| now - *read < GROUP_KEPT);
        groups.insert(group.to_owned(), (now, members.clone()));
        Ok(members)
    }

    /// Posts to a channel, or to a person by their user id. The answer names the real channel, which
    /// later edits need. A [`Fault::Maybe`] means that it may stand there.
    pub async fn post(&self, place: &str, message: &Message) -> Result<Posted, Fault> {
        let body = with(message, json!({ "channel": place, "unfurl_links": false, "unfurl_media": false }));
        let answer = self.send(&method::CHAT_POST_MESSAGE, Some(place), body).await?;
        Ok(Posted { place: must(&answer, "/channel")?, message: must(&answer, "/ts")?, link: None })
    }

    /// Rewrites a message of ours.
    pub async fn update(&self, posted: &Posted, message: &Message) -> Result<(), Fault> {
        let body = with(message, json!({ "channel": posted.place, "ts": posted.message }));
        self.send(&method::CHAT_UPDATE, None, body).await.map(drop)
    }

    /// Shows a message to one person in a channel, now: it is gone on reload and may never arrive.
    pub async fn ephemeral(&self, channel: &str, user: &str, message: &Message) -> Result<(), Fault> {
        let body = with(message, json!({ "channel": channel, "user": user }));
        self.send(&method::CHAT_POST_EPHEMERAL, None, body).await.map(drop)
    }

    /// A link to a message that people can follow.
    pub async fn permalink(&self, posted: &Posted) -> Result<String, Fault> {
        let params = [("channel", Some(posted.place.as_str())), ("message_ts", Some(posted.message.as_str()))];
        must(&self.read(&method::CHAT_GET_PERMALINK, &params).await?, "/permalink")
    }

    pub async fn open_view(&self, trigger: &str, view: &Json) -> Result<Opened, Fault> {
        opened(&self.send(&method::VIEWS_OPEN, None, json!({ "trigger_id": trigger, "view": view })).await?)
    }

    /// Rewrites an open view. With a `hash` it is refused when somebody was faster.
    pub async fn update_view(&self, id: &str, hash: Option<&str>, view: &Json) -> Result<Opened, Fault> {
        let mut body = json!({ "view_id": id, "view": view });
        if let Some(hash) = hash {
            body["hash"] = json!(hash);
        }
        opened(&self.send(&method::VIEWS_UPDATE, None, body).await?)
    }

    /// Draws somebody's Home tab.
    pub async fn publish_home(&self, user: &str, view: &Json) -> Result<(), Fault> {
        self.send(&method::VIEWS_PUBLISH, None, json!({ "user_id": user, "view": view })).await.map(drop)
    }

    /// Answers a press or a command by its reply URL.
    pub async fn respond(&self, url: &str, reply: Reply, message: &Message) -> Result<(), Fault> {
        let url = self
            .reply_url(url)
            .ok_or_else(|| Fault::never("the address to reply to is not Slack's, so nothing was sent there"))?;
        self.wait_for(&method::REPLY, None)?;
        let body = match reply {
            Reply::Ephemeral => json!({ "response_type": "ephemeral", "replace_original": false }),
            Reply::Replace => json!({ "replace_original": true }),
        };
        let body = with(message, body);
        let span = tracing::debug_span!("slack reply");
        let context =
            SlackClientApiCallContext { rate_control_params: None, token: None, tracing_span: &span, is_sensitive_url: true };
        let call = self.slack.http_api.connector.http_post_uri::<_, Json>(url, &body, context);
        let taken = async {
            match call.await {
                Err(SlackClientError::ProtocolError(_)) => Ok(Json::Null), // a 200 that says `ok`, not JSON
                other => other,
            }
        };
        self.bounded(&method::REPLY, taken).await.map(drop)
    }

    /// The reply URL, if it leads to Slack, or to the stand-in this client was made for.
    fn reply_url(&self, url: &str) -> Option<Url> {
        let url = Url::parse(url).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        let slack =
            url.scheme() == "https" && url.port().is_none() && url.host_str().is_some_and(|host| REPLY_HOSTS.contains(&host));
        (plain && (slack || url.origin() == self.base.origin())).then_some(url)
    }

    /// The address of one Socket Mode connection, good for half a minute and as secret as the app-level token
    /// that it is asked with.
    pub async fn open_socket(&self, app_token: &SecretString) -> Result<Url, Fault> {
        self.wait_for(&method::APPS_CONNECTIONS_OPEN, None)?;
        let answer = match self.send_with(app_token, &method::APPS_CONNECTIONS_OPEN, json!({})).await {
            Err(Fault::Denied { .. }) => {
                let why = "Slack does not take SLACK_APP_TOKEN: make a new app-level token with the scope connections:write";
                return Err(Fault::Denied { why: why.to_owned() });
            }
            answer => answer?,
        };
        if answer.pointer("/response_metadata/messages").is_some_and(|said| said.to_string().contains("not turned on")) {
            tracing::warn!("Slack says that Socket Mode is not turned on in the app's settings; until it is, nothing comes in");
        }
        let url = Url::parse(&must(&answer, "/url")?).map_err(|_| not_understood())?;
        // Not encrypted only to a stand-in on this machine.
        match url.scheme() == "wss" || (url.scheme() == "ws" && self.base.scheme() == "http") {
            true => Ok(url),
            false => Err(not_understood()),
        }
    }

    async fn read(&self, method: &Method, params: &[(&str, Option<&str>)]) -> Result<Json, Fault> {
        self.wait_for(method, None)?;
        let token = token(&self.token);
        let session = self.slack.open_session(&token);
        let params: Vec<(&str, Option<&str>)> = params.to_vec();
        self.bounded(method, session.http_session_api.http_get::<Json, _, _>(method.name, &params, None)).await
    }

    async fn send(&self, method: &Method, channel: Option<&str>, body: Json) -> Result<Json, Fault> {
        self.wait_for(method, channel)?;
        self.send_with(&self.token, method, body).await
    }

    async fn send_with(&self, secret: &SecretString, method: &Method, body: Json) -> Result<Json, Fault> {
        let token = token(secret);
        let session = self.slack.open_session(&token);
        self.bounded(method, session.http_session_api.http_post::<_, Json>(method.name, &body, None)).await
    }

    async fn bounded(&self, method: &Method, call: impl Future<Output = Result<Json, SlackClientError>>) -> Result<Json, Fault> {
        let found = match tokio::time::timeout(self.timeout.to_std(), call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => fault::of(method, &error),
            Err(_) => fault::lost(method, &format!("Slack did not answer within {}", self.timeout)),
        };
        if let Fault::Later { after: Some(after), .. } = &found {
            self.pace.lock().unwrap_or_else(PoisonError::into_inner).hold(method, self.clock.now() + *after);
        }
        Err(found)
    }

    fn wait_for(&self, method: &Method, channel: Option<&str>) -> Result<(), Fault> {
        match self.pace.lock().unwrap_or_else(PoisonError::into_inner).ask(method, channel, self.clock.now()) {
            None => Ok(()),
            Some(after) => {
                Err(Fault::Later { why: "Slack is being called as often as it allows".to_owned(), after: Some(after) })
            }
        }
    }
}

fn token(secret: &SecretString) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(secret.expose_secret().to_owned()))
}

fn with(message: &Message, mut body: Json) -> Json {
    body["text"] = json!(message.text);
    // Left out when there are none: an empty list would be refused.
    if !message.blocks.is_empty() {
        body["blocks"] = json!(message.blocks);
    }
    body
}

fn user(answer: &Json) -> Result<User, Fault> {
    let user = answer.get("user").ok_or_else(not_understood)?;
    let id = must(user, "/id")?;
    let name = ["/profile/real_name", "/real_name", "/profile/display_name", "/name"].iter().find_map(|place| text(user, place));
    Ok(User {
        name: name.unwrap_or_else(|| id.clone()),
        id,
        email: text(user, "/profile/email").as_deref().and_then(Email::parse),
        email_confirmed: flag(user, "/is_email_confirmed"),
        tz: text(user, "/tz"),
        deleted: flag(user, "/deleted").unwrap_or(false),
        bot: flag(user, "/is_bot").unwrap_or(false) || flag(user, "/is_workflow_bot").unwrap_or(false),
        guest: flag(user, "/is_restricted").unwrap_or(false) || flag(user, "/is_ultra_restricted").unwrap_or(false),
        stranger: flag(user, "/is_stranger").unwrap_or(false),
        team: text(user, "/team_id"),
        enterprise: text(user, "/enterprise_user/enterprise_id"),
    })
}

fn opened(answer: &Json) -> Result<Opened, Fault> {
    Ok(Opened { view: must(answer, "/view/id")?, hash: text(answer, "/view/hash") })
}

fn text(json: &Json, pointer: &str) -> Option<String> {
    json.pointer(pointer).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn flag(json: &Json, pointer: &str) -> Option<bool> {
    json.pointer(pointer).and_then(Json::as_bool)
}

/// Slack said yes, so it was done; only the answer is of no use.
fn must(json: &Json, pointer: &str) -> Result<String, Fault> {
    text(json, pointer).ok_or_else(not_understood)
}

fn not_understood() -> Fault {
    Fault::Maybe { why: "Slack's answer lacks what it should say; look whether a newer p0 exists".to_owned() }
}
