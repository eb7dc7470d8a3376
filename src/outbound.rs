//! The HTTP client of connectors, and of checks: one request, one answer, both bounded.
//!
//! A token travels only to the address that was configured, over TLS or within this machine: no redirect is
//! followed, no other host is called. Nothing is sent twice. Must never log or tell a token or a body.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LINK, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::time::Span;

/// How long it may take until somebody answers the door.
const CONNECT: Duration = Duration::from_secs(3);
/// No page of an answer is larger.
pub const LARGEST: usize = 1_000_000;

/// Where a system is: `https://host/path`, or `http://` on this machine.
#[derive(Debug, Clone)]
pub struct Base(Url);

impl Base {
    /// The error says what to write instead.
    pub fn parse(text: &str) -> Result<Base, &'static str> {
        let url =
            Url::parse(text.trim_end_matches('/')).map_err(|_| "this is no address; write one like https://api.acme.example")?;
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => {}
            "http" if here => {}
            _ => return Err("this is not safe to send a token to; use https, or http to this machine only"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address holds no password; the token has a key of its own");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("an address ends before ? and #; leave the rest out");
        }
        Ok(Base(url))
    }

    /// A path below it. Both are as they go over the wire: nothing is resolved and nothing encoded.
    pub fn below(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Where a link leads that an answer of this system gave. `None`: to somebody else.
    pub fn follow(&self, from: &str, link: &str) -> Option<String> {
        let next = Url::parse(from).ok()?.join(link).ok()?;
        let same = next.origin() == self.0.origin() && next.username().is_empty() && next.password().is_none();
        same.then(|| next.into())
    }
}

/// A token, ready to be sent; it cannot be printed.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl Bearer {
    pub fn new(token: &SecretString) -> Result<Bearer, &'static str> {
        let token = token.expose_secret();
        let plain = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| plain);
        let mut header = header.ok_or("this is no token: one has only letters, digits and signs, and no space or line")?;
        header.set_sensitive(true);
        Ok(Bearer(header))
    }
}

/// How nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// Nobody was reached, so nothing was done.
    #[error("cannot be reached")]
    NotSent,
    #[error("did not answer")]
    NoAnswer,
    #[error("answered with more than is read")]
    TooLong,
}

pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Span>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// What the `Link` headers name as the next page.
    pub fn next(&self) -> Result<Option<String>, BadLink> {
        next(&self.headers)
    }
}

/// Nobody knows whether there is a next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("has a Link header that cannot be read")]
pub struct BadLink;

pub struct Outbound {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    patience: Span,
}

impl Outbound {
    /// `patience`: how long one request may take, its answer read.
    pub fn new(patience: Span) -> Result<Outbound, std::io::Error> {
        let provider = rustls::crypto::ring::default_provider;
        let https = match HttpsConnectorBuilder::new().with_provider_and_native_roots(provider()) {
            Ok(builder) => builder,
            // A container without certificates: those that come with the program.
            Err(_) => HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider()).map_err(std::io::Error::other)?,
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(https.https_or_http().enable_http1().wrap_connector(http));
        Ok(Outbound { client, patience })
    }

    /// `body` is JSON.
    pub async fn send(&self, method: Method, url: &str, bearer: &Bearer, body: Option<Vec<u8>>) -> Result<Answer, Failed> {
        let mut request = Request::builder().method(method).uri(url).header(AUTHORIZATION, bearer.0.clone());
        request = request.header(ACCEPT, "application/json").header(USER_AGENT, "p0");
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        // A path that no request can carry is never sent.
        let request = request.body(Full::from(body.unwrap_or_default())).map_err(|_| Failed::NotSent)?;
        tokio::time::timeout(self.patience.to_std(), self.exchange(request)).await.unwrap_or(Err(Failed::NoAnswer))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let sent = self.client.request(request).await;
        let response = sent.map_err(|error| if error.is_connect() { Failed::NotSent } else { Failed::NoAnswer })?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(Failed::TooLong),
            Err(_) => return Err(Failed::NoAnswer),
        };
        let seconds = text(&head.headers, RETRY_AFTER).and_then(|text| text.trim().parse::<u32>().ok());
        Ok(Answer {
            status: head.status.as_u16(),
            retry_after: seconds.map(|seconds| Span::seconds(seconds.into())),
            headers: head.headers,
            body,
        })
    }
}

fn text(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

const SPACE: [char; 2] = [' ', '\t'];

/// The target of `rel="next"` in all `Link` headers (RFC 8288). What cannot be read is never "no next page", and
/// neither are two.
fn next(headers: &HeaderMap) -> Result<Option<String>, BadLink> {
    let mut found: Option<String> = None;
    for line in headers.get_all(LINK) {
        // A title may be of any letters, a target not: see below.
        let line = String::from_utf8_lossy(line.as_bytes());
        let mut rest = line.trim_start_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let (target, mut after) = rest.strip_prefix('<').and_then(|rest| rest.split_once('>')).ok_or(BadLink)?;
            let mut rel = None;
            while let Some(behind) = after.trim_start_matches(SPACE).strip_prefix(';') {
                let (name, value, rest) = param(behind)?;
                if name.eq_ignore_ascii_case("rel") {
                    rel.get_or_insert(value);
                }
                after = rest;
            }
            if rel.is_some_and(|rel| rel.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))) {
                if !target.is_ascii() || found.as_ref().is_some_and(|other| other != target) {
                    return Err(BadLink);
                }
                found = Some(target.to_owned());
            }
            after = after.trim_start_matches(SPACE);
            if !(after.is_empty() || after.starts_with(',')) {
                return Err(BadLink);
            }
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
    }
    Ok(found)
}

