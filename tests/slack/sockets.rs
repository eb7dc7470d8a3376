//! Slack's connections end, break and come back while people ask and decide: nothing is lost, nothing is
//! done twice, and when no connection is left that is said.

use futures::future::join_all;
use p0::playground::{Disconnect, Fault, Trouble};

use crate::harness::office::{Office, POLICY, POSTGRES_BY_SOCKET, Setting, by_socket, has_button};

/// Waits until Slack has that many connections to send over.
async fn has_sockets(office: &Office, count: usize) {
    let open = || office.sim.sockets();
    office.until(&format!("{count} sockets; there are {}", open()), async || (open() == count).then_some(())).await;
}

/// First contacts are over: from here on each interaction is answered by the record alone.
async fn are_known(office: &Office, people: &[&str]) {
    for who in people {
        assert!(office.types(who, "help").await.ok());
        office.is_told(who, "request").await;
    }
}

by_socket! {
    async fn what_is_delivered_again_after_a_lost_acknowledgement_is_done_once(office: Office) {
        are_known(&office, &["alice", "bob"]).await;
        office.sim.faults(["command", "block_actions"].map(|kind| Fault::new(kind, Trouble::LostAck)));
        let request = office.asks("alice").await;
        let pressed = office.presses("bob", &request, "approve").await;
        assert!(pressed.ok() && pressed.again[0].ok(), "{pressed:?}");
        office.becomes_member("alice").await;
        office.dm_says("alice", &request, "How to use it").await;
        assert_eq!(office.requests().len(), 1);
        assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
        assert_eq!(office.record(&request).await, ["request.asked", "request.approved", "request.usable"]);
        office.close().await;
    }

    async fn a_new_connection_is_there_before_the_old_one_ends(office: Office) {
        office.sim.disconnect(Some(0), Disconnect::Warning);
        has_sockets(&office, 3).await; // Slack still sends over the one it will take away
        assert!(office.types("alice", "ls").await.ok());
        office.sim.disconnect(Some(0), Disconnect::RefreshRequested);
        has_sockets(&office, 2).await;
        assert!(office.types("alice", "ls").await.ok());
        office.close().await;
    }

    async fn while_presses_come_in_connections_are_refreshed_and_break(office: Office) {
        let askers = ["alice", "carol", "dave"];
        are_known(&office, &["alice", "carol", "dave", "bob"]).await;
        let mut requests = Vec::new();
        for who in askers {
            requests.push(office.asks(who).await);
        }
        for request in &requests {
            office.until("its button", async || {
                has_button(&office.approval(request), "approve").then_some(())
            }).await;
        }
        // One connection is refreshed while everything comes in...
        let presses = requests.iter().map(async |request| office.presses("bob", request, "approve").await);
        let (pressed, ()) = futures::join!(join_all(presses), async { office.sim.disconnect(Some(0), Disconnect::RefreshRequested) });
        assert!(pressed.iter().all(|pressed| pressed.ok()), "{pressed:?}");
        for (who, request) in askers.iter().zip(&requests) {
            office.becomes_member(who).await;
            office.dm_says(who, request, "How to use it").await;
            assert_eq!(office.app.store.decisions(request).await.expect("read").len(), 1);
        }
        has_sockets(&office, 2).await;
        // ... and one breaks.
        let presses = askers.iter().zip(&requests).map(async |(who, request)| office.presses_own(who, request, "relinquish").await);
        let (pressed, ()) = futures::join!(join_all(presses), async { office.sim.cut(Some(0)) });
        assert!(pressed.iter().all(|pressed| pressed.ok()), "{pressed:?}");
        for (who, request) in askers.iter().zip(&requests) {
            office.stops_being_member(who).await;
            office.dm_says(who, request, "The access is gone").await;
            let record = office.record(request).await;
            assert_eq!(record, ["request.asked", "request.approved", "request.usable", "grant.ended"]);
        }
        office.close().await;
    }

    async fn with_no_connection_left_accesses_end_and_later_everything_is_made_up_for(setting: Setting) {
        let office = Office::unattended(setting, POLICY).await;
        let p0 = office.starts(None).await;
        let (alice, dave) = (office.asks("alice").await, office.asks("dave").await);
        office.presses("bob", &alice, "approve").await;
        office.dm_says("alice", &alice, "How to use it").await;
        office.dm_says("dave", &dave, "Waiting for").await;
        let undecided = office.approval(&dave);

        office.sim.faults([Fault::new("apps.connections.open", Trouble::Http500).times(1000)]);
        office.sim.cut(None);
        has_sockets(&office, 0).await;
        assert_eq!(office.presses_in("bob", &undecided, "approve").await.shown.as_deref(), Some("dispatch_failed"));
        let (status, why) = office.until("it says so", async || Some(p0.ready().await).filter(|(status, _)| *status != 200)).await;
        assert!(status == 503 && why.starts_with("no socket to Slack is open since"), "{status} {why}");
        // Nobody can relinquish; the time is up all the same.
        office.store_does(&[
            "UPDATE grants SET ends_at = ends_at - 3598000".to_owned(),
            "UPDATE agenda SET run_at = run_at - 3598000".to_owned(),
        ]).await;
        office.stops_being_member("alice").await;

        office.sim.forget_faults();
        has_sockets(&office, 2).await;
        assert_eq!(p0.ready().await.0, 200);
        office.dm_says("alice", &alice, "The access is gone").await;
        assert!(office.presses_in("bob", &undecided, "approve").await.ok());
        office.becomes_member("dave").await;
        assert_eq!(office.app.store.decisions(&dave).await.expect("read").len(), 1);
        let log = std::fs::read_to_string(office.folder.join("p0.log")).expect("a log");
        assert!(log.contains("a socket to Slack does not open") && !log.contains("xapp-") && !log.contains("ticket"), "{log}");
        let asked = office.sim.calls().into_iter().filter(|call| call.method == "apps.connections.open");
        assert!(asked.into_iter().all(|call| call.args == serde_json::json!({})), "the token is in the header alone");
        drop(p0);
        office.close().await;
    }

    async fn turned_off_and_on_again_in_the_apps_settings(office: Office) {
        office.sim.socket_mode(false);
        has_sockets(&office, 2).await; // Slack gives connections all the same, and sends nothing there
        office.sim.socket_mode(true);
        assert!(office.types("alice", "help").await.ok());
        office.is_told("alice", "request").await;
        office.close().await;
    }

    async fn what_is_no_slack_and_what_is_too_long_does_no_harm(office: Office) {
        let ignored = office.sim.event(serde_json::json!({ "type": "message", "text": "\u{0}" })).await;
        assert!(!ignored.ok(), "it is not taken, as by HTTP");
        let longest = office.sim.command("alice", "general", "/p0", &"x".repeat(2_000_000)).await.expect("typed");
        assert!(!longest.ok(), "nobody reads that much");
        has_sockets(&office, 2).await;
        assert!(office.types("alice", "help").await.ok());
        office.is_told("alice", "request").await;
        office.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_that_dies_had_in_its_hands_goes_to_another_one() {
    let office = Office::unattended(POSTGRES_BY_SOCKET, POLICY).await;
    let p0 = office.starts(None).await;
    let askers = ["alice", "carol", "dave"];
    are_known(&office, &["alice", "carol", "dave", "bob"]).await;
    let mut requests = Vec::new();
    for who in askers {
        let request = office.asks(who).await;
        office.dm_says(who, &request, "Waiting for").await;
        requests.push(request);
    }
    let mut dying = office.starts(None).await;
    has_sockets(&office, 4).await;
    // Four interactions on four connections: two of them wait for somebody who will never answer.
    dying.freezes();
    let before = office.sim.deliveries().len();
    let presses = requests.iter().map(async |request| office.presses("bob", request, "approve").await);
    let (pressed, typed, ()) = futures::join!(join_all(presses), office.types("alice", "ls"), async {
        office.until("two are done", async || (office.sim.deliveries().len() == before + 2).then_some(())).await;
        dying.kill();
    });
    assert!(pressed.iter().all(|pressed| pressed.ok()) && typed.ok(), "{pressed:?} {typed:?}");
    for (who, request) in askers.iter().zip(&requests) {
        office.dm_says(who, request, "How to use it").await;
        assert!(office.is_member(who).await);
        assert_eq!(office.app.store.decisions(request).await.expect("read").len(), 1);
    }
    drop(p0);
    office.close().await;
}
