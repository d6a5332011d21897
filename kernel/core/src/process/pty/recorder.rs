//! What a terminal shows, as an asciicast (version 2, <https://docs.asciinema.org/manual/asciicast/v2/>).

use std::{sync::Arc, time::Instant};

use aether_protocol::terminal::{Size, Terminal};
use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch;

use super::{TerminalError, session::Session, stream::TerminalStream};

/// A terminal that is recorded. Dropping it ends the recording.
pub(crate) struct Recorder {
    session: Arc<Session>,
    stream: TerminalStream,
    stop: watch::Receiver<bool>,
    /// Where the recording ends, once it shall: what was shown before belongs to it.
    end: Option<u64>,
}

impl Recorder {
    pub(super) fn start(session: Arc<Session>, path: String) -> Result<Self, TerminalError> {
        let stop = session.begin_recording(path)?;
        let stream = TerminalStream::new(Arc::clone(&session));
        Ok(Self { session, stream, stop, end: None })
    }

    /// The terminal as it is now.
    pub(crate) fn terminal(&self) -> Terminal {
        self.session.describe()
    }

    /// The next output; `None` when the recording shall end or the shell has. May be dropped while it waits.
    pub(crate) async fn next_output(&mut self) -> Option<Bytes> {
        let end = if let Some(end) = self.end {
            end
        } else {
            tokio::select! {
                output = self.stream.next_output() => return output,
                _ = self.stop.wait_for(|stop| *stop) => {}
            }
            *self.end.insert(self.session.with_scrollback(super::scrollback::Scrollback::end))
        };
        if self.stream.position() < end { self.stream.next_output().await } else { None }
    }

    /// Why it ends, once it does.
    pub(crate) fn reason(&self) -> String {
        self.stream.reason().unwrap_or_else(|| "It was stopped.".to_owned())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.session.end_recording();
    }
}

/// The lines of an asciicast.
pub(crate) struct Cast {
    began: Instant,
    size: Size,
    /// The beginning of a character whose rest has not come.
    partial: Vec<u8>,
}

impl Cast {
    /// The header, and what makes the other lines.
    pub(crate) fn begin(terminal: &Terminal, at_unix_secs: i64) -> (Self, String) {
        let Size { cols, rows } = terminal.size;
        let header = json!({
            "version": 2, "width": cols, "height": rows, "timestamp": at_unix_secs,
            "env": {"SHELL": "/bin/bash", "TERM": "xterm-256color"},
        });
        (Self { began: Instant::now(), size: terminal.size, partial: Vec::new() }, format!("{header}\n"))
    }

    /// The lines for output that came now, on a terminal of this size.
    pub(crate) fn output(&mut self, size: Size, bytes: &[u8]) -> String {
        let secs = self.began.elapsed().as_secs_f64();
        let mut lines = String::new();
        if size != self.size {
            self.size = size;
            lines.push_str(&line(secs, "r", &format!("{}x{}", size.cols, size.rows)));
        }
        self.partial.extend_from_slice(bytes);
        let (text, rest) = whole_characters(&self.partial);
        if !text.is_empty() {
            lines.push_str(&line(secs, "o", &text));
        }
        self.partial = rest;
        lines
    }
}

fn line(secs: f64, kind: &str, data: &str) -> String {
    // Microseconds, as asciinema itself writes.
    format!("{}\n", json!([(secs * 1e6).round() / 1e6, kind, data]))
}

/// The text without a character that is cut off at the end, and that character's bytes. What is no UTF-8 at all becomes
/// replacement characters.
fn whole_characters(bytes: &[u8]) -> (String, Vec<u8>) {
    let cut = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        // Something invalid before the end: look at the end alone, where at most three bytes can wait for more.
        Err(_) => {
            let from = bytes.len().saturating_sub(3);
            (from..bytes.len())
                .find(|start| {
                    let tail = bytes.get(*start..).unwrap_or_default();
                    std::str::from_utf8(tail)
                        .is_err_and(|error| error.error_len().is_none() && error.valid_up_to() == 0)
                })
                .unwrap_or(bytes.len())
        }
    };
    let (whole, rest) = bytes.split_at_checked(cut).unwrap_or((bytes, &[]));
    (String::from_utf8_lossy(whole).into_owned(), rest.to_vec())
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn characters_are_never_cut() {
        let text = "a\u{e4}\u{20ac}\u{1f600}".as_bytes();
        for cut in 0..=text.len() {
            let (first, rest) = whole_characters(&text[..cut]);
            let (second, left) = whole_characters(&[rest.as_slice(), &text[cut..]].concat());
            assert_eq!(first + &second, "a\u{e4}\u{20ac}\u{1f600}");
            assert!(left.is_empty());
        }
        assert_eq!(
            whole_characters(b"\xff\xfea\xe2\x82"),
            ("\u{fffd}\u{fffd}a".to_owned(), vec![0xe2, 0x82])
        );
        assert_eq!(whole_characters(b"\xff"), ("\u{fffd}".to_owned(), vec![]));
    }
}
