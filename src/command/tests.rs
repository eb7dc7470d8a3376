//! What people type and what they are told.

use std::sync::LazyLock;

use super::{Away, Command, Context, print, resolve};
use crate::catalog::form::Window;
use crate::catalog::testing::{catalog, lookup};
use crate::catalog::{Catalog, Index, help as texts};

mod ahead;
mod help;
mod properties;

struct House {
    catalog: Catalog,
    lookup: Index,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| House { catalog: catalog(), lookup: lookup() });

impl House {
    fn context(&self) -> Context<'_> {
        Context { catalog: &self.catalog, offered: &self.catalog, lookup: &self.lookup, program: "/p0" }
    }
}

/// What becomes of a line, for people.
fn said(line: &str) -> String {
    let house = &*HOUSE;
    match resolve(house.context(), line) {
        Ok(Command::Request(it)) => {
            let args = it.access.args.iter().map(|(name, value)| format!(" {name}={value:?}")).collect::<String>();
            let (reason, duration) = (it.reason.as_deref().unwrap_or("-"), it.duration.map(|span| span.to_string()));
            let purpose = it.purpose.as_str();
            let to = it.to.map(|to| format!(" to {to}")).unwrap_or_default();
            let marks = [(it.break_glass, ", break glass"), (it.only_at_once, ", only at once")];
            let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
            let window = it.window.map(|window| format!("\n  {}", shown(window))).unwrap_or_default();
            format!(
                "{purpose} {}{to}\n {args}\n  because {reason}, for {}{marks}{window}\n",
                it.effect,
                duration.as_deref().unwrap_or("-")
            )
        }
        Ok(Command::Away(Away { to, until, length })) => {
            format!("away: {} until {until:?} or for {length:?}\n", to.as_deref().unwrap_or("how it is"))
        }
        Ok(Command::Back) => "back\n".to_owned(),
        Ok(Command::Form { draft, because }) => format!("form {}\n  {because}\n", print::draft(&house.catalog, &draft)),
        Ok(Command::Ls(ls)) => {
            let (choices, more) = texts::values(&house.catalog, &house.lookup, &ls);
            texts::ls_values(&ls, &choices, more)
        }
        Ok(Command::Help(text)) => text,
        Err(mistake) => mistake.render(),
    }
}

fn shown(Window { start, end, length }: Window) -> String {
    let piece = |word: &str, text: Option<String>| text.map(|text| format!("{word} {text} ")).unwrap_or_default();
    let (start, end) = (start.map(|at| at.to_string()), end.map(|at| at.to_string()));
    format!("{}{}{}", piece("from", start), piece("until", end), piece("for", length.map(|span| span.to_string())))
}

fn all(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("> {line}\n{}\n", said(line))).collect()
}

