//! What holds for every policy: denials win, a denial more grants nothing, order means nothing, nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Ask, Office, asks};
use crate::domain::access::Risk;
use crate::policy::rule::Rule;
use crate::policy::wire::Written;

const PEOPLE: [&str; 6] = ["alice", "cora", "dan", "olga", "sam", "rita"];

fn group() -> impl Strategy<Value = Value> {
    let id = prop::sample::select(vec!["00eng", "00data", "00contract", "00sre", "00sec", "00unknown"]);
    (id, any::<bool>()).prop_map(|(id, keep)| {
        let effect = if keep { "keep" } else { "remove" };
        json!({ "type": "group", "effect": effect, "groups": [ { "directory": "okta", "id": id, "label": id } ] })
    })
}

fn requestor() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({ "type": "any" })),
        prop::sample::select(PEOPLE.to_vec()).prop_map(|name| json!({ "type": "user", "uid": format!("{name}@acme.example") })),
        group(),
    ]
}

fn resource() -> impl Strategy<Value = Value> {
    let filter = prop_oneof![
        (any::<bool>(), prop::sample::select(vec!["^a", "b", "c$"])).prop_map(|(keep, pattern)| {
            json!({ "effect": if keep { "keep" } else { "remove" }, "key": "id", "pattern": pattern })
        }),
        Just(json!({ "effect": "removeAll" })),
    ];
    prop_oneof![
        Just(json!({ "type": "any" })),
        Just(json!({ "type": "any", "risk": "medium" })),
        (prop::sample::select(vec!["aws", "ssh"]), prop::collection::btree_map("(role|tag)", filter, 0..2))
            .prop_map(|(service, filters)| json!({ "type": "integration", "service": service, "filters": filters })),
    ]
}

fn approval() -> impl Strategy<Value = Value> {
    let how = prop_oneof![
        Just(json!({ "type": "p0" })),
        group(),
        Just(json!({ "type": "requestor-profile", "directory": "okta" })),
        Just(json!({ "type": "auto", "integration": "pagerduty" })),
        Just(json!({ "type": "persistent" })),
        Just(json!({ "type": "break-glass" })),
        group().prop_map(
            |of| json!({ "type": "steps", "steps": [ { "count": 2, "approvers": [of] }, { "approvers": [ { "type": "p0" } ] } ] })
        ),
    ];
    (how, any::<(bool, bool, bool)>()).prop_map(|(mut how, (reason, duration, ahead))| {
        how["options"] = json!({ "requireReason": reason, "requireDuration": duration, "requirePreapproval": ahead });
        how
    })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let rule = (requestor(), resource(), prop::collection::vec(approval(), 0..3));
    prop::collection::vec(rule, 1..5).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(at, (requestor, resource, approval))| {
                let written =
                    json!({ "name": format!("r{at}"), "requestor": requestor, "resource": resource, "approval": approval });
                let written: Written = serde_json::from_value(written).expect("written well");
                Rule::new(written).expect("a rule")
            })
            .collect()
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let what = prop::sample::select(vec!["aws policy", "ssh session"]);
    let value = prop::sample::select(vec!["a", "ab", "bc", "x"]);
    (prop::sample::select(PEOPLE.to_vec()), what, value, any::<(bool, bool, bool)>(), prop::sample::select(Risk::ALL.to_vec()))
        .prop_map(|(who, what, value, (reason, length, glass), risk)| {
            let mut ask = asks(who, what, &[("role.id", value)]);
            (ask.reason, ask.break_glass, ask.risk) = (reason, glass, risk);
            ask.length = ask.length.filter(|_| length);
            ask
        })
}

fn office(rules: Vec<Rule>) -> Office {
    let mut office = Office::with("- { name: x, requestor: { type: any }, resource: { type: any }, approval: [] }");
    office.policy.rules = rules;
    office
}

fn denial(name: &str) -> Rule {
    let written = json!({ "name": name, "requestor": { "type": "any" }, "resource": { "type": "any" }, "approval": [ { "type": "deny" } ] });
    Rule::new(serde_json::from_value(written).expect("written well")).expect("a rule")
}

/// May anybody have it, at once or by a yes?
fn passes(ask: &Ask, office: &Office) -> bool {
    let analysis = ask.analysis(office);
    analysis.refused.is_none() && (analysis.at_once.is_some() || analysis.open().next().is_some())
}

