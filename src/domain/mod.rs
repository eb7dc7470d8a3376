//! What the words mean. Pure: no IO, no async, no clock, no SQL; nothing here knows a vendor.
//!
//! The words are those of ARCHITECTURE.md and no others. Start with [`request`] (what a person
//! asks for) and [`assignment`] (the one effect in a target, and what is due for it).

pub mod access;
pub mod alert;
pub mod assignment;
pub mod directory;
pub mod event;
pub mod fault;
pub mod grant;
pub mod id;
pub mod notice;
pub mod outside;
pub mod person;
pub mod planted;
pub mod request;
pub mod time;
pub mod zone;

/// An enum that is stored and shown as one word, with every value listed once.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use words;
