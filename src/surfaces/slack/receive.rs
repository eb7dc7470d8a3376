//! What came in, carried to the desk. What the record alone can answer is answered in the
//! acknowledgement; what must call out is stored, acknowledged, and gone on with in [`super::go_on`].

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::inbound::{self, Action, Actions, Event, Interaction, Place, SlashCommand, Submission, Suggestion, View, Who};
use super::messages::action;
use super::routes::Reply;
use super::{NAME, Slack, blocks, messages, modal};
use crate::catalog::Lookup;
use crate::catalog::args::Problem;
use crate::catalog::form::{Common, Draft, Form, Purpose, Widget};
use crate::desk::{Answer, Came, Offers, Result, Said};
use crate::domain::id::{AlertId, PreapprovalId};
use crate::domain::person::{Handle, Person};

/// What people type to reach us.
const PROGRAM: &str = "/p0";

/// What is stored, sealed, to go on with: the body as it came, and which door it came through.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Bytes {
    pub door: Door,
    pub body: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Door {
    Commands,
    Interactive,
    Events,
}

impl Bytes {
    fn text(door: Door, body: &[u8]) -> String {
        let bytes = Bytes { door, body: String::from_utf8_lossy(body).into_owned() };
        serde_json::to_string(&bytes).unwrap_or_default()
    }
}

/// What a handler that has a person comes to.
pub(super) enum Handled {
    Reply(Reply),
    /// It has to call out.
    Later,
}

impl Slack {
    /// What came to a door, over HTTP or a socket: the same bytes, the same answer.
    pub(super) async fn take(&self, door: Door, body: &[u8]) -> Reply {
        let taken = match door {
            Door::Commands => match SlashCommand::parse(body) {
                Ok(command) => Ok(self.command(command, body).await),
                Err(why) => Err(why),
            },
            Door::Interactive => match Interaction::parse(body) {
                Ok(interaction) => Ok(self.interaction(interaction, body).await),
                Err(why) => Err(why),
            },
            Door::Events => match Event::parse(body) {
                Ok(event) => Ok(self.event(event)),
                Err(why) => Err(why),
            },
        };
        taken.unwrap_or_else(Reply::Refused)
    }

    async fn command(&self, command: SlashCommand, body: &[u8]) -> Reply {
        let bytes = Bytes::text(Door::Commands, body);
        reply(self.take_command(&command, bytes).await, "slash command")
    }

    async fn take_command(&self, command: &SlashCommand, bytes: String) -> Result<Reply> {
        let key = command.key();
        if let Some(person) = self.known(&command.who).await? {
            let came = came(&command.who, key.clone(), person, None);
            if let Handled::Reply(reply) = self.run_command(command, &came).await? {
                return Ok(reply);
            }
        }
        self.later(&key, &bytes).await
    }

    /// Carries out a command of a known person, as far as the record alone can.
    pub(super) async fn run_command(&self, command: &SlashCommand, came: &Came) -> Result<Handled> {
        let answer = match self.read(command, &came.person).await? {
            Said::Form(_) => return Ok(Handled::Later),
            Said::Request(draft) => match self.hand_in(came, draft).await? {
                None => return Ok(Handled::Later),
                Some(answer @ Answer::Mistakes { .. }) => self.in_words(came, &answer).await?,
                Some(answer) => answer,
            },
            Said::Away { to: None, until } => self.desk.away(came, None, until).await?,
            Said::Away { to: Some(to), until } => match self.address(came, &to).await? {
                None => return Ok(Handled::Later),
                to => self.desk.away(came, to, until).await?,
            },
            Said::Back => self.desk.back(came).await?,
            Said::Text(text) => self.desk.only_answer(came, Answer::Text { text: as_code(&text) }).await?,
        };
        Ok(Handled::Reply(told(&answer)))
    }

