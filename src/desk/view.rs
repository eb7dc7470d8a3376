//! What a person may see of a request, in words that no surface adds to.
//!
//! A surface renders this and nothing else. It is computed from the record each time, so a message
//! is never the place where state lives.

use crate::domain::grant::End;
use crate::domain::id::{PersonId, PreapprovalId, RequestId};
use crate::domain::time::{Span, Time};

#[derive(Debug, Clone)]
pub struct RequestView {
    pub id: RequestId,
    pub requestor: PersonView,
    pub principal: PersonView,
    /// `PostgreSQL`
    pub integration: String,
    /// `Role membership`
    pub access_type: String,
    /// `role analyst on main`: what exactly, in one line.
    pub effect: String,
    /// The arguments by their titles, in the manifest's order.
    pub details: Vec<(String, String)>,
    pub reason: Option<String>,
    /// How long it was asked for.
    pub length: Span,
    pub asked_at: Time,
    /// The access that this would make longer.
    pub extends: Option<Extends>,
    /// What an approver should know first.
    pub warning: Option<String>,
    /// Who may decide, as the policy says now.
    pub approvers: Approvers,
    pub policy: PolicyView,
    /// Names what a yes would give now; what offers one hands it back with the press ([`super::Came::shown`]).
    /// Empty when nothing is to be decided.
    pub bound: String,
    /// Why no approver was told of it, while somebody has to mend that.
    pub unreached: Option<String>,
    /// The lengths an approver may choose from; the asked one is among them.
    pub durations: Vec<Span>,
    pub phase: Phase,
    /// Other live grants on the same access: it stays until the latest of these.
    pub stays_until: Option<Time>,
    /// One of those extends this request.
    pub extended: bool,
    /// It was granted and works no more: somebody took it away in the target.
    pub missing: bool,
}

/// Something that was allowed ahead of time.
#[derive(Debug, Clone)]
pub struct PreapprovalView {
    pub id: PreapprovalId,
    pub principal: PersonView,
    pub issuer: PersonView,
    /// `PostgreSQL`
    pub integration: String,
    pub effect: String,
    pub reason: Option<String>,
    /// The most each access may last.
    pub length: Span,
    pub from: Time,
    pub until: Time,
    /// When somebody took it back.
    pub ended_at: Option<Time>,
}

/// What an extension is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extends {
    pub id: RequestId,
    /// When the access it extends ends. `None`: it is over.
    pub until: Option<Time>,
    /// Its length counts from that end; else from when it works, as for every request.
    pub on_top: bool,
}

/// What pressing Extend would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum More {
    /// Asks for this much more; `at_once`: the policy approves it itself.
    Offered { length: Span, at_once: bool },
    /// It was asked for, and waits for a decision.
    Asked,
    /// It may be held for so long without a pause, and that is used up.
    UsedUp { longest: Span },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    pub id: PersonId,
    pub name: String,
    /// Their name on the surface this view is for, to be mentioned by.
    pub handle: Option<String>,
}

/// Who may decide: people, groups as `directory:id`, and others in words: `the manager of whoever receives it`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approvers {
    pub people: Vec<PersonView>,
    pub groups: Vec<GroupView>,
    pub others: Vec<String>,
}

/// A group: where it is known, and what people call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    pub directory: String,
    pub id: String,
    pub label: Option<String>,
}

/// What the access policies say of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyView {
    /// The rules by which it was routed; none for the default approvals.
    pub rules: Vec<String>,
    /// Nobody can say yes to it now, and why.
    pub refused: Option<String>,
    /// The policies ask for more than they did when it was asked.
    pub stricter: bool,
    /// Several have to say yes: how far it is, and who did.
    pub progress: Option<ProgressView>,
    pub said_yes: Vec<PersonView>,
    /// Who decides or decided in the place of somebody who is away, and the name of that one.
    pub in_place: Vec<(PersonId, String)>,
    /// The requestor can have whoever is on call told.
    pub can_escalate: bool,
    /// They were told then.
    pub escalated_at: Option<Time>,
    /// Given at once, and why.
    pub at_once: Option<String>,
    /// As an emergency.
    pub emergency: bool,
}

/// How far several yeses are: this step of so many has so many of so many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgressView {
    pub step: u32,
    pub steps: u32,
    pub have: u32,
    pub need: u32,
    pub who: Approvers,
    /// The steps after it, in words.
    pub then: Vec<String>,
}

/// Where in its life a request is: the stored decision and its grants, read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Waits for a decision.
    Asked,
    Denied {
        by: PersonView,
        at: Time,
        why: Option<String>,
    },
    Withdrawn {
        at: Time,
    },
    /// Nobody decided in time.
    Stale {
        at: Time,
    },
    /// Decided, not usable yet: "for 1 hour once it works".
    Approved {
        by: PersonView,
        at: Time,
        length: Span,
        /// What keeps it from working, if a try failed.
        trouble: Option<String>,
        /// When we give up.
        usable_by: Time,
    },
    Usable {
        by: PersonView,
        at: Time,
        since: Time,
        until: Time,
        /// How to use it: one or more lines, to be shown as code.
        connect: Option<String>,
        /// It was there before; nothing was granted and nothing will be taken away.
        standing: bool,
    },
    /// Over for the requestor; not yet seen gone in the target.
    Ending {
        how: End,
        by: Option<PersonView>,
        at: Time,
        why: Option<String>,
        /// What the last try said.
        trouble: Option<String>,
        /// Overdue: the reviewers are told.
        stuck: bool,
    },
    /// Over, and seen gone, or left for a reason.
    Ended {
        how: End,
        by: Option<PersonView>,
        at: Time,
        why: Option<String>,
        left: Left,
        /// Sessions that were open and could not be cut go on until then, at the latest.
        sessions_until: Option<Time>,
    },
}

/// What became of the access itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// Read back as gone.
    Gone { at: Time },
    /// It never came to be: nothing was granted.
    Nothing,
    /// Another grant keeps it; `stays_until` of the view says until when.
    Kept,
    /// It was held before us and is not ours to take.
    Standing,
    /// Nobody saw it gone: somebody closed the record by force, and said why.
    Unproven { why: String },
    /// Ours is gone; somebody else's grant gives the same access.
    Elsewhere { by: String },
}

impl RequestView {
    /// Approve and Deny are offered.
    pub fn can_decide(&self) -> bool {
        self.phase == Phase::Asked
    }

    /// Relinquish (for the requestor) and Revoke (for approvers) are offered.
    pub fn can_end(&self) -> bool {
        match self.phase {
            Phase::Approved { .. } | Phase::Usable { .. } => true,
            Phase::Asked
            | Phase::Denied { .. }
            | Phase::Withdrawn { .. }
            | Phase::Stale { .. }
            | Phase::Ending { .. }
            | Phase::Ended { .. } => false,
        }
    }
}
