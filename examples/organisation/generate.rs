//! Makes the organisation.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use p0::cli::policy::world::World;
use p0::domain::id::RequestId;
use p0::domain::outside::Outside;
use p0::domain::person::Email;
use p0::domain::time::{Clock, Span, Time};
use p0::policy::fingerprint;
use p0::store::Store;
use sqlx::Connection;

type Done = Result<(), Box<dyn Error>>;

const PEOPLE: usize = 500;
const DEPARTMENTS: [&str; 8] = ["platform", "payments", "search", "mobile", "data", "security", "it", "finance"];
const TEAMS: [&str; 6] = ["core", "api", "web", "infra", "qa", "tools"];
/// Groups of people from everywhere, and every how many people one is in it.
const ACROSS: [(&str, usize); 14] = [
    ("sre", 25),
    ("dba", 60),
    ("security-reviewers", 90),
    ("contractors", 17),
    ("executives", 100),
    ("support", 20),
    ("data-stewards", 70),
    ("release-managers", 45),
    ("it-helpdesk", 40),
    ("cloud-admins", 80),
    ("incident-commanders", 55),
    ("auditors", 120),
    ("interns", 33),
    ("vendors", 48),
];
const FIRST: [&str; 20] = [
    "ada", "ben", "cleo", "dev", "elif", "finn", "gita", "hugo", "ines", "jun", "kofi", "lena", "milo", "nora", "omar", "pia",
    "quin", "rosa", "sven", "tara",
];
const LAST: [&str; 25] = [
    "adler", "bauer", "chen", "diaz", "ekwe", "fox", "gupta", "hale", "ito", "jones", "kaya", "lopez", "meyer", "novak", "okoye",
    "patel", "quist", "rossi", "silva", "tran", "ueda", "vogel", "weber", "xu", "young",
];
const ZONES: [&str; 5] = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/London", "America/Los_Angeles"];

