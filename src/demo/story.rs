//! The story: alice asks, bob approves, an hour passes; and what PostgreSQL says of it each time.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use super::Failed;
use super::look;
use super::place::{MEMBERSHIP, Place, Target};
use super::screen::{Ink, Screen};
use crate::audit::{self, Entry};
use crate::domain::id::RequestId;
use crate::domain::person::Actor;
use crate::domain::time::{Clock, Span, Time};
use crate::playground::{Press, PressTarget};

const ROLE: &str = "analyst";
const COMMAND: &str = "request postgres role analyst --reason \"INC-42: orders look wrong\" --duration 1h";
const QUERY: &str = "select count(*) from orders;";
const APPROVALS: &str = "access-requests";
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// How much of the hour is waited for in earnest, so that the expiry lag is a real one.
const WAITED_FOR: Span = Span::millis(1200);

pub async fn tell(place: &Place, target: &Target, screen: &Screen) -> Result<(), Failed> {
    introduce(place, target, screen);

    screen.part("1. Before");
    let mut session = target.session("alice").await?;
    screen.say("alice opens a session in PostgreSQL and keeps it open:");
    try_query(&mut session, screen).await;
    show_members(target, screen, &[ROLE]).await?;
    screen.say("p0 may pass the role on (admin) and may not use it (inherit, set).");

    screen.part("2. alice asks");
    screen.say("alice types in #general:");
    screen.line(&format!("     {}", screen.ink(Ink::Bold, &format!("/p0 {COMMAND}"))));
    let typed = place.sim.command("alice", "general", "/p0", COMMAND).await?;
    match typed.ephemeral {
        Some(told) => screen.seen("alice sees", &[told]),
        None => {
            let told = until("alice is told that she asked", async || ephemeral(place, "alice", "Asked for")).await?;
            screen.seen("alice sees", &look::lines(&place.sim, &told));
        }
    }
    let asked = until("the approvals channel has a message", async || place.sim.messages(APPROVALS).ok()?.pop()).await?;
    screen.seen("everybody in #access-requests sees", &look::lines(&place.sim, &asked));
    let request = request_of(&asked)?;
    press(place, "alice", &asked, "approve").await?;
    let told = until("alice is told that she is no approver", async || ephemeral(place, "alice", "Only approvers")).await?;
    screen.seen("alice presses Approve herself, and is told", &look::lines(&place.sim, &told));

    screen.part("3. bob approves");
    let pressed = Instant::now();
    press(place, "bob", &asked, "approve").await?;
    let ready = until("alice is told that it is ready", async || dm(place, "alice", "ready to use")).await?;
    let took = pressed.elapsed().as_millis();
    screen.seen(&format!("{took} ms after his press, alice's direct message says"), &look::lines(&place.sim, &ready));
    let in_use = channel_says(place, "in use").await?;
    screen.seen("and the message in #access-requests has become", &look::short(&place.sim, &in_use));
    show_members(target, screen, &[ROLE]).await?;
    screen.say("In alice's open session:");
    try_query(&mut session, screen).await;

    screen.part("4. The hour passes");
    let ends_at = end_of(place, &request).await?;
    let skipped = ends_at - place.clock.now() - WAITED_FOR;
    place.clock.pass(skipped);
    screen.say(&format!("Nobody does anything. (p0's clock is moved forward by {skipped}; the rest is waited for.)"));
    let ended = until("alice is told that it ended", async || dm(place, "alice", "access ended")).await?;
    screen.seen("alice's direct message says", &look::lines(&place.sim, &ended));
    show_members(target, screen, &[ROLE]).await?;
    screen.say("In alice's session, the same one, still open:");
    try_query(&mut session, screen).await;

    screen.part("5. The record");
    // A call that was lost could land for another ten seconds; only then comes the receipt.
    place.clock.pass(Span::seconds(10));
    let entries = until("the receipt is written", async || {
        let entries = record(place, &request).await.ok()?;
        entries.iter().any(|entry| entry.what == "assignment.receipt").then_some(entries)
    })
    .await?;
    show_record(place, screen, &entries).await
}

fn introduce(place: &Place, target: &Target, screen: &Screen) {
    screen.line(&screen.ink(Ink::Bold, "p0 demo: one access, from /p0 request to its end. All of it runs on this machine only."));
    screen.line("");
    screen.line(&format!(
        "   PostgreSQL {:<8} 127.0.0.1:{:<6} role analyst may read the table orders; alice has no role",
        target.version, target.port
    ));
    screen.line(&format!("   Slack stand-in      {:<16} alice asks; bob and carol may approve", place.sim.address().to_string()));
    let listens = place.address.trim_start_matches("http://");
    screen
        .line(&format!("   p0, the real server {listens:<16} record in SQLite, settings in {}/p0.yaml", place.folder.display()));
}

