//! A rule written back, in the form in which it is read.

use super::{
    Written, WrittenApproval, WrittenFilter, WrittenGroup, WrittenLadder, WrittenOptions, WrittenRequestor, WrittenResource,
    WrittenStep, WrittenWindow,
};
use crate::domain::time::Span;
use crate::policy::rule::{Approval, Approver, Filter, How, Named, Options, Requestor, Resource, Rule, Step, Test, Window};

impl From<Rule> for Written {
    fn from(rule: Rule) -> Written {
        Written {
            name: rule.name,
            disabled: rule.disabled.then_some(true),
            requestor: match rule.requestor {
                Requestor::Any => WrittenRequestor { kind: "any".to_owned(), ..WrittenRequestor::default() },
                Requestor::User(email) => {
                    WrittenRequestor { kind: "user".to_owned(), uid: Some(email.to_string()), ..WrittenRequestor::default() }
                }
                Requestor::Groups(groups) => WrittenRequestor {
                    kind: "group".to_owned(),
                    effect: Some(groups.effect.as_str().to_owned()),
                    groups: Some(groups.groups.into_iter().map(named).collect()),
                    ..WrittenRequestor::default()
                },
                Requestor::Agent(written) => *written,
            },
            resource: write_resource(rule.resource),
            approval: rule.approval.into_iter().map(write_approval).collect(),
            max_duration: rule.longest.map(write_span),
            when: rule.when.map(write_window),
        }
    }
}

fn named(named: Named) -> WrittenGroup {
    WrittenGroup { directory: named.group.directory, id: named.group.id, label: Some(named.label) }
}

/// In the largest unit it is a whole number of; every span that was read is one of minutes.
pub(in crate::policy) fn write_span(span: Span) -> String {
    let units = [(Span::days(7), "w"), (Span::days(1), "d"), (Span::hours(1), "h")];
    let whole = units.into_iter().find(|(unit, _)| span.0 % unit.0 == 0);
    let (unit, letter) = whole.unwrap_or((Span::minutes(1), "m"));
    format!("{}{letter}", span.0 / unit.0)
}

fn write_resource(resource: Resource) -> WrittenResource {
    let risk = resource.risk.map(|risk| risk.as_str().to_owned());
    match resource.service {
        None => WrittenResource { r#type: Some("any".to_owned()), risk, ..WrittenResource::default() },
        Some(service) => WrittenResource {
            r#type: Some("integration".to_owned()),
            service: Some(service.name),
            access_type: service.access_type,
            filters: (!service.filters.is_empty())
                .then(|| service.filters.into_iter().map(|(name, filter)| (name, write_filter(filter))).collect()),
            risk,
        },
    }
}

fn write_filter(filter: Filter) -> WrittenFilter {
    match filter {
        Filter::RemoveAll => WrittenFilter { effect: Some("removeAll".to_owned()), ..WrittenFilter::default() },
        Filter::Match { effect, key, test } => {
            let effect = Some(effect.as_str().to_owned());
            match test {
                Test::Pattern(regex) => WrittenFilter { effect, key, pattern: Some(regex.as_str().to_owned()), value: None },
                Test::Is(value) => WrittenFilter { effect, key, pattern: None, value: Some(value) },
            }
        }
    }
}

fn write_window(window: Window) -> WrittenWindow {
    let clock = |minute: u16| Some(format!("{:02}:{:02}", minute / 60, minute % 60));
    WrittenWindow {
        days: (!window.days.is_empty()).then(|| window.days.iter().map(|day| day.as_str().to_owned()).collect()),
        from: clock(window.from),
        until: clock(window.until),
        zone: window.zone.map(|zone| zone.name().to_owned()),
    }
}

fn write_approval(approval: Approval) -> WrittenApproval {
    let kind = |kind: &str| WrittenApproval { r#type: Some(kind.to_owned()), ..WrittenApproval::default() };
    let written = match approval.how {
        How::People(approver) => write_approver(approver),
        How::Steps(steps) => WrittenApproval { steps: Some(steps.into_iter().map(write_step).collect()), ..kind("steps") },
        How::OnCall { integration } => WrittenApproval { integration: Some(integration), ..kind("auto") },
        How::Persistent => kind("persistent"),
        How::BreakGlass => kind("break-glass"),
        How::Deny => kind("deny"),
    };
    let Options { one_party, reason, duration, preapproval, break_glass } = approval.options;
    let set = |value: bool| value.then_some(true);
    let options = WrittenOptions {
        allow_one_party: set(one_party),
        require_reason: set(reason),
        require_duration: set(duration),
        require_preapproval: set(preapproval),
        break_glass_approver: set(break_glass),
    };
    let ask = approval.ladder.map(|ladder| WrittenLadder { people: Some(ladder.people), every: Some(write_span(ladder.every)) });
    WrittenApproval { ask, options: (options != WrittenOptions::default()).then_some(options), ..written }
}

fn write_step(step: Step) -> WrittenStep {
    WrittenStep { count: Some(step.count), approvers: Some(step.approvers.into_iter().map(write_approver).collect()) }
}

fn write_approver(approver: Approver) -> WrittenApproval {
    let kind = |kind: &str| WrittenApproval { r#type: Some(kind.to_owned()), ..WrittenApproval::default() };
    match approver {
        Approver::Reviewers => kind("p0"),
        Approver::Groups(groups) => WrittenApproval {
            effect: Some(groups.effect.as_str().to_owned()),
            groups: Some(groups.groups.into_iter().map(named).collect()),
            ..kind("group")
        },
        Approver::Profile { directory, property } => {
            WrittenApproval { directory: Some(directory), profile_property: Some(property), ..kind("requestor-profile") }
        }
        Approver::OnCall { integration, services } => {
            WrittenApproval { integration: Some(integration), services: Some(services), ..kind("escalation") }
        }
        Approver::User(email) => WrittenApproval { uid: Some(email.to_string()), ..kind("user") },
    }
}
