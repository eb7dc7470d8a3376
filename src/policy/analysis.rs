//! What the rules say of one request, with the reasons.
//!
//! How rules combine is the law of the project, and docs/policies.md tells it to people:
//!
//! 1. A rule matches when it is not disabled, its window is open, whoever is to receive the access is one
//!    of its requestors, and what is asked for is one of its resources.
//! 2. All rules that match count together; their order means nothing. Each entry of each is a way.
//! 3. A denial in any of them wins over everything.
//! 4. What cannot be evaluated refuses: a rule that may deny is not passed over for want of an answer.
//! 5. A way that needs a reason, a duration or a pre-approval does not exist without it.
//! 6. Persistent, on call, allowed ahead of time, an emergency: at once. Otherwise people are asked.
//! 7. Who may decide is computed at the press, from the rules and directories as they are then.

use serde::{Deserialize, Serialize};

use super::Policy;
use super::facts::{Asked, Facts, Known, Needs};
use super::rule::{Approval, Approver, How, Ladder, Options, Requestor, Rule, Step};
use crate::domain::time::Span;

/// How long an access lasts that is given for being on call, and in an emergency whose rule says nothing.
pub const HOUR: Span = Span::hours(1);

/// What the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// Every rule, in the policy's order.
    pub rules: Vec<Judged>,
    /// Nobody can have this (now), and why.
    pub refused: Option<Refusal>,
    /// It is given at once.
    pub at_once: Option<AtOnce>,
    /// How people can say yes, whether or not it is given at once. Those that need a pre-approval too.
    pub ways: Vec<Way>,
    /// Everybody who decides by an enabled rule for what is asked for, whether or not it counts just now: they
    /// may deny and take away.
    pub deciders: Vec<Approver>,
    /// What every way needs of the ask.
    pub needs_reason: bool,
    pub needs_duration: bool,
}

/// A rule, and whether it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub rule: String,
    pub not: Option<Not>,
}

/// Why a rule does not match.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Not {
    #[error("it is disabled")]
    Disabled,
    #[error("it is for programs that ask by themselves")]
    ForAgents,
    #[error("it is for {wanted}")]
    Requestor { wanted: String },
    #[error("it is for the integration {wanted}")]
    Integration { wanted: String },
    #[error("it is for the access type {wanted}")]
    AccessType { wanted: String },
    #[error("it is for access types of {wanted} risk or more, and this one's is {is}")]
    Risk { wanted: &'static str, is: &'static str },
    #[error("its filter `{name}` does not pass: {is}")]
    Filter { name: String, is: String },
    #[error("it counts only {window}")]
    Window { window: String },
    #[error("it could not be evaluated: {why}")]
    Unknown { why: String },
}

/// Why nobody can have it: one or two sentences for whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("No access policy lets you have this. Whoever looks after the policies can say why: `p0 policy explain`.")]
    NoMatch,
    #[error("The access policy \"{rule}\" denies this.")]
    Denied { rule: String },
    #[error("Nobody can have this: the access policy \"{rule}\" names nobody who could approve it.")]
    NobodyApproves { rule: String },
    #[error("Say why you need this; the access policy \"{rule}\" requires a reason.")]
    NeedsReason { rule: String },
    #[error("Say for how long you need this; the access policy \"{rule}\" requires a duration.")]
    NeedsDuration { rule: String },
    #[error(
        "This can only be had when it was allowed ahead of time. Ask somebody who may approve it to do so: `/p0 allow`. (Access policy \"{rule}\".)"
    )]
    OnlyAhead { rule: String },
    #[error("Only whoever is on call can have this, and you are not on call just now. (Access policy \"{rule}\".)")]
    OnlyOnCall { rule: String },
    #[error(
        "This can only be had in an emergency: ask again with `--break-glass` and a reason. Everybody will be told. (Access policy \"{rule}\".)"
    )]
    OnlyBreakGlass { rule: String },
    #[error("This kind of access is not configured here any more.")]
    Gone,
    #[error("No access policy lets you have this as an emergency. Ask without `--break-glass`.")]
    NoBreakGlass,
    #[error("Whether you may have this could not be checked just now, so nothing was asked. {why} Please try again in a minute.")]
    Unknown { why: String },
}

