//! The engine's side of the wire: one thread reads, one thinks.

use std::{
    collections::HashSet,
    io::{self, BufReader, Write},
    sync::{Arc, Mutex, PoisonError, mpsc},
};

use aether_llm::local::wire::{FailKind, FromEngine, Job, ToEngine, read_frame, write_frame};

use crate::brain::{Brain, Failure};

/// The thoughts that are not wanted any more.
#[derive(Clone, Default)]
pub struct Unwanted(Arc<Mutex<HashSet<u64>>>);

impl Unwanted {
    fn add(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Whether the thought was cancelled.
    pub fn contains(&self, id: u64) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    fn forget(&self, id: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Answers until stdin closes. Then the whole process ends at once, in the middle of a thought too: nobody is left
/// who would read it.
pub fn serve() {
    let (jobs, queue) = mpsc::channel::<Box<Job>>();
    let unwanted = Unwanted::default();
    let cancelled = unwanted.clone();
    std::thread::spawn(move || {
        let mut stdin = BufReader::new(io::stdin().lock());
        loop {
            match read_frame::<ToEngine>(&mut stdin) {
                Ok(Some(ToEngine::Think(job))) => {
                    if jobs.send(job).is_err() {
                        std::process::exit(1);
                    }
                }
                Ok(Some(ToEngine::Cancel { id })) => cancelled.add(id),
                Ok(None) => std::process::exit(0),
                Err(error) => {
                    eprintln!("a frame cannot be read: {error}");
                    std::process::exit(1);
                }
            }
        }
    });
    let mut brain = Brain::default();
    for job in queue {
        let answer = think(&mut brain, &job, &unwanted);
        unwanted.forget(job.id);
        say(&answer);
    }
}

fn think(brain: &mut Brain, job: &Job, unwanted: &Unwanted) -> FromEngine {
    let id = job.id;
    let wanted = || !unwanted.contains(id);
    let words = |text: &str| say(&FromEngine::Words { id, text: text.to_owned() });
    match brain.think(job, &wanted, &words) {
        Ok(outcome) => FromEngine::Done { id, outcome },
        Err(Failure { kind, reason }) => {
            if kind == FailKind::Engine {
                eprintln!("{reason}");
            }
            FromEngine::Failed { id, kind, reason }
        }
    }
}

/// Without a reader there is no use in going on.
fn say(frame: &FromEngine) {
    let mut stdout = io::stdout().lock();
    if write_frame(&mut stdout, frame).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(1);
    }
}
