//! What is found in rules that can be read, one by one.

use std::sync::Arc;

use super::{members, policy};
use crate::domain::directory::{Group, Members};
use crate::policy::Policy;
use crate::policy::lint::{Arg, Known, Service, Type, lint};

fn arg(name: &str, choices: &[&str]) -> Arg {
    let choices = (!choices.is_empty()).then(|| choices.iter().map(|it| (*it).to_owned()).collect());
    Arg { name: name.to_owned(), all: choices.is_some(), choices }
}

/// What is wrong, where Alice alone is in `00solo`, nobody in `00none`, Sam and Sue are SREs, `00gone` is no group.
fn findings_of(policy: &Policy) -> Vec<String> {
    let kind = |name: &str, args: Vec<Arg>| Type { name: name.to_owned(), emergency: name == "all", args };
    let services = [
        Service {
            names: vec!["aws".to_owned(), "amazon".to_owned()],
            types: vec![
                kind("policy", vec![arg("policy", &[]), arg("account", &["prod", "nonprod", "dev"])]),
                kind("group", vec![Arg { all: false, ..arg("group", &["readers", "writers"]) }]),
            ],
        },
        Service { names: vec!["ssh".to_owned()], types: vec![kind("session", vec![arg("host", &[])]), kind("all", vec![])] },
    ];
    let group = |id: &str| Group { directory: "okta".to_owned(), id: id.to_owned() };
    let groups = [
        (group("00solo"), Ok(members(&["alice"]))),
        (group("00none"), Ok(Arc::new(Members::default()))),
        (group("00sre"), Ok(members(&["sam", "sue"]))),
        (group("00gone"), Err("There is no group \"00gone\".".to_owned())),
    ]
    .into();
    let on_call = [(("pagerduty".to_owned(), vec!["shpo".to_owned()]), Err("There is no service \"shpo\".".to_owned()))].into();
    let known = Known { services: &services, groups: &groups, on_call: &on_call };
    lint(policy, &known).into_iter().map(|it| format!("{} {}", it.severity.as_str(), it.what)).collect()
}

/// A rule for SREs to ask for this, which reviewers approve.
fn for_resource(resource: &str) -> Vec<String> {
    findings("group, groups: [ { directory: okta, id: 00sre } ]", resource, "[ { type: p0 } ]")
}

fn findings(requestor: &str, resource: &str, approval: &str) -> Vec<String> {
    findings_of(&policy(&format!(
        "- name: one\n  requestor: {{ type: {requestor} }}\n  resource: {{ {resource} }}\n  approval: {approval}"
    )))
}

fn for_filter(filter: &str) -> Vec<String> {
    for_resource(&format!("type: integration, service: aws, accessType: policy, filters: {{ {filter} }}"))
}

#[test]
fn names_that_are_not_there() {
    for (resource, wanted) in [
        ("type: integration, service: awss", "error there is no integration \"awss\"; did you mean \"aws\"?"),
        ("type: integration, service: snowflake", "warning the integration \"snowflake\" is not installed, so it never matches"),
        (
            "type: integration, service: aws, accessType: polcy",
            "error aws has no access type \"polcy\"; did you mean \"policy\"?",
        ),
        ("type: integration, service: aws, accessType: zone", "error aws has no access type \"zone\"; there are policy, group"),
    ] {
        assert_eq!(for_resource(resource), [wanted], "{resource}");
    }
    assert!(for_resource("type: integration, service: AMAZON").is_empty(), "other names, in any case");
}

