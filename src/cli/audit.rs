//! `p0 audit`: checks the record, exports it, seals what is new, archives what is over.
//!
//! Each says in plain sentences what it found or did. Nothing here changes an event; only `archive`
//! takes events out, and only when they are safely in a file.

pub mod archive;
pub mod export;
pub mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Result, operator, sealing_record, told};
use crate::audit::Kept;
use crate::domain::outside::Outside;
use crate::domain::time::Time;
use crate::store::Store;

#[derive(Args)]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check that everything in the record is as it was written.
    Verify {
        /// A checkpoint that was kept elsewhere (`p0 audit checkpoint --out`): is it still covered?
        #[arg(long)]
        checkpoint: Option<PathBuf>,
    },
    /// Write everything that happened as JSON lines, for tools/verify-audit.mjs and others.
    Export {
        /// The file to make; without it, it is printed.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Seal what is new now, and give out the checkpoint, to be kept elsewhere.
    Checkpoint {
        /// The file to make; without it, it is printed.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Move the events of what has long been over into a file.
    Archive {
        /// What has been over since before this: an age like 400d, or a day like 2026-01-31.
        #[arg(long)]
        before: String,
        /// The file to make. Keep it: the record does not hold these events any more.
        #[arg(long)]
        out: PathBuf,
    },
}

pub async fn run(args: Audit, outside: Arc<dyn Outside>) -> Result<()> {
    let (store, key) = sealing_record(&outside).await?;
    let now = outside.now();
    let done = match args.what {
        What::Verify { checkpoint } => verify::run(&store, key, checkpoint).await,
        What::Export { out } => export::run(&store, key, now, out).await,
        What::Checkpoint { out } => give_out(&store, key, now, out).await,
        What::Archive { before, out } => archive::run(&store, key, operator(), now, &before, &out).await,
    };
    store.close().await;
    done
}

/// Seals everything that is new, and gives out the last checkpoint.
async fn give_out(store: &Store, key: String, now: Time, out: Option<PathBuf>) -> Result<()> {
    while store.seal(now, now).await.map_err(told)?.is_some() {}
    let Some(last) = store.last_checkpoint().await.map_err(told)? else {
        return Err("nothing has happened yet, so there is nothing to seal".to_owned());
    };
    let number = last.number;
    let text = serde_json::to_string(&Kept::new(last, key)).map_err(told)?;
    match out {
        None => println!("{text}"),
        Some(path) => {
            let mut file = create(&path)?;
            writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(|error| unwritten(&path, error))?;
            println!(
                "Checkpoint {number} is in {}. Keep it where nobody who can change the record can change it.",
                path.display()
            );
        }
    }
    Ok(())
}

/// A new file that only its owner can read; one that is there is never written over.
fn create(path: &Path) -> Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = std::fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => format!("{} is there already; name a file that is not", path.display()),
        _ => unwritten(path, error),
    })
}

fn unwritten(path: &Path, error: std::io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

/// `1 event`, `2 events`.
fn count(n: i64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
