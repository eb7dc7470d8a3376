//! Every phase as both audiences see it, and hostile text in every place where text can stand.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::desk::view::{Approvers, Extends, GroupView, Left, More, PersonView, PolicyView, ProgressView};
use crate::desk::{Again, Held, Home};
use crate::domain::alert::{Alert, AlertKind, Told};
use crate::domain::grant::End;
use crate::domain::id::{AlertId, PersonId, RequestId};
use crate::domain::outside::tests::Still;
use crate::surfaces::slack::limits;

mod extensions;
mod policies;

const NOW: Time = Time(1_800_000_000_000); // 2027-01-15 08:00 UTC

fn minutes(n: i64) -> Time {
    NOW + Span::minutes(n)
}

fn person(name: &str, handle: &str, at: i64) -> PersonView {
    PersonView { id: PersonId::new(&Still(Time(at))), name: name.to_owned(), handle: Some(handle.to_owned()) }
}

fn alice() -> PersonView {
    person("Alice Anderson", "U0ALICE", 1)
}

fn bob() -> PersonView {
    person("Bob Baker", "U0BOB", 2)
}

fn group(directory: &str, id: &str) -> GroupView {
    GroupView { directory: directory.to_owned(), id: id.to_owned(), label: None }
}

pub(crate) fn view(phase: Phase) -> RequestView {
    RequestView {
        id: RequestId::new(&Still(NOW)),
        requestor: alice(),
        principal: alice(),
        integration: "PostgreSQL".to_owned(),
        access_type: "Role membership".to_owned(),
        effect: "role analyst on main".to_owned(),
        details: vec![("Instance".to_owned(), "main".to_owned()), ("Role".to_owned(), "analyst".to_owned())],
        reason: Some("INC-42: checkout totals are wrong".to_owned()),
        length: Span::hours(1),
        asked_at: NOW,
        extends: None,
        warning: None,
        approvers: Approvers {
            people: vec![bob()],
            groups: vec![group("slack", "S0APPROVERS"), group("okta", "oncall")],
            ..Approvers::default()
        },
        policy: PolicyView::default(),
        durations: vec![Span::minutes(30), Span::hours(1), Span::hours(4)],
        phase,
        stays_until: None,
        extended: false,
        missing: false,
        bound: "b0b0".to_owned(),
        unreached: None,
    }
}

fn approved(trouble: Option<&str>) -> Phase {
    Phase::Approved {
        by: bob(),
        at: minutes(2),
        length: Span::hours(1),
        trouble: trouble.map(str::to_owned),
        usable_by: minutes(17),
    }
}

fn usable(standing: bool) -> Phase {
    let connect = Some("psql \"host=db.example dbname=main user=alice\"\nSET ROLE analyst;".to_owned());
    Phase::Usable { by: bob(), at: minutes(2), since: minutes(3), until: minutes(63), connect, standing }
}

fn ending(how: End, by: Option<PersonView>, stuck: bool) -> Phase {
    let trouble = stuck.then(|| "PostgreSQL main cannot be reached".to_owned());
    let why = (how == End::Revoked).then(|| "The incident is over".to_owned());
    Phase::Ending { how, by, at: minutes(30), why, trouble, stuck }
}

fn over(how: End, by: Option<PersonView>, why: Option<&str>, left: Left) -> Phase {
    Phase::Ended { how, by, at: minutes(30), why: why.map(str::to_owned), left, sessions_until: None }
}

/// A message as a person would copy it down.
fn drawn(message: &Message) -> String {
    let found = limits::of_message(message);
    assert!(found.is_empty(), "{found:?}");
    format!("{}\n\ntext: {}", copied(&message.blocks), message.text.replace("{date_short_pretty} at {time}", ""))
}

