//! Reads the record and makes the view of it: what a surface renders.

use super::view::{Approvers, Extends, Left, PersonView, Phase, RequestView};
use super::{Answer, Desk, Result};
use crate::domain::access::{Cut, Observed};
use crate::domain::alert::Alert;
use crate::domain::assignment::{self, AssignmentState, Baseline};
use crate::domain::grant::{Ended, Grant};
use crate::domain::id::{AlertId, PersonId, RequestId};
use crate::domain::notice::{Audience, Notice};
use crate::domain::person::{Actor, Email};
use crate::domain::request::RequestState;
use crate::domain::time::Time;
use crate::store::{AssignmentRow, DecisionRow, RequestRow};

/// Who decided, when nobody did.
const BY_POLICY: &str = "the access policy";
const NOBODY: &str = "per_00000000000000000000000000";

/// A part of a request: its grant, and the assignment as it is now.
struct Part {
    grant: Grant,
    assignment: AssignmentRow,
    /// The latest end among other requests' live grants that were there when ours ended.
    kept_until: Option<Time>,
}

impl Desk {
    /// What a request says now, with people named as `surface` knows them in `realm`.
    pub async fn view(&self, id: &RequestId, surface: &str, realm: &str) -> Result<Option<RequestView>> {
        let Some(row) = self.inner.store.request(id).await? else { return Ok(None) };
        let rules = self.rules().await?;
        let catalog = self.catalog();
        let request = &row.request;
        let found = catalog.find(&request.access);
        let (integration, access_type, details, longest) = match found {
            Some((integration, access_type)) => {
                let shown = access_type
                    .args
                    .iter()
                    .filter_map(|arg| Some((arg.title.clone(), request.access.args.get(&arg.name)?.clone())));
                (integration.title.clone(), access_type.title.clone(), shown.collect(), access_type.limits.longest)
            }
            // The integration was taken out of the configuration; what was asked for is still told.
            None => {
                let shown = request.access.args.iter().map(|(name, value)| (name.clone(), value.clone()));
                (request.access.integration.clone(), request.access.access_type.clone(), shown.collect(), None)
            }
        };
        let (mut approvers, mut policy) = (Approvers::default(), self.policy_view(&rules, &row));
        let (mut extends, mut left) = (None, rules.policy.longest_for(longest));
        if let Some(extended) = &request.extends {
            let (from, now) = (self.ends_at(extended).await?, self.now());
            extends = Some(Extends { id: extended.clone(), until: from.filter(|from| now < *from), on_top: row.on_top });
        }
        let (mut bound, mut unreached) = (String::new(), None);
        if request.state == RequestState::Open {
            // What the policies say counts while it can be decided; what is over waits for no directory.
            let mut judged = self.judge_again(&rules, &row).await?;
            approvers = self.who_decides(&rules, &row, &mut judged, &mut policy, surface, realm).await?;
            bound = self.bound(&row, &judged).await?;
            let approvals = self.notices(id).await?.into_iter().find(|notice| notice.audience == Audience::Approvals);
            unreached = approvals.filter(|notice| notice.posted.is_none()).and_then(|notice| notice.trouble);
            left = self
                .line(judged.analysis.longest(), &request.access, &self.rows_of(&row.plan).await?)
                .await?
                .left(self.counts_from(&row).await?);
        }
        if request.state != RequestState::Open {
            self.how_it_was_decided(&row, surface, realm, &mut policy).await?;
        }
        let (parts, extended) = self.parts(&row).await?;
        let phase = self.phase(&row, &parts, surface, realm).await?;
        Ok(Some(RequestView {
            id: id.clone(),
            requestor: self.person_view(&request.requestor, surface, realm).await?,
            principal: self.person_view(&request.principal, surface, realm).await?,
            integration,
            access_type,
            effect: request.effect.clone(),
            details,
            reason: request.reason.clone(),
            length: request.length,
            asked_at: request.created_at,
            extends,
            warning: request.warning.clone(),
            approvers,
            policy,
            bound,
            unreached,
            durations: rules.policy.durations_for(request.length, left),
            phase,
            stays_until: parts.iter().filter_map(|part| part.kept_until).max(),
            extended,
            missing: parts.iter().any(is_missing),
        }))
    }