/// Chance that is the same for the same seed.
struct Dice(AtomicU64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    fn roll(&self) -> u64 {
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.store(x, Ordering::Relaxed);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&self, n: usize) -> usize {
        usize::try_from(self.roll()).unwrap_or(0) % n.max(1)
    }

    fn one<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn email(person: usize) -> String {
    format!("{}.{}@acme.example", FIRST[person % FIRST.len()], LAST[person / FIRST.len() % LAST.len()])
}

/// Everybody but the first has a department and a team.
fn team(person: usize) -> (usize, usize) {
    (person % DEPARTMENTS.len(), person / DEPARTMENTS.len() % TEAMS.len())
}

fn leads(department: usize) -> Vec<usize> {
    (0..3).map(|lead| department + lead * DEPARTMENTS.len()).collect()
}

fn is_in(person: usize, every: usize, place: usize) -> bool {
    person % every == place + 1
}

/// Writes the files.
pub fn organisation(folder: &Path, seed: u64) -> Done {
    let dice = Dice::new(seed);
    std::fs::create_dir_all(folder.join("manifests"))?;
    std::fs::create_dir_all(folder.join("policies"))?;
    for (name, text) in MANIFESTS {
        std::fs::write(folder.join("manifests").join(name), text)?;
    }
    std::fs::write(folder.join("p0.yaml"), CONFIG)?;
    std::fs::write(folder.join("people.yaml"), people(&dice))?;
    std::fs::write(folder.join("oncall.yaml"), on_call())?;
    for (name, text) in policies() {
        std::fs::write(folder.join("policies").join(name), text)?;
    }
    Ok(())
}

fn people(dice: &Dice) -> String {
    let mut text = String::from("people:\n");
    for person in 0..PEOPLE {
        let manager = if person == 0 { String::new() } else { format!(", manager: {}", email((person - 1) / 8)) };
        text += &format!("  - {{ email: {}{manager}, zone: {} }}\n", email(person), dice.one(&ZONES));
    }
    text += "groups:\n";
    let group = |id: &str, label: &str, members: Vec<usize>, groups: Vec<String>| {
        let members: Vec<String> = members.into_iter().map(email).collect();
        format!("  - {{ id: {id}, label: {label}, members: [{}], groups: [{}] }}\n", members.join(", "), groups.join(", "))
    };
    text += &group("everybody", "Everybody", vec![], DEPARTMENTS.iter().map(|it| (*it).to_owned()).collect());
    text += &group("engineering", "Engineering", vec![], DEPARTMENTS[..5].iter().map(|it| (*it).to_owned()).collect());
    for (number, department) in DEPARTMENTS.iter().enumerate() {
        let teams = TEAMS.iter().map(|team| format!("{department}-{team}"));
        text += &group(department, department, vec![], teams.chain([format!("{department}-leads")]).collect());
        text += &group(&format!("{department}-leads"), &format!("{department}-leads"), leads(number), vec![]);
        for (place, team_name) in TEAMS.iter().enumerate() {
            let members = (0..PEOPLE).filter(|person| team(*person) == (number, place)).collect();
            let id = format!("{department}-{team_name}");
            text += &group(&id, &id, members, vec![]);
        }
    }
    for (place, (id, every)) in ACROSS.iter().enumerate() {
        text += &group(id, id, (0..PEOPLE).filter(|person| is_in(*person, *every, place)).collect(), vec![]);
    }
    text
}

fn on_call() -> String {
    let mut text = String::from("services:\n");
    for (number, department) in DEPARTMENTS.iter().enumerate() {
        text += &format!("  {department}: [{}, {}]\n", email(number + 80), email(number + 160));
    }
    text
}

fn group(id: &str) -> String {
    format!("groups: [ {{ directory: okta, id: {id}, label: {id} }} ]")
}

fn rule(name: &str, requestor: &str, resource: &str, approval: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("  {more}\n") };
    format!("- name: {name}\n  requestor: {{ {requestor} }}\n  resource: {{ {resource} }}\n  approval:\n{approval}{more}")
}

fn by(entry: &str) -> String {
    format!("    - {{ {entry} }}\n")
}

fn policies() -> Vec<(String, String)> {
    let mut files = vec![("settings.yaml".to_owned(), SETTINGS.to_owned())];
    for department in DEPARTMENTS {
        files.push((format!("{department}.yaml"), of_department(department)));
    }
    files.push(("everybody.yaml".to_owned(), for_everybody()));
    files.push(("tests.yaml".to_owned(), cases()));
    files
}

/// Six rules: what each department can ask for.
fn of_department(department: &str) -> String {
    let them = format!("type: group, {}", group(department));
    let leads = format!("type: group, {}", group(&format!("{department}-leads")));
    let aws = |account: &str| {
        format!("type: integration, service: aws, filters: {{ account: {{ effect: keep, key: id, pattern: \"^{account}$\" }} }}")
    };
    let filtered = |service: &str, filter: &str, pattern: &str| {
        format!(
            "type: integration, service: {service}, filters: {{ {filter}: {{ effect: keep, key: id, pattern: \"{pattern}\" }} }}"
        )
    };
    let two = format!(
        "    - type: steps\n      options: {{ requireReason: true }}\n      steps:\n        - {{ approvers: [ {{ {leads} }} ] }}\n        - \
         {{ approvers: [ {{ type: group, {} }} ] }}\n",
        group("sre")
    );
    let asks = "ask: { people: [1, 2], every: 10m }";
    [
        format!("# What {department} can ask for.\n"),
        rule(&format!("{department}-aws-dev"), &them, &aws("dev"), &by("type: persistent"), "maxDuration: 8h"),
        rule(&format!("{department}-aws-nonprod"), &them, &aws("nonprod"), &by(&format!("{leads}, {asks}")), ""),
        rule(&format!("{department}-aws-prod"), &them, &aws("prod"), &two, "maxDuration: 4h"),
        rule(
            &format!("{department}-k8s"),
            &them,
            &filtered("k8s", "namespace", &format!("^{department}(-|$)")),
            &by(&format!("{leads}, options: {{ requireReason: true }}")),
            "",
        ),
        rule(
            &format!("{department}-postgres"),
            &them,
            &filtered("postgres", "instance", &format!("^{department}$")),
            &(by(&leads) + &by(&format!("type: escalation, integration: pagerduty, services: [ {department} ]"))),
            "maxDuration: 2h",
        ),
        rule(
            &format!("{department}-gcloud"),
            &them,
            &filtered("gcloud", "project", &format!("^acme-{department}$")),
            &by("type: requestor-profile, directory: okta, profileProperty: manager, options: { requireReason: true }"),
            "",
        ),
    ]
    .concat()
}

