//! People at work over the wire, all at random: they ask, approve two at a time, give back, take away;
//! and the checks that hold when it is quiet again, whatever was done to the processes meanwhile.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use p0::desk::Answer;
use p0::desk::view::{Left, Phase};
use p0::domain::assignment::AssignmentState;
use p0::domain::grant::End;
use p0::domain::id::RequestId;
use p0::domain::notice::Audience;
use p0::domain::time::{Clock, Span};
use p0::playground::{AppUrls, Delivery, Press, PressTarget};
use serde_json::Value;
use sqlx::Row;

use super::office::{APPROVALS, Office, POLICY, Setting, has_button, text};
use super::outside::Wall;
use super::process::Process;

pub const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const ROLES: usize = 5;

/// A short storm does not wait for the shortest length there is, a minute: it cuts it to seconds.
pub const SHORT: u64 = 90;

/// splitmix64: the same choices for the same seed, as far as the machine lets them be.
pub struct Chance(pub Cell<u64>);

impl Chance {
    pub fn below(&self, below: usize) -> usize {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % below as u64).expect("small")
    }

    fn of<'a, T>(&self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len())) }
    }
}

/// An interaction that was acknowledged with a 200.
struct Acknowledged {
    key: String,
    asked: bool,
}

pub struct Storm {
    pub office: Office,
    roles: Vec<String>,
    pub seconds: u64,
    pub until: Cell<Instant>,
    doors: RefCell<Vec<AppUrls>>,
    sent: Cell<usize>,
    acknowledged: RefCell<Vec<Acknowledged>>,
    /// Those that got an error for an answer, or none in time.
    pub failed: RefCell<Vec<Delivery>>,
    pub kills: Cell<usize>,
}

impl Storm {
    /// An office with more roles to ask for.
    pub async fn begin(setting: Setting, seconds: u64) -> Storm {
        let office = Office::unattended(setting, POLICY).await;
        let with = if setting.target >= 16 { "with admin true, inherit false, set false" } else { "with admin option" };
        let mut roles = vec![office.role.clone()];
        for number in 1..ROLES {
            let role = format!("{}_{number}", office.role);
            office.say(&format!("create role {role}; grant {role} to {} {with}", office.login("p0"))).await;
            roles.push(role);
        }
        let path = office.folder.join("p0.yaml");
        let config = std::fs::read_to_string(&path).expect("read");
        let config = config.replace(&format!("roles: [ {} ]", office.role), &format!("roles: [ {} ]", roles.join(", ")));
        std::fs::write(path, config).expect("written");
        let (until, failed) = (Cell::new(Instant::now()), RefCell::default());
        let doors = RefCell::default();
        let (sent, kills, acknowledged) = (Cell::new(0), Cell::new(0), RefCell::default());
        Storm { office, roles, seconds, until, doors, sent, acknowledged, failed, kills }
    }

    pub fn blows(&self) -> bool {
        Instant::now() < self.until.get()
    }

    pub fn open_doors(&self, all: &[Process]) {
        *self.doors.borrow_mut() = all.iter().map(|process| process.urls.clone()).collect();
    }

    /// Slack sends what comes next to any of those that are up.
    fn any_door(&self, chance: &Chance) {
        if let Some(urls) = chance.of(&self.doors.borrow()) {
            self.office.sim.set_app(urls.clone());
        }
    }

    fn note(&self, delivery: Delivery) {
        self.sent.set(self.sent.get() + 1);
        if delivery.ok() {
            let sent = &delivery.sent;
            let word = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {sent}")).to_owned();
            let either = |one: &Value, other: &Value| one.as_str().map_or_else(|| word(other), str::to_owned);
            let (key, asked) = match delivery.kind.as_str() {
                "command" => {
                    (format!("command/{}/{}", either(&sent["enterprise_id"], &sent["team_id"]), word(&sent["trigger_id"])), true)
                }
                _ => {
                    let (action, place) = (&sent["actions"][0], &sent["container"]);
                    let place = format!("{}/{}", word(&place["channel_id"]), word(&place["message_ts"]));
                    let action = format!("{}/{}", word(&action["action_id"]), word(&action["action_ts"]));
                    let (realm, user) = (either(&sent["enterprise"]["id"], &sent["team"]["id"]), word(&sent["user"]["id"]));
                    (format!("action/{realm}/{place}/{action}/{user}"), false)
                }
            };
            self.acknowledged.borrow_mut().push(Acknowledged { key, asked });
        } else if delivery.timed_out || delivery.status.is_some() {
            self.failed.borrow_mut().push(delivery);
        }
    }

