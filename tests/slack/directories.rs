//! A file that says who people are and which groups they are in, and what comes of changing it.

use p0::domain::person::{Email, Handle};
use p0::domain::time::Span;
use p0::playground::User;

use crate::harness::office::{Office, POLICY, Setting, stories};

const BY_GROUP: &str = "policy:\n  approvers: { groups: [ 'people:sec' ] }\ndirectories:\n  people: { file: people.yaml }\n";

const PEOPLE: &str = "people:
  - { email: dave@acme.example, slack: U0DAVE }
groups:
  - { id: sec, groups: [night] }
  - { id: night, members: [bob@acme.example, dave@acme.example], groups: [sec] }
";

/// An office whose approvers are a group of a file, which a change of the configuration names.
async fn office_with_a_file(setting: Setting) -> Office {
    let office = Office::with(setting, POLICY).await;
    writes(&office, PEOPLE);
    let config = office.folder.join("p0.yaml");
    let text = std::fs::read_to_string(&config).expect("read").replace(POLICY, BY_GROUP);
    std::fs::write(config, text).expect("written");
    office.app.reload().await.expect("taken over");
    office
}

/// The file says this, and the next press is late enough to see it.
fn writes(office: &Office, text: &str) {
    std::fs::write(office.folder.join("people.yaml"), text).expect("written");
    office.pass(Span::seconds(2));
}

stories! {
    async fn a_file_says_who_approves_and_a_change_counts_at_the_next_press(setting: Setting) {
        let office = office_with_a_file(setting).await;
        let first = office.asks("alice").await;
        office.channel_says(&first, "The people group sec may decide.").await;
        office.presses("carol", &first, "approve").await;
        office.is_told("carol", "Only approvers").await;
        office.presses("bob", &first, "approve").await;
        office.becomes_member("alice").await;

        let second = office.asks("carol").await;
        writes(&office, &PEOPLE.replace("bob@acme.example, ", ""));
        office.presses("bob", &second, "approve").await;
        office.is_told("bob", "Only approvers").await;
        writes(&office, "people: [");
        office.presses("dave", &second, "approve").await;
        office.becomes_member("carol").await;

        let third = office.asks("bob").await;
        std::fs::remove_file(office.folder.join("people.yaml")).expect("removed");
        office.pass(Span::seconds(2));
        office.presses("dave", &third, "approve").await;
        let told = office.is_told("dave", "could not be checked").await;
        assert!(told.contains("The file people.yaml cannot be read. Please press again in a minute."), "{told}");
        assert!(office.app.store.decisions(&third).await.expect("read").is_empty());
        writes(&office, PEOPLE);
        office.presses("dave", &third, "approve").await;
        office.becomes_member("bob").await;
        office.close().await;
    }

    async fn somebody_with_another_address_in_slack_is_known_by_their_account(setting: Setting) {
        let office = office_with_a_file(setting).await;
        let dave = User { id: "U0DAVE".into(), name: "dave".into(), real_name: "Dave Diaz".into(), email: Some("dd@contractor.example".into()),
            tz: "Etc/UTC".into(), tz_offset: 0, team_id: String::new(), deleted: false, is_bot: false };
        office.sim.add_user(dave);
        let request = office.asks("alice").await;
        std::fs::remove_file(office.folder.join("people.yaml")).expect("removed");
        office.pass(Span::seconds(2));
        office.presses("dave", &request, "approve").await;
        office.is_told("dave", "Who you are could not be checked just now, so nothing was done: The file people.yaml cannot be read.").await;
        let handle = Handle { surface: "slack".into(), realm: "T0P0DEMO".into(), handle: "U0DAVE".into() };
        assert_eq!(office.app.desk.who(&handle).await.expect("read"), None);

        writes(&office, PEOPLE);
        office.presses("dave", &request, "approve").await;
        office.becomes_member("alice").await;
        let dave = office.app.desk.who(&handle).await.expect("read").expect("linked");
        assert_eq!((dave.email, dave.name.as_str()), (Email::parse("dave@acme.example"), "Dave Diaz"));
        office.close().await;
    }
}
