//! Before the end: the reminder, more time at one press, and giving it back; what Slack shows of it.

use p0::domain::time::Span;
use p0::playground::{Fault, Trouble};
use serde_json::Value;

use crate::harness::office::{Office, Setting, has_button, stories, text};

const AT_ONCE: &str =
    "policy:\n  approvers: { people: [ bob@acme.example, carol@acme.example ] }\n  longest: 2h\n  extensions: { atOnce: 2h }\n";

/// What reminds somebody of an end, newest last: the messages with these words in them.
fn reminders(office: &Office, who: &str) -> Vec<Value> {
    let mut all = office.sim.dms(who).expect("a person");
    all.retain(|message| message["blocks"].to_string().contains("ends soon") || text(message).contains("This was a reminder"));
    all
}

/// Asks for an hour and has it; the time for the reminder comes.
async fn reminded(office: &Office) -> (p0::domain::id::RequestId, Value) {
    let request = office.asks("alice").await;
    office.presses("bob", &request, "approve").await;
    office.dm_says("alice", &request, "How to use it").await;
    assert_eq!(reminders(office, "alice").len(), 0);
    office.pass(Span::minutes(46));
    let reminder = office.until("the reminder", async || reminders(office, "alice").pop()).await;
    (request, reminder)
}

/// Waits until this very message says this.
async fn says(office: &Office, message: &Value, part: &str) -> Value {
    office
        .until(&format!("{part:?} in {}", text(&office.now(message))), async || {
            Some(office.now(message)).filter(|now| text(now).contains(part))
        })
        .await
}

/// The request that came after this one.
async fn next(office: &Office, request: &p0::domain::id::RequestId) -> p0::domain::id::RequestId {
    office.until("the extension is asked", async || office.requests().pop().filter(|last| last != request)).await
}

