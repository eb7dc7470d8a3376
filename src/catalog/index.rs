//! Every choice of every source, in memory, searched as people type.
//!
//! The app replaces a source's choices now and then ([`Index::replace`]); readers take the table that is
//! there and never wait for a search. Answers in milliseconds on 100,000 choices. Never calls out.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::lookup::{Look, Lookup, forgiven, slips};
use super::rank::{Folded, Query, Rank, mask};
use crate::domain::access::{Args, Choice};

/// Among a hundred thousand values more slips than these find something for everything.
const MOST_SLIPS: usize = 3;

/// So many of the best matches are sorted before they are asked about.
const PIECE: usize = 1_000;

/// A source, and what is known of the arguments its choices depend on.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub integration: &'a str,
    pub source: &'a str,
    pub given: &'a Args,
}

#[derive(Debug, Default)]
pub struct Index {
    /// By integration and source.
    tables: RwLock<HashMap<String, HashMap<String, Arc<Table>>>>,
}

/// The choices of one source, in alphabetical order of label.
#[derive(Debug)]
struct Table {
    choices: Vec<Choice>,
    folded: Vec<Folded>,
    by_value: HashMap<String, Vec<u32>>,
}

impl Table {
    fn new(mut choices: Vec<Choice>) -> Table {
        choices.sort_by_cached_key(|choice| (choice.label.to_lowercase(), choice.value.clone()));
        let folded = choices.iter().map(|choice| Folded::new(&choice.value, &choice.label)).collect();
        let mut by_value: HashMap<String, Vec<u32>> = HashMap::new();
        for (at, choice) in (0u32..).zip(&choices) {
            by_value.entry(choice.value.clone()).or_default().push(at);
        }
        Table { choices, folded, by_value }
    }

    fn at(&self, at: u32) -> Option<&Choice> {
        self.choices.get(usize::try_from(at).ok()?)
    }

    fn goes_with<'a>(&'a self, given: &'a Args) -> impl Iterator<Item = (usize, &'a Choice)> + 'a {
        self.choices.iter().enumerate().filter(|(_, choice)| goes_with(choice, given))
    }
}

/// Sorts the best of them to the front, at most so many, and says how many those are.
fn best_first<T: Ord>(hits: &mut [T], most: usize) -> usize {
    let most = most.min(hits.len());
    if most < hits.len() {
        hits.select_nth_unstable(most);
    }
    if let Some(best) = hits.get_mut(..most) {
        best.sort_unstable();
    }
    most
}

/// Does the choice belong to what is known of the other arguments?
fn goes_with(choice: &Choice, given: &Args) -> bool {
    given.is_empty() || choice.given.iter().all(|(name, value)| given.get(name).is_none_or(|known| known == value))
}

impl Index {
    pub fn new() -> Index {
        Index::default()
    }

    /// Puts these choices in place of what the source had.
    pub fn replace(&self, integration: &str, source: &str, choices: Vec<Choice>) {
        let table = Arc::new(Table::new(choices));
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.entry(integration.to_owned()).or_default().insert(source.to_owned(), table);
    }

    /// How many choices a source has; `None` when it was never loaded.
    pub fn count(&self, integration: &str, source: &str) -> Option<usize> {
        self.table(integration, source).map(|table| table.choices.len())
    }

    /// The best matches of which `keep` holds, as [`Lookup::find`] finds them. It is asked of no more than it has to.
    pub fn find_where(&self, place: Place, query: &str, limit: usize, keep: &dyn Fn(&Choice) -> bool) -> Vec<Choice> {
        let Some(table) = self.table(place.integration, place.source) else { return Vec::new() };
        let query = Query::new(query);
        if query.is_empty() {
            let all = table.goes_with(place.given).map(|(_, choice)| choice);
            return all.filter(|choice| keep(choice)).take(limit).cloned().collect();
        }
        // The place in the table is the last key: equals stand in alphabetical order.
        let mut hits: Vec<_> = (0u32..)
            .zip(&table.folded)
            .filter_map(|(at, folded)| query.rank(folded).map(|rank| (rank, at)))
            .filter(|(_, at)| table.at(*at).is_some_and(|choice| goes_with(choice, place.given)))
            .collect();
        let choice = |(_, at): &(Rank, u32)| table.at(*at).filter(|choice| keep(choice));
        // Most often the best are kept, and nothing has to be asked of the others.
        let best = best_first(&mut hits, limit.max(PIECE));
        let mut others = hits.split_off(best);
        let mut found: Vec<Choice> = hits.iter().filter_map(choice).take(limit).cloned().collect();
        if found.len() < limit {
            others.retain(|hit| choice(hit).is_some());
            let more = best_first(&mut others, limit - found.len());
            found.extend(others.iter().take(more).filter_map(|(_, at)| table.at(*at)).cloned());
        }
        found
    }

