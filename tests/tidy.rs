//! The rules of the house, as tests: who may know whom, where the clock is, where SQL stands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use p0::domain::assignment::{AssignmentState, Baseline, Claim, Due, Facts, due};
use p0::domain::request::{Outcome, RequestState};
use p0::domain::time::Time;

/// Which module may use which. What is not here may use everything (`app`, `demo`, `selftest`, `main`).
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("yaml", &[]),
    ("audit", &["domain"]),
    ("secret", &["domain", "audit"]),
    ("catalog", &["domain", "yaml"]),
    ("command", &["domain", "catalog"]),
    ("policy", &["domain", "yaml"]),
    ("store", &["domain", "audit"]),
    ("fresh", &["domain", "yaml"]),
    ("directory", &["domain", "yaml", "fresh"]),
    ("oncall", &["domain", "yaml", "fresh"]),
    ("outbound", &["domain"]),
    ("connectors", &["domain", "yaml", "secret", "outbound"]),
    ("desk", &["domain", "catalog", "command", "policy", "store", "secret", "connectors", "directory", "oncall"]),
    ("surfaces", &["domain", "catalog", "desk", "directory", "outbound", "yaml", "secret"]),
    ("metrics", &["domain"]),
    ("engine", &["domain", "store", "connectors", "surfaces", "metrics"]),
    ("playground", &["domain"]),
    ("config", &["policy", "yaml", "secret"]),
    ("server", &["domain", "store", "metrics"]),
    ("telemetry", &[]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every source file: its module, its path below `src`, its text without comments.
fn sources() -> Vec<(String, String, String)> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files.sort();
    let read = |path: PathBuf| {
        let below = path.strip_prefix(root().join("src")).expect("below src").display().to_string();
        let module = below.split('/').next().expect("a name").trim_end_matches(".rs").to_owned();
        let text = std::fs::read_to_string(&path).expect("text");
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        (module, below, code.join("\n"))
    };
    files.into_iter().map(read).collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests") || path.ends_with("testing.rs")
}

