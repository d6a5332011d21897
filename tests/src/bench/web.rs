//! How much a browser loads before the desktop can start.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::Bench;

/// What this group measures.
pub const NAMES: &[&str] = &["web.wasm_compressed", "web.wasm_raw"];

/// Reads the folder that `cargo xtask web` packed. The time to the first frame is measured in a real browser, by the
/// test of the web desktop.
pub fn measure(bench: &mut Bench) -> Result<()> {
    let folder = env::var_os("AETHER_TEST_WEB").map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        eprintln!("web: AETHER_TEST_WEB names no packed web desktop; `cargo xtask web` packs one");
        return Ok(());
    };
    let mut folders = vec![folder];
    let (mut compressed, mut raw) = (0, 0);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".wasm.br") {
                compressed += fs::metadata(&path)?.len();
            } else if Path::new(&name).extension().is_some_and(|extension| extension == "wasm") {
                raw += fs::metadata(&path)?.len();
            }
        }
    }
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    if compressed > 0 {
        bench.add("web.wasm_compressed", mib(compressed), "MiB", Some(4.0));
    }
    if raw > 0 {
        bench.add("web.wasm_raw", mib(raw), "MiB", None);
    }
    Ok(())
}
