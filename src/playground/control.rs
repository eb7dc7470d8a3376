//! The control API: acts as the people, by JSON over HTTP. Each verb is a method of [`Sim`].
//!
//! It answers as [`super::page`] allows. It must never hold logic of its own. A refusal answers 400 `{"ok": false, "error": "..."}`.
//! `target` is `{"channel", "ts"}` (`"ts": "last"`: the newest there) or `{"view_id"}`; `which` is `action_id` and, where that is not
//! enough, `block_id`, `value_is` (of a button) or `occurrence`, as fields of the body. People and channels go by name or
//! id; the channel `dm` is the app's direct messages.
//!
//! | `POST /_control/...` | body | does |
//! | --- | --- | --- |
//! | `command` | `user, channel, command, text, duplicate?` | types a slash command |
//! | `shortcut` | `user, callback_id` | runs a global shortcut |
//! | `press` | `user, target, which, duplicate?, presses?` | presses a button; `presses: 2` presses twice at once, with two triggers |
//! | `select` | `user, target, which, value` | chooses in a select, picker, checkboxes, overflow |
//! | `type_ahead` | `user, target, which, text` | types into an external select |
//! | `fill`, `enter` | `user, view_id, block_id, value` | fills an input; presses Enter in it |
//! | `submit` | `user, view_id, duplicate?` | submits a modal |
//! | `close` | `user, view_id, cleared?` | Cancel, or the × |
//! | `open_home` | `user` | opens the Home tab |
//! | `event`, `tick`, `verify_url` | any event; nothing; nothing | sends an event; sends due retries; checks the URL |
//! | `say` | `user, channel, text, thread_ts?` | writes a message as a person |
//! | `message_shortcut` | `user, target, callback_id` | runs a shortcut of a message |
//! | `forward`, `jump` | `span`; nothing | moves the clock forward, or to just before the next end, where there is one to move |
//! | `faults` | one fault or a list: `on, kind, times?, after?` and `ms`, `retry_after` or `error`; `[]` clears | see [`super::faults`] |
//! | `app` | `base`, or `commands, interactive, options, events` | where the app listens |
//! | `settings` | any of `rate_limits, should_escape, scopes, bot_token, signing_secret, variant, ack_ms, socket_mode, features` | changes settings; `features` as in an app manifest |
//! | `disconnect` | `reason` (`warning`, `refresh_requested`, `link_disabled`), `nth?` | ends the nth socket of the app, or all |
//! | `cut` | `nth?` | the network takes it away without a word |
//! | `user`, `channel`, `group` | a whole one | adds it, or replaces the one with its id |
//! | `reset` | nothing | everything as at the start |
//!
//! | `GET /_control/...` | query | answers |
//! | --- | --- | --- |
//! | `state` | | everything |
//! | `views`, `home`, `dms`, `ephemerals` | `user` | what this person sees |
//! | `messages` | `channel` | what everybody in it sees |
//! | `calls`, `deliveries`, `emitted`, `pending` | | the logs |
//! | `seen`, `beside` | `since` | all that people see; what stands beside Slack: once it has another `version` than `since` |

use hyper::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::live;
use super::server::Reply;
use super::{AppUrls, Error, Features, Press, PressTarget, Sim, Variant};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ask {
    user: String,
    channel: String,
    command: String,
    text: String,
    callback_id: String,
    ts: String,
    view_id: String,
    block_id: Option<String>,
    action_id: String,
    value_is: Option<String>,
    occurrence: usize,
    value: Value,
    duplicate: bool,
    presses: usize,
    cleared: bool,
    thread_ts: Option<String>,
    span: String,
    target: Option<Target>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(default)]
struct Target {
    channel: String,
    ts: String,
    view_id: String,
}