impl Refusal {
    /// The same for everybody else: approvers, and whoever asks for somebody.
    pub fn to_others(&self) -> String {
        match self {
            Refusal::NoMatch => "No access policy matches this.".to_owned(),
            Refusal::Denied { .. } | Refusal::Gone => self.to_string(),
            Refusal::NobodyApproves { rule } => format!("The access policy \"{rule}\" names nobody who could approve it."),
            Refusal::NeedsReason { rule } => {
                format!("The access policy \"{rule}\" requires a reason, and none was given. It can be asked for again with one.")
            }
            Refusal::NeedsDuration { rule } => {
                format!(
                    "The access policy \"{rule}\" requires a duration, and none was given. It can be asked for again with one."
                )
            }
            Refusal::OnlyAhead { rule } => format!(
                "It can only be had when it was allowed ahead of time; whoever may approve it can do so with `/p0 allow`. (Access policy \"{rule}\".)"
            ),
            Refusal::OnlyOnCall { rule } => format!("Only whoever is on call can have it. (Access policy \"{rule}\".)"),
            Refusal::OnlyBreakGlass { rule } => format!("It can only be had in an emergency. (Access policy \"{rule}\".)"),
            Refusal::NoBreakGlass => "No access policy gives this as an emergency.".to_owned(),
            Refusal::Unknown { why } => format!("What the access policies say could not be checked just now. {why}"),
        }
    }
}

/// Given without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtOnce {
    pub rule: String,
    pub why: Why,
    /// The most it may last.
    pub longest: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    Persistent,
    OnCall { integration: String },
    AllowedAhead { by: crate::domain::id::PersonId },
    BreakGlass,
}

/// How people can say yes: every step, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub rule: String,
    pub steps: Vec<Step>,
    pub options: Options,
    /// The ask has the reason and the duration it needs.
    pub met: bool,
    /// The longest access by it.
    pub longest: Span,
    pub ladder: Option<Ladder>,
}

impl Way {
    /// Who says yes, in words: `2 of (somebody of SRE), then carol@acme.example`.
    pub fn words(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(ToString::to_string).collect();
        let ahead = if self.options.preapproval { " (ahead of time only)" } else { "" };
        format!("{}{ahead}", steps.join(", then "))
    }

    /// May people say yes to this request by it?
    pub fn is_open(&self) -> bool {
        !self.options.preapproval && self.met
    }
}

impl Analysis {
    /// The names of the rules that match.
    pub fn matched(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter(|judged| judged.not.is_none()).map(|judged| judged.rule.as_str())
    }

    /// Those by which people can be asked.
    pub fn open(&self) -> impl Iterator<Item = &Way> {
        self.ways.iter().filter(|way| way.is_open())
    }

    /// The longest that can be had at all.
    pub fn longest(&self) -> Span {
        let at_once = self.at_once.iter().map(|at_once| at_once.longest);
        self.open().map(|way| way.longest).chain(at_once).max().unwrap_or(Span::ZERO)
    }
}

impl Policy {
    /// What has to be looked up before [`Policy::analyse`].
    pub fn needs(&self, asked: &Asked) -> Needs {
        Needs::of(self, asked)
    }

    /// What the rules say of a request. Total: whatever is asked and known, there is an answer.
    pub fn analyse(&self, asked: &Asked, facts: &Facts) -> Analysis {
        let rules = self.in_force();
        let mut analysis = Analysis {
            rules: Vec::with_capacity(rules.len()),
            refused: None,
            at_once: None,
            ways: Vec::new(),
            deciders: Vec::new(),
            needs_reason: false,
            needs_duration: false,
        };
        let mut matched = Vec::new();
        let mut unknown = None;
        for rule in rules.iter() {
            if !rule.disabled && resource(rule, asked).is_ok() {
                analysis.deciders.extend(rule.approvers().cloned());
            }
            let not = matches(rule, asked, facts).err();
            match &not {
                None => matched.push(rule),
                Some(Not::Unknown { why }) => unknown = unknown.or(Some(why.clone())),
                Some(_) => {}
            }
            analysis.rules.push(Judged { rule: rule.name.clone(), not });
        }
        if let Some(rule) = matched.iter().find(|rule| rule.denies()) {
            analysis.refused = Some(Refusal::Denied { rule: rule.name.clone() });
            return analysis;
        }
        if let Some(why) = unknown {
            analysis.refused = Some(Refusal::Unknown { why });
            return analysis;
        }
        let Some(first) = matched.first() else {
            analysis.refused = Some(Refusal::NoMatch);
            return analysis;
        };
        let entries: Vec<Entry> =
            matched.iter().flat_map(|rule| rule.approval.iter().map(move |approval| Entry { rule, approval })).collect();
        analysis.ways = entries.iter().filter_map(|entry| entry.way(self, asked)).collect();
        let mut tally = Tally::default();
        for entry in &entries {
            if let Some(at_once) = entry.at_once(self, asked, facts, &analysis.ways, &mut tally) {
                let better = analysis.at_once.as_ref().is_none_or(|known| known.longest < at_once.longest);
                if better {
                    analysis.at_once = Some(at_once);
                }
            }
        }
        for way in analysis.ways.iter().filter(|way| !way.options.preapproval) {
            tally.lacks(&way.rule, way.options, asked);
        }
        analysis.needs_reason = tally.all_need(|options| options.reason);
        analysis.needs_duration = tally.all_need(|options| options.duration);
        if analysis.at_once.is_none() && asked.break_glass {
            analysis.refused = Some(tally.unmet.filter(|_| tally.glass).unwrap_or(Refusal::NoBreakGlass));
        } else if analysis.at_once.is_none() && !tally.can_ask {
            analysis.refused = Some(tally.refusal(&first.name));
        }
        analysis
    }
}

