//! An access from its grant to its end, over the whole engine; what was there before and what others do meanwhile.

use p0::desk::Answer;
use p0::desk::view::{Left, Phase};
use p0::domain::access::{Called, Observed};
use p0::domain::fault::Fault;
use p0::domain::time::{Clock, Span};
use p0::playground::members::{On, Trouble};

use super::world::{HOUR, Log, MANIFEST, Page, Stage, TOKEN, ask, assignment, connector, members, until};
use crate::harness::world::Outer;

#[tokio::test]
async fn asked_approved_a_member_and_gone() {
    let stage = Stage::new().await;
    let request = stage.asks("alice", "chess").await;
    assert_eq!(stage.members.entry("chess", "alice"), None, "nothing before somebody approves");
    stage.world.approves("bob", &request).await;
    stage.world.settle().await;
    let Phase::Usable { until, standing: false, connect, .. } = stage.world.phase(&request).await else { panic!("usable") };
    assert_eq!(until, stage.world.outer.now() + HOUR);
    assert_eq!(connect.as_deref(), Some("Your name is on the members page of chess."));
    let entry = stage.members.entry("chess", "alice").expect("a member");
    assert_eq!(entry.note.len(), 34, "it bears our mark: {entry:?}");
    assert_eq!(stage.members.shown()["clubs"][0]["members"][0]["name"], "Alice Ahn");

    stage.world.outer.pass(HOUR);
    stage.world.settle().await;
    assert_eq!(stage.members.entry("chess", "alice"), None, "at its end it is gone");
    let Phase::Ended { left: Left::Gone { at }, .. } = stage.ended(&request).await else { panic!("gone") };
    assert_eq!(at, until);
    stage.world.pass(Span::minutes(1)).await;
    let looked = "GET /api/clubs/chess/members";
    let (asked, taken) = ("POST /api/clubs/chess/members", format!("DELETE /api/memberships/{}", entry.id));
    let mut calls = stage.members.calls();
    calls.retain(|call| call != looked);
    // Planned, granted, revoked; when nothing lost can land any more a look shows that there is nothing left to take.
    assert_eq!(calls, ["GET /api/people/alice@acme.example".replace('@', "%40").as_str(), asked, &taken]);
    stage.world.chains_are_whole().await;
}

#[tokio::test]
async fn what_was_there_before_is_left() {
    let stage = Stage::new().await;
    let answer = stage.ask("carol", "choir").await;
    assert!(matches!(answer, Answer::AlreadyHeld { .. }), "{answer:?}");

    // Found only when it is to be granted: standing.
    let request = stage.asks("alice", "chess").await;
    stage.members.joins("chess", "alice", "by the treasurer");
    stage.world.approves("bob", &request).await;
    let phase = stage.usable(&request).await;
    assert!(matches!(phase, Phase::Usable { standing: true, .. }), "{phase:?}");
    stage.world.outer.pass(HOUR);
    let Phase::Ended { left, .. } = stage.ended(&request).await else { panic!("ended") };
    assert_eq!(left, Left::Standing);
    stage.world.pass(Span::minutes(1)).await;
    assert_eq!(stage.members.entry("chess", "alice").expect("still there").note, "by the treasurer");
    assert!(stage.members.calls().iter().all(|call| call.starts_with("GET")), "nothing was ever changed");
}

#[tokio::test]
async fn what_somebody_else_made_meanwhile_is_neither_written_over_nor_taken() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    page.members.joins("chess", "alice", "by the treasurer");
    let told = page.connector.grant(&planned, page.soon()).await.expect_err("theirs");
    assert!(matches!(&told, Fault::Never { why } if why.contains("somebody else")), "{told:?}");
    assert_eq!(page.seen(&planned).await, Observed::Foreign { by: "somebody else".to_owned() });

    // A look that is old lets the call be made; the system refuses it, and the read-back is believed.
    page.members.leaves("chess", "alice");
    page.members.remembers();
    page.members.joins("chess", "alice", "by the treasurer");
    page.members.go_wrong(On::Look, &[Trouble::ShowsOld]);
    let theirs = page.members.entry("chess", "alice").expect("there");
    let called = page.connector.grant(&planned, page.soon()).await;
    assert_eq!(called, Ok(Called::DONE), "no yes and no no, and {theirs:?} is not ours");
    assert_eq!(page.seen(&planned).await, Observed::Foreign { by: "somebody else".to_owned() });
    planned.handle = Some(theirs.id.clone());
    page.connector.revoke(&planned).await.expect("nothing of ours to take");
    assert_eq!(page.members.entry("chess", "alice"), Some(theirs));
    planned.handle = None;

    // Ours is replaced by theirs between two looks.
    page.members.leaves("chess", "alice");
    page.grant(&mut planned).await;
    assert_eq!(page.seen(&planned).await, Observed::Ours);
    page.members.remembers();
    page.members.leaves("chess", "alice");
    page.members.joins("chess", "alice", "by the treasurer");
    page.members.go_wrong(On::Look, &[Trouble::ShowsOld]);
    page.connector.revoke(&planned).await.expect("nothing of ours to take");
    assert_eq!(page.members.entry("chess", "alice").expect("still there").note, "by the treasurer");
}

#[tokio::test]
async fn granted_twice_and_revoked_twice_is_once() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    page.grant(&mut planned).await;
    assert_eq!(page.members.shown()["clubs"][0]["members"].as_array().map(Vec::len), Some(1));
    planned.handle = None; // its answer was lost with the process
    page.connector.revoke(&planned).await.expect("revoked");
    assert_eq!(page.seen(&planned).await, Observed::Absent);
    page.connector.revoke(&planned).await.expect("revoked again");
}

