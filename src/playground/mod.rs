//! The Slack stand-in.
