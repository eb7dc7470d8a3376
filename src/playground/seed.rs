//! The workspace everything starts with: Acme, where alice asks and bob and carol approve.
//!
//! The ids are fixed, so that a demo's configuration can name them.

use super::world::{Channel, Group, User, World};

pub(super) fn plant(world: &mut World) {
    world.team_id = "T0P0DEMO".into();
    world.team_name = "Acme".into();
    world.team_domain = "acme".into();
    world.enterprise_id = "E0P0DEMO".into();
    world.app_id = "A0P0DEMO".into();
    world.bot_id = "B0P0DEMO".into();
    world.bot_user = "U0P0BOT".into();
    let team = world.team_id.clone();
    let person = |id: &str, name: &str, real_name: &str, tz: &str, tz_offset: i64| User {
        id: id.into(),
        name: name.into(),
        real_name: real_name.into(),
        email: Some(format!("{name}@acme.example")),
        tz: tz.into(),
        tz_offset,
        team_id: team.clone(),
        deleted: false,
        is_bot: false,
    };
    world.users = vec![
        person("U0ALICE", "alice", "Alice Ahn", "Europe/Berlin", 3600),
        person("U0BOB", "bob", "Bob Baker", "America/New_York", -18_000),
        person("U0CAROL", "carol", "Carol Cruz", "Asia/Kolkata", 19_800),
        person("U0DAVE", "dave", "Dave Diaz", "Etc/UTC", 0),
        User { email: None, is_bot: true, ..person("U0P0BOT", "p0", "P0", "Etc/UTC", 0) },
    ];
    let ids = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let channel = |id: &str, name: &str, members: &[&str]| Channel {
        id: id.into(),
        name: name.into(),
        is_private: false,
        is_archived: false,
        members: ids(members),
        dm: None,
    };
    let all = ["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"];
    world.channels = vec![
        channel("C0GENERAL", "general", &all),
        channel("C0REQUESTS", "access-requests", &["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0P0BOT"]),
        Channel { is_archived: true, ..channel("C0OLD", "old-requests", &["U0ALICE", "U0P0BOT"]) },
    ];
    world.groups = vec![Group {
        id: "S0APPROVERS".into(),
        handle: "p0approvers".into(),
        name: "P0 approvers".into(),
        users: ids(&["U0BOB", "U0CAROL"]),
        disabled: false,
    }];
}
