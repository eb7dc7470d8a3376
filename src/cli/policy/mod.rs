//! `p0 policy`: the tools for whoever looks after the access policies.
//!
//! `lint`, `test`, `explain` and `replay` look at policies before people feel them, and change nothing; `apply`
//! puts them in force. All take policies as files; the configuration's or the record's, where none is named.

pub mod apply;
pub mod cases;
pub mod explain;
mod files;
pub mod lint;
pub mod replay;
#[cfg(test)]
mod tests;
pub mod verdict;
pub mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::{Result, operator, record, table, told};
use crate::command::print;
use crate::config::Settings;
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::policy::Policy;
use crate::secret::Env;
use crate::store::Store;
use world::World;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Put the policy of a folder or file in force, as a new version in the record.
    Apply {
        /// YAML files: each a list of rules, or keys of the configuration's `policy:` section.
        path: PathBuf,
        /// Only say what would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// List the versions there were, newest first.
    Versions,
    /// Print a version, as `apply` reads it; the one in force, if none is named.
    Show { version: Option<i64> },
    /// Find what can never match, what matches more than it seems to, and who is left with nobody to ask.
    Lint {
        /// A folder or file; what the configuration says, if none is named.
        path: Option<PathBuf>,
    },
    /// Run the cases that stand beside policies.
    Test {
        /// Folders or files, with policies and `cases:` in them.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Say what becomes of a request and why: every rule, who can approve, how long at most.
    #[command(after_help = "For example: p0 policy explain --as ben@acme.example aws policy ReadOnly --reason INC-42")]
    Explain {
        /// Who is to receive the access: an e-mail address.
        #[arg(long = "as")]
        principal: Option<String>,
        /// When, like 2027-01-15T09:00:00Z; now, if nothing is said.
        #[arg(long)]
        at: Option<String>,
        /// A folder or file; the policy in force, if none is named.
        #[arg(long, value_name = "PATH")]
        rules: Option<String>,
        /// The words of the request, options and all, as they are typed after `/p0 request`.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Hold what was asked for in the past against a policy: what would be otherwise?
    Replay {
        /// How far back to look, like 90d or 12h.
        #[arg(long, default_value = "90d")]
        since: String,
        /// A folder or file; what the configuration says, if none is named.
        path: Option<PathBuf>,
        /// Print every request with what it was and would be, as JSON.
        #[arg(long)]
        json: bool,
    },
}

pub async fn run(args: Args, outside: Arc<dyn Outside>) -> Result<()> {
    let settings = Settings::read(Env::of_process());
    let world = || World::load(&settings.config, &outside);
    let now = outside.now();
    let text = match args.what {
        What::Apply { path, dry_run } => {
            let store = record(&outside).await?;
            let done = apply::apply(&world()?, &store, &path, (!dry_run).then(operator), now).await;
            store.close().await;
            done?
        }
        What::Versions => apply::versions(&record(&outside).await?).await?,
        What::Show { version } => apply::show(&record(&outside).await?, version).await?,
        What::Lint { path } => {
            let world = world()?;
            match record_if_any(&settings, &outside).await {
                Ok(Some(store)) => world.remember(&store).await?,
                Ok(None) => {}
                Err(why) => eprintln!("p0: what targets have is not looked at: {why}"),
            }
            let (text, failed) = lint::run(&world, path.as_deref()).await?;
            print!("{text}");
            return failed.map_or(Ok(()), Err);
        }
        What::Test { paths } => {
            let (text, failed) = cases::run(&world()?, &paths, now).await?;
            print!("{text}");
            return failed.map_or(Ok(()), Err);
        }
        What::Explain { principal, at, rules, mut words } => {
            let mut given = |before: Option<String>, name| match before {
                None => take(&mut words, name),
                given => Ok(given),
            };
            let (principal, at, rules) = (given(principal, "--as")?, given(at, "--at")?, given(rules, "--rules")?);
            let principal = principal.ok_or("say for whom, like `--as ben@acme.example`")?;
            let at = at.map_or(Ok(now), |text| Time::parse(&text)).map_err(|why| format!("--at: {why}"))?;
            // One word with blanks in it is a whole line, options and all.
            let line = if let [line] = &words[..] { line.clone() } else { print::line(&words) };
            let (world, store) = (world()?, record_if_any(&settings, &outside).await?);
            if let Some(store) = &store {
                world.remember(store).await?;
            }
            explain::run(&world, store.as_ref(), rules.as_deref().map(Path::new), &line, &principal, at).await?
        }
        What::Replay { since, path, json } => {
            let since = Span::parse(&since).map_err(|why| format!("--since: {why}"))?;
            let store = record(&outside).await?;
            let replayed = replay::run(&world()?, &store, path.as_deref(), now - since).await?;
            if json { serde_json::to_string_pretty(&replayed).map_err(told)? + "\n" } else { replayed.to_string() }
        }
    };
    print!("{text}");
    Ok(())
}

/// An option of ours that stands among the words of a request.
fn take(words: &mut Vec<String>, name: &str) -> Result<Option<String>> {
    let is = |word: &String| word.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let Some(at) = words.iter().position(is) else { return Ok(None) };
    match words.remove(at).split_once('=') {
        Some((_, value)) => Ok(Some(value.to_owned())),
        None if at < words.len() => Ok(Some(words.remove(at))),
        None => Err(format!("{name}: say which")),
    }
}

/// The record. `None`: nobody named one, and there is none where it usually is.
async fn record_if_any(settings: &Settings, outside: &Arc<dyn Outside>) -> Result<Option<Store>> {
    match record(outside).await {
        Ok(store) => Ok(Some(store)),
        Err(_) if settings.env.get("P0_DATABASE_URL").is_none() => Ok(None),
        Err(why) => Err(why),
    }
}

/// The version in force, and what it says.
async fn in_force(store: &Store) -> Result<Option<(i64, Policy)>> {
    let Some((version, text)) = store.policy().await.map_err(told)? else { return Ok(None) };
    serde_json::from_str(&text)
        .map(|policy| Some((version, policy)))
        .map_err(|error| format!("version {version} of the policy cannot be read: {error}"))
}

/// `1 rule`, `2 rules`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
