//! Stories over the wire: what people type and press in Slack, and what PostgreSQL then says.

mod decisions;
mod directories;
mod doors;
mod extensions;
mod failures;
mod faults;
mod killed;
mod outages;
mod replicas;
mod requests;
mod storm;
mod trouble;
