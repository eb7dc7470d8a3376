//! `p0 policy explain`: what becomes of a request, and why.

use std::fmt::Write;
use std::path::Path;

use super::verdict::{Approvers, Ask, Outcome, Presses, line};
use super::world::World;
use super::{Result, count, in_force, told};
use crate::catalog::Index;
use crate::catalog::form::short;
use crate::domain::directory::Who;
use crate::domain::person::Email;
use crate::domain::time::Time;
use crate::policy::analysis::Why;
use crate::policy::facts::Preapproval;
use crate::policy::rule::{Requestor, Rule};
use crate::policy::{Analysis, Facts, Policy, Refusal};
use crate::store::Store;

/// The most approvers that are named.
const MOST_NAMED: usize = 12;

/// By the policy of a folder or file (`path`); by what is in force, if none is named.
pub async fn run(
    world: &World,
    store: Option<&Store>,
    path: Option<&Path>,
    words: &str,
    principal: &str,
    at: Time,
) -> Result<String> {
    let email = Email::parse(principal).ok_or_else(|| format!("--as: \"{principal}\" is not an e-mail address"))?;
    // What was seen last may be old: a value that is new is taken as it is.
    let ask = Ask::read(&world.catalog, &world.seen, words);
    let ask = ask.or_else(|why| Ask::read(&world.catalog, &Index::default(), words).map_err(|_| why))?;
    let kept = match (path, store) {
        (None, Some(store)) => in_force(store).await?,
        (Some(_), _) | (None, None) => None,
    };
    let (by, policy) = match (kept, path) {
        (Some((version, policy)), _) => (format!("version {version} of the policy"), policy),
        (None, Some(path)) => (format!("the policy in {}", path.display()), world.policy(Some(path))?.policy),
        (None, None) => ("the configuration's policy".to_owned(), world.policy(None)?.policy),
    };
    let who = known(world, store, &email).await?;
    let mut facts = world.sources.look_up(policy.needs(&ask.asked(&who, at)), &who).await;
    if let Some(store) = store {
        allowed_ahead(store, &policy, &ask, &who, at, &mut facts).await?;
    }
    let seen = facts.groups.values().filter_map(|known| known.as_ref().ok()).any(|members| members.has(&who));
    let seen = seen || world.sources.knows(&email).await;
    let stranger = !seen && who.handles.is_empty() && facts.profiles.values().all(|known| !matches!(known, Ok(Some(_))));
    let named = |rule: &Rule| matches!(&rule.requestor, Requestor::User(user) if *user == email);
    let note = match stranger && !policy.rules.iter().any(named) {
        true => format!("(Nobody with the address {email} is known here, or is in a group that counts. Is it right?)\n"),
        false => String::new(),
    };
    Ok(format!("By {by}, at {at}:\n{note}{}", explain(world, &policy, &ask, &facts, &who, at)))
}

/// Somebody, as the record knows them if it does.
async fn known(world: &World, store: Option<&Store>, email: &Email) -> Result<Who> {
    let Some(store) = store else { return Ok(world.somebody(email)) };
    match store.person_by_email(email).await.map_err(told)? {
        Some(person) => Ok(Who::new(&person, store.handles(&person.id).await.map_err(told)?)),
        None => Ok(world.somebody(email)),
    }
}

/// What somebody allowed ahead of time, as far as it counts.
async fn allowed_ahead(store: &Store, policy: &Policy, ask: &Ask, who: &Who, at: Time, facts: &mut Facts) -> Result<()> {
    for allowed in store.preapprovals_for(&who.id, &ask.access, at).await.map_err(told)? {
        let Some(issuer) = store.person(&allowed.issuer).await.map_err(told)? else { continue };
        let handles = store.handles(&issuer.id).await.map_err(told)?;
        facts.preapproval = Some(Preapproval { issuer: Who::new(&issuer, handles), length: allowed.length });
        if policy.analyse(&ask.asked(who, at), facts).at_once.is_some() {
            break;
        }
    }
    Ok(())
}

