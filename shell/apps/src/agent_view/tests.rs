//! Behaviour by name.
