//! Everything that goes wrong between us and the system ends in gone, or in a sentence.

use std::time::Duration;

use p0::desk::view::Phase;
use p0::domain::access::{Called, Observed};
use p0::domain::fault::Fault;
use p0::domain::time::{Clock, Span};
use p0::outbound::{Base, Bearer, Failed, Outbound};
use p0::playground::members::{On, Trouble};
use secrecy::SecretString;

use super::world::{HOUR, MANIFEST, Page, Stage, ask, assignment, configured, connector, members};
use crate::harness::outside::Wall;

/// Every way in which one call of a kind goes wrong.
fn troubles() -> Vec<Trouble> {
    let busy = Some(("retry-after", "2".to_owned()));
    vec![
        Trouble::Answers(500, None),
        Trouble::Answers(429, busy.clone()),
        Trouble::Answers(503, busy),
        Trouble::Answers(401, None),
        Trouble::Answers(302, Some(("location", "/api/clubs".to_owned()))),
        Trouble::FailsAfter,
        Trouble::LosesTheAnswer,
        Trouble::Drops,
        Trouble::OnlySaysYes,
        Trouble::ShowsOld,
        Trouble::Floods,
        Trouble::Mumbles("no JSON"),
        Trouble::Mumbles("{}"),
    ]
}

/// Two in a row of each, at each kind of call: it works all the same, and at the end it is gone.
async fn every_trouble_at(on: On) {
    for trouble in troubles() {
        let stage = Stage::new().await;
        stage.members.remembers();
        let request = stage.approved("alice", "chess").await;
        stage.members.go_wrong(on, &[trouble.clone(), trouble.clone()]);
        stage.usable(&request).await;
        assert!(stage.members.entry("chess", "alice").is_some(), "{on:?} {trouble:?}");

        stage.world.outer.pass(HOUR);
        stage.members.go_wrong(on, &[trouble.clone(), trouble.clone()]);
        stage.ended(&request).await;
        assert_eq!(stage.members.entry("chess", "alice"), None, "{on:?} {trouble:?}");
        stage.world.pass(Span::minutes(1)).await;
        assert_eq!(stage.members.entry("chess", "alice"), None, "{on:?} {trouble:?}: and it stays gone");
        stage.world.chains_are_whole().await;
    }
}

#[tokio::test]
async fn looks_go_wrong() {
    every_trouble_at(On::Look).await;
}

#[tokio::test]
async fn grants_go_wrong() {
    every_trouble_at(On::Join).await;
}

#[tokio::test]
async fn revocations_go_wrong() {
    every_trouble_at(On::Leave).await;
}