    /// Where the approvals message of a request can be opened, once it is there.
    pub async fn approvals_link(&self, id: &RequestId) -> Result<Option<String>> {
        let notices = self.notices(id).await?.into_iter();
        Ok(notices.filter(|notice| notice.audience == Audience::Approvals).find_map(|notice| notice.posted?.link))
    }

    /// The messages that mirror a request.
    pub async fn notices(&self, id: &RequestId) -> Result<Vec<Notice>> {
        Ok(self.inner.store.notices_of(id).await?)
    }

    /// What reviewers are told beside requests.
    pub async fn alert(&self, id: &AlertId) -> Result<Option<Alert>> {
        Ok(self.inner.store.alert(id).await?)
    }

    /// Who decided what, for somebody who comes too late.
    pub async fn outcome(&self, id: &RequestId) -> Result<Answer> {
        self.decided_before(id).await
    }

    /// The parts of a request, and whether another that keeps them extends it.
    async fn parts(&self, row: &RequestRow) -> Result<(Vec<Part>, bool)> {
        let mut parts = Vec::new();
        let mut extended = false;
        for held in self.inner.store.grants_of(&row.request.id).await? {
            let grant = held.grant;
            let Some(assignment) = self.inner.store.assignment(&grant.assignment).await? else { continue };
            // A grant that came after ours had ended keeps nothing of ours, unless one between them did.
            let mut held_until = grant.ended.as_ref().map_or(grant.ends_at, |ended| ended.at);
            let since = if grant.live() { self.now() } else { held_until };
            let (mut kept_until, mut line) = (None, vec![row.request.id.clone()]);
            // It was not taken away when ours ended: somebody's grant was there before the engine came to it.
            let never_gone = matches!(assignment.state, AssignmentState::Granting | AssignmentState::Active)
                && assignment.absent_at.is_none()
                && grant.ended.as_ref().is_some_and(|ended| assignment.ended_at.is_none_or(|closed| closed < ended.at));
            for other in self.inner.store.others_on(&grant.assignment, &row.request.id, since).await? {
                if held_until < other.decided_at && !(never_gone && other.live) {
                    continue;
                }
                held_until = held_until.max(other.end);
                let ours = other.extends.is_some_and(|extends| line.contains(&extends));
                if other.live {
                    kept_until = kept_until.max(Some(other.end));
                    extended |= ours;
                }
                if ours {
                    line.push(other.request);
                }
            }
            parts.push(Part { grant, assignment, kept_until });
        }
        Ok((parts, extended))
    }

    /// When a request that lives ends. `None`: it is over.
    pub(super) async fn ends_at(&self, id: &RequestId) -> Result<Option<Time>> {
        let parts = self.inner.store.grants_of(id).await?;
        let live = parts.iter().all(|part| part.grant.live());
        Ok(parts.iter().map(|part| part.grant.ends_at).min().filter(|_| live))
    }

    async fn phase(&self, row: &RequestRow, parts: &[Part], surface: &str, realm: &str) -> Result<Phase> {
        let request = &row.request;
        let at = request.decided_at.unwrap_or(request.created_at);
        let decision = self.inner.store.decisions(&request.id).await?.into_iter().next_back();
        let by = match &decision {
            Some(DecisionRow { actor: Actor::Person(id), .. }) => self.person_view(id, surface, realm).await?,
            Some(_) | None => {
                let nobody = PersonId::parse(NOBODY).unwrap_or_else(|| request.principal.clone());
                PersonView { id: nobody, name: BY_POLICY.to_owned(), handle: None }
            }
        };
        match request.state {
            RequestState::Open => return Ok(Phase::Asked),
            RequestState::Denied => return Ok(Phase::Denied { by, at, why: decision.and_then(|decision| decision.note) }),
            RequestState::Withdrawn => return Ok(Phase::Withdrawn { at }),
            RequestState::Stale => return Ok(Phase::Stale { at }),
            RequestState::Approved => {}
        }
        if let Some(ended) = parts.iter().filter_map(|part| part.grant.ended.as_ref()).min_by_key(|ended| ended.at) {
            let who = match &ended.by {
                Actor::Person(id) => Some(self.person_view(id, surface, realm).await?),
                Actor::Engine | Actor::Config | Actor::Operator(_) => None,
            };
            return Ok(over(ended, who, parts, self.now()));
        }
        let length = decision.and_then(|decision| decision.length).unwrap_or(request.length);
        if let Some(part) = parts.iter().find(|part| part.grant.usable_at.is_none()) {
            let trouble = part.assignment.error.clone();
            return Ok(Phase::Approved { by, at, length, trouble, usable_by: part.grant.usable_by() });
        }
        let since = parts.iter().filter_map(|part| part.grant.usable_at).max().unwrap_or(at);
        let until = parts.iter().map(|part| part.grant.ends_at).min().unwrap_or(at);
        let connect = row.connect.clone().or_else(|| self.catalog().after(&request.access));
        let standing = !parts.is_empty() && parts.iter().all(|part| part.assignment.baseline == Some(Baseline::Standing));
        Ok(Phase::Usable { by, at, since, until, connect, standing })
    }