impl Ask {
    /// The target may stand in an object of its own or beside the rest.
    fn target(&self) -> PressTarget {
        let own = Target { channel: self.channel.clone(), ts: self.ts.clone(), view_id: self.view_id.clone() };
        let target = self.target.clone().unwrap_or(own);
        if target.view_id.is_empty() {
            PressTarget::message(&target.channel, &target.ts)
        } else {
            PressTarget::view(&target.view_id)
        }
    }

    fn which(&self) -> Press {
        Press {
            action_id: self.action_id.clone(),
            block_id: self.block_id.clone(),
            value: self.value_is.clone(),
            occurrence: self.occurrence,
            duplicate: self.duplicate,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Change {
    rate_limits: Option<bool>,
    should_escape: Option<bool>,
    scopes: Option<Vec<String>>,
    bot_token: Option<String>,
    signing_secret: Option<String>,
    variant: Option<Variant>,
    ack_ms: Option<u64>,
    socket_mode: Option<bool>,
    features: Option<Features>,
}

fn nth(body: &Value) -> Option<usize> {
    body["nth"].as_u64().and_then(|nth| usize::try_from(nth).ok())
}

fn read<T: DeserializeOwned>(body: &Value) -> Result<T, Error> {
    serde_json::from_value(body.clone()).map_err(|error| Error::Unreadable(error.to_string()))
}

pub(super) async fn serve(sim: &Sim, http: &Method, verb: &str, query: &str, body: &[u8]) -> Reply {
    let body = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice::<Value>(body) };
    let done = match body {
        Err(error) => Err(Error::Unreadable(error.to_string())),
        Ok(_) if *http == Method::GET => look(sim, verb, query).await,
        Ok(body) => {
            let done = act(sim, verb, &body).await;
            sim.0.changed.notify_waiters();
            done
        }
    };
    match done {
        Ok(answer) => Reply::json(200, Vec::new(), &answer),
        Err(error) => Reply::json(400, Vec::new(), &json!({ "ok": false, "error": error.to_string() })),
    }
}

async fn look(sim: &Sim, what: &str, query: &str) -> Result<Value, Error> {
    let wanted = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let user = wanted("user").unwrap_or_default();
    Ok(match what {
        "state" => state(sim),
        "views" => json!(sim.views(&user)?),
        "home" => json!(sim.home(&user)?),
        "dms" => json!(sim.dms(&user)?),
        "ephemerals" => json!(sim.ephemerals(&user)?),
        "messages" => json!(sim.messages(&wanted("channel").unwrap_or_default())?),
        "calls" => json!(sim.calls()),
        "deliveries" => json!(sim.deliveries()),
        "emitted" => json!(sim.emitted()),
        "pending" => json!(sim.pending()),
        "seen" => live::seen(sim, &wanted("since").unwrap_or_default()).await,
        "beside" => live::beside(sim, &wanted("since").unwrap_or_default()).await?,
        other => return Err(Error::Cannot(format!("there is no GET /_control/{other}"))),
    })
}

/// Everything but the secrets.
fn state(sim: &Sim) -> Value {
    let world = sim.world();
    json!({
        "now": sim.now(), "team": { "id": world.team_id, "name": world.team_name, "domain": world.team_domain },
        "app": world.settings.app, "scopes": world.settings.scopes, "rate_limits": world.settings.rate_limits,
        "should_escape": world.settings.should_escape, "variant": world.settings.variant, "bot_user": world.bot_user,
        "users": world.users, "channels": world.channels, "groups": world.groups, "messages": world.messages, "views": world.views,
        "stacks": world.stacks, "homes": world.homes, "triggers": world.triggers, "response_urls": world.urls, "faults": world.faults,
        "socket_mode": world.settings.socket_mode, "sockets": world.sockets.open(),
        "pending": world.events, "calls": world.calls.len(), "deliveries": world.deliveries.len(), "emitted": world.emitted.len(),
    })
}

async fn act(sim: &Sim, verb: &str, body: &Value) -> Result<Value, Error> {
    let done = json!({ "ok": true });
    match verb {
        "event" => return Ok(json!(sim.event(body.clone()).await)),
        "tick" => return Ok(json!(sim.tick().await)),
        "verify_url" => {
            let (ok, delivery) = sim.verify_url().await;
            return Ok(json!({ "ok": ok, "delivery": delivery }));
        }
        "faults" => {
            let faults: Vec<Fault> = if body.is_array() { read(body)? } else { vec![read(body)?] };
            if faults.is_empty() {
                sim.forget_faults();
            }
            sim.faults(faults);
            return Ok(done);
        }
        "app" => {
            sim.set_app(match body["base"].as_str() {
                Some(base) => AppUrls::under(base),
                None => read(body)?,
            });
            return Ok(done);
        }
        "settings" => {
            let change: Change = read(body)?;
            change.socket_mode.into_iter().for_each(|on| sim.socket_mode(on));
            sim.configure(|settings| {
                change.rate_limits.into_iter().for_each(|value| settings.rate_limits = value);
                change.should_escape.into_iter().for_each(|value| settings.should_escape = value);
                change.scopes.into_iter().for_each(|value| settings.scopes = value);
                change.bot_token.into_iter().for_each(|value| settings.bot_token = value);
                change.signing_secret.into_iter().for_each(|value| settings.signing_secret = value);
                change.variant.into_iter().for_each(|value| settings.variant = value);
                change.ack_ms.into_iter().for_each(|value| settings.ack_ms = value);
                change.features.into_iter().for_each(|value| settings.features = value);
            });
            return Ok(done);
        }
        "disconnect" => sim.disconnect(nth(body), read(&body["reason"])?),
        "cut" => sim.cut(nth(body)),
        "user" => sim.add_user(read(body)?),
        "channel" => sim.add_channel(read(body)?),
        "group" => sim.add_group(read(body)?),
        "reset" => sim.reset(),
        _ => return person(sim, verb, read(body)?).await,
    }
    Ok(done)
}

async fn person(sim: &Sim, verb: &str, ask: Ask) -> Result<Value, Error> {
    let block = ask.block_id.as_deref().unwrap_or_default();
    Ok(match verb {
        "command" => json!(sim.command_with(&ask.user, &ask.channel, &ask.command, &ask.text, ask.duplicate).await?),
        "shortcut" => json!(sim.shortcut(&ask.user, &ask.callback_id).await?),
        "press" if ask.presses > 1 => {
            let all = (0..ask.presses).map(|_| sim.press(&ask.user, ask.target(), ask.which()));
            json!(futures::future::join_all(all).await.into_iter().collect::<Result<Vec<_>, _>>()?)
        }
        "press" => json!(sim.press(&ask.user, ask.target(), ask.which()).await?),
        "select" => json!(sim.select(&ask.user, ask.target(), ask.which(), ask.value).await?),
        "type_ahead" => json!(sim.type_ahead(&ask.user, ask.target(), ask.which(), &ask.text).await?),
        "fill" => json!(sim.fill(&ask.user, &ask.view_id, block, ask.value).await?),
        "enter" => json!(sim.enter(&ask.user, &ask.view_id, block).await?),
        "submit" => json!(sim.submit_with(&ask.user, &ask.view_id, ask.duplicate).await?),
        "message_shortcut" => json!(sim.message_shortcut(&ask.user, ask.target(), &ask.callback_id).await?),
        "forward" => json!({ "ok": true, "now": sim.forward(&ask.span)? }),
        "jump" => json!({ "ok": true, "now": sim.jump().await? }),
        "close" => json!(sim.close(&ask.user, &ask.view_id, ask.cleared).await?),
        "open_home" => json!(sim.open_home(&ask.user).await?),
        "say" => json!({ "ok": true, "ts": sim.say(&ask.user, &ask.channel, &ask.text, ask.thread_ts.as_deref())? }),
        other => return Err(Error::Cannot(format!("there is no POST /_control/{other}"))),
    })
}
