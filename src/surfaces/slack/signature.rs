//! Is this request from Slack? The `v0` signature over the raw bytes of the body.
//!
//! Nothing may be parsed, stored or answered before [`check`] has said yes, and the bytes checked
//! must be the bytes parsed. It never reads a clock, and a stranger learns nothing from its error.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::domain::time::Time;

/// The headers Slack signs with.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";
pub const SIGNATURE_HEADER: &str = "x-slack-signature";

/// A request signed longer ago than this, or further ahead, is a replay or a wrong clock.
const LATITUDE_SECONDS: u64 = 300;

/// How much of a body is looked at for `ssl_check`.
const SCANNED: usize = 4096;

/// Why a request is not taken. The text is the same for all and safe to send; the variant is for
/// our own log: `Stale` means that the signature was right, so either this is a replay or a clock
/// is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFromSlack {
    #[error("this request is not signed by Slack")]
    Unsigned,
    #[error("this request is not signed by Slack")]
    Wrong,
    #[error("this request is not signed by Slack")]
    Stale,
}

/// Says yes when the body was signed with our signing secret within five minutes of `now`.
pub fn check(
    secret: &SecretString,
    timestamp: Option<&str>,
    signature: Option<&str>,
    body: &[u8],
    now: Time,
) -> Result<(), NotFromSlack> {
    let (Some(timestamp), Some(signature)) = (timestamp, signature) else {
        return Err(NotFromSlack::Unsigned);
    };
    let digits = signature.strip_prefix("v0=").ok_or(NotFromSlack::Unsigned)?;
    let mut claimed = [0u8; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| NotFromSlack::Wrong)?;
    // An empty secret would let anybody sign.
    let secret = secret.expose_secret().as_bytes();
    if secret.is_empty() {
        return Err(NotFromSlack::Wrong);
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).map_err(|_| NotFromSlack::Wrong)?;
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    mac.verify_slice(&claimed).map_err(|_| NotFromSlack::Wrong)?; // in constant time
    let signed: i64 = timestamp.parse().map_err(|_| NotFromSlack::Stale)?;
    if signed.abs_diff(now.seconds()) > LATITUDE_SECONDS { Err(NotFromSlack::Stale) } else { Ok(()) }
}

/// Slack now and then asks an endpoint, unsigned, whether its TLS works. The answer is an empty 200;
/// nothing else of such a body may be used.
pub fn is_ssl_check(body: &[u8]) -> bool {
    let scanned = &body[..body.len().min(SCANNED)];
    let cut = scanned.len() < body.len();
    let mut parts = scanned.split(|byte| *byte == b'&').peekable();
    while let Some(part) = parts.next() {
        let whole = parts.peek().is_some() || !cut;
        if whole && part == b"ssl_check=1" {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    // The worked example of "Verifying requests from Slack" in Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const SIGNED_AT: &str = "1531420618";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn at(seconds: i64) -> Time {
        Time((1_531_420_618 + seconds) * 1000)
    }

    fn checked(timestamp: &str, signature: &str, body: &str, now: Time) -> Result<(), NotFromSlack> {
        check(&SecretString::from(SECRET), Some(timestamp), Some(signature), body.as_bytes(), now)
    }

    #[test]
    fn slacks_own_example_is_taken() {
        assert_eq!(checked(SIGNED_AT, SIGNATURE, BODY, at(0)), Ok(()));
    }

    #[test]
    fn five_minutes_either_way_and_not_a_second_more() {
        for (late, taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
            assert_eq!(checked(SIGNED_AT, SIGNATURE, BODY, at(late)).is_ok(), taken, "{late}");
        }
        assert_eq!(checked(SIGNED_AT, SIGNATURE, BODY, at(301)), Err(NotFromSlack::Stale));
    }

    #[test]
    fn whatever_is_changed_is_refused_and_all_refusals_read_the_same() {
        let mut body = BODY.to_owned();
        body.push('x');
        let mut texts = std::collections::BTreeSet::new();
        for (timestamp, signature, body) in [
            (SIGNED_AT, SIGNATURE, body.as_str()),
            ("1531420619", SIGNATURE, BODY),
            ("", SIGNATURE, BODY),
            (SIGNED_AT, &SIGNATURE[..60], BODY),
            (SIGNED_AT, &SIGNATURE[3..], BODY),
            (SIGNED_AT, "v0=", BODY),
            (SIGNED_AT, "v0=zz", BODY),
            (SIGNED_AT, "v1=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503", BODY),
        ] {
            let refused = checked(timestamp, signature, body, at(0)).expect_err(signature);
            texts.insert(refused.to_string());
        }
        let secret = SecretString::from(SECRET);
        assert_eq!(check(&secret, None, Some(SIGNATURE), BODY.as_bytes(), at(0)), Err(NotFromSlack::Unsigned));
        assert_eq!(check(&secret, Some(SIGNED_AT), None, BODY.as_bytes(), at(0)), Err(NotFromSlack::Unsigned));
        assert_eq!(texts.len(), 1);
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"").expect("any length");
        mac.update(b"v0:1531420618:x");
        let forged = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
        assert!(check(&SecretString::from(""), Some(SIGNED_AT), Some(&forged), b"x", at(0)).is_err());
    }

    #[test]
    fn an_ssl_check_is_seen_and_nothing_like_it() {
        assert!(is_ssl_check(b"ssl_check=1"));
        assert!(is_ssl_check(b"ssl_check=1&token=x"));
        assert!(is_ssl_check(b"token=x&ssl_check=1"));
        for not in ["", "ssl_check=10", "xssl_check=1", "ssl_check=0", "text=ssl_check%3D1", "payload={\"ssl_check\":1}"] {
            assert!(!is_ssl_check(not.as_bytes()), "{not}");
        }
        let far = format!("{}&ssl_check=1", "x".repeat(SCANNED));
        assert!(!is_ssl_check(far.as_bytes()));
        // Cut in the middle of a longer parameter, at the very end of what is scanned.
        let split = format!("{}&ssl_check=10", "x".repeat(SCANNED - 12));
        assert!(!is_ssl_check(split.as_bytes()));
    }
}
