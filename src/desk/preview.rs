//! What will come of an ask that is not sent off yet: one sentence for its form.

use super::judge::Question;
use super::{Desk, Result};
use crate::catalog::form::Draft;
use crate::domain::person::Person;
use crate::domain::time::Span;
use crate::policy::{Press, Refusal};

/// How many of the last decisions say how long people usually wait.
const LAST: i64 = 25;
/// Fewer say nothing.
const FEW: usize = 3;

impl Desk {
    /// Says who can approve, or that nobody has to, or that nobody can. `None`: it is not complete yet.
    pub async fn preview(&self, person: &Person, whom: &Person, draft: &Draft) -> Result<Option<String>> {
        let Ok(complete) = draft.complete(&self.catalog(), self.index()) else { return Ok(None) };
        let rules = self.rules().await?;
        let asker = self.whole(person).await?;
        let who = self.whole(whom).await?;
        let own = person.id == whom.id;
        let question = Question {
            access: &complete.access,
            requestor: person.id.clone(),
            principal: who.clone(),
            // Both are still to be filled in.
            reason: true,
            length: Some(complete.duration.unwrap_or(Span::hours(1))),
            break_glass: draft.break_glass,
        };
        let judged = self.judge(&rules, &question).await?;
        Ok(Some(match (&judged.analysis.refused, &judged.analysis.at_once) {
            (Some(why @ (Refusal::OnlyAhead { .. } | Refusal::OnlyBreakGlass { .. })), _) if own => why.to_string(),
            (Some(why), _) if !own => format!("As it stands {} cannot have this. {}", whom.name, why.to_others()),
            (Some(why), _) => format!("As it stands you cannot have this. {why}"),
            (None, Some(at_once)) if own => {
                format!("Nobody has to approve this: you have it at once, for at most {}.", at_once.longest)
            }
            (None, Some(_)) if judged.analysis.open().next().is_none() => "Nobody has to approve this.".to_owned(),
            // Whether somebody allowed it to that one ahead of time is theirs to tell.
            (None, Some(_) | None) => {
                let press = Press { actor: &asker, requestor: &asker.id, principal: &who.id, before: &[] };
                let members = judged.analysis.who_may(&rules.policy, &judged.facts, press, &[&asker, &who]);
                let count = members.map(|members| members.emails.len() + members.handles.len());
                let can = match count {
                    None => "Approvers are asked".to_owned(),
                    Some(0) => {
                        return Ok(Some(
                            "Nobody can approve this just now; ask whoever looks after the access policies.".to_owned(),
                        ));
                    }
                    Some(1) => "One person can approve this".to_owned(),
                    Some(count) => format!("{count} people can approve this"),
                };
                let mut waits = self.inner.store.waits(&complete.access.integration, &complete.access.access_type, LAST).await?;
                waits.sort_unstable();
                match waits.get(waits.len() / 2).filter(|_| FEW <= waits.len()) {
                    Some(wait) => format!("{can}; it usually takes {}.", (*wait).max(Span::minutes(1)).whole_minutes()),
                    None => format!("{can}."),
                }
            }
        }))
    }
}
