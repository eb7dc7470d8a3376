//! Who may say yes, how far the yeses so far go, and what one more comes to.
//!
//! Nothing is remembered but who said yes, in order: all of it is counted anew at each press, by the rules
//! and directories as they are then. Nobody counts twice.

use super::Policy;
use super::analysis::{Analysis, Refusal, Way};
use super::facts::{Facts, Known};
use super::rule::{Approver, Effect, Step};
use crate::domain::directory::{Members, Who};
use crate::domain::id::PersonId;
use crate::domain::time::Span;

/// Somebody presses.
#[derive(Debug, Clone, Copy)]
pub struct Press<'a> {
    pub actor: &'a Who,
    pub requestor: &'a PersonId,
    pub principal: &'a PersonId,
    /// Who said yes before, in order.
    pub before: &'a [Who],
}

/// What a yes comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yes {
    /// It was the last one needed. The access may last that long by the rule.
    /// In whose place it was said: their own, or that of somebody who is away.
    Done { rule: String, longest: Span, place: PersonId },
    /// Others have to say yes too.
    More(Progress),
}

/// How far a way is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub rule: String,
    /// From 1.
    pub step: u32,
    pub steps: u32,
    /// So many said yes in this step, of so many.
    pub have: u32,
    pub need: u32,
    /// In whose place the last yes was said.
    pub place: Option<PersonId>,
    /// Who may say yes in it.
    pub approvers: Vec<Approver>,
    /// The steps after it, in words.
    pub then: Vec<String>,
}

impl Progress {
    /// Who may say yes in it, in words.
    pub fn who(&self) -> String {
        words(&self.approvers)
    }
}

/// Why somebody may not decide: one sentence for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MayNot {
    #[error("Only approvers can do this, and you are not one for this request.")]
    NotApprover,
    #[error("You cannot approve your own request, or access for yourself; another approver has to.")]
    OwnRequest,
    #[error("You cannot deny your own request, or access for yourself; whoever asked can take it back.")]
    OwnDenial,
    #[error("You said yes to this already; now somebody else has to: {0}.")]
    Again(String),
    #[error("It is not your turn yet; first {0} has to say yes.")]
    NotYet(String),
    #[error("Nobody can approve this as the access policies are now. {}", .0.to_others())]
    Refused(Refusal),
    #[error("Who the approvers are could not be checked just now, so nothing was changed: {0} Please press again in a minute.")]
    Unknown(String),
}

/// A way, with what was counted on it so far.
struct Count<'a> {
    way: &'a Way,
    /// The step that is open, from 0; the number of steps when all are done.
    step: usize,
    have: u32,
    /// Who counted, and in whose place.
    counted: Vec<PersonId>,
}

impl<'a> Count<'a> {
    fn open(&self) -> Option<&'a Step> {
        self.way.steps.get(self.step)
    }

    fn add(&mut self, step: &Step, who: &Who, for_whom: &Who) {
        self.counted.push(who.id.clone());
        self.counted.push(for_whom.id.clone());
        self.have += 1;
        if step.count <= self.have {
            self.step += 1;
            self.have = 0;
        }
    }

    fn progress(&self) -> Option<Progress> {
        let step = self.open()?;
        let number = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Some(Progress {
            rule: self.way.rule.clone(),
            step: number(self.step + 1),
            steps: number(self.way.steps.len()),
            have: self.have,
            need: step.count,
            approvers: step.approvers.clone(),
            then: self.way.steps.iter().skip(self.step + 1).map(ToString::to_string).collect(),
            place: None,
        })
    }

    /// How much is left: the way that is nearest its end is told of.
    fn left(&self) -> u32 {
        self.way.steps.iter().skip(self.step).map(|step| step.count).sum::<u32>().saturating_sub(self.have)
    }
}

fn words(approvers: &[Approver]) -> String {
    approvers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or ")
}

/// Themselves, and everybody in whose place they decide.
fn hats<'a>(who: &'a Who, facts: &'a Facts) -> impl Iterator<Item = &'a Who> {
    let instead = facts.stand_ins.iter().filter(|it| it.by == who.id).map(|it| &it.away);
    std::iter::once(who).chain(instead)
}

/// In whose place may they say yes to this? `None`: in nobody's.
fn as_whom<'a>(
    policy: &Policy,
    facts: &'a Facts,
    approvers: &[Approver],
    who: &'a Who,
    but: &[PersonId],
) -> Known<Option<&'a Who>> {
    let mut trouble = None;
    for hat in hats(who, facts).filter(|hat| !but.contains(&hat.id)) {
        for approver in approvers {
            match facts.is(policy, approver, hat) {
                Ok(true) => return Ok(Some(hat)),
                Ok(false) => {}
                Err(why) => trouble = Some(why),
            }
        }
    }
    trouble.map_or(Ok(None), Err)
}

