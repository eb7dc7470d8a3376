//! `p0 slack manifest` prints the Slack app's manifest for this installation; `p0 slack setup` walks through the
//! installation: each run says what is done and the one thing that is to be done next.

use std::sync::Arc;

use url::Url;

use super::{Result, doctor};
use crate::config::{Config, Settings};
use crate::domain::outside::Outside;
use crate::secret::Env;

const MANIFEST: &str = include_str!("../../slack-app-manifest.yaml");

/// What stands in the manifest for the address of an installation.
const EXAMPLE: &str = "https://p0.example.com";

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Print the manifest to create the Slack app from.
    Manifest(Way),
    /// Say what is done and what is to be done next.
    Setup(Way),
}

/// How Slack is to reach p0.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Way {
    /// p0 opens the connections itself (Socket Mode); it needs no address.
    #[arg(long)]
    socket: bool,
    /// The address p0 is reached at: https://p0.acme.example
    #[arg(long)]
    url: Option<String>,
}

pub async fn run(args: Args, outside: Arc<dyn Outside>) -> Result<()> {
    match args.what {
        What::Manifest(way) => {
            print!("{}", manifest(&way)?);
            Ok(())
        }
        What::Setup(way) => setup(&way, outside).await,
    }
}

/// The manifest without what is told to whoever edits it by hand.
fn manifest(way: &Way) -> Result<String> {
    let lines = MANIFEST.lines().skip_while(|line| line.starts_with('#'));
    let text = match &way.url {
        Some(url) => {
            let good = Url::parse(url).ok().filter(|url| url.scheme() == "https" && url.host_str().is_some());
            let good = good.filter(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty());
            let advice = || format!("\"{url}\" is not an address that Slack can call; write one like https://p0.acme.example");
            let origin = good.ok_or_else(advice)?.origin().ascii_serialization();
            lines.map(|line| line.replace(EXAMPLE, &origin)).collect::<Vec<_>>()
        }
        None => {
            let address = |line: &str| line.contains(EXAMPLE);
            let socket = |line: &str| line.replace("socket_mode_enabled: false", "socket_mode_enabled: true");
            lines.filter(|line| !address(line)).map(socket).collect()
        }
    };
    Ok(text.join("\n") + "\n")
}

async fn setup(way: &Way, outside: Arc<dyn Outside>) -> Result<()> {
    manifest(way)?; // a bad address is told before anything else
    let env = Env::of_process();
    let has = |name: &str| env.secret(name).is_ok();
    let flag = match &way.url {
        Some(url) => format!("--url {url}"),
        None => "--socket".to_owned(),
    };
    let settings = Settings::read(env.clone());
    let config = Config::load(&settings.config, &crate::app::surface_names());
    let path = settings.config.display();
    let channel = config.as_ref().is_ok_and(|config| config.surfaces.iter().any(|(name, _)| name == "slack"));
    let (way_in, how) = match way.socket {
        true => (
            "SLACK_APP_TOKEN",
            "api.slack.com/apps > your app > Basic Information > App-Level Tokens > Generate, with the scope connections:write",
        ),
        false => ("SLACK_SIGNING_SECRET", "api.slack.com/apps > your app > Basic Information > App Credentials > Signing Secret"),
    };
    let steps = [
        (
            has("SLACK_BOT_TOKEN"),
            "the Slack app",
            format!(
                "Open https://api.slack.com/apps > Create New App > From a manifest, and paste what `p0 slack manifest {flag}` prints. \
                 Install it to the workspace, copy the Bot User OAuth Token (OAuth & Permissions) into a file, and set \
                 SLACK_BOT_TOKEN_FILE to that file."
            ),
        ),
        (has(way_in), "the way in", format!("{how}. Copy it into a file, and set {way_in}_FILE to that file.")),
        (
            channel,
            "the approvals channel",
            match &config {
                Ok(_) => format!(
                    "Make a channel for approvers, type /invite @p0 in it, and write its id (at the bottom of its details) into \
                     {path}: slack: {{ approvals: C0123ABCD }}"
                ),
                Err(why) => why.to_string(),
            },
        ),
    ];
    for (number, (done, what, to_do)) in (1..).zip(&steps) {
        println!("{number}. {what}: {}", if *done { "done" } else { "to do" });
        if !done {
            println!("   {to_do}");
            return Err(format!("step {number} is to be done next; then run this again"));
        }
    }
    println!("4. whether all of it works:");
    doctor::run(outside).await?;
    println!("All is well. Start `p0 serve`, and type /p0 help in Slack.");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Section;

    fn by(socket: bool, url: Option<&str>) -> Result<String> {
        manifest(&Way { socket, url: url.map(str::to_owned) })
    }

    #[test]
    fn the_manifest_names_this_installation_and_no_other() {
        let http = by(false, Some("https://p0.acme.example/")).expect("a manifest");
        assert_eq!(http.matches("https://p0.acme.example/slack/").count(), 4, "{http}");
        assert!(!http.contains("example.com") && http.starts_with("_metadata:"), "{http}");
        let socket = by(true, None).expect("a manifest");
        assert!(!socket.contains("https://"), "{socket}");
        let settings = Section::whole("socket.yaml", socket.as_str()).child("settings");
        assert_eq!(settings.child("socket_mode_enabled").read::<bool>().expect("read"), Some(true));
        assert_eq!(settings.child("interactivity").child("is_enabled").read::<bool>().expect("read"), Some(true));
        for bad in ["p0.acme.example", "http://p0.acme.example", "https://", "https://a.example/slack", "https://u@a.example"] {
            assert!(by(false, Some(bad)).expect_err(bad).contains("write one like"), "{bad}");
        }
    }
}
