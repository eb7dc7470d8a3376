//! Slack: what comes in, what goes out, and what it looks like.
//!
//! The only folder that knows slack-morphism, and it uses that for outgoing calls only.

pub mod blocks;
pub mod client;
pub mod inbound;
#[cfg(test)]
mod limits;
pub mod messages;
pub mod modal;
pub mod signature;
