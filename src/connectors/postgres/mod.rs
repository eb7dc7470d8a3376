//! PostgreSQL role membership, for a login that a person has: `GRANT analyst TO alice`, and back.
//!
//! A call here finds its instance, hands the work to the file that knows it and bounds it in time.
//! No SQL stands in this file, and nothing of a connection URL is ever told.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use sqlx::postgres::PgConnection;

use super::Connector;
use crate::domain::access::{Args, Ask, Assignment, Called, Choice, Cut, Marked, Observed, Plan};
use crate::domain::assignment::Timing;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::yaml::{BadYaml, Section};

mod config;
mod edge;
mod fault;
mod instance;
mod plan;
mod sessions;
mod survey;
mod target;

use instance::{Instance, Trouble};
use target::Target;

/// Makes the connector from its section. Connects to nothing yet.
pub fn build(section: &Section, _manifest: &Section, outside: Arc<dyn Outside>) -> Result<Arc<dyn Connector>, BadYaml> {
    Ok(Arc::new(Postgres { instances: config::read(section)?, outside }))
}

struct Postgres {
    instances: Vec<Instance>,
    outside: Arc<dyn Outside>,
}

impl Postgres {
    fn names(&self) -> String {
        self.instances.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The instance that is asked for; the only one if none is named.
    fn asked(&self, name: Option<&str>) -> Result<&Instance, Fault> {
        match (name, self.instances.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Fault::never(format!("say which PostgreSQL instance is meant: {}", self.names()))),
            (Some(name), all) => all
                .iter()
                .find(|one| one.name == name)
                .ok_or_else(|| Fault::never(format!("there is no PostgreSQL instance named {name}; there is: {}", self.names()))),
        }
    }

    /// The instance of an assignment, and what its row keeps.
    fn planned(&self, assignment: &Assignment) -> Result<(&Instance, Target), Fault> {
        let target = Target::of(assignment)?;
        let instance = self.instances.iter().find(|one| one.name == target.instance).ok_or_else(|| Fault::Denied {
            why: format!(
                "PostgreSQL instance {} is not configured any more; put it back so that what was given there can be ended",
                target.instance
            ),
        })?;
        Ok((instance, target))
    }

    /// What each instance that answers has; an error only if none does.
    async fn over_all(
        &self,
        look: impl AsyncFn(&Instance, &mut PgConnection) -> Result<Vec<(String, Args)>, Trouble>,
    ) -> Result<Vec<Choice>, Fault> {
        let look = &look;
        let all = join_all(self.instances.iter().map(async |instance| {
            let lacking = edge::no_identity(&instance.name);
            let found = instance.call(&lacking, async |connection, _| look(instance, connection).await).await?;
            let choice = |(name, mut given): (String, Args)| {
                given.insert("instance".to_owned(), instance.name.clone());
                Choice { label: name.clone(), value: name, given }
            };
            Ok::<_, Fault>(found.into_iter().map(choice).collect::<Vec<_>>())
        }))
        .await;
        let (mut found, mut failed) = (Vec::new(), None);
        let mut answered = false;
        for one in all {
            match one {
                Ok(choices) => {
                    answered = true;
                    found.extend(choices);
                }
                Err(fault) => failed = Some(fault),
            }
        }
        match failed {
            Some(fault) if !answered => Err(fault),
            Some(_) | None => Ok(found),
        }
    }
}

/// Choices that belong to nothing but their instance.
fn named(names: Vec<String>) -> Result<Vec<(String, Args)>, Trouble> {
    Ok(names.into_iter().map(|name| (name, Args::new())).collect())
}

/// The sources of choices it offers.
/// `table_roles`: for each table the role that gives it and least else.
pub const SOURCES: &[&str] = &["instances", "databases", "roles", "table_roles"];

#[async_trait]
impl Connector for Postgres {
    /// A lost call that changes something lands within [`instance::LANDS_WITHIN`] or never.
    fn timing(&self) -> Timing {
        Timing { call: instance::CALL, settle: Span::seconds(10), per_second: 500 }
    }

    fn sources(&self) -> Vec<&str> {
        SOURCES.to_vec()
    }

