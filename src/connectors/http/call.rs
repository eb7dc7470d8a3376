//! Makes the calls of a manifest and says what came of them.
//!
//! An answer that the manifest does not declare is a fault, never a yes and never "nothing there". A list is
//! read to its end or not believed at all. Nothing of an answer's text and nobody's data gets into a fault: calls are
//! named as the manifest writes them.

use hyper::Method;
use serde_json::Value;

use super::read::{Change, Get, Pointer, Spec};
use super::template::{Template, Values};
use crate::domain::fault::Fault;
use crate::domain::time::Span;
use crate::outbound::{Answer, Failed, LARGEST, Outbound};

/// A list longer than this is a defect of the other side; it is refused and never cut short.
const MOST_PAGES: usize = 1000;
const MOST_BYTES: usize = 32_000_000;

pub struct System {
    pub spec: Spec,
    pub outbound: Outbound,
}

/// A call on its way: how it is named, and whether it may change something.
struct Told<'a> {
    call: String,
    changes: bool,
    spec: &'a Spec,
}

impl System {
    /// One answer. `None`: declared to mean that there is nothing.
    pub async fn one(&self, get: &Get, values: &Values) -> Result<Option<Value>, Fault> {
        let url = self.url(&get.path, &get.query, values)?;
        match self.get(get, &url).await? {
            Some(answer) => self.json(get, &answer).map(Some),
            None => Ok(None),
        }
    }

    /// The entries of a list, over all its pages, all of them within this time.
    pub async fn list(&self, get: &Get, items: &Pointer, values: &Values, within: Span) -> Result<Vec<Value>, Fault> {
        let told = |how: String| {
            Fault::later(format!("{} {how} for {}; it was not read", self.spec.title, named(&Method::GET, &get.path)))
        };
        let all = tokio::time::timeout(within.to_std(), self.pages(get, items, values, &told)).await;
        all.unwrap_or_else(|_| Err(told(format!("takes longer than {within}"))))
    }

    async fn pages(
        &self,
        get: &Get,
        items: &Pointer,
        values: &Values,
        told: &(dyn Fn(String) -> Fault + Sync),
    ) -> Result<Vec<Value>, Fault> {
        let (mut all, mut bytes) = (Vec::new(), 0);
        let mut url = self.url(&get.path, &get.query, values)?;
        for page in 0..MOST_PAGES {
            let Some(answer) = self.get(get, &url).await? else {
                // Only of the whole list may be said that it is not there.
                return if page == 0 { Ok(all) } else { Err(told("loses a page in the middle".to_owned())) };
            };
            let mut value = self.json(get, &answer)?;
            let Some(Value::Array(entries)) = items.pick_mut(&mut value) else {
                return Err(self.unlike(get, &format!("has no list at {items}")));
            };
            all.append(entries);
            bytes += answer.body.len();
            let Some(link) = answer.next().map_err(|bad| self.unlike(get, &bad.to_string()))? else { return Ok(all) };
            if get.next.is_none() {
                return Err(self.unlike(get, "has a next page and the manifest no \"next: link\""));
            }
            if MOST_BYTES < bytes {
                return Err(told(format!("has more than {MOST_BYTES} bytes")));
            }
            url = self.spec.base.follow(&url, &link).ok_or_else(|| self.unlike(get, "goes on at another address"))?;
        }
        Err(told(format!("has more than {MOST_PAGES} pages")))
    }

    /// The first page of a list: can we read at all?
    pub async fn glance(&self, get: &Get) -> Result<(), Fault> {
        self.one(get, &self.spec.config).await.map(|_| ())
    }

