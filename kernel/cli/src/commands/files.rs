//! Files: in your home, in agents' homes, in the shared folder.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use aether_client::Client;
use aether_protocol::{
    Code, Error, UnixMillis,
    files::{Copy, Entry, EntryKind, List, Mkdir, Move, Place, Remove, Stat},
};
use comfy_table::{Cell, Color};
use serde_json::json;

use crate::{args::FsCommand, context::Context, failure::Outcome, resolve, shape};

pub(super) async fn run(cx: &Context, command: FsCommand) -> Outcome {
    let client = cx.connect().await?;
    let file = async |text: &str| resolve::file(&client, text).await;
    match command {
        FsCommand::Ls { path } => list(cx, &client, &path).await,
        FsCommand::Cat { path } => {
            let (place, path) = file(&path).await?;
            print(cx, &client.download(place, &path).await?)
        }
        FsCommand::Put { local, remote } => put(cx, &client, &local, &remote).await,
        FsCommand::Get { remote, local, force } => get(cx, &client, &remote, local, force).await,
        FsCommand::Mkdir { path } => {
            let (place, path) = file(&path).await?;
            done(cx, "Made", &client.call(Mkdir { place, path }).await?)
        }
        FsCommand::Rm { path, recursive } => {
            let (place, path) = file(&path).await?;
            let gone = client.call(Remove { place, path, recursive }).await?;
            if cx.out.json {
                cx.out.json(&gone)?;
            } else {
                let entries = gone.entries;
                cx.out
                    .line(&format!("Removed {entries} {}", if entries == 1 { "entry" } else { "entries" }))?;
            }
            Ok(())
        }
        FsCommand::Mv { from, to, force } => {
            let (place, from, to) = within(file(&from).await?, file(&to).await?)?;
            done(cx, "Moved to", &client.call(Move { place, from, to, replace: force }).await?)
        }
        FsCommand::Cp { from, to, force } => {
            let (place, from, to) = within(file(&from).await?, file(&to).await?)?;
            done(cx, "Copied to", &client.call(Copy { place, from, to, replace: force }).await?)
        }
        FsCommand::Stat { path } => {
            let (place, path) = file(&path).await?;
            let entry = client.call(Stat { place, path }).await?;
            if cx.out.json {
                cx.out.json(&entry)?;
            } else {
                let kind = shape::word(&entry.kind);
                cx.out.line(&format!(
                    "{kind}, {} ({} bytes), changed {}: {}",
                    shape::bytes(entry.size_bytes),
                    entry.size_bytes,
                    shape::time(entry.modified_at),
                    shape::plain(&entry.path)
                ))?;
            }
            Ok(())
        }
    }
}

async fn list(cx: &Context, client: &Client, text: &str) -> Outcome {
    let (place, path) = resolve::file(client, text).await?;
    let entries = resolve::all(client, usize::MAX, |cursor, limit| List {
        place,
        path: path.clone(),
        cursor,
        limit: Some(limit),
    })
    .await?;
    if cx.out.json {
        cx.out.json(&entries)?;
        return Ok(());
    }
    let rows = entries
        .iter()
        .map(|entry| {
            let name = shape::plain(&entry.name);
            let (size, name) = match entry.kind {
                EntryKind::Folder => (String::new(), Cell::new(format!("{name}/")).fg(Color::Blue)),
                EntryKind::File => (shape::bytes(entry.size_bytes), Cell::new(name)),
                EntryKind::Link => (String::new(), Cell::new(format!("{name}@")).fg(Color::Cyan)),
                EntryKind::Special => (String::new(), Cell::new(format!("{name}=")).fg(Color::Yellow)),
            };
            vec![Cell::new(size), Cell::new(shape::time(entry.modified_at)), name]
        })
        .collect();
    cx.out.table(&["SIZE", "CHANGED", "NAME"], &[0], rows)?;
    Ok(())
}

