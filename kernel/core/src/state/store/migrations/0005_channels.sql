-- What agents and people say to each other. A member is 'agent:ID' or 'user:ID': lasting identities, never PIDs.
CREATE TABLE channels (
    id         TEXT PRIMARY KEY,
    owner      TEXT NOT NULL REFERENCES users (id),
    name       TEXT NOT NULL COLLATE NOCASE,
    pair       TEXT UNIQUE,                 -- of a direct one: both members, in order
    topic      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last       INTEGER NOT NULL DEFAULT 0,  -- the number of the newest message
    last_at    INTEGER NOT NULL             -- when that was; when it was made, before anything was said
) STRICT;
CREATE UNIQUE INDEX channels_by_name ON channels (owner, name) WHERE pair IS NULL;
CREATE INDEX channels_by_owner ON channels (owner, last_at, id);

CREATE TABLE channel_members (
    channel   TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    member    TEXT NOT NULL,
    name      TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    acked     INTEGER NOT NULL,             -- everything up to this was taken in, or was dropped
    waiting   INTEGER NOT NULL DEFAULT 0,   -- messages of others above `acked`
    dropped   INTEGER NOT NULL DEFAULT 0,   -- fell out of the full queue, and the member was not told yet
    PRIMARY KEY (channel, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX channel_members_by_member ON channel_members (member, channel);

CREATE TABLE channel_messages (
    channel TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    number  INTEGER NOT NULL,               -- from 1, without gaps
    at      INTEGER NOT NULL,
    sender  TEXT NOT NULL,
    name    TEXT NOT NULL,                  -- the sender's, then
    text    TEXT NOT NULL,
    thread  INTEGER,                        -- the message that began the thread
    key     TEXT,                           -- what is sent twice under one key is said once
    PRIMARY KEY (channel, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX channel_messages_by_key ON channel_messages (sender, key) WHERE key IS NOT NULL;
CREATE INDEX channel_messages_by_thread ON channel_messages (channel, thread, number) WHERE thread IS NOT NULL;

-- Whoever removes an agent, and however: nothing is kept for it any more. What it said stays.
CREATE TRIGGER agents_leave_channels AFTER DELETE ON agents BEGIN
    DELETE FROM channel_members WHERE member = 'agent:' || OLD.id;
END;
