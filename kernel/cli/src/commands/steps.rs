//! What a process does, step by step, as it happens.

use aether_client::{Client, EventStream, Incoming};
use aether_protocol::{
    Error, EventBody, Pid,
    agent::Steps,
    journal::{Step, StepBody},
    process::{Get, Process, State},
};

use crate::{
    context::Context,
    failure::Outcome,
    resolve,
    shape::{self, Output, one_line, plain},
};

/// How much of a text is shown on one line.
const LINE: usize = 160;

pub(super) async fn logs(
    cx: &Context,
    process: &str,
    follow: bool,
    after: Option<u32>,
    full: bool,
) -> Outcome {
    let client = cx.connect().await?;
    let pid = resolve::pid(&client, process).await?;
    let mut log = Log::new(cx.out, pid, after, full);
    if follow {
        let mut events = client.events(None);
        log.follow(&client, &mut events).await?;
        return Ok(());
    }
    // An unknown PID is an error also where it has no steps.
    client.call(Get { pid }).await?;
    log.catch_up(&client).await
}

/// The log of one process, as far as it was printed.
pub(super) struct Log {
    out: Output,
    pid: Pid,
    last: Option<u32>,
    full: bool,
}

impl Log {
    pub(super) fn new(out: Output, pid: Pid, after: Option<u32>, full: bool) -> Self {
        Self { out, pid, last: after, full }
    }

    /// Prints steps until the process ends, and returns how it ended. `events` must have been started
    /// before, so that nothing falls between the list and the stream.
    pub(super) async fn follow(&mut self, client: &Client, events: &mut EventStream) -> Outcome<Process> {
        let mut process = client.call(Get { pid: self.pid }).await?;
        self.catch_up(client).await?;
        while !has_ended(&process) {
            match events.next().await {
                Incoming::Event(event) => match &event.body {
                    EventBody::ProcessStepped { pid, step, cut, .. } if *pid == self.pid => {
                        let expected = self.last.map_or(0, |last| last + 1);
                        if step.index == expected && !cut {
                            self.print(step)?;
                        } else if step.index >= expected {
                            self.catch_up(client).await?;
                        }
                    }
                    EventBody::ProcessChanged { process: changed } if changed.pid == self.pid => {
                        process = (**changed).clone();
                    }
                    _ => {}
                },
                Incoming::Resynced => {
                    process = client.call(Get { pid: self.pid }).await?;
                    self.catch_up(client).await?;
                }
                Incoming::Live(_) => {}
            }
        }
        self.catch_up(client).await?;
        Ok(process)
    }

    /// Prints the steps that are in the journal and were not printed yet.
    async fn catch_up(&mut self, client: &Client) -> Outcome {
        loop {
            let steps = Steps { pid: self.pid, after: self.last, limit: Some(200) };
            let page = client.call(steps).await?;
            for step in &page.items {
                self.print(step)?;
            }
            if page.items.is_empty() {
                return Ok(());
            }
        }
    }

    fn print(&mut self, step: &Step) -> Outcome {
        self.last = Some(step.index);
        if self.out.json {
            self.out.json(step)?;
            return Ok(());
        }
        let (label, color, text) = describe(step, self.full);
        let clock = shape::clock(step.at);
        self.out.line(&format!("\x1b[2m{clock}\x1b[0m \x1b[{color}m{label:<9}\x1b[0m {text}"))?;
        Ok(())
    }
}

/// Whether there is nothing more to come. A zombie's exit status and reason are still on their way.
pub(super) fn has_ended(process: &Process) -> bool {
    process.state == State::Dead
}

/// A label, its colour (SGR), and what to say of a step.
fn describe(step: &Step, full: bool) -> (&'static str, u8, String) {
    let shown = |text: &str| if full { indent(&plain(text)) } else { one_line(text, LINE) };
    match &step.body {
        StepBody::Message { from, text } => ("message", 36, format!("{}: {}", plain(from), shown(text))),
        StepBody::Thought { text, calls, usage, duration_ms, .. } => {
            let mut said = shown(text);
            if said.is_empty() {
                let names: Vec<String> = calls.iter().map(|call| plain(&call.tool)).collect();
                said = format!("→ {}", names.join(", "));
            }
            let cost = format!("{} tokens, {}", usage.output_tokens, shape::duration(*duration_ms));
            ("thought", 35, format!("{said} \x1b[2m({cost})\x1b[0m"))
        }
        StepBody::CallStarted { call } => {
            ("call", 34, format!("{} {}", plain(&call.tool), shown(&call.args.to_string())))
        }
        StepBody::CallFinished { tool, ok, output, duration_ms, .. } => {
            let (label, color) = if *ok { ("result", 32) } else { ("refused", 31) };
            let took = shape::duration(*duration_ms);
            (label, color, format!("{} {} \x1b[2m({took})\x1b[0m", plain(tool), shown(output)))
        }
        StepBody::CallInterrupted { tool, .. } => {
            ("cut off", 33, format!("{}: it may or may not have taken effect", plain(tool)))
        }
        StepBody::Question { text } => ("question", 33, shown(text)),
        StepBody::Note { text } => ("note", 2, shown(text)),
        StepBody::Completed { summary } => ("completed", 32, shown(summary)),
        StepBody::Ended { reason } => ("ended", 33, shown(reason)),
        StepBody::Failed { reason } => ("failed", 31, shown(reason)),
    }
}

/// Later lines stand under the first one.
fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n                   ")
}

/// What to tell of a process that ended without reaching its goal.
pub(super) fn epitaph(process: &Process) -> Error {
    let why = process.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Error::internal(format!("Process {} ({}) {}{why}", process.pid, process.name, shape::ending(process)))
        .hint(format!("`aether logs --full {}` shows what it did", process.pid))
}

#[cfg(test)]
mod tests {
    use aether_protocol::{
        UnixMillis,
        mind::{ToolCall, Usage},
    };
    use serde_json::json;

    use super::*;

    fn described(body: StepBody, full: bool) -> (&'static str, String) {
        let (label, _, text) = describe(&Step { index: 0, at: UnixMillis(0), body }, full);
        (label, text)
    }

    #[test]
    fn steps_are_told_on_one_line_or_whole() {
        let long = StepBody::Completed { summary: format!("line one\n{}", "x".repeat(400)) };
        let (label, short) = described(long.clone(), false);
        assert_eq!(label, "completed");
        assert!(!short.contains('\n') && short.chars().count() <= LINE, "{short}");
        assert!(described(long, true).1.contains(&"x".repeat(400)));
    }

    #[test]
    fn a_thought_without_words_names_its_calls() {
        let call = ToolCall { id: "1".into(), tool: "write_file".into(), args: json!({}) };
        let thought = StepBody::Thought {
            text: String::new(),
            calls: vec![call],
            model: "m".into(),
            usage: Usage { input_tokens: 1, output_tokens: 2 },
            duration_ms: 1500,
        };
        let (_, text) = described(thought, false);
        assert!(text.contains("→ write_file") && text.contains("2 tokens, 1.5s"), "{text}");
    }

    #[test]
    fn results_cannot_steer_the_terminal() {
        let body = StepBody::CallFinished {
            call: "1".into(),
            tool: "run\x1b[2Jcommand".into(),
            ok: true,
            output: "\x1b]52;c;ZXZpbA==\x07".into(),
            duration_ms: 1,
        };
        let (_, text) = described(body, true);
        assert!(!text.replace("\x1b[2m", "").replace("\x1b[0m", "").contains('\x1b'), "{text:?}");
    }
}