/// Twelve rules; the last three have a mistake each.
fn for_everybody() -> String {
    let any = "type: any";
    let of = |id: &str| format!("type: group, {}", group(id));
    let aws = "type: integration, service: aws";
    [
        "# What does not depend on the department.\n".to_owned(),
        rule(
            "nobody-is-administrator",
            any,
            &format!(
                "{aws}, accessType: policy, filters: {{ policy: {{ effect: keep, key: id, pattern: \"^Administrator\" }} }}"
            ),
            &by("type: deny"),
            "",
        ),
        rule("on-call-aws", any, aws, &by("type: auto, integration: pagerduty, options: { requireReason: true }"), ""),
        rule(
            "contractors-ahead-of-time",
            &of("contractors"),
            &format!("{aws}, accessType: group"),
            &by(&format!("type: group, {}, options: {{ requirePreapproval: true }}", group("security-reviewers"))),
            "maxDuration: 8h",
        ),
        rule(
            "okta-groups",
            &format!("type: group, effect: remove, {}", group("contractors")),
            "type: integration, service: okta",
            &by("type: requestor-profile, directory: okta, profileProperty: manager, options: { requireReason: true }"),
            "",
        ),
        rule(
            "ssh-plain",
            &of("engineering"),
            "type: integration, service: ssh, accessType: session, filters: { sudo: { effect: keep, value: false } }",
            &by("type: persistent"),
            "",
        ),
        rule(
            "ssh-sudo",
            &of("engineering"),
            "type: integration, service: ssh, accessType: session, filters: { sudo: { effect: keep, value: true } }",
            &by(&format!("type: group, {}, options: {{ requireReason: true }}", group("sre"))),
            "maxDuration: 1h",
        ),
        rule(
            "ssh-everything",
            &of("sre"),
            "type: integration, service: ssh, accessType: all",
            &(by("type: break-glass") + &by("type: p0, options: { breakGlassApprover: true, requireReason: true }")),
            "maxDuration: 1h",
        ),
        rule(
            "support-reads-in-the-day",
            &of("support"),
            "type: integration, service: postgres, filters: { role: { effect: keep, key: id, pattern: \"^readonly$\" } }",
            &by("type: persistent"),
            "when: { days: [mon, tue, wed, thu, fri], from: \"08:00\", until: \"18:00\", zone: Europe/Berlin }",
        ),
        rule(
            "two-for-superusers",
            &of("dba"),
            "type: integration, service: postgres, filters: { role: { effect: keep, key: id, pattern: \"^superuser$\" } }",
            &by(&format!("type: steps, steps: [ {{ count: 2, approvers: [ {{ type: group, {} }} ] }} ]", group("sre"))),
            "maxDuration: 1h",
        ),
        rule(
            "interns-sandbox",
            &of("interns"),
            &format!("{aws}, filters: {{ account: {{ effect: keep, key: id, pattern: \"^sandbox$.\" }} }}"),
            &by("type: p0"),
            "",
        ),
        rule(
            "release-managers-prod",
            &of("release-managers"),
            &format!("{aws}, filters: {{ account: {{ effect: keep, key: id, pattern: prod }} }}"),
            &by(&format!("type: group, {}, options: {{ requireReason: true }}", group("incident-commanders"))),
            "maxDuration: 2h",
        ),
        rule(
            "chief-okta",
            &format!("type: user, uid: {}", email(0)),
            "type: integration, service: okta",
            &by(&format!("type: user, uid: {}", email(0))),
            "",
        ),
    ]
    .concat()
}

