//! The example configuration: it loads as it is, nothing in it is out of date, and no key is left out.

use std::sync::Arc;

use p0::app::App;
use p0::config::Settings;
use p0::secret::Env;

use crate::harness::outside::unique;

const EXAMPLE: &str = include_str!("../examples/p0.yaml");
/// The files it names.
const BESIDE: [(&str, &str); 2] =
    [("people.yaml", include_str!("../examples/people.yaml")), ("oncall.yaml", include_str!("../examples/oncall.yaml"))];
const DOCUMENTED: &str = include_str!("../docs/configuration.md");

/// Builds the whole app from this text, on a store of its own.
async fn load(text: &str) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("p0-example-{}-{}", std::process::id(), unique()));
    std::fs::create_dir_all(folder.join("manifests")).expect("a folder");
    std::fs::write(folder.join("pg.url"), "postgres://p0:secret@127.0.0.1:1/postgres").expect("written");
    for (name, text) in BESIDE {
        std::fs::write(folder.join(name), text).expect("written");
    }
    let text = text.replace("{ env: P0_PG_MAIN }", &format!("{{ file: {}/pg.url }}", folder.display()));
    std::fs::write(folder.join("p0.yaml"), text).expect("written");
    let settings = [
        ("P0_CONFIG", folder.join("p0.yaml").display().to_string()),
        ("P0_KEY_FILE", folder.join("p0.key").display().to_string()),
        ("P0_DATABASE_URL", format!("sqlite:{}/p0.db", folder.display())),
        ("SLACK_SIGNING_SECRET", "a secret".to_owned()),
        ("SLACK_BOT_TOKEN", "xoxb-a-token".to_owned()),
    ];
    let env = Env::new(move |name| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()));
    let outside = Arc::new(p0::app::Real::new(None));
    let built = App::build(Settings::read(env), outside, Vec::new()).await.map_err(|error| error.to_string());
    if let Ok(app) = &built {
        app.store.close().await;
    }
    std::fs::remove_dir_all(folder).expect("removed");
    built.map(drop)
}

#[tokio::test]
async fn the_example_loads_as_it_is_and_with_everything_uncommented() {
    assert_eq!(load(EXAMPLE).await, Ok(()));
    let all: Vec<String> = EXAMPLE.lines().map(uncommented).collect();
    assert_eq!(load(&all.join("\n")).await, Ok(()), "{}", all.join("\n"));
}

/// `  # longest: 12h # why` without its first `# `; sentences stay comments.
fn uncommented(line: &str) -> String {
    let key = line.trim_start().strip_prefix("# ").and_then(|rest| rest.split_once(": ")).map(|(key, _)| key);
    match key {
        Some(key) if key.chars().all(|c| c.is_ascii_alphabetic() || c == '_') => line.replacen("# ", "", 1),
        Some(_) | None => line.to_owned(),
    }
}

#[test]
fn the_example_and_the_documentation_name_the_same_keys() {
    let mut documented: Vec<&str> = DOCUMENTED.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    documented.retain(|key| !key.starts_with(|c: char| c.is_ascii_uppercase())); // variables of the environment
    let mut written = Vec::new();
    for line in EXAMPLE.lines().map(uncommented).filter(|line| !line.trim_start().starts_with('#')) {
        written.extend(line.split_once(':').map(|(key, _)| key.trim().to_owned()));
    }
    for key in &documented {
        let last = key.rsplit('.').next().expect("a key");
        assert!(last == "NAME" || written.iter().any(|written| written == last), "{key} is missing in examples/p0.yaml");
    }
    let made_up = ["main", "rota"]; // names that stand for any other
    for key in written.iter().filter(|key| !made_up.contains(&key.as_str())) {
        let named = documented.iter().any(|one| one.split('.').any(|part| part == key));
        assert!(named, "{key} is missing in docs/configuration.md");
    }
}
