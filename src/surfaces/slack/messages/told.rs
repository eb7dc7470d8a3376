//! The sentences of a request's life: once with mentions and bold type for the blocks, once as plain
//! words for `text`. The same words for both, so that nobody is told less.
//!
//! It knows the view and no blocks. Every name and text of others goes through `blocks::line`.

use crate::desk::view::RequestView;
use crate::desk::view::{Approvers, GroupView, Left, PersonView, Phase, ProgressView};
use crate::domain::grant::{End, NOT_IN_TIME};
use crate::domain::id::PersonId;
use crate::domain::time::Time;

use super::super::blocks;

/// For whom the sentences are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Approvers,
    /// Addressed as "you".
    Requestor,
    /// Whoever receives what somebody else asked for; addressed as "you".
    Principal,
}

/// Where the sentences are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// In blocks: people are mentioned, what matters is bold.
    Rich,
    /// In `text`, in labels: read aloud.
    Spoken,
}

#[derive(Clone, Copy)]
pub struct Teller<'a> {
    pub view: &'a RequestView,
    pub now: Time,
    pub reader: Reader,
    pub form: Form,
}

const NAME: usize = 120;
const EFFECT: usize = 400;
const SENTENCE: usize = 600;
/// How many approvers are named one by one.
const NAMED: usize = 8;

