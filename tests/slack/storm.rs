//! The program itself, under load and killed with `kill -9` at moments nobody chose, for as long as the
//! run allows. Afterwards: nothing leaked, nothing lost, nothing decided twice, and every message
//! says what the record says.
//!
//! `P0_STORM_SECONDS` says how long it blows (20 unless told, 180 for an evening), `P0_STORM_SEED`
//! repeats the choices of a run; a failed run prints its seed.

use std::cell::Cell;
use std::time::{Duration, Instant};

use std::collections::BTreeSet;

use crate::harness::office::{POSTGRES_15, SQLITE_18, Setting};
use crate::harness::process::Process;
use crate::harness::storm::{Chance, PEOPLE, SHORT, Storm};

/// An office with so many processes, where everybody was here before.
async fn begin(setting: Setting, seconds: u64, replicas: usize) -> (Storm, Vec<Process>) {
    let storm = Storm::begin(setting, seconds).await;
    let mut all = Vec::new();
    for _ in 0..replicas {
        all.push(storm.office.starts(None).await);
    }
    for who in PEOPLE {
        storm.office.types(who, "help").await;
        storm.office.is_told(who, "request").await;
    }
    storm.open_doors(&all);
    (storm, all)
}

async fn storm(setting: Setting, replicas: usize) {
    let seed = std::env::var("P0_STORM_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()) * 1_000_003 + replicas as u64);
    let seconds = std::env::var("P0_STORM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    println!("a storm of {seconds} s over {replicas} processes: P0_STORM_SEED={seed}");
    let chance = |number: u64| Chance(Cell::new(seed ^ (number << 32)));
    let (storm, mut all) = begin(setting, seconds, replicas).await;
    storm.until.set(Instant::now() + Duration::from_secs(seconds));
    let busy: Vec<Chance> = (1..5).map(chance).collect();
    let (one, two, three, four) =
        (storm.people(&busy[0]), storm.people(&busy[1]), storm.people(&busy[2]), storm.people(&busy[3]));
    let fate = chance(9);
    tokio::join!(kills(&storm, &mut all, &fate), storm.hurries(), one, two, three, four);

    everything_is_started_again(&storm, &mut all).await;
    storm.is_quiet("after the storm").await;
    storm.what_is_there_is_what_is_granted().await;
    storm.every_message_says_what_the_record_says().await;
    storm.nothing_was_lost().await;
    let live = storm.members().await.len();
    storm.everything_is_revoked().await;
    storm.is_quiet("after the end").await;
    assert_eq!(storm.members().await, BTreeSet::new(), "leaked");
    storm.every_message_says_what_the_record_says().await;
    storm.one_outcome_each().await;
    storm.figures(replicas, live).await;
    assert!(storm.kills.get() > 3, "it was no storm");
    drop(all);
    storm.office.close().await;
}

/// `kill -9`, of one or of all, and a new start.
async fn kills(storm: &Storm, all: &mut [Process], chance: &Chance) {
    while storm.blows() {
        tokio::time::sleep(Duration::from_millis(200 + chance.below(1300) as u64)).await;
        let (first, count) = (chance.below(all.len()), if chance.below(4) == 0 { all.len() } else { 1 });
        for place in 0..count {
            let process = &mut all[(first + place) % all.len()];
            assert!(!process.is_dead(), "it died by itself");
            process.kill();
            storm.kills.set(storm.kills.get() + 1);
        }
        if count == all.len() {
            storm.office.leases_run_out().await; // nobody is there to hold them
        }
        for place in 0..count {
            let place = (first + place) % all.len();
            all[place] = storm.office.starts(None).await;
            storm.open_doors(all);
        }
    }
}

async fn everything_is_started_again(storm: &Storm, all: &mut [Process]) {
    for process in all.iter_mut() {
        process.kill();
    }
    // A database may still be at the last statement of a process that is dead by now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    storm.office.leases_run_out().await;
    if storm.seconds < SHORT {
        storm.short_lengths_are_seconds().await;
    }
    // Whoever received an interaction is dead: nobody has to be waited for.
    storm.office.store_does(&["UPDATE agenda SET run_at = 0 WHERE kind = 'inbox'".to_owned()]).await;
    for process in all.iter_mut() {
        *process = storm.office.starts(None).await;
    }
    storm.open_doors(all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_on_sqlite() {
    storm(SQLITE_18, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_kills_over_three_replicas() {
    storm(POSTGRES_15, 3).await;
}

/// Every replica is asked to stop, one after the other, and started again, twice around: nobody is shown an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_under_load_loses_nothing_and_shows_nobody_an_error() {
    let (storm, mut all) = begin(POSTGRES_15, 10, 3).await;
    storm.until.set(Instant::now() + Duration::from_secs(120));
    let busy: Vec<Chance> = (1..4).map(|number| Chance(Cell::new(number))).collect();
    let restarts = async {
        for turn in 0..6 {
            let (stopping, rest) = {
                all.rotate_left(1);
                all.split_last_mut().expect("three")
            };
            storm.open_doors(rest); // whoever is about to stop is sent nothing new
            tokio::time::sleep(Duration::from_millis(300)).await;
            stopping.stops().await;
            all[2] = storm.office.starts(None).await;
            storm.open_doors(&all);
            tokio::time::sleep(Duration::from_millis(300 + turn)).await;
        }
        storm.until.set(Instant::now());
    };
    tokio::join!(restarts, storm.hurries(), storm.people(&busy[0]), storm.people(&busy[1]), storm.people(&busy[2]));
    storm.short_lengths_are_seconds().await;
    storm.is_quiet("after the restarts").await;
    assert!(storm.failed.borrow().is_empty(), "{:?}", storm.failed.borrow());
    storm.what_is_there_is_what_is_granted().await;
    storm.every_message_says_what_the_record_says().await;
    storm.nothing_was_lost().await;
    let live = storm.members().await.len();
    storm.everything_is_revoked().await;
    storm.is_quiet("after the end").await;
    storm.one_outcome_each().await;
    storm.figures(3, live).await;
    drop(all);
    storm.office.close().await;
}
