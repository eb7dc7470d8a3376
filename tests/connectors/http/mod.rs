//! The connector that is driven by a manifest, against the members page of the playground over real HTTP.

mod faults;
mod lives;
mod manifests;
mod names;
mod world;
