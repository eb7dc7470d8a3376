//! Texts with values in them: `/api/clubs/{{ club }}/members`. A value is encoded for the place it stands
//! in, so that it can be anything and never becomes a second segment, another parameter or another key.
//!
//! Only `{{ name }}` is used of the language: no statements, no filters. What is not known here is a mistake
//! of the manifest, found when it is read and never when it is filled.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use crate::domain::fault::Fault;

/// What a template is filled with, by name; `config` holds what the configuration says.
pub type Values = BTreeMap<String, String>;

/// All but what RFC 3986 calls unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a path: every value is one segment or a part of one.
    Path,
    /// Where somebody else encodes the whole: a parameter of a query, a text in JSON.
    Plain,
}

#[derive(Debug, Clone)]
pub struct Template {
    text: String,
    place: Place,
    names: Vec<String>,
}

static PATHS: LazyLock<Environment<'static>> = LazyLock::new(|| strict(in_path));
static PLAIN: LazyLock<Environment<'static>> = LazyLock::new(|| strict(plain));

fn strict(format: fn(&mut Output, &mut State, &Value) -> Result<(), Error>) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(format);
    environment
}

fn text(value: &Value) -> Result<&str, Error> {
    let text = value.as_str().filter(|_| value.kind() == ValueKind::String);
    text.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "only names stand in {{ }}"))
}

fn in_path(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let text = text(value)?;
    if text.is_empty() {
        return Err(Error::new(ErrorKind::InvalidOperation, "nothing to put into the path"));
    }
    out.write_str(&utf8_percent_encode(text, SEGMENT).to_string()).map_err(Error::from)
}

fn plain(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    out.write_str(text(value)?).map_err(Error::from)
}

impl Template {
    /// `known`: the names that have a value here. The error says what to write instead.
    pub fn read(text: &str, place: Place, known: &[&str]) -> Result<Template, String> {
        if text.contains("{%") || text.contains("{#") {
            return Err("only {{ name }} is filled in here; leave {% and {# out".to_owned());
        }
        let environment = if place == Place::Path { &*PATHS } else { &*PLAIN };
        let parsed = environment.template_from_str(text).map_err(|error| {
            format!("this cannot be filled in: {}; write {{{{ name }}}}", error.detail().unwrap_or("it is not closed"))
        })?;
        let mut names: Vec<String> = parsed.undeclared_variables(true).into_iter().collect();
        names.sort();
        for name in &names {
            let of_config = name.starts_with("config.") && known.contains(&"config");
            if name == "config" || !(of_config || known.contains(&name.as_str())) {
                let known = known.iter().map(|it| if *it == "config" { "config.…" } else { it }).collect::<Vec<_>>().join(", ");
                return Err(format!("there is no {{{{ {name} }}}} here, only {known}"));
            }
        }
        let template = Template { text: text.to_owned(), place, names };
        let sample: Values = template.names.iter().map(|name| (name.clone(), "x".to_owned())).collect();
        let filled = template.filled(&sample).map_err(|_| "only names stand in {{ }}, like {{ principal }}".to_owned())?;
        if place == Place::Path && !good_path(&filled) {
            return Err(
                "a path begins with one / and goes on without //, .. and ?; what comes behind ? stands under query".to_owned()
            );
        }
        Ok(template)
    }

    /// As it stands in the manifest: names the call to an operator without anybody's data.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Names of the configuration (`config.url`) are values like all others.
    pub fn fill(&self, values: &Values) -> Result<String, Fault> {
        let cannot = || Fault::never(format!("a value cannot stand in the address of a call ({}); choose another", self.text));
        let filled = self.filled(values).map_err(|_| cannot())?;
        if self.place == Place::Path && !good_path(&filled) {
            return Err(cannot()); // a value of dots would lead somewhere else
        }
        Ok(filled)
    }

    fn filled(&self, values: &Values) -> Result<String, Error> {
        let config = values.iter().filter_map(|(name, value)| Some((name.strip_prefix("config.")?, Value::from(value.as_str()))));
        let config = Value::from_pairs(config);
        let plain = values.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
        let context = Value::from_pairs(plain.chain([("config", config)]));
        let environment = if self.place == Place::Path { &*PATHS } else { &*PLAIN };
        environment.template_from_str(&self.text)?.render(context)
    }
}

/// One that no server takes for another: each segment says something, and none goes up.
fn good_path(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&byte));
    let last = rest.rsplit('/').next();
    let segments = rest.split('/').filter(|segment| !(segment.is_empty() && last == Some("") && !rest.is_empty()));
    plain && !rest.contains("//") && segments.into_iter().all(|it| !["", ".", ".."].contains(&it))
}

/// A JSON value whose texts are templates: what is filled in stays a text, whatever is in it.
#[derive(Debug, Clone)]
pub enum Body {
    Text(Template),
    Plain(Json),
    List(Vec<Body>),
    Map(Vec<(String, Body)>),
}

