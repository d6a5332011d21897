//! A kernel that keeps a journal in memory and thinks what it is told to.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use aether_protocol::{
    Code, Command, Error, Pid, Reply, UnixMillis,
    journal::{Step, StepBody},
    life::{self, Answer, Briefing, Inbox, Noted, Permit},
    link::{FromAgent, ToAgent},
    mind::{self, Message, Think, Thought, ToolCall, Usage},
};
use serde_json::Value;

use crate::{
    life::{End, live},
    link::{Link, LinkError},
    retry::Pace,
    signals::Signals,
    tools::Home,
};

/// What a deadline of a test is: long, since it only ends a test that has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// What the kernel does when a given command comes.
pub enum Cue {
    /// Closes the socket instead of answering.
    Vanish,
    /// Sends a signal's record, then answers.
    Signal(i32),
}

pub struct Kernel {
    pub briefing: Briefing,
    /// What `mind.think` answers, in order. When none is left, the socket is closed.
    pub thoughts: VecDeque<Result<Thought, Error>>,
    /// Calls of these tools are refused.
    pub refused: Vec<String>,
    pub answers: VecDeque<Result<String, Error>>,
    /// Messages that come in with the next finished call.
    pub inbox: VecDeque<StepBody>,
    /// At the n-th command (from 0) of this name.
    pub cues: Vec<(&'static str, usize, Cue)>,
    /// Sends the signal when this text has appeared in the file `signal-now` of the home.
    pub signal_on_file: Option<i32>,
}

/// What happened.
pub struct Seen {
    pub end: Result<End, LinkError>,
    pub commands: Vec<Command>,
    pub thinks: Vec<Think>,
    /// The journal, with what was given at the start.
    pub journal: Vec<StepBody>,
    pub home: tempfile::TempDir,
}

#[expect(clippy::unnecessary_wraps, reason = "scripts mix thoughts and errors")]
pub fn calls(calls: &[(&str, &str, Value)]) -> Result<Thought, Error> {
    let calls = calls
        .iter()
        .map(|(id, tool, args)| ToolCall {
            id: (*id).to_owned(),
            tool: (*tool).to_owned(),
            args: args.clone(),
        })
        .collect();
    Ok(Thought {
        text: String::new(),
        calls,
        model: "test:scripted".to_owned(),
        usage: Usage::default(),
        cut_off: false,
    })
}

pub fn says(text: &str) -> Result<Thought, Error> {
    calls(&[]).map(|thought| Thought { text: text.to_owned(), ..thought })
}

pub fn completes(summary: &str) -> Result<Thought, Error> {
    calls(&[("end", "complete", serde_json::json!({ "summary": summary }))])
}

pub fn goal(text: &str) -> StepBody {
    StepBody::Message { from: "ada".to_owned(), text: text.to_owned() }
}

impl Kernel {
    pub fn new(journal: Vec<StepBody>, thoughts: Vec<Result<Thought, Error>>) -> Self {
        let journal = journal
            .into_iter()
            .enumerate()
            .map(|(index, body)| Step { index: index as u32, at: UnixMillis(0), body })
            .collect();
        Self {
            briefing: Briefing {
                life: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
                pid: Pid(7),
                name: "tester".to_owned(),
                instructions: "Do what you are told.".to_owned(),
                examples: Vec::new(),
                tools: aether_protocol::tools::ALL.iter().map(|(name, _)| (*name).to_owned()).collect(),
                context_tokens: 100_000,
                max_output_tokens: 1000,
                journal,
            },
            thoughts: thoughts.into(),
            refused: Vec::new(),
            answers: VecDeque::new(),
            inbox: VecDeque::new(),
            cues: Vec::new(),
            signal_on_file: None,
        }
    }

    /// Lives one life to its end.
    pub fn run(self) -> Seen {
        self.run_in(tempfile::tempdir().unwrap())
    }

