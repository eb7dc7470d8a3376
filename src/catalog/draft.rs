//! What is known of an ask before it is complete, and what it is when it is.
//!
//! A command and a form both come to a [`Draft`], and [`Draft::complete`] tells both the same mistakes.
//! Nothing here decides who may ask for what, and nothing knows what time it is.

use serde::{Deserialize, Serialize};

use super::args::{self, LONGEST_VALUE, Problem, Trouble};
use super::form::{ACCESS_TYPE, DURATION, END, INTEGRATION, REASON, TO, labels, short};
use super::lookup::{Lookup, nearest};
use super::{AccessType, Catalog, Integration};
use crate::domain::access::{Access, Args};
use crate::domain::time::{Span, Time};
use crate::domain::words;

words! {
    /// What an ask is for. The word is the command's.
    #[derive(Default)]
    Purpose {
        /// Access for whoever asks.
        #[default]
        Request = "request",
        /// Access for somebody else.
        Grant = "grant",
        /// A yes ahead of time: what somebody else asks for within a window needs no further one.
        Allow = "allow",
    }
}

impl Purpose {
    /// What it is called above a form.
    pub fn heading(self) -> &'static str {
        match self {
            Purpose::Request => "Request access",
            Purpose::Grant => "Request access for somebody",
            Purpose::Allow => "Allow access ahead of time",
        }
    }

    /// The button that sends it off.
    pub fn submit(self) -> &'static str {
        match self {
            Purpose::Request | Purpose::Grant => "Request",
            Purpose::Allow => "Allow",
        }
    }

    /// Is it for somebody else, who has to be named?
    pub fn for_another(self) -> bool {
        match self {
            Purpose::Request => false,
            Purpose::Grant | Purpose::Allow => true,
        }
    }
}

/// When something that was allowed ahead of time may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Window {
    /// `None`: from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Time>,
    /// Where there is one, it counts and not the length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<Span>,
}

impl Window {
    /// How long it is when nobody says.
    pub const USUAL: Span = Span::days(7);

    /// `None`: nothing is said of it.
    pub fn known(self) -> Option<Window> {
        (self != Window::default()).then_some(self)
    }

    /// Why it is no window at all.
    pub fn wrong(&self) -> Option<&'static str> {
        let backwards = matches!((self.start, self.end), (Some(start), Some(end)) if end <= start);
        backwards.then_some("The end must be after the start.")
    }
}

/// What is known of an ask before it is complete. Small enough to ride along in a modal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Draft {
    #[serde(default)]
    pub purpose: Purpose,
    /// Who is to have it, where that is somebody else: an e-mail address, or the surface's own id as `<@id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_type: Option<String>,
    /// By argument name; several values of one argument stand on a line each.
    #[serde(default, skip_serializing_if = "Args::is_empty")]
    pub values: Args,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of what is allowed ahead of time, how long each access may last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Needed now, before anybody can decide.
    #[serde(default)]
    pub break_glass: bool,
    /// Only if it needs no approver.
    #[serde(default)]
    pub only_at_once: bool,
    /// Of what is allowed ahead of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// An ask that can be made: every argument is there and good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complete {
    pub purpose: Purpose,
    /// There unless it is for whoever asks.
    pub to: Option<String>,
    pub access: Access,
    /// `role analyst on main`, with the labels people know instead of a target's ids.
    pub effect: String,
    pub reason: Option<String>,
    /// As asked for, or the manifest's default; `None` leaves it to the organisation's.
    pub duration: Option<Span>,
    /// Somebody said so: it is no default.
    pub duration_said: bool,
    pub break_glass: bool,
    pub only_at_once: bool,
    /// There when it is allowed ahead of time, with an end or a length.
    pub window: Option<Window>,
}

impl From<Complete> for Draft {
    fn from(it: Complete) -> Draft {
        Draft {
            purpose: it.purpose,
            to: it.to,
            integration: Some(it.access.integration),
            access_type: Some(it.access.access_type),
            values: it.access.args,
            reason: it.reason,
            duration: it.duration.filter(|_| it.duration_said),
            break_glass: it.break_glass,
            only_at_once: it.only_at_once,
            window: it.window,
        }
    }
}

