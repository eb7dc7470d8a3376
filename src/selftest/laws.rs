//! What must hold after every step, and at the quiet end of a world. Nothing here helps the program: it
//! looks into the record and into the targets, and says in one sentence what is not as it must be.

use std::collections::BTreeMap;

use super::Failed;
use super::people::{Act, Press};
use super::sim::Sim;
use super::surface;
use super::world::World;
use crate::audit;
use crate::desk::Answer;
use crate::domain::assignment::AssignmentState;
use crate::domain::id::{AssignmentId, GrantId, RequestId};
use crate::domain::notice::Audience;
use crate::domain::request::RequestState;
use crate::domain::time::{Clock, Span, Time};
use crate::store::{Claimed, Decided, Kind};

/// How long after the last fault everything has to be as the record says: a lease, the longest pause, the
/// patience with later parts, a minute until the next scan.
const ALLOWED: i64 = 150_000;

/// As before, for what landed when nobody could know of it any more: two sweeps.
const ALLOWED_UNKNOWN: i64 = 1_500_000;

pub struct Known {
    pub requestor: usize,
    /// The press that decided it.
    pub decided: Option<String>,
}

struct Seen {
    ends_at: Time,
    usable: Option<i64>,
}

#[derive(Default)]
pub struct Laws {
    pub requests: BTreeMap<RequestId, Known>,
    /// The last one that was approved.
    pub approved: Option<RequestId>,
    pub next_due: Option<Time>,
    pub grants: u64,
    pub looks: u64,
    pub answers: u64,
    pub commits: u64,
    pub checked: u64,
    seen: BTreeMap<GrantId, Seen>,
    live: Vec<(String, GrantId)>,
    keys: BTreeMap<AssignmentId, String>,
    /// Keys with something of ours and no live grant: since when, in true time.
    over: BTreeMap<String, i64>,
    /// Keys that should be there and are not.
    missing: BTreeMap<String, i64>,
    /// The longest that something of ours stayed without a live grant: in peace, and with all faults.
    pub worst_in_peace: i64,
    pub worst: i64,
    pub receipts: u64,
    pub streams: u64,
    pub notices: u64,
}

/// Who decided, as far as only the loser has been answered.
const SOMEBODY: &str = "somebody";

impl Laws {
    /// At most one of each lane is claimed, over all that hold claims.
    pub fn claimed(&mut self, sim: &Sim, queue: &[Claimed]) {
        let mut lanes: Vec<&str> = queue.iter().map(|claim| claim.lane.as_str()).filter(|lane| !lane.is_empty()).collect();
        lanes.sort_unstable();
        self.checked += 1;
        if lanes.windows(2).any(|two| two[0] == two[1]) {
            sim.broken("two assignments of one lane are worked on at once");
        }
    }

    /// One outcome of a request wins.
    pub fn outcome(&mut self, sim: &Sim, press: &Press, answer: &Answer) {
        match answer {
            Answer::Asked { request, .. } => {
                let requestor = super::world::PEOPLE.iter().position(|name| *name == press.came.person.name).unwrap_or(0);
                self.requests.entry(request.clone()).or_insert(Known { requestor, decided: None });
            }
            Answer::Approved { request, .. } | Answer::Denied { request } | Answer::Withdrawn { request } => {
                self.checked += 1;
                if matches!(answer, Answer::Approved { .. }) {
                    self.approved = Some(request.clone());
                }
                let Some(known) = self.requests.get_mut(request) else { return };
                match &known.decided {
                    // Who came second may be answered first, and knows only that somebody was faster.
                    Some(by) if *by != press.came.key && by != SOMEBODY => {
                        sim.broken(format!("{request} was decided by {by} and again by {}", press.came.key));
                    }
                    Some(_) | None => known.decided = Some(press.came.key.clone()),
                }
            }
            Answer::DecidedBefore { request, .. } => {
                if let (Some(known), Act::Approve(..) | Act::Deny(_)) = (self.requests.get_mut(request), &press.act) {
                    known.decided.get_or_insert_with(|| SOMEBODY.to_owned());
                }
            }
            Answer::AlreadyAsked { .. }
            | Answer::AlreadyHeld { .. }
            | Answer::AtOnce { .. }
            | Answer::Given { .. }
            | Answer::Counted { .. }
            | Answer::Escalated { .. }
            | Answer::Allowed { .. }
            | Answer::Away { .. }
            | Answer::UsedUp { .. }
            | Answer::Ended { .. }
            | Answer::EndedButKept { .. }
            | Answer::OverBefore { .. }
            | Answer::Refused { .. }
            | Answer::Text { .. }
            | Answer::Mistakes { .. }
            | Answer::Nothing => {}
        }
    }
}

