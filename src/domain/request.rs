//! A request: one ask, with its whole life.
//!
//! The stored state says only what people decided. Whether the access is usable, ending or gone is
//! read from the request's grants (see [`super::grant`]) and never stored a second time.

use super::access::Access;
use super::id::{PersonId, RequestId};
use super::time::{Span, Time};
use super::words;

words! {
    /// What people decided of a request.
    RequestState {
        Open = "open",
        Approved = "approved",
        Denied = "denied",
        /// Taken back by the requestor.
        Withdrawn = "withdrawn",
        /// Nobody decided in time.
        Stale = "stale",
    }
}

words! {
    /// What can happen to an open request.
    Outcome {
        Approve = "approve",
        Deny = "deny",
        Withdraw = "withdraw",
        LeftUndecided = "left undecided",
    }
}

impl RequestState {
    /// The one outcome that wins. `None`: it was decided before, and stays so.
    pub fn after(self, outcome: Outcome) -> Option<RequestState> {
        match self {
            RequestState::Open => Some(match outcome {
                Outcome::Approve => RequestState::Approved,
                Outcome::Deny => RequestState::Denied,
                Outcome::Withdraw => RequestState::Withdrawn,
                Outcome::LeftUndecided => RequestState::Stale,
            }),
            RequestState::Approved | RequestState::Denied | RequestState::Withdrawn | RequestState::Stale => None,
        }
    }
}

#[derive(Debug, Clone)]
pub struct Request {
    pub id: RequestId,
    pub requestor: PersonId,
    /// Who receives the access; the requestor, until requests for others exist.
    pub principal: PersonId,
    pub access: Access,
    /// One line for people, made from the manifest when it was asked: `role analyst on main`.
    pub effect: String,
    pub reason: Option<String>,
    /// How long it was asked for.
    pub length: Span,
    /// The surface it came through, and where there.
    pub via: String,
    pub state: RequestState,
    /// The policy version it was routed by; the current one decides at the press.
    pub policy: i64,
    /// What an approver should know first.
    pub warning: Option<String>,
    /// The request this one extends.
    pub extends: Option<RequestId>,
    pub created_at: Time,
    pub decided_at: Option<Time>,
}

/// The longest reason taken, in characters: what a Slack message can still show whole.
pub const LONGEST_REASON: usize = 1_000;
