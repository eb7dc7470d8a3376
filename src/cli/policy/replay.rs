//! `p0 policy replay`: what was asked for in the past, by the policy in force and by another. Directories are
//! asked as they are now; rules count as at the time of the ask.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::verdict::{Ask, Outcome, Presses};
use super::world::{Remembered, World};
use super::{Result, in_force, table, told};
use crate::domain::directory::Who;
use crate::domain::id::PersonId;
use crate::domain::time::Time;
use crate::policy::{Analysis, Facts, Policy};
use crate::store::{RequestRow, Store};

/// So many requests are read at once.
const PAGE: i64 = 1_000;
/// The most groups that are printed of each kind; `--json` has all.
const MOST_PRINTED: usize = 20;

/// What becomes of a request that was otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    AtOnce,
    Refused,
    Nobody,
    MorePeople,
    FewerPeople,
    Asked,
    Shorter,
    AsBefore,
}

impl Change {
    const ALL: [Change; 8] = [
        Change::AtOnce,
        Change::Refused,
        Change::Nobody,
        Change::MorePeople,
        Change::FewerPeople,
        Change::Asked,
        Change::Shorter,
        Change::AsBefore,
    ];

    fn words(self) -> &'static str {
        match self {
            Change::AtOnce => "would now be given at once",
            Change::Refused => "would now be refused",
            Change::Nobody => "would now have nobody to approve",
            Change::MorePeople => "would now need more people",
            Change::FewerPeople => "would now need fewer people",
            Change::Asked => "would now be asked of people, and was refused",
            Change::Shorter => "could now be had for less time",
            Change::AsBefore => "as before",
        }
    }
}

/// What a policy makes of one request: how it ends, how many have to say yes, and whether they are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    outcome: Outcome,
    people: u32,
    nobody: bool,
}

/// Requests of which the same becomes, by the same rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Same {
    pub change: Change,
    /// Those that match by the new policy; why not, if none does.
    pub rule: String,
    pub access: String,
    pub requests: u64,
    /// One of them.
    pub example: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    pub requests: u64,
    pub version: i64,
    pub counts: BTreeMap<Change, u64>,
    pub groups: Vec<Same>,
}

pub async fn run(world: &World, store: &Store, path: Option<&Path>, since: Time) -> Result<Replayed> {
    let (version, old) = in_force(store).await?.ok_or("the record has no policy yet, so there is nothing to compare with")?;
    let new = world.policy(path)?.policy;
    let (mut facts, mut people) = (Remembered::default(), HashMap::<PersonId, Who>::new());
    let mut replayed = Replayed { requests: 0, version, counts: BTreeMap::new(), groups: Vec::new() };
    let mut groups: BTreeMap<(Change, String, String), (u64, String)> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = store.requests_since(since, &after, PAGE).await.map_err(told)?;
        let Some(last) = page.last() else { break };
        after = last.request.id.as_str().to_owned();
        for row in &page {
            let id = &row.request.principal;
            if !people.contains_key(id) {
                people.insert(id.clone(), who(store, id).await?);
            }
            let Some(principal) = people.get(id) else { continue };
            let known = facts.of(world, &[&old, &new], principal).await;
            let (change, rule) = compare(world, row, principal, known, &old, &new);
            replayed.requests += 1;
            *replayed.counts.entry(change).or_default() += 1;
            if change != Change::AsBefore {
                let access = format!("{} {}", row.request.access.integration, row.request.access.access_type);
                let same = groups.entry((change, rule, access)).or_insert_with(|| {
                    let email = principal.email.as_ref().map_or_else(|| "somebody".to_owned(), ToString::to_string);
                    (0, format!("{}: {email}, {}", row.request.id, row.request.effect))
                });
                same.0 += 1;
            }
        }
    }
    replayed.groups = groups
        .into_iter()
        .map(|((change, rule, access), (requests, example))| Same { change, rule, access, requests, example })
        .collect();
    replayed.groups.sort_by_key(|same| (same.change, std::cmp::Reverse(same.requests)));
    Ok(replayed)
}

