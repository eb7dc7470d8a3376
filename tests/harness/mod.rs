//! What the stories are told with: a world with a clock that is moved by hand, a target that can be
//! told to fail and lie, real servers.

pub mod board;
pub mod office;
pub mod outside;
pub mod process;
pub mod rules;
pub mod servers;
pub mod storm;
pub mod target;
pub mod wire;
pub mod world;
