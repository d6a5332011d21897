//! The kernel about itself: status, doctor, models, roles, events.

use aether_client::Incoming;
use aether_protocol::{
    Error, Event, Seq,
    agent::Roles,
    events::List,
    mind::Models,
    system::{Check, Diagnosis, Doctor, Gc, GetStatus, Health},
};
use comfy_table::{Cell, Color};

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    shape::{self, one_line},
};

pub(super) async fn models(cx: &Context) -> Outcome {
    let models = cx.connect().await?.call(Models {}).await?.items;
    if cx.out.json {
        cx.out.json(&models)?;
        return Ok(());
    }
    let rows = models
        .iter()
        .map(|model| {
            let usable = if model.available {
                Cell::new("available").fg(Color::Green)
            } else {
                Cell::new("not available").fg(Color::Yellow)
            };
            vec![
                Cell::new(one_line(&model.name.0, 48)),
                usable,
                Cell::new(model.context_tokens.map(|tokens| tokens.to_string()).unwrap_or_default()),
                Cell::new(model.size_bytes.map(shape::bytes).unwrap_or_default()),
                Cell::new(if model.is_default { "default" } else { "" }),
                Cell::new(one_line(model.note.as_deref().unwrap_or_default(), 100)),
            ]
        })
        .collect();
    cx.out.table(&["NAME", "", "CONTEXT", "SIZE", "", "NOTE"], &[2, 3], rows)?;
    Ok(())
}

pub(super) async fn roles(cx: &Context) -> Outcome {
    let roles = cx.connect().await?.call(Roles {}).await?.items;
    if cx.out.json {
        cx.out.json(&roles)?;
        return Ok(());
    }
    let rows = roles
        .iter()
        .map(|role| {
            vec![
                Cell::new(&role.id),
                Cell::new(role.tools.len()),
                Cell::new(one_line(&role.summary, 72)),
                Cell::new(one_line(&role.example_goal, 60)),
            ]
        })
        .collect();
    cx.out.table(&["ROLE", "TOOLS", "SUMMARY", "EXAMPLE"], &[1], rows)?;
    Ok(())
}

pub(super) async fn gc(cx: &Context, dry_run: bool) -> Outcome {
    let found = cx.connect().await?.call(Gc { dry_run }).await?;
    if cx.out.json {
        cx.out.json(&found)?;
    } else if found.items.is_empty() {
        cx.out.line("There is no garbage")?;
    } else {
        let rows = found
            .items
            .iter()
            .map(|item| {
                let why = match &item.failure {
                    Some(failure) => format!("not removed: {failure}"),
                    None => item.reason.clone(),
                };
                vec![
                    Cell::new(shape::word(&item.kind)),
                    Cell::new(shape::bytes(item.bytes)),
                    Cell::new(shape::plain(&item.path)),
                    Cell::new(one_line(&why, 80)),
                ]
            })
            .collect();
        cx.out.table(&["KIND", "SIZE", "PATH", "WHY"], &[1], rows)?;
        let what = if dry_run { "would be freed" } else { "freed" };
        cx.out.line(&format!("{} {what}", shape::bytes(found.bytes)))?;
    }
    if found.items.iter().any(|item| item.failure.is_some()) {
        return Err(Error::internal("Some of it could not be removed").into());
    }
    Ok(())
}

pub(super) async fn status(cx: &Context) -> Outcome {
    let status = cx.connect().await?.call(GetStatus {}).await?;
    if cx.out.json {
        cx.out.json(&status)?;
        return Ok(());
    }
    let host = &status.host;
    let up = shape::duration(status.now.since_ms(status.started_at));
    cx.out.line(&format!("Aether {} on {}, up {up}", status.version, shape::plain(&status.device)))?;
    cx.out.line(&format!(
        "Processes  {} of {} running, {} queued, {} sandboxes ready; {} events",
        status.running, status.max_running, status.queued, status.ready, status.last_seq
    ))?;
    cx.out.line(&format!(
        "Host       CPU {:.0} %, memory {} of {}, disk {} free of {}",
        host.cpu_share * 100.0,
        shape::bytes(host.memory_used_bytes),
        shape::bytes(host.memory_total_bytes),
        shape::bytes(host.disk_free_bytes),
        shape::bytes(host.disk_total_bytes)
    ))?;
    let rows = status
        .subsystems
        .iter()
        .map(|subsystem| {
            vec![
                Cell::new(&subsystem.name),
                health(subsystem.state),
                Cell::new(format!("{:.1} ms", subsystem.start_us as f64 / 1000.0)),
                Cell::new(one_line(&subsystem.detail, 100)),
            ]
        })
        .collect();
    cx.out.table(&["SUBSYSTEM", "STATE", "START", "DETAIL"], &[2], rows)?;
    Ok(())
}

