//! One life: think, act, observe, until the goal is reached or cannot be.

use std::time::{Duration, Instant};

use aether_protocol::{
    Code, Error, Request,
    journal::StepBody,
    life::{Ask, BeginCall, Boot, Complete, Fail, FinishCall, Note, Permit},
    link::VERSION,
    mind::{Think, Thought, ToolCall, ToolSpec},
    process::Layer,
    tools::{Tool, is_repeatable},
};

use crate::{
    conversation::{Conversation, INTERRUPTED, compaction::BYTES_PER_TOKEN},
    link::{Link, LinkError, Patience},
    messages,
    retry::{Pace, is_transient},
    signals::{Signals, Woken},
    tools::{self, Home, Outcome, Watch},
};

/// After so many thoughts in a row without a call, the life has failed.
const MAX_SILENT: u32 = 3;

/// After so many thoughts in a row of which no call could be carried out, the life has failed.
const MAX_MALFORMED: u32 = 5;

/// How often a conversation that is too long for the model is halved.
const MAX_SHRINKS: u32 = 3;

/// How a life went out of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The goal is reached.
    Completed,
    /// The goal cannot be reached.
    Failed,
    /// By TERM, between two steps.
    Terminated,
    /// The kernel has closed the socket. It starts the life again when it is back.
    KernelGone,
}

/// Why the loop stops.
enum Stop {
    End(End),
    Broken(LinkError),
}

impl From<LinkError> for Stop {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Gone => Self::End(End::KernelGone),
            LinkError::Terminated => Self::End(End::Terminated),
            other => Self::Broken(other),
        }
    }
}

/// Lives until the end. `sealed` are the layers of the sandbox that were closed before.
pub fn live(
    link: Link,
    signals: Signals,
    home: Home,
    sealed: Vec<Layer>,
    pace: Pace,
) -> Result<End, LinkError> {
    let mut mouth = Mouth { link, signals, pace };
    let stop = match mouth.call(&Boot { version: VERSION, sealed }) {
        Ok(briefing) => {
            let specs: Vec<ToolSpec> = aether_protocol::tools::specs()
                .into_iter()
                .filter(|spec| briefing.tools.contains(&spec.name))
                .collect();
            let mut life = Life {
                budget_bytes: budget_bytes(briefing.context_tokens, briefing.max_output_tokens, &specs),
                max_output_tokens: briefing.max_output_tokens,
                conversation: Conversation::rebuild(&briefing),
                specs,
                home,
                mouth,
            };
            drop(briefing);
            match life.go_on() {
                Ok(never) => match never {},
                Err(stop) => stop,
            }
        }
        Err(stop) => stop,
    };
    match stop {
        Stop::End(end) => Ok(end),
        Stop::Broken(error) => Err(error),
    }
}

/// What is left for the conversation when the answer and the tools' descriptions have their part.
fn budget_bytes(context_tokens: u32, max_output_tokens: u32, specs: &[ToolSpec]) -> usize {
    let tools = serde_json::to_string(specs).map_or(0, |json| json.len());
    let tokens = context_tokens.saturating_sub(max_output_tokens) as usize;
    (tokens * BYTES_PER_TOKEN).saturating_sub(tools).max(tokens * BYTES_PER_TOKEN / 4)
}

/// The socket with the manners of one who waits: signals, and another try where that makes sense.
struct Mouth {
    link: Link,
    signals: Signals,
    pace: Pace,
}

impl Mouth {
    fn once<R: Request>(&mut self, request: R) -> Result<R::Reply, LinkError> {
        self.link.call(&mut self.signals, Patience::Step, request)
    }

    /// A call that is made again while the kernel says that it might succeed later.
    fn call<R: Request + Clone>(&mut self, request: &R) -> Result<R::Reply, Stop> {
        let mut tries = 0;
        loop {
            match self.once(request.clone()) {
                Err(LinkError::Kernel(error)) if is_transient(error.code) && tries < self.pace.max_tries => {
                    tries += 1;
                    self.pause(self.pace.delay(tries, error.retry_after_secs))?;
                }
                // After a TERM the kernel lets nothing begin.
                Err(LinkError::Kernel(error)) if error.code == Code::Interrupted => {
                    self.end_if_asked()?;
                    return Err(LinkError::Kernel(error).into());
                }
                other => return Ok(other?),
            }
        }
    }

    /// TERM ends the life between two steps.
    fn end_if_asked(&mut self) -> Result<(), Stop> {
        self.signals.look().map_err(LinkError::from)?;
        if self.signals.terminated() { Err(Stop::End(End::Terminated)) } else { Ok(()) }
    }

