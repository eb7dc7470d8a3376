//! What a person is answered: one value that is stored with the interaction and put into words here,
//! so that a second delivery gets the same sentence.

use serde::{Deserialize, Serialize};

use crate::domain::id::{PreapprovalId, RequestId};
use crate::domain::time::{Span, Time};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub enum Answer {
    /// A request was made and waits for a decision.
    Asked {
        request: RequestId,
        effect: String,
        /// For whom, if for somebody else.
        #[serde(default)]
        whom: Option<String>,
    },
    /// The same was asked before and still waits.
    AlreadyAsked {
        request: RequestId,
        effect: String,
    },
    /// The access policy approved it itself.
    AtOnce {
        request: RequestId,
        effect: String,
        until: Time,
    },
    /// The access policies let them have it without asking anybody.
    Given {
        request: RequestId,
        effect: String,
        length: Span,
        why: String,
        /// Who has it, if somebody else.
        #[serde(default)]
        whom: Option<String>,
        /// The longer time that was asked for.
        #[serde(default)]
        wished: Option<Span>,
    },
    /// A yes after which others have to say yes too.
    Counted {
        request: RequestId,
        have: u32,
        need: u32,
        step: u32,
        steps: u32,
        who: String,
    },
    /// Whoever is on call is told of it.
    Escalated {
        request: RequestId,
        whom: String,
    },
    /// Who decides in their place, and until when; nobody does.
    Away {
        instead: Option<(String, Time)>,
    },
    /// Something was allowed ahead of time.
    Allowed {
        preapproval: PreapprovalId,
        effect: String,
        whom: String,
        until: Time,
        length: Span,
    },
    /// They have it, and may not have it any longer without a pause.
    UsedUp {
        effect: String,
        longest: Span,
        until: Time,
    },
    /// They have it without us.
    AlreadyHeld {
        effect: String,
    },
    Approved {
        request: RequestId,
        length: Span,
    },
    Denied {
        request: RequestId,
    },
    Withdrawn {
        request: RequestId,
    },
    /// This request's hold on the access is over; it is being taken away.
    Ended {
        request: RequestId,
    },
    /// As before, but somebody else's grants keep the access.
    EndedButKept {
        request: RequestId,
        until: Time,
    },
    /// Somebody was faster.
    DecidedBefore {
        request: RequestId,
        by: String,
        what: String,
        at: Time,
    },
    /// It was over before.
    OverBefore {
        request: RequestId,
    },
    /// No, and why. One or two sentences that say what to do instead.
    Refused {
        why: String,
    },
    /// Text made elsewhere: help, lists, mistakes in a command.
    Text {
        text: String,
    },
    /// Values that do not fit, by argument. Never stored: the form can be sent again.
    Mistakes {
        mistakes: Vec<Mistake>,
    },
    /// Nothing needs saying.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// The argument, or `reason` or `duration`.
    pub field: String,
    pub message: String,
}

impl Answer {
    /// The request this is about.
    pub fn request(&self) -> Option<&RequestId> {
        match self {
            Answer::Asked { request, .. }
            | Answer::AlreadyAsked { request, .. }
            | Answer::AtOnce { request, .. }
            | Answer::Given { request, .. }
            | Answer::Counted { request, .. }
            | Answer::Escalated { request, .. }
            | Answer::Approved { request, .. }
            | Answer::Denied { request }
            | Answer::Withdrawn { request }
            | Answer::Ended { request }
            | Answer::EndedButKept { request, .. }
            | Answer::DecidedBefore { request, .. }
            | Answer::OverBefore { request } => Some(request),
            Answer::AlreadyHeld { .. }
            | Answer::Allowed { .. }
            | Answer::Away { .. }
            | Answer::UsedUp { .. }
            | Answer::Refused { .. }
            | Answer::Text { .. }
            | Answer::Mistakes { .. }
            | Answer::Nothing => None,
        }
    }