#[test]
fn the_arrows_point_one_way() {
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = String::new();
    for (module, path, code) in sources() {
        let Some(allowed) = arrows.get(module.as_str()) else { continue };
        for used in code.split("crate::").skip(1) {
            let names = used.strip_prefix('{').and_then(|group| group.split_once('}')).map_or(used, |(group, _)| group);
            let names: Vec<&str> = if used.starts_with('{') { names.split(',').collect() } else { vec![names] };
            for name in names {
                let name: String = name.trim().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let known = arrows.contains_key(name.as_str()) || ["app", "cli", "demo", "selftest"].contains(&name.as_str());
                if known && name != module && !allowed.contains(&name.as_str()) {
                    let _ = writeln!(wrong, "{path} uses {name}, which {module} may not");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_stand_in_knows_only_the_time() {
    for (_, path, code) in sources().into_iter().filter(|(module, ..)| module == "playground") {
        for used in code.split("crate::domain::").skip(1) {
            assert!(used.starts_with("time::"), "{path} may use domain::time and nothing else of the domain");
        }
        assert!(!code.contains("slack_morphism"), "{path}");
    }
}

#[test]
fn no_connector_and_no_surface_knows_another() {
    for (module, path, code) in sources() {
        if !["connectors", "surfaces"].contains(&module.as_str()) || path.matches('/').count() < 2 {
            continue;
        }
        let own = path.split('/').nth(1).expect("a folder");
        for used in code.split(&format!("crate::{module}::")).skip(1) {
            let name: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let folder = root().join("src").join(&module).join(&name);
            assert!(name == own || !folder.is_dir(), "{path} uses {name}");
        }
    }
}

/// Where a word may stand; everywhere else it may not.
#[test]
fn one_clock_one_place_for_sql_one_for_each_library() {
    let rules: &[(&str, &[&str])] = &[
        ("SystemTime::now", &["app.rs"]),
        ("Utc::now", &[]),
        // How long to be patient with a target, or how long a demo took, is no point in time.
        ("Instant::now", &["connectors/postgres/sessions.rs", "demo"]),
        ("sqlx::", &["store/", "connectors/postgres/", "demo"]),
        ("slack_morphism", &["surfaces/slack/"]),
        ("serde_saphyr", &["yaml.rs"]),
        ("minijinja", &["connectors/http/"]),
        ("client::legacy", &["outbound.rs", "playground/", "surfaces/slack/"]),
        ("chrono::", &["domain/time.rs", "domain/zone.rs"]),
        ("chrono_tz::", &["domain/zone.rs"]),
        ("std::env::var", &["secret.rs", "main.rs", "playground/", "demo"]),
        ("#[allow", &[]),
        ("todo!", &[]),
        ("unimplemented!", &[]),
        // An integration is known to its own folder, to the list of connectors, and to nothing else.
        ("\"postgres\"", &["connectors/", "demo"]),
    ];
    let mut wrong = String::new();
    for (_, path, code) in sources().into_iter().filter(|(_, path, _)| !is_test(path)) {
        let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (word, places) in rules {
            if code.contains(word) && !places.iter().any(|place| path.starts_with(place)) {
                let _ = writeln!(wrong, "{path} has {word}, which belongs to {places:?}");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn columns_are_text_or_bigint() {
    for entry in std::fs::read_dir(root().join("src/store/migrations")).expect("migrations") {
        let path = entry.expect("an entry").path();
        let text = std::fs::read_to_string(&path).expect("text");
        for line in text.lines().filter(|line| line.starts_with("    ") && !line.trim_start().starts_with("CONSTRAINT")) {
            let mut words = line.split_whitespace();
            let (name, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            if name != "PRIMARY" {
                assert!(kind.starts_with("TEXT") || kind.starts_with("BIGINT"), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn files_are_about_one_thing() {
    for (_, path, code) in sources().into_iter().filter(|(_, path, _)| !is_test(path)) {
        let lines = code.lines().count();
        assert!(lines <= 520, "{path} has {lines} lines of code: it is two things");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    for path in files {
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.starts_with("//! "), "{} begins without a word on what it is for", path.display());
    }
}

/// ARCHITECTURE.md shows the states as the code has them. `UPDATE=1 cargo test tidy` writes them anew.
#[test]
fn the_state_tables_in_the_map_are_true() {
    let path = root().join("ARCHITECTURE.md");
    let mut text = std::fs::read_to_string(&path).expect("the map");
    let before = text.clone();
    for (name, table) in [("request", request_table()), ("assignment", assignment_table())] {
        let (open, close) = (format!("<!-- states: {name} -->\n"), format!("<!-- end: {name} -->"));
        let start = text.find(&open).unwrap_or_else(|| panic!("{open} is missing")) + open.len();
        let end = text.find(&close).unwrap_or_else(|| panic!("{close} is missing"));
        text.replace_range(start..end, &table);
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    assert!(
        text == before || std::env::var_os("UPDATE").is_some(),
        "the tables differ from the code: run UPDATE=1 cargo test tidy\n{text}"
    );
}

fn request_table() -> String {
    let mut table = String::from("| from |");
    Outcome::ALL.iter().for_each(|outcome| table += &format!(" {} |", outcome.as_str()));
    table += &format!("\n| --- |{}", " --- |".repeat(Outcome::ALL.len()));
    for state in RequestState::ALL {
        let _ = write!(table, "\n| {} |", state.as_str());
        for outcome in Outcome::ALL {
            let _ = write!(table, " {} |", state.after(*outcome).map_or("stays", RequestState::as_str));
        }
    }
    table + "\n"
}

/// What is due in every state, for every situation that makes a difference.
fn assignment_table() -> String {
    let now = Time(1_000);
    let later = Time(2_000);
    let claim = |usable, ready| Claim { ends_at: later, next_look: later, usable, ready };
    let situations: [(&str, Vec<Claim>); 4] = [
        ("no live grant", vec![]),
        ("a grant that waits for an earlier part", vec![claim(false, false)]),
        ("a grant not seen usable yet", vec![claim(false, true)]),
        ("only usable grants", vec![claim(true, true)]),
    ];
    let mut table = String::from("| state | looked at before the first call | ");
    situations.iter().for_each(|(name, _)| table += &format!("{name} | "));
    table = table.trim_end().to_owned() + "\n| --- | --- |" + &" --- |".repeat(situations.len());
    for state in AssignmentState::ALL {
        for baseline in [None, Some(Baseline::Absent), Some(Baseline::Standing)] {
            let possible = match state {
                AssignmentState::Granting => baseline != Some(Baseline::Standing),
                AssignmentState::Active => baseline.is_some(),
                AssignmentState::Revoking | AssignmentState::Settling => baseline == Some(Baseline::Absent),
                AssignmentState::Ended => true,
            };
            if !possible {
                continue;
            }
            let _ = write!(table, "\n| {} | {} |", state.as_str(), baseline.map_or("not yet", Baseline::as_str));
            for (_, claims) in &situations {
                let facts = Facts {
                    state: *state,
                    baseline,
                    until: None,
                    observed_at: None,
                    ended_at: Some(Time(0)),
                    claims: claims.clone(),
                    after_later_parts: None,
                };
                let _ = write!(table, " {} |", in_words(due(&facts, now)));
            }
        }
    }
    table + "\n"
}

fn in_words(due: Due) -> &'static str {
    match due {
        Due::Wait(Some(_)) => "wait",
        Due::Wait(None) => "nothing, ever",
        Due::Baseline => "look, store what is there",
        Due::Grant { .. } => "grant, look",
        Due::Confirm => "look",
        Due::Check => "look whether it still is so",
        Due::Poll => "ask how far it is",
        Due::Revoke => "revoke, look, cut",
        Due::Settle => "wait, then revoke, look, cut, receipt",
        Due::Close => "close with a receipt",
        Due::Reopen => "begin anew",
        Due::LateLook => "look again",
    }
}
