//! The terminals that one connection watches and types into.

use std::collections::HashMap;

use aether_kernel::process::pty::{TerminalKeyboard, TerminalStream};
use aether_protocol::{TerminalId, frame::TerminalFrame};
use bytes::Bytes;
use tokio::{sync::mpsc, task::JoinHandle};

/// Pieces of output that wait for the client, of all its terminals together; then the terminals wait.
const OUTPUT_PIECES: usize = 32;
/// Pieces of input that wait for one terminal.
const INPUT_PIECES: usize = 64;

/// What a terminal shows next, or why it has ended.
type Output = (TerminalId, u64, Result<Bytes, String>);

/// The attached terminals.
pub(super) struct Terminals {
    attached: HashMap<TerminalId, Attached>,
    attachments: u64,
    shown: mpsc::Sender<Output>,
    outputs: mpsc::Receiver<Output>,
}

struct Attached {
    /// Tells this attachment from an earlier one of the same terminal, whose output may still wait.
    number: u64,
    keys: mpsc::Sender<Bytes>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Attached {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Default for Terminals {
    fn default() -> Self {
        let (shown, outputs) = mpsc::channel(OUTPUT_PIECES);
        Self { attached: HashMap::new(), attachments: 0, shown, outputs }
    }
}

impl Terminals {
    /// Starts to show `terminal`, from its scrollback on.
    pub fn attach(&mut self, terminal: TerminalId, stream: TerminalStream) {
        self.attachments += 1;
        let number = self.attachments;
        let (keys, typed) = mpsc::channel(INPUT_PIECES);
        let tasks = [
            actix_web::rt::spawn(type_into(stream.keyboard(), typed)),
            actix_web::rt::spawn(show(terminal, number, stream, self.shown.clone())),
        ];
        self.attached.insert(terminal, Attached { number, keys, tasks });
    }

    /// Stops showing it.
    pub fn detach(&mut self, terminal: TerminalId) {
        self.attached.remove(&terminal);
    }

    /// Types; `false` when the terminal is not attached here or takes nothing more.
    pub fn write(&self, frame: &TerminalFrame<'_>) -> bool {
        self.attached
            .get(&frame.terminal)
            .is_some_and(|attached| attached.keys.try_send(Bytes::copy_from_slice(frame.bytes)).is_ok())
    }

    /// What one of them shows next. Cancel-safe.
    pub async fn next(&mut self) -> (TerminalId, Result<Bytes, String>) {
        loop {
            // The channel cannot close: this end holds a sender.
            let Some((terminal, number, output)) = self.outputs.recv().await else {
                std::future::pending().await
            };
            if self.attached.get(&terminal).is_some_and(|attached| attached.number == number) {
                return (terminal, output);
            }
        }
    }
}

/// Carries one terminal's output until its shell ends.
async fn show(terminal: TerminalId, number: u64, mut stream: TerminalStream, shown: mpsc::Sender<Output>) {
    loop {
        let output = stream.next_output().await;
        let has_ended = output.is_none();
        let output =
            output.ok_or_else(|| stream.reason().unwrap_or_else(|| "The shell has ended".to_owned()));
        if shown.send((terminal, number, output)).await.is_err() || has_ended {
            return;
        }
    }
}

/// Carries one terminal's input, so that a program that does not read holds up nothing else.
async fn type_into(keyboard: TerminalKeyboard, mut typed: mpsc::Receiver<Bytes>) {
    while let Some(keys) = typed.recv().await {
        if keyboard.input(&keys).await.is_err() {
            // The shell has ended; its output says why.
            return;
        }
    }
}