impl Teller<'_> {
    pub fn headline(&self) -> String {
        let access = blocks::plain(&self.view.integration, 80);
        let what = match &self.view.phase {
            Phase::Asked => "access requested",
            Phase::Denied { .. } => "access denied",
            Phase::Withdrawn { .. } => "request taken back",
            Phase::Stale { .. } => "request not decided in time",
            Phase::Approved { trouble: None, .. } => "access approved, being set up",
            Phase::Approved { trouble: Some(_), .. } => "access approved, not working yet",
            Phase::Usable { .. } if self.view.missing => "access was taken away elsewhere",
            Phase::Usable { .. } => match self.reader {
                Reader::Approvers => "access in use",
                Reader::Requestor | Reader::Principal => "access ready to use",
            },
            Phase::Ending { how: End::Failed, stuck: false, .. } => "access could not be set up",
            Phase::Ending { stuck: true, .. } => "access could not be taken away yet",
            Phase::Ending { .. } => "access being taken away",
            Phase::Ended { how: End::Failed, .. } => "access could not be set up",
            Phase::Ended { how: End::Expired, left: Left::Kept, .. } if self.view.extended => "access extended",
            Phase::Ended { .. } => "access ended",
        };
        let emergency = if self.view.policy.emergency { "emergency " } else { "" };
        format!("{access} {emergency}{what}")
    }

    /// Who asked for what, for whom and how long.
    pub fn ask(&self) -> String {
        let asks = if self.view.can_decide() && self.reader == Reader::Approvers { "asks" } else { "asked" };
        let other = if self.view.principal.id == self.view.requestor.id {
            String::new()
        } else {
            format!(" for {}", self.person(&self.view.principal))
        };
        let integration = blocks::line(&self.view.integration, NAME);
        let effect = self.strong(&blocks::line(&self.view.effect, EFFECT));
        let more = if self.view.extends.as_ref().is_some_and(|extends| extends.on_top) { " more" } else { "" };
        let length = self.strong(&format!("{}{more}", self.view.length));
        format!("{} {asks} for {integration} access{other}: {effect}, for {length}.", self.person_first(&self.view.requestor))
    }

    /// `Alice Anderson, role analyst on main`: what a button that repeats is about.
    pub fn whose(&self) -> String {
        format!("{}, {}", self.view.principal.name, self.view.effect)
    }

    /// What an undecided extension would extend.
    pub fn extends(&self) -> Option<String> {
        let extends = self.view.extends.as_ref().filter(|_| self.view.can_decide())?;
        Some(match (extends.until, self.reader) {
            (Some(until), Reader::Approvers) if extends.on_top => format!(
                "This extends an access that ends {}; as asked, it would end {}.",
                blocks::date(until),
                self.strong(&blocks::date(until + self.view.length))
            ),
            (Some(until), Reader::Approvers) => {
                format!("This extends an access that ends {}; its own time begins when it is approved.", blocks::date(until))
            }
            (Some(until), Reader::Requestor | Reader::Principal) => {
                format!("Until somebody decides, your access ends {}.", blocks::date(until))
            }
            (None, Reader::Approvers) => "The access that this was to extend is over. Approved now, it is given anew.".to_owned(),
            (None, Reader::Requestor | Reader::Principal) => {
                "The access that this was to extend is over; you can still get it anew.".to_owned()
            }
        })
    }

    pub fn reason(&self, limit: usize) -> String {
        match self.view.reason.as_deref().map(|reason| blocks::line(reason, limit)).filter(|reason| !reason.is_empty()) {
            Some(reason) => format!("Reason: {}", ended(&reason)),
            None => "No reason was given.".to_owned(),
        }
    }

    pub fn warning(&self) -> Option<String> {
        let warning = self.view.warning.as_deref()?;
        let warning = blocks::line(warning, SENTENCE);
        Some(match self.form {
            Form::Rich => format!(":warning: *Please note:* {warning}"),
            Form::Spoken => format!("Please note: {}", ended(&warning)),
        })
    }

    /// Who may decide, while that is open.
    pub fn who_decides(&self) -> Option<String> {
        if !self.view.can_decide() {
            return None;
        }
        let policy = &self.view.policy;
        if let Some(refused) = &policy.refused {
            return Some(ended(&blocks::line(refused, SENTENCE)));
        }
        if let Some(progress) = &policy.progress {
            return Some(self.next_step(progress));
        }
        let Some(names) = self.names(&self.view.approvers) else {
            return Some(
                "Nobody can decide this now: the access policies name no approver. Ask whoever looks after them.".to_owned(),
            );
        };
        Some(match self.reader {
            Reader::Approvers => capital(&format!("{names} may decide.")),
            Reader::Requestor | Reader::Principal => format!("Waiting for {names} to decide. This message will tell you."),
        })
    }

    /// That nobody could be told, and what is to be mended.
    pub fn unreached(&self) -> Option<String> {
        let why = blocks::line(self.view.unreached.as_deref()?, SENTENCE);
        let nobody = self.strong("The approvers could not be told yet.");
        Some(format!("{nobody} Please tell whoever runs P0: {} It is tried again each minute.", ended(&why)))
    }

    /// All of them as one alternative. `None`: there are none.
    fn names(&self, approvers: &Approvers) -> Option<String> {
        let groups = approvers.groups.iter().map(|group| self.group(group));
        let people = approvers.people.iter().map(|person| self.decider(person));
        let others = approvers.others.iter().map(|other| blocks::line(other, NAME));
        Some(few(groups.chain(people).chain(others).collect(), "or")).filter(|names| !names.is_empty())
    }

    /// Several have to say yes: who did, and who has to.
    fn next_step(&self, progress: &ProgressView) -> String {
        let said = self.said_yes("said yes").map(|said| format!("{said} ")).unwrap_or_default();
        let left = progress.need.saturating_sub(progress.have);
        let more = match (left, said.is_empty()) {
            (1, true) => "One yes".to_owned(),
            (1, false) => "One more yes".to_owned(),
            (left, true) => format!("{left} yeses"),
            (left, false) => format!("{left} more yeses"),
        };
        let is = if left == 1 { "is" } else { "are" };
        let who = self.names(&progress.who).unwrap_or_else(|| "nobody, as the access policies are now".to_owned());
        let then = blocks::line(&progress.then.join(", then "), EFFECT);
        let then = if then.is_empty() { String::new() } else { format!(" After that: {}", ended(&then)) };
        format!("{said}{} {is} needed from {who}.{then}", self.strong(&more))
    }

    /// `Bob and Carol said yes.`
    fn said_yes(&self, verb: &str) -> Option<String> {
        self.yeses().map(|yes| format!("{} {verb}.", capital(&yes)))
    }

    fn yeses(&self) -> Option<String> {
        let yes = self.view.policy.said_yes.iter().map(|person| self.decider(person)).collect();
        Some(few(yes, "and")).filter(|yes| !yes.is_empty())
    }

    /// `Approved by Bob and Carol`: everybody without whose yes it would not be.
    fn approved_by(&self, by: &PersonView) -> String {
        let by = self.yeses().unwrap_or_else(|| self.decider(by));
        format!("{} by {by}", self.strong("Approved"))
    }

    /// By which rules it was asked, that they are stricter by now, that somebody was told.
    pub fn policy(&self) -> Vec<String> {
        let policy = &self.view.policy;
        let mut told = Vec::new();
        if let Some(why) = policy.at_once.as_ref().filter(|_| self.view.extends.is_none()) {
            told.push(format!("Given without asking anybody: {}", ended(&blocks::line(why, SENTENCE))));
            return told;
        }
        let rules: Vec<String> = policy.rules.iter().take(5).map(|rule| format!("\"{}\"", blocks::line(rule, NAME))).collect();
        if !rules.is_empty() {
            let word = if rules.len() == 1 { "policy" } else { "policies" };
            told.push(format!("By the access {word} {}.", rules.join(", ")));
        }
        if policy.stricter && self.view.can_decide() {
            told.push(self.strong("The access policies became stricter since this was asked; they count as they are now."));
        }
        if let Some(why) = &policy.at_once {
            let given = format!("Given at once: {}", ended(&blocks::line(why, SENTENCE)));
            told.push(if policy.emergency { self.strong(&given) } else { given });
        }
        if let Some(at) = policy.escalated_at {
            told.push(format!("Whoever is on call was told, {}.", blocks::date(at)));
        }
        told
    }

    /// What somebody gave as the reason for a decision or an end; shown as a quotation of its own.
    pub fn words(&self) -> Option<&str> {
        match &self.view.phase {
            Phase::Denied { why, .. } => why.as_deref(),
            Phase::Ending { how, why, .. } | Phase::Ended { how, why, .. } => match how {
                End::Revoked | End::Relinquished => why.as_deref(),
                End::Expired | End::Failed => None,
            },
            Phase::Asked | Phase::Withdrawn { .. } | Phase::Stale { .. } | Phase::Approved { .. } | Phase::Usable { .. } => None,
        }
    }

    /// All of it, for `text`.
    pub fn told(&self) -> Vec<String> {
        let mut told = self.told_without_words();
        if let Some(words) = self.words().map(|words| blocks::line(words, SENTENCE)).filter(|words| !words.is_empty()) {
            told.insert(told.len().min(1), format!("The reason given: {}", ended(&words)));
        }
        told
    }

    /// What has become of it, sentence by sentence. What [`Teller::words`] are about comes first.
    pub fn told_without_words(&self) -> Vec<String> {
        let you = self.me().is_some();
        let mut told = Vec::new();
        match &self.view.phase {
            Phase::Asked => {}
            Phase::Denied { by, at, why } => {
                told.push(format!("{} by {}, {}.", self.strong("Denied"), self.person(by), blocks::date(*at)));
                if you {
                    let ask =
                        if why.is_some() { "You can ask again" } else { "You can ask again, with more about why you need it" };
                    told.push(format!("{ask}, or talk to {}.", self.person(by)));
                }
                told.extend(self.said_yes("had said yes"));
            }
            Phase::Withdrawn { at } => {
                told.push(format!(
                    "{} took it back, {}. Nobody needs to decide.",
                    self.person_first(&self.view.requestor),
                    blocks::date(*at)
                ));
            }
            Phase::Stale { at } => {
                told.push(format!("{}, so it was closed {}.", self.strong("Nobody decided in time"), blocks::date(*at)));
                told.extend(you.then(|| "Ask again if you still need it.".to_owned()));
            }
            Phase::Approved { by, at, length, trouble, usable_by } => {
                let on_top = self.view.extends.as_ref().is_some_and(|extends| extends.on_top);
                let from = if on_top { "more" } else { "once it works" };
                let length = self.strong(&format!("for {length} {from}"));
                told.push(format!("{}, {}: {length}.", self.approved_by(by), blocks::date(*at)));
                match trouble {
                    None if on_top => told.push("It is being set up now.".to_owned()),
                    None => told.push("It is being set up now; the time starts when it works.".to_owned()),
                    Some(trouble) => told.push(format!(
                        "{} {} It is tried again until {}; the time starts when it works.",
                        self.strong("It does not work yet:"),
                        ended(&blocks::line(trouble, SENTENCE)),
                        blocks::date(*usable_by)
                    )),
                }
            }
            Phase::Usable { by, at, since, until, connect: _, standing } => {
                self.usable(&mut told, by, *at, *since, *until, *standing)
            }
            Phase::Ending { how, by, at, why, trouble, stuck } => {
                told.push(self.how_it_ended(*how, by.as_ref(), *at, why.as_deref()));
                if *stuck {
                    told.push(self.strong("It should be gone by now, and no check has shown that it is."));
                    told.push("The removal is tried again until it is gone; the reviewers are told.".to_owned());
                } else if *how == End::Failed {
                    told.push("Whatever was done for it is being taken away.".to_owned());
                } else {
                    told.push("The access is being taken away.".to_owned());
                }
                let news = trouble.as_deref().filter(|trouble| why.as_deref().is_none_or(|why| !why.contains(trouble)));
                told.extend(news.map(|trouble| format!("The last try said: {}", ended(&blocks::line(trouble, SENTENCE)))));
                if *how == End::Failed {
                    told.push(self.what_to_do(why.as_deref()));
                }
                told.extend(self.stays());
            }
            Phase::Ended { how, by, at, why, left, sessions_until } => {
                told.push(self.how_it_ended(*how, by.as_ref(), *at, why.as_deref()));
                told.push(self.left(left));
                told.extend(sessions_until.filter(|until| self.now < *until).map(|until| {
                    format!("Sessions that were open could not be closed; they end {} at the latest.", blocks::date(until))
                }));
                if *how == End::Failed {
                    told.push(self.what_to_do(why.as_deref()));
                }
            }
        }
        told
    }

    fn usable(&self, told: &mut Vec<String>, by: &PersonView, at: Time, since: Time, until: Time, standing: bool) {
        let has = self.person_first(&self.view.principal);
        let approved = format!("{}, {}.", self.approved_by(by), blocks::date(at));
        if standing {
            told.push(approved);
            told.push(format!("{has} had this access before, so nothing was granted and nothing will be taken away."));
            return;
        }
        if until <= self.now {
            told.push(approved);
            told.push("The time is up; the access is being taken away.".to_owned());
            return;
        }
        if self.view.missing {
            told.push(self.strong("It does not work any more: somebody took it away outside P0."));
            told.push(match self.reader {
                Reader::Requestor | Reader::Principal => "It is not put back. Ask again if you still need it.".to_owned(),
                Reader::Approvers => "It is not put back; whoever needs it asks again.".to_owned(),
            });
            told.push(approved);
            return;
        }
        let until = self.strong(&format!("until {}", blocks::date(until)));
        if self.me() == Some(&self.view.principal.id) {
            told.push(format!("You can use it now, {until}."));
            told.push(approved);
        } else {
            told.push(approved);
            let has = self.person(&self.view.principal);
            told.push(format!("In use by {has} since {}, {until}.", blocks::date(since)));
        }
        told.extend(self.stays());
    }

    fn stays(&self) -> Option<String> {
        let until = self.view.stays_until?;
        Some(match self.view.extended {
            true => format!("It was extended: the access stays until {}.", blocks::date(until)),
            false => format!("Another request keeps the same access until {}.", blocks::date(until)),
        })
    }

    fn how_it_ended(&self, how: End, by: Option<&PersonView>, at: Time, why: Option<&str>) -> String {
        let at = blocks::date(at);
        match (how, by) {
            (End::Expired, _) => format!("{}, {at}.", self.strong("The time is up")),
            (End::Relinquished, by) => {
                let by = by.unwrap_or(&self.view.requestor);
                format!("{} {}, {at}.", self.person_first(by), self.strong("gave it back"))
            }
            (End::Revoked, Some(by)) => format!("{} {}, {at}.", self.person_first(by), self.strong("revoked it")),
            (End::Revoked, None) => format!("It was {}, {at}.", self.strong("revoked")),
            (End::Failed, _) => match why.map(|why| why.strip_prefix(NOT_IN_TIME).ok_or(why)) {
                Some(Ok(said)) if !said.trim().is_empty() => {
                    let said = ended(&blocks::line(said, SENTENCE));
                    format!("{} The last try said: {said}", self.strong("It could not be set up in time."))
                }
                Some(Ok(_)) => self.strong("It could not be set up in time."),
                Some(Err(why)) => {
                    format!("{}: {}", self.strong("It could not be set up"), ended(&blocks::line(why, SENTENCE)))
                }
                None => format!("{}.", self.strong("It could not be set up")),
            },
        }
    }

    /// What helps after a failure: time and whoever runs things, or another ask.
    fn what_to_do(&self, why: Option<&str>) -> String {
        let asks = match self.reader {
            Reader::Requestor | Reader::Principal => "Ask again".to_owned(),
            Reader::Approvers => format!("{} can ask again", self.person_first(&self.view.requestor)),
        };
        if why.is_none_or(|why| why.starts_with(NOT_IN_TIME)) {
            format!("{asks} once that is put right; an operator of P0 finds more in its log.")
        } else {
            format!("Trying the same again does not help. {asks} once that is put right, or for something else.")
        }
    }

    fn left(&self, left: &Left) -> String {
        match left {
            Left::Gone { at } => format!("The access is gone; that was checked {}.", blocks::date(*at)),
            Left::Nothing => "Nothing was granted, and nothing is left behind.".to_owned(),
            // Not until when: that may be extended again, and what is over is not told anew each time.
            Left::Kept if self.view.extended => format!("{}: it was extended.", self.strong("The access itself goes on")),
            Left::Kept => match self.view.stays_until {
                Some(until) => {
                    format!("{} until {}: another request holds it.", self.strong("The access itself stays"), blocks::date(until))
                }
                None => format!("{}: another request holds it.", self.strong("The access itself stays")),
            },
            Left::Standing => "The access was there before this request, so it stays.".to_owned(),
            Left::Unproven { why } => format!(
                "{} The record was closed by hand. {}",
                self.strong("Nobody saw the access gone; check it in the target."),
                ended(&blocks::line(why, SENTENCE))
            ),
            Left::Elsewhere { by } => {
                let by = blocks::line(by, NAME);
                format!("What this request gave is gone. {}: {by} gives the same.", self.strong("The access itself stays"))
            }
        }
    }

    /// What a revocation means, for the question before it.
    pub fn what_revoking_does(&self) -> String {
        let (name, effect) = (&self.view.principal.name, &self.view.effect);
        match (&self.view.phase, self.view.stays_until) {
            (Phase::Usable { standing: true, .. }, _) => {
                format!("The request ends. {name} had {effect} before, so the access stays.")
            }
            (_, Some(_)) => format!("The request ends. {name} keeps {effect}, because another request holds it."),
            (_, None) => format!("{name} loses {effect} now."),
        }
    }

    pub fn what_revoking_all_does(&self) -> String {
        format!(
            "{} loses {} now: this request and every other one that holds it ends.",
            self.view.principal.name, self.view.effect
        )
    }

    pub fn strong(&self, text: &str) -> String {
        match self.form {
            Form::Rich => format!("*{text}*"),
            Form::Spoken => text.to_owned(),
        }
    }

    /// Whoever decides, and in whose place if not their own.
    fn decider(&self, person: &PersonView) -> String {
        let place = self.view.policy.in_place.iter().find(|(id, _)| *id == person.id);
        let place = place.map(|(_, place)| format!(" (in for {})", blocks::line(place, NAME / 4)));
        format!("{}{}", self.person(person), place.unwrap_or_default())
    }

    fn person(&self, person: &PersonView) -> String {
        if self.me() == Some(&person.id) {
            return "you".to_owned();
        }
        let mention = person.handle.as_deref().filter(|_| self.form == Form::Rich).and_then(blocks::mention);
        mention.unwrap_or_else(|| blocks::line(&person.name, NAME))
    }

    /// Who reads this, where that is one person.
    fn me(&self) -> Option<&PersonId> {
        match self.reader {
            Reader::Approvers => None,
            Reader::Requestor => Some(&self.view.requestor.id),
            Reader::Principal => Some(&self.view.principal.id),
        }
    }

    /// At the beginning of a sentence.
    fn person_first(&self, person: &PersonView) -> String {
        let name = self.person(person);
        if name == "you" { "You".to_owned() } else { name }
    }

    fn group(&self, group: &GroupView) -> String {
        if group.directory == "slack"
            && self.form == Form::Rich
            && let Some(mention) = blocks::mention_group(&group.id)
        {
            return mention;
        }
        match &group.label {
            Some(label) => format!("somebody of {}", blocks::line(label, NAME)),
            None if group.directory == "slack" => "the Slack group of approvers".to_owned(),
            None => format!("the {} group {}", blocks::line(&group.directory, NAME), blocks::line(&group.id, NAME)),
        }
    }
}

/// An address stays as it is.
fn capital(text: &str) -> String {
    if text.split(' ').next().is_some_and(|word| word.contains('@')) {
        return text.to_owned(); // an e-mail address, or a mention
    }
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// Ends a sentence that may not have an end.
pub(super) fn ended(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// `Alice, Bob and Carol`; beyond a few, how many more.
fn few(mut names: Vec<String>, word: &str) -> String {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} {word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_sentence_begins_with_a_capital_but_no_address_does() {
        assert_eq!(super::capital("the group admins may decide."), "The group admins may decide.");
        assert_eq!(super::capital("bob@acme.example or Carol may decide."), "bob@acme.example or Carol may decide.");
    }
}
