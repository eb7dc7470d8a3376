//! How rules count together, and the additions to P0's.

use super::{Office, asks};
use crate::domain::access::Risk;
use crate::domain::time::{Span, Time};

fn rule(name: &str, approval: &str) -> String {
    format!("- {{ name: {name}, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {approval} ] }}\n")
}

const SRE: &str = "{ type: group, effect: keep, groups: [ { directory: okta, id: 00sre, label: SRE } ] }";

#[test]
fn all_rules_that_match_count_and_a_denial_wins() {
    let two = rule("one", "{ type: p0 }") + &rule("two", SRE);
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.approvers(&Office::with(&two)), ["rita", "sam", "sue"]);
    let open = two.clone() + &rule("three", "{ type: persistent }");
    assert_eq!(ask.comes_to(&Office::with(&open)), "at once for 1 day");
    for denied in [open.clone() + &rule("no", "{ type: deny }"), rule("no", "{ type: p0 }, { type: deny }") + &open] {
        assert_eq!(ask.comes_to(&Office::with(&denied)), "The access policy \"no\" denies this.");
        let ahead = Office::with(&denied).allowed_ahead("rita", Span::hours(1));
        assert_eq!(ask.comes_to(&ahead), "The access policy \"no\" denies this.");
    }
    let off = open + &rule("no", "{ type: deny }").replace("name: no", "name: no, disabled: true");
    assert_eq!(ask.comes_to(&Office::with(&off)), "at once for 1 day");
    assert!(
        ask.comes_to(&Office::with(&rule("x", SRE).replace("name: x", "name: x, disabled: true")))
            .starts_with("No access policy")
    );
}

#[test]
fn a_way_that_needs_something_does_not_exist_without_it() {
    let needs = rule("one", "{ type: p0, options: { requireReason: true } }");
    let either = needs.clone() + &rule("two", SRE);
    let silent = asks("alice", "aws policy", &[]).without_reason();
    assert!(silent.comes_to(&Office::with(&needs)).starts_with("Say why"));
    assert_eq!(silent.comes_to(&Office::with(&either)), "asks somebody of SRE");
    assert_eq!(silent.approvers(&Office::with(&either)), ["sam", "sue"], "rita only with a reason");
    assert!(Office::with(&needs).policy.in_force().len() == 1 && silent.analysis(&Office::with(&needs)).needs_reason);
    assert!(!silent.analysis(&Office::with(&either)).needs_reason, "one way does without");
}

#[test]
fn what_cannot_be_looked_up_refuses() {
    let rules = rule("open", "{ type: persistent }")
        + "- { name: contractors, requestor: { type: group, groups: [ { directory: okta, id: 00contract } ] }, resource: { type: any }, approval: [ { type: deny } ] }\n";
    let mut office = Office::with(&rules);
    assert_eq!(asks("alice", "aws policy", &[]).comes_to(&office), "at once for 1 day");
    for known in office.facts.groups.values_mut() {
        *known = Err("Okta did not answer.".to_owned());
    }
    let told = asks("alice", "aws policy", &[]).comes_to(&office);
    assert!(told.contains("could not be checked") && told.contains("Okta did not answer"), "{told}");

    let mut on_call = Office::with(&rule("on call", "{ type: auto, integration: pagerduty }"));
    for known in on_call.facts.on_call.values_mut() {
        *known = Err("PagerDuty did not answer.".to_owned());
    }
    assert!(asks("olga", "aws policy", &[]).comes_to(&on_call).contains("PagerDuty did not answer"));
}

#[test]
fn the_longest_is_the_rules_and_never_more_than_the_policys() {
    let of = |text: &str| {
        let rules = rule("it", "{ type: p0 }").replace("name: it", &format!("name: it, maxDuration: {text}"));
        asks("alice", "aws policy", &[]).analysis(&Office::with(&rules)).longest()
    };
    assert_eq!((of("4h"), of("52w")), (Span::hours(4), Span::days(7)));
    let on_call = rule("it", "{ type: auto, integration: pagerduty }").replace("name: it", "name: it, maxDuration: 20m");
    assert_eq!(asks("olga", "aws policy", &[]).comes_to(&Office::with(&on_call)), "at once for 20 minutes");
}