impl Draft {
    /// The ask, or what is missing or wrong, field by field.
    pub fn complete(&self, catalog: &Catalog, lookup: &dyn Lookup) -> Result<Complete, Vec<Problem>> {
        let (integration, access) = self.what(catalog).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let to = self.whom().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let settled = args::settle(integration, access, &self.values, lookup);
        problems.extend(settled.problems);
        let reason = self.reason.as_ref().map(|reason| reason.trim().replace('\0', "")).filter(|reason| !reason.is_empty());
        if reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_VALUE) {
            problems.push(Problem::wrong(REASON, format!("The reason is too long: at most {LONGEST_VALUE} characters.")));
        }
        let allowed = self.purpose == Purpose::Allow;
        // What others may have later is said in so many words, never left to a default.
        let duration = self.duration.or(access.limits.default.filter(|_| !allowed));
        if let (Some(duration), Some(longest)) = (duration, access.limits.longest)
            && duration > longest
        {
            problems.push(Problem {
                arg: DURATION.to_owned(),
                trouble: Trouble::Wrong,
                message: format!("{duration} is too long: {} lasts {longest} at most.", access.title),
                instead: Some(short(longest)),
            });
        }
        if allowed && duration.is_none() {
            problems.push(Problem::missing(DURATION, "How long each access lasts is still missing."));
        }
        let window = allowed.then(|| self.window.unwrap_or_default());
        problems.extend(window.and_then(|window| window.wrong()).map(|why| Problem::wrong(END, why)));
        if !problems.is_empty() {
            return Err(problems);
        }
        let effect = access.effect.fill(&labels(integration, access, &settled.args, lookup));
        let access = Access { integration: integration.name.clone(), access_type: access.name.clone(), args: settled.args };
        let usual = |window: Window| Window { length: window.length.or(Some(Window::USUAL)), ..window };
        let window = window.map(|window| if window.end.is_some() { window } else { usual(window) });
        let Draft { purpose, break_glass, only_at_once, .. } = *self;
        let duration_said = self.duration.is_some();
        Ok(Complete { purpose, to, access, effect, reason, duration, duration_said, break_glass, only_at_once, window })
    }

    /// Which access type of which integration is meant.
    fn what<'c>(&self, catalog: &'c Catalog) -> Result<(&'c Integration, &'c AccessType), Problem> {
        let Some(name) = &self.integration else {
            return Err(Problem::missing(INTEGRATION, "Choose what access is needed to."));
        };
        let Some(integration) = catalog.get(name) else {
            let near = nearest(name, catalog.integrations().map(|it| it.name.as_str())).map(str::to_owned);
            let told = format!("There is no integration \"{name}\"{}", meant(near.as_deref()));
            return Err(Problem { instead: near, ..Problem::wrong(INTEGRATION, told) });
        };
        let access = match &self.access_type {
            None => integration
                .only_access_type()
                .ok_or_else(|| Problem::missing(ACCESS_TYPE, format!("Choose a kind of access to {}.", integration.title)))?,
            Some(name) => integration.access_type(name).ok_or_else(|| {
                let near = nearest(name, integration.access.iter().map(|it| it.name.as_str())).map(str::to_owned);
                let told = format!("There is no access type \"{name}\" in {}{}", integration.title, meant(near.as_deref()));
                Problem { instead: near, ..Problem::wrong(ACCESS_TYPE, told) }
            })?,
        };
        Ok((integration, access))
    }

    /// Who is to have it. `None`: whoever asks.
    fn whom(&self) -> Result<Option<String>, Problem> {
        match (self.purpose.for_another(), self.to.as_deref().map(str::trim).filter(|to| !to.is_empty())) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(Problem::wrong(TO, "A request is for oneself; nobody else can be named in it.")),
            (true, None) => Err(Problem::missing(TO, "For whom is still missing.")),
            (true, Some(to)) => args::person(to).map(Some).map_err(|why| Problem::wrong(TO, why)),
        }
    }
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_else(|| ".".to_owned())
}
