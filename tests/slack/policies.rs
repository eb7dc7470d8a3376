//! Who decides by rules: several people, one after the other, in somebody's place, and by what counts now.

use p0::domain::id::RequestId;
use p0::domain::time::Span;
use p0::playground::{Fault, Press, PressTarget, Trouble};
use serde_json::json;

use crate::harness::office::{Office, Setting, has_button, stories, text};

/// Two of a group, then one person.
const QUORUM: &str = "  - name: two-then-dave
    requestor: { type: any }
    resource: { type: any }
    approval:
      - type: steps
        steps:
          - { count: 2, approvers: [ { type: group, effect: keep, groups: [ { directory: people, id: sre, label: SRE } ] } ] }
          - { approvers: [ { type: user, uid: dave@acme.example } ] }
";

/// One person decides.
fn by(who: &str) -> String {
    format!(
        "  - {{ name: prod, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {{ type: user, uid: {who}@acme.example }} ] }}\n"
    )
}

/// One of the team is asked, then two more, then the channel.
const LADDER: &str = "  - name: prod
    requestor: { type: any }
    resource: { type: any }
    approval:
      - { type: group, effect: keep, groups: [ { directory: people, id: team } ], ask: { people: [1, 2], every: 10m } }
";

const TEAM: [&str; 4] = ["bob", "carol", "dave", "erin"];

/// Who of the team has a message of their own about it.
fn asked(office: &Office, request: &RequestId) -> Vec<&'static str> {
    TEAM.into_iter().filter(|who| office.dm(who, request).is_some()).collect()
}

/// Waits until so many of the team have a message of their own about it.
async fn so_many_are_asked(office: &Office, request: &RequestId, wanted: usize) -> Vec<&'static str> {
    office.until(&format!("{wanted} are asked"), async || Some(asked(office, request)).filter(|all| all.len() == wanted)).await
}

