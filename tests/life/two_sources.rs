//! A policy comes out of the configuration and out of what operators apply: neither undoes the other unasked.

use std::sync::Arc;

use p0::app::{App, Real};
use p0::config::Settings;
use p0::domain::person::Actor;
use p0::policy::{Policy, fingerprint};
use p0::secret::Env;

use crate::harness::world::{Database, World};

#[tokio::test]
async fn what_was_applied_stays_until_the_configuration_says_something_new() {
    let world = World::new(Database::Sqlite).await;
    let first = std::fs::read_to_string(world.path("p0.yaml")).expect("read");
    let says = async |text: &str| {
        std::fs::write(world.path("p0.yaml"), text).expect("written");
        world.app.reload().await.map_err(|error| error.to_string())
    };
    let in_force = async || world.app.desk.rules().await.expect("a policy");
    let begun = in_force().await;

    let applied = Policy { open_requests: 7, ..begun.policy.clone() };
    let text = serde_json::to_string(&applied).expect("written");
    let by = Actor::Operator("ann".to_owned()).to_string();
    let mut tx = world.app.store.begin().await.expect("begun");
    tx.put_policy(&text, &fingerprint(&text), &by, world.app.desk.now()).await.expect("stored");
    tx.commit().await.expect("committed");
    for _ in 0..2 {
        assert_eq!(says(&first).await, Ok(()));
        assert_eq!((in_force().await.version, in_force().await.policy.open_requests), (begun.version + 1, 7));
    }

    let second = format!("{first}  openRequests: 7\n");
    assert_eq!(says(&second).await, Ok(()));
    assert_eq!(in_force().await.version, begun.version + 2, "written, though it reads the same as what was applied");
    assert_eq!(says(&first).await, Ok(()));
    assert_eq!((in_force().await.version, in_force().await.policy == begun.policy), (begun.version + 3, true), "and back");

    let (silent, _) = first.split_once("policy:").expect("a policy");
    let version = in_force().await.version;
    assert_eq!(says(silent).await, Ok(()), "a configuration without a policy goes on with the record's");
    assert_eq!(in_force().await.version, version);
}

#[tokio::test]
async fn a_configuration_without_a_policy_needs_a_record_with_one() {
    let folder = std::env::temp_dir().join(format!("p0-no-policy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("p0.yaml"), "organisation: { slug: acme, title: Acme }\n").expect("written");
    let path = |name: &str| folder.join(name).display().to_string();
    let (config, key, url) = (path("p0.yaml"), path("p0.key"), format!("sqlite:{}", path("p0.db")));
    let start = async || {
        let known = [("P0_CONFIG", config.clone()), ("P0_KEY_FILE", key.clone()), ("P0_DATABASE_URL", url.clone())];
        let env = Env::new(move |name| known.iter().find(|(it, _)| *it == name).map(|(_, value)| value.clone()));
        let app = App::build(Settings::read(env), Arc::new(Real::new(None)), Vec::new()).await;
        match app {
            Ok(app) => {
                app.store.close().await;
                None
            }
            Err(error) => Some(error.to_string()),
        }
    };
    let told = start().await.expect("refused");
    assert!(told.contains("policy: nobody could approve anything; write `policy: {"), "{told}");
    let silent = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, format!("{silent}policy: {{ approvers: {{ people: [ bob@acme.example ] }} }}\n")).expect("written");
    assert_eq!(start().await, None);
    std::fs::write(&config, silent).expect("written");
    assert_eq!(start().await, None, "the record has one now");
    std::fs::remove_dir_all(folder).expect("removed");
}
