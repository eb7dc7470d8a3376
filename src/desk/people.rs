//! Who somebody is: linked once by an address that a directory or the surface vouches for, then known by id.

use serde_json::json;

use super::{Desk, Result};
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::person::{Actor, Email, Handle, Person};

/// How many people are kept in memory.
const KEPT: usize = 10_000;

impl Desk {
    /// Whoever has this address, if the record knows them.
    pub async fn with_address(&self, email: &Email) -> Result<Option<Person>> {
        Ok(self.inner.store.person_by_email(email).await?)
    }

    /// Whom a handle was linked to.
    /// A link is for ever, so one that was read is kept.
    pub async fn who(&self, handle: &Handle) -> Result<Option<Person>> {
        let kept = self.inner.known.lock().ok().and_then(|known| known.get(handle).cloned());
        if kept.is_some() {
            return Ok(kept);
        }
        let found = self.inner.store.person_by_handle(handle).await?;
        if let (Some(person), Ok(mut known)) = (&found, self.inner.known.lock()) {
            if KEPT <= known.len() {
                known.clear();
            }
            known.insert(handle.clone(), person.clone());
        }
        Ok(found)
    }

    /// Links a handle at first contact. `email` must be one the surface has verified; where a directory
    /// says whose account it is, that address counts instead. A handle that is linked stays with its
    /// person, whatever its e-mail is now.
    pub async fn meet(&self, handle: &Handle, email: &Email, name: &str) -> Result<Person> {
        if let Some(known) = self.who(handle).await? {
            return Ok(known);
        }
        let owner = self.owner(handle).await?;
        super::settle!(self.meet_once(handle, owner.as_ref().unwrap_or(email), name).await)
    }

    async fn meet_once(&self, handle: &Handle, email: &Email, name: &str) -> Result<Person> {
        let now = self.now();
        let mut tx = self.inner.store.begin().await?;
        let mut person = tx.person_for_email(email, name, now).await?;
        if tx.link(handle, &person.id, now).await? {
            if person.name == email.as_str() {
                tx.rename(&person.id, name).await?;
                person.name = name.to_owned();
            }
            let body = json!({ "person": person.id, "surface": handle.surface, "realm": handle.realm, "handle": handle.handle });
            tx.record(Event::new(ORGANISATION, now, Actor::Person(person.id.clone()), "person.linked").with(body));
        }
        tx.commit().await?;
        Ok(self.who(handle).await?.unwrap_or(person))
    }
}
