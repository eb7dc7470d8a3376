//! PostgreSQL role membership.
use std::sync::Arc;

use super::Connector;
use crate::domain::outside::Outside;
use crate::yaml::{BadYaml, Section};

pub fn build(section: &Section, _outside: Arc<dyn Outside>) -> Result<Arc<dyn Connector>, BadYaml> {
    Err(section.problem("not yet"))
}
pub const SOURCES: &[&str] = &["instances", "databases", "roles"];
