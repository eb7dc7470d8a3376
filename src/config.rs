//! The settings of the process and the file they name.
//!
//! Knows which sections there are, not what stands in them: each is handed to its folder as it is.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

use crate::policy::{Names, Policy};
use crate::secret::{BadSecret, Env};
use crate::yaml::{BadYaml, Section, Spanned};

/// What the environment says. Every setting has a default; secrets belong to their folders.
pub struct Settings {
    /// `P0_CONFIG`, default `p0.yaml`.
    pub config: PathBuf,
    /// `P0_LISTEN`, default `127.0.0.1:8080`.
    pub listen: String,
    /// `P0_METRICS_LISTEN`: where `/metrics` is served; nowhere unless it is set.
    pub metrics_listen: Option<String>,
    /// `P0_KEY_FILE`, default `p0.key`. Made at the first start; replicas share it.
    pub key_file: PathBuf,
    pub env: Env,
}

impl Settings {
    pub fn read(env: Env) -> Settings {
        let path = |name: &str, otherwise: &str| PathBuf::from(env.get(name).unwrap_or_else(|| otherwise.to_owned()));
        Settings {
            config: path("P0_CONFIG", "p0.yaml"),
            listen: env.get("P0_LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            metrics_listen: env.get("P0_METRICS_LISTEN"),
            key_file: path("P0_KEY_FILE", "p0.key"),
            env,
        }
    }

    /// `P0_DATABASE_URL`, default `sqlite:p0.db`. May hold a password, so it is never printed. One that
    /// is set and cannot be read is a mistake: with another record, what was given would be forgotten.
    pub fn database_url(&self) -> Result<SecretString, BadSecret> {
        match self.env.secret("P0_DATABASE_URL") {
            Err(BadSecret::NoVariable(_)) => Ok(SecretString::from("sqlite:p0.db")),
            read => read,
        }
    }
}

/// The configuration file, each part ready for whom it belongs to.
#[derive(Debug)]
pub struct Config {
    pub organisation: Organisation,
    /// `None`: the record has to have one.
    pub policy: Option<Policy>,
    /// What policies may name.
    directories_and_surfaces: Vec<String>,
    /// What the engine may do by itself.
    pub engine: Section,
    /// The integrations in use by name, with their sections.
    pub integrations: Vec<(Spanned<String>, Section)>,
    /// The directories and the places that know who is on call, by the names policies use.
    pub directories: Vec<(Spanned<String>, Section)>,
    pub oncall: Vec<(Spanned<String>, Section)>,
    /// The surfaces in use, with their sections.
    pub surfaces: Vec<(String, Section)>,
    /// Manifests of the user's own: file name and text.
    pub manifests: Vec<(String, String)>,
    pub whole: Section,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Names the organisation in paths: `/o/{slug}/…`.
    pub slug: String,
    pub title: String,
}

#[derive(Debug, thiserror::Error)]
pub enum BadConfig {
    #[error("{0} cannot be read: {1}. Set P0_CONFIG to your configuration file, or start with examples/p0.yaml.")]
    NoFile(PathBuf, std::io::Error),
    #[error(transparent)]
    Yaml(#[from] BadYaml),
}

const OWN_SECTIONS: [&str; 7] = ["organisation", "policy", "engine", "integrations", "directories", "oncall", "manifests"];

impl Config {
    /// Reads the file and the folder of manifests it names. `surfaces`: those the program has.
    pub fn load(path: &Path, surfaces: &[&str]) -> Result<Config, BadConfig> {
        let text = std::fs::read_to_string(path).map_err(|error| BadConfig::NoFile(path.to_owned(), error))?;
        let whole = Section::whole(path.display().to_string(), text);
        for key in whole.keys()? {
            let known = OWN_SECTIONS.iter().chain(surfaces).any(|known| *known == key.value);
            if !known {
                let all = OWN_SECTIONS.iter().chain(surfaces).copied().collect::<Vec<_>>().join(", ");
                return Err(whole.mistake(&key, format!("there is no section \"{}\"; there are {all}", key.value)).into());
            }
        }
        let organisation = whole.child("organisation");
        let organisation = organisation
            .read()?
            .ok_or_else(|| organisation.problem("is missing; write `organisation: { slug: acme, title: Acme }`"))?;
        let directories = named(&whole, "directories")?;
        let oncall = named(&whole, "oncall")?;
        for (name, _) in &directories {
            if surfaces.contains(&name.value.as_str()) {
                let why = format!("\"{}\" has groups of its own under its name; give this directory another", name.value);
                return Err(whole.mistake(name, why).into());
            }
        }
        let directories_and_surfaces =
            surfaces.iter().copied().chain(directories.iter().map(|(name, _)| name.value.as_str())).map(str::to_owned).collect();
        let engine = whole.child("engine");
        let integrations = children(&whole, "integrations")?;
        let mut used = Vec::new();
        for surface in surfaces {
            if whole.child(surface).read::<serde::de::IgnoredAny>()?.is_some() {
                used.push(((*surface).to_owned(), whole.child(surface)));
            }
        }
        let manifests = match whole.child("manifests").read::<Spanned<String>>()? {
            Some(folder) => own_manifests(&whole, &folder)?,
            None => Vec::new(),
        };
        let mut config = Config {
            organisation,
            policy: None,
            directories_and_surfaces,
            engine,
            integrations,
            directories,
            oncall,
            surfaces: used,
            manifests,
            whole,
        };
        let policy = config.whole.child("policy");
        if policy.read::<serde::de::IgnoredAny>()?.is_some() {
            config.policy = Some(config.names(|names| Policy::read(&policy, names))?);
        }
        Ok(config)
    }

