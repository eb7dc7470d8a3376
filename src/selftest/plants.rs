//! Plants bugs, one after the other, and demands that each is found.

use super::{Failed, TOLD, simulate};
use crate::domain::planted::{Bug, plant};

/// Plants the bug of this name, or each in turn with `all`.
pub fn find(name: &str, steps: u64, seed: u64) -> Result<(), Failed> {
    let bugs: Vec<Bug> = match (name, Bug::parse(name)) {
        ("all", _) => Bug::ALL.to_vec(),
        (_, Some(bug)) => vec![bug],
        (_, None) => {
            let known: Vec<_> = Bug::ALL.iter().map(|bug| bug.as_str()).collect();
            return Err(Failed::NoSuchBug(name.to_owned(), known.join(", ")));
        }
    };
    let mut missed = Vec::new();
    for bug in bugs {
        plant(Some(bug));
        let report = simulate(steps, seed, TOLD, &mut |_| {});
        plant(None);
        match report {
            Ok(report) => match report.broken {
                Some(why) => println!("  {:<30} found after {:>7} steps: {why}", bug.as_str(), report.steps),
                None => missed.push(bug.as_str()),
            },
            Err(error) => println!("  {:<30} found, as it cannot go on: {error}", bug.as_str()),
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(Failed::NotFound(missed.join(", "))) }
}
