//! The tools on small inputs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::world::World;
use super::{apply, cases, explain, lint, replay};
use crate::domain::outside::Outside;
use crate::domain::person::Actor;
use crate::domain::time::{Clock, Time};
use crate::store::Store;

/// 2027-01-15 08:00 UTC, a Friday.
const NOW: Time = Time(1_800_000_000_000);

/// A morning that stays, and chance that never says the same twice.
#[derive(Default)]
struct Morning(AtomicU64);

impl Clock for Morning {
    fn now(&self) -> Time {
        NOW
    }
}

impl Outside for Morning {
    fn random(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed)) << 60
    }
}

const CONFIG: &str = "organisation: { slug: acme, title: Acme }
manifests: manifests
integrations: { aws: {} }
directories: { okta: { file: people.yaml } }
oncall: { pager: { file: oncall.yaml } }
policy: { approvers: { people: [ rita@acme.example ] } }
";

const AWS: &str = "manifest: 1
name: aws
title: Amazon Web Services
connector: aws
access:
  policy:
    title: Policy
    args:
      - { name: policy, title: Policy, kind: text }
      - { name: account, title: Account, kind: choice, options: [prod, nonprod, dev], flag: true, default: dev }
    effect: \"policy {policy} in {account}\"
";

const PEOPLE: &str = "people:
  - { email: alice@acme.example, manager: mona@acme.example, zone: Europe/Berlin }
groups:
  - { id: eng, label: Engineers, members: [alice@acme.example] }
  - { id: sre, label: SRE, members: [sam@acme.example, sue@acme.example] }
";

const RULES: &str = "securityReviewers: { people: [ rita@acme.example ] }
rules:
- name: engineers-dev
  requestor: { type: group, groups: [ { directory: okta, id: eng, label: Engineers } ] }
  resource: { type: integration, service: aws, filters: { account: { effect: keep, key: id, pattern: ^dev$ } } }
  approval: [ { type: group, groups: [ { directory: okta, id: sre, label: SRE } ], options: { requireReason: true } } ]
  maxDuration: 4h
- name: on-call
  requestor: { type: any }
  resource: { type: integration, service: aws }
  approval: [ { type: auto, integration: pager } ]
- name: no-admin
  requestor: { type: any }
  resource: { type: integration, service: aws, filters: { policy: { effect: keep, key: id, pattern: ^Admin } } }
  approval: [ { type: deny } ]
";

/// A configuration in a folder of its own, with a policy in `policies`.
struct Office {
    folder: PathBuf,
    world: World,
    outside: Arc<dyn Outside>,
}