#[test]
fn filters_that_narrow_nothing_or_let_nothing_pass() {
    for (filter, wanted) in [
        (
            "acount: { effect: keep, key: id, pattern: ^dev$ }",
            "error there is no filter \"acount\" here, so it narrows nothing; did you mean \"account\"?",
        ),
        (
            "account: { effect: keep, key: environment, pattern: ^dev$ }",
            "error filter `account` has no key \"environment\", so it never matches; there are id and name",
        ),
        (
            "policy: { effect: keep, key: id, pattern: ^dev$. }",
            "error filter `policy`: nothing can match \"^dev$.\", so it never matches",
        ),
        (
            "policy: { effect: remove, key: id, pattern: ^$ }",
            "error filter `policy`: only nothing at all matches \"^$\", so it removes nothing",
        ),
        ("policy: { effect: keep, key: id, pattern: .* }", "warning filter `policy`: everything matches \".*\""),
        (
            "account: { effect: keep, key: id, pattern: ^test$ }",
            "error filter `account`: no value matches \"^test$\", so it never matches; there are dev, nonprod, prod",
        ),
        (
            "account: { effect: keep, key: id, pattern: prod }",
            "warning filter `account`: \"prod\" is found anywhere, also in nonprod; write \"^prod$\"",
        ),
        (
            "policy: { effect: keep, key: id, pattern: Read }",
            "warning filter `policy`: \"Read\" is found anywhere, also in nonRead; write \"^Read$\"",
        ),
    ] {
        assert_eq!(for_filter(filter), [wanted], "{filter}");
    }
    for (filter, wanted) in [
        (
            "policy: { effect: keep, key: id, pattern: ^Read-* }",
            "warning filter `policy`: the star in \"^Read-*\" repeats \"-\" and stands for nothing else; \".*\" is anything",
        ),
        (
            "account: { effect: keep, value: true }",
            "error filter `account`: it is no yes or no, so it never matches; write `key: id` and a `pattern`",
        ),
    ] {
        assert_eq!(for_filter(filter), [wanted], "{filter}");
    }
    let word = "warning filter `policy`: `value: true` is for a yes or no, and matches the word \"true\" here; write `key: id` and a `pattern`";
    assert_eq!(for_filter("policy: { effect: keep, value: true }"), [word]);
    let uneven = "warning filter `policy`: in \"^Read|Write$\" each of `^` and `$` counts for its own side of `|` only; write \"^(Read|Write)$\"";
    assert_eq!(for_filter("policy: { effect: keep, key: id, pattern: ^Read|Write$ }"), [uneven]);
    assert_eq!(
        findings("any", "type: any", "[ { type: persistent } ]"),
        ["warning it gives everything to everybody at once, without asking"]
    );
    let seen = |pattern: &str| {
        for_resource(&format!(
            "type: integration, service: aws, accessType: group, filters: {{ group: {{ effect: keep, key: id, pattern: {pattern} }} }}"
        ))
    };
    let gone = "warning filter `group`: nothing that was seen last matches \"^admins$\", so it never matches as it is; there are readers, writers";
    assert_eq!(seen("^admins$"), [gone]);
    assert!(seen("^readers$").is_empty());
    let bare = "warning filter `group`: \"readers\" is found anywhere, also in nonreaders; write \"^readers$\"";
    assert_eq!(seen("readers"), [bare], "what was seen last need not be all there will be");
    for right in ["account: { effect: keep, key: id, pattern: dev }", "policy: { effect: keep, key: id, pattern: ^Read }"] {
        assert!(for_filter(right).is_empty(), "{right}");
    }
    let any = for_resource("type: integration, service: aws, filters: { account: { effect: keep, key: id, pattern: ^dev$ } }");
    assert_eq!(any, ["warning its filters do not narrow group, which has no such arguments"]);
}

