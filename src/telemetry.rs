//! Logs: one line an event, JSON when nobody sits in front of them. Never a secret, never a payload.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `RUST_LOG` says how much; the default is what an operator reads.
pub fn start(otherwise: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (in tests) keeps the first.
    let _ = if std::io::stderr().is_terminal() { logs.compact().try_init() } else { logs.json().flatten_event(true).try_init() };
}
