//! Giving access back and taking it away, before its time.

use serde_json::json;

use super::{Answer, Came, Desk, Result};
use crate::domain::event::Event;
use crate::domain::grant::{End, Ended, Grant};
use crate::domain::id::RequestId;
use crate::domain::person::Actor;
use crate::domain::request::RequestState;
use crate::store::Changed;

impl Desk {
    /// The requestor or the principal gives the access back.
    pub async fn relinquish(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        self.end(came, id, End::Relinquished, false).await
    }

    /// An approver ends this request's hold on the access, or, with `all`, everybody's requests that
    /// keep the same access.
    pub async fn revoke(&self, came: &Came, id: &RequestId, all: bool) -> Result<Answer> {
        self.end(came, id, End::Revoked, all).await
    }

    async fn end(&self, came: &Came, id: &RequestId, how: End, all: bool) -> Result<Answer> {
        let Some(row) = self.inner.store.request(id).await? else {
            return self.only_answer(came, Answer::Refused { why: "This request does not exist here.".to_owned() }).await;
        };
        let person = &came.person.id;
        let may = match how {
            End::Relinquished if *person == row.request.requestor || *person == row.request.principal => Ok(()),
            End::Relinquished => Err("Only the person who has the access can give it back; approvers can revoke it.".to_owned()),
            End::Revoked | End::Expired | End::Failed => {
                let rules = self.rules().await?;
                let mut judged = self.judge_again(&rules, &row).await?;
                let actor = self.whole(&came.person).await?;
                self.decides(&rules, &mut judged, &actor).await?.map_err(|why| why.to_string())
            }
        };
        if let Err(why) = may {
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        if row.request.state != RequestState::Approved {
            return self.only_answer(came, Answer::OverBefore { request: id.clone() }).await;
        }
        super::settle!(self.put_end(came, id, how, all).await)
    }

    async fn put_end(&self, came: &Came, id: &RequestId, how: End, all: bool) -> Result<Answer> {
        let now = self.now();
        let grants = self.inner.store.grants_of(id).await?;
        let mut ending: Vec<Grant> = Vec::new();
        let mut kept = None;
        for held in grants {
            for other in self.inner.store.live_grants(&held.grant.assignment).await? {
                if other.grant.request == *id {
                    continue;
                } else if all {
                    ending.extend(self.inner.store.grants_of(&other.grant.request).await?.into_iter().map(|part| part.grant));
                } else {
                    kept = kept.max(Some(other.grant.ends_at));
                }
            }
            ending.push(held.grant);
        }
        ending.retain(Grant::live);
        ending.sort_by(|one, other| one.id.cmp(&other.id));
        ending.dedup_by(|one, other| one.id == other.id);
        let answer = match kept {
            Some(until) => Answer::EndedButKept { request: id.clone(), until },
            None => Answer::Ended { request: id.clone() },
        };
        let by = Actor::Person(came.person.id.clone());
        let ended = Ended { at: now, by: by.clone(), how, why: None };
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        let mut changed = false;
        for grant in &ending {
            if tx.end_grant(&grant.id, &ended).await? == Changed::Yes {
                changed = true;
                let body = json!({ "grant": grant.id, "how": how, "at": now, "all": all });
                tx.record(Event::new(&grant.request, now, by.clone(), "grant.ended").with(body));
            }
        }
        if !changed {
            drop(tx);
            return self.only_answer(came, Answer::OverBefore { request: id.clone() }).await;
        }
        let mut told: Vec<RequestId> = Vec::new();
        for grant in &ending {
            told.push(grant.request.clone());
            told.extend(tx.live_grants(&grant.assignment).await?.into_iter().map(|other| other.grant.request));
            told.extend(tx.open_extensions(&grant.request).await?);
        }
        told.sort();
        told.dedup();
        for request in &told {
            tx.bump_notices(request).await?;
            tx.show_notices(request, now).await?;
        }
        for grant in &ending {
            tx.look_at_assignment(&grant.assignment, now).await?;
        }
        tx.commit().await?;
        Ok(answer)
    }
}
