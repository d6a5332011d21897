//! The schema, as numbered steps that run forward. A released step is never edited.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::StoreError;

const STEPS: &[M<'_>] = &[
    M::up(include_str!("migrations/0001_foundation.sql")),
    M::up(include_str!("migrations/0002_egress.sql")),
    M::up(include_str!("migrations/0003_snapshots.sql")),
    M::up(include_str!("migrations/0004_quotas.sql")),
    M::up(include_str!("migrations/0005_channels.sql")),
];

pub(super) const MIGRATIONS: Migrations<'_> = Migrations::from_slice(STEPS);

pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    Ok(MIGRATIONS.to_latest(connection)?)
}
