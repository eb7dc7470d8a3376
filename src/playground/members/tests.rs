//! The members page over the wire, as anybody's client sees it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::*;
use crate::domain::time::Span;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Time {
        Time::parse("2026-01-31T12:00:00Z").expect("a time")
    }
}

async fn page() -> Members {
    start(SocketAddr::from(([127, 0, 0, 1], 0)), "tok".into(), Arc::new(Noon)).await.expect("started")
}

/// Status, `Link` and body of an answer.
async fn call(members: &Members, method: Method, path: &str, token: Option<&str>, body: Value) -> (u16, Option<String>, String) {
    let mut request = Request::builder().method(method).uri(format!("{}{path}", members.url()));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let answer = client.request(request.body(Full::from(body)).expect("a request")).await.expect("an answer");
    let link = answer.headers().get("link").map(|link| link.to_str().expect("text").to_owned());
    let status = answer.status().as_u16();
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, link, String::from_utf8(bytes.to_vec()).expect("text"))
}

#[tokio::test]
async fn people_look_and_programs_bring_a_token() {
    let members = page().await;
    let (status, _, html) = call(&members, Method::GET, "/", None, Value::Null).await;
    assert!(status == 200 && html.contains("<td>Carol Cruz</td><td>since 2019</td>") && !html.contains("tok\""), "{html}");
    let (status, _, state) = call(&members, Method::GET, "/state", None, Value::Null).await;
    assert_eq!((status, serde_json::from_str::<Value>(&state).expect("JSON")), (200, members.shown()));
    for (method, path) in [(Method::GET, "/api/clubs"), (Method::DELETE, "/api/memberships/m-1"), (Method::GET, "/api/people/x")]
    {
        for token in [None, Some("tok1"), Some("to"), Some("")] {
            assert_eq!(call(&members, method.clone(), path, token, Value::Null).await.0, 401, "{path} {token:?}");
        }
    }
    assert!(members.entry("choir", "carol").is_some());
    let outside = SocketAddr::from(([0, 0, 0, 0], 0));
    assert!(matches!(start(outside, "tok".into(), Arc::new(Noon)).await, Err(Error::NotLoopback(_))));
}

#[tokio::test]
async fn one_joins_once_in_time_and_leaves() {
    let members = page().await;
    let post = async |club: &str, body: Value| {
        call(&members, Method::POST, &format!("/api/clubs/{club}/members"), Some("tok"), body).await
    };
    let by = |span: Span| (Noon.now() + span).typed();
    assert_eq!(post("chess", json!({ "person": "alice", "not_after": by(Span::seconds(-1)) })).await.0, 410);
    let (status, _, made) = post("chess", json!({ "person": "alice", "note": "n", "not_after": by(Span::ZERO) })).await;
    assert_eq!(status, 201);
    let made: Value = serde_json::from_str(&made).expect("JSON");
    assert_eq!((&made["id"], &made["note"]), (&json!("m-2"), &json!("n")));
    assert_eq!(post("chess", json!({ "person": "alice" })).await.0, 409);
    assert_eq!(post("none", json!({ "person": "alice" })).await.0, 404);
    assert_eq!(post("chess", json!({ "person": "nobody" })).await.0, 404);
    for unreadable in [json!([]), json!({ "note": "n" }), json!({ "person": "bob", "not_after": "soon" })] {
        assert_eq!(post("chess", unreadable).await.0, 422);
    }
    assert_eq!(post("chess", json!({ "person": "x".repeat(70_000) })).await.0, 413);
    let delete = async || call(&members, Method::DELETE, "/api/memberships/m-2", Some("tok"), Value::Null).await.0;
    assert_eq!((delete().await, delete().await), (204, 404));
    for path in ["/", "/api/", "/api/clubs/chess", "/api/%ff", "/api/people/nobody", "/else"] {
        assert_eq!(call(&members, Method::PUT, path, Some("tok"), Value::Null).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let members = page().await;
    (0..PAGE).for_each(|number| members.joins("chess", &format!("p{number}"), ""));
    let (_, link, _) = call(&members, Method::GET, "/api/memberships", Some("tok"), Value::Null).await;
    assert_eq!(link.as_deref(), Some("</api/memberships?page=2>; rel=\"next\""));
    let (_, link, last) = call(&members, Method::GET, "/api/memberships?page=2", Some("tok"), Value::Null).await;
    let last: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!((link, last["memberships"].as_array().map(Vec::len)), (None, Some(1)));
}
