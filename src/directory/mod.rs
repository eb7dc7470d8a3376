//! Who people are and which groups they are in: one trait, asked at the moment of a decision.

pub mod file;

use std::sync::Arc;

use async_trait::async_trait;

use crate::domain::directory::{Group, Members, Profile};
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::person::{Email, Handle};
use crate::yaml::{BadYaml, Section};

/// A place that knows people and groups. Whoever implements it may keep an answer for at most 60 seconds.
///
/// A directory that does not answer is a fault, never an empty answer: nobody is let in then.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Everybody in a group, members of groups in it included. A group that is unknown is a fault.
    async fn members(&self, group: &str) -> Result<Arc<Members>, Fault>;

    /// What it says of a person. `None`: it does not know them.
    async fn profile(&self, _email: &Email) -> Result<Option<Profile>, Fault> {
        Ok(None)
    }

    /// Whose name on a surface this is, for those whose address there is another. `None`: it does not say.
    async fn owner(&self, _handle: &Handle) -> Result<Option<Email>, Fault> {
        Ok(None)
    }

    /// Every group, with what people call it. `None`: it cannot list them.
    async fn groups(&self) -> Result<Option<Vec<(Group, String)>>, Fault> {
        Ok(None)
    }
}

/// Makes a directory from its name and its section of the configuration.
pub type Build = fn(&str, &Section, Arc<dyn Outside>) -> Result<Arc<dyn Directory>, BadYaml>;

/// Every kind of directory there is, by the key of its section. A new one is a file or folder and a line here.
pub const ALL: &[(&str, Build)] = &[("file", file::build)];
