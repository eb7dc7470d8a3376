//! Deciding ahead: access that is allowed before somebody asks, and who decides while somebody is away.

use std::collections::BTreeSet;

use serde_json::json;

use super::answer::Mistake;
use super::judge::Question;
use super::view::PreapprovalView;
use super::{Answer, Came, Desk, Result};
use crate::catalog::form::{Complete, DURATION, Draft, LENGTH, REASON, START, TO};
use crate::domain::event::{Event, ORGANISATION};
use crate::domain::id::{PersonId, PreapprovalId};
use crate::domain::notice::{Audience, Subject};
use crate::domain::person::{Actor, Email};
use crate::domain::request::LONGEST_REASON;
use crate::domain::time::{Span, Time};
use crate::policy::MayNot;
use crate::store::{PreapprovalRow, StandInRow};

/// The longest that something may be allowed ahead of time, and that somebody may be away.
const LONGEST: Span = Span::days(366);
/// Whoever may use it and whoever allowed it are reminded this long before it ends.
const BEFORE_ITS_END: Span = Span::days(14);
/// A start that was meant to be today may be over.
const STARTED: Span = Span::days(1);

impl Desk {
    /// Allows somebody an access ahead of time, or says why not.
    pub async fn allow(&self, came: &Came, draft: Draft) -> Result<Answer> {
        let mistaken =
            |field: &str, message: String| Answer::Mistakes { mistakes: vec![Mistake { field: field.to_owned(), message }] };
        let refused = |why: String| Answer::Refused { why };
        let complete = match draft.complete(&self.catalog(), self.index()) {
            Ok(complete) => complete,
            Err(problems) => {
                let mistakes = problems.into_iter().map(|it| Mistake { field: it.arg, message: it.message }).collect();
                return Ok(Answer::Mistakes { mistakes });
            }
        };
        let Complete { to, access, effect, reason, duration, window, .. } = complete;
        let Some(email) = to.as_deref().and_then(Email::parse) else {
            return Ok(mistaken(TO, "Say for whom: type an e-mail address, or mention the person.".to_owned()));
        };
        if reason.as_ref().is_some_and(|reason| LONGEST_REASON < reason.chars().count()) {
            return Ok(mistaken(REASON, format!("A reason can have at most {LONGEST_REASON} characters; shorten it.")));
        }
        let now = self.now();
        let window = window.unwrap_or_default();
        let from = window.start.unwrap_or(now);
        let until = window.end.unwrap_or(from + window.length.unwrap_or(crate::catalog::form::Window::USUAL));
        if from < now - STARTED {
            return Ok(mistaken(START, "This start is in the past; leave it out to begin now.".to_owned()));
        }
        if until <= now || until <= from {
            return Ok(mistaken(LENGTH, "This would be over already; choose a later end.".to_owned()));
        }
        if from + LONGEST < until {
            return Ok(mistaken(LENGTH, format!("At most {LONGEST} can be allowed ahead of time; choose less.")));
        }
        let principal = self.principal(came, Some(&email)).await?;
        let rules = self.rules().await?;
        let whole = self.whole(&principal).await?;
        let question = Question {
            access: &access,
            requestor: principal.id.clone(),
            principal: whole.clone(),
            reason: true,
            length: Some(until - from),
            break_glass: false,
        };
        let (mut judged, plan) = self.judge_beside(&rules, &question, self.plan(&principal, &access)).await?;
        let issuer = self.whole(&came.person).await?;
        judged.facts.stand_ins = self.stand_ins(&[&issuer], judged.at).await?;
        let longest = match judged.analysis.allows(&rules.policy, &judged.facts, &issuer, &whole) {
            Ok(longest) => self.no_longer_than_type(longest, &access),
            Err(MayNot::NotApprover) => {
                let why = "Only somebody who may approve this alone can allow it ahead of time, and you are not one of them.";
                return self.only_answer(came, refused(why.to_owned())).await;
            }
            Err(why) => return self.only_answer(came, refused(why.to_string())).await,
        };
        let length = duration.unwrap_or(Span::hours(1).min(longest));
        if longest < length {
            return Ok(mistaken(DURATION, format!("Each access may last {longest} at most; choose {longest} or less.")));
        }
        if let Err(why) = plan {
            return self.only_answer(came, refused(why)).await;
        }
        let row = PreapprovalRow {
            id: PreapprovalId::new(&*self.inner.outside),
            principal: principal.id.clone(),
            issuer: came.person.id.clone(),
            access,
            effect: effect.clone(),
            reason,
            length,
            from,
            until,
            policy: rules.version,
            created_at: now,
            ended_at: None,
        };
        let answer = Answer::Allowed { preapproval: row.id.clone(), effect, whom: principal.name.clone(), until, length };
        super::settle!(self.put_preapproval(came, &email, row.clone(), &answer).await)
    }

