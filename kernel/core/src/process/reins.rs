//! What the governor holds of one running life: its limits, what was measured, whether it is frozen, whether it goes
//! round in circles.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use aether_protocol::{
    Actor, Result,
    journal::{Step, StepBody},
    mind::ToolCall,
    process::{Phase, Process, SignalName, State},
};
use parking_lot::Mutex;

use super::{
    Living,
    governed::{GOVERNOR, Wanted, hold_in, steps_are_used_in},
    living::is_held,
};
use crate::govern::governor::{
    quota::{self, Governed, LastThought, Used},
    runaway::Runaway,
};

/// See the module.
#[derive(Debug)]
pub(super) struct Reins {
    /// As it was committed.
    governed: Mutex<Governed>,
    used: Mutex<Used>,
    /// What was last written down of `used`.
    saved: Mutex<Used>,
    /// Stopped by the governor until a person raises a quota.
    frozen: AtomicBool,
    /// Ended by the governor.
    doomed: AtomicBool,
    /// A person has let it go on although the machine is short of something.
    exempt: AtomicBool,
    runaway: Mutex<Runaway>,
    last_thought: Mutex<Option<LastThought>>,
    /// What the agent is told with its next result.
    notes: Mutex<Vec<String>>,
}

impl Reins {
    pub(super) fn new(governed: Governed, used: Used) -> Self {
        Self {
            governed: Mutex::new(governed),
            used: Mutex::new(used),
            saved: Mutex::new(used),
            frozen: AtomicBool::new(false),
            doomed: AtomicBool::new(false),
            exempt: AtomicBool::new(false),
            runaway: Mutex::default(),
            last_thought: Mutex::new(None),
            notes: Mutex::default(),
        }
    }

    /// Takes in a journal that is read back.
    pub(super) fn replay(&self, journal: &[Step]) {
        // Held until the end, so that what is forgiven meanwhile is forgiven after this.
        let governed = self.governed.lock();
        let counting = journal.iter().filter(|step| step.index >= governed.forgiven_steps);
        self.runaway.lock().replay(counting.map(|step| &step.body));
        drop(governed);
        let last = journal.iter().rev().find_map(|step| match &step.body {
            StepBody::Thought { usage, .. } => Some(usage.input_tokens),
            _ => None,
        });
        *self.last_thought.lock() =
            last.map(|input_tokens| LastThought { input_tokens, conversation_bytes: None });
    }

    /// A thought was made: what it read, and how long the conversation was.
    pub(super) fn thought(&self, input_tokens: u64, conversation_bytes: u64) {
        // Some providers do not tell.
        if input_tokens > 0 {
            let conversation_bytes = Some(conversation_bytes);
            *self.last_thought.lock() = Some(LastThought { input_tokens, conversation_bytes });
        }
    }

    /// A call begins.
    pub(super) fn call_begins(&self, call: &ToolCall) {
        self.runaway.lock().begun(call);
    }

    /// The call that began last has ended.
    pub(super) fn call_ends(&self, ok: bool, output: &str) {
        self.runaway.lock().ended(ok, output);
    }
}

impl Living {
    pub(crate) fn governed(&self) -> Governed {
        self.reins.governed.lock().clone()
    }

    pub(super) fn set_governed(&self, governed: Governed) {
        let mut known = self.reins.governed.lock();
        // A person has looked at what it does again and again.
        if governed.forgiven_steps > known.forgiven_steps {
            self.reins.runaway.lock().forgive();
        }
        *known = governed;
    }

    pub(crate) fn used(&self) -> Used {
        *self.reins.used.lock()
    }

    pub(crate) fn edit_used(&self, edit: impl FnOnce(&mut Used)) {
        edit(&mut self.reins.used.lock());
    }

    /// What has been measured since it was last written down, where that is worth a write.
    pub(super) fn used_to_save(&self) -> Option<Used> {
        let used = self.used();
        let mut saved = self.reins.saved.lock();
        let is_worth = used.cpu_ms != saved.cpu_ms
            || used.wall_ms != saved.wall_ms
            || used.disk_bytes != saved.disk_bytes;
        if !is_worth {
            return None;
        }
        *saved = used;
        Some(used)
    }

