//! How a call to something outside can fail, and what to do then.

use super::time::Span;

/// Why a target, a directory or a surface did not do what was asked. Every text is one sentence
/// that a person can act on and holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It may work later: try again, not before `after` where the other side said so.
    #[error("{why}")]
    Later { why: String, after: Option<Span> },
    /// The call was sent and its answer was lost: look before anything else. The common case.
    #[error("{why}")]
    Maybe { why: String },
    /// It will never work as asked: the principal is gone, the role is gone, the value is wrong.
    /// A grant ends as failed; a revocation is tried again all the same.
    #[error("{why}")]
    Never { why: String },
    /// Our own credential lacks something: an operator has to act, then it will work.
    #[error("{why}")]
    Denied { why: String },
}

impl Fault {
    pub fn later(why: impl Into<String>) -> Fault {
        Fault::Later { why: why.into(), after: None }
    }
    pub fn never(why: impl Into<String>) -> Fault {
        Fault::Never { why: why.into() }
    }
}
