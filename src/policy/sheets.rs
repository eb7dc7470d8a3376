//! A policy that stands in several files: each is a list of rules, or has the keys of the `policy:` section.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use super::wire::write_span;
use super::{Holders, Policy, Written};
use crate::yaml::{BadYaml, Section};

/// What stands in one of them.
pub(super) struct Sheet {
    pub section: Section,
    pub written: Written,
}

/// A list of rules is a mapping that has nothing else.
struct Either(Written);

impl<'de> Deserialize<'de> for Either {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Either, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Either;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of rules, or keys like `rules:` and `securityReviewers:`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Either, A::Error> {
                let rules = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Either(Written { rules: Some(rules), ..Written::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either, A::Error> {
                Written::deserialize(MapAccessDeserializer::new(map)).map(Either)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Reads each. One in which nothing stands says nothing.
pub(super) fn read(files: &[Section]) -> Result<Vec<Sheet>, BadYaml> {
    let mut sheets = Vec::new();
    for section in files {
        if let Some(Either(written)) = section.read()? {
            sheets.push(Sheet { section: section.clone(), written });
        }
    }
    Ok(sheets)
}

/// What stands under a key, and where. Two files that both have it contradict each other.
pub(super) fn one<'a, T>(
    sheets: &'a [Sheet],
    key: &str,
    of: fn(&Written) -> Option<&T>,
) -> Result<Option<(&'a Section, &'a T)>, BadYaml> {
    let mut found: Option<(&Section, &T)> = None;
    for sheet in sheets {
        let Some(value) = of(&sheet.written) else { continue };
        if let Some((before, _)) = found {
            return Err(sheet.section.problem(format!("`{key}` stands in {} already; keep one", before.file())));
        }
        found = Some((&sheet.section, value));
    }
    Ok(found)
}

/// Where each rule stands: `policies/aws.yaml:12`.
pub fn places(files: &[Section]) -> Result<BTreeMap<String, String>, BadYaml> {
    let mut places = BTreeMap::new();
    for Sheet { section, written } in read(files)? {
        for rule in written.rules.into_iter().flatten() {
            places.insert(rule.value.name.trim().to_owned(), format!("{}:{}", section.file(), rule.referenced.line()));
        }
    }
    Ok(places)
}

impl Policy {
    /// Everything, as it would stand in one file.
    pub fn written(&self) -> Map<String, Value> {
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| drop(all.insert(key.to_owned(), value));
        let roles = [("approvers", &self.approvers), ("securityReviewers", &self.reviewers), ("owners", &self.owners)];
        for (key, holders) in roles.into_iter().filter(|(_, holders)| !holders.is_empty()) {
            let Holders { people, groups } = holders;
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            put(key, json!({ "people": people, "groups": groups }));
        }
        if self.rules.is_empty() {
            put("allowOneParty", self.allow_one_party.into());
            put("requireReason", self.require_reason.into());
        }
        for (key, span) in [("longest", self.longest), ("standing", self.standing), ("approvable", self.approvable)] {
            put(key, write_span(span).into());
        }
        put("durations", self.durations.iter().copied().map(write_span).collect());
        put("allowance", write_span(self.allowance).into());
        put("openRequests", self.open_requests.into());
        if let Some(most) = self.at_once {
            put("extensions", json!({ "atOnce": write_span(most) }));
        }
        if !self.rules.is_empty() {
            put("rules", json!(self.rules));
        }
        all
    }
}
