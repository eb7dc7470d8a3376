//! `p0 selftest`: the real engine, desk and store in a simulated world that lies, crashes and loses, for
//! as many steps as one likes. A seed repeats exactly. It must never touch anything outside its own
//! memory: no file, no network, no real time.

mod laws;
mod people;
#[cfg(feature = "planted")]
pub mod plants;
mod report;
mod sim;
mod surface;
mod target;
mod world;
mod wrong;

use std::sync::Arc;

use crate::desk::DeskError;
use crate::domain::outside::Outside;
use crate::store::StoreError;

pub use report::Report;
use sim::Sim;
use world::World;
use wrong::Chance;

/// How many of the last things that happened are told, unless somebody asks for more.
pub const TOLD: usize = 40;

/// How many steps one world lives; then the next begins, so that the record stays small.
const WORLD: u64 = 2_500;

#[derive(Debug, Clone, clap::Args)]
#[command(long_about = "Tries out on this machine that no access outlives its end. The same engine, desk and record as in \
    `p0 serve` run in memory, under a simulated clock, against simulated targets and messages that fail in every way we know \
    of; processes die at any statement, freeze and wake again. After each step everything that must hold is checked. \
    Nothing outside the memory of this process is read or changed.")]
pub struct Args {
    /// Run the simulation.
    #[arg(long, required = true)]
    chaos: bool,
    /// How many things happen: acts of people, looks of the engine, passings of time.
    #[arg(long, default_value_t = 100_000)]
    steps: u64,
    /// Where chance begins. The same seed does exactly the same. [default: by chance]
    #[arg(long)]
    seed: Option<u64>,
    /// How many of the last things that happened are told when something broke.
    #[arg(long, default_value_t = TOLD)]
    tell: usize,
    /// Break one law on purpose, by its name, or each in turn with `all`; it has to be found.
    #[cfg(feature = "planted")]
    #[arg(long)]
    plant: Option<String>,
}

/// Why the self test did not pass.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("{0}")]
    Broken(String),
    #[error("the self test's own record failed: {0}")]
    Store(#[from] StoreError),
    #[error("the self test's own world failed: {0}")]
    Desk(#[from] DeskError),
    #[error("the self test's own manifests or people are wrong")]
    Setting,
    #[error("the self test cannot run here: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("there is no bug named {0} to be planted; there are {1}")]
    NoSuchBug(String, String),
    #[error("a planted bug was not found: {0}")]
    NotFound(String),
    #[error("nothing was tested: {0}")]
    Untested(String),
}

/// Runs, telling progress and the result on standard output.
pub fn run(args: &Args, outside: &dyn Outside) -> Result<(), Failed> {
    let seed = args.seed.unwrap_or_else(|| outside.pick(1_000_000_000));
    #[cfg(feature = "planted")]
    if let Some(name) = &args.plant {
        return plants::find(name, args.steps, seed);
    }
    let started = outside.now();
    let report = simulate(args.steps, seed, args.tell, &mut |report| report.progress(args.steps, outside.now() - started))?;
    report.print(outside.now() - started);
    report.verdict()
}

/// Runs without telling anything.
pub fn simulate(steps: u64, seed: u64, tell: usize, progress: &mut dyn FnMut(&Report)) -> Result<Report, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut report = Report::new(steps, seed);
        let mut seeds = Chance(seed);
        while report.steps < steps && report.broken.is_none() {
            let sim = Arc::new(Sim::new(seeds.next(), tell));
            sim.state().step = report.steps;
            let mut world = World::new(sim.clone()).await?;
            let until = (report.steps + WORLD).min(steps);
            let lived = live(&mut world, until, report.worlds.is_multiple_of(4)).await;
            report.add(&world, lived)?;
            world.eye.close().await;
            progress(&report);
        }
        Ok(report)
    })
}

async fn live(world: &mut World, until: u64, long: bool) -> Result<(), Failed> {
    while world.sim.state().step < until {
        world.sim.state().step += 1;
        world.step().await?;
    }
    laws::quiet_end(world, long).await
}
