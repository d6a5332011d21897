//! The engine's process: starting it, talking to it, noticing its end.

use std::{
    collections::{HashMap, VecDeque},
    io,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{mpsc, watch},
};

use super::wire::{FromEngine, MAX_FRAME_BYTES, ToEngine, encode};

/// How many of its last lines on stderr are kept.
const KEPT_LINES: usize = 12;
/// How long it has to end by itself when its stdin is closed.
const END_WITHIN: Duration = Duration::from_secs(3);

/// How to start the engine.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) nice: u8,
}

/// A running engine. Dropping it closes its stdin, at which it ends.
#[derive(Debug)]
pub(super) struct Engine {
    process: u32,
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    ended: watch::Receiver<Option<String>>,
}

/// Tells whether an engine lives.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    process: u32,
    ended: watch::Receiver<Option<String>>,
}

impl Pulse {
    /// The Linux process, while it lives.
    pub(super) fn process(&self) -> Option<u32> {
        self.ended.borrow().is_none().then_some(self.process)
    }
}

/// Who waits for the answers to which thought.
type Waiting = Arc<Mutex<HashMap<u64, mpsc::UnboundedSender<FromEngine>>>>;
type Lines = Arc<Mutex<VecDeque<String>>>;

impl Launch {
    /// Starts the process. It does not load a model before the first thought.
    pub(super) fn start(&self) -> io::Result<Engine> {
        let mut child = Command::new(&self.program)
            .arg("serve")
            .arg("--nice")
            .arg(self.nice.to_string())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let missing = || io::Error::other("a pipe is missing");
        let stdin = child.stdin.take().ok_or_else(missing)?;
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let stderr = child.stderr.take().ok_or_else(missing)?;
        let process = child.id().ok_or_else(|| io::Error::other("it ended at once"))?;

        let (frames, queue) = mpsc::unbounded_channel();
        let (ended_tx, ended) = watch::channel(None);
        let waiting = Waiting::default();
        let lines = Lines::default();
        tokio::spawn(write(stdin, queue));
        let listener = tokio::spawn(listen(stderr, Arc::clone(&lines)));
        let answers = Arc::clone(&waiting);
        tokio::spawn(async move {
            let broken = read(stdout, &answers).await;
            // Its stdout is closed, so it is ending or broken.
            let status = end(child).await;
            let _ = tokio::time::timeout(END_WITHIN, listener).await;
            let why = describe(status, broken, &lines);
            // First the reason, then the news: who waits wakes up when its sender is gone.
            let _ = ended_tx.send(Some(why));
            lock(&answers).clear();
        });
        Ok(Engine { process, frames, waiting, ended })
    }
}

impl Engine {
    /// Something that tells whether it lives, without holding it.
    pub(super) fn pulse(&self) -> Pulse {
        Pulse { process: self.process, ended: self.ended.clone() }
    }

    pub(super) fn is_alive(&self) -> bool {
        self.ended.borrow().is_none()
    }

    /// Sends a request and returns its answers. Dropping them cancels the thought.
    pub(super) fn ask(&self, id: u64, request: &ToEngine) -> Result<Answers, String> {
        let bytes = encode(request).map_err(|error| error.to_string())?;
        let (tx, rx) = mpsc::unbounded_channel();
        lock(&self.waiting).insert(id, tx);
        let answers =
            Answers { id, rx, frames: self.frames.clone(), waiting: Arc::clone(&self.waiting), over: false };
        // After the insertion, so that an end in between is seen either here or by the cleared list.
        if !self.is_alive() || self.frames.send(bytes).is_err() {
            return Err("it has ended".to_owned());
        }
        Ok(answers)
    }

    /// Why it ended; waits until that is known.
    pub(super) async fn last_words(&self) -> String {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the engine ended".to_owned(),
        }
    }

    /// Closes its stdin and waits until it is gone.
    pub(super) async fn end(self) {
        let Self { frames, mut ended, .. } = self;
        drop(frames);
        // An error means that the task is gone, and the process with it.
        let _ = ended.wait_for(Option::is_some).await;
    }
}

/// The answers to one thought.
#[derive(Debug)]
pub(super) struct Answers {
    id: u64,
    rx: mpsc::UnboundedReceiver<FromEngine>,
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    over: bool,
}

impl Answers {
    /// The next one; `None` where the engine has ended.
    pub(super) async fn next(&mut self) -> Option<FromEngine> {
        let answer = self.rx.recv().await;
        self.over = !matches!(answer, Some(FromEngine::Words { .. }));
        answer
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        lock(&self.waiting).remove(&self.id);
        if !self.over
            && let Ok(cancel) = encode(&ToEngine::Cancel { id: self.id })
        {
            // Where the engine has ended there is nothing to cancel.
            let _ = self.frames.send(cancel);
        }
    }
}

async fn write(mut stdin: ChildStdin, mut queue: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = queue.recv().await {
        if stdin.write_all(&frame).await.is_err() || stdin.flush().await.is_err() {
            // The reading side notices the end and says so.
            return;
        }
    }
}

/// Passes answers on until stdout closes. `Some` says what was wrong with it.
async fn read(stdout: ChildStdout, waiting: &Waiting) -> Option<String> {
    let mut stdout = BufReader::new(stdout);
    loop {
        let Ok(length) = stdout.read_u32_le().await else { return None };
        if length as usize > MAX_FRAME_BYTES {
            return Some("it sent a frame that is too long".to_owned());
        }
        let mut body = vec![0_u8; length as usize];
        if stdout.read_exact(&mut body).await.is_err() {
            return None;
        }
        let answer: FromEngine = match serde_json::from_slice(&body) {
            Ok(answer) => answer,
            Err(error) => return Some(format!("it sent something that is no frame: {error}")),
        };
        let (FromEngine::Words { id, .. } | FromEngine::Done { id, .. } | FromEngine::Failed { id, .. }) =
            &answer;
        let to = lock(waiting).get(id).cloned();
        if let Some(to) = to {
            // Who does not listen any more has cancelled.
            let _ = to.send(answer);
        }
    }
}

async fn listen(stderr: ChildStderr, kept: Lines) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(target: "aether_engine", "{line}");
        let mut kept = lock(&kept);
        if kept.len() >= KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

async fn end(mut child: Child) -> Option<ExitStatus> {
    if let Ok(status) = tokio::time::timeout(END_WITHIN, child.wait()).await {
        return status.ok();
    }
    // It hangs. An error means that it is gone already.
    let _ = child.start_kill();
    child.wait().await.ok()
}

fn describe(status: Option<ExitStatus>, broken: Option<String>, lines: &Lines) -> String {
    let how = match status.map(|status| (status.signal(), status.code())) {
        Some((Some(9), _)) => "the engine was killed, perhaps for want of memory".to_owned(),
        Some((Some(signal), _)) => format!("the engine died of signal {signal}"),
        Some((_, Some(code))) => format!("the engine ended with status {code}"),
        _ => "the engine ended".to_owned(),
    };
    let last = lock(lines).iter().rev().find(|line| !line.trim().is_empty()).cloned();
    [Some(how), broken, last].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// A poisoned lock is still a list: nothing in here panics half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
