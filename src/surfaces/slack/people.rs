//! Who people are: whoever comes for the first time, and whoever is named by somebody else.
//!
//! Slack tells a verified e-mail address once, and from then on the id counts. Who is no living member
//! of our own organisation is nobody here.

use super::client::{Installation, User};
use super::inbound::Who;
use super::receive::handle;
use super::{NAME, Slack};
use crate::catalog::args::mention;
use crate::desk::{Answer, Came, DeskError};
use crate::domain::fault::Fault;
use crate::domain::person::{Email, Handle, Person};

/// Why an account of Slack is nobody here.
enum Nobody {
    Elsewhere,
    Bot,
    Deactivated,
    Unconfirmed,
    NoAddress,
    /// Slack does not know them, or the record has no address of theirs.
    Unknown,
}

impl Nobody {
    /// For the person themselves.
    fn to_them(&self) -> &'static str {
        match self {
            Nobody::Elsewhere | Nobody::Bot | Nobody::Deactivated | Nobody::Unknown => {
                "Only members of this workspace can use P0."
            }
            Nobody::Unconfirmed => {
                "Slack has not confirmed your e-mail address yet; confirm it in Slack's settings, then try again."
            }
            Nobody::NoAddress => {
                "Your Slack profile has no e-mail address, and accounts are found by it. Add one, then try again."
            }
        }
    }

    /// For whoever named them.
    fn to_others(&self) -> &'static str {
        match self {
            Nobody::Elsewhere => "The person you named is from another workspace; only members of this one can be named.",
            Nobody::Bot => "You named an app, and only people can be named here. Name the person who runs it.",
            Nobody::Deactivated => "The account you named is deactivated in Slack. Name somebody who is still here.",
            Nobody::Unconfirmed => "Slack has not confirmed the e-mail address of the person you named; ask them to confirm it.",
            Nobody::NoAddress => {
                "The person you named has no e-mail address in Slack, and accounts are found by it. Type their address instead."
            }
            Nobody::Unknown => "The person you named is not known here; type their e-mail address instead.",
        }
    }
}

/// The address of an account that is a living member of this installation's organisation.
fn address<'u>(user: &'u User, home: &Installation) -> Result<&'u Email, Nobody> {
    // Whoever shares a channel with us through Slack Connect is no stranger to Slack, and none of ours.
    if user.stranger || !user.is_at(&home.team, home.enterprise.as_deref()) {
        return Err(Nobody::Elsewhere);
    }
    if user.bot {
        return Err(Nobody::Bot);
    }
    if user.deleted {
        return Err(Nobody::Deactivated);
    }
    if user.email_confirmed == Some(false) {
        return Err(Nobody::Unconfirmed);
    }
    user.email.as_ref().ok_or(Nobody::NoAddress)
}

impl Slack {
    /// Whom this is, if they were here before.
    pub(super) async fn known(&self, who: &Who) -> crate::desk::Result<Option<Person>> {
        self.desk.who(&handle(who)).await
    }

    /// First contact. `None`: it is nobody of ours, or a directory did not say who it is, and they were told so.
    pub(super) async fn meet(&self, who: &Who, url: Option<&str>) -> Result<Option<Person>, Fault> {
        match self.met(who).await? {
            Ok(person) => Ok(Some(person)),
            Err(why) => {
                self.tell(who, url, &Answer::Refused { why }).await?;
                Ok(None)
            }
        }
    }

    /// Whoever this is, or why they are nobody here.
    pub(super) async fn met(&self, who: &Who) -> Result<Result<Person, String>, Fault> {
        if let Some(person) = self.known(who).await? {
            return Ok(Ok(person));
        }
        let home = self.home().await?;
        let user = match who.at_home(&home.team, home.enterprise.as_deref()) {
            Some(false) => None,
            Some(true) | None => Some(self.client.user(&who.user).await?),
        };
        let why = match &user {
            None => Nobody::Elsewhere,
            Some(user) => match address(user, home) {
                Ok(email) => match self.desk.meet(&handle(who), email, &user.name).await {
                    // A directory did not say whose this is.
                    Err(unmet @ DeskError::Unmet(_)) => return Ok(Err(unmet.to_string())),
                    met => return Ok(Ok(met?)),
                },
                Err(why) => why,
            },
        };
        Ok(Err(why.to_them().to_owned()))
    }

    /// Somebody who is named, if the record knows them.
    pub(super) async fn named_before(&self, who: &Who, to: &str) -> crate::desk::Result<Option<Person>> {
        match mention(to) {
            Some(id) => self.desk.who(&Handle { handle: id.to_owned(), ..handle(who) }).await,
            None => match Email::parse(to) {
                Some(email) => self.desk.with_address(&email).await,
                None => Ok(None),
            },
        }
    }

    /// The address of somebody who is named: typed as it is, or the record's of somebody who was mentioned.
    /// `None`: only Slack can tell.
    pub(super) async fn address(&self, came: &Came, to: &str) -> crate::desk::Result<Option<Email>> {
        match mention(to) {
            None => Ok(Email::parse(to)),
            Some(id) => Ok(self.desk.who(&named(came, id)).await?.and_then(|person| person.email)),
        }
    }

    /// Makes somebody known who is named, so that the record has their address. `false`: it cannot be, and
    /// the interaction has its answer.
    pub(super) async fn introduce(&self, came: &Came, to: Option<&str>) -> Result<bool, Fault> {
        let Some(to) = to else { return Ok(true) };
        if self.address(came, to).await?.is_some() {
            return Ok(true);
        }
        let why = match mention(to) {
            None => Nobody::Unknown,
            Some(id) => match self.meet_named(&named(came, id)).await? {
                Ok(Person { email: Some(_), .. }) => return Ok(true),
                Ok(Person { email: None, .. }) => Nobody::Unknown,
                Err(why) => why,
            },
        };
        self.desk.only_answer(came, Answer::Refused { why: why.to_others().to_owned() }).await?;
        Ok(false)
    }

    async fn meet_named(&self, handle: &Handle) -> Result<Result<Person, Nobody>, Fault> {
        let home = self.home().await?;
        let user = match self.client.user(&handle.handle).await {
            Ok(user) => user,
            Err(Fault::Never { .. }) => return Ok(Err(Nobody::Unknown)),
            Err(fault) => return Err(fault),
        };
        match address(&user, home) {
            Ok(email) => Ok(Ok(self.desk.meet(handle, email, &user.name).await?)),
            Err(why) => Ok(Err(why)),
        }
    }
}

/// The handle of somebody who was mentioned by whoever came.
fn named(came: &Came, id: &str) -> Handle {
    Handle { surface: NAME.to_owned(), realm: came.handle.realm.clone(), handle: id.to_owned() }
}
