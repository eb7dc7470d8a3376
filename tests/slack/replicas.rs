//! Two replicas on one PostgreSQL: whoever gets a press, there is one outcome and one message.

use p0::domain::time::Span;
use p0::playground::AppUrls;

use crate::harness::office::{Office, POLICY, POSTGRES_15, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presses_go_to_either_and_nothing_is_done_twice() {
    let mut office = Office::open(POSTGRES_15).await;
    let other = office.replica().await;
    other.desk.refresh_choices().await;
    let mut requests = Vec::new();
    for (turn, who) in ["alice", "dave", "alice", "dave"].into_iter().enumerate() {
        office.turn_to(turn % 2);
        let request = office.asks(who).await;
        // One approver's Slack reaches one replica, the other's the other, at the same moment.
        let one = office.presses("bob", &request, "approve");
        let two = async {
            office.turn_to((turn + 1) % 2);
            office.presses("carol", &request, "approve").await
        };
        let (one, two) = tokio::join!(one, two);
        assert!(one.ok() && two.ok() && one.url != two.url);
        office.dm_says(who, &request, "How to use it").await;
        office.channel_says(&request, "In use by").await;
        assert_eq!(office.app.store.decisions(&request).await.expect("read").len(), 1);
        requests.push((who, request));
        if turn % 2 == 1 {
            office.pass(Span::minutes(62));
            for (who, request) in &requests {
                office.stops_being_member(who).await;
                office.dm_says(who, request, "The access is gone").await;
                office.channel_says(request, "access ended").await;
                assert_eq!(office.messages_of(who, request), 2, "{}", office.channel());
            }
            office.pass(Span::seconds(15));
            office.nothing_is_left().await;
        }
    }
    for (_, request) in &requests {
        let record = office.record(request).await;
        assert_eq!(record, ["request.asked", "request.approved", "request.usable", "grant.ended"]);
    }
    office.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_dies_the_other_goes_on() {
    let office = Office::unattended(POSTGRES_15, POLICY).await;
    let mut dies = office.starts(Some("engine.after-grant:0")).await;
    let request = office.asks("alice").await;
    office.presses("bob", &request, "approve").await;
    office.until("one is dead", async || dies.is_dead().then_some(())).await;
    let stays = office.starts(None).await;
    let mut third = office.starts(None).await;
    office.leases_run_out().await;
    office.dm_says("alice", &request, "How to use it").await;
    third.kill();
    let to = |urls: &AppUrls| office.sim.set_app(urls.clone());
    to(&third.urls);
    assert!(!office.presses_own("alice", &request, "relinquish").await.ok(), "nobody is there");
    to(&stays.urls);
    office.leases_run_out().await;
    office.presses_own("alice", &request, "relinquish").await;
    office.stops_being_member("alice").await;
    office.dm_says("alice", &request, "The access is gone").await;
    let told = office.channel_says(&request, "access ended").await;
    assert!(told.contains("gave it back"), "{told}");
    assert_eq!(office.copies(&request).iter().filter(|copy| text(copy).contains("access ended")).count(), 1);
    drop((dies, stays, third));
    office.close().await;
}