/// One entry of a rule that matches.
struct Entry<'a> {
    rule: &'a Rule,
    approval: &'a Approval,
}

impl Entry<'_> {
    fn way(&self, policy: &Policy, asked: &Asked) -> Option<Way> {
        let steps = match &self.approval.how {
            How::People(approver) => vec![Step { count: 1, approvers: vec![approver.clone()] }],
            How::Steps(steps) => steps.clone(),
            How::OnCall { .. } | How::Persistent | How::BreakGlass | How::Deny => return None,
        };
        let options = self.approval.options;
        (options.break_glass || !asked.emergency).then(|| Way {
            rule: self.rule.name.clone(),
            steps,
            options,
            met: (asked.reason || !options.reason) && (asked.length.is_some() || !options.duration),
            longest: self.longest(policy.longest),
            ladder: self.approval.ladder.clone(),
        })
    }

    /// No longer than the rule lets it be.
    fn longest(&self, otherwise: Span) -> Span {
        self.rule.longest.map_or(otherwise, |longest| longest.min(otherwise))
    }

    fn at_once(&self, policy: &Policy, asked: &Asked, facts: &Facts, ways: &[Way], tally: &mut Tally) -> Option<AtOnce> {
        let options = self.approval.options;
        let rule = self.rule.name.clone();
        if options.preapproval && self.approval.how != How::Deny {
            tally.ahead.get_or_insert_with(|| rule.clone());
            // Nobody can allow ahead of time what nobody decides.
            self.approval.how.approvers().next()?;
        }
        let (why, longest) = match &self.approval.how {
            // An access type for emergencies is nobody's without somebody who may break glass.
            How::Persistent | How::OnCall { .. } if asked.emergency => return None,
            How::Persistent => (Why::Persistent, self.longest(policy.standing)),
            How::OnCall { integration } => match facts.on_call(integration, &[], asked.principal) {
                Ok(true) => (Why::OnCall { integration: integration.clone() }, self.longest(HOUR.min(policy.longest))),
                Ok(false) => {
                    tally.on_call.get_or_insert(rule);
                    return None;
                }
                Err(why) => {
                    tally.trouble.get_or_insert(why);
                    return None;
                }
            },
            How::BreakGlass => {
                tally.break_glass.get_or_insert_with(|| rule.clone());
                if !asked.break_glass {
                    return None;
                }
                tally.glass = true;
                if !asked.reason {
                    tally.unmet = Some(Refusal::NeedsReason { rule });
                    return None;
                }
                (Why::BreakGlass, self.rule.longest.unwrap_or(HOUR).min(policy.longest))
            }
            How::People(_) | How::Steps(_) => {
                let ahead = facts.preapproval.as_ref()?;
                let way = ways.iter().find(|way| way.rule == rule && self.way(policy, asked).as_ref() == Some(*way))?;
                if !super::press::allows_alone(policy, way, &ahead.issuer, asked.principal, facts).unwrap_or(false) {
                    return None;
                }
                let by = ahead.issuer.id.clone();
                // What makes an approver ask first was done when it was allowed.
                let longest = self.longest(ahead.length.min(policy.longest));
                let lacking = Options { reason: options.reason, ..Options::default() };
                return tally.meets(&rule, lacking, asked).then_some(AtOnce { rule, why: Why::AllowedAhead { by }, longest });
            }
            How::Deny => return None,
        };
        tally.lacks(&rule, options, asked);
        tally.meets(&rule, options, asked).then_some(AtOnce { rule, why, longest })
    }
}

