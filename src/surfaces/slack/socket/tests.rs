//! One connection, with a Slack by hand at its other end.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;

const SHORT: Patience = Patience { quiet: Span::millis(50), given_up: Span::millis(200) };

/// One end of a connection that is served, and everything to tell it with.
struct Line {
    slack: WebSocketStream<DuplexStream>,
    left: oneshot::Receiver<()>,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
    /// Lets one handler after the other finish.
    finish: Arc<tokio::sync::Semaphore>,
    /// How many have begun.
    begun: Arc<AtomicUsize>,
}

async fn line() -> Line {
    let (ours, slack) = tokio::io::duplex(64 * 1024);
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let ours = WebSocketStream::from_raw_socket(ours, Role::Client, Some(limits)).await;
    let slack = WebSocketStream::from_raw_socket(slack, Role::Server, None).await;
    let (leaving, left) = oneshot::channel();
    let (stop, stopped) = watch::channel(false);
    let finish = Arc::new(tokio::sync::Semaphore::new(0));
    let (allowed, begun) = (finish.clone(), Arc::new(AtomicUsize::new(0)));
    let count = begun.clone();
    let take = move |said: Said| {
        let allowed = allowed.clone();
        count.fetch_add(1, Ordering::SeqCst);
        async move {
            allowed.acquire().await.expect("open").forget();
            said.envelope_id.map(|id| json!({ "envelope_id": id }))
        }
    };
    let serving = tokio::spawn(serve(ours, take, leaving, stopped, SHORT));
    Line { slack, left, stop, serving, finish, begun }
}

impl Line {
    async fn says(&mut self, said: Json) {
        self.slack.send(Message::text(said.to_string())).await.expect("sent");
    }

    async fn sends(&mut self, id: &str) {
        self.says(json!({ "type": "interactive", "envelope_id": id, "payload": {} })).await;
    }

    /// The next text; `None` when the connection ends.
    async fn hears(&mut self) -> Option<String> {
        loop {
            match self.slack.next().await? {
                Ok(Message::Text(text)) => return Some(text.to_string()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_done_is_not_acknowledged_and_a_slow_one_holds_up_no_other() {
    let mut line = line().await;
    line.sends("one").await;
    line.sends("two").await;
    let early = tokio::time::timeout(Span::millis(20).to_std(), line.hears()).await;
    assert!(early.is_err(), "{early:?}");
    line.finish.add_permits(1);
    let first = line.hears().await.expect("one of them");
    line.finish.add_permits(1);
    let second = line.hears().await.expect("the other");
    assert_ne!(first, second);
}

#[tokio::test]
async fn whoever_says_nothing_is_asked_and_then_given_up() {
    let mut line = line().await;
    (&mut line.serving).await.expect("no panic"); // nobody reads the question at the other end
    assert!(line.left.await.is_err(), "it was not foreseen");
    let asked = line.slack.next().await.expect("something").expect("a question");
    assert_eq!(asked, Message::Ping("p0".into()));
}

#[tokio::test]
async fn whoever_answers_is_kept() {
    let mut line = line().await;
    let long = tokio::time::timeout(Span::millis(500).to_std(), line.hears()).await; // reading answers pings
    assert!(long.is_err(), "{long:?}");
    line.finish.add_permits(1);
    line.sends("late").await;
    assert!(line.hears().await.expect("acknowledged").contains("late"));
}

#[tokio::test]
async fn a_connection_that_will_end_is_told_at_once_and_used_until_it_does() {
    let mut line = line().await;
    line.says(json!({ "type": "disconnect", "reason": "warning" })).await;
    (&mut line.left).await.expect("told");
    line.finish.add_permits(1);
    line.sends("still").await;
    assert!(line.hears().await.expect("acknowledged").contains("still"));
    assert_eq!(line.hears().await, None, "in the end it is closed from this side");
}

#[tokio::test]
async fn before_the_process_stops_what_is_under_way_is_acknowledged() {
    let mut line = line().await;
    line.sends("last").await;
    while line.begun.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    line.stop.send_replace(true);
    line.finish.add_permits(1);
    assert!(line.hears().await.is_some_and(|said| said.contains("last")));
    assert_eq!(line.hears().await, None);
    line.serving.await.expect("no panic");
}

#[tokio::test]
async fn more_than_the_largest_is_not_read() {
    let mut line = line().await;
    let long = "x".repeat(LARGEST + 1);
    let sending = line.slack.send(Message::text(long));
    let (_, ended) = tokio::join!(sending, line.serving);
    ended.expect("no panic");
    assert!(line.left.await.is_err());
}

#[test]
fn a_command_comes_as_the_same_form_as_by_http() {
    let fields =
        json!({ "user_id": "U1", "text": "request \u{201c}a b\u{201d} & more", "is_enterprise_install": false, "none": null });
    assert_eq!(as_form(&fields), "user_id=U1&text=request+%E2%80%9Ca+b%E2%80%9D+%26+more&is_enterprise_install=false");
    assert_eq!(as_form(&json!("no fields")), "");
}
