//! Who is on call out of one YAML file, by service: written by people, or by a job from whatever else knows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use super::OnCall;
use crate::domain::directory::Members;
use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::person::Email;
use crate::fresh::Fresh;
use crate::yaml::{BadYaml, Section};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    services: BTreeMap<String, Vec<Email>>,
}

/// What the file says.
struct Services {
    of: BTreeMap<String, Arc<Members>>,
    any: Arc<Members>,
}

pub fn build(_name: &str, section: &Section, outside: Arc<dyn Outside>) -> Result<Arc<dyn OnCall>, BadYaml> {
    Ok(Arc::new(FileOnCall { file: Fresh::open(section, read, outside)? }))
}

struct FileOnCall {
    file: Fresh<Services>,
}

#[async_trait]
impl OnCall for FileOnCall {
    async fn on_call(&self, services: &[String]) -> Result<Arc<Members>, Fault> {
        let known = self.file.now().await?;
        if services.is_empty() {
            return Ok(known.any.clone());
        }
        let of = |service: &String| {
            let unknown = || Fault::never(format!("There is no service \"{service}\" in the file {}.", self.file.name()));
            known.of.get(service).cloned().ok_or_else(unknown)
        };
        let named = services.iter().map(of).collect::<Result<Vec<_>, _>>()?;
        match named.as_slice() {
            [one] => Ok(one.clone()),
            several => Ok(together(several)),
        }
    }
}

fn together<'a>(all: impl IntoIterator<Item = &'a Arc<Members>>) -> Arc<Members> {
    let emails = all.into_iter().flat_map(|members| members.emails.iter().cloned()).collect();
    Arc::new(Members { emails, ..Members::default() })
}

fn read(file: &Section) -> Result<Services, BadYaml> {
    let Some(written) = file.read::<Written>()? else {
        return Err(file.problem("nothing stands in it; write `services: { checkout: [bob@your.example] }`"));
    };
    let members = |emails: Vec<Email>| Arc::new(Members { emails: emails.into_iter().collect(), ..Members::default() });
    let of: BTreeMap<_, _> = written.services.into_iter().map(|(service, emails)| (service, members(emails))).collect();
    Ok(Services { any: together(of.values()), of })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::outside::tests::Still;
    use crate::domain::time::Time;

    async fn on_call(services: &[&str]) -> Result<Vec<String>, Fault> {
        let folder = std::env::temp_dir().join(format!("p0-oncall-{}-{}", std::process::id(), services.join("-")));
        std::fs::create_dir_all(&folder).expect("a folder");
        let text =
            "services:\n  PSERVICE1: [alice@acme.example]\n  checkout: [Bob@acme.example, carol@acme.example]\n  idle: []\n";
        std::fs::write(folder.join("oncall.yaml"), text).expect("written");
        let config = Section::whole(folder.join("p0.yaml").display().to_string(), "file: oncall.yaml\n");
        let known = build("pagerduty", &config.child("file"), Arc::new(Still(Time(0)))).expect("valid");
        let services: Vec<String> = services.iter().map(|service| (*service).to_owned()).collect();
        let found = known.on_call(&services).await;
        std::fs::remove_dir_all(&folder).expect("removed");
        found.map(|members| members.emails.iter().map(ToString::to_string).collect())
    }

    #[tokio::test]
    async fn whoever_is_on_call_for_a_service_that_is_named_or_for_any() {
        let everybody = ["alice@acme.example", "bob@acme.example", "carol@acme.example"].map(str::to_owned).to_vec();
        assert_eq!(on_call(&["checkout"]).await, Ok(everybody[1..].to_vec()));
        assert_eq!(on_call(&["checkout", "PSERVICE1"]).await, Ok(everybody.clone()));
        assert_eq!(on_call(&[]).await, Ok(everybody));
        assert_eq!(on_call(&["idle"]).await, Ok(Vec::new()), "it says that nobody is");
        let unknown = on_call(&["checkout", "search"]).await.expect_err("there is none").to_string();
        assert_eq!(unknown, "There is no service \"search\" in the file oncall.yaml.");
    }

    #[test]
    fn mistakes_are_told_where_they_stand() {
        for (wrong, part) in [
            ("# later\n", "nothing stands in it"),
            ("service: {}\n", "line 1"),
            ("services:\n  checkout: [bob]\n", "line 2 column 14: \"bob\" is not an e-mail address"),
            ("services:\n  checkout: []\n  checkout: []\n", "line 3"),
            ("services: [a@b.c]\n", "line 1"),
        ] {
            let told = read(&Section::whole("oncall.yaml", wrong)).err().map_or_else(|| panic!("{wrong}"), |bad| bad.to_string());
            assert!(told.contains("oncall.yaml: ") && told.contains(part), "{part} is missing in: {told}");
        }
    }
}
