//! PostgreSQL's errors as sentences a person can act on.
//!
//! Never repeats the text of an error: it may show the connection URL, a password or names that the
//! reader has no business with. The five-character code is safe to show and enough to look up.

use sqlx::Error;

use crate::domain::fault::Fault;

/// Raised by our own blocks; none of them is a code of PostgreSQL's.
pub const TOO_LATE: &str = "ZP001";
pub const ROLE_GONE: &str = "ZP002";
pub const LOGIN_GONE: &str = "ZP003";
pub const RENAMED: &str = "ZP004";
pub const SUPERUSER: &str = "ZP005";

fn code(error: &Error) -> Option<String> {
    match error {
        Error::Database(told) => told.code().map(|code| code.into_owned()),
        _ => None,
    }
}

/// Is the connection of no more use?
pub fn broken(error: &Error) -> bool {
    match code(error) {
        Some(code) => code.starts_with("57P") || code.starts_with("08"),
        None => true,
    }
}

/// No answer came in time.
pub fn lost(instance: &str, sent: bool) -> Fault {
    if sent {
        Fault::Maybe { why: format!("PostgreSQL instance {instance} did not answer; looking whether it was done") }
    } else {
        Fault::later(format!("PostgreSQL instance {instance} cannot be reached"))
    }
}

/// `sent`: a statement that changes something was on its way. `lacking`: told for want of a privilege.
pub fn of(instance: &str, error: &Error, sent: bool, lacking: &str) -> Fault {
    let Some(code) = code(error) else { return lost(instance, sent) };
    let denied = |why: String| Fault::Denied { why };
    match code.as_str() {
        TOO_LATE => Fault::later(format!(
            "it was too late for this grant when PostgreSQL instance {instance} got to it; nothing was done"
        )),
        ROLE_GONE => Fault::never(format!("the role no longer exists on PostgreSQL instance {instance}; ask for another")),
        LOGIN_GONE => Fault::never(format!(
            "the login no longer exists on PostgreSQL instance {instance}; ask the database's owner to create it"
        )),
        SUPERUSER => Fault::never(format!(
            "the role has come to superuser rights on PostgreSQL instance {instance} since this was asked for, and is not given; ask for a narrower one"
        )),
        RENAMED => Fault::later(format!("a role was renamed on PostgreSQL instance {instance} at the same moment")),
        "42501" => denied(lacking.to_owned()),
        "25006" => denied(format!("PostgreSQL instance {instance} is read-only, as a standby is; let its URL name the primary")),
        "28000" | "28P01" | "3D000" => denied(format!(
            "PostgreSQL instance {instance} refuses our login (error {code}); check user, password and database in its URL"
        )),
        "42704" => Fault::never(format!("the role or the login no longer exists on PostgreSQL instance {instance}; ask anew")),
        "0LP01" => Fault::never(format!(
            "PostgreSQL instance {instance} refuses this membership: the role is itself a member of the login"
        )),
        "53300" => Fault::later(format!("PostgreSQL instance {instance} has too many connections")),
        "57P01" | "57P02" | "57P03" | "08000" | "08003" | "08006" => lost(instance, sent),
        "55P03" | "57014" => {
            Fault::later(format!("PostgreSQL instance {instance} was held up by another change and nothing was done"))
        }
        // Two changes of one role at once: "tuple concurrently updated", a duplicate row, a deadlock.
        "XX000" | "23505" | "40001" | "40P01" | "42710" => {
            Fault::later(format!("PostgreSQL instance {instance} was changing the same role"))
        }
        _ => Fault::later(format!("PostgreSQL instance {instance} answered with error {code}, which its log explains")),
    }
}
