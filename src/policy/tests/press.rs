//! Who may say yes, and what a yes comes to.

use super::{Office, asks};
use crate::domain::time::Span;
use crate::policy::{MayNot, Yes};

fn rule(approval: &str) -> String {
    format!("- {{ name: it, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {approval} ] }}\n")
}

const SRE: &str = "{ type: group, effect: keep, groups: [ { directory: okta, id: 00sre, label: SRE } ] }";

#[test]
fn two_of_a_group_and_then_the_owner() {
    let steps = format!(
        "{{ type: steps, steps: [ {{ count: 2, approvers: [ {SRE} ] }}, {{ approvers: [ {{ type: user, uid: mona@acme.example }} ] }} ] }}"
    );
    let office = Office::with(&rule(&steps));
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.comes_to(&office), "asks 2 of (somebody of SRE), then mona@acme.example");
    let more = |press| match press {
        Ok(Yes::More(progress)) => (progress.step, progress.have, progress.need),
        other => panic!("{other:?}"),
    };
    assert_eq!(more(ask.press(&office, "sam", &[])), (1, 1, 2));
    assert_eq!(more(ask.press(&office, "sue", &["sam"])), (2, 0, 1));
    assert_eq!(
        ask.press(&office, "mona", &["sam", "sue"]),
        Ok(Yes::Done { rule: "it".to_owned(), longest: Span::days(7), place: super::who("mona").id })
    );
    let told = |press: Result<Yes, MayNot>| press.expect_err("not").to_string();
    assert!(told(ask.press(&office, "sam", &["sam"])).starts_with("You said yes to this already"));
    assert!(told(ask.press(&office, "mona", &["sam"])).contains("not your turn yet"));
    assert!(told(ask.press(&office, "dan", &["sam"])).starts_with("Only approvers"));
    // Whoever left the group since counts no more.
    let mut left = office.clone();
    left.facts.groups.values_mut().for_each(|known| *known = Ok(super::members(&["sue", "sally"])));
    assert_eq!(more(ask.press(&left, "sue", &["sam"])), (1, 1, 2));
    assert_eq!(more(ask.press(&left, "sally", &["sam", "sue"])), (2, 0, 1));
}

#[test]
fn nobody_approves_the_own_request_unless_the_entry_lets_them() {
    let ask = asks("sam", "aws policy", &[]);
    let office = Office::with(&rule(SRE));
    assert_eq!(ask.press(&office, "sam", &[]), Err(MayNot::OwnRequest));
    assert!(ask.press(&office, "sue", &[]).is_ok());
    let one_party = Office::with(&rule(&SRE.replace(" }", ", options: { allowOneParty: true } }").replacen(
        ", options: { allowOneParty: true } }",
        " }",
        1,
    )));
    assert!(ask.press(&one_party, "sam", &[]).is_ok());
    assert_eq!(asks("dan", "aws policy", &[]).press(&one_party, "dan", &[]), Err(MayNot::NotApprover), "and only an approver");
}

#[test]
fn somebody_decides_in_the_place_of_whoever_is_away() {
    let office = Office::with(&rule(SRE)).away("sam", "dan");
    let ask = asks("alice", "aws policy", &[]);
    assert!(ask.press(&office, "dan", &[]).is_ok());
    assert_eq!(asks("dan", "aws policy", &[]).press(&office, "dan", &[]), Err(MayNot::OwnRequest), "not to the own request");
    assert!(asks("sam", "aws policy", &[]).press(&office, "dan", &[]).is_err(), "nor to that of whom he stands in for");
    let two = format!("{{ type: steps, steps: [ {{ count: 2, approvers: [ {SRE} ] }} ] }}");
    let office = Office::with(&rule(&two)).away("sam", "dan");
    for (second, first) in [("sam", "dan"), ("dan", "sam")] {
        assert!(ask.press(&office, second, &[first]).is_err(), "one place counts once");
    }
    assert_eq!(ask.press(&office, "dan", &["sam"]), Err(MayNot::NotApprover), "there is no other place for him");
    assert!(matches!(ask.press(&office, "sue", &["dan"]), Ok(Yes::Done { .. })));
}

