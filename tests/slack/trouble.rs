//! What goes wrong: people who leave, presses that cross, targets and Slack that are down, agendas
//! that are lost. Each story ends in a plain sentence or in the state that was wanted.

use p0::domain::time::Span;
use p0::playground::{Fault, Group, Trouble};
use serde_json::Value;

use crate::harness::office::{Office, Setting, has_button, stories, text};

/// Approvers by a Slack user group.
const GROUP: &str = "policy:\n  approvers: { groups: [ 'slack:S0APPROVERS' ] }\n";

fn group(office: &Office, members: &[&str]) {
    let users = members.iter().map(|id| (*id).to_owned()).collect();
    let (handle, name) = ("p0approvers".to_owned(), "P0 approvers".to_owned());
    office.sim.add_group(Group { id: "S0APPROVERS".to_owned(), handle, name, users, disabled: false });
}

/// A whole life, however it was begun.
pub async fn approved_used_and_given_back(office: &Office) {
    let request = office.asks("alice").await;
    office.presses("bob", &request, "approve").await;
    office.dm_says("alice", &request, "How to use it").await;
    office.presses_own("alice", &request, "relinquish").await;
    office.stops_being_member("alice").await;
    office.dm_says("alice", &request, "The access is gone").await;
    office.channel_says(&request, "access ended").await;
    assert!(!has_button(&office.approval(&request), "revoke"));
}

