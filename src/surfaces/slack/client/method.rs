//! Every Web API method we call, with the scope it needs and how often Slack lets it be called.
//!
//! The app manifest asks for exactly these scopes, which a test holds it to.

/// One method of Slack's Web API.
#[derive(Debug, PartialEq, Eq)]
pub struct Method {
    pub name: &'static str,
    /// The bot scope it needs. Empty: none.
    pub scope: &'static str,
    pub per_minute: i64,
    /// How many may come at once.
    pub burst: i64,
    /// Calling it twice does no more than calling it once.
    pub repeatable: bool,
}

const fn reads(name: &'static str, scope: &'static str, per_minute: i64) -> Method {
    Method { name, scope, per_minute, burst: 20, repeatable: true }
}

const fn does(name: &'static str, scope: &'static str, per_minute: i64) -> Method {
    Method { name, scope, per_minute, burst: 20, repeatable: false }
}

/// A person waits, with a trigger that lives three seconds: to hold the call back would be to lose
/// it. Only Slack's own word holds these up.
const AT_ONCE: i64 = i64::MAX;

// The tiers of Slack's documentation: 2 is 20 a minute, 3 is 50, 4 is 100. `auth.test`,
// `chat.getPermalink` and `chat.postMessage` are special: several hundred a minute.
pub const AUTH_TEST: Method = reads("auth.test", "", 100);
pub const USERS_INFO: Method = reads("users.info", "users:read", 100);
pub const USERS_LOOKUP_BY_EMAIL: Method = reads("users.lookupByEmail", "users:read.email", 50);
pub const USERGROUPS_USERS_LIST: Method = reads("usergroups.users.list", "usergroups:read", 20);
pub const CHAT_GET_PERMALINK: Method = reads("chat.getPermalink", "", 100);
pub const CHAT_POST_MESSAGE: Method = does("chat.postMessage", "chat:write", 300);
pub const CHAT_POST_EPHEMERAL: Method = does("chat.postEphemeral", "chat:write", 100);
pub const CHAT_UPDATE: Method = Method { repeatable: true, ..does("chat.update", "chat:write", 50) };
/// Its scope, `connections:write`, is the app-level token's. How often it may be called Slack says itself.
pub const APPS_CONNECTIONS_OPEN: Method = reads("apps.connections.open", "", AT_ONCE);
pub const CHAT_SCHEDULE_MESSAGE: Method = does("chat.scheduleMessage", "chat:write", 50);
pub const CHAT_DELETE_SCHEDULED: Method = does("chat.deleteScheduledMessage", "chat:write", 50);
pub const VIEWS_OPEN: Method = does("views.open", "", AT_ONCE);
pub const VIEWS_UPDATE: Method = does("views.update", "", AT_ONCE);
pub const VIEWS_PUBLISH: Method = Method { repeatable: true, ..does("views.publish", "", 100) };

pub const METHODS: &[&Method] = &[
    &AUTH_TEST,
    &USERS_INFO,
    &USERS_LOOKUP_BY_EMAIL,
    &USERGROUPS_USERS_LIST,
    &CHAT_GET_PERMALINK,
    &CHAT_POST_MESSAGE,
    &CHAT_POST_EPHEMERAL,
    &CHAT_UPDATE,
    &APPS_CONNECTIONS_OPEN,
    &CHAT_SCHEDULE_MESSAGE,
    &CHAT_DELETE_SCHEDULED,
    &VIEWS_OPEN,
    &VIEWS_UPDATE,
    &VIEWS_PUBLISH,
];

/// A reply URL: no method of the Web API, so it needs no scope and stands in no list.
pub const REPLY: Method = does("response_url", "", AT_ONCE);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::yaml::Section;

    fn manifest(path: &[&str]) -> BTreeSet<String> {
        let whole = Section::whole("slack-app-manifest.yaml", include_str!("../../../../slack-app-manifest.yaml"));
        let section = path.iter().fold(whole, |section, key| section.child(key));
        section.read::<Vec<String>>().expect("a list").expect("there").into_iter().collect()
    }

    #[test]
    fn the_app_manifest_asks_for_exactly_the_scopes_that_are_used() {
        let mut used: BTreeSet<String> = METHODS.iter().map(|method| method.scope.to_owned()).collect();
        used.remove("");
        used.insert("commands".to_owned()); // no method: the slash command and the shortcut need it
        assert_eq!(manifest(&["oauth_config", "scopes", "bot"]), used);
    }

    #[test]
    fn what_it_says_to_do_for_socket_mode_leaves_no_address() {
        let whole = include_str!("../../../../slack-app-manifest.yaml");
        let kept =
            |line: &&str| !["url:", "request_url:", "message_menu_options_url:"].iter().any(|it| line.trim().starts_with(it));
        let lines: Vec<&str> = whole.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines[lines.len() - 2].trim(), "socket_mode_enabled: false", "the line before the last");
        let socket: Vec<&str> = lines.iter().copied().filter(kept).collect();
        assert_eq!(lines.len() - socket.len(), 4, "of the command, two request_url, the options");
        let socket = socket.join("\n").replace("socket_mode_enabled: false", "socket_mode_enabled: true");
        assert!(!socket.contains("https://"), "{socket}");
        let settings = Section::whole("socket.yaml", socket).child("settings");
        assert_eq!(settings.child("socket_mode_enabled").read::<bool>().expect("read"), Some(true));
        assert_eq!(settings.child("interactivity").child("is_enabled").read::<bool>().expect("read"), Some(true));
    }

    #[test]
    fn it_subscribes_to_nothing_that_is_ignored() {
        use crate::surfaces::slack::inbound::Event;
        for kind in manifest(&["settings", "event_subscriptions", "bot_events"]) {
            let event = serde_json::json!({ "type": "event_callback", "event_id": "Ev1", "team_id": "T1", "event": { "type": kind, "user": "U1" } });
            let read = Event::parse(event.to_string().as_bytes()).expect("taken");
            assert!(!matches!(read, Event::Ignored { .. }), "{kind}");
        }
    }

    #[test]
    fn every_method_stands_in_the_list_once() {
        let source = include_str!("method.rs");
        let declared = source.lines().filter(|line| line.starts_with("pub const ") && line.contains(": Method")).count();
        let names: BTreeSet<_> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!((declared, METHODS.len()), (METHODS.len() + 1, names.len()), "all but the reply URL");
    }
}
