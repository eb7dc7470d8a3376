//! `p0 doctor`: can everything do its work? Each thing that was looked at is a line; what is wrong says what to do.
//! It may run beside `p0 serve`, before it and instead of it: it changes nothing and nobody sees anything of it.

use std::sync::Arc;

use super::{Result, record};
use crate::app::App;
use crate::config::Settings;
use crate::domain::outside::Outside;
use crate::secret::{Env, Key};
use crate::surfaces::Finding;

pub async fn run(outside: Arc<dyn Outside>) -> Result<()> {
    let settings = Settings::read(Env::of_process());
    let (mut findings, mut policy) = (Vec::new(), None);
    let mut say = |about: &str, found: std::result::Result<String, String>| {
        findings.push(Finding { about: about.to_owned(), found });
    };
    match record(&outside).await {
        Ok(store) => {
            let stored = store.policy().await.ok().flatten();
            policy = stored.and_then(|(_, text)| serde_json::from_str(&text).ok());
            say("the record", Ok("there, and of this version".to_owned()));
        }
        // Before the first start there is none.
        Err(why) if why.contains("there is no record") => say("the record", Ok(format!("none yet; `p0 serve` makes it ({why})"))),
        Err(why) => say("the record", Err(why)),
    }
    match Key::load(&settings.key_file) {
        Ok(_) => say("the key", Ok(format!("{} can be read", settings.key_file.display()))),
        Err(_) if !settings.key_file.exists() => {
            say("the key", Ok(format!("none yet; `p0 serve` makes {}", settings.key_file.display())));
        }
        Err(why) => say("the key", Err(why.to_string())),
    }
    match App::check_up(&settings, outside, policy).await {
        Ok(more) => findings.extend(more),
        Err(why) => findings.push(Finding { about: "the configuration".to_owned(), found: Err(why.to_string()) }),
    }
    let wrong = findings.iter().filter(|finding| finding.found.is_err()).count();
    for Finding { about, found } in &findings {
        match found {
            Ok(told) => println!("ok     {about}: {told}"),
            Err(why) => println!("WRONG  {about}: {why}"),
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err("one thing is not as it should be".to_owned()),
        more => Err(format!("{more} things are not as they should be")),
    }
}
