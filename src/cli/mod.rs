//! What operators do at a terminal: look into the record, and put right what only a person may.
//!
//! Each command opens the record that `p0 serve` works on (`P0_DATABASE_URL`), does one thing and
//! prints plain text. Nothing here calls a target; what is to be done there is put on the agenda.

pub mod alerts;
pub mod audit;
pub mod breaker;
pub mod doctor;
pub mod grants;
pub mod policy;
pub mod receipt;
pub mod slack;
pub mod sweep;

use std::sync::Arc;

use secrecy::ExposeSecret;

use crate::config::Settings;
use crate::domain::outside::Outside;
use crate::domain::person::Actor;
use crate::secret::{Env, Key};
use crate::store::Store;

/// A command that failed: one sentence for whoever typed it.
pub type Result<T> = std::result::Result<T, String>;

/// The record that the environment names.
async fn record(outside: &Arc<dyn Outside>) -> Result<Store> {
    let settings = Settings::read(Env::of_process());
    let url = settings.database_url().map_err(|error| error.to_string())?;
    let path = url.expose_secret().strip_prefix("sqlite:").map(|path| path.split('?').next().unwrap_or(path));
    if let Some(path) = path.filter(|path| !std::path::Path::new(path.trim_start_matches("//")).exists()) {
        return Err(format!("there is no record at {path}; set P0_DATABASE_URL to the one that `p0 serve` uses"));
    }
    Store::open_existing(url.expose_secret(), outside.clone()).await.map_err(|error| error.to_string())
}

/// The record, with what signs its checkpoints; and the public key of that.
async fn sealing_record(outside: &Arc<dyn Outside>) -> Result<(Store, String)> {
    let settings = Settings::read(Env::of_process());
    let signer = Key::load(&settings.key_file).and_then(|key| key.signer());
    let signer = signer.map_err(|error| format!("{error} (P0_KEY_FILE; `p0 serve` makes it at its first start)"))?;
    let public = signer.public_key();
    let store = record(outside).await?.sealing_with(signer).await;
    Ok((store.map_err(told)?, public))
}

/// Who types this: the name the system knows them by.
fn operator() -> Actor {
    let env = Env::of_process();
    let name = env.get("SUDO_USER").or_else(|| env.get("USER")).or_else(|| env.get("LOGNAME"));
    let plain = |name: String| name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-@".contains(*c)).take(64).collect();
    Actor::Operator(name.map_or_else(|| "unknown".to_owned(), plain))
}

/// A failure of the record, in the words of whoever typed the command.
fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A table for people: columns as wide as they must be.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|title| title.chars().count())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(head.to_vec())];
    lines.extend(rows.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}
