//! From what a person types to what the kernel knows: PIDs, names, places.

use aether_client::Client;
use aether_protocol::{
    AgentId, Cursor, Error, Page, Pid, Request,
    agent::{self, Agent},
    files::Place,
    process,
};

/// The largest page that the kernel gives.
const PAGE: u32 = 200;

/// All rows of a list, page by page, at most `limit`.
pub(crate) async fn all<R, T>(
    client: &Client,
    limit: usize,
    request: impl Fn(Option<Cursor>, u32) -> R,
) -> Result<Vec<T>, Error>
where
    R: Request<Reply = Page<T>>,
    T: Unpin,
{
    let mut rows = Vec::new();
    let mut cursor = None;
    while rows.len() < limit {
        let want = u32::try_from(limit - rows.len()).unwrap_or(PAGE).min(PAGE);
        let page = client.call(request(cursor, want)).await?;
        rows.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    rows.truncate(limit);
    Ok(rows)
}

/// A PID, from a PID or from the name of an agent (its newest life).
pub(crate) async fn pid(client: &Client, text: &str) -> Result<Pid, Error> {
    if let Ok(pid) = text.parse() {
        return Ok(pid);
    }
    let agent = find_agent(client, text).await?;
    agent.last_pid.ok_or_else(|| Error::not_found("process of", text).hint("The agent has not run yet"))
}

/// An agent, from its name, its id, or the PID of one of its lives.
pub(crate) async fn agent(client: &Client, text: &str) -> Result<AgentId, Error> {
    if let Ok(pid) = text.parse::<Pid>() {
        return Ok(client.call(process::Get { pid }).await?.agent);
    }
    if let Ok(id) = text.parse::<AgentId>() {
        return Ok(id);
    }
    Ok(find_agent(client, text).await?.id)
}

async fn find_agent(client: &Client, name: &str) -> Result<Agent, Error> {
    let page = client.call(agent::List { name: Some(name.to_owned()), ..agent::List::default() }).await?;
    page.items.into_iter().next().ok_or_else(|| {
        Error::not_found("agent or process", format!("'{name}'")).hint("`aether ps --all` lists them")
    })
}

/// A place and a path in it, from `PLACE:PATH`.
pub(crate) async fn file(client: &Client, text: &str) -> Result<(Place, String), Error> {
    let (place, path) = split(text);
    let place = match place {
        None | Some("" | "home") => Place::Home,
        Some("shared") => Place::Shared,
        Some(other) => Place::Agent { agent: agent(client, other).await? },
    };
    Ok((place, path.to_owned()))
}

/// The place, where one is named, and the path without slashes around it.
fn split(text: &str) -> (Option<&str>, &str) {
    let (place, path) = match text.split_once(':') {
        Some((place, path)) if !place.contains('/') => (Some(place), path),
        _ => (None, text),
    };
    (place, path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn places_stand_before_the_first_colon() {
        assert_eq!(split("notes.txt"), (None, "notes.txt"));
        assert_eq!(split("shared:a/b"), (Some("shared"), "a/b"));
        assert_eq!(split("7:"), (Some("7"), ""));
        assert_eq!(split("a:b:c"), (Some("a"), "b:c"));
        assert_eq!(split("./a:b"), (None, "./a:b"));
        assert_eq!(split("scribe:/x/"), (Some("scribe"), "x"));
    }
}
