//! The agent's home, and paths as a model writes them.

use std::{
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
};

/// Where the home is inside the sandbox; a model that knows that may write it.
const MOUNTED_AT: &str = "/home/agent";

/// The home: every path that a tool is given is meant from here.
#[derive(Clone, Debug)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// The directory that the process was started in.
    pub fn current() -> io::Result<Self> {
        Ok(Self { root: std::env::current_dir()? })
    }

    /// Another directory.
    #[cfg(test)]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path as a model wrote it, made absolute. The error is for the model.
    pub fn resolve(&self, path: &str) -> Result<PathBuf, String> {
        if path.contains('\0') {
            return Err(format!("'{}' contains a NUL character", path.replace('\0', "\\0")));
        }
        let relative = self.relative(path).ok_or_else(|| {
            format!("'{path}' is outside the home. Paths are relative to the home; leave out the leading '/'")
        })?;
        let mut resolved = self.root.clone();
        let mut depth = 0_usize;
        for component in relative.components() {
            match component {
                Component::Normal(name) => {
                    resolved.push(name);
                    depth += 1;
                }
                Component::CurDir => {}
                Component::ParentDir if depth > 0 => {
                    resolved.pop();
                    depth -= 1;
                }
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                    return Err(format!("'{path}' leads out of the home. Paths are relative to the home"));
                }
            }
        }
        Ok(resolved)
    }

    /// Like [`Home::resolve`], for what must not be the home itself.
    pub fn resolve_inside(&self, path: &str) -> Result<PathBuf, String> {
        let resolved = self.resolve(path)?;
        if resolved == self.root {
            return Err(format!("'{path}' is the home itself. Name a file or a folder in it"));
        }
        Ok(resolved)
    }

    /// A path as the model should see it.
    pub fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        if relative.as_os_str() == OsStr::new("") {
            ".".to_owned()
        } else {
            relative.to_string_lossy().into_owned()
        }
    }

    fn relative<'a>(&self, path: &'a str) -> Option<&'a Path> {
        let written = Path::new(path);
        if path == "~" {
            return Some(Path::new(""));
        }
        if let Some(rest) = path.strip_prefix("~/") {
            return Some(Path::new(rest.trim_start_matches('/')));
        }
        if !written.is_absolute() {
            return Some(written);
        }
        written.strip_prefix(MOUNTED_AT).or_else(|_| written.strip_prefix(&self.root)).ok()
    }
}