    fn table(&self, integration: &str, source: &str) -> Option<Arc<Table>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.get(integration)?.get(source).cloned()
    }
}

impl Lookup for Index {
    fn look(&self, integration: &str, source: &str, given: &Args, value: &str) -> Look {
        let Some(table) = self.table(integration, source) else { return Look::NotLoaded };
        let exact = table.by_value.get(value).into_iter().flatten().filter_map(|at| table.at(*at));
        if let Some(choice) = exact.into_iter().find(|choice| goes_with(choice, given)) {
            return Look::Found(choice.clone());
        }
        let lower = value.to_lowercase();
        let mut fits = table.goes_with(given).filter(|(at, _)| table.folded.get(*at).is_some_and(|folded| folded.is(&lower)));
        match (fits.next(), fits.next()) {
            (Some((_, choice)), None) => Look::Found(choice.clone()),
            _ => Look::Unknown,
        }
    }

    fn few(&self, integration: &str, source: &str, given: &Args, most: usize) -> Option<Vec<Choice>> {
        let table = self.table(integration, source)?;
        let some: Vec<Choice> = table.goes_with(given).take(most.saturating_add(1)).map(|(_, choice)| choice.clone()).collect();
        (some.len() <= most).then_some(some)
    }

    fn find(&self, integration: &str, source: &str, given: &Args, query: &str, limit: usize) -> Vec<Choice> {
        self.find_where(Place { integration, source, given }, query, limit, &|_| true)
    }

