//! The reminder before an end: a notice of its own that waits for its time.
//!
//! It is stored with the moment from which its access works, so a crash loses none. Whether there is
//! still something to be reminded of is read from the record when its time has come.

use super::Engine;
use crate::domain::assignment::Baseline;
use crate::domain::grant::Grant;
use crate::domain::id::{NoticeId, RequestId};
use crate::domain::notice::{Audience, Notice, Subject};
use crate::domain::request::RequestState;
use crate::domain::time::{Span, Time};
use crate::store::{StoreError, Tx};

impl Engine {
    /// Puts a reminder beside the own message of whoever has the access.
    pub(super) async fn remind(&self, tx: &mut Tx, request: &RequestId, length: Span, end: Time) -> Result<(), StoreError> {
        let Some(not_before) = Grant::reminder(length, end) else { return Ok(()) };
        let Some(row) = tx.request(request).await? else { return Ok(()) };
        for own in tx.notices_of(request).await? {
            if own.audience == Audience::Person(row.request.principal.clone())
                && let Audience::Person(person) = own.audience
            {
                let id = NoticeId::new(&*self.inner.outside);
                let (audience, posted) = (Audience::Reminder(person), None);
                tx.insert_notice(&Notice { id, audience, wanted: 1, shown: 0, posted, not_before, ..own }).await?;
            }
        }
        Ok(())
    }

    /// Would this message say nothing? One to an approver whose turn comes when it is decided does. A reminder
    /// that was not posted yet does, once its access is over, when another grant keeps the access longer, when
    /// nothing will be taken away, and when somebody took it away already.
    pub(super) async fn is_idle(&self, notice: &Notice) -> Result<bool, StoreError> {
        if notice.posted.is_some() {
            return Ok(false);
        }
        let request = match &notice.subject {
            Subject::Request(request) => request,
            Subject::Preapproval(id) => {
                let (Audience::Reminder(_), Some(row)) = (&notice.audience, self.inner.store.preapproval(id).await?) else {
                    return Ok(false);
                };
                let over = row.ended_at.is_some() || row.until <= self.inner.outside.now();
                // Somebody allowed it for longer since.
                return Ok(over || !self.inner.store.preapprovals_for(&row.principal, &row.access, row.until).await?.is_empty());
            }
            Subject::Alert(_) => return Ok(false),
        };
        match &notice.audience {
            Audience::Reminder(_) => {}
            // Whoever was to be asked later need not be when it is decided.
            Audience::Approvals | Audience::Approver(_) if Time(0) < notice.not_before => {
                let row = self.inner.store.request(request).await?;
                return Ok(row.is_none_or(|row| row.request.state != RequestState::Open));
            }
            Audience::Approvals | Audience::Approver(_) | Audience::Person(_) => return Ok(false),
        }
        let now = self.inner.outside.now();
        for held in self.inner.store.grants_of(request).await? {
            let grant = held.grant;
            if !grant.live() || grant.usable_at.is_none() || grant.ends_at <= now {
                return Ok(true);
            }
            let Some(row) = self.inner.store.assignment(&grant.assignment).await? else { return Ok(true) };
            if row.is_missing() {
                return Ok(true);
            }
            let others = self.inner.store.live_grants(&grant.assignment).await?;
            let kept = others.iter().any(|other| other.grant.request != *request && grant.ends_at < other.grant.ends_at);
            if row.baseline != Some(Baseline::Standing) && !kept {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
