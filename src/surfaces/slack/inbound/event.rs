//! What came to the events URL.
//!
//! Events come at least once, out of order and late: each has an id to be stored under.

use serde_json::Value as Json;

use super::{Refused, Who, json_object, realm, text};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Slack checks the URL: this text is the answer.
    Challenge(String),
    HomeOpened {
        id: String,
        who: Who,
        tab: Option<String>,
    },
    Uninstalled {
        id: String,
        realm: String,
    },
    TokensRevoked {
        id: String,
        realm: String,
        bots: Vec<String>,
    },
    /// A kind that we do not use, or do not know yet.
    Ignored {
        kind: String,
    },
}

impl Event {
    pub fn parse(body: &[u8]) -> Result<Event, Refused> {
        let json = json_object(body)?;
        match text(&json, "/type").as_deref() {
            Some("url_verification") => {
                text(&json, "/challenge").map(Event::Challenge).ok_or(Refused("the URL check has no challenge"))
            }
            Some("event_callback") => callback(&json),
            Some(other) => Ok(Event::Ignored { kind: other.to_owned() }),
            None => Err(Refused("the event does not say its kind")),
        }
    }

    /// The key under which it is stored; the same when Slack tries again.
    pub fn key(&self) -> Option<String> {
        match self {
            Event::HomeOpened { id, .. } | Event::Uninstalled { id, .. } | Event::TokensRevoked { id, .. } => {
                Some(format!("event/{id}"))
            }
            Event::Challenge(_) | Event::Ignored { .. } => None,
        }
    }

    /// What a log may say of it.
    pub fn kind(&self) -> &str {
        match self {
            Event::Challenge(_) => "url_verification",
            Event::HomeOpened { .. } => "app_home_opened",
            Event::Uninstalled { .. } => "app_uninstalled",
            Event::TokensRevoked { .. } => "tokens_revoked",
            Event::Ignored { kind } => kind,
        }
    }
}

fn callback(json: &Json) -> Result<Event, Refused> {
    let kind = text(json, "/event/type").ok_or(Refused("the event does not say its kind"))?;
    let id = || text(json, "/event_id").ok_or(Refused("the event has no id"));
    // In Slack Connect the outer team is the sender's; the installation stands in `authorizations`.
    let own = json.pointer("/authorizations/0").filter(|own| own.is_object()).unwrap_or(json);
    let org_wide = own.get("is_enterprise_install").and_then(Json::as_bool).unwrap_or(false);
    let (team, enterprise) = (text(own, "/team_id"), text(own, "/enterprise_id"));
    let realm = || realm(org_wide, team.clone(), enterprise.clone());
    match kind.as_str() {
        "app_home_opened" => {
            let user = text(json, "/event/user").ok_or(Refused("the event does not say who opened the tab"))?;
            let who =
                Who { realm: realm()?, user, user_team: None, team: team.clone(), enterprise: enterprise.clone(), org_wide };
            Ok(Event::HomeOpened { id: id()?, who, tab: text(json, "/event/tab") })
        }
        "app_uninstalled" => Ok(Event::Uninstalled { id: id()?, realm: realm()? }),
        "tokens_revoked" => {
            let bots = json.pointer("/event/tokens/bot").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
            let bots = bots.iter().filter_map(|bot| bot.as_str().map(str::to_owned)).collect();
            Ok(Event::TokensRevoked { id: id()?, realm: realm()?, bots })
        }
        _ => Ok(Event::Ignored { kind }),
    }
}
