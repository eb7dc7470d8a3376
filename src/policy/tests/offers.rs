//! What forms, type-ahead and lists show: what some rule could let somebody have.

use super::{Office, who};
use crate::domain::access::{Attributes, Risk};
use crate::policy::offer::Partly;

/// Could this person come to have this? `chosen` are the arguments that are filled in; `role` and `env` are all.
fn offered(office: &Office, name: &str, service: &str, access_type: Option<(&str, Risk)>, chosen: &[(&str, &str)]) -> bool {
    let who = who(name);
    let needs = office.policy.needs_to_offer();
    let mut facts = office.facts.clone();
    facts.groups.retain(|group, _| needs.groups.contains(group));
    let attributes: Attributes =
        chosen.iter().map(|(arg, value)| ((*arg).to_owned(), [("id".to_owned(), vec![(*value).to_owned()])].into())).collect();
    let partly = |attributes| Partly { integration: service, also: &[], access_type, attributes, will_have: &["role", "env"] };
    let offer = office.policy.offer(&who, &facts);
    let none = Attributes::new();
    let narrowed = offer.narrowed(&partly(&none)).into_owned();
    let allowed = offer.allows(&partly(&attributes));
    assert_eq!(allowed, narrowed.allows(&partly(&attributes)), "narrowing changes no answer");
    allowed
}

const ROLE: Option<(&str, Risk)> = Some(("role", Risk::Low));

#[test]
fn what_some_rule_could_give_is_shown_and_nothing_else() {
    let office = Office::with(
        "- name: engineers
  requestor: { type: group, groups: [ { directory: okta, id: 00eng } ] }
  resource: { type: integration, service: pg, accessType: role, filters: { role: { effect: keep, key: id, pattern: ^read } } }
  approval: [ { type: p0 } ]
- { name: dan, requestor: { type: user, uid: dan@acme.example }, resource: { type: integration, service: aws }, approval: [ { type: p0 } ] }
- { name: off, disabled: true, requestor: { type: any }, resource: { type: any }, approval: [ { type: p0 } ] }
- { name: nobody, requestor: { type: any }, resource: { type: integration, service: gcloud }, approval: [] }",
    );
    assert!(offered(&office, "alice", "pg", None, &[]), "some access type of it");
    assert!(offered(&office, "alice", "pg", ROLE, &[]), "some role of it");
    assert!(offered(&office, "alice", "PG", ROLE, &[("role", "reader")]));
    assert!(!offered(&office, "alice", "pg", ROLE, &[("role", "writer")]));
    assert!(!offered(&office, "alice", "pg", Some(("sql", Risk::Low)), &[]));
    assert!(!offered(&office, "alice", "aws", ROLE, &[]) && offered(&office, "dan", "aws", ROLE, &[]));
    assert!(!offered(&office, "dan", "pg", ROLE, &[]), "he is no engineer");
    assert!(!offered(&office, "alice", "gcloud", ROLE, &[]), "nobody could give it");
    let twice = Office::with(
        "- { name: one, requestor: { type: any }, resource: { type: any }, approval: [ { type: p0 } ] }
- { name: two, requestor: { type: any }, resource: { type: any }, approval: [ { type: persistent } ] }",
    );
    assert!(offered(&twice, "alice", "pg", ROLE, &[]), "two rules that could give it");
    let mut unknown = office.clone();
    unknown.facts.groups.values_mut().for_each(|known| *known = Err("Okta did not answer.".to_owned()));
    assert!(offered(&unknown, "dan", "pg", ROLE, &[]), "shown; the ask is refused, with the reason");
}

#[test]
fn what_is_denied_whatever_else_is_chosen_is_not_shown() {
    let office = Office::with(
        "- { name: all, requestor: { type: any }, resource: { type: any }, approval: [ { type: p0 } ] }
- name: no-root
  requestor: { type: any }
  resource: { type: integration, service: pg, filters: { role: { effect: keep, key: id, pattern: ^root$ } } }
  approval: [ { type: deny } ]
- name: not-in-prod
  requestor: { type: any }
  resource: { type: integration, service: pg, filters: { role: { effect: keep, key: id, pattern: ^write }, env: { effect: keep, key: id, pattern: prod } } }
  approval: [ { type: deny } ]
- { name: by-night, requestor: { type: any }, resource: { type: integration, service: ssh }, approval: [ { type: deny } ], when: { from: '22:00', until: '06:00' } }
- { name: dangerous, requestor: { type: any }, resource: { type: any, risk: high }, approval: [ { type: deny } ] }",
    );
    assert!(offered(&office, "alice", "pg", ROLE, &[]) && !offered(&office, "alice", "pg", ROLE, &[("role", "root")]));
    assert!(offered(&office, "alice", "pg", ROLE, &[("role", "writer")]), "in another env");
    assert!(!offered(&office, "alice", "pg", ROLE, &[("role", "writer"), ("env", "prod")]));
    assert!(offered(&office, "alice", "pg", ROLE, &[("role", "writer"), ("env", "dev")]));
    assert!(offered(&office, "alice", "ssh", ROLE, &[]), "by day");
    assert!(offered(&office, "alice", "aws", Some(("role", Risk::Medium)), &[]));
    assert!(!offered(&office, "alice", "aws", Some(("role", Risk::High)), &[]));
    assert!(offered(&office, "alice", "aws", None, &[]), "one of less risk");
}

#[test]
fn the_form_wants_a_reason_when_every_way_does() {
    let needs = |rules: &str| {
        let office = Office::with(rules);
        let offer = office.policy.offer(&who("alice"), &office.facts);
        let none = Attributes::new();
        offer.needs_reason(&Partly { integration: "pg", also: &[], access_type: ROLE, attributes: &none, will_have: &[] })
    };
    let rule = |name: &str, approval: &str| {
        format!(
            "- {{ name: {name}, requestor: {{ type: any }}, resource: {{ type: integration, service: pg }}, approval: [ {approval} ] }}\n"
        )
    };
    let strict = "{ type: p0, options: { requireReason: true } }";
    assert!(needs(&rule("one", strict)));
    assert!(needs(&rule("one", &format!("{strict}, {{ type: break-glass }}"))), "an emergency needs one anyhow");
    assert!(!needs(&(rule("one", strict) + &rule("two", "{ type: persistent }"))));
    assert!(needs(&(rule("one", strict) + &rule("two", "{ type: persistent }").replace("service: pg", "service: aws"))));
    assert!(!needs(&rule("one", "")), "there is no way at all");
}
