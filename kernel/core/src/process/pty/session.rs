//! One terminal: its PTY, its shell, its scrollback.

use std::{io, sync::Arc, time::Duration};

use aether_protocol::{
    process::{Exit, SignalName},
    terminal::{Size, Terminal},
};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::{TerminalClosed, TerminalError, device::Device, scrollback::Scrollback};
use crate::process::tree::ProcessTree;

/// How much is read before others get their turn.
const BURST_BYTES: usize = 64 * 1024;

/// The pause after a burst: a shell that writes without end gets 16 MiB a second, and not a core of the
/// kernel's.
const PAUSE: Duration = Duration::from_millis(4);

/// What viewers wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Bytes written so far.
    pub(super) end: u64,
    /// Nothing more will come.
    pub(super) over: bool,
}

/// A terminal that runs.
#[derive(Debug)]
pub(super) struct Session {
    terminal: Mutex<Terminal>,
    device: Device,
    tree: ProcessTree,
    scrollback: Mutex<Scrollback>,
    progress: watch::Sender<Progress>,
    reason: Mutex<Option<String>>,
    /// Whether a recording that runs shall end. The recorder holds it as long as it writes.
    recording: watch::Sender<bool>,
    /// One writer at a time, so that two people's pastes do not mix.
    typing: tokio::sync::Mutex<()>,
}

impl Session {
    pub(super) fn new(terminal: Terminal, device: Device, tree: ProcessTree) -> Self {
        Self {
            terminal: Mutex::new(terminal),
            device,
            tree,
            scrollback: Mutex::default(),
            progress: watch::Sender::default(),
            reason: Mutex::default(),
            recording: watch::Sender::new(false),
            typing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn describe(&self) -> Terminal {
        self.terminal.lock().clone()
    }

    pub(super) fn resize(&self, size: Size) -> io::Result<()> {
        let mut terminal = self.terminal.lock();
        self.device.resize(size)?;
        terminal.size = size;
        Ok(())
    }

    /// Marks it as recorded; the receiver turns true when the recording shall end.
    pub(super) fn begin_recording(&self, path: String) -> Result<watch::Receiver<bool>, TerminalError> {
        let mut terminal = self.terminal.lock();
        if let Some(path) = &terminal.recording {
            return Err(TerminalError::Recorded(path.clone()));
        }
        terminal.recording = Some(path);
        self.recording.send_replace(false);
        Ok(self.recording.subscribe())
    }

    /// The recording is over; whoever waits for that is told.
    pub(super) fn end_recording(&self) {
        self.terminal.lock().recording = None;
        self.recording.send_replace(true);
    }

    /// Asks the recording to end and waits until it has.
    pub(super) async fn stop_recording(&self) -> Result<(), TerminalError> {
        if self.describe().recording.is_none() {
            return Err(TerminalError::NotRecorded);
        }
        let mut recording = self.recording.subscribe();
        self.recording.send_replace(true);
        recording.mark_unchanged();
        while self.describe().recording.is_some() && recording.changed().await.is_ok() {}
        Ok(())
    }

    /// Takes in output until the shell has ended and everything that it wrote was read.
    pub(super) async fn run(self: &Arc<Self>) -> TerminalClosed {
        let exit = tokio::select! {
            exit = self.tree.wait() => exit,
            never = self.read() => match never {},
        };
        let mut buffer = vec![0; 8 * 1024];
        loop {
            match self.device.read_now(&mut buffer) {
                0 => break,
                count => self.take_in(buffer.get(..count).unwrap_or_default()),
            }
        }
        let reason = self.reason.lock().get_or_insert_with(|| reason_of(exit)).clone();
        self.progress.send_modify(|progress| progress.over = true);
        TerminalClosed { terminal: self.describe(), reason, exit }
    }

    async fn read(&self) -> std::convert::Infallible {
        let mut buffer = vec![0; 8 * 1024];
        let mut burst = 0;
        loop {
            match self.device.read(&mut buffer).await {
                Ok(count) if count > 0 => {
                    self.take_in(buffer.get(..count).unwrap_or_default());
                    burst += count;
                }
                // The other end is closed: what remains is to hear how the shell ended.
                _ => std::future::pending::<()>().await,
            }
            if burst >= BURST_BYTES {
                burst = 0;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn take_in(&self, bytes: &[u8]) {
        let end = {
            let mut scrollback = self.scrollback.lock();
            scrollback.push(bytes);
            scrollback.end()
        };
        self.progress.send_modify(|progress| progress.end = end);
    }

    pub(super) fn with_scrollback<T>(&self, read: impl FnOnce(&Scrollback) -> T) -> T {
        read(&self.scrollback.lock())
    }

    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(super) fn reason(&self) -> Option<String> {
        self.reason.lock().clone()
    }

    /// Types; waits while the shell does not read, and gives up when it ends.
    pub(super) async fn input(&self, mut bytes: &[u8]) -> io::Result<()> {
        let _turn = self.typing.lock().await;
        while !bytes.is_empty() {
            let written = tokio::select! {
                // First, because the device takes bytes that nobody will read any more.
                biased;
                () = self.ended() => return Err(io::ErrorKind::BrokenPipe.into()),
                written = self.device.write(bytes) => written?,
            };
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends the shell and all that it started.
    pub(super) fn end(&self, reason: &str) {
        self.reason.lock().get_or_insert_with(|| reason.to_owned());
        // It may have ended by itself.
        let _ = self.tree.signal(SignalName::Kill);
    }

    pub(super) async fn close(&self, reason: &str) {
        self.end(reason);
        self.ended().await;
    }

    pub(super) async fn ended(&self) {
        let mut progress = self.progress.subscribe();
        // The sender lives as long as this.
        let _ = progress.wait_for(|progress| progress.over).await;
    }
}

fn reason_of(exit: Exit) -> String {
    match exit {
        Exit::Status { code: 0 } => "The shell ended.".to_owned(),
        Exit::Status { code } => format!("The shell ended with status {code}."),
        Exit::Signal { number } => format!("The shell was ended by signal {number}."),
        Exit::NeverRan => "The shell could not be started.".to_owned(),
    }
}
