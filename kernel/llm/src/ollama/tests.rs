//! Against a real server on loopback that speaks the wire format.
