//! Extending: one press asks for more of what one has. An extension is a request of its own with its
//! own grant; no end ever moves later.
//!
//! Here is also what every ask is measured by: the line of accesses that it would make longer.

use super::submit::{Length, Wanted};
use super::view::More;
use super::{Answer, Came, Desk, Result};
use crate::domain::access::{Access, Planned};
use crate::domain::id::{PersonId, RequestId};
use crate::domain::request::RequestState;
use crate::domain::time::{Span, Time};
use crate::policy::Line;
use crate::store::{AssignmentRow, RequestRow};

/// The request by which a principal holds an access, and until when.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub request: RequestId,
    pub until: Time,
}

/// For whoever presses on a message that has not caught up, or twice.
pub(super) fn nothing_to_extend() -> Answer {
    Answer::Refused {
        why: "There is nothing to extend here: this access is over or was taken away, or it was extended already.".to_owned(),
    }
}

impl Desk {
    /// Asks for as much again of an access that the person has.
    pub async fn extend(&self, came: &Came, id: &RequestId) -> Result<Answer> {
        let Some(row) = self.inner.store.request(id).await? else {
            return self.only_answer(came, Answer::Refused { why: "This request does not exist here.".to_owned() }).await;
        };
        let refused = |why: &str| Answer::Refused { why: why.to_owned() };
        let person = &came.person.id;
        if *person != row.request.requestor || *person != row.request.principal {
            return self.only_answer(came, refused("Only the person who has the access can ask for more of it.")).await;
        }
        let Some((length, _)) = self.in_use(&row).await? else {
            return self.only_answer(came, nothing_to_extend()).await;
        };
        // What the record says is not worth a question to the target.
        let held = self.held(&self.rows_of(&row.plan).await?, person).await?;
        if held.is_none_or(|held| held.request != *id) {
            return self.only_answer(came, nothing_to_extend()).await;
        }
        let rules = self.rules().await?;
        let wanted = Wanted {
            access: row.request.access,
            effect: row.request.effect,
            reason: row.request.reason,
            length: Length::More { of: id.clone(), length },
            to: None,
            break_glass: false,
            only_at_once: false,
        };
        self.ask(came, &rules, wanted).await
    }

    /// What pressing Extend would do. `None`: there is nothing to extend.
    pub async fn more(&self, id: &RequestId) -> Result<Option<More>> {
        let Some(row) = self.inner.store.request(id).await? else { return Ok(None) };
        let Some((length, until)) = self.in_use(&row).await? else { return Ok(None) };
        if !self.inner.store.open_extensions(id).await?.is_empty() {
            return Ok(Some(More::Asked));
        }
        let rules = self.rules().await?;
        let judged = self.judge_again(&rules, &row).await?;
        let line = self.line(judged.analysis.longest(), &row.request.access, &self.rows_of(&row.plan).await?).await?;
        let length = length.min(line.left(until));
        Ok(Some(match length {
            Span::ZERO => More::UsedUp { longest: line.longest },
            length => More::Offered { length, at_once: rules.policy.extends_at_once(line, until, length) },
        }))
    }

    /// How long an access was asked for, or given if that is less, and when it ends. `None`: nobody
    /// can use it.
    async fn in_use(&self, row: &RequestRow) -> Result<Option<(Span, Time)>> {
        if row.request.state != RequestState::Approved {
            return Ok(None);
        }
        let parts = self.inner.store.grants_of(&row.request.id).await?;
        let usable =
            |grant: &crate::domain::grant::Grant| grant.live() && grant.usable_at.is_some() && self.now() < grant.ends_at;
        if !parts.iter().all(|part| usable(&part.grant)) {
            return Ok(None);
        }
        let given = parts.iter().map(|part| part.grant.length).min();
        let until = parts.iter().map(|part| part.grant.ends_at).min();
        Ok(given.zip(until).map(|(given, until)| (given.min(row.request.length), until)))
    }

    /// Since when the principal holds all of this without a gap, and for how long they may.
    ///
    /// It is read from the grants and not from what people named as extended: however somebody asks,
    /// and in whatever order it is approved, the same effect on the same principal is one line.
    pub(super) async fn line(&self, longest: Span, access: &Access, rows: &[AssignmentRow]) -> Result<Line> {
        let mut line = Line { longest: self.no_longer_than_type(longest, access), began: None };
        for row in rows {
            let Some(began) = self.inner.store.line_began(&row.id, self.now()).await? else {
                return Ok(Line { began: None, ..line });
            };
            line.began = line.began.max(Some(began));
        }
        Ok(line)
    }

    /// What the policies let somebody have, or less if the access type has a limit of its own.
    pub(super) fn no_longer_than_type(&self, longest: Span, access: &Access) -> Span {
        let of_type = self.catalog().find(access).and_then(|(_, access_type)| access_type.limits.longest);
        of_type.map_or(longest, |of_type| of_type.min(longest))
    }

    /// The rows of all effects of a plan; none when one of them was never asked for before.
    pub(super) async fn rows_of(&self, plan: &[Planned]) -> Result<Vec<AssignmentRow>> {
        let mut rows = Vec::new();
        for planned in plan {
            match self.inner.store.assignment_by_key(&planned.key).await? {
                Some(row) => rows.push(row),
                None => return Ok(Vec::new()),
            }
        }
        Ok(rows)
    }

    /// The request of this person that holds all of this now; of several, the one that holds it longest.
    /// What somebody else with the same login holds is nothing to extend.
    pub(super) async fn held(&self, rows: &[AssignmentRow], person: &PersonId) -> Result<Option<Held>> {
        let now = self.now();
        let mut all: Option<Vec<Held>> = None;
        for row in rows {
            // What somebody took away in the target is not held: people decide whether it is given again.
            if row.is_missing() {
                return Ok(None);
            }
            let live = self.inner.store.live_grants(&row.id).await?.into_iter().map(|held| held.grant);
            let here: Vec<Held> = live
                .filter(|grant| now < grant.ends_at)
                .map(|grant| Held { request: grant.request, until: grant.ends_at })
                .collect();
            all = Some(match all {
                None => here,
                Some(all) => all
                    .into_iter()
                    .filter_map(|held| {
                        let part = here.iter().find(|part| part.request == held.request)?;
                        Some(Held { until: held.until.min(part.until), ..held })
                    })
                    .collect(),
            });
        }
        let mut all = all.unwrap_or_default();
        all.sort_by_key(|held| held.until);
        for held in all.into_iter().rev() {
            let request = self.inner.store.request(&held.request).await?;
            if request.is_some_and(|row| row.request.principal == *person) {
                return Ok(Some(held));
            }
        }
        Ok(None)
    }

    /// From when the length of a request counts: the end of what it extends while that lives, when it
    /// is to be put on top of it.
    pub(super) async fn counts_from(&self, row: &RequestRow) -> Result<Time> {
        let now = self.now();
        let Some(extended) = row.request.extends.as_ref().filter(|_| row.on_top) else { return Ok(now) };
        let parts = self.inner.store.grants_of(extended).await?;
        let live = parts.iter().map(|part| &part.grant).all(|grant| grant.live() && grant.usable_at.is_some());
        let until = parts.iter().map(|part| part.grant.ends_at).min().filter(|_| live);
        Ok(until.map_or(now, |until| until.max(now)))
    }
}