fn copied(blocks: &[Json]) -> String {
    let mut lines = Vec::new();
    for block in blocks {
        let text = |json: &Json| json["text"].as_str().unwrap_or_default().replace("{date_short_pretty} at {time}", "");
        match block["type"].as_str().expect("a type") {
            "header" => lines.push(format!("# {}", text(&block["text"]))),
            "context" => lines.push(format!("({})", text(&block["elements"][0]))),
            "actions" => {
                let elements = block["elements"].as_array().expect("elements");
                let drawn = elements.iter().map(|element| match element["type"].as_str() {
                    Some("button") => {
                        let style = element["style"].as_str().map(|style| format!(" {style}")).unwrap_or_default();
                        let sure =
                            element["confirm"]["text"]["text"].as_str().map(|text| format!(" sure? {text}")).unwrap_or_default();
                        format!("[{}{style}{sure}]", text(&element["text"]))
                    }
                    _ => {
                        let options = element["options"].as_array().expect("options");
                        let labels: Vec<String> = options.iter().map(|option| text(&option["text"])).collect();
                        format!("[{} of {}]", text(&element["initial_option"]["text"]), labels.join(", "))
                    }
                });
                lines.push(format!("{}: {}", block["block_id"].as_str().expect("an id"), drawn.collect::<Vec<_>>().join(" ")));
            }
            _ => {
                lines.extend(block["text"].is_object().then(|| text(&block["text"])));
                let fields = block["fields"].as_array().into_iter().flatten();
                lines.extend(fields.map(|field| text(field).replace('\n', " ")));
            }
        }
    }
    lines.join("\n")
}

fn channel(phase: Phase) -> String {
    drawn(&approval(&view(phase), NOW))
}

fn own(phase: Phase) -> String {
    drawn(&direct(&view(phase), &alice().id, NOW, Some("https://acme.slack.com/archives/C1/p1")))
}

#[test]
fn alerts_say_what_is_wrong_and_what_to_do() {
    let told = Told::new("analyst on main for <!channel>", "The server is down.", minutes(3));
    let mut open = Alert {
        id: AlertId::new(&Still(minutes(4))),
        kind: AlertKind::Stuck,
        subject: "asg_1".into(),
        told,
        opened_at: minutes(5),
        closed_at: None,
    };
    let unsaid = Alert { kind: AlertKind::Missing, told: Told::new("analyst", "", minutes(3)), ..open.clone() };
    assert!(
        alert(&unsaid)
            .text
            .ends_with("it was granted and is not there any more. It is not put back; whoever needs it asks again.")
    );
    let mut all = Vec::new();
    for kind in AlertKind::ALL {
        open.kind = *kind;
        all.push(drawn(&alert(&open)).split("\n\ntext").next().unwrap_or_default().to_owned());
    }
    open.closed_at = Some(minutes(9));
    all.push(drawn(&alert(&open)));
    open.kind = AlertKind::Stuck;
    all.push(drawn(&alert(&open)));
    open.told.by_hand = true;
    open.told.why = "Closed by operator:eve: The server was scrapped".into();
    all.push(drawn(&alert(&open)).split("\n\ntext").next().unwrap_or_default().to_owned());
    assert_snapshot!(all.join("\n\n"), @r"
    # An access is overdue
    analyst on main for &lt;!channel&gt;: it should be gone since <!date^1800000180^|2027-01-15 08:03 UTC>, and that is not certain. The last try said: The server is down. It is tried again within 15 seconds of the last try. `p0 grants --stuck` lists what is overdue.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # An access that nobody asked for
    analyst on main for &lt;!channel&gt;: it bears our mark and no request holds it. The server is down. `p0 sweep` lists what nobody holds and says how to take it away.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # An access was taken away elsewhere
    analyst on main for &lt;!channel&gt;: it was granted and is not there any more. The server is down. It is not put back; whoever needs it asks again.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # An access was changed elsewhere
    analyst on main for &lt;!channel&gt;: it is not as it was granted. The server is down. It is taken away at its end all the same.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # Granting is paused
    analyst on main for &lt;!channel&gt;: more was to be done in a minute than is plausible. The server is down. What is due to be taken away is still taken away. `p0 breaker` says how to let it go on.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # Emergency access, please look at it
    analyst on main for &lt;!channel&gt;: it was given at once, as an emergency. The reason given: The server is down. Whoever looked at what was done with it presses Reviewed; one of you is enough.
    review: [Reviewed primary]
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    # Emergency access, looked at
    analyst on main for &lt;!channel&gt;: somebody looked at it, <!date^1800000540^|2027-01-15 08:09 UTC>. The reason given: The server is down.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    text: Emergency access, looked at. analyst on main for &lt;!channel&gt;: somebody looked at it, <!date^1800000540^|2027-01-15 08:09 UTC>. The reason given: The server is down.

    # Settled
    analyst on main for &lt;!channel&gt;: this is as it should be since <!date^1800000540^|2027-01-15 08:09 UTC>.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)

    text: Settled. analyst on main for &lt;!channel&gt;: this is as it should be since <!date^1800000540^|2027-01-15 08:09 UTC>.

    # Closed by hand
    analyst on main for &lt;!channel&gt;: Closed by operator:eve: The server was scrapped. Nobody has seen it gone. For a day it is looked at again, should its target answer.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000180^|2027-01-15 08:03 UTC>)
    ");
}

