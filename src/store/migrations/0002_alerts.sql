-- What reviewers are told of beside requests; what messages mirror beside requests.

-- Something is not as it should be, and somebody has to know. Closed when it is right again.
CREATE TABLE alerts (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('stuck', 'orphan', 'missing', 'changed', 'breaker')),
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE UNIQUE INDEX one_open_alert ON alerts (kind, subject) WHERE closed_at IS NULL;

-- A notice is of a request or of an alert, and may have to wait for its time.
CREATE TABLE notices_of (
    id TEXT PRIMARY KEY NOT NULL,
    subject TEXT NOT NULL,
    surface TEXT NOT NULL,
    realm TEXT NOT NULL,
    audience TEXT NOT NULL,
    wanted BIGINT NOT NULL,
    shown BIGINT NOT NULL,
    posted TEXT,
    not_before BIGINT NOT NULL,
    CONSTRAINT one_notice_for_each UNIQUE (subject, surface, realm, audience)
);
INSERT INTO notices_of (id, subject, surface, realm, audience, wanted, shown, posted, not_before)
SELECT id, request, surface, realm, audience, wanted, shown, posted, 0 FROM notices;
DROP TABLE notices;
ALTER TABLE notices_of RENAME TO notices;
CREATE INDEX notices_behind ON notices (id) WHERE shown < wanted;

-- How many looks a connector had in the current second, over all replicas.
CREATE TABLE rates (
    connector TEXT PRIMARY KEY NOT NULL,
    second BIGINT NOT NULL,
    used BIGINT NOT NULL
);
