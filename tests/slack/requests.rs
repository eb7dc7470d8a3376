//! Asking: complete, incomplete, by form, by shortcut, with mistakes.

use p0::domain::time::Span;

use crate::harness::office::{Office, either_way, stories};

either_way! {
    async fn a_complete_command_is_asked_approved_used_and_gone_at_its_end(office: Office) {
        let request = office.asks("alice").await;
        office.channel_says(&request, "INC-42").await;
        office.dm_says("alice", &request, "Request").await;
        assert!(!office.is_member("alice").await);

        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.channel_says(&request, "Bob Baker").await;
        let mut session = office.session("alice").await;
        assert!(office.can_read(&mut session).await, "the access works");

        office.pass(Span::minutes(59));
        assert!(office.is_member("alice").await);
        office.pass(Span::minutes(2));
        office.stops_being_member("alice").await;
        assert!(!office.can_read(&mut session).await, "an open session lost it too");
        office.dm_says("alice", &request, "ended").await;
        office.close().await;
    }

    async fn an_incomplete_command_opens_the_form_with_what_was_typed(office: Office) {
        let typed = office.types("alice", "request postgres --reason “INC-7: can't read”").await;
        assert!(typed.ok() && typed.ephemeral.is_none(), "{typed:?}");
        let view = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let shown = view.to_string();
        assert!(shown.contains("INC-7: can't read"), "{shown}");
        assert!(shown.contains(&office.role), "the only roles there are can be chosen: {shown}");
        office.close().await;
    }

    async fn the_form_from_the_shortcut_makes_a_request(office: Office) {
        office.sim.shortcut("alice", "request_access").await.expect("sent");
        let view = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let id = view["id"].as_str().expect("an id").to_owned();
        // Choosing the integration brings its fields.
        fill(&office, &id, "integration", "postgres").await;
        office.until("the role's field", async || {
            let view = office.sim.views("alice").expect("alice").pop()?;
            view.to_string().contains("Role").then_some(())
        }).await;
        fill(&office, &id, "role", &office.role).await;
        let submitted = office.sim.submit("alice", &id).await.expect("submitted");
        assert!(submitted.errors.is_empty() && submitted.views.is_empty(), "{submitted:?}");
        let request = office.until("the request", async || office.requests().pop()).await;
        office.presses("carol", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn mistakes_point_at_the_word_and_help_is_always_text(office: Office) {
        office.types("alice", "help").await; // the first contact is answered a moment later
        office.is_told("alice", "request").await;
        let told = office.types("alice", &format!("request postgres rol {}", office.role)).await.ephemeral.expect("told");
        assert!(told.contains("role") && told.contains('^'), "{told}");
        for line in ["help", "request --help", "request postgres role --help", "ls", "ls --help", "ls postgres"] {
            let told = office.types("alice", line).await.ephemeral.expect(line);
            assert!(told.contains("/p0"), "{line}: {told}");
        }
        let listed = office.types("alice", "ls postgres role role").await.ephemeral.expect("listed");
        assert!(listed.contains(&office.role), "{listed}");
        assert!(office.sim.views("alice").expect("alice").is_empty(), "help opens no form");
        assert!(office.requests().is_empty());
        office.close().await;
    }
}

stories! {
    async fn an_error_that_is_pasted_opens_the_form_for_what_cures_it(office: Office) {
        office.types("alice", "ls").await;
        office.is_told("alice", "postgres").await;
        let error = format!("ERROR:  permission denied for table {}", office.table);
        for line in [format!("request {error}"), error.clone(), format!("request psql said \"{error}")] {
            office.types("alice", &line).await;
            let form = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
            let shown = form.to_string();
            assert!(shown.contains(&format!("\"value\":\"{}\"", office.role)), "{line}: {shown}");
            assert!(shown.contains("permission denied for table"), "the reason: {shown}");
            office.sim.close("alice", form["id"].as_str().expect("an id"), false).await.expect("closed");
        }
        // One that names an integration is a slip of the finger, whatever its reason says.
        let told = office.types("alice", &format!("request postgres rol x --reason \"{error}\"")).await.ephemeral.expect("told");
        assert!(told.contains('^'), "{told}");
        let told = office.types("alice", "request ERROR: the disk is full").await.ephemeral.expect("told");
        assert!(told.contains('^'), "{told}");
        office.close().await;
    }

    async fn who_has_it_already_is_told_so(office: Office) {
        office.say(&format!("grant {} to {}", office.role, office.login("alice"))).await;
        let typed = office.types("alice", &format!("request postgres role {}", office.role)).await;
        let told = match typed.ephemeral { Some(told) => told, None => office.is_told("alice", "already").await };
        assert!(told.contains("You already have this"), "{told}");
        assert!(office.requests().is_empty(), "nobody was asked");
        office.close().await;
    }

    async fn found_at_grant_time_it_is_standing_and_stays(office: Office) {
        let request = office.asks("alice").await;
        office.say(&format!("grant {} to {}", office.role, office.login("alice"))).await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "had").await;
        office.pass(Span::minutes(61));
        office.dm_says("alice", &request, "ended").await;
        assert!(office.is_member("alice").await, "it was never ours to take");
        office.close().await;
    }

    async fn a_stranger_to_the_target_is_refused_before_anybody_is_asked(office: Office) {
        office.say(&format!("drop role {}", office.login("dave"))).await;
        let typed = office.types("dave", &format!("request postgres role {}", office.role)).await;
        let told = match typed.ephemeral { Some(told) => told, None => office.is_told("dave", "login").await };
        assert!(told.contains("no login named"), "{told}");
        assert!(office.requests().is_empty());
        office.close().await;
    }
}

/// Chooses a value in the block whose element has this action.
async fn fill(office: &Office, view: &str, action: &str, value: &str) {
    let shown = office.sim.views("alice").expect("alice").pop().expect("a form");
    let blocks = shown["blocks"].as_array().expect("blocks").clone();
    let block =
        blocks.iter().find(|block| block["element"]["action_id"] == action).unwrap_or_else(|| panic!("no {action} in {shown}"));
    let block_id = block["block_id"].as_str().expect("an id").to_owned();
    office.sim.fill("alice", view, &block_id, serde_json::json!(value)).await.expect("filled");
}