/// After every step.
pub async fn check(world: &mut World) -> Result<(), Failed> {
    let commits = world.sim.state().commits;
    if commits != world.laws.commits {
        refresh(world).await?;
        world.laws.commits = commits;
    }
    let laws = &mut world.laws;
    laws.checked += 1;
    let (time, off, calm) = {
        let state = world.sim.state();
        (state.time, state.off, state.calm_since)
    };
    let mut there = world.target.world();
    let mut over = BTreeMap::new();
    for (key, entry) in &there.entries {
        let Some(ours) = &entry.ours else { continue };
        if there.covered.get(key).is_some_and(|until| time + off < *until) {
            continue;
        }
        let since = laws.over.get(key).copied().unwrap_or(time);
        over.insert(key.clone(), since);
        let integration = if key.starts_with("edge/") { super::target::BARE } else { super::target::DEPOT };
        let up = there.down.get(integration).copied().unwrap_or(0);
        let late = time - since.max(calm).max(ours.since).max(up);
        let allowed = if ours.unexpected { ALLOWED_UNKNOWN } else { ALLOWED };
        if allowed < late {
            world.sim.broken(format!("{key} is still there {} after its last grant ended and after the last fault", Span(late)));
        }
    }
    for (key, since) in &laws.over {
        if !over.contains_key(key) && there.entries.get(key).is_none_or(|entry| entry.ours.is_none()) {
            laws.worst = laws.worst.max(time - since);
            if calm < *since {
                laws.worst_in_peace = laws.worst_in_peace.max(time - since);
            }
        }
    }
    laws.over = over;
    let mut missing = BTreeMap::new();
    for (key, grant) in &laws.live {
        let Some(seen) = laws.seen.get(grant) else { continue };
        let Some(usable) = seen.usable.filter(|_| time + off < seen.ends_at.0) else { continue };
        let excused = there.tampered.get(key).is_some_and(|at| usable - 60_000 <= *at);
        if there.entries.contains_key(key) || excused {
            continue;
        }
        let since = laws.missing.get(key).copied().unwrap_or(time);
        if ALLOWED < time - since.max(calm).max(there.changed_at(key)) {
            world.sim.broken(format!("{key} should be there for {grant} and is not"));
        }
        missing.insert(key.clone(), since);
    }
    laws.missing = missing;
    if 200 < there.tampered.len() {
        there.tampered.retain(|_, at| time - 86_400_000 < *at);
    }
    drop(there);
    match &world.sim.state().broken {
        Some(why) => Err(Failed::Broken(why.clone())),
        None => Ok(()),
    }
}

/// Reads the record anew: which grants are live, and what is due next.
async fn refresh(world: &mut World) -> Result<(), Failed> {
    let live = world.eye.all_live_grants().await?;
    world.laws.next_due = world.eye.next_due().await?;
    let time = world.sim.state().time;
    let mut covered = BTreeMap::new();
    world.laws.live.clear();
    for held in live {
        let grant = held.grant;
        if !world.laws.keys.contains_key(&grant.assignment) {
            let row = world.eye.assignment(&grant.assignment).await?;
            let key = row.map(|row| row.key).unwrap_or_default();
            world.laws.keys.insert(grant.assignment.clone(), key);
        }
        let key = world.laws.keys.get(&grant.assignment).cloned().unwrap_or_default();
        let until = covered.entry(key.clone()).or_insert(grant.ends_at.0);
        *until = grant.ends_at.0.max(*until);
        world.laws.checked += 1;
        let new = match world.laws.seen.get_mut(&grant.id) {
            None => {
                world.laws.seen.insert(grant.id.clone(), Seen { ends_at: grant.ends_at, usable: grant.usable_at.map(|_| time) });
                true
            }
            Some(seen) => {
                if seen.ends_at < grant.ends_at {
                    world.sim.broken(format!("the end of {} was moved later, to {}", grant.id, grant.ends_at));
                }
                seen.ends_at = grant.ends_at;
                if grant.usable_at.is_some() {
                    seen.usable.get_or_insert(time);
                }
                false
            }
        };
        if new {
            world.laws.grants += 1;
            one_outcome(world, &grant.request).await?;
        }
        world.laws.live.push((key, grant.id));
    }
    world.target.world().covered = covered;
    Ok(())
}

/// What people decided of a request is one decision, and the state says the same.
async fn one_outcome(world: &mut World, id: &RequestId) -> Result<(), Failed> {
    world.laws.checked += 1;
    let decisions = world.eye.decisions(id).await?;
    let state = world.eye.request(id).await?.map(|row| row.request.state);
    let right = match state {
        Some(RequestState::Approved) => decisions.len() == 1 && decisions[0].verdict == Decided::Approve,
        Some(RequestState::Denied) => decisions.len() == 1 && decisions[0].verdict == Decided::Deny,
        Some(RequestState::Open | RequestState::Withdrawn | RequestState::Stale) => decisions.is_empty(),
        None => false,
    };
    if !right {
        world.sim.broken(format!("{id} is {state:?} and has {} decisions", decisions.len()));
    }
    if state != Some(RequestState::Approved) && !world.eye.grants_of(id).await?.is_empty() {
        world.sim.broken(format!("{id} is {state:?} and has grants"));
    }
    Ok(())
}

