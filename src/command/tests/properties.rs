//! What holds for every line: it has an answer, and what is printed reads back as the same.

use proptest::prelude::*;

use super::HOUSE;
use crate::command::{Command, Complete, Draft, lex, print, resolve};
use crate::domain::access::{Access, Args};
use crate::domain::time::Span;

/// Any text, and text made of what means something.
fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => prop::sample::select(vec![
            "request", "ls", "help", "lake", "badge", "dataset", "console", "door", "eu", "sales", "--reason", "--duration",
            "--mode", "--region", "1h", "--", "-h", "—reason", "--like", "--size", "5", "<@U1|a b>", "<@U1>", "\\", "=",
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
            Ok(Command::Form { .. } | Command::Ls(_) | Command::Help(_)) => {}
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
    fn a_printed_request_reads_back(door in value(), reason in prop::option::of(value()), hours in prop::option::of(1i64..400)) {
        let house = &*HOUSE;
        let access = Access {
            integration: "badge".to_owned(),
            access_type: "door".to_owned(),
            args: Args::from([("door".to_owned(), door.clone())]),
        };
        let complete = Complete { access, effect: format!("open {door}"), reason, duration: hours.map(|n| Span::minutes(n * 30)) };
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
            duration: None,
        };
        let line = print::draft(&house.catalog, &draft);
        match resolve(house.context(), &line) {
            Ok(Command::Form { draft: read, .. }) => prop_assert_eq!(read, draft, "{}", line),
            other => prop_assert!(false, "{} gave {:?}", line, other),
        }
    }
}
