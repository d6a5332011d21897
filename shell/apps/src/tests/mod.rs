//! The apps as a person meets them: clicked by name, looked at as pictures.

pub mod fixture;
pub mod stage;