#[test]
fn what_is_complete_is_a_request() {
    insta::assert_snapshot!(all(&[
        r#"request lake dataset eu sales --reason "INC-42""#,
        "Request DL Dataset Europe Sales --mode=write --squad new-team —duration 2 hours",
        "--reason “it’s down, can't wait” request lake dataset us 'web logs' orders items* --requested-duration 1d",
        "request lake console --host db-1.internal --buddy <@U123|alice> --reason 'ask <@U123|alice> if I can't'",
        r#"request lake dataset --dataset sales eu --tables a --tables b --team="the \"A\" team""#,
        "request badge door -- --back",
        r#"request badge door "say “hi there” twice""#,
        "request badge door “say \"hi there\" twice”",
        r"request badge door CORP\alice",
    ]), @r#"
    > request lake dataset eu sales --reason "INC-42"
    request read sales in Europe
      dataset="sales" mode="read" region="eu"
      because INC-42, for 4 hours

    > Request DL Dataset Europe Sales --mode=write --squad new-team —duration 2 hours
    request write sales in Europe for new-team
      dataset="sales" mode="write" region="eu" team="new-team"
      because -, for 2 hours

    > --reason “it’s down, can't wait” request lake dataset us 'web logs' orders items* --requested-duration 1d
    request read web logs in United States, tables orders, items*
      dataset="web logs" mode="read" region="us" tables="orders\nitems*"
      because it’s down, can't wait, for 1 day

    > request lake console --host db-1.internal --buddy <@U123|alice> --reason 'ask <@U123|alice> if I can't'
    request console on db-1.internal, cluster Main cluster with <@U123>
      buddy="<@U123>" cluster="c-1" host="db-1.internal"
      because ask @alice if I can't, for -

    > request lake dataset --dataset sales eu --tables a --tables b --team="the \"A\" team"
    request read sales in Europe, tables a, b for the "A" team
      dataset="sales" mode="read" region="eu" tables="a\nb" team="the \"A\" team"
      because -, for 4 hours

    > request badge door -- --back
    request open --back
      door="--back"
      because -, for -

    > request badge door "say “hi there” twice"
    request open say “hi there” twice
      door="say “hi there” twice"
      because -, for -

    > request badge door “say "hi there" twice”
    request open say "hi there" twice
      door="say \"hi there\" twice"
      because -, for -

    > request badge door CORP\alice
    request open CORP\alice
      door="CORP\\alice"
      because -, for -
    "#);
}

#[test]
fn what_is_incomplete_opens_the_form() {
    insta::assert_snapshot!(all(&[
        "request",
        "request --reason INC-42",
        "request lake",
        "request lake --mode admin",
        "request badge",
        "request lake dataset",
        "request lake dataset eu",
        "request lake dataset --dataset sales",
        "request lake dataset eu \"\" --duration 1h",
    ]), @r#"
    > request
    form request
      

    > request --reason INC-42
    form request --reason INC-42
      

    > request lake
    form request lake
      Choose a kind of access to Data Lake.

    > request lake --mode admin
    form request lake dataset --mode admin
      Still missing: Region, Dataset.

    > request badge
    form request badge door
      Door is still missing.

    > request lake dataset
    form request lake dataset
      Still missing: Region, Dataset.

    > request lake dataset eu
    form request lake dataset eu
      Dataset is still missing.

    > request lake dataset --dataset sales
    form request lake dataset --dataset sales
      Region is still missing.

    > request lake dataset eu "" --duration 1h
    form request lake dataset eu "" --duration 1h
      Dataset is still missing.
    "#);
}

#[test]
fn a_mistake_points_at_its_word() {
    insta::assert_snapshot!(all(&[
        "requst lake",
        "lake dataset eu",
        "approve",
        "request laek dataset",
        "request lake datset eu sales",
        "request badge north",
        "request lake dataset eu sale",
        "request lake dataset eu \"web logs\"",
        "request lake dataset mars sales",
        "request lake dataset eu sales --reson x",
        "request lake dataset eu sales --reason",
        "request lake dataset eu sales --reason --duration 1h",
        "request lake dataset eu sales --reason a --reason b",
        "request lake dataset eu sales --mode=delete",
        "request lake dataset eu sales orders Items",
        "request lake dataset eu sales --duration 3d",
        "request lake dataset eu sales --duration soon",
        "request lake console db-1 --reason fix the bug --seats 2",
        "request lake console db-1 db-2",
        "request lake console db-1 --seats many",
        "request lake console db-1 --buddy alice",
        "request lake console db-1 --to bob@example.com",
        "request lake dataset eu sales --reason \"open",
        "request lake dataset eu sales --reason ‘open",
        "--reason x",
    ]), @r#"
    > requst lake
    requst lake
    ^^^^^^
    There is no command "requst"; did you mean "request"?
    Instead: /p0 request lake
    More: /p0 help

    > lake dataset eu
    lake dataset eu
    ^^^^
    To ask for access to Data Lake, begin with "request".
    Instead: /p0 request lake dataset eu
    More: /p0 help

    > approve
    approve
    ^^^^^^^
    This is not typed: Approve and Deny are buttons on the request's message.
    More: /p0 help

    > request laek dataset
    request laek dataset
            ^^^^
    There is no integration "laek"; did you mean "lake"?
    Instead: /p0 request lake dataset
    More: /p0 request --help

    > request lake datset eu sales
    request lake datset eu sales
                 ^^^^^^
    There is no access type "datset" in Data Lake; did you mean "dataset"?
    Instead: /p0 request lake dataset eu sales
    More: /p0 request lake --help

    > request badge north
    request badge north
                  ^^^^^
    There is no access type "north" in Badge.
    Instead: /p0 request badge door north
    More: /p0 request badge --help

    > request lake dataset eu sale
    request lake dataset eu sale
                            ^^^^
    There is no dataset "sale" for "eu"; did you mean "sales"?
    Instead: /p0 request lake dataset eu sales
    More: /p0 request lake dataset --help

    > request lake dataset eu "web logs"
    request lake dataset eu "web logs"
                            ^^^^^^^^^^
    Dataset "web logs" goes with "us", not with "eu".
    More: /p0 request lake dataset --help

    > request lake dataset mars sales
    request lake dataset mars sales
                         ^^^^
    There is no region "mars".
    More: /p0 request lake dataset --help

    > request lake dataset eu sales --reson x
    request lake dataset eu sales --reson x
                                  ^^^^^^^
    There is no option "--reson" here; did you mean "--reason"?
    Instead: /p0 request lake dataset eu sales --reason x
    More: /p0 request lake dataset --help

    > request lake dataset eu sales --reason
    request lake dataset eu sales --reason
                                  ^^^^^^^^
    --reason needs a value after it, like --reason "INC-42".
    More: /p0 request --help

    > request lake dataset eu sales --reason --duration 1h
    request lake dataset eu sales --reason --duration 1h
                                  ^^^^^^^^
    --reason needs a value after it, like --reason "INC-42".
    More: /p0 request --help

    > request lake dataset eu sales --reason a --reason b
    request lake dataset eu sales --reason a --reason b
                                             ^^^^^^^^
    --reason is given twice; leave one out.
    More: /p0 request --help

    > request lake dataset eu sales --mode=delete
    request lake dataset eu sales --mode=delete
                                         ^^^^^^
    There is no mode "delete"; choose one of read, write, admin.
    More: /p0 request lake dataset --help

    > request lake dataset eu sales orders Items
    request lake dataset eu sales orders Items
                                         ^^^^^
    "Items" does not fit: Tables must match [a-z_*]+.
    More: /p0 request lake dataset --help

    > request lake dataset eu sales --duration 3d
    request lake dataset eu sales --duration 3d
                                             ^^
    3 days is too long: Dataset access lasts 2 days at most.
    Instead: /p0 request lake dataset eu sales --duration 2d
    More: /p0 request lake dataset --help

    > request lake dataset eu sales --duration soon
    request lake dataset eu sales --duration soon
                                             ^^^^
    "soon" is not a duration; type a number and a unit, like 30m, 2h, 1 day or 1 week.
    More: /p0 request --help

    > request lake console db-1 --reason fix the bug --seats 2
    request lake console db-1 --reason fix the bug --seats 2
                                           ^^^^^^^
    Several words after --reason need quotes around them.
    Instead: /p0 request lake console db-1 --reason "fix the bug" --seats 2
    More: /p0 request lake console --help

    > request lake console db-1 db-2
    request lake console db-1 db-2
                              ^^^^
    "db-2" is one word too many.
    More: /p0 request lake console --help

    > request lake console db-1 --seats many
    request lake console db-1 --seats many
                                      ^^^^
    "many" is not a number; type digits, like 3.
    More: /p0 request lake console --help

    > request lake console db-1 --buddy alice
    request lake console db-1 --buddy alice
                                      ^^^^^
    "alice" is nobody we can find; type an e-mail address, or mention the person.
    More: /p0 request lake console --help

    > request lake console db-1 --to bob@example.com
    request lake console db-1 --to bob@example.com
                              ^^^^
    A request is for oneself; to ask for somebody else, begin with "grant".
    Instead: /p0 grant lake console db-1 --to bob@example.com
    More: /p0 request --help

    > request lake dataset eu sales --reason "open
    request lake dataset eu sales --reason "open
                                           ^
    This quote is never closed.
    Instead: /p0 request lake dataset eu sales --reason "open"
    More: /p0 help

    > request lake dataset eu sales --reason ‘open
    request lake dataset eu sales --reason ‘open
                                           ^
    This quote is never closed.
    Instead: /p0 request lake dataset eu sales --reason ‘open’
    More: /p0 help

    > --reason x
    --reason x
    ^^^^^^^^
    A command begins with a word, like "request".
    More: /p0 help
    "#);
}

#[test]
fn a_long_line_is_shown_around_the_mistake() {
    let line = format!("request lake dataset eu sales --reason \"{}\" --reson x and {}", "é".repeat(200), "y".repeat(200));
    insta::assert_snapshot!(said(&line), @r#"
    …éééééééééééééééééééééééééééééééééééééééééééééééé" --reson x and yyyyyyyyyyyyyyyyyyyyyyyyyy…
                                                       ^^^^^^^
    There is no option "--reson" here; did you mean "--reason"?
    More: /p0 request lake dataset --help
    "#);
}
