//! Interactions under their keys: stored once, answered once, told until they are.

use secrecy::SecretString;

use super::{Answer, Came, Desk, DeskError, Result};
use crate::domain::planted::{Bug, planted};
use crate::store::{Kind, Letter, Tx};

/// An interaction that was stored and is not finished.
pub struct Stored {
    pub key: String,
    /// `None`: the work itself is still to be done.
    pub answer: Option<Answer>,
    /// What the surface put in to go on with; gone after half an hour.
    pub tell_by: Option<SecretString>,
    pub at: crate::domain::time::Time,
}

impl Desk {
    /// The answer an interaction got, if it came before. `Some(Nothing)` while it is being worked on.
    pub async fn answered(&self, key: &str) -> Result<Option<Answer>> {
        let letter = self.inner.store.letter(key).await?.filter(|_| !planted(Bug::ActsTwice));
        Ok(letter.map(|letter| read(letter.answer.as_deref()).unwrap_or(Answer::Nothing)))
    }

    /// Stores an interaction that can only be answered after it is acknowledged: it needs a call out.
    /// `false`: it came before.
    pub async fn accept(&self, key: &str, surface: &str, tell_by: &str) -> Result<bool> {
        let sealed = self.inner.key.seal(key, tell_by, &*self.inner.outside)?;
        let letter = Letter {
            key: key.to_owned(),
            surface: surface.to_owned(),
            at: self.now(),
            pending: true,
            answer: None,
            sealed: Some(sealed),
        };
        Ok(self.inner.store.receive(letter).await?)
    }

    /// What is still to be done for an interaction. `None`: nothing.
    pub async fn unfinished(&self, key: &str) -> Result<Option<Stored>> {
        let Some(letter) = self.inner.store.letter(key).await?.filter(|letter| letter.pending) else { return Ok(None) };
        let tell_by = match &letter.sealed {
            Some(sealed) => Some(self.inner.key.open(key, sealed)?),
            None => None,
        };
        Ok(Some(Stored { answer: read(letter.answer.as_deref()), key: letter.key, tell_by, at: letter.at }))
    }

    /// The interaction is finished: told, or nothing to tell.
    pub fn finished(&self, key: &str) {
        self.inner.store.told(key);
    }

    /// Whoever received the interaction could not finish it: the engine goes on from now.
    pub async fn hand_over(&self, key: &str) -> Result<()> {
        let mut tx = self.inner.store.begin().await?;
        tx.look(Kind::Inbox, key, self.now()).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn answer_of(&self, key: &str) -> Result<Answer> {
        Ok(self.answered(key).await?.unwrap_or(Answer::Nothing))
    }

    /// Stores the interaction and its answer in the transaction of what it does. `false`: it came
    /// before; drop the transaction and give the stored answer. An interaction that was accepted
    /// earlier gets its answer here, once.
    pub(super) async fn take(&self, tx: &mut Tx, came: &Came, answer: &Answer) -> Result<bool> {
        let text = write(answer);
        let tell = came.tell_by.as_ref().filter(|_| came.unfinished || answer.wants_telling());
        let sealed = match tell {
            Some(tell_by) => Some(self.inner.key.seal(&came.key, tell_by, &*self.inner.outside)?),
            None => None,
        };
        let letter = Letter {
            key: came.key.clone(),
            surface: came.handle.surface.clone(),
            at: self.now(),
            pending: tell.is_some(),
            answer: Some(text.clone()),
            sealed,
        };
        if tx.receive(&letter).await? || planted(Bug::ActsTwice) {
            return Ok(true);
        }
        Ok(tx.answer(&came.key, &text, tell.is_some()).await?)
    }

    /// Stores an answer that changes nothing: a refusal, a list, help. Gives the one stored before when
    /// the interaction came before.
    pub async fn only_answer(&self, came: &Came, answer: Answer) -> Result<Answer> {
        super::settle!(self.only_answer_once(came, &answer).await)
    }

    async fn only_answer_once(&self, came: &Came, answer: &Answer) -> Result<Answer> {
        let mut tx = self.inner.store.begin().await?;
        if !self.take(&mut tx, came, answer).await? {
            drop(tx);
            return self.answer_of(&came.key).await;
        }
        tx.commit().await?;
        Ok(answer.clone())
    }
}

fn write(answer: &Answer) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

fn read(text: Option<&str>) -> Option<Answer> {
    serde_json::from_str(text?).ok()
}

impl From<DeskError> for crate::domain::fault::Fault {
    fn from(error: DeskError) -> Self {
        let why = match error {
            DeskError::Store(_) | DeskError::Secret(_) => "The database did not answer; it is tried again.".to_owned(),
            DeskError::Unmet(_) => error.to_string(),
        };
        crate::domain::fault::Fault::later(why)
    }
}
