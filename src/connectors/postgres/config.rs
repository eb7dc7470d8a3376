//! The `postgres` section of the configuration: which instances there are and how people's logins
//! are named on them.
//!
//! Must never print a connection URL: it may hold a password.

use std::str::FromStr;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::instance::{Instance, Settings};
use crate::domain::person::Email;
use crate::secret::SecretRef;
use crate::yaml::{BadYaml, Section, Spanned};

/// PostgreSQL cuts longer names off, so a longer login would silently be another one.
pub const LONGEST_NAME: usize = 63;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Top {
    #[serde(rename = "instances")]
    _instances: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    title: Option<String>,
    url: Spanned<SecretRef>,
    login: Option<Spanned<String>>,
    #[serde(default)]
    create_login: bool,
    host: Option<Spanned<String>>,
    roles: Option<Vec<String>>,
}

/// How a principal's login is made from the e-mail address: text with `{email}`, `{local}`, `{domain}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginTemplate(String);

impl LoginTemplate {
    fn parse(text: &str) -> Result<LoginTemplate, &'static str> {
        const ADVICE: &str = "a login is made of {email}, {local} (before the @) and {domain}; write something like \"{local}\"";
        let mut rest = text.to_owned();
        let mut found = false;
        for hole in ["{email}", "{local}"] {
            found |= rest.contains(hole);
            rest = rest.replace(hole, "");
        }
        let rest = rest.replace("{domain}", "");
        if !found || rest.contains(['{', '}', '\0']) {
            return Err(ADVICE); // without the person's own part everybody would have one login
        }
        Ok(LoginTemplate(text.to_owned()))
    }

    /// One pass, so that a hole's name inside an address is not filled a second time.
    pub fn fill(&self, email: &Email) -> String {
        let mut login = String::new();
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('{') {
            login.push_str(&rest[..at]);
            rest = &rest[at..];
            let holes = [("{email}", email.as_str()), ("{local}", email.local()), ("{domain}", email.domain())];
            match holes.iter().find_map(|(hole, value)| rest.strip_prefix(hole).map(|after| (after, value))) {
                Some((after, value)) => {
                    login.push_str(value);
                    rest = after;
                }
                None => {
                    login.push('{');
                    rest = &rest[1..];
                }
            }
        }
        login + rest
    }
}

/// Reads the section. Nothing is connected to yet.
pub fn read(section: &Section) -> Result<Vec<Instance>, BadYaml> {
    let missing = || section.problem("no instance is given; write instances: { main: { url: { env: P0_PG_MAIN } } }");
    section.read::<Top>()?.ok_or_else(missing)?;
    let instances = section.child("instances");
    let names = instances.keys()?;
    if names.is_empty() {
        return Err(missing());
    }
    names.into_iter().map(|name| one(&instances.child(&name.value), name.value)).collect()
}

fn one(section: &Section, name: String) -> Result<Instance, BadYaml> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    if name.is_empty() || LONGEST_NAME < name.len() || !name.chars().all(plain) {
        return Err(section.problem("the name of an instance has only a-z, 0-9, '-', '_' and '.'; people type it"));
    }
    let one = required::<One>(section)?;
    let url = one.url.value.read().map_err(|error| section.mistake(&one.url, error))?;
    // The parser's own error may repeat the URL, and with it the password.
    let bad_url =
        || section.mistake(&one.url, "this is not a connection URL; it looks like postgres://p0@db.acme.example:5432/postgres");
    let text = url.expose_secret();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(bad_url());
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| bad_url())?.disable_statement_logging();
    let login = match &one.login {
        None => LoginTemplate("{email}".to_owned()),
        Some(text) => LoginTemplate::parse(&text.value).map_err(|why| section.mistake(text, why))?,
    };
    let (host, port) = match &one.host {
        None => (options.get_host().to_owned(), options.get_port()),
        Some(text) => {
            host(&text.value).ok_or_else(|| section.mistake(text, "write the host as people reach it: db.acme.example:5432"))?
        }
    };
    if one.roles.as_ref().is_some_and(Vec::is_empty) {
        return Err(section.problem("roles is an empty list, so nothing could be asked for; leave it out to offer every role"));
    }
    let settings = Settings { title: one.title, login, create_login: one.create_login, host, port, roles: one.roles };
    Ok(Instance::new(name, options, settings))
}