fn cases() -> String {
    // Somebody of payments who leads nobody, is on call for nothing and in no group across departments.
    let plain = |department: usize| {
        let free = |person: &usize| {
            let across = ACROSS.iter().enumerate().any(|(place, (_, every))| is_in(*person, *every, place));
            person % DEPARTMENTS.len() == department && !across && 24 < *person && ![80, 160].contains(&(person - department))
        };
        (0..PEOPLE).find(free).unwrap_or_default()
    };
    let across = |name: &str| {
        let place = ACROSS.iter().position(|(id, _)| *id == name).unwrap_or_default();
        (0..PEOPLE).filter(|person| is_in(*person, ACROSS[place].1, place)).collect::<Vec<_>>()
    };
    let anna = plain(1);
    let sre = across("sre").into_iter().next_back().unwrap_or_default();
    let (lead, other_lead, manager) = (leads(1)[0], leads(1)[1], (anna - 1) / 8);
    let case = |name: &str, who: usize, request: &str, expect: &str| {
        format!("  - name: {name}\n    as: {}\n    request: {request}\n    expect: {{ {expect} }}\n", email(who))
    };
    let contractor = across("contractors")[2];
    let dba = across("dba").into_iter().find(|person| !across("sre").contains(person)).unwrap_or_default();
    let intern = across("interns").into_iter().find(|person| person % DEPARTMENTS.len() == 6).unwrap_or_default();
    let support = across("support").into_iter().find(|person| person % DEPARTMENTS.len() != 1).unwrap_or_default();
    [
        "cases:\n".to_owned(),
        case("dev is open", anna, "aws policy ReadOnly --account dev", "outcome: at once, rules: [payments-aws-dev, on-call-aws], longest: 8h"),
        case(
            "nonprod is for leads to decide",
            anna,
            "aws policy ReadOnly --account nonprod",
            &format!("outcome: asked, approvers: [{}, {}], not_approvers: [{}]", email(lead), email(other_lead), email(anna)),
        ),
        case(
            "a lead does not approve the own request",
            lead,
            "aws policy ReadOnly --account nonprod",
            &format!("outcome: asked, approvers: [{}], not_approvers: [{}]", email(other_lead), email(lead)),
        ),
        case("prod wants a reason", anna, "aws policy ReadOnly --account prod", "outcome: refused, because: requires a reason"),
        case(
            "prod is decided by a lead first, then by SRE",
            anna,
            "aws policy ReadOnly --account prod --reason INC-42",
            &format!("outcome: asked, approvers: [{}], not_approvers: [{}], longest: 4h", email(lead), email(sre)),
        ),
        case("nobody is administrator", anna, "aws policy AdministratorAccess --account dev", "outcome: refused, because: denies this"),
        format!(
            "  - name: whoever is on call has it at once\n    as: {0}\n    request: aws policy ReadOnly --account prod --reason x\n    \
             on_call: [ {0} ]\n    expect: {{ outcome: at once, longest: 1h }}\n",
            email(anna)
        ),
        case(
            "another department's namespace is nobody else's",
            anna,
            "k8s namespace search-api --reason x",
            "outcome: refused, because: No access policy",
        ),
        case(
            "managers decide on projects",
            anna,
            "gcloud role acme-payments viewer --reason x",
            &format!("outcome: asked, rules: [payments-gcloud], approvers: [{}]", email(manager)),
        ),
        case("contractors get no groups", contractor, "okta group vpn --reason x", "outcome: refused"),
        case("two of SRE decide on superusers", dba, "postgres role superuser --instance archive", "outcome: asked, rules: [two-for-superusers], longest: 1h"),
        case("what an intern has is what the department has", intern, "aws group readers --account dev", "outcome: at once"),
        format!(
            "  - name: support does not read at night\n    as: {}\n    request: postgres role readonly --instance archive\n    \
             at: 2027-01-15T22:00:00Z\n    expect: {{ outcome: refused, rules: [] }}\n",
            email(support)
        ),
    ]
    .concat()
}

