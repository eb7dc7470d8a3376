//! What holds for every line: it has an answer, and what is printed reads back as the same.

use proptest::prelude::*;

use super::HOUSE;
use crate::catalog::form::{Purpose, Window};
use crate::command::{Command, Complete, Draft, lex, print, resolve};
use crate::domain::access::{Access, Args};
use crate::domain::time::{Span, Time};

/// Any text, and text made of what means something.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "request", "ls", "help", "lake", "badge", "dataset", "console", "door", "eu", "sales", "--reason", "--duration",
            "--mode", "--region", "1h", "--", "-h", "—reason", "--like", "--size", "5", "<@U1|a b>", "<@U1>", "\\", "=",
            "grant", "allow", "away", "back", "--to", "--start", "--end", "--length", "--until", "--break-glass", "--approved",
            "--request-duration", "--principal-type", "2026-12-24", "2026-13-01", "12/24/2026", "bob@a.b", "--to=<@U1|a b>",
            "\"", "“", "”", "'", "’", "„", " ", "\n", "\u{a0}", "\0", "\u{301}", "--mode=", "<", "|", ">",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec((word, any::<bool>()), 0..14)
        .prop_map(|words| words.into_iter().map(|(word, space)| if space { word + " " } else { word }).collect())
}

/// What a value may be: anything without what the check trims or refuses.
fn value() -> impl Strategy<Value = String> {
    let any = any::<String>().prop_map(|text| text.chars().filter(|c| !c.is_control()).collect::<String>());
    let odd = "[-—\"'“”‘’„\\\\<>@=|& a-zU1]{1,12}";
    prop_oneof![any, odd].prop_map(|text| text.trim().to_owned()).prop_filter("empty", |text| !text.is_empty())
}

/// What is said beside the access and its reason: for whom, when, and how.
fn said() -> impl Strategy<Value = Draft> {
    let to = prop::option::of(prop::sample::select(vec!["<@U0BOB>", "bob@acme.example", "b&o!b@acme.example"]));
    let at = || prop::option::of((0i64..253_402_300_799).prop_map(|seconds| Time(seconds * 1000)));
    let length = prop::option::of((1i64..100_000).prop_map(Span::minutes));
    (prop::sample::select(Purpose::ALL), to, at(), at(), length, any::<[bool; 2]>()).prop_map(
        |(purpose, to, start, end, length, [break_glass, only_at_once])| {
            let end = end.filter(|end| start.is_none_or(|start| start < *end));
            let window = Window { start, end, length: length.filter(|_| end.is_none()) };
            let own = purpose == Purpose::Request;
            Draft {
                purpose,
                to: to.filter(|_| !own).map(str::to_owned),
                break_glass: own && break_glass,
                only_at_once: own && only_at_once,
                window: window.known().filter(|_| purpose == Purpose::Allow),
                ..Draft::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Never panics, and every mistake points into its line.
    #[test]
    fn every_line_has_an_answer(line in line()) {
        let house = &*HOUSE;
        match resolve(house.context(), &line) {
            Ok(Command::Request(complete)) => prop_assert_eq!(
                resolve(house.context(), &print::request(&house.catalog, &complete)),
                Ok(Command::Request(complete))
            ),
            Ok(Command::Form { .. } | Command::Away(_) | Command::Back | Command::Ls(_) | Command::Help(_)) => {}
            Err(mistake) => {
                prop_assert!(line.get(mistake.span.clone()).is_some(), "{:?}", mistake.span);
                prop_assert!(!mistake.render().is_empty());
            }
        }
    }

    #[test]
    fn a_printed_word_reads_back(text in any::<String>()) {
        let read = lex::words(&print::word(&text)).expect("closed");
        prop_assert_eq!(read.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), [text.as_str()]);
    }

    #[test]
    fn words_of_a_shell_stay_words(words in prop::collection::vec(value(), 0..6)) {
        let read = lex::words(&print::line(&words)).expect("closed");
        let dashes = |text: &str| text.replacen(['—', '–', '―'], "--", usize::from(text.starts_with(lex::is_dash)));
        prop_assert_eq!(
            read.iter().map(|word| dashes(&word.text)).collect::<Vec<_>>(),
            words.iter().map(|word| dashes(word)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_printed_request_reads_back(door in value(), reason in prop::option::of(value()), hours in prop::option::of(1i64..400), said in said()) {
        let house = &*HOUSE;
        let access = Access {
            integration: "badge".to_owned(),
            access_type: "door".to_owned(),
            args: Args::from([("door".to_owned(), door.clone())]),
        };
        let Draft { purpose, to, break_glass, only_at_once, window, .. } = said;
        let allowed = purpose == Purpose::Allow;
        let usual = Window { length: Some(Window::USUAL), ..Window::default() };
        let complete = Complete {
            access,
            effect: format!("open {door}"),
            reason,
            duration: hours.or(allowed.then_some(2)).map(|n| Span::minutes(n * 30)),
            duration_said: hours.is_some() || allowed,
            to: purpose.for_another().then(|| to.unwrap_or("bob@acme.example".to_owned())),
            // Without an end it has a length, a week if nothing else.
            window: window.map(|it| if it.end.is_some() || it.length.is_some() { it } else { Window { start: it.start, ..usual } }).or(allowed.then_some(usual)),
            purpose,
            break_glass,
            only_at_once,
        };
        let line = print::request(&house.catalog, &complete);
        prop_assert_eq!(resolve(house.context(), &line), Ok(Command::Request(complete)), "{}", line);
    }

    /// Several values of one argument, absent ones before them, and free text in an option.
    #[test]
    fn a_printed_draft_reads_back(
        tables in prop::collection::btree_set("[a-z_*]{1,5}", 0..4),
        team in prop::option::of(value()),
        dataset in prop::option::of(prop::sample::select(vec!["sales", "web logs"])),
        reason in prop::option::of(value()),
        said in said(),
    ) {
        let house = &*HOUSE;
        let mut values = Args::new();
        values.extend(dataset.map(|name| ("dataset".to_owned(), name.to_owned())));
        values.extend(team.map(|name| ("team".to_owned(), name)));
        if !tables.is_empty() {
            values.insert("tables".to_owned(), tables.into_iter().collect::<Vec<_>>().join("\n"));
        }
        let draft = Draft {
            integration: Some("lake".to_owned()),
            access_type: Some("dataset".to_owned()),
            values,
            reason,
            ..said
        };
        let line = print::draft(&house.catalog, &draft);
        match resolve(house.context(), &line) {
            Ok(Command::Form { draft: read, .. }) => prop_assert_eq!(read, draft, "{}", line),
            other => prop_assert!(false, "{} gave {:?}", line, other),
        }
    }
}
