//! The demo, run as people run it: what it tells, and that nothing is left of it.

use std::process::{Command, Stdio};

/// The rows of a table in the narration that begins after `from`, at or after `part`.
fn members(told: &str, part: &str) -> Vec<String> {
    let from = told.find(part).unwrap_or_else(|| panic!("{part:?} is missing in:\n{told}"));
    let after = told[from..].lines().skip_while(|line| !line.contains("-+-")).skip(1);
    let rows = after.take_while(|line| line.contains(" | "));
    rows.map(|line| line.split('|').nth(1).expect("a member").trim().to_owned()).collect()
}

#[test]
fn it_shows_an_access_from_the_ask_to_its_end_and_leaves_nothing() {
    let done = Command::new(env!("CARGO_BIN_EXE_p0")).args(["demo", "--once"]).stdin(Stdio::null()).output().expect("it runs");
    let told = String::from_utf8(done.stdout).expect("text");
    assert!(done.status.success(), "{told}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(!told.contains('\u{1b}'), "no colours in a pipe");

    let p0 = ["p0".to_owned()];
    assert_eq!(members(&told, "1. Before"), p0);
    assert_eq!(members(&told, "3. bob approves"), [p0[0].clone(), "alice".to_owned()]);
    assert_eq!(members(&told, "4. The hour passes"), p0);

    // Her one session: refused, answered, refused.
    let answers: Vec<&str> = told.lines().skip_while(|line| !line.contains("alice=>")).collect();
    let answers = answers.windows(2).filter(|lines| lines[0].contains("alice=>")).map(|lines| lines[1].trim());
    let refused = "ERROR:  permission denied for table orders";
    assert_eq!(answers.collect::<Vec<_>>(), [refused, "3", refused]);

    for part in [
        "asks for PostgreSQL access: role analyst on Orders database, for 1 hour.",
        "Only approvers can do this",
        "PostgreSQL access ready to use",
        "PostgreSQL access ended",
        "request.asked",
        "assignment.receipt",
        "The chain verifies",
        "it was changed after it was written",
    ] {
        assert!(told.contains(part), "{part:?} is missing in:\n{told}");
    }

    let folder = told.split_once("settings in ").expect("the folder is named").1.lines().next().expect("a line");
    assert!(!std::path::Path::new(folder).exists(), "{folder} is still there");
}
