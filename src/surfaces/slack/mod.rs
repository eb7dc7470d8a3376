//! Slack: `/p0`, the modal, the shortcut, buttons, and the messages that mirror requests.
//!
//! Everything that comes in is verified, then parsed by our own tolerant types: over HTTP ([`routes`]) or
//! over sockets ([`socket`]), through the same handlers. Everything that goes out goes through [`client::Client`], the only
//! user of slack-morphism. State is never read out of a message.

mod blocks;
mod check;
pub mod client;
mod go_on;
mod home;
pub mod inbound;
#[cfg(test)]
mod limits;
pub mod messages;
pub mod modal;
mod people;
mod receive;
mod routes;
pub mod signature;
mod socket;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::{OnceCell, watch};

use super::{BadSurface, Built, Finding, Parts, Surface};
use crate::desk::Desk;
use crate::desk::view::RequestView;
use crate::directory::Directory;
use crate::domain::directory::Members;
use crate::domain::fault::Fault;
use crate::domain::id::{PersonId, RequestId};
use crate::domain::notice::{ApprovalsPlace, Audience, Notice, Posted, Subject};
use crate::domain::outside::Outside;
use crate::domain::person::{Email, Handle};
use crate::domain::time::Time;
use crate::secret::BadSecret;
use crate::yaml::Spanned;
use client::{Client, Installation};
use messages::Message;
use socket::Sockets;

/// This surface's name in `handles`, `notices` and `inbox`.
const NAME: &str = "slack";

/// The `slack:` section of the configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// The id of the channel where approvers see requests.
    approvals: Spanned<String>,
}

/// How Slack sends us what people do.
enum Way {
    /// To our address, signed with this.
    Http(SecretString),
    /// Over connections that we open.
    Sockets(Arc<Sockets>),
}

pub struct Slack {
    desk: Desk,
    client: Client,
    outside: Arc<dyn Outside>,
    way: Way,
    approvals: String,
    home: OnceCell<Installation>,
    /// Approvers' addresses that Slack was asked about.
    looked_up: Mutex<BTreeSet<Email>>,
    /// When open forms changed, by view.
    forms: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// Whose Home tab was drawn by this process: it is drawn anew when what it shows changes.
    homes: Mutex<BTreeMap<Handle, home::Tab>>,
    drawers: tokio::sync::Semaphore,
    /// Handlers that go on after their acknowledgement; the engine takes over what a crash cuts off.
    me: std::sync::Weak<Slack>,
}

pub fn build(parts: Parts<'_>) -> Result<Built, BadSurface> {
    let Parts { section, env, desk, outside } = parts;
    let read: Section = section.read()?.ok_or_else(|| {
        section.problem("is empty; write `slack: { approvals: C0123ABCD }` with the id of the approvals channel")
    })?;
    let channel = &read.approvals;
    if !channel.value.starts_with(['C', 'G'])
        || !channel.value.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        let advice = format!(
            "\"{}\" is not a channel's id; open the channel's details in Slack and copy the id, like C0123ABCD",
            channel.value
        );
        return Err(section.mistake(channel, advice).into());
    }
    let base = env.get("SLACK_API_URL").unwrap_or_else(|| client::SLACK.to_owned());
    let client = Client::new(&base, env.secret("SLACK_BOT_TOKEN")?, clock(&outside))
        .map_err(|why| BadSurface::Setting(why.to_string()))?;
    let way = match env.secret("SLACK_APP_TOKEN") {
        Ok(token) if token.expose_secret().starts_with("xapp-") => {
            let sockets = Sockets::new(token, outside.now())
                .map_err(|error| BadSurface::Setting(format!("TLS cannot be used: {error}")))?;
            Way::Sockets(Arc::new(sockets))
        }
        Ok(_) => {
            let why = "SLACK_APP_TOKEN is no app-level token; it begins with xapp-, and Slack makes it under Basic Information";
            return Err(BadSurface::Setting(why.to_owned()));
        }
        Err(BadSecret::NoVariable(_)) => Way::Http(env.secret("SLACK_SIGNING_SECRET")?),
        Err(bad) => return Err(bad.into()),
    };
    let slack = Arc::new_cyclic(|me| Slack {
        desk,
        client,
        outside,
        way,
        approvals: read.approvals.value.clone(),
        home: OnceCell::new(),
        looked_up: Mutex::default(),
        forms: Mutex::default(),
        homes: Mutex::default(),
        drawers: tokio::sync::Semaphore::new(home::AT_ONCE),
        me: me.clone(),
    });
    Ok(Built {
        surface: slack.clone(),
        places: vec![ApprovalsPlace { surface: NAME.to_owned(), realm: String::new() }],
        directory: Some(slack),
    })
}