#[test]
fn who_is_asked_are_those_outside_a_group_where_a_rule_says_so() {
    let outside = SRE.replace("effect: keep", "effect: remove");
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.comes_to(&Office::with(&rule(&outside))), "asks anybody outside SRE");
    assert_eq!(ask.approvers(&Office::with(&rule(&outside))), ["cora", "dan", "mona", "olga", "rita", "sally"]);
}

#[test]
fn a_directory_that_is_down_lets_nobody_decide_and_says_so() {
    let mut office = Office::with(&rule(SRE));
    office.facts.groups.values_mut().for_each(|known| *known = Err("Okta did not answer.".to_owned()));
    let ask = asks("alice", "aws policy", &[]);
    assert!(matches!(ask.press(&office, "sam", &[]), Err(MayNot::Unknown(why)) if why.contains("Okta")));
}

#[test]
fn yeses_that_suffice_by_laxer_rules_are_counted_at_the_next_press() {
    let office = Office::with(&rule(SRE));
    let ask = asks("alice", "aws policy", &[]);
    assert!(matches!(ask.press(&office, "sue", &["sam"]), Ok(Yes::Done { .. })), "two were needed when sam said yes");
    assert!(ask.press(&office, "dan", &["sam"]).is_err(), "only by its approvers");
}

#[test]
fn nobody_allows_ahead_of_time_for_whom_they_stand_in() {
    let office = Office::with(&rule(SRE)).away("sam", "dan");
    let ask = asks("sam", "aws policy", &[]);
    assert_eq!(ask.comes_to(&office.clone().allowed_ahead("dan", Span::hours(1))), "asks somebody of SRE");
    assert_eq!(ask.comes_to(&office.clone().allowed_ahead("sue", Span::hours(1))), "at once for 1 hour");
    assert_eq!(asks("alice", "aws policy", &[]).comes_to(&office.allowed_ahead("dan", Span::hours(1))), "at once for 1 hour");
}

#[test]
fn who_decides_by_a_rule_may_take_away_while_it_does_not_count() {
    let closed = rule(SRE) + "- { name: no, requestor: { type: any }, resource: { type: any }, approval: [ { type: deny } ] }\n";
    let office = Office::with(&closed);
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let decides = |name| analysis.decides(&office.policy, &office.facts, &super::who(name));
    assert_eq!((decides("sam"), decides("rita"), decides("dan")), (Ok(()), Ok(()), Err(MayNot::NotApprover)));
}

#[test]
fn who_may_say_no_and_who_may_allow_it() {
    let office = Office::with(&rule(SRE));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let ids = [super::who("alice").id, super::who("sam").id];
    let deny = |actor: &str, requestor: usize, principal: usize| {
        let actor = super::who(actor);
        let press = crate::policy::Press { actor: &actor, requestor: &ids[requestor], principal: &ids[principal], before: &[] };
        analysis.deny(&office.policy, &office.facts, press)
    };
    assert_eq!((deny("sam", 0, 0), deny("rita", 0, 0)), (Ok(()), Ok(())));
    assert_eq!(deny("dan", 0, 0), Err(MayNot::NotApprover));
    assert!(deny("sam", 1, 0).is_err() && deny("sam", 0, 1).is_err(), "not the own, asked or received: it can be taken back");

    let allows = |issuer: &str| analysis.allows(&office.policy, &office.facts, &super::who(issuer), &super::who("alice"));
    assert_eq!(allows("sam"), Ok(Span::days(7)));
    assert_eq!((allows("dan"), allows("alice")), (Err(MayNot::NotApprover), Err(MayNot::NotApprover)));
}