/// Could this person allow it all alone? Then they can do so ahead of time. Nobody does for themselves,
/// unless the entry lets them.
pub(super) fn allows_alone(policy: &Policy, way: &Way, issuer: &Who, principal: &Who, facts: &Facts) -> Known<bool> {
    let [Step { count: 1, approvers }] = way.steps.as_slice() else { return Ok(false) };
    if issuer.id == principal.id && !way.options.one_party {
        return Ok(false);
    }
    // Nor does whoever stands in for them.
    let own = if way.options.one_party { Vec::new() } else { vec![principal.id.clone()] };
    as_whom(policy, facts, approvers, issuer, &own).map(|found| found.is_some())
}

impl Analysis {
    fn count<'a>(&'a self, policy: &Policy, facts: &Facts, way: &'a Way, press: Press) -> Known<Count<'a>> {
        let mut count = Count { way, step: 0, have: 0, counted: Vec::new() };
        for who in press.before {
            let Some(step) = count.open() else { break };
            if count.counted.contains(&who.id) || is_own(way, who, press) {
                continue;
            }
            if let Some(hat) = as_whom(policy, facts, &step.approvers, who, &self.not_for(way, press, &count.counted))? {
                count.add(step, who, hat);
            }
        }
        Ok(count)
    }

    /// Whose place cannot be taken: those who counted, and those whose own request it is.
    fn not_for(&self, way: &Way, press: Press, counted: &[PersonId]) -> Vec<PersonId> {
        let mut not = counted.to_vec();
        if !way.options.one_party {
            not.extend([press.requestor.clone(), press.principal.clone()]);
        }
        not
    }

    /// What a yes of this person would come to, now.
    pub fn approve(&self, policy: &Policy, facts: &Facts, press: Press) -> Result<Yes, MayNot> {
        if let Some(refusal) = &self.refused {
            return Err(match refusal {
                Refusal::Unknown { why } => MayNot::Unknown(why.clone()),
                // What it lacks of a reason or a duration it lacked when it was asked.
                _ => MayNot::Refused(refusal.clone()),
            });
        }
        let mut why_not = MayNot::NotApprover;
        let mut best: Option<Yes> = None;
        let mut left = u32::MAX;
        for way in self.open() {
            let mut count = match self.count(policy, facts, way, press) {
                Ok(count) => count,
                Err(why) => {
                    why_not = MayNot::Unknown(why);
                    continue;
                }
            };
            let Some(step) = count.open() else {
                // The rules became laxer, and those who said yes are enough by now: any of its approvers closes it.
                let all = way.steps.iter();
                if !is_own(way, press.actor, press)
                    && all.into_iter().any(|step| self.would(policy, facts, &step.approvers, press.actor))
                {
                    best = Some(Yes::Done { rule: way.rule.clone(), longest: way.longest, place: press.actor.id.clone() });
                }
                continue;
            };
            if count.counted.contains(&press.actor.id) {
                why_not = MayNot::Again(words(&step.approvers));
                continue;
            }
            let own = is_own(way, press.actor, press);
            match as_whom(policy, facts, &step.approvers, press.actor, &self.not_for(way, press, &count.counted)) {
                Ok(Some(_)) if own => why_not = MayNot::OwnRequest,
                Ok(Some(hat)) => {
                    count.add(step, press.actor, hat);
                    let place = hat.id.clone();
                    match (count.progress(), &best) {
                        (None, Some(Yes::Done { longest, .. })) if way.longest <= *longest => {}
                        (None, _) => best = Some(Yes::Done { rule: way.rule.clone(), longest: way.longest, place }),
                        (Some(_), Some(Yes::Done { .. })) => {}
                        (Some(progress), _) if count.left() < left => {
                            left = count.left();
                            best = Some(Yes::More(Progress { place: Some(place), ..progress }));
                        }
                        (Some(_), _) => {}
                    }
                }
                Ok(None) if own && self.would(policy, facts, &step.approvers, press.actor) => why_not = MayNot::OwnRequest,
                Ok(None) => {
                    let later = way.steps.iter().skip(count.step + 1);
                    let turn = later.into_iter().any(|later| self.would(policy, facts, &later.approvers, press.actor));
                    if turn && why_not == MayNot::NotApprover {
                        why_not = MayNot::NotYet(words(&step.approvers));
                    }
                }
                Err(why) => why_not = MayNot::Unknown(why),
            }
        }
        best.ok_or(why_not)
    }

    fn would(&self, policy: &Policy, facts: &Facts, approvers: &[Approver], who: &Who) -> bool {
        as_whom(policy, facts, approvers, who, &[]).is_ok_and(|found| found.is_some())
    }