#[test]
fn a_rule_can_count_in_office_hours_only() {
    let rules = "- name: by day
  requestor: { type: any }
  resource: { type: any }
  approval: [ { type: persistent } ]
  when: { days: [mon, tue, wed, thu, fri], from: '09:00', until: '17:00', zone: Europe/Berlin }
- name: by night
  requestor: { type: any }
  resource: { type: any }
  approval: [ { type: p0 } ]
  when: { days: [fri], from: '22:00', until: '06:00' }";
    let mut office = Office::with(rules);
    let ask = asks("alice", "aws policy", &[]);
    let mut at = |hours: i64| {
        office.at = Time(1_800_000_000_000) + Span::hours(hours); // from Friday, 08:00 UTC
        ask.comes_to(&office)
    };
    assert_eq!(at(0), "at once for 1 day", "it is nine in Berlin");
    assert!(at(-1).starts_with("No access policy"));
    assert!(at(8).starts_with("No access policy"), "five in the afternoon is the end");
    assert_eq!(at(14), "asks a security reviewer");
    assert_eq!(at(21), "asks a security reviewer", "Friday's night goes on until six");
    assert!(at(22).starts_with("No access policy"));
    assert!(at(38).starts_with("No access policy"), "Saturday's does not begin");
    office.facts.zone = Some(Err("Nobody knows where she is.".to_owned()));
    assert!(ask.comes_to(&office).contains("Nobody knows where she is"));
}

#[test]
fn more_can_be_asked_where_more_harm_can_be_done() {
    let rules = rule("it", "{ type: persistent }")
        + "- { name: dangerous, requestor: { type: any }, resource: { type: any, risk: high }, approval: [ { type: deny } ] }\n";
    let mut ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.comes_to(&Office::with(&rules)), "at once for 1 day");
    ask.risk = Risk::Medium;
    assert_eq!(ask.comes_to(&Office::with(&rules)), "at once for 1 day");
    ask.risk = Risk::High;
    assert_eq!(ask.comes_to(&Office::with(&rules)), "The access policy \"dangerous\" denies this.");
}

#[test]
fn glass_is_broken_only_where_a_rule_lets_it_and_with_a_reason() {
    let rules = rule("usual", SRE)
        + &rule("emergencies", "{ type: break-glass }").replace("name: emergencies", "name: emergencies, maxDuration: 30m");
    let office = Office::with(&rules);
    let mut ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.comes_to(&office), "asks somebody of SRE");
    ask.break_glass = true;
    assert_eq!(ask.comes_to(&office), "at once for 30 minutes");
    assert!(ask.clone().without_reason().comes_to(&office).starts_with("Say why"));
    assert!(ask.comes_to(&Office::with(&rule("usual", SRE))).starts_with("No access policy lets you have this as an emergency"));
    let only = Office::with(&rule("emergencies", "{ type: break-glass }"));
    ask.break_glass = false;
    assert!(ask.comes_to(&only).starts_with("This can only be had in an emergency"));
    let denied = Office::with(&(rules + &rule("no", "{ type: deny }")));
    ask.break_glass = true;
    assert_eq!(ask.comes_to(&denied), "The access policy \"no\" denies this.");
}

#[test]
fn without_rules_the_reviewers_decide_and_whoever_is_on_call_need_not_ask() {
    let mut office = Office::with(&rule("gone", SRE));
    office.policy.rules.clear();
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.approvers(&office), ["olga", "rita"]);
    assert_eq!(asks("olga", "aws policy", &[]).comes_to(&office), "at once for 1 hour");
    assert_eq!(asks("rita", "aws policy", &[]).approvers(&office), ["olga"], "two parties");
    office.policy.allow_one_party = true;
    office.policy.on_call.clear();
    assert_eq!(asks("rita", "aws policy", &[]).approvers(&office), ["rita"]);
    office.policy.require_reason = true;
    assert!(ask.without_reason().comes_to(&office).starts_with("Say why"));
}

#[test]
fn of_several_values_each_passes_or_one_is_denied() {
    let filter = |effect: &str, approval: &str| {
        Office::with(&format!(
            "- {{ name: it, requestor: {{ type: any }}, approval: [ {{ type: {approval} }} ],
  resource: {{ type: integration, service: aws, filters: {{ env: {{ effect: {effect}, key: id, pattern: ^dev$ }} }} }} }}"
        ))
    };
    let both = asks("alice", "aws policy", &[("env.id", "dev"), ("env.id", "prod")]);
    let dev = asks("alice", "aws policy", &[("env.id", "dev")]);
    assert_eq!(dev.comes_to(&filter("keep", "persistent")), "at once for 1 day");
    assert!(both.comes_to(&filter("keep", "persistent")).starts_with("No access policy"), "prod does not ride along");
    assert!(both.comes_to(&filter("keep", "deny")).contains("denies"));
    assert!(both.comes_to(&filter("remove", "deny")).contains("denies"), "prod is not dev");
    assert!(both.comes_to(&filter("remove", "persistent")).starts_with("No access policy"));
    assert!(dev.comes_to(&filter("remove", "deny")).starts_with("No access policy"), "and nothing else is given");
}

