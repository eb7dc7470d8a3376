//! What the JSON API answers. It must never look at who calls: the token was checked before.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Membership, On, PAGE, Shared};
use crate::domain::time::Time;

/// A status, what it says, and whether there are further pages.
pub(super) struct Said {
    pub status: u16,
    pub body: Value,
    pub next: Option<String>,
}

impl Said {
    fn new(status: u16, body: Value) -> Said {
        Said { status, body, next: None }
    }

    fn no(status: u16, why: &str) -> Said {
        Said::new(status, json!({ "error": why }))
    }
}

/// One call, taken apart. The path is cut before it is decoded: a name may hold a slash.
pub(super) struct Call {
    method: String,
    segments: Vec<String>,
    query: Vec<(String, String)>,
    path: String,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct Joining {
    person: String,
    #[serde(default)]
    note: String,
    not_after: Option<String>,
}

impl Call {
    pub fn read(method: &str, path: &str, query: &str, body: &[u8]) -> Option<Call> {
        let decoded =
            path.strip_prefix("/api/")?.split('/').map(|it| percent_decode_str(it).decode_utf8().map(|it| it.into_owned()));
        Some(Call {
            method: method.to_owned(),
            segments: decoded.collect::<Result<_, _>>().ok()?,
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            path: path.to_owned(),
            body: body.to_vec(),
        })
    }

    pub fn on(&self) -> On {
        match (self.method.as_str(), self.segments.first().map(String::as_str)) {
            ("POST", _) => On::Join,
            ("DELETE", _) => On::Leave,
            (_, Some("clubs")) if self.segments.len() == 3 => On::Look,
            (_, _) => On::Read,
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// One page of a list, under its name.
    fn page(&self, name: &str, all: Vec<Value>) -> Said {
        let page: usize = self.param("page").and_then(|page| page.parse().ok()).unwrap_or(1).max(1);
        let from = (page - 1).saturating_mul(PAGE);
        let more = from.saturating_add(PAGE) < all.len();
        let next = more.then(|| {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(self.query.iter().filter(|(known, _)| known != "page"));
            format!("{}?{}", self.path, form.append_pair("page", &(page + 1).to_string()).finish())
        });
        let entries: Vec<Value> = all.into_iter().skip(from).take(PAGE).collect();
        Said { status: 200, body: json!({ name: entries }), next }
    }

    /// Does what was asked for. `really`: changes anything. `old`: shows how it was.
    pub fn answer(&self, shared: &Shared, really: bool, old: bool) -> Said {
        let now = shared.clock.now();
        let mut state = shared.state();
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        let entries = |all: &[Membership], keep: &dyn Fn(&Membership) -> bool| {
            all.iter().filter(|it| keep(it)).map(|it| json!(it)).collect::<Vec<_>>()
        };
        let memberships = if old { state.old.clone() } else { state.memberships.clone() };
        match (self.method.as_str(), segments.as_slice()) {
            ("GET", ["people", email]) => match state.people.iter().find(|it| it.email.eq_ignore_ascii_case(email)) {
                Some(person) => Said::new(200, json!(person)),
                None => Said::no(404, "there is nobody with this address"),
            },
            ("GET", ["clubs"]) => self.page("clubs", state.clubs.iter().map(|it| json!(it)).collect()),
            ("GET", ["memberships"]) => self.page("memberships", entries(&memberships, &|_| true)),
            (_, ["clubs", club, "members"]) if !state.clubs.iter().any(|it| it.id == *club) => {
                Said::no(404, "there is no such club")
            }
            ("GET", ["clubs", club, "members"]) => {
                let wanted = |it: &Membership| it.club == *club && self.param("person").is_none_or(|person| it.person == person);
                self.page("members", entries(&memberships, &wanted))
            }
            ("POST", ["clubs", club, "members"]) => {
                let Ok(joining) = serde_json::from_slice::<Joining>(&self.body) else {
                    return Said::no(422, "this is not { person, note, not_after }");
                };
                let not_after = joining.not_after.as_deref().map(Time::parse).transpose();
                let Ok(not_after) = not_after else { return Said::no(422, "not_after is no time") };
                if not_after.is_some_and(|last| last < now) {
                    return Said::no(410, "it is too late for this");
                }
                if !state.people.iter().any(|it| it.id == joining.person) {
                    return Said::no(404, "there is no such person");
                }
                if let Some(entry) = state.memberships.iter().find(|it| it.club == *club && it.person == joining.person) {
                    return Said::new(409, json!({ "error": "they are a member already", "id": entry.id }));
                }
                if !really {
                    return Said::new(201, json!({ "id": "m-0" }));
                }
                Said::new(201, json!(state.join(club, &joining.person, &joining.note, now)))
            }
            ("DELETE", ["memberships", id]) => {
                let before = state.memberships.len();
                if really {
                    state.memberships.retain(|it| it.id != *id);
                }
                if really && state.memberships.len() == before {
                    Said::no(404, "there is no such entry")
                } else {
                    Said::new(204, Value::Null)
                }
            }
            (_, _) => Said::no(404, "there is nothing here"),
        }
    }
}
