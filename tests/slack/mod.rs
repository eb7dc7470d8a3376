//! Stories over the wire: what people type and press in Slack, and what PostgreSQL then says.

mod decisions;
mod directories;
mod doctor;
mod doors;
mod extensions;
mod failures;
mod faults;
mod given;
mod home;
mod killed;
mod mended;
mod named;
mod outages;
mod policies;
mod replicas;
mod requests;
mod samples;
mod shown;
mod sockets;
mod storm;
mod trouble;
