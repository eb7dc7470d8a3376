-- What checkpoints seal, and what of a stream was archived.

-- One leaf for each stream that had something new when a checkpoint was made: its last event then.
CREATE TABLE leaves (
    checkpoint BIGINT NOT NULL,
    stream TEXT NOT NULL,
    seq BIGINT NOT NULL,
    head TEXT NOT NULL,
    PRIMARY KEY (checkpoint, stream)
);
CREATE UNIQUE INDEX leaves_of_stream ON leaves (stream, seq);

-- The events up to this number are in an archive file and not here any more.
ALTER TABLE streams ADD COLUMN archived BIGINT NOT NULL DEFAULT 0;

-- Answered interactions are dropped when they are old.
CREATE INDEX inbox_answered ON inbox (at) WHERE state = 'answered';
