//! One form, many faces: what a modal, a card or a page asks, from the access type and the values so far.
//!
//! A surface renders [`Form`] and hands back a [`Draft`]; it never reads a manifest. The same draft
//! comes out of an incomplete command.

use super::args::{self, MANY};
pub use super::draft::{Complete, Draft, Purpose, Window};
use super::lookup::{Look, Lookup};
use super::{AccessType, Arg, Catalog, Integration, Kind, Source};
use crate::domain::access::{Args, Choice};
use crate::domain::time::{Span, Time};

/// The fields that are no argument's; no argument bears these names.
pub const INTEGRATION: &str = "integration";
pub const ACCESS_TYPE: &str = "access_type";
pub const REASON: &str = "reason";
pub const DURATION: &str = "duration";
pub const TO: &str = "to";
pub const START: &str = "start";
pub const END: &str = "end";
pub const LENGTH: &str = "length";

/// For how long something may be allowed ahead of time, to choose from.
const WINDOWS: [Span; 7] =
    [Span::hours(8), Span::days(1), Span::days(3), Window::USUAL, Span::days(14), Span::days(28), Span::days(84)];

/// Slack: a list of fixed options has at most 100; above that the surface looks them up as one types.
pub const FEW: usize = 100;

/// What the organisation, not the manifest, says of the fields that every form has.
#[derive(Debug, Clone, Copy)]
pub struct Common<'a> {
    /// The lengths to choose from, shortest first.
    pub durations: &'a [Span],
    pub reason_required: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub purpose: Purpose,
    /// What people should know before they fill it in.
    pub note: Option<String>,
    pub integration: Option<String>,
    pub access_type: Option<String>,
    /// `Role membership in PostgreSQL`
    pub title: String,
    /// What the access type is, in a sentence or two.
    pub help: Option<String>,
    /// In the order in which they are shown and depend on each other.
    pub fields: Vec<Field>,
    /// What is known besides: a surface hands it back with what is filled in.
    pub rest: Draft,
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
    /// A point in time, as [`Time::parse`] reads it.
    Time,
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
        let named = draft.access_type.as_deref();
        let access = integration.and_then(|it| named.and_then(|name| it.access_type(name)).or_else(|| it.only_access_type()));
        let mut fields = Vec::new();
        if draft.purpose.for_another() {
            // Where there is nothing for this person, the next choice of one has to draw the form anew.
            let dependants = catalog.integrations().next().is_none();
            fields.push(Field { dependants, ..whom(draft) });
        }
        fields.push(which_integration(catalog, integration));
        if let Some(integration) = integration.filter(|it| it.access.len() > 1) {
            fields.push(which_access_type(integration, access));
        }
        if let Some((integration, access)) = integration.zip(access) {
            let settled = args::settle(integration, access, &draft.values, lookup);
            fields.extend(access.args.iter().filter_map(|arg| field(integration, access, arg, draft, &settled.args, lookup)));
            match draft.purpose {
                Purpose::Request | Purpose::Grant => fields.extend([reason(draft, common), duration(access, draft, common)]),
                Purpose::Allow => {
                    fields.extend(window(draft));
                    fields.extend([duration(access, draft, common), reason(draft, common)]);
                }
            }
        }
        let title = match (integration, access) {
            (None, _) => draft.purpose.heading().to_owned(),
            (Some(integration), None) => format!("Access to {}", integration.title),
            (Some(integration), Some(access)) => format!("{} in {}", access.title, integration.title),
        };
        let integration = integration.map(|it| it.name.clone());
        let rest = rest(draft, integration.clone(), access, &fields);
        Form {
            purpose: draft.purpose,
            note: note(draft),
            integration,
            access_type: rest.access_type.clone(),
            title,
            help: access.and_then(|access| access.help.clone()),
            fields,
            rest,
        }
    }
}

