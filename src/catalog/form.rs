//! One form, many faces: what a modal, a card or a page asks, from the access type and the values so far.
//!
//! A surface renders [`Form`] and hands back a [`Draft`]; it never reads a manifest. The same draft
//! comes out of an incomplete command. Nothing here decides who may ask for what.

use serde::{Deserialize, Serialize};

use super::args::{self, LONGEST_VALUE, MANY, Problem, Trouble};
use super::lookup::{Look, Lookup, nearest};
use super::{AccessType, Arg, Catalog, Integration, Kind, Source};
use crate::domain::access::{Access, Args, Choice};
use crate::domain::time::Span;

/// The fields that every form has; no argument bears these names.
pub const INTEGRATION: &str = "integration";
pub const ACCESS_TYPE: &str = "access_type";
pub const REASON: &str = "reason";
pub const DURATION: &str = "duration";

/// Slack: a list of fixed options has at most 100; above that the surface looks them up as one types.
pub const FEW: usize = 100;

/// What is known of a request before it is complete. Small enough to ride along in a modal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_type: Option<String>,
    /// By argument name; several values of one argument stand on a line each.
    #[serde(default, skip_serializing_if = "Args::is_empty")]
    pub values: Args,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
}

/// A request that can be made: every argument is there and good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    pub access: Access,
    /// `role analyst on main`, with the labels people know instead of a target's ids.
    pub effect: String,
    pub reason: Option<String>,
    /// As asked for, or the manifest's default; `None` leaves it to the organisation's.
    pub duration: Option<Span>,
}

/// What the organisation, not the manifest, says of the fields that every form has.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// The lengths to choose from, shortest first.
    pub durations: &'a [Span],
    pub reason_required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub integration: Option<String>,
    pub access_type: Option<String>,
    /// `Role membership in PostgreSQL`
    pub title: String,
    /// What the access type is, in a sentence or two.
    pub help: Option<String>,
    /// In the order in which they are shown and depend on each other.
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub title: String,
    pub hint: Option<String>,
    pub widget: Widget,
    /// What is filled in. Where `many` is set, several values on a line each.
    pub value: Option<String>,
    /// The value as people know it, line by line as `value`; of use where the widget is a list.
    pub label: Option<String>,
    pub required: bool,
    pub many: bool,
    pub placeholder: Option<String>,
    /// The form changes with this field: compute it again when this one does.
    pub dependants: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Widget {
    /// `pattern` must match the whole value.
    Text {
        pattern: Option<String>,
        multiline: bool,
    },
    /// All there is, at most [`FEW`].
    Choice(Vec<Choice>),
    /// Looked up as one types. `missing` are the titles of fields to fill in first.
    Lookup {
        source: String,
        given: Args,
        missing: Vec<String>,
        free: bool,
    },
    Duration(Vec<Span>),
    /// A person: an e-mail address, or the surface's own id as `<@id>`.
    Person,
}

impl Field {
    /// What is filled in, with the labels; one, or several where `many` is set.
    pub fn values(&self) -> Vec<(&str, &str)> {
        let value = self.value.as_deref().unwrap_or_default();
        let label = self.label.as_deref().unwrap_or(value);
        value.split(MANY).zip(label.split(MANY)).filter(|(value, _)| !value.is_empty()).collect()
    }
}

impl Form {
    /// The form for what is known so far. What does not fit (any more) is left out of it.
    pub fn new(catalog: &Catalog, lookup: &dyn Lookup, draft: &Draft, common: Common) -> Form {
        let integration = draft.integration.as_deref().and_then(|name| catalog.get(name));
        let mut fields = vec![which_integration(catalog, integration)];
        let Some(integration) = integration else {
            return Form { integration: None, access_type: None, title: "Request access".to_owned(), help: None, fields };
        };
        let named = draft.access_type.as_deref().and_then(|name| integration.access_type(name));
        let access = named.or_else(|| integration.only_access_type());
        if integration.access.len() > 1 {
            fields.push(which_access_type(integration, access));
        }
        let Some(access) = access else {
            let title = format!("Access to {}", integration.title);
            return Form { integration: Some(integration.name.clone()), access_type: None, title, help: None, fields };
        };
        let settled = args::settle(integration, access, &draft.values, lookup);
        for arg in &access.args {
            fields.extend(field(integration, access, arg, draft, &settled.args, lookup));
        }
        fields.push(reason(draft, common));
        fields.push(duration(access, draft, common));
        Form {
            integration: Some(integration.name.clone()),
            access_type: Some(access.name.clone()),
            title: format!("{} in {}", access.title, integration.title),
            help: access.help.clone(),
            fields,
        }
    }
}

