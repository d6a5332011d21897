-- What governs a life, and what was measured of it, beside its row: both change more often than people look.
ALTER TABLE lives ADD COLUMN governed TEXT NOT NULL DEFAULT '{}'; -- govern::governor::Governed
ALTER TABLE lives ADD COLUMN used     TEXT NOT NULL DEFAULT '{}'; -- govern::governor::Used
