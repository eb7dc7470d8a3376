//! What time alone does to a request: left undecided for too long, it goes stale.

use super::{Engine, Looked};
use crate::domain::event::Event;
use crate::domain::id::RequestId;
use crate::domain::person::Actor;
use crate::domain::request::RequestState;
use crate::store::{Claimed, Next, StoreError};

impl Engine {
    pub(super) async fn look_at_request(&self, claim: &Claimed) -> Result<Looked, StoreError> {
        let now = self.inner.outside.now();
        let found = match RequestId::parse(&claim.id) {
            Some(id) => self.inner.store.request(&id).await?,
            None => None,
        };
        let mut tx = self.inner.store.begin().await?;
        let next = match found {
            Some(row) if row.request.state == RequestState::Open && now < row.stale_at => Next::At(row.stale_at),
            Some(row) if row.request.state == RequestState::Open => {
                let id = &row.request.id;
                if tx.close_request(id, RequestState::Stale, now).await? {
                    tx.bump_notices(id).await?;
                    tx.show_notices(id, now).await?;
                    if let Some(extended) = &row.request.extends {
                        tx.bump_notices(extended).await?;
                        tx.show_notices(extended, now).await?;
                    }
                    tx.record(Event::new(id, now, Actor::Engine, "request.stale"));
                }
                Next::Never
            }
            Some(_) | None => Next::Never,
        };
        self.finish(tx, claim, next).await
    }
}