    /// Gives the desk what is to be asked for, or allowed ahead of time. `None`: it is for somebody whose
    /// address only Slack can tell.
    async fn hand_in(&self, came: &Came, mut draft: Draft) -> Result<Option<Answer>> {
        if let Some(to) = &draft.to {
            let Some(email) = self.address(came, to).await? else { return Ok(None) };
            draft.to = Some(email.as_str().to_owned());
        }
        match draft.purpose {
            Purpose::Request | Purpose::Grant => self.desk.submit(came, draft).await,
            Purpose::Allow => self.desk.allow(came, draft).await,
        }
        .map(Some)
    }

    /// Stores mistakes as a text: there is no form that could show them at its fields.
    async fn in_words(&self, came: &Came, mistakes: &Answer) -> Result<Answer> {
        self.desk.only_answer(came, Answer::Text { text: words(mistakes) }).await
    }

    /// What was typed, understood.
    pub(super) async fn read(&self, command: &SlashCommand, person: &Person) -> Result<Said> {
        let typed = inbound::typed(&command.text);
        // Only lists need to know it.
        let offers = match typed.trim_start().to_lowercase().starts_with("ls") {
            true => Some(self.desk.offers(person).await?),
            false => None,
        };
        Ok(match self.desk.read(PROGRAM, &typed, offers.as_ref()) {
            Said::Text(text) => self.desk.cure_line(person, &typed).await?.map_or(Said::Text(text), Said::Form),
            said => said,
        })
    }

    async fn interaction(&self, interaction: Interaction, body: &[u8]) -> Reply {
        let kind = interaction.kind().to_owned();
        let bytes = Bytes::text(Door::Interactive, body);
        let handled = match interaction {
            Interaction::Actions(actions) => self.take_actions(&actions, bytes).await,
            Interaction::Submission(submission) => self.take_submission(&submission, bytes).await,
            Interaction::Shortcut { who, callback, trigger, .. } if modal::callback::SHORTCUTS.contains(&callback.as_str()) => {
                self.later(&inbound::named(format!("shortcut/{}/{trigger}", who.realm)), &bytes).await
            }
            Interaction::Suggestion(suggestion) => self.suggest(&suggestion).await,
            Interaction::Closed { .. } | Interaction::Shortcut { .. } | Interaction::Ignored { .. } => Ok(Reply::Ack),
        };
        reply(handled, &kind)
    }

    async fn take_actions(&self, actions: &Actions, bytes: String) -> Result<Reply> {
        let Some(action) = actions.actions.first() else { return Ok(Reply::Ack) };
        if action.action_id == action::DURATION {
            return Ok(Reply::Ack); // a choice that only counts with the press on Approve
        }
        let key = actions.key(action);
        if self.desk.answered(&key).await?.is_some() {
            return Ok(Reply::Ack);
        }
        if let Some(person) = self.known(&actions.who).await? {
            let mut came = came(&actions.who, key.clone(), person, Some(bytes.clone()));
            came.unfinished = self.is_stray(actions, action).await?;
            if let Handled::Reply(reply) = self.press(actions, action, &came).await? {
                // Tells the answer where the changed messages do not, and repairs a stale copy.
                self.spawn(|slack| async move { slack.go_on_now(&key, bytes).await });
                return Ok(reply);
            }
        }
        self.later(&key, &bytes).await
    }

    /// Was it pressed in a message that the record does not keep up to date: a second copy? It is to be
    /// repaired then, however often that takes.
    async fn is_stray(&self, actions: &Actions, action: &Action) -> Result<bool> {
        match (messages::pressed(action.value.as_deref()), &actions.place) {
            (Some(messages::Pressed { request, .. }), Place::Message { channel, ts, ephemeral: false }) => {
                self.is_copy(&request, channel, ts).await
            }
            (_, Place::Message { .. } | Place::View { .. }) => Ok(false),
        }
    }

