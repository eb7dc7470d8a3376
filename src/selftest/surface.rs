//! A simulated place where people are: it keeps the messages as they stand there, fails, posts and loses
//! the answer, and is slow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::sim::Sim;
use super::wrong::Wrong;
use crate::desk::Desk;
use crate::desk::view::{Phase, RequestView};
use crate::domain::fault::Fault;
use crate::domain::notice::{Notice, Posted, Subject};
use crate::domain::time::{Clock, Span, Time};
use crate::surfaces::Surface;

pub const NAME: &str = "selftest";
pub const REALM: &str = "here";

/// The messages as they stand, by their ids, with what they say.
pub type Messages = Arc<Mutex<BTreeMap<String, String>>>;

pub struct Board {
    pub sim: Arc<Sim>,
    pub desk: Desk,
    pub messages: Messages,
}

/// What a message of this subject has to say now, in short.
pub async fn says(desk: &Desk, subject: &Subject) -> Result<String, Fault> {
    Ok(match subject {
        Subject::Preapproval(_) => return Err(Fault::never("Nothing is allowed ahead of time here.")),
        Subject::Request(id) => desk.view(id, NAME, REALM).await?.map_or_else(String::new, in_short),
        Subject::Alert(id) => format!("{:?}", desk.alert(id).await?),
    })
}

/// What became of an access that is over is read from its assignment, which may have had another life
/// since: that is left out here.
fn in_short(mut view: RequestView) -> String {
    if !view.can_decide() {
        // What may still be chosen changes with the time, and is offered only while it can be.
        view.durations.clear();
        view.extends = None;
    }
    match view.phase {
        Phase::Ended { how, by, at, why, .. } => format!("{} {how:?} {by:?} {at:?} {why:?}", view.effect),
        Phase::Asked
        | Phase::Denied { .. }
        | Phase::Withdrawn { .. }
        | Phase::Stale { .. }
        | Phase::Approved { .. }
        | Phase::Usable { .. }
        | Phase::Ending { .. } => format!("{view:?}"),
    }
}

#[async_trait]
impl Surface for Board {
    fn name(&self) -> &'static str {
        NAME
    }

    fn routes(self: Arc<Self>) -> axum::Router {
        axum::Router::new()
    }

    async fn show(&self, notice: &Notice, until: Time) -> Result<Posted, Fault> {
        let says = says(&self.desk, &notice.subject).await?;
        if until <= self.sim.now() {
            return Err(Fault::later("It took too long."));
        }
        let mut state = self.sim.state();
        let cases = state.weather.of_calls() / 2;
        let wrong = if state.goes_wrong(cases) { state.chance.below(3) } else { 3 };
        if wrong == 0 {
            state.wrong(Wrong::PostFailed);
            return Err(Fault::Later {
                why: "Too many messages.".into(),
                after: Some(Span::seconds(state.chance.between(1, 30))),
            });
        }
        if wrong == 1 {
            state.time += state.chance.between(100, 9_000);
            state.wrong(Wrong::PostSlow);
        }
        let message = match &notice.posted {
            Some(posted) => posted.message.clone(),
            None => format!("m{}", state.chance.next()),
        };
        state.note(&format_args!("message {} shows {}", message, notice.wanted));
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone(), says);
        if wrong == 2 {
            state.wrong(Wrong::PostLost);
            return Err(Fault::Maybe { why: "The answer was lost.".into() });
        }
        Ok(Posted { place: "board".into(), message, link: None })
    }

    async fn resume(&self, _key: &str) -> Result<(), Fault> {
        Ok(())
    }
}
