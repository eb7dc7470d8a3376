//! What follows the acknowledgement: opening views, asking who somebody is, telling answers, repairing copies.
//!
//! Each step may be cut off and repeated: the interaction stays in the inbox until all of it is done,
//! and the engine comes back to it.

use secrecy::ExposeSecret;

use super::client::{self, Reply};
use super::inbound::{self, Action, Actions, Interaction, Place, SlashCommand, Who};
use super::messages::{Message, action};
use super::receive::{Bytes, Door, Handled, came, handle, words};
use super::{NAME, Slack, messages, modal};
use crate::catalog::form::Draft;
use crate::desk::{Answer, Said};
use crate::domain::fault::Fault;
use crate::domain::id::RequestId;
use crate::domain::notice::Posted;
use crate::domain::time::Span;

/// A trigger opens a view for three seconds; later the person is told to try again.
const TRIGGER_LIVES: Span = Span::seconds(3);

/// So many open forms are remembered with their newest change.
const FORMS: usize = 1_000;

const TOO_LATE: &str = "Slack did not let me open the form in time. Please try once more.";

impl Slack {
    /// Goes on with a stored interaction; what the engine calls after a crash.
    pub(super) async fn go_on(&self, key: &str) -> Result<(), Fault> {
        let Some(stored) = self.desk.unfinished(key).await? else { return Ok(()) };
        let Some(bytes) = &stored.tell_by else {
            // What was needed to go on is cleared after half an hour.
            self.desk.finished(key);
            return Ok(());
        };
        self.finish(key, bytes.expose_secret(), stored.answer, self.outside.now() - stored.at).await
    }

    /// Goes on at once, in the process that received it. What fails is left to the engine.
    pub(super) async fn go_on_now(&self, key: &str, bytes: String) {
        let answer = match self.desk.answered(key).await {
            Ok(answer) => answer.filter(|answer| *answer != Answer::Nothing),
            Err(_) => return,
        };
        self.go_on_with(key, &bytes, answer).await;
    }

    /// As [`Slack::go_on_now`], with the answer it has got so far.
    pub(super) async fn go_on_with(&self, key: &str, bytes: &str, answer: Option<Answer>) {
        if let Err(fault) = self.finish(key, bytes, answer, Span::ZERO).await {
            tracing::info!(why = %fault, "an interaction is not finished; it is tried again");
            // Should this fail too, the engine comes to it when the time of the receiver is over.
            let _ = self.desk.hand_over(key).await;
        }
    }

    async fn finish(&self, key: &str, bytes: &str, answer: Option<Answer>, age: Span) -> Result<(), Fault> {
        let Ok(Bytes { door, body }) = serde_json::from_str(bytes) else {
            self.desk.finished(key);
            return Ok(());
        };
        match door {
            Door::Commands => {
                if let Ok(command) = SlashCommand::parse(body.as_bytes()) {
                    self.finish_command(key, bytes, &command, answer, age).await?;
                }
            }
            Door::Interactive => match Interaction::parse(body.as_bytes()) {
                Ok(Interaction::Actions(actions)) => {
                    if let Some(action) = actions.actions.first() {
                        self.finish_action(key, bytes, &actions, action, answer, age).await?;
                    }
                }
                Ok(Interaction::Submission(submission)) => {
                    if answer.is_none()
                        && let Some(person) = self.meet(&submission.who, None).await?
                    {
                        let came = came(&submission.who, key.to_owned(), person, Some(bytes.to_owned()));
                        if self.introduce(&came, modal::draft(&submission.view).to.as_deref()).await? {
                            self.submit(&submission, &came).await?;
                        }
                    }
                    if let Some(answer) = self.desk.answered(key).await? {
                        self.tell(&submission.who, None, &answer).await?;
                    }
                }
                Ok(Interaction::Shortcut { who, trigger, said, .. }) => {
                    if let Some(person) = self.meet(&who, None).await? {
                        let draft = match said {
                            Some(said) => self.desk.cure(&person, &inbound::typed(&said)).await?,
                            None => None,
                        };
                        self.open(&who, &trigger, None, age, draft.unwrap_or_default()).await?;
                    }
                }
                Ok(Interaction::Closed { .. } | Interaction::Suggestion(_) | Interaction::Ignored { .. }) | Err(_) => {}
            },
            Door::Events => {} // none is stored
        }
        self.desk.finished(key);
        Ok(())
    }

