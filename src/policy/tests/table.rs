//! Every approval type with every option: what comes of it for whom.

use super::{Office, asks};

const TYPES: [(&str, &str); 9] = [
    ("p0", "type: p0"),
    ("group", "type: group, effect: keep, groups: [ { directory: okta, id: 00sre, label: SRE } ]"),
    ("requestor-profile", "type: requestor-profile, directory: okta, profileProperty: manager"),
    ("user", "type: user, uid: mona@acme.example"),
    ("escalation", "type: escalation, integration: pagerduty, services: [ security-escalation ]"),
    ("auto", "type: auto, integration: pagerduty"),
    ("persistent", "type: persistent"),
    ("break-glass", "type: break-glass"),
    ("deny", "type: deny"),
];

const OPTIONS: [&str; 6] = ["", "allowOneParty", "requireReason", "requireDuration", "requirePreapproval", "breakGlassApprover"];

/// In a letter: what it comes to, and who of all could say yes to it.
fn cell(office: &Office, ask: &super::Ask) -> String {
    let analysis = ask.analysis(office);
    match (&analysis.refused, &analysis.at_once) {
        (Some(_), _) => "-".to_owned(),
        (None, Some(at_once)) => format!("at once {}", crate::policy::tests::hours(at_once.longest)),
        (None, None) => ask.approvers(office).join("+"),
    }
}

#[test]
fn each_type_with_each_option() {
    let mut table = format!("{:<18}{:<20}", "type", "option");
    let columns = ["alice", "silent", "in a hurry", "on call", "an approver", "allowed ahead", "glass", "denied too"];
    columns.iter().for_each(|column| table += &format!("{column:<15}"));
    for (name, written) in TYPES {
        for option in OPTIONS {
            let options = if option.is_empty() { String::new() } else { format!(", options: {{ {option}: true }}") };
            let rule = format!(
                "- {{ name: it, requestor: {{ type: any }}, resource: {{ type: any }}, approval: [ {{ {written}{options} }} ] }}\n"
            );
            let nobody_decides = ["auto", "persistent", "break-glass", "deny"].contains(&name);
            if nobody_decides && ["allowOneParty", "breakGlassApprover"].contains(&option) {
                continue; // refused when it is read
            }
            let office = Office::with(&rule);
            let denied = Office::with(
                &(rule + "- { name: no, requestor: { type: any }, resource: { type: any }, approval: [ { type: deny } ] }\n"),
            );
            let alice = asks("alice", "aws policy", &[]);
            let hurry = super::Ask { length: None, ..alice.clone() };
            let own = match name {
                "p0" => "rita",
                "group" => "sam",
                "requestor-profile" | "user" => "mona",
                _ => "olga",
            };
            let glass = super::Ask { break_glass: true, ..alice.clone() };
            let cells = [
                cell(&office, &alice),
                cell(&office, &alice.clone().without_reason()),
                cell(&office, &hurry),
                cell(&office, &asks("olga", "aws policy", &[])),
                cell(&office, &asks(own, "aws policy", &[])),
                cell(&office.clone().allowed_ahead(own, crate::domain::time::Span::hours(2)), &alice),
                cell(&office, &glass),
                cell(&denied, &alice),
            ];
            table += &format!("\n{name:<18}{option:<20}");
            cells.iter().for_each(|cell| table += &format!("{cell:<15}"));
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    insta::assert_snapshot!(table, @r"
    type              option              alice          silent         in a hurry     on call        an approver    allowed ahead  glass          denied too
    p0                                    rita           rita           rita           rita                          at once 2h     -              -
    p0                allowOneParty       rita           rita           rita           rita           rita           at once 2h     -              -
    p0                requireReason       rita           -              rita           rita                          at once 2h     -              -
    p0                requireDuration     rita           rita           -              rita                          at once 2h     -              -
    p0                requirePreapproval  -              -              -              -              -              at once 2h     -              -
    p0                breakGlassApprover  rita           rita           rita           rita                          at once 2h     -              -
    group                                 sam+sue        sam+sue        sam+sue        sam+sue        sue            at once 2h     -              -
    group             allowOneParty       sam+sue        sam+sue        sam+sue        sam+sue        sam+sue        at once 2h     -              -
    group             requireReason       sam+sue        -              sam+sue        sam+sue        sue            at once 2h     -              -
    group             requireDuration     sam+sue        sam+sue        -              sam+sue        sue            at once 2h     -              -
    group             requirePreapproval  -              -              -              -              -              at once 2h     -              -
    group             breakGlassApprover  sam+sue        sam+sue        sam+sue        sam+sue        sue            at once 2h     -              -
    requestor-profile                     mona           mona           mona           mona                          at once 2h     -              -
    requestor-profile allowOneParty       mona           mona           mona           mona           mona           at once 2h     -              -
    requestor-profile requireReason       mona           -              mona           mona                          at once 2h     -              -
    requestor-profile requireDuration     mona           mona           -              mona                          at once 2h     -              -
    requestor-profile requirePreapproval  -              -              -              -              -              at once 2h     -              -
    requestor-profile breakGlassApprover  mona           mona           mona           mona                          at once 2h     -              -
    user                                  mona           mona           mona           mona                          at once 2h     -              -
    user              allowOneParty       mona           mona           mona           mona           mona           at once 2h     -              -
    user              requireReason       mona           -              mona           mona                          at once 2h     -              -
    user              requireDuration     mona           mona           -              mona                          at once 2h     -              -
    user              requirePreapproval  -              -              -              -              -              at once 2h     -              -
    user              breakGlassApprover  mona           mona           mona           mona                          at once 2h     -              -
    escalation                            olga           olga           olga                                         at once 2h     -              -
    escalation        allowOneParty       olga           olga           olga           olga           olga           at once 2h     -              -
    escalation        requireReason       olga           -              olga                                         at once 2h     -              -
    escalation        requireDuration     olga           olga           -                                            at once 2h     -              -
    escalation        requirePreapproval  -              -              -              -              -              at once 2h     -              -
    escalation        breakGlassApprover  olga           olga           olga                                         at once 2h     -              -
    auto                                  -              -              -              at once 1h     at once 1h     -              -              -
    auto              requireReason       -              -              -              at once 1h     at once 1h     -              -              -
    auto              requireDuration     -              -              -              at once 1h     at once 1h     -              -              -
    auto              requirePreapproval  -              -              -              -              -              -              -              -
    persistent                            at once 24h    at once 24h    at once 24h    at once 24h    at once 24h    at once 24h    at once 24h    -
    persistent        requireReason       at once 24h    -              at once 24h    at once 24h    at once 24h    at once 24h    at once 24h    -
    persistent        requireDuration     at once 24h    at once 24h    -              at once 24h    at once 24h    at once 24h    at once 24h    -
    persistent        requirePreapproval  -              -              -              -              -              -              -              -
    break-glass                           -              -              -              -              -              -              at once 1h     -
    break-glass       requireReason       -              -              -              -              -              -              at once 1h     -
    break-glass       requireDuration     -              -              -              -              -              -              at once 1h     -
    break-glass       requirePreapproval  -              -              -              -              -              -              -              -
    deny                                  -              -              -              -              -              -              -              -
    deny              requireReason       -              -              -              -              -              -              -              -
    deny              requireDuration     -              -              -              -              -              -              -              -
    deny              requirePreapproval  -              -              -              -              -              -              -              -
    ");
}
