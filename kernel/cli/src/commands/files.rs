//! Files: in your home, in agents' homes, in the shared folder.

use std::io::{self, Write};

use aether_client::Client;
use aether_protocol::{
    Code, Error,
    files::{Copy, Entry, EntryKind, List, Mkdir, Move, Place, Remove, Search, Stat, Stopped, Usage},
};
use comfy_table::{Cell, Color};
use serde_json::json;

use super::{transfer, trash};
use crate::{args::FsCommand, context::Context, failure::Outcome, resolve, shape};

pub(super) async fn run(cx: &Context, command: FsCommand) -> Outcome {
    let client = cx.connect().await?;
    let file = async |text: &str| resolve::file(&client, text).await;
    match command {
        FsCommand::Ls { path } => list(cx, &client, &path).await,
        FsCommand::Cat { path } => {
            let (place, path) = file(&path).await?;
            if cx.out.json || cx.out.is_terminal {
                return print(cx, &client.download(place, &path).await?);
            }
            transfer::print(&client, place, &path).await
        }
        FsCommand::Put { local, remote, no_resume } => {
            transfer::put(cx, &client, &local, &remote, !no_resume).await
        }
        FsCommand::Get { remote, local, force, no_resume } => {
            transfer::get(cx, &client, &remote, local, force, !no_resume).await
        }
        FsCommand::Mkdir { path } => {
            let (place, path) = file(&path).await?;
            done(cx, "Made", &client.call(Mkdir { place, path }).await?)
        }
        FsCommand::Rm { path, forever: false, recursive: _ } => trash::put(cx, &client, &path).await,
        FsCommand::Trash { place, empty: true, older_than } => {
            trash::empty(cx, &client, &place, older_than).await
        }
        FsCommand::Trash { place, .. } => trash::list(cx, &client, &place).await,
        FsCommand::Restore { name, to, rename } => trash::restore(cx, &client, &name, to, rename).await,
        FsCommand::Search { name, path, content, regex, match_case, hidden, limit } => {
            // With a content alone the first word is the folder.
            let (name, path) = match (name, path) {
                (Some(path), None) if content.is_some() => (None, Some(path)),
                both => both,
            };
            let (place, path) = file(path.as_deref().unwrap_or("home:")).await?;
            let limit = Some(limit);
            search(cx, &client, Search { place, path, name, content, regex, match_case, hidden, limit }).await
        }
        FsCommand::Usage { path } => usage(cx, &client, &path).await,
        FsCommand::Rm { path, forever: true, recursive } => {
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

async fn search(cx: &Context, client: &Client, search: Search) -> Outcome {
    let found = client.call(search).await?;
    if cx.out.json {
        cx.out.json(&found)?;
        return Ok(());
    }
    for hit in &found.items {
        let path = shape::plain(&hit.entry.path);
        if hit.lines.is_empty() {
            cx.out.line(&path)?;
        }
        for line in &hit.lines {
            cx.out.line(&format!("{path}:{}: {}", line.number, shape::plain(&line.text)))?;
        }
    }
    let why = match found.stopped {
        None => None,
        Some(Stopped::Limit) => Some("there is more; pass a larger --limit, or search for less"),
        Some(Stopped::Time) => Some("the search took too long and is not complete; begin further down"),
        Some(Stopped::Entries) => Some("there are too many files; begin further down"),
    };
    if let Some(why) = why {
        eprintln!("{why}");
    }
    if found.passed_over > 0 {
        eprintln!("{} could not be searched: too large, too deep, or closed", found.passed_over);
    }
    Ok(())
}

async fn usage(cx: &Context, client: &Client, text: &str) -> Outcome {
    let (place, path) = resolve::file(client, text).await?;
    let report = client.call(Usage { place, path }).await?;
    if cx.out.json {
        cx.out.json(&report)?;
        return Ok(());
    }
    let rows = report
        .shares
        .iter()
        .map(|share| {
            let mark = if share.kind == EntryKind::Folder { "/" } else { "" };
            vec![
                Cell::new(shape::bytes(share.bytes)),
                Cell::new(share.files),
                Cell::new(format!("{}{mark}", shape::plain(&share.name))),
            ]
        })
        .collect();
    cx.out.table(&["SIZE", "FILES", "NAME"], &[0, 1], rows)?;
    let limit = report.limit_bytes.map_or_else(String::new, |limit| format!(" of {}", shape::bytes(limit)));
    let not_all = if report.stopped.is_some() { "; there is more than could be counted" } else { "" };
    let (bytes, files) = (shape::bytes(report.bytes), report.files);
    cx.out.line(&format!("{bytes}{limit} in {files} files and {} folders{not_all}", report.folders))?;
    Ok(())
}

/// Prints a file as it is; on a terminal without what could steer it.
pub(super) fn print(cx: &Context, bytes: &[u8]) -> Outcome {
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

pub(super) fn name_it(path: &str, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::NotFound => Code::NotFound,
        io::ErrorKind::PermissionDenied => Code::Forbidden,
        _ => Code::Internal,
    };
    Error::new(code, format!("{path}: {error}"))
}

pub(super) fn done(cx: &Context, verb: &str, entry: &Entry) -> Outcome {
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