    /// Nothing of it gets CPU time any more.
    pub(super) async fn freeze(&self) {
        self.reins.frozen.store(true, Ordering::Release);
        self.send(SignalName::Stop).await;
    }

    /// Ends a freeze, if there is one.
    pub(super) async fn thaw(&self) {
        if self.reins.frozen.swap(false, Ordering::AcqRel) {
            self.wake().await;
        }
    }

    pub(super) async fn wake(&self) {
        self.send(SignalName::Cont).await;
    }

    async fn send(&self, signal: SignalName) {
        let tree = Arc::clone(&self.tree);
        let sent = tokio::task::spawn_blocking(move || tree.signal(signal)).await;
        if let Ok(Err(error)) = sent {
            tracing::warn!(pid = %self.pid, ?signal, %error, "the governor's signal did not reach everything");
        }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.reins.frozen.load(Ordering::Acquire)
    }

    /// Whether the governor ends it; it does so once.
    pub(super) fn doom(&self) -> bool {
        !self.reins.doomed.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.reins.doomed.load(Ordering::Acquire)
    }

    pub(super) fn exempt(&self) {
        self.reins.exempt.store(true, Ordering::Release);
    }

    pub(crate) fn is_exempt(&self) -> bool {
        self.reins.exempt.load(Ordering::Acquire)
    }

    pub(super) fn add_notes(&self, notes: impl IntoIterator<Item = String>) {
        self.reins.notes.lock().extend(notes);
    }

    /// Pauses it where it goes round in circles; returns when a person has let it go on.
    pub(super) async fn not_running_away(&self, call: &ToolCall) -> Result<()> {
        let config = &self.processes.quota_config;
        let (cause, forgiven_steps) = {
            let governed = self.reins.governed.lock();
            let cause = self.reins.runaway.lock().before(call, config.same_call, config.no_change);
            (cause, governed.forgiven_steps)
        };
        match cause {
            Some(cause) => self.processes.hold(self, cause, false, Some(forgiven_steps)).await,
            None => Ok(()),
        }
    }

    /// Returns when nobody has taken over and the budget has a thought left, with the phase set; and how much the
    /// thought may write.
    pub(super) async fn turn_to_think(
        &self,
        actor: &Actor,
        bytes: u64,
        output_tokens: u32,
    ) -> Result<(Process, u32)> {
        let input_tokens = quota::input_tokens(bytes, *self.reins.last_thought.lock());
        let wanted = Wanted { input_tokens, output_tokens };
        let mut row = self.row.subscribe();
        loop {
            row.borrow_and_update();
            self.not_held().await?;
            let may_write = Arc::new(AtomicU32::new(wanted.output_tokens));
            let told = Arc::clone(&may_write);
            let (process, _) = self
                .processes
                .govern(actor, self.pid, move |process, governed, tx| {
                    if is_held(process) {
                        return Ok(());
                    }
                    if process.steps_used < process.steps_limit {
                        match wanted.fit(process, governed) {
                            Ok(tokens) => told.store(tokens, Ordering::Release),
                            Err(cause) => return hold_in(tx, process, governed, cause),
                        }
                        process.state = State::Running;
                        process.phase = Phase::Thinking;
                        process.reason = None;
                        return Ok(());
                    }
                    let said = format!("All {} steps of its budget are used", process.steps_limit);
                    if process.reason.as_ref() != Some(&said) {
                        steps_are_used_in(tx, process, said.clone())?;
                    }
                    process.state = State::Sleeping;
                    process.phase = Phase::Waiting;
                    process.reason = Some(said);
                    Ok(())
                })
                .await?;
            if is_held(&process) {
                continue;
            }
            if process.phase == Phase::Thinking {
                return Ok((process, may_write.load(Ordering::Acquire)));
            }
            self.changed(&mut row, |process| process.steps_used < process.steps_limit).await?;
        }
    }

    /// Writes down what the governor has to say to it.
    pub(super) async fn journal_notes(&self, actor: &Actor) -> Result<()> {
        let notes = std::mem::take(&mut *self.reins.notes.lock());
        for text in notes {
            self.journal(actor, |_| StepBody::Message { from: GOVERNOR.to_owned(), text }).await?;
        }
        Ok(())
    }
}