#[tokio::test]
async fn a_revocation_that_fails_for_long_is_told_and_never_given_up() {
    let stage = Stage::new().await;
    let request = stage.approved("alice", "chess").await;
    stage.usable(&request).await;
    stage.world.outer.pass(HOUR);
    stage.members.go_wrong(On::Leave, &vec![Trouble::Answers(403, None); 1000]);
    stage.world.pass(Span::minutes(3)).await;
    let Phase::Ending { trouble: Some(trouble), stuck: true, .. } = stage.world.phase(&request).await else { panic!("stuck") };
    insta::assert_snapshot!(trouble, @r#"Members page does not let p0's token do DELETE /api/memberships/{{ handle }} (status 403); give it that right"#);
    assert!(stage.members.entry("chess", "alice").is_some());
    stage.members.go_wrong(On::Leave, &[]);
    stage.ended(&request).await;
    assert_eq!(stage.members.entry("chess", "alice"), None);
}

/// What an operator or a requestor is told, and what the engine makes of it.
#[tokio::test]
async fn each_answer_has_its_sentence() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    let mut told = String::new();
    let mut note = |on: On, trouble: &Trouble, said: Result<String, Fault>| {
        let kind = match &said {
            Ok(_) => "fine",
            Err(Fault::Later { after: Some(_), .. }) => "later, after",
            Err(Fault::Later { .. }) => "later",
            Err(Fault::Maybe { .. }) => "maybe",
            Err(Fault::Never { .. }) => "never",
            Err(Fault::Denied { .. }) => "denied",
        };
        told += &format!("{on:?} {trouble:?}: {kind}: {}\n", said.unwrap_or_else(|fault| fault.to_string()));
    };
    let others =
        [Trouble::Answers(403, None), Trouble::Answers(404, None), Trouble::Answers(400, None), Trouble::Answers(202, None)];
    for trouble in troubles().into_iter().chain(others) {
        if trouble == Trouble::ShowsOld || trouble == Trouble::Answers(503, Some(("retry-after", "2".to_owned()))) {
            continue; // as 429
        }
        page.members.go_wrong(On::Look, std::slice::from_ref(&trouble));
        note(On::Look, &trouble, page.connector.observe(&planned).await.map(|seen| seen.to_string()));
        page.members.go_wrong(On::Join, std::slice::from_ref(&trouble));
        let called = page.connector.grant(&planned, page.soon()).await;
        note(On::Join, &trouble, called.map(|called| format!("{called:?}")));
        page.members.go_wrong(On::Join, &[]);
        page.connector.revoke(&planned).await.expect("revoked");
        page.grant(&mut planned).await;
        page.members.go_wrong(On::Leave, std::slice::from_ref(&trouble));
        note(On::Leave, &trouble, page.connector.revoke(&planned).await.map(|called| format!("{called:?}")));
        page.members.go_wrong(On::Leave, &[]);
        page.connector.revoke(&planned).await.expect("revoked");
        planned.handle = None;
    }
    insta::assert_snapshot!(told, @r#"
    Look Answers(500, None): later: Members page failed at GET /api/clubs/{{ club }}/members (status 500)
    Join Answers(500, None): maybe: Members page failed at POST /api/clubs/{{ club }}/members (status 500); looking whether it was done
    Leave Answers(500, None): maybe: Members page failed at DELETE /api/memberships/{{ handle }} (status 500); looking whether it was done
    Look Answers(429, Some(("retry-after", "2"))): later, after: Members page is busy (status 429)
    Join Answers(429, Some(("retry-after", "2"))): later, after: Members page is busy (status 429)
    Leave Answers(429, Some(("retry-after", "2"))): later, after: Members page is busy (status 429)
    Look Answers(401, None): denied: Members page does not accept p0's token (status 401); renew integrations.members.token
    Join Answers(401, None): denied: Members page does not accept p0's token (status 401); renew integrations.members.token
    Leave Answers(401, None): denied: Members page does not accept p0's token (status 401); renew integrations.members.token
    Look Answers(302, Some(("location", "/api/clubs"))): denied: Members page sends GET /api/clubs/{{ club }}/members elsewhere (status 302), where no token is taken; let the address be the final one
    Join Answers(302, Some(("location", "/api/clubs"))): denied: Members page sends POST /api/clubs/{{ club }}/members elsewhere (status 302), where no token is taken; let the address be the final one
    Leave Answers(302, Some(("location", "/api/clubs"))): denied: Members page sends DELETE /api/memberships/{{ handle }} elsewhere (status 302), where no token is taken; let the address be the final one
    Look FailsAfter: later: Members page failed at GET /api/clubs/{{ club }}/members (status 500)
    Join FailsAfter: maybe: Members page failed at POST /api/clubs/{{ club }}/members (status 500); looking whether it was done
    Leave FailsAfter: maybe: Members page failed at DELETE /api/memberships/{{ handle }} (status 500); looking whether it was done
    Look LosesTheAnswer: later: Members page did not answer
    Join LosesTheAnswer: maybe: Members page did not answer; looking whether it was done
    Leave LosesTheAnswer: maybe: Members page did not answer; looking whether it was done
    Look Drops: later: Members page did not answer
    Join Drops: maybe: Members page did not answer; looking whether it was done
    Leave Drops: maybe: Members page did not answer; looking whether it was done
    Look OnlySaysYes: fine: absent
    Join OnlySaysYes: fine: Done { handle: None }
    Leave OnlySaysYes: fine: Done { handle: None }
    Look Floods: later: Members page answered GET /api/clubs/{{ club }}/members with more than 1000000 bytes, which are not read
    Join Floods: maybe: Members page answered POST /api/clubs/{{ club }}/members with more than is read; looking whether it was done
    Leave Floods: maybe: Members page answered DELETE /api/memberships/{{ handle }} with more than is read; looking whether it was done
    Look Mumbles("no JSON"): denied: the answer of Members page to GET /api/clubs/{{ club }}/members is not JSON; the manifest and the system have to be brought together
    Join Mumbles("no JSON"): denied: Members page answers POST /api/clubs/{{ club }}/members with status 200, which its manifest does not know; add it there or mend the call
    Leave Mumbles("no JSON"): denied: Members page answers DELETE /api/memberships/{{ handle }} with status 200, which its manifest does not know; add it there or mend the call
    Look Mumbles("{}"): denied: the answer of Members page to GET /api/clubs/{{ club }}/members has no list at /members; the manifest and the system have to be brought together
    Join Mumbles("{}"): denied: Members page answers POST /api/clubs/{{ club }}/members with status 200, which its manifest does not know; add it there or mend the call
    Leave Mumbles("{}"): denied: Members page answers DELETE /api/memberships/{{ handle }} with status 200, which its manifest does not know; add it there or mend the call
    Look Answers(403, None): denied: Members page does not let p0's token do GET /api/clubs/{{ club }}/members (status 403); give it that right
    Join Answers(403, None): denied: Members page does not let p0's token do POST /api/clubs/{{ club }}/members (status 403); give it that right
    Leave Answers(403, None): denied: Members page does not let p0's token do DELETE /api/memberships/{{ handle }} (status 403); give it that right
    Look Answers(404, None): fine: absent
    Join Answers(404, None): never: Members page refuses POST /api/clubs/{{ club }}/members (status 404); what was asked for may be gone
    Leave Answers(404, None): fine: Done { handle: None }
    Look Answers(400, None): never: Members page refuses GET /api/clubs/{{ club }}/members (status 400); what was asked for may be gone
    Join Answers(400, None): never: Members page refuses POST /api/clubs/{{ club }}/members (status 400); what was asked for may be gone
    Leave Answers(400, None): never: Members page refuses DELETE /api/memberships/{{ handle }} (status 400); what was asked for may be gone
    Look Answers(202, None): denied: Members page answers GET /api/clubs/{{ club }}/members with status 202, which its manifest does not know; add it there or mend the call
    Join Answers(202, None): denied: Members page answers POST /api/clubs/{{ club }}/members with status 202, which its manifest does not know; add it there or mend the call
    Leave Answers(202, None): denied: Members page answers DELETE /api/memberships/{{ handle }} with status 202, which its manifest does not know; add it there or mend the call
    "#);
}

#[tokio::test]
async fn no_token_travels_to_another_address() {
    let page = Page::new().await;
    let other = members(page.outside.clone()).await;
    let planned = page.planned("alice", "chess").await;
    let there = |header| (header, format!("{}/api/clubs/chess/members", other.url()));
    for status in [301, 302, 303, 307, 308] {
        page.members.go_wrong(On::Look, &[Trouble::Answers(status, Some(there("location")))]);
        let told = page.connector.observe(&planned).await.expect_err("a redirect");
        assert!(matches!(&told, Fault::Denied { why } if why.contains("no token is taken")), "{told:?}");
        page.members.go_wrong(On::Join, &[Trouble::Answers(status, Some(there("location")))]);
        page.connector.grant(&planned, page.soon()).await.expect_err("a redirect");
    }
    let next = format!("<{}/api/clubs/chess/members>; rel=\"next\"", other.url());
    page.members.go_wrong(On::Look, &[Trouble::Answers(200, Some(("link", next)))]);
    let told = page.connector.observe(&planned).await.expect_err("a page elsewhere");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("has no list at /members")), "{told:?}");
    page.members.go_wrong(On::Look, &[Trouble::Links(&["<https://evil.example/members>; rel=\"next\""])]);
    let told = page.connector.observe(&planned).await.expect_err("a page elsewhere");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("goes on at another address")), "{told:?}");
    assert_eq!(other.calls(), Vec::<String>::new(), "nobody came");
}

