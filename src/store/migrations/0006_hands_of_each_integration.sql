-- Whose hands a row waits for: an integration's, or those that write messages and read what came in (empty).
-- A replica of the version before leaves it empty; its rows are looked at all the same.
ALTER TABLE agenda ADD COLUMN connector TEXT NOT NULL DEFAULT '';
UPDATE agenda SET connector = COALESCE((SELECT a.connector FROM assignments AS a WHERE a.id = agenda.id), '')
WHERE kind = 'assignment';
UPDATE agenda SET connector = id WHERE kind = 'sweep';
DROP INDEX agenda_due;
CREATE INDEX agenda_due ON agenda (connector, run_at);
