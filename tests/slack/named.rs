//! Somebody else is named: whom access is asked for, whom it is allowed to ahead of time, who decides meanwhile.

use p0::domain::person::{Email, Handle, Person};
use p0::domain::time::Span;
use p0::playground::{Fault, Trouble, User};
use serde_json::{Value, json};

use crate::harness::office::{Office, stories};

/// Whom the record knows by a Slack id.
async fn known(office: &Office, id: &str) -> Option<Person> {
    let handle = Handle { surface: "slack".into(), realm: "T0P0DEMO".into(), handle: id.into() };
    office.app.desk.who(&handle).await.expect("read")
}

/// Waits until the record knows them by the address that Slack has.
async fn becomes_known(office: &Office, id: &str, address: &str) {
    let person = office.until("they are known", async || known(office, id).await).await;
    assert_eq!(person.email, Email::parse(address));
}

async fn form(office: &Office) -> Value {
    office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await
}

fn block<'v>(view: &'v Value, action: &str) -> &'v Value {
    let blocks = view["blocks"].as_array().expect("blocks");
    blocks.iter().find(|block| block["element"]["action_id"] == action).unwrap_or_else(|| panic!("no {action} in {view}"))
}

async fn fill(office: &Office, view: &Value, action: &str, value: Value) {
    let id = view["id"].as_str().expect("an id");
    let block_id = block(view, action)["block_id"].as_str().expect("an id");
    office.sim.fill("alice", id, block_id, value).await.expect("filled");
}

