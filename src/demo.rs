//! `p0 demo`: one access, shown from `/p0 request` to its end, with everything it needs started here; and
//! `p0 playground` ([`page`]): the same place, to play in with a browser.
//!
//! The demo acts only as people act, through the Slack stand-in, and shows only what people, PostgreSQL and
//! the record say. One thing is not as in life: its clock can be moved forward, so that nobody waits an
//! hour. It must never touch anything outside its temporary folder.

mod look;
pub mod page;
mod place;
mod screen;
mod story;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use crate::app::AppError;
use crate::domain::outside::Outside;
use crate::playground;
use crate::store::StoreError;
use crate::yaml::BadYaml;

use place::{Ahead, Opened};
use screen::Screen;

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ends after the story instead of staying up for more.
    #[arg(long)]
    once: bool,
}

/// What stands in the way of the demo, each with what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{0} cannot be run ({1}); the demo needs a clone of the repository, run ./tools/demo there")]
    NoTool(String, std::io::Error),
    #[error("PostgreSQL 18 did not start: {0}")]
    NoServer(String),
    #[error("the temporary folder {0} cannot be written to ({1}); set TMPDIR to one that can")]
    Folder(String, std::io::Error),
    #[error("no port of 127.0.0.1 can be listened on ({0})")]
    Listen(std::io::Error),
    #[error("the demo's PostgreSQL said no: {0}")]
    Target(#[from] sqlx::Error),
    #[error("the app manifest cannot be read: {0}")]
    Manifest(#[from] BadYaml),
    #[error("p0 did not start: {0}")]
    App(#[from] AppError),
    #[error("the record cannot be read: {0}")]
    Store(#[from] StoreError),
    #[error("the Slack stand-in said no: {0}")]
    Slack(#[from] playground::Error),
    #[error(transparent)]
    Members(#[from] playground::members::Error),
    #[error("the story stopped: in ten seconds it did not happen that {0}; run it again with RUST_LOG=p0=info to see why")]
    Never(String),
    #[error("the audit chain is broken: {0}")]
    Chain(#[from] crate::audit::Broken),
}

/// Tells the story, then stays up until `stop`; leaves nothing behind either way.
pub async fn run(args: Args, outside: Arc<dyn Outside>, stop: impl Future<Output = ()>) -> Result<(), Failed> {
    let mut opened = Opened::default();
    let screen = Screen::of_stdout();
    let told = tokio::select! {
        told = tell(&args, outside, &mut opened, &screen) => told,
        () = stop => {
            screen.line("");
            Ok(())
        }
    };
    opened.close().await;
    if !args.once && told.is_ok() {
        screen.line("Everything that was started here is stopped and removed.");
    }
    told
}

async fn tell(args: &Args, outside: Arc<dyn Outside>, opened: &mut Opened, screen: &Screen) -> Result<(), Failed> {
    let clock = Ahead::of(outside);
    let (target, folder) = opened.postgres(&*clock).await?;
    let place = opened.open(clock, ANY_PORT, Some(&target), None, folder).await?;
    story::tell(&place, &target, screen).await?;
    if args.once {
        return Ok(());
    }
    story::stay(&place, &target, screen).await
}
