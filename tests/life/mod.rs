//! The life of an access, told at the desk with a target in memory: exact times, every crash point.

mod crash;
mod directories;
mod ends;
mod exact;
mod extensions;
mod limits;
mod made_up;
mod messages;
mod narrow;
mod peers;
mod receipts;
mod reminders;
mod replicas;
mod running;
mod sweep;
mod two_parts;
mod two_sources;