#[tokio::test]
async fn a_system_that_is_down_is_tried_later() {
    let page = Page::new().await;
    let planned = page.planned("alice", "chess").await;
    let Page { connector, outside, members } = page;
    drop(members);
    tokio::task::yield_now().await; // its task ends here
    let down = Some(Fault::later("Members page cannot be reached"));
    let told = [
        connector.grant(&planned, outside.now() + HOUR).await.err(),
        connector.revoke(&planned).await.err(),
        connector.observe(&planned).await.err(),
        connector.check().await.err(),
        connector.choices("clubs").await.err(),
    ];
    for told in told {
        // A connection that was kept open may be found closed only when it is used.
        assert!(told == down || told == Some(Fault::later("Members page did not answer")), "{told:?}");
    }
    assert_eq!(connector.observe(&planned).await.err(), down);
}

#[tokio::test]
async fn one_request_is_waited_for_only_so_long() {
    let page = Page::new().await;
    page.members.go_wrong(On::Read, &[Trouble::Holds]);
    let base = Base::parse(&page.members.url()).expect("a base");
    let bearer = Bearer::new(&SecretString::from(page.members.token())).expect("a token");
    let outbound = Outbound::new(Span::millis(50)).expect("a client");
    let url = base.below("/api/clubs");
    let waited = outbound.send(hyper::Method::GET, &url, &bearer, None);
    let told = tokio::time::timeout(Duration::from_secs(20), waited).await.expect("given up by itself");
    assert_eq!(told.err(), Some(Failed::NoAnswer));
}

