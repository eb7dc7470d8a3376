//! Slack: what comes in, what goes out, and what it looks like.
//!
//! The only folder that knows slack-morphism, and it uses that for outgoing calls only.

pub mod inbound;
pub mod signature;