    /// Waits, unless the life is to end.
    fn pause(&mut self, delay: Duration) -> Result<(), Stop> {
        let deadline = Instant::now() + delay;
        loop {
            if self.signals.terminated() {
                return Err(Stop::End(End::Terminated));
            }
            let gone = [(self.link.socket(), rustix::event::PollFlags::RDHUP)];
            match self.signals.wait(&gone, Some(deadline)).map_err(LinkError::from)? {
                Woken::Timeout => return Ok(()),
                Woken::Ready(_) => return Err(Stop::End(End::KernelGone)),
                Woken::Signal => {}
            }
        }
    }
}

struct Life {
    mouth: Mouth,
    home: Home,
    conversation: Conversation,
    specs: Vec<ToolSpec>,
    max_output_tokens: u32,
    budget_bytes: usize,
}

impl Life {
    fn go_on(&mut self) -> Result<std::convert::Infallible, Stop> {
        if let Some(call) = self.conversation.cut_off_call() {
            let began = Instant::now();
            let outcome = match tools::check(&call) {
                // Nobody but this process has an answer to wait for: the question is still out.
                Ok((Tool::AskUser(ask), _)) => self.ask(ask.question)?,
                // The kernel says a thing once, however often the call is made.
                Ok((tool, _)) if is_repeatable(&call.tool) => self.speak(tool)?,
                _ => Outcome::failed(INTERRUPTED),
            };
            self.finish(&call, &outcome, began.elapsed())?;
        }
        loop {
            while let Some(call) = self.conversation.next_call() {
                self.mouth.end_if_asked()?;
                self.act(call)?;
            }
            self.mouth.end_if_asked()?;
            if self.conversation.silent_in_row() >= MAX_SILENT {
                return self
                    .fail(format!("The model answered {MAX_SILENT} times in a row without calling a tool"));
            }
            if self.conversation.malformed_in_row() >= MAX_MALFORMED {
                return self.fail(format!(
                    "The model made calls that cannot be carried out {MAX_MALFORMED} times in a row"
                ));
            }
            let thought = self.think()?;
            let silent = thought.calls.is_empty();
            let cut_off = thought.cut_off;
            self.conversation.apply(&StepBody::Thought {
                text: thought.text,
                calls: thought.calls,
                model: thought.model,
                usage: thought.usage,
                duration_ms: 0,
            });
            if silent && self.conversation.silent_in_row() < MAX_SILENT {
                self.note(if cut_off {
                    "The answer was cut off before it called a tool; the model is told to call one"
                } else {
                    "The model called no tool and is told to call one"
                })?;
            }
        }
    }

    fn think(&mut self) -> Result<Thought, Stop> {
        let (mut tries, mut shrinks, mut interruptions) = (0, 0, 0);
        loop {
            self.conversation.compact(self.budget_bytes);
            let think = Think {
                messages: self.conversation.messages().to_vec(),
                tools: self.specs.clone(),
                max_output_tokens: self.max_output_tokens,
            };
            let error = match self.mouth.once(think) {
                Ok(thought) => return Ok(thought),
                Err(LinkError::Kernel(error)) => error,
                Err(other) => return Err(other.into()),
            };
            match error.code {
                code if is_transient(code) && tries < self.mouth.pace.max_tries => {
                    tries += 1;
                    let delay = self.mouth.pace.delay(tries, error.retry_after_secs);
                    self.note(&format!(
                        "The model gave no answer ({}); trying again in {:.1} s, try {tries} of {}",
                        in_words(&error),
                        delay.as_secs_f32(),
                        self.mouth.pace.max_tries,
                    ))?;
                    self.mouth.pause(delay)?;
                }
                Code::Interrupted if interruptions < self.mouth.pace.max_tries => {
                    self.mouth.end_if_asked()?;
                    interruptions += 1;
                    self.note(&format!("{}; thinking again", error.message))?;
                    self.mouth.pause(self.mouth.pace.delay(interruptions, None) / 4)?;
                }
                Code::TooLarge | Code::Invalid if shrinks < MAX_SHRINKS && self.shrink() => {
                    shrinks += 1;
                    self.note("The conversation may be too long for the model; older parts are left out")?;
                }
                _ => {
                    let reason = format!("The model cannot be used: {}", in_words(&error));
                    return self.fail(reason).map(|never| match never {});
                }
            }
        }
    }

