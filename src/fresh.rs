//! A YAML file that people or programs change while we run. It is read again when it changed; while it has a
//! mistake, what it said before stays in force; while it is gone, nothing is.
//!
//! It reads no clock: how often it looks is counted by the time that is handed in.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::domain::fault::Fault;
use crate::domain::outside::Outside;
use crate::domain::time::{Span, Time};
use crate::yaml::{BadYaml, Section, Spanned};

/// The file is looked at when somebody asks, and not more often than this.
const LOOK_EVERY: Span = Span::seconds(1);

pub struct Fresh<T> {
    file: Arc<File<T>>,
    outside: Arc<dyn Outside>,
    held: Arc<Mutex<Held<T>>>,
}

struct File<T> {
    /// As the configuration writes it; people are told this.
    written: String,
    path: PathBuf,
    read: fn(&Section) -> Result<T, BadYaml>,
}

/// What is known of the file.
struct Held<T> {
    looked: Time,
    seen: Option<Seen>,
    /// What it said last, or why that counts no more.
    said: Result<Arc<T>, String>,
    /// What is wrong with it, as it was logged.
    wrong: Option<String>,
}

/// The version of the file that was read last.
#[derive(Clone, Copy)]
struct Seen {
    version: Version,
    /// A file system's clock is coarse: what is written just after we read may bear the same time. So a
    /// version counts as read when a second look has found the same.
    twice: bool,
}

/// Tells one version of a file from the next.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    /// When its content or its name changed last; unlike the modification time nobody sets it back.
    changed: (i64, i64),
    inode: u64,
    size: u64,
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// Opens the file that a section of the configuration names, relative to the configuration's folder.
    pub fn open(
        section: &Section,
        read: fn(&Section) -> Result<T, BadYaml>,
        outside: Arc<dyn Outside>,
    ) -> Result<Fresh<T>, BadYaml> {
        let Some(written) = section.read::<Spanned<String>>()? else {
            return Err(section.problem("names no file; write `{ file: NAME.yaml }`"));
        };
        let file = File { path: section.beside(&written.value), written: written.value.clone(), read };
        let gone = |error| section.mistake(&written, format!("the file {} cannot be read: {error}", file.path.display()));
        let version = file.version().map_err(gone)?;
        let text = std::fs::read_to_string(&file.path).map_err(gone)?;
        let said = Ok(Arc::new(file.understand(text)?));
        let held = Held { looked: outside.now(), seen: Some(Seen { version, twice: false }), said, wrong: None };
        Ok(Fresh { file: Arc::new(file), outside, held: Arc::new(Mutex::new(held)) })
    }

    /// The file's name as the configuration writes it.
    pub fn name(&self) -> &str {
        &self.file.written
    }

    /// What the file says. A file that is gone is a fault.
    pub async fn now(&self) -> Result<Arc<T>, Fault> {
        let mut held = self.held.clone().lock_owned().await;
        let now = self.outside.now();
        if now < held.looked || held.looked + LOOK_EVERY <= now {
            held.looked = now;
            let file = self.file.clone();
            // Goes on even when whoever asked waits no longer: a long file is read once.
            let looking = tokio::task::spawn_blocking(move || {
                file.look(&mut held);
                held
            });
            held = looking.await.map_err(|_| Fault::later(format!("The file {} could not be read.", self.name())))?;
        }
        held.said.clone().map_err(Fault::later)
    }
}

impl<T> File<T> {
    fn version(&self) -> std::io::Result<Version> {
        let found = std::fs::metadata(&self.path)?;
        Ok(Version { changed: (found.ctime(), found.ctime_nsec()), inode: found.ino(), size: found.size() })
    }

    fn understand(&self, text: String) -> Result<T, BadYaml> {
        (self.read)(&Section::whole(self.path.display().to_string(), text))
    }

    /// Reads the file again unless it is known as it is.
    fn look(&self, held: &mut Held<T>) {
        let version = self.version();
        if let (Ok(version), Some(seen)) = (&version, &held.seen)
            && seen.version == *version
            && seen.twice
        {
            return;
        }
        match version.and_then(|version| Ok((version, std::fs::read_to_string(&self.path)?))) {
            Ok((version, text)) => {
                let twice = held.seen.is_some_and(|seen| seen.version == version);
                held.seen = Some(Seen { version, twice });
                self.take(held, text, !twice);
            }
            Err(error) => {
                held.seen = None;
                held.said = Err(format!("The file {} cannot be read.", self.written));
                if self.is_news(held, error.to_string(), false) {
                    tracing::warn!(file = %self.path.display(), %error, "the file cannot be read; nobody is let in by it");
                }
            }
        }
    }

