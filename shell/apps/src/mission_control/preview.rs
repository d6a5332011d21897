//! What a card shows above: the last thing that an agent did, as a small log.

use aether_protocol::{journal::StepBody, process::Phase};

use crate::{agent_view::call_line, text, world::Known};

/// Bytes of a text that are looked at for a preview.
const TEXT_BYTES: usize = 1_024;

/// A line of a preview.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The text, one line.
    pub text: String,
    /// Whose colour it wears; `None` for plain text.
    pub phase: Option<Phase>,
    /// Whether it is output of a program.
    pub mono: bool,
}

/// The last `rows` lines, newest last: live words, the output of the last command, or the last steps.
pub fn lines(known: &Known, rows: usize) -> Vec<Line> {
    if !known.words.trim().is_empty() {
        return vec![Line { text: tail(&known.words), phase: Some(Phase::Thinking), mono: false }];
    }
    if let Some(output) = last_output(known) {
        let all: Vec<&str> = output.lines().filter(|line| !line.trim().is_empty()).collect();
        let skipped = all.len().saturating_sub(rows.saturating_sub(1));
        let mut lines = Vec::with_capacity(rows);
        if let Some(command) = last_command(known) {
            lines.push(Line { text: format!("$ {command}"), phase: Some(Phase::Executing), mono: true });
        }
        lines.extend(all.into_iter().skip(skipped).map(|line| Line {
            text: text::one_line(line, 120),
            phase: None,
            mono: true,
        }));
        return lines;
    }
    let mut lines: Vec<Line> =
        known.steps.iter().rev().filter_map(|seen| line(&seen.step.body)).take(rows).collect();
    lines.reverse();
    lines
}

/// The output of a command, where that was the last thing that happened.
fn last_output(known: &Known) -> Option<&str> {
    match &known.steps.back()?.step.body {
        StepBody::CallFinished { tool, output, .. } if tool == "run_command" => {
            let (head, _) = text::head(output, TEXT_BYTES * 4);
            Some(head)
        }
        _ => None,
    }
}

fn last_command(known: &Known) -> Option<String> {
    known.steps.iter().rev().find_map(|seen| match &seen.step.body {
        StepBody::CallStarted { call } if call.tool == "run_command" => {
            Some(text::one_line(&call_line(call), 80))
        }
        _ => None,
    })
}

fn line(body: &StepBody) -> Option<Line> {
    let (text, phase) = match body {
        StepBody::Message { from, text } => (format!("{from}: {text}"), None),
        StepBody::Thought { text, .. } if text.trim().is_empty() => return None,
        StepBody::Thought { text, .. } => (text.clone(), Some(Phase::Thinking)),
        StepBody::CallStarted { call } => {
            (format!("{} {}", call.tool, call_line(call)), Some(Phase::Executing))
        }
        StepBody::CallFinished { ok: true, output, .. } => (output.clone(), Some(Phase::Observing)),
        StepBody::CallFinished { ok: false, output, .. } => (output.clone(), Some(Phase::Failed)),
        StepBody::CallInterrupted { tool, .. } => (format!("{tool} was interrupted"), Some(Phase::Failed)),
        StepBody::Question { text } => (text.clone(), Some(Phase::Waiting)),
        StepBody::Note { text } => (text.clone(), None),
        StepBody::Completed { summary } => (summary.clone(), Some(Phase::Completed)),
        StepBody::Ended { reason } => (reason.clone(), None),
        StepBody::Failed { reason } => (reason.clone(), Some(Phase::Failed)),
    };
    let (start, _) = text::head(&text, TEXT_BYTES);
    Some(Line { text: text::one_line(start, 160), phase, mono: false })
}

/// The end of what is being thought, from a word's start.
fn tail(words: &str) -> String {
    const SHOWN_CHARS: usize = 220;
    let count = words.chars().count();
    if count <= SHOWN_CHARS {
        return text::one_line(words, SHOWN_CHARS + 1);
    }
    let end: String = words.chars().skip(count - SHOWN_CHARS).collect();
    let end = end.split_once(char::is_whitespace).map_or(end.as_str(), |(_, rest)| rest);
    format!("… {}", text::one_line(end, SHOWN_CHARS + 1))
}

#[cfg(test)]
mod tests {
    use aether_client::Incoming;
    use aether_protocol::{Live, Pid};

    use super::*;
    use crate::{
        World,
        tests::fixture::{journal, stepped, tell, world_of},
    };

    fn preview(world: &World, pid: u64) -> Vec<String> {
        lines(world.process(Pid(pid)).unwrap(), 5).into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn live_words_come_before_all_else() {
        let mut world = world_of(2);
        let text = "word ".repeat(200);
        world.apply(Incoming::Live(Live::Words { pid: Pid(2), text }));
        let lines = preview(&world, 2);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("… word") && lines[0].len() < 240, "{}", lines[0]);
    }

    #[test]
    fn the_last_command_shows_its_output() {
        let mut world = world_of(1);
        world.apply(Incoming::Live(Live::WordsEnd { pid: Pid(1) }));
        assert_eq!(
            preview(&world, 1).last().unwrap(),
            "The model's answer was not valid JSON; it was asked again"
        );
        tell(&mut world, 99, stepped(1, 8, journal()[6].clone()));
        assert_eq!(
            preview(&world, 1),
            [
                "$ cat hello.txt && wc -c hello.txt",
                "Good morning from a small machine.",
                "36 hello.txt",
                "exit status 0"
            ]
        );
    }
}
