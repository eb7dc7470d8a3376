//! `away` and `back`: who decides in one's place meanwhile.

use super::common::Places;
use super::options::{Parts, Value};
use super::resolve::Reader;
use super::{Command, Mistake};
use crate::catalog::form::{LENGTH, TO};
use crate::domain::time::{Span, Time};

const UNTIL: &str = "until";

/// Somebody else decides meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Away {
    /// An e-mail address, or the surface's own id as `<@id>`. `None`: tell how it is.
    pub to: Option<String>,
    /// `None`: the length says it, or it is until one is back.
    pub until: Option<Time>,
    pub length: Option<Span>,
}

impl Reader<'_> {
    pub(super) fn away(self, parts: &Parts) -> Result<Command, Mistake> {
        const MORE: &str = "away --help";
        let (mut away, mut places) = (Away::default(), Places::new());
        for option in &parts.options {
            if ![TO, UNTIL, LENGTH].contains(&option.name.as_str()) {
                return Err(self.no_such(option, [TO, UNTIL, LENGTH, "help"], MORE));
            }
            let value = self.value(option, &places, MORE)?;
            match option.name.as_str() {
                TO => away.to = Some(self.person(value, MORE)?),
                UNTIL => away.until = Some(self.time(option, value, MORE)?),
                _ => away.length = Some(self.span(value, MORE)?),
            }
            if away.until.is_some() && away.length.is_some() {
                return Err(self.mistake(&option.span, "Give --until or --length, not both.", MORE));
            }
            places.insert(option.name.clone(), value.span.clone());
        }
        self.nothing_more(parts, MORE)?;
        match parts.options.first() {
            Some(option) if away.to.is_none() => {
                let told = "Say who decides in your place: add --to and an e-mail address or a mention.";
                Err(self.mistake(&option.span, told, MORE))
            }
            Some(_) | None => Ok(Command::Away(away)),
        }
    }

    pub(super) fn back(self, parts: &Parts) -> Result<Command, Mistake> {
        const MORE: &str = "back --help";
        if let Some(option) = parts.options.first() {
            return Err(self.no_such(option, ["help"], MORE));
        }
        self.nothing_more(parts, MORE)?;
        Ok(Command::Back)
    }

    /// No word stands after the first.
    fn nothing_more(self, parts: &Parts, more: &str) -> Result<(), Mistake> {
        let words: Vec<&Value> = parts.values.iter().skip(1).collect();
        match words.first() {
            Some(word) => Err(self.superfluous(word, &words, parts, more)),
            None => Ok(()),
        }
    }
}