stories! {
    async fn two_of_a_group_then_the_owner_and_the_shortest_length_counts(setting: Setting) {
        let office = Office::with_rules(setting, QUORUM).await;
        let (request, told) = office.asks_with("alice", "--duration 2h --reason INC-42").await;
        assert!(told.starts_with("Asked for role"), "{told}");
        let told = office.channel_says(&request, "2 yeses are needed from somebody of SRE. After that: dave@acme.example.").await;
        assert!(told.contains("By the access policy \"two-then-dave\"."), "{told}");
        office.dm_says("alice", &request, "2 yeses are needed from somebody of SRE.").await;

        office.presses("dave", &request, "approve").await;
        office.is_told("dave", "It is not your turn yet; first somebody of SRE has to say yes.").await;
        office.presses("bob", &request, "approve").await;
        office.is_told("bob", "Your yes counts; one more yes is needed from somebody of SRE (step 1 of 2).").await;
        office.channel_says(&request, "Bob Baker said yes. One more yes is needed from somebody of SRE.").await;
        office.dm_says("alice", &request, "Bob Baker said yes.").await;
        office.presses("bob", &request, "approve").await;
        office.is_told("bob", "You said yes to this already; now somebody else has to").await;
        let message = office.approval(&request);
        let target = || PressTarget::message("C0REQUESTS", message["ts"].as_str().expect("a ts"));
        office.sim.select("carol", target(), Press::from("duration"), json!("1800000")).await.expect("chosen");
        office.presses("carol", &request, "approve").await;
        office.is_told("carol", "Your yes counts; one more yes is needed from dave@acme.example (step 2 of 2).").await;
        office.channel_says(&request, "Bob Baker and Carol Cruz said yes. One more yes is needed from Dave Diaz.").await;
        assert!(!office.is_member("alice").await);
        office.presses("dave", &request, "approve").await;
        office.becomes_member("alice").await;
        let mut session = office.session("alice").await;
        assert!(office.can_read(&mut session).await);
        office.dm_says("alice", &request, "How to use it").await;
        office.channel_says(&request, "Approved by Bob Baker, Carol Cruz and Dave Diaz").await;
        office.dm_says("alice", &request, "Approved by Bob Baker, Carol Cruz and Dave Diaz").await;
        assert!(office.sim.dms("dave").expect("dave").is_empty(), "only who asked has a message");
        office.pass(Span::minutes(31));
        office.stops_being_member("alice").await;
        office.channel_says(&request, "The access is gone").await;
        office.close().await;
    }

    async fn presses_at_the_same_moment_lose_nothing_and_are_one_outcome(setting: Setting) {
        let rules = QUORUM.replace("[ { type: user, uid: dave@acme.example } ]", "[ { type: user, uid: dave@acme.example }, { type: user, uid: erin@acme.example } ]");
        let office = Office::with_rules(setting, &rules).await;
        for round in 0..5 {
            let (request, _) = office.asks_with("alice", "--duration 20m --reason INC-42").await;
            let message = office.until("the message", async || office.copies(&request).pop()).await;
            tokio::join!(office.presses_in("bob", &message, "approve"), office.presses_in("carol", &message, "approve"));
            for who in ["bob", "carol"] {
                let counted = || {
                    let told = office.sim.ephemerals(who).expect("a person");
                    let told: Vec<String> = told.iter().map(text).collect();
                    assert!(!told.iter().any(|told| told.contains("in a minute")), "{who} was told {told:?}");
                    told.iter().filter(|told| told.contains("Your yes counts")).count()
                };
                office.until(&format!("the yes of {who} counts"), async || (counted() == round + 1).then_some(())).await;
            }
            office.channel_says(&request, "said yes. One more yes is needed from Dave Diaz").await;
            tokio::join!(office.presses_in("dave", &message, "approve"), office.presses_in("erin", &message, "approve"));
            office.channel_says(&request, "Approved by").await;
            let late = || {
                let told = ["dave", "erin"].map(|who| office.sim.ephemerals(who).expect("a person"));
                let told: Vec<String> = told.iter().flatten().map(text).filter(|told| !told.contains("/p0 ls")).collect();
                let known = |told: &&String| !told.contains("approved this already");
                assert_eq!(told.iter().find(known), None, "whoever is too late is told so and nothing else");
                told.len()
            };
            office.until("one of them is too late", async || (late() == round + 1).then_some(())).await;
            let decisions = office.app.store.decisions(&request).await.expect("read");
            assert_eq!(decisions.len(), 3, "{decisions:?}");
            assert_eq!(office.record(&request).await.iter().filter(|what| *what == "request.approved").count(), 1);
        }
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn one_no_in_the_middle_ends_it(setting: Setting) {
        let office = Office::with_rules(setting, QUORUM).await;
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.presses("bob", &request, "approve").await;
        office.channel_says(&request, "Bob Baker said yes").await;
        office.denies("dave", &request, "Not before the freeze is over.").await;
        let told = office.dm_says("alice", &request, "Denied by Dave Diaz").await;
        assert!(told.contains("Not before the freeze is over.") && told.contains("Bob Baker had said yes."), "{told}");
        let told = office.channel_says(&request, "Denied by Dave Diaz").await;
        assert!(told.contains("Bob Baker had said yes."), "{told}");
        assert!(!has_button(&office.approval(&request), "approve"));
        assert!(!office.is_member("alice").await);
        office.close().await;
    }

    async fn whoever_asked_does_not_deny_it_but_takes_it_back(setting: Setting) {
        let office = Office::with_rules(setting, QUORUM).await;
        let (request, _) = office.asks_with("bob", "--reason INC-42").await;
        office.denies("bob", &request, "I changed my mind.").await;
        office.until("bob is told", async || {
            office.sim.views("bob").expect("bob").pop().filter(|view| view.to_string().contains("You cannot deny your own request"))
        }).await;
        office.presses_own("bob", &request, "withdraw").await;
        office.channel_says(&request, "took it back").await;
        office.close().await;
    }

    async fn one_is_asked_then_two_more_then_the_channel(setting: Setting) {
        let office = Office::with_rules(setting, LADDER).await;
        let (request, _) = office.asks_with("alice", "--duration 1h --reason INC-42").await;
        let first = so_many_are_asked(&office, &request, 1).await;
        assert!(office.requests().is_empty(), "the channel is left alone");
        let told = office.in_dm(first[0], "Alice Ahn asks for").await;
        assert!(has_button(&told, "approve") && text(&told).contains("INC-42"), "{told}");
        office.hurry(Span::minutes(7)).await;
        assert_eq!(asked(&office, &request), first);
        office.pass(Span::minutes(3));
        let three = so_many_are_asked(&office, &request, 3).await;
        assert!(three.contains(&first[0]) && office.requests().is_empty());
        office.pass(Span::minutes(10));
        office.until("the channel is asked", async || office.copies(&request).pop()).await;
        assert_eq!(asked(&office, &request).len(), 3, "the last of them reads it in the channel");
        office.presses_own(first[0], &request, "approve").await;
        office.becomes_member("alice").await;
        for who in three {
            office.dm_says(who, &request, "Approved by").await;
        }
        office.channel_says(&request, "Approved by").await;

        let (next, _) = office.asks_with("alice", "--duration 2h --reason INC-43").await;
        let turn = so_many_are_asked(&office, &next, 1).await;
        assert_ne!(turn, first, "it is somebody else's turn");
        office.presses_own(turn[0], &next, "approve").await;
        office.dm_says("alice", &next, "Approved by").await;
        office.pass(Span::minutes(11));
        office.dm_says(turn[0], &next, "in use").await;
        office.hurry(Span::minutes(11)).await;
        office.hurry(Span::minutes(1)).await;
        assert_eq!((asked(&office, &next), office.copies(&next)), (turn, Vec::new()), "nobody else is told");
        office.close().await;
    }

    async fn somebody_decides_in_the_place_of_whoever_is_away(setting: Setting) {
        let office = Office::with_rules(setting, &by("bob")).await;
        let told = office.answer("bob", "away --to dave@acme.example --length 1w").await;
        assert!(told.starts_with("Dave Diaz decides in your place until"), "{told}");
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.channel_says(&request, "Bob Baker or Dave Diaz (in for Bob Baker) may decide.").await;
        office.presses("carol", &request, "approve").await;
        office.is_told("carol", "Only approvers can do this").await;
        office.presses("dave", &request, "approve").await;
        office.becomes_member("alice").await;
        office.channel_says(&request, "Approved by Dave Diaz (in for Bob Baker)").await;
        office.dm_says("alice", &request, "Approved by Dave Diaz (in for Bob Baker)").await;

        let (own, _) = office.asks_with("dave", "--reason INC-43").await;
        office.presses("dave", &own, "approve").await;
        office.is_told("dave", "You cannot approve your own request").await;
        let told = office.answer("bob", &format!("request postgres role {} --reason INC-44", office.role)).await;
        assert!(told.starts_with("Nobody can approve this"), "not even in his own place: {told}");
        assert!(office.answer("bob", "back").await.starts_with("You decide yourself; nobody does in your place."));
        let (after, _) = office.asks_with("alice", "--duration 2h --reason INC-45").await;
        let before = office.sim.ephemerals("dave").expect("dave").len();
        office.presses("dave", &after, "approve").await;
        office.until("dave is refused", async || (before < office.sim.ephemerals("dave").expect("dave").len()).then_some(())).await;
        assert_eq!(office.app.store.decisions(&after).await.expect("read").len(), 0);
        office.presses("bob", &after, "approve").await;
        office.channel_says(&after, "Approved by Bob Baker").await;

        office.answer("bob", "away --to dave@acme.example").await;
        let ladder = by("bob").replace("uid: bob@acme.example", "uid: bob@acme.example, ask: { people: [1], every: 10m }");
        office.rules_are(&ladder).await;
        let (quiet, _) = office.asks_with("alice", "--duration 3h --reason INC-46").await;
        assert_eq!(so_many_are_asked(&office, &quiet, 1).await, ["dave"]);
        office.presses_own("dave", &quiet, "approve").await;
        office.dm_says("alice", &quiet, "Approved by Dave Diaz").await;
        office.close().await;
    }

    /// Slack could not be written to while the rules changed, so the button is of before.
    async fn a_press_on_what_was_shown_before_a_change_decides_nothing(setting: Setting) {
        let office = Office::with_rules(setting, &by("bob")).await;
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.channel_says(&request, "Bob Baker may decide.").await;
        office.sim.faults([Fault::new("chat.update", Trouble::Error { error: "fatal_error".into() }).times(1000)]);
        office.rules_are(&QUORUM.replace("count: 2", "count: 1").replace("id: sre, label: SRE", "id: team, label: Team")).await;
        assert!(office.presses("bob", &request, "approve").await.ok());
        office.is_told("bob", "changed after this was written, so nothing was decided").await;
        assert!(office.app.store.decisions(&request).await.expect("read").is_empty());

        office.sim.forget_faults();
        office.pass(Span::minutes(5));
        let now = "One yes is needed from somebody of Team. After that: dave@acme.example.";
        office.channel_says(&request, now).await;
        office.presses("bob", &request, "approve").await;
        office.is_told("bob", "Your yes counts").await;
        // Of the others' yeses nothing is bound: two may press at the same moment.
        office.presses("dave", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }

    async fn what_became_stricter_meanwhile_counts_as_it_is_now(setting: Setting) {
        let office = Office::with_rules(setting, &by("bob")).await;
        let (request, _) = office.asks_with("alice", "--reason INC-42").await;
        office.channel_says(&request, "Bob Baker may decide.").await;
        office.rules_are(&by("carol")).await;
        let told = office.channel_says(&request, "The access policies became stricter since this was asked").await;
        assert!(told.contains("Carol Cruz may decide."), "{told}");
        office.dm_says("alice", &request, "Waiting for Carol Cruz to decide").await;
        let bob = by("dave").replace("prod", "other") + &by("carol");
        office.rules_are(&bob).await;
        office.channel_says(&request, "Dave Diaz or Carol Cruz may decide.").await;
        office.presses("bob", &request, "approve").await;
        office.is_told("bob", "Only approvers can do this, and you are not one for this request.").await;
        office.presses("carol", &request, "approve").await;
        office.becomes_member("alice").await;

        let (next, _) = office.asks_with("alice", "--duration 2h --reason INC-43").await;
        office.until("the message", async || office.copies(&next).pop()).await;
        let denied = "  - { name: freeze, requestor: { type: any }, resource: { type: any }, approval: [ { type: deny } ] }\n";
        office.rules_are(denied).await;
        let why = "The access policy \"freeze\" denies this.";
        office.channel_says(&next, &format!("Nobody can say yes to this as the access policies are now. {why}")).await;
        office.dm_says("alice", &next, why).await;
        office.presses("carol", &next, "approve").await;
        office.is_told("carol", &format!("Nobody can approve this as the access policies are now. {why}")).await;
        assert_eq!(office.app.store.decisions(&next).await.expect("read").len(), 0);
        office.close().await;
    }
}
