//! What cannot be made: it ends as failed, and both messages say why and what helps.

use p0::domain::time::Span;

use crate::harness::office::{Office, has_button, stories, text};

stories! {
    async fn a_role_that_was_dropped_after_the_ask(office: Office) {
        let request = office.asks("alice").await;
        office.say(&format!("drop owned by {0}; drop role {0}", office.role)).await;
        office.presses("bob", &request, "approve").await;
        let own = office.dm_says("alice", &request, "It could not be set up: the role").await;
        assert!(own.contains("Trying the same again does not help. Ask again once that is put right"), "{own}");
        let theirs = office.channel_says(&request, "It could not be set up: the role").await;
        assert!(theirs.contains("Alice Ahn can ask again"), "{theirs}");
        assert!(!has_button(&office.approval(&request), "revoke"));
        office.nothing_is_left().await;
        office.close().await;
    }

    async fn a_login_that_was_dropped_after_the_ask(office: Office) {
        let request = office.asks("alice").await;
        office.say(&format!("drop role {}", office.login("alice"))).await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "It could not be set up: the login").await;
        office.channel_says(&request, "It could not be set up: the login").await;
        office.nothing_is_left().await;
        office.close().await;
    }

    async fn a_target_that_stays_down_is_told_with_what_the_last_try_said(office: Office) {
        let request = office.asks("alice").await;
        office.wire.cut();
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "It does not work yet").await;
        office.pass(Span::minutes(16));
        let own = office.dm_says("alice", &request, "It could not be set up in time. The last try said:").await;
        assert!(own.contains("cannot be reached. ") && own.contains("Ask again once that is put right"), "{own}");
        let theirs = office.channel_says(&request, "It could not be set up in time.").await;
        assert!(theirs.contains("an operator of P0 finds more in its log"), "{theirs}");
        office.wire.mend();
        office.close().await;
    }

    async fn an_extension_whose_role_was_dropped_is_refused_before_anybody_is_asked(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.pass(Span::minutes(46));
        let reminder = office.until("the reminder", async || {
            office.sim.dms("alice").expect("alice").into_iter().find(|message| has_button(message, "extend"))
        }).await;
        office.say(&format!("drop owned by {0}; drop role {0}", office.role)).await;
        office.presses_in("alice", &reminder, "extend").await;
        office.is_told("alice", "has no role named").await;
        assert_eq!(office.requests().len(), 1);
        office.pass(Span::minutes(16));
        office.until("the reminder is over", async || {
            Some(office.now(&reminder)).filter(|now| text(now).contains("The time is up") && !has_button(now, "extend"))
        }).await;
        office.nothing_is_left().await;
        office.close().await;
    }
}
