//! People and groups out of one YAML file: for a small office, and for whoever writes such a file by a job.
//!
//! Groups may be in groups, and in a circle. Who is in each is worked out when the file is read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::Directory;
use crate::domain::directory::{Group, Members, Profile};
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::person::{Email, Handle};
use crate::domain::zone::Zone;
use crate::fresh::Fresh;
use crate::yaml::{BadYaml, Section, Spanned};

/// The attribute of a profile that has the manager's address.
const MANAGER: &str = "manager";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    people: Vec<WrittenPerson>,
    #[serde(default)]
    groups: Vec<WrittenGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPerson {
    email: Spanned<Email>,
    name: Option<String>,
    manager: Option<Email>,
    zone: Option<Spanned<String>>,
    /// Their id there, for those whose address there is another: `U0ALICE`, or `T0123/U0ALICE`.
    slack: Option<Spanned<String>>,
    #[serde(default)]
    properties: BTreeMap<String, Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup {
    id: Spanned<String>,
    label: Option<String>,
    #[serde(default)]
    members: Vec<Email>,
    /// The groups that are in it.
    #[serde(default)]
    groups: Vec<Spanned<String>>,
}

/// What the file says.
struct People {
    profiles: BTreeMap<Email, Profile>,
    /// Whose an account on a surface is. One without a realm is theirs in every realm.
    owners: BTreeMap<Handle, Email>,
    groups: BTreeMap<String, Known>,
}

struct Known {
    label: String,
    members: Arc<Members>,
}

pub fn build(name: &str, section: &Section, outside: Arc<dyn Outside>) -> Result<Arc<dyn Directory>, BadYaml> {
    Ok(Arc::new(FileDirectory { name: name.to_owned(), file: Fresh::open(section, read, outside)? }))
}

struct FileDirectory {
    name: String,
    file: Fresh<People>,
}

#[async_trait]
impl Directory for FileDirectory {
    async fn members(&self, group: &str) -> Result<Arc<Members>, Fault> {
        let people = self.file.now().await?;
        let unknown = || Fault::never(format!("There is no group \"{group}\" in the file {}.", self.file.name()));
        people.groups.get(group).map(|known| known.members.clone()).ok_or_else(unknown)
    }

    async fn profile(&self, email: &Email) -> Result<Option<Profile>, Fault> {
        Ok(self.file.now().await?.profiles.get(email).cloned())
    }

    async fn owner(&self, handle: &Handle) -> Result<Option<Email>, Fault> {
        let people = self.file.now().await?;
        let anywhere = Handle { realm: String::new(), ..handle.clone() };
        Ok(people.owners.get(handle).or_else(|| people.owners.get(&anywhere)).cloned())
    }

    async fn groups(&self) -> Result<Option<Vec<(Group, String)>>, Fault> {
        let people = self.file.now().await?;
        let group = |id: &String| Group { directory: self.name.clone(), id: id.clone() };
        Ok(Some(people.groups.iter().map(|(id, known)| (group(id), known.label.clone())).collect()))
    }
}

fn read(file: &Section) -> Result<People, BadYaml> {
    let Some(written) = file.read::<Written>()? else {
        return Err(file.problem("nothing stands in it; write `people:` and `groups:`"));
    };
    let (mut profiles, mut owners) = (BTreeMap::new(), BTreeMap::new());
    for person in written.people {
        let email = person.email.value.clone();
        if let Some(account) = &person.slack {
            let handle = slack(&account.value).ok_or_else(|| {
                file.mistake(
                    account,
                    format!("\"{}\" is not somebody's id in Slack; write U0123ABCD, or T0123ABCD/U0123ABCD", account.value),
                )
            })?;
            if let Some(other) = owners.insert(handle, email.clone()) {
                return Err(file.mistake(account, format!("this account is {other}'s already; it can be one person's")));
            }
        }
        if profiles.contains_key(&email) {
            return Err(file.mistake(&person.email, format!("{email} stands here twice; keep one")));
        }
        profiles.insert(email, profile(file, person)?);
    }
    Ok(People { profiles, owners, groups: groups(file, written.groups)? })
}

fn profile(file: &Section, person: WrittenPerson) -> Result<Profile, BadYaml> {
    let zone = person.zone.as_ref().map(|zone| {
        let known = Zone::parse(&zone.value).map(|zone| zone.name().to_owned());
        known.ok_or_else(|| file.mistake(zone, format!("there is no time zone \"{}\"; write one like Europe/Berlin", zone.value)))
    });
    if let Some(manager) = person.properties.get(MANAGER) {
        return Err(file.mistake(manager, "write `manager:` beside `email:`, not among the properties"));
    }
    let mut properties: BTreeMap<String, String> = person.properties.into_iter().map(|(key, it)| (key, it.value)).collect();
    properties.extend(person.manager.map(|manager| (MANAGER.to_owned(), manager.to_string())));
    Ok(Profile { name: person.name, zone: zone.transpose()?, properties })
}

/// Somebody's account in Slack: `U0ALICE`, or with its workspace or organisation `T0123/U0ALICE`.
fn slack(text: &str) -> Option<Handle> {
    let (realm, id) = text.rsplit_once('/').map_or((None, text), |(realm, id)| (Some(realm), id));
    let plain = |id: &str, first: [char; 2]| {
        id.starts_with(first) && 1 < id.len() && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    let right = plain(id, ['U', 'W']) && realm.is_none_or(|realm| plain(realm, ['T', 'E']));
    let handle = || Handle { surface: "slack".to_owned(), realm: realm.unwrap_or_default().to_owned(), handle: id.to_owned() };
    right.then(handle)
}

fn groups(file: &Section, written: Vec<WrittenGroup>) -> Result<BTreeMap<String, Known>, BadYaml> {
    let mut places = BTreeMap::new();
    for (place, group) in written.iter().enumerate() {
        let id = group.id.value.trim();
        if id.is_empty() {
            return Err(file.mistake(&group.id, "a group needs an id, by which policies name it"));
        }
        if places.insert(id, place).is_some() {
            return Err(file.mistake(&group.id, format!("there is a group \"{id}\" already; give this one another id")));
        }
    }
    let mut graph = Vec::new();
    for group in &written {
        let place = |inner: &Spanned<String>| {
            let found = places.get(inner.value.trim()).copied();
            found.ok_or_else(|| file.mistake(inner, format!("there is no group \"{}\" in this file", inner.value)))
        };
        graph.push(group.groups.iter().map(place).collect::<Result<Vec<_>, _>>()?);
    }
    // Groups that come to the same people, as those in a circle do, share one list of them.
    let mut lists: BTreeMap<BTreeSet<usize>, Arc<Members>> = BTreeMap::new();
    let mut known = BTreeMap::new();
    for (id, place) in places {
        let mut from = below(&graph, place);
        from.retain(|place| !written[*place].members.is_empty());
        let members = lists.entry(from).or_insert_with_key(|from| {
            let emails = from.iter().flat_map(|place| written[*place].members.iter().cloned()).collect();
            Arc::new(Members { emails, ..Members::default() })
        });
        let label = written[place].label.clone().unwrap_or_else(|| id.to_owned());
        known.insert(id.to_owned(), Known { label, members: members.clone() });
    }
    Ok(known)
}

/// A group and all groups in it. Each is gone through once, whatever circles there are.
fn below(graph: &[Vec<usize>], group: usize) -> BTreeSet<usize> {
    let (mut seen, mut next) = (BTreeSet::from([group]), vec![group]);
    while let Some(inside) = next.pop().and_then(|place| graph.get(place)) {
        next.extend(inside.iter().filter(|inner| seen.insert(**inner)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFICE: &str = "people:
  - email: Alice@acme.example
    name: Alice Adams
    manager: mona@acme.example
    zone: Europe/Berlin
    slack: U0ALICE
    properties: { costCenter: \"4711\", floor: 3 }
  - { email: bob@acme.example, slack: T0123/U0BOB }
groups:
  - { id: 00engineers, label: Engineers, members: [alice@acme.example, zoe@else.example], groups: [00sre] }
  - id: 00sre
    members: [bob@acme.example]
    groups: [00engineers, 00night]
  - id: 00night
";

    fn office(text: &str) -> Result<People, BadYaml> {
        read(&Section::whole("people.yaml", text))
    }

    fn email(text: &str) -> Email {
        Email::parse(text).expect("an address")
    }

    fn members(people: &People, group: &str) -> Vec<String> {
        people.groups[group].members.emails.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_says_who_people_are_and_who_is_in_which_group() {
        let people = office(OFFICE).expect("valid");
        let alice = &people.profiles[&email("alice@acme.example")];
        assert_eq!((alice.name.as_deref(), alice.zone.as_deref()), (Some("Alice Adams"), Some("Europe/Berlin")));
        let properties: Vec<_> = alice.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(properties, [("costCenter", "4711"), ("floor", "3"), ("manager", "mona@acme.example")]);
        assert_eq!(people.profiles[&email("bob@acme.example")], Profile::default());
        assert_eq!(members(&people, "00engineers"), ["alice@acme.example", "bob@acme.example", "zoe@else.example"]);
        assert_eq!(members(&people, "00sre"), members(&people, "00engineers"), "they are in a circle");
        assert!(members(&people, "00night").is_empty());
        assert_eq!((people.groups["00engineers"].label.as_str(), people.groups["00sre"].label.as_str()), ("Engineers", "00sre"));
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        for (wrong, part) in [
            ("", "nothing stands in it"),
            ("persons: []\n", "line 1"),
            ("people:\n- { email: bob }\n", "line 2"),
            ("people:\n- { email: bob }\n", "\"bob\" is not an e-mail address"),
            ("people:\n- { email: a@b.c, manager: mona }\n", "line 2"),
            ("people:\n- { email: a@b.c, manger: m@b.c }\n", "manger"),
            ("people:\n- email: a@b.c\n  zone: Berlin\n", "line 3 column 9: there is no time zone \"Berlin\""),
            ("people:\n- email: a@b.c\n  slack: '@alice'\n", "line 3 column 10: \"@alice\" is not somebody's id"),
            ("people:\n- email: a@b.c\n  slack: acme/U0A\n", "line 3"),
            ("people:\n- email: a@b.c\n  properties: { manager: m@b.c }\n", "line 3 column 26: write `manager:`"),
            ("people:\n- email: a@b.c\n- email: A@b.c\n", "line 3 column 10: a@b.c stands here twice"),
            (
                "people:\n- { email: a@b.c, slack: U1 }\n- { email: d@b.c, slack: U1 }\n",
                "line 3 column 26: this account is a@b.c's",
            ),
            ("groups:\n- id: sre\n- id: ' sre'\n", "line 3 column 7: there is a group \"sre\" already"),
            ("groups:\n- id: ''\n", "line 2 column 7: a group needs an id"),
            ("groups:\n- id: sre\n  members: [a@b.c, bob]\n", "line 3 column 20"),
            ("groups:\n- id: sre\n  groups: [sre, dev]\n", "line 3 column 17: there is no group \"dev\""),
        ] {
            let told = office(wrong).err().map_or_else(|| panic!("{wrong} is taken"), |bad| bad.to_string());
            assert!(told.starts_with("people.yaml: ") && told.contains(part), "{part} is missing in: {told}");
        }
    }

    /// Is somebody in a group, by the plainest search: over and over, until nothing new is found.
    fn naive(graph: &[(Vec<usize>, Vec<usize>)], group: usize) -> BTreeSet<usize> {
        let mut groups = BTreeSet::from([group]);
        for _ in graph {
            let inner: Vec<usize> = groups.iter().flat_map(|group| graph[*group].1.clone()).collect();
            groups.extend(inner);
        }
        groups.iter().flat_map(|group| graph[*group].0.clone()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn whoever_is_in_a_group_in_a_group_is_in_it(
            graph in (1usize..9).prop_flat_map(|groups| {
                let some = |of: usize| prop::collection::vec(0..of, 0..4);
                prop::collection::vec((some(6), some(groups)), groups)
            })
        ) {
            let mut text = String::from("groups:\n");
            for (place, (members, inside)) in graph.iter().enumerate() {
                let members: Vec<_> = members.iter().map(|member| format!("p{member}@acme.example")).collect();
                let inside: Vec<_> = inside.iter().map(|inner| format!("g{inner}")).collect();
                text += &format!("- {{ id: g{place}, members: [{}], groups: [{}] }}\n", members.join(", "), inside.join(", "));
            }
            let people = office(&text).expect("valid");
            for place in 0..graph.len() {
                let wanted: Vec<_> = naive(&graph, place).iter().map(|member| format!("p{member}@acme.example")).collect();
                prop_assert_eq!(members(&people, &format!("g{place}")), wanted, "{} in {}", place, text);
            }
        }
    }
}
