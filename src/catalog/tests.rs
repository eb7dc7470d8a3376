//! Manifests and their mistakes, values and theirs, and the form.

use super::form::{Common, Draft, Form, Purpose, Widget, Window};
use super::testing::{LAKE, catalog, choice, lookup, sources};
use super::{Catalog, Index, Lookup, Offers, args, ours};
use crate::domain::access::{Access, Args, Choice};
use crate::domain::time::{Span, Time};

const COMMON: Common =
    Common { durations: &[Span::minutes(30), Span::hours(1), Span::hours(8), Span::days(7)], reason_required: false };

fn mistakes(text: &str) -> String {
    let theirs = [("x.yaml".to_owned(), text.to_owned())];
    match Catalog::load(&[], &theirs, &sources) {
        Ok(_) => "no mistake".to_owned(),
        Err(mistakes) => mistakes.iter().map(|mistake| format!("{mistake}\n")).collect(),
    }
}

#[test]
fn our_own_manifests_are_good() {
    let catalog = Catalog::load(ours::MANIFESTS, &[], &sources).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    let index = Index::new();
    index.replace("postgres", "instances", vec![choice("main", "main", &[])]);
    index.replace("postgres", "roles", vec![choice("analyst", "analyst", &[("instance", "main")])]);
    let mut draft = Draft { integration: Some("pg".into()), ..Draft::default() };
    draft.values.insert("role".to_owned(), "analyst".to_owned());
    let complete = draft.complete(&catalog, &index).expect("complete");
    assert_eq!(complete.effect, "role analyst on main");
    assert_eq!(complete.duration, Some(Span::hours(1)));
    insta::assert_snapshot!(catalog.after(&complete.access).expect("text"), @"Connect to main as you always do; analyst is yours from the next connection on.");
    let form = Form::new(&catalog, &index, &draft, COMMON);
    let fields: Vec<&str> = form.fields.iter().map(|field| field.name.as_str()).collect();
    // One instance: nothing to choose. The databases are not loaded: looked up as one types.
    assert_eq!(fields, ["integration", "role", "database", "reason", "duration"]);
}