proptest! {
    #[test]
    fn a_denial_always_wins_and_one_more_never_grants(rules in rules(), ask in ask(), at in 0usize..5) {
        let before = passes(&ask, &office(rules.clone()));
        let mut denied = rules;
        denied.insert(at.min(denied.len()), denial("no"));
        let office = office(denied);
        prop_assert!(!passes(&ask, &office));
        prop_assert!(ask.approvers(&office).is_empty());
        let narrow = ask.comes_to(&office);
        prop_assert!(narrow.contains("denies this"), "{} (before: {before})", narrow);
    }

    #[test]
    fn the_order_of_rules_means_nothing(rules in rules(), ask in ask()) {
        let forward = ask.analysis(&office(rules.clone()));
        let mut backward = rules.clone();
        backward.reverse();
        let other = office(backward);
        let backward = ask.analysis(&other);
        prop_assert_eq!(forward.refused.is_some(), backward.refused.is_some());
        prop_assert_eq!(forward.at_once.as_ref().map(|it| it.longest), backward.at_once.as_ref().map(|it| it.longest));
        prop_assert_eq!(ask.approvers(&office(rules)), ask.approvers(&other));
        prop_assert_eq!((forward.needs_reason, forward.longest()), (backward.needs_reason, backward.longest()));
    }

    #[test]
    fn what_needs_a_reason_never_passes_without(rules in rules(), ask in ask()) {
        let strict: Vec<Rule> = rules.into_iter().map(|mut rule| {
            rule.approval.iter_mut().for_each(|approval| approval.options.reason = true);
            rule
        }).collect();
        let office = office(strict).allowed_ahead("rita", crate::domain::time::Span::hours(1));
        let silent = ask.without_reason();
        prop_assert!(!passes(&silent, &office));
        prop_assert!(silent.approvers(&office).is_empty());
    }

    #[test]
    fn the_same_is_said_twice_and_nobody_approves_the_own_request(rules in rules(), ask in ask()) {
        let office = office(rules);
        prop_assert_eq!(ask.analysis(&office), ask.analysis(&office));
        prop_assert!(ask.press(&office, ask.who, &[]).is_err());
        for actor in ["sam", "rita"] {
            prop_assert!(ask.press(&office, actor, &[actor]).is_err() || ask.analysis(&office).open().count() > 0);
        }
    }

    #[test]
    fn a_rule_reads_the_same_when_it_was_written(rules in rules()) {
        for rule in rules {
            let text = serde_json::to_string(&rule).expect("written");
            prop_assert_eq!(serde_json::from_str::<Rule>(&text).expect("read"), rule);
        }
    }

    /// Letters are put in, taken out and changed in a policy that can be read, in both ways to write it.
    #[test]
    fn a_damaged_policy_is_refused_or_still_says_what_becomes_of_a_request(
        rules in rules(),
        ask in ask(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, "[-\\[\\]{}:,&*!|>'\"%@`#?~\n\t 0a\\PC]{0,3}"), 1..4),
        block: bool,
    ) {
        let whole = json!({ "policy": { "approvers": { "people": [ "rita@acme.example" ] }, "rules": rules } });
        let mut text = if block { crate::yaml::write(&whole).expect("written") } else { whole.to_string() };
        for (at, gone, put) in damage {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = at.index(places.len());
            let until = (from + gone).min(places.len() - 1);
            text.replace_range(places[from]..places[until], &put);
        }
        let names = crate::policy::Names { directories: &["okta", "workspace", "azure-ad"], on_call: &["pagerduty", "incidentio"] };
        match crate::policy::Policy::read(&crate::yaml::Section::whole("p0.yaml", text).child("policy"), names) {
            Ok(policy) => {
                let office = Office { policy, ..office(rules) };
                prop_assert!(!ask.comes_to(&office).is_empty());
            }
            Err(why) => prop_assert!(why.to_string().starts_with("p0.yaml")),
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,300}", key in "(name|requestor|resource|approval|when|maxDuration)") {
        let names = crate::policy::Names { directories: &["okta"], on_call: &[] };
        for text in [format!("policy:\n  rules:\n    - {key}: {text}\n"), format!("policy: {text}"), text] {
            let section = crate::yaml::Section::whole("p0.yaml", text.clone()).child("policy");
            let _ = crate::policy::Policy::read(&section, names);
            let _ = serde_json::from_str::<Rule>(&text);
        }
    }
}
