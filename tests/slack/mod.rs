//! Stories over the wire: what people type and press in Slack, and what PostgreSQL then says.

mod decisions;
mod requests;
mod trouble;
