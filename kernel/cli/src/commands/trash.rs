//! The trash of a place.

use aether_client::Client;
use aether_protocol::{
    Error,
    files::{EmptyTrash, EntryKind, ListTrash, Place, Restore, Trash},
};
use comfy_table::Cell;

use super::files::done;
use crate::{context::Context, failure::Outcome, resolve, shape};

pub(super) async fn put(cx: &Context, client: &Client, text: &str) -> Outcome {
    let (place, path) = resolve::file(client, text).await?;
    let trashed = client.call(Trash { place, path }).await?;
    if cx.out.json {
        cx.out.json(&trashed)?;
    } else {
        let (path, name) = (shape::plain(&trashed.path), shape::plain(&trashed.name));
        cx.out.line(&format!("Threw {path} away; in the trash it is called {name}"))?;
    }
    Ok(())
}

/// A place, without a path in it.
async fn place_of(client: &Client, text: &str) -> Result<Place, Error> {
    let text = if text.contains(':') { text.to_owned() } else { format!("{text}:") };
    match resolve::file(client, &text).await? {
        (place, path) if path.is_empty() => Ok(place),
        _ => Err(Error::invalid("A place has one trash, not one for each folder")
            .hint("Name the place alone, such as home: or shared:")),
    }
}

pub(super) async fn list(cx: &Context, client: &Client, text: &str) -> Outcome {
    let place = place_of(client, text).await?;
    let items =
        resolve::all(client, usize::MAX, |cursor, limit| ListTrash { place, cursor, limit: Some(limit) })
            .await?;
    if cx.out.json {
        cx.out.json(&items)?;
        return Ok(());
    }
    let rows = items
        .iter()
        .map(|item| {
            let is_file = item.kind == EntryKind::File;
            vec![
                Cell::new(if is_file { shape::bytes(item.size_bytes) } else { String::new() }),
                Cell::new(shape::time(item.trashed_at)),
                Cell::new(shape::plain(&item.name)),
                Cell::new(shape::plain(&item.path)),
            ]
        })
        .collect();
    cx.out.table(&["SIZE", "THROWN AWAY", "NAME", "FROM"], &[0], rows)?;
    Ok(())
}

pub(super) async fn restore(
    cx: &Context,
    client: &Client,
    name: &str,
    to: Option<String>,
    rename: bool,
) -> Outcome {
    let (place, name) = resolve::file(client, name).await?;
    done(cx, "Restored", &client.call(Restore { place, name, to, rename }).await?)
}

pub(super) async fn empty(
    cx: &Context,
    client: &Client,
    text: &str,
    older_than_days: Option<u32>,
) -> Outcome {
    let place = place_of(client, text).await?;
    cx.confirm("What is in the trash cannot be brought back afterwards. Empty it?")?;
    let gone = client.call(EmptyTrash { place, names: None, older_than_days }).await?;
    if cx.out.json {
        cx.out.json(&gone)?;
    } else {
        let entries = gone.entries;
        cx.out.line(&format!("Removed {entries} {}", if entries == 1 { "entry" } else { "entries" }))?;
    }
    Ok(())
}