#[test]
fn calls_stand_only_where_they_are_read() {
    let http =
        LAKE.replace("connector: lake", "connector: http\nsources: { regions: {}, datasets: {}, teams: {}, clusters: {} }");
    assert_eq!(mistakes(&http), "no mistake");
    insta::assert_snapshot!(mistakes(&http.replace("teams: {}, ", "")), @r#"
    x.yaml: line 19 column 69: the connector has no source "teams"; it offers regions, datasets, clusters
      19 |       - { name: team, title: Team, kind: choice, options: { source: teams, free: true }, flag: true, optional: true, aliases: [squad] }
         |                                                                     ^
    "#);
    let calls = LAKE.replace("connector: lake", "connector: lake\nbase: https://lake.example\nsources: {}");
    insta::assert_snapshot!(mistakes(&calls.replace("    title: Console session", "    title: Console session\n    revoke: {}")), @r#"
    x.yaml: line 7 column 7: the connector "lake" makes its calls itself; leave this out
       7 | base: https://lake.example
         |       ^
    x.yaml: line 26 column 13: the connector "lake" makes its calls itself; leave this out
      26 |     revoke: {}
         |             ^
    x.yaml: line 8 column 10: the connector "lake" makes its calls itself; leave this out
       8 | sources: {}
         |          ^
    "#);
}

#[test]
fn a_mistake_in_a_manifest_names_its_place() {
    insta::assert_snapshot!(mistakes("name: x\nmanifest: 1\n"), @r#"x.yaml: a manifest begins with "manifest: 1", and this one with "name""#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("manifest: 1", "manifest: 2")), @r#"
    x.yaml: line 2 column 11: this program reads format 1; write "manifest: 1", or use a newer program
       2 | manifest: 2
         |           ^
    "#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("many: true", "mny: true")), @r"
    x.yaml: error: line 16 column 73: unknown key `mny`; did you mean `many`?
      --> <input>:16:66
       |
    14 | …{ name: region, title: Region, kind: choice, options: { source: regions } }
    15 | …{ name: dataset, title: Dataset, kind: choice, options: { source: datasets, given: [region] } }
    16 | …{ name: tables, title: Tables, kind: text, pattern: '[a-z_*]+', mny: true, optional: true }
       |                                                                  ^ did you mean `many`?
    17 | …{ name: mode, title: Access, kind: choice, options: [read, write, admin], default: read, flag: true }
    18 | …{ name: team, title: Team, kind: choice, options: { source: teams, free: true }, flag: true, optional: true, aliases: [squad] }
       |
    ");
    insta::assert_snapshot!(mistakes(&LAKE.replace("source: regions", "source: regoins").replace("given: [region]", "given: [mode]")), @r#"
    x.yaml: line 14 column 73: the connector has no source "regoins"; it offers regions, datasets, teams, clusters
      14 |       - { name: region, title: Region, kind: choice, options: { source: regoins } }
         |                                                                         ^
    x.yaml: line 15 column 93: "mode" is not an argument that stands before this one; "given" names those
      15 |       - { name: dataset, title: Dataset, kind: choice, options: { source: datasets, given: [mode] } }
         |                                                                                             ^
    "#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("[a-z_*]+", "[a-z").replace("default: read", "default: look")), @r"
    x.yaml: line 16 column 61: this pattern is not a regular expression: unclosed character class
      16 |       - { name: tables, title: Tables, kind: text, pattern: '[a-z', many: true, optional: true }
         |                                                             ^
    x.yaml: line 17 column 92: this default is not one of the options
      17 |       - { name: mode, title: Access, kind: choice, options: [read, write, admin], default: look, flag: true }
         |                                                                                            ^
    ");
    insta::assert_snapshot!(mistakes(&LAKE.replace("[ for {team}]", " for {team} and {them}")), @r#"
    x.yaml: line 19 column 13: {team} may be absent; put it into brackets with its words, like [ on {team}]
      19 |     effect: "{mode} {dataset} in {region}[, tables {tables}] for {team} and {them}"
         |             ^
    x.yaml: line 19 column 13: this text names {them}, and there is no such argument
      19 |     effect: "{mode} {dataset} in {region}[, tables {tables}] for {team} and {them}"
         |             ^
    "#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("connector: lake", "connector: lak").replace("aliases: [dl]", "aliases: [ls, D]")), @r#"
    x.yaml: line 5 column 11: "ls" means something of its own in a command; choose another word
       5 | aliases: [ls, D]
         |           ^
    x.yaml: line 5 column 15: "D" cannot be typed as a word: use a-z, 0-9, _ and -, and begin with a letter
       5 | aliases: [ls, D]
         |               ^
    x.yaml: line 6 column 12: there is no connector "lak"
       6 | connector: lak
         |            ^
    "#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("default: 4h", "default: 3d").replace("name: seats", "name: reason")), @r#"
    x.yaml: line 21 column 37: this is longer than the longest, 2 days
      21 |     limits: { longest: 2d, default: 3d }
         |                                     ^
    x.yaml: line 27 column 17: "reason" means something of its own in a command; choose another word
      27 |       - { name: reason, title: Seats, kind: number, flag: true, optional: true, suggest: "1" }
         |                 ^
    "#);
    insta::assert_snapshot!(mistakes(&LAKE.replace("name: dataset, title", "name: region, title").replace("name: host, title: Host,", "name: host, title: Host, optional: true,").replace("flag: true, when_one: assume", "when_one: assume")), @r#"
    x.yaml: line 15 column 17: there is an argument "region" already; choose another name
      15 |       - { name: region, title: Dataset, kind: choice, options: { source: datasets, given: [region] } }
         |                 ^
    x.yaml: line 19 column 13: this text names {dataset}, and there is no such argument
      19 |     effect: "{mode} {dataset} in {region}[, tables {tables}][ for {team}]"
         |             ^
    x.yaml: line 20 column 12: this text names {dataset}, and there is no such argument
      20 |     after: "lake open {region}/{dataset}"
         |            ^
    x.yaml: line 26 column 17: "host" may be left out, so what is needed cannot come after it; put it before, or make one of them a flag
      26 |       - { name: cluster, title: Cluster, kind: choice, options: { source: clusters }, when_one: assume }
         |                 ^
    x.yaml: line 30 column 13: {host} may be absent; put it into brackets with its words, like [ on {host}]
      30 |     effect: "console on {host}, cluster {cluster}[ with {buddy}]"
         |             ^
    "#);
}

#[test]
fn a_manifest_takes_the_place_of_ours_only_when_it_says_so() {
    let ours = [("ours.yaml", LAKE)];
    let theirs = |text: String| [("theirs.yaml".to_owned(), text)];
    assert!(Catalog::load(&ours, &theirs(LAKE.to_owned()), &sources).is_err());
    let replaced = LAKE.replace("title: Data Lake", "title: Our Lake\nreplaces: true");
    let catalog = Catalog::load(&ours, &theirs(replaced), &sources).expect("replaced");
    assert_eq!(catalog.get("dl").map(|it| it.title.as_str()), Some("Our Lake"));
    assert_eq!(catalog.only(&["lake"]).integrations().len(), 1);
    assert_eq!(catalog.only(&["other"]).integrations().len(), 0);
}

fn draft(access_type: &str, values: &[(&str, &str)]) -> Draft {
    let values: Args = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Draft { integration: Some("lake".to_owned()), access_type: Some(access_type.to_owned()), values, ..Draft::default() }
}

fn shape(draft: &Draft) -> String {
    let form = Form::new(&catalog(), &lookup(), draft, COMMON);
    let field = |field: &super::form::Field| {
        let widget = match &field.widget {
            Widget::Choice(choices) => {
                format!("choice of {}", choices.iter().map(|it| it.label.as_str()).collect::<Vec<_>>().join("/"))
            }
            Widget::Duration(spans) => format!("duration {spans:?}"),
            other => format!("{other:?}"),
        };
        let value = field.values().iter().map(|(value, label)| format!(" {value} ({label})")).collect::<String>();
        let marks = [(field.required, " required"), (field.many, " many"), (field.dependants, " dependants")];
        let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
        format!("{}:{value} | {widget} |{marks}\n", field.name)
    };
    format!("{}\n{}", form.title, form.fields.iter().map(field).collect::<String>())
}

/// What a form says above its fields, the fields, and what it keeps besides.
fn whole(draft: &Draft) -> String {
    let form = Form::new(&catalog(), &lookup(), draft, COMMON);
    let button = form.purpose.submit();
    let rest = serde_json::to_string(&form.rest).expect("JSON");
    format!("{}: {}\n{}[{button}]\n{rest}", form.purpose.heading(), form.note.unwrap_or_default(), shape(draft))
}

#[test]
fn a_form_for_somebody_else_asks_for_whom_first() {
    let grant =
        Draft { purpose: Purpose::Grant, reason: Some("INC-42".into()), duration: Some(Span::hours(2)), ..Draft::default() };
    insta::assert_snapshot!(whole(&grant), @r#"
    Request access for somebody: They get it when it is approved, as if they had asked themselves.
    Request access for somebody
    to: | Person | required
    integration: | choice of Badge/Data Lake | required dependants
    [Request]
    {"purpose":"grant","reason":"INC-42","duration":7200000,"break_glass":false,"only_at_once":false}
    "#);
    let to = Some("bob@example.com".to_owned());
    insta::assert_snapshot!(whole(&Draft { purpose: Purpose::Grant, to, ..draft("console", &[("host", "db-1")]) }), @r#"
    Request access for somebody: They get it when it is approved, as if they had asked themselves.
    Console session in Data Lake
    to: bob@example.com (bob@example.com) | Person | required
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: console (Console session) | choice of Dataset access/Console session | required dependants
    host: db-1 (db-1) | Text { pattern: Some("[a-z0-9.-]{1,63}"), multiline: false } | required
    seats: 1 (1) | Text { pattern: Some("-?[0-9]+(\\.[0-9]+)?"), multiline: false } |
    idle: | Text { pattern: None, multiline: false } |
    buddy: | Person |
    reason: | Text { pattern: None, multiline: true } |
    duration: 30m (30 minutes) | duration [30 minutes, 1 hour, 8 hours, 1 week] | required
    [Request]
    {"purpose":"grant","integration":"lake","access_type":"console","break_glass":false,"only_at_once":false}
    "#);
}

#[test]
fn a_form_to_allow_asks_when_and_how_long() {
    let allow = Draft { purpose: Purpose::Allow, to: Some("<@U123>".into()), ..draft("console", &[]) };
    insta::assert_snapshot!(whole(&allow), @r#"
    Allow access ahead of time: Nothing is granted until they ask; what they then ask for needs no further approval.
    Console session in Data Lake
    to: <@U123> (<@U123>) | Person | required
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: console (Console session) | choice of Dataset access/Console session | required dependants
    host: | Text { pattern: Some("[a-z0-9.-]{1,63}"), multiline: false } | required
    seats: 1 (1) | Text { pattern: Some("-?[0-9]+(\\.[0-9]+)?"), multiline: false } |
    idle: | Text { pattern: None, multiline: false } |
    buddy: | Person |
    start: | Time |
    length: 1w (1 week) | duration [8 hours, 1 day, 3 days, 1 week, 2 weeks, 4 weeks, 12 weeks] | required
    duration: 30m (30 minutes) | duration [30 minutes, 1 hour, 8 hours, 1 week] | required
    reason: | Text { pattern: None, multiline: true } |
    [Allow]
    {"purpose":"allow","integration":"lake","access_type":"console","break_glass":false,"only_at_once":false}
    "#);
    let at = |text| Time::parse(text).ok();
    let window = |start, end, length| Some(Window { start, end, length });
    let five = Draft { window: window(at("2026-12-24"), None, Some(Span::days(5))), ..allow.clone() };
    insta::assert_snapshot!(whole(&five), @r#"
    Allow access ahead of time: Nothing is granted until they ask; what they then ask for needs no further approval.
    Console session in Data Lake
    to: <@U123> (<@U123>) | Person | required
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: console (Console session) | choice of Dataset access/Console session | required dependants
    host: | Text { pattern: Some("[a-z0-9.-]{1,63}"), multiline: false } | required
    seats: 1 (1) | Text { pattern: Some("-?[0-9]+(\\.[0-9]+)?"), multiline: false } |
    idle: | Text { pattern: None, multiline: false } |
    buddy: | Person |
    start: 2026-12-24 (2026-12-24) | Time |
    length: 5d (5 days) | duration [8 hours, 1 day, 3 days, 5 days, 1 week, 2 weeks, 4 weeks, 12 weeks] | required
    duration: 30m (30 minutes) | duration [30 minutes, 1 hour, 8 hours, 1 week] | required
    reason: | Text { pattern: None, multiline: true } |
    [Allow]
    {"purpose":"allow","integration":"lake","access_type":"console","break_glass":false,"only_at_once":false}
    "#);
    let until = Draft { window: window(None, at("2026-12-24T09:00:00Z"), None), ..allow.clone() };
    insta::assert_snapshot!(whole(&until), @r#"
    Allow access ahead of time: Nothing is granted until they ask; what they then ask for needs no further approval.
    Console session in Data Lake
    to: <@U123> (<@U123>) | Person | required
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: console (Console session) | choice of Dataset access/Console session | required dependants
    host: | Text { pattern: Some("[a-z0-9.-]{1,63}"), multiline: false } | required
    seats: 1 (1) | Text { pattern: Some("-?[0-9]+(\\.[0-9]+)?"), multiline: false } |
    idle: | Text { pattern: None, multiline: false } |
    buddy: | Person |
    start: | Time |
    end: 2026-12-24T09:00:00Z (2026-12-24T09:00:00Z) | Time | required
    duration: 30m (30 minutes) | duration [30 minutes, 1 hour, 8 hours, 1 week] | required
    reason: | Text { pattern: None, multiline: true } |
    [Allow]
    {"purpose":"allow","integration":"lake","access_type":"console","break_glass":false,"only_at_once":false}
    "#);
    let no_access_type = Draft { access_type: None, values: [("mode".to_owned(), "admin".to_owned())].into(), ..five };
    insta::assert_snapshot!(whole(&no_access_type), @r#"
    Allow access ahead of time: Nothing is granted until they ask; what they then ask for needs no further approval.
    Access to Data Lake
    to: <@U123> (<@U123>) | Person | required
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: | choice of Dataset access/Console session | required dependants
    [Allow]
    {"purpose":"allow","integration":"lake","values":{"mode":"admin"},"break_glass":false,"only_at_once":false,"window":{"start":1798070400000,"length":432000000}}
    "#);
}

#[test]
fn a_form_says_what_is_special_about_it() {
    let note = |draft: &Draft| Form::new(&catalog(), &lookup(), draft, COMMON).note;
    let (now, easy) = (Draft { break_glass: true, ..Draft::default() }, Draft { only_at_once: true, ..Draft::default() });
    assert!(note(&now).is_some_and(|note| note.contains("everybody will be told")));
    assert!(note(&easy).is_some_and(|note| note.contains("no approver")));
    assert_eq!(note(&Draft::default()), None);
}

#[test]
fn what_is_allowed_ahead_is_for_somebody_within_a_window() {
    let told = |draft: &Draft| match draft.complete(&catalog(), &lookup()) {
        Ok(complete) => format!("{:?} to {:?}, each {:?}", complete.window, complete.to, complete.duration),
        Err(problems) => problems.iter().map(|it| format!("{}: {} {:?}\n", it.arg, it.message, it.trouble)).collect(),
    };
    let allow = Draft { purpose: Purpose::Allow, ..draft("dataset", &[("region", "eu"), ("dataset", "sales")]) };
    insta::assert_snapshot!(told(&allow), @r"
    to: For whom is still missing. Missing
    duration: How long each access lasts is still missing. Missing
    ");
    let (start, end) = (Time::parse("2026-12-24").ok(), Time::parse("2026-12-20").ok());
    let window = Some(Window { start, end, length: None });
    insta::assert_snapshot!(told(&Draft { to: Some("bob".into()), window, duration: Some(Span::days(3)), ..allow.clone() }), @r#"
    to: "bob" is nobody we can find; type an e-mail address, or mention the person. Wrong
    duration: 3 days is too long: Dataset access lasts 2 days at most. Wrong
    end: The end must be after the start. Wrong
    "#);
    insta::assert_snapshot!(told(&Draft { to: Some("bob@example.com".into()), duration: Some(Span::hours(1)), ..allow }), @r#"Some(Window { start: None, end: None, length: Some(1 week) }) to Some("bob@example.com"), each Some(1 hour)"#);
}

#[test]
fn the_form_grows_with_what_is_known() {
    insta::assert_snapshot!(shape(&Draft::default()), @r"
    Request access
    integration: | choice of Badge/Data Lake | required dependants
    ");
    insta::assert_snapshot!(shape(&Draft { integration: Some("lake".to_owned()), ..Draft::default() }), @r"
    Access to Data Lake
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: | choice of Dataset access/Console session | required dependants
    ");
    insta::assert_snapshot!(shape(&draft("dataset", &[])), @r#"
    Dataset access in Data Lake
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: dataset (Dataset access) | choice of Dataset access/Console session | required dependants
    region: | choice of Europe/United States | required dependants
    dataset: | Lookup { source: "datasets", given: {}, missing: ["Region"], free: false } | required dependants
    tables: | Text { pattern: Some("[a-z_*]+"), multiline: true } | many
    mode: read (read) | choice of read/write/admin | required
    team: | Lookup { source: "teams", given: {}, missing: [], free: true } |
    reason: | Text { pattern: None, multiline: true } |
    duration: 4h (4 hours) | duration [30 minutes, 1 hour, 4 hours, 8 hours] | required
    "#);
    insta::assert_snapshot!(shape(&draft("dataset", &[("region", "eu"), ("dataset", "web logs"), ("tables", "a\nB"), ("team", "new")])), @r#"
    Dataset access in Data Lake
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: dataset (Dataset access) | choice of Dataset access/Console session | required dependants
    region: eu (Europe) | choice of Europe/United States | required dependants
    dataset: | choice of people/sales | required dependants
    tables: a (a) B (B) | Text { pattern: Some("[a-z_*]+"), multiline: true } | many
    mode: read (read) | choice of read/write/admin | required
    team: new (new) | Lookup { source: "teams", given: {}, missing: [], free: true } |
    reason: | Text { pattern: None, multiline: true } |
    duration: 4h (4 hours) | duration [30 minutes, 1 hour, 4 hours, 8 hours] | required
    "#);
    insta::assert_snapshot!(shape(&Draft { duration: Some(Span::days(3)), ..draft("console", &[("host", "Bad Host")]) }), @r#"
    Console session in Data Lake
    integration: lake (Data Lake) | choice of Badge/Data Lake | required dependants
    access_type: console (Console session) | choice of Dataset access/Console session | required dependants
    host: Bad Host (Bad Host) | Text { pattern: Some("[a-z0-9.-]{1,63}"), multiline: false } | required
    seats: 1 (1) | Text { pattern: Some("-?[0-9]+(\\.[0-9]+)?"), multiline: false } |
    idle: | Text { pattern: None, multiline: false } |
    buddy: | Person |
    reason: | Text { pattern: None, multiline: true } |
    duration: 3d (3 days) | duration [30 minutes, 1 hour, 8 hours, 3 days, 1 week] | required
    "#);
}

#[test]
fn a_problem_stands_at_its_field() {
    let told = |draft: &Draft| match draft.complete(&catalog(), &lookup()) {
        Ok(complete) => format!("{complete:?}"),
        Err(problems) => problems.iter().map(|it| format!("{}: {} {:?}\n", it.arg, it.message, it.trouble)).collect(),
    };
    let bad =
        draft("console", &[("host", "Bad Host"), ("seats", "many"), ("idle", "1 month"), ("buddy", "bob"), ("colour", "red")]);
    insta::assert_snapshot!(told(&bad), @r#"
    colour: Console session takes no argument "colour". Unknown
    host: "Bad Host" does not fit: Host must match [a-z0-9.-]{1,63}. Lower case, no spaces. Wrong
    seats: "many" is not a number; type digits, like 3. Wrong
    idle: Months and years differ in length; type days or weeks instead, like 30d or 4w. Wrong
    buddy: "bob" is nobody we can find; type an e-mail address, or mention the person. Wrong
    "#);
    insta::assert_snapshot!(told(&Draft { duration: Some(Span::days(3)), ..draft("dataset", &[("mode", "writ")]) }), @r#"
    region: Region is still missing. Missing
    dataset: Dataset is still missing. Missing
    mode: There is no mode "writ"; did you mean "write"? Wrong
    duration: 3 days is too long: Dataset access lasts 2 days at most. Wrong
    "#);
    insta::assert_snapshot!(told(&Draft::default()), @r"integration: Choose what access is needed to. Missing");
}

#[test]
fn labels_are_shown_and_values_are_kept() {
    let complete =
        draft("dataset", &[("region", "europe"), ("dataset", "sales")]).complete(&catalog(), &lookup()).expect("complete");
    assert_eq!(complete.effect, "read sales in Europe");
    assert_eq!(complete.access.args.get("region").map(String::as_str), Some("eu"));
    assert_eq!(complete.access.args.get("mode").map(String::as_str), Some("read"));
}

#[test]
fn what_is_not_loaded_is_not_refused() {
    let catalog = catalog();
    let access = Access { integration: "lake".into(), access_type: "dataset".into(), args: Args::new() };
    let (integration, access) = catalog.find(&access).expect("there");
    let typed = draft("dataset", &[("region", "moon"), ("dataset", "dust")]).values;
    let nothing: &dyn Lookup = &Index::new();
    assert!(args::check(integration, access, &typed, nothing).is_ok());
}

#[test]
fn an_error_that_somebody_pastes_is_the_access_that_cures_it() {
    const VAULT: &str = r#"
manifest: 1
name: vault
title: Vault
connector: vault
access:
  secret:
    title: Secret
    args:
      - { name: store, title: Store, kind: text }
      - { name: group, title: Group, kind: choice, options: { source: groups, given: [store] } }
    effect: "{group} of {store}"
    cures:
      - error: 'denied: (?P<path>\S+) in (?P<store>\w+)'
        fill: { group: readers }
"#;
    let sources = |_: &str| Some(Offers::These(vec!["groups".to_owned(), "readers".to_owned()]));
    let load = |text: &str| Catalog::load(&[("vault.yaml", text)], &[], &sources);
    let catalog = load(VAULT).expect("good");
    let index = Index::new();
    let reader = |value: &str, path: &str| Choice {
        value: value.to_owned(),
        label: value.to_owned(),
        given: [("path".to_owned(), path.to_owned()), ("store".to_owned(), "main".to_owned())].into(),
    };
    index.replace("vault", "readers", vec![reader("db", "a/b"), reader("one", "c"), reader("two", "c")]);
    let told = |text: &str| {
        let draft = catalog.cure(text, &index)?;
        Some(format!("{:?} {:?} because {}", draft.access_type, draft.values, draft.reason.unwrap_or_default()))
    };
    insta::assert_snapshot!(told("look:\n  Error: denied: a/b in main \nwhat now?").expect("cured"), @r#"Some("secret") {"group": "db", "store": "main"} because Error: denied: a/b in main"#);
    // Of two that would do, whoever asks knows which; what is nowhere is left open.
    insta::assert_snapshot!(told("denied: c in main").expect("cured"), @r#"Some("secret") {"store": "main"} because denied: c in main"#);
    insta::assert_snapshot!(told("denied: d in other").expect("cured"), @r#"Some("secret") {"store": "other"} because denied: d in other"#);
    assert_eq!(told("all is well"), None);
    assert_eq!(told(""), None);

    let wrong = VAULT.replace("(?P<path>", "(?P<path").replace("group: readers", "group: nowhere, other: readers");
    let mistakes = load(&wrong).expect_err("three mistakes");
    let mistakes: Vec<String> =
        mistakes.iter().map(|bad| bad.to_string().lines().next().unwrap_or_default().to_owned()).collect();
    insta::assert_snapshot!(mistakes.join("\n"), @r#"
    vault.yaml: line 15 column 24: the connector has no source "nowhere"; it offers groups, readers
    vault.yaml: line 15 column 33: there is no argument "other" to fill in
    vault.yaml: line 14 column 16: this pattern is not a regular expression: invalid capture group character
    "#);
}