    /// By which address somebody is known here.
    pub async fn address(&self, id: &PersonId) -> Result<Option<Email>> {
        Ok(self.inner.store.person(id).await?.and_then(|person| person.email))
    }

    pub async fn person_view(&self, id: &PersonId, surface: &str, realm: &str) -> Result<PersonView> {
        let name = self.inner.store.person(id).await?.map_or_else(|| "somebody".to_owned(), |person| person.name);
        let mut handles = self.inner.store.handles(id).await?;
        handles.retain(|handle| handle.surface == surface);
        let handle = handles.iter().find(|handle| handle.realm == realm).or(handles.first()).map(|handle| handle.handle.clone());
        Ok(PersonView { id: id.clone(), name, handle })
    }
}

/// The phase of a request whose hold is over.
fn over(ended: &Ended, by: Option<PersonView>, parts: &[Part], now: Time) -> Phase {
    let still_there = parts.iter().find(|part| {
        part.kept_until.is_none()
            && part.assignment.baseline != Some(Baseline::Standing)
            && match part.assignment.state {
                // What is taken away now may be somebody's who came after us.
                AssignmentState::Revoking => !reopened_since(part),
                // Not begun yet; or granted anew for somebody who came after us.
                AssignmentState::Granting | AssignmentState::Active => {
                    part.assignment.absent_at.is_none() && !reopened_since(part)
                }
                AssignmentState::Settling | AssignmentState::Ended => false,
            }
    });
    let (how, at, why) = (ended.how, ended.at, ended.why.clone());
    if let Some(part) = still_there {
        let row = &part.assignment;
        let stuck = assignment::stuck(row.state, row.overdue_since(), now);
        return Phase::Ending { how, by, at, why, trouble: row.error.clone(), stuck };
    }
    let left = parts.iter().map(left).max_by_key(|left| match left {
        Left::Unproven { .. } => 5,
        Left::Kept => 4,
        Left::Standing => 3,
        Left::Elsewhere { .. } => 2,
        Left::Gone { .. } => 1,
        Left::Nothing => 0,
    });
    let sessions_until = parts
        .iter()
        .filter_map(|part| match &part.assignment.cut {
            Some(Cut::Impossible { until, .. }) if now < *until => Some(*until),
            Some(_) | None => None,
        })
        .max();
    Phase::Ended { how, by, at, why, left: left.unwrap_or(Left::Nothing), sessions_until }
}

/// Was the assignment ended and begun anew after our grant had ended?
fn reopened_since(part: &Part) -> bool {
    let ours_ended = part.grant.ended.as_ref().map(|ended| ended.at);
    part.assignment.ended_at.zip(ours_ended).is_some_and(|(closed, ended)| ended <= closed)
}

/// Was what is granted taken away behind our back?
fn is_missing(part: &Part) -> bool {
    part.grant.live() && part.assignment.is_missing()
}

fn left(part: &Part) -> Left {
    let row = &part.assignment;
    if part.kept_until.is_some() {
        return Left::Kept;
    }
    match (&row.baseline, &row.seen) {
        (Some(Baseline::Standing), _) => Left::Standing,
        (_, Some(Observed::Foreign { by })) => Left::Elsewhere { by: by.clone() },
        _ => match row.absent_at {
            Some(at) => Left::Gone { at },
            None if row.state == AssignmentState::Ended && row.error.is_some() => {
                Left::Unproven { why: row.error.clone().unwrap_or_default() }
            }
            None if row.state != AssignmentState::Ended && reopened_since(part) => {
                Left::Gone { at: row.ended_at.unwrap_or(part.grant.ends_at) }
            }
            None => Left::Nothing,
        },
    }
}
