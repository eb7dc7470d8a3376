//! Requests and the decisions on them.

use sha2::{Digest, Sha256};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Result, Store, Tx, json, maybe_word, to_json, word};
use crate::domain::access::{Access, Planned};
use crate::domain::id::{PersonId, RequestId};
use crate::domain::person::Actor;
use crate::domain::planted::{Bug, planted};
use crate::domain::request::{Request, RequestState};
use crate::domain::time::{Span, Time};
use crate::domain::words;

words! {
    /// One approver's answer at one step.
    Decided {
        Approve = "approve",
        Deny = "deny",
    }
}

/// A request as stored, with the plan that its approval will carry out.
#[derive(Debug, Clone)]
pub struct RequestRow {
    pub request: Request,
    pub plan: Vec<Planned>,
    pub connect: Option<String>,
    /// Its length is counted from the end of the access it extends, while that lives.
    pub on_top: bool,
    pub stale_at: Time,
    /// How many said yes so far, while it is open.
    pub approvals: i64,
    /// What the access policies said when it was asked.
    pub routed: Option<String>,
    /// When whoever is on call was told, at the requestor's wish.
    pub escalated_at: Option<Time>,
}

#[derive(Debug, Clone)]
pub struct DecisionRow {
    pub request: RequestId,
    pub step: i64,
    pub actor: Actor,
    pub verdict: Decided,
    pub length: Option<Span>,
    /// Why it was denied, or why nobody had to be asked.
    pub note: Option<String>,
    /// Whose decision it was, if the actor stood in for them.
    pub in_place_of: Option<PersonId>,
    pub via: String,
    pub policy: i64,
    pub at: Time,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct StoredPlan {
    assignments: Vec<Planned>,
    connect: Option<String>,
    #[serde(default)]
    on_top: bool,
}

const COLUMNS: &str =
    "id, requestor, principal, integration, access_type, args, effect, reason, length, via, state, policy, plan,
    warning, extends, created_at, stale_at, decided_at, approvals, routed, escalated_at";

fn request(row: &AnyRow) -> Result<RequestRow> {
    let plan: StoredPlan = json("requests", row, "plan")?;
    Ok(RequestRow {
        request: Request {
            id: word("requests", row, "id", RequestId::parse)?,
            requestor: word("requests", row, "requestor", PersonId::parse)?,
            principal: word("requests", row, "principal", PersonId::parse)?,
            access: Access {
                integration: row.try_get("integration")?,
                access_type: row.try_get("access_type")?,
                args: json("requests", row, "args")?,
            },
            effect: row.try_get("effect")?,
            reason: row.try_get("reason")?,
            length: Span(row.try_get("length")?),
            via: row.try_get("via")?,
            state: word("requests", row, "state", RequestState::parse)?,
            policy: row.try_get("policy")?,
            warning: row.try_get("warning")?,
            extends: maybe_word("requests", row, "extends", RequestId::parse)?,
            created_at: Time(row.try_get("created_at")?),
            decided_at: row.try_get::<Option<i64>, _>("decided_at")?.map(Time),
        },
        plan: plan.assignments,
        connect: plan.connect,
        on_top: plan.on_top,
        stale_at: Time(row.try_get("stale_at")?),
        approvals: row.try_get("approvals")?,
        routed: row.try_get("routed")?,
        escalated_at: row.try_get::<Option<i64>, _>("escalated_at")?.map(Time),
    })
}

fn decision(row: &AnyRow) -> Result<DecisionRow> {
    Ok(DecisionRow {
        request: word("decisions", row, "request", RequestId::parse)?,
        step: row.try_get("step")?,
        actor: word("decisions", row, "actor", Actor::parse)?,
        verdict: word("decisions", row, "verdict", Decided::parse)?,
        length: row.try_get::<Option<i64>, _>("length")?.map(Span),
        note: row.try_get("note")?,
        in_place_of: maybe_word("decisions", row, "in_place_of", PersonId::parse)?,
        via: row.try_get("via")?,
        policy: row.try_get("policy")?,
        at: Time(row.try_get("at")?),
    })
}

/// Names what is asked for: arguments may be longer than an index can hold.
pub(super) fn same(access: &Access) -> String {
    hex::encode(Sha256::digest(to_json(access)))
}

async fn load(sql: &mut AnyConnection, id: &RequestId) -> Result<Option<RequestRow>> {
    let query = format!("SELECT {COLUMNS} FROM requests WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(id.as_str()).fetch_optional(sql).await?;
    row.as_ref().map(request).transpose()
}

/// The requests of the same person that would extend this one and wait for a decision.
async fn open_extensions(sql: &mut AnyConnection, id: &RequestId) -> Result<Vec<RequestId>> {
    let rows = sqlx::query(
        "SELECT id FROM requests WHERE requestor = (SELECT requestor FROM requests WHERE id = $1) AND state = 'open' AND extends = $1",
    )
    .bind(id.as_str())
    .fetch_all(sql)
    .await?;
    rows.iter().map(|row| word("requests", row, "id", RequestId::parse)).collect()
}

impl Store {
    pub async fn open_extensions(&self, id: &RequestId) -> Result<Vec<RequestId>> {
        open_extensions(&mut *self.reading().await?, id).await
    }

    pub async fn request(&self, id: &RequestId) -> Result<Option<RequestRow>> {
        load(&mut *self.reading().await?, id).await
    }

    /// The decisions on a request, oldest first.
    pub async fn decisions(&self, id: &RequestId) -> Result<Vec<DecisionRow>> {
        let rows = sqlx::query(
            "SELECT request, step, actor, verdict, length, note, in_place_of, via, policy, at FROM decisions
             WHERE request = $1 ORDER BY step, at",
        )
        .bind(id.as_str())
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(decision).collect()
    }

    /// How long people waited for their last accesses of a type, in no order; at most `most` of them.
    pub async fn waits(&self, integration: &str, access_type: &str, most: i64) -> Result<Vec<Span>> {
        let rows = sqlx::query(
            "SELECT decided_at - created_at AS wait FROM requests
             WHERE integration = $1 AND access_type = $2 AND state = 'approved' ORDER BY decided_at DESC LIMIT $3",
        )
        .bind(integration)
        .bind(access_type)
        .bind(most)
        .fetch_all(&mut *self.reading().await?)
        .await?;
        rows.iter().map(|row| Ok(Span(row.try_get("wait")?))).collect()
    }

    /// Everything that was asked for since then, oldest first, beginning after the id; at most `most`.
    pub async fn requests_since(&self, since: Time, after: &str, most: i64) -> Result<Vec<RequestRow>> {
        let query = format!("SELECT {COLUMNS} FROM requests WHERE id > $1 AND created_at >= $2 ORDER BY id LIMIT $3");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(after)
            .bind(since.0)
            .bind(most)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(request).collect()
    }

    /// What waits for a decision, whoever asked, the longest first; at most `most`.
    pub async fn undecided(&self, most: i64) -> Result<Vec<RequestRow>> {
        let query = format!("SELECT {COLUMNS} FROM requests WHERE state = 'open' ORDER BY stale_at LIMIT $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(most).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(request).collect()
    }

    /// What a person asked for and nobody decided, oldest first.
    pub async fn undecided_of(&self, requestor: &PersonId) -> Result<Vec<RequestRow>> {
        let query = format!("SELECT {COLUMNS} FROM requests WHERE requestor = $1 AND state = 'open' ORDER BY created_at");
        let rows =
            sqlx::query(sqlx::AssertSqlSafe(query)).bind(requestor.as_str()).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(request).collect()
    }

    /// The requests that hold something for a person, or that they asked for somebody else, oldest first.
    pub async fn requests_held_by(&self, person: &PersonId) -> Result<Vec<RequestRow>> {
        let query = format!(
            "SELECT {COLUMNS} FROM requests WHERE id IN (SELECT request FROM grants WHERE ended_at IS NULL)
             AND (principal = $1 OR requestor = $1) ORDER BY created_at"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(person.as_str()).fetch_all(&mut *self.reading().await?).await?;
        rows.iter().map(request).collect()
    }

    /// A person's requests, newest first.
    pub async fn requests_of(&self, requestor: &PersonId, most: i64) -> Result<Vec<RequestRow>> {
        let query = format!("SELECT {COLUMNS} FROM requests WHERE requestor = $1 ORDER BY created_at DESC LIMIT $2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(requestor.as_str())
            .bind(most)
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter().map(request).collect()
    }
}

impl Tx {
    pub async fn request(&mut self, id: &RequestId) -> Result<Option<RequestRow>> {
        load(self.sql().await?, id).await
    }

    pub async fn open_extensions(&mut self, id: &RequestId) -> Result<Vec<RequestId>> {
        open_extensions(self.sql().await?, id).await
    }

    /// How many requests of a person wait for a decision. Until this transaction ends nobody else counts
    /// them in one of theirs: whoever asks twice at once is seen to have asked.
    pub async fn count_open_requests(&mut self, requestor: &PersonId) -> Result<i64> {
        sqlx::query("UPDATE people SET name = name WHERE id = $1").bind(requestor.as_str()).execute(self.sql().await?).await?;
        let row = sqlx::query("SELECT COUNT(*) AS n FROM requests WHERE requestor = $1 AND state = 'open'")
            .bind(requestor.as_str())
            .fetch_one(self.sql().await?)
            .await?;
        Ok(row.try_get("n")?)
    }

    /// The requests of a person that wait for a decision.
    pub async fn open_requests(&mut self, requestor: &PersonId) -> Result<Vec<RequestRow>> {
        let query = format!("SELECT {COLUMNS} FROM requests WHERE requestor = $1 AND state = 'open' ORDER BY created_at");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(requestor.as_str()).fetch_all(self.sql().await?).await?;
        rows.iter().map(request).collect()
    }

    /// `false`: the same person waits for a decision on the same already, and nothing was written.
    pub async fn insert_request(&mut self, row: &RequestRow) -> Result<bool> {
        let RequestRow { request, plan, connect, on_top, stale_at, approvals: _, routed, escalated_at: _ } = row;
        let plan = StoredPlan { assignments: plan.clone(), connect: connect.clone(), on_top: *on_top };
        let new = sqlx::query(
            "INSERT INTO requests (id, requestor, principal, integration, access_type, args, same, effect, reason, length, via, state,
                 policy, plan, warning, extends, created_at, stale_at, decided_at, routed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
             ON CONFLICT (requestor, principal, same) WHERE state = 'open' DO NOTHING",
        )
        .bind(request.id.as_str())
        .bind(request.requestor.as_str())
        .bind(request.principal.as_str())
        .bind(&request.access.integration)
        .bind(&request.access.access_type)
        .bind(to_json(&request.access.args))
        .bind(same(&request.access))
        .bind(&request.effect)
        .bind(&request.reason)
        .bind(request.length.0)
        .bind(&request.via)
        .bind(request.state.as_str())
        .bind(request.policy)
        .bind(to_json(&plan))
        .bind(&request.warning)
        .bind(request.extends.as_ref().map(|id| id.as_str().to_owned()))
        .bind(request.created_at.0)
        .bind(stale_at.0)
        .bind(request.decided_at.map(|at| at.0))
        .bind(routed)
        .execute(self.sql().await?)
        .await?;
        Ok(new.rows_affected() == 1)
    }

    /// Closes an open request. `false`: somebody was faster, or it was open for too long and can only
    /// go stale, whether the engine has come to that or not.
    pub async fn close_request(&mut self, id: &RequestId, to: RequestState, now: Time) -> Result<bool> {
        let close_it = if planted(Bug::TwoOutcomes) {
            "UPDATE requests SET state = $2, decided_at = $3 WHERE id = $1"
        } else {
            "UPDATE requests SET state = $2, decided_at = $3 WHERE id = $1 AND state = 'open' AND ($2 = 'stale' OR $3 < stale_at)"
        };
        let changed = sqlx::query(close_it).bind(id.as_str()).bind(to.as_str()).bind(now.0).execute(self.sql().await?).await?;
        Ok(changed.rows_affected() == 1)
    }

    /// One more said yes, and others have to. `false`: it is closed, or somebody else said something since
    /// `seen` did.
    pub async fn count_approval(&mut self, id: &RequestId, seen: i64, now: Time) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE requests SET approvals = approvals + 1 WHERE id = $1 AND state = 'open' AND approvals = $2 AND $3 < stale_at",
        )
        .bind(id.as_str())
        .bind(seen)
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    /// Whoever is on call is told of it. `false`: it was done before, or it is closed.
    pub async fn escalate(&mut self, id: &RequestId, now: Time) -> Result<bool> {
        let changed = sqlx::query(
            "UPDATE requests SET escalated_at = $2 WHERE id = $1 AND state = 'open' AND escalated_at IS NULL AND $2 < stale_at",
        )
        .bind(id.as_str())
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(changed.rows_affected() == 1)
    }

    pub async fn insert_decision(&mut self, row: &DecisionRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO decisions (request, step, actor, verdict, length, note, in_place_of, via, policy, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(row.request.as_str())
        .bind(row.step)
        .bind(row.actor.to_string())
        .bind(row.verdict.as_str())
        .bind(row.length.map(|length| length.0))
        .bind(&row.note)
        .bind(row.in_place_of.as_ref().map(PersonId::as_str))
        .bind(&row.via)
        .bind(row.policy)
        .bind(row.at.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }
}
