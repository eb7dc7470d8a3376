//! What messages say of access policies: how far several yeses are, what was given without asking anybody,
//! what became stricter, what was asked for somebody else or allowed ahead of time.

use super::*;
use crate::desk::view::PreapprovalView;
use crate::domain::id::PreapprovalId;

fn carol() -> PersonView {
    person("Carol Cruz", "U0CAROL", 3)
}

fn with(phase: Phase, policy: PolicyView) -> RequestView {
    RequestView { policy: PolicyView { rules: vec!["prod".to_owned()], ..policy }, ..view(phase) }
}

/// Two of SRE, and then Carol.
fn quorum(said_yes: Vec<PersonView>) -> PolicyView {
    let have = u32::try_from(said_yes.len()).expect("few");
    let sre = GroupView { label: Some("SRE".to_owned()), ..group("people", "sre") };
    let who = match have {
        2 => Approvers { people: vec![carol()], ..Approvers::default() },
        _ => Approvers { groups: vec![sre], ..Approvers::default() },
    };
    let then = if have < 2 { vec!["carol@acme.example".to_owned()] } else { Vec::new() };
    let (step, have, need) = if have == 2 { (2, 0, 1) } else { (1, have, 2) };
    PolicyView { said_yes, progress: Some(ProgressView { step, steps: 2, have, need, who, then }), ..PolicyView::default() }
}

fn channel_of(view: &RequestView) -> String {
    drawn(&approval(view, NOW))
}

fn own_of(view: &RequestView, reader: &PersonView) -> String {
    drawn(&direct(view, &reader.id, NOW, None))
}