fn required<T: DeserializeOwned>(section: &Section) -> Result<T, BadYaml> {
    section.read::<T>()?.ok_or_else(|| section.problem("url is missing; write url: { env: P0_PG_MAIN }"))
}

/// `host`, `host:port` or `[v6 address]:port`.
fn host(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        Some(_) | None => (text, 5432),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    (!host.is_empty() && host.chars().all(plain)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Instance>, BadYaml> {
        read(&Section::whole("p0.yaml", text).child("integrations").child("postgres"))
    }

    fn secret_file(name: &str, text: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("p0-pg-{name}-{}", std::process::id()));
        std::fs::write(&path, text).expect("written");
        path
    }

    fn told(text: &str) -> String {
        read_text(text).err().map(|error| error.to_string()).expect("a mistake")
    }

    #[test]
    fn a_section_names_instances() {
        let url = secret_file("good", "postgres://p0:hunter2@10.0.0.7:5433/postgres\n");
        let text = format!(
            "integrations:\n  postgres:\n    instances:\n      main:\n        title: Main database\n        url: {{ file: {0} }}\n        \
             login: \"{{local}}\"\n        host: db.acme.example\n        roles: [analyst]\n      other: {{ url: {{ file: {0} }} }}\n",
            url.display()
        );
        let instances = read_text(&text).expect("valid");
        assert_eq!(instances.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["main", "other"]);
        assert_eq!((instances[0].settings.host.as_str(), instances[0].settings.port), ("db.acme.example", 5432));
        assert_eq!((instances[1].settings.host.as_str(), instances[1].settings.port), ("10.0.0.7", 5433));
        std::fs::remove_file(url).expect("removed");
    }

    #[test]
    fn a_mistake_says_where_it_is_and_never_shows_the_url() {
        let bad = secret_file("bad", "mysql://p0:hunter2@10.0.0.7/x");
        let good = secret_file("fine", "postgres://p0:hunter2@10.0.0.7/x");
        let inside = |rest: &str| format!("integrations:\n  postgres:\n    instances:\n      main:\n        {rest}\n");
        let at = |path: &std::path::Path| format!("url: {{ file: {} }}", path.display());
        for (text, parts) in [
            (inside(&at(&bad)), vec!["line 5", "not a connection URL"]),
            (inside("url: { env: P0_NO_SUCH_VARIABLE }"), vec!["line 5", "P0_NO_SUCH_VARIABLE"]),
            (inside("title: x"), vec!["line 5", "url"]),
            (inside(&format!("{}\n        logn: x", at(&good))), vec!["line 6", "logn"]),
            (inside(&format!("{}\n        login: all", at(&good))), vec!["line 6", "{local}"]),
            (inside(&format!("{}\n        login: \"{{nick}}\"", at(&good))), vec!["line 6", "{local}"]),
            (inside(&format!("{}\n        host: \"a b\"", at(&good))), vec!["line 6", "db.acme.example"]),
            (inside(&format!("{}\n        roles: []", at(&good))), vec!["integrations.postgres.instances.main", "empty"]),
            ("integrations:\n  postgres: {}\n".to_owned(), vec!["p0.yaml", "instances"]),
            ("integrations:\n  postgres: { instances: {} }\n".to_owned(), vec!["p0.yaml", "instances"]),
            ("integrations:\n  postgres: { instance: {} }\n".to_owned(), vec!["line 2", "instance"]),
            ("integrations:\n  postgres: { instances: { Main DB: {} } }\n".to_owned(), vec!["p0.yaml", "a-z"]),
        ] {
            let told = told(&text);
            assert!(!told.contains("hunter2"), "{told}");
            for part in parts {
                assert!(told.contains(part), "{part} is missing in: {told}");
            }
        }
        std::fs::remove_file(bad).expect("removed");
        std::fs::remove_file(good).expect("removed");
    }

    #[test]
    fn a_login_is_made_from_the_address() {
        let email = Email::parse("ada.l{domain}@acme.example").expect("an address");
        let fill = |text: &str| LoginTemplate::parse(text).expect(text).fill(&email);
        assert_eq!(fill("{local}"), "ada.l{domain}");
        assert_eq!(fill("iam:{email}"), "iam:ada.l{domain}@acme.example");
        assert_eq!(fill("{domain}/{local}"), "acme.example/ada.l{domain}");
    }
}