    fn take(&self, held: &mut Held<T>, text: String, new: bool) {
        match self.understand(text) {
            Ok(said) => {
                held.said = Ok(Arc::new(said));
                held.wrong = None;
                if new {
                    tracing::info!(file = %self.path.display(), "the file changed and is in force");
                }
            }
            Err(bad) => {
                if held.said.is_err() {
                    held.said = Err(format!("The file {} has a mistake.", self.written));
                }
                let before = if held.said.is_ok() { "what it said before stays in force" } else { "nobody is let in by it" };
                if self.is_news(held, bad.to_string(), new) {
                    tracing::warn!(file = %self.path.display(), %bad, before, "the changed file is not valid");
                }
            }
        }
    }

    /// Is this not logged yet?
    fn is_news(&self, held: &mut Held<T>, wrong: String, new: bool) -> bool {
        let known = held.wrong.as_ref() == Some(&wrong);
        held.wrong = Some(wrong);
        new || !known
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::domain::time::Clock;

    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Time {
            Time(self.0.load(Ordering::SeqCst))
        }
    }

    impl Outside for Hand {
        fn random(&self) -> u128 {
            0
        }
    }

    /// A file with one number in it, and the hand that moves the clock.
    struct Desk {
        folder: PathBuf,
        clock: Arc<Hand>,
        file: Fresh<u32>,
    }

    fn number(section: &Section) -> Result<u32, BadYaml> {
        section.read()?.ok_or_else(|| section.problem("has no number"))
    }

    fn open(folder: &std::path::Path, clock: Arc<Hand>) -> Result<Fresh<u32>, BadYaml> {
        let config = Section::whole(folder.join("p0.yaml").display().to_string(), "file: number.yaml\n");
        Fresh::open(&config.child("file"), number, clock)
    }

    impl Desk {
        fn with(name: &str, text: &str) -> Desk {
            let folder = std::env::temp_dir().join(format!("p0-fresh-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder");
            std::fs::write(folder.join("number.yaml"), text).expect("written");
            let clock = Arc::new(Hand(AtomicI64::new(1_000_000)));
            Desk { file: open(&folder, clock.clone()).expect("valid"), folder, clock }
        }

        fn writes(&self, text: &str) {
            std::fs::write(self.folder.join("number.yaml"), text).expect("written");
        }

        async fn after(&self, span: Span) -> Result<u32, String> {
            self.clock.0.fetch_add(span.0, Ordering::SeqCst);
            self.file.now().await.map(|number| *number).map_err(|fault| fault.to_string())
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    const SECOND: Span = Span::seconds(1);

    #[tokio::test]
    async fn a_change_is_seen_a_second_later_even_one_the_file_system_cannot_tell() {
        let desk = Desk::with("change", "1\n");
        desk.writes("2\n"); // as long as before, and in the same tick of the file system's clock
        assert_eq!(desk.after(Span::ZERO).await, Ok(1));
        assert_eq!(desk.after(Span::millis(999)).await, Ok(1), "it is not looked at more often");
        assert_eq!(desk.after(Span::millis(1)).await, Ok(2));
        for number in 3..20 {
            desk.writes(&format!("{number}\n"));
            assert_eq!(desk.after(SECOND).await, Ok(number));
        }
        assert_eq!(desk.after(SECOND).await, Ok(19));
        desk.writes("20\n");
        assert_eq!(desk.after(Span::days(-1)).await, Ok(20), "a clock that was put back holds nothing up");
    }

    #[tokio::test]
    async fn a_mistake_leaves_what_was_and_a_file_that_is_gone_nothing() {
        let desk = Desk::with("mistake", "1\n");
        for wrong in ["one\n", "", "# 2\n", "[1\n", "\u{0}"] {
            desk.writes(wrong);
            assert_eq!(desk.after(SECOND).await, Ok(1), "{wrong:?}");
        }
        std::fs::remove_file(desk.folder.join("number.yaml")).expect("removed");
        assert_eq!(desk.after(SECOND).await, Err("The file number.yaml cannot be read.".to_owned()));
        desk.writes("one\n");
        assert_eq!(desk.after(SECOND).await, Err("The file number.yaml has a mistake.".to_owned()));
        desk.writes("2\n");
        assert_eq!(desk.after(SECOND).await, Ok(2));
    }

    #[tokio::test]
    async fn at_the_start_a_mistake_and_a_missing_file_are_mistakes_of_the_configuration() {
        let desk = Desk::with("start", "1\n");
        let told = || open(&desk.folder, desk.clock.clone()).err().map(|bad| bad.to_string()).unwrap_or_default();
        desk.writes("one\n");
        assert!(told().contains("number.yaml: ") && told().contains("line 1"), "{}", told());
        std::fs::remove_file(desk.folder.join("number.yaml")).expect("removed");
        assert!(told().contains("p0.yaml: line 1 column 7: the file ") && told().contains("cannot be read"), "{}", told());
    }
}
