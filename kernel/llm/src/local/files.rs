//! The models' files: which there are, and what their heads say.
//!
//! GGUF: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// A model's file.
#[derive(Debug)]
pub(super) struct ModelFile {
    /// The file's name without its ending, in lower case.
    pub(super) name: String,
    /// How large it is.
    pub(super) size_bytes: u64,
    /// The longest text that it was trained on, in tokens, where the file says so.
    pub(super) trained_tokens: Option<u32>,
    /// Why it cannot be used.
    pub(super) defect: Option<String>,
}

/// The models in a folder, by name. A folder that is not there holds none.
pub(super) fn list(dir: &Path) -> Vec<ModelFile> {
    let mut found: Vec<ModelFile> = gguf_files(dir)
        .map(|(name, path)| {
            let (trained_tokens, defect) = match head(&path) {
                Ok(tokens) => (tokens, None),
                Err(error) => (None, Some(format!("The file is not a usable GGUF model: {error}"))),
            };
            let size_bytes = path.metadata().map_or(0, |meta| meta.len());
            ModelFile { name, size_bytes, trained_tokens, defect }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The file of a model.
pub(super) fn find(dir: &Path, model: &str) -> Option<PathBuf> {
    gguf_files(dir).find(|(name, _)| *name == model.to_lowercase()).map(|(_, path)| path)
}

fn gguf_files(dir: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let path = entry.path();
        let ending = path.extension()?.to_str()?;
        let name = path.file_stem()?.to_str()?.to_lowercase();
        (ending.eq_ignore_ascii_case("gguf") && path.is_file()).then_some((name, path))
    })
}

/// Reads as far as the context length, which writers put before the long lists.
fn head(path: &Path) -> io::Result<Option<u32>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut magic = [0_u8; 4];
    file.read_exact(&mut magic)?;
    if &magic != b"GGUF" {
        return Err(io::Error::other("it does not begin with GGUF"));
    }
    let version = u32_le(&mut file)?;
    if !(2..=3).contains(&version) {
        return Err(io::Error::other(format!("its version is {version}, not 2 or 3")));
    }
    let _tensors = u64_le(&mut file)?;
    let entries = u64_le(&mut file)?;
    for _ in 0..entries.min(4096) {
        let key = string(&mut file)?;
        let kind = u32_le(&mut file)?;
        if key.ends_with(".context_length") && kind == 4 {
            return u32_le(&mut file).map(Some);
        }
        if !skip(&mut file, kind)? {
            return Ok(None);
        }
    }
    Ok(None)
}

/// Skips a value; false at a list of strings, behind which nothing is looked for.
fn skip(file: &mut BufReader<File>, kind: u32) -> io::Result<bool> {
    let bytes = match kind {
        8 => {
            string(file)?;
            0
        }
        9 => {
            let inner = u32_le(file)?;
            let count = u64_le(file)?;
            match width(inner) {
                Some(width) => count.saturating_mul(width),
                None => return Ok(false),
            }
        }
        kind => width(kind).ok_or_else(|| io::Error::other("its head is damaged"))?,
    };
    let bytes = i64::try_from(bytes).map_err(|_| io::Error::other("its head is damaged"))?;
    file.seek(SeekFrom::Current(bytes))?;
    Ok(true)
}

/// Bytes of a number or a truth value.
fn width(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn string(file: &mut impl Read) -> io::Result<String> {
    let length = u64_le(file)?;
    if length > 1 << 20 {
        return Err(io::Error::other("its head is damaged"));
    }
    let mut bytes = vec![0_u8; length as usize];
    file.read_exact(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn u32_le(file: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0_u8; 4];
    file.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_le(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0_u8; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}