/// A system that answers with the entry it had already: only what bears our mark is ours.
#[tokio::test]
async fn a_handle_is_taken_only_with_our_mark() {
    let page = Page::with(&MANIFEST.replace("done: [201, 409]", "done: [200, 201, 409]")).await;
    let planned = page.planned("alice", "chess").await;
    let answers = |note: &str| Trouble::Mumbles(format!(r#"{{"id": "m-9", "note": "{note}"}}"#).leak());
    page.members.go_wrong(On::Join, &[answers("by the treasurer"), Trouble::Mumbles(r#"{"id": "m-9"}"#), answers(&planned.mark)]);
    let mut handles = Vec::new();
    for _ in 0..3 {
        handles.push(page.connector.grant(&planned, page.soon()).await.expect("said yes").handle().cloned());
    }
    assert_eq!(handles, [None, None, Some("m-9".to_owned())]);
}

#[tokio::test]
async fn a_look_that_is_old_keeps_no_access_alive() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    page.members.remembers();
    page.grant(&mut planned).await;
    page.members.go_wrong(On::Look, &[Trouble::ShowsOld]);
    page.connector.revoke(&planned).await.expect("revoked by its handle, though it was not to be seen");
    assert_eq!(page.members.entry("chess", "alice"), None);
}

/// Its id may be another's by now.
#[tokio::test]
async fn what_two_looks_show_gone_is_not_taken_by_its_handle() {
    let page = Page::new().await;
    let mut planned = page.planned("alice", "chess").await;
    page.grant(&mut planned).await;
    page.members.leaves("chess", "alice");
    planned.seen = Some(page.seen(&planned).await);
    page.members.joins("chess", "bob", "by the treasurer");
    planned.handle = page.members.entry("chess", "bob").map(|entry| entry.id);
    assert_eq!(page.connector.revoke(&planned).await, Ok(Called::DONE));
    page.members.go_wrong(On::Look, &[Trouble::Answers(500, None)]);
    page.connector.revoke(&planned).await.expect_err("nobody knows what is there now");
    assert!(page.members.entry("chess", "bob").is_some(), "an id used again is somebody else's");
}

#[tokio::test]
async fn a_call_that_was_given_up_lands_in_time_or_never() {
    let outer = Outer::new(7);
    let members = members(outer.clone()).await;
    let connector = connector(&members, MANIFEST);
    let planned = assignment(connector.plan(&ask("alice@acme.example", "chess")).await.expect("planned"));
    for late in [false, true] {
        let deadline = outer.now() + Span::seconds(10);
        members.go_wrong(On::Join, &[Trouble::Holds]);
        tokio::select! { // whoever called goes away in the middle
            told = connector.grant(&planned, deadline) => panic!("it was held up: {told:?}"),
            () = until(|| members.stand_still() == 1) => {}
        }
        assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
        if late {
            outer.pass(Span::seconds(11));
        }
        members.go_on();
        until(|| members.stand_still() == 0).await;
        let landed = if late { Observed::Absent } else { Observed::Ours };
        assert_eq!(connector.observe(&planned).await, Ok(landed), "a call after its deadline does nothing");
        connector.revoke(&planned).await.expect("revoked");
        assert_eq!(connector.observe(&planned).await, Ok(Observed::Absent));
    }
}

#[tokio::test]
async fn what_nobody_holds_is_found_by_its_mark_and_taken_away() {
    let stage = Stage::with("engine: { orphans: revoke }\n").await;
    let request = stage.approved("alice", "chess").await;
    stage.usable(&request).await;
    let prefix = stage.members.entry("chess", "alice").expect("a member").note[..8].to_owned();
    stage.members.joins("rowing", "dave", &format!("{prefix}00000000000000000000000000 seen by the treasurer"));
    stage.members.joins("rowing", "bob", "p0other00000000000000000000000000");
    let connector = connector(&stage.members, MANIFEST);
    let ours = connector.ours(&prefix).await.expect("listed");
    let effects: Vec<&str> = ours.iter().map(|marked| marked.planned.effect.as_str()).collect();
    assert_eq!(effects, ["club chess for alice", "club rowing for dave"]);
    assert!(ours.iter().any(|marked| marked.planned.key == stage.key("chess", "alice")), "the key its ask had");

    for _ in 0..3 {
        stage.world.outer.pass(Span::minutes(11));
        stage.world.app.engine.scan(stage.world.outer.now()).await;
        stage.world.settle().await;
    }
    assert_eq!(stage.members.entry("rowing", "dave"), None, "an orphan is taken away");
    assert!(stage.members.entry("rowing", "bob").is_some(), "another installation's is not ours");
    assert!(stage.members.entry("chess", "alice").is_some(), "what somebody holds stays");
}

#[tokio::test]
async fn the_token_stands_in_no_log_and_no_record() {
    let log = Log::default();
    let _kept = log.keep();
    let stage = Stage::new().await;
    stage.members.go_wrong(On::Join, &[Trouble::Answers(401, None), Trouble::Answers(500, None), Trouble::LosesTheAnswer]);
    let request = stage.approved("alice", "chess").await;
    stage.usable(&request).await;
    stage.world.relinquish("alice", &request).await;
    stage.ended(&request).await;
    let log = log.text();
    assert!(log.contains("the target did not do it"), "{log}");
    assert!(!log.contains(TOKEN), "the token is in the log");
    let record = ["p0.db", "p0.db-wal"].map(|file| std::fs::read(stage.world.path(file)).unwrap_or_default()).concat();
    let record = String::from_utf8_lossy(&record);
    assert!(record.contains("INC-42") && !record.contains(TOKEN), "the token is in the record");
}