/// The verdict in words.
pub fn explain(world: &World, policy: &Policy, ask: &Ask, facts: &Facts, who: &Who, at: Time) -> String {
    let analysis = policy.analyse(&ask.asked(who, at), facts);
    let mut text = String::new();
    let _ = writeln!(text, "{}", verdict(ask, &analysis));
    if let Some(refusal) = &analysis.refused {
        let _ = writeln!(text, "What would have to change: {}", cure(refusal));
    }
    if ask.outcome(&analysis) == Outcome::Asked {
        let presses = Presses { policy, analysis: &analysis, facts, principal: who, outside: world.outside() };
        let _ = write!(text, "{}", people(&presses));
    }
    let needs: Vec<&str> = [(analysis.needs_reason, "a reason"), (analysis.needs_duration, "a duration")]
        .into_iter()
        .filter_map(|(needed, what)| needed.then_some(what))
        .collect();
    if !needs.is_empty() {
        let _ = writeln!(text, "Required: {}.", needs.join(" and "));
    }
    let (matched, others): (Vec<_>, Vec<_>) = analysis.rules.iter().partition(|judged| judged.not.is_none());
    let _ = writeln!(text, "{} of {} matched:", matched.len(), count(analysis.rules.len(), "rule"));
    text.extend(matched.into_iter().map(line));
    if !others.is_empty() {
        let _ = writeln!(text, "The others:");
    }
    text.extend(others.into_iter().map(line));
    text
}

fn verdict(ask: &Ask, analysis: &Analysis) -> String {
    let longest = ask.longest(analysis);
    if let Some(most) = ask.too_long(analysis) {
        return format!("REFUSED. The longest that can be asked for is {most}: ask with `--duration {}`.", short(most));
    }
    match (&analysis.refused, &analysis.at_once) {
        (Some(refusal), _) => format!("REFUSED. {}", refusal.to_others()),
        (None, Some(at_once)) => {
            let why = match &at_once.why {
                Why::Persistent => "for everybody it is for".to_owned(),
                Why::OnCall { integration } => format!("for being on call in {integration}"),
                Why::AllowedAhead { .. } => "because it was allowed ahead of time".to_owned(),
                Why::BreakGlass => "as an emergency; everybody is told".to_owned(),
            };
            format!("AT ONCE, {why}, for {longest} at most. (Access policy \"{}\".)", at_once.rule)
        }
        (None, None) => {
            let ways: Vec<String> =
                analysis.open().map(|way| format!("  {} ({}, for {} at most)", way.words(), way.rule, way.longest)).collect();
            format!("ASKED, for {longest} at most. A yes is one of these:\n{}", ways.join("\n"))
        }
    }
}

/// Who can approve right now, and who is told first.
fn people(presses: &Presses) -> String {
    let who = match presses.approvers() {
        Approvers::NotListed => "Who can approve right now cannot be listed.\n".to_owned(),
        Approvers::These(emails) if emails.is_empty() => "NOBODY can approve it right now.\n".to_owned(),
        Approvers::These(emails) => {
            let named: Vec<String> = emails.iter().take(MOST_NAMED).map(ToString::to_string).collect();
            let more = emails.len().saturating_sub(MOST_NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            let enough = if presses.can_be_decided() { "" } else { "They are not enough for a yes.\n" };
            format!("{} can approve right now: {}{more}.\n{enough}", count_people(emails.len()), named.join(", "))
        }
    };
    let mut ladders = presses.analysis.open().filter_map(|way| way.ladder.as_ref());
    let first = if presses.analysis.open().any(|way| way.ladder.is_none()) {
        "First the approvals channel is told.\n".to_owned()
    } else {
        ladders.next().map_or_else(String::new, |ladder| {
            let turns: Vec<String> = ladder.people.iter().map(ToString::to_string).collect();
            format!(
                "First {} of them, whoever was asked longest ago; every {} so many more: {}; then the approvals channel.\n",
                turns.first().map_or("0", String::as_str),
                ladder.every,
                turns.join(", ")
            )
        })
    };
    who + &first
}

fn count_people(n: usize) -> String {
    if n == 1 { "1 person".to_owned() } else { format!("{n} people") }
}

fn cure(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NoMatch => "a rule has to match; the list below says what each lacks.".to_owned(),
        Refusal::Denied { rule } => format!("\"{rule}\" must not match: a denial wins over every other rule."),
        Refusal::NobodyApproves { rule } => format!("\"{rule}\", or another rule that matches, has to name approvers."),
        Refusal::NeedsReason { .. } => "ask with `--reason`.".to_owned(),
        Refusal::NeedsDuration { .. } => "ask with `--duration`.".to_owned(),
        Refusal::OnlyAhead { .. } => "somebody who may approve it has to allow it ahead of time.".to_owned(),
        Refusal::OnlyOnCall { .. } => "they have to be on call, or another rule has to match.".to_owned(),
        Refusal::OnlyBreakGlass { .. } => "ask with `--break-glass` and a reason.".to_owned(),
        Refusal::NoBreakGlass => "ask without `--break-glass`.".to_owned(),
        Refusal::Gone => "its integration has to be configured.".to_owned(),
        Refusal::Unknown { .. } => "what could not be looked up has to answer.".to_owned(),
    }
}
