//! Forms as Slack shows them, and back.

use insta::assert_snapshot;

use super::*;
use crate::catalog::args::Trouble;
use crate::domain::access::Args;
use crate::surfaces::slack::inbound::Interaction;
use crate::surfaces::slack::limits;

fn choice(value: &str, label: &str) -> Choice {
    Choice { value: value.to_owned(), label: label.to_owned(), given: Args::new() }
}

fn field(name: &str, title: &str, widget: Widget) -> Field {
    Field {
        name: name.to_owned(),
        title: title.to_owned(),
        hint: None,
        widget,
        value: None,
        label: None,
        required: true,
        many: false,
        placeholder: None,
        dependants: false,
    }
}

fn form() -> Form {
    let systems = vec![choice("postgres", "PostgreSQL"), choice("okta", "Okta")];
    let types = vec![choice("role", "Role membership"), choice("login", "Login")];
    let lookup = Widget::Lookup { source: "roles".into(), given: Args::new(), missing: vec!["Instance".into()], free: false };
    let text = |multiline| Widget::Text { pattern: None, multiline };
    let set = |field: Field, value: &str, label: &str| Field { value: Some(value.into()), label: Some(label.into()), ..field };
    Form {
        purpose: Purpose::Request,
        note: None,
        rest: Draft { integration: Some("postgres".into()), access_type: Some("role".into()), ..Draft::default() },
        integration: Some("postgres".into()),
        access_type: Some("role".into()),
        title: "Role membership in PostgreSQL".into(),
        help: Some("Makes you a member of a role.".into()),
        fields: vec![
            Field {
                dependants: true,
                ..set(field(INTEGRATION, "Integration", Widget::Choice(systems)), "postgres", "PostgreSQL")
            },
            Field {
                dependants: true,
                ..set(field(ACCESS_TYPE, "Access type", Widget::Choice(types)), "role", "Role membership")
            },
            Field {
                dependants: true,
                ..field("instance", "Instance", Widget::Choice(vec![choice("main", "main"), choice("eu", "eu")]))
            },
            Field { placeholder: Some("First choose: instance".into()), ..field("role", "Role", lookup) },
            Field { required: false, many: true, ..field("tables", "Tables", text(true)) },
            Field { required: false, ..field("for", "For", Widget::Person) },
            Field { hint: Some("Why you need it.".into()), ..field(REASON, "Reason", text(true)) },
            set(field(DURATION, "Duration", Widget::Duration(vec![Span::minutes(30), Span::hours(1)])), "1h", "1 hour"),
        ],
    }
}

fn blocks_of(view: &Json) -> &Vec<Json> {
    let found = limits::of_view(view);
    assert!(found.is_empty(), "{found:?}");
    view["blocks"].as_array().expect("blocks")
}