    pub fn run_in(self, home: tempfile::TempDir) -> Seen {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (signals, signal_source) = UnixStream::pair().unwrap();
        let signals = Signals::reading(OwnedFd::from(signals).into());
        let root = home.path().to_path_buf();
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            let pace =
                Pace { first: Duration::from_millis(1), longest: Duration::from_millis(2), max_tries: 3 };
            send.send(live(Link::new(theirs), signals, Home::at(root), Vec::new(), pace)).unwrap();
        });
        if let Some(signal) = self.signal_on_file {
            let mut source = signal_source.try_clone().unwrap();
            let fifo = home.path().join("signal-now");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
            // Opening the pipe waits for the command that opens its other end.
            thread::spawn(move || {
                std::fs::File::open(fifo).unwrap();
                source.write_all(&record(signal)).unwrap();
            });
        }
        let (commands, thinks, journal) = self.serve(ours, signal_source);
        let end = receive.recv_timeout(DEADLINE).expect("the life did not end");
        Seen { end, commands, thinks, journal, home }
    }

    fn serve(
        mut self,
        mut socket: UnixStream,
        mut signals: UnixStream,
    ) -> (Vec<Command>, Vec<Think>, Vec<StepBody>) {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut journal: Vec<StepBody> = self.briefing.journal.iter().map(|step| step.body.clone()).collect();
        let (mut commands, mut thinks) = (Vec::<Command>::new(), Vec::new());
        loop {
            let mut length = [0; 4];
            match socket.read_exact(&mut length) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => break,
                Err(error) => panic!("the agent says nothing: {error}"),
            }
            let mut frame = vec![0; u32::from_le_bytes(length) as usize];
            socket.read_exact(&mut frame).unwrap();
            let FromAgent { id, command } = serde_json::from_slice(&frame).unwrap();
            let command: Command = serde_json::from_value(command).expect("a command of the protocol");
            let before = commands.iter().filter(|earlier| earlier.name() == command.name()).count();
            let cue = self.cues.iter().find(|(name, at, _)| *name == command.name() && *at == before);
            commands.push(command.clone());
            match cue {
                Some((_, _, Cue::Vanish)) => break,
                Some((_, _, Cue::Signal(signal))) => signals.write_all(&record(*signal)).unwrap(),
                None => {}
            }
            if let Command::Mind(mind::Command::Think(think)) = &command {
                thinks.push(think.clone());
                if self.thoughts.is_empty() {
                    break;
                }
            }
            let answer = match self.answer(command, &mut journal) {
                Ok(reply) => ToAgent::Reply { id, reply: serde_json::to_value(reply).unwrap() },
                Err(error) => ToAgent::Failed { id, error },
            };
            let bytes = serde_json::to_vec(&answer).unwrap();
            socket.write_all(&(bytes.len() as u32).to_le_bytes()).unwrap();
            socket.write_all(&bytes).unwrap();
        }
        (commands, thinks, journal)
    }

    fn answer(&mut self, command: Command, journal: &mut Vec<StepBody>) -> Result<Reply, Error> {
        Ok(match command {
            Command::Mind(mind::Command::Think(think)) => {
                well_formed(&think.messages);
                let thought = self.thoughts.pop_front().expect("checked before")?;
                journal.push(StepBody::Thought {
                    text: thought.text.clone(),
                    calls: thought.calls.clone(),
                    model: thought.model.clone(),
                    usage: thought.usage,
                    duration_ms: 1,
                });
                Reply::Mind(mind::Reply::Think(thought))
            }
            Command::Life(command) => Reply::Life(match command {
                life::Command::Boot(_) => life::Reply::Boot(self.briefing.clone()),
                life::Command::BeginCall(begin) if self.refused.contains(&begin.call.tool) => {
                    let reason = "Your role does not grant this tool".to_owned();
                    journal.push(StepBody::CallFinished {
                        call: begin.call.id,
                        tool: begin.call.tool,
                        ok: false,
                        output: reason.clone(),
                        duration_ms: 0,
                    });
                    life::Reply::BeginCall(Permit::Refused { reason })
                }
                life::Command::BeginCall(begin) => {
                    journal.push(StepBody::CallStarted { call: begin.call });
                    life::Reply::BeginCall(Permit::Granted)
                }
                life::Command::FinishCall(finish) => {
                    let begun = journal
                        .iter()
                        .any(|step| matches!(step, StepBody::CallStarted { call } if call.id == finish.call));
                    if finish.ok && !begun {
                        return Err(Error::conflict("The call was not begun"));
                    }
                    journal.push(StepBody::CallFinished {
                        call: finish.call,
                        tool: finish.tool,
                        ok: finish.ok,
                        output: finish.output,
                        duration_ms: finish.duration_ms,
                    });
                    let messages = self
                        .inbox
                        .drain(..)
                        .map(|body| {
                            journal.push(body.clone());
                            Step { index: journal.len() as u32 - 1, at: UnixMillis(0), body }
                        })
                        .collect();
                    life::Reply::FinishCall(Inbox { messages })
                }
                life::Command::Ask(ask) => {
                    journal.push(StepBody::Question { text: ask.question });
                    let text =
                        self.answers.pop_front().unwrap_or(Err(Error::new(Code::Internal, "no answer")))?;
                    journal.push(goal(&text));
                    self.inbox.push_back(goal(&text));
                    life::Reply::Ask(Answer { text })
                }
                life::Command::Note(note) => {
                    journal.push(StepBody::Note { text: note.text });
                    life::Reply::Note(Noted {})
                }
                life::Command::Complete(complete) => {
                    journal.push(StepBody::Completed { summary: complete.summary });
                    life::Reply::Complete(Noted {})
                }
                life::Command::Fail(fail) => {
                    journal.push(StepBody::Failed { reason: fail.reason });
                    life::Reply::Fail(Noted {})
                }
                other => panic!("not expected: {other:?}"),
            }),
            other => panic!("not expected: {other:?}"),
        })
    }
}

