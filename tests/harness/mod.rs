//! What the stories are told with: real servers, a clock, chance.

pub mod outside;
pub mod servers;