#[tokio::test]
async fn a_credential_that_is_wrong_is_told_at_the_check() {
    let page = Page::new().await;
    assert_eq!(page.connector.check().await, Ok(()));
    page.members.go_wrong(On::Read, &[Trouble::Answers(401, None)]);
    let told = page.connector.check().await.expect_err("refused");
    assert_eq!(
        told,
        Fault::Denied { why: "Members page does not accept p0's token (status 401); renew integrations.members.token".into() }
    );
}

#[tokio::test]
async fn an_assignment_of_another_system_is_not_touched() {
    let page = Page::new().await;
    let planned = page.planned("alice", "chess").await;
    let elsewhere = members(std::sync::Arc::new(Wall(Span::ZERO))).await;
    elsewhere.joins("chess", "alice", &planned.mark);
    let told = connector(&elsewhere, MANIFEST).revoke(&planned).await.expect_err("another system");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("put the address back")), "{told:?}");
    assert!(elsewhere.entry("chess", "alice").is_some());
    let moved = configured(&page.members, "/v2", "", MANIFEST);
    let told = moved.observe(&planned).await.expect_err("another place of the same host");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("put the address back")), "{told:?}");
    let without = MANIFEST.replace("  club:\n", "  society:\n");
    let told = connector(&page.members, &without).revoke(&planned).await.expect_err("no such access");
    assert!(matches!(&told, Fault::Denied { why } if why.contains("no access club any more")), "{told:?}");
    assert_eq!(page.connector.revoke(&planned).await, Ok(Called::DONE));
    assert_eq!(page.seen(&planned).await, Observed::Absent);
}

