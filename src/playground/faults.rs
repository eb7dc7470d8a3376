//! What can be made to go wrong, how often, and where.

use serde::{Deserialize, Serialize};

use super::world::World;

/// A fault waiting to be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// A Web API method, `response_url`, a kind of delivery (`command`, `block_actions`, ...), or `*`
    /// for any Web API method.
    pub on: String,
    #[serde(flatten)]
    pub what: Trouble,
    /// How many times; it is gone afterwards.
    #[serde(default = "once")]
    pub times: u32,
    /// Lets this many pass first.
    #[serde(default)]
    pub after: u32,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Trouble {
    /// Answers HTTP 500 and does nothing.
    Http500,
    /// Resets the connection and does nothing.
    Reset,
    /// Does it, after this many milliseconds of real time.
    Slow { ms: u64 },
    /// Answers 429 and does nothing.
    RateLimit { retry_after: u64 },
    /// Answers `ok: false` with this error and does nothing.
    Error { error: String },
    /// Does it, then drops the connection without an answer.
    LostAnswer,
    /// A delivery: the same bytes again after the app answered.
    Duplicate,
    /// A delivery: the same bytes twice at the same time.
    DuplicateAtOnce,
    /// A delivery: the app's answer gets lost, so that the person sees a timeout.
    LostAck,
}

impl Fault {
    pub fn new(on: &str, what: Trouble) -> Fault {
        Fault { on: on.to_owned(), what, times: 1, after: 0 }
    }

    pub fn times(self, times: u32) -> Fault {
        Fault { times, ..self }
    }

    /// Lets this many pass first.
    pub fn after(self, after: u32) -> Fault {
        Fault { after, ..self }
    }
}

impl World {
    /// Takes the next fault that is due for this method or delivery.
    pub(super) fn fault(&mut self, on: &str, any: bool) -> Option<Fault> {
        let fits = |fault: &Fault| fault.on == on || (any && fault.on == "*");
        let at = self.faults.iter().position(fits)?;
        let fault = &mut self.faults[at];
        if fault.after > 0 {
            fault.after -= 1;
            return None;
        }
        let played = fault.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.faults.remove(at);
        }
        Some(played)
    }
}