    async fn finish_command(
        &self,
        key: &str,
        bytes: &str,
        command: &SlashCommand,
        answer: Option<Answer>,
        age: Span,
    ) -> Result<(), Fault> {
        let url = command.response_url.as_deref();
        if let Some(answer) = answer {
            return self.tell(&command.who, url, &answer).await;
        }
        let Some(person) = self.meet(&command.who, url).await? else { return Ok(()) };
        let came = came(&command.who, key.to_owned(), person, Some(bytes.to_owned()));
        let said = self.read(command, &came.person).await?;
        if let Said::Form(draft) = said {
            return self.open(&command.who, &command.trigger, url, age, draft).await;
        }
        if self.introduce(&came, said.whom()).await? {
            self.run_command(command, &came).await?;
        }
        match self.desk.answered(key).await? {
            Some(answer) => self.tell(&command.who, url, &answer).await,
            None => Ok(()),
        }
    }

    async fn finish_action(
        &self,
        key: &str,
        bytes: &str,
        actions: &Actions,
        pressed: &Action,
        mut answer: Option<Answer>,
        age: Span,
    ) -> Result<(), Fault> {
        let url = actions.response_url.as_deref();
        let request = messages::pressed(pressed.value.as_deref()).map(|pressed| pressed.request);
        if answer.is_none() {
            let Some(person) = self.meet(&actions.who, url).await? else { return Ok(()) };
            let came = came(&actions.who, key.to_owned(), person, Some(bytes.to_owned()));
            match self.press(actions, pressed, &came).await? {
                Handled::Reply(_) => answer = self.desk.answered(key).await?,
                Handled::Later => match (pressed.action_id.split('/').next().unwrap_or_default(), &request, &actions.view) {
                    (action::DENY, Some(request), _) => self.open_denial(actions, request, age).await?,
                    (action::ASK, _, _) => self.open_form(actions, age, Draft::default()).await?,
                    (action::AGAIN, Some(request), _) => {
                        let draft = self.desk.again(&came.person, request).await?;
                        self.open_form(actions, age, draft.unwrap_or_default()).await?;
                    }
                    (_, _, Some(view)) if view.kind == "modal" => self.redraw(&actions.who, view, &pressed.action_ts).await?,
                    (_, _, _) => {}
                },
            }
        }
        if let Some(answer) = answer.filter(Answer::wants_telling) {
            self.tell(&actions.who, url, &answer).await?;
        }
        match (request, &actions.place, &actions.view) {
            (Some(request), Place::Message { channel, ts, ephemeral: false }, _) => {
                self.repair(&request, &actions.who, channel, ts).await
            }
            (_, Place::View { .. }, Some(view)) if view.kind == "home" => {
                self.show_home(&handle(&actions.who), None).await;
                Ok(())
            }
            (_, Place::Message { .. } | Place::View { .. }, _) => Ok(()),
        }
    }

    /// Tells an answer to the one person it is for: through the reply URL, or in a direct message.
    pub(super) async fn tell(&self, who: &Who, url: Option<&str>, answer: &Answer) -> Result<(), Fault> {
        let text = words(answer);
        if text.is_empty() {
            return Ok(());
        }
        let message = Message { text, blocks: Vec::new() };
        if let Some(url) = url {
            match self.client.respond(url, Reply::Ephemeral, &message).await {
                Ok(()) => return Ok(()),
                Err(Fault::Never { .. } | Fault::Denied { .. }) => {} // used up or too old: a direct message
                Err(fault) => return Err(fault),
            }
        }
        self.client.post(&who.user, &message).await.map(drop)
    }