#[test]
fn whose_groups_on_a_surface_are_not_known_is_refused() {
    use crate::domain::person::Handle;
    let rules = rule("open", "{ type: persistent }")
        + "- { name: contractors, requestor: { type: group, groups: [ { directory: okta, id: 00contract } ] }, resource: { type: any }, approval: [ { type: deny } ] }\n";
    let mut office = Office::with(&rules);
    let handle = Handle { surface: "slack".into(), realm: "T1".into(), handle: "U1".into() };
    let members = crate::domain::directory::Members { handles: [handle].into(), ..Default::default() };
    office.facts.groups.values_mut().for_each(|known| *known = Ok(std::sync::Arc::new(members.clone())));
    let told = asks("alice", "aws policy", &[]).comes_to(&office);
    assert!(told.contains("before they used P0 there once"), "{told}");
}

#[test]
fn a_rule_can_be_for_one_person() {
    let rules = rule("hers", "{ type: persistent }")
        .replace("{ type: any }, resource", "{ type: user, uid: alice@acme.example }, resource");
    assert_eq!(asks("alice", "aws policy", &[]).comes_to(&Office::with(&rules)), "at once for 1 day");
    assert!(asks("dan", "aws policy", &[]).comes_to(&Office::with(&rules)).starts_with("No access policy"));
}

#[test]
fn the_longest_of_what_is_given_at_once_counts_and_emergencies_are_nobodys_at_once() {
    let short = rule("short", "{ type: persistent }").replace("name: short", "name: short, maxDuration: 1h");
    let long = rule("long", "{ type: persistent }");
    for rules in [short.clone() + &long, long + &short] {
        assert_eq!(asks("alice", "aws policy", &[]).comes_to(&Office::with(&rules)), "at once for 1 day");
    }
    let mut ask = asks("olga", "ssh all", &[]);
    ask.emergency = true;
    let open = rule("open", "{ type: persistent }, { type: auto, integration: pagerduty }");
    assert!(ask.comes_to(&Office::with(&open)).starts_with("Nobody can have this"));
    ask.break_glass = true;
    assert_eq!(ask.comes_to(&Office::with(&rule("glass", "{ type: break-glass }"))), "at once for 1 hour");
    let mut office = Office::with(&rule("gone", SRE));
    office.policy.rules.clear();
    ask.break_glass = false;
    assert_eq!(ask.approvers(&office), ["rita"], "default approvals decide everything");
}

#[test]
fn of_two_that_give_the_same_the_first_is_told_of() {
    let office = Office::with(&(rule("one", "{ type: persistent }") + &rule("two", "{ type: persistent }")));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    assert_eq!(analysis.at_once.expect("given").rule, "one");
}

#[test]
fn each_entry_of_a_rule_can_be_allowed_ahead_of_time_by_its_own_approvers() {
    let sre = "{ type: group, groups: [ { directory: okta, id: 00sre } ] }";
    let office = Office::with(&rule("it", &format!("{{ type: user, uid: carl@acme.example }}, {sre}")));
    let ahead = |issuer| asks("alice", "aws policy", &[]).comes_to(&office.clone().allowed_ahead(issuer, Span::hours(1)));
    assert_eq!((ahead("sam").as_str(), ahead("carl").as_str()), ("at once for 1 hour", "at once for 1 hour"));
    assert!(ahead("dan").starts_with("asks"));
}

#[test]
fn what_does_not_match_says_why_in_words() {
    let rules =
        rule("window", "{ type: p0 }").replace("name: window", "name: window, when: { days: [sat], until: '09:00', zone: UTC }");
    let analysis = asks("alice", "aws policy", &[]).analysis(&Office::with(&rules));
    let told = analysis.rules[0].not.as_ref().expect("closed").to_string();
    assert!(told.contains("sat from 00:00 until 09:00, UTC"), "{told}");
}