/// Peace: no faults, time passes, and everything has to come right.
pub async fn quiet_end(world: &mut World, long: bool) -> Result<(), Failed> {
    {
        let mut state = world.sim.state();
        (state.faults, state.off, state.off_since) = (false, 0, state.time);
        state.weather = super::wrong::Weather::Calm;
        state.note(&"the quiet end");
    }
    world.target.world().down.clear();
    while let Some(frozen) = world.frozen.pop() {
        world.wake(frozen).await?;
    }
    world.restart(false).await;
    peace(world, Span::minutes(20)).await?;
    let now = world.sim.now();
    for held in world.eye.all_live_grants().await? {
        world.laws.checked += 1;
        if now < held.grant.ends_at && held.grant.usable_at.is_none() {
            world.sim.broken(format!("{} was approved long ago and is neither usable nor failed", held.grant.id));
        }
    }
    peace(world, if long { Span::hours(27) } else { Span::hours(3) }).await?;
    record_at_rest(world, long).await?;
    messages_at_rest(world).await?;
    match &world.sim.state().broken {
        Some(why) => Err(Failed::Broken(why.clone())),
        None => Ok(()),
    }
}

/// Time passes in which everything due is done at once.
async fn peace(world: &mut World, span: Span) -> Result<(), Failed> {
    let end = world.sim.now() + span;
    let mut idle = 0;
    loop {
        world.scan_when_due().await?;
        check(world).await?;
        let now = world.sim.now();
        if end <= now {
            return Ok(());
        }
        let next = world.laws.next_due.unwrap_or(end).min(end);
        if now < next {
            world.sim.state().time += next.0 - now.0;
            world.target.land();
            idle = 0;
            continue;
        }
        if !world.look().await {
            world.sim.state().time += 500; // it waits for a lane
        }
        idle += 1;
        if 5_000 < idle {
            world.sim.broken("there is always something due: it never comes to rest");
        }
    }
}

async fn record_at_rest(world: &mut World, long: bool) -> Result<(), Failed> {
    let sim = world.sim.clone();
    if let Some(held) = world.eye.all_live_grants().await?.first() {
        sim.broken(format!("{} is live long after its end", held.grant.id));
    }
    if let Some(row) = world.eye.unfinished_assignments().await?.first() {
        sim.broken(format!("{} is {} with no live grant, at rest", row.key, row.state.as_str()));
    }
    for (kind, id, _) in world.eye.agenda().await? {
        let row = match AssignmentId::parse(&id) {
            Some(id) => world.eye.assignment(&id).await?,
            None => None,
        };
        let late_look = !long && row.is_some_and(|row| row.state == AssignmentState::Ended);
        if kind != Kind::Sweep && !late_look {
            sim.broken(format!("{} {id} is still on the agenda, at rest", kind.as_str()));
        }
    }
    for (key, entry) in &world.target.world().entries {
        if entry.ours.is_some() {
            sim.broken(format!("{key} is left behind in the target"));
        }
    }
    for alert in world.eye.open_alerts().await? {
        sim.broken(format!("the alert {} of {} is still open, at rest", alert.kind.as_str(), alert.subject));
    }
    for stream in world.eye.streams().await? {
        world.laws.streams += 1;
        let entries = world.eye.stream(&stream).await?;
        if let Err(broken) = audit::verify(&entries) {
            sim.broken(format!("the audit chain is broken: {broken}"));
        }
        if AssignmentId::parse(&stream).is_some() {
            let begun = entries.iter().filter(|entry| entry.what == "assignment.active").count();
            let receipts = entries.iter().filter(|entry| entry.what == "assignment.receipt").count();
            world.laws.receipts += u64::try_from(receipts).unwrap_or(0);
            if 0 < begun && receipts == 0 {
                sim.broken(format!("{stream} was granted and left no receipt"));
            }
        }
    }
    Ok(())
}

async fn messages_at_rest(world: &mut World) -> Result<(), Failed> {
    let sim = world.sim.clone();
    for stream in world.eye.streams().await? {
        let Some(id) = RequestId::parse(&stream) else { continue };
        one_outcome(world, &id).await?;
        let decided = world.eye.request(&id).await?.is_some_and(|row| row.request.state != RequestState::Open);
        if !decided {
            sim.broken(format!("{id} is open long after it should be stale"));
        }
        for notice in world.eye.notices_of(&id).await? {
            world.laws.notices += 1;
            if notice.shown < notice.wanted {
                sim.broken(format!("a message of {id} is behind, at rest"));
                continue;
            }
            if matches!(notice.audience, Audience::Reminder(_)) {
                continue; // it may be over before its time has come
            }
            let Some(posted) = &notice.posted else {
                sim.broken(format!("a message of {id} was never posted"));
                continue;
            };
            let shown =
                world.messages.lock().ok().and_then(|messages| messages.get(&posted.message).cloned()).unwrap_or_default();
            let says = surface::says(&world.process.desk, &notice.subject).await.map_err(|_| Failed::Setting)?;
            if shown != says {
                sim.broken(format!(
                    "a message of {id} does not show what the record says.\n  It shows: {shown}\n  It should: {says}"
                ));
            }
        }
    }
    Ok(())
}
