-- What the access policies said, yeses that are not the last one, and what was decided ahead of time.

-- How many said yes so far: who adds one must have seen all the others.
ALTER TABLE requests ADD COLUMN approvals BIGINT NOT NULL DEFAULT 0;
-- What the rules said when it was asked, as JSON.
ALTER TABLE requests ADD COLUMN routed TEXT;
-- When the requestor had whoever is on call told.
ALTER TABLE requests ADD COLUMN escalated_at BIGINT;
-- How long people usually wait for an access of a type.
CREATE INDEX requests_decided ON requests (integration, access_type, decided_at) WHERE state = 'approved';

-- Allowed ahead of time: whoever asks for it meanwhile has it at once.
CREATE TABLE preapprovals (
    id TEXT PRIMARY KEY NOT NULL,
    principal TEXT NOT NULL REFERENCES people (id),
    issuer TEXT NOT NULL REFERENCES people (id),
    integration TEXT NOT NULL,
    access_type TEXT NOT NULL,
    args TEXT NOT NULL,
    same TEXT NOT NULL,
    effect TEXT NOT NULL,
    reason TEXT,
    length BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    policy BIGINT NOT NULL REFERENCES policies (version),
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    ended_by TEXT
);
CREATE INDEX preapprovals_usable ON preapprovals (principal, same, until_at) WHERE ended_at IS NULL;

-- Who decides in whose place. One for each person; what was before is in the events.
CREATE TABLE stand_ins (
    away TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    person TEXT NOT NULL REFERENCES people (id),
    since BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);
CREATE INDEX stand_ins_by ON stand_ins (person, until_at);

-- When approvers were last asked by a message of their own, so that it is another one's turn next.
CREATE TABLE turns (
    person TEXT PRIMARY KEY NOT NULL REFERENCES people (id),
    asked_at BIGINT NOT NULL
);

-- An emergency is told to reviewers until one of them has looked at it.
ALTER TABLE alerts RENAME TO alerts_before;
CREATE TABLE alerts (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stuck', 'orphan', 'missing', 'changed', 'breaker', 'emergency')),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);
INSERT INTO alerts (id, kind, subject, body, opened_at, closed_at)
SELECT id, kind, subject, body, opened_at, closed_at FROM alerts_before;
DROP TABLE alerts_before;
CREATE UNIQUE INDEX one_open_alert ON alerts (kind, subject) WHERE closed_at IS NULL;
