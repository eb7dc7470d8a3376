//! The connector that is driven by a manifest alone: any system with a JSON API, in one YAML file.
//!
//! Looks before it changes anything: what is there already is not made twice, what somebody else made is neither
//! written over nor taken away. Must never know an integration by its name.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Connector;
use crate::domain::access::{Args, Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan, Planned, Principal};
use crate::domain::assignment::Timing;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::outbound::Outbound;
use crate::yaml::{BadYaml, Section};

mod call;
mod read;
mod template;
mod wire;

use call::System;
use read::{Access, Pointer};
use template::Values;

/// The longest a look or a change is let run, with the look before it.
const CALL: Span = Span::seconds(15);
/// The longest a look is let run, over all pages.
const LOOK: Span = Span::seconds(7);
/// The longest one request is let run.
const REQUEST: Span = Span::seconds(7);
/// The longest any other list is read.
const LIST: Span = Span::seconds(30);
/// A look that takes its time leaves enough for the change.
const _: () = assert!(LOOK.0 + REQUEST.0 < CALL.0);
/// How long after it was given up a call may still land; proxies hold on to what they took.
const SETTLE: Span = Span::seconds(30);
/// How much of a mark names the installation.
const PREFIX: usize = 8;
/// No mark is longer.
const LONGEST_MARK: usize = 40;

/// Makes the connector from its section of the configuration and its manifest. Calls nothing yet.
pub fn build(section: &Section, manifest: &Section, _outside: Arc<dyn Outside>) -> Result<Arc<dyn Connector>, BadYaml> {
    let spec = read::read(section, manifest)?;
    let outbound = Outbound::new(REQUEST).map_err(|error| section.problem(format!("no TLS can be had: {error}")))?;
    Ok(Arc::new(Http(System { spec, outbound })))
}

struct Http(System);

/// What an assignment's row keeps for us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Target {
    /// The address of the system it was planned in.
    system: String,
    /// What the calls that look and take are filled with of the configuration, hashed: with anything else they
    /// would look somewhere else.
    config: BTreeMap<String, String>,
    access: String,
    args: Args,
    principal: String,
}

/// What a look shows.
struct Seen {
    observed: Observed,
    /// How the system names our entry, where the manifest asks for that.
    handle: Option<String>,
}

impl Http {
    fn planned(&self, access: &str, args: Args, principal: &Principal) -> Result<Planned, Fault> {
        let spec = &self.0.spec;
        let calls = self.access(access)?;
        let system = spec.base.below("");
        let place = system.split_once("://").map_or(system.clone(), |(_, place)| place.to_owned());
        let (config, principal_id) = (configured(spec, calls), principal.native.clone());
        let target = Target { system, config, access: access.to_owned(), args, principal: principal_id };
        let rest = calls.key.fill(&values(spec, &target))?;
        let key = format!("{}@{place}{rest}", spec.name);
        let what = target.args.values().map(String::as_str).collect::<Vec<_>>().join(" ");
        let effect = format!("{access} {what} for {}", principal.name);
        let target =
            serde_json::to_value(&target).map_err(|_| Fault::never("the plan cannot be written down; this is a defect of p0"))?;
        Ok(Planned { connector: spec.name.clone(), lane: key.clone(), key, target, effect })
    }

    fn access(&self, name: &str) -> Result<&Access, Fault> {
        self.0.spec.access.get(name).ok_or_else(|| Fault::Denied {
            why: format!(
                "the manifest of {} has no access {name} any more; put it back so that what was given can be ended",
                self.0.spec.title
            ),
        })
    }

    /// What an assignment's row keeps, with all that its calls are filled with.
    fn of(&self, assignment: &Assignment) -> Result<(&Access, Values), Fault> {
        let title = &self.0.spec.title;
        let target: Target = serde_json::from_value(assignment.target.clone()).map_err(|_| {
            Fault::never(format!("the record of this access to {title} cannot be read; it was written by another version"))
        })?;
        let here = self.0.spec.base.below("");
        if target.system != here {
            let was = &target.system;
            return Err(Fault::Denied {
                why: format!(
                    "{title} is at {here} now, and this was given at {was}; put the address back so that it can be ended there"
                ),
            });
        }
        let access = self.access(&target.access)?;
        let (was, now) = (&target.config, configured(&self.0.spec, access));
        if let Some(name) = was.keys().chain(now.keys()).find(|name| was.get(*name) != now.get(*name)) {
            return Err(Fault::Denied {
                why: format!(
                    "{name} of {title} is not what it was when this was given; put it back so that it can be ended where it is"
                ),
            });
        }
        let mut values = values(&self.0.spec, &target);
        values.insert("mark".to_owned(), assignment.mark.clone());
        Ok((access, values))
    }