impl Draft {
    /// The request, or what is missing or wrong, field by field.
    pub fn complete(&self, catalog: &Catalog, lookup: &dyn Lookup) -> Result<Complete, Vec<Problem>> {
        let Some(name) = &self.integration else {
            return Err(vec![Problem::missing(INTEGRATION, "Choose what you need access to.")]);
        };
        let Some(integration) = catalog.get(name) else {
            let near = nearest(name, catalog.integrations().map(|it| it.name.as_str())).map(str::to_owned);
            let mut problem =
                Problem::wrong(INTEGRATION, format!("There is no integration \"{name}\"{}", meant(near.as_deref())));
            problem.instead = near;
            return Err(vec![problem]);
        };
        let access = match &self.access_type {
            None => integration.only_access_type().ok_or_else(|| {
                vec![Problem::missing(ACCESS_TYPE, format!("Choose a kind of access to {}.", integration.title))]
            })?,
            Some(name) => integration.access_type(name).ok_or_else(|| {
                let near = nearest(name, integration.access.iter().map(|it| it.name.as_str())).map(str::to_owned);
                let told = format!("There is no access type \"{name}\" in {}{}", integration.title, meant(near.as_deref()));
                let mut problem = Problem::wrong(ACCESS_TYPE, told);
                problem.instead = near;
                vec![problem]
            })?,
        };
        let mut settled = args::settle(integration, access, &self.values, lookup);
        let reason = self.reason.as_ref().map(|reason| reason.trim().replace('\0', "")).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_VALUE) {
            settled.problems.push(Problem::wrong(REASON, format!("The reason is too long: at most {LONGEST_VALUE} characters.")));
        }
        let duration = self.duration.or(access.limits.default);
        if let (Some(duration), Some(longest)) = (duration, access.limits.longest)
            && duration > longest
        {
            settled.problems.push(Problem {
                arg: DURATION.to_owned(),
                trouble: Trouble::Wrong,
                message: format!("{duration} is too long: {} lasts {longest} at most.", access.title),
                instead: Some(short(longest)),
            });
        }
        if !settled.problems.is_empty() {
            return Err(settled.problems);
        }
        let effect = access.effect.fill(&labels(integration, access, &settled.args, lookup));
        let access = Access { integration: integration.name.clone(), access_type: access.name.clone(), args: settled.args };
        Ok(Complete { access, effect, reason, duration })
    }
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_else(|| ".".to_owned())
}

/// A length as short as it can be typed: `90m`, `8h`, `2d`, `1w`.
pub fn short(span: Span) -> String {
    let units = [("w", Span::days(7)), ("d", Span::days(1)), ("h", Span::hours(1))];
    let whole = units.iter().find(|(_, unit)| span.0 >= unit.0 && span.0 % unit.0 == 0);
    whole.map_or_else(|| format!("{}m", span.0 / Span::minutes(1).0), |(name, unit)| format!("{}{name}", span.0 / unit.0))
}

/// The values as people know them.
pub fn labels(integration: &Integration, access: &AccessType, values: &Args, lookup: &dyn Lookup) -> Args {
    let label = |arg: &Arg, value: &str| match &arg.kind {
        Kind::Source(source) => match lookup.look(&integration.name, &source.source, &source.given(values), value) {
            Look::Found(choice) if !choice.label.is_empty() => choice.label,
            Look::Found(_) | Look::Unknown | Look::NotLoaded => value.to_owned(),
        },
        Kind::Text | Kind::Number | Kind::Duration | Kind::Person | Kind::Listed(_) => value.to_owned(),
    };
    let pair = |arg: &Arg| {
        let value = values.get(&arg.name)?;
        let labels: Vec<String> = value.split(MANY).map(|value| label(arg, value).replace(MANY, " ")).collect();
        Some((arg.name.clone(), if arg.many { labels.join(MANY) } else { label(arg, value) }))
    };
    access.args.iter().filter_map(pair).collect()
}

fn which_integration(catalog: &Catalog, chosen: Option<&Integration>) -> Field {
    let choice = |it: &Integration| Choice { value: it.name.clone(), label: it.title.clone(), given: Args::new() };
    Field {
        value: chosen.map(|it| it.name.clone()),
        label: chosen.map(|it| it.title.clone()),
        placeholder: Some("Choose a system".to_owned()),
        dependants: true,
        ..blank(INTEGRATION, "Integration", Widget::Choice(catalog.integrations().map(choice).collect()))
    }
}

fn which_access_type(integration: &Integration, chosen: Option<&AccessType>) -> Field {
    let choice = |it: &AccessType| Choice { value: it.name.clone(), label: it.title.clone(), given: Args::new() };
    Field {
        value: chosen.map(|it| it.name.clone()),
        label: chosen.map(|it| it.title.clone()),
        placeholder: Some("Choose a kind of access".to_owned()),
        dependants: true,
        ..blank(ACCESS_TYPE, "Access type", Widget::Choice(integration.access.iter().map(choice).collect()))
    }
}

fn blank(name: &str, title: &str, widget: Widget) -> Field {
    Field {
        name: name.to_owned(),
        title: title.to_owned(),
        hint: None,
        widget,
        value: None,
        label: None,
        required: true,
        many: false,
        placeholder: None,
        dependants: false,
    }
}

