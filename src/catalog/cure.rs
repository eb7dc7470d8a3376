//! From an error that somebody pasted to the access that would have helped: the patterns that manifests declare
//! under `cures`. What comes of it is a form that is filled in, never a request.

use super::{Catalog, Lookup};
use crate::catalog::draft::Draft;
use crate::domain::access::Args;

/// No text is read further.
const LONGEST: usize = 8_000;
/// So much of it becomes the reason.
const REASON: usize = 300;

/// An error that an access type cures.
#[derive(Debug, Clone)]
pub struct Cure {
    /// Stands somewhere in the text. A group that has the name of an argument is its value; by the others the
    /// arguments of `fill` are looked up.
    pub error: regex::Regex,
    /// Arguments, each with the source that knows its value by what the error names.
    pub fill: Vec<(String, String)>,
}

impl Cure {
    /// The arguments that the text names or lets look up. `None`: it is another error.
    fn values(&self, text: &str, integration: &str, args: &[super::Arg], lookup: &dyn Lookup) -> Option<Args> {
        let found = self.error.captures(text)?;
        let named: Args = self
            .error
            .capture_names()
            .flatten()
            .filter_map(|name| Some((name.to_owned(), found.name(name)?.as_str().to_owned())))
            .collect();
        let is_arg = |name: &String| args.iter().any(|arg| arg.name == *name);
        let mut values: Args =
            named.iter().filter(|(name, _)| is_arg(name)).map(|(name, it)| (name.clone(), it.clone())).collect();
        for (arg, source) in &self.fill {
            // Of several, whoever asks knows which is meant.
            if let [only] = lookup.find(integration, source, &named, "", 2).as_slice() {
                values.insert(arg.clone(), only.value.clone());
                values.extend(only.given.iter().filter(|(name, _)| is_arg(name)).map(|(name, it)| (name.clone(), it.clone())));
            }
        }
        Some(values)
    }
}

impl Catalog {
    /// The smallest access that cures an error in this text, as far as that can be told, with the error as the
    /// reason. `None`: there is no error in it that is known.
    pub fn cure(&self, text: &str, lookup: &dyn Lookup) -> Option<Draft> {
        let text: String = text.chars().take(LONGEST).collect();
        for integration in self.integrations() {
            for access_type in &integration.access {
                for cure in &access_type.cures {
                    let Some(values) = cure.values(&text, &integration.name, &access_type.args, lookup) else { continue };
                    let line = text.lines().find(|line| cure.error.is_match(line)).unwrap_or(&text);
                    return Some(Draft {
                        integration: Some(integration.name.clone()),
                        access_type: Some(access_type.name.clone()),
                        values,
                        reason: Some(line.trim().chars().take(REASON).collect()),
                        ..Draft::default()
                    });
                }
            }
        }
        None
    }
}
