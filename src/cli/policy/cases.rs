//! `p0 policy test`: cases that stand beside policies, in YAML. Each says who asks for what, and what is to
//! come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::files::Files;
use super::verdict::{Approvers, Ask, Outcome, Presses, line};
use super::world::World;
use super::{Result, count, told};
use crate::catalog::Index;
use crate::domain::access::{Access, Args, Attributes};
use crate::domain::directory::{Members, Who};
use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::policy::analysis::{Judged, Not};
use crate::policy::{Analysis, Facts, Policy};
use crate::yaml::{BadYaml, Section, Spanned};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    cases: Vec<Spanned<Case>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Who is to receive it.
    r#as: Email,
    request: Option<Spanned<String>>,
    access: Option<WrittenAccess>,
    at: Option<Spanned<String>>,
    /// They are on call, for everything, and nobody else.
    on_call: Option<Vec<Email>>,
    expect: Expect,
}

/// An access of an integration that need not be installed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAccess {
    integration: String,
    r#type: String,
    #[serde(default)]
    args: Args,
    /// What rules can narrow by, where no manifest says it: `{ tag: { environment: dev } }`.
    #[serde(default)]
    filters: BTreeMap<String, BTreeMap<String, String>>,
    reason: Option<String>,
    duration: Option<Spanned<String>>,
    #[serde(default)]
    break_glass: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    outcome: Spanned<String>,
    /// Those that match, all of them.
    rules: Option<Vec<String>>,
    #[serde(default)]
    approvers: Vec<Email>,
    #[serde(default)]
    not_approvers: Vec<Email>,
    longest: Option<Spanned<String>>,
    /// A part of the sentence that says why it is refused.
    because: Option<String>,
}

/// Runs all cases against the policies beside them. Gives what to print, and what failed.
pub async fn run(world: &World, paths: &[PathBuf], now: Time) -> Result<(String, Option<String>)> {
    let paths: Vec<&std::path::Path> = paths.iter().map(PathBuf::as_path).collect();
    let files = Files::read(&paths)?;
    if files.cases.is_empty() {
        return Err("there are no cases; write a file with `cases:` beside the policies".to_owned());
    }
    let policy = match files.policy.is_empty() {
        true => world.policy(None)?.policy,
        false => world.read(&files.policy)?.policy,
    };
    let (mut text, mut passed, mut failed) = (String::new(), 0, 0);
    for section in &files.cases {
        for case in section.read::<Written>().map_err(told)?.into_iter().flat_map(|written| written.cases) {
            let wrong = one(world, &policy, section, &case.value, now).await?;
            if wrong.is_empty() {
                passed += 1;
                let _ = writeln!(text, "ok      {}", case.value.name);
            } else {
                failed += 1;
                let _ = writeln!(text, "FAILED  {} ({}:{})\n{wrong}", case.value.name, section.file(), case.referenced.line());
            }
        }
    }
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    Ok((text, (0 < failed).then(|| format!("{} failed", count(failed, "case")))))
}

