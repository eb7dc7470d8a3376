//! Brings each message to what its request says now.

use super::{Engine, Looked};
use crate::domain::fault::Fault;
use crate::domain::id::NoticeId;
use crate::domain::notice::{Audience, Notice};
use crate::domain::planted::{Bug, planted};
use crate::domain::time::Span;
use crate::store::{Claimed, Next, StoreError, Tx};

/// How soon a message is tried again that will not go through before somebody acts: the app is not
/// in the channel, the token is revoked.
const WHEN_DENIED: Span = Span::minutes(1);
/// To one person, who may be gone, twice as late each time, as often as this: up to an hour.
const DOUBLED: u32 = 6;

impl Engine {
    pub(super) async fn look_at_notice(&self, claim: &Claimed) -> Result<Looked, StoreError> {
        let found = match NoticeId::parse(&claim.id) {
            Some(id) => self.inner.store.notice(&id).await?.filter(|notice| notice.shown < notice.wanted),
            None => None,
        };
        let Some(notice) = found else {
            return self.only_finish(claim, Next::Never).await;
        };
        if self.inner.outside.now() < notice.not_before {
            return self.only_finish(claim, Next::At(notice.not_before)).await;
        }
        if self.is_idle(&notice).await? {
            let mut tx = self.inner.store.begin().await?;
            if !tx.notice_shown(claim, &notice, None, self.inner.outside.now()).await? {
                return Ok(Looked::Lost);
            }
            tx.commit().await?;
            return Ok(Looked::Finished);
        }
        let Some(surface) = self.surface(&notice.surface) else {
            return self.only_finish(claim, Next::Again(self.again_at(claim))).await;
        };
        self.inner.outside.reach("engine.before-show").await.ok();
        let shown = surface.show(&notice, claim.until).await;
        self.inner.outside.reach("engine.after-show").await.ok();
        let now = self.inner.outside.now();
        let shown = match (shown, &notice.posted) {
            (Err(_), Some(posted)) if planted(Bug::NotPosted) => Ok(posted.clone()),
            (shown, _) => shown,
        };
        match shown {
            Ok(posted) => {
                let mut tx = self.inner.store.begin().await?;
                // The approvals message is there now: the requestor's own message links to it, and says no more that
                // nobody could be told.
                if notice.posted.is_none() && (posted.link.is_some() || notice.trouble.is_some()) {
                    tx.bump_other_notices(&notice.subject, &notice.id).await?;
                    tx.show_notices(&notice.subject, now).await?;
                }
                if !tx.notice_shown(claim, &notice, Some(&posted), now).await? {
                    drop(tx);
                    return self.show_again(&notice).await;
                }
                tx.commit().await?;
                Ok(Looked::Finished)
            }
            Err(fault) => {
                let (subject, audience) = (notice.subject.as_str(), notice.audience.to_text());
                match &fault {
                    // Somebody has to mend something: a token, a channel's name, a right of the app.
                    Fault::Never { .. } | Fault::Denied { .. } => {
                        tracing::warn!(subject, audience, why = %fault, "a message cannot be shown; it is tried again");
                    }
                    Fault::Later { .. } | Fault::Maybe { .. } => {
                        tracing::info!(subject, audience, why = %fault, "a message was not brought up to date; it is tried again");
                    }
                }
                let at = match fault {
                    Fault::Later { after: Some(after), .. } => now + after,
                    Fault::Later { after: None, .. } | Fault::Maybe { .. } => self.again_at(claim),
                    Fault::Never { .. } => now + pause(&notice, claim.attempts),
                    Fault::Denied { .. } => now + WHEN_DENIED,
                };
                let mut tx = self.inner.store.begin().await?;
                if matches!(fault, Fault::Never { .. } | Fault::Denied { .. }) {
                    self.tell_of_trouble(&mut tx, &notice, &fault).await?;
                }
                match self.finish(tx, claim, Next::Again(at)).await? {
                    Looked::Finished => Ok(Looked::Finished),
                    Looked::Lost => self.show_again(&notice).await,
                }
            }
        }
    }

    /// Whoever waits for approvers who cannot be told is told that.
    async fn tell_of_trouble(&self, tx: &mut Tx, notice: &Notice, fault: &Fault) -> Result<(), StoreError> {
        let new = tx.notice_in_trouble(&notice.id, &fault.to_string()).await?;
        if new && notice.audience == Audience::Approvals && notice.posted.is_none() {
            tx.bump_other_notices(&notice.subject, &notice.id).await?;
            tx.show_notices(&notice.subject, self.inner.outside.now()).await?;
        }
        Ok(())
    }

    /// Somebody newer showed this message while we did: what stands there now may be the older of the two,
    /// so it is shown once more.
    async fn show_again(&self, notice: &Notice) -> Result<Looked, StoreError> {
        let mut tx = self.inner.store.begin().await?;
        tx.bump_notices(&notice.subject).await?;
        tx.show_notices(&notice.subject, self.inner.outside.now()).await?;
        tx.commit().await?;
        Ok(Looked::Lost)
    }
}

/// Until a message is tried again that somebody has to mend something for.
fn pause(notice: &Notice, attempts: i64) -> Span {
    match notice.audience {
        Audience::Approvals => WHEN_DENIED,
        Audience::Person(_) | Audience::Approver(_) | Audience::Reminder(_) => {
            let doubled = u32::try_from(attempts).unwrap_or(0).min(DOUBLED);
            Span(WHEN_DENIED.0 << doubled)
        }
    }
}
