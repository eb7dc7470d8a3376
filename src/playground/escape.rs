//! What Slack makes of the text of a slash command when the app asked for `should_escape`.
//!
//! It must never look people up by anything but what stands in the workspace.

use super::world::World;

/// Writes out `&`, `<`, `>`, mentions of people, groups and channels, links and e-mail addresses.
pub(super) fn escape(world: &World, text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        // Quotes and full stops around a word are not part of it.
        let outer = |c: char| matches!(c, '"' | '\'' | '(' | ')' | ',' | '.' | ';' | '“' | '”');
        let inner = word.trim_start_matches(outer);
        let (before, core) = (&word[..word.len() - inner.len()], inner.trim_end_matches(outer));
        let behind = &inner[core.len()..];
        written.push_str(&plain(before));
        written.push_str(&one(world, core).unwrap_or_else(|| plain(core)));
        written.push_str(&plain(behind));
        let space = after.find(|c: char| !c.is_whitespace()).unwrap_or(after.len());
        written.push_str(&after[..space]);
        rest = &after[space..];
    }
    written
}

pub(super) fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn one(world: &World, word: &str) -> Option<String> {
    if let Some(name) = word.strip_prefix('@') {
        if let Some(user) = world.users.iter().find(|user| user.name == name) {
            return Some(format!("<@{}|{}>", user.id, user.name));
        }
        let group = world.groups.iter().find(|group| group.handle == name)?;
        return Some(format!("<!subteam^{}|@{}>", group.id, group.handle));
    }
    if let Some(name) = word.strip_prefix('#') {
        let channel = world.channels.iter().find(|channel| channel.dm.is_none() && channel.name == name)?;
        let shown = if channel.is_private { "" } else { channel.name.as_str() };
        return Some(format!("<#{}|{shown}>", channel.id));
    }
    if word.starts_with("http://") || word.starts_with("https://") {
        return Some(format!("<{}>", plain(word)));
    }
    let (who, host) = word.split_once('@')?;
    let address = !who.is_empty() && !host.contains('@') && host.contains('.') && !word.contains(['=', '<', '>', '&', ':', '/']);
    address.then(|| format!("<mailto:{word}|{word}>"))
}
