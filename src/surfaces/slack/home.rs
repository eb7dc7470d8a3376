//! Draws somebody's Home tab ([`messages::home`]). Nothing depends on it: one that could not be drawn is drawn
//! when it is opened the next time.

use super::inbound::Who;
use super::{NAME, Slack, messages};
use crate::domain::fault::Fault;
use crate::domain::id::RequestId;
use crate::domain::person::Handle;
use crate::domain::time::Span;

/// So many tabs are kept up to date; whoever opened theirs before sees the newest when they open it again.
const KEPT: usize = 10_000;
/// How many are drawn at the same time: presses must not wait for a crowd that opens its tabs.
pub(super) const AT_ONCE: usize = 4;
/// The longest that one may take to be drawn.
const WITHIN: Span = Span::seconds(20);

/// A tab that was drawn by this process.
#[derive(Debug, Default)]
pub(super) struct Tab {
    drawing: bool,
    /// Something changed while it was being drawn: it is drawn once more, so that the newest stays.
    again: bool,
    /// The requests it shows.
    shows: Vec<RequestId>,
}

/// A tab that is being drawn. However that ends, it can be drawn again.
struct Drawing<'a> {
    slack: &'a Slack,
    handle: &'a Handle,
}

impl Drawing<'_> {
    /// It shows these now. Is it to be drawn once more?
    fn done(self, shows: Vec<RequestId>) -> bool {
        let Ok(mut homes) = self.slack.homes.lock() else { return false };
        match homes.get_mut(self.handle) {
            Some(tab) => {
                tab.shows = shows;
                std::mem::take(&mut tab.again)
            }
            None => false,
        }
    }
}

impl Drop for Drawing<'_> {
    fn drop(&mut self) {
        let Ok(mut homes) = self.slack.homes.lock() else { return };
        let full = KEPT < homes.len();
        match homes.get_mut(self.handle) {
            Some(tab) if !full => tab.drawing = false,
            Some(_) => drop(homes.remove(self.handle)),
            None => {}
        }
    }
}

impl Slack {
    /// Draws the tab. `who` is given when it was opened: it may be the first contact.
    pub(super) async fn show_home(&self, handle: &Handle, who: Option<&Who>) {
        while let Some(drawing) = self.begin_drawing(handle) {
            let Ok(_one_of_few) = self.drawers.acquire().await else { return };
            let drawn = tokio::time::timeout(WITHIN.to_std(), self.draw_home(handle, who)).await;
            let drawn = drawn.unwrap_or_else(|_| Err(Fault::later(format!("It took longer than {WITHIN}."))));
            let shows = drawn.unwrap_or_else(|fault| {
                tracing::info!(why = %fault, "a Home tab could not be drawn; it is drawn when it is opened again");
                Vec::new()
            });
            if !drawing.done(shows) {
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

    /// Draws every tab anew that shows this request: nothing in it can be pressed in vain for long.
    pub(super) fn redraw_homes_with(&self, request: &RequestId) {
        let showing = self.homes.lock().map(|homes| {
            homes.iter().filter(|(_, tab)| tab.shows.contains(request)).map(|(handle, _)| handle.clone()).collect::<Vec<_>>()
        });
        for handle in showing.unwrap_or_default() {
            self.redraw_home(handle);
        }
    }

    /// `None`: somebody draws it, and will once more.
    fn begin_drawing<'a>(&'a self, handle: &'a Handle) -> Option<Drawing<'a>> {
        let mut homes = self.homes.lock().ok()?;
        let tab = homes.entry(handle.clone()).or_default();
        if tab.drawing {
            tab.again = true;
            return None;
        }
        tab.drawing = true;
        Some(Drawing { slack: self, handle })
    }

    async fn draw_home(&self, handle: &Handle, who: Option<&Who>) -> Result<Vec<RequestId>, Fault> {
        let met = match (who, self.desk.who(handle).await?) {
            (_, Some(person)) => Ok(person),
            (Some(who), None) => self.met(who).await?,
            (None, None) => return Ok(Vec::new()),
        };
        let person = match met {
            Ok(person) => person,
            Err(why) => {
                self.client.publish_home(&handle.handle, &messages::nobody(&why)).await?;
                return Ok(Vec::new());
            }
        };
        let home = self.desk.home(&person, NAME, &handle.realm).await?;
        self.client.publish_home(&handle.handle, &messages::home(&home, self.desk.now())).await?;
        Ok(home.requests())
    }
}
