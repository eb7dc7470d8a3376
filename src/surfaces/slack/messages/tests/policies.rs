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
    assert_snapshot!(told.join("\n\n"), @"");
    assert_snapshot!(own_of(&with(Phase::Asked, quorum(vec![bob()])), &alice()), @"");
    let denied = Phase::Denied { by: carol(), at: minutes(5), why: None };
    let mut over = with(denied, PolicyView { said_yes: vec![bob()], ..PolicyView::default() });
    assert_snapshot!(own_of(&over, &alice()), @"");
    over.phase = usable(false);
    over.policy.said_yes = vec![bob(), dave(), carol()];
    assert_snapshot!(channel_of(&over), @"");
}

#[test]
fn what_became_stricter_or_can_be_approved_by_nobody_is_said() {
    let stricter = PolicyView { stricter: true, ..PolicyView::default() };
    assert_snapshot!(channel_of(&with(Phase::Asked, stricter)), @"");
    let refused = "Nobody can say yes to this as the access policies are now. The access policy \"freeze\" denies this.";
    let refused = PolicyView { refused: Some(refused.to_owned()), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, refused), &alice()), @"");
}

#[test]
fn whoever_asked_can_escalate_once() {
    let urgent = PolicyView { can_escalate: true, ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, urgent), &alice()), @"");
    let told = PolicyView { escalated_at: Some(minutes(4)), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(Phase::Asked, told), &alice()), @"");
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
    assert_snapshot!(channel_of(&emergency), @"");
    let ahead = PolicyView { at_once: Some("allowed ahead of time by Bob Baker".to_owned()), ..PolicyView::default() };
    assert_snapshot!(own_of(&with(usable(false), ahead), &alice()), @"");
}

#[test]
fn what_is_asked_for_somebody_else_is_told_to_both() {
    let mut view = RequestView { principal: carol(), ..view(Phase::Asked) };
    assert_snapshot!(channel_of(&view), @"");
    assert_snapshot!(own_of(&view, &alice()), @"");
    assert_snapshot!(own_of(&view, &carol()), @"");
    view.phase = usable(false);
    assert_snapshot!(own_of(&view, &carol()), @"");
    assert_snapshot!(own_of(&view, &alice()), @"");
}

#[test]
fn what_was_allowed_ahead_of_time_is_told_to_whoever_it_concerns() {
    let mut view = PreapprovalView {
        id: PreapprovalId::new(&Still(minutes(6))),
        principal: alice(),
        issuer: bob(),
        integration: "PostgreSQL".to_owned(),
        effect: "role analyst on main".to_owned(),
        reason: Some("on call this week".to_owned()),
        length: Span::hours(2),
        from: NOW,
        until: NOW + Span::days(7),
        ended_at: None,
    };
    let told = |view: &PreapprovalView, reader: Option<PersonView>| {
        drawn(&preapproval(view, reader.map(|reader| reader.id).as_ref(), NOW))
    };
    assert_snapshot!(told(&view, None), @"");
    assert_snapshot!(told(&view, Some(alice())), @"");
    view.from = minutes(60);
    assert_snapshot!(told(&view, Some(bob())), @"");
    view.ended_at = Some(minutes(9));
    assert_snapshot!(told(&view, Some(alice())), @"");
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
    assert_snapshot!(drawn(&alert(&closed)), @"");
}