/// What people should know before they fill it in.
fn note(draft: &Draft) -> Option<String> {
    let text = match draft.purpose {
        Purpose::Request if draft.break_glass => "Needed now, before anybody can decide; everybody will be told.",
        Purpose::Request if draft.only_at_once => "Only if it needs no approver; otherwise nothing is asked.",
        Purpose::Request => return None,
        Purpose::Grant => "They get it when it is approved, as if they had asked themselves.",
        Purpose::Allow => "Nothing is granted until they ask; what they then ask for needs no further approval.",
    };
    Some(text.to_owned())
}

/// What is known and stands in no field of the form. Without an access type nobody can say which of the
/// values are still good, so all of them are kept.
fn rest(draft: &Draft, integration: Option<String>, access: Option<&AccessType>, fields: &[Field]) -> Draft {
    let hidden = |name: &str| !fields.iter().any(|field| field.name == name);
    let window = draft.window.unwrap_or_default();
    let window = Window {
        start: window.start.filter(|_| hidden(START)),
        end: window.end.filter(|_| hidden(END)),
        length: window.length.filter(|_| hidden(LENGTH)),
    };
    Draft {
        integration,
        access_type: access.map(|access| access.name.clone()),
        to: draft.to.clone().filter(|_| hidden(TO)),
        values: if access.is_some() { Args::new() } else { draft.values.clone() },
        reason: draft.reason.clone().filter(|_| hidden(REASON)),
        duration: draft.duration.filter(|_| hidden(DURATION)),
        window: window.known(),
        ..*draft
    }
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
        Widget::Text { .. } | Widget::Lookup { .. } | Widget::Duration(_) | Widget::Time | Widget::Person => {
            placeholder.map(str::to_owned)
        }
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
        // What is chosen also says who can approve it.
        dependants: access.has_dependants(&arg.name) || (arg.source().is_some() && !arg.optional),
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

fn whom(draft: &Draft) -> Field {
    let to = draft.to.clone();
    Field { value: to.clone(), label: to, ..blank(TO, "For whom", Widget::Person) }
}

/// From when, and for how long or until when: whichever was said.
fn window(draft: &Draft) -> [Field; 2] {
    let Window { start, end, length } = draft.window.unwrap_or_default();
    let when = |name, title, at: Option<Time>| {
        let at = at.map(Time::typed);
        Field { value: at.clone(), label: at, ..blank(name, title, Widget::Time) }
    };
    let from = Field {
        required: false,
        hint: Some("From when they may ask. Leave it empty for now.".to_owned()),
        ..when(START, "From", start)
    };
    if end.is_some() {
        return [from, when(END, "Until", end)];
    }
    let chosen = length.unwrap_or(Window::USUAL);
    let field = blank(LENGTH, "For how long may it be used", Widget::Duration(among(&WINDOWS, chosen)));
    [from, Field { value: Some(short(chosen)), label: Some(chosen.to_string()), ..field }]
}

/// Lengths to choose from, with one that was chosen already.
fn among(lengths: &[Span], chosen: Span) -> Vec<Span> {
    let mut all = [lengths, &[chosen]].concat();
    all.sort_unstable();
    all.dedup();
    all
}

fn reason(draft: &Draft, common: Common) -> Field {
    let (hint, required) = match draft.purpose {
        Purpose::Request => ("Why you need it, or a ticket. Approvers see it, and it stays on record.", common.reason_required),
        Purpose::Grant => ("Why they need it, or a ticket. Approvers see it, and it stays on record.", common.reason_required),
        Purpose::Allow => ("Why they may have it, or a ticket. It stays on record.", false),
    };
    Field {
        hint: Some(hint.to_owned()),
        value: draft.reason.clone(),
        label: draft.reason.clone(),
        required,
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
    let (title, more) = match draft.purpose {
        Purpose::Request | Purpose::Grant => ("Duration", " An approver may change it."),
        Purpose::Allow => ("Each access lasts at most", ""),
    };
    Field {
        hint: access.limits.longest.map(|longest| format!("At most {longest}.{more}")),
        value: chosen.map(short),
        label: chosen.map(|span| span.to_string()),
        required: true,
        ..blank(DURATION, title, Widget::Duration(durations))
    }
}