    /// Carries out a press of a known person, as far as the record alone can.
    pub(super) async fn press(&self, actions: &Actions, action: &Action, came: &Came) -> Result<Handled> {
        let value = action.value.as_deref().unwrap_or_default();
        match (action.action_id.as_str(), AlertId::parse(value), PreapprovalId::parse(value)) {
            (action::REVIEWED, Some(alert), _) => {
                self.desk.reviewed(came, &alert).await?;
                return Ok(Handled::Reply(Reply::Ack));
            }
            (action::END_PREAPPROVAL, _, Some(preapproval)) => {
                self.desk.end_preapproval(came, &preapproval).await?;
                return Ok(Handled::Reply(Reply::Ack));
            }
            (_, _, _) => {}
        }
        let Some(messages::Pressed { request, bound, length }) = messages::pressed(Some(value)) else {
            return Ok(Handled::Later);
        };
        let came = &Came { shown: bound.map(str::to_owned), ..came.clone() };
        match action.action_id.as_str() {
            action::APPROVE => self.desk.approve(came, &request, messages::chosen_length(&actions.state).or(length)).await?,
            action::REVOKE => self.desk.revoke(came, &request, false).await?,
            action::REVOKE_ALL => self.desk.revoke(came, &request, true).await?,
            action::RELINQUISH => self.desk.relinquish(came, &request).await?,
            action::EXTEND => self.desk.extend(came, &request).await?,
            action::WITHDRAW => self.desk.withdraw(came, &request).await?,
            action::ESCALATE => self.desk.escalate(came, &request).await?,
            _ => return Ok(Handled::Later),
        };
        Ok(Handled::Reply(Reply::Ack))
    }

    async fn take_submission(&self, submission: &Submission, bytes: String) -> Result<Reply> {
        let key = submission.key();
        if let Some(answer) = self.desk.answered(&key).await? {
            return Ok(after(&submission.view, &answer));
        }
        if let Some(person) = self.known(&submission.who).await? {
            let came = came(&submission.who, key.clone(), person, None);
            if let Handled::Reply(reply) = self.submit(submission, &came).await? {
                return Ok(reply);
            }
        }
        self.later(&key, &bytes).await
    }

    /// Carries out a submitted view: an ask, or a denial with its reason.
    pub(super) async fn submit(&self, submission: &Submission, came: &Came) -> Result<Handled> {
        let view = &submission.view;
        let answer = match view.callback.as_str() {
            modal::callback::ASK => match self.hand_in(came, modal::draft(view)).await? {
                None => return self.before_it_closes(&submission.who, view).await,
                // The form was closed when the view was acknowledged.
                Some(answer @ Answer::Mistakes { .. }) if came.tell_by.is_some() => self.in_words(came, &answer).await?,
                Some(Answer::Mistakes { mistakes }) => {
                    let problems: Vec<_> = mistakes.into_iter().map(|it| Problem::wrong(&it.field, it.message)).collect();
                    return Ok(Handled::Reply(self.errors(&submission.who, view, &problems).await?));
                }
                Some(answer) => answer,
            },
            modal::callback::DENY => match modal::denied(view) {
                Some((request, note)) => {
                    let answer = self.desk.deny(came, &request, note).await?;
                    self.redraw_home(handle(&submission.who)); // the press may have been there
                    answer
                }
                None => return Ok(Handled::Reply(Reply::Ack)),
            },
            _ => return Ok(Handled::Reply(Reply::Ack)),
        };
        Ok(Handled::Reply(after(view, &answer)))
    }

    /// Slack has to be asked who is meant, and the form closes before it answers: what can be told at the
    /// fields is told first.
    async fn before_it_closes(&self, who: &Who, view: &View) -> Result<Handled> {
        match modal::draft(view).complete(&self.desk.catalog(), self.desk.index()) {
            Ok(_) => Ok(Handled::Later),
            Err(problems) => Ok(Handled::Reply(self.errors(who, view, &problems).await?)),
        }
    }

