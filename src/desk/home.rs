//! What a person has before them when they look at all of theirs at once: what they have, what they asked
//! for, what waits for them to decide, and what they had before and may want again.

use std::collections::HashSet;

use super::view::{More, RequestView};
use super::{Desk, Result};
use crate::catalog::form::{Draft, Purpose};
use crate::domain::id::RequestId;
use crate::domain::person::Person;
use crate::domain::request::RequestState;
use crate::domain::time::Span;

/// Of each kind so many are shown.
pub const SHOWN: usize = 10;
/// So many undecided requests are looked at for those that wait for one person; those first that go stale first.
const LOOKED_AT: i64 = 200;
/// How many different accesses of before are offered again, out of how many last requests.
const AGAIN: usize = 5;
const LAST: i64 = 30;

/// Everything of one person, at most [`SHOWN`] of each kind.
#[derive(Debug, Clone, Default)]
pub struct Home {
    pub to_decide: Vec<RequestView>,
    pub held: Vec<Held>,
    /// What they asked for and nobody decided yet.
    pub asked: Vec<RequestView>,
    pub again: Vec<Again>,
    /// There is more than is shown.
    pub more: bool,
}

impl Home {
    /// The requests it is about.
    pub fn requests(&self) -> Vec<RequestId> {
        let held = self.held.iter().map(|held| &held.view);
        self.to_decide.iter().chain(held).chain(&self.asked).map(|view| view.id.clone()).collect()
    }
}

/// What they have, or gave somebody by asking for it; or will have in a moment.
#[derive(Debug, Clone)]
pub struct Held {
    pub view: RequestView,
    /// It is theirs, not somebody's for whom they asked.
    pub own: bool,
    /// What asking for more would do.
    pub more: Option<More>,
}

/// Something they had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub request: RequestId,
    /// `PostgreSQL`
    pub integration: String,
    /// `role analyst on main`
    pub effect: String,
    pub length: Span,
}

impl Desk {
    /// What stands before a person now, with people named as `surface` knows them in `realm`.
    pub async fn home(&self, person: &Person, surface: &str, realm: &str) -> Result<Home> {
        let rules = self.rules().await?;
        let me = self.whole(person).await?;
        let mut home = Home::default();
        let mut had = HashSet::new();
        for row in self.inner.store.requests_held_by(&person.id).await? {
            had.insert(row.request.access.clone());
            if home.held.len() == SHOWN {
                home.more = true;
                continue;
            }
            let id = &row.request.id;
            let Some(view) = self.view(id, surface, realm).await? else { continue };
            let own = row.request.principal == person.id;
            // Only who asked for themselves can ask for more.
            let more = if own && row.request.requestor == person.id { self.more(id).await? } else { None };
            home.held.push(Held { view, own, more });
        }
        for row in self.inner.store.undecided_of(&person.id).await? {
            had.insert(row.request.access.clone());
            if home.asked.len() == SHOWN {
                home.more = true;
                continue;
            }
            home.asked.extend(self.view(&row.request.id, surface, realm).await?);
        }
        let undecided = self.inner.store.undecided(LOOKED_AT + 1).await?;
        home.more |= i64::try_from(undecided.len()).is_ok_and(|found| LOOKED_AT < found);
        for row in undecided.into_iter().filter(|row| row.request.requestor != person.id) {
            if home.to_decide.len() == SHOWN {
                home.more = true;
                break;
            }
            let mut judged = self.judge_again(&rules, &row).await?;
            if self.would_be(&rules, &row, &mut judged, &me).await?.is_ok() {
                home.to_decide.extend(self.view(&row.request.id, surface, realm).await?);
            }
        }
        let catalog = self.catalog();
        for row in self.inner.store.requests_of(&person.id, LAST).await? {
            let request = row.request;
            let mine = request.principal == person.id && request.state == RequestState::Approved && request.extends.is_none();
            let Some((integration, _)) = catalog.find(&request.access).filter(|_| mine && home.again.len() < AGAIN) else {
                continue;
            };
            if had.insert(request.access) {
                let (integration, effect) = (integration.title.clone(), request.effect);
                home.again.push(Again { request: request.id, integration, effect, length: request.length });
            }
        }
        Ok(home)
    }

    /// What somebody asked for, to be asked for again. `None`: it was not theirs.
    pub async fn again(&self, person: &Person, id: &RequestId) -> Result<Option<Draft>> {
        let own = |id: &crate::domain::id::PersonId| *id == person.id;
        let row = self.inner.store.request(id).await?;
        let request = row.map(|row| row.request).filter(|request| own(&request.requestor) && own(&request.principal));
        Ok(request.map(|request| Draft {
            purpose: Purpose::Request,
            integration: Some(request.access.integration),
            access_type: Some(request.access.access_type),
            values: request.access.args,
            duration: Some(request.length),
            ..Draft::default()
        }))
    }
}