/// What every provider demands: each result follows its call, and each call has its result.
pub fn well_formed(messages: &[Message]) {
    let mut waiting: VecDeque<&str> = VecDeque::new();
    for message in messages {
        match message {
            Message::Tool { call, .. } => {
                assert_eq!(waiting.pop_front(), Some(call.as_str()), "{messages:#?}");
            }
            Message::Assistant { calls, .. } => {
                assert!(waiting.is_empty(), "{messages:#?}");
                waiting.extend(calls.iter().map(|call| call.id.as_str()));
            }
            Message::System { .. } | Message::User { .. } => assert!(waiting.is_empty(), "{messages:#?}"),
        }
    }
    assert!(waiting.is_empty(), "{messages:#?}");
}

fn record(signal: i32) -> [u8; 128] {
    let mut record = [0; 128];
    record[..4].copy_from_slice(&signal.cast_unsigned().to_ne_bytes());
    record
}

impl Seen {
    pub fn names(&self) -> Vec<&'static str> {
        self.commands.iter().map(Command::name).collect()
    }

    /// Call, ok and output of each call that ended, in order.
    pub fn results(&self) -> Vec<(&str, bool, &str)> {
        self.journal
            .iter()
            .filter_map(|step| match step {
                StepBody::CallFinished { call, ok, output, .. } => {
                    Some((call.as_str(), *ok, output.as_str()))
                }
                _ => None,
            })
            .collect()
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.home.path().join(name)).unwrap()
    }

    pub fn end(&self) -> End {
        *self.end.as_ref().unwrap()
    }

    pub fn failure(&self) -> &str {
        match self.journal.last() {
            Some(StepBody::Failed { reason }) => reason,
            other => panic!("the life did not fail: {other:?}"),
        }
    }
}