fn clock(outside: &Arc<dyn Outside>) -> Arc<dyn crate::domain::time::Clock> {
    outside.clone()
}

impl Slack {
    /// The installation this token belongs to; asked once.
    async fn home(&self) -> Result<&Installation, Fault> {
        self.home.get_or_try_init(|| self.client.auth_test()).await
    }

    /// The realm of handles in this installation.
    fn realm(home: &Installation) -> String {
        match (&home.enterprise, home.org_wide) {
            (Some(enterprise), true) => enterprise.clone(),
            (Some(_) | None, _) => home.team.clone(),
        }
    }

    /// Approvers whom Slack has not shown us yet are looked up by their address, so that the message
    /// mentions them. Whom Slack does not know is named by the address. Returns whether one was found.
    async fn find_approvers(&self, view: &RequestView, realm: &str) -> bool {
        let mut found = false;
        for approver in view.approvers.people.iter().filter(|approver| approver.handle.is_none()) {
            let Some(email) = Email::parse(&approver.name) else { continue };
            let first = self.looked_up.lock().is_ok_and(|mut known| known.insert(email.clone()));
            if !first {
                continue;
            }
            match self.client.lookup_by_email(&email).await {
                Ok(user) if user.is_ours() && user.email.as_ref() == Some(&email) => {
                    let handle = Handle { surface: NAME.to_owned(), realm: realm.to_owned(), handle: user.id };
                    found |= self.desk.meet(&handle, &email, &user.name).await.is_ok();
                }
                Ok(_) | Err(Fault::Never { .. }) => {}
                Err(fault) => {
                    tracing::info!(why = %fault, "an approver could not be looked up; the message names the address");
                    let _ = self.looked_up.lock().map(|mut known| known.remove(&email));
                }
            }
        }
        found
    }

    /// Where somebody is told something of their own. Whom Slack has not shown us yet is looked up by address.
    async fn handle_of(&self, person: &PersonId, realm: &str) -> Result<String, Fault> {
        let unknown = || Fault::never("This person has no Slack account that is known here.");
        let view = self.desk.person_view(person, NAME, realm).await?;
        if let Some(handle) = view.handle {
            return Ok(handle);
        }
        let email = self.desk.address(person).await?.ok_or_else(unknown)?;
        let user = self.client.lookup_by_email(&email).await?;
        if !user.is_ours() || user.email.as_ref() != Some(&email) {
            return Err(unknown());
        }
        let handle = Handle { surface: NAME.to_owned(), realm: realm.to_owned(), handle: user.id.clone() };
        let met = self.desk.meet(&handle, &email, &user.name).await?;
        // A directory may say that the account is somebody else's.
        if met.id == *person { Ok(user.id) } else { Err(unknown()) }
    }

    /// What a message of a request says now, and where it belongs.
    async fn message(&self, request: &RequestId, audience: &Audience, realm: &str) -> Result<(String, Message), Fault> {
        let gone = || Fault::never("The request of this message is gone.");
        let mut view = self.desk.view(request, NAME, realm).await?.ok_or_else(gone)?;
        let now = self.outside.now();
        match audience {
            Audience::Approvals => {
                if self.find_approvers(&view, realm).await {
                    view = self.desk.view(request, NAME, realm).await?.unwrap_or(view);
                }
                Ok((self.approvals.clone(), messages::approval(&view, now)))
            }
            Audience::Approver(person) => Ok((self.handle_of(person, realm).await?, messages::approval(&view, now))),
            Audience::Person(person) => {
                let link = self.desk.approvals_link(request).await?;
                Ok((self.handle_of(person, realm).await?, messages::direct(&view, person, now, link.as_deref())))
            }
            Audience::Reminder(person) => {
                let handle = self.handle_of(person, realm).await?;
                // Only who asked for themselves can ask for more.
                let own = view.principal.id == view.requestor.id;
                let more = if own { self.desk.more(request).await? } else { None };
                Ok((handle, messages::reminder(&view, more, now)))
            }
        }
    }

