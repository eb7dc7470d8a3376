//! What has to be looked up, and what is made of what was found.

use std::sync::Arc;

use super::{Office, asks, members, who};
use crate::domain::directory::{Group, Members};
use crate::domain::person::Handle;
use crate::policy::facts::{Facts, Needs};
use crate::policy::rule::{Approver, Effect, Groups, Named};

const DAN: &str = "type: user, uid: dan@acme.example";

fn group(id: &str) -> Group {
    Group { directory: "okta".to_owned(), id: id.to_owned() }
}

fn any_of(ids: &[&str]) -> Groups {
    let named = |id: &&str| Named { group: group(id), label: (*id).to_owned() };
    Groups { groups: ids.iter().map(named).collect(), effect: Effect::Keep }
}

/// One rule with this approval for AWS; more text may follow.
fn rule(name: &str, requestor: &str, approval: &str) -> String {
    format!(
        "- {{ name: {name}, requestor: {{ {requestor} }}, resource: {{ type: integration, service: aws }}, approval: [ {approval} ] }}\n"
    )
}

#[test]
fn only_what_could_decide_is_looked_up() {
    let group = |id: &str| format!("{{ type: group, groups: [ {{ directory: okta, id: {id} }} ] }}");
    let rules = rule("one", "type: group, groups: [ { directory: okta, id: 00eng } ]", &group("00sre"))
        + &rule("manager", "type: any", "{ type: requestor-profile, directory: okta }, { type: auto, integration: pagerduty }")
        + &rule("off", "type: any", &group("00sec")).replace("name: off", "name: off, disabled: true")
        + &rule("elsewhere", "type: any", &group("00data")).replace("service: aws", "service: gcloud")
        + &rule("early", "type: any", "{ type: p0 }").replace("name: early", "name: early, when: { until: '09:00' }")
        + &rule("late", "type: any", "{ type: p0 }").replace("name: late", "name: late, when: { from: '18:00' }");
    let mut office = Office::with(&rules);
    office.policy.approvers.groups.push(self::group("00contract"));
    let groups = |needs: &Needs| needs.groups.iter().map(|it| it.id.clone()).collect::<Vec<_>>().join(" ");
    let one = asks("alice", "aws policy", &[]);
    let all = Needs::of_all(&office.policy);
    assert_eq!(groups(&all), "00contract 00data 00eng 00sre");
    let asked = crate::policy::Asked {
        access: &one.access,
        also: &[],
        risk: one.risk,
        emergency: false,
        attributes: &one.attributes,
        reason: true,
        length: one.length,
        break_glass: false,
        principal: &who("alice"),
        at: office.at,
    };
    let needs = office.policy.needs(&asked);
    assert_eq!(groups(&needs), "00contract 00eng 00sre");
    assert!(needs.zone && needs.profiles.len() == 1 && needs.on_call.len() == 1, "{needs:?}");
}

#[test]
fn who_is_in_two_of_the_groups_is_in_one_of_them() {
    let office = Office::with(&rule("one", DAN, "{ type: p0 }"));
    let mut facts = office.facts.clone();
    facts.groups.insert(group("00two"), Ok(members(&["sam"])));
    for (name, of, is) in
        [("sam", ["00sre", "00two"], true), ("sue", ["00sre", "00two"], true), ("dan", ["00sre", "00two"], false)]
    {
        assert_eq!(facts.in_groups(&any_of(&of), &who(name)), Ok(is), "{name}");
    }
    let outside = Groups { effect: Effect::Remove, ..any_of(&["00sre", "00two"]) };
    assert_eq!((facts.in_groups(&outside, &who("sam")), facts.in_groups(&outside, &who("dan"))), (Ok(false), Ok(true)));
}

#[test]
fn a_group_that_knows_names_only_says_nothing_of_who_has_none_there() {
    let named = |name: &str| Handle { surface: "slack".into(), realm: "T1".into(), handle: name.into() };
    let by_name = Members { handles: [named("U1")].into(), ..Members::default() };
    let both = Members { emails: members(&["sue"]).emails.clone(), ..by_name.clone() };
    let is = |members: &Members, handles: Vec<Handle>| {
        let facts = Facts { groups: [(group("00it"), Ok(Arc::new(members.clone())))].into(), ..Facts::default() };
        facts.in_groups(&any_of(&["00it"]), &crate::domain::directory::Who { handles, ..who("dan") })
    };
    assert!(is(&by_name, vec![]).expect_err("not known").contains("before they used P0 there once"));
    assert_eq!((is(&by_name, vec![named("U1")]), is(&by_name, vec![named("U2")])), (Ok(true), Ok(false)));
    assert_eq!(is(&both, vec![]), Ok(false), "it knows addresses too");
}

#[test]
fn what_was_found_out_of_one_thing_says_nothing_of_another() {
    let office = Office::with(&rule("one", DAN, "{ type: p0 }"));
    let mut facts = office.facts.clone();
    let email = |name: &str| Ok(who(name).email);
    facts.profiles.insert(("okta".to_owned(), "buddy".to_owned()), email("sam"));
    facts.profiles.insert(("workspace".to_owned(), "manager".to_owned()), email("sue"));
    let profile = |directory: &str, property: &str, name: &str| {
        let approver = Approver::Profile { directory: directory.to_owned(), property: property.to_owned() };
        facts.is(&office.policy, &approver, &who(name))
    };
    for (directory, property, name) in [("okta", "manager", "mona"), ("okta", "buddy", "sam"), ("workspace", "manager", "sue")] {
        for other in ["mona", "sam", "sue"] {
            assert_eq!(profile(directory, property, other), Ok(other == name), "{directory} {property} {other}");
        }
    }
    assert!(profile("workspace", "buddy", "sam").is_err(), "nobody looked");
    facts.on_call.insert(("incidentio".to_owned(), vec![]), Ok(members(&["sam"])));
    facts.on_call.insert(("pagerduty".to_owned(), vec!["shop".to_owned()]), Ok(members(&["sue"])));
    let shop = ["shop".to_owned()];
    for (source, services, name) in
        [("pagerduty", &[][..], "olga"), ("pagerduty", &shop[..], "sue"), ("incidentio", &[][..], "sam")]
    {
        for other in ["olga", "sam", "sue"] {
            assert_eq!(facts.on_call(source, services, &who(other)), Ok(other == name), "{source} {services:?} {other}");
        }
    }
    assert!(facts.on_call("incidentio", &shop, &who("sam")).is_err(), "nobody looked");
}
