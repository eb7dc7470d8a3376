//! Who gets which message of a request, and when: the place where approvers are, whoever asked and whoever
//! receives it, and approvers who are asked one by one.

use std::collections::BTreeSet;

use serde_json::json;

use super::judge::Judgement;
use super::{Answer, Came, Desk, Result, Rules};
use crate::domain::alert::{AlertKind, Told};
use crate::domain::directory::{Members, Who};
use crate::domain::event::Event;
use crate::domain::id::{AlertId, NoticeId, PersonId, RequestId};
use crate::domain::notice::{Audience, Notice, Subject};
use crate::domain::person::{Actor, Handle};
use crate::domain::request::RequestState;
use crate::domain::time::{Span, Time};
use crate::policy::Press;
use crate::policy::rule::Approver;
use crate::store::{RequestRow, Tx};

/// Who is asked one by one, and when the channel is.
#[derive(Default)]
pub(super) struct Turns {
    asked: Vec<Asked>,
    channel_after: Span,
}

/// Somebody is asked by a message of their own, so long after the ask.
struct Asked {
    person: PersonId,
    after: Span,
    /// Whose turn it was; another than `person` while that one is away.
    turn: PersonId,
}

/// More people than this are not asked one by one.
const MOST_ASKED: usize = 200;

impl Desk {
    /// Whom to ask one by one before the channel: of each way that says so, as many as it says, whose turn
    /// it is. Nobody, when one way does not say so.
    pub(super) async fn whom_to_ask(&self, rules: &Rules, row: &RequestRow, judged: &Judgement) -> Result<Turns> {
        let mut found = Turns::default();
        if judged.analysis.open().any(|way| way.ladder.is_none()) {
            return Ok(found);
        }
        let nobody = Who { id: row.request.principal.clone(), email: None, handles: Vec::new() };
        let press = Press { actor: &nobody, requestor: &row.request.requestor, principal: &row.request.principal, before: &[] };
        let mut seen: BTreeSet<PersonId> = BTreeSet::from([row.request.requestor.clone(), row.request.principal.clone()]);
        let ways: Vec<&crate::policy::Way> = judged.analysis.open().collect();
        for way in ways {
            let Some(ladder) = &way.ladder else { continue };
            let only = crate::policy::Analysis { ways: vec![way.clone()], ..judged.analysis.clone() };
            let Some(members) = only.who_may(&rules.policy, &judged.facts, press, &[]) else { continue };
            let mut pool: Vec<PersonId> = self.people(&members).await?;
            pool.retain(|person| !seen.contains(person));
            let turns = self.inner.store.turns(&pool).await?;
            let last = |person: &PersonId| turns.iter().find(|(known, _)| known == person).map(|(_, at)| *at);
            pool.sort_by_cached_key(|person| (last(person), person.clone()));
            let mut pool = pool.into_iter();
            let mut after = Span::ZERO;
            for count in &ladder.people {
                for turn in pool.by_ref().take(usize::try_from(*count).unwrap_or(0)) {
                    let away = self.inner.store.stand_in_of(&turn, self.now()).await?;
                    let person = away.map_or_else(|| turn.clone(), |away| away.by);
                    if seen.insert(person.clone()) {
                        found.asked.push(Asked { person, after, turn });
                        found.channel_after = found.channel_after.max(after + ladder.every);
                    }
                }
                after = after + ladder.every;
            }
        }
        Ok(found)
    }

    /// The people a directory means, as far as they are somebody here: an address makes a person, a name on
    /// a surface that nobody came by does not.
    async fn people(&self, members: &Members) -> Result<Vec<PersonId>> {
        let mut people = BTreeSet::new();
        for handle in members.handles.iter().take(MOST_ASKED) {
            people.extend(self.inner.store.person_by_handle(handle).await?.map(|person| person.id));
        }
        let mut unseen = Vec::new();
        for email in members.emails.iter().take(MOST_ASKED) {
            match self.inner.store.person_by_email(email).await? {
                Some(person) => drop(people.insert(person.id)),
                None => unseen.push(email),
            }
        }
        if !unseen.is_empty() {
            let mut tx = self.inner.store.begin().await?;
            for email in unseen {
                people.insert(tx.person_for_email(email, email.as_str(), self.now()).await?.id);
            }
            tx.commit().await?;
        }
        Ok(people.into_iter().collect())
    }

