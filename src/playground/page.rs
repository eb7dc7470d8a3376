//! The page of the playground: its files, and who may talk to the control API.
//!
//! Any web page in the same browser can send requests to this machine: with its own name pointed here (DNS
//! rebinding), or across sites. So the control API answers only to our own address as `Host`, to no
//! foreign `Origin`, and takes JSON only, which no other site can send unasked. It must never send
//! anything but these files, and never anything that is not ours to the browser.

use std::net::SocketAddr;

use hyper::http::request::Parts;
use hyper::{HeaderMap, Method};
use serde_json::json;

use super::server::Reply;

/// Path, media type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("/", "text/html", include_str!("page/index.html")),
    ("/page/style.css", "text/css", include_str!("page/style.css")),
    ("/page/main.js", "text/javascript", include_str!("page/main.js")),
    ("/page/chat.js", "text/javascript", include_str!("page/chat.js")),
    ("/page/blocks.js", "text/javascript", include_str!("page/blocks.js")),
    ("/page/fields.js", "text/javascript", include_str!("page/fields.js")),
    ("/page/modal.js", "text/javascript", include_str!("page/modal.js")),
    ("/page/beside.js", "text/javascript", include_str!("page/beside.js")),
    ("/page/guide.js", "text/javascript", include_str!("page/guide.js")),
    ("/page/mrkdwn.js", "text/javascript", include_str!("page/mrkdwn.js")),
    ("/page/state.js", "text/javascript", include_str!("page/state.js")),
    ("/page/dom.js", "text/javascript", include_str!("page/dom.js")),
];

/// Nothing from elsewhere, nothing written into the page, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

/// The file at this path.
pub(super) fn file(path: &str) -> Option<Reply> {
    let (_, kind, content) = FILES.iter().find(|(known, ..)| *known == path)?;
    let headers = vec![
        ("content-security-policy", POLICY.to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
        ("referrer-policy", "same-origin".to_owned()),
        ("cache-control", "no-store".to_owned()),
    ];
    Some(Reply::Http { status: 200, headers, kind, body: content.as_bytes().into() })
}

/// Why a request to the page or the control API is not answered. `None`: it is.
pub(super) fn refusal(head: &Parts, address: SocketAddr) -> Option<Reply> {
    let own = [address.to_string(), format!("localhost:{}", address.port())];
    let given = |name: &str| header(&head.headers, name);
    let told = |error: String| Some(Reply::json(403, Vec::new(), &json!({ "ok": false, "error": error })));
    if given("host").is_none_or(|host| !own.contains(&host)) {
        return told(format!("the playground answers to http://{} only; open that address", own[0]));
    }
    if given("origin").is_some_and(|origin| !own.iter().any(|own| origin == format!("http://{own}"))) {
        return told("another web page may not act here".to_owned());
    }
    let json =
        given("content-type").is_some_and(|kind| kind.split(';').next().is_some_and(|kind| kind.trim() == "application/json"));
    if head.method != Method::GET && !json {
        return told("send JSON: -H 'content-type: application/json'".to_owned());
    }
    None
}

/// The one value of a header. One that came twice or is no text is as good as a wrong one.
fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    Some(if all.next().is_some() { String::new() } else { first.to_str().unwrap_or_default().to_ascii_lowercase() })
}