/// The world of a record that is made: its time is set, its chance has a seed.
struct Made {
    time: AtomicI64,
    dice: Dice,
}

impl Clock for Made {
    fn now(&self) -> Time {
        Time(self.time.load(Ordering::Relaxed))
    }
}

impl Outside for Made {
    fn random(&self) -> u128 {
        (u128::from(self.dice.roll()) << 80) | (u128::from(self.dice.roll()) << 40) | u128::from(self.dice.roll())
    }
}

/// Writes a record with that many requests of the last 90 days, and the policy as its first version.
pub async fn history(folder: &Path, seed: u64, requests: usize, now: Time) -> Done {
    let start = now - Span::days(90);
    let made = Arc::new(Made { time: AtomicI64::new(start.0), dice: Dice::new(seed + 1) });
    let outside: Arc<dyn Outside> = made.clone();
    let url = format!("sqlite:{}/p0.db", folder.display());
    let store = Store::open(&url, outside.clone()).await?;
    let policy = World::load(&folder.join("p0.yaml"), &outside)?.policy(Some(&folder.join("policies")))?.policy;
    let text = serde_json::to_string(&policy)?;
    let mut tx = store.begin().await?;
    tx.put_policy(&text, &fingerprint(&text), "operator:example", start).await?;
    let mut people = Vec::new();
    for person in 0..PEOPLE {
        let email = Email::parse(&email(person)).ok_or("an address")?;
        people.push(tx.person_for_email(&email, email.local(), start).await?.id);
    }
    tx.commit().await?;
    store.close().await;

    let mut sql = sqlx::SqliteConnection::connect(&url).await?;
    let mut all = sql.begin().await?;
    let dice = &made.dice;
    for number in 0..requests {
        let at = start.0 + Span::days(90).0 / i64::try_from(requests)? * i64::try_from(number)?;
        made.time.store(at, Ordering::Relaxed);
        let person = dice.below(PEOPLE);
        let own = DEPARTMENTS[team(person).0];
        let (integration, access_type, args, effect) = asked_for(dice, own);
        let id = RequestId::new(&*outside);
        sqlx::query(
            "INSERT INTO requests (id, requestor, principal, integration, access_type, args, same, effect, reason, length, via,
                state, policy, plan, created_at, stale_at, decided_at)
             VALUES ($1, $2, $2, $3, $4, $5, $1, $6, $7, $8, 'slack', 'approved', 1, $10, $9, $9, $9)",
        )
        .bind(id.as_str())
        .bind(people[person].as_str())
        .bind(integration)
        .bind(access_type)
        .bind(args.to_string())
        .bind(effect)
        .bind((dice.below(10) < 8).then_some("INC-42"))
        .bind(Span::minutes(30).0 * i64::try_from(1 + dice.below(8))?)
        .bind(at)
        .bind(r#"{"assignments":[],"connect":null}"#)
        .execute(&mut *all)
        .await?;
    }
    all.commit().await?;
    sql.close().await?;
    Ok(())
}

