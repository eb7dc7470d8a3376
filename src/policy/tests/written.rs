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

#[test]
fn limits_hold_to_the_last_one() {
    let named = |length: usize| {
        let mut rule = any("approval", json!([]));
        rule["name"] = json!("n".repeat(length));
        read(rule).is_ok()
    };
    assert_eq!([0, 1, 1_000, 1_001].map(named), [false, true, true, false]);
    let pattern = |length: usize| {
        let filter = json!({ "effect": "keep", "key": "id", "pattern": "a".repeat(length) });
        read(any("resource", json!({ "type": "integration", "service": "aws", "filters": { "id": filter } }))).is_ok()
    };
    assert_eq!([1_000, 1_001].map(pattern), [true, false]);
    let count = |count: u32| {
        let steps = json!([ { "count": count, "approvers": [ { "type": "p0" } ] } ]);
        read(any("approval", json!([ { "type": "steps", "steps": steps } ]))).is_ok()
    };
    assert_eq!([0, 1, 100, 101].map(count), [false, true, true, false]);
    let asked = |people: Vec<u32>| {
        read(any("approval", json!([ { "type": "p0", "ask": { "people": people, "every": "10m" } } ]))).is_ok()
    };
    let turns = [vec![], vec![1, 0], vec![100], vec![101], vec![1; 10], vec![1; 11]];
    assert_eq!(turns.map(asked), [false, false, true, false, true, false]);
    let clock =
        |text: &str| read(any("when", json!({ "from": "08:00", "until": text }))).map(|rule| rule.when.expect("one").until);
    assert_eq!((clock("00:59"), clock("23:59"), clock("24:00")), (Ok(59), Ok(1_439), Ok(1_440)));
    let open = read(any("when", json!({ "from": "08:30" }))).expect("read").when.expect("one");
    assert_eq!((open.from, open.until), (510, 1_440), "until midnight");
    for bad in ["24:01", "25:00", "12:60", "12", "08:00"] {
        assert!(clock(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_belongs_to_another_type_is_refused_each_by_itself() {
    let groups = json!([ { "directory": "okta", "id": "1" } ]);
    let (agent, user) = (json!({ "type": "any" }), json!({ "type": "none" }));
    let keys = [
        ("groups", groups.clone()),
        ("directory", json!("okta")),
        ("id", json!("1")),
        ("uid", json!("a@b.c")),
        ("agent", agent),
        ("user", user),
    ];
    for (kind, own) in [("any", &[][..]), ("user", &["uid"]), ("group", &["groups", "directory", "id"])] {
        for (key, value) in keys.iter().filter(|(key, _)| !own.contains(key)) {
            let mut requestor = json!({ "type": kind, "uid": "a@b.c", "groups": groups });
            requestor.as_object_mut().expect("a map").retain(|key, _| key == "type" || own.contains(&key.as_str()));
            requestor[key] = value.clone();
            let error = read(any("requestor", requestor.clone())).expect_err("refused");
            assert!(error.contains(&format!("type `{kind}` has no")), "{requestor}: {error}");
        }
    }
    let group = |value: serde_json::Value| read(any("requestor", value));
    assert!(group(json!({ "type": "group", "directory": "okta" })).expect_err("half").contains("needs `groups`"));
    assert!(group(json!({ "type": "group", "groups": groups, "id": "1" })).expect_err("both").contains("exclude each other"));
    for (directory, id) in [(" ", "1"), ("okta", "")] {
        let blank = json!({ "type": "group", "groups": [ { "directory": directory, "id": id } ] });
        assert!(group(blank).expect_err("blank").contains("needs a `directory` and an `id`"));
    }
    let label = |label: &str| {
        let one = json!([ { "directory": "okta", "id": "00sre", "label": label } ]);
        let rule = group(json!({ "type": "group", "groups": one })).expect("read");
        rule.groups().next().expect("one").label.clone()
    };
    assert_eq!((label(" "), label("SRE")), ("00sre".to_owned(), "SRE".to_owned()), "what has no name is called by its id");
    for (key, value) in [("service", json!("aws")), ("filters", json!({})), ("accessType", json!("policy"))] {
        let mut resource = json!({ "type": "any" });
        resource[key] = value;
        assert!(read(any("resource", resource)).expect_err("refused").contains(&format!("has no `{key}`")));
    }
    assert!(read(any("resource", json!({ "type": "any", "accessType": "any" }))).is_ok(), "that says the same");
    let whole = read(any("resource", json!({ "type": "integration", "service": "aws", "accessType": "any" }))).expect("read");
    assert_eq!(whole.resource.service.expect("one").access_type, None);
    for (kind, key, value) in [
        ("persistent", "options", json!({ "allowOneParty": true })),
        ("persistent", "options", json!({ "breakGlassApprover": true })),
        ("deny", "ask", json!({ "people": [1], "every": "1h" })),
        ("steps", "ask", json!({ "people": [1], "every": "1h" })),
    ] {
        let mut entry = json!({ "type": kind });
        entry[key] = value;
        if kind == "steps" {
            entry["steps"] = json!([ { "approvers": [ { "type": "p0" } ] } ]);
        }
        assert!(read(any("approval", json!([entry]))).is_err(), "{entry}");
    }
    for inner in [json!({ "type": "p0", "options": {} }), json!({ "type": "p0", "ask": { "people": [1], "every": "1h" } })] {
        let steps = json!([ { "type": "steps", "steps": [ { "approvers": [inner] } ] } ]);
        assert!(read(any("approval", steps)).expect_err("refused").contains("belong to the entry"));
    }
    for (agent, what) in
        [("agent-client", "clientId"), ("agent-owner", "owner"), ("owner-group", "groups"), ("provider", "providerId")]
    {
        let sent = json!({ "type": "agentic", "agent": { "type": agent }, "user": { "type": "any" } });
        let error = read(any("requestor", sent)).expect_err("refused");
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn two_rules_differ_by_their_patterns_and_their_tests() {
    let with = |filter: serde_json::Value| {
        read(any("resource", json!({ "type": "integration", "service": "aws", "filters": { "tag": filter } }))).expect("read")
    };
    let one = with(json!({ "effect": "keep", "key": "a", "pattern": "x" }));
    let yes = with(json!({ "effect": "keep", "value": true }));
    assert_eq!((one == one.clone(), yes == yes.clone()), (true, true));
    assert_ne!(one, with(json!({ "effect": "keep", "key": "a", "pattern": "y" })));
    assert_ne!(yes, with(json!({ "effect": "keep", "value": false })));
    assert_ne!(with(json!({ "effect": "keep", "key": "a", "value": true })), one);
    assert_eq!(with(json!({ "effect": "keep", "key": "", "value": true })), yes, "no key is no key");
}