/// What a call is filled with says where it looks: somewhere else nothing is to be seen, and that means nothing.
#[tokio::test]
async fn a_configuration_that_changed_makes_nothing_look_gone() {
    let page = Page::new().await;
    let manifest = MANIFEST.replace("/api/clubs/{{ club }}/members", "/api/{{ config.part }}/{{ club }}/members");
    let here = configured(&page.members, "", "    part: clubs\n", &manifest);
    let mut planned = assignment(here.plan(&ask("alice@acme.example", "chess")).await.expect("planned"));
    planned.handle = here.grant(&planned, page.soon()).await.expect("granted").handle().cloned();
    let elsewhere = configured(&page.members, "", "    part: boats\n", &manifest);
    let told = [elsewhere.observe(&planned).await.err(), elsewhere.revoke(&planned).await.err()];
    for told in told {
        let Some(Fault::Denied { why }) = told else { panic!("{told:?}") };
        insta::allow_duplicates! { insta::assert_snapshot!(why, @"config.part of Members page is not what it was when this was given; put it back so that it can be ended where it is"); }
    }
    assert!(!planned.target.to_string().contains("clubs\""), "the configuration is not in the record: {}", planned.target);
    assert_eq!(here.observe(&planned).await, Ok(Observed::Ours));
    here.revoke(&planned).await.expect("revoked");
    assert_eq!(page.members.entry("chess", "alice"), None);
}

const STRANGE: &str = r#"{"members": [{"id": "m-7", "person": null}]}"#;

#[tokio::test]
async fn what_cannot_be_looked_at_is_taken_away_by_its_handle() {
    for trouble in [Trouble::Mumbles(STRANGE), Trouble::Answers(500, None), Trouble::Drops] {
        let stage = Stage::new().await;
        let request = stage.approved("alice", "chess").await;
        stage.usable(&request).await;
        stage.members.go_wrong(On::Look, &vec![trouble.clone(); 10_000]);
        stage.world.outer.pass(HOUR);
        stage.world.settle().await;
        assert_eq!(stage.members.entry("chess", "alice"), None, "{trouble:?}");
        stage.world.pass(Span::minutes(1)).await;
        let phase = stage.world.phase(&request).await;
        assert!(matches!(phase, Phase::Ending { .. }), "nobody saw it gone: {phase:?}");
        stage.members.go_wrong(On::Look, &[]);
        stage.ended(&request).await;
    }
}

#[tokio::test]
async fn a_strange_entry_is_passed_over_only_beside_ours() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    let with = |note: &str| -> Trouble {
        let list = format!(r#"{{"members": [{{"person": null}}, {{"id": "m-9", "person": "alice", "note": "{note}"}}]}}"#);
        Trouble::Mumbles(list.leak())
    };
    page.members.go_wrong(On::Look, &[with(&planned.mark), with("by the treasurer"), Trouble::Mumbles(STRANGE)]);
    assert_eq!(page.seen(&planned).await, Observed::Ours);
    for _ in 0..2 {
        let told = page.connector.observe(&planned).await.expect_err("it may be ours");
        assert!(matches!(&told, Fault::Denied { why } if why.contains("has an entry without /person")), "{told:?}");
    }
}

#[tokio::test]
async fn what_was_never_seen_is_taken_away_by_its_handle() {
    let stage = Stage::new().await;
    let request = stage.asks("alice", "chess").await;
    // Nothing there at the first look and at the one before the call; from then on nobody can look.
    let fine = Trouble::Links(&[]);
    let looks = [vec![fine.clone(), fine], vec![Trouble::Mumbles(STRANGE); 10_000]].concat();
    stage.members.go_wrong(On::Look, &looks);
    stage.world.approves("bob", &request).await;
    stage.world.settle().await;
    assert!(stage.members.entry("chess", "alice").is_some(), "it was granted");
    stage.world.pass(Span::minutes(16)).await;
    assert_eq!(stage.members.entry("chess", "alice"), None, "not usable in time, so it is taken away");
}
