//! A terminal of the kernel in this terminal.

use std::io::{self, IsTerminal, Read, Write};

use aether_client::{Client, TerminalLink};
use aether_protocol::{
    Error, TerminalId,
    terminal::{List, Open, Resize, Size, Target},
};
use comfy_table::Cell;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

use crate::{context::Context, failure::Outcome, resolve, shape};

pub(super) async fn attach(
    cx: &Context,
    process: Option<String>,
    terminal: Option<TerminalId>,
    detach_key: u8,
) -> Outcome {
    let client = cx.connect().await?;
    let size = size_here();
    let terminal = match (terminal, process) {
        (Some(terminal), _) => terminal,
        (None, Some(process)) => {
            let pid = resolve::pid(&client, &process).await?;
            client.call(Open { target: Target::Process { pid }, size }).await?.id
        }
        (None, None) => client.call(Open { target: Target::Home, size }).await?.id,
    };
    client.call(Resize { terminal, size }).await?;
    let link = client.open_terminal(terminal);
    let key = char::from(detach_key | 0x40);
    if io::stdin().is_terminal() {
        eprintln!("Terminal {terminal}; ^{key} leaves it without ending it");
    }
    let ended = {
        let _raw = RawMode::enter()?;
        converse(&client, &link, detach_key).await
    };
    match ended? {
        Some(reason) => eprintln!("\r\n{}", shape::plain(&reason)),
        None => eprintln!("\r\nLeft the terminal; `aether attach --terminal {terminal}` comes back to it"),
    }
    Ok(())
}

/// Carries keys there and output back, until the shell ends (and why) or the person leaves (`None`).
async fn converse(client: &Client, link: &TerminalLink, detach_key: u8) -> Outcome<Option<String>> {
    let mut keys = read_keys();
    let mut resized = signal(SignalKind::window_change())
        .map_err(|error| Error::internal(format!("The window's size cannot be watched: {error}")))?;
    let mut keys_left = true;
    loop {
        tokio::select! {
            () = link.changed() => {
                show(link)?;
                if let Some(reason) = link.ended() {
                    show(link)?;
                    return Ok(Some(reason));
                }
            }
            typed = keys.recv(), if keys_left => {
                let Some(typed) = typed else {
                    // Our input has ended; so shall the shell's (^D).
                    keys_left = false;
                    link.send(&[4]);
                    continue;
                };
                let until = typed.iter().position(|byte| *byte == detach_key);
                let before = typed.get(..until.unwrap_or(typed.len())).unwrap_or_default();
                if !before.is_empty() {
                    link.send(before);
                }
                if until.is_some() {
                    return Ok(None);
                }
            }
            _ = resized.recv() => {
                // A size that comes too late is followed by another one.
                drop(client.call(Resize { terminal: link.terminal(), size: size_here() }));
            }
        }
    }
}

fn show(link: &TerminalLink) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for bytes in link.drain() {
        out.write_all(&bytes)?;
    }
    out.flush()
}

/// Keys as they are typed. A thread of its own, since a terminal cannot be read otherwise without making
/// it non-blocking for the shell that we came from.
fn read_keys() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let typed = buffer.get(..count).unwrap_or_default().to_vec();
                    if sender.blocking_send(typed).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
    });
    receiver
}

/// The size of this terminal; 80 by 24 where there is none.
fn size_here() -> Size {
    match tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
            Size { cols: size.ws_col.min(1000), rows: size.ws_row.min(1000) }
        }
        _ => Size::default(),
    }
}

/// Every key goes to the kernel's terminal, none to ours, for as long as this lives.
struct RawMode(Option<Termios>);

impl RawMode {
    fn enter() -> Result<Self, Error> {
        if !io::stdin().is_terminal() {
            return Ok(Self(None));
        }
        let failed = |error| Error::internal(format!("The terminal cannot be switched to raw mode: {error}"));
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        Ok(Self(Some(before)))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // A terminal that has gone away needs no mode.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

pub(super) async fn list(cx: &Context) -> Outcome {
    let terminals = cx.connect().await?.call(List {}).await?.items;
    if cx.out.json {
        cx.out.json(&terminals)?;
        return Ok(());
    }
    let rows = terminals
        .iter()
        .map(|terminal| {
            let target = match terminal.target {
                Target::Home => "your home".to_owned(),
                Target::Process { pid } => format!("process {pid}"),
            };
            vec![
                Cell::new(terminal.id),
                Cell::new(target),
                Cell::new(format!("{}×{}", terminal.size.cols, terminal.size.rows)),
                Cell::new(shape::time(terminal.opened_at)),
                Cell::new(shape::plain(terminal.recording.as_deref().unwrap_or("-"))),
            ]
        })
        .collect();
    cx.out.table(&["ID", "IN", "SIZE", "SINCE", "RECORDED INTO"], &[], rows)?;
    Ok(())
}
