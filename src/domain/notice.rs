//! A notice: a message that mirrors the record for one audience on one surface.
//!
//! It is no outbox: a notice is brought to what the record says *now*. Three quick changes make
//! one edit, and a lost edit is simply due again.

use serde::{Deserialize, Serialize};

use super::id::{AlertId, NoticeId, PersonId, PreapprovalId, RequestId};
use super::time::Time;

/// For whom a notice is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Audience {
    /// The place where approvers decide.
    Approvals,
    /// One person: the requestor's own message.
    Person(PersonId),
    /// One person who may decide, asked by a message of their own.
    Approver(PersonId),
    /// The same person, before the end: a message of its own, because an edit notifies nobody.
    Reminder(PersonId),
}

impl Audience {
    pub fn to_text(&self) -> String {
        match self {
            Audience::Approvals => "approvals".to_owned(),
            Audience::Person(id) => id.to_string(),
            Audience::Approver(id) => format!("approver:{id}"),
            Audience::Reminder(id) => format!("reminder:{id}"),
        }
    }

    pub fn parse(text: &str) -> Option<Audience> {
        match text.split_once(':') {
            Some(("reminder", person)) => PersonId::parse(person).map(Audience::Reminder),
            Some(("approver", person)) => PersonId::parse(person).map(Audience::Approver),
            Some(_) => None,
            None if text == "approvals" => Some(Audience::Approvals),
            None => PersonId::parse(text).map(Audience::Person),
        }
    }
}

/// What a notice is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Request(RequestId),
    Alert(AlertId),
    Preapproval(PreapprovalId),
}

impl Subject {
    pub fn as_str(&self) -> &str {
        match self {
            Subject::Request(id) => id.as_str(),
            Subject::Alert(id) => id.as_str(),
            Subject::Preapproval(id) => id.as_str(),
        }
    }

    pub fn parse(text: &str) -> Option<Subject> {
        RequestId::parse(text)
            .map(Subject::Request)
            .or_else(|| AlertId::parse(text).map(Subject::Alert))
            .or_else(|| PreapprovalId::parse(text).map(Subject::Preapproval))
    }
}

impl AsRef<str> for Subject {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[derive(Debug, Clone)]
pub struct Notice {
    pub id: NoticeId,
    pub subject: Subject,
    pub surface: String,
    pub realm: String,
    pub audience: Audience,
    /// The version the message should show.
    pub wanted: i64,
    /// The version it shows.
    pub shown: i64,
    /// Where it stands, once it was posted.
    pub posted: Option<Posted>,
    /// It is not posted before this.
    pub not_before: Time,
    /// Why it cannot be shown before somebody mends something.
    pub trouble: Option<String>,
}

/// A place of a surface where approvers see requests and alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalsPlace {
    pub surface: String,
    pub realm: String,
}

/// Where a message stands on its surface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    pub place: String,
    pub message: String,
    /// A link people can follow to it.
    pub link: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;

    #[test]
    fn what_is_told_to_whom_is_read_back_as_it_was_written() {
        let still = Still(Time(1));
        let person = PersonId::new(&still);
        for audience in [
            Audience::Approvals,
            Audience::Person(person.clone()),
            Audience::Approver(person.clone()),
            Audience::Reminder(person),
        ] {
            assert_eq!(Audience::parse(&audience.to_text()), Some(audience));
        }
        let allowed = Subject::Preapproval(PreapprovalId::new(&still));
        for subject in [Subject::Request(RequestId::new(&still)), Subject::Alert(AlertId::new(&still)), allowed] {
            assert_eq!((Subject::parse(subject.as_str()), subject.as_ref()), (Some(subject.clone()), subject.as_str()));
        }
        assert_eq!((Audience::parse("everybody"), Subject::parse("everything")), (None, None));
    }
}