    fn nearest(&self, integration: &str, source: &str, given: &Args, value: &str) -> Option<String> {
        let table = self.table(integration, source)?;
        let lower = value.to_lowercase();
        let (most, length, letters) = (forgiven(value).min(MOST_SLIPS), lower.len(), mask(&lower));
        let mut rows = Default::default();
        let mut near = |text: &str, seen: u64| {
            // A slip changes the set of letters by two at most.
            let fits = usize::try_from((seen ^ letters).count_ones()).is_ok_and(|differ| differ <= most * 2);
            let found = if fits { slips(lower.as_bytes(), text.as_bytes(), most, &mut rows) } else { None };
            found.filter(|slips| *slips < length.max(2))
        };
        table
            .folded
            .iter()
            .enumerate()
            .filter_map(|(at, folded)| folded.texts().filter_map(|(text, seen)| near(text, seen)).min().map(|slips| (slips, at)))
            .filter_map(|(slips, at)| table.choices.get(at).map(|choice| (slips, choice)))
            .filter(|(_, choice)| goes_with(choice, given))
            .min_by_key(|(slips, _)| *slips)
            .map(|(_, choice)| choice.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(values: &[&str]) -> Index {
        let index = Index::new();
        let choice = |value: &&str| Choice { value: (*value).to_owned(), label: (*value).to_owned(), given: Args::new() };
        index.replace("i", "s", values.iter().map(choice).collect());
        index
    }

    fn found(index: &Index, query: &str) -> Vec<String> {
        index.find("i", "s", &Args::new(), query, 10).into_iter().map(|choice| choice.value).collect()
    }

    #[test]
    fn the_best_stands_first() {
        let index = index(&[
            "read-admin",
            "Admin",
            "administrator",
            "database.admin.viewer",
            "badminton",
            "a-d-m-i-n",
            "admins",
            "other",
        ]);
        assert_eq!(
            found(&index, "admin"),
            ["Admin", "admins", "administrator", "read-admin", "database.admin.viewer", "badminton", "a-d-m-i-n"]
        );
        assert_eq!(found(&index, "ADMIN data"), ["database.admin.viewer"]);
        assert_eq!(found(&index, "zzz"), [""; 0]);
        assert_eq!(found(&index, "")[..2], ["a-d-m-i-n", "Admin"]);
    }

    #[test]
    fn a_label_is_found_as_well_and_its_value_is_the_answer() {
        let index = Index::new();
        let choice = |value: &str, label: &str| Choice { value: value.into(), label: label.into(), given: Args::new() };
        index.replace("i", "s", vec![choice("00g1", "Engineering"), choice("00g2", "Über uns")]);
        assert_eq!(found(&index, "engi"), ["00g1"]);
        assert_eq!(found(&index, "über"), ["00g2"]);
        assert_eq!(index.look("i", "s", &Args::new(), "engineering"), Look::Found(choice("00g1", "Engineering")));
        assert_eq!(index.nearest("i", "s", &Args::new(), "Enginering").as_deref(), Some("00g1"));
        assert_eq!(index.look("i", "other", &Args::new(), "x"), Look::NotLoaded);
    }

    #[test]
    fn what_is_kept_is_the_best_of_it_however_little_that_is() {
        let values: Vec<String> = (0..3_000).map(|n| format!("{}role-{n}", if n % 3 == 0 { "a" } else { "the " })).collect();
        let index = index(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let (none, all) = (Args::new(), |_: &Choice| true);
        let place = Place { integration: "i", source: "s", given: &none };
        let whole = index.find_where(place, "role", usize::MAX, &all);
        assert_eq!(whole.len(), 3_000);
        for ending in ["", "7", "99", "999", "x"] {
            let keep = |choice: &Choice| choice.value.ends_with(ending);
            let wanted: Vec<&Choice> = whole.iter().filter(|choice| keep(choice)).collect();
            for limit in [1, 20, 100, 2_000] {
                let found = index.find_where(place, "role", limit, &keep);
                assert_eq!(found.iter().collect::<Vec<_>>(), wanted[..limit.min(wanted.len())], "{ending:?}, {limit}");
            }
        }
    }

    #[test]
    fn only_what_goes_with_the_rest_is_offered() {
        let index = Index::new();
        let on = |value: &str, instance: &str| Choice {
            value: value.into(),
            label: value.into(),
            given: Args::from([("instance".to_owned(), instance.to_owned())]),
        };
        index.replace("i", "s", vec![on("a", "one"), on("a", "two"), on("b", "two")]);
        let one = Args::from([("instance".to_owned(), "one".to_owned())]);
        assert_eq!(index.few("i", "s", &one, 100).map(|few| few.len()), Some(1));
        assert_eq!(index.few("i", "s", &Args::new(), 2), None);
        assert_eq!(index.look("i", "s", &one, "b"), Look::Unknown);
        assert_eq!(index.look("i", "s", &one, "A"), Look::Found(on("a", "one")));
    }

    /// Slow machines run this too, unoptimised: the bound is loose, the figures are printed.
    #[test]
    fn a_hundred_thousand_choices_are_searched_while_one_types() {
        let places = ["storage", "compute", "bigquery", "iam", "network", "secrets", "logging", "pubsub"];
        let deeds = ["Viewer", "Admin", "Editor", "Reader", "Operator"];
        let choice = |n: usize| {
            let (place, deed) = (places[n % places.len()], deeds[n / 7 % deeds.len()]);
            Choice { value: format!("roles/{place}.{deed}{n}"), label: format!("{place} {deed} {n}"), given: Args::new() }
        };
        let index = Index::new();
        let start = std::time::Instant::now();
        index.replace("i", "s", (0..100_000).map(choice).collect());
        println!("built in {:?}", start.elapsed());
        for query in ["b", "bigquery", "admin bigq", "bqadm77", "99999", "roles/iam.viewer", "qqqq"] {
            let start = std::time::Instant::now();
            let hits = index.find("i", "s", &Args::new(), query, 100).len();
            let took = start.elapsed();
            println!("{query}: {hits} in {took:?}");
            assert!(took.as_secs() < 2, "{query} took {took:?}");
        }
        let start = std::time::Instant::now();
        let near = index.nearest("i", "s", &Args::new(), "roles/pubsub.Raeder99999");
        println!("nearest: {near:?} in {:?}", start.elapsed());
        assert!(near.is_some_and(|near| near.starts_with("roles/")));
    }
}