/// What the entries came to, as far as none gives it.
#[derive(Default)]
struct Tally {
    seen: Vec<Options>,
    /// One way to ask people is open, with all it needs.
    can_ask: bool,
    /// What the ask lacks.
    unmet: Option<Refusal>,
    ahead: Option<String>,
    on_call: Option<String>,
    break_glass: Option<String>,
    glass: bool,
    trouble: Option<String>,
}

impl Tally {
    fn lacks(&mut self, rule: &str, options: Options, asked: &Asked) {
        self.seen.push(options);
        if self.meets(rule, options, asked) {
            self.can_ask = true;
        }
    }

    fn meets(&mut self, rule: &str, options: Options, asked: &Asked) -> bool {
        let rule = rule.to_owned();
        if options.reason && !asked.reason {
            self.unmet.get_or_insert(Refusal::NeedsReason { rule });
            return false;
        }
        if options.duration && asked.length.is_none() {
            self.unmet.get_or_insert(Refusal::NeedsDuration { rule });
            return false;
        }
        true
    }

    fn all_need(&self, which: fn(&Options) -> bool) -> bool {
        !self.seen.is_empty() && self.seen.iter().all(which)
    }

    fn refusal(self, first: &str) -> Refusal {
        let Tally { unmet, ahead, on_call, break_glass, trouble, .. } = self;
        let why = trouble.map(|why| Refusal::Unknown { why });
        unmet
            .or(why)
            .or(ahead.map(|rule| Refusal::OnlyAhead { rule }))
            .or(on_call.map(|rule| Refusal::OnlyOnCall { rule }))
            .or(break_glass.map(|rule| Refusal::OnlyBreakGlass { rule }))
            .unwrap_or_else(|| Refusal::NobodyApproves { rule: first.to_owned() })
    }
}

/// Does the rule match? If not, why not.
pub(super) fn matches(rule: &Rule, asked: &Asked, facts: &Facts) -> Result<(), Not> {
    if rule.disabled {
        return Err(Not::Disabled);
    }
    resource(rule, asked)?;
    requestor(rule, asked, facts)?;
    let Some(window) = &rule.when else { return Ok(()) };
    let zone = match window.zone {
        Some(zone) => Ok(zone),
        None => facts.zone.clone().unwrap_or_else(|| Err("In which time zone they are was not looked up.".to_owned())),
    };
    let zone = zone.map_err(|why| Not::Unknown { why })?;
    if window.is_open(asked.at, zone) { Ok(()) } else { Err(Not::Window { window: window.to_string() }) }
}

fn requestor(rule: &Rule, asked: &Asked, facts: &Facts) -> Result<(), Not> {
    let who = asked.principal;
    match &rule.requestor {
        Requestor::Any => Ok(()),
        Requestor::Agent(_) => Err(Not::ForAgents),
        Requestor::User(email) if who.email.as_ref() == Some(email) => Ok(()),
        Requestor::User(email) => Err(Not::Requestor { wanted: email.to_string() }),
        Requestor::Groups(groups) => {
            let fits: Known<bool> = facts.in_groups(groups, who);
            match fits {
                Ok(true) => Ok(()),
                Ok(false) => Err(Not::Requestor { wanted: groups.to_string() }),
                Err(why) => Err(Not::Unknown { why }),
            }
        }
    }
}

/// Is what is asked for one of the rule's resources? Needs no facts.
pub(super) fn resource(rule: &Rule, asked: &Asked) -> Result<(), Not> {
    if let Some(wanted) = rule.resource.risk.filter(|wanted| asked.risk < *wanted) {
        return Err(Not::Risk { wanted: wanted.as_str(), is: asked.risk.as_str() });
    }
    let Some(service) = &rule.resource.service else { return Ok(()) };
    let named = |name: &String| name.eq_ignore_ascii_case(&service.name);
    if !named(&asked.access.integration) && !asked.also.iter().any(named) {
        return Err(Not::Integration { wanted: service.name.clone() });
    }
    if let Some(wanted) = service.access_type.as_ref().filter(|it| !it.eq_ignore_ascii_case(&asked.access.access_type)) {
        return Err(Not::AccessType { wanted: wanted.clone() });
    }
    for (name, filter) in &service.filters {
        if !filter.passes(name, asked.attributes, rule.denies()) {
            let is: Vec<String> = asked
                .attributes
                .get(name)
                .into_iter()
                .flatten()
                .filter(|(key, _)| filter.looks_at(key))
                .map(|(key, values)| format!("{key}{}{}", if key.is_empty() { "" } else { " is " }, values.join(", ")))
                .collect();
            let is = if is.is_empty() { "it has none".to_owned() } else { is.join("; ") };
            return Err(Not::Filter { name: name.clone(), is });
        }
    }
    Ok(())
}
