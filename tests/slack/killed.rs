//! The program itself, killed at a named place and started again. Whatever it was doing: one decision,
//! one access, gone at the end, and no button that lies.

use p0::domain::id::RequestId;
use p0::domain::time::Clock;
use serde_json::Value;

use crate::harness::office::{Office, POLICY, Setting, either_way, has_button, stories, text};
use crate::harness::process::Process;

/// What the program is at when it dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum During {
    Asking,
    Approving,
    Ending,
}

/// An office whose program is started again whenever it is found dead.
struct Survivor {
    office: Office,
    p0: Process,
    deaths: usize,
}

impl Survivor {
    async fn open(setting: Setting) -> Survivor {
        let office = Office::unattended(setting, POLICY).await;
        let p0 = office.starts(None).await;
        for who in ["alice", "bob"] {
            office.types(who, "help").await;
            office.is_told(who, "request").await;
        }
        Survivor { office, p0, deaths: 0 }
    }

    /// From now on it dies at this place, once.
    async fn will_die_at(&mut self, place: &str) {
        self.until("all messages are up to date", async |office| {
            for request in office.requests() {
                let notices = office.app.store.notices_of(&request).await.expect("read");
                let now = office.clock.now(); // a reminder waits for its time
                let due = notices.iter().filter(|notice| notice.not_before <= now);
                if due.into_iter().any(|notice| notice.posted.is_none() || notice.shown < notice.wanted) {
                    return None;
                }
            }
            Some(())
        })
        .await;
        self.p0.kill();
        self.office.leases_run_out().await;
        self.p0 = self.office.starts(Some(place)).await;
    }

    async fn revive(&mut self) {
        if self.p0.is_dead() {
            self.deaths += 1;
            self.office.leases_run_out().await;
            self.p0 = self.office.starts(None).await;
        }
    }

    async fn until<T>(&mut self, what: &str, mut check: impl AsyncFnMut(&Office) -> Option<T>) -> T {
        for _ in 0..2000 {
            self.revive().await;
            if let Some(found) = check(&self.office).await {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        let log = std::fs::read_to_string(self.office.folder.join("p0.log")).unwrap_or_default();
        panic!("never so: {what}\nin the channel: {}\n{log}", self.office.channel());
    }

    /// Presses as people do: what was not taken is pressed again.
    async fn presses(&mut self, who: &str, action: &str, find: impl Fn(&Office) -> Option<Value>) {
        loop {
            self.revive().await;
            match find(&self.office).filter(|message| has_button(message, action)) {
                Some(message) if !self.office.presses_in(who, &message, action).await.ok() => {}
                Some(_) | None => return,
            }
        }
    }

    async fn asks(&mut self) -> RequestId {
        let line = format!("request postgres role {} --reason \"INC-42\"", self.office.role);
        while !self.office.types("alice", &line).await.ok() {
            self.revive().await;
        }
        self.until("the message", async |office| office.requests().pop()).await
    }
}

/// A whole life in which the program dies at this place.
async fn life(setting: Setting, during: During, place: &str) {
    let mut story = Survivor::open(setting).await;
    if during == During::Asking {
        story.will_die_at(place).await;
    }
    let request = story.asks().await;
    story.until("alice's message", async |office| office.dm("alice", &request)).await;

    if during == During::Approving {
        story.will_die_at(place).await;
    }
    // The oldest copy, should there be two.
    story.presses("bob", "approve", |office| office.copies(&request).into_iter().next()).await;
    story
        .until("alice is told", async |office| {
            let told = text(&office.dm("alice", &request)?).contains("How to use it");
            (told && text(&office.approval(&request)).contains("In use by")).then_some(())
        })
        .await;
    assert!(story.office.is_member("alice").await, "{place}");
    // Who was killed may have left a copy behind, which whoever presses it next repairs.
    let oldest = story.office.copies(&request).remove(0);
    story.presses("bob", "approve", |office| Some(office.now(&oldest))).await;
    story.until("the oldest copy is repaired", async |office| (!has_button(&office.now(&oldest), "approve")).then_some(())).await;

    if during == During::Ending {
        story.will_die_at(place).await;
    }
    story.presses("alice", "relinquish", |office| office.dm("alice", &request)).await;
    story
        .until("it is gone", async |office| {
            let gone = |message: Value| text(&message).contains("The access is gone") && !has_button(&message, "revoke");
            (gone(office.dm("alice", &request)?) && gone(office.approval(&request))).then_some(())
        })
        .await;
    assert!(!story.office.is_member("alice").await, "{place}");

    assert_eq!(story.deaths, 1, "{place} during {during:?}");
    let record = story.office.record(&request).await;
    assert_eq!(record, ["request.asked", "request.approved", "request.usable", "grant.ended"], "{place}");
    assert_eq!(story.office.app.store.decisions(&request).await.expect("read").len(), 1, "{place}");
    story.p0.kill();
    story.office.close().await;
}

async fn lives(setting: Setting, during: During, places: &[&str]) {
    for place in places {
        life(setting, during, place).await;
    }
}

stories! {
    async fn between_the_intent_and_the_call(setting: Setting) {
        lives(setting, During::Approving, &["engine.before-grant:0"]).await;
    }

    async fn between_the_call_and_the_record(setting: Setting) {
        lives(setting, During::Approving, &["engine.after-grant:0"]).await;
    }

    async fn while_it_takes_away(setting: Setting) {
        lives(setting, During::Ending, &["engine.before-revoke:0", "engine.after-revoke:0", "engine.before-cut:0"]).await;
    }

    async fn around_a_message(setting: Setting) {
        lives(setting, During::Asking, &["engine.before-show:0", "engine.after-show:0", "engine.after-show:1"]).await;
        lives(setting, During::Approving, &["engine.after-show:0"]).await;
    }

    // The first few commits are those of the start, a few more or less on each store.
    async fn around_the_commits_of_an_ask(setting: Setting) {
        let places = ["store.before-commit:2", "store.after-commit:6"];
        lives(setting, During::Asking, &places).await;
    }
}

either_way! {
    async fn around_the_commits_of_an_approval(setting: Setting) {
        let places = ["store.before-commit:2", "store.after-commit:2", "store.before-commit:6", "store.after-commit:6"];
        lives(setting, During::Approving, &places).await;
    }
}
