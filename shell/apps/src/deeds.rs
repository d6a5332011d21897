//! What a person can do to an agent: which deeds make sense, sending them, and telling how they went.

use aether_client::Pending;
use aether_protocol::{
    Error, Pid,
    agent::{Remove, Removed},
    journal::StepBody,
    process::{Continue, Message, Pause, Phase, Process, Resume, SetPriority, Signal, SignalName, State},
};

use crate::{AppContext, Notice, NoticeKind, ShellCommand, text};

/// Something done to one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A person takes over.
    Pause,
    /// It goes on, paused or frozen.
    Resume,
    /// It ends after the step in hand.
    Stop,
    /// It ends at once.
    Kill,
    /// It gets no CPU time.
    Freeze,
    /// The tool in hand is interrupted.
    Interrupt,
    /// It may think that many times more.
    Continue(u32),
    /// 1 (highest) to 5.
    Priority(u8),
    /// Something is said to it.
    Say(String),
    /// Identity, home and history go. It must have ended.
    Remove,
}

impl Deed {
    /// The button's label.
    pub fn label(&self) -> String {
        match self {
            Self::Pause => "Pause".to_owned(),
            Self::Resume => "Resume".to_owned(),
            Self::Stop => "Stop agent…".to_owned(),
            Self::Kill => "Kill at once".to_owned(),
            Self::Freeze => "Freeze (STOP)".to_owned(),
            Self::Interrupt => "Interrupt tool (INT)".to_owned(),
            Self::Continue(steps) => format!("Continue +{steps} steps"),
            Self::Priority(priority) => format!("Priority {priority}"),
            Self::Say(_) => "Send".to_owned(),
            Self::Remove => "Remove agent…".to_owned(),
        }
    }

    /// Whether it makes sense for a process as it is. The kernel decides; this keeps menus short.
    pub fn fits(&self, process: &Process) -> bool {
        let alive = process.state.is_alive();
        let queued = process.state == State::Queued;
        match self {
            Self::Pause => alive && !matches!(process.state, State::Paused | State::Stopped),
            Self::Resume => matches!(process.state, State::Paused | State::Stopped),
            Self::Stop | Self::Kill => alive || queued,
            Self::Freeze => alive && process.state != State::Stopped,
            Self::Interrupt => alive && process.phase == Phase::Executing,
            Self::Continue(_) | Self::Say(_) => alive,
            Self::Priority(priority) => (alive || queued) && process.priority != *priority,
            Self::Remove => !alive && !queued,
        }
    }

    /// What failed, for the sentence "Could not … scribe".
    fn verb(&self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Interrupt => "interrupt",
            Self::Continue(_) => "give more steps to",
            Self::Priority(_) => "change the priority of",
            Self::Say(_) => "talk to",
            Self::Remove => "remove",
        }
    }
}

/// Whether a process waits for more steps rather than for an answer. `last` is its newest step, where known.
pub fn needs_steps(process: &Process, last: Option<&StepBody>) -> bool {
    process.state.is_alive()
        && process.phase == Phase::Waiting
        && process.steps_used >= process.steps_limit
        && !matches!(last, Some(StepBody::Question { .. }))
}

enum Sent {
    Process(Box<Pending<Process>>),
    Removal(Pending<Removed>),
}

fn about_process(pending: Pending<Process>) -> Sent {
    Sent::Process(Box::new(pending))
}

struct Doing {
    deed: Deed,
    pid: Pid,
    name: String,
    sent: Sent,
}

/// Deeds on their way. Lives in the app's window.
#[derive(Default)]
pub struct Deeds {
    doing: Vec<Doing>,
}

