//! Snapshots: taking, listing, going back, copying, carrying elsewhere.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
};

use aether_client::Client;
use aether_protocol::{
    Code, Error, SnapshotId,
    files::{self, Place},
    snapshot::{
        Cause, Import, List, Read, Remove, Restore, RestoreAs, Restored, Snapshot, Source, Take, Verify,
    },
};
use comfy_table::Cell;

use crate::{
    args::SnapshotCommand,
    context::Context,
    failure::{Failure, Outcome},
    resolve::{self, all},
    shape,
};

/// What is asked of the kernel at once.
const READ_BYTES: u64 = 1024 * 1024;
/// What is sent to the kernel at once; the server takes twice as much.
const SEND_BYTES: usize = 32 * 1024 * 1024;
/// An id's beginning must have so many digits.
const LEAST_DIGITS: usize = 8;

pub(super) async fn run(cx: &Context, command: SnapshotCommand) -> Outcome {
    let client = cx.connect().await?;
    match command {
        SnapshotCommand::Take { agent } => {
            let agent = resolve::agent(&client, &agent).await?;
            taken(cx, "Took", &client.call(Take { agent: Some(agent), pid: None }).await?)
        }
        SnapshotCommand::Ls { agent, limit } => list(cx, &client, agent, limit).await,
        SnapshotCommand::Restore { snapshot } => {
            let snapshot = find(&client, &snapshot).await?;
            cx.confirm(&format!(
                "Replace the home of {} by that of {}?",
                shape::plain(&snapshot.name),
                shape::time(snapshot.taken_at)
            ))?;
            restore(cx, &client, snapshot.id, RestoreAs::SameAgent, None).await
        }
        SnapshotCommand::Clone { snapshot, name } => {
            let snapshot = find(&client, &snapshot).await?;
            restore(cx, &client, snapshot.id, RestoreAs::NewAgent, name).await
        }
        SnapshotCommand::Rm { snapshots } => remove(cx, &client, &snapshots).await,
        SnapshotCommand::Export { snapshot, file, force } => {
            export(cx, &client, &snapshot, file, force).await
        }
        SnapshotCommand::Import { file, trust } => import(cx, &client, &file, trust).await,
        SnapshotCommand::Verify { snapshots, .. } => verify(cx, &client, snapshots).await,
    }
}

/// A snapshot by its id, its id's beginning, or its agent's name (the newest one).
async fn find(client: &Client, text: &str) -> Result<Snapshot, Error> {
    if let Ok(snapshot) = text.parse::<SnapshotId>() {
        return client.call(aether_protocol::snapshot::Get { snapshot }).await;
    }
    let rows = rows(client, None, usize::MAX).await?;
    if let Some(newest) = rows.iter().find(|row| row.name == text) {
        return Ok(newest.clone());
    }
    let mut beginning =
        rows.into_iter().filter(|row| text.len() >= LEAST_DIGITS && row.id.to_string().starts_with(text));
    match (beginning.next(), beginning.next()) {
        (Some(found), None) => Ok(found),
        (Some(_), Some(_)) => {
            Err(Error::invalid(format!("Several snapshots begin with {text}")).hint("Write more of the id"))
        }
        (None, _) => {
            Err(Error::not_found("snapshot", format!("'{text}'")).hint("`aether snapshot ls` lists them"))
        }
    }
}

async fn rows(
    client: &Client,
    agent: Option<aether_protocol::AgentId>,
    limit: usize,
) -> Result<Vec<Snapshot>, Error> {
    all(client, limit, |cursor, limit| List { agent, cursor, limit: Some(limit) }).await
}

