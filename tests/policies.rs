//! The tools for policies on a whole organisation, and on the policies that a newcomer copies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use p0::app::Real;
use p0::cli::policy::world::World;
use p0::cli::policy::{cases, lint, replay};
use p0::domain::outside::Outside;
use p0::domain::time::Span;
use p0::store::Store;

use crate::harness::outside::unique;

#[path = "../examples/organisation/generate.rs"]
mod generate;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("p0-policies-{}-{}", std::process::id(), unique()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn change(&self, name: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.path(name)).expect("read");
        assert!(text.contains(old), "{name} has no {old}");
        std::fs::write(self.path(name), text.replacen(old, new, 1)).expect("written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn outside() -> Arc<dyn Outside> {
    Arc::new(Real::new(None))
}

fn world(config: &Path) -> World {
    World::load(config, &outside()).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn an_organisation_is_linted_tested_and_replayed() {
    let folder = Folder::new();
    generate::organisation(&folder.0, 7).expect("written");
    let world = world(&folder.path("p0.yaml"));
    let policies = folder.path("policies");

    let (found, failed) = lint::run(&world, Some(&policies)).await.expect("linted");
    let found = found.replace(&format!("{}/", folder.0.display()), "");
    insta::assert_snapshot!(found, @r#"
    policies/everybody.yaml:53: error: rule "interns-sandbox": filter `account`: nothing can match "^sandbox$.", so it never matches
    policies/everybody.yaml:58: warning: rule "release-managers-prod": filter `account`: "prod" is found anywhere, also in nonprod; write "^prod$"
    policies/everybody.yaml:64: error: rule "chief-okta": ada.adler@acme.example is the only one who asks and the only one who approves, and nobody approves for themselves
    2 errors, 1 warning in 60 rules
    "#);
    assert!(failed.is_some());

    let now = outside().now();
    let (told, failed) = cases::run(&world, std::slice::from_ref(&policies), now).await.expect("run");
    assert!(failed.is_none() && told.ends_with("13 passed, 0 failed\n"), "{told}");

    generate::history(&folder.0, 7, 400, now).await.expect("a record");
    let store = Store::open_existing(&format!("sqlite:{}/p0.db", folder.0.display()), outside()).await.expect("opened");
    let replayed = async || replay::run(&world, &store, Some(&policies), now - Span::days(91)).await.expect("replayed");
    let same = replayed().await;
    assert_eq!((same.requests, same.counts.get(&replay::Change::AsBefore), same.groups.len()), (400, Some(&400), 0));

    folder.change("policies/payments.yaml", "- { type: persistent }", "- { type: p0 }");
    folder.change("policies/search.yaml", "service: k8s", "service: okta");
    folder.change(
        "policies/data.yaml",
        "id: data-leads, label: data-leads } ], ask: { people: [1, 2], every: 10m }",
        "id: data-leads } ], options: { requirePreapproval: true }",
    );
    folder.change(
        "policies/everybody.yaml",
        "filters: { sudo: { effect: keep, value: true } }",
        "filters: { sudo: { effect: remove, value: true } }",
    );
    let changed = replayed().await;
    let is = |change, rule: &str, access: &str| {
        changed.groups.iter().any(|same| same.change == change && same.rule.contains(rule) && same.access == access)
    };
    assert!(is(replay::Change::MorePeople, "payments-aws-dev", "aws policy"), "{changed}");
    assert!(is(replay::Change::Refused, "No access policy", "k8s namespace"), "{changed}");
    assert!(is(replay::Change::Refused, "allowed ahead of time", "aws policy"), "{changed}");
    assert!(is(replay::Change::Refused, "No access policy", "ssh session"), "{changed}");
    assert!(changed.counts.values().sum::<u64>() == 400);
    store.close().await;
}

#[tokio::test]
async fn the_policies_to_copy_have_nothing_wrong_and_their_cases_pass() {
    let folder = Folder::new();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/policies");
    for (name, text) in [
        (
            "p0.yaml",
            "organisation: { slug: acme, title: Acme }\nintegrations: { postgres: {} }\ndirectories: { okta: { file: people.yaml } }\noncall: { rota: { file: oncall.yaml } }\n",
        ),
        ("people.yaml", include_str!("../examples/people.yaml")),
        ("oncall.yaml", include_str!("../examples/oncall.yaml")),
    ] {
        std::fs::write(folder.path(name), text).expect("written");
    }
    let world = world(&folder.path("p0.yaml"));
    let (found, failed) = lint::run(&world, Some(&here)).await.expect("linted");
    assert_eq!((found.as_str(), failed), ("0 errors, 0 warnings in 7 rules\n", None));
    let (told, failed) = cases::run(&world, &[here], outside().now()).await.expect("run");
    assert!(failed.is_none() && told.ends_with("9 passed, 0 failed\n"), "{told}");
}