fn drawn(view: &Json) -> String {
    let text = |json: &Json| json["text"].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![format!("# {} / {} / {}", text(&view["title"]), text(&view["submit"]), text(&view["close"]))];
    for block in blocks_of(view) {
        if block["type"] == "section" {
            lines.push(text(&block["text"]));
            continue;
        }
        let element = &block["element"];
        let options = element["options"].as_array().into_iter().flatten();
        let labels: Vec<String> = options.map(|option| text(&option["text"])).collect();
        let mut line = format!("{} = {}", block["block_id"].as_str().expect("an id"), text(&block["label"]));
        line.push_str(&format!(": {} {}", element["type"].as_str().expect("a type"), labels.join(", ")));
        for (name, value) in [
            ("chosen", text(&element["initial_option"]["text"])),
            ("says", text(&element["placeholder"])),
            ("hint", text(&block["hint"])),
        ] {
            if !value.is_empty() {
                line.push_str(&format!(" ({name}: {value})"));
            }
        }
        if block["optional"] == true {
            line.push_str(" optional");
        }
        if block["dispatch_action"] == true {
            line.push_str(" tells at once");
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// A view as Slack hands it back, with these values.
fn filled(view: &Json, values: &[(&str, &str, Json)]) -> View {
    let mut state = json!({});
    for (block, action, value) in values {
        state[*block][*action] = value.clone();
    }
    let payload = json!({ "type": "view_submission", "user": { "id": "U1" }, "team": { "id": "T1" }, "view": {
        "id": "V1", "type": "modal", "callback_id": view["callback_id"], "private_metadata": view["private_metadata"], "state": { "values": state } } });
    match Interaction::from_json(payload.to_string().as_bytes()) {
        Ok(Interaction::Submission(submission)) => submission.view,
        other => panic!("{other:?}"),
    }
}

fn chosen(value: &str) -> Json {
    json!({ "type": "static_select", "selected_option": { "text": { "type": "plain_text", "text": value }, "value": value } })
}

fn typed(value: &str) -> Json {
    json!({ "type": "plain_text_input", "value": value })
}

#[test]
fn the_form_as_it_is_shown() {
    assert_snapshot!(drawn(&ask(&form(), None)), @r"
    # Request access / Request / Cancel
    integration = Integration: static_select PostgreSQL, Okta (chosen: PostgreSQL) tells at once
    postgres//access_type = Access type: static_select Role membership, Login (chosen: Role membership) tells at once
    *Role membership in PostgreSQL*
    Makes you a member of a role.
    postgres/role/instance = Instance: static_select main, eu tells at once
    postgres/role/role = Role: external_select  (says: First choose: instance)
    postgres/role/tables = Tables: plain_text_input  optional
    postgres/role/for = For: users_select  optional
    reason = Reason: plain_text_input  (hint: Why you need it.)
    postgres/role/duration = Duration: static_select 30 minutes, 1 hour (chosen: 1 hour)
    ");
}

#[test]
fn what_was_filled_in_comes_back() {
    let view = ask(&form(), Some("C1"));
    let filled = filled(
        &view,
        &[
            ("integration", "integration", chosen("postgres")),
            ("postgres//access_type", "access_type", chosen("role")),
            ("postgres/role/instance", "instance", chosen("main")),
            ("postgres/role/role", "role", json!({ "type": "external_select", "selected_option": { "value": "analyst" } })),
            ("postgres/role/tables", "tables", typed(" a\n\n b ")),
            ("postgres/role/for", "for", json!({ "type": "users_select", "selected_user": "U9" })),
            ("reason", "reason", typed("INC-42\nsecond line")),
            ("postgres/role/duration", "duration", chosen("1h")),
        ],
    );
    let draft = draft(&filled);
    assert_eq!((draft.integration.as_deref(), draft.access_type.as_deref()), (Some("postgres"), Some("role")));
    let values: Vec<(&str, &str)> = draft.values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(values, [("for", "<@U9>"), ("instance", "main"), ("role", "analyst"), ("tables", "a\nb")]);
    assert_eq!((draft.reason.as_deref(), draft.duration), (Some("INC-42\nsecond line"), Some(Span::hours(1))));
    assert_eq!(Carried::of(&filled).origin.as_deref(), Some("C1"));
}

#[test]
fn after_another_integration_is_chosen_nothing_of_the_old_one_stays_but_the_reason() {
    let filled = filled(
        &ask(&form(), None),
        &[
            ("integration", "integration", chosen("okta")),
            ("postgres//access_type", "access_type", chosen("role")),
            ("postgres/role/instance", "instance", chosen("main")),
            ("reason", "reason", typed("INC-42")),
        ],
    );
    let draft = draft(&filled);
    assert_eq!((draft.integration.as_deref(), draft.access_type), (Some("okta"), None));
    assert!(draft.values.is_empty());
    assert_eq!(draft.reason.as_deref(), Some("INC-42"));
}

#[test]
fn an_access_type_that_was_not_asked_for_rides_along() {
    let mut form = form();
    form.fields.remove(1);
    let filled = filled(&ask(&form, None), &[("postgres/role/instance", "instance", chosen("main"))]);
    let draft = draft(&filled);
    assert_eq!((draft.integration.as_deref(), draft.access_type.as_deref()), (Some("postgres"), Some("role")));
    assert_eq!(draft.values.len(), 1);
}

#[test]
fn fields_keep_their_blocks_while_only_options_change() {
    let ids = |form: &Form| -> Vec<Json> { blocks_of(&ask(form, None)).iter().map(|block| block["block_id"].clone()).collect() };
    let before = form();
    let mut after = form();
    after.fields[3].widget = Widget::Choice(vec![choice("analyst", "analyst")]);
    assert_eq!(ids(&before), ids(&after));
    after.access_type = Some("login".into());
    let kept: Vec<Json> = ids(&after).into_iter().filter(|id| id.is_string() && ids(&before).contains(id)).collect();
    assert_eq!(kept, ["integration", "postgres//access_type", "reason"]);
}

#[test]
fn mistakes_stand_at_their_fields() {
    let problem =
        |arg: &str, message: &str| Problem { arg: arg.into(), trouble: Trouble::Wrong, message: message.into(), instead: None };
    let answer = errors(
        &form(),
        &[problem("role", "There is no role \"x\"."), problem("hidden", "It is wrong."), problem("role", "Really.")],
    );
    let expected = json!({ "response_action": "errors", "errors": {
        "postgres/role/role": "There is no role \"x\". Really.", "integration": "hidden: It is wrong." } });
    assert_eq!(answer, expected);
}

#[test]
fn type_ahead_offers_what_slack_can_carry() {
    let many: Vec<Choice> = (0..300).map(|n| choice(&format!("v{n}"), &format!("Value {n}"))).collect();
    let answer = suggestions(&many, "new one", true);
    let options = answer["options"].as_array().expect("options");
    assert_eq!((options.len(), options[99]["value"].as_str()), (100, Some("new one")));
    let mut found = Vec::new();
    let odd = [
        choice(&"x".repeat(151), "long"),
        choice("", "none"),
        choice("a", ""),
        choice("a", "twice"),
        choice("b", &"y".repeat(300)),
    ];
    let answer = suggestions(&odd, "", true);
    answer["options"].as_array().expect("options").iter().for_each(|option| limits::option(option, &mut found));
    assert!(found.is_empty() && answer["options"].as_array().expect("options").len() == 2, "{answer}");
}

#[test]
fn forms_with_nothing_or_far_too_much_in_them_are_taken() {
    let mut form = form();
    form.fields[2].widget = Widget::Choice(vec![]);
    assert!(drawn(&ask(&form, None)).contains("nothing to choose from"));
    let long = "<!channel> & ".repeat(1000);
    form.title = long.clone();
    form.help = Some(long.clone());
    for field in &mut form.fields {
        (field.title, field.hint, field.placeholder) = (long.clone(), Some(long.clone()), Some(long.clone()));
        (field.value, field.label) = (Some(long.clone()), Some(long.clone()));
    }
    form.fields[3].widget = Widget::Choice((0..300).map(|n| choice(&format!("v{n}"), &long)).collect());
    form.fields[4].many = true;
    blocks_of(&ask(&form, Some(&long)));
    blocks_of(&loading());
    blocks_of(&told(&long, &long));
}

#[test]
fn a_denial_names_the_request_and_brings_the_reason_back() {
    use crate::desk::view::Phase;
    let view = crate::surfaces::slack::messages::tests::view(Phase::Asked);
    let modal = deny(&view, view.asked_at);
    assert_snapshot!(drawn(&modal), @r"
    # Deny this request? / Deny / Cancel
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    > INC-42: checkout totals are wrong
    reason = Reason: plain_text_input  (hint: Alice Anderson will see it.) optional
    ");
    assert_eq!(denied(&filled(&modal, &[("reason", "reason", typed(" no "))])), Some((view.id.clone(), Some("no".to_owned()))));
    assert_eq!(denied(&filled(&modal, &[("reason", "reason", typed("  "))])), Some((view.id.clone(), None)));
    assert_eq!(denied(&filled(&ask(&form(), None), &[])), None);
}

/// A form as the catalog makes it for this draft.
fn made(draft: &Draft) -> Form {
    use crate::catalog::form::Common;
    use crate::catalog::testing::{catalog, lookup};
    let common = Common { durations: &[Span::hours(1), Span::hours(8)], reason_required: false };
    Form::new(&catalog(), &lookup(), draft, common)
}

/// For what, in the made-up catalog.
fn console(purpose: Purpose, to: Option<&str>) -> Draft {
    let (integration, access_type) = (Some("lake".to_owned()), Some("console".to_owned()));
    Draft { purpose, to: to.map(str::to_owned), integration, access_type, ..Draft::default() }
}

#[test]
fn the_form_for_somebody_else() {
    assert_snapshot!(drawn(&ask(&made(&console(Purpose::Grant, Some("<@U0BOB>"))), None)), @r"
    # Request access / Request / Cancel
    *Request access for somebody*
    They get it when it is approved, as if they had asked themselves.
    to = For whom: users_select 
    integration = Integration: static_select Badge, Data Lake (chosen: Data Lake) (says: Choose a system) tells at once
    lake//access_type = Access type: static_select Dataset access, Console session (chosen: Console session) (says: Choose a kind of access) tells at once
    *Console session in Data Lake*
    lake/console/host = Host: plain_text_input  (hint: Lower case, no spaces.)
    lake/console/seats = Seats: plain_text_input  (says: a number, like 3) optional
    lake/console/idle = Idle time: plain_text_input  (says: a duration, like 30m, 2h or 1 day) optional
    lake/console/buddy = Buddy: users_select  optional
    reason = Reason: plain_text_input  (hint: Why they need it, or a ticket. Approvers see it, and it stays on record.) optional
    lake/console/duration = Duration: static_select 1 hour, 8 hours (chosen: 1 hour)
    ");
    let by_address = ask(&made(&console(Purpose::Grant, Some("bob@acme.example"))), None);
    assert_eq!(by_address["blocks"][1]["element"]["type"], "plain_text_input");
    assert_eq!(by_address["blocks"][1]["element"]["initial_value"], "bob@acme.example");
}

#[test]
fn the_form_to_allow_ahead_of_time() {
    let at = |text| Time::parse(text).ok();
    let draft = console(Purpose::Allow, None);
    assert_snapshot!(drawn(&ask(&made(&draft), None)), @r"
    # Allow access / Allow / Cancel
    *Allow access ahead of time*
    Nothing is granted until they ask; what they then ask for needs no further approval.
    to = For whom: users_select 
    integration = Integration: static_select Badge, Data Lake (chosen: Data Lake) (says: Choose a system) tells at once
    lake//access_type = Access type: static_select Dataset access, Console session (chosen: Console session) (says: Choose a kind of access) tells at once
    *Console session in Data Lake*
    lake/console/host = Host: plain_text_input  (hint: Lower case, no spaces.)
    lake/console/seats = Seats: plain_text_input  (says: a number, like 3) optional
    lake/console/idle = Idle time: plain_text_input  (says: a duration, like 30m, 2h or 1 day) optional
    lake/console/buddy = Buddy: users_select  optional
    start = From: datetimepicker  (hint: From when they may ask. Leave it empty for now.) optional
    length = For how long may it be used: static_select 8 hours, 1 day, 3 days, 1 week, 2 weeks, 4 weeks, 12 weeks (chosen: 1 week)
    lake/console/duration = Each access lasts at most: static_select 1 hour, 8 hours (chosen: 1 hour)
    reason = Reason: plain_text_input  (hint: Why they may have it, or a ticket. It stays on record.) optional
    ");
    let window = Some(Window { start: at("2026-12-24T09:00:00Z"), end: at("2026-12-27"), length: None });
    let view = ask(&made(&Draft { window, ..draft }), None);
    assert_snapshot!(drawn(&view), @r"
    # Allow access / Allow / Cancel
    *Allow access ahead of time*
    Nothing is granted until they ask; what they then ask for needs no further approval.
    to = For whom: users_select 
    integration = Integration: static_select Badge, Data Lake (chosen: Data Lake) (says: Choose a system) tells at once
    lake//access_type = Access type: static_select Dataset access, Console session (chosen: Console session) (says: Choose a kind of access) tells at once
    *Console session in Data Lake*
    lake/console/host = Host: plain_text_input  (hint: Lower case, no spaces.)
    lake/console/seats = Seats: plain_text_input  (says: a number, like 3) optional
    lake/console/idle = Idle time: plain_text_input  (says: a duration, like 30m, 2h or 1 day) optional
    lake/console/buddy = Buddy: users_select  optional
    start = From: datetimepicker  (hint: From when they may ask. Leave it empty for now.) optional
    end = Until: datetimepicker 
    lake/console/duration = Each access lasts at most: static_select 1 hour, 8 hours (chosen: 1 hour)
    reason = Reason: plain_text_input  (hint: Why they may have it, or a ticket. It stays on record.) optional
    ");
    assert!(view.to_string().contains(r#""initial_date_time":1798102800"#), "{view}");
}

#[test]
fn who_when_and_how_long_come_back() {
    let view = ask(&made(&console(Purpose::Allow, None)), None);
    let at = |seconds: Json| json!({ "type": "datetimepicker", "selected_date_time": seconds });
    let shown = filled(
        &view,
        &[
            ("to", "to", json!({ "type": "users_select", "selected_user": "U0BOB" })),
            ("integration", "integration", chosen("lake")),
            ("lake//access_type", "access_type", chosen("console")),
            ("lake/console/host", "host", typed("db-1")),
            ("start", "start", at(json!(1_798_102_800))),
            ("length", "length", chosen("2w")),
            ("lake/console/duration", "duration", chosen("8h")),
            ("reason", "reason", json!({ "type": "plain_text_input", "value": null })),
        ],
    );
    let draft = draft(&shown);
    assert_eq!((draft.purpose, draft.to.as_deref(), draft.reason.as_deref()), (Purpose::Allow, Some("<@U0BOB>"), None));
    let window = Window { start: Time::parse("2026-12-24T09:00:00Z").ok(), end: None, length: Some(Span::days(14)) };
    assert_eq!((draft.window, draft.duration), (Some(window), Some(Span::hours(8))));
    // Drawn anew it is the same form; and a start that is taken out is gone.
    assert_eq!(blocks_of(&ask(&made(&draft), None)).len(), blocks_of(&view).len());
    let emptied =
        filled(&ask(&made(&draft), None), &[("start", "start", at(Json::Null)), ("to", "to", typed("Bob@acme.example"))]);
    let draft = super::draft(&emptied);
    assert_eq!(draft.window.and_then(|window| window.start), None);
    assert_eq!(draft.to.as_deref(), Some("Bob@acme.example"));
}

#[test]
fn what_has_no_field_yet_rides_along() {
    let window = Some(Window { length: Some(Span::days(3)), ..Window::default() });
    let known = Draft {
        reason: Some("INC-42".into()),
        duration: Some(Span::hours(8)),
        window,
        ..Draft { purpose: Purpose::Allow, ..Draft::default() }
    };
    let began = filled(&ask(&made(&known), None), &[("integration", "integration", chosen("badge"))]);
    let draft = draft(&began);
    assert_eq!(draft, Draft { integration: Some("badge".into()), ..known.clone() });
    let urgent = Draft { break_glass: true, only_at_once: true, ..Draft::default() };
    assert_eq!(super::draft(&filled(&ask(&made(&urgent), None), &[])), urgent);
    // Too long to ride along: it can be typed again.
    let long = Draft { reason: Some("é\"".repeat(3000)), ..known };
    let view = ask(&made(&long), None);
    blocks_of(&view);
    assert_eq!(super::draft(&filled(&view, &[])).reason, None);
    assert_eq!(super::draft(&filled(&view, &[])).window, window);
}