impl Deeds {
    /// Sends a deed. Nothing happens when the same is on its way already.
    pub fn send(&mut self, cx: &AppContext<'_>, process: &Process, deed: Deed) {
        if self.is_doing(process.pid, &deed) {
            return;
        }
        let pid = process.pid;
        let client = cx.client;
        let signal = |signal| about_process(client.call(Signal { pid, signal }));
        let sent = match &deed {
            Deed::Pause => about_process(client.call(Pause { pid })),
            Deed::Resume if process.state == State::Stopped => signal(SignalName::Cont),
            Deed::Resume => about_process(client.call(Resume { pid })),
            Deed::Stop => signal(SignalName::Term),
            Deed::Kill => signal(SignalName::Kill),
            Deed::Freeze => signal(SignalName::Stop),
            Deed::Interrupt => signal(SignalName::Int),
            Deed::Continue(steps) => about_process(client.call(Continue { pid, steps: *steps })),
            Deed::Priority(priority) => about_process(client.call(SetPriority { pid, priority: *priority })),
            Deed::Say(text) => about_process(client.call(Message { pid, text: text.clone() })),
            Deed::Remove => Sent::Removal(client.call(Remove { agent: process.agent })),
        };
        self.doing.push(Doing { deed, pid, name: process.name.clone(), sent });
    }

    /// Whether a deed is on its way.
    pub fn is_doing(&self, pid: Pid, deed: &Deed) -> bool {
        self.doing.iter().any(|doing| doing.pid == pid && doing.deed == *deed)
    }

    /// Whether anything is on its way to this process.
    pub fn is_busy(&self, pid: Pid) -> bool {
        self.doing.iter().any(|doing| doing.pid == pid)
    }

    /// Takes in the answers; failures become notices. Call it each frame.
    pub fn logic(&mut self, cx: &mut AppContext<'_>) {
        let mut notices = Vec::new();
        self.doing.retain_mut(|doing| match &mut doing.sent {
            Sent::Process(pending) => match pending.take() {
                None => true,
                Some(Ok(_)) => false,
                Some(Err(error)) => {
                    notices.push(failure(&doing.deed, &doing.name, &error));
                    false
                }
            },
            Sent::Removal(pending) => match pending.take() {
                None => true,
                Some(Ok(removed)) => {
                    notices.push(Notice {
                        kind: NoticeKind::Good,
                        title: format!("Removed {}", removed.name),
                        body: format!("Its home held {}", aether_kit::size_text(removed.home_bytes)),
                        opens: None,
                    });
                    false
                }
                Some(Err(error)) => {
                    notices.push(failure(&doing.deed, &doing.name, &error));
                    false
                }
            },
        });
        for notice in notices {
            cx.send(ShellCommand::Notify(notice));
        }
    }
}

fn failure(deed: &Deed, name: &str, error: &Error) -> Notice {
    Notice {
        kind: NoticeKind::Bad,
        title: format!("Could not {} {name}", deed.verb()),
        body: error_words(error),
        opens: None,
    }
}

/// What happened and what to do, in one text.
pub fn error_words(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}. {}", error.message.trim_end_matches('.'), hint),
        None => error.message.clone(),
    }
}

/// A destructive deed that waits for a person's yes.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// End these.
    Stop(Vec<Process>),
    /// Remove this agent.
    Remove(Box<Process>),
}

impl Doubt {
    /// The question.
    pub fn title(&self) -> String {
        match self {
            Self::Stop(list) => match list.as_slice() {
                [process] => format!("Stop {}?", process.name),
                _ => format!("Stop {}?", text::plural(list.len(), "agent")),
            },
            Self::Remove(process) => format!("Remove {}?", process.name),
        }
    }

    /// What will be lost.
    pub fn loss(&self) -> String {
        match self {
            Self::Stop(list) => match list.as_slice() {
                [process] if process.state == State::Queued => {
                    "It has not run yet. It leaves the queue; nothing else is lost".to_owned()
                }
                [process] => format!(
                    "It is at step {} of {} and will not reach its goal. The call in hand may be lost; its \
                     files and its log stay",
                    process.steps_used, process.steps_limit
                ),
                _ => "They will not reach their goals. Calls in hand may be lost; files and logs stay"
                    .to_owned(),
            },
            Self::Remove(process) => format!(
                "The home of {} with all its files, its log and all its earlier lives are deleted. This cannot \
                 be undone",
                process.name
            ),
        }
    }
}
