//! Deciding: approve, deny, twice, at once, by whom; and taking away.

use p0::domain::time::Span;

use crate::harness::office::{Office, stories, text};

stories! {
    async fn a_denial_with_its_reason_reaches_the_requestor(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "deny").await;
        let view = office.until("the form", async || office.sim.views("bob").expect("bob").pop()).await;
        let id = view["id"].as_str().expect("an id").to_owned();
        office.sim.fill("bob", &id, "reason", serde_json::json!("Use the replica instead.")).await.expect("filled");
        let submitted = office.sim.submit("bob", &id).await.expect("submitted");
        assert!(submitted.views.is_empty(), "{submitted:?}");
        office.dm_says("alice", &request, "Use the replica instead.").await;
        let told = office.channel_says(&request, "denied").await;
        assert!(told.contains("Bob Baker"), "{told}");
        assert!(!office.approval(&request).to_string().contains("\"approve\""), "the buttons are gone");
        assert!(!office.is_member("alice").await);
        office.close().await;
    }

    async fn two_approvers_at_once_are_one_outcome(office: Office) {
        let request = office.asks("alice").await;
        let (one, other) = tokio::join!(office.presses("bob", &request, "approve"), office.presses("carol", &request, "approve"));
        assert!(one.ok() && other.ok());
        office.becomes_member("alice").await;
        office.until("the second is told", async || {
            let told = |who: &str| office.sim.ephemerals(who).expect("a person").iter().map(text).find(|text| text.contains("approved this already"));
            told("bob").or_else(|| told("carol"))
        }).await;
        assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
        office.close().await;
    }

    async fn the_same_bytes_twice_and_two_presses_are_one_decision(office: Office) {
        let request = office.asks("alice").await;
        let message = office.approval(&request);
        let target = || p0::playground::PressTarget::message("C0REQUESTS", message["ts"].as_str().expect("a ts"));
        let twice = office.sim.press("bob", target(), p0::playground::Press::from("approve").twice()).await.expect("sent");
        assert!(twice.ok() && twice.again.iter().all(|again| again.ok()), "{twice:?}");
        office.becomes_member("alice").await;
        assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
        assert!(office.sim.ephemerals("bob").expect("bob").is_empty(), "the second delivery is the same press");
        office.close().await;
    }

    async fn nobody_approves_the_own_request(office: Office) {
        let request = office.asks("bob").await;
        office.presses("bob", &request, "approve").await;
        office.is_told("bob", "cannot approve your own request").await;
        office.presses("dave", &request, "approve").await;
        office.is_told("dave", "Only approvers").await;
        assert!(!office.is_member("bob").await);
        office.presses("carol", &request, "approve").await;
        office.becomes_member("bob").await;
        office.close().await;
    }

    async fn relinquished_it_is_gone_at_once(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        let mut session = office.session("alice").await;
        assert!(office.can_read(&mut session).await);
        office.presses_own("alice", &request, "relinquish").await;
        office.stops_being_member("alice").await;
        office.until("the open session lost it", async || (!office.can_read(&mut session).await).then_some(())).await;
        office.dm_says("alice", &request, "gave it back").await;
        office.channel_says(&request, "gave it back").await;
        office.close().await;
    }

    async fn revoked_by_an_approver_with_who_and_when(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.presses("dave", &request, "revoke").await;
        office.is_told("dave", "Only approvers").await;
        office.presses("carol", &request, "revoke").await;
        office.stops_being_member("alice").await;
        let told = office.dm_says("alice", &request, "revoked").await;
        assert!(told.contains("Carol Cruz"), "{told}");
        office.close().await;
    }

    async fn overlapping_grants_keep_the_access_until_the_last(office: Office) {
        let first = office.asks("alice").await;
        office.presses("bob", &first, "approve").await;
        office.dm_says("alice", &first, "How to use it").await;
        office.pass(Span::minutes(30));
        let second = office.asks("alice").await;
        office.presses("carol", &second, "approve").await;
        office.dm_says("alice", &second, "How to use it").await;
        office.presses("bob", &first, "revoke").await;
        office.is_told("bob", "another request keeps the access until").await;
        office.dm_says("alice", &first, "revoked").await;
        assert!(office.is_member("alice").await);
        office.pass(Span::minutes(61));
        office.stops_being_member("alice").await;
        office.close().await;
    }
}
