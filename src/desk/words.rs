//! What somebody typed, understood: every surface that takes a line of text comes in here.

use super::{Desk, Offers, Result};
use crate::catalog::form::Draft;
use crate::catalog::{Lookup, help};
use crate::command::{self, Away, Command};
use crate::domain::access::{Access, Args};
use crate::domain::person::Person;
use crate::domain::time::Time;

/// A value is looked for among so many that are like it.
const OFFERED: usize = 100;

/// What a line of text means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// All is there: submit it, or allow it, as its purpose says.
    Request(Draft),
    /// Something is missing: show the form with what there is.
    Form(Draft),
    /// Somebody else is to decide meanwhile, named as in a draft; nobody named: tell how it is.
    Away { to: Option<String>, until: Option<Time> },
    /// They decide themselves again.
    Back,
    /// Help, a list, or what was typed wrong: to be shown in one width of letters.
    Text(String),
}

impl Said {
    /// Somebody else who is named in it: an e-mail address, or the surface's own id as `<@id>`.
    pub fn whom(&self) -> Option<&str> {
        match self {
            Said::Request(draft) => draft.to.as_deref(),
            Said::Away { to, .. } => to.as_deref(),
            Said::Form(_) | Said::Back | Said::Text(_) => None,
        }
    }
}

impl Desk {
    /// Understands a line. `program` is what people type to reach us: `/p0` in Slack, `p0` in a shell.
    /// `offers`: what the person may ask for, which is what lists show.
    pub fn read(&self, program: &str, line: &str, offers: Option<&Offers>) -> Said {
        let catalog = self.catalog();
        let offered = offers.map_or(&*catalog, |offers| &*offers.catalog);
        let context = command::Context { catalog: &catalog, offered, lookup: self.index(), program };
        match command::resolve(context, line) {
            Ok(Command::Request(complete)) => Said::Request(complete.into()),
            Ok(Command::Form { draft, .. }) => Said::Form(draft),
            Ok(Command::Away(Away { to, until, length })) => {
                Said::Away { to, until: until.or_else(|| length.map(|length| self.now() + length)) }
            }
            Ok(Command::Back) => Said::Back,
            Ok(Command::Ls(ls)) => {
                let (choices, more) = match offers {
                    Some(offers) => help::values(&offers.catalog, offers, &ls),
                    None => help::values(&catalog, self.index(), &ls),
                };
                Said::Text(help::ls_values(&ls, &choices, more))
            }
            Ok(Command::Help(text)) => Said::Text(text),
            Err(mistake) => Said::Text(mistake.render()),
        }
    }

    /// The form for what would have spared somebody an error that they pasted as a line: one that names nothing
    /// that can be asked for.
    pub async fn cure_line(&self, person: &Person, line: &str) -> Result<Option<Draft>> {
        let mut words = line.split_whitespace().skip_while(|word| ["request", "grant", "allow"].contains(word));
        let catalog = self.catalog();
        if words.next().is_none_or(|first| catalog.get(first).is_some() || ["ls", "help", "away", "back"].contains(&first)) {
            return Ok(None);
        }
        self.cure(person, line).await
    }

    /// The form for what would have spared somebody an error, as far as they may ask for it.
    pub async fn cure(&self, person: &Person, text: &str) -> Result<Option<Draft>> {
        let offers = self.offers(person).await?;
        let Some(mut draft) = offers.catalog.cure(text, self.index()) else { return Ok(None) };
        let access = Access {
            integration: draft.integration.clone().unwrap_or_default(),
            access_type: draft.access_type.clone().unwrap_or_default(),
            args: Args::new(),
        };
        let Some((integration, access_type)) = offers.catalog.find(&access) else { return Ok(None) };
        for (arg, source) in access_type.args.iter().filter_map(|arg| Some((arg, arg.source()?))) {
            let Some(value) = draft.values.get(&arg.name) else { continue };
            let offered = offers.find(&integration.name, &source.source, &source.given(&draft.values), value, OFFERED);
            if !offered.iter().any(|choice| choice.value == *value) {
                draft.values.remove(&arg.name);
            }
        }
        Ok(Some(draft))
    }
}
