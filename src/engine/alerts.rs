//! Tells reviewers what is not as it should be, and that it is right again.

use super::Engine;
use crate::domain::alert::{AlertKind, Told};
use crate::domain::id::{AlertId, NoticeId};
use crate::domain::notice::{Audience, Notice, Subject};
use crate::domain::time::Time;
use crate::store::{News, StoreError, Tx};

/// So many alerts of a kind have a message each; beyond that, one message says that there are more.
const ONE_BY_ONE: i64 = 10;

/// The subject of that one.
const MORE: &str = "*";

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
        match news {
            News::None => return Ok(()),
            News::Changed => {}
            News::Opened if tx.open_alerts_but(kind, MORE).await? <= ONE_BY_ONE => self.say(tx, &alert).await?,
            News::Opened => {
                // A thousand messages tell less than one.
                let about = format!("more than {ONE_BY_ONE} of these");
                let told = Told::new(about, "`p0 alerts` lists all of them.", now);
                let (more, news) = tx.open_alert(kind, MORE, &told, now).await?;
                if news == News::Opened {
                    self.say(tx, &more).await?;
                    tx.bump_notices(&more).await?;
                    tx.show_notices(&more, now).await?;
                }
                return Ok(());
            }
        }
        tx.bump_notices(&alert).await?;
        tx.show_notices(&alert, now).await
    }

    /// A message of its own in each place where approvers are.
    async fn say(&self, tx: &mut Tx, alert: &AlertId) -> Result<(), StoreError> {
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
                not_before: Time(0),
                trouble: None,
            };
            tx.insert_notice(&notice).await?;
        }
        Ok(())
    }

    /// It is right again.
    pub(super) async fn calm(&self, tx: &mut Tx, kind: AlertKind, subject: &str, now: Time) -> Result<(), StoreError> {
        if let Some(alert) = tx.close_alert(kind, subject, now).await? {
            tx.bump_notices(&alert).await?;
            tx.show_notices(&alert, now).await?;
            if subject != MORE && tx.open_alerts_but(kind, MORE).await? <= ONE_BY_ONE {
                return Box::pin(self.calm(tx, kind, MORE, now)).await;
            }
        }
        Ok(())
    }
}
