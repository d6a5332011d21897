//! Paths as they come over the wire.

use aether_protocol::{Error, Result};

const MAX_PATH_BYTES: usize = 4096;
const MAX_NAME_BYTES: usize = 255;

/// A path in a place: names separated by `/`, none of them empty, `.` or `..`. Without names it is the root.
///
/// Nothing is decoded or normalised: `%2e`, `\` and characters that look like dots or slashes are parts of
/// names, and that is all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CleanPath(String);

impl CleanPath {
    pub fn parse(path: &str) -> Result<Self> {
        let wrong = |what: &str| {
            Err(Error::invalid(format!("The path {what}"))
                .hint("Write it relative to its place, such as notes/today.md"))
        };
        if path.len() > MAX_PATH_BYTES {
            return wrong(&format!("is longer than {MAX_PATH_BYTES} bytes"));
        }
        if path.contains('\0') {
            return wrong("contains a NUL character");
        }
        if path.is_empty() {
            return Ok(Self(String::new()));
        }
        if path.starts_with('/') {
            return wrong("begins with a slash");
        }
        for name in path.split('/') {
            match name {
                "" => return wrong("has an empty part"),
                "." | ".." => return wrong(&format!("has the part '{name}'")),
                _ if name.len() > MAX_NAME_BYTES => {
                    return wrong(&format!("has a part longer than {MAX_NAME_BYTES} bytes"));
                }
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The same, for what must not be the root.
    pub fn parse_inside(path: &str) -> Result<Self> {
        let parsed = Self::parse(path)?;
        if parsed.0.is_empty() {
            return Err(Error::invalid("The path is the place itself").hint("Name a file or a folder in it"));
        }
        Ok(parsed)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it is in, and its name. Both are empty for the root.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|name| !name.is_empty())
    }

    /// The path of an entry of this folder.
    pub fn join(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{}/{name}", self.0) }
    }
}
