//! The examples of P0's documentation and of ours, as they are written there.

use super::{Office, asks};
use crate::domain::time::Span;

/// Ours, all together.
const RULES: &str = r#"
# a. production subscription is off limits
- name: no-prod-azure
  requestor: { type: any }
  resource:
    type: integration
    service: azure
    accessType: any
    filters: { subscription: { effect: keep, key: id, pattern: 1111-prod } }
  approval: [ { type: deny } ]
# c. on-call gets BigQuery roles at once; others ask the reviewers
- name: bq-oncall
  requestor: { type: any }
  resource:
    type: integration
    service: gcloud
    filters:
      role: { effect: keep, key: id, pattern: "^roles/bigquery\\." }
      permission: { effect: removeAll }
      resource: { effect: keep, key: type, pattern: "^(dataset|table)$" }
  approval:
    - { type: auto, integration: pagerduty, options: { requireReason: true } }
    - { type: p0 }
# d. SSH without sudo is always open to engineers; sudo needs a person
- name: ssh-plain
  requestor: { type: group, effect: keep, groups: [ { directory: okta, id: 00eng, label: Engineers } ] }
  resource:
    type: integration
    service: ssh
    accessType: session
    filters: { sudo: { effect: keep, value: false }, provider: { effect: keep, key: id, pattern: ^aws$ } }
  approval: [ { type: persistent } ]
- name: ssh-sudo
  requestor: { type: group, effect: keep, groups: [ { directory: okta, id: 00eng, label: Engineers } ] }
  resource: { type: integration, service: ssh, accessType: session, filters: { sudo: { effect: keep, value: true } } }
  approval: [ { type: group, effect: keep, groups: [ { directory: okta, id: 00sre, label: SRE } ] } ]
# e. break glass
- name: ssh-all
  requestor: { type: any }
  resource: { type: integration, service: ssh, accessType: all }
  approval:
    - type: p0
      options: { breakGlassApprover: true, requireReason: true, requireDuration: true }
# f. contractors only with a pre-approval
- name: contractors
  requestor: { type: group, effect: keep, groups: [ { directory: okta, id: 00contract, label: Contractors } ] }
  resource: { type: integration, service: aws }
  approval:
    - type: group
      effect: keep
      groups: [ { directory: okta, id: 00sec, label: Security } ]
      options: { requirePreapproval: true }
"#;

#[test]
fn a_production_subscription_is_off_limits() {
    let office = Office::with(RULES);
    let prod = asks("alice", "azure resource", &[("subscription.id", "1111-prod"), ("resource.name", "db")]);
    assert_eq!(prod.comes_to(&office), "The access policy \"no-prod-azure\" denies this.");
    let dev = asks("alice", "azure resource", &[("subscription.id", "2222-dev"), ("resource.name", "db")]);
    assert!(dev.comes_to(&office).starts_with("No access policy lets you"), "rules, and none matches: refused");
}

#[test]
fn the_manager_decides_and_wants_a_reason() {
    let office = Office::with(
        "- name: manager-approval
  requestor: { type: any }
  resource: { type: any }
  approval:
    - type: requestor-profile
      directory: okta
      profileProperty: manager
      options: { requireReason: true }",
    );
    let ask = asks("alice", "aws policy", &[("policy.name", "ReadOnly")]);
    assert_eq!(ask.approvers(&office), ["mona"]);
    assert!(ask.analysis(&office).needs_reason);
    assert!(ask.without_reason().comes_to(&office).starts_with("Say why you need this"));
}

#[test]
fn whoever_is_on_call_gets_bigquery_roles_at_once_and_others_ask() {
    let office = Office::with(RULES);
    let role = [("role.id", "roles/bigquery.dataViewer")];
    assert_eq!(asks("olga", "gcloud role", &role).comes_to(&office), "at once for 1 hour");
    assert_eq!(asks("alice", "gcloud role", &role).comes_to(&office), "asks a security reviewer");
    assert_eq!(asks("alice", "gcloud role", &role).approvers(&office), ["rita"]);
    assert_eq!(asks("olga", "gcloud role", &role).without_reason().comes_to(&office), "asks a security reviewer");
    for (what, attributes) in [
        ("gcloud role", [("role.id", "roles/owner")]),
        ("gcloud permission", [("permission.id", "bigquery.datasets.get")]),
        ("gcloud resource", [("resource.type", "bucket")]),
    ] {
        assert!(asks("olga", what, &attributes).comes_to(&office).starts_with("No access policy"), "{what} {attributes:?}");
    }
    assert_eq!(asks("olga", "gcloud resource", &[("resource.type", "table")]).comes_to(&office), "at once for 1 hour");
}

#[test]
fn plain_ssh_is_open_to_engineers_and_sudo_needs_a_person() {
    let office = Office::with(RULES);
    let ssh = |who, sudo, provider| asks(who, "ssh session", &[("sudo", sudo), ("provider.id", provider)]);
    assert_eq!(ssh("alice", "false", "aws").comes_to(&office), "at once for 1 day");
    assert_eq!(ssh("alice", "true", "aws").comes_to(&office), "asks somebody of SRE");
    assert!(ssh("alice", "false", "gcloud").comes_to(&office).starts_with("No access policy"));
    assert!(ssh("dan", "false", "aws").comes_to(&office).starts_with("No access policy"), "he is no engineer");
    assert_eq!(ssh("sam", "true", "aws").approvers(&office), ["sue"], "nobody approves the own request");
}

