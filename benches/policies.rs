//! What a verdict and type-ahead cost, on the organisation of `examples/organisation`:
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
use p0::catalog::{Catalog, Index, Lookup};
use p0::cli::policy::verdict::Ask;
use p0::cli::policy::world::World;
use p0::desk::Offers;
use p0::domain::access::{Args, Choice};
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
        let ask = Ask::read(&world.catalog, &world.seen, words)?;
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
    let offer = policy.offer(&who, &world.facts(&[&policy], &who).await);
    type_ahead(offer, Arc::new(world.catalog.clone()))?;
    std::fs::remove_dir_all(folder)?;
    Ok(())
}

/// Type-ahead over a long list, of which somebody may see a part: the worst of what people type.
fn type_ahead(offer: Offer, catalog: Arc<Catalog>) -> Result<(), Box<dyn std::error::Error>> {
    let integration = catalog.get("postgres").ok_or("the sample has databases")?;
    let role = integration.access_type("role").and_then(|access| access.arg("role")).ok_or("a role")?;
    let source = role.source().ok_or("a source")?.source.clone();
    let index = Arc::new(Index::default());
    let choice = |number: u32| {
        let team = ["payments", "platform", "data", "web"][number as usize % 4];
        let value = format!("{team}_analyst_{number}");
        Choice { label: value.clone(), value, given: Args::new() }
    };
    index.replace(&integration.name, &source, (0..ENTRIES).map(choice).collect());
    let name = integration.name.clone();
    let offers = Offers::new(offer, catalog.clone(), index.clone());
    // On the first they may have none of these roles, on the second each.
    for instance in ["payments", "security"] {
        let given = [("instance".to_owned(), instance.to_owned())].into();
        for query in ["", "a", "analyst 99", "web 4242", "nothing like it"] {
            for (what, lookup) in [("all", &*index as &dyn Lookup), ("offered", &offers)] {
                let start = Instant::now();
                let mut found = 0;
                for _ in 0..20 {
                    found = std::hint::black_box(lookup.find(&name, &source, &given, query, 100)).len();
                }
                println!(
                    "type-ahead{:>10.1?}  {found} found of {ENTRIES}, {what} on {instance}, for {query:?}",
                    start.elapsed() / 20
                );
            }
        }
    }
    Ok(())
}
