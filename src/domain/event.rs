//! What happened: one entry of the audit trail. Events are only ever added.

use serde_json::{Value, json};

use super::person::Actor;
use super::time::Time;

/// Something that happened to a request, an assignment or the organisation.
///
/// `what` is a dotted name; `body` holds facts only: ids, times, texts people typed. No secret.
#[derive(Debug, Clone)]
pub struct Event {
    /// A request id, an assignment id, or [`ORGANISATION`].
    pub stream: String,
    pub at: Time,
    pub actor: Actor,
    pub what: &'static str,
    pub body: Value,
}

/// The stream of what belongs to no single request: policies, people.
pub const ORGANISATION: &str = "organisation";

impl Event {
    pub fn new(stream: impl ToString, at: Time, actor: Actor, what: &'static str) -> Event {
        Event { stream: stream.to_string(), at, actor, what, body: json!({}) }
    }

    pub fn with(mut self, body: Value) -> Event {
        self.body = body;
        self
    }
}
