//! The operations, each on a real folder.

mod behaviour;
mod finding;
mod race;
mod trash;
mod traversal;
mod uploads;
mod watching;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use aether_protocol::{
    Blob, Code, Error, Page, Result,
    files::{Append, Copy, Entry, Gone, List, Mkdir, Move, Part, Place, Read, Remove, Stat, Write},
};

use super::Files;

/// What must never come out of a root.
const SECRET: &str = "the canary sings at midnight";

/// A root with neighbours that nothing may touch.
struct Ground {
    files: Files,
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// Everything below a folder: kind, permissions, inode and content of each path.
type Snapshot = BTreeMap<PathBuf, (u32, u64, Vec<u8>)>;

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["data/inner/deep", "data-evil", "outside/dir", "outside/empty"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("data/inner/plain.txt"), "plain").unwrap();
        fs::write(at("data/inner/deep/file"), "deep").unwrap();
        for secret in ["data-evil/secret.txt", "outside/secret.txt", "outside/dir/file", "secret.txt"] {
            fs::write(at(secret), SECRET).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { files: Files::new(dir.path().to_path_buf()), dir, runtime }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    fn link(&self, aim: impl AsRef<Path>, path: &str) {
        std::os::unix::fs::symlink(aim, self.at(path)).unwrap();
    }

    /// What lies beside the root.
    fn neighbours(&self) -> Snapshot {
        let mut seen = Snapshot::new();
        for name in ["data-evil", "outside", "secret.txt"] {
            look(&self.outside(name), &mut seen);
        }
        let mut top: Vec<_> =
            fs::read_dir(self.dir.path()).unwrap().map(|row| row.unwrap().file_name()).collect();
        top.sort();
        assert_eq!(top, ["data", "data-evil", "outside", "secret.txt"], "something came beside the root");
        seen
    }

    /// Waits for an operation. None may hang, whatever lies there.
    fn wait<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_mins(1), work).await.expect("the operation hangs")
        })
    }

    fn list(&self, path: &str) -> Result<Page<Entry>> {
        self.page(path, None, None)
    }

    fn page(
        &self,
        path: &str,
        cursor: Option<aether_protocol::Cursor>,
        limit: Option<u32>,
    ) -> Result<Page<Entry>> {
        let request = List { place: Place::Shared, path: path.to_owned(), cursor, limit };
        self.wait(self.files.list(&self.root(), request))
    }

    fn stat(&self, path: &str) -> Result<Entry> {
        self.wait(self.files.stat(&self.root(), Stat { place: Place::Shared, path: path.to_owned() }))
    }

    fn read_part(&self, path: &str, offset: u64, length: Option<u64>) -> Result<Part> {
        let request = Read { place: Place::Shared, path: path.to_owned(), offset, length };
        self.wait(self.files.read(&self.root(), request))
    }

    fn read(&self, path: &str) -> Result<Vec<u8>> {
        self.read_part(path, 0, None).map(|part| part.data.0)
    }

    fn write(&self, path: &str, data: &[u8]) -> Result<Entry> {
        self.write_as(path, data, false)
    }

    fn write_as(&self, path: &str, data: &[u8], must_be_new: bool) -> Result<Entry> {
        let request =
            Write { place: Place::Shared, path: path.to_owned(), data: Blob(data.to_vec()), must_be_new };
        self.wait(self.files.write(&self.root(), request))
    }

    fn append(&self, path: &str, data: &[u8]) -> Result<Entry> {
        let request = Append { place: Place::Shared, path: path.to_owned(), data: Blob(data.to_vec()) };
        self.wait(self.files.append(&self.root(), request))
    }

    fn mkdir(&self, path: &str) -> Result<Entry> {
        self.wait(self.files.mkdir(&self.root(), Mkdir { place: Place::Shared, path: path.to_owned() }))
    }

    fn remove(&self, path: &str, recursive: bool) -> Result<Gone> {
        let request = Remove { place: Place::Shared, path: path.to_owned(), recursive };
        self.wait(self.files.remove(&self.root(), request))
    }

    fn rename(&self, from: &str, to: &str, replace: bool) -> Result<Entry> {
        let request = Move { place: Place::Shared, from: from.to_owned(), to: to.to_owned(), replace };
        self.wait(self.files.rename(&self.root(), request))
    }

    fn copy(&self, from: &str, to: &str, replace: bool) -> Result<Entry> {
        let request = Copy { place: Place::Shared, from: from.to_owned(), to: to.to_owned(), replace };
        self.wait(self.files.copy(&self.root(), request))
    }
}

fn look(path: &Path, seen: &mut Snapshot) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let content = if metadata.is_file() { fs::read(path).unwrap() } else { Vec::new() };
    seen.insert(path.to_path_buf(), (metadata.permissions().mode(), metadata.ino(), content));
    if metadata.is_dir() {
        for row in fs::read_dir(path).unwrap() {
            look(&row.unwrap().path(), seen);
        }
    }
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> Code {
    let error: Error = result.expect_err("an error");
    assert!(!error.message.contains(SECRET) && !error.message.contains("os error"), "{error:?}");
    error.code
}