impl Body {
    pub fn read(written: &Json, known: &[&str]) -> Result<Body, String> {
        Ok(match written {
            Json::String(text) => Body::Text(Template::read(text, Place::Plain, known)?),
            Json::Array(list) => Body::List(list.iter().map(|it| Body::read(it, known)).collect::<Result<_, _>>()?),
            Json::Object(map) => {
                let pair = |(key, it): (&String, &Json)| Ok::<_, String>((key.clone(), Body::read(it, known)?));
                Body::Map(map.iter().map(pair).collect::<Result<_, _>>()?)
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => Body::Plain(written.clone()),
        })
    }

    pub fn fill(&self, values: &Values) -> Result<Json, Fault> {
        Ok(match self {
            Body::Text(template) => Json::String(template.fill(values)?),
            Body::Plain(value) => value.clone(),
            Body::List(list) => Json::Array(list.iter().map(|it| it.fill(values)).collect::<Result<_, _>>()?),
            Body::Map(map) => {
                let pair = |(key, it): &(String, Body)| Ok::<_, Fault>((key.clone(), it.fill(values)?));
                Json::Object(map.iter().map(pair).collect::<Result<_, _>>()?)
            }
        })
    }

    pub fn names(&self) -> Vec<&str> {
        match self {
            Body::Text(template) => template.names().collect(),
            Body::Plain(_) => Vec::new(),
            Body::List(list) => list.iter().flat_map(Body::names).collect(),
            Body::Map(map) => map.iter().flat_map(|(_, it)| it.names()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    proptest! {
        /// Whatever a value is, it comes out as it went in, in its own place and in no other.
        #[test]
        fn a_value_is_one_segment_one_text(a in any::<String>(), b in any::<String>()) {
            let known = ["a", "b"];
            let path = Template::read("/x/{{ a }}/y/{{ b }}.json", Place::Path, &known).expect("good");
            let given = values(&[("a", &a), ("b", &b)]);
            match path.fill(&given) {
                Err(_) => prop_assert!(a.is_empty() || b.is_empty() || a == "." || a == ".."),
                Ok(filled) => {
                    prop_assert!(filled.is_ascii());
                    prop_assert!(filled.parse::<hyper::Uri>().is_ok_and(|uri| uri.path() == filled && uri.query().is_none()));
                    let decoded = filled.split('/').map(|it| percent_decode_str(it).decode_utf8().expect("UTF-8").into_owned());
                    let last = format!("{b}.json");
                    prop_assert_eq!(decoded.collect::<Vec<_>>(), ["", "x", a.as_str(), "y", last.as_str()]);
                }
            }
            let body = serde_json::json!({ "note": "{{ a }}", "all": ["{{ b }}-{{ a }}", true, null, 7] });
            let filled = Body::read(&body, &known).expect("good").fill(&given).expect("filled");
            prop_assert_eq!(filled, serde_json::json!({ "note": a, "all": [format!("{b}-{a}"), true, null, 7] }));
        }

        /// No text is ever a panic.
        #[test]
        fn any_text_is_a_template_or_a_mistake(text in any::<String>(), inner in "[ -~]{0,12}") {
            for text in [text.clone(), format!("/{{{{{inner}}}}}"), format!("/a{inner}{{{{ a }}}}")] {
                for place in [Place::Path, Place::Plain] {
                    if let Ok(template) = Template::read(&text, place, &["a", "config"]) {
                        let all = values(&[("a", "é/"), ("config.url", "u"), ("config.x", "u")]);
                        let _ = template.fill(&all);
                    }
                }
            }
        }
    }

    #[test]
    fn values_that_look_like_templates_are_only_values() {
        let path = Template::read("/c/{{ club }}", Place::Path, &["club"]).expect("good");
        let filled = path.fill(&values(&[("club", "{{ config.token }}/../é?#%2e")])).expect("filled");
        assert_eq!(filled, "/c/%7B%7B%20config.token%20%7D%7D%2F..%2F%C3%A9%3F%23%252e");
        for dots in [".", "..", ""] {
            let told = path.fill(&values(&[("club", dots)])).expect_err("somewhere else");
            assert_eq!(told, Fault::never("a value cannot stand in the address of a call (/c/{{ club }}); choose another"));
        }
    }

    #[test]
    fn a_mistake_is_a_sentence() {
        let told = |text: &str, place| Template::read(text, place, &["config", "club", "principal"]).expect_err("a mistake");
        insta::assert_snapshot!(told("/x/{{ clbu }}", Place::Path), @"there is no {{ clbu }} here, only config.…, club, principal");
        insta::assert_snapshot!(told("/x/{{ club", Place::Path), @"this cannot be filled in: unexpected end of input, expected end of variable block; write {{ name }}");
        insta::assert_snapshot!(told("/x/{{ club|upper }}", Place::Path), @"only names stand in {{ }}, like {{ principal }}");
        insta::assert_snapshot!(told("/x/{{ 1 + 1 }}", Place::Path), @"only names stand in {{ }}, like {{ principal }}");
        insta::assert_snapshot!(told("{% for x in club %}{% endfor %}", Place::Plain), @"only {{ name }} is filled in here; leave {% and {# out");
        insta::assert_snapshot!(told("{{ config }}", Place::Plain), @"there is no {{ config }} here, only config.…, club, principal");
        for path in ["x", "", "/", "/x//y", "/x/../y", "/x?y={{ club }}", "/x y", "//evil.example", "/./x", "/ü"] {
            insta::allow_duplicates! { insta::assert_snapshot!(told(path, Place::Path), @"a path begins with one / and goes on without //, .. and ?; what comes behind ? stands under query"); }
        }
        assert!(Template::read("/x/", Place::Path, &[]).is_ok());
    }
}