stories! {
    async fn who_left_the_group_decides_nothing_any_more(setting: Setting) {
        let office = Office::with(setting, GROUP).await;
        let first = office.asks("alice").await;
        office.presses("bob", &first, "approve").await;
        office.becomes_member("alice").await;

        group(&office, &["U0CAROL"]);
        office.pass(Span::seconds(61)); // a list of members is believed for a minute
        let second = office.asks("dave").await;
        office.presses("bob", &second, "approve").await;
        office.is_told("bob", "Only approvers can do this").await;
        office.presses("bob", &first, "revoke").await;
        assert!(office.is_member("alice").await && !office.is_member("dave").await);
        office.presses("carol", &second, "approve").await;
        office.becomes_member("dave").await;
        office.close().await;
    }

    async fn while_the_group_cannot_be_read_nobody_decides(setting: Setting) {
        let office = Office::with(setting, GROUP).await;
        let request = office.asks("alice").await;
        // What tells people reads the group as well: the next to read it is to be the press.
        office.until("everybody is told", async || office.agenda().await.iter().all(|row| !row.starts_with("notice")).then_some(())).await;
        for (times, trouble) in [Trouble::Http500, Trouble::Slow { ms: 1300 }, Trouble::Error { error: "missing_scope".to_owned() }].into_iter().enumerate() {
            office.pass(Span::seconds(61)); // what was read when it was asked counts for a minute
            office.sim.faults([Fault::new("usergroups.users.list", trouble)]);
            assert!(office.presses("bob", &request, "approve").await.ok());
            office.until("bob is told", async || {
                let told = office.sim.ephemerals("bob").expect("bob").iter().filter(|told| text(told).contains("nothing was changed")).count();
                (told == times + 1).then_some(())
            }).await;
        }
        assert!(has_button(&office.approval(&request), "approve"));
        assert!(office.app.store.decisions(&request).await.expect("read").is_empty() && !office.is_member("alice").await);
        office.pass(Span::seconds(61));
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn two_presses_of_one_person_are_one_outcome(office: Office) {
        let request = office.asks("alice").await;
        let (one, other) = tokio::join!(office.presses("bob", &request, "approve"), office.presses("bob", &request, "approve"));
        assert!(one.ok() && other.ok() && one.raw != other.raw);
        office.is_told("bob", "Bob Baker approved this already").await;
        office.becomes_member("alice").await;
        assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
        office.close().await;
    }

    async fn a_command_that_comes_twice_asks_once(office: Office) {
        let line = format!("request postgres role {}", office.role);
        office.asks("alice").await; // and is known from now on
        for (asked, trouble) in [Trouble::Duplicate, Trouble::DuplicateAtOnce].into_iter().enumerate() {
            office.sim.faults([Fault::new("command", trouble)]);
            let sent = office.types("dave", &line).await; // first contact, then not
            assert!(sent.ok() && sent.again.iter().all(|again| again.ok()), "{sent:?}");
            let request = office.until("the request", async || office.requests().get(asked + 1).cloned()).await;
            office.dm_says("dave", &request, "Waiting for").await;
            office.presses_own("dave", &request, "withdraw").await;
            office.channel_says(&request, "took it back").await;
        }
        assert_eq!(office.requests().len(), 3);
        office.close().await;
    }

    async fn a_form_with_mistakes_stays_free_and_a_good_one_asks_once(setting: Setting) {
        let office = Office::with(setting, "policy:\n  approvers: { people: [ bob@acme.example ] }\n  requireReason: true\n").await;
        office.types("alice", "request postgres").await;
        let form = office.until("a form", async || office.sim.views("alice").expect("alice").pop()).await;
        let id = form["id"].as_str().expect("an id").to_owned();
        fill(&office, &form, "role", &office.role).await;
        fill(&office, &form, "reason", "   ").await; // Slack's own check is content with it
        let refused = office.sim.submit("alice", &id).await.expect("submitted");
        assert!(!refused.errors.is_empty() && refused.problem.is_none(), "{refused:?}");
        fill(&office, &form, "reason", "INC-42").await;
        office.sim.faults([Fault::new("view_submission", Trouble::DuplicateAtOnce)]);
        let taken = office.sim.submit("alice", &id).await.expect("submitted");
        assert!(taken.views.is_empty() && taken.problem.is_none(), "{taken:?}");
        let request = office.until("the request", async || office.requests().pop()).await;
        office.dm_says("alice", &request, "Waiting for").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        assert_eq!(office.requests().len(), 1);
        office.close().await;
    }

    async fn the_same_asked_by_two_commands_at_once_is_asked_once(office: Office) {
        office.types("alice", "help").await;
        office.is_told("alice", "request").await;
        let line = format!("request postgres role {}", office.role);
        let all = futures::future::join_all((0..5).map(|_| office.types("alice", &line))).await;
        assert!(all.iter().all(|sent| sent.ok()), "{all:?}");
        let request = office.until("the request", async || office.requests().pop()).await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.dm_says("alice", &request, "How to use it").await;
        assert_eq!(office.requests().len(), 1, "{}", office.channel());
        office.close().await;
    }

    async fn a_target_that_is_down_is_tried_until_it_is_back(office: Office) {
        let request = office.asks("alice").await;
        office.wire.cut();
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "It does not work yet").await;
        office.channel_says(&request, "cannot be reached").await;
        office.wire.mend();
        office.pass(Span::seconds(15));
        office.dm_says("alice", &request, "How to use it").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn a_target_that_stays_down_fails_and_nothing_is_left(office: Office) {
        let request = office.asks("alice").await;
        office.wire.cut();
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "It does not work yet").await;
        office.pass(Span::minutes(16));
        office.dm_says("alice", &request, "It could not be set up").await;
        let told = office.channel_says(&request, "It could not be set up").await;
        assert!(told.contains("cannot be reached"), "{told}");
        assert!(!has_button(&office.approval(&request), "revoke"));
        office.wire.mend();
        office.pass(Span::minutes(1));
        office.nothing_is_left().await;
        assert!(!office.is_member("alice").await);
        approved_used_and_given_back(&office).await;
        office.close().await;
    }

    async fn a_grant_whose_answer_was_lost_is_taken_away_when_it_came_too_late(office: Office) {
        let request = office.asks("alice").await;
        office.wire.loses_the_answer_to("'grant %I");
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await; // it is there, and nobody could tell us
        assert!(office.wire.is_cut());
        office.dm_says("alice", &request, "It does not work yet").await;
        office.pass(Span::minutes(16));
        office.dm_says("alice", &request, "It could not be set up").await;
        assert!(office.is_member("alice").await);
        office.wire.mend();
        office.pass(Span::seconds(15));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &request, "The access is gone").await;
        office.close().await;
    }

    async fn a_target_that_is_down_at_the_end_is_asked_until_it_is_gone(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.wire.cut();
        office.pass(Span::minutes(61));
        office.dm_says("alice", &request, "being taken away").await;
        office.channel_says(&request, "The last try said").await;
        office.pass(Span::minutes(3));
        office.channel_says(&request, "could not be taken away yet").await;
        office.alert("An access is overdue").await;
        assert!(office.is_member("alice").await);
        office.wire.mend();
        office.pass(Span::seconds(15));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &request, "The access is gone").await;
        office.channel_says(&request, "access ended").await;
        office.alert("Settled").await;
        office.close().await;
    }

    async fn what_somebody_took_away_in_the_target_is_told(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        office.taken_away_by_hand("alice").await;
        office.pass(Span::minutes(11));
        office.dm_says("alice", &request, "somebody took it away outside P0").await;
        office.channel_says(&request, "was taken away elsewhere").await;
        office.alert("An access was taken away elsewhere").await;
        office.presses_own("alice", &request, "relinquish").await;
        office.dm_says("alice", &request, "The access is gone").await;
        office.alert("Settled").await;
        office.close().await;
    }

    async fn a_grant_that_comes_while_it_is_taken_away_waits_and_is_granted_anew(office: Office) {
        let first = office.asks("alice").await;
        office.presses("bob", &first, "approve").await;
        office.dm_says("alice", &first, "How to use it").await;
        let second = office.asks("alice").await;
        office.wire.cut();
        office.presses_own("alice", &first, "relinquish").await;
        office.dm_says("alice", &first, "The last try said").await;
        office.presses("carol", &second, "approve").await;
        office.dm_says("alice", &second, "once it works").await;
        office.wire.mend();
        office.pass(Span::seconds(15));
        office.dm_says("alice", &first, "The access is gone").await;
        office.pass(Span::seconds(15)); // until no lost call can land any more
        office.dm_says("alice", &second, "How to use it").await;
        assert!(office.is_member("alice").await);
        office.pass(Span::minutes(61));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &second, "The access is gone").await;
        office.close().await;
    }

    async fn the_whole_agenda_can_be_lost(office: Office) {
        let request = office.asks("alice").await;
        office.presses("bob", &request, "approve").await;
        office.app.store.lose_agenda().await.expect("lost");
        office.pass(Span::seconds(61));
        office.dm_says("alice", &request, "How to use it").await;
        office.channel_says(&request, "In use by").await;
        office.app.store.lose_agenda().await.expect("lost");
        office.pass(Span::minutes(62));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &request, "The access is gone").await;
        office.app.store.lose_agenda().await.expect("lost");
        office.pass(Span::seconds(61));
        office.nothing_is_left().await;
        office.close().await;
    }

    async fn a_session_that_was_open_before_the_end_has_it_no_more(office: Office) {
        let request = office.asks("alice").await;
        let warned = text(&office.approval(&request)).contains("all open sessions of");
        assert_eq!(warned, office.setting.target < 16, "{}", text(&office.approval(&request)));
        office.presses("bob", &request, "approve").await;
        office.dm_says("alice", &request, "How to use it").await;
        let mut session = office.session("alice").await;
        let switched = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("set role {}", office.role))).execute(&mut session).await.is_ok();
        assert_eq!(switched, warned, "from 16 on the right to switch is withheld");
        assert!(office.can_read(&mut session).await);
        office.pass(Span::minutes(61));
        office.dm_says("alice", &request, "The access is gone").await;
        assert!(!office.can_read(&mut session).await);
        let still_open = sqlx::query("select 1").fetch_one(&mut session).await.is_ok();
        assert_eq!(still_open, !warned, "on 15 the whole session is over");
        office.close().await;
    }

    async fn revoke_all_ends_every_request_for_it(office: Office) {
        let first = office.asks("alice").await;
        office.presses("bob", &first, "approve").await;
        office.dm_says("alice", &first, "How to use it").await;
        let second = office.asks("alice").await;
        office.presses("carol", &second, "approve").await;
        office.dm_says("alice", &second, "How to use it").await;
        office.presses("dave", &first, "revoke_all").await;
        office.is_told("dave", "Only approvers").await;
        assert!(office.is_member("alice").await);
        office.presses("carol", &first, "revoke_all").await;
        office.stops_being_member("alice").await;
        for request in [&first, &second] {
            office.dm_says("alice", request, "Carol Cruz revoked it").await;
            office.dm_says("alice", request, "The access is gone").await;
            office.channel_says(request, "access ended").await;
            assert!(!has_button(&office.approval(request), "revoke_all"));
        }
        office.close().await;
    }

    async fn what_was_taken_back_cannot_be_approved(office: Office) {
        let request = office.asks("alice").await;
        let seen = office.approval(&request);
        let (taken, late) = tokio::join!(office.presses_own("alice", &request, "withdraw"), office.presses_in("bob", &seen, "deny"));
        assert!(taken.ok() && late.ok());
        office.channel_says(&request, "took it back").await;
        office.dm_says("alice", &request, "took it back").await;
        assert!(!has_button(&office.approval(&request), "approve"));
        assert!(!has_button(&office.dm("alice", &request).expect("a message"), "withdraw"));
        // Bob is told when he wants to deny it, or once he has written why.
        let form = office.until("bob has a form or is told", async || {
            let told = office.sim.ephemerals("bob").expect("bob").iter().any(|told| text(told).contains("Alice Ahn took this back already"));
            let form = office.sim.views("bob").expect("bob").pop();
            if told { Some(None) } else { form.map(Some) }
        }).await;
        if let Some(form) = form {
            fill_as(&office, "bob", &form, "reason", "Too broad.").await;
            let late = office.sim.submit("bob", form["id"].as_str().expect("an id")).await.expect("submitted");
            assert!(late.views[0].to_string().contains("Alice Ahn took this back already"), "{late:?}");
        }
        office.close().await;
    }
}

/// Types into the block whose element has this action.
async fn fill(office: &Office, form: &Value, action: &str, value: &str) {
    fill_as(office, "alice", form, action, value).await;
}

async fn fill_as(office: &Office, who: &str, form: &Value, action: &str, value: &str) {
    let blocks = form["blocks"].as_array().expect("blocks");
    let block =
        blocks.iter().find(|block| block["element"]["action_id"] == action).unwrap_or_else(|| panic!("no {action} in {form}"));
    let (view, block) = (form["id"].as_str().expect("an id"), block["block_id"].as_str().expect("an id"));
    office.sim.fill(who, view, block, serde_json::json!(value)).await.expect("filled");
}
