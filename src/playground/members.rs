//! The members page: a small web application with clubs and their members, to be managed from outside.
//!
//! People look at its page; programs use its JSON API with a bearer token; tests tell it how to go wrong. It
//! must never know who calls it: of this crate it uses `domain::time` alone. Everything is in memory, and it listens on
//! this machine only.
//!
//! | call | answer |
//! | --- | --- |
//! | `GET /` | the page, for people |
//! | `GET /state` | all clubs with their members, for a live view; no token needed |
//! | `GET /api/people/{email}` | `{ id, name, email }`, or 404 |
//! | `GET /api/clubs` | `{ clubs: [{ id, name }] }`, by pages |
//! | `GET /api/clubs/{club}/members?person=` | `{ members: [{ id, club, person, note, since }] }`, by pages, or 404 |
//! | `POST /api/clubs/{club}/members` | takes `{ person, note, not_after }`: 201 with the entry; 409 with `{ error, id }` of the entry if the person is in it; 410 if it is too late; 404 |
//! | `GET /api/memberships` | `{ memberships: [...] }` of all clubs, by pages |
//! | `DELETE /api/memberships/{id}` | 204, or 404 |
//!
//! Lists have pages, the next of which the `Link` header names.
//!
//! p0 manages it by `manifests/members.yaml` and, in its configuration, `integrations: { members: { url: ..., token:
//! { file: ... } } }`, with [`Members::url`] and a file that holds [`Members::token`].

mod api;
mod page;
mod server;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::time::{Clock, Time};

/// How many entries a page of a list has.
pub const PAGE: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub email: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Club {
    pub id: String,
    pub name: String,
}

/// One person in one club.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    pub id: String,
    pub club: String,
    pub person: String,
    /// Anything that whoever made it wrote beside it.
    pub note: String,
    pub since: Time,
}

/// The calls that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// Whoever reads a list of members.
    Look,
    Join,
    Leave,
    /// All other reads.
    Read,
}