    /// Does the person have to be told, beyond the messages that change by themselves?
    pub fn wants_telling(&self) -> bool {
        match self {
            Answer::Approved { .. }
            | Answer::Denied { .. }
            | Answer::Withdrawn { .. }
            | Answer::Ended { .. }
            | Answer::Nothing => false,
            Answer::Asked { .. }
            | Answer::Given { .. }
            | Answer::Counted { .. }
            | Answer::Escalated { .. }
            | Answer::Allowed { .. }
            | Answer::Away { .. }
            | Answer::AlreadyAsked { .. }
            | Answer::AlreadyHeld { .. }
            | Answer::AtOnce { .. }
            | Answer::UsedUp { .. }
            | Answer::EndedButKept { .. }
            | Answer::DecidedBefore { .. }
            | Answer::OverBefore { .. }
            | Answer::Refused { .. }
            | Answer::Text { .. }
            | Answer::Mistakes { .. } => true,
        }
    }

    /// The words, with times written by `when` (each surface has its own way to show a reader's zone).
    pub fn words(&self, when: impl Fn(Time) -> String) -> String {
        match self {
            Answer::Asked { effect, whom, .. } => {
                let whom = whom.as_ref().map(|whom| format!(" for {whom}")).unwrap_or_default();
                format!("Asked for {effect}{whom}. You will get a message when somebody decides.")
            }
            Answer::AlreadyAsked { effect, .. } => format!("You already asked for {effect}, and it waits for a decision."),
            Answer::AtOnce { effect, until, .. } => {
                format!("The access policy approved this at once: {effect}, until {}.", when(*until))
            }
            Answer::Given { effect, length, why, whom, wished, .. } => {
                let has = whom.as_ref().map_or_else(|| "You have".to_owned(), |whom| format!("{whom} has"));
                let less = wished.map(|wished| format!(" You asked for {wished}; without an approver it is {length}."));
                format!("{has} {effect} for {length} as soon as it works: {why}. You will get a message.{}", less.unwrap_or_default())
            }
            Answer::Counted { have, need, step, steps, who, .. } => {
                let step = if *steps > 1 { format!(" (step {step} of {steps})") } else { String::new() };
                let missing = need.saturating_sub(*have);
                let more = if missing == 1 { "one more yes is".to_owned() } else { format!("{missing} more yeses are") };
                format!("Your yes counts; {more} needed from {who}{step}.")
            }
            Answer::Away { instead: None } => "You decide yourself; nobody does in your place. `/p0 away --to carol@your.example --until 2027-01-07` lets somebody.".to_owned(),
            Answer::Away { instead: Some((name, until)) } => {
                format!("{name} decides in your place until {}, but not your own requests. `/p0 back` ends it.", when(*until))
            }
            Answer::Escalated { whom, .. } => format!("{whom} will get a message about it now."),
            Answer::Allowed { effect, whom, until, length, .. } => format!(
                "Allowed ahead of time: {whom} can have {effect} at once until {}, each time for at most {length}.",
                when(*until)
            ),
            Answer::UsedUp { effect, longest, until } => format!(
                "You have {effect} until {}. It may be held for {longest} without a pause, and that is used up; ask again after that.",
                when(*until)
            ),
            Answer::AlreadyHeld { effect } => {
                format!("You already have this: {effect}. Nothing was asked, and nothing will be taken away.")
            }
            Answer::Approved { length, .. } => format!("Approved for {length} once it works."),
            Answer::Denied { .. } => "Denied.".to_owned(),
            Answer::Withdrawn { .. } => "Taken back.".to_owned(),
            Answer::Ended { .. } => "It is being taken away now.".to_owned(),
            Answer::EndedButKept { until, .. } => {
                format!("This request is over, but another request keeps the access until {}.", when(*until))
            }
            Answer::DecidedBefore { by, what, at, .. } if what == "took back" => {
                format!("{by} took this back already, at {}.", when(*at))
            }
            Answer::DecidedBefore { by, what, at, .. } => format!("{by} {what} this already, at {}.", when(*at)),
            Answer::OverBefore { .. } => "This was over already; nothing was changed.".to_owned(),
            Answer::Refused { why } => why.clone(),
            Answer::Text { text } => text.clone(),
            Answer::Mistakes { mistakes } => {
                mistakes.iter().map(|mistake| mistake.message.clone()).collect::<Vec<_>>().join("\n")
            }
            Answer::Nothing => String::new(),
        }
    }
}
