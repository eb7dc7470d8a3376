//! The stand-in is as Slack is: sample apps of libraries that know only Slack run against it unchanged, by
//! HTTP and by socket. Each story says which calls the app made: `cargo test samples -- --nocapture`.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use p0::app::Real;
use p0::domain::time::Span;
use p0::playground::{AppUrls, Disconnect, Outcome, PressTarget, Settings, Sim};
use serde_json::json;

use crate::harness::office::text;
use crate::harness::outside::unique;
use crate::harness::process::free_port;

#[path = "../samples/morphism.rs"]
mod morphism;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    Socket,
}

/// An app that runs beside the story, and what it said if something goes wrong. Dropping it ends it.
enum App {
    Process(Child, std::path::PathBuf),
    Task(tokio::task::JoinHandle<()>),
}

impl Drop for App {
    fn drop(&mut self) {
        match self {
            App::Process(child, log) => {
                let _ = child.kill();
                let _ = child.wait();
                if std::thread::panicking() {
                    println!("{}", std::fs::read_to_string(&log).unwrap_or_default());
                }
                let _ = std::fs::remove_file(log);
            }
            App::Task(task) => task.abort(),
        }
    }
}

/// Starts an app by a line of bash that ends in `exec`.
fn process(line: &str, sim: &Sim, way: Way, port: u16) -> App {
    let log = std::env::temp_dir().join(format!("p0-sample-{}-{}.log", std::process::id(), unique()));
    let written = std::fs::File::create(&log).expect("a log");
    let settings = Settings::default();
    let mut command = Command::new("bash");
    command.args(["-c", &format!("source tools/lib.sh; {line}")]).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("SLACK_API_URL", sim.api_url()).env("SLACK_BOT_TOKEN", settings.bot_token).env("PORT", port.to_string());
    match way {
        Way::Http => command.env("SLACK_SIGNING_SECRET", settings.signing_secret).env_remove("SLACK_APP_TOKEN"),
        Way::Socket => command.env("SLACK_APP_TOKEN", settings.app_token).env_remove("SLACK_SIGNING_SECRET"),
    };
    command.stdin(Stdio::null()).stdout(written.try_clone().expect("a log")).stderr(written);
    App::Process(command.spawn().expect("bash runs"), log)
}

