//! The reminder through its life, and what extensions say of themselves and of what they extend.

use super::*;

fn reminded(view: &RequestView, more: Option<More>) -> String {
    drawn(&reminder(view, more, NOW))
}

fn extension(until: Option<Time>, on_top: bool) -> RequestView {
    let id = RequestId::new(&Still(Time(7)));
    RequestView { extends: Some(Extends { id, until, on_top }), ..view(Phase::Asked) }
}

#[test]
fn the_reminder_offers_more_time_and_an_end() {
    let view = view(usable(false));
    let offered = |at_once| Some(More::Offered { length: Span::hours(1), at_once });
    assert_snapshot!(reminded(&view, offered(false)), @r"
    # PostgreSQL access ends soon
    Your access to *role analyst on main* ends *<!date^1800003780^|2027-01-15 09:03 UTC>*.
    You can ask the approvers to extend it until <!date^1800007380^|2027-01-15 10:03 UTC>, or give it back now.
    end: [Extend by 1 hour primary] [I am done]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ends soon. Your access to role analyst on main ends <!date^1800003780^|2027-01-15 09:03 UTC>. You can ask the approvers to extend it until <!date^1800007380^|2027-01-15 10:03 UTC>, or give it back now.
    ");
    assert_snapshot!(reminded(&view, offered(true)), @r"
    # PostgreSQL access ends soon
    Your access to *role analyst on main* ends *<!date^1800003780^|2027-01-15 09:03 UTC>*.
    You can extend it at once, until <!date^1800007380^|2027-01-15 10:03 UTC>, or give it back now.
    end: [Extend by 1 hour primary] [I am done]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ends soon. Your access to role analyst on main ends <!date^1800003780^|2027-01-15 09:03 UTC>. You can extend it at once, until <!date^1800007380^|2027-01-15 10:03 UTC>, or give it back now.
    ");
}

#[test]
fn the_reminder_has_no_button_that_does_nothing() {
    let mut view = view(usable(false));
    assert_snapshot!(reminded(&view, Some(More::Asked)), @r"
    # PostgreSQL access ends soon
    Your access to *role analyst on main* ends *<!date^1800003780^|2027-01-15 09:03 UTC>*.
    You asked for more time, and that waits for a decision.
    end: [I am done]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ends soon. Your access to role analyst on main ends <!date^1800003780^|2027-01-15 09:03 UTC>. You asked for more time, and that waits for a decision.
    ");
    assert_snapshot!(reminded(&view, Some(More::UsedUp { longest: Span::hours(12) })), @r"
    # PostgreSQL access ends soon
    Your access to *role analyst on main* ends *<!date^1800003780^|2027-01-15 09:03 UTC>*.
    It may be held for 12 hours without a pause, and that is used up. You can ask again after it has ended.
    end: [I am done]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ends soon. Your access to role analyst on main ends <!date^1800003780^|2027-01-15 09:03 UTC>. It may be held for 12 hours without a pause, and that is used up. You can ask again after it has ended.
    ");
    view.stays_until = Some(minutes(123));
    assert_snapshot!(reminded(&view, Some(More::Asked)), @r"
    # PostgreSQL access goes on
    Your access to *role analyst on main* goes on until *<!date^1800007380^|2027-01-15 10:03 UTC>*: another request keeps it.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access goes on. Your access to role analyst on main goes on until <!date^1800007380^|2027-01-15 10:03 UTC>: another request keeps it.
    ");
    view.extended = true;
    assert_snapshot!(reminded(&view, Some(More::Asked)), @r"
    # PostgreSQL access goes on
    Your access to *role analyst on main* goes on until *<!date^1800007380^|2027-01-15 10:03 UTC>*: it was extended.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access goes on. Your access to role analyst on main goes on until <!date^1800007380^|2027-01-15 10:03 UTC>: it was extended.
    ");
    view.missing = true;
    assert_snapshot!(reminder(&view, Some(More::Asked), NOW).text, @"PostgreSQL access was taken away elsewhere. This was a reminder of the end of your access to role analyst on main. It does not work any more: somebody took it away outside P0. It is not put back. Ask again if you still need it. Approved by Bob Baker, <!date^1800000120^{date_short_pretty} at {time}|2027-01-15 08:02 UTC>.");
    view.missing = false;
    view.phase = over(End::Expired, None, None, Left::Kept);
    assert_snapshot!(reminded(&view, None), @r"
    # PostgreSQL access extended
    This was a reminder of the end of your access to *role analyst on main*.
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    *The access itself goes on*: it was extended.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access extended. This was a reminder of the end of your access to role analyst on main. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access itself goes on: it was extended.
    ");
    view.phase = over(End::Relinquished, Some(alice()), None, Left::Gone { at: minutes(31) });
    view.stays_until = None;
    assert_snapshot!(reminded(&view, None), @r"
    # PostgreSQL access ended
    This was a reminder of the end of your access to *role analyst on main*.
    You *gave it back*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access ended. This was a reminder of the end of your access to role analyst on main. You gave it back, <!date^1800001800^|2027-01-15 08:30 UTC>. The access is gone; that was checked <!date^1800001860^|2027-01-15 08:31 UTC>.
    ");
    for phase in every_phase() {
        let view = RequestView { phase, ..view.clone() };
        let buttons = reminder(&view, Some(More::Asked), NOW).blocks.iter().any(|block| block["type"] == "actions");
        assert_eq!(buttons, matches!(view.phase, Phase::Usable { standing: false, .. }), "{view:?}");
    }
}

#[test]
fn an_extension_says_what_it_extends() {
    assert_snapshot!(drawn(&approval(&extension(Some(minutes(15)), true), NOW)), @r"
    # PostgreSQL access requested
    <@U0ALICE> asks for PostgreSQL access: *role analyst on main*, for *1 hour more*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    This extends an access that ends <!date^1800000900^|2027-01-15 08:15 UTC>; as asked, it would end *<!date^1800004500^|2027-01-15 09:15 UTC>*.
    decide: [1 hour (as asked) of 30 minutes, 1 hour (as asked), 4 hours] [Approve primary] [Deny danger]
    (<!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> may decide.)
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · extends req_000000000728t5cy4tqkff04hm)

    text: PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour more. Reason: INC-42: checkout totals are wrong. This extends an access that ends <!date^1800000900^|2027-01-15 08:15 UTC>; as asked, it would end <!date^1800004500^|2027-01-15 09:15 UTC>. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(drawn(&direct(&extension(Some(minutes(15)), true), &alice().id, NOW, None)), @r"
    # PostgreSQL access requested
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour more*.
    *Access* PostgreSQL · Role membership
    *For how long* 1 hour
    *Instance* main
    *Role* analyst
    *Reason*
    > INC-42: checkout totals are wrong
    Until somebody decides, your access ends <!date^1800000900^|2027-01-15 08:15 UTC>.
    Waiting for <!subteam^S0APPROVERS>, the okta group oncall or <@U0BOB> to decide. This message will tell you.
    decide: [Take back]
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC> · extends req_000000000728t5cy4tqkff04hm)

    text: PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour more. Until somebody decides, your access ends <!date^1800000900^|2027-01-15 08:15 UTC>. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(approval(&extension(Some(minutes(15)), false), NOW).text, @"PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. This extends an access that ends <!date^1800000900^{date_short_pretty} at {time}|2027-01-15 08:15 UTC>; its own time begins when it is approved. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.");
    assert_snapshot!(approval(&extension(None, true), NOW).text, @"PostgreSQL access requested. Alice Anderson asks for PostgreSQL access: role analyst on main, for 1 hour more. Reason: INC-42: checkout totals are wrong. The access that this was to extend is over. Approved now, it is given anew. The Slack group of approvers, the okta group oncall or Bob Baker may decide. Approve or deny in this message. Request req_01mcc5rm0028t5cy4tqkff04hm.");
    assert_snapshot!(direct(&extension(None, true), &alice().id, NOW, None).text, @"PostgreSQL access requested. You asked for PostgreSQL access: role analyst on main, for 1 hour more. The access that this was to extend is over; you can still get it anew. Waiting for the Slack group of approvers, the okta group oncall or Bob Baker to decide. This message will tell you. Request req_01mcc5rm0028t5cy4tqkff04hm.");
    let mut approved = extension(Some(minutes(15)), true);
    approved.phase = super::approved(None);
    assert_snapshot!(direct(&approved, &alice().id, NOW, None).text, @"PostgreSQL access approved, being set up. You asked for PostgreSQL access: role analyst on main, for 1 hour more. Approved by Bob Baker, <!date^1800000120^{date_short_pretty} at {time}|2027-01-15 08:02 UTC>: for 1 hour more. It is being set up now. Request req_01mcc5rm0028t5cy4tqkff04hm.");
}

#[test]
fn what_was_extended_says_that_it_goes_on() {
    let mut view = view(usable(false));
    (view.stays_until, view.extended) = (Some(minutes(123)), true);
    assert_snapshot!(direct(&view, &alice().id, NOW, None).text, @r#"PostgreSQL access ready to use. You asked for PostgreSQL access: role analyst on main, for 1 hour. You can use it now, until <!date^1800003780^{date_short_pretty} at {time}|2027-01-15 09:03 UTC>. Approved by Bob Baker, <!date^1800000120^{date_short_pretty} at {time}|2027-01-15 08:02 UTC>. It was extended: the access stays until <!date^1800007380^{date_short_pretty} at {time}|2027-01-15 10:03 UTC>. How to use it: psql "host=db.example dbname=main user=alice" SET ROLE analyst; Request req_01mcc5rm0028t5cy4tqkff04hm."#);
    view.phase = over(End::Expired, None, None, Left::Kept);
    assert_snapshot!(drawn(&direct(&view, &alice().id, NOW, None)), @r"
    # PostgreSQL access extended
    You asked for PostgreSQL access: *role analyst on main*, for *1 hour*.
    *The time is up*, <!date^1800001800^|2027-01-15 08:30 UTC>.
    *The access itself goes on*: it was extended.
    (Request req_01mcc5rm0028t5cy4tqkff04hm · asked <!date^1800000000^|2027-01-15 08:00 UTC>)

    text: PostgreSQL access extended. You asked for PostgreSQL access: role analyst on main, for 1 hour. The time is up, <!date^1800001800^|2027-01-15 08:30 UTC>. The access itself goes on: it was extended. Request req_01mcc5rm0028t5cy4tqkff04hm.
    ");
    assert_snapshot!(approval(&view, NOW).text, @"PostgreSQL access extended. Alice Anderson asked for PostgreSQL access: role analyst on main, for 1 hour. Reason: INC-42: checkout totals are wrong. The time is up, <!date^1800001800^{date_short_pretty} at {time}|2027-01-15 08:30 UTC>. The access itself goes on: it was extended. Request req_01mcc5rm0028t5cy4tqkff04hm.");
}

#[test]
fn only_what_is_left_is_offered() {
    let mut view = extension(Some(minutes(15)), true);
    view.durations = vec![Span::minutes(30), Span::minutes(40)];
    let buttons =
        |view: &RequestView| drawn(&approval(view, NOW)).lines().find(|line| line.starts_with("decide")).map(str::to_owned);
    assert_snapshot!(buttons(&view).expect("buttons"), @"decide: [40 minutes of 30 minutes, 40 minutes] [Approve primary] [Deny danger]");
    view.durations = vec![Span::minutes(20)];
    assert_snapshot!(buttons(&view).expect("buttons"), @"decide: [Approve for 20 minutes primary] [Deny danger]");
}
