//! The calls to targets: bounded in time, with a place to be killed at before and after each.

use std::sync::Arc;

use crate::connectors::Connector;
use crate::domain::access::{Assignment, Called, Cut, Observed};
use crate::domain::assignment::Timing;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::time::Time;
use crate::metrics::Metrics;

/// One assignment and the connector that can touch it.
pub(super) struct Hands {
    pub connector: Arc<dyn Connector>,
    pub outside: Arc<dyn Outside>,
    pub assignment: Assignment,
    pub integration: String,
    pub metrics: Arc<Metrics>,
}

impl Hands {
    pub fn timing(&self) -> Timing {
        self.connector.timing()
    }

    pub async fn observe(&self) -> Result<Observed, Fault> {
        self.bounded("observe", self.connector.observe(&self.assignment)).await
    }

    pub async fn grant(&self, deadline: Time) -> Result<Called, Fault> {
        self.outside.reach("engine.before-grant").await.ok();
        let done = self.bounded("grant", self.connector.grant(&self.assignment, deadline)).await;
        self.outside.reach("engine.after-grant").await.ok();
        done
    }

    pub async fn revoke(&self) -> Result<Called, Fault> {
        self.outside.reach("engine.before-revoke").await.ok();
        let done = self.bounded("revoke", self.connector.revoke(&self.assignment)).await;
        self.outside.reach("engine.after-revoke").await.ok();
        done
    }

    pub async fn poll(&self) -> Result<Called, Fault> {
        self.bounded("poll", self.connector.poll(&self.assignment)).await
    }

    pub async fn cut(&self) -> Result<Cut, Fault> {
        self.outside.reach("engine.before-cut").await.ok();
        self.bounded("cut", self.connector.cut(&self.assignment)).await
    }

    async fn bounded<T>(&self, call: &'static str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let limit = self.timing().call;
        let started = self.outside.now();
        let done = match tokio::time::timeout(limit.to_std(), work).await {
            Ok(done) => done,
            Err(_) => Err(Fault::Maybe { why: format!("The target did not answer within {limit}.") }),
        };
        let took = self.outside.now() - started;
        self.metrics.called(&self.integration, call, took, done.is_ok());
        let took_ms = took.0;
        match &done {
            Ok(_) => tracing::debug!(call, took_ms, "the target answered"),
            Err(fault) => tracing::info!(call, took_ms, why = %fault, "the target did not do it"),
        }
        done
    }
}
