//! What the calls of a manifest must be, beyond their keys, and what the configuration adds to them.
//!
//! Turns what was written ([`super::wire`]) into what calls are made of. Every mistake names its file and its
//! place. Nothing that passes here may fail later for want of a name: texts are filled in once for trial. Must
//! never print what the configuration names as the token.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use hyper::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::template::{Body, Place, Template, Values};
use super::wire::{self, Query, Statuses, Text};
use crate::outbound::{Base, Bearer};
use crate::secret::SecretRef;
use crate::yaml::{BadYaml, Section, Spanned};

/// Everything that stands in a manifest and its section of the configuration.
pub struct Spec {
    /// The integration, as the configuration names it.
    pub name: String,
    pub title: String,
    /// Where the token stands, for whoever has to renew it: `integrations.gitlab.token`.
    pub token_at: String,
    pub base: Base,
    pub bearer: Bearer,
    /// What the configuration says, ready to be filled in: `config.url`.
    pub config: Values,
    pub principal: Principal,
    pub access: BTreeMap<String, Access>,
    pub sources: BTreeMap<String, Source>,
}

pub struct Get {
    pub path: Template,
    pub query: Vec<(String, Template)>,
    pub next: Option<wire::Next>,
    /// Answers that mean that there is nothing.
    pub absent: Vec<u16>,
}

/// A JSON Pointer (RFC 6901).
#[derive(Debug, Clone)]
pub struct Pointer(String);

impl Pointer {
    pub fn pick<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        value.pointer(&self.0)
    }

    pub fn pick_mut<'a>(&self, value: &'a mut Value) -> Option<&'a mut Value> {
        value.pointer_mut(&self.0)
    }

    /// A text or a number, as a text.
    pub fn text(&self, value: &Value) -> Option<String> {
        match self.pick(value)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Whether what it stands in says this word somewhere.
    pub fn stands_beside(&self, word: &str, value: &Value) -> bool {
        let entry = self.0.rsplit_once('/').map_or("", |(entry, _)| entry);
        value.pointer(entry).is_some_and(|entry| says(word, entry))
    }
}

fn says(word: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text.split_whitespace().any(|it| it == word),
        Value::Array(all) => all.iter().any(|value| says(word, value)),
        Value::Object(all) => all.values().any(|value| says(word, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

impl Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "its top" } else { &self.0 })
    }
}

pub struct Principal {
    pub get: Get,
    pub id: Pointer,
    /// Must be the address that was asked for.
    pub email: Pointer,
    pub name: Option<Pointer>,
}

pub struct Access {
    pub key: Template,
    pub observe: Observe,
    pub grant: Change,
    pub revoke: Change,
    pub ours: Option<Ours>,
}

pub struct Observe {
    pub get: Get,
    pub items: Pointer,
    pub at: Pointer,
    pub equals: Template,
    pub mark: Option<Pointer>,
    pub handle: Option<Pointer>,
}

pub struct Change {
    pub method: Method,
    pub path: Template,
    pub query: Vec<(String, Template)>,
    pub body: Option<Body>,
    pub done: Vec<u16>,
    pub handle: Option<Pointer>,
}

impl Change {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let query = self.query.iter().flat_map(|(_, template)| template.names());
        self.path.names().chain(query).chain(self.body.iter().flat_map(Body::names))
    }

    pub fn uses(&self, name: &str) -> bool {
        self.names().any(|used| used == name)
    }
}

pub struct Ours {
    pub get: Get,
    pub items: Pointer,
    pub mark: Pointer,
    pub principal: Pointer,
    pub args: BTreeMap<String, Pointer>,
}

pub struct Source {
    pub get: Get,
    pub items: Pointer,
    pub value: Pointer,
    pub label: Option<Pointer>,
}

/// Names that mean something of their own in a call.
const OWN: [&str; 6] = ["config", "email", "principal", "mark", "deadline", "handle"];

