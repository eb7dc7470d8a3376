//! `p0 policy lint`: what is wrong with a policy, beyond how it is written.

use std::fmt::Write;
use std::path::Path;

use super::world::World;
use super::{Result, count};
use crate::catalog::{self, Catalog, Index, Integration, Kind, Lookup};
use crate::domain::access::{Args, Choice};
use crate::policy::Needs;
use crate::policy::lint::{Arg, Finding, Known, Service, Severity, Type, lint};

/// Of a source with more choices than these nothing is said.
const MOST_SEEN: usize = 100_000;

/// Gives what to print, and what failed.
pub async fn run(world: &World, path: Option<&Path>) -> Result<(String, Option<String>)> {
    let draft = world.policy(path)?;
    let mut needs = Needs::of_all(&draft.policy);
    // A surface's own groups are known to `p0 serve` only; nothing is said of them.
    needs.groups.retain(|group| world.sources.directories.contains_key(&group.directory));
    (needs.profiles, needs.zone) = (Default::default(), false);
    let nobody =
        crate::domain::directory::Who { id: crate::domain::id::PersonId::new(world.outside()), email: None, handles: Vec::new() };
    let facts = world.sources.look_up(needs, &nobody).await;
    let known = Known { services: &services(&world.catalog, &world.seen), groups: &facts.groups, on_call: &facts.on_call };
    let findings = lint(&draft.policy, &known);
    let mut text = String::new();
    for Finding { severity, rule, what } in &findings {
        let place = rule.as_ref().and_then(|rule| draft.places.get(rule)).map(|place| format!("{place}: ")).unwrap_or_default();
        let rule = rule.as_ref().map(|rule| format!("rule \"{rule}\": ")).unwrap_or_default();
        let _ = writeln!(text, "{place}{}: {rule}{what}", severity.as_str());
    }
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let told = format!("{}, {}", count(errors, "error"), count(warnings, "warning"));
    let _ = writeln!(text, "{} in {}", told, count(draft.policy.rules.len(), "rule"));
    Ok((text, (0 < errors).then_some(told)))
}

/// What rules can name: out of the manifests, and as it was seen last.
fn services(catalog: &Catalog, index: &Index) -> Vec<Service> {
    let values = |choices: &[Choice]| choices.iter().map(|choice| choice.value.clone()).collect();
    let choices = |integration: &Integration, kind: &Kind| match kind {
        Kind::Listed(choices) => Some(values(choices)),
        Kind::Source(of) if !of.free => index
            .few(&integration.name, &of.source, &Args::new(), MOST_SEEN)
            .filter(|seen| !seen.is_empty())
            .map(|it| values(&it)),
        Kind::Text | Kind::Number | Kind::Duration | Kind::Person | Kind::Source(_) => None,
    };
    let arg = |integration: &Integration, arg: &catalog::Arg| Arg {
        name: arg.name.clone(),
        choices: choices(integration, &arg.kind),
        all: matches!(arg.kind, Kind::Listed(_)),
    };
    catalog
        .integrations()
        .map(|integration| Service {
            names: std::iter::once(&integration.name).chain(&integration.aliases).cloned().collect(),
            types: integration
                .access
                .iter()
                .map(|access| Type {
                    name: access.name.clone(),
                    emergency: access.emergency,
                    args: access.args.iter().map(|it| arg(integration, it)).collect(),
                })
                .collect(),
        })
        .collect()
}
