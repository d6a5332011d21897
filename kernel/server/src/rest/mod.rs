//! One handler for each command. None of them decides anything.

pub(crate) mod agents;
pub(crate) mod channels;
pub(crate) mod events;
pub(crate) mod files;
pub(crate) mod finding;
pub(crate) mod identity;
pub(crate) mod mind;
pub(crate) mod place;
pub(crate) mod processes;
pub(crate) mod range;
pub(crate) mod snapshots;
pub(crate) mod system;
pub(crate) mod terminals;
pub(crate) mod transfer;
pub(crate) mod trash;
pub(crate) mod uploads;
pub(crate) mod watching;

use aether_protocol::Cursor;
use serde::Deserialize;

/// Which part of a list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// From a page before.
    pub cursor: Option<Cursor>,
    /// How many rows at most; the kernel bounds it.
    pub limit: Option<u32>,
}