    async fn presses(&self, who: &str, message: &Value, action: &str) {
        let (channel, ts) = (message["channel"].as_str().expect("a channel"), message["ts"].as_str().expect("a ts"));
        // The message may have changed meanwhile; then there is nothing to press.
        if let Ok(delivery) = self.office.sim.press(who, PressTarget::message(channel, ts), Press::from(action)).await {
            self.note(delivery);
        }
    }

    /// What people do all day, at random.
    pub async fn people(&self, chance: &Chance) {
        while self.blows() {
            self.any_door(chance);
            let who = PEOPLE[chance.below(4)];
            let with = |all: Vec<Value>, action: &str| -> Option<Value> {
                let all: Vec<_> = all.into_iter().filter(|message| has_button(message, action)).collect();
                chance.of(&all).cloned()
            };
            let channel = || self.office.sim.messages(APPROVALS).expect("a channel");
            let own = || self.office.sim.dms(who).unwrap_or_default();
            match chance.below(10) {
                0..=3 => {
                    let length = ["1m", "1m", "1m", "8h"][chance.below(4)];
                    let role = &self.roles[chance.below(ROLES)];
                    self.note(
                        self.office
                            .types(who, &format!("request postgres role {role} --reason \"INC-42\" --duration {length}"))
                            .await,
                    );
                }
                4..=6 => {
                    if let Some(message) = with(channel(), "approve") {
                        tokio::join!(self.presses("bob", &message, "approve"), self.presses("carol", &message, "approve"));
                    }
                }
                7 => {
                    if let Some(message) = with(channel(), "revoke") {
                        self.presses("carol", &message, "revoke").await;
                    }
                }
                8 => {
                    if let Some(message) = with(own(), "relinquish") {
                        self.presses(who, &message, "relinquish").await;
                    }
                }
                _ => {
                    if let Some(message) = with(own(), "withdraw") {
                        self.presses(who, &message, "withdraw").await;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(chance.below(60) as u64)).await;
        }
    }

    /// In a short storm, a minute is three seconds: what was granted for a minute ends within the run.
    pub async fn hurries(&self) {
        while self.blows() && self.seconds < SHORT {
            self.short_lengths_are_seconds().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    pub async fn short_lengths_are_seconds(&self) {
        let now = p0::domain::time::Clock::now(&*self.office.clock).0;
        self.office
            .store_does(&[
                "UPDATE grants SET length = 3000 WHERE length = 60000 AND ended_at IS NULL".to_owned(),
                "UPDATE grants SET ends_at = usable_at + length WHERE length = 3000 AND usable_at IS NOT NULL
                 AND ended_at IS NULL AND usable_at + length < ends_at"
                    .to_owned(),
                format!(
                    "UPDATE agenda SET run_at = {now} WHERE kind = 'assignment' AND run_at > {now} AND EXISTS (SELECT 1 FROM grants
                     WHERE grants.assignment = agenda.id AND grants.ended_at IS NULL AND grants.ends_at <= {now})"
                ),
            ])
            .await;
    }

    /// Waits until nothing is under way: only what is in use, and for long, is left.
    pub async fn is_quiet(&self, when: &str) {
        let store = &self.office.app.store;
        let give_up = Instant::now() + Duration::from_secs(if self.seconds < SHORT { 100 } else { 180 });
        loop {
            let mut busy = Vec::new();
            let now = Wall(Span::ZERO).now(); // a reminder waits for its time, and may never be posted
            let behind = format!("notices WHERE shown < wanted AND not_before <= {now}", now = now.0);
            let unposted = "notices WHERE posted IS NULL AND audience NOT LIKE 'reminder:%'";
            // Among them those on what ended before and is not begun anew yet.
            let unused = "grants WHERE ended_at IS NULL AND usable_at IS NULL";
            for what in ["inbox WHERE state = 'pending'", &behind, unposted, unused] {
                let count = self.office.store_counts(what).await;
                busy.extend((count > 0).then(|| format!("{count} {what}")));
            }
            for row in store.unfinished_assignments().await.expect("read") {
                let live = store.live_grants(&row.id).await.expect("read");
                // What was extended by a minute is longer than a minute, and ends soon all the same.
                let long = live.iter().all(|held| held.grant.usable_at.is_some() && now + Span::hours(1) < held.grant.ends_at);
                if row.state != AssignmentState::Active || live.is_empty() || !long {
                    busy.push(format!("{} {:?} with {live:?}", row.effect, row.state));
                }
            }
            if busy.is_empty() {
                return;
            }
            let log = || std::fs::read_to_string(self.office.folder.join("p0.log")).unwrap_or_default();
            let agenda = if give_up < Instant::now() { self.office.agenda().await } else { Vec::new() };
            assert!(Instant::now() < give_up, "never quiet {when}: {busy:#?}\n{agenda:#?}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Who is a member of our roles, as the target says: `ROLE on main for LOGIN`.
    pub async fn members(&self) -> BTreeSet<String> {
        let sql = "select r.rolname::text || ' on main for ' || u.rolname::text as who from pg_auth_members m
                   join pg_roles r on r.oid = m.roleid join pg_roles u on u.oid = m.member
                   where r.rolname = any($1) and u.rolname <> $2";
        let rows = sqlx::query(sql).bind(&self.roles).bind(self.office.login("p0"));
        let rows = rows.fetch_all(&mut self.office.admin().await).await.expect("read");
        rows.iter().map(|row| row.get("who")).collect()
    }

    pub async fn what_is_there_is_what_is_granted(&self) {
        let store = &self.office.app.store;
        let mut granted = BTreeSet::new();
        for row in store.unfinished_assignments().await.expect("read") {
            granted.insert(row.effect);
        }
        assert_eq!(self.members().await, granted, "the target and the record differ");
    }

    /// Every request in the record, oldest first.
    async fn requests(&self) -> Vec<RequestId> {
        let streams = self.office.app.store.streams().await.expect("read");
        streams.iter().filter_map(|stream| RequestId::parse(stream)).collect()
    }

    pub async fn every_message_says_what_the_record_says(&self) {
        let mut shown = self.office.sim.messages(APPROVALS).expect("a channel");
        for who in PEOPLE {
            shown.extend(self.office.sim.dms(who).unwrap_or_default());
        }
        for request in self.requests().await {
            for notice in self.office.app.store.notices_of(&request).await.expect("read") {
                let view =
                    self.office.app.desk.view(&request, &notice.surface, &notice.realm).await.expect("read").expect("there");
                let reminder = matches!(notice.audience, Audience::Reminder(_));
                let Some(posted) = notice.posted.filter(|_| !reminder) else {
                    assert!(reminder, "{request}: a message was never posted");
                    continue; // a reminder has words of its own, and may never have come
                };
                let message = shown.iter().find(|message| message["ts"] == posted.message && message["channel"] == posted.place);
                let told = text(message.expect("the message that the record names"));
                let wanted = match &view.phase {
                    Phase::Ended { how: End::Expired, left: Left::Kept, .. } if view.extended => "access extended",
                    phase => headline(phase, notice.audience == Audience::Approvals),
                };
                assert!(told.contains(wanted), "{request} is {:?}, and a message says {told}", view.phase);
            }
        }
    }

    /// What was acknowledged is in the record, finished, with its answer.
    pub async fn nothing_was_lost(&self) {
        let acknowledged = self.acknowledged.take();
        for Acknowledged { key, asked } in &acknowledged {
            let letter = self.office.app.store.letter(key).await.expect("read");
            let letter = letter.unwrap_or_else(|| panic!("acknowledged and lost: {key}"));
            assert!(!letter.pending, "acknowledged and never finished: {key}");
            let answer = letter.answer.as_deref().map(serde_json::from_str::<Answer>);
            let answer = answer.unwrap_or_else(|| panic!("acknowledged and without an answer: {key}")).expect("an answer");
            if *asked && let Answer::Asked { request, .. } = &answer {
                assert!(self.office.app.store.request(request).await.expect("read").is_some(), "asked and lost: {request}");
            }
        }
        self.acknowledged.replace(acknowledged);
    }

    pub async fn everything_is_revoked(&self) {
        let left =
            || self.office.sim.messages(APPROVALS).expect("a channel").into_iter().find(|message| has_button(message, "revoke"));
        let give_up = Instant::now() + Duration::from_secs(60);
        while let Some(message) = left() {
            // As people do: what is still there after a while is pressed again.
            self.presses("bob", &message, "revoke").await;
            let patience = Instant::now() + Duration::from_secs(5);
            while has_button(&self.office.now(&message), "revoke") && Instant::now() < patience {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(Instant::now() < give_up, "a button that does nothing: {message}\n{:?}", self.failed.borrow().last());
        }
    }

    pub async fn one_outcome_each(&self) {
        for request in self.requests().await {
            let record = self.office.record(&request).await;
            let count = |what: &[&str]| record.iter().filter(|it| what.contains(&it.as_str())).count();
            assert_eq!(count(&["request.asked"]), 1, "{record:?}");
            assert!(count(&["request.approved", "request.denied", "request.withdrawn", "request.stale"]) <= 1, "{record:?}");
            let approved = count(&["request.approved"]);
            assert_eq!(self.office.app.store.decisions(&request).await.expect("read").len(), approved, "{record:?}");
            let grants = self.office.app.store.grants_of(&request).await.expect("read");
            assert_eq!(grants.len(), approved, "{record:?}");
            assert!(grants.iter().all(|held| held.grant.ended.is_some()), "{request} has a grant without an end");
            assert!(count(&["request.usable"]) <= approved && count(&["grant.ended"]) <= approved, "{record:?}");
        }
    }

    pub async fn figures(&self, replicas: usize, live: usize) {
        let (mut lags, mut grants, mut calls) = (Vec::new(), 0, 0);
        for stream in self.office.app.store.streams().await.expect("read") {
            for entry in self.office.app.store.stream(&stream).await.expect("read") {
                grants += usize::from(entry.what == "request.approved");
                calls += usize::from(entry.what == "assignment.active");
                if entry.what == "assignment.absent" {
                    let body: Value = serde_json::from_str(&entry.body).expect("JSON");
                    lags.extend(body["late_ms"].as_i64());
                }
            }
        }
        lags.sort_unstable();
        let lag = |of: usize| lags.get(lags.len() * of / 1000).or(lags.last()).copied().unwrap_or(0);
        let (requests, acknowledged) = (self.requests().await.len(), self.acknowledged.borrow().len());
        println!(
            "{} s, {replicas} processes: {} kills, {} interactions sent, {} acknowledged, 0 lost; {} requests, {grants} approved, \
             {calls} times made, {} taken away, {live} in use when it was over, 0 leaked; lag p50 {} ms, p99 {} ms, worst {} ms",
            self.seconds,
            self.kills.get(),
            self.sent.get(),
            acknowledged,
            requests,
            lags.len(),
            lag(500),
            lag(990),
            lag(1000),
        );
        assert!(grants > 0 && !lags.is_empty(), "nothing was done");
    }
}

/// What a message says first, by where in its life the request is.
fn headline(phase: &Phase, approvers: bool) -> &'static str {
    match phase {
        Phase::Asked => "access requested",
        Phase::Denied { .. } => "access denied",
        Phase::Withdrawn { .. } => "request taken back",
        Phase::Stale { .. } => "request not decided in time",
        Phase::Approved { .. } => "access approved",
        Phase::Usable { .. } if approvers => "access in use",
        Phase::Usable { .. } => "access ready to use",
        Phase::Ending { how: End::Failed, stuck: false, .. } => "access could not be set up",
        Phase::Ending { .. } => "taken away",
        Phase::Ended { how: End::Failed, .. } => "access could not be set up",
        Phase::Ended { .. } => "access ended",
    }
}
