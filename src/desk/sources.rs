//! Who knows groups, profiles and who is on call, by the names that policies use.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;

use super::{Desk, DeskError, Result, within};
use crate::directory::Directory;
use crate::domain::directory::{Group, Members, Who};
use crate::domain::person::{Email, Handle};
use crate::domain::zone::Zone;
use crate::oncall::OnCall;
use crate::policy::facts::{Known, Property, Services};
use crate::policy::{Facts, Needs};

#[derive(Clone, Default)]
pub struct Sources {
    pub directories: BTreeMap<String, Arc<dyn Directory>>,
    pub on_call: BTreeMap<String, Arc<dyn OnCall>>,
}

impl Sources {
    /// Everything that is needed, all at the same time.
    pub async fn look_up(&self, needs: Needs, principal: &Who) -> Facts {
        let Needs { groups, profiles, on_call, zone } = needs;
        let groups = join_all(groups.into_iter().map(|group| async {
            let members = self.members(&group).await;
            (group, members)
        }));
        let profiles = join_all(profiles.into_iter().map(|property| async {
            let email = self.property(&property, principal).await;
            (property, email)
        }));
        let on_call = join_all(on_call.into_iter().map(|services| async {
            let members = self.who_is_on_call(&services).await;
            (services, members)
        }));
        let zone = async { if zone { Some(self.zone_of(principal).await) } else { None } };
        let (groups, profiles, on_call, zone) = futures::join!(groups, profiles, on_call, zone);
        Facts {
            groups: groups.into_iter().collect(),
            profiles: profiles.into_iter().collect(),
            on_call: on_call.into_iter().collect(),
            zone,
            preapproval: None,
            stand_ins: Vec::new(),
        }
    }

    /// Does a directory have a profile of whoever has this address? One that does not answer might.
    pub async fn knows(&self, email: &Email) -> bool {
        let profiles = join_all(self.directories.values().map(|directory| within(directory.profile(email)))).await;
        profiles.into_iter().any(|profile| !matches!(profile, Ok(None)))
    }

    async fn members(&self, group: &Group) -> Known<Arc<Members>> {
        let directory = self.known_directory(&group.directory)?;
        within(directory.members(&group.id)).await.map_err(|fault| fault.to_string())
    }

    fn known_directory(&self, name: &str) -> Known<Arc<dyn Directory>> {
        self.directories.get(name).cloned().ok_or_else(|| format!("The directory {name} is not configured."))
    }

    async fn property(&self, (directory, property): &Property, principal: &Who) -> Known<Option<Email>> {
        let found = self.known_directory(directory)?;
        let Some(email) = &principal.email else { return Ok(None) };
        let profile = within(found.profile(email)).await.map_err(|fault| fault.to_string())?;
        let Some(text) = profile.and_then(|profile| profile.properties.get(property).cloned()) else { return Ok(None) };
        let bad = || format!("The {property} that {directory} has for them is no e-mail address.");
        Email::parse(&text).map(Some).ok_or_else(bad)
    }

    async fn who_is_on_call(&self, (integration, services): &Services) -> Known<Arc<Members>> {
        let source = self
            .on_call
            .get(integration)
            .cloned()
            .ok_or_else(|| format!("The on-call source {integration} is not configured."))?;
        within(source.on_call(services)).await.map_err(|fault| fault.to_string())
    }

    /// The first directory that says in which zone somebody is.
    async fn zone_of(&self, principal: &Who) -> Known<Zone> {
        let Some(email) = &principal.email else { return Err("In which time zone they are is not known.".to_owned()) };
        for profile in join_all(self.directories.values().map(|directory| within(directory.profile(email)))).await {
            let profile = profile.map_err(|fault| fault.to_string())?;
            if let Some(zone) = profile.and_then(|profile| Zone::parse(profile.zone.as_deref()?)) {
                return Ok(zone);
            }
        }
        Err("No directory says in which time zone they are.".to_owned())
    }
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

    /// All of them.
    pub fn sources(&self) -> Sources {
        let mut all = self.inner.configured.read().map(|known| known.clone()).unwrap_or_default();
        if let Ok(brought) = self.inner.brought.read() {
            all.directories.extend(brought.directories.clone());
            all.on_call.extend(brought.on_call.clone());
        }
        all
    }

    /// Whose account this is by what the directories say, all of them asked at once. `None`: none of them
    /// says. One that does not answer might have said, so nobody is met then.
    pub(super) async fn owner(&self, handle: &Handle) -> Result<Option<Email>> {
        let mut owner = None;
        let sources = self.sources();
        for said in join_all(sources.directories.values().map(|directory| within(directory.owner(handle)))).await {
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
