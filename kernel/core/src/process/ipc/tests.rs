//! Rules of channels, on a store alone.