async fn list(cx: &Context, client: &Client, agent: Option<String>, limit: usize) -> Outcome {
    let agent = match agent {
        Some(agent) => Some(resolve::agent(client, &agent).await?),
        None => None,
    };
    let snapshots = rows(client, agent, limit).await?;
    if cx.out.json {
        cx.out.json(&snapshots)?;
        return Ok(());
    }
    let rows = snapshots
        .iter()
        .map(|snapshot| {
            let cause = match snapshot.cause {
                Cause::Asked => String::new(),
                Cause::Scheduled => "scheduled".to_owned(),
                Cause::Imported => format!("from {}", shape::one_line(&snapshot.device, 24)),
            };
            vec![
                Cell::new(snapshot.id),
                Cell::new(shape::one_line(&snapshot.name, 32)),
                Cell::new(snapshot.pid),
                Cell::new(shape::time(snapshot.taken_at)),
                Cell::new(snapshot.steps),
                Cell::new(shape::bytes(snapshot.home_bytes)),
                Cell::new(shape::bytes(snapshot.archive_bytes)),
                Cell::new(format!("{} ms", snapshot.standstill_ms)),
                Cell::new(cause),
            ]
        })
        .collect();
    let headings = ["ID", "AGENT", "PID", "TAKEN", "STEPS", "HOME", "ARCHIVE", "STOOD STILL", ""];
    cx.out.table(&headings, &[2, 4, 5, 6, 7], rows)?;
    Ok(())
}

fn taken(cx: &Context, verb: &str, snapshot: &Snapshot) -> Outcome {
    if cx.out.json {
        cx.out.json(snapshot)?;
        return Ok(());
    }
    cx.out.line(&format!(
        "{verb} {} of {} ({}, {} entries; it stood still for {} ms)",
        snapshot.id,
        shape::plain(&snapshot.name),
        shape::bytes(snapshot.archive_bytes),
        snapshot.entries,
        snapshot.standstill_ms
    ))?;
    for left_out in &snapshot.left_out {
        let reason = &left_out.reason;
        cx.out.line(&format!("Without {}: {reason}", shape::one_line(&left_out.path, 120)))?;
    }
    let more = snapshot.left_out_count.saturating_sub(snapshot.left_out.len() as u64);
    if more > 0 {
        cx.out.line(&format!("Without {more} more"))?;
    }
    Ok(())
}

async fn restore(
    cx: &Context,
    client: &Client,
    snapshot: SnapshotId,
    restore_as: RestoreAs,
    name: Option<String>,
) -> Outcome {
    let restored: Restored = client.call(Restore { snapshot, restore_as, name }).await?;
    if cx.out.json {
        cx.out.json(&restored)?;
        return Ok(());
    }
    let process = &restored.process;
    let state = shape::word(&process.state);
    cx.out.line(&format!("{} {} {state}", process.pid, shape::plain(&process.name)))?;
    Ok(())
}

async fn remove(cx: &Context, client: &Client, snapshots: &[String]) -> Outcome {
    let mut ids = Vec::new();
    for text in snapshots {
        ids.push(text.parse::<SnapshotId>().map_err(|_| {
            Error::invalid(format!("'{text}' is no id of a snapshot")).hint("`aether snapshot ls` lists them")
        })?);
    }
    cx.confirm(&format!(
        "Remove {} for good?",
        if ids.len() == 1 { "this snapshot" } else { "these snapshots" }
    ))?;
    let mut removed = Vec::new();
    for snapshot in ids {
        removed.push(client.call(Remove { snapshot }).await?);
    }
    if cx.out.json {
        cx.out.json(&removed)?;
        return Ok(());
    }
    for gone in &removed {
        cx.out.line(&format!("Removed {} ({})", gone.snapshot, shape::bytes(gone.archive_bytes)))?;
    }
    Ok(())
}