fn asked_for(dice: &Dice, own: &str) -> (&'static str, &'static str, serde_json::Value, String) {
    let account = dice.one(&["dev", "dev", "nonprod", "nonprod", "prod", "sandbox"]);
    match dice.below(10) {
        0..=3 => {
            let policy = dice.one(&["ReadOnly", "PowerUser", "Billing", "AdministratorAccess"]);
            (
                "aws",
                "policy",
                serde_json::json!({ "policy": policy, "account": account }),
                format!("policy {policy} in {account}"),
            )
        }
        4 => {
            ("aws", "group", serde_json::json!({ "group": "readers", "account": account }), format!("group readers in {account}"))
        }
        5 => ("k8s", "namespace", serde_json::json!({ "namespace": format!("{own}-api") }), format!("namespace {own}-api")),
        6 => {
            let role = dice.one(&["readonly", "analyst", "superuser"]);
            ("postgres", "role", serde_json::json!({ "instance": own, "role": role }), format!("role {role} on {own}"))
        }
        7 => {
            let project = format!("acme-{own}");
            ("gcloud", "role", serde_json::json!({ "project": project, "role": "viewer" }), format!("viewer on {project}"))
        }
        8 => ("okta", "group", serde_json::json!({ "group": "vpn" }), "group vpn".to_owned()),
        _ => {
            let sudo = dice.one(&["true", "false", "false"]);
            ("ssh", "session", serde_json::json!({ "destination": "web-1", "sudo": sudo }), format!("web-1, sudo {sudo}"))
        }
    }
}

const SETTINGS: &str = "# Who has which role, and the limits of every rule.
securityReviewers: { groups: [ 'okta:security-reviewers' ] }
owners: { groups: [ 'okta:executives' ] }
longest: 12h
standing: 1d
durations: [ 30m, 1h, 4h, 8h ]
";

const CONFIG: &str = "organisation: { slug: acme, title: Acme }
manifests: manifests
integrations: { aws: {}, gcloud: {}, k8s: {}, okta: {}, postgres: {}, ssh: {} }
directories: { okta: { file: people.yaml } }
oncall: { pagerduty: { file: oncall.yaml } }
";

const MANIFESTS: [(&str, &str); 5] = [
    (
        "aws.yaml",
        "manifest: 1
name: aws
title: Amazon Web Services
connector: aws
access:
  policy:
    title: Policy
    args:
      - { name: policy, title: Policy, kind: text }
      - { name: account, title: Account, kind: choice, options: [prod, nonprod, dev, sandbox], flag: true }
    effect: \"policy {policy} in {account}\"
  group:
    title: Group
    args:
      - { name: group, title: Group, kind: text }
      - { name: account, title: Account, kind: choice, options: [prod, nonprod, dev, sandbox], flag: true }
    effect: \"group {group} in {account}\"
",
    ),
    (
        "gcloud.yaml",
        "manifest: 1
name: gcloud
title: Google Cloud
connector: gcloud
access:
  role:
    title: Role
    args: [ { name: project, title: Project, kind: text }, { name: role, title: Role, kind: text } ]
    effect: \"role {role} on {project}\"
",
    ),
    (
        "k8s.yaml",
        "manifest: 1
name: k8s
title: Kubernetes
connector: k8s
access:
  namespace:
    title: Namespace
    args: [ { name: namespace, title: Namespace, kind: text } ]
    effect: \"namespace {namespace}\"
",
    ),
    (
        "okta.yaml",
        "manifest: 1
name: okta
title: Okta
connector: okta
access:
  group:
    title: Group
    args: [ { name: group, title: Group, kind: text } ]
    effect: \"group {group}\"
",
    ),
    (
        "ssh.yaml",
        "manifest: 1
name: ssh
title: SSH
connector: ssh
access:
  session:
    title: Session
    args:
      - { name: destination, title: Destination, kind: text }
      - { name: sudo, title: Sudo, kind: choice, options: [ 'true', 'false' ], flag: true, default: 'false' }
    effect: \"session on {destination}, sudo {sudo}\"
  all:
    title: Everything
    emergency: true
    risk: high
    args: []
    effect: \"every server\"
",
    ),
];
