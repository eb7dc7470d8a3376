//! An office whose access policy has rules, with a file of people and one of who is on call, where everybody
//! was before; and Erin, whom the stand-in knows and nobody has met.

use p0::domain::id::RequestId;
use p0::domain::time::Span;
use p0::playground::{Channel, User};
use serde_json::{Value, json};

use super::office::{APPROVALS, Office, POLICY, Setting, id_in, text};

pub const PEOPLE: &str = "people:
  - { email: alice@acme.example, manager: carol@acme.example }
groups:
  - { id: sre, label: SRE, members: [bob@acme.example, carol@acme.example] }
  - { id: team, members: [bob@acme.example, carol@acme.example, dave@acme.example, erin@acme.example] }
  - { id: readers, label: Readers, members: [alice@acme.example] }
";

pub const ON_CALL: &str = "services:\n  checkout: [bob@acme.example]\n";

impl Office {
    /// With these rules; Bob and Carol are security reviewers.
    pub async fn with_rules(setting: Setting, rules: &str) -> Office {
        let office = Office::with(setting, POLICY).await;
        let erin = User {
            id: "U0ERIN".into(),
            name: "erin".into(),
            real_name: "Erin Eder".into(),
            email: Some("erin@acme.example".into()),
            tz: "Etc/UTC".into(),
            tz_offset: 0,
            team_id: String::new(),
            deleted: false,
            is_bot: false,
        };
        office.sim.add_user(erin);
        let members = ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0ERIN", "U0P0BOT"].map(str::to_owned).to_vec();
        office.sim.add_channel(Channel {
            id: APPROVALS.into(),
            name: "access-requests".into(),
            is_private: false,
            is_archived: false,
            members,
            dm: None,
        });
        for who in ["alice", "bob", "carol", "dave"] {
            office.types(who, "ls").await;
            office.is_told(who, "postgres").await;
        }
        std::fs::write(office.folder.join("people.yaml"), PEOPLE).expect("written");
        std::fs::write(office.folder.join("oncall.yaml"), ON_CALL).expect("written");
        office.rules_are(rules).await;
        office
    }

    /// From now on the rules are these.
    pub async fn rules_are(&self, rules: &str) {
        let policy = format!("  securityReviewers: {{ people: [ bob@acme.example, carol@acme.example ] }}\n  rules:\n{rules}");
        let path = self.folder.join("p0.yaml");
        let whole = std::fs::read_to_string(&path).expect("read");
        let (before, _) = whole.split_once("policy:\n").expect("a policy");
        let sources = "directories:\n  people: { file: people.yaml }\noncall:\n  rota: { file: oncall.yaml }\n";
        std::fs::write(path, format!("{before}policy:\n{policy}{sources}")).expect("written");
        self.app.reload().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// A file beside the configuration says this, and the next press is late enough to see it.
    pub fn file_says(&self, name: &str, said: &str) {
        std::fs::write(self.folder.join(name), said).expect("written");
        self.pass(Span::seconds(2));
    }

    /// What somebody who is known is answered to a line.
    pub async fn answer(&self, who: &str, line: &str) -> String {
        let typed = self.types(who, line).await;
        assert!(typed.ok(), "{typed:?}");
        typed.ephemeral.unwrap_or_default()
    }

    /// Asks for the role with these options; gives the request and the answer.
    pub async fn asks_with(&self, who: &str, options: &str) -> (RequestId, String) {
        let before = self.own(who).len();
        let told = self.answer(who, &format!("request postgres role {} {options}", self.role)).await;
        assert!(told.starts_with("Asked for") || told.starts_with("You have"), "{told}");
        let request = self.until("their own message", async || self.own(who).get(before).cloned()).await;
        (request, told)
    }

    /// The requests that somebody has a message of, oldest first.
    pub fn own(&self, who: &str) -> Vec<RequestId> {
        let mut found: Vec<RequestId> = Vec::new();
        for request in self.sim.dms(who).expect("a person").iter().filter_map(|message| id_in(&text(message))) {
            if !found.contains(&request) {
                found.push(request);
            }
        }
        found
    }

    /// Denies it with this reason.
    pub async fn denies(&self, who: &str, request: &RequestId, reason: &str) {
        self.presses(who, request, "deny").await;
        let view = self.until("the form", async || self.sim.views(who).expect("a person").pop()).await;
        let id = view["id"].as_str().expect("an id").to_owned();
        self.sim.fill(who, &id, "reason", json!(reason)).await.expect("filled");
        let submitted = self.sim.submit(who, &id).await.expect("submitted");
        assert!(submitted.errors.is_empty() && submitted.problem.is_none(), "{submitted:?}");
    }

    /// The newest message in the approvals channel that says this.
    pub async fn in_channel(&self, part: &str) -> Value {
        self.until(&format!("the channel says {part:?}"), async || {
            self.sim.messages(APPROVALS).expect("a channel").into_iter().rfind(|message| text(message).contains(part))
        })
        .await
    }

    /// The newest own message of somebody that says this.
    pub async fn in_dm(&self, who: &str, part: &str) -> Value {
        self.until(&format!("{who} is told {part:?}"), async || {
            self.sim.dms(who).expect("a person").into_iter().rfind(|message| text(message).contains(part))
        })
        .await
    }
}