async fn who(store: &Store, id: &PersonId) -> Result<Who> {
    match store.person(id).await.map_err(told)? {
        Some(person) => Ok(Who::new(&person, store.handles(id).await.map_err(told)?)),
        None => Ok(Who { id: id.clone(), email: None, handles: Vec::new() }),
    }
}

/// What changes for one request, and by which rules.
fn compare(world: &World, row: &RequestRow, principal: &Who, facts: &Facts, old: &Policy, new: &Policy) -> (Change, String) {
    let request = &row.request;
    let ask =
        Ask { reason: request.reason.is_some(), length: Some(request.length), ..Ask::of(&world.catalog, request.access.clone()) };
    let asked = ask.asked(principal, request.created_at);
    let fate = |policy: &Policy, analysis: &Analysis| {
        let outcome = Outcome::of(analysis);
        let presses = Presses { policy, analysis, facts, principal, outside: world.outside() };
        let people = analysis.open().map(|way| way.steps.iter().map(|step| step.count).sum()).min().unwrap_or(0);
        Fate { outcome, people, nobody: outcome == Outcome::Asked && !presses.can_be_decided() }
    };
    let (before, analysis) = (old.analyse(&asked, facts), new.analyse(&asked, facts));
    let shorter = analysis.refused.is_none() && ask.longest(&analysis) < ask.longest(&before).min(request.length);
    let change = match change(fate(old, &before), fate(new, &analysis)) {
        Change::AsBefore if shorter => Change::Shorter,
        change => change,
    };
    let rule = match &analysis.refused {
        Some(refusal) => refusal.to_string(),
        None => analysis.matched().collect::<Vec<_>>().join(", "),
    };
    (change, rule)
}

fn change(before: Fate, after: Fate) -> Change {
    match (before.outcome, after.outcome) {
        (Outcome::AtOnce, Outcome::AtOnce) | (Outcome::Refused, Outcome::Refused) => Change::AsBefore,
        (Outcome::Asked | Outcome::Refused, Outcome::AtOnce) => Change::AtOnce,
        (Outcome::AtOnce | Outcome::Asked, Outcome::Refused) => Change::Refused,
        (_, Outcome::Asked) if after.nobody => {
            if before.nobody {
                Change::AsBefore
            } else {
                Change::Nobody
            }
        }
        (Outcome::Refused, Outcome::Asked) => Change::Asked,
        (Outcome::AtOnce, Outcome::Asked) => Change::MorePeople,
        (Outcome::Asked, Outcome::Asked) => match before.people.cmp(&after.people) {
            std::cmp::Ordering::Less => Change::MorePeople,
            std::cmp::Ordering::Greater => Change::FewerPeople,
            std::cmp::Ordering::Equal if before.nobody => Change::Asked,
            std::cmp::Ordering::Equal => Change::AsBefore,
        },
    }
}

impl fmt::Display for Replayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} requests, compared with version {}:", self.requests, self.version)?;
        for change in Change::ALL {
            writeln!(f, "  {:>6} {}", self.counts.get(&change).copied().unwrap_or(0), change.words())?;
        }
        for change in Change::ALL {
            let all: Vec<&Same> = self.groups.iter().filter(|same| same.change == change).collect();
            if all.is_empty() {
                continue;
            }
            let row =
                |same: &&Same| vec![same.requests.to_string(), same.access.clone(), same.rule.clone(), same.example.clone()];
            let rows: Vec<Vec<String>> = all.iter().take(MOST_PRINTED).map(row).collect();
            writeln!(f, "\nThese {}:\n{}", change.words(), table(&["REQUESTS", "ACCESS", "BY", "FOR EXAMPLE"], &rows))?;
            if MOST_PRINTED < all.len() {
                writeln!(f, "and {} more groups; --json has all", all.len() - MOST_PRINTED)?;
            }
        }
        Ok(())
    }
}
