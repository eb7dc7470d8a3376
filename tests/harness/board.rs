//! A place where notices are put up, and when: a surface for stories that are told at the desk.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use p0::domain::fault::Fault;
use p0::domain::notice::{Audience, Notice, Posted};
use p0::domain::time::{Clock, Time};
use p0::surfaces::Surface;

use super::world::Outer;

pub struct Board {
    outer: Arc<Outer>,
    /// What was put up for the first time: the request, for whom, when.
    pub posted: Mutex<Vec<(String, Audience, Time)>>,
    /// How the next messages are refused.
    pub refuses: Mutex<VecDeque<Fault>>,
    /// When somebody came to put something up.
    pub visits: Mutex<Vec<Time>>,
}

impl Board {
    pub fn new(outer: Arc<Outer>) -> Arc<Board> {
        Arc::new(Board { outer, posted: Mutex::default(), refuses: Mutex::default(), visits: Mutex::default() })
    }

    /// When reminders of this request were put up.
    pub fn reminders(&self, request: impl AsRef<str>) -> Vec<Time> {
        let posted = self.posted.lock().expect("no panic");
        let of = |(subject, audience, _): &&(String, Audience, Time)| {
            subject == request.as_ref() && matches!(audience, Audience::Reminder(_))
        };
        posted.iter().filter(of).map(|(.., at)| *at).collect()
    }
}

#[async_trait]
impl Surface for Board {
    fn name(&self) -> &'static str {
        "test"
    }

    fn routes(self: Arc<Self>) -> axum::Router {
        axum::Router::new()
    }

    async fn show(&self, notice: &Notice, _until: Time) -> Result<Posted, Fault> {
        self.visits.lock().expect("no panic").push(self.outer.now());
        if let Some(fault) = self.refuses.lock().expect("no panic").pop_front() {
            return Err(fault);
        }
        if let Some(posted) = &notice.posted {
            return Ok(posted.clone());
        }
        let mut posted = self.posted.lock().expect("no panic");
        posted.push((notice.subject.as_str().to_owned(), notice.audience.clone(), self.outer.now()));
        let message = posted.len().to_string();
        Ok(Posted { place: "board".to_owned(), link: Some(format!("board/{message}")), message })
    }

    async fn resume(&self, _key: &str) -> Result<(), Fault> {
        Ok(())
    }
}