    /// Halves what the conversation may cost. False where nothing is left to leave out.
    fn shrink(&mut self) -> bool {
        let size = crate::conversation::compaction::size_bytes(self.conversation.messages());
        self.budget_bytes = self.budget_bytes.min(size) / 2;
        self.conversation.compact(self.budget_bytes)
    }

    fn act(&mut self, call: ToolCall) -> Result<(), Stop> {
        let (tool, call) = match tools::check(&call) {
            Ok((tool, args)) => (tool, ToolCall { args, ..call }),
            Err(mistake) => {
                let told = tools::explain(&mistake, &call.tool, &self.specs);
                return self.finish(&call, &Outcome::failed(told), Duration::ZERO);
            }
        };
        if let Permit::Refused { reason } = self.mouth.call(&BeginCall { call: call.clone() })? {
            self.conversation.apply(&finished(&call, &Outcome::failed(reason), Duration::ZERO));
            return Ok(());
        }
        self.conversation.apply(&StepBody::CallStarted { call: call.clone() });
        self.mouth.signals.look().map_err(LinkError::from)?;
        self.mouth.signals.forget_interrupt();
        let began = Instant::now();
        let outcome = match tool {
            Tool::Complete(_) if self.conversation.failed_in_thought() => Outcome::failed(
                "An earlier call of the same answer did not succeed. Look at its result first; call complete \
                 again when the goal is reached.",
            ),
            Tool::Complete(complete) => {
                self.mouth.call(&Complete { summary: complete.summary })?;
                return Err(Stop::End(End::Completed));
            }
            Tool::AskUser(ask) => self.ask(ask.question)?,
            tool if is_repeatable(&call.tool) => self.speak(tool)?,
            tool => {
                let mut watch =
                    Watch { signals: &mut self.mouth.signals, kernel: Some(self.mouth.link.socket()) };
                match tools::execute(&self.home, tool, &mut watch) {
                    Ok(outcome) => outcome,
                    Err(tools::KernelGone) => return Err(Stop::End(End::KernelGone)),
                }
            }
        };
        self.finish(&call, &outcome, began.elapsed())
    }

    fn ask(&mut self, question: String) -> Result<Outcome, Stop> {
        self.conversation.apply(&StepBody::Question { text: question.clone() });
        let mouth = &mut self.mouth;
        match mouth.link.call(&mut mouth.signals, Patience::Person, Ask { question }) {
            Ok(answer) => Ok(Outcome::done(answer.text)),
            Err(LinkError::Kernel(error)) => Ok(Outcome::failed(in_words(&error))),
            Err(other) => Err(other.into()),
        }
    }

    /// What others are told, or have said.
    fn speak(&mut self, tool: Tool) -> Result<Outcome, Stop> {
        let mouth = &mut self.mouth;
        match messages::carry_out(&mut mouth.link, &mut mouth.signals, tool) {
            Ok(outcome) => Ok(outcome),
            Err(LinkError::Kernel(error)) if error.code == Code::Interrupted => {
                self.mouth.end_if_asked()?;
                Ok(Outcome::failed(in_words(&error)))
            }
            Err(LinkError::Kernel(error)) => Ok(Outcome::failed(in_words(&error))),
            Err(other) => Err(other.into()),
        }
    }

    fn finish(&mut self, call: &ToolCall, outcome: &Outcome, took: Duration) -> Result<(), Stop> {
        let inbox = self.mouth.call(&FinishCall {
            call: call.id.clone(),
            tool: call.tool.clone(),
            ok: outcome.ok,
            output: outcome.output.clone(),
            duration_ms: millis(took),
        })?;
        self.conversation.apply(&finished(call, outcome, took));
        for step in inbox.messages {
            self.conversation.apply(&step.body);
        }
        Ok(())
    }

    fn fail(&mut self, reason: String) -> Result<std::convert::Infallible, Stop> {
        self.mouth.call(&Fail { reason })?;
        Err(Stop::End(End::Failed))
    }

    fn note(&mut self, text: &str) -> Result<(), Stop> {
        self.mouth.call(&Note { text: text.to_owned() }).map(drop)
    }
}

fn finished(call: &ToolCall, outcome: &Outcome, took: Duration) -> StepBody {
    StepBody::CallFinished {
        call: call.id.clone(),
        tool: call.tool.clone(),
        ok: outcome.ok,
        output: outcome.output.clone(),
        duration_ms: millis(took),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn in_words(error: &Error) -> String {
    match &error.hint {
        Some(hint) => format!("{}. {hint}", error.message),
        None => error.message.clone(),
    }
}
