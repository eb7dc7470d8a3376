//! Who knows groups, profiles and who is on call, by the names that policies use.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::{Desk, DeskError, Result, within};
use crate::directory::Directory;
use crate::domain::person::{Email, Handle};
use crate::oncall::OnCall;

#[derive(Clone, Default)]
pub struct Sources {
    pub directories: BTreeMap<String, Arc<dyn Directory>>,
    pub on_call: BTreeMap<String, Arc<dyn OnCall>>,
}

impl Desk {
    /// A directory that a surface brings: it stays whatever the configuration says later.
    pub fn add_directory(&self, name: &str, directory: Arc<dyn Directory>) {
        if let Ok(mut brought) = self.inner.brought.write() {
            brought.directories.insert(name.to_owned(), directory);
        }
    }

    /// The same, for one that knows who is on call.
    pub fn add_on_call(&self, name: &str, on_call: Arc<dyn OnCall>) {
        if let Ok(mut brought) = self.inner.brought.write() {
            brought.on_call.insert(name.to_owned(), on_call);
        }
    }

    /// Takes over all that the configuration names. Called at start and on a reload.
    pub fn ask_of(&self, sources: Sources) {
        if let Ok(mut configured) = self.inner.configured.write() {
            *configured = sources;
        }
    }

    pub fn directory(&self, name: &str) -> Option<Arc<dyn Directory>> {
        [&self.inner.brought, &self.inner.configured].iter().find_map(|known| known.read().ok()?.directories.get(name).cloned())
    }

    pub fn on_call(&self, name: &str) -> Option<Arc<dyn OnCall>> {
        [&self.inner.brought, &self.inner.configured].iter().find_map(|known| known.read().ok()?.on_call.get(name).cloned())
    }

    pub(super) fn directories(&self) -> Vec<Arc<dyn Directory>> {
        let known =
            [&self.inner.brought, &self.inner.configured].map(|known| known.read().ok().map(|known| known.directories.clone()));
        known.into_iter().flatten().flat_map(BTreeMap::into_values).collect()
    }

    /// Whose account this is by what the directories say, all of them asked at once. `None`: none of them
    /// says. One that does not answer might have said, so nobody is met then.
    pub(super) async fn owner(&self, handle: &Handle) -> Result<Option<Email>> {
        let mut owner = None;
        let directories = self.directories();
        for said in join_all(directories.iter().map(|directory| within(directory.owner(handle)))).await {
            match (said.map_err(|fault| DeskError::Unmet(fault.to_string()))?, &owner) {
                (Some(said), Some(other)) if said != *other => {
                    return Err(DeskError::Unmet(format!("One directory says it is {other}'s and another says it is {said}'s.")));
                }
                (Some(said), Some(_) | None) => owner = Some(said),
                (None, Some(_) | None) => {}
            }
        }
        Ok(owner)
    }
}