    async fn errors(&self, who: &Who, view: &View, problems: &[Problem]) -> Result<Reply> {
        Ok(Reply::Body(modal::errors(&self.form(who, &modal::draft(view)).await?, problems)))
    }

    /// The form for what is known so far, and what will come of it.
    pub(super) async fn form(&self, who: &Who, draft: &Draft) -> Result<Form> {
        let (form, _) = self.bare_form(who, draft).await?;
        match (draft.purpose, self.known(who).await?, self.for_whom(who, draft).await?) {
            (Purpose::Request | Purpose::Grant, Some(person), Some(whom)) => {
                let preview = self.desk.preview(&person, &whom, draft).await?;
                Ok(Form { note: preview.or(form.note), ..form })
            }
            (Purpose::Request | Purpose::Grant | Purpose::Allow, _, _) => Ok(form),
        }
    }

    /// Who is to receive it, if they are known: whoever fills in the form, or whom they named.
    async fn for_whom(&self, who: &Who, draft: &Draft) -> Result<Option<Person>> {
        match (draft.purpose, &draft.to) {
            (Purpose::Request, _) => self.known(who).await,
            (Purpose::Grant | Purpose::Allow, Some(to)) => self.named_before(who, to).await,
            (Purpose::Grant | Purpose::Allow, None) => Ok(None),
        }
    }

    /// The form with what whoever is to receive it may have; for whom nobody knows yet it shows all.
    async fn bare_form(&self, who: &Who, draft: &Draft) -> Result<(Form, Option<Offers>)> {
        let rules = self.desk.limits().await?;
        let durations = &rules.policy.durations;
        let Some(whom) = self.for_whom(who, draft).await? else {
            let common = Common { durations, reason_required: false };
            return Ok((Form::new(&self.desk.catalog(), self.desk.index(), draft, common), None));
        };
        let offers = self.desk.offers(&whom).await?;
        // What is allowed ahead of time needs its reason only when it is asked for.
        let reason_required = draft.purpose != Purpose::Allow && offers.needs_reason(draft);
        Ok((Form::new(&offers.catalog, &offers, draft, Common { durations, reason_required }), Some(offers)))
    }

    /// Type-ahead, from memory: what the field's source has, given what else is chosen.
    async fn suggest(&self, suggestion: &Suggestion) -> Result<Reply> {
        let Some(view) = &suggestion.view else { return Ok(Reply::Body(modal::suggestions(&[], "", false))) };
        let (form, offers) = self.bare_form(&suggestion.who, &modal::draft(view)).await?;
        let field = form.fields.iter().find(|field| field.name == suggestion.action_id);
        let (Some(integration), Some(Widget::Lookup { source, given, free, .. })) =
            (&form.integration, field.map(|field| &field.widget))
        else {
            return Ok(Reply::Body(modal::suggestions(&[], "", false)));
        };
        let (query, most) = (&suggestion.query, blocks::limit::OPTIONS);
        let found = match &offers {
            Some(offers) => offers.find(integration, source, given, query, most),
            None => self.desk.index().find(integration, source, given, query, most),
        };
        Ok(Reply::Body(modal::suggestions(&found, &suggestion.query, *free)))
    }

    fn event(&self, event: Event) -> Reply {
        match event {
            Event::Challenge(text) => Reply::Plain(text),
            Event::Uninstalled { .. } | Event::TokensRevoked { .. } => {
                tracing::error!(
                    "the app was taken out of Slack or its token revoked: install it again, or nobody is asked and told"
                );
                Reply::Ack
            }
            // Nothing depends on it, so it is not stored.
            Event::HomeOpened { who, tab, .. } => {
                if tab.as_deref().is_none_or(|tab| tab == "home") {
                    self.spawn(|slack| async move { slack.show_home(&handle(&who), Some(&who)).await });
                }
                Reply::Ack
            }
            Event::Ignored { .. } => Reply::Ack,
        }
    }

