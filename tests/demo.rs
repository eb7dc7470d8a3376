//! The demo, run as people run it: what it tells, and that nothing is left of it.

use std::io::{BufRead, BufReader};
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

/// Runs `p0 playground` until it says where it is, interrupts it, and answers what it said.
fn played(configure: impl FnOnce(&mut Command) -> &mut Command) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_p0"));
    command.args(["playground", "--listen", "127.0.0.1:0"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut playground = configure(&mut command).spawn().expect("it runs");
    let lines = BufReader::new(playground.stdout.take().expect("its output")).lines().map(|line| line.expect("text"));
    let mut told: Vec<String> = Vec::new();
    for line in lines {
        let there = line.contains("stays up until Ctrl-C");
        told.push(line);
        if there {
            let interrupted = Command::new("kill").args(["-INT", &playground.id().to_string()]).status().expect("kill runs");
            assert!(interrupted.success());
        }
    }
    assert!(playground.wait().expect("it ends").success(), "{told:?}");
    told.join("\n")
}

#[test]
fn the_playground_does_without_a_database_and_leaves_nothing() {
    let root = std::env::temp_dir().join(format!("p0-test-{}", std::process::id()));
    let (temporary, tools) = (root.join("temporary"), root.join("tools"));
    std::fs::create_dir_all(&temporary).expect("a folder");
    std::fs::create_dir_all(&tools).expect("a folder");
    let told = played(|command| command.env("TMPDIR", &temporary).env("P0_TOOLS_DIR", &tools));
    let left = std::fs::read_dir(&temporary).expect("a folder").count();
    std::fs::remove_dir_all(&root).expect("removed");
    assert!(told.contains("Without a database to give access to: PostgreSQL 18 did not start"), "{told}");
    assert!(told.contains("The playground is at http://127.0.0.1:"), "{told}");
    assert!(told.ends_with("Everything that was started here is stopped and removed."), "{told}");
    assert_eq!(left, 0, "something is left in the temporary folder");
}
