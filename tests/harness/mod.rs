//! A world to tell stories in: the real app on a real store, a clock that is moved by hand, a target
//! that can be told to fail and lie, and verbs.

pub mod target;
pub mod world;
