//! Processes and agents: lists, signals, words.

use std::io::Read;

use aether_client::Client;
use aether_protocol::{
    Error, Pid, Request, agent,
    process::{Continue, List, Message, Pause, Process, Resume, SetPriority, Signal, SignalName, Which},
};
use comfy_table::Cell;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    resolve,
    shape::{self, one_line},
};

pub(super) async fn list(cx: &Context, all: bool, ended: bool, limit: usize) -> Outcome {
    let which = match (all, ended) {
        (true, _) => Which::All,
        (false, true) => Which::Ended,
        (false, false) => Which::Live,
    };
    let client = cx.connect().await?;
    let rows =
        resolve::all(&client, limit, |cursor, limit| List { which, cursor, limit: Some(limit) }).await?;
    show(cx, &rows)
}

fn show(cx: &Context, processes: &[Process]) -> Outcome {
    if cx.out.json {
        cx.out.json(&processes)?;
        return Ok(());
    }
    let rows = processes
        .iter()
        .map(|process| {
            vec![
                Cell::new(process.pid),
                Cell::new(one_line(&process.name, 24)),
                shape::state_cell(process),
                Cell::new(process.priority),
                Cell::new(format!("{}/{}", process.steps_used, process.steps_limit)),
                Cell::new(process.usage.input_tokens + process.usage.output_tokens),
                Cell::new(shape::age(process)),
                Cell::new(one_line(&process.model.0, 28)),
                Cell::new(one_line(process.reason.as_deref().unwrap_or(&process.goal), 48)),
            ]
        })
        .collect();
    let headings = ["PID", "NAME", "STATE", "PRI", "STEPS", "TOKENS", "TIME", "MODEL", "GOAL OR REASON"];
    cx.out.table(&headings, &[0, 3, 4, 5, 6], rows)?;
    Ok(())
}

pub(super) async fn agents(cx: &Context, limit: usize) -> Outcome {
    let client = cx.connect().await?;
    let agents =
        resolve::all(&client, limit, |cursor, limit| agent::List { name: None, cursor, limit: Some(limit) })
            .await?;
    if cx.out.json {
        cx.out.json(&agents)?;
        return Ok(());
    }
    let rows = agents
        .iter()
        .map(|agent| {
            vec![
                Cell::new(one_line(&agent.name, 32)),
                Cell::new(one_line(&agent.role, 24)),
                Cell::new(agent.last_pid.map(|pid| pid.to_string()).unwrap_or_default()),
                Cell::new(agent.lives),
                Cell::new(shape::time(agent.created_at)),
                Cell::new(agent.id),
            ]
        })
        .collect();
    cx.out.table(&["NAME", "ROLE", "LAST PID", "LIVES", "SINCE", "ID"], &[2, 3], rows)?;
    Ok(())
}

pub(super) async fn lives(cx: &Context, agent: &str) -> Outcome {
    let client = cx.connect().await?;
    let agent = resolve::agent(&client, agent).await?;
    let lives =
        resolve::all(&client, 1000, |cursor, limit| agent::Lives { agent, cursor, limit: Some(limit) })
            .await?;
    show(cx, &lives)
}

pub(super) async fn remove(cx: &Context, agent: &str) -> Outcome {
    let client = cx.connect().await?;
    let id = resolve::agent(&client, agent).await?;
    let known = client.call(agent::Get { agent: id }).await?;
    let name = shape::plain(&known.name);
    cx.confirm(&format!("Remove the agent {name} with its home and its history? There is no undo."))?;
    let removed = client.call(agent::Remove { agent: id }).await?;
    if cx.out.json {
        cx.out.json(&removed)?;
    } else {
        cx.out.line(&format!("Removed {name} ({})", shape::bytes(removed.home_bytes)))?;
    }
    Ok(())
}

pub(super) async fn signal(cx: &Context, signal: SignalName, processes: &[String]) -> Outcome {
    each(cx, processes, |pid| Signal { pid, signal }).await
}

pub(super) async fn pause(cx: &Context, processes: &[String]) -> Outcome {
    each(cx, processes, |pid| Pause { pid }).await
}

pub(super) async fn resume(cx: &Context, processes: &[String]) -> Outcome {
    each(cx, processes, |pid| Resume { pid }).await
}

pub(super) async fn extend(cx: &Context, process: &str, steps: u32) -> Outcome {
    each(cx, &[process.to_owned()], |pid| Continue { pid, steps }).await
}

pub(super) async fn renice(cx: &Context, process: &str, priority: u8) -> Outcome {
    each(cx, &[process.to_owned()], |pid| SetPriority { pid, priority }).await
}

pub(super) async fn say(cx: &Context, process: &str, words: &[String]) -> Outcome {
    let text = text(words)?;
    each(cx, &[process.to_owned()], |pid| Message { pid, text: text.clone() }).await
}

/// The words as one text; a single `-` is stdin.
pub(super) fn text(words: &[String]) -> Outcome<String> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::invalid("There is nothing on stdin").into());
    }
    Ok(text.to_owned())
}

/// The same for each process. One that fails does not keep the others from their turn.
async fn each<R>(cx: &Context, processes: &[String], request: impl Fn(Pid) -> R) -> Outcome
where
    R: Request<Reply = Process>,
{
    let client = cx.connect().await?;
    let mut done = Vec::new();
    let mut failed: Option<Error> = None;
    for process in processes {
        match one(&client, process, &request).await {
            Ok(row) => done.push(row),
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    Failure::from(earlier).report(cx.out.json);
                }
            }
        }
    }
    if cx.out.json {
        cx.out.json(&done)?;
    } else {
        for process in &done {
            let state = shape::word(&process.state);
            cx.out.line(&format!("{} {} {state}", process.pid, shape::plain(&process.name)))?;
        }
    }
    failed.map_or(Ok(()), |error| Err(error.into()))
}

async fn one<R>(client: &Client, process: &str, request: impl Fn(Pid) -> R) -> Result<Process, Error>
where
    R: Request<Reply = Process>,
{
    let pid = resolve::pid(client, process).await?;
    client.call(request(pid)).await
}
