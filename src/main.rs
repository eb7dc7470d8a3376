//! The command line. Reads the environment, starts, stops.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use p0::app::{App, Real};
use p0::config::Settings;
use p0::domain::outside::Outside;
use p0::secret::Env;
use p0::{cli, demo, playground, selftest, server, telemetry};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Just-in-time access: asked for in Slack, granted in the real system, provably gone at the end.
#[derive(Parser)]
#[command(version, about, after_help = "Settings come from the environment and a file; docs/configuration.md lists them.")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Serve Slack and keep accesses as the record says they should be.
    Serve,
    /// Open a workspace in the browser to try everything in, with all it needs started here.
    Playground(demo::page::Args),
    /// Install the Slack app: its manifest, and what is to be done next.
    Slack(cli::slack::Args),
    /// Look whether Slack, the targets and the record are as they should be; changes nothing.
    Doctor,
    /// Show one access from `/p0 request` to its end, with everything it needs started here.
    Demo(demo::Args),
    /// Say who has what through P0 just now.
    Grants(cli::grants::Grants),
    /// Say what is not as it should be just now.
    Alerts,
    /// Say what bears our mark in the targets and nobody holds; take it away.
    Sweep(cli::sweep::Sweep),
    /// Say where granting is paused because too much happened at once; let it go on.
    Breaker(cli::breaker::Breaker),
    /// Show the evidence of how a request's accesses ended, or why there is none yet.
    Receipt(cli::receipt::Receipt),
    /// Change the access policies, and try them out before.
    Policy(cli::policy::Args),
    /// Check the record, export it, seal what is new, archive what is over.
    Audit(cli::audit::Audit),
    /// Try out on this machine, without touching anything, that no access outlives its end.
    Selftest(selftest::Args),
    /// Run a stand-in for Slack on this machine, for tests of any Slack app.
    SlackSim(playground::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    quiet_pipes();
    let outside: Arc<dyn Outside> = Arc::new(Real::new(std::env::var("P0_ABORT_AT").ok()));
    let done = match Command::parse().what {
        What::Serve => {
            telemetry::start("p0=info,warn");
            serve(outside).await
        }
        What::Playground(args) => {
            telemetry::start("error");
            demo::page::run(args, outside, stopped()).await.map_err(|error| error.to_string())
        }
        What::Demo(args) => {
            telemetry::start("error");
            demo::run(args, outside, stopped()).await.map_err(|error| error.to_string())
        }
        What::Slack(args) => {
            telemetry::start("error");
            cli::slack::run(args, outside).await
        }
        What::Doctor => {
            telemetry::start("error");
            cli::doctor::run(outside).await
        }
        What::Grants(args) => {
            telemetry::start("error");
            cli::grants::run(args, outside).await
        }
        What::Alerts => {
            telemetry::start("error");
            cli::alerts::run(outside).await
        }
        What::Sweep(args) => {
            telemetry::start("error");
            cli::sweep::run(args, outside).await
        }
        What::Breaker(args) => {
            telemetry::start("error");
            cli::breaker::run(args, outside).await
        }
        What::Receipt(args) => {
            telemetry::start("error");
            cli::receipt::run(args, outside).await
        }
        What::Policy(args) => {
            telemetry::start("error");
            cli::policy::run(args, outside).await
        }
        What::Audit(args) => {
            telemetry::start("error");
            cli::audit::run(args, outside).await
        }
        What::Selftest(args) => match tokio::task::spawn_blocking(move || selftest::run(&args, &*outside)).await {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
        What::SlackSim(args) => {
            telemetry::start("p0=info,warn");
            playground::run(args, outside).await.map_err(|error| error.to_string())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("p0: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whoever reads what a command prints may have read enough (`| head`): that is no bug to tell of.
fn quiet_pipes() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload().downcast_ref::<String>().map(String::as_str).unwrap_or_default();
        if text.starts_with("failed printing to stdout") {
            std::process::exit(1);
        }
        usual(panic);
    }));
}

async fn serve(outside: Arc<dyn Outside>) -> Result<(), String> {
    let settings = Settings::read(Env::of_process());
    let listen = settings.listen.clone();
    let listener = TcpListener::bind(&listen).await.map_err(|error| format!("cannot listen on {listen} (P0_LISTEN): {error}"))?;
    let for_metrics = match settings.metrics_listen.clone() {
        Some(address) => Some(
            TcpListener::bind(&address)
                .await
                .map_err(|error| format!("cannot listen on {address} (P0_METRICS_LISTEN): {error}"))?,
        ),
        None => None,
    };
    let app = App::build(settings, outside, Vec::new()).await.map_err(|error| error.to_string())?;
    tracing::info!(%listen, "serving");
    if let Some(listener) = for_metrics {
        tokio::spawn(server::serve(listener, app.metrics.clone(), std::future::pending()));
    }
    app.run(listener, stopped()).await;
    tracing::info!("stopped");
    Ok(())
}

/// Comes back when the process is asked to stop.
async fn stopped() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await; // without signals it can only be killed, which it survives
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
