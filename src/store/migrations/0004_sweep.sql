-- The sweep over what bears our mark, and the breaker.

CREATE TABLE sweeps (
    integration TEXT PRIMARY KEY NOT NULL,
    -- The first sweep only reports.
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    marks BIGINT NOT NULL,
    orphans BIGINT NOT NULL,
    -- A person asked that the next sweep takes away what it finds.
    apply_by TEXT
);

CREATE TABLE breakers (
    integration TEXT PRIMARY KEY NOT NULL,
    minute BIGINT NOT NULL,
    used BIGINT NOT NULL,
    tripped_at BIGINT
);