fn health(state: Health) -> Cell {
    let color = match state {
        Health::Ready => Color::Green,
        Health::Degraded => Color::Yellow,
        Health::Failed => Color::Red,
    };
    Cell::new(shape::word(&state)).fg(color)
}

/// The way to the kernel first; what lies behind it only where it can be reached.
pub(super) async fn doctor(cx: &Context) -> Outcome {
    let mut checks = Vec::new();
    let failure = match examine(cx, &mut checks).await {
        Ok(()) => None,
        Err(Failure::Said(error)) => {
            let remedy = error.hint.clone();
            checks.push(Check {
                name: "kernel".into(),
                state: Health::Failed,
                detail: error.message.clone(),
                remedy,
            });
            Some(crate::failure::status(error.code))
        }
        Err(other) => return Err(other),
    };
    if cx.out.json {
        cx.out.json(&Diagnosis { checks: checks.clone() })?;
    } else {
        let rows = checks
            .iter()
            .map(|check| {
                vec![Cell::new(&check.name), health(check.state), Cell::new(shape::plain(&check.detail))]
            })
            .collect();
        cx.out.table(&["CHECK", "STATE", "FOUND"], &[], rows)?;
        for check in &checks {
            if let Some(remedy) = &check.remedy {
                cx.out.line(&format!("\x1b[1;36mhint:\x1b[0m {}: {}", check.name, shape::plain(remedy)))?;
            }
        }
    }
    let any_failed = checks.iter().any(|check| check.state == Health::Failed);
    match failure {
        Some(status) => Err(Failure::Status(status)),
        None if any_failed => Err(Failure::Status(1)),
        None => Ok(()),
    }
}

async fn examine(cx: &Context, checks: &mut Vec<Check>) -> Outcome {
    let client = cx.connect().await?;
    let ready =
        |name: &str, detail: String| Check { name: name.into(), state: Health::Ready, detail, remedy: None };
    let status = client.call(GetStatus {}).await?;
    checks.push(ready("kernel", format!("Aether {} at {}", status.version, cx.address)));
    checks.push(match cx.fingerprint {
        Some(fingerprint) => ready("certificate", format!("Pinned: {fingerprint}")),
        None => ready("certificate", "Vouched for by this computer's authorities".into()),
    });
    let ours = env!("CARGO_PKG_VERSION");
    if status.version != ours {
        checks.push(Check {
            name: "versions".into(),
            state: Health::Degraded,
            detail: format!("This command line is {ours}, the kernel is {}", status.version),
            remedy: Some("Use the command line that came with the kernel".into()),
        });
    }
    checks.extend(client.call(Doctor {}).await?.checks);
    Ok(())
}

pub(super) async fn events(cx: &Context, follow: bool, after: Option<u64>, limit: u32) -> Outcome {
    let client = cx.connect().await?;
    if follow {
        let mut events = client.events(after.map(Seq));
        loop {
            match events.next().await {
                Incoming::Event(event) => show(cx, &event)?,
                Incoming::Resynced => {
                    eprintln!("Some events are missing here: the kernel no longer keeps them");
                }
                Incoming::Live(_) => {}
            }
        }
    }
    if limit == 0 {
        return Err(Error::invalid("--limit must be at least 1").into());
    }
    let after = if let Some(after) = after {
        Seq(after)
    } else {
        let newest = client.call(GetStatus {}).await?.last_seq;
        Seq(newest.0.saturating_sub(u64::from(limit)))
    };
    let mut last = after;
    let mut left = limit;
    while left > 0 {
        let page = client.call(List { after: Some(last), limit: Some(left.min(1000)) }).await?;
        let Some(newest) = page.items.last() else { break };
        last = newest.seq;
        left = left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        for event in &page.items {
            show(cx, event)?;
        }
    }
    Ok(())
}

fn show(cx: &Context, event: &Event) -> Outcome {
    if cx.out.json {
        cx.out.json(event)?;
        return Ok(());
    }
    let body = serde_json::to_value(&event.body).unwrap_or_default();
    let name = body.get("event").and_then(serde_json::Value::as_str).unwrap_or_default();
    let data = body.get("data").map(ToString::to_string).unwrap_or_default();
    cx.out.line(&format!(
        "\x1b[2m{:>8} {}\x1b[0m \x1b[36m{name}\x1b[0m \x1b[2mby {}\x1b[0m {}",
        event.seq,
        shape::time(event.at),
        shape::plain(&event.actor.to_string()),
        one_line(&data, 160)
    ))?;
    Ok(())
}