/// `None` when there is only one choice and it is assumed: nothing is left to ask.
fn field(
    integration: &Integration,
    access: &AccessType,
    arg: &Arg,
    draft: &Draft,
    good: &Args,
    lookup: &dyn Lookup,
) -> Option<Field> {
    if args::the_only_one(integration, arg, good, lookup).is_some() {
        return None;
    }
    let text = |pattern: Option<String>, multiline| Widget::Text { pattern, multiline };
    let own = arg.pattern.as_ref().map(|pattern| pattern.text.clone());
    let (widget, placeholder) = match &arg.kind {
        Kind::Text => (text(own, arg.many), None),
        Kind::Number => (text(own.or(Some(r"-?[0-9]+(\.[0-9]+)?".to_owned())), arg.many), Some("a number, like 3")),
        Kind::Duration => (text(own, arg.many), Some("a duration, like 30m, 2h or 1 day")),
        Kind::Person => (Widget::Person, None),
        Kind::Listed(choices) => (Widget::Choice(choices.clone()), Some("Choose one")),
        Kind::Source(source) => (source_widget(integration, access, arg, source, good, lookup), Some("Type to search")),
    };
    let placeholder = match &widget {
        Widget::Lookup { missing, .. } if !missing.is_empty() => {
            Some(format!("First choose: {}", missing.join(", ").to_lowercase()))
        }
        Widget::Choice(_) => Some("Choose one".to_owned()),
        Widget::Text { .. } if arg.source().is_some() => None,
        Widget::Text { .. } | Widget::Lookup { .. } | Widget::Duration(_) | Widget::Person => placeholder.map(str::to_owned),
    };
    // A text can be mended, so it stays as it was typed; what a list no longer has is gone.
    let typed = draft.values.get(&arg.name).filter(|_| matches!(widget, Widget::Text { .. }));
    let value = typed.or_else(|| good.get(&arg.name)).or(arg.suggest.as_ref()).cloned();
    let label = match typed {
        Some(typed) => Some(typed.clone()),
        None => labels(integration, access, good, lookup).remove(&arg.name).or_else(|| value.clone()),
    };
    Some(Field {
        hint: arg.help.clone(),
        value,
        label,
        required: !arg.optional,
        many: arg.many,
        placeholder,
        dependants: access.has_dependants(&arg.name),
        ..blank(&arg.name, &arg.title, widget)
    })
}

fn source_widget(
    integration: &Integration,
    access: &AccessType,
    arg: &Arg,
    source: &Source,
    good: &Args,
    lookup: &dyn Lookup,
) -> Widget {
    let given = source.given(good);
    let few = lookup.few(&integration.name, &source.source, &given, FEW);
    let unknown =
        |name: &&String| !good.contains_key(*name) && access.args.iter().any(|arg| arg.name == **name && !arg.may_be_absent());
    let title = |name: &String| access.arg(name).map_or_else(|| name.clone(), |arg| arg.title.clone());
    let missing: Vec<String> = source.given.iter().filter(unknown).map(title).collect();
    match few {
        Some(few) if missing.is_empty() && !source.free && !few.is_empty() => Widget::Choice(few),
        // Nothing to look up and anything goes: a plain text.
        Some(few) if source.free && missing.is_empty() && few.is_empty() => {
            Widget::Text { pattern: arg.pattern.as_ref().map(|pattern| pattern.text.clone()), multiline: arg.many }
        }
        _ => Widget::Lookup { source: source.source.clone(), given, missing, free: source.free },
    }
}

fn reason(draft: &Draft, common: Common) -> Field {
    Field {
        hint: Some("Why you need it, or a ticket. Approvers see it, and it stays on record.".to_owned()),
        value: draft.reason.clone(),
        label: draft.reason.clone(),
        required: common.reason_required,
        ..blank(REASON, "Reason", Widget::Text { pattern: None, multiline: true })
    }
}

fn duration(access: &AccessType, draft: &Draft, common: Common) -> Field {
    let fits = |span: &Span| access.limits.longest.is_none_or(|longest| *span <= longest);
    let mut durations: Vec<Span> = common.durations.iter().copied().filter(fits).collect();
    durations.extend(draft.duration.filter(fits));
    durations.extend(access.limits.default.filter(fits));
    if durations.is_empty() {
        durations.extend(access.limits.longest);
    }
    durations.sort_unstable();
    durations.dedup();
    let chosen = draft.duration.filter(fits).or(access.limits.default.filter(fits)).or_else(|| durations.first().copied());
    Field {
        hint: access.limits.longest.map(|longest| format!("At most {longest}. An approver may change it.")),
        value: chosen.map(short),
        label: chosen.map(|span| span.to_string()),
        required: true,
        ..blank(DURATION, "Duration", Widget::Duration(durations))
    }
}
