//! The provider against a stand-in engine and, with the feature, the real one.