/// One parameter of a link: its name, its value, and what comes behind it.
fn param(text: &str) -> Result<(&str, String, &str), BadLink> {
    let text = text.trim_start_matches(SPACE);
    let (name, rest) = text.split_at(text.find([' ', '\t', '=', ';', ',']).unwrap_or(text.len()));
    let Some(value) = rest.trim_start_matches(SPACE).strip_prefix('=') else { return Ok((name, String::new(), rest)) };
    let value = value.trim_start_matches(SPACE);
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, rest) = value.split_at(value.find([' ', '\t', ';', ',']).unwrap_or(value.len()));
        // 'next' in single quotes is no relation, and was meant as one.
        let odd = value.contains(['"', '<', '>']) || (name.eq_ignore_ascii_case("rel") && value.contains('\''));
        return if odd { Err(BadLink) } else { Ok((name, value.to_owned(), rest)) };
    };
    let (mut value, mut chars) = (String::new(), quoted.chars());
    loop {
        match chars.next().ok_or(BadLink)? {
            '"' => return Ok((name, value, chars.as_str())),
            '\\' => value.push(chars.next().ok_or(BadLink)?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_where_it_is_safe() {
        for good in [
            "https://api.acme.example",
            "https://acme.example:8443/api/",
            "http://127.0.0.1:80",
            "http://[::1]:1",
            "http://localhost",
        ] {
            assert!(Base::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "acme",
            "http://acme.example",
            "http://127.0.0.1.acme.example",
            "ftp://127.0.0.1",
            "https://u:p@a.example",
            "https://a/?b",
            "https://a/#b",
            "",
        ] {
            assert!(Base::parse(bad).is_err(), "{bad}");
        }
        assert!(Bearer::new(&SecretString::from("abc-._~+/=")).is_ok());
        for bad in ["", "two words", "line\nCookie: x", "ü"] {
            assert!(Bearer::new(&SecretString::from(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_next_page_is_of_the_same_system() {
        let base = Base::parse("https://acme.example/api").expect("a base");
        let from = base.below("/clubs?x=1");
        assert_eq!(base.follow(&from, "/api/clubs?page=2").as_deref(), Some("https://acme.example/api/clubs?page=2"));
        assert_eq!(base.follow(&from, "?page=2").as_deref(), Some("https://acme.example/api/clubs?page=2"));
        for other in [
            "https://evil.example/",
            "//evil.example/",
            "http://acme.example/api",
            "https://acme.example:444/",
            "https://x@acme.example/",
        ] {
            assert_eq!(base.follow(&from, other), None, "{other}");
        }
    }

    fn linked(lines: &[&str]) -> Result<Option<String>, BadLink> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(LINK, HeaderValue::from_bytes(line.as_bytes()).expect("a header"));
        }
        next(&headers)
    }

    #[test]
    fn the_next_page_is_found_however_it_is_written() {
        let many = r#"</a?b=1,2>; rel="prev", </c?d=<no>, <https://x/e;f>; title="t"; rel="last next""#;
        assert_eq!(linked(&[many]), Ok(Some("https://x/e;f".to_owned())));
        for good in [
            &["<a>; rel=next"][..],
            &["<b>; rel=prev", "<a>; rel=next"],
            &["<a>; rel=next, <a>; rel=\"next\""],
            &["<a>; Rel=NEXT"],
            &["<a> ;\trel = \"next\" ;"],
            &["<b>; title=\"a < b, <c>; rel=last \\\" x\"; rel=prev, <a>; rel=next"],
            &["<a>; title=\"Bücher\"; rel=next"],
            &["<a>; title*=UTF-8'de'n%c3%a4chste; rel=next; rel=prev"],
            &[", <a>;;rel=next,,"],
        ] {
            assert_eq!(linked(good), Ok(Some("a".to_owned())), "{good:?}");
        }
        for none in [&[][..], &[""], &["<a>"], &["<a>; rel=prev"], &["<a>; rev=next"], &["<a>; title=\"<b>; rel=next\""]] {
            assert_eq!(linked(none), Ok(None), "{none:?}");
        }
    }

    #[test]
    fn a_link_that_cannot_be_read_is_never_the_last_page() {
        for bad in [
            &["<a"][..],
            &["rel=next"],
            &["a; rel=next"],
            &["<a>; rel=\"next"],
            &["<a>; rel=\"next\\"],
            &["<a>; rel=next\""],
            &["<a>; rel='next'"],
            &["<a>; title=\"x\" rel=next"],
            &["<a> rel=next"],
            &["<ü>; rel=next"],
            &["<a>; rel=next", "<b>; rel=next"],
            &["<a>; rel=next", "b"],
        ] {
            assert_eq!(linked(bad), Err(BadLink), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_link_panics(text in "[<>a;, =\"\\\\re'lnxtü]{0,40}") {
            let _ = linked(&[&text]);
        }
    }
}
