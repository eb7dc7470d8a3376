//! What a call that failed means: try later, look first, never, or an operator has to act.
//!
//! Slack's own texts are not passed on (they repeat what was sent), only its error words.

use hyper_util::client::legacy;
use serde_json::Value as Json;
use slack_morphism::errors::SlackClientError;

use crate::domain::fault::Fault;
use crate::domain::time::Span;

use super::method::Method;

/// How long to wait when Slack says "too often" without saying how long.
const PAUSE: Span = Span::seconds(10);

const GONE: &str = "that message is gone or closed to edits; post a new one";

/// Was a message to be changed that is not there any more?
pub fn is_gone(fault: &Fault) -> bool {
    matches!(fault, Fault::Never { why } if why == GONE)
}

const CHANGED: &str = "the form was changed in the meantime";

/// Was a form drawn by somebody else since the change it was drawn for?
pub fn is_changed(fault: &Fault) -> bool {
    matches!(fault, Fault::Never { why } if why == CHANGED)
}

/// Slack's answer, or the lack of one, as a fault.
pub fn of(method: &Method, error: &SlackClientError) -> Fault {
    match error {
        SlackClientError::ApiError(api) => refused(method, &api.code, api.http_response_body.as_deref()),
        SlackClientError::RateLimitError(limited) => {
            let after = limited.retry_after.and_then(|after| i64::try_from(after.as_millis()).ok()).map_or(PAUSE, Span::millis);
            Fault::Later {
                why: format!("Slack is called too often; it takes {} again in {after}", method.name),
                after: Some(after),
            }
        }
        SlackClientError::HttpError(http) if http.status_code.is_server_error() => {
            lost(method, &format!("Slack has trouble of its own (it answered {})", http.status_code.as_u16()))
        }
        SlackClientError::HttpError(http) => match http.status_code.as_u16() {
            404 | 410 if method.scope.is_empty() && !method.repeatable => {
                Fault::never("this is too old to reply to: Slack keeps a reply open for 30 minutes")
            }
            status => Fault::never(format!("Slack refused {} with status {status}", method.name)),
        },
        SlackClientError::HttpProtocolError(protocol) => {
            let cause = protocol.cause.as_deref().and_then(|cause| cause.downcast_ref::<legacy::Error>());
            if cause.is_some_and(legacy::Error::is_connect) {
                Fault::later("Slack cannot be reached; see whether this machine can open https://slack.com")
            } else {
                lost(method, "the connection to Slack broke before its answer")
            }
        }
        SlackClientError::ProtocolError(_) => lost(method, "Slack's answer could not be read"),
        SlackClientError::SystemError(_) | SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
            lost(method, "the call to Slack broke off")
        }
    }
}

/// The answer is lost. What can be done twice is done again; of anything else it has to be asked first.
pub fn lost(method: &Method, why: &str) -> Fault {
    if method.repeatable { Fault::later(why) } else { Fault::Maybe { why: why.to_owned() } }
}

/// Slack said no, in one word.
pub fn refused(method: &Method, code: &str, body: Option<&str>) -> Fault {
    let denied = |why: &str| Fault::Denied { why: why.to_owned() };
    match code {
        "ratelimited" | "rate_limited" => {
            Fault::Later { why: format!("Slack is called too often ({})", method.name), after: Some(PAUSE) }
        }
        "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "team_added_to_org" => {
            lost(method, &format!("Slack has trouble of its own ({code})"))
        }
        "channel_not_found" | "not_in_channel" => {
            denied("Slack shows the app no such channel. Invite the app to the approvals channel: /invite @p0")
        }
        "is_archived" => denied("The Slack channel is archived. Unarchive it, or name another one in p0.yaml"),
        "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "restricted_action_non_threadable_channel"
        | "restricted_action_thread_locked" => {
            denied("Slack lets only some people post in that channel. Allow the app to, or name another one")
        }
        "missing_scope" => Fault::Denied { why: missing_scope(method, body) },
        "not_authed"
        | "invalid_auth"
        | "account_inactive"
        | "token_revoked"
        | "token_expired"
        | "no_permission"
        | "org_login_required"
        | "ekm_access_denied"
        | "not_allowed_token_type"
        | "team_access_not_granted"
        | "access_denied" => Fault::Denied {
            why: format!("Slack does not take the bot token ({code}). Install the app again and give p0 the new token"),
        },
        "no_such_subteam" | "subteam_not_found" => {
            denied("Slack knows no such user group. Correct its id in the access policies")
        }
        "users_not_found" | "user_not_found" | "user_not_visible" | "user_not_in_channel" => {
            Fault::never("Slack knows nobody by that name or address in this workspace")
        }
        "messages_tab_disabled" | "cannot_dm_bot" => Fault::never("Slack lets the app send this person no messages"),
        "message_not_found" | "cant_update_message" | "edit_window_closed" => Fault::never(GONE),
        "expired_trigger_id" | "trigger_expired" | "exchanged_trigger_id" | "trigger_exchanged" | "invalid_trigger_id" => {
            Fault::never("Slack gave us 3 seconds to open the form and they are over; press again")
        }
        "hash_conflict" => Fault::never(CHANGED),
        "not_found" | "view_not_found" | "no_view" => Fault::never("the form is closed"),
        other => Fault::never(format!("Slack refused {} ({}{})", method.name, word(other), where_wrong(body))),
    }
}

fn missing_scope(method: &Method, body: Option<&str>) -> String {
    let body: Option<Json> = body.and_then(|body| serde_json::from_str(body).ok());
    let needed = body.as_ref().and_then(|body| body.get("needed")).and_then(Json::as_str).map(word);
    let scope = needed.filter(|scope| !scope.is_empty()).unwrap_or_else(|| method.scope.to_owned());
    format!("The Slack app lacks the scope {scope}. Install it again from slack-app-manifest.yaml")
}

/// Where in a message or a view the mistake is, which is ours: JSON pointers and no content.
fn where_wrong(body: Option<&str>) -> String {
    let body: Option<Json> = body.and_then(|body| serde_json::from_str(body).ok());
    let messages = body.as_ref().and_then(|body| body.pointer("/response_metadata/messages")).and_then(Json::as_array);
    let pointers = messages.into_iter().flatten().filter_map(|message| {
        let message = message.as_str()?;
        let (_, rest) = message.split_once("[json-pointer:")?;
        rest.split_once(']').map(|(pointer, _)| pointer.chars().take(80).collect::<String>())
    });
    let pointers: Vec<String> = pointers.take(3).collect();
    if pointers.is_empty() { String::new() } else { format!(" at {}", pointers.join(", ")) }
}

/// An error word or a scope as it may stand in a sentence of ours.
fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "_:.,-".contains(*c)).take(80).collect()
}
