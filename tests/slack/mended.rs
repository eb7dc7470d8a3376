//! What only a person can mend in Slack: the channel, a membership, an account. Whoever waits is told, and when
//! it is mended everything converges; and forms that change faster than they are drawn.

use p0::domain::time::Span;
use p0::playground::{Channel, Fault, Press, PressTarget, Trouble, User};
use serde_json::json;

use crate::harness::office::{APPROVALS, Office, stories, text};

/// The approvals channel from now on.
fn channel_is(office: &Office, is_archived: bool, with_p0: bool) {
    let mut members = ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0P0BOT"].map(str::to_owned).to_vec();
    members.retain(|member| with_p0 || member != "U0P0BOT");
    let name = "access-requests".into();
    office.sim.add_channel(Channel { id: APPROVALS.into(), name, is_private: false, is_archived, members, dm: None });
}

/// Somebody asks, and Slack takes no message for the approvers.
async fn asks_in_vain(office: &Office) -> p0::domain::id::RequestId {
    assert!(office.types("alice", &format!("request postgres role {} --reason INC-42", office.role)).await.ok());
    let own =
        async || office.sim.dms("alice").expect("alice").iter().find_map(|message| crate::harness::office::id_in(&text(message)));
    office.until("the own message", own).await
}

stories! {
    async fn an_archived_channel_is_told_to_whoever_waits_and_converges(office: Office) {
        channel_is(&office, true, true);
        let request = asks_in_vain(&office).await;
        let told = office.dm_says("alice", &request, "The approvers could not be told yet.").await;
        assert!(told.contains("The Slack channel is archived. Unarchive it"), "{told}");
        assert_eq!(office.messages_of("alice", &request), 1);
        channel_is(&office, false, true);
        office.pass(Span::minutes(2));
        office.dm_says("alice", &request, "Waiting for").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn an_app_that_was_taken_out_of_the_channel_still_ends_what_it_gave(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        channel_is(&office, false, false);
        office.pass(Span::minutes(61));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &request, "ended").await;
        let second = asks_in_vain(&office).await;
        let second = if second == request { office.until("another", async || {
            office.sim.dms("alice").expect("alice").iter().filter_map(|it| crate::harness::office::id_in(&text(it))).find(|id| *id != request)
        }).await } else { second };
        office.dm_says("alice", &second, "/invite @p0").await;
        channel_is(&office, false, true);
        office.pass(Span::minutes(2));
        office.channel_says(&request, "ended").await;
        office.presses("bob", &second, "deny").await;
        let form = office.until("a form", async || office.sim.views("bob").expect("bob").pop()).await;
        office.sim.submit("bob", form["id"].as_str().expect("an id")).await.expect("submitted");
        office.dm_says("alice", &second, "denied").await;
        office.close().await;
    }

    async fn whose_account_is_gone_keeps_nothing_and_is_written_to_ever_more_rarely(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.dm_says("alice", &request, "How to use it").await;
        let error = Trouble::Error { error: "user_not_found".into() };
        let account = User { id: "U0ALICE".into(), name: "alice".into(), real_name: "Alice Ahn".into(), email: Some("alice@acme.example".into()),
            tz: "Etc/UTC".into(), tz_offset: 0, team_id: String::new(), deleted: true, is_bot: false };
        office.sim.add_user(account);
        office.pass(Span::minutes(46)); // the reminder falls due
        office.sim.faults([Fault::new("chat.postMessage", error).times(100)]);
        office.until("a reminder that nobody gets", async || office.sim.calls().iter().any(|call| call.fault.is_some()).then_some(())).await;
        let tries = || office.sim.calls().iter().filter(|call| call.fault.is_some()).count();
        for _ in 0..30 {
            office.hurry(Span::minutes(1)).await;
        }
        office.stops_being_member("alice").await;
        office.channel_says(&request, "ended").await;
        assert!(tries() <= 8, "{} tries in half an hour", tries());
        office.close().await;
    }

    async fn two_quick_choices_end_with_the_form_of_the_second(office: Office) {
        let manifests = office.folder.join("own");
        std::fs::create_dir_all(&manifests).expect("a folder");
        let vault = "manifest: 1\nname: vault\ntitle: Vault\nconnector: postgres\naccess:\n  door:\n    title: Door\n    args: [ { name: keyhole, title: Keyhole, kind: text } ]\n    effect: \"{keyhole}\"\n";
        std::fs::write(manifests.join("vault.yaml"), vault).expect("written");
        let path = office.folder.join("p0.yaml");
        let whole = std::fs::read_to_string(&path).expect("read");
        let (before, policy) = whole.split_once("policy:\n").expect("a policy");
        let (_, instances) = before.split_once("  postgres:\n").expect("instances");
        let whole = format!("manifests: own\n{before}  vault:\n{instances}policy:\n{policy}");
        std::fs::write(path, whole).expect("written");
        office.app.reload().await.unwrap_or_else(|error| panic!("{error}"));

        office.types("alice", "request").await;
        let form = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let view = form["id"].as_str().expect("an id").to_owned();
        // Both are drawn late, so that the second was made before the first was seen.
        office.sim.faults([Fault::new("views.update", Trouble::Slow { ms: 300 }), Fault::new("views.update", Trouble::Slow { ms: 900 })]);
        let choose = async |value: &str| {
            let at = Press::from("integration").block("integration");
            office.sim.select("alice", PressTarget::view(&view), at, json!(value)).await.expect("chosen")
        };
        choose("postgres").await;
        choose("vault").await;
        let shown = office.until("the second's fields", async || {
            office.sim.views("alice").expect("alice").pop().map(|view| view.to_string()).filter(|view| view.contains("Keyhole"))
        }).await;
        assert!(!shown.contains("\"Role\""), "{shown}");
        let conflicts = office.sim.calls().iter().filter(|call| call.answer["error"] == "hash_conflict").count();
        assert_eq!(conflicts, 1, "the second was drawn over the first");
        office.close().await;
    }
}