    async fn check(&self) -> Result<(), Fault> {
        let all = join_all(self.instances.iter().map(async |instance| {
            let lacking = edge::no_identity(&instance.name);
            instance.call(&lacking, async |connection, _| survey::check(instance, connection, &*self.outside).await).await
        }))
        .await;
        let (mut problems, mut all_may_pass) = (Vec::new(), true);
        let mut servers: BTreeMap<String, &str> = BTreeMap::new();
        for (instance, health) in self.instances.iter().zip(all) {
            match health {
                Ok(health) => {
                    all_may_pass &= health.problems.is_empty();
                    problems.extend(health.problems);
                    if let Some(other) = servers.insert(health.server, &instance.name) {
                        all_may_pass = false;
                        problems.push(format!(
                            "PostgreSQL instances {other} and {} are one server, where a membership is in all databases; configure it once",
                            instance.name
                        ));
                    }
                }
                Err(fault) => {
                    all_may_pass &= matches!(fault, Fault::Later { .. } | Fault::Maybe { .. });
                    problems.push(fault.to_string());
                }
            }
        }
        match (problems.is_empty(), all_may_pass) {
            (true, _) => Ok(()),
            (false, true) => Err(Fault::later(problems.join(". "))),
            (false, false) => Err(Fault::Denied { why: problems.join(". ") }),
        }
    }

    async fn choices(&self, source: &str) -> Result<Vec<Choice>, Fault> {
        match source {
            "instances" => Ok(self.instances.iter().map(Instance::choice).collect()),
            "databases" => self.over_all(async |_, connection| named(survey::databases(connection).await?)).await,
            "roles" => self.over_all(async |instance, connection| named(survey::roles(instance, connection).await?)).await,
            "table_roles" => self.over_all(async |instance, connection| survey::table_roles(instance, connection).await).await,
            _ => Err(Fault::never(format!("PostgreSQL has no choices named {source}; there are instances, databases and roles"))),
        }
    }

    async fn plan(&self, ask: &Ask) -> Result<Plan, Fault> {
        if ask.access.access_type != "role" {
            return Err(Fault::never(format!("PostgreSQL has no access named {}; ask for a role", ask.access.access_type)));
        }
        let arg = |name: &str| ask.access.args.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let instance = self.asked(arg("instance"))?;
        let role = arg("role").ok_or_else(|| Fault::never("say which role is meant"))?;
        let login = instance.settings.login.fill(&ask.email);
        let wish = plan::Wish { role, login: &login, database: arg("database") };
        let lacking = edge::no_identity(&instance.name);
        instance.call(&lacking, async |connection, _| plan::plan(instance, connection, &wish).await).await
    }

    async fn observe(&self, assignment: &Assignment) -> Result<Observed, Fault> {
        let (instance, target) = self.planned(assignment)?;
        let lacking = edge::no_identity(&instance.name);
        instance
            .call(&lacking, async |connection, _| Ok(edge::observed(&edge::facts(instance, connection, &target).await?, &target)))
            .await
    }

    async fn grant(&self, assignment: &Assignment, deadline: Time) -> Result<Called, Fault> {
        let (instance, target) = self.planned(assignment)?;
        let when = (deadline, &*self.outside);
        let lacking = edge::may_not(&target, "give");
        let handle = instance
            .call(&lacking, async |connection, sent| edge::grant(instance, connection, sent, &target, when).await)
            .await?;
        Ok(Called::Done { handle })
    }

    async fn revoke(&self, assignment: &Assignment) -> Result<Called, Fault> {
        let (instance, target) = self.planned(assignment)?;
        let lacking = edge::may_not(&target, "take away");
        instance.call(&lacking, async |connection, sent| edge::revoke(instance, connection, sent, &target).await).await?;
        Ok(Called::DONE)
    }

    /// A membership bears no mark; recorded as granted by a login that only this installation uses, it
    /// is ours all the same.
    async fn ours(&self, _mark: &str) -> Result<Vec<Marked>, Fault> {
        let all = join_all(self.instances.iter().map(async |instance| {
            let lacking = edge::no_identity(&instance.name);
            instance.call(&lacking, async |connection, _| survey::ours(instance, connection).await).await
        }))
        .await;
        let mut found = Vec::new();
        for one in all {
            found.extend(one?.into_iter().map(|planned| Marked { planned, mark: None }));
        }
        Ok(found)
    }

    async fn cut(&self, assignment: &Assignment) -> Result<Cut, Fault> {
        let (instance, target) = self.planned(assignment)?;
        let lacking = sessions::lacking(&instance.name);
        let handle = assignment.handle.as_deref();
        instance.call(&lacking, async |connection, _| sessions::cut(instance, connection, &target, handle).await).await
    }
}
