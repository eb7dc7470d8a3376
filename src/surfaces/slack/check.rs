//! `p0 doctor` for Slack: the token, its scopes, the clock, the approvals channel, the groups, the way in.

use std::collections::BTreeSet;

use super::client::method::METHODS;
use super::{Finding, NAME, Slack, Way};
use crate::domain::time::Span;

/// From five minutes on, what Slack signs is refused.
const SKEW: Span = Span::seconds(60);

impl Slack {
    pub(super) async fn look(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut say = |about: &str, found: Result<String, String>| findings.push(Finding { about: about.to_owned(), found });
        let told = match self.client.check_token().await {
            Ok(told) => told,
            Err(fault) => {
                say("Slack's bot token", Err(fault.to_string()));
                return findings;
            }
        };
        say("Slack's bot token", Ok(format!("the app {} in {}", told.user, told.team)));
        let needed: BTreeSet<&str> = METHODS.iter().map(|method| method.scope).chain(["commands"]).collect();
        let lacking = |scope: &&str| !scope.is_empty() && !told.scopes.iter().any(|has| has == scope);
        let missing: Vec<&str> = needed.into_iter().filter(lacking).collect();
        let advice = "add them from slack-app-manifest.yaml (OAuth & Permissions) and install the app again";
        say(
            "Slack's scopes",
            match missing.is_empty() {
                true => Ok("all that are needed".to_owned()),
                false => Err(format!("The app lacks {}; {advice}.", missing.join(", "))),
            },
        );
        if let Some(theirs) = told.time {
            let ahead = self.outside.now() - theirs;
            let off = Span(ahead.0.abs() / 1000 * 1000);
            let way = if ahead.0 < 0 { "behind" } else { "ahead of" };
            say(
                "the clock",
                match off <= SKEW {
                    true => Ok("as Slack's".to_owned()),
                    false => Err(format!("This machine's clock is {off} {way} Slack's; let it follow a time server.")),
                },
            );
        }
        say(
            "Slack's approvals channel",
            match self.client.check_channel(&self.approvals).await {
                Ok(()) => Ok(format!("{} can be written to", self.approvals)),
                Err(fault) => Err(format!("{}: {fault}", self.approvals)),
            },
        );
        let team = match self.home().await {
            Ok(home) if home.org_wide => Some(home.team.as_str()),
            Ok(_) | Err(_) => None,
        };
        let rules = self.desk.rules().await;
        let groups = rules.iter().flat_map(|rules| rules.policy.groups()).filter(|group| group.directory == NAME);
        for group in groups {
            say(
                &format!("the Slack group {}", group.id),
                match self.client.group_members(&group.id, team).await {
                    Ok(members) if members.is_empty() => Err("Nobody is in it, so nobody can decide by it.".to_owned()),
                    Ok(members) => Ok(format!("{} in it", people(members.len()))),
                    Err(fault) => Err(fault.to_string()),
                },
            );
        }
        if let Way::Sockets(sockets) = &self.way {
            let opened = self.client.open_socket(sockets.token()).await;
            say("Slack's Socket Mode", opened.map(|_| "connections can be opened".to_owned()).map_err(|fault| fault.to_string()));
        }
        findings
    }
}

fn people(count: usize) -> String {
    if count == 1 { "one person".to_owned() } else { format!("{count} people") }
}
