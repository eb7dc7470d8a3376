-- The sweep over what bears our mark, and the breaker. The first sweep only reports; `apply_by` says
-- who asked that the next one takes away what it finds.

CREATE TABLE sweeps (
    integration TEXT PRIMARY KEY NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    marks BIGINT NOT NULL,
    orphans BIGINT NOT NULL,
    apply_by TEXT
);

CREATE TABLE breakers (
    integration TEXT PRIMARY KEY NOT NULL,
    minute BIGINT NOT NULL,
    used BIGINT NOT NULL,
    tripped_at BIGINT
);