#[test]
fn several_yeses_say_who_did_and_who_has_to() {
    let dave = || person("Dave Diaz", "U0DAVE", 4);
    let stages = [vec![], vec![bob()], vec![bob(), dave()]];
    let told: Vec<String> = stages.into_iter().map(|said| channel_of(&with(Phase::Asked, quorum(said)))).collect();
    assert_snapshot!(told.join("\n\n"), @r#"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    (By the access policy "prod".)
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (*2 yeses* are needed from somebody of SRE. After that: carol@acme.example.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. By the access policy "prod". 2 yeses are needed from somebody of SRE. After that: carol@acme.example. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.

    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    (By the access policy "prod".)
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<@U0BOB> said yes. *One more yes* is needed from somebody of SRE. After that: carol@acme.example.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. By the access policy "prod". Bob Baker said yes. One more yes is needed from somebody of SRE. After that: carol@acme.example. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.

    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    (By the access policy "prod".)
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<@U0BOB> and <@U0DAVE> said yes. *One more yes* is needed from <@U0CAROL>.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. By the access policy "prod". Bob Baker and Dave Diaz said yes. One more yes is needed from Carol Cruz. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    assert_snapshot!(own_of(&with(Phase::Asked, quorum(vec![bob()])), &alice()), @r#"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    <@U0BOB> said yes. *One more yes* is needed from somebody of SRE. After that: carol@acme.example.
    (By the access policy "prod".)
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour. By the access policy "prod". Bob Baker said yes. One more yes is needed from somebody of SRE. After that: carol@acme.example. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    let denied = Phase::Denied { by: carol(), at: minutes(5), why: None };
    let mut over = with(denied, PolicyView { said_yes: vec![bob()], ..PolicyView::default() });
    assert_snapshot!(own_of(&over, &alice()), @r"
    # PostgreSQL access denied
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Denied* by <@U0CAROL>, <!date^1800000300^|2027-01-15 08:05 UTC>.
    You can ask again, with more about why you need it, or talk to <@U0CAROL>.
    <@U0BOB> had said yes.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access denied. You asked for PostgreSQL access: role analyst on main, for 1 hour. Denied by Carol Cruz, <!date^1800000300^|2027-01-15 08:05 UTC>. You can ask again, with more about why you need it, or talk to Carol Cruz. Bob Baker had said yes. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    over.phase = usable(false);
    over.policy.said_yes = vec![bob(), dave(), carol()];
    assert_snapshot!(channel_of(&over), @r#"
    # PostgreSQL access in use
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by <@U0BOB>, <@U0DAVE> and <@U0CAROL>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    In use by <@U0ALICE> since <!date^1800000180^|2027-01-15 08:03 UTC>, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    (By the access policy "prod".)
    end: [Revoke danger sure? Alice Anderson loses role analyst on main now.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access in use. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by Bob Baker, Dave Diaz and Carol Cruz, <!date^1800000120^|2027-01-15 08:02 UTC>. In use by Alice Anderson since <!date^1800000180^|2027-01-15 08:03 UTC>, until <!date^1800003780^|2027-01-15 09:03 UTC>. By the access policy "prod". Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn what_became_stricter_or_can_be_approved_by_nobody_is_said() {
    let stricter = PolicyView { stricter: true, ..PolicyView::default() };
    assert_snapshot!(channel_of(&with(Phase::Asked, stricter)), @r#"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    (By the access policy "prod". *The access policies became stricter since this was asked; they count as they are now.*)
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. By the access policy "prod". The access policies became stricter since this was asked; they count as they are now. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    let refused = "Nobody can say yes to this as the access policies are now. The access policy \"freeze\" denies this.";
    let refused = PolicyView { refused: Some(refused.to_owned()), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, refused), &alice()), @r#"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Nobody can say yes to this as the access policies are now. The access policy "freeze" denies this.
    (By the access policy "prod".)
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour. By the access policy "prod". Nobody can say yes to this as the access policies are now. The access policy "freeze" denies this. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn whoever_asked_can_escalate_once() {
    let urgent = PolicyView { can_escalate: true, ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, urgent), &alice()), @r#"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    (By the access policy "prod".)
    decide: [Escalate sure? Whoever is on call gets a message about your request now.] [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour. By the access policy "prod". Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    let told = PolicyView { escalated_at: Some(minutes(4)), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, told), &alice()), @r#"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    (By the access policy "prod". Whoever is on call was told, <!date^1800000240^|2027-01-15 08:04 UTC>.)
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour. By the access policy "prod". Whoever is on call was told, <!date^1800000240^|2027-01-15 08:04 UTC>. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn what_was_given_without_asking_anybody_says_why() {
    let policy = PersonView { name: "the access policy".to_owned(), handle: None, ..carol() };
    let mut phase = usable(false);
    if let Phase::Usable { by, .. } = &mut phase {
        *by = policy;
    }
    let why = "an emergency, by the access policy \"prod\"".to_owned();
    let emergency = with(phase, PolicyView { at_once: Some(why), emergency: true, ..PolicyView::default() });
    assert_snapshot!(channel_of(&emergency), @r#"
    # PostgreSQL emergency access in use
    <@U0ALICE> asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    *Approved* by the access policy, <!date^1800000120^|2027-01-15 08:02 UTC>.
    In use by <@U0ALICE> since <!date^1800000180^|2027-01-15 08:03 UTC>, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    (Given without asking anybody: an emergency, by the access policy "prod".)
    end: [Revoke danger sure? Alice Anderson loses role analyst on main now.]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL emergency access in use. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Approved by the access policy, <!date^1800000120^|2027-01-15 08:02 UTC>. In use by Alice Anderson since <!date^1800000180^|2027-01-15 08:03 UTC>, until <!date^1800003780^|2027-01-15 09:03 UTC>. Given without asking anybody: an emergency, by the access policy "prod". Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    let ahead = PolicyView { at_once: Some("allowed ahead of time by Bob Baker".to_owned()), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(usable(false), ahead), &alice()), @r#"
    # PostgreSQL access ready to use
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    You can use it now, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    (Given without asking anybody: allowed ahead of time by Bob Baker.)
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ready to use. You asked for PostgreSQL access: role analyst on main, for 1 hour. You can use it now, until <!date^1800003780^|2027-01-15 09:03 UTC>. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. Given without asking anybody: allowed ahead of time by Bob Baker. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

#[test]
fn what_is_asked_for_somebody_else_is_told_to_both() {
    let mut view = RequestView { principal: carol(), ..view(Phase::Asked) };
    assert_snapshot!(channel_of(&view), @r"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access for <@U0CAROL>: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access for Carol Cruz: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own_of(&view, &alice()), @r"
    # PostgreSQL access requested
    You asked for PostgreSQL access for <@U0CAROL>: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. You asked for PostgreSQL access for Carol Cruz: role analyst on main, for 1 hour. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(own_of(&view, &carol()), @r"
    # PostgreSQL access requested
    <@U0ALICE> asked for PostgreSQL access for you: *role analyst on main*, for *1 hour*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access requested. Alice Anderson asked for PostgreSQL access for you: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    view.phase = usable(false);
    assert_snapshot!(own_of(&view, &carol()), @r#"
    # PostgreSQL access ready to use
    <@U0ALICE> asked for PostgreSQL access for you: *role analyst on main*, for *1 hour*.
    You can use it now, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ready to use. Alice Anderson asked for PostgreSQL access for you: role analyst on main, for 1 hour. You can use it now, until <!date^1800003780^|2027-01-15 09:03 UTC>. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
    assert_snapshot!(own_of(&view, &alice()), @r#"
    # PostgreSQL access ready to use
    You asked for PostgreSQL access for <@U0CAROL>: *role analyst on main*, for *1 hour*.
    *Approved* by <@U0BOB>, <!date^1800000120^|2027-01-15 08:02 UTC>.
    In use by <@U0CAROL> since <!date^1800000180^|2027-01-15 08:03 UTC>, *until <!date^1800003780^|2027-01-15 09:03 UTC>*.
    *How to use it*
    ```psql "host=db.example dbname=main user=alice"
    SET ROLE analyst;```
    end: [Relinquish]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ready to use. You asked for PostgreSQL access for Carol Cruz: role analyst on main, for 1 hour. Approved by Bob Baker, <!date^1800000120^|2027-01-15 08:02 UTC>. In use by Carol Cruz since <!date^1800000180^|2027-01-15 08:03 UTC>, until <!date^1800003780^|2027-01-15 09:03 UTC>. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm.
    "#);
}

/// What Bob allowed Alice for a week.
fn allowed(reason: Option<&str>) -> PreapprovalView {
    PreapprovalView {
        id: PreapprovalId::new(&Still(minutes(6))),
        principal: alice(),
        issuer: bob(),
        integration: "PostgreSQL".to_owned(),
        effect: "role analyst on main".to_owned(),
        reason: reason.map(str::to_owned),
        length: Span::hours(2),
        from: NOW,
        until: NOW + Span::days(7),
        ended_at: None,
    }
}

#[test]
fn what_was_allowed_ahead_of_time_is_told_to_whoever_it_concerns() {
    let mut view = allowed(Some("on call this week"));
    let told = |view: &PreapprovalView, reader: Option<PersonView>| {
        drawn(&preapproval(view, reader.map(|reader| reader.id).as_ref(), NOW))
    };
    assert_snapshot!(told(&view, None), @r"
    # PostgreSQL access allowed ahead of time
    <@U0BOB> allowed <@U0ALICE> ahead of time: *role analyst on main*. Until <!date^1800604800^|2027-01-22 08:00 UTC>, <@U0ALICE> can ask for it and gets it at once, each time for at most 2 hours. Nothing is given before that.
    *Reason*
    > on call this week
    ahead: [Take back danger sure? Alice Anderson has to ask again for role analyst on main.]
    (Allowed ahead of time pre_01mcc63kj028t5cy4tqkff04hm)

    text: PostgreSQL access allowed ahead of time. Bob Baker allowed Alice Anderson ahead of time: role analyst on main. Until <!date^1800604800^|2027-01-22 08:00 UTC>, Alice Anderson can ask for it and gets it at once, each time for at most 2 hours. Nothing is given before that. Reason: on call this week.
    ");
    assert_snapshot!(told(&view, Some(alice())), @r"
    # PostgreSQL access allowed ahead of time
    <@U0BOB> allowed you ahead of time: *role analyst on main*. Until <!date^1800604800^|2027-01-22 08:00 UTC>, you can ask for it and get it at once, each time for at most 2 hours. Nothing is given before that.
    *Reason*
    > on call this week
    (Allowed ahead of time pre_01mcc63kj028t5cy4tqkff04hm)

    text: PostgreSQL access allowed ahead of time. Bob Baker allowed you ahead of time: role analyst on main. Until <!date^1800604800^|2027-01-22 08:00 UTC>, you can ask for it and get it at once, each time for at most 2 hours. Nothing is given before that. Reason: on call this week.
    ");
    view.from = minutes(60);
    assert_snapshot!(told(&view, Some(bob())), @r"
    # PostgreSQL access allowed ahead of time
    You allowed <@U0ALICE> ahead of time: *role analyst on main*. From <!date^1800003600^|2027-01-15 09:00 UTC> until <!date^1800604800^|2027-01-22 08:00 UTC>, <@U0ALICE> can ask for it and gets it at once, each time for at most 2 hours. Nothing is given before that.
    *Reason*
    > on call this week
    ahead: [Take back danger sure? Alice Anderson has to ask again for role analyst on main.]
    (Allowed ahead of time pre_01mcc63kj028t5cy4tqkff04hm)

    text: PostgreSQL access allowed ahead of time. You allowed Alice Anderson ahead of time: role analyst on main. From <!date^1800003600^|2027-01-15 09:00 UTC> until <!date^1800604800^|2027-01-22 08:00 UTC>, Alice Anderson can ask for it and gets it at once, each time for at most 2 hours. Nothing is given before that. Reason: on call this week.
    ");
    view.ended_at = Some(minutes(9));
    assert_snapshot!(told(&view, Some(alice())), @r"
    # PostgreSQL access no longer allowed ahead of time
    <@U0BOB> allowed you ahead of time: *role analyst on main*. That was taken back <!date^1800000540^|2027-01-15 08:09 UTC>. What was given by it ends at its own time.
    *Reason*
    > on call this week
    (Allowed ahead of time pre_01mcc63kj028t5cy4tqkff04hm)

    text: PostgreSQL access no longer allowed ahead of time. Bob Baker allowed you ahead of time: role analyst on main. That was taken back <!date^1800000540^|2027-01-15 08:09 UTC>. What was given by it ends at its own time. Reason: on call this week.
    ");
}

#[test]
fn whoever_looked_at_an_emergency_is_named() {
    let told = Told { looked_at_by: Some("Bob Baker".to_owned()), ..Told::new("analyst for Alice", "checkout is down", NOW) };
    let alert_id = AlertId::new(&Still(minutes(4)));
    let closed = Alert {
        id: alert_id,
        kind: AlertKind::Emergency,
        subject: "req_1".into(),
        told,
        opened_at: NOW,
        closed_at: Some(minutes(9)),
    };
    assert_snapshot!(drawn(&alert(&closed)), @r"
    # Emergency access, looked at
    analyst for Alice: Bob Baker looked at it, <!date^1800000540^|2027-01-15 08:09 UTC>. The reason given: checkout is down.
    (Alert alr_01mcc5zyc028t5cy4tqkff04hm · since <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: Emergency access, looked at. analyst for Alice: Bob Baker looked at it, <!date^1800000540^|2027-01-15 08:09 UTC>. The reason given: checkout is down.
    ");
}

#[test]
fn whoever_it_concerns_is_reminded_of_its_end() {
    let view = allowed(None);
    assert_snapshot!(drawn(&preapproval_ends(&view, &alice().id, NOW)), @r"
    # PostgreSQL access allowed ahead of time, ending soon
    What <@U0BOB> allowed you ends <!date^1800604800^|2027-01-22 08:00 UTC>: *role analyst on main*. If you need it for longer, ask <@U0BOB> to allow it again.
    (Allowed ahead of time pre_01mcc63kj028t5cy4tqkff04hm)

    text: PostgreSQL access allowed ahead of time, ending soon. What Bob Baker allowed you ends <!date^1800604800^|2027-01-22 08:00 UTC>: role analyst on main. If you need it for longer, ask Bob Baker to allow it again.
    ");
    let told = preapproval_ends(&view, &bob().id, NOW).text;
    assert!(told.contains("What you allowed Alice Anderson ends <!date^") && told.contains("role analyst on main"), "{told}");
    let own = PreapprovalView { issuer: alice(), ..view.clone() };
    assert!(preapproval_ends(&own, &alice().id, NOW).text.contains("`/p0 allow` allows it for longer."));
    let over = preapproval_ends(&view, &bob().id, NOW + Span::days(8));
    assert_eq!(over.text, preapproval(&view, Some(&bob().id), NOW + Span::days(8)).text, "it says so when it is over");
}
