//! Slack itself is in trouble: it answers too late, not at all, or no. Everything converges, or a
//! person is told what to do, once.

use p0::domain::time::Span;
use p0::playground::{Fault, Trouble};

use crate::harness::office::{Office, has_button, stories, text};

const NO_FORM: &str = "Slack did not let me open the form in time";

fn told(office: &Office, who: &str, part: &str) -> usize {
    office.sim.ephemerals(who).expect("a person").iter().filter(|told| text(told).contains(part)).count()
}

stories! {
    async fn what_slack_puts_off_is_posted_once_later(office: Office) {
        office.sim.faults([Fault::new("chat.postMessage", Trouble::RateLimit { retry_after: 30 })]);
        assert!(office.types("alice", &format!("request postgres role {}", office.role)).await.ok());
        office.until("Slack said later", async || office.sim.calls().iter().any(|call| call.status == 429).then_some(())).await;
        let request = office.until("the request", async || {
            office.hurry(Span::seconds(2)).await;
            office.requests().pop()
        }).await;
        office.dm_says("alice", &request, "Waiting for").await;
        assert_eq!(office.messages_of("alice", &request), 2);
        office.close().await;
    }

    async fn a_storm_of_429s_delays_what_people_see_and_nothing_else(office: Office) {
        let mut requests = Vec::new();
        for who in ["alice", "carol", "dave"] {
            let request = office.asks(who).await;
            office.dm_says(who, &request, "Waiting for").await;
            requests.push((who, request));
        }
        office.sim.faults([Fault::new("*", Trouble::RateLimit { retry_after: 2 }).times(40)]);
        for (who, request) in &requests {
            assert!(office.presses("bob", request, "approve").await.ok());
            office.becomes_member(who).await;
        }
        let left = || office.sim.calls().iter().filter(|call| call.status == 429).count();
        office.until("the storm is over", async || {
            office.hurry(Span::seconds(2)).await;
            (left() == 40).then_some(())
        }).await;
        for (who, request) in &requests {
            office.dm_says(who, request, "How to use it").await;
            office.channel_says(request, "In use by").await;
            assert_eq!(office.messages_of(who, request), 2, "{who}: one message each, edited");
        }
        office.close().await;
    }

    async fn edits_that_fail_are_made_up_for(office: Office) {
        let request = office.asks("alice").await;
        office.sim.faults([Fault::new("chat.update", Trouble::Http500).times(6)]);
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.until("all failed", async || {
            office.hurry(Span::seconds(4)).await;
            (office.sim.calls().iter().filter(|call| call.status == 500).count() == 6).then_some(())
        }).await;
        office.dm_says("alice", &request, "How to use it").await;
        office.channel_says(&request, "In use by").await;
        assert_eq!(office.messages_of("alice", &request), 2);
        office.close().await;
    }

    async fn a_second_copy_acts_by_the_record_and_is_repaired(office: Office) {
        office.sim.faults([Fault::new("chat.postMessage", Trouble::LostAnswer).times(2)]);
        let request = office.asks("alice").await;
        office.until("second copies", async || (office.messages_of("alice", &request) == 4).then_some(())).await;
        let [old, new] = office.copies(&request).try_into().expect("two copies");
        office.presses_in("bob", &old, "approve").await;
        office.becomes_member("alice").await;
        office.channel_says(&request, "In use by").await;
        office.until("the old copy is repaired", async || (!has_button(&office.now(&old), "approve")).then_some(())).await;
        office.presses_in("carol", &office.now(&old), "revoke").await;
        office.stops_being_member("alice").await;
        office.until("no copy can be pressed", async || {
            let over = |message| !has_button(&office.now(message), "revoke");
            (over(&old) && over(&new)).then_some(())
        }).await;
        office.close().await;
    }

    async fn a_second_copy_is_repaired_even_if_slack_does_not_take_it_at_first(office: Office) {
        office.sim.faults([Fault::new("chat.postMessage", Trouble::LostAnswer).times(2)]);
        let request = office.asks("alice").await;
        office.until("second copies", async || (office.messages_of("alice", &request) == 4).then_some(())).await;
        let [old, _] = office.copies(&request).try_into().expect("two copies");
        office.sim.faults([Fault::new("chat.update", Trouble::Http500).times(8)]);
        office.presses_in("bob", &old, "approve").await;
        office.becomes_member("alice").await;
        office.until("the old copy is repaired", async || {
            office.hurry(Span::seconds(5)).await;
            (!has_button(&office.now(&old), "approve")).then_some(())
        }).await;
        office.close().await;
    }

    async fn a_message_that_was_deleted_is_posted_again(office: Office) {
        let request = office.asks("alice").await;
        office.dm_says("alice", &request, "Waiting for").await;
        office.sim.faults([Fault::new("chat.update", Trouble::Error { error: "message_not_found".to_owned() }).times(2)]);
        let seen = office.approval(&request);
        office.presses_in("bob", &seen, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.channel_says(&request, "In use by").await;
        assert_eq!(office.messages_of("alice", &request), 4);
        office.close().await;
    }

    async fn a_form_that_cannot_be_opened_is_told_once(office: Office) {
        office.types("alice", "help").await;
        office.is_told("alice", "request").await;
        office.sim.faults([Fault::new("views.open", Trouble::Error { error: "expired_trigger_id".to_owned() })]);
        assert!(office.types("alice", "request postgres").await.ok());
        office.is_told("alice", NO_FORM).await;
        assert_eq!(told(&office, "alice", NO_FORM), 1);
        office.close().await;
    }

    async fn a_form_that_opens_too_slowly_is_told_once(office: Office) {
        office.types("alice", "help").await;
        office.is_told("alice", "request").await;
        office.sim.faults([Fault::new("views.open", Trouble::Slow { ms: 1500 })]);
        assert!(office.types("alice", "request postgres").await.ok());
        office.pass(Span::seconds(6)); // the trigger is over, and the call is still under way
        office.is_told("alice", NO_FORM).await;
        office.until("Slack's answer", async || office.sim.calls().iter().any(|call| call.method == "views.open").then_some(())).await;
        office.pass(Span::minutes(1));
        // Whatever comes next comes after all that was left to do.
        office.types("alice", "ls").await;
        let request = office.asks("alice").await;
        office.dm_says("alice", &request, "Waiting for").await;
        assert_eq!(told(&office, "alice", NO_FORM), 1);
        assert!(office.sim.views("alice").expect("alice").is_empty());
        office.close().await;
    }

    async fn who_comes_for_the_first_time_while_slack_is_down_is_answered_later(office: Office) {
        office.sim.faults([Fault::new("users.info", Trouble::Http500).times(2)]);
        assert!(office.types("alice", "help").await.ok());
        office.until("both failed", async || {
            office.hurry(Span::seconds(1)).await;
            (office.sim.calls().iter().filter(|call| call.status == 500).count() == 2).then_some(())
        }).await;
        office.pass(Span::seconds(3));
        office.is_told("alice", "request").await;
        office.close().await;
    }

    async fn an_answer_whose_address_is_used_up_comes_as_a_direct_message(office: Office) {
        let request = office.asks("alice").await;
        office.sim.faults([Fault::new("response_url", Trouble::Error { error: "used_url".to_owned() })]);
        office.presses("dave", &request, "approve").await;
        office.until("dave is told", async || {
            office.sim.dms("dave").expect("dave").iter().any(|told| text(told).contains("Only approvers")).then_some(())
        }).await;
        office.close().await;
    }
}