/// Reads the manifest with its section of the configuration. Nothing is called yet.
pub fn read(section: &Section, manifest: &Section) -> Result<Spec, BadYaml> {
    let name: Text = needed(manifest, "name", "gitlab")?;
    let title: Text = needed(manifest, "title", "GitLab")?;
    let base: Text = needed(manifest, "base", "\"{{ config.url }}\"")?;
    let auth: wire::Auth = needed(manifest, "auth", "{ bearer: token }")?;
    let principal: wire::Principal =
        needed(manifest, "principal", "{ get: \"/users/{{ email }}\", id: /id, email: /email, absent: [404] }")?;
    let read = Read { manifest };
    let address = read.template(&base, Place::Plain, &["config"])?;
    let principal = Principal {
        get: read.get((&principal.get, &principal.query), None, &principal.absent, &["config", "email"])?,
        id: read.pointer(&principal.id)?,
        email: read.pointer(&principal.email)?,
        name: principal.name.as_ref().map(|name| read.pointer(name)).transpose()?,
    };
    let mut access = BTreeMap::new();
    let all = manifest.child("access");
    for key in all.keys()? {
        access.insert(key.value.clone(), read.access(&all.child(&key.value))?);
    }
    let mut sources = BTreeMap::new();
    let all = manifest.child("sources");
    for key in all.keys()? {
        let source: wire::Source = needed(&all, &key.value, "{ get: /groups, items: \"\", value: /id }")?;
        sources.insert(key.value.clone(), read.source(&source)?);
    }

    let mut used: BTreeSet<&str> = address.names().collect();
    let calls = access.values().flat_map(|it| [&it.observe.get].into_iter().chain(it.ours.as_ref().map(|ours| &ours.get)));
    let gets = calls.chain([&principal.get]).chain(sources.values().map(|it| &it.get));
    gets.for_each(|get| used.extend(get.names()));
    access.values().for_each(|it| used.extend(it.grant.names().chain(it.revoke.names()).chain(it.observe.equals.names())));
    let used: BTreeSet<String> = used.into_iter().filter_map(|name| name.strip_prefix("config.")).map(str::to_owned).collect();
    if used.contains(&auth.bearer.value) {
        let why = "is the token, which goes into no address and no body; let a call name something else";
        return read.no(&auth.bearer, format!("config.{} {why}", auth.bearer.value));
    }
    let (config, places, bearer) = configuration(section, &used, &auth.bearer.value, manifest.file())?;
    let filled = address.fill(&config).map_err(|fault| manifest.mistake(&base, fault))?;
    let base = Base::parse(&filled).map_err(|why| match address.names().next().and_then(|name| places.get(name)) {
        Some(_) if filled.contains('@') => section.problem(why), // without an excerpt: it may hold a password
        Some(place) => section.mistake(place, why),
        None => manifest.mistake(&base, why),
    })?;
    let token_at = format!("{}.{}", section.name(), auth.bearer.value);
    Ok(Spec { name: name.value, title: title.value, token_at, base, bearer, config, principal, access, sources })
}

type Configured = (Values, BTreeMap<String, Text>, Bearer);

/// What the manifest asks the configuration for: texts, and the token.
fn configuration(section: &Section, used: &BTreeSet<String>, token: &str, file: &str) -> Result<Configured, BadYaml> {
    let keys = section.keys()?;
    if let Some(other) = keys.iter().find(|key| key.value != token && !used.contains(&key.value)) {
        let known = used.iter().map(String::as_str).chain([token]).collect::<Vec<_>>().join(", ");
        return Err(section.mistake(other, format!("{file} has no use for \"{}\"; it asks for {known}", other.value)));
    }
    let (mut config, mut places) = (Values::new(), BTreeMap::new());
    for name in used {
        let lacking = || section.problem(format!("{name} is missing, and {file} asks for it; write {name}: and its value"));
        let value: Text = section.child(name).read()?.ok_or_else(lacking)?;
        config.insert(format!("config.{name}"), value.value.clone());
        places.insert(format!("config.{name}"), value);
    }
    // Without an excerpt: what stands there instead may be the token itself.
    let lacking =
        || section.problem(format!("{token} is never written here; write {token}: {{ env: NAME }} or {{ file: /path }}"));
    let secret: Spanned<SecretRef> = section.child(token).read().ok().flatten().ok_or_else(lacking)?;
    let read = secret.value.read().map_err(|error| section.mistake(&secret, error))?;
    let bearer = Bearer::new(&read).map_err(|why| section.mistake(&secret, why))?;
    Ok((config, places, bearer))
}