async fn export(cx: &Context, client: &Client, text: &str, file: Option<String>, force: bool) -> Outcome {
    let snapshot = find(client, text).await?;
    if file.as_deref() == Some("-") {
        let mut out = io::stdout();
        copy(client, &snapshot, &mut out).await?;
        out.flush()?;
        return Ok(());
    }
    let target = PathBuf::from(file.unwrap_or_else(|| format!("{}.tar.zst", snapshot.id)));
    if !force && target.symlink_metadata().is_ok() {
        return Err(Error::conflict(format!("{} exists already", target.display()))
            .hint("Pass --force to replace it")
            .into());
    }
    // Whole or not at all.
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = target.with_file_name(name);
    let written = write(client, &snapshot, &part, &target).await;
    if written.is_err() {
        // What is left of a failed attempt helps nobody.
        let _ = fs::remove_file(&part);
    }
    written?;
    if cx.out.json {
        cx.out.json(&serde_json::json!({ "snapshot": snapshot.id, "file": target }))?;
    } else {
        cx.out.line(&format!("Wrote {} ({})", target.display(), shape::bytes(snapshot.archive_bytes)))?;
    }
    Ok(())
}

async fn write(client: &Client, snapshot: &Snapshot, part: &Path, target: &Path) -> Result<(), Failure> {
    let mut out = File::create(part).map_err(|error| name_it(part, &error))?;
    copy(client, snapshot, &mut out).await?;
    out.sync_all()?;
    fs::rename(part, target)?;
    Ok(())
}

async fn copy(client: &Client, snapshot: &Snapshot, out: &mut impl Write) -> Result<(), Failure> {
    let mut offset = 0;
    while offset < snapshot.archive_bytes {
        let length = Some((snapshot.archive_bytes - offset).min(READ_BYTES));
        let part = client.call(Read { snapshot: snapshot.id, offset, length }).await?;
        if part.data.0.is_empty() {
            return Err(Error::conflict("The archive is shorter than it should be").into());
        }
        out.write_all(&part.data.0)?;
        offset += part.data.0.len() as u64;
    }
    Ok(())
}

/// By a file in the home, which goes again: an archive can be larger than what one request may carry.
async fn import(cx: &Context, client: &Client, file: &str, trusted_key: Option<String>) -> Outcome {
    let mut local = File::open(file).map_err(|error| name_it(Path::new(file), &error))?;
    let path = format!(".import-{}-{}.tar.zst", shape::now().0, std::process::id());
    let imported = async {
        loop {
            let mut piece = Vec::new();
            (&mut local).take(SEND_BYTES as u64).read_to_end(&mut piece)?;
            let is_last = piece.len() < SEND_BYTES;
            client.append(Place::Home, &path, piece).await?;
            if is_last {
                break;
            }
        }
        let source = Source::Home { path: path.clone() };
        Ok::<_, Failure>(client.call(Import { source, trusted_key }).await?)
    };
    let imported = imported.await;
    let gone = client.call(files::Remove { place: Place::Home, path, recursive: false }).await;
    let imported = imported?;
    gone?;
    taken(cx, "Imported", &imported)
}

async fn verify(cx: &Context, client: &Client, names: Vec<String>) -> Outcome {
    let mut ids = Vec::new();
    for name in &names {
        ids.push(find(client, name).await?.id);
    }
    if names.is_empty() {
        ids.extend(rows(client, None, usize::MAX).await?.iter().map(|snapshot| snapshot.id));
    }
    let mut verified = Vec::new();
    let mut failed: Option<Error> = None;
    for snapshot in ids {
        match client.call(Verify { snapshot }).await {
            Ok(sound) => verified.push(sound),
            Err(error) => {
                let error = Error { message: format!("{snapshot}: {}", error.message), ..error };
                if let Some(earlier) = failed.replace(error) {
                    Failure::from(earlier).report(cx.out.json);
                }
            }
        }
    }
    if cx.out.json {
        cx.out.json(&verified)?;
    } else {
        for sound in &verified {
            let by = if sound.is_own { "this device" } else { "another device" };
            cx.out.line(&format!(
                "{} is sound: {} members, {}, signed by {by}",
                sound.snapshot,
                sound.members,
                shape::bytes(sound.bytes)
            ))?;
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn name_it(path: &Path, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::NotFound => Code::NotFound,
        io::ErrorKind::PermissionDenied => Code::Forbidden,
        _ => Code::Internal,
    };
    Error::new(code, format!("{}: {error}", path.display()))
}