// ---- what people do and see

async fn press(place: &Place, who: &str, message: &Value, action: &str) -> Result<(), Failed> {
    let target = PressTarget::message(APPROVALS, message["ts"].as_str().unwrap_or_default());
    place.sim.press(who, target, Press::from(action)).await?;
    Ok(())
}

fn says(message: &Value, part: &str) -> bool {
    message["text"].as_str().is_some_and(|text| text.contains(part))
}

fn ephemeral(place: &Place, who: &str, part: &str) -> Option<Value> {
    place.sim.ephemerals(who).ok()?.into_iter().find(|message| says(message, part))
}

fn dm(place: &Place, who: &str, part: &str) -> Option<Value> {
    place.sim.dms(who).ok()?.into_iter().find(|message| says(message, part))
}

async fn channel_says(place: &Place, part: &str) -> Result<Value, Failed> {
    let message = async || place.sim.messages(APPROVALS).ok()?.into_iter().find(|message| says(message, part));
    until("the message in the approvals channel is up to date", message).await
}

/// The request a message is about: its buttons bear the id.
fn request_of(message: &Value) -> Result<RequestId, Failed> {
    let text = message["text"].as_str().unwrap_or_default();
    let id = text.find(RequestId::PREFIX).and_then(|at| text.get(at..)).map(|rest| rest.trim_end_matches('.'));
    id.and_then(RequestId::parse).ok_or_else(|| Failed::Never("the message names its request".to_owned()))
}

// ---- what PostgreSQL says

async fn try_query(session: &mut PgConnection, screen: &Screen) {
    screen.line(&format!("     alice=> {QUERY}"));
    let answer = match sqlx::query_scalar::<_, i64>(QUERY).fetch_one(session).await {
        Ok(count) => screen.ink(Ink::Good, &format!("{count}")),
        Err(sqlx::Error::Database(error)) => screen.ink(Ink::Bad, &format!("ERROR:  {}", error.message())),
        Err(error) => screen.ink(Ink::Bad, &error.to_string()),
    };
    screen.line(&format!("     {answer}"));
}

async fn show_members(target: &Target, screen: &Screen, roles: &[&str]) -> Result<(), Failed> {
    screen.say(&format!("pg_auth_members for {}:", roles.join(" and ")));
    let mut admin = target.look().await?;
    screen.table(&MEMBERSHIP, &target.members(&mut admin, roles, &[]).await?);
    Ok(admin.close().await?)
}

// ---- what the record says

async fn end_of(place: &Place, request: &RequestId) -> Result<Time, Failed> {
    let grants = place.app.store.grants_of(request).await?;
    let end = grants.iter().map(|row| row.grant.ends_at).max();
    end.ok_or_else(|| Failed::Never("the request has a grant".to_owned()))
}