impl Office {
    fn with(name: &str, files: &[(&str, &str)]) -> Office {
        let folder = std::env::temp_dir().join(format!("p0-policy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("manifests")).expect("a folder");
        std::fs::create_dir_all(folder.join("policies")).expect("a folder");
        let usual = [
            ("p0.yaml", CONFIG),
            ("manifests/aws.yaml", AWS),
            ("people.yaml", PEOPLE),
            ("oncall.yaml", "services: { shop: [ olga@acme.example ] }\n"),
        ];
        for (name, text) in usual.iter().chain(files) {
            std::fs::write(folder.join(name), text).expect("written");
        }
        let outside: Arc<dyn Outside> = Arc::new(Morning::default());
        let world = World::load(&folder.join("p0.yaml"), &outside).unwrap_or_else(|error| panic!("{error}"));
        Office { folder, world, outside }
    }

    fn policies(&self) -> PathBuf {
        self.folder.join("policies")
    }

    async fn record(&self) -> Store {
        Store::open(&format!("sqlite:{}/p0.db", self.folder.display()), self.outside.clone()).await.expect("a record")
    }

    /// Without the folder's name, which is another each time.
    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.folder.display()), "")
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_policy_is_applied_listed_and_shown() {
    let office = Office::with("apply", &[("policies/all.yaml", RULES)]);
    let store = office.record().await;
    let by = || Some(Actor::Operator("ann".to_owned()));
    let apply = async |by| apply::apply(&office.world, &store, &office.policies(), by, NOW).await;
    assert!(apply(None).await.expect("valid").contains("Nothing was written"));
    assert!(store.policy().await.expect("read").is_none());
    let told = apply(by()).await.expect("valid");
    assert!(told.starts_with("3 rules added:\n  + engineers-dev\n") && told.ends_with("Version 1 is in force.\n"), "{told}");
    assert_eq!(apply(by()).await.as_deref(), Ok("Nothing changes: this policy is in force already.\n"));

    let shown = apply::show(&store, None).await.expect("shown");
    std::fs::write(office.policies().join("all.yaml"), &shown).expect("written");
    assert_eq!(apply(by()).await.as_deref(), Ok("Nothing changes: this policy is in force already.\n"), "{shown}");

    let changed = RULES.replace("maxDuration: 4h", "maxDuration: 2h").replace("- name: no-admin", "- name: nobody-admin");
    std::fs::write(office.policies().join("all.yaml"), changed + "longest: 8h\n").expect("written");
    insta::assert_snapshot!(apply(by()).await.expect("valid"), @r#"
    1 rule added:
      + nobody-admin
    1 rule removed:
      - no-admin
    1 rule changed:
      ~ engineers-dev
    longest: "12h" becomes "8h"
    Version 2 is in force.
    "#);
    let versions = apply::versions(&store).await.expect("listed");
    assert!(versions.lines().nth(1).is_some_and(|line| line.starts_with("2 ") && line.ends_with("operator:ann")), "{versions}");
    let events = store.stream(crate::domain::event::ORGANISATION).await.expect("read");
    assert_eq!(events.len(), 2);
    assert!(apply::show(&store, Some(1)).await.expect("shown").contains("no-admin"));
    assert!(apply::show(&store, Some(7)).await.is_err());

    std::fs::write(office.policies().join("more.yaml"), "longest: 4h\n").expect("written");
    let twice = office.plain(&apply(by()).await.expect_err("twice"));
    assert_eq!(twice, "policies/more.yaml: `longest` stands in policies/all.yaml already; keep one".to_owned());
    std::fs::write(office.policies().join("more.yaml"), RULES.replace("securityReviewers", "owners").replace("aws", "awss"))
        .expect("written");
    assert!(apply(by()).await.expect_err("the same names").contains("another rule has this name already"));
    std::fs::remove_file(office.policies().join("all.yaml")).expect("removed");
    std::fs::write(office.policies().join("more.yaml"), RULES.replace("service: aws", "service: awss")).expect("written");
    let refused = apply(by()).await.expect_err("linted");
    assert!(refused.starts_with("3 errors, 0 warnings; nothing was changed\n"), "{refused}");
    store.close().await;
}

#[tokio::test]
async fn lint_says_where_it_is() {
    let rules = RULES
        .replace("^dev$", "^dev$.")
        .replace("requireReason", "requirePreapproval")
        .replace("service: aws }", "service: asw }");
    let office = Office::with("lint", &[("policies/all.yaml", &rules)]);
    let (text, failed) = lint::run(&office.world, Some(&office.policies())).await.expect("linted");
    insta::assert_snapshot!(office.plain(&text), @r#"
    policies/all.yaml:3: error: rule "engineers-dev": filter `account`: nothing can match "^dev$.", so it never matches
    policies/all.yaml:8: error: rule "on-call": there is no integration "asw"; did you mean "aws"?
    2 errors, 0 warnings in 3 rules
    "#);
    assert_eq!(failed.as_deref(), Some("2 errors, 0 warnings"));
    let (text, failed) = lint::run(&office.world, None).await.expect("linted");
    assert_eq!((text.as_str(), failed), ("0 errors, 0 warnings in 0 rules\n", None), "the configuration's own");
}

#[tokio::test]
async fn explain_takes_a_folder_and_says_what_is_too_long_and_who_is_unknown() {
    let office = Office::with("explain-more", &[("policies/all.yaml", RULES)]);
    let ask = async |words: &str, who: &str| {
        let path = office.policies();
        let told = explain::run(&office.world, None, Some(path.as_path()), words, &format!("{who}@acme.example"), NOW).await;
        office.plain(&told.expect("explained"))
    };
    let told = ask("aws policy ReadOnly --reason INC-42", "alice").await;
    assert!(told.contains("the policy in ") && told.contains("\nASKED, for 4 hours at most."), "{told}");
    let told = ask("aws policy ReadOnly --reason INC-42 --duration 6h", "alice").await;
    assert!(told.contains("\nREFUSED. The longest that can be asked for is 4 hours: ask with `--duration 4h`."), "{told}");
    let told = ask("aws policy ReadOnly --reason INC-42", "alcie").await;
    assert!(told.contains("(Nobody with the address alcie@acme.example is known here"), "{told}");
    assert!(!ask("aws policy ReadOnly", "sam").await.contains("Nobody with the address"));
    for typed in ["/p0 request aws policy ReadOnly --reason x", "p0 request aws policy ReadOnly --reason x"] {
        assert!(ask(typed, "alice").await.contains("\nASKED"), "as it is typed in Slack and in a shell");
    }
    let mut words: Vec<String> = ["aws", "--as=a@b.c", "x", "--at"].map(str::to_owned).into();
    assert_eq!(super::take(&mut words, "--as"), Ok(Some("a@b.c".to_owned())));
    assert_eq!(super::take(&mut words, "--at"), Err("--at: say which".to_owned()), "nothing is passed over");
    assert_eq!((super::take(&mut words, "--rules"), words.join(" ").as_str()), (Ok(None), "aws x"));
}

#[tokio::test]
async fn explain_says_what_becomes_of_a_request_and_why() {
    let office = Office::with("explain", &[("policies/all.yaml", RULES)]);
    let store = office.record().await;
    let ask = async |words: &str, who: &str, store| {
        explain::run(&office.world, store, None, words, &format!("{who}@acme.example"), NOW).await
    };
    assert!(
        ask("aws policy ReadOnly", "alice", None)
            .await
            .expect("the configuration's")
            .starts_with("By the configuration's policy, at 2027-01-15")
    );
    apply::apply(&office.world, &store, &office.policies(), Some(Actor::Config), NOW).await.expect("valid");
    let some = Some(&store);
    insta::assert_snapshot!(ask("aws policy ReadOnly --reason INC-42", "alice", some).await.expect("explained"), @r"
    By version 1 of the policy, at 2027-01-15 08:00:00 UTC:
    ASKED, for 4 hours at most. A yes is one of these:
      somebody of SRE (engineers-dev, for 4 hours at most)
    2 people can approve right now: sam@acme.example, sue@acme.example.
    First the approvals channel is told.
    Required: a reason.
    2 of 3 rules matched:
      + engineers-dev
      + on-call
    The others:
      - no-admin: its filter `policy` does not pass: id is ReadOnly
    ");
    insta::assert_snapshot!(ask("aws policy Administrator", "alice", some).await.expect("explained"), @r#"
    By version 1 of the policy, at 2027-01-15 08:00:00 UTC:
    REFUSED. The access policy "no-admin" denies this.
    What would have to change: "no-admin" must not match: a denial wins over every other rule.
    3 of 3 rules matched:
      + engineers-dev
      + on-call
      + no-admin
    "#);
    assert!(
        ask("aws policy ReadOnly --account prod", "olga", some)
            .await
            .expect("explained")
            .contains("AT ONCE, for being on call in pager, for 1 hour at most.")
    );
    assert!(
        ask("aws policy ReadOnly", "alice", some)
            .await
            .expect("explained")
            .contains("What would have to change: ask with `--reason`.")
    );
    assert!(ask("aws policy", "alice", some).await.expect_err("incomplete").contains("is not complete"));
    assert!(ask("aws polcy X", "alice", some).await.is_err());
    store.close().await;
}

const CASES: &str = r#"cases:
  - name: engineers reach dev by SRE
    as: alice@acme.example
    request: aws policy ReadOnly --reason "INC-42"
    at: 2027-01-15T09:00:00Z
    expect:
      outcome: asked
      rules: [engineers-dev, on-call]
      approvers: [sam@acme.example, sue@acme.example]
      not_approvers: [alice@acme.example]
      longest: 4h
  - name: whoever is on call reaches prod
    as: alice@acme.example
    request: aws policy ReadOnly --account prod
    on_call: [ alice@acme.example ]
    expect: { outcome: at once, rules: [on-call], longest: 1h }
  - name: admin is for nobody
    as: sam@acme.example
    access: { integration: aws, type: policy, args: { policy: Administrator, account: dev } }
    expect: { outcome: refused, because: "\"no-admin\" denies" }
  - name: a service that is not installed
    as: alice@acme.example
    access: { integration: snowflake, type: role, filters: { tag: { environment: dev } } }
    expect: { outcome: refused }
"#;

#[tokio::test]
async fn cases_pass_or_say_what_came_instead() {
    let wrong = "  - name: they should be refused
    as: sam@acme.example
    request: aws policy ReadOnly --reason x
    expect: { outcome: asked, rules: [engineers-dev], approvers: [rita@acme.example], longest: 2h }
";
    let office = Office::with("cases", &[("policies/all.yaml", RULES), ("policies/tests.yaml", CASES)]);
    let run = async || cases::run(&office.world, &[office.policies()], NOW).await.expect("run");
    let (text, failed) = run().await;
    assert!(text.ends_with("4 passed, 0 failed\n") && failed.is_none(), "{text}");
    std::fs::write(office.policies().join("tests.yaml"), format!("{CASES}{wrong}")).expect("written");
    let (text, failed) = run().await;
    let from = text.find("FAILED").expect("one failed");
    insta::assert_snapshot!(office.plain(&text[from..]), @r#"
    FAILED  they should be refused (policies/tests.yaml:25)
      outcome: expected asked
               came refused
      rules: expected engineers-dev
             came on-call
      approvers: expected rita@acme.example to be one
                 came nobody
      longest: expected 2 hours
               came nothing
      because: Only whoever is on call can have this, and you are not on call just now. (Access policy "on-call".)
      the rules:
        - engineers-dev: it is for Engineers
        + on-call
        - no-admin: its filter `policy` does not pass: id is ReadOnly

    4 passed, 1 failed
    "#);
    assert_eq!(failed.as_deref(), Some("1 case failed"));
}

#[tokio::test]
async fn a_replay_needs_something_to_compare_with() {
    let office = Office::with("replay", &[("policies/all.yaml", RULES)]);
    let store = office.record().await;
    let policies = office.policies();
    let run = async || replay::run(&office.world, &store, Some(&policies), Time(0)).await;
    assert!(run().await.expect_err("no policy").contains("no policy yet"));
    apply::apply(&office.world, &store, &policies, Some(Actor::Config), NOW).await.expect("valid");
    assert_eq!(run().await.expect("replayed").requests, 0);
    store.close().await;
}
