//! What rules give without asking anybody, who is called when it is urgent, and what is asked for somebody else.

use p0::catalog::form::{Draft, Purpose};
use p0::domain::person::Email;
use p0::domain::time::{Clock, Span};

use crate::harness::office::{Office, Setting, has_button, stories, text};
use crate::harness::rules::PEOPLE;

/// These ways to a yes, for anybody and anything.
fn ways(approval: &str) -> String {
    format!("  - {{ name: prod, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {approval} ] }}\n")
}

const SRE: &str = "{ type: group, effect: keep, groups: [ { directory: people, id: sre, label: SRE } ] }";
const REVIEWERS: &str = "{ type: p0 }";
const CHECKOUT: &str = "{ type: escalation, integration: rota, services: [ checkout ] }";

impl Office {
    /// Gives it back, and it is gone.
    async fn gives_back(&self, who: &str, request: &p0::domain::id::RequestId) {
        self.dm_says(who, request, "How to use it").await;
        self.presses_own(who, request, "relinquish").await;
        self.stops_being_member(who).await;
        self.dm_says(who, request, "The access is gone").await;
    }
}

stories! {
    async fn whoever_is_on_call_is_called_when_it_is_urgent(setting: Setting) {
        let office = Office::with_rules(setting, &ways(CHECKOUT)).await;
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        let told = office.channel_says(&request, "may decide.").await;
        assert!(told.contains("Whoever is on call for checkout may decide."), "{told}");
        assert!(office.dm("bob", &request).is_none());
        let own = office.until("the button", async || office.dm("alice", &request).filter(|own| has_button(own, "escalate"))).await;
        let first = office.presses_in("alice", &own, "escalate");
        let again = office.presses_in("alice", &own, "escalate");
        tokio::join!(first, again);
        office.is_told("alice", "Bob Baker will get a message about it now.").await;
        office.is_told("alice", "They were told already").await;
        let called = office.in_dm("bob", "Alice Ahn asks for").await;
        assert!(has_button(&called, "approve") && text(&called).contains("Whoever is on call was told"), "{called}");
        office.dm_says("alice", &request, "Whoever is on call was told").await;
        office.until("it is told once", async || office.dm("alice", &request).filter(|own| !has_button(own, "escalate"))).await;
        office.presses_own("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.dm_says("bob", &request, "Approved by Bob Baker").await;
        office.channel_says(&request, "Approved by Bob Baker").await;
        office.close().await;
    }

    async fn nobody_on_call_or_nobody_knows_who(setting: Setting) {
        let office = Office::with_rules(setting, &ways(CHECKOUT)).await;
        office.file_says("oncall.yaml", "services:\n  checkout: [alice@acme.example]\n");
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.presses_own("alice", &request, "escalate").await;
        office.is_told("alice", "Nobody else is on call for this just now, so nobody was told.").await;
        std::fs::remove_file(office.folder.join("oncall.yaml")).expect("removed");
        office.pass(Span::seconds(2));
        office.presses_own("alice", &request, "escalate").await;
        let told = office.is_told("alice", "could not be looked up").await;
        assert_eq!(told, "Who is on call could not be looked up, so nobody was told. The file oncall.yaml cannot be read. Please press again in a minute.");
        // What has a mistake counts as it was before.
        office.file_says("oncall.yaml", "services:\n  checkout: [bob@acme.example]\n");
        office.presses("dave", &request, "approve").await;
        office.is_told("dave", "Only approvers").await;
        office.file_says("oncall.yaml", "services: [");
        office.presses_own("alice", &request, "escalate").await;
        office.is_told("alice", "Bob Baker will get a message about it now.").await;
        office.in_dm("bob", "Alice Ahn asks for").await;
        office.close().await;
    }

    async fn an_emergency_is_given_at_once_and_looked_at_afterwards(setting: Setting) {
        let office = Office::with_rules(setting, &ways(&format!("{REVIEWERS}, {{ type: break-glass }}"))).await;
        let told = office.answer("carol", &format!("request postgres role {} --break-glass", office.role)).await;
        assert_eq!(told, "Say why you need this; the access policy \"prod\" requires a reason.");
        let (request, told) = office.asks_with("carol", "--break-glass --reason \"checkout is down\"").await;
        assert!(told.ends_with("for 1 hour as soon as it works: an emergency, by the access policy \"prod\". You will get a message."), "{told}");
        office.becomes_member("carol").await;
        let told = office.channel_says(&request, "PostgreSQL emergency access").await;
        assert!(told.contains("Carol Cruz asked for") && told.contains("checkout is down"), "{told}");
        assert!(told.contains("Given without asking anybody: an emergency, by the access policy \"prod\"."), "{told}");
        office.dm_says("carol", &request, "PostgreSQL emergency access ready to use").await;
        let alert = office.in_channel("Emergency access, please look at it").await;
        assert!(text(&alert).contains("for Carol Cruz: it was given at once, as an emergency. The reason given: checkout is down."), "{alert}");
        office.presses_in("carol", &alert, "reviewed").await;
        office.is_told("carol", "It was your own emergency; somebody else has to look at it.").await;
        office.presses_in("dave", &alert, "reviewed").await;
        office.is_told("dave", "Only security reviewers can do this").await;
        assert!(has_button(&office.now(&alert), "reviewed"));
        office.presses_in("bob", &alert, "reviewed").await;
        let closed = office.in_channel("Emergency access, looked at").await;
        assert_eq!(closed["ts"], alert["ts"]);
        assert!(text(&closed).contains("Bob Baker looked at it") && text(&closed).contains("checkout is down"), "{closed}");
        assert!(!has_button(&closed, "reviewed"));
        office.rules_are(&ways(REVIEWERS)).await;
        let told = office.answer("alice", &format!("request postgres role {} --break-glass --reason now", office.role)).await;
        assert_eq!(told, "No access policy lets you have this as an emergency. Ask without `--break-glass`.");
        assert_eq!(office.requests().len(), 1, "nobody is told of that");
        office.pass(Span::minutes(61));
        office.stops_being_member("carol").await;
        office.close().await;
    }

    async fn what_was_allowed_ahead_of_time_is_given_at_once_until_it_is_taken_back(setting: Setting) {
        let office = Office::with_rules(setting, &ways(SRE)).await;
        let line = format!("allow postgres role {} --to alice@acme.example --length 1w --request-duration 2h --reason \"on call\"", office.role);
        let told = office.answer("dave", &line).await;
        assert_eq!(told, "Only somebody who may approve this alone can allow it ahead of time, and you are not one of them.");
        let told = office.answer("bob", &line).await;
        assert!(told.starts_with("Allowed ahead of time: Alice Ahn can have role") && told.ends_with("each time for at most 2 hours."), "{told}");
        let channel = office.in_channel("Bob Baker allowed Alice Ahn ahead of time").await;
        assert!(has_button(&channel, "end_preapproval") && text(&channel).contains("on call"), "{channel}");
        let own = office.in_dm("alice", "Bob Baker allowed you ahead of time").await;
        assert!(text(&own).contains("you can ask for it and get it at once, each time for at most 2 hours."), "{own}");
        assert!(!has_button(&own, "end_preapproval"));
        let issuer = office.in_dm("bob", "You allowed Alice Ahn ahead of time").await;
        assert!(has_button(&issuer, "end_preapproval"));
        assert!(office.sim.dms("carol").expect("carol").is_empty() && !office.is_member("alice").await);

        let (request, told) = office.asks_with("alice", "--duration 2h --reason INC-42").await;
        assert!(told.contains("for 2 hours as soon as it works: allowed ahead of time by Bob Baker."), "{told}");
        office.becomes_member("alice").await;
        let told = office.channel_says(&request, "Approved by Bob Baker").await;
        assert!(told.contains("Given without asking anybody: allowed ahead of time by Bob Baker."), "{told}");
        office.gives_back("alice", &request).await;
        office.presses_in("dave", &channel, "end_preapproval").await;
        office.is_told("dave", "Only approvers").await;
        office.presses_in("bob", &issuer, "end_preapproval").await;
        for who in ["alice", "bob"] {
            let told = office.in_dm(who, "That was taken back").await;
            assert!(!has_button(&told, "end_preapproval"), "{told}");
        }
        office.in_channel("That was taken back").await;
        let (request, told) = office.asks_with("alice", "--reason INC-43").await;
        assert!(told.starts_with("Asked for"), "{told}");
        office.presses_own("alice", &request, "withdraw").await;
        office.channel_says(&request, "took it back").await;

        office.answer("bob", &line).await;
        office.file_says("people.yaml", &PEOPLE.replace("[bob@acme.example, carol@acme.example]", "[carol@acme.example]"));
        let (_, told) = office.asks_with("alice", "--reason INC-44").await;
        assert!(told.starts_with("Asked for"), "Bob left the group, so what he allowed does not count: {told}");
        office.close().await;
    }

    async fn who_asks_for_somebody_is_not_told_what_that_one_was_allowed(setting: Setting) {
        let office = Office::with_rules(setting, &ways(SRE)).await;
        let told = office.answer("bob", &format!("allow postgres role {} --to alice@acme.example --length 1w --request-duration 1h", office.role)).await;
        assert!(told.starts_with("Allowed ahead of time"), "{told}");
        office.answer("dave", "help").await;
        let preview = async |who: &str, purpose: Purpose| {
            let person = async |name: &str| {
                let email = Email::parse(&format!("{name}@acme.example")).expect("an address");
                office.app.desk.with_address(&email).await.expect("read").expect("known")
            };
            let values = [("role".to_owned(), office.role.clone())].into();
            let named = |name: &str| Some(name.to_owned());
            let draft = Draft { purpose, integration: named("postgres"), access_type: named("role"), to: (purpose == Purpose::Grant).then(|| "alice@acme.example".to_owned()), values, ..Draft::default() };
            let told = office.app.desk.preview(&person(who).await, &person("alice").await, &draft).await;
            told.expect("judged").expect("complete")
        };
        assert_eq!(preview("alice", Purpose::Request).await, "Nobody has to approve this: you have it at once, for at most 1 hour.");
        assert_eq!(preview("dave", Purpose::Grant).await, "2 people can approve this.");
        assert_eq!(preview("bob", Purpose::Grant).await, "One person can approve this.", "not who asks");
        office.close().await;
    }

    async fn both_are_reminded_two_weeks_before_what_was_allowed_ends(setting: Setting) {
        let office = Office::with_rules(setting, &ways(SRE)).await;
        let allow = |whom: &str| format!("allow postgres role {} --to {whom}@acme.example --length 30d --request-duration 1h", office.role);
        office.answer("bob", &allow("alice")).await;
        office.in_dm("alice", "Bob Baker allowed you ahead of time").await;
        office.answer("carol", &allow("dave")).await;
        let taken_back = office.in_dm("carol", "You allowed Dave Diaz ahead of time").await;
        let soon = |who: &str| office.sim.dms(who).expect("a person").iter().filter(|it| text(it).contains("ending soon")).count();
        office.pass(Span::days(15));
        office.presses_in("carol", &taken_back, "end_preapproval").await;
        office.in_dm("dave", "That was taken back").await;
        assert_eq!(["alice", "bob", "carol", "dave"].map(soon), [0; 4]);
        office.pass(Span::days(2));
        let told = office.in_dm("alice", "If you need it for longer, ask Bob Baker to allow it again.").await;
        assert!(text(&told).contains("What Bob Baker allowed you ends <!date^"), "{told}");
        office.in_dm("bob", "What you allowed Alice Ahn ends").await;
        office.until("everything told", async || (office.store_counts("notices WHERE shown < wanted").await == 0).then_some(())).await;
        assert_eq!(["alice", "bob", "carol", "dave"].map(soon), [1, 1, 0, 0], "what was taken back does not end");
        office.close().await;
    }

    async fn where_it_must_be_allowed_ahead_of_time_it_counts_in_its_window(setting: Setting) {
        let approval = SRE.replace(" ] }", " ], options: { requirePreapproval: true } }");
        let office = Office::with_rules(setting, &ways(&approval)).await;
        let ask = format!("request postgres role {} --duration 1h --reason INC-42", office.role);
        let refused = "This can only be had when it was allowed ahead of time. Ask somebody who may approve it to do so: `/p0 allow`.";
        assert!(office.answer("alice", &ask).await.starts_with(refused));
        let tomorrow = (office.clock.now() + Span::days(1)).typed();
        let allow = format!("allow postgres role {} --to <@U0ALICE|alice> --length 1d --request-duration 1h --start {tomorrow}", office.role);
        assert!(office.answer("bob", &allow).await.starts_with("Allowed ahead of time"));
        let own = office.in_dm("alice", "Bob Baker allowed you ahead of time").await;
        assert!(text(&own).contains("From <!date^"), "{own}");
        assert!(office.answer("alice", &ask).await.starts_with(refused), "its time did not come yet");
        assert!(office.requests().is_empty(), "nobody is told");
        office.pass(Span::hours(25));
        let (request, told) = office.asks_with("alice", "--duration 1h --reason INC-42").await;
        assert!(told.contains("allowed ahead of time by Bob Baker"), "{told}");
        office.becomes_member("alice").await;
        office.gives_back("alice", &request).await;
        office.pass(Span::hours(24));
        assert!(office.answer("alice", &ask).await.starts_with(refused), "its time is over");
        office.close().await;
    }

    async fn access_for_somebody_else_is_theirs_and_both_are_told(setting: Setting) {
        let office = Office::with_rules(setting, &ways(SRE)).await;
        for (to, who_ends) in [("dave@acme.example", "dave"), ("<@U0DAVE|dave>", "alice")] {
            let before = office.own("dave").len();
            let told = office.answer("alice", &format!("grant postgres role {} --to {to} --reason \"INC-42 for {who_ends}\"", office.role)).await;
            assert!(told.contains(" for Dave Diaz. You will get a message"), "{told}");
            let request = office.until("dave's message", async || office.own("dave").get(before).cloned()).await;
            let told = office.channel_says(&request, "may decide.").await;
            assert!(told.contains("Alice Ahn asks for PostgreSQL access for Dave Diaz: role"), "{told}");
            let told = office.dm_says("dave", &request, "Alice Ahn asked for PostgreSQL access for you: role").await;
            assert!(told.contains("INC-42"), "{told}");
            assert!(!has_button(&office.dm("dave", &request).expect("there"), "withdraw"), "that is for whoever asked");
            office.dm_says("alice", &request, "You asked for PostgreSQL access for Dave Diaz").await;
            office.presses("bob", &request, "approve").await;
            office.becomes_member("dave").await;
            office.dm_says("dave", &request, "You can use it now").await;
            office.dm_says("alice", &request, "In use by Dave Diaz").await;
            office.presses_own(who_ends, &request, "relinquish").await;
            office.stops_being_member("dave").await;
            let name = if who_ends == "dave" { "Dave Diaz" } else { "Alice Ahn" };
            office.channel_says(&request, &format!("{name} gave it back")).await;
            office.dm_says(who_ends, &request, "You gave it back").await;
            office.channel_says(&request, "The access is gone").await;
        }
        assert!(!office.is_member("alice").await);
        office.close().await;
    }

    async fn the_rules_look_at_whoever_is_to_receive_it(setting: Setting) {
        let rules = ways(SRE).replace("requestor: { type: any }", "requestor: { type: user, uid: carol@acme.example }");
        let office = Office::with_rules(setting, &rules).await;
        let grant = |whom: &str| format!("grant postgres role {} --to {whom}@acme.example --reason INC-42", office.role);
        let told = office.answer("alice", &grant("dave")).await;
        assert_eq!(told, "Dave Diaz cannot have this. No access policy matches this.");
        assert!(office.requests().is_empty() && office.own("dave").is_empty(), "nobody is told");
        assert!(office.answer("alice", &grant("carol")).await.starts_with("Asked for"));
        let request = office.until("the message", async || office.requests().pop()).await;
        office.presses("carol", &request, "approve").await;
        office.is_told("carol", "You cannot approve your own request, or access for yourself; another approver has to.").await;
        office.presses("bob", &request, "approve").await;
        office.becomes_member("carol").await;
        office.close().await;
    }

    async fn what_is_always_open_is_given_at_once_each_time(setting: Setting) {
        let rules = ways("{ type: persistent }").replace("name: prod", "maxDuration: 2h, name: prod");
        let office = Office::with_rules(setting, &rules).await;
        let told = office.answer("alice", &format!("request postgres role {} --duration 3h", office.role)).await;
        assert!(told.contains("The longest you can ask for is 2 hours"), "{told}");
        let (request, told) = office.asks_with("alice", "--duration 2h").await;
        assert!(told.ends_with("for 2 hours as soon as it works: no approval is needed, by the access policy \"prod\". You will get a message."), "{told}");
        office.becomes_member("alice").await;
        office.dm_says("alice", &request, "How to use it").await;
        let told = office.channel_says(&request, "Given without asking anybody").await;
        assert!(told.contains("Approved by the access policy"), "{told}");
        office.pass(Span::minutes(121));
        office.stops_being_member("alice").await;
        office.dm_says("alice", &request, "The access is gone").await;
        let (again, _) = office.asks_with("alice", "").await;
        office.becomes_member("alice").await;
        assert_ne!(again, request);
        office.close().await;
    }

    async fn whoever_is_on_call_has_it_at_once_and_whoever_is_not_asks(setting: Setting) {
        let office = Office::with_rules(setting, &ways(&format!("{{ type: auto, integration: rota }}, {SRE}"))).await;
        office.file_says("oncall.yaml", "services:\n  checkout: [alice@acme.example]\n");
        let (request, told) = office.asks_with("alice", "--reason INC-42").await;
        assert!(told.contains("for 1 hour as soon as it works: on call in rota, by the access policy \"prod\"."), "{told}");
        office.becomes_member("alice").await;
        office.gives_back("alice", &request).await;
        let (request, told) = office.asks_with("alice", "--reason INC-42 --duration 8h").await;
        assert!(told.contains("for 1 hour as soon as it works"), "{told}");
        assert!(told.ends_with("You will get a message. You asked for 8 hours; without an approver it is 1 hour."), "{told}");
        office.becomes_member("alice").await;
        office.gives_back("alice", &request).await;
        office.file_says("oncall.yaml", "services:\n  checkout: [bob@acme.example]\n");
        let (request, told) = office.asks_with("alice", "--reason INC-43").await;
        assert!(told.starts_with("Asked for"), "{told}");
        office.channel_says(&request, "Somebody of SRE may decide.").await;
        office.close().await;
    }
}
