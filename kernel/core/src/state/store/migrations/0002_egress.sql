-- The hosts that each life may reach: JSON array of protocol::network::HostGrant. Lives from before have none.
ALTER TABLE lives ADD COLUMN network TEXT NOT NULL DEFAULT '[]';