stories! {
    async fn one_press_asks_for_more_and_the_access_goes_on_without_a_gap(office: Office) {
        let (request, reminder) = reminded(&office).await;
        assert!(text(&reminder).contains("You can ask the approvers to extend it until"), "{}", text(&reminder));
        let mut session = office.session("alice").await;
        assert!(office.can_read(&mut session).await);
        office.presses_in("alice", &reminder, "extend").await;
        let extension = next(&office, &request).await;
        let asked = says(&office, &reminder, "waits for a decision").await;
        assert!(!has_button(&asked, "extend") && has_button(&asked, "relinquish"), "{asked}");
        let told = office.channel_says(&extension, "This extends an access that ends").await;
        assert!(told.contains("for 1 hour more") && told.contains("INC-42"), "{told}");

        office.presses("bob", &extension, "approve").await;
        office.dm_says("alice", &extension, "How to use it").await;
        let extended = says(&office, &reminder, "it was extended").await;
        assert!(!has_button(&extended, "extend") && !has_button(&extended, "relinquish"), "{extended}");
        office.dm_says("alice", &request, "It was extended: the access stays until").await;
        office.pass(Span::minutes(15));
        office.dm_says("alice", &request, "The access itself goes on: it was extended").await;
        office.channel_says(&request, "PostgreSQL access extended").await;
        assert!(office.is_member("alice").await && office.can_read(&mut session).await, "the same session");
        office.pass(Span::minutes(61));
        office.stops_being_member("alice").await;
        for request in [&request, &extension] {
            office.dm_says("alice", request, "The access is gone").await;
        }
        says(&office, &reminder, "The access is gone").await;
        office.close().await;
    }

    async fn i_am_done_gives_it_back(office: Office) {
        let (request, reminder) = reminded(&office).await;
        office.presses_in("alice", &reminder, "relinquish").await;
        office.stops_being_member("alice").await;
        let over = says(&office, &reminder, "gave it back").await;
        assert!(!has_button(&over, "extend") && !has_button(&over, "relinquish"), "{over}");
        office.dm_says("alice", &request, "gave it back").await;
        office.close().await;
    }

    async fn the_policy_extends_at_once_up_to_its_limit_and_then_nothing_is_left(setting: Setting) {
        let office = Office::with(setting, AT_ONCE).await;
        let (request, reminder) = reminded(&office).await;
        assert!(text(&reminder).contains("You can extend it at once, until"), "{}", text(&reminder));
        // A double click, one of the two delivered twice.
        office.sim.faults([Fault::new("block_actions", Trouble::DuplicateAtOnce)]);
        let (one, other) =
            tokio::join!(office.presses_in("alice", &reminder, "extend"), office.presses_in("alice", &reminder, "extend"));
        assert!(one.ok() && other.ok());
        let extension = next(&office, &request).await;
        office.dm_says("alice", &extension, "How to use it").await;
        office.dm_says("alice", &extension, "Approved by the access policy").await;
        office.channel_says(&extension, "Approved by the access policy").await;
        office.is_told("alice", "approved this at once").await;
        // A target that had no answer within a second is not known to have had nothing to extend.
        let told = async || office.sim.ephemerals("alice").expect("a person").iter().map(text).find(|text| {
            text.contains("There is nothing to extend here") || text.contains("There was no answer within")
        });
        office.until("the second click is answered", told).await;
        says(&office, &reminder, "it was extended").await;
        assert_eq!(office.requests().len(), 2, "{}", office.channel());
        assert_eq!(office.record(&extension).await[..2], ["request.asked", "request.approved"]);

        // Two hours are all there is: the second reminder offers no more.
        office.pass(Span::minutes(60));
        let last = office.until("the second reminder", async || {
            reminders(&office, "alice").pop().filter(|last| text(last).contains("that is used up"))
        }).await;
        assert!(!has_button(&last, "extend") && has_button(&last, "relinquish"), "{last}");
        office.types("alice", &format!("request postgres role {}", office.role)).await;
        office.is_told("alice", "used up").await;
        office.pass(Span::minutes(16));
        office.stops_being_member("alice").await;
        office.close().await;
    }

    async fn a_press_on_a_reminder_of_what_is_over_is_answered(office: Office) {
        let (request, reminder) = reminded(&office).await;
        office.presses("bob", &request, "revoke").await;
        office.presses_in("alice", &reminder, "extend").await; // as it stood on her screen
        office.is_told("alice", "There is nothing to extend here").await;
        office.stops_being_member("alice").await;
        let over = says(&office, &reminder, "revoked").await;
        assert!(!has_button(&over, "extend"), "{over}");
        assert_eq!(office.requests().len(), 1);
        office.close().await;
    }

    async fn an_extension_that_nobody_decided_in_time_can_be_given_anew(office: Office) {
        let (request, reminder) = reminded(&office).await;
        office.presses_in("alice", &reminder, "extend").await;
        let extension = next(&office, &request).await;
        office.dm_says("alice", &extension, "Until somebody decides, your access ends").await;
        says(&office, &reminder, "waits for a decision").await;
        office.pass(Span::minutes(15));
        office.stops_being_member("alice").await;
        office.channel_says(&extension, "The access that this was to extend is over").await;
        office.dm_says("alice", &extension, "you can still get it anew").await;
        office.dm_says("alice", &request, "that was checked").await;
        office.presses("carol", &extension, "approve").await;
        office.until("a new life, once no lost call can land any more", async || {
            office.hurry(Span::seconds(1)).await;
            office.is_member("alice").await.then_some(())
        }).await;
        office.dm_says("alice", &extension, "How to use it").await;
        office.close().await;
    }

    async fn denied_it_can_be_asked_again_while_the_access_lives(office: Office) {
        let (request, reminder) = reminded(&office).await;
        office.presses_in("alice", &reminder, "extend").await;
        let extension = next(&office, &request).await;
        says(&office, &reminder, "waits for a decision").await;
        office.presses_own("alice", &extension, "withdraw").await;
        let again = says(&office, &reminder, "You can ask the approvers").await;
        assert!(has_button(&again, "extend"), "{again}");
        office.close().await;
    }
}