#[test]
fn the_way_that_gives_longest_counts_and_the_one_nearest_its_end_is_told_of() {
    let two = format!("{{ type: steps, steps: [ {{ count: 3, approvers: [ {SRE}, {{ type: p0 }} ] }} ] }}");
    let three = format!("{{ type: steps, steps: [ {{ count: 2, approvers: [ {SRE} ] }} ] }}");
    let office = Office::with(&rule(&format!("{two}, {three}")));
    let ask = asks("alice", "aws policy", &[]);
    match ask.press(&office, "sam", &[]) {
        Ok(Yes::More(progress)) => {
            assert_eq!(progress.who(), "somebody of SRE");
            assert_eq!((progress.have, progress.need, progress.place), (1, 2, Some(super::who("sam").id)));
        }
        other => panic!("{other:?}"),
    }
    let long = rule(SRE).replace("name: it", "name: long");
    let office = Office::with(&(rule(SRE).replace("name: it", "name: it, maxDuration: 1h") + &long));
    assert!(matches!(ask.press(&office, "sam", &[]), Ok(Yes::Done { longest, .. }) if longest == Span::days(7)));
    let turned = Office::with(&(long + &rule(SRE).replace("name: it", "name: it, maxDuration: 1h")));
    assert!(matches!(ask.press(&turned, "sam", &[]), Ok(Yes::Done { longest, .. }) if longest == Span::days(7)));
}

#[test]
fn how_far_it_is_is_told_to_everybody() {
    let steps =
        format!("{{ type: steps, steps: [ {{ count: 2, approvers: [ {SRE} ] }}, {{ approvers: [ {{ type: p0 }} ] }} ] }}");
    let office = Office::with(&rule(&steps));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let (alice, before) = (super::who("alice"), [super::who("sam")]);
    let press = |before| crate::policy::Press { actor: &alice, requestor: &alice.id, principal: &alice.id, before };
    let far = analysis.progress(&office.policy, &office.facts, press(&before)).expect("somebody said yes");
    assert_eq!((far.step, far.steps, far.have, far.need), (1, 2, 1, 2));
}

#[test]
fn a_role_can_be_held_by_a_group() {
    let mut office = Office::with(&rule("{ type: p0 }"));
    office.policy.reviewers.groups.push(crate::domain::directory::Group { directory: "okta".to_owned(), id: "00sec".to_owned() });
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.approvers(&office), ["rita", "sally"]);
    office.facts.groups.values_mut().for_each(|known| *known = Err("Okta did not answer.".to_owned()));
    assert!(ask.press(&office, "rita", &[]).is_ok(), "she is named");
    assert!(matches!(ask.press(&office, "sally", &[]), Err(MayNot::Unknown(_))));
}

#[test]
fn an_approver_may_allow_it_to_themselves_only_where_the_entry_lets_them() {
    let one_party = rule("{ type: p0, options: { allowOneParty: true } }");
    let ahead =
        |rules: &str| asks("rita", "aws policy", &[]).comes_to(&Office::with(rules).allowed_ahead("rita", Span::hours(1)));
    assert_eq!(ahead(&one_party), "at once for 1 hour");
    assert_eq!(ahead(&rule("{ type: p0 }")), "asks a security reviewer");
}

/// Two people of SRE, by a rule of this name.
fn two_of_sre(name: &str) -> String {
    rule(&format!("{{ type: steps, steps: [ {{ count: 2, approvers: [ {SRE} ] }} ] }}"))
        .replace("name: it", &format!("name: {name}"))
}

#[test]
fn nobody_decides_what_they_asked_for_somebody_else_or_receive_themselves() {
    let office = Office::with(&rule(SRE));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let (sam, sue, alice) = (super::who("sam"), super::who("sue"), super::who("alice"));
    let press = |actor, requestor: &super::Who, principal: &super::Who| {
        let press = crate::policy::Press { actor, requestor: &requestor.id, principal: &principal.id, before: &[] };
        analysis.approve(&office.policy, &office.facts, press)
    };
    assert_eq!(press(&sam, &sam, &alice), Err(MayNot::OwnRequest), "who asked for somebody");
    assert_eq!(press(&sam, &alice, &sam), Err(MayNot::OwnRequest), "for whom somebody asked");
    assert!(matches!(press(&sue, &sam, &alice), Ok(Yes::Done { .. })));
    // A yes that was said before and is one's own by now does not count.
    let office = Office::with(&two_of_sre("two"));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let before = [sam.clone()];
    let press = crate::policy::Press { actor: &sue, requestor: &sam.id, principal: &alice.id, before: &before };
    assert!(matches!(analysis.approve(&office.policy, &office.facts, press), Ok(Yes::More(far)) if far.have == 1));
}