#[test]
fn groups_that_are_empty_or_not_there() {
    let any = "type: any";
    let group = |id: &str, effect: &str| format!("group, effect: {effect}, groups: [ {{ directory: okta, id: {id} }} ]");
    let by = |id: &str| format!("[ {{ type: group, groups: [ {{ directory: okta, id: {id} }} ] }} ]");
    for (requestor, approval, wanted) in [
        (group("00none", "keep"), by("00sre"), "warning nobody is in 00none, so it never matches"),
        (group("00none", "remove"), by("00sre"), "warning nobody is in 00none, so it is for everybody"),
        (group("00gone", "keep"), by("00sre"), "error who is in 00gone cannot be known: There is no group \"00gone\"."),
        ("any".to_owned(), by("00none"), "warning nobody is in 00none, who should approve"),
        ("any".to_owned(), by("00gone"), "error who is in 00gone cannot be known: There is no group \"00gone\"."),
        (
            "any".to_owned(),
            "[ { type: escalation, integration: pagerduty, services: [ shpo ] } ]".to_owned(),
            "error who is on call cannot be known: There is no service \"shpo\".",
        ),
        (
            group("00solo", "keep"),
            by("00solo"),
            "error alice@acme.example is the only one who asks and the only one who approves, and nobody approves for themselves",
        ),
        (
            "any".to_owned(),
            "[ { type: steps, steps: [ { count: 3, approvers: [ { type: group, groups: [ { directory: okta, id: 00sre } ] } ] } ] } ]"
                .to_owned(),
            "error 3 people have to say yes, and there are 2 who may",
        ),
    ] {
        assert_eq!(findings(&requestor, any, &approval), [wanted], "{requestor} {approval}");
    }
    let alone = by("00solo").replace("] } ]", "], options: { allowOneParty: true } } ]");
    assert!(findings(&group("00solo", "keep"), any, &alone).is_empty(), "{alone}");
    let mut nobody = policy("- name: one\n  requestor: { type: any }\n  resource: { type: any }\n  approval: [ { type: p0 } ]");
    nobody.reviewers = Default::default();
    assert!(findings_of(&nobody)[0].contains("nobody has that role"));
}

#[test]
fn options_that_have_no_effect() {
    let two = "steps, steps: [ { count: 2, approvers: [ { type: group, groups: [ { directory: okta, id: 00sre } ] } ] } ]";
    for (approval, wanted) in [
        ("[]".to_owned(), "warning it names no approval, so nobody can have anything by it"),
        (
            format!("[ {{ type: {two}, options: {{ requirePreapproval: true }} }} ]"),
            "error `requirePreapproval` wants somebody who can say yes alone, and here several have to; nobody ever can",
        ),
        (
            "[ { type: persistent, options: { requirePreapproval: true } } ]".to_owned(),
            "warning `requirePreapproval` has no effect with `persistent`",
        ),
        ("[ { type: deny, options: { requireReason: true } } ]".to_owned(), "warning options have no effect with `deny`"),
        (
            "[ { type: p0, ask: { people: [1], every: 10m } }, { type: user, uid: sue@acme.example } ]".to_owned(),
            "warning `ask` has no effect: whoever another entry names is asked at once, with the channel",
        ),
    ] {
        assert_eq!(findings("any", "type: integration, service: aws", &approval), [wanted], "{approval}");
    }
    let glass = "[ { type: p0, options: { breakGlassApprover: true } } ]";
    assert_eq!(
        findings("any", "type: integration, service: aws", glass),
        ["warning `breakGlassApprover` has no effect: nothing here is for emergencies"]
    );
    assert!(findings("any", "type: integration, service: ssh", glass).is_empty());
    let long = "[ { type: p0 } ]\n  maxDuration: 2w";
    assert_eq!(
        findings("any", "type: any", long),
        ["warning `maxDuration` has no effect: 2 weeks is longer than `longest`, which is 1 week"]
    );
}

#[test]
fn rules_that_others_make_useless() {
    let rule = |name: &str, resource: &str, approval: &str, more: &str| {
        format!(
            "- name: {name}\n  requestor: {{ type: any }}\n  resource: {{ {resource} }}\n  approval: [ {{ type: {approval} }} ]\n{more}"
        )
    };
    let aws = "type: integration, service: aws";
    let beside = |one: String, other: String| findings_of(&policy(&format!("{one}{other}")));
    let wanted = ["warning it never gives anything: \"no\" denies all of it"];
    assert_eq!(beside(rule("yes", aws, "p0", ""), rule("no", "type: integration, service: Amazon", "deny", "")), wanted);
    assert_eq!(beside(rule("yes", aws, "p0", ""), rule("no", "type: any", "deny", "")), wanted);
    for (resource, more) in [
        ("type: integration, service: aws, accessType: group", ""),
        ("type: integration, service: ssh", ""),
        ("type: any", "  when: { days: [ mon ] }\n"),
        ("type: any", "  disabled: true\n"),
        ("type: any, risk: high", ""),
    ] {
        assert!(beside(rule("yes", aws, "p0", ""), rule("no", resource, "deny", more)).is_empty(), "{resource} {more}");
    }
    assert_eq!(beside(rule("one", aws, "p0", ""), rule("other", aws, "p0", "")), ["warning it says the same as \"one\""]);
}

