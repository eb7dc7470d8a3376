//! Reads YAML so that a mistake names its file, line, column and excerpt.
//!
//! The only place that knows the YAML library. A [`Section`] is a part of a file that is handed to
//! the folder it belongs to (a connector, a surface, the policies), which defines what may stand
//! there; unknown keys are that folder's to refuse (`#[serde(deny_unknown_fields)]`).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

pub use serde_saphyr::Spanned;

/// A mistake in a file, told so that it can be mended: file, line, column, excerpt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadYaml(String);

/// A YAML file, or the part of it below some keys.
#[derive(Debug, Clone)]
pub struct Section {
    file: Arc<str>,
    text: Arc<str>,
    path: Vec<String>,
}

impl Section {
    /// A whole file. `file` is its name for error messages.
    pub fn whole(file: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Section {
        Section { file: file.into(), text: text.into(), path: Vec::new() }
    }

    /// The part below `key`. It need not exist: [`Section::read`] says.
    pub fn child(&self, key: &str) -> Section {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Section { file: self.file.clone(), text: self.text.clone(), path }
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    /// The keys from the top of the file to here, as people write them: `integrations.postgres`.
    pub fn name(&self) -> String {
        self.path.join(".")
    }

    /// Where a path leads that stands in this file: it counts from the file's folder.
    pub fn beside(&self, path: &str) -> PathBuf {
        Path::new(&*self.file).parent().unwrap_or(Path::new("")).join(path)
    }

    /// What stands here. `None` when nothing does.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, BadYaml> {
        if self.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(None);
        }
        // A long file may say much; only what grows beyond its letters, by aliases, is stopped.
        let mut budget = serde_saphyr::budget::Budget::default();
        budget.max_nodes = budget.max_nodes.max(self.text.len());
        budget.max_events = budget.max_events.max(self.text.len());
        let options = serde_saphyr::options! { budget: Some(budget) };
        serde_saphyr::with_deserializer_from_str_with_options(&self.text, options, |deserializer| {
            Descend { path: &self.path, found: std::marker::PhantomData }.deserialize(deserializer)
        })
        .map_err(|error| BadYaml(format!("{}: {}", self.file, plainly(error.render().trim_end()))))
    }

    /// The keys that stand here, in order; empty when nothing does.
    pub fn keys(&self) -> Result<Vec<Spanned<String>>, BadYaml> {
        let found: Option<Keys> = self.read()?;
        Ok(found.map(|keys| keys.0).unwrap_or_default())
    }

    /// A mistake that only the meaning shows: `message` is one sentence saying what to write instead.
    pub fn mistake<T>(&self, at: &Spanned<T>, message: impl fmt::Display) -> BadYaml {
        let (line, column) = (at.referenced.line(), at.referenced.column());
        let excerpt = usize::try_from(line).ok().and_then(|line| self.text.lines().nth(line.saturating_sub(1))).unwrap_or("");
        let caret = " ".repeat(usize::try_from(column).unwrap_or(1).saturating_sub(1));
        BadYaml(format!("{}: line {line} column {column}: {message}\n{line:>4} | {excerpt}\n     | {caret}^", self.file))
    }

    /// A mistake of the whole section: something is missing.
    pub fn problem(&self, message: impl fmt::Display) -> BadYaml {
        let place = if self.path.is_empty() { String::new() } else { format!("{}: ", self.name()) };
        BadYaml(format!("{}: {place}{message}", self.file))
    }
}

