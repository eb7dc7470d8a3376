//! What a message says of the access policies: by which rule, who may decide, how far it is.

use std::collections::BTreeSet;

use super::judge::{Judgement, Routed};
use super::view::{Approvers, GroupView, PersonView, PolicyView, ProgressView};
use super::{Desk, Result, Rules};
use crate::domain::directory::Group;
use crate::domain::id::PersonId;
use crate::domain::person::{Actor, Email};
use crate::domain::request::RequestState;
use crate::policy::rule::{Approver, Effect};
use crate::policy::{Progress, Refusal};
use crate::store::{Decided, DecisionRow, RequestRow};

/// Of so many approvers it is told who decides in their place.
const MOST_STAND_INS: usize = 10;

impl Desk {
    /// By which rules it was routed.
    pub(super) fn policy_view(&self, rules: &Rules, row: &RequestRow) -> PolicyView {
        let routed = routed(row);
        let mut view = PolicyView { rules: routed.rules, escalated_at: row.escalated_at, ..PolicyView::default() };
        if rules.policy.rules.is_empty() {
            view.rules.retain(|rule| rule != crate::policy::DEFAULT);
        }
        view
    }

    /// Of an undecided request: who may decide, and how far it is.
    pub(super) async fn who_decides(
        &self,
        rules: &Rules,
        row: &RequestRow,
        judged: &mut Judgement,
        view: &mut PolicyView,
        surface: &str,
        realm: &str,
    ) -> Result<Approvers> {
        let progress = self.how_far(rules, row, judged).await?;
        if let Some(Progress { step, steps, have, need, approvers, then, .. }) = progress {
            let who = self.approvers_view(rules, judged, approvers.iter(), surface, realm).await?;
            view.progress = Some(ProgressView { step, steps, have, need, who, then });
        }
        for who in self.said_yes(row).await? {
            view.said_yes.push(self.person_view(&who.id, surface, realm).await?);
        }
        if 0 < row.approvals {
            view.in_place = self.in_place(&self.inner.store.decisions(&row.request.id).await?).await?;
        }
        view.refused = judged.analysis.refused.as_ref().map(|refusal| match refusal {
            Refusal::Unknown { .. } => refusal.to_others(),
            _ => format!("Nobody can say yes to this as the access policies are now. {}", refusal.to_others()),
        });
        view.stricter = rules.version != row.request.policy && routed(row).was_laxer(&judged.analysis);
        let all = judged.analysis.open().flat_map(|way| &way.steps).flat_map(|step| &step.approvers);
        let mut approvers = self.approvers_view(rules, judged, all, surface, realm).await?;
        let own = [&row.request.requestor, &row.request.principal];
        for away in approvers.people.clone().iter().filter(|away| !own.contains(&&away.id)).take(MOST_STAND_INS) {
            let Some(stand_in) = self.inner.store.stand_in_of(&away.id, judged.at).await? else { continue };
            let listed = approvers.people.iter().any(|person| person.id == stand_in.by);
            // Nobody decides their own request for somebody else, nor does anybody in the place of whose it is.
            if !listed && !own.contains(&&stand_in.by) {
                approvers.people.push(self.person_view(&stand_in.by, surface, realm).await?);
                view.in_place.push((stand_in.by, away.name.clone()));
            }
        }
        let on_call = |approver: &&Approver| matches!(approver, Approver::OnCall { .. });
        let mut all = judged.analysis.open().flat_map(|way| &way.steps).flat_map(|step| &step.approvers);
        view.can_escalate = row.escalated_at.is_none() && all.find(on_call).is_some();
        Ok(approvers)
    }

