//! The tools on a real folder.