    /// What policies may name.
    pub fn names<T>(&self, work: impl FnOnce(Names) -> T) -> T {
        let directories: Vec<&str> = self.directories_and_surfaces.iter().map(String::as_str).collect();
        let on_call: Vec<&str> = self.oncall.iter().map(|(name, _)| name.value.as_str()).collect();
        work(Names { directories: &directories, on_call: &on_call })
    }
}

/// What stands below a section, by name.
fn children(whole: &Section, section: &str) -> Result<Vec<(Spanned<String>, Section)>, BadYaml> {
    let all = whole.child(section);
    Ok(all.keys()?.into_iter().map(|name| (name.clone(), all.child(&name.value))).collect())
}

/// The same, where the names are made up and policies write them before a colon.
fn named(whole: &Section, section: &str) -> Result<Vec<(Spanned<String>, Section)>, BadYaml> {
    let all = children(whole, section)?;
    let plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match all.iter().find(|(name, _)| !plain(&name.value)) {
        Some((name, _)) => Err(whole.mistake(name, "a name here is made of letters, digits, - and _, like `entra-id`")),
        None => Ok(all),
    }
}

/// The `.yaml` files of a folder, relative to the configuration file, in order of name.
fn own_manifests(whole: &Section, folder: &Spanned<String>) -> Result<Vec<(String, String)>, BadConfig> {
    let path = whole.beside(&folder.value);
    let bad = |error: std::io::Error| whole.mistake(folder, format!("the folder {} cannot be read: {error}", path.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(bad)? {
        let file = entry.map_err(bad)?.path();
        if file.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
            files.push((file.display().to_string(), std::fs::read_to_string(&file).map_err(bad)?));
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_named_and_cannot_be_read_is_never_passed_over() {
        let env = Env::new(|name| (name == "P0_DATABASE_URL_FILE").then(|| "/no/such/file".to_owned()));
        assert!(matches!(Settings::read(env).database_url(), Err(BadSecret::NoFile(..))));
        assert!(Settings::read(Env::new(|_| None)).database_url().is_ok());
    }
}