    /// Stores an interaction, acknowledges it, and goes on.
    async fn later(&self, key: &str, bytes: &str) -> Result<Reply> {
        if self.desk.accept(key, NAME, bytes).await? {
            let (key, bytes) = (key.to_owned(), bytes.to_owned());
            self.spawn(|slack| async move { slack.go_on_with(&key, &bytes, None).await });
        }
        Ok(Reply::Ack)
    }
}

pub(super) fn handle(who: &Who) -> Handle {
    Handle { surface: NAME.to_owned(), realm: who.realm.clone(), handle: who.user.clone() }
}

pub(super) fn came(who: &Who, key: String, person: Person, tell_by: Option<String>) -> Came {
    Came { key, person, handle: handle(who), tell_by, unfinished: false, shown: None }
}

/// What a person is told, as mrkdwn with times in the reader's zone.
pub(super) fn words(answer: &Answer) -> String {
    match answer {
        Answer::Text { text } => text.clone(),
        answer => answer
            .words(|at| format!("\u{1}{}\u{1}", at.seconds()))
            .split('\u{1}')
            .enumerate()
            .map(|(at, piece)| match piece.parse::<i64>() {
                Ok(seconds) if at % 2 == 1 => blocks::date(crate::domain::time::Time(seconds * 1000)),
                Ok(_) | Err(_) => piece.split('\n').map(escaped).collect::<Vec<_>>().join("\n"),
            })
            .collect(),
    }
}

/// A piece of a line as mrkdwn; the spaces that part it from its neighbours stay.
fn escaped(piece: &str) -> String {
    let line = blocks::line(piece, blocks::limit::SECTION - 200);
    let (before, after) = (piece.starts_with(' '), piece.ends_with(' '));
    match line.is_empty() {
        true => (if before { " " } else { "" }).to_owned(),
        false => format!("{}{line}{}", if before { " " } else { "" }, if after { " " } else { "" }),
    }
}

/// An answer in the acknowledgement of a command: only the person who typed sees it.
fn told(answer: &Answer) -> Reply {
    match words(answer) {
        text if text.is_empty() => Reply::Ack,
        text => Reply::Body(json!({ "response_type": "ephemeral", "text": text })),
    }
}

/// The answer to a submitted view: it closes, or says what is not in a message anyway.
fn after(view: &View, answer: &Answer) -> Reply {
    match answer {
        Answer::Asked { .. } | Answer::AtOnce { .. } | Answer::Approved { .. } | Answer::Denied { .. } | Answer::Nothing => {
            Reply::Ack
        }
        answer => {
            let words = answer.words(|at| format!("{at}")); // the view escapes them itself
            let title = modal::title(modal::Carried::of(view).draft.purpose);
            Reply::Body(json!({ "response_action": "update", "view": modal::told(title, &words) }))
        }
    }
}

/// In one width of letters, as terminals show it.
fn as_code(text: &str) -> String {
    blocks::code(text, blocks::limit::SECTION - 20)
}

/// A failure on our side is logged once, here, and answered without detail.
fn reply(done: Result<Reply>, kind: &str) -> Reply {
    done.unwrap_or_else(|error| {
        tracing::error!(%error, kind, "an interaction could not be stored; the person is shown Slack's own error");
        Reply::Failed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RequestId;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn times_are_in_the_readers_zone_and_what_others_wrote_is_escaped() {
        let at = Time(1_800_000_000_000);
        let answer = Answer::EndedButKept { request: RequestId::new(&Still(at)), until: at };
        insta::assert_snapshot!(words(&answer), @"This request is over, but another request keeps the access until <!date^1800000000^{date_short_pretty} at {time}|2027-01-15 08:00 UTC>.");
        let answer = Answer::Refused { why: "There is no login named <!channel>.\nAsk for one.".to_owned() };
        assert_eq!(words(&answer), "There is no login named &lt;!channel&gt;.\nAsk for one.");
    }
}
