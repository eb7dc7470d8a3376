//! The listening side: accepts connections and hands each request to the Web API, the response
//! URLs, the sockets, the control API or the page. It must never decide anything about Slack itself.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{Sim, control, page, respond, web};

/// No request of an app is larger: a view has 250 KB, a form may triple it.
const LARGEST: usize = 4_000_000;

/// What becomes of a request.
pub(super) enum Reply {
    Http {
        status: u16,
        headers: Vec<(&'static str, String)>,
        kind: &'static str,
        body: Bytes,
    },
    /// The connection is reset.
    Reset,
    /// The connection is closed without an answer.
    Lost,
    /// It becomes a WebSocket; the answer to its key.
    Socket(String),
}

impl Reply {
    pub fn json(status: u16, headers: Vec<(&'static str, String)>, body: &Value) -> Reply {
        Reply::Http { status, headers, kind: "application/json; charset=utf-8", body: body.to_string().into() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this connection ends without an answer")]
struct Ends;

pub(super) async fn run(sim: Sim, listener: TcpListener) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            () = sim.0.stop.notified() => return, // dropping the set ends every connection
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(sim.clone(), stream))),
                Err(error) => tracing::warn!(%error, "the stand-in cannot accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Ends>> + Send + 'a>>;

async fn connection(sim: Sim, stream: TcpStream) {
    let (reset, socket) = (AtomicBool::new(false), AtomicBool::new(false));
    let answer = service_fn(|request: Request<Incoming>| -> Answering<'_> {
        Box::pin(async {
            let Ok(reply) = route(&sim, request).await;
            match reply {
                Reply::Http { status, headers, kind, body } => {
                    let mut response = Response::new(Full::new(body));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    for (name, value) in headers.into_iter().chain([("content-type", kind.to_owned())]) {
                        if let Ok(value) = value.parse() {
                            response.headers_mut().insert(name, value);
                        }
                    }
                    Ok(response)
                }
                Reply::Reset => {
                    reset.store(true, Ordering::Relaxed);
                    Err(Ends)
                }
                Reply::Lost => Err(Ends),
                Reply::Socket(accept) => {
                    socket.store(true, Ordering::Relaxed);
                    let answer = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
                    let answer = answer.header("connection", "Upgrade").header("upgrade", "websocket");
                    answer.header("sec-websocket-accept", accept).body(Full::default()).map_err(|_| Ends)
                }
            }
        })
    });
    let mut connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
    let ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    if ended.is_err() && reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // With no lingering, closing sends a reset instead of an end.
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%error, "the connection ends without a reset");
        }
    } else if ended.is_ok() && socket.load(Ordering::Relaxed) {
        let parts = connection.into_parts();
        sim.link(parts.io.into_inner(), parts.read_buf.to_vec()).await;
    }
}

async fn route(sim: &Sim, request: Request<Incoming>) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return Ok(Reply::json(413, Vec::new(), &json!({ "ok": false, "error": "request_too_large" })));
    };
    let body = body.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let path = head.uri.path();
    Ok(if let Some(method) = path.strip_prefix("/api/") {
        web::serve(sim, method, &head.method, query, &head.headers, &body).await
    } else if let Some(id) = path.strip_prefix("/response/") {
        respond::serve(sim, id, &head.headers, &body).await
    } else if path == "/link/" {
        let now = sim.now();
        match head.headers.get("sec-websocket-key") {
            Some(key) if sim.world().admit(now, query) => Reply::Socket(derive_accept_key(key.as_bytes())),
            Some(_) | None => Reply::json(400, Vec::new(), &json!({ "ok": false, "error": "invalid_ticket" })),
        }
    } else if let Some(refused) = page::refusal(&head, sim.address()) {
        refused
    } else if let Some(verb) = path.strip_prefix("/_control/") {
        control::serve(sim, &head.method, verb, query, &body).await
    } else if let Some(file) = page::file(path) {
        file
    } else {
        Reply::json(404, Vec::new(), &json!({ "ok": false, "error": "not_found" }))
    })
}