    /// May this person say no? Whoever may say yes at any step, and every security reviewer; nobody to the
    /// own request, which can be taken back.
    pub fn deny(&self, policy: &Policy, facts: &Facts, press: Press) -> Result<(), MayNot> {
        let own = press.actor.id == *press.requestor || press.actor.id == *press.principal;
        let one_party = self.open().any(|way| way.options.one_party);
        self.decides(policy, facts, press.actor)?;
        if own && !one_party { Err(MayNot::OwnDenial) } else { Ok(()) }
    }

    /// Is this person an approver of this by any rule, whether or not that counts just now, or a security
    /// reviewer? Enough to take access away.
    pub fn decides(&self, policy: &Policy, facts: &Facts, actor: &Who) -> Result<(), MayNot> {
        let mut why_not = MayNot::NotApprover;
        for hat in hats(actor, facts) {
            match facts.holds(policy.overseers(), hat) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(why) => why_not = MayNot::Unknown(why),
            }
        }
        match as_whom(policy, facts, &self.deciders, actor, &[]) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(why_not),
            Err(why) => Err(MayNot::Unknown(why)),
        }
    }

    /// May this person allow it ahead of time: approve it all alone? Gives the longest each access may last.
    pub fn allows(&self, policy: &Policy, facts: &Facts, issuer: &Who, principal: &Who) -> Result<Span, MayNot> {
        if let Some(refusal @ (Refusal::Denied { .. } | Refusal::NoMatch | Refusal::NobodyApproves { .. })) = &self.refused {
            return Err(MayNot::Refused(refusal.clone()));
        }
        if let Some(Refusal::Unknown { why }) = &self.refused {
            return Err(MayNot::Unknown(why.clone()));
        }
        let mut why_not = MayNot::NotApprover;
        let mut longest = None;
        for way in &self.ways {
            match allows_alone(policy, way, issuer, principal, facts) {
                Ok(true) => longest = longest.max(Some(way.longest)),
                Ok(false) => {}
                Err(why) => why_not = MayNot::Unknown(why),
            }
        }
        longest.ok_or(why_not)
    }

    /// How far the yeses so far go on the way that is nearest its end. `None`: one yes is enough.
    pub fn progress(&self, policy: &Policy, facts: &Facts, press: Press) -> Option<Progress> {
        let mut counts: Vec<Count> = self.open().filter_map(|way| self.count(policy, facts, way, press).ok()).collect();
        if counts.iter().any(|count| count.counted.is_empty() && count.left() == 1) {
            counts.retain(|count| !count.counted.is_empty());
        }
        // The way somebody said yes on is told of, if there is one.
        counts.iter().min_by_key(|count| (count.counted.is_empty(), count.left())).and_then(Count::progress)
    }

    /// Everybody who may say yes now, as far as the directories list them: addresses, and names on surfaces.
    /// `None`: they cannot be listed, because it is whoever is not in a group, or nobody knows.
    /// Those whose own request it is (`own`) are among them only where the entry lets them.
    pub fn who_may(&self, policy: &Policy, facts: &Facts, press: Press, own: &[&Who]) -> Option<Members> {
        let mut all = Members::default();
        for way in self.open() {
            let count = self.count(policy, facts, way, press).ok()?;
            let mut here = Members::default();
            for approver in count.open().into_iter().flat_map(|step| &step.approvers) {
                listed(policy, facts, approver, &mut here)?;
            }
            if !way.options.one_party {
                here.emails.retain(|email| own.iter().all(|who| who.email.as_ref() != Some(email)));
                here.handles.retain(|handle| own.iter().all(|who| !who.handles.contains(handle)));
            }
            all.extend(&here);
        }
        Some(all)
    }
}

fn listed(policy: &Policy, facts: &Facts, approver: &Approver, all: &mut Members) -> Option<()> {
    match approver {
        Approver::Reviewers => {
            for holders in [&policy.approvers, &policy.reviewers] {
                for group in &holders.groups {
                    all.extend(facts.groups.get(group)?.as_ref().ok()?);
                }
                all.emails.extend(holders.people.iter().cloned());
            }
        }
        Approver::Groups(groups) if groups.effect == Effect::Remove => return None,
        Approver::Groups(groups) => {
            for named in &groups.groups {
                all.extend(facts.groups.get(&named.group)?.as_ref().ok()?);
            }
        }
        Approver::Profile { directory, property } => {
            let email = facts.profiles.get(&(directory.clone(), property.clone()))?.as_ref().ok()?;
            all.emails.extend(email.clone());
        }
        Approver::OnCall { integration, services } => {
            all.extend(facts.on_call.get(&(integration.clone(), services.clone()))?.as_ref().ok()?);
        }
        Approver::User(email) => drop(all.emails.insert(email.clone())),
    }
    Some(())
}

/// Is it their own request, by a way that does not let them say yes to it?
fn is_own(way: &Way, who: &Who, press: Press) -> bool {
    !way.options.one_party && (who.id == *press.requestor || who.id == *press.principal)
}
