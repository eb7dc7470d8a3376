//! Deciding ahead: access that is allowed before somebody asks, and who decides while somebody is away.

use super::{Answer, Came, Desk, Result};
use crate::catalog::form::{Draft, Purpose};
use crate::domain::person::Email;
use crate::domain::time::Time;

impl Desk {
    /// Allows somebody an access ahead of time, or says why not.
    pub async fn allow(&self, came: &Came, _draft: Draft) -> Result<Answer> {
        let why = "Access cannot be allowed ahead of time here yet; nothing was changed.".to_owned();
        self.only_answer(came, Answer::Refused { why }).await
    }

    /// From now on `to` decides in this person's place, until then or until they are back. With nobody
    /// named it tells how it is.
    pub async fn away(&self, came: &Came, _to: Option<Email>, _until: Option<Time>) -> Result<Answer> {
        let why = "Nobody can decide in your place here yet; nothing was changed.".to_owned();
        self.only_answer(came, Answer::Refused { why }).await
    }

    /// This person decides themselves again.
    pub async fn back(&self, came: &Came) -> Result<Answer> {
        let why = "Nobody can decide in your place here yet; nothing was changed.".to_owned();
        self.only_answer(came, Answer::Refused { why }).await
    }
}

/// Why such an ask cannot be made yet, if it is one that cannot.
pub(super) fn not_yet(draft: &Draft) -> Option<Answer> {
    let why = match draft.purpose {
        Purpose::Request if draft.break_glass => "Access without a decision is not possible here yet; nothing was asked.",
        Purpose::Request if draft.only_at_once => "This cannot be asked for with --approved here yet; nothing was asked.",
        Purpose::Request => return None,
        Purpose::Grant => "Asking for somebody else is not possible here yet; nothing was asked.",
        Purpose::Allow => "Access cannot be allowed ahead of time here yet; nothing was changed.",
    };
    Some(Answer::Refused { why: why.to_owned() })
}