async fn sample(name: &str, way: Way, run: impl AsyncFnOnce(&Sim, u16) -> App) {
    let settings = Settings { socket_mode: way == Way::Socket, ..Settings::default() };
    let sim = Sim::start(settings, Arc::new(Real::new(None))).await.expect("a stand-in");
    let port = free_port();
    let app = run(&sim, port).await;
    let base = format!("http://127.0.0.1:{port}");
    sim.set_app(match app {
        App::Process(..) => {
            let all = format!("{base}/slack/events");
            AppUrls { commands: all.clone(), interactive: all.clone(), options: all.clone(), events: all }
        }
        App::Task(_) => {
            let interactive = format!("{base}/interaction");
            AppUrls {
                commands: format!("{base}/command"),
                options: interactive.clone(),
                interactive,
                events: format!("{base}/push"),
            }
        }
    });
    let patience = Span::seconds(60);
    match way {
        Way::Socket => sim.until(patience, |sim| (sim.sockets() > 0).then_some(())).await.expect("a socket"),
        Way::Http => {
            let listening = async {
                while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(patience.to_std(), listening).await.expect("it listens");
        }
    }

    let typed = sim.command("alice", "#general", "/sample", "").await.expect("typed");
    assert!(typed.ok(), "{typed:?}");
    let opened = sim.until(patience, |sim| sim.views("alice").ok()?.pop()).await.expect("a modal");
    let view = opened["id"].as_str().expect("an id").to_owned();
    let offered = sim.type_ahead("alice", PressTarget::view(&view), "size", "m").await.expect("typed");
    assert_eq!(offered.texts(), ["medium"], "{offered:?}");
    sim.fill("alice", &view, "size", json!("medium")).await.expect("chosen");
    sim.fill("alice", &view, "why", json!("because")).await.expect("typed");
    let wrong = sim.submit("alice", &view).await.expect("submitted");
    assert_eq!((wrong.outcome, wrong.errors["why"].as_str()), (Outcome::Errors, "Say more."), "{wrong:?}");
    sim.fill("alice", &view, "why", json!("INC-42 <tonight>")).await.expect("typed");
    let right = sim.submit("alice", &view).await.expect("submitted");
    assert_eq!(right.outcome, Outcome::Closed, "{right:?}");
    let posted = sim.until(patience, |sim| sim.dms("alice").ok()?.pop()).await.expect("a message");
    assert_eq!(text(&posted), "medium: INC-42 <tonight>");
    if way == Way::Socket {
        // Slack wants the connections to be others, and the library knows what that means.
        let old = sim.connections();
        sim.disconnect(None, Disconnect::RefreshRequested);
        sim.until(patience, |sim| (sim.sockets() > 0 && sim.connections() > old).then_some(())).await.expect("a new socket");
    }
    let pressed = sim.press("alice", PressTarget::message("dm", "last"), "done").await.expect("pressed");
    assert!(pressed.ok(), "{pressed:?}");
    let edited = |sim: &Sim| sim.dms("alice").ok()?.pop().filter(|message| text(message) == "Done by <@U0ALICE>");
    sim.until(patience, edited).await.expect("it is edited");
    let thanked = |sim: &Sim| sim.ephemerals("alice").ok()?.iter().any(|told| text(told) == "Thank you.").then_some(());
    sim.until(patience, thanked).await.expect("alice is thanked");
    assert!(sim.open_home("alice").await.expect("opened").ok());
    let home = sim.until(patience, |sim| sim.home("alice").ok()?).await.expect("a Home tab");
    assert_eq!(home["blocks"][0]["text"]["text"], "Welcome");

    let refused: Vec<_> = sim.calls().into_iter().filter(|call| call.answer["ok"] != true).collect();
    assert!(refused.is_empty(), "{refused:?}");
    let mut methods: Vec<String> = sim.calls().into_iter().map(|call| call.method).collect();
    println!("{name} by {way:?}: {}", methods.join(", "));
    // Who it is it asks as often as it likes.
    methods.retain(|method| method != "auth.test" && method != "apps.connections.open");
    assert_eq!(methods, ["views.open", "chat.postMessage", "chat.update", "response_url", "views.publish"]);
    assert!(sim.deliveries().iter().all(|delivery| delivery.ok()), "{:?}", sim.deliveries());
    drop(app);
    sim.stop().await;
}

const BOLT_JS: &str = "find_node || die 'there is no Node: run tools/setup tests'; exec node tests/samples/bolt.mjs";
const BOLT_PYTHON: &str = "exec \"$P0_TOOLS_DIR/python/bin/python\" tests/samples/bolt.py";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bolt_for_javascript_by_http() {
    sample("Bolt for JavaScript", Way::Http, async |sim, port| process(BOLT_JS, sim, Way::Http, port)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bolt_for_javascript_by_socket() {
    sample("Bolt for JavaScript", Way::Socket, async |sim, port| process(BOLT_JS, sim, Way::Socket, port)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bolt_for_python_by_http() {
    sample("Bolt for Python", Way::Http, async |sim, port| process(BOLT_PYTHON, sim, Way::Http, port)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bolt_for_python_by_socket() {
    sample("Bolt for Python", Way::Socket, async |sim, port| process(BOLT_PYTHON, sim, Way::Socket, port)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_morphism_by_http() {
    sample("slack-morphism", Way::Http, async |sim, port| {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let settings = Settings::default();
        App::Task(tokio::spawn(morphism::serve(listener, sim.api_url(), settings.bot_token, settings.signing_secret)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slack_morphism_by_socket() {
    sample("slack-morphism", Way::Socket, async |sim, _| {
        let settings = Settings::default();
        App::Task(tokio::spawn(morphism::listen(sim.api_url(), settings.bot_token, settings.app_token)))
    })
    .await;
}
