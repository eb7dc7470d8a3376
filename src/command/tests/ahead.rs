//! What is asked for somebody else, allowed ahead of time, or left to somebody else.

use super::all;

#[test]
fn somebody_else_is_named() {
    insta::assert_snapshot!(all(&[
        "grant lake dataset eu sales --to Bob@Example.com --reason INC-42",
        "grant lake dataset eu sales --to <@U123|bob> --principal-type user --duration 2 hours",
        "grant lake dataset eu sales --to=<@U123|bob>",
        "grant lake dataset eu sales",
        "grant lake dataset --to <@U123>",
        "grant --to bob@example.com",
        "grant",
    ]), @"");
}

#[test]
fn what_is_allowed_ahead_of_time() {
    insta::assert_snapshot!(all(&[
        "allow lake dataset eu sales --to <@U123|bob> --request-duration 2h",
        "allow lake dataset eu sales --to bob@example.com --length 3 days --requested-duration 2 hours --reason 'on call'",
        "allow lake dataset eu sales --to <@U123> --start 2026-12-24 --end 12/27/2026 --duration 1h",
        "allow lake dataset eu sales --to <@U123> --start 2026-12-24T09:00:00+02:00 --duration 1h",
        "allow lake dataset eu sales --to <@U123>",
        "allow lake dataset eu --start 2026-12-24 --length 2w",
        "allow",
    ]), @"");
}

#[test]
fn what_cannot_wait_and_what_must_not() {
    insta::assert_snapshot!(all(&[
        "request --break-glass lake dataset eu sales --reason 'the site is down'",
        "request lake dataset eu sales --approved",
        "request lake --break-glass",
        "request --approved",
    ]), @"");
}

#[test]
fn who_decides_meanwhile() {
    insta::assert_snapshot!(all(&[
        "away",
        "away --to <@U123|bob>",
        "away --to bob@example.com --until 2026-12-24",
        "Away --to bob@example.com --length 2 weeks",
        "back",
    ]), @"");
}

#[test]
fn a_mistake_points_at_its_word() {
    insta::assert_snapshot!(all(&[
        "request lake dataset eu sales --to bob@example.com",
        "request --to bob@example.com",
        "grant lake dataset eu sales --to bob",
        "grant --to",
        "grant --to bob@example.com --to <@U1>",
        "grant lake dataset eu sales --to bob@example.com --principal-type group",
        "grant lake dataset eu sales --to bob@example.com --principal-type robot",
        "grant lake dataset eu sales --to bob@example.com --break-glass",
        "grant lake dataset eu sales --tp bob@example.com",
        "request lake dataset eu sales --start 2026-12-24",
        "request lake dataset eu sales --break-glass=yes",
        "request lake dataset eu sales --brake-glass",
        "allow lake dataset eu sales --start tomorrow",
        "allow lake dataset eu sales --to <@U1> --start 2026-02-30 --duration 1h",
        "allow --end 24/12/2026",
        "allow --end",
        "allow --start 2026-12-24 --end 2026-12-24",
        "allow lake dataset eu sales --to <@U1> --end 2026-12-20 --start 2026-12-24 --duration 1h",
        "allow --end 2026-12-24 --length 1w",
        "allow --length soon",
        "allow lake dataset eu sales --to <@U1> --request-duration 3d",
        "allow lake dataset eu sales --to <@U1> --lenght 3d",
        "alow lake",
        "away bob@example.com",
        "away --until 2026-12-24",
        "away --to <@U1> --until 2026-12-24 --length 1w",
        "away --to <@U1> --unitl 2026-12-24",
        "back now",
        "back --to <@U1>",
        "ls lake --to x",
    ]), @"");
}

#[test]
fn help_tells_each() {
    insta::assert_snapshot!(all(&[
        "grant --help",
        "allow --help",
        "help allow lake",
        "grant lake dataset --help",
        "allow lake dataset --help",
        "grant moon --help",
        "away --help",
        "help back",
    ]), @"");
}
