-- TEXT and BIGINT only, so that one set of statements serves SQLite and PostgreSQL.
-- Times are milliseconds since 1970 UTC; JSON is text that only Rust reads.

-- People and the names they have on surfaces. Linked once by e-mail, then by id only.
CREATE TABLE people (
    id TEXT PRIMARY KEY NOT NULL,
    email TEXT,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT one_person_per_email UNIQUE (email)
);
CREATE TABLE handles (
    surface TEXT NOT NULL,
    realm TEXT NOT NULL,
    handle TEXT NOT NULL,
    person TEXT NOT NULL REFERENCES people (id),
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (surface, realm, handle)
);
CREATE INDEX handles_of_person ON handles (person, surface);

-- What only gets checked is stored hashed.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY NOT NULL,
    person TEXT NOT NULL REFERENCES people (id),
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    CONSTRAINT one_token_per_hash UNIQUE (hash)
);

-- Every version of the access policy there ever was.
CREATE TABLE policies (
    version BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- Every interaction, stored before it is acknowledged, with the answer it got.
CREATE TABLE inbox (
    key TEXT PRIMARY KEY NOT NULL,
    surface TEXT NOT NULL,
    at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'answered')),
    answer TEXT,
    sealed TEXT
);
CREATE INDEX inbox_pending ON inbox (at) WHERE state = 'pending';
CREATE INDEX inbox_sealed ON inbox (at) WHERE sealed IS NOT NULL;

CREATE TABLE requests (
    id TEXT PRIMARY KEY NOT NULL,
    requestor TEXT NOT NULL REFERENCES people (id),
    principal TEXT NOT NULL REFERENCES people (id),
    integration TEXT NOT NULL,
    access_type TEXT NOT NULL,
    args TEXT NOT NULL,
    same TEXT NOT NULL,
    effect TEXT NOT NULL,
    reason TEXT,
    length BIGINT NOT NULL,
    via TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'denied', 'withdrawn', 'stale')),
    policy BIGINT NOT NULL REFERENCES policies (version),
    plan TEXT NOT NULL,
    warning TEXT,
    extends TEXT REFERENCES requests (id),
    created_at BIGINT NOT NULL,
    stale_at BIGINT NOT NULL,
    decided_at BIGINT
);
CREATE INDEX requests_open ON requests (requestor) WHERE state = 'open';
-- The same is asked once, whatever was pressed how often and answered by which replica.
-- `same` is a hash of what is asked for: arguments may be longer than an index can hold.
CREATE UNIQUE INDEX one_open_ask ON requests (requestor, principal, same) WHERE state = 'open';
CREATE INDEX requests_of_requestor ON requests (requestor, created_at);
CREATE INDEX requests_going_stale ON requests (stale_at) WHERE state = 'open';

CREATE TABLE decisions (
    request TEXT NOT NULL REFERENCES requests (id),
    step BIGINT NOT NULL,
    actor TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('approve', 'deny')),
    length BIGINT,
    note TEXT,
    via TEXT NOT NULL,
    policy BIGINT NOT NULL REFERENCES policies (version),
    at BIGINT NOT NULL,
    PRIMARY KEY (request, step, actor)
);

-- One row per effect key, for ever.
CREATE TABLE assignments (
    id TEXT PRIMARY KEY NOT NULL,
    key TEXT NOT NULL,
    connector TEXT NOT NULL,
    target TEXT NOT NULL,
    effect TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('granting', 'active', 'revoking', 'settling', 'ended')),
    baseline TEXT CHECK (baseline IN ('absent', 'standing')),
    until BIGINT,
    handle TEXT,
    due_at BIGINT,
    absent_at BIGINT,
    observed_at BIGINT,
    ended_at BIGINT,
    stuck_at BIGINT,
    seen TEXT,
    cut TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    CONSTRAINT one_assignment_per_effect UNIQUE (key)
);
CREATE INDEX assignments_unfinished ON assignments (state) WHERE state <> 'ended';
CREATE INDEX assignments_late_looks ON assignments (ended_at) WHERE state = 'ended';

-- What one request holds on one assignment. The end is there before the first call.
CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    request TEXT NOT NULL REFERENCES requests (id),
    assignment TEXT NOT NULL REFERENCES assignments (id),
    position BIGINT NOT NULL,
    length BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    usable_at BIGINT,
    ended_at BIGINT,
    ended_by TEXT,
    ended_how TEXT CHECK (ended_how IN ('expired', 'relinquished', 'revoked', 'failed')),
    failed TEXT,
    CONSTRAINT one_grant_per_place UNIQUE (request, position)
);
CREATE INDEX grants_live ON grants (assignment) WHERE ended_at IS NULL;
CREATE INDEX grants_of_assignment ON grants (assignment, ends_at);

-- What to look at next, and when. Only hints: rows that lack one get it back from a scan.
CREATE TABLE agenda (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX agenda_due ON agenda (run_at);
CREATE INDEX agenda_lane ON agenda (lane, run_at, id) WHERE lane <> '';

-- Who works in a lane, so that over all replicas only one does.
CREATE TABLE lanes (
    lane TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);

-- Messages that mirror a request.
CREATE TABLE notices (
    id TEXT PRIMARY KEY NOT NULL,
    request TEXT NOT NULL REFERENCES requests (id),
    surface TEXT NOT NULL,
    realm TEXT NOT NULL,
    audience TEXT NOT NULL,
    wanted BIGINT NOT NULL,
    shown BIGINT NOT NULL,
    posted TEXT,
    CONSTRAINT one_notice_each UNIQUE (request, surface, realm, audience)
);
CREATE INDEX notices_behind ON notices (request) WHERE shown < wanted;

-- What happened, only ever added to; chained within each stream.
CREATE TABLE events (
    stream TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    body TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (stream, seq)
);
CREATE TABLE streams (
    stream TEXT PRIMARY KEY NOT NULL,
    seq BIGINT NOT NULL,
    head TEXT NOT NULL,
    sealed BIGINT NOT NULL
);
CREATE INDEX streams_unsealed ON streams (stream) WHERE sealed < seq;
CREATE TABLE checkpoints (
    seq BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    root TEXT NOT NULL,
    previous TEXT NOT NULL,
    signature TEXT NOT NULL
);

-- The choices connectors offer, as last seen.
CREATE TABLE inventory (
    integration TEXT NOT NULL,
    source TEXT NOT NULL,
    given TEXT NOT NULL,
    value TEXT NOT NULL,
    label TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (integration, source, given, value)
);