    /// Those who may say yes, each once.
    async fn approvers_view(
        &self,
        rules: &Rules,
        judged: &Judgement,
        all: impl Iterator<Item = &Approver>,
        surface: &str,
        realm: &str,
    ) -> Result<Approvers> {
        let mut approvers = Approvers::default();
        let mut people: Vec<PersonView> = Vec::new();
        let mut groups: Vec<GroupView> = Vec::new();
        let mut others: BTreeSet<String> = BTreeSet::new();
        let mut seen: BTreeSet<Approver> = BTreeSet::new();
        let group = |group: &Group, label: Option<&String>| GroupView {
            directory: group.directory.clone(),
            id: group.id.clone(),
            label: label.cloned(),
        };
        let all: Vec<&Approver> = all.filter(|approver| seen.insert((*approver).clone())).collect();
        for approver in all {
            match approver {
                Approver::Reviewers => {
                    let holders = [&rules.policy.approvers, &rules.policy.reviewers];
                    groups.extend(holders.iter().flat_map(|holders| &holders.groups).map(|it| group(it, None)));
                    for person in &rules.approvers {
                        people.push(self.person_view(&person.id, surface, realm).await?);
                    }
                }
                Approver::Groups(of) if of.effect == Effect::Keep => {
                    groups.extend(of.groups.iter().map(|named| group(&named.group, Some(&named.label))));
                }
                Approver::User(email) => people.push(self.view_of(email, surface, realm).await?),
                Approver::Profile { directory, property } => {
                    match judged.facts.profiles.get(&(directory.clone(), property.clone())) {
                        Some(Ok(Some(email))) => people.push(self.view_of(email, surface, realm).await?),
                        Some(Ok(None) | Err(_)) | None => drop(others.insert(format!("{approver} (not known)"))),
                    }
                }
                Approver::Groups(_) | Approver::OnCall { .. } => drop(others.insert(approver.to_string())),
            }
        }
        let mut seen = BTreeSet::new();
        people.retain(|person| seen.insert(person.id.clone()));
        let mut seen = BTreeSet::new();
        groups.retain(|group| seen.insert((group.directory.clone(), group.id.clone())));
        approvers.people = people;
        approvers.groups = groups;
        approvers.others = others.into_iter().collect();
        Ok(approvers)
    }

    /// Somebody by their address, whether or not they were here.
    async fn view_of(&self, email: &Email, surface: &str, realm: &str) -> Result<PersonView> {
        match self.inner.store.person_by_email(email).await? {
            Some(person) => self.person_view(&person.id, surface, realm).await,
            None => {
                let mut tx = self.inner.store.begin().await?;
                let person = tx.person_for_email(email, email.as_str(), self.now()).await?;
                tx.commit().await?;
                Ok(PersonView { id: person.id, name: person.name, handle: None })
            }
        }
    }

    /// Who said yes in whose place.
    async fn in_place(&self, decisions: &[DecisionRow]) -> Result<Vec<(PersonId, String)>> {
        let mut found = Vec::new();
        for decision in decisions {
            if let (Actor::Person(by), Some(away)) = (&decision.actor, &decision.in_place_of) {
                found.push((by.clone(), self.name_of(away).await?));
            }
        }
        Ok(found)
    }

    /// Of a request that is decided: who said yes, or why nobody had to.
    pub(super) async fn how_it_was_decided(
        &self,
        row: &RequestRow,
        surface: &str,
        realm: &str,
        view: &mut PolicyView,
    ) -> Result<()> {
        let decisions = self.inner.store.decisions(&row.request.id).await?;
        let yes = |decision: &&DecisionRow| decision.verdict == Decided::Approve;
        let yeses: Vec<_> = decisions.iter().filter(yes).collect();
        view.in_place = self.in_place(&decisions).await?;
        if let [only] = yeses.as_slice()
            && row.request.state == RequestState::Approved
            && only.at == row.request.created_at
            && only.in_place_of.is_none()
        {
            view.at_once.clone_from(&only.note);
            view.emergency = only.note.as_ref().is_some_and(|note| note.starts_with(super::submit::EMERGENCY));
        }
        if yeses.len() > 1 || row.request.state != RequestState::Approved {
            for decision in yeses {
                if let Actor::Person(id) = &decision.actor {
                    view.said_yes.push(self.person_view(id, surface, realm).await?);
                }
            }
        }
        Ok(())
    }
}

fn routed(row: &RequestRow) -> Routed {
    row.routed.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