#[test]
fn what_somebody_is_told_who_may_not_is_what_helps_them_most() {
    let mona = "{ approvers: [ { type: user, uid: mona@acme.example } ] }";
    let steps =
        format!("{{ type: steps, steps: [ {mona}, {{ approvers: [ {SRE}, {{ type: user, uid: mona@acme.example }} ] }} ] }}");
    let office = Office::with(&rule(&steps));
    let ask = asks("alice", "aws policy", &[]);
    assert_eq!(ask.press(&office, "sam", &[]), Err(MayNot::NotYet("mona@acme.example".to_owned())));
    let again = "somebody of SRE, or mona@acme.example".to_owned();
    assert_eq!(ask.press(&office, "mona", &["mona"]), Err(MayNot::Again(again)), "and not that it is not her turn");
    // An own request by one rule, another's turn by the next: the first is what stands in the way.
    let both = rule(SRE) + &rule(&steps).replace("name: it", "name: later");
    assert_eq!(asks("sam", "aws policy", &[]).press(&Office::with(&both), "sam", &[]), Err(MayNot::OwnRequest));
    let denied = rule("{ type: deny }");
    let refused = ask.press(&Office::with(&denied), "sam", &[]).expect_err("denied").to_string();
    assert_eq!(refused, "Nobody can approve this as the access policies are now. The access policy \"it\" denies this.");
}

#[test]
fn how_far_it_is_is_told_of_the_way_that_somebody_said_yes_on() {
    let far = |office: &Office, before: &[&str]| {
        let analysis = asks("alice", "aws policy", &[]).analysis(office);
        let (alice, before) = (super::who("alice"), before.iter().map(|name| super::who(name)).collect::<Vec<_>>());
        let press = crate::policy::Press { actor: &alice, requestor: &alice.id, principal: &alice.id, before: &before };
        analysis.progress(&office.policy, &office.facts, press).map(|far| (far.rule, far.have, far.need))
    };
    let alone = rule("{ type: p0 }").replace("name: it", "name: alone");
    let both = Office::with(&(two_of_sre("two") + &alone));
    assert_eq!(far(&both, &[]), None, "one yes of a reviewer is enough");
    assert_eq!(far(&both, &["sam"]), Some(("two".to_owned(), 1, 2)));
    let three = two_of_sre("three").replace("count: 2", "count: 3");
    let longer = Office::with(&(three.clone() + &two_of_sre("two")));
    assert_eq!(far(&longer, &[]), Some(("two".to_owned(), 0, 2)), "the nearest");
    assert_eq!(far(&longer, &["sam"]), Some(("two".to_owned(), 1, 2)));
    let other = three.replace("SRE }", "SRE }, { directory: okta, id: 00sec, label: Security }");
    let other = Office::with(&(two_of_sre("two") + &other));
    assert_eq!(far(&other, &["sally"]), Some(("three".to_owned(), 1, 3)), "though the other lacks no more");
    assert_eq!(far(&Office::with(&rule("{ type: p0 }")), &[]), None);
}

