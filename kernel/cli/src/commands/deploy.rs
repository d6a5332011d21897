//! Deploying agents, and waiting for their end.

use std::time::Duration;

use aether_protocol::{
    Error,
    mind::ModelName,
    network::HostGrant,
    process::{self, Exit, Limits, Phase, Process},
};

use super::{processes, steps};
use crate::{
    args::Spawn,
    context::Context,
    failure::{AGENT_FAILED, Failure, Outcome},
    resolve, shape,
};

pub(super) async fn spawn(cx: &Context, args: Spawn) -> Outcome {
    let goal = processes::text(&args.goal)?;
    let client = cx.connect().await?;
    let agent = match &args.agent {
        Some(agent) => Some(resolve::agent(&client, agent).await?),
        None => None,
    };
    // Before the agent exists, so that none of its steps can be missed.
    let events = args.wait.then(|| client.events(None));
    let process = client
        .call(process::Spawn {
            agent,
            name: args.name,
            role: args.role,
            goal,
            model: args.model.map(ModelName),
            tools: (!args.tools.is_empty()).then_some(args.tools),
            priority: args.priority,
            limits: Box::new(Limits { max_steps: args.max_steps, ..Limits::default() }),
            quotas: args.quotas.quotas(None).map(Box::new),
            network: network(&args.network)?,
        })
        .await?;
    let Some(mut events) = events else {
        if cx.out.json {
            cx.out.json(&process)?;
        } else {
            let (name, state) = (shape::plain(&process.name), shape::word(&process.state));
            cx.out.line(&format!("{} {name} {state}", process.pid))?;
            eprintln!("Follow it with `aether logs -f {}`", process.pid);
        }
        return Ok(());
    };
    if !cx.out.json {
        eprintln!("Process {} is {}", process.pid, shape::plain(&process.name));
    }
    let mut log = steps::Log::new(cx.out, process.pid, None, false);
    let ended = log.follow(&client, &mut events).await?;
    judge(cx, &ended)
}

/// What `--network` says; `None` where it says nothing.
fn network(words: &[String]) -> Outcome<Option<Vec<HostGrant>>> {
    match words {
        [] => Ok(None),
        [word] if word == "none" => Ok(Some(Vec::new())),
        words => {
            let grants: Result<Vec<HostGrant>, _> = words.iter().map(|word| word.parse()).collect();
            let grants = grants.map_err(|error| {
                Error::invalid(error.to_string())
                    .hint("For example pypi.org, *.pythonhosted.org or attic.lan:8080,local")
            })?;
            Ok(Some(grants))
        }
    }
}

pub(super) async fn wait(cx: &Context, processes: &[String], timeout_secs: Option<u64>) -> Outcome {
    let waiting = wait_for_all(cx, processes);
    match timeout_secs {
        None => waiting.await,
        Some(secs) => match tokio::time::timeout(Duration::from_secs(secs), waiting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::internal(format!("Not all of them ended within {secs} seconds"))
                .hint("They go on; `aether ps` shows them")
                .into()),
        },
    }
}

async fn wait_for_all(cx: &Context, processes: &[String]) -> Outcome {
    let client = cx.connect().await?;
    let mut pids = Vec::new();
    for process in processes {
        pids.push(resolve::pid(&client, process).await?);
    }
    let mut events = client.events(None);
    let mut verdict = Ok(());
    for pid in pids {
        let ended = loop {
            let process = client.call(process::Get { pid }).await?;
            if steps::has_ended(&process) {
                break process;
            }
            // Something that happened is the moment to look again; what is missed meanwhile is in the row.
            while !concerns(&events.next().await, pid) {}
        };
        if cx.out.json {
            cx.out.json(&ended)?;
        } else {
            let (name, how) = (shape::plain(&ended.name), shape::ending(&ended));
            cx.out.line(&format!("{} {name} {how}", ended.pid))?;
        }
        if verdict.is_ok() {
            verdict = judge(cx, &ended);
        }
    }
    verdict
}

fn concerns(incoming: &aether_client::Incoming, wanted: aether_protocol::Pid) -> bool {
    match incoming {
        aether_client::Incoming::Resynced => true,
        aether_client::Incoming::Event(event) => matches!(
            &event.body,
            aether_protocol::EventBody::ProcessChanged { process } if process.pid == wanted
        ),
        aether_client::Incoming::Live(_) => false,
    }
}

/// The exit status that tells how a process ended.
fn judge(cx: &Context, ended: &Process) -> Outcome {
    let Some(status) = verdict(ended) else { return Ok(()) };
    // Says it; the status is the agent's, not the error's.
    Failure::from(steps::epitaph(ended)).report(cx.out.json);
    Err(Failure::Status(status))
}

/// `None` for a goal that was reached.
fn verdict(ended: &Process) -> Option<u8> {
    match (ended.phase, ended.exit) {
        (Phase::Completed, _) => None,
        (_, Some(Exit::Signal { number })) => Some(u8::try_from(128 + number).unwrap_or(AGENT_FAILED)),
        _ => Some(AGENT_FAILED),
    }
}