#[test]
fn every_ssh_resource_at_once_is_for_approvers_who_may_break_glass() {
    let office = Office::with(RULES);
    let mut all = asks("alice", "ssh all", &[]);
    all.emergency = true;
    assert_eq!(all.approvers(&office), ["rita"]);
    assert!(all.clone().without_reason().comes_to(&office).starts_with("Say why"));
    all.length = None;
    assert!(all.comes_to(&office).starts_with("Say for how long"));
    let office = Office::with(&RULES.replace("breakGlassApprover: true, ", ""));
    all.length = Some(Span::hours(1));
    assert!(all.comes_to(&office).starts_with("Nobody can have this"), "no approver may break glass");
}

#[test]
fn contractors_need_it_allowed_ahead_of_time() {
    let office = Office::with(RULES);
    let ask = asks("cora", "aws policy", &[("policy.name", "ReadOnly")]);
    assert!(ask.comes_to(&office).starts_with("This can only be had when it was allowed ahead of time"));
    assert_eq!(ask.approvers(&office), [""; 0]);
    assert_eq!(ask.comes_to(&office.clone().allowed_ahead("sally", Span::hours(2))), "at once for 2 hours");
    let by_another = office.clone().allowed_ahead("sam", Span::hours(2));
    assert!(ask.comes_to(&by_another).starts_with("This can only be had"), "sam may not allow it, or may no more");
    let by_herself = office.allowed_ahead("cora", Span::hours(2));
    assert!(ask.comes_to(&by_herself).starts_with("This can only be had"));
}

/// What P0's documentation shows, one rule each.
#[test]
fn published_examples_route_as_they_are_documented() {
    let group =
        |id, label| format!("{{ type: group, effect: keep, groups: [ {{ directory: okta, id: {id}, label: {label} }} ] }}");
    let (eng, data, sre) = (group("00eng", "Engineering"), group("00data", "Data"), group("00sre", "SRE"));
    let one = |requestor: &str, resource: &str, approval: &str| {
        Office::with(&format!("- name: it\n  requestor: {requestor}\n  resource: {resource}\n  approval: [ {approval} ]"))
    };
    let any = "{ type: any }";
    let engineering = one(&eng, any, &sre);
    assert_eq!(asks("alice", "aws role", &[]).approvers(&engineering), ["sam", "sue"]);
    assert!(asks("dan", "aws role", &[]).comes_to(&engineering).starts_with("No access policy"));
    let data_ops = one(&data, "{ type: integration, service: gcloud }", &group("00sec", "Data Ops"));
    assert_eq!(asks("dan", "gcloud role", &[]).approvers(&data_ops), ["sally"]);

    let by_id = "{ type: integration, service: azure, filters: { resource: { effect: keep, key: id, pattern: '^/vm/7$' } } }";
    let one_resource = one(any, by_id, "{ type: persistent }");
    assert_eq!(asks("alice", "azure resource", &[("resource.id", "/vm/7")]).comes_to(&one_resource), "at once for 1 day");
    assert!(asks("alice", "azure resource", &[("resource.id", "/vm/77")]).comes_to(&one_resource).starts_with("No access"));

    let but_one =
        "{ type: integration, service: gcloud, filters: { resource: { effect: remove, key: name, pattern: payroll } } }";
    let on_call = one(any, but_one, "{ type: auto, integration: pagerduty }");
    assert_eq!(asks("olga", "gcloud resource", &[("resource.name", "sales")]).comes_to(&on_call), "at once for 1 hour");
    assert!(asks("olga", "gcloud resource", &[("resource.name", "payroll")]).comes_to(&on_call).starts_with("No access"));
    assert!(
        asks("alice", "gcloud resource", &[("resource.name", "sales")]).comes_to(&on_call).starts_with("Only whoever is on call")
    );

    let reviewers = one(any, "{ type: integration, service: aws }", "{ type: p0 }");
    assert_eq!(asks("alice", "aws policy", &[]).approvers(&reviewers), ["rita"]);
    let escalation = "{ type: escalation, integration: pagerduty, services: [ security-escalation ] }";
    assert_eq!(asks("alice", "aws policy", &[]).approvers(&one(any, any, escalation)), ["olga"]);

    let tagged = "{ type: integration, service: aws, filters: { tag: { effect: keep, key: environment, pattern: ^dev$ } } }";
    let dev = one(&eng, tagged, &sre);
    assert_eq!(asks("alice", "aws policy", &[("tag.environment", "dev")]).approvers(&dev), ["sam", "sue"]);
    for untagged in [("tag.environment", "prod"), ("tag", "")] {
        assert!(asks("alice", "aws policy", &[untagged]).comes_to(&dev).starts_with("No access"), "{untagged:?}");
    }
    let untagged = "{ type: integration, service: aws, filters: { tag: { effect: removeAll } } }";
    let untagged = one(any, untagged, "{ type: persistent }");
    assert!(asks("alice", "aws policy", &[("tag.environment", "dev")]).comes_to(&untagged).starts_with("No access"));
    assert_eq!(asks("alice", "aws policy", &[("tag", "")]).comes_to(&untagged), "at once for 1 day");
    assert!(asks("alice", "aws policy", &[]).comes_to(&one(any, any, "")).starts_with("Nobody can have this"), "an empty list");
}
