//! Windows of our own: where they stand, in what order, how they are drawn and kept.

pub mod chrome;
pub mod geometry;
pub mod layout;
pub mod open;
pub mod stack;

#[cfg(test)]
mod tests;