/// What is wrong with a case; nothing, if it passes.
async fn one(world: &World, policy: &Policy, section: &Section, case: &Case, now: Time) -> Result<String> {
    let ask = match (&case.request, &case.access) {
        (Some(words), None) => {
            Ask::read(&world.catalog, &Index::default(), &words.value).map_err(|why| told(section.mistake(words, why)))?
        }
        (None, Some(access)) => access.ask(world, section).map_err(told)?,
        (Some(_), Some(_)) | (None, None) => {
            return Err(format!("{}: case \"{}\": write either `request:` or `access:`", section.file(), case.name));
        }
    };
    let at = match &case.at {
        Some(text) => Time::parse(&text.value).map_err(|why| told(section.mistake(text, why)))?,
        None => now,
    };
    let who = world.somebody(&case.r#as);
    let asked = ask.asked(&who, at);
    let mut facts = world.sources.look_up(policy.needs(&asked), &who).await;
    if let Some(emails) = &case.on_call {
        let on_call = Arc::new(Members { emails: emails.iter().cloned().collect(), ..Members::default() });
        facts.on_call.values_mut().for_each(|known| *known = Ok(on_call.clone()));
    }
    let analysis = policy.analyse(&asked, &facts);
    let wrong = case.expect.unmet(world, section, policy, &ask, &analysis, &facts, &who).map_err(told)?;
    if wrong.is_empty() {
        return Ok(String::new());
    }
    let mut text: String = wrong
        .iter()
        .map(|(what, wanted, is)| format!("  {what}: expected {wanted}\n  {:>1$}  came {is}\n", "", what.len()))
        .collect();
    if let Some(refusal) = ask.refusal(&analysis) {
        let _ = writeln!(text, "  because: {refusal}");
    }
    // Rules for other integrations say nothing of this one.
    let elsewhere = |judged: &&Judged| matches!(judged.not, Some(Not::Integration { .. }));
    let (far, near): (Vec<_>, Vec<_>) = analysis.rules.iter().partition(elsewhere);
    let _ = writeln!(text, "  the rules:");
    text.extend(near.into_iter().map(|judged| format!("  {}", line(judged))));
    if !far.is_empty() {
        let _ = writeln!(text, "    and {} for other integrations", count(far.len(), "rule"));
    }
    Ok(text)
}

impl WrittenAccess {
    fn ask(&self, world: &World, section: &Section) -> std::result::Result<Ask, BadYaml> {
        let access = Access { integration: self.integration.clone(), access_type: self.r#type.clone(), args: self.args.clone() };
        let length = self.duration.as_ref().map(|text| Span::parse(&text.value).map_err(|why| section.mistake(text, why)));
        let mut ask = Ask::of(&world.catalog, access);
        let by_hand = self.filters.iter().map(|(name, keys)| {
            let keys = keys.iter().map(|(key, value)| (key.clone(), vec![value.clone()]));
            (name.clone(), keys.collect())
        });
        ask.attributes.extend(by_hand.collect::<Attributes>());
        Ok(Ask { reason: self.reason.is_some(), length: length.transpose()?, break_glass: self.break_glass, ..ask })
    }
}

/// What was looked at, what was expected of it, and what it is.
type Unmet = (&'static str, String, String);

impl Expect {
    #[expect(clippy::too_many_arguments, reason = "all that a case is judged by, once")]
    fn unmet(
        &self,
        world: &World,
        section: &Section,
        policy: &Policy,
        ask: &Ask,
        analysis: &Analysis,
        facts: &Facts,
        who: &Who,
    ) -> std::result::Result<Vec<Unmet>, BadYaml> {
        let mut unmet = Vec::new();
        let wanted = Outcome::parse(&self.outcome.value).ok_or_else(|| {
            section.mistake(
                &self.outcome,
                format!("an outcome is `asked`, `at once` or `refused`, and not \"{}\"", self.outcome.value),
            )
        })?;
        let is = ask.outcome(analysis);
        if wanted != is {
            unmet.push(("outcome", wanted.as_str().to_owned(), is.as_str().to_owned()));
        }
        if let Some(rules) = &self.rules {
            let wanted: BTreeSet<&str> = rules.iter().map(String::as_str).collect();
            let matched: BTreeSet<&str> = analysis.matched().collect();
            if wanted != matched {
                let list = |rules: BTreeSet<&str>| {
                    if rules.is_empty() { "none".to_owned() } else { rules.into_iter().collect::<Vec<_>>().join(", ") }
                };
                unmet.push(("rules", list(wanted), list(matched)));
            }
        }
        let presses = Presses { policy, analysis, facts, principal: who, outside: world.outside() };
        let all = || match presses.approvers() {
            Approvers::NotListed => "somebody who cannot be listed".to_owned(),
            Approvers::These(emails) if emails.is_empty() => "nobody".to_owned(),
            Approvers::These(emails) => emails.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        for email in self.approvers.iter().filter(|email| !presses.may_approve(email)) {
            unmet.push(("approvers", format!("{email} to be one"), all()));
        }
        for email in self.not_approvers.iter().filter(|email| presses.may_approve(email)) {
            unmet.push(("not_approvers", format!("{email} to be none"), all()));
        }
        if let Some(text) = &self.longest {
            let wanted = Span::parse(&text.value).map_err(|why| section.mistake(text, why))?;
            let is = ask.longest(analysis);
            if wanted != is {
                let is = if is == Span::ZERO { "nothing".to_owned() } else { is.to_string() };
                unmet.push(("longest", wanted.to_string(), is));
            }
        }
        if let Some(part) = &self.because {
            let is = ask.refusal(analysis).unwrap_or_else(|| "it is not refused".to_owned());
            if !is.contains(part) {
                unmet.push(("because", format!("a sentence with \"{part}\""), is));
            }
        }
        Ok(unmet)
    }
}