/// The events of a request and of what it rests on, in order of time.
async fn record(place: &Place, request: &RequestId) -> Result<Vec<Entry>, Failed> {
    let store = &place.app.store;
    let mut entries = store.stream(request.as_str()).await?;
    for row in store.grants_of(request).await? {
        entries.extend(store.stream(row.grant.assignment.as_str()).await?);
    }
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

async fn show_record(place: &Place, screen: &Screen, entries: &[Entry]) -> Result<(), Failed> {
    let mut receipt = Value::Null;
    for entry in entries {
        let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
        let who = who(place, &entry.actor).await?;
        let told = format!("     {}  {:<10} {:<20} {}", of_day(entry.at), who, entry.what, detail(&entry.what, &body));
        screen.line(told.trim_end());
        if entry.what == "assignment.receipt" {
            receipt = body;
        }
    }
    let lag = receipt["late_ms"].as_i64().unwrap_or_default();
    screen.say(&format!(
        "Receipt: {}: {}, first read back {lag} ms after its end.",
        receipt["effect"].as_str().unwrap_or_default(),
        receipt["outcome"].as_str().unwrap_or_default()
    ));
    let mut count = 0;
    for stream in place.app.store.streams().await? {
        let entries = place.app.store.stream(&stream).await?;
        audit::verify(&entries)?;
        count += entries.len();
    }
    screen.say(&format!("The chain verifies: {count} events, each with the hash of the one before. Were one letter changed:"));
    let mut changed: Vec<Entry> = entries.iter().filter(|entry| entry.stream.starts_with(RequestId::PREFIX)).cloned().collect();
    if let Some(first) = changed.first_mut() {
        first.body = first.body.replacen("INC-42", "INC-43", 1);
    }
    match audit::verify(&changed) {
        Ok(()) => Err(Failed::Never("a changed event is found".to_owned())),
        Err(found) => {
            screen.say(&format!("  event {} of the request: {}", found.seq, found.why));
            Ok(())
        }
    }
}

async fn who(place: &Place, actor: &str) -> Result<String, Failed> {
    match Actor::parse(actor) {
        Some(Actor::Person(id)) => Ok(place.app.store.person(&id).await?.map_or_else(|| actor.to_owned(), |person| person.name)),
        Some(Actor::Engine | Actor::Config | Actor::Operator(_)) | None => Ok(actor.to_owned()),
    }
}

/// The one fact of an event that is worth a reader's time.
fn detail(what: &str, body: &Value) -> String {
    match what {
        "assignment.absent" => format!("{} ms after its end", body["late_ms"]),
        _ => String::new(),
    }
}

/// `08:12:03.042`
fn of_day(at: i64) -> String {
    let ms = at.rem_euclid(Span::days(1).0);
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// Waits until something is so, which it has to be within ten seconds.
async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> Result<T, Failed> {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(found) = check().await {
            return Ok(found);
        }
        if give_up < Instant::now() {
            return Err(Failed::Never(what.to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// ---- after the story

/// Says how to act as the people, and shows what they and PostgreSQL see, for as long as somebody reads.
pub async fn stay(place: &Place, target: &Target, screen: &Screen) -> Result<(), Failed> {
    screen.part("Now you. It stays up until Ctrl-C; what people see appears here. In another terminal:");
    screen.line("");
    let base = format!("http://{}/_control", place.sim.address());
    screen.line(&format!("act() {{ curl -sS {base}/$1 -H content-type:application/json -d \"$2\" | grep -o '\"error\":.*'; }}   # prints refusals only"));
    screen.line(
        "act command '{\"user\":\"alice\",\"channel\":\"general\",\"command\":\"/p0\",\"text\":\"request postgres role app_rw --reason INC-43\"}'",
    );
    screen.line("act press '{\"user\":\"bob\",\"channel\":\"access-requests\",\"ts\":\"last\",\"action_id\":\"approve\"}'");
    screen.line("act press '{\"user\":\"alice\",\"channel\":\"dm\",\"ts\":\"last\",\"action_id\":\"relinquish\"}'");
    screen.line("");
    screen.say("People: alice, bob, carol, dave. Other texts: help, ls, request (opens a form). Other presses: deny, revoke.");
    screen.say("src/playground/control.rs begins with all that people can do.");

    let roles = [ROLE, "app_rw"];
    let mut seen = everything(place)?;
    let mut admin = target.look().await?;
    let mut members = target.members(&mut admin, &roles, &[]).await?;
    loop {
        if screen.reader_left() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = everything(place)?;
        for (key, (title, lines)) in &now {
            if seen.get(key).is_none_or(|(_, before)| before != lines) {
                screen.line("");
                screen.seen(title, lines);
            }
        }
        seen = now;
        let current = target.members(&mut admin, &roles, &[]).await?;
        if current != members {
            screen.line("");
            show_members(target, screen, &roles).await?;
            members = current;
        }
    }
}

type Seen = BTreeMap<(String, String), (String, Vec<String>)>;

/// All that anybody sees in Slack now, by place and message.
fn everything(place: &Place) -> Result<Seen, Failed> {
    let sim = &place.sim;
    let mut seen = Seen::new();
    let mut add = |title: String, id: &Value, shown: &Value| {
        let id = id.as_str().unwrap_or_default().to_owned();
        seen.insert((id, title.clone()), (title, look::lines(sim, shown)));
    };
    for message in sim.messages(APPROVALS)? {
        add("everybody in #access-requests sees".to_owned(), &message["ts"], &message);
    }
    for who in PEOPLE {
        for message in sim.dms(who)? {
            add(format!("{who}'s direct message says"), &message["ts"], &message);
        }
        for message in sim.ephemerals(who)? {
            add(format!("{who} sees"), &message["ts"], &message);
        }
        for view in sim.views(who)? {
            add(format!("{who} has a form open"), &view["id"], &view);
        }
    }
    Ok(seen)
}
