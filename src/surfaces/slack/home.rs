//! Draws somebody's Home tab ([`messages::home`]). Nothing depends on it: one that could not be drawn is drawn
//! when it is opened the next time.

use super::inbound::Who;
use super::{NAME, Slack, messages};
use crate::domain::fault::Fault;
use crate::domain::person::Handle;

/// So many tabs are kept up to date; whoever opened theirs before sees the newest when they open it again.
const KEPT: usize = 10_000;

/// A tab that was drawn by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Drawn,
    /// It is being drawn; what changes meanwhile is drawn after it, so that the newest stays.
    Drawing {
        again: bool,
    },
}

impl Slack {
    /// Draws the tab. `who` is given when it was opened: it may be the first contact.
    pub(super) async fn show_home(&self, handle: &Handle, who: Option<&Who>) {
        while self.begins_drawing(handle) {
            if let Err(fault) = self.draw_home(handle, who).await {
                tracing::info!(why = %fault, "a Home tab could not be drawn; it is drawn when it is opened again");
            }
            if !self.drawn(handle) {
                return;
            }
        }
    }

    /// Draws it anew behind a message that changes, if it was drawn before.
    pub(super) fn redraw_home(&self, handle: Handle) {
        if self.homes.lock().is_ok_and(|homes| homes.contains_key(&handle)) {
            self.spawn(|slack| async move { slack.show_home(&handle, None).await });
        }
    }

    /// `false`: somebody draws it, and will once more.
    fn begins_drawing(&self, handle: &Handle) -> bool {
        let Ok(mut homes) = self.homes.lock() else { return false };
        match homes.get_mut(handle) {
            Some(Tab::Drawing { again }) => {
                *again = true;
                false
            }
            Some(Tab::Drawn) | None => {
                homes.insert(handle.clone(), Tab::Drawing { again: false });
                true
            }
        }
    }

    /// Is it to be drawn once more?
    fn drawn(&self, handle: &Handle) -> bool {
        let Ok(mut homes) = self.homes.lock() else { return false };
        match homes.remove(handle) {
            Some(Tab::Drawing { again: true }) => true,
            Some(Tab::Drawing { again: false } | Tab::Drawn) | None => {
                if homes.len() < KEPT {
                    homes.insert(handle.clone(), Tab::Drawn);
                }
                false
            }
        }
    }

    async fn draw_home(&self, handle: &Handle, who: Option<&Who>) -> Result<(), Fault> {
        let met = match who {
            Some(who) => self.met(who).await?,
            None => self.desk.who(handle).await?.ok_or_else(String::new),
        };
        let view = match met {
            Ok(person) => messages::home(&self.desk.home(&person, NAME, &handle.realm).await?, self.desk.now()),
            Err(why) => messages::nobody(&why),
        };
        self.client.publish_home(&handle.handle, &view).await
    }
}