    async fn put_preapproval(&self, came: &Came, email: &Email, mut row: PreapprovalRow, answer: &Answer) -> Result<Answer> {
        let now = row.created_at;
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        row.principal = tx.person_for_email(email, email.as_str(), now).await?.id;
        tx.insert_preapproval(&row).await?;
        let places = self.inner.places.read().map(|places| places.clone()).unwrap_or_default();
        let here = (came.handle.surface.clone(), came.handle.realm.clone());
        let channels = places.iter().map(|it| ((it.surface.clone(), it.realm.clone()), Audience::Approvals, Time(0)));
        let mut all: Vec<_> = channels.collect();
        let remind = row.until - BEFORE_ITS_END;
        let people = BTreeSet::from([row.issuer.clone(), row.principal.clone()]);
        for person in people {
            all.push((here.clone(), Audience::Person(person.clone()), Time(0)));
            if row.from.max(now) < remind {
                all.push((here.clone(), Audience::Reminder(person), remind));
            }
        }
        for (at, audience, not_before) in all {
            self.put_notice(&mut tx, Subject::Preapproval(row.id.clone()), at, audience, not_before).await?;
        }
        tx.show_notices(&row.id, now).await?;
        let body = json!({
            "preapproval": row.id, "principal": row.principal, "access": row.access, "effect": row.effect, "reason": row.reason,
            "from": row.from, "until": row.until, "length_ms": row.length, "policy": row.policy, "via": came.handle.surface,
        });
        tx.record(Event::new(ORGANISATION, now, Actor::Person(row.issuer.clone()), "access.allowed_ahead").with(body));
        tx.commit().await?;
        Ok(answer.clone())
    }

    /// What was allowed ahead of time, for a message.
    pub async fn preapproval(&self, id: &PreapprovalId, surface: &str, realm: &str) -> Result<Option<PreapprovalView>> {
        let Some(row) = self.inner.store.preapproval(id).await? else { return Ok(None) };
        let catalog = self.catalog();
        let integration = catalog.get(&row.access.integration).map_or(row.access.integration.clone(), |it| it.title.clone());
        Ok(Some(PreapprovalView {
            id: row.id,
            principal: self.person_view(&row.principal, surface, realm).await?,
            issuer: self.person_view(&row.issuer, surface, realm).await?,
            integration,
            effect: row.effect,
            reason: row.reason,
            length: row.length,
            from: row.from,
            until: row.until,
            ended_at: row.ended_at,
        }))
    }

