//! Limits, and the section of the configuration they stand in.

use crate::domain::person::Email;
use crate::domain::time::{Span, Time};
use crate::policy::{Line, Names, Policy, fingerprint};
use crate::yaml::{BadYaml, Section};

fn read(text: &str) -> Result<Policy, BadYaml> {
    let names = Names { directories: &["slack"], on_call: &[] };
    Policy::read(&Section::whole("p0.yaml", text).child("policy"), names)
}

#[test]
fn a_policy_has_sensible_limits_of_its_own() {
    let policy = read("policy:\n  approvers: { people: [ Bob@Acme.example ], groups: [ 'slack:S1' ] }\n").expect("valid");
    assert_eq!(policy.approvers.people, [Email::parse("bob@acme.example").expect("an address")]);
    assert_eq!(policy.durations, [30, 60, 240, 480].map(Span::minutes));
    assert_eq!(policy.durations_for(Span::hours(2), policy.longest).len(), 5);
    assert_eq!(policy.durations_for(Span::hours(1), policy.longest_for(Some(Span::hours(1)))).len(), 2);
    assert_eq!(policy.durations_for(Span::hours(1), Span::minutes(40)), [30, 40].map(Span::minutes));
    assert_eq!(policy.at_once, None);
    assert_eq!(policy.approvers.groups[0].to_string(), "slack:S1");
    let all = read("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 12h }\n").expect("as long as anything");
    assert_eq!(all.at_once, Some(Span::hours(12)));
    assert_eq!(fingerprint("one"), fingerprint("one"));
    assert_ne!(fingerprint("one"), fingerprint("two"));
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (text, part) in [
        ("organisation: {}\n", "approvers"),
        ("policy: { longest: 1h }\n", "approvers"),
        ("policy:\n  approvers: { people: [] }\n", "line 2"),
        ("policy:\n  approvers: { people: [ bob ] }\n", "not an e-mail"),
        ("policy:\n  approvers: { groups: [ S1 ] }\n", "slack:GROUP"),
        ("policy:\n  approvers: { groups: [ 'teams:S1' ] }\n", "no directory \"teams\" here"),
        ("policy:\n  approvers: { groups: [ 'slack: ' ] }\n", "slack:GROUP"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  longest: 1h\n  durations: [ 2h ]\n", "line 4"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  durations: []\n", "between 1 and 90"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 2 days }\n", "longer than `longest`"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: {}\n", "atOnce"),
        ("policy:\n  approver: { people: [ b@c.d ] }\n", "unknown key `approver`; did you mean `approvers`?"),
    ] {
        let told = read(text).expect_err(text).to_string();
        assert!(told.contains(part), "{part} is missing in: {told}");
    }
}

#[test]
fn as_many_lengths_can_be_offered_as_slack_can_show() {
    let lengths = |count: u32| {
        let lengths: Vec<String> = (1..=count).map(|minutes| format!("{minutes}m")).collect();
        format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n  longest: 90m\n  durations: [ {} ]\n", lengths.join(", "))
    };
    assert_eq!(read(&lengths(90)).expect("valid").durations.last(), Some(&Span::minutes(90)));
    let more = lengths(90).replace("longest: 90m", "longest: 91m").replace(" ]\n", ", 91m ]\n");
    assert!(read(&more).expect_err("too many").to_string().contains("between 1 and 90"));
}

#[test]
fn a_limit_counts_over_the_whole_line_in_whole_minutes() {
    let now = Time(1_800_000_000_000);
    let fresh = Line { longest: Span::hours(2), began: None };
    assert_eq!((fresh.left(now), fresh.allows(now, Span::hours(2))), (Span::hours(2), true));
    assert!(!fresh.allows(now, Span::minutes(121)));
    let line = Line { longest: Span::hours(2), began: Some(now - Span::minutes(90)) };
    assert_eq!(line.left(now), Span::minutes(30));
    assert!(line.allows(now, Span::minutes(30)) && !line.allows(now, Span::minutes(31)));
    assert!(line.allows(now + Span::millis(700), Span::minutes(30)), "what a read-back took is no minute");
    assert_eq!(line.left(now + Span::hours(3)), Span::ZERO);

    let policy = |most| read(&format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n  extensions: {{ atOnce: {most} }}\n"));
    let policy = policy("100m").expect("valid");
    assert!(policy.extends_at_once(line, now, Span::minutes(10)));
    assert!(!policy.extends_at_once(line, now, Span::minutes(11)));
    assert!(!policy.extends_at_once(fresh, now, Span::minutes(10)), "nobody approved anything yet");
    assert!(!read("policy:\n  approvers: { people: [ b@c.d ] }\n").expect("valid").extends_at_once(line, now, Span::minutes(1)));
}

#[test]
fn what_rules_say_themselves_is_not_said_above_them() {
    let rules = "  rules:\n  - { name: it, requestor: { type: any }, resource: { type: any }, approval: [ { type: p0 } ] }\n";
    let text = |key: &str, rules: &str| format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n  {key}: true\n{rules}");
    for key in ["allowOneParty", "requireReason"] {
        let told = read(&text(key, rules)).expect_err("refused").to_string();
        assert!(told.contains(&format!("`{key}` stands here only where there are no rules")), "{told}");
    }
    let policy = |key: &str| read(&text(key, "")).expect("valid");
    assert!(policy("allowOneParty").allow_one_party && !policy("allowOneParty").require_reason);
    assert!(policy("requireReason").require_reason && !policy("requireReason").allow_one_party);
    assert!(!read(&format!("policy:\n  approvers: {{ people: [ b@c.d ] }}\n{rules}")).expect("valid").allow_one_party);
}

#[test]
fn a_policy_has_five_thousand_rules_and_no_more() {
    let rules = |count: u32| {
        let rule = |at| format!("{{ name: r{at}, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [] }}");
        let rules: Vec<String> = (0..count).map(rule).collect();
        read(&format!("policy: {{ approvers: {{ people: [ b@c.d ] }}, rules: [ {} ] }}\n", rules.join(",\n")))
    };
    assert_eq!(rules(5_000).expect("valid").rules.len(), 5_000);
    assert!(rules(5_001).expect_err("too many").to_string().contains("more than 5000 rules"));
}
