//! Identifiers: a prefix that says what is named, then 26 lower-case characters that sort by the
//! time of making. They are made here, never by a database, so that a row can be written before
//! anything outside has been asked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::outside::Outside;

/// Crockford's base 32, lower case: no `i`, `l`, `o` or `u` to be misread.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 48 bits of milliseconds and 80 bits of chance, as 26 characters (the layout of a ULID).
fn stamp(outside: &dyn Outside) -> String {
    let millis = u128::try_from(outside.now().0).unwrap_or(0) & 0xffff_ffff_ffff;
    let value = (millis << 80) | (outside.random() & ((1 << 80) - 1));
    (0..26).rev().map(|digit| char::from(DIGITS[((value >> (digit * 5)) & 31) as usize])).collect()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn new(outside: &dyn Outside) -> Self {
                Self(format!("{}{}", $prefix, stamp(outside)))
            }

            /// Takes an id back from a row, a button or a person. `None` when it has not the form.
            pub fn parse(text: &str) -> Option<Self> {
                let stamp = text.strip_prefix($prefix)?;
                let good = stamp.len() == 26 && stamp.bytes().all(|byte| DIGITS.contains(&byte));
                good.then(|| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The id without its prefix: only `[0-9a-z]`, for names in targets.
            pub fn bare(&self) -> &str {
                &self.0[$prefix.len()..]
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// One ask, with its whole life.
    RequestId = "req_";
    /// One effect in one target.
    AssignmentId = "asg_";
    /// What one request holds on one assignment.
    GrantId = "gra_";
    PersonId = "per_";
    /// A message that mirrors the record.
    NoticeId = "not_";
    /// Something that reviewers have to know.
    AlertId = "alr_";
    /// Something that was allowed ahead of time.
    PreapprovalId = "pre_";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    #[test]
    fn ids_sort_by_time_and_read_back() {
        let early = RequestId::new(&Still(Time(1_000)));
        let late = RequestId::new(&Still(Time(2_000)));
        assert!(early < late);
        assert_eq!(RequestId::parse(early.as_str()), Some(early.clone()));
        assert_eq!(AssignmentId::parse(early.as_str()), None);
        assert_eq!(early.bare().len(), 26);
        assert_eq!(RequestId::parse("req_<script>"), None);
    }
}
