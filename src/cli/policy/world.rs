//! What the tools work with: what can be asked for, who people are, and a policy. No target is called and no
//! surface; directories are asked as `p0 serve` asks them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use super::files::Files;
use super::{Result, told};
use crate::app;
use crate::catalog::{Catalog, Index};
use crate::config::Config;
use crate::desk::Sources;
use crate::domain::directory::Who;
use crate::domain::id::PersonId;
use crate::domain::outside::Outside;
use crate::domain::person::Email;
use crate::policy::{self, Facts, Needs, Policy};
use crate::store::Store;
use crate::yaml::Section;

pub struct World {
    pub catalog: Catalog,
    pub sources: Sources,
    /// What there was to ask for when a target was asked last; nothing without a record.
    pub seen: Index,
    config: Config,
    outside: Arc<dyn Outside>,
}

/// A policy out of files, and where each rule stands.
pub struct Draft {
    pub policy: Policy,
    pub places: BTreeMap<String, String>,
}

impl World {
    pub fn load(config: &Path, outside: &Arc<dyn Outside>) -> Result<World> {
        let config = Config::load(config, &app::surface_names()).map_err(told)?;
        let catalog = app::catalog(&config).map_err(told)?;
        let sources = app::sources(&config, outside).map_err(told)?;
        Ok(World { catalog, sources, seen: Index::default(), config, outside: outside.clone() })
    }

    /// Takes over what the record has seen of targets.
    pub async fn remember(&self, store: &Store) -> Result<()> {
        for integration in self.catalog.integrations() {
            let args = integration.access.iter().flat_map(|access| &access.args);
            for source in args.filter_map(|arg| arg.source()).map(|of| &of.source) {
                let seen = store.choices(&integration.name, source).await.map_err(told)?;
                self.seen.replace(&integration.name, source, seen);
            }
        }
        Ok(())
    }

    /// The policy of a folder or file; the configuration's, if none is named.
    pub fn policy(&self, path: Option<&Path>) -> Result<Draft> {
        match path {
            Some(path) => {
                let files = Files::read(&[path])?;
                if files.policy.is_empty() {
                    return Err(format!("no policy stands in {}", path.display()));
                }
                self.read(&files.policy)
            }
            None => {
                let section = self.config.whole.child("policy");
                let policy = self.config.policy.clone().ok_or_else(|| {
                    let file = section.file();
                    format!("{file} has no `policy:` section; name the folder or file that your policy stands in")
                })?;
                Ok(Draft { policy, places: policy::places(&[section]).map_err(told)? })
            }
        }
    }

    pub fn read(&self, files: &[Section]) -> Result<Draft> {
        let policy = self.config.names(|names| Policy::read_all(files, names)).map_err(told)?;
        Ok(Draft { policy, places: policy::places(files).map_err(told)? })
    }

    /// Where ids come from.
    pub fn outside(&self) -> &dyn Outside {
        &*self.outside
    }

    /// Somebody of whom only the address is known.
    pub fn somebody(&self, email: &Email) -> Who {
        Who { id: PersonId::new(&*self.outside), email: Some(email.clone()), handles: Vec::new() }
    }

    /// Everything that deciding on anything by these policies takes, for one person.
    pub async fn facts(&self, policies: &[&Policy], principal: &Who) -> Facts {
        let mut needs = Needs::default();
        for policy in policies {
            let Needs { groups, profiles, on_call, zone } = Needs::of_all(policy);
            needs.groups.extend(groups);
            needs.profiles.extend(profiles);
            needs.on_call.extend(on_call);
            needs.zone |= zone;
        }
        self.sources.look_up(needs, principal).await
    }
}

/// Facts that were looked up, by person: each is asked about once.
#[derive(Default)]
pub struct Remembered {
    groups: Option<Facts>,
    people: HashMap<PersonId, Facts>,
}

impl Remembered {
    /// What is known of this person. Groups and who is on call are the same for everybody.
    pub async fn of(&mut self, world: &World, policies: &[&Policy], who: &Who) -> &Facts {
        if !self.people.contains_key(&who.id) {
            let facts = match &self.groups {
                None => world.facts(policies, who).await,
                Some(known) => {
                    let mut needs = Needs::default();
                    for policy in policies {
                        let Needs { profiles, zone, .. } = Needs::of_all(policy);
                        needs.profiles.extend(profiles);
                        needs.zone |= zone;
                    }
                    let own = world.sources.look_up(needs, who).await;
                    Facts { profiles: own.profiles, zone: own.zone, ..known.clone() }
                }
            };
            self.groups.get_or_insert_with(|| facts.clone());
            self.people.insert(who.id.clone(), facts);
        }
        self.people.entry(who.id.clone()).or_default()
    }
}
