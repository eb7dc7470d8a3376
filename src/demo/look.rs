//! What a message or a form in Slack looks like, in a few lines of a terminal. Reads the blocks as
//! Slack has them; knows nothing of what the app meant by them.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::playground::Sim;

/// `<…>` in mrkdwn: a mention, a date, a link.
static SPECIAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("<([^<>]*)>").ok());

/// The lines of a message or view; small print is left out.
pub fn lines(sim: &Sim, shown: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(title) = shown["title"]["text"].as_str() {
        lines.push(title.to_owned());
    }
    match shown["blocks"].as_array() {
        Some(blocks) if !blocks.is_empty() => lines.extend(blocks.iter().flat_map(|block| of_block(sim, block))),
        Some(_) | None => lines.extend(plain(sim, shown["text"].as_str().unwrap_or_default())),
    }
    lines
}

/// What stands on top, and the buttons.
pub fn short(sim: &Sim, shown: &Value) -> Vec<String> {
    let blocks = shown["blocks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let kept = blocks.iter().filter(|block| block["type"] == "header" || block["type"] == "actions");
    kept.flat_map(|block| of_block(sim, block)).collect()
}

fn of_block(sim: &Sim, block: &Value) -> Vec<String> {
    match block["type"].as_str() {
        Some("header" | "section") => plain(sim, block["text"]["text"].as_str().unwrap_or_default()),
        Some("context") => {
            let lines = plain(sim, block["elements"][0]["text"].as_str().unwrap_or_default());
            lines.into_iter().filter(|line| !line.starts_with("Request ")).collect()
        }
        Some("actions") => {
            let elements = block["elements"].as_array().map(Vec::as_slice).unwrap_or_default();
            vec![elements.iter().map(element).collect::<Vec<_>>().join(" ")]
        }
        Some("input") => vec![format!("{}: {}", block["label"]["text"].as_str().unwrap_or_default(), element(&block["element"]))],
        Some(_) | None => Vec::new(),
    }
}

fn element(element: &Value) -> String {
    let chosen = element["initial_option"]["text"]["text"].as_str();
    let text = element["text"]["text"].as_str().or(chosen).or(element["initial_value"].as_str());
    let arrow = if element["type"].as_str().is_some_and(|kind| kind.ends_with("_select")) { " v" } else { "" };
    format!("[{}{arrow}]", text.or(element["placeholder"]["text"].as_str()).unwrap_or("…"))
}

/// Text without its marks, with people by name and times of the day in UTC.
fn plain(sim: &Sim, text: &str) -> Vec<String> {
    let replaced = match SPECIAL.as_ref() {
        Some(special) => special.replace_all(text, |found: &Captures<'_>| special_text(sim, &found[1])).into_owned(),
        None => text.to_owned(),
    };
    let replaced = replaced.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let lines = replaced.lines().map(|line| line.replace("```", "").replace('*', ""));
    lines.filter(|line| !line.trim().is_empty()).collect()
}

fn special_text(sim: &Sim, inside: &str) -> String {
    let label = inside.rsplit_once('|').map(|(_, label)| label);
    if let Some(user) = inside.strip_prefix('@') {
        return format!("@{}", sim.name_of(user).unwrap_or_else(|| user.to_owned()));
    }
    if inside.starts_with("!date") {
        let written = label.unwrap_or_default();
        return written.split_once(' ').map_or(written, |(_, time)| time).to_owned();
    }
    label.unwrap_or(inside).to_owned()
}
