//! People and their handles.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Result, Store, Tx, maybe_word, word};
use crate::domain::id::PersonId;
use crate::domain::person::{Email, Handle, Person};
use crate::domain::time::Time;

fn person(row: &AnyRow) -> Result<Person> {
    Ok(Person {
        id: word("people", row, "id", PersonId::parse)?,
        email: maybe_word("people", row, "email", Email::parse)?,
        name: row.try_get("name")?,
    })
}

impl Store {
    pub async fn person(&self, id: &PersonId) -> Result<Option<Person>> {
        let row = sqlx::query("SELECT id, email, name FROM people WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.as_ref().map(person).transpose()
    }

    pub async fn person_by_email(&self, email: &Email) -> Result<Option<Person>> {
        let row = sqlx::query("SELECT id, email, name FROM people WHERE email = $1")
            .bind(email.as_str())
            .fetch_optional(&mut *self.reading().await?)
            .await?;
        row.as_ref().map(person).transpose()
    }

    /// Whom a handle was linked to, if it was.
    pub async fn person_by_handle(&self, handle: &Handle) -> Result<Option<Person>> {
        let row = sqlx::query(
            "SELECT p.id, p.email, p.name FROM handles AS h JOIN people AS p ON p.id = h.person
             WHERE h.surface = $1 AND h.realm = $2 AND h.handle = $3",
        )
        .bind(&handle.surface)
        .bind(&handle.realm)
        .bind(&handle.handle)
        .fetch_optional(&mut *self.reading().await?)
        .await?;
        row.as_ref().map(person).transpose()
    }

    /// The names a person has on all surfaces.
    pub async fn handles(&self, id: &PersonId) -> Result<Vec<Handle>> {
        let rows = sqlx::query("SELECT surface, realm, handle FROM handles WHERE person = $1 ORDER BY linked_at, realm")
            .bind(id.as_str())
            .fetch_all(&mut *self.reading().await?)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Handle { surface: row.try_get("surface")?, realm: row.try_get("realm")?, handle: row.try_get("handle")? })
            })
            .collect()
    }
}

impl Store {
    /// When these people were last asked to decide by a message of their own; nothing for those who never were.
    pub async fn turns(&self, people: &[PersonId]) -> Result<Vec<(PersonId, Time)>> {
        let mut sql = self.reading().await?;
        let mut turns = Vec::new();
        for person in people {
            let row = sqlx::query("SELECT asked_at FROM turns WHERE person = $1")
                .bind(person.as_str())
                .fetch_optional(&mut *sql)
                .await?;
            if let Some(row) = row {
                turns.push((person.clone(), Time(row.try_get("asked_at")?)));
            }
        }
        Ok(turns)
    }
}

impl Tx {
    /// It was this person's turn to be asked.
    pub async fn had_turn(&mut self, person: &PersonId, now: Time) -> Result<()> {
        sqlx::query(
            "INSERT INTO turns (person, asked_at) VALUES ($1, $2) ON CONFLICT (person) DO UPDATE SET asked_at = excluded.asked_at",
        )
        .bind(person.as_str())
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(())
    }

    /// The person with this e-mail, made now if nobody has it.
    pub async fn person_for_email(&mut self, email: &Email, name: &str, now: Time) -> Result<Person> {
        if let Some(known) = by_email(self.sql().await?, email).await? {
            return Ok(known);
        }
        let id = PersonId::new(&*self.outside);
        sqlx::query("INSERT INTO people (id, email, name, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (email) DO NOTHING")
            .bind(id.as_str())
            .bind(email.as_str())
            .bind(name)
            .bind(now.0)
            .execute(self.sql().await?)
            .await?;
        let made = by_email(self.sql().await?, email).await?;
        Ok(made.unwrap_or(Person { id, email: Some(email.clone()), name: name.to_owned() }))
    }

    /// Links a handle to a person, once. Returns whom it is linked to now: a handle is never moved.
    pub async fn link(&mut self, handle: &Handle, person_id: &PersonId, now: Time) -> Result<bool> {
        let linked = sqlx::query(
            "INSERT INTO handles (surface, realm, handle, person, linked_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (surface, realm, handle) DO NOTHING",
        )
        .bind(&handle.surface)
        .bind(&handle.realm)
        .bind(&handle.handle)
        .bind(person_id.as_str())
        .bind(now.0)
        .execute(self.sql().await?)
        .await?;
        Ok(linked.rows_affected() == 1)
    }

    /// Takes over the name a surface shows for somebody who so far had only an address.
    pub async fn rename(&mut self, id: &PersonId, name: &str) -> Result<()> {
        sqlx::query("UPDATE people SET name = $2 WHERE id = $1 AND name <> $2")
            .bind(id.as_str())
            .bind(name)
            .execute(self.sql().await?)
            .await?;
        Ok(())
    }
}

async fn by_email(sql: &mut AnyConnection, email: &Email) -> Result<Option<Person>> {
    let row = sqlx::query("SELECT id, email, name FROM people WHERE email = $1").bind(email.as_str()).fetch_optional(sql).await?;
    row.as_ref().map(person).transpose()
}
