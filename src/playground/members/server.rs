//! The listening side of the members page: the token, the size of what comes, and how a call goes wrong.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use tokio::net::{TcpListener, TcpStream};

use super::api::{Call, Said};
use super::{Shared, Trouble, page};

/// No call is larger.
const LARGEST: usize = 64_000;
/// What a flood comes to.
const FLOOD: usize = 3_000_000;

#[derive(Debug, thiserror::Error)]
#[error("this connection ends without an answer")]
struct Ends;

type Reply = Result<Response<Full<Bytes>>, Ends>;

pub(super) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let mut connections = tokio::task::JoinSet::new(); // dropping the set ends every connection
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(connection(shared.clone(), stream))),
                Err(error) => tracing::warn!(%error, "the members page cannot accept a connection"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream) {
    let service = service_fn(move |request: Request<Incoming>| route(shared.clone(), request));
    if let Err(error) = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the members page ended");
    }
}

async fn route(shared: Arc<Shared>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let (method, path) = (head.method.as_str(), head.uri.path());
    match (method, path) {
        ("GET", "/") => return Ok(reply(200, "text/html; charset=utf-8", page::draw(&shared.shown()))),
        ("GET", "/state") => return Ok(json(200, &shared.shown())),
        (_, _) => {}
    }
    shared.state().calls.push(format!("{method} {path}"));
    if !may(&shared, &head.headers) {
        return Ok(json(401, &json!({ "error": "this token is not known here" })));
    }
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return Ok(json(413, &json!({ "error": "this is too much" })));
    };
    let Some(call) = Call::read(method, path, head.uri.query().unwrap_or_default(), &body.to_bytes()) else {
        return Ok(json(404, &json!({ "error": "there is nothing here" })));
    };
    let trouble = shared.state().trouble(call.on());
    match trouble {
        None => Ok(said(call.answer(&shared, true, false))),
        Some(Trouble::Answers(status, header)) => {
            let mut answer = json(status, &json!({ "error": "it goes wrong" }));
            if let Some((name, value)) = header.and_then(|(name, value)| Some((name, value.parse().ok()?))) {
                answer.headers_mut().insert(name, value);
            }
            Ok(answer)
        }
        Some(Trouble::FailsAfter) => {
            call.answer(&shared, true, false);
            Ok(json(500, &json!({ "error": "it goes wrong" })))
        }
        Some(Trouble::LosesTheAnswer) => {
            call.answer(&shared, true, false);
            Err(Ends)
        }
        Some(Trouble::Drops) => Err(Ends),
        Some(Trouble::Holds) => {
            // A task of its own: whoever called may go away, and it is done all the same.
            let held = tokio::spawn(async move {
                shared.state().held += 1;
                if let Ok(permit) = shared.on.acquire().await {
                    permit.forget();
                }
                let said = call.answer(&shared, true, false);
                shared.state().held -= 1;
                said
            });
            held.await.map(said).map_err(|_| Ends)
        }
        Some(Trouble::OnlySaysYes) => Ok(said(call.answer(&shared, false, false))),
        Some(Trouble::ShowsOld) => Ok(said(call.answer(&shared, true, true))),
        Some(Trouble::NeverEnds) => {
            let answer = call.answer(&shared, true, false);
            Ok(said(Said { next: Some(path.to_owned()), ..answer }))
        }
        Some(Trouble::Links(links)) => {
            let mut answer = said(call.answer(&shared, true, false));
            for link in links.iter().filter_map(|link| hyper::header::HeaderValue::from_bytes(link.as_bytes()).ok()) {
                answer.headers_mut().append("link", link);
            }
            Ok(answer)
        }
        Some(Trouble::Floods) => Ok(reply(200, "application/json", format!("\"{}\"", "x".repeat(FLOOD)))),
        Some(Trouble::Mumbles(text)) => Ok(reply(200, "application/json", text.to_owned())),
    }
}

fn may(shared: &Shared, headers: &HeaderMap) -> bool {
    let given = headers.get("authorization").map(|value| value.as_bytes()).unwrap_or_default();
    given.ct_eq(format!("Bearer {}", shared.token).as_bytes()).into()
}

fn said(said: Said) -> Response<Full<Bytes>> {
    let mut answer = match said.status {
        204 => reply(204, "application/json", String::new()),
        status => json(status, &said.body),
    };
    if let Some(Ok(link)) = said.next.map(|next| format!("<{next}>; rel=\"next\"").parse()) {
        answer.headers_mut().insert("link", link);
    }
    answer
}

fn json(status: u16, body: &Value) -> Response<Full<Bytes>> {
    reply(status, "application/json", body.to_string())
}

fn reply(status: u16, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    answer
}
