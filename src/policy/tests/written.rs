//! Rules as they are written: what is read, what is written back, which mistakes are told.

use crate::policy::Names;
use crate::policy::rule::Rule;
use crate::policy::wire::Written;
use serde_json::json;

fn read(rule: serde_json::Value) -> Result<Rule, String> {
    let written: Written = serde_json::from_value(rule).map_err(|error| error.to_string())?;
    Rule::new(written).map_err(|error| error.to_string())
}

fn any(key: &str, value: serde_json::Value) -> serde_json::Value {
    let mut rule = json!({ "name": "it", "requestor": { "type": "any" }, "resource": { "type": "any" }, "approval": [] });
    rule[key] = value;
    rule
}

#[test]
fn what_terraform_sends_is_read_and_reads_the_same_when_it_is_written_back() {
    let sent = json!({
        "name": "prod-oncall", "disabled": false,
        "requestor": { "type": "group", "effect": "keep", "groups": [ { "directory": "okta", "id": "00g1", "label": "SRE" } ] },
        "resource": { "type": "integration", "service": "ssh", "accessType": "session", "filters": {
            "provider": { "effect": "keep", "key": "id", "pattern": "^aws$", "value": null },
            "sudo": { "effect": "keep", "key": null, "pattern": null, "value": true } } },
        "approval": [
            { "type": "group", "effect": "keep", "groups": [ { "directory": "okta", "id": "00g2", "label": "Leads" } ],
              "directory": null, "integration": null, "profileProperty": null, "services": null,
              "options": { "allowOneParty": false, "requireReason": true, "requireDuration": null,
                           "requirePreapproval": null, "breakGlassApprover": null } },
            { "type": "escalation", "integration": "pagerduty", "services": [ "PSERVICE1" ] } ]
    });
    let rule = read(sent).expect("read");
    let written = serde_json::to_value(&rule).expect("written");
    insta::assert_snapshot!(written, @r#"{"name":"prod-oncall","requestor":{"type":"group","effect":"keep","groups":[{"directory":"okta","id":"00g1","label":"SRE"}]},"resource":{"type":"integration","service":"ssh","accessType":"session","filters":{"provider":{"effect":"keep","key":"id","pattern":"^aws$"},"sudo":{"effect":"keep","value":true}}},"approval":[{"type":"group","effect":"keep","groups":[{"directory":"okta","id":"00g2","label":"Leads"}],"options":{"requireReason":true}},{"type":"escalation","integration":"pagerduty","services":["PSERVICE1"]}]}"#);
    assert_eq!(read(written), Ok(rule));
}

#[test]
fn old_rules_with_a_single_group_are_read_in_the_new_form() {
    let group = json!({ "type": "group", "directory": "okta", "id": "00ab", "label": "SRE" });
    let mut old = any("approval", json!([group]));
    old["requestor"] = group;
    let rule = read(old).expect("read");
    let named: Vec<String> = rule.groups().map(|named| format!("{} {}", named.group, named.label)).collect();
    assert_eq!(named, ["okta:00ab SRE", "okta:00ab SRE"]);
    let written = serde_json::to_value(&rule).expect("written");
    assert_eq!(written["requestor"]["groups"][0]["id"], "00ab");
    assert_eq!(written["requestor"]["effect"], "keep");
}

#[test]
fn programs_that_ask_are_read_and_never_match_a_person() {
    let groups = json!([ { "directory": "okta", "id": "00g3", "label": "Owners" } ]);
    for agent in [
        json!({ "type": "any" }),
        json!({ "type": "agent-client", "clientId": "c" }),
        json!({ "type": "mcp-client", "clientId": "c" }),
        json!({ "type": "agent-owner", "owner": "bob@example.com" }),
        json!({ "type": "owner-group", "groups": { "type": "group", "effect": "keep", "groups": groups } }),
        json!({ "type": "owner-group", "groups": groups, "effect": "keep" }),
        json!({ "type": "provider", "providerId": "okta-idp", "subjectPattern": "^svc-.*$" }),
    ] {
        let sent = any("requestor", json!({ "type": "agentic", "agent": agent, "user": { "type": "none" } }));
        let rule = read(sent.clone()).unwrap_or_else(|error| panic!("{error}: {sent}"));
        assert_eq!(serde_json::to_value(&rule).expect("written"), sent);
    }
}

#[test]
fn mistakes_say_what_to_write_instead() {
    for (key, value, told) in [
        ("requestor", json!({ "type": "some" }), "any, user, group or agentic"),
        ("requestor", json!({ "type": "user" }), "needs `uid`"),
        ("requestor", json!({ "type": "user", "uid": "bob" }), "is an e-mail address"),
        ("requestor", json!({ "type": "group", "groups": [] }), "is empty"),
        ("requestor", json!({ "type": "group" }), "needs `groups`"),
        ("requestor", json!({ "type": "any", "uid": "a@b.c" }), "has no `uid`"),
        ("requestor", json!({ "type": "agentic", "agent": { "type": "any" } }), "needs `agent` and `user`"),
        ("resource", json!({ "type": "integration" }), "needs `service`"),
        ("resource", json!({ "type": "any", "service": "aws" }), "has no `service`"),
        ("resource", json!({ "type": "any", "risk": "enormous" }), "low, medium or high"),
        (
            "resource",
            json!({ "type": "integration", "service": "aws", "filters": { "tag": { "effect": "keep", "pattern": "x" } } }),
            "filter `tag`: a `pattern` needs the `key`",
        ),
        (
            "resource",
            json!({ "type": "integration", "service": "aws", "filters": { "tag": { "effect": "keep", "key": "a", "pattern": "(" } } }),
            "cannot be read",
        ),
        (
            "resource",
            json!({ "type": "integration", "service": "aws", "filters": { "tag": { "effect": "drop", "key": "a", "pattern": "b" } } }),
            "keep, remove or removeAll",
        ),
        ("approval", json!([ { "type": "auto" } ]), "approval 1: type `auto` needs `integration`"),
        (
            "approval",
            json!([ { "type": "p0" }, { "type": "escalation", "integration": "pagerduty" } ]),
            "approval 2: type `escalation` needs `services`",
        ),
        ("approval", json!([ { "type": "persistent", "options": { "allowOneParty": true } } ]), "nobody decides"),
        (
            "approval",
            json!([ { "type": "steps", "steps": [ { "count": 0, "approvers": [ { "type": "p0" } ] } ] } ]),
            "between 1 and 100",
        ),
        ("approval", json!([ { "type": "steps", "steps": [ { "approvers": [] } ] } ]), "needs `approvers`"),
        ("approval", json!([ { "type": "p0", "ask": { "people": [1] } } ]), "needs `every`"),
        ("approval", json!([ { "type": "vote" } ]), "one of p0, group, requestor-profile"),
        (
            "approval",
            json!([ { "type": "persistent", "groups": [ { "directory": "okta", "id": "1" } ] } ]),
            "type `persistent` has no `groups`",
        ),
        (
            "approval",
            json!([ { "type": "auto", "integration": "pagerduty", "services": ["P1"] } ]),
            "type `auto` has no `services`",
        ),
        ("maxDuration", json!("1 month"), "months"),
        ("when", json!({ "from": "9am" }), "not a time of day"),
        ("when", json!({ "zone": "Mars" }), "not a time zone"),
        ("when", json!({ "days": ["someday"] }), "not a day"),
        ("whenever", json!({}), "unknown field"),
    ] {
        let error = read(any(key, value.clone())).expect_err("refused");
        assert!(error.contains(told), "{value}: {error}");
    }
}

#[test]
fn what_is_not_configured_cannot_be_named() {
    let names = Names { directories: &["okta"], on_call: &[] };
    let workspace = any("approval", json!([ { "type": "group", "groups": [ { "directory": "workspace", "id": "x@y.z" } ] } ]));
    let told = read(workspace).expect("read").knows_only(names).expect_err("unknown");
    assert_eq!(told, "there is no directory \"workspace\"; there are okta");
    let on_call = any("approval", json!([ { "type": "auto", "integration": "pagerduty" } ]));
    let told = read(on_call).expect("read").knows_only(names).expect_err("unknown");
    assert_eq!(told, "there is no on-call source \"pagerduty\"; none is configured");
}

#[test]
fn a_program_that_knows_no_rules_cannot_read_a_policy_that_has_some() {
    let office =
        super::Office::with("- { name: it, requestor: { type: any }, resource: { type: any }, approval: [ { type: deny } ] }");
    let stored = office.policy.stored().expect("written");
    assert!(!stored.contains("allow_one_party"), "an older program needs this key");
    assert_eq!(serde_json::from_str::<crate::policy::Policy>(&stored).expect("read"), office.policy);
    let mut without = office.policy;
    without.rules.clear();
    let stored = without.stored().expect("written");
    assert!(stored.contains("\"allow_one_party\":false"));
    assert_eq!(serde_json::from_str::<crate::policy::Policy>(&stored).expect("read"), without);
}

#[test]
fn everything_of_ours_is_written_back_as_it_was_read() {
    let sent = json!({
        "name": "all", "disabled": true,
        "requestor": { "type": "user", "uid": "alice@acme.example" },
        "resource": { "type": "any", "risk": "medium" },
        "approval": [
            { "type": "user", "uid": "bob@acme.example", "ask": { "people": [1, 2], "every": "10m" } },
            { "type": "requestor-profile", "directory": "okta", "profileProperty": "lead" },
            { "type": "escalation", "integration": "pagerduty", "services": ["P1"] },
            { "type": "auto", "integration": "pagerduty" },
            { "type": "steps", "steps": [ { "count": 2, "approvers": [ { "type": "p0" } ] } ], "options": {
                "allowOneParty": true, "requireReason": true, "requireDuration": true, "requirePreapproval": true,
                "breakGlassApprover": true } },
            { "type": "persistent" }, { "type": "break-glass" }, { "type": "deny" } ],
        "maxDuration": "90m",
        "when": { "days": ["mon", "sun"], "from": "09:30", "until": "17:05", "zone": "Europe/Berlin" }
    });
    assert_eq!(serde_json::to_value(read(sent.clone()).expect("read")).expect("written"), sent);
    let filters = json!({ "type": "integration", "service": "aws", "accessType": "policy", "filters": {
        "a": { "effect": "removeAll" }, "b": { "effect": "remove", "key": "id", "pattern": "x" }, "c": { "effect": "keep", "value": false } } });
    let sent = any("resource", filters);
    assert_eq!(serde_json::to_value(read(sent.clone()).expect("read")).expect("written"), sent);
}