    /// Opens the request form with what is known so far.
    async fn open(&self, who: &Who, trigger: &str, url: Option<&str>, age: Span, draft: Draft) -> Result<(), Fault> {
        if age < TRIGGER_LIVES {
            match self.client.open_view(trigger, &modal::ask(&self.form(who, &draft).await?, None)).await {
                Ok(_) => return Ok(()),
                // Nothing opens with this trigger any more; anything else is tried again while it lives.
                Err(Fault::Never { .. } | Fault::Denied { .. } | Fault::Maybe { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.tell(who, url, &Answer::Refused { why: TOO_LATE.to_owned() }).await
    }

    /// Opens the request form from a button.
    async fn open_form(&self, actions: &Actions, age: Span, draft: Draft) -> Result<(), Fault> {
        let trigger = actions.trigger.as_deref().unwrap_or_default();
        self.open(&actions.who, trigger, actions.response_url.as_deref(), age, draft).await
    }

    async fn open_denial(&self, actions: &Actions, request: &RequestId, age: Span) -> Result<(), Fault> {
        let url = actions.response_url.as_deref();
        let view = self.desk.view(request, NAME, &actions.who.realm).await?;
        let Some(view) = view.filter(|view| view.can_decide()) else {
            let answer = self.desk.outcome(request).await?;
            return self.tell(&actions.who, url, &answer).await;
        };
        if age < TRIGGER_LIVES
            && let Some(trigger) = &actions.trigger
        {
            match self.client.open_view(trigger, &modal::deny(&view, self.outside.now())).await {
                Ok(_) => return Ok(()),
                Err(Fault::Never { .. } | Fault::Denied { .. } | Fault::Maybe { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.tell(&actions.who, url, &Answer::Refused { why: TOO_LATE.to_owned() }).await
    }

    /// A field that others depend on changed, at this time: the form is drawn anew.
    async fn redraw(&self, who: &Who, view: &super::inbound::View, at: &str) -> Result<(), Fault> {
        self.change(&view.id, at);
        let drawn = modal::ask(&self.form(who, &modal::draft(view)).await?, None);
        let mut done = self.client.update_view(&view.id, view.hash.as_deref(), &drawn).await;
        // Two changes in quick succession, both here: the newer one is drawn over what was drawn for the older.
        if done.as_ref().is_err_and(client::is_changed) && self.is_newest(&view.id, at) {
            done = self.client.update_view(&view.id, None, &drawn).await;
        }
        match done {
            Ok(_) => Ok(()),
            // A newer change is being drawn, or the view was closed.
            Err(Fault::Never { .. } | Fault::Denied { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Notes a change of a form.
    fn change(&self, view: &str, at: &str) {
        let Ok(mut forms) = self.forms.lock() else { return };
        if FORMS < forms.len() {
            forms.clear(); // at worst a change is drawn by the next one
        }
        let changes = forms.entry(view.to_owned()).or_default();
        changes.insert(at.to_owned());
    }

    /// Is this the newest of several changes that came here?
    fn is_newest(&self, view: &str, at: &str) -> bool {
        let forms = self.forms.lock();
        forms.is_ok_and(|forms| {
            forms.get(view).is_some_and(|changes| 1 < changes.len() && changes.last().is_some_and(|newest| newest == at))
        })
    }

    /// Is this message another than those that are kept up to date?
    pub(super) async fn is_copy(&self, request: &RequestId, channel: &str, ts: &str) -> crate::desk::Result<bool> {
        let notices = self.desk.notices(request).await?;
        let kept = |posted: &Posted| posted.place == channel && posted.message == ts;
        Ok(!notices.iter().filter_map(|notice| notice.posted.as_ref()).any(kept))
    }

    /// A press on a copy that is not the message we keep up to date brings that copy up to date.
    async fn repair(&self, request: &RequestId, who: &Who, channel: &str, ts: &str) -> Result<(), Fault> {
        if !self.is_copy(request, channel, ts).await? {
            return Ok(());
        }
        let realm = Slack::realm(self.home().await?);
        let Some(view) = self.desk.view(request, NAME, &realm).await? else { return Ok(()) };
        let now = self.outside.now();
        let copy = Posted { place: channel.to_owned(), message: ts.to_owned(), link: None };
        let person = self.desk.who(&handle(who)).await?.map(|person| person.id);
        let own = person.filter(|person| channel != self.approvals && [&view.requestor.id, &view.principal.id].contains(&person));
        let message = match own {
            Some(person) => messages::direct(&view, &person, now, None),
            None => messages::approval(&view, now),
        };
        match self.client.update(&copy, &message).await {
            Ok(()) | Err(Fault::Never { .. } | Fault::Denied { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    }
}
