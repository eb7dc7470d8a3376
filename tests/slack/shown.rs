//! What rules let somebody ask for: what forms, type-ahead and lists show, and what is refused when it is typed.

use serde_json::Value;

use crate::harness::office::{Office, Setting, stories};

/// Readers may ask for the role that an office begins with, and for nothing else.
const READERS: &str = "  - name: readers
    requestor: { type: group, effect: keep, groups: [ { directory: people, id: readers, label: Readers } ] }
    resource: { type: integration, service: postgres, accessType: role, filters: { role: { effect: keep, key: id, pattern: '^analyst_[0-9]+$' } } }
    approval: [ { type: user, uid: bob@acme.example } ]
";

/// Another role that P0 can give.
async fn another_role(office: &Office) -> String {
    let other = format!("{}_writer", office.role);
    let with = if office.setting.target >= 16 { "with admin true, inherit false, set false" } else { "with admin option" };
    office.say(&format!("create role {other}; grant {other} to {} {with}", office.login("p0"))).await;
    let path = office.folder.join("p0.yaml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replace(&format!("roles: [ {} ]", office.role), &format!("roles: [ {}, {other} ]", office.role));
    std::fs::write(path, text).expect("written");
    office.app.reload().await.expect("taken over");
    office.app.desk.refresh_choices().await;
    other
}

async fn form(office: &Office, who: &str, line: &str) -> Value {
    let before = office.sim.views(who).expect("a person").len();
    office.types(who, line).await;
    office.until("a form", async || office.sim.views(who).expect("a person").get(before).cloned()).await
}

fn block<'v>(view: &'v Value, action: &str) -> &'v Value {
    let blocks = view["blocks"].as_array().expect("blocks");
    blocks.iter().find(|block| block["element"]["action_id"] == action).unwrap_or_else(|| panic!("no {action} in {view}"))
}

stories! {
    async fn only_what_the_rules_let_somebody_ask_for_is_shown(setting: Setting) {
        let office = Office::with_rules(setting, READERS).await;
        let other = another_role(&office).await;
        let listed = office.answer("alice", "ls postgres role role").await;
        assert!(listed.contains(&office.role) && !listed.contains(&other), "{listed}");
        let view = form(&office, "alice", "request postgres").await.to_string();
        assert!(view.contains(&office.role) && !view.contains(&other), "{view}");
        // Nor is it filled in for an error that it would have spared her.
        let hidden = format!("hidden_{}", office.table);
        office.say(&format!("create table {hidden} (n int); grant select on {hidden} to {other}")).await;
        office.app.desk.refresh_choices().await;
        let open = office.sim.views("alice").expect("alice").pop().expect("a form");
        office.sim.close("alice", open["id"].as_str().expect("an id"), false).await.expect("closed");
        let view = form(&office, "alice", &format!("request ERROR: permission denied for table {hidden}")).await.to_string();
        assert!(view.contains("permission denied for table") && !view.contains(&other), "{view}");
        for (who, whom, has) in [("carol", "<@U0ALICE|alice>", true), ("bob", "alice@acme.example", true), ("dave", "<@U0DAVE|dave>", false)] {
            let view = form(&office, who, &format!("grant postgres --to {whom}")).await.to_string();
            assert!(view.contains("For whom") && view.contains(&office.role) == has && !view.contains(&other), "{whom}: {view}");
        }
        // The form in which there was nothing for Dave is not at its end: somebody else may be chosen.
        let view = office.sim.views("dave").expect("dave").pop().expect("a form");
        assert!(view.to_string().contains("no access policy lets this person have anything."), "{view}");
        let chosen = office.sim.fill("dave", view["id"].as_str().expect("an id"), "to", Value::from("U0ALICE")).await;
        chosen.expect("filled");
        office.until("what Alice may have", async || office.sim.views("dave").expect("dave").pop().filter(|view| view.to_string().contains("PostgreSQL"))).await;
        let listed = office.answer("dave", "ls").await;
        assert!(!listed.contains("postgres"), "there is nothing for Dave: {listed}");
        let told = office.answer("alice", &format!("request postgres role {other} --reason INC-42")).await;
        assert_eq!(told, "No access policy lets you have this. Whoever looks after the policies can say why: `p0 policy explain`.");
        let told = office.answer("dave", &format!("request postgres role {} --reason INC-42", office.role)).await;
        assert!(told.starts_with("No access policy lets you have this."), "{told}");
        let denied = format!(
            "{READERS}  - name: no-writers\n    requestor: {{ type: any }}\n    resource: {{ type: integration, service: pg, filters: {{ role: {{ effect: keep, key: id, pattern: writer }} }} }}\n    approval: [ {{ type: deny }} ]\n"
        );
        office.rules_are(&denied).await;
        let told = office.answer("alice", &format!("request postgres role {other} --reason INC-42")).await;
        assert_eq!(told, "The access policy \"no-writers\" denies this.");
        assert!(office.requests().is_empty() && office.own("alice").is_empty(), "nobody was told of anything");
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn without_rules_the_approvers_decide(setting: Setting) {
        let office = Office::open(setting).await;
        let request = office.asks("alice").await;
        let told = office.channel_says(&request, "may decide.").await;
        assert!(!told.contains("access policy"), "{told}");
        office.presses("carol", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn what_a_rule_requires_is_asked_for(setting: Setting) {
        let rule = |options: &str| {
            format!(
                "  - {{ name: prod, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {{ type: p0, options: {{ {options} }} }} ] }}\n"
            )
        };
        let office = Office::with_rules(setting, &rule("requireReason: true")).await;
        let line = format!("request postgres role {}", office.role);
        assert_eq!(office.answer("alice", &line).await, "Say why you need this; the access policy \"prod\" requires a reason.");
        let view = form(&office, "alice", "request postgres").await;
        assert_eq!(block(&view, "reason")["optional"], false, "{view}");
        office.rules_are(&rule("requireDuration: true")).await;
        let told = office.answer("alice", &format!("{line} --reason INC-42")).await;
        assert_eq!(told, "Say for how long you need this; the access policy \"prod\" requires a duration.");
        assert!(office.requests().is_empty(), "nobody was told");
        let view = form(&office, "bob", "request postgres").await;
        assert_eq!((&block(&view, "reason")["optional"], &block(&view, "duration")["optional"]), (&Value::Bool(true), &Value::Bool(false)));
        let (request, _) = office.asks_with("alice", "--duration 1h").await;
        office.channel_says(&request, "No reason was given.").await;
        office.close().await;
    }
}
