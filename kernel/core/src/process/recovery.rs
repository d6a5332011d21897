//! After a crash or a power cut: every life that had not ended goes on from its journal, under its PID.

use std::sync::Arc;

use aether_protocol::{
    Actor, Result,
    journal::StepBody,
    process::{Exit, Phase, Process, State},
    quota::Cause,
    tools,
};

use super::{Processes, change_in, governed::release_in, journal, rows, spawn::close};
use crate::{Kernel, state::store::StoreError};

impl Processes {
    /// Takes up what the last kernel left: calls in flight are written down as interrupted, lives that had reached
    /// their end are closed, the others wait for a place again. Returns how many go on.
    pub(crate) async fn recover(&self, kernel: &Arc<Kernel>) -> Result<u32, StoreError> {
        // The only kernel of these lives; a second call has nothing to do.
        if self.kernel.set(Arc::downgrade(kernel)).is_err() {
            return Ok(0);
        }
        let resumed = self
            .store
            .write(|tx| {
                let mut resumed = Vec::new();
                for process in rows::live(tx)? {
                    let steps = journal::whole(tx, process.life)?;
                    let process = change_in(tx, &Actor::Kernel, process.pid, |process, tx| {
                        // A question is still out: the process asks it again, and nothing was done twice.
                        let asks = journal::open_question(tx, process.life)?.is_some();
                        // What it said, or wanted to hear, is said and heard once, however often the call is made.
                        let open = journal::open_call(&steps);
                        if let Some((call, tool)) =
                            open.filter(|(_, tool)| !asks && !tools::is_repeatable(tool))
                        {
                            journal::append(
                                tx,
                                &Actor::Kernel,
                                process,
                                StepBody::CallInterrupted { call, tool },
                            )?;
                        }
                        process.host_pid = None;
                        if let Some(exit) = exit_of(process) {
                            return close(tx, &Actor::Kernel, process, exit, None);
                        }
                        process.restarts += u32::from(process.started_at.is_some());
                        // The machine is another after a restart; what a person has to decide is not.
                        let mut governed = rows::governed(tx, process.pid)?;
                        let was_throttled = matches!(governed.hold, Some(Cause::Pressure { .. }));
                        if was_throttled {
                            release_in(process, &mut governed);
                            rows::save_governed(tx, process.pid, &governed)?;
                        }
                        process.state = match process.state {
                            State::Paused => State::Paused,
                            State::Stopped if governed.hold.is_some() => State::Paused,
                            // It is a new Linux process now; a person lets it go on as before.
                            State::Stopped => {
                                process.reason = Some("Was stopped when the kernel ended".to_owned());
                                State::Paused
                            }
                            _ => State::Queued,
                        };
                        process.phase = Phase::Booting;
                        Ok(())
                    })?;
                    if process.state != State::Dead {
                        resumed.push((process.pid, process.priority));
                    }
                }
                Ok(resumed)
            })
            .await?;
        self.keep_warm();
        let mut scheduler = self.scheduler.lock();
        for (pid, priority) in &resumed {
            scheduler.enqueue(*pid, *priority);
        }
        Ok(resumed.len() as u32)
    }
}

/// How a life went out that had reached its end, or was told to end, when the kernel went: nobody saw its exit
/// status, and the sandbox's KILL came with the end of the kernel.
fn exit_of(process: &Process) -> Option<Exit> {
    match process.phase {
        Phase::Completed => Some(Exit::Status { code: 0 }),
        Phase::Failed => Some(Exit::Status { code: 1 }),
        _ if process.ending.is_none() => None,
        _ if process.started_at.is_none() => Some(Exit::NeverRan),
        _ => Some(Exit::Signal { number: 9 }),
    }
}
