//! Choosing, trying again, giving up.
