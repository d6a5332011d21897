//! Terminals that are recorded, and recordings played in this terminal.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use aether_protocol::{
    Error, TerminalId,
    files::Place,
    terminal::{Record, StopRecording},
};
use serde::Deserialize;

use crate::{
    context::Context,
    failure::{Failure, Outcome},
    resolve, shape,
};

/// Begins a recording of a terminal, or ends it where no file is named.
pub(super) async fn record(cx: &Context, terminal: TerminalId, path: Option<String>) -> Outcome {
    let client = cx.connect().await?;
    let begins = path.is_some();
    let now = match path {
        Some(path) => {
            let (place, path) = resolve::file(&client, &path).await?;
            only_at_home(place, "Recordings go into your own home")?;
            client.call(Record { terminal, path }).await?
        }
        None => client.call(StopRecording { terminal }).await?,
    };
    if cx.out.json {
        cx.out.json(&now)?;
    } else if begins {
        let path = shape::plain(now.recording.as_deref().unwrap_or_default());
        cx.out.line(&format!("Recording into {path}; `aether record {terminal} --stop` ends it"))?;
    } else {
        cx.out.line("The recording has ended")?;
    }
    Ok(())
}

/// The first line of a recording.
#[derive(Deserialize)]
struct Header {
    version: u32,
}

/// Plays a recording. Pauses are at most `longest`, and all of them are divided by `speed`.
pub(super) async fn replay(cx: &Context, path: &str, speed: f64, longest: Duration) -> Outcome {
    let client = cx.connect().await?;
    let (place, path) = resolve::file(&client, path).await?;
    // What is played reaches this terminal as it is: nobody else's recording does so unasked.
    only_at_home(place, "A recording is played from your own home")?;
    let bytes = client.download(place, &path).await?;
    let text = String::from_utf8(bytes.into()).map_err(|_| no_recording(1, "it is no text"))?;
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().ok_or_else(|| no_recording(1, "it is empty"))?;
    let header: Header = serde_json::from_str(header).map_err(|error| no_recording(1, error))?;
    if header.version != 2 {
        return Err(no_recording(1, format!("version {} is not known", header.version)));
    }
    let mut before = 0.0;
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let (at, kind, data): (f64, String, String) =
            serde_json::from_str(line).map_err(|error| no_recording(index + 1, error))?;
        let pause = Duration::try_from_secs_f64((at - before).max(0.0)).unwrap_or(longest).min(longest);
        before = at;
        if kind == "o" {
            tokio::time::sleep(pause.div_f64(speed)).await;
            let mut out = io::stdout().lock();
            out.write_all(data.as_bytes())?;
            out.flush()?;
        }
    }
    Ok(())
}

fn only_at_home(place: Place, why: &str) -> Outcome {
    if place == Place::Home {
        Ok(())
    } else {
        Err(Error::forbidden(why).hint("Copy the file there first, if you trust it").into())
    }
}

fn no_recording(line: usize, why: impl std::fmt::Display) -> Failure {
    Error::invalid(format!("This is no asciicast of version 2; line {line}: {why}"))
        .hint("`aether record` makes one")
        .into()
}