    /// Whoever allowed it, or another approver, takes it back. What was given by it ends at its own time.
    pub async fn end_preapproval(&self, came: &Came, id: &PreapprovalId) -> Result<Answer> {
        let Some(row) = self.inner.store.preapproval(id).await? else {
            return self.only_answer(came, Answer::Refused { why: "This was never allowed here.".to_owned() }).await;
        };
        if row.issuer != came.person.id {
            let rules = self.rules().await?;
            let principal = self.who_by_id(&row.principal).await?;
            let question = Question {
                access: &row.access,
                requestor: row.principal.clone(),
                principal,
                reason: true,
                length: Some(row.length),
                break_glass: false,
            };
            let mut judged = self.judge(&rules, &question).await?;
            let actor = self.whole(&came.person).await?;
            if let Err(why) = self.decides(&rules, &mut judged, &actor).await? {
                return self.only_answer(came, Answer::Refused { why: why.to_string() }).await;
            }
        }
        super::settle!(self.put_end_of_preapproval(came, &row).await)
    }

    async fn put_end_of_preapproval(&self, came: &Came, row: &PreapprovalRow) -> Result<Answer> {
        let now = self.now();
        let by = Actor::Person(came.person.id.clone());
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &Answer::Nothing).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        if tx.end_preapproval(&row.id, &by, now).await? {
            tx.record(Event::new(ORGANISATION, now, by, "access.allowed_no_more").with(json!({ "preapproval": row.id })));
        }
        tx.bump_notices(&row.id).await?;
        tx.show_notices(&row.id, now).await?;
        tx.commit().await?;
        Ok(Answer::Nothing)
    }

    /// From now on `to` decides in this person's place, until then or until they are back. With nobody
    /// named it tells how it is.
    pub async fn away(&self, came: &Came, to: Option<Email>, until: Option<Time>) -> Result<Answer> {
        let now = self.now();
        let Some(email) = to else {
            let answer = match self.inner.store.stand_in_of(&came.person.id, now).await? {
                None => Answer::Away { instead: None },
                Some(row) => Answer::Away { instead: Some((self.name_of(&row.by).await?, row.until)) },
            };
            return self.only_answer(came, answer).await;
        };
        let until = until.unwrap_or(now + Span::days(7));
        let why = if came.person.email.as_ref() == Some(&email) {
            Some("You cannot stand in for yourself; name somebody else.".to_owned())
        } else if until <= now {
            Some("This would be over already; choose a later end.".to_owned())
        } else if now + LONGEST < until {
            Some(format!("Nobody stands in for longer than {LONGEST}; choose an earlier end."))
        } else {
            None
        };
        if let Some(why) = why {
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        let Some(person) = self.inner.store.person_by_email(&email).await? else {
            let why = format!("Nobody with the address {email} was ever here. Have them type `/p0 help` once, then try again.");
            return self.only_answer(came, Answer::Refused { why }).await;
        };
        let row = StandInRow { away: came.person.id.clone(), by: person.id, since: now, until };
        let answer = Answer::Away { instead: Some((person.name, until)) };
        super::settle!(self.put_stand_in(came, Some(&row), answer.clone()).await)
    }

    pub(super) async fn name_of(&self, id: &PersonId) -> Result<String> {
        Ok(self.inner.store.person(id).await?.map_or_else(|| "Somebody".to_owned(), |person| person.name))
    }

    /// This person decides themselves again.
    pub async fn back(&self, came: &Came) -> Result<Answer> {
        super::settle!(self.put_stand_in(came, None, Answer::Away { instead: None }).await)
    }

    async fn put_stand_in(&self, came: &Came, row: Option<&StandInRow>, answer: Answer) -> Result<Answer> {
        let now = self.now();
        let by = Actor::Person(came.person.id.clone());
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        let event = match row {
            Some(row) => {
                tx.put_stand_in(row).await?;
                let body = json!({ "away": row.away, "by": row.by, "until": row.until });
                Some(Event::new(ORGANISATION, now, by, "person.away").with(body))
            }
            None if tx.end_stand_in(&came.person.id, now).await? => {
                Some(Event::new(ORGANISATION, now, by, "person.back").with(json!({ "away": came.person.id })))
            }
            None => None,
        };
        if let Some(event) = event {
            tx.record(event);
        }
        tx.commit().await?;
        Ok(answer)
    }
}
