//! Limits, and the section of the configuration they stand in.

use super::*;
use crate::domain::outside::tests::Still;

fn read(text: &str) -> Result<Policy, BadYaml> {
    Policy::read(&Section::whole("p0.yaml", text).child("policy"), &["slack"])
}

#[test]
fn a_policy_has_sensible_limits_of_its_own() {
    let policy = read("policy:\n  approvers: { people: [ Bob@Acme.example ], groups: [ 'slack:S1' ] }\n").expect("valid");
    assert_eq!(policy.people, [Email::parse("bob@acme.example").expect("an address")]);
    assert_eq!(policy.durations, [30, 60, 240, 480].map(Span::minutes));
    assert_eq!(policy.durations_for(Span::hours(2), policy.longest).len(), 5);
    assert_eq!(policy.durations_for(Span::hours(1), policy.longest_for(Some(Span::hours(1)))).len(), 2);
    assert_eq!(policy.durations_for(Span::hours(1), Span::minutes(40)), [30, 40].map(Span::minutes));
    assert_eq!(policy.at_once, None);
    assert_eq!(policy.groups[0].to_string(), "slack:S1");
    let all = read("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 12h }\n").expect("as long as anything");
    assert_eq!(all.at_once, Some(Span::hours(12)));
    assert_eq!(fingerprint("one"), fingerprint("one"));
    assert_ne!(fingerprint("one"), fingerprint("two"));
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (text, part) in [
        ("organisation: {}\n", "approvers"),
        ("policy:\n  approvers: { people: [] }\n", "line 2"),
        ("policy:\n  approvers: { people: [ bob ] }\n", "not an e-mail"),
        ("policy:\n  approvers: { groups: [ S1 ] }\n", "slack:GROUP"),
        ("policy:\n  approvers: { groups: [ 'teams:S1' ] }\n", "slack:GROUP"),
        ("policy:\n  approvers: { groups: [ 'slack: ' ] }\n", "slack:GROUP"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  longest: 1h\n  durations: [ 2h ]\n", "line 4"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  durations: []\n", "between 1 and 90"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: { atOnce: 2 days }\n", "longer than `longest`"),
        ("policy:\n  approvers: { people: [ b@c.d ] }\n  extensions: {}\n", "atOnce"),
        ("policy:\n  approver: { people: [ b@c.d ] }\n", "unknown field"),
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
fn nobody_approves_the_own_request_unless_allowed_and_an_approver() {
    let ids: Vec<PersonId> = (0..3).map(|n| PersonId::new(&Still(Time(n)))).collect();
    let [alice, bob, carol] = ids.as_slice() else { panic!("three people") };
    let approvers = [alice.clone(), bob.clone()];
    let press = |actor, in_group| Press { actor, requestor: alice, principal: alice, approvers: &approvers, in_group };
    let mut policy = read("policy:\n  approvers: { people: [ a@b.c ] }\n").expect("valid");
    assert_eq!(policy.may_decide(press(bob, Ok(false))), Ok(()));
    assert_eq!(policy.may_decide(press(alice, Ok(false))), Err(MayNot::OwnRequest));
    assert_eq!(policy.may_decide(press(carol, Ok(false))), Err(MayNot::NotApprover));
    assert_eq!(policy.may_decide(press(carol, Ok(true))), Ok(()));
    assert!(matches!(policy.may_decide(press(carol, Err("Slack did not answer."))), Err(MayNot::Unknown(_))));
    policy.allow_one_party = true;
    assert_eq!(policy.may_decide(press(alice, Ok(false))), Ok(()));
    policy.allow_one_party = false;
    let for_alice = Press { requestor: carol, ..press(alice, Ok(false)) };
    assert_eq!(policy.may_decide(for_alice), Err(MayNot::OwnRequest), "it is alice who would have it");
    let by_alice = Press { principal: carol, ..press(alice, Ok(false)) };
    assert_eq!(policy.may_decide(by_alice), Err(MayNot::OwnRequest));
    let none = [bob.clone()];
    let own = Press { actor: alice, requestor: alice, principal: alice, approvers: &none, in_group: Ok(false) };
    assert_eq!(policy.may_decide(own), Err(MayNot::NotApprover));
}
