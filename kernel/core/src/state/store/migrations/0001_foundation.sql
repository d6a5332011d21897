-- What happened, in order. AUTOINCREMENT: a number is never given twice, also after the newest rows are gone.
CREATE TABLE events (
    seq   INTEGER PRIMARY KEY AUTOINCREMENT,
    at    INTEGER NOT NULL,
    actor TEXT NOT NULL,
    body  TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password   TEXT NOT NULL,              -- Argon2id, PHC string
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    user       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,       -- SHA-256 of the token; the token itself is not kept
    device     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Who asked for what. Written before the command runs; the outcome follows.
CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    command TEXT NOT NULL,
    target  TEXT NOT NULL,
    outcome TEXT
) STRICT;

CREATE TABLE agents (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL COLLATE NOCASE,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (owner, name)
) STRICT;
-- A page of one owner's agents walks this; without it the index of names is taken and every row is sorted.
CREATE INDEX agents_by_owner ON agents (owner, id);

-- Lives. The PID comes from AUTOINCREMENT: one counter that never starts again. What lasts is keyed by `id`.
CREATE TABLE lives (
    pid      INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL UNIQUE,
    agent    TEXT NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
    is_live  INTEGER NOT NULL,             -- 1 while queued or alive
    row      TEXT NOT NULL,                -- protocol::process::Process
    tools    TEXT NOT NULL,                -- JSON array of the tools granted
    limits   TEXT NOT NULL                 -- protocol::process::Limits
) STRICT;
CREATE INDEX lives_by_agent ON lives (agent, pid);
CREATE INDEX lives_live ON lives (pid) WHERE is_live = 1;
CREATE INDEX lives_ended ON lives (pid) WHERE is_live = 0;

-- The journal of each life.
CREATE TABLE steps (
    life TEXT NOT NULL REFERENCES lives (id) ON DELETE CASCADE,
    idx  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,                    -- protocol::journal::StepBody
    PRIMARY KEY (life, idx)
) STRICT, WITHOUT ROWID;
