//! What a verdict costs, on the organisation of `examples/organisation`:
//!
//! ```sh
//! cargo bench --bench policies
//! ```
//!
//! Figures are printed, never asserted: a busy machine fails no test.

#[path = "../examples/organisation/generate.rs"]
#[expect(dead_code, reason = "nothing is replayed here")]
mod generate;

use std::sync::Arc;
use std::time::Instant;

use p0::app::Real;
use p0::cli::policy::verdict::Ask;
use p0::cli::policy::world::World;
use p0::domain::access::{Access, Attributes};
use p0::domain::outside::Outside;
use p0::domain::person::Email;
use p0::policy::Offer;

const ROUNDS: u32 = 20_000;
/// So many entries a list of choices has.
const ENTRIES: u32 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("p0-bench-policies-{}", std::process::id()));
    generate::organisation(&folder, 7)?;
    let outside: Arc<dyn Outside> = Arc::new(Real::new(None));
    let world = World::load(&folder.join("p0.yaml"), &outside)?;
    let policy = world.policy(Some(&folder.join("policies")))?.policy;
    let who = world.somebody(&Email::parse("ben.bauer@acme.example").ok_or("an address")?);
    let now = outside.now();
    println!("{} rules", policy.rules.len());
    for words in [
        "aws policy ReadOnly --account prod --reason x",
        "postgres role analyst --instance payments",
        "okta group vpn --reason x",
    ] {
        let ask = Ask::read(&world.catalog, words)?;
        let asked = ask.asked(&who, now);
        let facts = world.facts(&[&policy], &who).await;
        let start = Instant::now();
        let mut lookups = 0;
        for _ in 0..ROUNDS {
            let needs = std::hint::black_box(policy.needs(&asked));
            lookups += needs.groups.iter().filter(|group| facts.groups.contains_key(*group)).count();
            std::hint::black_box(policy.analyse(&asked, &facts));
        }
        let each = start.elapsed() / ROUNDS;
        println!("verdict   {each:>10.1?}  {} groups looked up  {words}", lookups / ROUNDS as usize);
    }
    offers(&policy.offer(&who, &world.facts(&[&policy], &who).await));
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Is each entry of a long list one that somebody may ask for?
fn offers(offer: &Offer) {
    let accesses: Vec<Attributes> = (0..ENTRIES)
        .map(|number| {
            let account = ["prod", "nonprod", "dev", "sandbox"][number as usize % 4];
            let args = [("policy".to_owned(), format!("policy-{number}")), ("account".to_owned(), account.to_owned())].into();
            let access = Access { integration: "aws".to_owned(), access_type: "policy".to_owned(), args };
            access
                .args
                .into_iter()
                .map(|(name, value)| (name, ["id", "name"].map(|key| (key.to_owned(), vec![value.clone()])).into()))
                .collect()
        })
        .collect();
    let partly = |attributes| p0::policy::Partly {
        integration: "aws",
        also: &[],
        access_type: Some(("policy", p0::domain::access::Risk::High)),
        attributes,
        will_have: &["policy", "account"],
    };
    let none = Attributes::new();
    let narrowed = offer.narrowed(&partly(&none)).into_owned();
    let start = Instant::now();
    let kept = accesses.iter().filter(|attributes| narrowed.allows(&partly(attributes))).count();
    println!("offer     {:>10.1?}  {kept} of {ENTRIES} entries kept", start.elapsed());
}
