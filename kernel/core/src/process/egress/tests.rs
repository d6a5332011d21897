//! The proxy against servers and resolvers of the tests' own. With real sandboxes and tools it is tried in
//! `tests/`.

mod ground;
mod messages;
mod names;
mod reach;
mod reports;
