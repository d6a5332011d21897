//! The socket between the kernel and one agent's process ([`aether_protocol::link`]).

use std::{io::ErrorKind, sync::Arc, time::Duration};

use aether_protocol::{
    Command, Error, Reply, Result,
    link::{FromAgent, MAX_FRAME_BYTES, ToAgent},
    process::Exit,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::Living;
use crate::Kernel;

/// How long a process that has closed its link may take to end.
const END_GRACE: Duration = Duration::from_secs(5);

/// Why a link ended before the process did.
#[derive(Debug, thiserror::Error)]
enum LinkError {
    /// the socket failed
    #[error("the socket failed: {0}")]
    Io(#[from] std::io::Error),
    /// a frame is longer than allowed
    #[error("a frame of {0} bytes is longer than allowed")]
    TooLong(usize),
    /// a frame is not what the link carries
    #[error("a frame is not what the link carries: {0}")]
    Malformed(#[from] serde_json::Error),
}

/// Answers the process until it ends, and returns how it ended.
pub(super) async fn serve(kernel: &Arc<Kernel>, living: &Arc<Living>, mut link: UnixStream) -> Exit {
    tokio::select! {
        exit = living.tree.wait() => return exit,
        ended = answer_all(kernel, living, &mut link) => {
            if let Err(error) = ended {
                tracing::warn!(pid = %living.pid, %error, "the link to a process broke; the process is ended");
                living.set_cause_of_death(format!("It broke its link to the kernel: {error}"));
                return living.tree.kill_and_wait().await;
            }
        }
    }
    living.note_zombie().await;
    if let Ok(exit) = tokio::time::timeout(END_GRACE, living.tree.wait()).await {
        return exit;
    }
    living.tree.kill_and_wait().await
}

async fn answer_all(kernel: &Arc<Kernel>, living: &Living, link: &mut UnixStream) -> Result<(), LinkError> {
    let Some(owner) = kernel.processes.table_owner(living.pid) else { return Ok(()) };
    let actor = living.actor(owner);
    let mut frame = Vec::new();
    loop {
        let mut length = [0; 4];
        match link.read_exact(&mut length).await {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_FRAME_BYTES {
            return Err(LinkError::TooLong(length));
        }
        frame.clear();
        (&mut *link).take(length as u64).read_to_end(&mut frame).await?;
        if frame.len() < length {
            return Ok(());
        }
        let FromAgent { id, command } = serde_json::from_slice(&frame)?;
        let answer = match call(kernel, &actor, command).await {
            Ok(reply) => ToAgent::Reply { id, reply: serde_json::to_value(&reply)? },
            Err(error) => ToAgent::Failed { id, error },
        };
        let body = serde_json::to_vec(&answer)?;
        let mut out = Vec::with_capacity(4 + body.len());
        out.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&body);
        match link.write_all(&out).await {
            Ok(()) => {}
            // It ended while it was answered.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
        frame.shrink_to(64 * 1024);
    }
}

async fn call(kernel: &Kernel, actor: &aether_protocol::Actor, command: serde_json::Value) -> Result<Reply> {
    let command: Command = serde_json::from_value(command)
        .map_err(|error| Error::invalid(format!("No such command: {error}")))?;
    kernel.call(actor, command).await
}
