//! The options that belong to a command and not to an access type: for whom, why, for how long, when.

use std::collections::BTreeMap;
use std::ops::Range;

use super::options::{APPROVED, BREAK_GLASS, Opt, PRINCIPAL_TYPE, Parts, Value};
use super::resolve::{Reader, meant};
use super::{Draft, Mistake};
use crate::catalog::args::{person, sentence};
use crate::catalog::form::{DURATION, END, LENGTH, Purpose, REASON, START, TO};
use crate::catalog::lookup::nearest;
use crate::domain::time::{Span, Time};

/// Where in the line the value of an option or an argument stands.
pub(super) type Places = BTreeMap<String, Range<usize>>;

const PRINCIPAL_TYPES: [&str; 3] = ["user", "group", "service-account"];

/// The options that a purpose has beside those of an access type.
pub(super) fn names(purpose: Purpose) -> &'static [&'static str] {
    match purpose {
        Purpose::Request => &[REASON, DURATION, BREAK_GLASS, APPROVED, "help"],
        Purpose::Grant => &[TO, PRINCIPAL_TYPE, REASON, DURATION, "help"],
        Purpose::Allow => &[TO, START, END, LENGTH, DURATION, "request-duration", REASON, "help"],
    }
}

impl Reader<'_> {
    /// Puts the common options of a purpose into the draft, and gives the others.
    pub(super) fn common<'o>(
        self,
        parts: &'o Parts,
        draft: &mut Draft,
        places: &mut Places,
        more: &str,
    ) -> Result<Vec<&'o Opt>, Mistake> {
        let mut own = Vec::new();
        let mut window = draft.window.unwrap_or_default();
        for option in &parts.options {
            let name = option.name.as_str();
            if name == TO && draft.purpose == Purpose::Request {
                return Err(self.for_another(parts, option, more));
            }
            if !names(draft.purpose).contains(&name) {
                own.push(option);
                continue;
            }
            if [BREAK_GLASS, APPROVED].contains(&name) {
                self.alone(option, more)?;
                draft.break_glass |= name == BREAK_GLASS;
                draft.only_at_once |= name == APPROVED;
                continue;
            }
            let value = self.value(option, places, more)?;
            match name {
                REASON => draft.reason = Some(value.text.clone()).filter(|reason| !reason.trim().is_empty()),
                DURATION => draft.duration = Some(self.span(value, more)?),
                TO => draft.to = Some(self.person(value, more)?),
                PRINCIPAL_TYPE => self.principal_type(value, more)?,
                START => window.start = Some(self.time(option, value, more)?),
                END => window.end = Some(self.time(option, value, more)?),
                LENGTH => window.length = Some(self.span(value, more)?),
                _ => own.push(option),
            }
            if window.end.is_some() && window.length.is_some() {
                return Err(self.mistake(&option.span, "Give --end or --length, not both.", more));
            }
            places.insert(option.name.clone(), value.span.clone());
        }
        if let Some(why) = window.wrong() {
            let place = places.get(END).cloned().unwrap_or_default();
            return Err(self.mistake(&place, why, more));
        }
        draft.window = window.known();
        Ok(own)
    }

    /// `request ... --to x` is the same with `grant`.
    fn for_another(self, parts: &Parts, option: &Opt, more: &str) -> Mistake {
        let told = "A request is for oneself; to ask for somebody else, begin with \"grant\".";
        let verb = parts.values.first().and_then(|verb| self.with(&verb.span, Purpose::Grant.as_str()));
        Mistake { instead: verb, ..self.mistake(&option.span, told, more) }
    }

    /// An option that takes no value.
    fn alone(self, option: &Opt, more: &str) -> Result<(), Mistake> {
        let Some(value) = &option.value else { return Ok(()) };
        let told = format!("--{} takes no value; write it alone.", option.name);
        let instead = self.with(&(option.span.start..value.span.end), &format!("--{}", option.name));
        Err(Mistake { instead, ..self.mistake(&value.span, told, more) })
    }

    pub(super) fn span(self, value: &Value, more: &str) -> Result<Span, Mistake> {
        Span::parse(&value.text).map_err(|bad| self.mistake(&value.span, sentence(&bad.to_string()), more))
    }

    pub(super) fn time(self, option: &Opt, value: &Value, more: &str) -> Result<Time, Mistake> {
        let told = |bad| format!("Invalid date for --{}: {bad}.", option.name);
        Time::parse(&value.text).map_err(|bad| self.mistake(&value.span, told(bad), more))
    }

    pub(super) fn person(self, value: &Value, more: &str) -> Result<String, Mistake> {
        match &value.person {
            Some(id) => Ok(format!("<@{id}>")),
            None => person(value.text.trim()).map_err(|why| self.mistake(&value.span, why, more)),
        }
    }

    fn principal_type(self, value: &Value, more: &str) -> Result<(), Mistake> {
        let known = PRINCIPAL_TYPES.iter().find(|known| value.text.replace('_', "-").eq_ignore_ascii_case(known));
        match known {
            Some(&"user") => Ok(()),
            Some(_) => Err(self.mistake(&value.span, "Only people can be given access here yet.", more)),
            None => {
                let near = nearest(&value.text, PRINCIPAL_TYPES);
                let hint = near.map_or_else(|| "; choose user.".to_owned(), |near| meant(Some(near)));
                let told = format!("There is no principal type \"{}\"{hint}", value.text);
                Err(self.replace(self.mistake(&value.span, told, more), near))
            }
        }
    }
}