    async fn look(&self, access: &Access, values: &Values, mark: &str) -> Result<Seen, Fault> {
        let observe = &access.observe;
        let wanted = observe.equals.fill(values)?;
        let mut seen = Seen { observed: Observed::Absent, handle: None };
        let mut strange = None;
        for entry in self.0.list(&observe.get, &observe.items, values, LOOK).await? {
            match self.must(&observe.get, &observe.at, &entry) {
                Ok(whose) if whose == wanted => {}
                Ok(_) => continue,
                Err(fault) => {
                    strange = Some(fault);
                    continue;
                }
            }
            let ours = match &observe.mark {
                None => Observed::Held,
                Some(at) => match mark_in(&entry, at, mark.get(..PREFIX).unwrap_or(mark)) {
                    Some(_) => Observed::Ours,
                    None => Observed::Foreign { by: "somebody else".to_owned() },
                },
            };
            if ours.ours_or_unknown() {
                let handle = observe.handle.as_ref().map(|at| self.must(&observe.get, at, &entry)).transpose()?;
                return Ok(Seen { observed: ours, handle });
            }
            seen.observed = ours;
        }
        // It may be ours, so nobody knows that ours is gone.
        strange.map_or(Ok(seen), Err)
    }

    /// What every entry has to have: without it nobody could tell whose it is.
    fn must(&self, get: &read::Get, at: &Pointer, entry: &Value) -> Result<String, Fault> {
        at.text(entry).ok_or_else(|| self.0.unlike(get, &format!("has an entry without {at}")))
    }
}

/// The mark of this installation in what is written there, if there is one; people may write beside it.
fn mark_in(entry: &Value, at: &Pointer, prefix: &str) -> Option<String> {
    let text = at.text(entry)?;
    let plain = |word: &str| word.len() <= LONGEST_MARK && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let mut words = text.split_whitespace();
    words.find(|word| prefix.len() == PREFIX && word.len() > PREFIX && word.starts_with(prefix) && plain(word)).map(str::to_owned)
}

/// What decides of the configuration where an access is looked for and taken away.
fn configured(spec: &read::Spec, access: &Access) -> BTreeMap<String, String> {
    let names = access.observe.get.names().chain(access.revoke.names());
    let of_config = names.filter_map(|name| Some((name.to_owned(), spec.config.get(name)?)));
    of_config.map(|(name, value)| (name, hex::encode(Sha256::digest(value)))).collect()
}

fn values(spec: &read::Spec, target: &Target) -> Values {
    let mut values = spec.config.clone();
    values.extend(target.args.clone());
    values.insert("principal".to_owned(), target.principal.clone());
    values
}

#[async_trait]
impl Connector for Http {
    fn timing(&self) -> Timing {
        Timing { call: CALL, settle: SETTLE, per_second: 20 }
    }

    fn sources(&self) -> Vec<&str> {
        self.0.spec.sources.keys().map(String::as_str).collect()
    }

    async fn check(&self) -> Result<(), Fault> {
        match self.0.spec.sources.values().next() {
            Some(source) => self.0.glance(&source.get).await,
            None => Ok(()),
        }
    }

    async fn choices(&self, source: &str) -> Result<Vec<Choice>, Fault> {
        let Some(from) = self.0.spec.sources.get(source) else {
            return Err(Fault::never(format!("{} has no choices named {source}", self.0.spec.title)));
        };
        let entries = self.0.list(&from.get, &from.items, &self.0.spec.config, LIST).await?;
        let choice = |entry: &Value| {
            let value = self.must(&from.get, &from.value, entry)?;
            let label = from.label.as_ref().and_then(|label| label.text(entry)).unwrap_or_else(|| value.clone());
            Ok(Choice { value, label, given: Args::new() })
        };
        entries.iter().map(choice).collect()
    }

    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault> {
        let System { spec, .. } = &self.0;
        let find = &spec.principal;
        let mut values = spec.config.clone();
        values.insert("email".to_owned(), ask.email.as_str().to_owned());
        let Some(found) = self.0.one(&find.get, &values).await? else {
            return Err(Fault::never(format!("{} has no account for {}; ask its owner for one", spec.title, ask.email.as_str())));
        };
        if Email::parse(&self.must(&find.get, &find.email, &found)?).as_ref() != Some(&ask.email) {
            return Err(self.0.unlike(&find.get, &format!("names somebody else than {}", ask.email)));
        }
        let native = self.must(&find.get, &find.id, &found)?;
        let name = find.name.as_ref().and_then(|name| name.text(&found)).unwrap_or_else(|| ask.email.as_str().to_owned());
        let principal = Principal { name, native };
        let planned = self.planned(&ask.access.access_type, ask.access.args.clone(), &principal)?;
        Ok(Plan { principal, assignments: vec![planned], warning: None, connect: None })
    }

    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault> {
        let (access, values) = self.of(assignment)?;
        Ok(self.look(access, &values, &assignment.mark).await?.observed)
    }

