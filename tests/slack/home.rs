//! The Home tab: what somebody has, asked for and is to decide, and the presses in it.

use p0::domain::time::Span;
use p0::playground::{Delivery, Fault, Press, PressTarget, Trouble, User};

use crate::harness::office::{Office, stories, text};

/// Waits until somebody's tab says something; opens it first.
async fn opens(office: &Office, who: &str, part: &str) -> String {
    office.sim.open_home(who).await.expect("opened");
    says(office, who, part).await
}

/// Waits until somebody's tab says something.
async fn says(office: &Office, who: &str, part: &str) -> String {
    let tab = || office.sim.home(who).expect(who).map(|view| view.to_string());
    office.until(&format!("the tab of {who} says {part:?}"), async || tab().filter(|tab| tab.contains(part))).await
}

async fn presses(office: &Office, who: &str, action: &str) -> Delivery {
    let view = office.sim.home(who).expect(who).expect("a tab");
    let target = PressTarget::view(view["id"].as_str().expect("an id"));
    office.sim.press(who, target, Press::from(action)).await.expect("pressed")
}

stories! {
    async fn an_access_lives_and_ends_in_the_tabs_of_two_people(office: Office) {
        opens(&office, "alice", "nothing waits for you").await;
        let request = office.asks("alice").await;
        says(&office, "alice", "What you asked for").await;
        // Whose turn it is not has no buttons for it.
        let dave = opens(&office, "dave", "nothing waits for you").await;
        assert!(!dave.contains(&office.role), "{dave}");

        opens(&office, "bob", "Waiting for your decision").await;
        assert!(presses(&office, "bob", "approve").await.ok());
        office.becomes_member("alice").await;
        says(&office, "bob", "nothing waits for you").await;
        says(&office, "alice", "minutes left, until").await;

        assert!(presses(&office, "alice", "relinquish").await.ok());
        office.stops_being_member("alice").await;
        let alice = says(&office, "alice", "Ask again").await;
        assert!(alice.contains("nothing waits for you"), "{alice}");
        office.dm_says("alice", &request, "gave it back").await;

        // The same as last time is one press and a reason.
        presses(&office, "alice", "ask_again").await;
        let form = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let id = form["id"].as_str().expect("an id").to_owned();
        assert!(form.to_string().contains(&format!("\"value\":\"{}\"", office.role)), "{form}");
        office.sim.fill("alice", &id, "reason", serde_json::json!("INC-43")).await.expect("filled");
        let submitted = office.sim.submit("alice", &id).await.expect("submitted");
        assert!(submitted.delivery.as_ref().is_some_and(Delivery::ok), "{submitted:?}");
        says(&office, "alice", "What you asked for").await;
        assert_eq!(office.requests().len(), 2);
        office.close().await;
    }

    async fn a_press_in_a_tab_that_is_old_says_what_became_of_it(office: Office) {
        let request = office.asks("alice").await;
        opens(&office, "bob", "Waiting for your decision").await;
        opens(&office, "carol", "Waiting for your decision").await;
        presses(&office, "carol", "deny").await;
        let view = office.until("a form", async || office.sim.views("carol").expect("carol").pop()).await;
        office.sim.submit("carol", view["id"].as_str().expect("an id")).await.expect("submitted");
        office.dm_says("alice", &request, "denied").await;
        says(&office, "carol", "nothing waits for you").await;
        assert!(presses(&office, "bob", "approve").await.ok());
        // A tab has no place to answer in.
        let told = || office.sim.dms("bob").expect("bob").iter().any(|told| text(told).contains("Carol Cruz denied this already"));
        office.until("told", async || told().then_some(())).await;
        says(&office, "bob", "nothing waits for you").await;

        // One that cannot be drawn is drawn when it is opened again.
        office.sim.faults([Fault::new("views.publish", Trouble::Http500)]);
        office.sim.open_home("dave").await.expect("opened");
        office.until("a call", async || office.sim.calls().iter().any(|call| call.fault.is_some()).then_some(())).await;
        opens(&office, "dave", "nothing waits for you").await;
        office.close().await;
    }

    async fn the_form_opens_from_the_tab_and_the_first_contact_may_be_there(office: Office) {
        opens(&office, "alice", "nothing waits for you").await;
        presses(&office, "alice", "ask_for_access").await;
        office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let eve = User { id: "U0EVE".into(), name: "eve".into(), real_name: "Eve Else".into(), email: Some("bob@acme.example".into()),
            tz: "Etc/UTC".into(), tz_offset: 0, team_id: "T0ELSEWHERE".into(), deleted: false, is_bot: false };
        office.sim.add_user(eve);
        opens(&office, "eve", "Only members of this workspace can use P0.").await;
        assert!(office.sim.dms("eve").expect("eve").is_empty(), "nobody is written to for looking");
        office.pass(Span::minutes(1));
        office.close().await;
    }
}