#[test]
fn who_could_say_yes_is_listed_where_it_can_be() {
    let may = |approval: &str, own: &[&str]| {
        let office = Office::with(&rule(approval));
        let analysis = asks("alice", "aws policy", &[]).analysis(&office);
        let own: Vec<super::Who> = own.iter().map(|name| super::who(name)).collect();
        let alice = super::who("alice");
        let press = crate::policy::Press { actor: &alice, requestor: &alice.id, principal: &alice.id, before: &[] };
        let all = analysis.who_may(&office.policy, &office.facts, press, &own.iter().collect::<Vec<_>>())?;
        Some(all.emails.iter().map(|it| it.as_str().trim_end_matches("@acme.example").to_owned()).collect::<Vec<_>>().join(" "))
    };
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(may(SRE, &[]), said("sam sue"));
    assert_eq!(may(SRE, &["sam"]), said("sue"), "but for whose own request it is");
    assert_eq!(may(&SRE.replace(" ] }", " ], options: { allowOneParty: true } }"), &["sam"]), said("sam sue"));
    assert_eq!(may("{ type: p0 }", &[]), said("rita"));
    assert_eq!(may("{ type: requestor-profile, directory: okta, profileProperty: manager }", &[]), said("mona"));
    assert_eq!(may("{ type: requestor-profile, directory: okta, profileProperty: buddy }", &[]), None, "nobody looked");
    assert_eq!(may("{ type: escalation, integration: pagerduty, services: [ security-escalation ] }", &[]), said("olga"));
    assert_eq!(may("{ type: user, uid: carl@acme.example }", &[]), said("carl"));
    assert_eq!(may(&SRE.replace("effect: keep", "effect: remove"), &[]), None, "everybody outside a group");
    assert_eq!(may(&format!("{SRE}, {{ type: user, uid: carl@acme.example }}"), &[]), said("carl sam sue"));
}

#[test]
fn who_allows_ahead_of_time_allows_as_long_as_their_longest_rule() {
    let short = rule(SRE).replace("name: it", "maxDuration: 1h, name: short");
    let long = rule(SRE).replace("name: it", "maxDuration: 3h, name: long");
    let other = rule("{ type: p0 }").replace("name: it", "maxDuration: 9h, name: other");
    let allows = |office: &Office, issuer: &str, principal: &'static str| {
        let analysis = asks(principal, "aws policy", &[]).analysis(office);
        analysis.allows(&office.policy, &office.facts, &super::who(issuer), &super::who(principal))
    };
    for rules in [format!("{short}{long}{other}"), format!("{other}{long}{short}")] {
        assert_eq!(allows(&Office::with(&rules), "sam", "alice"), Ok(Span::hours(3)));
    }
    assert_eq!(allows(&Office::with(&long), "sam", "sam"), Err(MayNot::NotApprover), "not to themselves");
    assert_eq!(allows(&Office::with(&two_of_sre("two")), "sam", "alice"), Err(MayNot::NotApprover), "not what takes two");
    let ahead_only = long.replace(" ] } ] }", " ], options: { requirePreapproval: true } } ] }");
    assert_eq!(allows(&Office::with(&ahead_only), "sam", "alice"), Ok(Span::hours(3)), "that is what it is for");
    let refused = |office: &Office| allows(office, "sam", "alice").expect_err("refused").to_string();
    assert!(refused(&Office::with(&rule("{ type: deny }"))).contains("denies this"));
    assert!(
        refused(&Office::with(&long.replace("type: any }, resource", "type: user, uid: carl@acme.example }, resource")))
            .contains("No access policy matches")
    );
    let mut down = Office::with(&long);
    down.facts.groups.values_mut().for_each(|known| *known = Err("Okta did not answer.".to_owned()));
    assert!(matches!(allows(&down, "sam", "alice"), Err(MayNot::Unknown(why)) if why.contains("Okta")));
}

#[test]
fn who_says_yes_twice_counts_once_and_not_in_the_own_request() {
    let three = two_of_sre("three").replace("count: 2", "count: 3");
    let office = Office::with(&three.replace("SRE }", "SRE }, { directory: okta, id: 00sec, label: Security }"));
    let ask = asks("alice", "aws policy", &[]);
    let have = |press: Result<Yes, MayNot>| match press {
        Ok(Yes::More(far)) => far.have,
        other => panic!("{other:?}"),
    };
    assert_eq!(have(ask.press(&office, "sue", &["sam", "sam"])), 2, "sam counts once");
    assert_eq!(have(asks("sam", "aws policy", &[]).press(&office, "sue", &["sam"])), 1, "and not for himself");
    let instead = office.away("sue", "sam");
    assert_eq!(have(ask.press(&instead, "sally", &["sam", "sam"])), 2, "nor once more in sue's place");
    assert_eq!(have(asks("sam", "aws policy", &[]).press(&instead, "sally", &["sam"])), 1, "nor in hers for himself");
}