#[test]
fn asked() {
    assert_snapshot!(channel(Phase::Asked), @r"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(Phase::Asked), @r"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn asked_for_somebody_else_with_a_warning_and_one_length() {
    let mut view = view(Phase::Asked);
    view.principal = bob();
    view.warning = Some("This role can read customer data".to_owned());
    view.durations = vec![];
    view.reason = None;
    assert_snapshot!(drawn(&approval(&view, NOW)), @r"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access for <@U0BOB>: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    None was given.
    :warning: *Please note:* This role can read customer data
    decide: [Approve for 1 hour primary] [Deny danger]
    (<!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access for Bob Baker: role analyst on main, for 1 hour. No reason was given. Please note: This role can read customer data. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r"
    # PostgreSQL access requested
    You asked for PostgreSQL access for <@U0BOB>: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    None was given.
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access for Bob Baker: role analyst on main, for 1 hour. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn denied() {
    let denied = |why: Option<&str>| Phase::Denied { by: bob(), at: minutes(2), why: why.map(str::to_owned) };
    assert_snapshot!(channel(denied(Some("Use the replica"))), @r"
    # PostgreSQL access denied
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Denied* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    > Use the replica
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access denied. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Denied by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. The reason given: Use the replica. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(denied(Some("Use the replica"))), @r"
    # PostgreSQL access denied
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Denied* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    > Use the replica
    You can ask again, or talk to <@U0BOB>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access denied. You asked for PostgreSQL access: role analyst on main, for 1 hour. Denied by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. The reason given: Use the replica. You can ask again, or talk to Bob Baker. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(denied(None)), @r"
    # PostgreSQL access denied
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Denied* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    You can ask again, with more about why you need it, or talk to <@U0BOB>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access denied. You asked for PostgreSQL access: role analyst on main, for 1 hour. Denied by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. You can ask again, with more about why you need it, or talk to Bob Baker. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn taken_back() {
    assert_snapshot!(channel(Phase::Withdrawn { at: minutes(2) }), @r"
    # PostgreSQL request taken back
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    <@U0ALICE> took it back, <!date^1800000120^|2027-01-15 08:02 UTC>. Nobody needs to decide.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL request taken back. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Alice Anderson took it back, <!date^1800000120^|2027-01-15 08:02 UTC>. Nobody needs to decide. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(Phase::Withdrawn { at: minutes(2) }), @r"
    # PostgreSQL request taken back
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You took it back, <!date^1800000120^|2027-01-15 08:02 UTC>. Nobody needs to decide.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL request taken back. You asked for PostgreSQL access: role analyst on main, for 1 hour. You took it back, <!date^1800000120^|2027-01-15 08:02 UTC>. Nobody needs to decide. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn nobody_decided() {
    assert_snapshot!(channel(Phase::Stale { at: minutes(600) }), @r"
    # PostgreSQL request not decided in time
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Nobody decided in time*, so it was closed <!date^1800036000^|2027-01-15 18:00 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL request not decided in time. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Nobody decided in time, so it was closed <!date^1800036000^|2027-01-15 18:00 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(Phase::Stale { at: minutes(600) }), @r"
    # PostgreSQL request not decided in time
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Nobody decided in time*, so it was closed <!date^1800036000^|2027-01-15 18:00 UTC>.
    Ask again if you still need it.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL request not decided in time. You asked for PostgreSQL access: role analyst on main, for 1 hour. Nobody decided in time, so it was closed <!date^1800036000^|2027-01-15 18:00 UTC>. Ask again if you still need it. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn approved_and_being_set_up() {
    assert_snapshot!(channel(approved(None)), @r"
    # PostgreSQL access approved, being set up
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>: *for 1 hour once it works*.
    It is being set up now; the time starts when it works.
    end: [Revoke danger sure? Alice Anderson loses role analyst on main now.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access approved, being set up. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>: for 1 hour once it works. It is being set up now; the time starts when it works. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(approved(None)), @r"
    # PostgreSQL access approved, being set up
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>: *for 1 hour once it works*.
    It is being set up now; the time starts when it works.
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access approved, being set up. You asked for PostgreSQL access: role analyst on main, for 1 hour. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>: for 1 hour once it works. It is being set up now; the time starts when it works. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(approved(Some("PostgreSQL main cannot be reached"))), @r"
    # PostgreSQL access approved, not working yet
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>: *for 1 hour once it works*.
    *It does not work yet:* PostgreSQL main cannot be reached. It is tried again until <!date^1800001020^|2027-01-15 08:17 UTC>; the time starts when it works.
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access approved, not working yet. You asked for PostgreSQL access: role analyst on main, for 1 hour. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>: for 1 hour once it works. It does not work yet: PostgreSQL main cannot be reached. It is tried again until <!date^1800001020^|2027-01-15 08:17 UTC>; the time starts when it works. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn usable_now() {
    assert_snapshot!(channel(usable(false)), @r"
    # PostgreSQL access in use
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    In use by <@U0ALICE> since <!date^1800000180^|2027-01-15 08:03 UTC>, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    end: [Revoke danger sure? Alice Anderson loses role analyst on main now.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access in use. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. In use by Alice Anderson since <!date^1800000180^|2027-01-15 08:03 UTC>, until <!date^1800003780^|2027-01-15 09:03 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(usable(false)), @r#"
    # PostgreSQL access ready to use
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You can use it now, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access ready to use. You asked for PostgreSQL access: role analyst on main, for 1 hour. You can use it now, until <!date^1800003780^|2027-01-15 09:03 UTC>. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn usable_by_two_requests() {
    let mut view = view(usable(false));
    view.stays_until = Some(minutes(240));
    assert_snapshot!(drawn(&approval(&view, NOW)), @r"
    # PostgreSQL access in use
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    In use by <@U0ALICE> since <!date^1800000180^|2027-01-15 08:03 UTC>, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    Another request keeps the same access until <!date^1800014400^|2027-01-15 12:00 UTC>.
    end: [Revoke danger sure? The request ends. Alice Anderson keeps role analyst on main, because another request holds it.] [Revoke all danger sure? Alice Anderson loses role analyst on main now: this request and every other one that holds it ends.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access in use. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. In use by Alice Anderson since <!date^1800000180^|2027-01-15 08:03 UTC>, until <!date^1800003780^|2027-01-15 09:03 UTC>. Another request keeps the same access until <!date^1800014400^|2027-01-15 12:00 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r#"
    # PostgreSQL access ready to use
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You can use it now, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    Another request keeps the same access until <!date^1800014400^|2027-01-15 12:00 UTC>.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ready to use. You asked for PostgreSQL access: role analyst on main, for 1 hour. You can use it now, until <!date^1800003780^|2027-01-15 09:03 UTC>. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. Another request keeps the same access until <!date^1800014400^|2027-01-15 12:00 UTC>. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn it_was_there_before() {
    assert_snapshot!(channel(usable(true)), @r"
    # PostgreSQL access in use
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    <@U0ALICE> had this access before, so nothing was granted and nothing will be taken away.
    end: [Revoke danger sure? The request ends. Alice Anderson had role analyst on main before, so the access stays.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access in use. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. Alice Anderson had this access before, so nothing was granted and nothing will be taken away. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(usable(true)), @r#"
    # PostgreSQL access ready to use
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    You had this access before, so nothing was granted and nothing will be taken away.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access ready to use. You asked for PostgreSQL access: role analyst on main, for 1 hour. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. You had this access before, so nothing was granted and nothing will be taken away. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn ending_and_stuck() {
    assert_snapshot!(channel(ending(End::Expired, None, false)), @r"
    # PostgreSQL access being taken away
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is being taken away.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access being taken away. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is being taken away. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(ending(End::Relinquished, Some(alice()), false)), @r"
    # PostgreSQL access being taken away
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You *gave it back*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is being taken away.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access being taken away. You asked for PostgreSQL access: role analyst on main, for 1 hour. You gave it back, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is being taken away. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(channel(ending(End::Revoked, Some(bob()), true)), @r"
    # PostgreSQL access could not be taken away yet
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    <@U0BOB> *revoked it*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    > The incident is over
    *It should be gone by now, and no check has shown that it is.*
    The removal is tried again until it is gone; the reviewers are told.
    The last try said: PostgreSQL main cannot be reached.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access could not be taken away yet. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Bob Baker revoked it, <!date^1800001800^|2027-01-15 08:30 UTC>. The reason given: The incident is over. It should be gone by now, and no check has shown that it is. The removal is tried again until it is gone; the reviewers are told. The last try said: PostgreSQL main cannot be reached. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(ending(End::Revoked, Some(bob()), true)), @r"
    # PostgreSQL access could not be taken away yet
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    <@U0BOB> *revoked it*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    > The incident is over
    *It should be gone by now, and no check has shown that it is.*
    The removal is tried again until it is gone; the reviewers are told.
    The last try said: PostgreSQL main cannot be reached.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access could not be taken away yet. You asked for PostgreSQL access: role analyst on main, for 1 hour. Bob Baker revoked it, <!date^1800001800^|2027-01-15 08:30 UTC>. The reason given: The incident is over. It should be gone by now, and no check has shown that it is. The removal is tried again until it is gone; the reviewers are told. The last try said: PostgreSQL main cannot be reached. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn ended() {
    let gone = || Left::Gone { at: minutes(31) };
    assert_snapshot!(channel(over(End::Expired, None, None, gone())), @r"
    # PostgreSQL access ended
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(over(End::Expired, None, None, gone())), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(over(End::Relinquished, Some(alice()), None, gone())), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You *gave it back*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. You gave it back, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(over(End::Revoked, Some(bob()), Some("The incident is over"), gone())), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    <@U0BOB> *revoked it*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    > The incident is over
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. Bob Baker revoked it, <!date^1800001800^|2027-01-15 08:30 UTC>. The reason given: The incident is over. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own(over(End::Failed, None, Some("the role analyst is gone"), Left::Nothing)), @r"
    # PostgreSQL access could not be set up
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *It could not be set up*: the role analyst is gone.
    Nothing was granted, and nothing is left behind.
    Trying the same again does not help. Ask again once that is put right, or for something else.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · <https://acme.slack.com/archives/C1/p1|Open it in the approvals channel>)

    text: PostgreSQL access could not be set up. You asked for PostgreSQL access: role analyst on main, for 1 hour. It could not be set up: the role analyst is gone. Nothing was granted, and nothing is left behind. Trying the same again does not help. Ask again once that is put right, or for something else. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn ended_and_something_is_left() {
    let mut view = view(over(End::Relinquished, Some(alice()), None, Left::Kept));
    view.stays_until = Some(minutes(240));
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You *gave it back*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    *The access itself stays* until <!date^1800014400^|2027-01-15 12:00 UTC>: another request holds it.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. You gave it back, <!date^1800001800^|2027-01-15 08:30 UTC>. The access itself stays until <!date^1800014400^|2027-01-15 12:00 UTC>: another request holds it. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    view.phase = over(End::Expired, None, None, Left::Elsewhere { by: "postgres".to_owned() });
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    What this request gave is gone. *The access itself stays*: postgres gives the same.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. What this request gave is gone. The access itself stays: postgres gives the same. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    view.phase = over(End::Expired, None, None, Left::Standing);
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r"
    # PostgreSQL access ended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access was there before this request, so it stays.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. You asked for PostgreSQL access: role analyst on main, for 1 hour. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access was there before this request, so it stays. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    view.phase = Phase::Ended {
        how: End::Expired,
        by: None,
        at: minutes(30),
        why: None,
        left: Left::Gone { at: minutes(31) },
        sessions_until: Some(minutes(90)),
    };
    assert_snapshot!(drawn(&approval(&view, NOW)), @r"
    # PostgreSQL access ended
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    Sessions that were open could not be closed; they end <!date^1800005400^|2027-01-15 09:30 UTC> at the latest.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>. Sessions that were open could not be closed; they end <!date^1800005400^|2027-01-15 09:30 UTC> at the latest. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
}

#[test]
fn while_it_lives_it_can_be_given_back_and_never_after() {
    for phase in every_phase() {
        let view = view(phase);
        let buttons = |message: Message| -> Vec<String> {
            let blocks = message.blocks.iter().filter_map(|block| block["elements"].as_array()).flatten();
            blocks.filter_map(|element| element["action_id"].as_str().map(str::to_owned)).collect()
        };
        let (theirs, own) = (buttons(approval(&view, NOW)), buttons(direct(&view, &alice().id, NOW, None)));
        let expected = |on: bool, name: &str| on.then(|| name.to_owned()).into_iter().collect::<Vec<_>>();
        assert_eq!(theirs.contains(&action::APPROVE.to_owned()), view.can_decide(), "{view:?}");
        assert_eq!(theirs.contains(&action::REVOKE.to_owned()), view.can_end(), "{view:?}");
        let mut wanted = expected(view.can_decide(), action::WITHDRAW);
        wanted.extend(expected(view.can_end(), action::RELINQUISH));
        assert_eq!(own, wanted, "{view:?}");
    }
}

#[test]
fn the_chosen_length_comes_back() {
    use crate::surfaces::slack::inbound::Input;
    let message = approval(&view(Phase::Asked), NOW);
    let select =
        message.blocks.iter().find_map(|block| block["elements"].get(0).filter(|e| e["type"] == "static_select")).expect("it");
    let mut state = State::default();
    assert_eq!(chosen_length(&state), None);
    for (option, length) in select["options"].as_array().expect("options").iter().zip([30, 60, 240]) {
        let value = option["value"].as_str().expect("a value").to_owned();
        let input = Input::Choice { value, label: String::new() };
        state.0.entry(DECIDE.to_owned()).or_default().insert(action::DURATION.to_owned(), input);
        assert_eq!(chosen_length(&state), Some(Span::minutes(length)));
    }
}

#[test]
fn once_its_time_is_up_nobody_is_told_that_it_works() {
    let text = direct(&view(usable(false)), &alice().id, minutes(63), None).text;
    assert!(text.contains("The time is up") && !text.contains("You can use it now"), "{text}");
}

#[test]
fn without_approvers_it_says_so() {
    let mut view = view(Phase::Asked);
    view.approvers = Approvers::default();
    assert!(approval(&view, NOW).text.contains("Nobody can decide this now"));
}

fn every_phase() -> Vec<Phase> {
    let mut all = vec![
        Phase::Asked,
        Phase::Denied { by: bob(), at: NOW, why: Some("no".to_owned()) },
        Phase::Withdrawn { at: NOW },
        Phase::Stale { at: NOW },
        approved(None),
        approved(Some("trouble")),
        usable(false),
        usable(true),
    ];
    let lefts = [Left::Gone { at: NOW }, Left::Nothing, Left::Kept, Left::Standing, Left::Elsewhere { by: "x".to_owned() }];
    for how in End::ALL {
        all.push(ending(*how, Some(bob()), true));
        all.push(ending(*how, None, false));
        all.extend(lefts.iter().map(|left| over(*how, Some(bob()), Some("why"), left.clone())));
    }
    all
}

/// Puts a text wherever a text can stand.
fn everywhere(mut view: RequestView, text: &str) -> RequestView {
    let own = || Some(text.to_owned());
    for person in [&mut view.requestor, &mut view.principal] {
        (person.name, person.handle) = (text.to_owned(), own());
    }
    (view.integration, view.access_type, view.effect) = (text.to_owned(), text.to_owned(), text.to_owned());
    view.details = vec![(text.to_owned(), text.to_owned()); 60];
    (view.reason, view.warning) = (own(), own());
    view.approvers = Approvers {
        people: vec![PersonView { id: bob().id, name: text.to_owned(), handle: own() }; 30],
        groups: vec![
            group("slack", text),
            group("okta", text),
            GroupView { label: Some(text.to_owned()), ..group("okta", text) },
        ],
        others: vec![text.to_owned()],
    };
    view.policy = PolicyView {
        rules: vec![text.to_owned(); 30],
        refused: (text.len() % 2 == 1).then(|| format!("Nobody can say yes. {text}")),
        stricter: true,
        progress: Some(ProgressView {
            need: 3,
            who: view.approvers.clone(),
            then: vec![text.to_owned(); 9],
            ..ProgressView::default()
        }),
        said_yes: view.approvers.people.clone(),
        in_place: view.approvers.people.iter().map(|person| (person.id.clone(), text.to_owned())).collect(),
        can_escalate: true,
        escalated_at: Some(NOW),
        at_once: (view.phase != Phase::Asked).then(|| text.to_owned()),
        emergency: true,
    };
    match &mut view.phase {
        Phase::Asked | Phase::Withdrawn { .. } | Phase::Stale { .. } => {}
        Phase::Denied { by, why, .. } => (by.name, *why) = (text.to_owned(), own()),
        Phase::Approved { by, trouble, .. } => (by.name, *trouble) = (text.to_owned(), own()),
        Phase::Usable { by, connect, .. } => (by.name, *connect) = (text.to_owned(), own()),
        Phase::Ending { why, trouble, .. } => (*why, *trouble) = (own(), own()),
        Phase::Ended { why, left, .. } => {
            *why = own();
            if let Left::Elsewhere { by } = left {
                *by = text.to_owned();
            }
        }
    }
    view
}

fn survives(text: &str, phases: Vec<Phase>) {
    for phase in phases {
        let mut view = everywhere(view(phase), text);
        view.stays_until = Some(minutes(240));
        view.durations = (1..110).map(Span::minutes).collect();
        let more = Some(More::Offered { length: Span::hours(1), at_once: false });
        for message in [approval(&view, NOW), direct(&view, &alice().id, NOW, Some(text)), reminder(&view, more, NOW)] {
            let mut found = limits::of_message(&message);
            limits::in_brackets(&message.text, &mut found);
            assert!(found.is_empty(), "{text:?}: {found:?}");
        }
    }
}

#[test]
fn hostile_text_neither_breaks_nor_pings() {
    for text in [
        "",
        " ",
        "\u{202e}\u{200b}",
        "<!channel> <!here> <@U0BOB> <!subteam^S1> <https://evil.example|Approve> &lt;!channel&gt;",
        "@channel @here *bold* _i_ ~s~ `code` ```fence",
        "```\n*Approved by Bob*\n```",
        "> quoted\n> more",
        "\u{202e}nimda elor",
        "שלום עולם",
        "👩‍👩‍👧‍👦🦀",
        "|^>",
    ] {
        survives(text, every_phase());
        let some = || vec![Phase::Asked, approved(Some("")), usable(false), ending(End::Revoked, None, true)];
        survives(&text.repeat(200), some());
        survives(&format!("{text}\n").repeat(100), some());
    }
    survives(&"&".repeat(10_000), vec![Phase::Asked, usable(false)]);
}

#[test]
fn a_reason_of_a_thousand_characters_is_shown_whole() {
    let mut view = view(Phase::Asked);
    let reason = format!("{}END", "word ".repeat(199));
    view.reason = Some(reason.clone());
    let message = approval(&view, NOW);
    assert!(serde_json::to_string(&message.blocks).expect("JSON").contains(&reason));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_anywhere_gives_a_message_slack_takes(text in "\\PC{0,200}|.{0,200}", which in 0..1000usize) {
        let phases = every_phase();
        let view = everywhere(view(phases[which % phases.len()].clone()), &text);
        for message in [approval(&view, NOW), direct(&view, &alice().id, NOW, Some(&text)), reminder(&view, Some(More::Asked), NOW)] {
            let mut found = limits::of_message(&message);
            limits::in_brackets(&message.text, &mut found);
            prop_assert!(found.is_empty(), "{found:?}");
        }
    }
}

fn tab(home: &Home) -> String {
    let view = super::home(home, NOW);
    let found = limits::of_home(&view);
    assert!(found.is_empty(), "{found:?}");
    copied(view["blocks"].as_array().expect("blocks"))
}

#[test]
fn the_home_tab() {
    let mut granted = view(usable(false));
    granted.effect = "role writer on main".to_owned();
    let again = Again {
        request: RequestId::new(&Still(NOW)),
        integration: "PostgreSQL".to_owned(),
        effect: "role analyst on main".to_owned(),
        length: Span::hours(1),
    };
    let home = Home {
        to_decide: vec![view(Phase::Asked)],
        held: vec![Held { view: granted, own: true, more: Some(More::Offered { length: Span::hours(1), at_once: false }) }],
        asked: vec![view(Phase::Asked)],
        again: vec![again.clone()],
        more: true,
    };
    assert_snapshot!(tab(&home), @r"
    ask: [Request access primary]
    # Waiting for your decision
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    > INC-42: checkout totals are wrong
    decide/req_01mcc5rm0028t5cy4tqkff04hm: [Approve for 1 hour primary] [Deny danger]
    # What you have
    *role writer on main* · PostgreSQL
    1 hour 3 minutes left, until <!date^1800003780^|2027-01-15 09:03 UTC>
    end/req_01mcc5rm0028t5cy4tqkff04hm: [Extend by 1 hour] [Relinquish]
    # What you asked for
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.
    back/req_01mcc5rm0028t5cy4tqkff04hm: [Take back]
    # Ask again
    again: [role analyst on main, 1 hour]
    (There is more than is shown here. As of <!date^1800000000^|2027-01-15 08:00 UTC>. `/p0 help` shows what you can type.)
    ");
    let soon = Phase::Usable { by: bob(), at: NOW, since: NOW, until: NOW + Span::seconds(59), connect: None, standing: false };
    let home = Home { held: vec![Held { view: view(soon), own: true, more: None }], ..Home::default() };
    assert!(tab(&home).contains("less than a minute left, until"), "{}", tab(&home));
    assert_snapshot!(tab(&Home::default()), @r"
    ask: [Request access primary]
    You have no access through P0 just now, and nothing waits for you.
    (As of <!date^1800000000^|2027-01-15 08:00 UTC>. `/p0 help` shows what you can type.)
    ");
    // However much there is, it is a view that Slack takes.
    let many =
        |phase: Phase| (0..20).map(move |at| RequestView { id: RequestId::new(&Still(minutes(at))), ..view(phase.clone()) });
    let home = Home {
        to_decide: many(Phase::Asked).collect(),
        held: many(usable(false)).map(|view| Held { view, own: false, more: None }).collect(),
        again: vec![again; 5],
        asked: many(Phase::Asked).collect(),
        ..Home::default()
    };
    tab(&home);
}