    /// The messages of a new request.
    pub(super) async fn put_notices(&self, tx: &mut Tx, row: &RequestRow, came: &Handle, turns: &Turns) -> Result<()> {
        let request = &row.request;
        let here = |audience, not_before| (came.surface.clone(), came.realm.clone(), audience, not_before);
        // Nothing waits for what is due at once.
        let after = |after: Span| if after == Span::ZERO { Time(0) } else { request.created_at + after };
        let quiet = after(turns.channel_after);
        let places = self.inner.places.read().map(|places| places.clone()).unwrap_or_default();
        let mut all: Vec<(String, String, Audience, Time)> = Vec::new();
        all.extend(places.iter().map(|place| (place.surface.clone(), place.realm.clone(), Audience::Approvals, quiet)));
        all.push(here(Audience::Person(request.requestor.clone()), Time(0)));
        if request.principal != request.requestor {
            all.push(here(Audience::Person(request.principal.clone()), Time(0)));
        }
        for asked in &turns.asked {
            all.push(here(Audience::Approver(asked.person.clone()), after(asked.after)));
            // Whoever may never come to be asked keeps the turn.
            if asked.after == Span::ZERO {
                tx.had_turn(&asked.turn, request.created_at).await?;
            }
        }
        for (surface, realm, audience, not_before) in all {
            self.put_notice(tx, Subject::Request(request.id.clone()), (surface, realm), audience, not_before).await?;
        }
        Ok(())
    }

    pub(super) async fn put_notice(
        &self,
        tx: &mut Tx,
        subject: Subject,
        (surface, realm): (String, String),
        audience: Audience,
        not_before: Time,
    ) -> Result<()> {
        let id = NoticeId::new(&*self.inner.outside);
        let notice =
            Notice { id, subject, surface, realm, audience, wanted: 1, shown: 0, posted: None, not_before, trouble: None };
        Ok(tx.insert_notice(&notice).await?)
    }

    /// Reviewers are told of an emergency until one of them has looked at it.
    pub(super) async fn raise_emergency(&self, tx: &mut Tx, row: &RequestRow, who: &str) -> Result<()> {
        let request = &row.request;
        let now = request.created_at;
        let about = format!("{} for {who}", request.effect);
        let why = request.reason.clone().unwrap_or_default();
        let (alert, _) = tx.open_alert(AlertKind::Emergency, request.id.as_str(), &Told::new(about, why, now), now).await?;
        let places = self.inner.places.read().map(|places| places.clone()).unwrap_or_default();
        for place in places.iter() {
            let at = (place.surface.clone(), place.realm.clone());
            self.put_notice(tx, Subject::Alert(alert.clone()), at, Audience::Approvals, Time(0)).await?;
        }
        tx.show_notices(&alert, now).await?;
        let body = json!({ "alert": alert, "effect": request.effect, "reason": request.reason });
        tx.record(Event::new(&request.id, now, Actor::Person(request.requestor.clone()), "request.emergency").with(body));
        Ok(())
    }

