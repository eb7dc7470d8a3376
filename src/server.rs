//! The listener: connections, health, stopping. Surfaces bring their own routes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::domain::outside::Outside;
use crate::domain::time::Span;
use crate::metrics::{Gauge, Metrics};
use crate::store::Store;

/// How long a client may take to send its request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// How long requests that are under way may go on after a stop was asked for.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// For how long the engine may not have looked for what is due before the process is not ready.
const STILL: Span = Span::minutes(1);

/// The routes that belong to no surface.
pub fn health(store: Store, outside: Arc<dyn Outside>, metrics: Arc<Metrics>, deaf: Deaf) -> Router {
    let ready = get(ready).with_state((store, outside, metrics, deaf));
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", ready)
}

/// Why nothing can come in from people just now.
pub type Deaf = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What a monitoring system reads, on a listener of its own: it is nobody else's business.
pub fn metrics(store: Store, outside: Arc<dyn Outside>, metrics: Arc<Metrics>) -> Router {
    Router::new().route("/metrics", get(scrape)).with_state((store, outside, metrics))
}

async fn scrape(State((store, outside, metrics)): State<(Store, Arc<dyn Outside>, Arc<Metrics>)>) -> Response {
    let now = outside.now();
    let Ok(counts) = store.counts(now).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response();
    };
    let one = |name, help, value| Gauge { name, help, values: vec![(Vec::new(), value)] };
    let by = |name, help, key: &'static str, values: Vec<(String, i64)>| {
        let values = values.into_iter().map(|(word, count)| (vec![(key, word)], count)).collect();
        Gauge { name, help, values }
    };
    let behind = counts.due_since.map_or(0, |since| (now - since).0 / 1000);
    let text = metrics.text(vec![
        one("stuck", "Accesses that should be gone and are not", counts.stuck),
        by("assignments", "Accesses that are not over", "state", counts.assignments),
        by("alerts", "What reviewers were told and is not right yet", "kind", counts.alerts),
        one("open_requests", "Requests that wait for a decision", counts.open_requests),
        one("agenda_behind_seconds", "For how long something has been due", behind),
    ]);
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

type Checked = (Store, Arc<dyn Outside>, Arc<Metrics>, Deaf);

async fn ready(State((store, outside, metrics, deaf)): State<Checked>) -> (StatusCode, String) {
    if store.ping().await.is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n".to_owned());
    }
    // A target that is down keeps work waiting and is no reason to take a process out of service.
    match metrics.last_beat().map(|at| outside.now() - at) {
        Some(still) if STILL < still => (StatusCode::SERVICE_UNAVAILABLE, format!("the engine stands still since {still}\n")),
        Some(_) | None => match deaf() {
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n"),
            None => (StatusCode::OK, "ready\n".to_owned()),
        },
    }
}

/// Serves until `stop` comes back, then lets what is under way finish.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await; // out of file descriptors: do not spin
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away or talks nonsense is its own affair: nothing of it is logged.
            let _ = connection.await;
        });
    }
    let _ = tokio::time::timeout(DRAIN_WITHIN, graceful.shutdown()).await;
}