    async fn grant(&self, assignment: &Assignment, deadline: Time) -> Result<Called, Fault> {
        let (access, mut values) = self.of(assignment)?;
        let seen = self.look(access, &values, &assignment.mark).await?;
        match seen.observed {
            Observed::Absent => {}
            Observed::Ours | Observed::Held | Observed::Changed { .. } => return Ok(Called::Done { handle: seen.handle }),
            Observed::Foreign { .. } => {
                let why =
                    "has it already, by somebody else since this was asked for, so nothing was given and nothing will be taken";
                return Err(Fault::never(format!("whoever this is for {why} ({})", self.0.spec.title)));
            }
        }
        values.insert("deadline".to_owned(), deadline.typed());
        let answer = self.0.change(&access.grant, &values).await?;
        // An answer may name what was there already: where there are marks, only an entry with ours is ours.
        let ours = |at: &&Pointer| access.observe.mark.is_none() || at.stands_beside(&assignment.mark, &answer);
        Ok(Called::Done { handle: access.grant.handle.as_ref().filter(ours).and_then(|at| at.text(&answer)) })
    }

    /// A look that fails, or is old, holds no revocation up where the call can only touch what is ours.
    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault> {
        let (access, mut values) = self.of(assignment)?;
        // Once it was seen gone, its id may be another's.
        let kept = assignment.handle.clone().filter(|_| assignment.seen != Some(Observed::Absent));
        let seen = self.look(access, &values, &assignment.mark).await;
        if access.revoke.uses("handle") {
            let handle = match seen {
                Ok(Seen { observed: Observed::Foreign { .. }, .. }) => None,
                Ok(Seen { observed: Observed::Absent, .. }) => kept,
                // Nobody can tell whose it is: rather what was handed out for ours.
                Ok(Seen { observed: Observed::Held, handle }) => kept.or(handle),
                Ok(Seen { observed: Observed::Ours | Observed::Changed { .. }, handle }) => handle,
                Err(fault) => Some(kept.ok_or(fault)?),
            };
            let Some(handle) = handle else { return Ok(Called::DONE) };
            values.insert("handle".to_owned(), handle);
        } else {
            match seen {
                Ok(Seen { observed: Observed::Foreign { .. }, .. }) => return Ok(Called::DONE),
                // It may be somebody else's that stands there.
                Err(fault) if access.observe.mark.is_some() => return Err(fault),
                Ok(_) | Err(_) => {}
            }
        }
        self.0.change(&access.revoke, &values).await?;
        Ok(Called::DONE)
    }

    async fn ours(&self, mark: &str) -> Result<Vec<Marked>, Fault> {
        let mut found = Vec::new();
        for (name, access) in &self.0.spec.access {
            let Some(ours) = &access.ours else { continue };
            for entry in self.0.list(&ours.get, &ours.items, &self.0.spec.config, LIST).await? {
                let Some(mark) = mark_in(&entry, &ours.mark, mark) else { continue };
                let native = self.must(&ours.get, &ours.principal, &entry)?;
                let pick = |(arg, at): (&String, &Pointer)| Ok::<_, Fault>((arg.clone(), self.must(&ours.get, at, &entry)?));
                let args: BTreeMap<String, String> = ours.args.iter().map(pick).collect::<Result<_, _>>()?;
                let planned = self.planned(name, args, &Principal { name: native.clone(), native })?;
                found.push(Marked { planned, mark: Some(mark) });
            }
        }
        Ok(found)
    }

    /// Who is asked for rights at every call has no session that goes on; what a system keeps open by itself
    /// is told in docs/http.md.
    async fn cut(&self, _assignment: &Assignment) -> Result<Cut, Fault> {
        Ok(Cut::NotNeeded)
    }
}