#[test]
fn the_steps_that_follow_are_told_without_the_one_that_is_open() {
    let step = |name: &str| format!("{{ approvers: [ {{ type: user, uid: {name}@acme.example }} ] }}");
    let steps = format!("{{ type: steps, steps: [ {}, {}, {} ] }}", step("mona"), step("olga"), step("rita"));
    let office = Office::with(&rule(&steps));
    match asks("alice", "aws policy", &[]).press(&office, "mona", &[]) {
        Ok(Yes::More(far)) => assert_eq!((far.step, far.then), (2, vec!["rita@acme.example".to_owned()])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_known_of_a_request_is_told_to_who_presses() {
    let group = rule("{ type: p0 }")
        .replace("requestor: { type: any }", "requestor: { type: group, groups: [ { directory: okta, id: 00eng } ] }");
    let mut office = Office::with(&group);
    office.facts.groups.values_mut().for_each(|known| *known = Err("Okta did not answer.".to_owned()));
    let pressed = asks("alice", "aws policy", &[]).press(&office, "rita", &[]);
    assert!(matches!(pressed, Err(MayNot::Unknown(why)) if why.contains("Okta")));
}

#[test]
fn the_way_nearest_its_end_is_told_of_whatever_the_order() {
    let four = two_of_sre("four").replace("count: 2", "count: 4");
    for rules in [format!("{}{four}", two_of_sre("two")), format!("{four}{}", two_of_sre("two"))] {
        match asks("alice", "aws policy", &[]).press(&Office::with(&rules), "sam", &[]) {
            Ok(Yes::More(far)) => assert_eq!((far.rule.as_str(), far.need), ("two", 2)),
            other => panic!("{other:?}"),
        }
    }
    let same = two_of_sre("one") + &two_of_sre("two");
    let told = asks("alice", "aws policy", &[]).press(&Office::with(&same), "sam", &[]);
    assert!(matches!(told, Ok(Yes::More(far)) if far.rule == "one"), "the first of two alike");
}

#[test]
fn who_only_a_disabled_rule_or_one_for_something_else_names_decides_nothing() {
    let sre = |more: &str| rule(SRE).replace("name: it", &format!("name: {more}"));
    let rules = sre("off, disabled: true")
        + &sre("other").replace("resource: { type: any }", "resource: { type: integration, service: k8s }");
    let office = Office::with(&(rules + &rule("{ type: p0 }")));
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let decides = |name| analysis.decides(&office.policy, &office.facts, &super::who(name));
    assert_eq!((decides("sam"), decides("rita")), (Err(MayNot::NotApprover), Ok(())));
}

#[test]
fn whose_own_request_it_is_is_not_listed_by_their_name_on_a_surface_either() {
    let mut office = Office::with(&rule(SRE));
    let named = |name: &str| crate::domain::person::Handle { surface: "slack".into(), realm: "T1".into(), handle: name.into() };
    let members = crate::domain::directory::Members { handles: [named("U1"), named("U2")].into(), ..Default::default() };
    office.facts.groups.values_mut().for_each(|known| *known = Ok(std::sync::Arc::new(members.clone())));
    let sam = super::Who { handles: vec![named("U1")], ..super::who("sam") };
    let analysis = asks("alice", "aws policy", &[]).analysis(&office);
    let press = crate::policy::Press { actor: &sam, requestor: &sam.id, principal: &sam.id, before: &[] };
    let all = analysis.who_may(&office.policy, &office.facts, press, &[&sam]).expect("listed");
    assert_eq!(all.handles, [named("U2")].into());
}

#[test]
fn approvers_are_called_what_people_call_them() {
    let words = |services: &[&str]| {
        crate::policy::rule::Approver::OnCall {
            integration: "pagerduty".to_owned(),
            services: services.iter().map(|it| (*it).to_owned()).collect(),
        }
        .to_string()
    };
    assert_eq!(
        (words(&[]).as_str(), words(&["shop", "web"]).as_str()),
        ("whoever is on call in pagerduty", "whoever is on call for shop or web")
    );
}
