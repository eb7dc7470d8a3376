//! Reads a folder of recorded Slack payloads with the types the Slack surface uses, and says of each
//! file whether it is taken: `cargo run --example replay -- FOLDER`.
//!
//! A file is JSON: a payload as Slack sends it, an object with the raw body in `form_body`, or a
//! Socket Mode envelope with the payload in `payload`.

use std::path::{Path, PathBuf};

use p0::surfaces::slack::inbound::{Event, Interaction, Refused, SlashCommand};
use serde_json::Value;

/// What became of one file. `None`: it is nothing that Slack sends to an app.
fn read(json: &Value) -> Option<Result<String, Refused>> {
    let command = |body: &str| SlashCommand::parse(body.as_bytes()).map(|command| format!("command {}", command.command));
    let of_type = |json: &Value| json.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(body) = json.get("form_body").and_then(Value::as_str) {
        let is_interaction = url::form_urlencoded::parse(body.as_bytes()).any(|(name, _)| name == "payload");
        return Some(if is_interaction {
            Interaction::parse(body.as_bytes()).map(|read| read.kind().to_owned())
        } else {
            command(body)
        });
    }
    if json.get("command").is_some() {
        let fields = json.as_object().into_iter().flatten();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        fields.for_each(|(name, value)| {
            form.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        });
        return Some(command(&form.finish()));
    }
    if json.get("envelope_id").is_some() {
        return json.get("payload").and_then(read);
    }
    match of_type(json).as_str() {
        "event_callback" | "url_verification" | "app_rate_limited" => {
            Some(Event::parse(json.to_string().as_bytes()).map(|read| format!("event {}", read.kind())))
        }
        "block_actions" | "view_submission" | "view_closed" | "shortcut" | "message_action" | "block_suggestion" => {
            Some(Interaction::from_json(json.to_string().as_bytes()).map(|read| read.kind().to_owned()))
        }
        _ => None,
    }
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            into.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder of recorded payloads")?;
    let mut all = Vec::new();
    files(Path::new(&folder), &mut all)?;
    all.sort();
    let (mut accepted, mut refused, mut other) = (0, 0, 0);
    for path in &all {
        let json: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let name = path.display();
        match read(&json) {
            Some(Ok(kind)) => {
                accepted += 1;
                println!("{name}: accepted {kind}");
            }
            Some(Err(why)) => {
                refused += 1;
                println!("{name}: refused ({why})");
            }
            None => other += 1,
        }
    }
    println!("{accepted} accepted, {refused} refused, {other} not for an app, {} in all", all.len());
    Ok(())
}
