//! `p0 policy apply`, `versions`, `show`: versions of the policy in the record.

use std::path::Path;

use serde_json::json;

use super::world::World;
use super::{Result, count, in_force, lint, table, told};
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::person::Actor;
use crate::domain::time::Time;
use crate::policy::{Policy, fingerprint};
use crate::store::Store;
use crate::yaml;

/// The most versions that are listed.
const MOST_LISTED: i64 = 1_000;

/// Puts a policy in force, or says what would change when nobody is to have done it.
pub async fn apply(world: &World, store: &Store, path: &Path, by: Option<Actor>, now: Time) -> Result<String> {
    let (text, failed) = lint::run(world, Some(path)).await?;
    if let Some(failed) = failed {
        return Err(format!("{failed}; nothing was changed\n{text}"));
    }
    let policy = world.policy(Some(path))?.policy;
    let before = in_force(store).await?;
    let changes = Changes::between(before.as_ref().map(|(_, policy)| policy), &policy);
    if changes.is_empty() {
        return Ok("Nothing changes: this policy is in force already.\n".to_owned());
    }
    let Some(by) = by else { return Ok(format!("{changes}Nothing was written (--dry-run).\n")) };
    let text = policy.stored().map_err(told)?;
    let hash = fingerprint(&text);
    let mut tx = store.begin().await.map_err(told)?;
    let (version, new) = tx.put_policy(&text, &hash, &by.to_string(), now).await.map_err(told)?;
    if !new {
        return Err("somebody changed the policy at the same moment; nothing was written, look and try again".to_owned());
    }
    let body = json!({ "version": version, "hash": hash, "added": changes.added, "removed": changes.removed,
        "changed": changes.changed });
    tx.record(Event::new(ORGANISATION, now, by, "policy.stored").with(body));
    tx.commit().await.map_err(told)?;
    Ok(format!("{changes}Version {version} is in force.\n"))
}

/// What a new policy changes.
#[derive(Debug, Default)]
struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
    /// Other keys: what they are and become.
    settings: Vec<(String, String, String)>,
}

impl Changes {
    fn between(before: Option<&Policy>, after: &Policy) -> Changes {
        let mut changes = Changes::default();
        let old = before.map(|policy| policy.rules.as_slice()).unwrap_or_default();
        for rule in &after.rules {
            match old.iter().find(|known| known.name == rule.name) {
                None => changes.added.push(rule.name.clone()),
                Some(known) if known != rule => changes.changed.push(rule.name.clone()),
                Some(_) => {}
            }
        }
        let gone = |name: &str| after.rules.iter().all(|rule| rule.name != name);
        changes.removed = old.iter().map(|rule| rule.name.clone()).filter(|name| gone(name)).collect();
        let (old, new) = (before.map(Policy::written).unwrap_or_default(), after.written());
        let mut keys: Vec<&String> = new.keys().chain(old.keys().filter(|key| !new.contains_key(*key))).collect();
        keys.retain(|key| *key != "rules");
        for key in keys.into_iter().filter(|key| old.get(*key) != new.get(*key)) {
            let text = |value: Option<&serde_json::Value>| value.map_or_else(|| "nothing".to_owned(), ToString::to_string);
            changes.settings.push((key.clone(), text(old.get(key)), text(new.get(key))));
        }
        changes
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && self.settings.is_empty()
    }
}

impl std::fmt::Display for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (sign, what, names) in [("+", "added", &self.added), ("-", "removed", &self.removed), ("~", "changed", &self.changed)]
        {
            if !names.is_empty() {
                writeln!(f, "{} {what}:", count(names.len(), "rule"))?;
            }
            names.iter().try_for_each(|name| writeln!(f, "  {sign} {name}"))?;
        }
        for (key, old, new) in &self.settings {
            writeln!(f, "{key}: {old} becomes {new}")?;
        }
        Ok(())
    }
}

pub async fn versions(store: &Store) -> Result<String> {
    let all = store.policy_versions(MOST_LISTED).await.map_err(told)?;
    if all.is_empty() {
        return Ok("No policy was stored yet.\n".to_owned());
    }
    let rows: Vec<Vec<String>> = all.into_iter().map(|(version, at, by)| vec![version.to_string(), at.to_string(), by]).collect();
    Ok(table(&["VERSION", "SINCE", "BY"], &rows) + "\n")
}

/// A version as it would stand in a file.
pub async fn show(store: &Store, version: Option<i64>) -> Result<String> {
    let policy = match version {
        None => in_force(store).await?.map(|(_, policy)| policy),
        Some(version) => {
            let text = store.policy_version(version).await.map_err(told)?;
            text.map(|text| serde_json::from_str(&text)).transpose().map_err(told)?
        }
    };
    let policy: Policy = policy.ok_or("there is no such version; `p0 policy versions` lists them")?;
    yaml::write(&policy.written()).map_err(told)
}