/// Says of a key that does not exist which one was probably meant. It is told twice: above the excerpt and in it.
fn plainly(told: &str) -> String {
    let line = |line: &str| {
        let (before, rest) = line.split_once("unknown field `")?;
        let (key, known) = rest.split_once("`, expected ")?;
        let known = known.trim_start_matches("one of ").replace('`', "");
        let slips = |it: &str| strsim::damerau_levenshtein(key, it);
        let meant =
            known.split(", ").min_by_key(|it| slips(it)).filter(|it| slips(it) <= 1 + key.len() / 3 && slips(it) < it.len());
        Some(match (before.trim_end().ends_with('^'), meant) {
            (false, Some(meant)) => format!("{before}unknown key `{key}`; did you mean `{meant}`?"),
            (false, None) => format!("{before}unknown key `{key}`; there are {known}"),
            (true, Some(meant)) => format!("{before}did you mean `{meant}`?"),
            (true, None) => format!("{before}unknown key"),
        })
    };
    told.lines().map(|text| line(text).unwrap_or_else(|| text.to_owned())).collect::<Vec<_>>().join("\n")
}

/// Writes what can be read again.
pub fn write(value: &impl serde::Serialize) -> Result<String, BadYaml> {
    serde_saphyr::to_string(value).map_err(|error| BadYaml(error.to_string()))
}

/// Walks down the path and reads what it finds there; all else is passed over.
struct Descend<'a, T> {
    path: &'a [String],
    found: std::marker::PhantomData<T>,
}

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Descend<'_, T> {
    type Value = Option<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        if self.path.is_empty() { T::deserialize(deserializer).map(Some) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Descend<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("keys with values")
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<T>, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if self.path.first() == Some(&key) {
                found = map.next_value_seed(Descend { path: &self.path[1..], found: self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

struct Keys(Vec<Spanned<String>>);

impl<'de> serde::Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("keys with values")
            }
            fn visit_unit<E>(self) -> Result<Keys, E> {
                Ok(Keys(Vec::new()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<Spanned<String>, IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_any(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Port {
        port: Spanned<u16>,
    }

    const FILE: &str = "organisation: { slug: acme }\nslack:\n  inner:\n    port: 17\nother: [1, 2]\n";

    #[test]
    fn a_section_is_read_by_its_folder() {
        let slack = Section::whole("p0.yaml", FILE).child("slack").child("inner");
        assert_eq!(slack.read::<Port>().expect("valid").expect("there").port.value, 17);
        assert!(Section::whole("p0.yaml", FILE).child("teams").read::<Port>().expect("valid").is_none());
        let keys = Section::whole("p0.yaml", FILE).keys().expect("valid");
        let places: Vec<_> = keys.iter().map(|key| (key.value.as_str(), key.referenced.line())).collect();
        assert_eq!(places, [("organisation", 1), ("slack", 2), ("other", 5)]);
        assert!(Section::whole("p0.yaml", "# nothing\n").read::<Port>().expect("valid").is_none());
    }

    #[test]
    fn a_long_file_is_read_and_a_short_one_that_grows_without_end_is_not() {
        let long = format!("[{}]\n", ["7"; 300_000].join(","));
        assert_eq!(Section::whole("long.yaml", long).read::<Vec<u8>>().expect("valid").expect("there").len(), 300_000);
        let mut laughs = String::from("- &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n");
        for n in 1..9 {
            laughs += &format!("- &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        }
        assert!(Section::whole("laughs.yaml", laughs).read::<serde_json::Value>().is_err());
    }

    #[test]
    fn a_mistake_names_file_line_key_and_excerpt() {
        let text = FILE.replace("port:", "prot:");
        let told = Section::whole("p0.yaml", text).child("slack").child("inner").read::<Port>().expect_err("a typo").to_string();
        for part in ["p0.yaml", "line 4", "prot", "port"] {
            assert!(told.contains(part), "{part} is missing in: {told}");
        }
        let section = Section::whole("p0.yaml", FILE).child("slack").child("inner");
        let port = section.read::<Port>().expect("valid").expect("there").port;
        insta::assert_snapshot!(section.mistake(&port, "a port below 1024 needs root; write 8080"), @r"
        p0.yaml: line 4 column 11: a port below 1024 needs root; write 8080
           4 |     port: 17
             |           ^
        ");
    }
}