stories! {
    async fn the_form_for_somebody_else_makes_them_known(office: Office) {
        let typed = office.types("alice", "grant --reason \"INC-42\" --duration 2h").await;
        assert!(typed.ok() && typed.ephemeral.is_none(), "{typed:?}");
        let view = form(&office).await;
        assert!(view.to_string().contains("Request access for somebody"), "{view}");
        assert_eq!(block(&view, "to")["element"]["type"], "users_select");
        fill(&office, &view, "to", json!("U0DAVE")).await;
        fill(&office, &view, "integration", json!("postgres")).await;
        let view = office.until("the role's field", async || {
            office.sim.views("alice").expect("alice").pop().filter(|view| view.to_string().contains("\"role\""))
        }).await;
        // What was typed before there was a field for it, and who was chosen.
        assert_eq!(block(&view, "reason")["element"]["initial_value"], "INC-42");
        assert_eq!(block(&view, "duration")["element"]["initial_option"]["value"], "2h");
        assert_eq!(view["state"]["values"]["to"]["to"]["selected_user"], "U0DAVE");
        fill(&office, &view, "role", json!(office.role)).await;
        assert!(known(&office, "U0DAVE").await.is_none(), "nobody has met him yet");
        let submitted = office.sim.submit("alice", view["id"].as_str().expect("an id")).await.expect("submitted");
        assert!(submitted.errors.is_empty() && submitted.problem.is_none() && submitted.views.is_empty(), "{submitted:?}");
        becomes_known(&office, "U0DAVE", "dave@acme.example").await;
        office.close().await;
    }

    async fn who_is_named_is_made_known_even_when_slack_fails_at_first(office: Office) {
        office.types("alice", "ls").await;
        office.is_told("alice", "postgres").await;
        office.sim.faults([Fault::new("users.info", Trouble::Http500)]);
        let line = format!("grant postgres role {} --to <@U0DAVE|dave> --reason INC-42", office.role);
        assert!(office.types("alice", &line).await.ok());
        office.until("Slack was asked in vain", async || office.sim.calls().iter().any(|call| call.method == "users.info").then_some(())).await;
        office.hurry(Span::minutes(2)).await;
        becomes_known(&office, "U0DAVE", "dave@acme.example").await;
        office.close().await;
    }

    async fn who_is_nobody_of_ours_cannot_be_named(office: Office) {
        office.types("alice", "ls").await;
        office.is_told("alice", "postgres").await;
        let user = |id: &str, name: &str| User { id: id.into(), name: name.into(), real_name: name.into(),
            email: Some(format!("{name}@acme.example")), tz: "Etc/UTC".into(), tz_offset: 0, team_id: String::new(), deleted: false, is_bot: false };
        office.sim.add_user(User { team_id: "T0ELSEWHERE".into(), ..user("U0EVE", "eve") });
        office.sim.add_user(User { is_bot: true, ..user("U0ROBOT", "robot") });
        office.sim.add_user(User { deleted: true, ..user("U0GONE", "gone") });
        office.sim.add_user(User { email: None, ..user("U0SHY", "shy") });
        for (id, told) in [
            ("U0EVE", "from another workspace"), ("U0ROBOT", "named an app"), ("U0GONE", "deactivated"), ("U0SHY", "no e-mail address"),
            ("U0NOBODY", "not known here"),
        ] {
            for line in ["grant postgres role analyst", "allow postgres role analyst --request-duration 1h", "away"] {
                let before = office.sim.ephemerals("alice").expect("alice").len();
                let line = format!("{line} --to <@{id}>").replace("analyst", &office.role);
                assert!(office.types("alice", &line).await.ok(), "{line}");
                let said = office.until(&line, async || office.sim.ephemerals("alice").expect("alice").get(before).cloned()).await;
                assert!(said["text"].as_str().expect("a text").contains(told), "{line}: {said}");
            }
            assert!(known(&office, id).await.is_none(), "{id}");
        }
        assert!(office.requests().is_empty());
        office.close().await;
    }

    async fn the_form_to_allow_ahead_of_time_asks_from_when_and_for_how_long(office: Office) {
        office.types("alice", "allow postgres --to dave@acme.example --start 2031-02-03T04:05:06Z --length 5d").await;
        let view = form(&office).await;
        assert!(view.to_string().contains("Nothing is granted until they ask"), "{view}");
        assert_eq!(view["submit"]["text"], "Allow");
        assert_eq!(block(&view, "to")["element"]["initial_value"], "dave@acme.example");
        assert_eq!(block(&view, "start")["element"]["initial_date_time"], 1_927_857_906);
        assert_eq!(block(&view, "length")["element"]["initial_option"]["value"], "5d");
        fill(&office, &view, "role", json!(office.role)).await;
        fill(&office, &view, "to", json!("dave")).await;
        let id = view["id"].as_str().expect("an id");
        let submitted = office.sim.submit("alice", id).await.expect("submitted");
        let told = submitted.errors.get("to").unwrap_or_else(|| panic!("{submitted:?}"));
        assert!(told.contains("nobody we can find"), "{told}");
        fill(&office, &view, "to", json!("dave@acme.example")).await;
        let submitted = office.sim.submit("alice", id).await.expect("submitted");
        assert!(submitted.errors.is_empty() && submitted.problem.is_none(), "{submitted:?}");
        office.close().await;
    }

    async fn the_form_to_allow_can_have_an_end_instead(office: Office) {
        office.types("alice", "allow postgres --to <@U0BOB|bob> --end 2031-02-03").await;
        let view = form(&office).await;
        assert_eq!(block(&view, "to")["element"]["initial_user"], "U0BOB");
        assert_eq!(block(&view, "end")["element"]["initial_date_time"], 1_927_843_200);
        fill(&office, &view, "role", json!(office.role)).await;
        fill(&office, &view, "start", json!(1_930_000_000)).await;
        let submitted = office.sim.submit("alice", view["id"].as_str().expect("an id")).await.expect("submitted");
        assert_eq!(submitted.errors.get("end").map(String::as_str), Some("The end must be after the start."), "{submitted:?}");
        fill(&office, &view, "start", json!(1_920_000_000)).await;
        let submitted = office.sim.submit("alice", view["id"].as_str().expect("an id")).await.expect("submitted");
        assert!(submitted.errors.is_empty() && submitted.problem.is_none(), "{submitted:?}");
        becomes_known(&office, "U0BOB", "bob@acme.example").await;
        office.close().await;
    }

    async fn away_and_back_are_answered(office: Office) {
        office.types("alice", "ls").await;
        office.is_told("alice", "postgres").await;
        for line in ["away", "back", "away --to bob@acme.example --length 1w"] {
            let told = office.types("alice", line).await.ephemeral.unwrap_or_default();
            assert!(!told.is_empty(), "{line}");
        }
        office.types("alice", "away --to <@U0DAVE|dave> --until 2031-02-03").await;
        becomes_known(&office, "U0DAVE", "dave@acme.example").await;
        office.close().await;
    }
}