/// What stands below a section and must.
fn needed<T: DeserializeOwned>(section: &Section, key: &str, example: &str) -> Result<T, BadYaml> {
    let lacking = || section.problem(format!("{key} is missing; write {key}: {example}"));
    section.child(key).read()?.ok_or_else(lacking)
}

impl Get {
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.path.names().chain(self.query.iter().flat_map(|(_, template)| template.names()))
    }
}

struct Read<'a> {
    manifest: &'a Section,
}

impl Read<'_> {
    fn no<T, R>(&self, at: &Spanned<T>, why: impl Display) -> Result<R, BadYaml> {
        Err(self.manifest.mistake(at, why))
    }

    fn template(&self, text: &Text, place: Place, known: &[&str]) -> Result<Template, BadYaml> {
        Template::read(&text.value, place, known).or_else(|why| self.no(text, why))
    }

    fn pointer(&self, text: &Text) -> Result<Pointer, BadYaml> {
        let escapes = text.value.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        if !escapes || !(text.value.is_empty() || text.value.starts_with('/')) {
            return self.no(text, "this is no JSON Pointer; write \"/name\", \"/profile/name\", or \"\" for the whole");
        }
        Ok(Pointer(text.value.clone()))
    }

    fn query(&self, query: &Query, known: &[&str]) -> Result<Vec<(String, Template)>, BadYaml> {
        query.iter().map(|(name, text)| Ok((name.clone(), self.template(text, Place::Plain, known)?))).collect()
    }

    /// Only what says something of the call itself: not who asks, not a server in trouble, not a redirect.
    fn statuses(&self, written: &Statuses) -> Result<Vec<u16>, BadYaml> {
        for status in written {
            let meant = matches!(status.value, 200..=299 | 400..=499) && ![401, 403, 407, 408, 425, 429].contains(&status.value);
            if !meant {
                let why =
                    "redirects, refusals (401, 403, 407), waiting (408, 425, 429) and failures (5xx) mean the same everywhere";
                return self.no(status, format!("the status {} is not for a manifest to explain: {why}", status.value));
            }
        }
        Ok(written.iter().map(|status| status.value).collect())
    }

    fn get(
        &self,
        (path, query): (&Text, &Query),
        next: Option<wire::Next>,
        absent: &Statuses,
        known: &[&str],
    ) -> Result<Get, BadYaml> {
        let path = self.template(path, Place::Path, known)?;
        Ok(Get { path, query: self.query(query, known)?, next, absent: self.statuses(absent)? })
    }

    fn change(&self, section: &Section, name: &str, example: &str, known: &[&str]) -> Result<(Change, Option<Text>), BadYaml> {
        let written: wire::Change = needed(section, name, example)?;
        let methods = [
            (Method::POST, &written.post),
            (Method::PUT, &written.put),
            (Method::PATCH, &written.patch),
            (Method::DELETE, &written.delete),
        ];
        let mut methods = methods.into_iter().filter_map(|(method, path)| Some((method, path.as_ref()?)));
        let one = format!("{name} is one call: post, put, patch or delete, and its path");
        let Some((method, path)) = methods.next() else { return Err(section.problem(one)) };
        if let Some((_, second)) = methods.next() {
            return self.no(second, one);
        }
        let path = self.template(path, Place::Path, known)?;
        let body = match &written.body {
            None => None,
            Some(body) => Some(Body::read(&body.value, known).or_else(|why| self.no(body, why))?),
        };
        if written.done.value.is_empty() {
            return self.no(&written.done, "this list is empty; write which answers mean that it is done, like [200, 201]");
        }
        let done = self.statuses(&written.done.value)?;
        let handle = written.handle.as_ref().map(|handle| self.pointer(handle)).transpose()?;
        let query = self.query(&written.query, known)?;
        Ok((Change { method, path, query, body, done, handle }, written.handle.clone()))
    }

    /// The names of the arguments, each of which has a value in every call.
    fn args(&self, access: &Section) -> Result<Vec<String>, BadYaml> {
        let args: Vec<wire::Arg> = access.child("args").read()?.unwrap_or_default();
        if let Some(own) = args.iter().find(|arg| OWN.contains(&arg.name.value.as_str())) {
            let why = format!("{{{{ {} }}}} means something of its own in calls; choose another name", own.name.value);
            return self.no(&own.name, why);
        }
        let sure = args.into_iter().filter(|arg| !arg.many && (!arg.optional || arg.default.is_some()));
        Ok(sure.map(|arg| arg.name.value).collect())
    }

    fn access(&self, section: &Section) -> Result<Access, BadYaml> {
        let args = self.args(section)?;
        let with = |more: &[&'static str]| args.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<&str>>();
        let key: Text = needed(section, "key", "\"group/{{ group }}/{{ principal }}\"")?;
        let slash = Text { value: format!("/{}", key.value), ..key.clone() };
        let name = self.template(&slash, Place::Path, &with(&["principal"]))?;
        if !name.names().any(|used| used == "principal") {
            return self.no(&key, "everybody would have the same key; put {{ principal }} into it");
        }
        let written: wire::Observe =
            needed(section, "observe", "{ get: /…, held: { in: /members, at: /id, equals: \"{{ principal }}\" } }")?;
        let held = &written.held;
        let observe = Observe {
            get: self.get((&written.get, &written.query), written.next, &written.absent, &with(&["config", "principal"]))?,
            items: self.pointer(&held.r#in)?,
            at: self.pointer(&held.at)?,
            equals: self.template(&held.equals, Place::Plain, &with(&["principal"]))?,
            mark: held.mark.as_ref().map(|mark| self.pointer(mark)).transpose()?,
            handle: held.handle.as_ref().map(|handle| self.pointer(handle)).transpose()?,
        };
        let known = with(&["config", "principal", "mark", "deadline"]);
        let (grant, kept) = self.change(section, "grant", "{ post: /…, done: [201] }", &known)?;
        if let (Some(mark), false) = (&held.mark, grant.uses("mark")) {
            return self.no(mark, "a mark is looked for here that \"grant\" never writes; put {{ mark }} into its body");
        }
        let mut known = with(&["config", "principal", "mark"]);
        if held.handle.is_some() {
            known.push("handle");
        }
        let (revoke, _) = self.change(section, "revoke", "{ delete: /…, done: [204, 404] }", &known)?;
        if let (Some(handle), false) = (&kept, revoke.uses("handle")) {
            return self.no(handle, "\"revoke\" has no use for this; put {{ handle }} into it, or leave this out");
        }
        let ours = self.ours(section, &name, &observe, &revoke)?;
        Ok(Access { key: name, observe, grant, revoke, ours })
    }

    fn ours(&self, section: &Section, key: &Template, observe: &Observe, revoke: &Change) -> Result<Option<Ours>, BadYaml> {
        let Some(written) = section.child("ours").read::<wire::Ours>()? else { return Ok(None) };
        if observe.mark.is_none() {
            return self.no(&written.mark, "a mark is listed here that \"observe\" does not know; write mark: under its held");
        }
        let mut args = BTreeMap::new();
        for (name, pointer) in &written.args.value {
            args.insert(name.clone(), self.pointer(pointer)?);
        }
        let names = key.names().chain(observe.get.names()).chain(observe.equals.names()).chain(revoke.names());
        let not_args = |name: &&str| !OWN.contains(name) && !name.starts_with("config.");
        if let Some(lacking) = names.filter(not_args).find(|name| !args.contains_key(*name)) {
            let why = format!("say where each entry names its {lacking}: {lacking}: /{lacking}");
            return self.no(&written.args, why);
        }
        Ok(Some(Ours {
            get: self.get((&written.get, &written.query), written.next, &Vec::new(), &["config"])?,
            items: self.pointer(&written.items)?,
            mark: self.pointer(&written.mark)?,
            principal: self.pointer(&written.principal)?,
            args,
        }))
    }

    fn source(&self, written: &wire::Source) -> Result<Source, BadYaml> {
        Ok(Source {
            get: self.get((&written.get, &written.query), written.next, &Vec::new(), &["config"])?,
            items: self.pointer(&written.items)?,
            value: self.pointer(&written.value)?,
            label: written.label.as_ref().map(|label| self.pointer(label)).transpose()?,
        })
    }
}
