//! Tells reviewers what is not as it should be, and that it is right again.

use super::Engine;
use crate::domain::alert::{AlertKind, Told};
use crate::domain::id::NoticeId;
use crate::domain::notice::{Audience, Notice, Subject};
use crate::domain::time::Time;
use crate::store::{StoreError, Tx};

impl Engine {
    /// Opens an alert with a message in each place where approvers are, or brings the open one up to
    /// date.
    pub(super) async fn raise(
        &self,
        tx: &mut Tx,
        kind: AlertKind,
        subject: &str,
        told: &Told,
        now: Time,
    ) -> Result<(), StoreError> {
        let (alert, news) = tx.open_alert(kind, subject, told, now).await?;
        if !news {
            return Ok(());
        }
        for place in self.places() {
            let notice = Notice {
                id: NoticeId::new(&*self.inner.outside),
                subject: Subject::Alert(alert.clone()),
                surface: place.surface,
                realm: place.realm,
                audience: Audience::Approvals,
                wanted: 0,
                shown: 0,
                posted: None,
                not_before: now,
            };
            tx.insert_notice(&notice).await?;
        }
        tx.bump_notices(&alert).await?;
        tx.show_notices(&alert, now).await
    }

    /// It is right again.
    pub(super) async fn calm(&self, tx: &mut Tx, kind: AlertKind, subject: &str, now: Time) -> Result<(), StoreError> {
        if let Some(alert) = tx.close_alert(kind, subject, now).await? {
            tx.bump_notices(&alert).await?;
            tx.show_notices(&alert, now).await?;
        }
        Ok(())
    }
}
