//! What somebody may ask for at all: forms, type-ahead and `ls` show this and nothing else. It decides
//! nothing: the ask itself is judged anew.

use std::cell::RefCell;
use std::sync::Arc;

use super::{Desk, Result};
use crate::catalog::form::Draft;
use crate::catalog::index::Place;
use crate::catalog::{AccessType, Catalog, Index, Integration, Look, Lookup};
use crate::domain::access::{Args, Attributes, Choice};
use crate::domain::person::Person;
use crate::policy::Offer;
use crate::policy::offer::Partly;

/// The catalog and its choices, as far as some rule lets one person ask for them.
pub struct Offers {
    pub catalog: Arc<Catalog>,
    whole: Arc<Catalog>,
    index: Arc<Index>,
    offer: Offer,
}

impl Desk {
    /// What this person may ask for. Of a rule nobody can say whether it is for them it shows what it would.
    pub async fn offers(&self, person: &Person) -> Result<Offers> {
        let rules = self.limits().await?;
        let who = self.whole(person).await?;
        let facts = self.sources().look_up(rules.policy.needs_to_offer(), &who).await;
        let offer = rules.policy.offer(&who, &facts);
        Ok(Offers::new(offer, self.catalog(), self.inner.index.clone()))
    }
}

fn names(access: &AccessType) -> Vec<&str> {
    access.args.iter().map(|arg| arg.name.as_str()).collect()
}

fn partly<'a>(
    integration: &'a Integration,
    access: &'a AccessType,
    attributes: &'a Attributes,
    names: &'a [&'a str],
) -> Partly<'a> {
    Partly {
        integration: &integration.name,
        also: &integration.aliases,
        access_type: Some((&access.name, access.risk)),
        attributes,
        will_have: names,
    }
}

/// The choices of one argument, judged one by one.
struct Judge<'a> {
    integration: &'a Integration,
    access: &'a AccessType,
    arg: &'a str,
    names: Vec<&'a str>,
    offer: Offer,
    /// What is known of the other arguments, and the choice that is looked at: filled in anew for each.
    attributes: RefCell<Attributes>,
}

impl Judge<'_> {
    fn allows(&self, value: &str) -> bool {
        let mut attributes = self.attributes.borrow_mut();
        if let Some(keys) = attributes.get_mut(self.arg) {
            for of_key in keys.values_mut().filter_map(|values| values.first_mut()) {
                of_key.clear();
                of_key.push_str(value);
            }
        }
        self.offer.allows(&partly(self.integration, self.access, &attributes, &self.names))
    }
}

impl Offers {
    /// As much of a catalog and its choices as an offer allows.
    pub fn new(offer: Offer, whole: Arc<Catalog>, index: Arc<Index>) -> Offers {
        let none = Attributes::new();
        let allowed =
            |integration: &Integration, access: &AccessType| offer.allows(&partly(integration, access, &none, &names(access)));
        let catalog = Arc::new(whole.only_where(&allowed));
        Offers { catalog, whole, index, offer }
    }

    /// Does every rule that could let them have this want a reason?
    pub fn needs_reason(&self, draft: &Draft) -> bool {
        let integration = draft.integration.as_deref().and_then(|name| self.catalog.get(name));
        let named = draft.access_type.as_deref();
        let access = integration.and_then(|it| named.and_then(|name| it.access_type(name)).or_else(|| it.only_access_type()));
        let Some((integration, access)) = integration.zip(access) else { return false };
        let mut attributes = Catalog::attributes(access, &draft.values);
        attributes.retain(|name, _| draft.values.contains_key(name));
        self.offer.needs_reason(&partly(integration, access, &attributes, &names(access)))
    }

    /// Every argument that takes its choices from this source, ready to judge them.
    fn judges(&self, integration: &str, source: &str, given: &Args) -> Vec<Judge<'_>> {
        let Some(integration) = self.whole.get(integration) else { return Vec::new() };
        let takes = |access: &'_ AccessType| {
            let of = |arg: &&crate::catalog::Arg| arg.source().is_some_and(|of| of.source == source);
            access.args.iter().filter(of).map(|arg| arg.name.clone()).collect::<Vec<_>>()
        };
        let mut judges = Vec::new();
        for access in &integration.access {
            for name in takes(access) {
                let Some(arg) = access.arg(&name) else { continue };
                let names = names(access);
                let mut known = given.clone();
                known.insert(name, String::new());
                let mut attributes = Catalog::attributes(access, &known);
                attributes.retain(|name, _| known.contains_key(name));
                let others: Attributes =
                    attributes.iter().filter(|(of, _)| **of != arg.name).map(|(of, it)| (of.clone(), it.clone())).collect();
                let offer = self.offer.narrowed(&partly(integration, access, &others, &names)).into_owned();
                judges.push(Judge { integration, access, arg: &arg.name, names, offer, attributes: RefCell::new(attributes) });
            }
        }
        judges
    }
}

impl Lookup for Offers {
    fn look(&self, integration: &str, source: &str, given: &Args, value: &str) -> Look {
        // What is there and not for them is refused by the policies, with the reason.
        self.index.look(integration, source, given, value)
    }

    fn few(&self, integration: &str, source: &str, given: &Args, most: usize) -> Option<Vec<Choice>> {
        let few = self.index.few(integration, source, given, most)?;
        let judges = self.judges(integration, source, given);
        Some(few.into_iter().filter(|choice| judges.iter().any(|judge| judge.allows(&choice.value))).collect())
    }

    fn find(&self, integration: &str, source: &str, given: &Args, query: &str, limit: usize) -> Vec<Choice> {
        let judges = self.judges(integration, source, given);
        let keep = |choice: &Choice| judges.iter().any(|judge| judge.allows(&choice.value));
        self.index.find_where(Place { integration, source, given }, query, limit, &keep)
    }

    fn nearest(&self, integration: &str, source: &str, given: &Args, value: &str) -> Option<String> {
        self.index.nearest(integration, source, given, value)
    }
}