/// Prints a file as it is; on a terminal without what could steer it.
fn print(cx: &Context, bytes: &[u8]) -> Outcome {
    if cx.out.json {
        let answer = match std::str::from_utf8(bytes) {
            Ok(text) => json!({ "size_bytes": bytes.len(), "text": text }),
            Err(_) => json!({ "size_bytes": bytes.len(), "base64": aether_protocol::Blob(bytes.to_vec()) }),
        };
        cx.out.json(&answer)?;
        return Ok(());
    }
    let mut out = io::stdout().lock();
    if cx.out.is_terminal {
        out.write_all(shape::plain(&String::from_utf8_lossy(bytes)).as_bytes())?;
    } else {
        out.write_all(bytes)?;
    }
    out.flush()?;
    Ok(())
}

async fn put(cx: &Context, client: &Client, local: &str, remote: &str) -> Outcome {
    let (place, mut path) = resolve::file(client, remote).await?;
    if remote.ends_with(['/', ':']) {
        let name = (local != "-").then(|| Path::new(local).file_name()).flatten();
        let name = name.and_then(std::ffi::OsStr::to_str).ok_or_else(|| {
            Error::invalid("The file has no name there")
                .hint("Write the whole path, with the name at its end")
        })?;
        path = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
    }
    let mut bytes = Vec::new();
    if local == "-" {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = fs::read(local).map_err(|error| name_it(local, &error))?;
    }
    done(cx, "Wrote", &client.upload(place, &path, bytes).await?)
}

async fn get(cx: &Context, client: &Client, remote: &str, local: Option<String>, force: bool) -> Outcome {
    let (place, path) = resolve::file(client, remote).await?;
    let name = path.rsplit('/').next().unwrap_or_default();
    let target = match local.as_deref() {
        Some("-") => None,
        Some(local) if local.ends_with('/') || Path::new(local).is_dir() => Some(Path::new(local).join(name)),
        Some(local) => Some(PathBuf::from(local)),
        None => Some(PathBuf::from(name)),
    };
    if let Some(target) = &target
        && !force
        && target.symlink_metadata().is_ok()
    {
        return Err(Error::conflict(format!("{} exists already", target.display()))
            .hint("Pass --force to replace it")
            .into());
    }
    let bytes = client.download(place, &path).await?;
    let Some(target) = target else { return print(cx, &bytes) };
    save(&target, &bytes).map_err(|error| name_it(&target.display().to_string(), &error))?;
    let entry = Entry {
        name: name.to_owned(),
        path: target.display().to_string(),
        kind: EntryKind::File,
        size_bytes: bytes.len() as u64,
        modified_at: UnixMillis(shape::now().0),
    };
    done(cx, "Wrote", &entry)
}

/// Whole or not at all.
fn save(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = target.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, target));
    if written.is_err() {
        // What is left of a failed attempt helps nobody.
        let _ = fs::remove_file(&part);
    }
    written
}

fn name_it(path: &str, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::NotFound => Code::NotFound,
        io::ErrorKind::PermissionDenied => Code::Forbidden,
        _ => Code::Internal,
    };
    Error::new(code, format!("{path}: {error}"))
}

fn done(cx: &Context, verb: &str, entry: &Entry) -> Outcome {
    if cx.out.json {
        cx.out.json(entry)?;
    } else {
        let size = if entry.kind == EntryKind::File {
            format!(" ({})", shape::bytes(entry.size_bytes))
        } else {
            String::new()
        };
        cx.out.line(&format!("{verb} {}{size}", shape::plain(&entry.path)))?;
    }
    Ok(())
}

/// Both in the same place.
fn within(from: (Place, String), to: (Place, String)) -> Result<(Place, String, String), Error> {
    if from.0 == to.0 {
        return Ok((from.0, from.1, to.1));
    }
    Err(Error::invalid("The two paths lie in different places")
        .hint("Between places use `aether fs get` to stdout and `aether fs put` from stdin"))
}