    /// The answer of a call that changed something, where it has one that can be read. What is declared to be done
    /// and is no success ("there is one already") speaks of something else: of that, nothing.
    pub async fn change(&self, change: &Change, values: &Values) -> Result<Value, Fault> {
        let url = self.url(&change.path, &change.query, values)?;
        let body = match &change.body {
            None => None,
            Some(body) => Some(body.fill(values)?.to_string().into_bytes()),
        };
        let told = Told { call: named(&change.method, &change.path), changes: true, spec: &self.spec };
        let sent = self.outbound.send(change.method.clone(), &url, &self.spec.bearer, body).await;
        let answer = sent.map_err(|failed| told.failed(failed))?;
        if !change.done.contains(&answer.status) {
            return Err(told.refused(&answer));
        }
        let made = (200..=299).contains(&answer.status);
        Ok(serde_json::from_slice(&answer.body).ok().filter(|_| made).unwrap_or(Value::Null))
    }

    async fn get(&self, get: &Get, url: &str) -> Result<Option<Answer>, Fault> {
        let told = Told { call: named(&Method::GET, &get.path), changes: false, spec: &self.spec };
        let sent = self.outbound.send(Method::GET, url, &self.spec.bearer, None).await;
        let answer = sent.map_err(|failed| told.failed(failed))?;
        if get.absent.contains(&answer.status) {
            return Ok(None);
        }
        if answer.status != 200 {
            return Err(told.refused(&answer));
        }
        Ok(Some(answer))
    }

    fn json(&self, get: &Get, answer: &Answer) -> Result<Value, Fault> {
        serde_json::from_slice(&answer.body).map_err(|_| self.unlike(get, "is not JSON"))
    }

    fn url(&self, path: &Template, query: &[(String, Template)], values: &Values) -> Result<String, Fault> {
        let mut url = self.spec.base.below(&path.fill(values)?);
        if !query.is_empty() {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, template) in query {
                form.append_pair(name, &template.fill(values)?);
            }
            url = format!("{url}?{}", form.finish());
        }
        Ok(url)
    }

    /// What was answered is not what the manifest says it is.
    pub fn unlike(&self, get: &Get, how: &str) -> Fault {
        let why = "the manifest and the system have to be brought together";
        Fault::Denied { why: format!("the answer of {} to {} {how}; {why}", self.spec.title, named(&Method::GET, &get.path)) }
    }
}

fn named(method: &Method, path: &Template) -> String {
    format!("{method} {}", path.text())
}

impl Told<'_> {
    fn failed(&self, failed: Failed) -> Fault {
        let title = &self.spec.title;
        match failed {
            Failed::NotSent => Fault::later(format!("{title} cannot be reached")),
            Failed::NoAnswer if self.changes => {
                Fault::Maybe { why: format!("{title} did not answer; looking whether it was done") }
            }
            Failed::NoAnswer => Fault::later(format!("{title} did not answer")),
            Failed::TooLong if self.changes => Fault::Maybe {
                why: format!("{title} answered {} with more than is read; looking whether it was done", self.call),
            },
            Failed::TooLong => {
                Fault::later(format!("{title} answered {} with more than {LARGEST} bytes, which are not read", self.call))
            }
        }
    }

    /// An answer that the manifest does not declare.
    fn refused(&self, answer: &Answer) -> Fault {
        let (title, status, call) = (&self.spec.title, answer.status, &self.call);
        match status {
            401 => {
                Fault::Denied { why: format!("{title} does not accept p0's token (status 401); renew {}", self.spec.token_at) }
            }
            403 => Fault::Denied { why: format!("{title} does not let p0's token do {call} (status 403); give it that right") },
            300..=399 => Fault::Denied {
                why: format!(
                    "{title} sends {call} elsewhere (status {status}), where no token is taken; let the address be the final one"
                ),
            },
            408 | 425 | 429 | 503 => {
                Fault::Later { why: format!("{title} is busy (status {status})"), after: answer.retry_after }
            }
            500..=599 if self.changes => {
                Fault::Maybe { why: format!("{title} failed at {call} (status {status}); looking whether it was done") }
            }
            500..=599 => Fault::later(format!("{title} failed at {call} (status {status})")),
            400..=499 => Fault::never(format!("{title} refuses {call} (status {status}); what was asked for may be gone")),
            _ => Fault::Denied {
                why: format!(
                    "{title} answers {call} with status {status}, which its manifest does not know; add it there or mend the call"
                ),
            },
        }
    }
}
