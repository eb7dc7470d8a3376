//! The doors that anybody on the internet can knock at: what is not from Slack, too large, or nonsense.

use std::net::SocketAddr;
use std::time::Duration;

use p0::domain::time::{Clock, Span};
use p0::playground::{Channel, User, Variant, sign};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::office::{APPROVALS, Office, POLICY, SIGNING_SECRET, Setting, stories};

const DOORS: [&str; 4] = ["commands", "interactive", "options", "events"];

/// Sends a request as it is and gives the status and the body of the answer.
async fn send(address: SocketAddr, door: &str, headers: &[(&str, String)], body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connected");
    let mut head = format!("POST /slack/{door} HTTP/1.1\r\nhost: p0\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("sent");
    stream.write_all(body).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("answered");
    read(&answer)
}

fn read(answer: &[u8]) -> (u16, String) {
    let answer = String::from_utf8_lossy(answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

fn signed(office: &Office, secret: &str, late: Span, body: &[u8]) -> [(&'static str, String); 2] {
    let at = (office.clock.now() - late).seconds().to_string();
    [("x-slack-signature", sign::signature(secret, &at, body)), ("x-slack-request-timestamp", at)]
}

fn form(pairs: &[(&str, &str)]) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

stories! {
    async fn a_body_of_64_megabytes_is_refused_unread(office: Office) {
        for head in ["content-length: 67108864", "transfer-encoding: chunked"] {
            let mut stream = TcpStream::connect(office.addresses[0]).await.expect("connected");
            let head_sent = format!("POST /slack/interactive HTTP/1.1\r\nhost: p0\r\n{head}\r\n\r\n");
            stream.write_all(head_sent.as_bytes()).await.expect("sent");
            let piece = match head.starts_with("transfer") {
                true => [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat(),
                false => vec![b'x'; 0x10000],
            };
            let (mut sent, mut answer) = (0, vec![0; 1024]);
            let got = loop {
                // An answer that is on its way is waited for; a writer in a hurry would outrun it.
                if let Ok(got) = tokio::time::timeout(Duration::from_millis(30), stream.read(&mut answer)).await {
                    break got.expect("answered");
                }
                assert!(sent < 2_000_000, "{head}: {sent} bytes were taken without an answer");
                stream.write_all(&piece).await.expect("taken");
                sent += piece.len();
            };
            assert_eq!(read(&answer[..got]).0, 413, "{head} after {sent} bytes");
        }
        office.close().await;
    }

    async fn what_is_not_signed_by_slack_in_time_is_not_taken(office: Office) {
        let line = format!("request postgres role {}", office.role);
        let body = form(&[
            ("team_id", "T0P0DEMO"), ("user_id", "U0ALICE"), ("command", "/p0"), ("text", &line), ("trigger_id", "1.2.3"),
            ("response_url", "https://hooks.slack.com/commands/T0P0DEMO/1/x"),
        ]);
        let wrong = signed(&office, "another-secret", Span::ZERO, &body);
        let (old, early) = (signed(&office, SIGNING_SECRET, Span::seconds(302), &body), signed(&office, SIGNING_SECRET, Span::seconds(-302), &body));
        let other = signed(&office, SIGNING_SECRET, Span::ZERO, b"another body");
        let mut answers = std::collections::BTreeSet::new();
        for headers in [&[][..], &wrong[..1], &wrong[1..], &wrong, &old, &early, &other] {
            for door in DOORS {
                let (status, told) = send(office.addresses[0], door, headers, &body).await;
                assert_eq!(status, 401, "{door} {headers:?}");
                answers.insert(told);
            }
        }
        assert_eq!(answers.len(), 1, "a stranger learns nothing: {answers:?}");
        assert!(office.app.store.letter("command/T0P0DEMO/1.2.3").await.expect("read").is_none());
        assert!(office.sim.calls().is_empty() && office.requests().is_empty());
        office.close().await;
    }

    async fn nonsense_that_is_rightly_signed_is_a_bad_request(office: Office) {
        let long = (0..900u32).map(|n| format!("{:08x}", n.wrapping_mul(2_654_435_761))).collect::<String>();
        let press = |user: &str, value: &str, at: &str| {
            let json = serde_json::json!({ "type": "block_actions", "team": { "id": "T0P0DEMO" }, "user": { "id": user },
                "container": { "type": "message", "message_ts": "1.2", "channel_id": APPROVALS },
                "actions": [{ "type": "button", "action_id": "approve", "block_id": "decide", "value": value, "action_ts": at }] });
            form(&[("payload", &json.to_string())])
        };
        let command = |user: &str, text: &str, trigger: &str| {
            form(&[("team_id", "T0P0DEMO"), ("user_id", user), ("command", "/p0"), ("text", text), ("trigger_id", trigger)])
        };
        office.types("alice", "help").await;
        office.is_told("alice", "request").await;
        let bodies: Vec<Vec<u8>> = vec![
            b"".to_vec(),
            b"\xff\xfe\x00\x01".to_vec(),
            b"payload".to_vec(),
            b"payload=%FF%FE".to_vec(),
            b"{".to_vec(),
            b"null".to_vec(),
            b"[]".to_vec(),
            br#"{"type":"event_callback"}"#.to_vec(),
            form(&[("payload", "null")]),
            form(&[("payload", "{\"type\":7}")]),
            form(&[("payload", "{\"type\":\"block_actions\",\"user\":\"\\ud800\"}")]),
            form(&[("payload", &"[".repeat(100_000))]),
            form(&[("payload", "{\"type\":\"view_submission\",\"team\":{\"id\":\"T0P0DEMO\"},\"user\":{\"id\":\"U0ALICE\"},\"view\":{\"id\":\"V\\u0000\",\"callback_id\":\"ask\"}}")]),
            form(&[("payload", "{\"type\":\"view_submission\",\"team\":{\"id\":\"T0P0DEMO\"},\"user\":{\"id\":\"U0ALICE\"},\"view\":{\"id\":\"V1\",\"callback_id\":\"deny\",\"private_metadata\":\"\\u0000\"}}")]),
            press("U0ALICE", "req_nothing", "1.3"),
            press("U0ALICE", "\0", "1.4"),
            press("U0\0", "req_00000000000000000000000000", "1.5"),
            press("U0ALICE", "req_00000000000000000000000000", &long),
            command("U0ALICE", "\0", "9.1"),
            command("U0ALICE", "request postgres role a\0b", "9.2"),
            command("U0\0ALICE", "help", "9.3"),
            command("U0ALICE", "help", "9.\0"),
            command("U0ALICE", "help", &long),
            command("U0ALICE", &"\u{202e}\u{0301}'\"`".repeat(2000), "9.4"),
        ];
        for body in &bodies {
            for door in DOORS {
                let (status, told) = send(office.addresses[0], door, &signed(&office, SIGNING_SECRET, Span::ZERO, body), body).await;
                let shown: String = String::from_utf8_lossy(body).chars().take(200).collect();
                assert!(status < 500, "{door} answered {status} {told} to {shown:?}");
            }
        }
        for body in &bodies[..11] {
            for door in ["commands", "interactive"] {
                let (status, _) = send(office.addresses[0], door, &signed(&office, SIGNING_SECRET, Span::ZERO, body), body).await;
                assert_eq!(status, 400, "{door}: {:?}", String::from_utf8_lossy(body));
            }
        }
        office.close().await;
    }

    async fn a_check_of_our_tls_is_answered_with_nothing(office: Office) {
        for door in DOORS {
            assert_eq!(send(office.addresses[0], door, &[], b"token=x&ssl_check=1").await, (200, String::new()));
        }
        office.close().await;
    }

    async fn every_way_in_which_slack_writes_is_read(setting: Setting) {
        let variants = [
            Variant { org_wide: true, ..Variant::default() },
            Variant { in_grid: true, ..Variant::default() },
            Variant { fewer_keys: true, ..Variant::default() },
            Variant { more_keys: true, reordered: true, ..Variant::default() },
        ];
        for variant in variants {
            let office = Office::with(setting, POLICY).await;
            office.sim.configure(|settings| settings.variant = variant);
            crate::slack::trouble::approved_used_and_given_back(&office).await;
            office.close().await;
        }
    }

    async fn a_guest_from_another_company_is_refused_politely(office: Office) {
        let eve = User { id: "U0EVE".into(), name: "eve".into(), real_name: "Eve Else".into(), email: Some("bob@acme.example".into()),
            tz: "Etc/UTC".into(), tz_offset: 0, team_id: "T0ELSEWHERE".into(), deleted: false, is_bot: false };
        office.sim.add_user(eve);
        let members = ["U0ALICE", "U0BOB", "U0EVE", "U0P0BOT"].map(str::to_owned).to_vec();
        for (id, name) in [(APPROVALS, "access-requests"), ("C0GENERAL", "general")] {
            office.sim.add_channel(Channel { id: id.into(), name: name.into(), is_private: false, is_archived: false, members: members.clone(), dm: None });
        }
        let request = office.asks("alice").await;
        // She says she is bob, in a workspace of her own.
        office.presses("eve", &request, "approve").await;
        office.is_told("eve", "Only members of this workspace can use P0").await;
        office.types("eve", "ls").await;
        office.until("told again", async || (office.sim.ephemerals("eve").expect("eve").len() == 2).then_some(())).await;
        assert!(office.app.store.decisions(&request).await.expect("read").is_empty());
        office.presses("bob", &request, "approve").await;
        office.becomes_member("alice").await;
        office.close().await;
    }
}