/// How one call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Does nothing and answers with this status and this header.
    Answers(u16, Option<(&'static str, String)>),
    /// Does it, and answers with status 500.
    FailsAfter,
    /// Does it, and closes the connection without an answer.
    LosesTheAnswer,
    /// Does nothing, and closes the connection without an answer.
    Drops,
    /// Stands still until [`Members::go_on`], and then does it, whether anybody still waits or not.
    Holds,
    /// Says yes and does nothing.
    OnlySaysYes,
    /// Shows how it was at [`Members::remembers`].
    ShowsOld,
    /// Answers with more than anybody wants to read.
    Floods,
    /// Names itself as the next page, for ever.
    NeverEnds,
    /// Does it, and adds these `Link` headers.
    Links(&'static [&'static str]),
    /// Answers with this text in place of JSON.
    Mumbles(&'static str),
}

#[derive(Debug, Default)]
struct State {
    people: Vec<Person>,
    clubs: Vec<Club>,
    memberships: Vec<Membership>,
    made: u64,
    troubles: Vec<(On, VecDeque<Trouble>)>,
    old: Vec<Membership>,
    /// How many calls stand still.
    held: usize,
    /// What was called: method and path as they came.
    calls: Vec<String>,
}

struct Shared {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    token: String,
    address: SocketAddr,
    /// Lets go what stands still.
    on: tokio::sync::Semaphore,
}

/// A running members page. It ends when this is dropped.
pub struct Members {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Members {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the members page listens on this machine only; {0} is not a loopback address, use 127.0.0.1")]
    NotLoopback(SocketAddr),
    #[error("the members page cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
}

/// Starts it with a few clubs and people. `token`: what programs have to bring.
pub async fn start(listen: SocketAddr, token: String, clock: Arc<dyn Clock>) -> Result<Members, Error> {
    if !listen.ip().is_loopback() {
        return Err(Error::NotLoopback(listen));
    }
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| Error::Listen(listen, error))?;
    let address = listener.local_addr().map_err(|error| Error::Listen(listen, error))?;
    let shared = Arc::new(Shared { state: Mutex::default(), clock, token, address, on: tokio::sync::Semaphore::new(0) });
    let task = tokio::spawn(server::run(shared.clone(), listener));
    let members = Members { shared, task };
    for (id, name) in [("chess", "Chess club"), ("rowing", "Rowing club"), ("choir", "Choir")] {
        members.has_club(id, name);
    }
    for (local, name) in [("alice", "Alice Ahn"), ("bob", "Bob Baker"), ("carol", "Carol Cruz"), ("dave", "Dave Diaz")] {
        members.has_person(local, name, &format!("{local}@acme.example"));
    }
    members.joins("choir", "carol", "since 2019");
    Ok(members)
}

impl Members {
    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    pub fn token(&self) -> &str {
        &self.shared.token
    }

    /// All clubs with their members, as `GET /state` shows them.
    pub fn shown(&self) -> Value {
        self.shared.shown()
    }

    pub fn has_club(&self, id: &str, name: &str) {
        self.shared.state().clubs.push(Club { id: id.to_owned(), name: name.to_owned() });
    }

    pub fn has_person(&self, id: &str, name: &str, email: &str) {
        let (id, name, email) = (id.to_owned(), name.to_owned(), email.to_owned());
        self.shared.state().people.push(Person { id, name, email });
    }

    /// Somebody at the members page puts a person into a club.
    pub fn joins(&self, club: &str, person: &str, note: &str) {
        let now = self.shared.clock.now();
        self.shared.state().join(club, person, note, now);
    }

    /// Somebody at the members page takes a person out of a club.
    pub fn leaves(&self, club: &str, person: &str) {
        self.shared.state().memberships.retain(|it| it.club != club || it.person != person);
    }

    /// The person's entry in a club.
    pub fn entry(&self, club: &str, person: &str) -> Option<Membership> {
        self.shared.state().memberships.iter().find(|it| it.club == club && it.person == person).cloned()
    }

    /// The next calls of this kind go wrong, one after the other; then all is well again.
    pub fn go_wrong(&self, on: On, troubles: &[Trouble]) {
        let mut state = self.shared.state();
        state.troubles.retain(|(known, _)| *known != on);
        state.troubles.push((on, troubles.iter().cloned().collect()));
    }

    /// From now on, what is old is how it is now.
    pub fn remembers(&self) {
        let mut state = self.shared.state();
        state.old = state.memberships.clone();
    }

    /// How many calls stand still.
    pub fn stand_still(&self) -> usize {
        self.shared.state().held
    }

    /// Lets one call go on that stands still.
    pub fn go_on(&self) {
        self.shared.on.add_permits(1);
    }

    /// What was called since it was last asked: method and path as they came.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.state().calls)
    }
}

impl State {
    fn join(&mut self, club: &str, person: &str, note: &str, now: Time) -> Membership {
        self.made += 1;
        let (club, person, note) = (club.to_owned(), person.to_owned(), note.to_owned());
        let made = Membership { id: format!("m-{}", self.made), club, person, note, since: now };
        self.memberships.push(made.clone());
        made
    }

    fn trouble(&mut self, on: On) -> Option<Trouble> {
        self.troubles.iter_mut().find(|(known, _)| *known == on).and_then(|(_, troubles)| troubles.pop_front())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> Value {
        let state = self.state();
        let name = |id: &str| state.people.iter().find(|it| it.id == id).map_or(id.to_owned(), |it| it.name.clone());
        let clubs = state.clubs.iter().map(|club| {
            let members = state.memberships.iter().filter(|it| it.club == club.id);
            let member = |it: &Membership| json!({ "id": it.id, "person": it.person, "name": name(&it.person), "note": it.note, "since": it.since.typed() });
            json!({ "id": club.id, "name": club.name, "members": members.map(member).collect::<Vec<_>>() })
        });
        json!({ "clubs": clubs.collect::<Vec<_>>() })
    }
}