    /// A reviewer looked at an emergency.
    pub async fn reviewed(&self, came: &Came, id: &AlertId) -> Result<Answer> {
        let found = self.inner.store.alert(id).await?.filter(|alert| alert.kind == AlertKind::Emergency);
        let request = found.as_ref().and_then(|alert| RequestId::parse(&alert.subject));
        let row = match request {
            Some(request) => self.inner.store.request(&request).await?,
            None => None,
        };
        let (Some(alert), Some(row)) = (found, row) else {
            return self
                .only_answer(came, Answer::Refused { why: "There is nothing to look at here any more.".to_owned() })
                .await;
        };
        let rules = self.rules().await?;
        let judged = self.judge_again(&rules, &row).await?;
        let actor = self.whole(&came.person).await?;
        // The role itself: neither an approver of something else nor who stands in for somebody.
        let may = match judged.facts.holds(rules.policy.overseers(), &actor) {
            Ok(true) => Ok(()),
            Ok(false) => Err("Only security reviewers can do this, and you are not one.".to_owned()),
            Err(why) => {
                Err(format!("Who the reviewers are could not be checked just now. {why} Please press again in a minute."))
            }
        };
        let own = [&row.request.requestor, &row.request.principal].contains(&&came.person.id);
        let may = may.and_then(|()| {
            if own { Err("It was your own emergency; somebody else has to look at it.".to_owned()) } else { Ok(()) }
        });
        if let Err(why) = may {
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        let told = Told { looked_at_by: Some(came.person.name.clone()), ..alert.told };
        super::settle!(self.put_reviewed(came, &alert.subject, &told, &row).await)
    }

    async fn put_reviewed(&self, came: &Came, subject: &str, told: &Told, row: &RequestRow) -> Result<Answer> {
        let now = self.now();
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &Answer::Nothing).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        let Some(alert) = tx.close_alert_with(AlertKind::Emergency, subject, told, now).await? else {
            drop(tx);
            let why = "Somebody else looked at it already.".to_owned();
            return self.only_answer(came, Answer::Refused { why }).await;
        };
        tx.bump_notices(&alert).await?;
        tx.show_notices(&alert, now).await?;
        let by = Actor::Person(came.person.id.clone());
        tx.record(Event::new(&row.request.id, now, by, "request.reviewed").with(json!({ "alert": alert })));
        tx.commit().await?;
        Ok(Answer::Nothing)
    }

    /// The requestor has whoever is on call told that it is urgent.
    pub async fn escalate(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        let refused = |why: &str| Answer::Refused { why: why.to_owned() };
        let row = self.inner.store.request(id).await?.filter(|row| row.request.requestor == came.person.id);
        let Some(row) = row else {
            return self.only_answer(came, refused("Only the person who asked can escalate a request.")).await;
        };
        if row.request.state != RequestState::Open {
            let answer = self.decided_before(id).await?;
            return self.only_answer(came, answer).await;
        }
        let rules = self.rules().await?;
        let judged = self.judge_again(&rules, &row).await?;
        let mut members = Members::default();
        for approver in judged.analysis.open().flat_map(|way| &way.steps).flat_map(|step| &step.approvers) {
            let Approver::OnCall { integration, services } = approver else { continue };
            match judged.facts.on_call.get(&(integration.clone(), services.clone())) {
                Some(Ok(on_call)) => members.extend(on_call),
                Some(Err(why)) => {
                    let why = format!(
                        "Who is on call could not be looked up, so nobody was told. {why} Please press again in a minute."
                    );
                    return self.only_answer(came, Answer::Refused { why }).await;
                }
                None => {}
            }
        }
        let mut people = self.people(&members).await?;
        people.retain(|person| *person != row.request.requestor && *person != row.request.principal);
        if people.is_empty() {
            return self.only_answer(came, refused("Nobody else is on call for this just now, so nobody was told.")).await;
        }
        let mut names = Vec::new();
        for person in &people {
            names.extend(self.inner.store.person(person).await?.map(|person| person.name));
        }
        let whom = match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => "Whoever is on call".to_owned(),
        };
        super::settle!(self.put_escalation(came, id, &people, &whom).await)
    }

    async fn put_escalation(&self, came: &Came, id: &RequestId, people: &[PersonId], whom: &str) -> Result<Answer> {
        let now = self.now();
        let answer = Answer::Escalated { request: id.clone(), whom: whom.to_owned() };
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, &answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        if !tx.escalate(id, now).await? {
            drop(tx);
            let why = "They were told already, or it was decided meanwhile.".to_owned();
            return self.only_answer(came, Answer::Refused { why }).await;
        }
        let places = self.inner.places.read().map(|places| places.clone()).unwrap_or_default();
        let channels = places.iter().map(|place| ((place.surface.clone(), place.realm.clone()), Audience::Approvals));
        let here = (came.handle.surface.clone(), came.handle.realm.clone());
        let all = people.iter().map(|person| (here.clone(), Audience::Approver(person.clone()))).chain(channels);
        for (at, audience) in all {
            self.put_notice(&mut tx, Subject::Request(id.clone()), at, audience, Time(0)).await?;
        }
        self.retell(&mut tx, id).await?;
        let by = Actor::Person(came.person.id.clone());
        tx.record(Event::new(id, now, by, "request.escalated").with(json!({ "to": people })));
        tx.commit().await?;
        Ok(answer)
    }
}
