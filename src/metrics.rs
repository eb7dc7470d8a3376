//! What a monitoring system reads (`GET /metrics`, OpenMetrics): how late ends are, what is overdue, how
//! targets answer. Counted here by this process; what the record knows is read at the scrape, so
//! that each replica says the same of it. No names of people, no values they typed.

use std::sync::atomic::{AtomicI64, Ordering};

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::time::{Span, Time};

pub type Labels = Vec<(&'static str, String)>;

/// Seconds: an end on time is well below one, an overdue one is minutes to days.
const LATE: [f64; 14] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 3_600.0, 21_600.0, 86_400.0];

const CALL: [f64; 8] = [0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

pub struct Metrics {
    registry: Registry,
    expiry_lag: Family<Labels, Histogram>,
    closing_lag: Family<Labels, Histogram>,
    calls: Family<Labels, Histogram>,
    failed_calls: Family<Labels, Counter>,
    /// When the engine last looked for what is due; 0: it was not started.
    beat: AtomicI64,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let late = || Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new(LATE));
        let metrics = Metrics {
            registry: Registry::with_prefix("p0"),
            expiry_lag: late(),
            closing_lag: late(),
            calls: Family::new_with_constructor(|| Histogram::new(CALL)),
            failed_calls: Family::default(),
            beat: AtomicI64::new(0),
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Metrics {
        let registry = &mut self.registry;
        let help = "From the end of an access to the first look that showed it gone";
        registry.register_with_unit("expiry_lag", help, Unit::Seconds, self.expiry_lag.clone());
        let help = "From the end of an access to its receipt";
        registry.register_with_unit("closing_lag", help, Unit::Seconds, self.closing_lag.clone());
        registry.register_with_unit("target_call", "How long calls to targets took", Unit::Seconds, self.calls.clone());
        registry.register("target_call_failures", "Calls to targets that did not do it", self.failed_calls.clone());
        self
    }

    /// The engine looks for what is due.
    pub fn beats(&self, now: Time) {
        self.beat.store(now.0, Ordering::Relaxed);
    }

    /// When it last did, if it was started.
    pub fn last_beat(&self) -> Option<Time> {
        Some(Time(self.beat.load(Ordering::Relaxed))).filter(|at| at.0 > 0)
    }

    /// The first look that showed an access gone.
    pub fn gone(&self, integration: &str, late: Span) {
        self.expiry_lag.get_or_create(&of(integration)).observe(seconds(late));
    }

    /// The end of an assignment, with its receipt.
    pub fn closed(&self, integration: &str, late: Span) {
        self.closing_lag.get_or_create(&of(integration)).observe(seconds(late));
    }

    pub fn called(&self, integration: &str, call: &'static str, took: Span, done: bool) {
        let mut labels = of(integration);
        labels.push(("call", call.to_owned()));
        self.calls.get_or_create(&labels).observe(seconds(took));
        if !done {
            self.failed_calls.get_or_create(&labels).inc();
        }
    }

    /// Everything, with what the record knows now.
    pub fn text(&self, gauges: Vec<Gauge>) -> String {
        let mut now = Registry::with_prefix("p0");
        for Gauge { name, help, values } in gauges {
            let family = Family::<Labels, metrics::gauge::Gauge>::default();
            for (labels, value) in values {
                family.get_or_create(&labels).set(value);
            }
            now.register(name, help, family);
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &now);
        let _ = encode_eof(&mut text);
        text
    }
}

/// Something that is so at the moment of a scrape.
pub struct Gauge {
    pub name: &'static str,
    pub help: &'static str,
    pub values: Vec<(Labels, i64)>,
}

fn of(integration: &str) -> Labels {
    vec![("integration", integration.to_owned())]
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds in a histogram")]
fn seconds(span: Span) -> f64 {
    span.0.max(0) as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_are_in_the_histogram_and_the_record_beside_it() {
        let metrics = Metrics::default();
        metrics.gone("postgres", Span::millis(40));
        metrics.gone("postgres", Span::minutes(20));
        metrics.called("postgres", "revoke", Span::millis(7), false);
        let stuck = Gauge { name: "stuck", help: "Ends that are overdue", values: vec![(Vec::new(), 1)] };
        let text = metrics.text(vec![stuck]);
        for line in [
            "p0_expiry_lag_seconds_bucket{le=\"0.05\",integration=\"postgres\"} 1",
            "p0_expiry_lag_seconds_bucket{le=\"3600.0\",integration=\"postgres\"} 2",
            "p0_target_call_failures_total{integration=\"postgres\",call=\"revoke\"} 1",
            "p0_stuck{} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && text.matches("# EOF").count() == 1, "{text}");
    }
}
