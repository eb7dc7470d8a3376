//! `p0 doctor`, as an operator runs it beside the running service: every line is true, and nobody sees anything.

use std::process::Stdio;

use p0::playground::Channel;

use crate::harness::office::{self, APPROVALS, Office, stories};

/// What it prints, and whether all is well.
async fn doctor(office: &Office) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_p0"));
    command.arg("doctor").env_clear().envs(office::settings(office.setting, &office.folder, &office.database_url, &office.sim));
    let done = command.stdin(Stdio::null()).output().await.expect("p0 runs");
    let told = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(!told.contains("xoxb-a-token-for-tests"), "{told}");
    (done.status.success(), told)
}

fn channel_is_archived(office: &Office, is_archived: bool) {
    let members = ["U0BOB", "U0CAROL", "U0P0BOT"].map(str::to_owned).to_vec();
    let name = "access-requests".into();
    office.sim.add_channel(Channel { id: APPROVALS.into(), name, is_private: false, is_archived, members, dm: None });
}

stories! {
    async fn what_is_well_is_said_and_what_is_not_says_what_to_do(office: Office) {
        let before = office.sim.emitted().len();
        let (well, told) = doctor(&office).await;
        assert!(well, "{told}");
        for line in ["ok     the record: there", "ok     the key", "ok     the configuration", "ok     Slack's bot token: the app",
            "ok     Slack's scopes: all that are needed", "ok     the clock: as Slack's", "ok     Slack's approvals channel",
            "ok     the integration postgres: can do its work"] {
            assert!(told.contains(line), "{line}: {told}");
        }
        assert_eq!(office.sim.emitted().len(), before, "nobody saw anything");
        assert!(office.sim.messages(APPROVALS).expect("a channel").is_empty());

        channel_is_archived(&office, true);
        office.sim.configure(|settings| settings.scopes.retain(|scope| scope != "usergroups:read"));
        office.say(&format!("revoke {} from {}", office.role, office.login("p0"))).await;
        let (well, told) = doctor(&office).await;
        assert!(!well, "{told}");
        for line in ["The app lacks usergroups:read; add them from slack-app-manifest.yaml", "The Slack channel is archived.",
            "WRONG  the integration postgres", "p0: 3 things are not as they should be"] {
            assert!(told.contains(line), "{line}: {told}");
        }

        channel_is_archived(&office, false);
        office.sim.configure(|settings| settings.bot_token = "xoxb-another".into());
        let (well, told) = doctor(&office).await;
        assert!(!well && told.contains("WRONG  Slack's bot token: Slack does not take the bot token (invalid_auth)."), "{told}");
        office.close().await;
    }

    /// Each run says what is done, and the one thing that is to be done next.
    async fn the_installation_is_walked_through(office: Office) {
        let all = office::settings(office.setting, &office.folder, &office.database_url, &office.sim);
        let setup = async |without: &[&str], flags: &[&str]| {
            let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_p0"));
            let given = all.iter().filter(|(name, _)| !without.contains(name)).cloned();
            let done = command.args(["slack", "setup"]).args(flags).env_clear().envs(given).output().await.expect("p0 runs");
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
        };
        let url = ["--url", "https://p0.acme.example"];
        let told = setup(&["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"], &url).await;
        assert!(told.contains("1. the Slack app: to do") && told.contains("p0 slack manifest --url https://p0.acme.example"), "{told}");
        assert!(!told.contains("2. "), "one thing at a time: {told}");
        let told = setup(&["SLACK_SIGNING_SECRET"], &url).await;
        assert!(told.contains("1. the Slack app: done\n2. the way in: to do") && told.contains("SLACK_SIGNING_SECRET_FILE"), "{told}");
        let told = setup(&[], &["--socket"]).await;
        assert!(told.contains("2. the way in: to do") && told.contains("connections:write"), "{told}");
        let told = setup(&["P0_CONFIG"], &url).await;
        assert!(told.contains("3. the approvals channel: to do") && told.contains("p0.yaml cannot be read"), "{told}");
        let told = setup(&[], &url).await;
        assert!(told.contains("ok     Slack's approvals channel") && told.contains("All is well."), "{told}");
        office.close().await;
    }

    async fn before_the_first_start_it_makes_nothing(office: Office) {
        let folder = office.folder.join("new");
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut settings = office::settings(office.setting, &office.folder, &office.database_url, &office.sim);
        for (name, value) in &mut settings {
            match *name {
                "P0_DATABASE_URL" => *value = format!("sqlite:{}", folder.join("p0.db").display()),
                "P0_KEY_FILE" => *value = folder.join("p0.key").display().to_string(),
                _ => {}
            }
        }
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_p0"));
        let done = command.arg("doctor").env_clear().envs(settings).output().await.expect("p0 runs");
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success() && told.contains("the record: none yet") && told.contains("the key: none yet"), "{told}");
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0, "nothing was made");
        office.close().await;
    }
}
