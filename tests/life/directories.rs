//! Directories: how the configuration names them, and what they say at first contact.

use std::sync::Arc;

use async_trait::async_trait;
use p0::desk::{Desk, DeskError};
use p0::directory::Directory;
use p0::domain::directory::Members;
use p0::domain::fault::Fault;
use p0::domain::person::{Email, Handle};

use crate::harness::world::{Database, World};

#[tokio::test]
async fn a_reload_takes_over_directories_all_or_none() {
    let world = World::new(Database::Sqlite).await;
    let before = std::fs::read_to_string(world.path("p0.yaml")).expect("read");
    let says = async |more: &str| {
        std::fs::write(world.path("p0.yaml"), format!("{before}{more}")).expect("written");
        world.app.reload().await.map_err(|error| error.to_string())
    };
    let known = || {
        let sources = world.app.desk.sources();
        (sources.directories.contains_key("okta"), sources.on_call.contains_key("pager"))
    };
    std::fs::write(world.path("people.yaml"), "groups: [{ id: sec }]\n").expect("written");
    std::fs::write(world.path("oncall.yaml"), "services: { shop: [a@b.c, 7] }\n").expect("written");
    let both = "directories:\n  okta: { file: people.yaml }\noncall:\n  pager: { file: oncall.yaml }\n";
    let refused = says(both).await.expect_err("a mistake in the second");
    assert!(refused.contains("oncall.yaml: error: line 1 column 27: \"7\" is not an e-mail address"), "{refused}");
    assert_eq!(known(), (false, false));
    std::fs::write(world.path("oncall.yaml"), "services: { shop: [a@b.c] }\n").expect("written");
    assert_eq!((says(both).await, known()), (Ok(()), (true, true)));

    for (more, part) in [
        ("directories:\n  okta: { flie: people.yaml }\n", "line 8 column 11: there is no kind \"flie\"; there are file"),
        ("directories:\n  okta: {}\n", "line 8 column 3: say of which kind \"okta\" is, and only that; there are file"),
        ("oncall:\n  pager: { file: oncall.yaml, api: x }\n", "line 8 column 3"),
        ("directories:\n  okta: people.yaml\n", "line 8"),
        ("directories:\n  okta: { file: }\n", "line 8 column 15"),
        ("directories:\n  okta: { file: gone.yaml }\n", "line 8 column 17: the file "),
        ("directories:\n  slack: { file: people.yaml }\n", "line 8 column 3: \"slack\" has groups of its own"),
        ("directories:\n  'a b': { file: people.yaml }\n", "line 8 column 3: a name here is made of letters"),
        ("directories:\n  okta: { file: people.yaml }\n  okta: { file: people.yaml }\n", "line 9"),
    ] {
        let told = says(more).await.expect_err(more);
        assert!(told.contains(part), "{part} is missing in: {told}");
        assert_eq!(known(), (true, true), "{more}");
    }
    assert_eq!((says("").await, known()), (Ok(()), (false, false)));
}

/// A directory that answers every question of whose account this is with the same.
struct Says(Result<Option<&'static str>, Fault>);

#[async_trait]
impl Directory for Says {
    async fn members(&self, _group: &str) -> Result<Arc<Members>, Fault> {
        Ok(Arc::default())
    }

    async fn owner(&self, _handle: &Handle) -> Result<Option<Email>, Fault> {
        self.0.clone().map(|said| said.and_then(Email::parse))
    }
}

/// One that does not answer.
struct Silent;

#[async_trait]
impl Directory for Silent {
    async fn members(&self, _group: &str) -> Result<Arc<Members>, Fault> {
        std::future::pending().await
    }

    async fn owner(&self, _handle: &Handle) -> Result<Option<Email>, Fault> {
        std::future::pending().await
    }
}

/// Whom the surface calls `erin@else.example` comes.
async fn erin_comes(desk: &Desk) -> Result<String, String> {
    let handle = Handle { surface: "test".into(), realm: "T1".into(), handle: "U-erin".into() };
    match desk.meet(&handle, &Email::parse("erin@else.example").expect("an address"), "Erin").await {
        Ok(person) => Ok(person.email.expect("an address").to_string()),
        Err(DeskError::Unmet(why)) => Err(why),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn who_comes_first_is_linked_only_when_every_directory_answered() {
    let world = World::new(Database::Sqlite).await;
    let desk = &world.app.desk;
    let says = |said| Arc::new(Says(said)) as Arc<dyn Directory>;
    desk.add_directory("one", says(Ok(None)));
    desk.add_directory("other", says(Err(Fault::later("The other directory is down."))));
    assert_eq!(erin_comes(desk).await, Err("The other directory is down.".to_owned()));
    desk.add_directory("one", says(Ok(Some("erin@acme.example"))));
    assert_eq!(erin_comes(desk).await, Err("The other directory is down.".to_owned()), "it may know better");
    desk.add_directory("other", Arc::new(Silent));
    assert_eq!(erin_comes(desk).await, Err("There was no answer within 1 second.".to_owned()));
    desk.add_directory("other", says(Ok(Some("bob@acme.example"))));
    let told = erin_comes(desk).await.expect_err("which of them?");
    assert_eq!(told, "One directory says it is erin@acme.example's and another says it is bob@acme.example's.");
    desk.add_directory("other", says(Ok(Some("erin@acme.example"))));
    assert_eq!(erin_comes(desk).await, Ok("erin@acme.example".to_owned()));
    desk.add_directory("other", Arc::new(Silent));
    assert_eq!(erin_comes(desk).await, Ok("erin@acme.example".to_owned()), "linked once, for ever");
}
