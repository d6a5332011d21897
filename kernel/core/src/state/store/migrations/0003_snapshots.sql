-- Agents at one moment. They outlive the agent: `agent` refers to nothing.
CREATE TABLE snapshots (
    id           TEXT PRIMARY KEY,
    owner        TEXT NOT NULL REFERENCES users (id),
    agent        TEXT NOT NULL,
    taken_at     INTEGER NOT NULL,
    is_scheduled INTEGER NOT NULL,
    row          TEXT NOT NULL              -- protocol::snapshot::Snapshot
) STRICT;
CREATE INDEX snapshots_by_owner ON snapshots (owner, id);
CREATE INDEX snapshots_by_agent ON snapshots (agent, id);

-- Restores whose home is not in its place yet. The row is written with the new life, in one transaction; what is left
-- of it at a start is finished before anything runs.
CREATE TABLE restores (
    id    TEXT PRIMARY KEY,                 -- the folder of scratch that holds the new home
    agent TEXT NOT NULL
) STRICT;