#[test]
fn what_is_right_at_its_edges_is_not_told() {
    let requestor = |effect: &str, ids: &[&str]| {
        let groups: Vec<String> = ids.iter().map(|id| format!("{{ directory: okta, id: {id} }}")).collect();
        format!("group, effect: {effect}, groups: [ {} ]", groups.join(", "))
    };
    let p0 = "[ { type: p0 } ]";
    for effect in ["keep", "remove"] {
        assert!(findings(&requestor(effect, &["00none", "00sre"]), "type: any", p0).is_empty(), "somebody is in the other");
    }
    let outside = "[ { type: group, effect: remove, groups: [ { directory: okta, id: 00solo } ] } ]";
    assert!(findings(&requestor("keep", &["00solo"]), "type: any", outside).is_empty(), "others approve");
    let alice = "[ { type: user, uid: alice@acme.example } ]";
    assert!(findings(&requestor("remove", &["00solo"]), "type: any", alice).is_empty(), "others ask");
    let asked = "[ { type: p0, ask: { people: [1], every: 10m } } ]";
    assert!(findings("any", "type: any", asked).is_empty());
    let nothing = for_resource("type: integration, service: ssh, accessType: all, filters: { host: { effect: removeAll } }");
    assert!(nothing[0].ends_with("there are none"), "{nothing:?}");
    let longest =
        policy("- { name: it, maxDuration: 1w, requestor: { type: any }, resource: { type: any }, approval: [ { type: p0 } ] }");
    assert!(findings_of(&longest).is_empty(), "as long as the policy lets it");
}

#[test]
fn a_denial_for_more_people_and_more_harm_covers_what_is_in_it() {
    let of = |effect: &str, ids: &[&str]| {
        let groups: Vec<String> = ids.iter().map(|id| format!("{{ directory: okta, id: {id} }}")).collect();
        format!("{{ type: group, effect: {effect}, groups: [ {} ] }}", groups.join(", "))
    };
    let denied = |wide: &str, narrow: &str, risks: (&str, &str)| {
        let rules = format!(
            "- {{ name: no, requestor: {wide}, resource: {{ type: any{} }}, approval: [ {{ type: deny }} ] }}\n- {{ name: yes, requestor: {narrow}, resource: {{ type: any{} }}, approval: [ {{ type: p0 }} ] }}",
            risks.0, risks.1
        );
        findings_of(&policy(&rules)).iter().any(|it| it.contains("it never gives anything"))
    };
    let none = ("", "");
    assert!(denied(&of("keep", &["00sre", "00solo"]), &of("keep", &["00sre"]), none));
    assert!(!denied(&of("keep", &["00solo"]), &of("keep", &["00sre"]), none));
    assert!(!denied(&of("keep", &["00sre"]), &of("keep", &["00sre", "00solo"]), none));
    assert!(!denied(&of("remove", &["00sre"]), &of("keep", &["00sre"]), none));
    assert!(!denied(&of("keep", &["00sre"]), &of("remove", &["00sre"]), none));
    assert!(!denied(&of("keep", &["00solo"]), "{ type: any }", none) && denied("{ type: any }", &of("keep", &["00sre"]), none));
    let anybody = "{ type: any }";
    for (wide, narrow, covers) in [("medium", "medium", true), ("medium", "high", true), ("high", "medium", false)] {
        let risks = (format!(", risk: {wide}"), format!(", risk: {narrow}"));
        assert_eq!(denied(anybody, anybody, (&risks.0, &risks.1)), covers, "{wide} {narrow}");
    }
}