    /// Does something after the acknowledgement went out.
    fn spawn<F>(&self, work: impl FnOnce(Arc<Slack>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(me) = self.me.upgrade() {
            tokio::spawn(work(me));
        }
    }
}

#[async_trait]
impl Surface for Slack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(self: Arc<Self>) -> axum::Router {
        match &self.way {
            Way::Http(secret) => {
                let secret = secret.clone();
                routes::routes(self, secret)
            }
            Way::Sockets(_) => axum::Router::new(),
        }
    }

    async fn listen(self: Arc<Self>, stop: watch::Receiver<bool>) {
        match &self.way {
            Way::Http(_) => {}
            Way::Sockets(sockets) => socket::listen(&self, sockets, stop).await,
        }
    }

    fn deaf(&self) -> Option<String> {
        match &self.way {
            Way::Http(_) => None,
            Way::Sockets(sockets) => sockets.deaf(),
        }
    }

    async fn check(&self) -> Vec<Finding> {
        self.look().await
    }

    async fn show(&self, notice: &Notice, until: Time) -> Result<Posted, Fault> {
        let home = self.home().await?;
        let realm = if notice.realm.is_empty() { Slack::realm(home) } else { notice.realm.clone() };
        let (place, message) = match &notice.subject {
            Subject::Request(request) => self.message(request, &notice.audience, &realm).await?,
            Subject::Preapproval(id) => {
                let gone = || Fault::never("What this message told of is gone.");
                let view = self.desk.preapproval(id, NAME, &realm).await?.ok_or_else(gone)?;
                let now = self.outside.now();
                match &notice.audience {
                    Audience::Approvals => (self.approvals.clone(), messages::preapproval(&view, None, now)),
                    Audience::Person(person) | Audience::Approver(person) => {
                        (self.handle_of(person, &realm).await?, messages::preapproval(&view, Some(person), now))
                    }
                    Audience::Reminder(person) => {
                        (self.handle_of(person, &realm).await?, messages::preapproval_ends(&view, person, now))
                    }
                }
            }
            Subject::Alert(alert) => {
                let view = self.desk.alert(alert).await?.ok_or_else(|| Fault::never("What this message told of is gone."))?;
                (self.approvals.clone(), messages::alert(&view))
            }
        };
        if let Subject::Request(request) = &notice.subject {
            self.redraw_homes_with(request);
        }
        if until <= self.outside.now() {
            return Err(Fault::later("It took too long to write this message; somebody else may write it by now."));
        }
        if let Audience::Person(_) | Audience::Approver(_) = notice.audience {
            self.redraw_home(Handle { surface: NAME.to_owned(), realm: realm.clone(), handle: place.clone() });
        }
        if let Some(posted) = &notice.posted {
            match self.client.update(posted, &message).await {
                Ok(()) => return Ok(posted.clone()),
                // What was to remind somebody is not said again.
                Err(fault) if client::is_gone(&fault) && matches!(notice.audience, Audience::Reminder(_)) => {
                    return Ok(posted.clone());
                }
                Err(fault) if client::is_gone(&fault) => {
                    tracing::info!(subject = notice.subject.as_str(), "a message was deleted in Slack; it is posted again");
                }
                Err(fault) => return Err(fault),
            }
        }
        let mut posted = self.client.post(&place, &message).await?;
        if notice.audience == Audience::Approvals {
            // Without the link the requestor's message is only poorer.
            posted.link = self.client.permalink(&posted).await.ok();
        }
        Ok(posted)
    }

    async fn resume(&self, key: &str) -> Result<(), Fault> {
        self.go_on(key).await
    }
}

#[async_trait]
impl Directory for Slack {
    async fn members(&self, group: &str) -> Result<Arc<Members>, Fault> {
        let home = self.home().await?;
        let realm = Slack::realm(home);
        let members = self.client.group_members(group, home.org_wide.then_some(home.team.as_str())).await?;
        let named = |handle| Handle { surface: NAME.to_owned(), realm: realm.clone(), handle };
        Ok(Arc::new(Members { handles: members.into_iter().map(named).collect(), ..Members::default() }))
    }
}
