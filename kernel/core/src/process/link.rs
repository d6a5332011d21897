//! The socket between the kernel and one agent's process ([`aether_protocol::link`]).

use std::{
    io::{ErrorKind, IoSliceMut},
    mem::MaybeUninit,
    sync::Arc,
    time::Duration,
};

use aether_protocol::{
    Command, Error, Reply, Result,
    link::{FromAgent, MAX_FRAME_BYTES, ToAgent},
    process::Exit,
};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, UCred, recvmsg, sockopt::set_socket_passcred,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::UnixStream,
};

use super::{Living, tree::ProcessTree};
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
    /// somebody else wrote
    #[error("its first call came from process {pid} of user {uid}, which is not the agent's own")]
    Stranger {
        /// The Linux pid, seen from the host.
        pid: i32,
        /// The host's user.
        uid: u32,
    },
}

/// Returns when the process has said its first word, and Linux has vouched for who said it: the program of this
/// sandbox, as the sandbox's user (`SCM_CREDENTIALS`, unix(7)). What was said stays to be read.
async fn prove(link: &UnixStream, tree: &ProcessTree) -> Result<(), LinkError> {
    let sender = loop {
        link.readable().await?;
        match link.try_io(Interest::READABLE, || sender(link)) {
            Ok(sender) => break sender,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    };
    // It is asked once: the socket has no other end than this, and nobody hands it on who has not been in there.
    set_socket_passcred(link, false).map_err(std::io::Error::from)?;
    let Some(sender) = sender else { return Ok(()) };
    // One that has ended since cannot be found any more; its link has ended, too.
    let Some(program) = tree.agent_host_pid() else { return Ok(()) };
    let (pid, uid) = (sender.pid.as_raw_nonzero().get(), sender.uid.as_raw());
    let is_own = pid.unsigned_abs() == program && tree.owner().is_none_or(|owner| owner.uid == uid);
    if is_own { Ok(()) } else { Err(LinkError::Stranger { pid, uid }) }
}

/// Who wrote what is to be read next; `None` at the end of the link. Fails with `WouldBlock` where there is nothing.
fn sender(link: &UnixStream) -> std::io::Result<Option<UCred>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut first = [0_u8];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let read = recvmsg(link, &mut [IoSliceMut::new(&mut first)], &mut ancillary, flags)?;
    let sender = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmCredentials(sender) => Some(sender),
        _ => None,
    });
    match (read.bytes, sender) {
        (0, _) => Ok(None),
        (_, Some(sender)) => Ok(Some(sender)),
        (_, None) => Err(std::io::Error::other("Linux does not say who wrote")),
    }
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
    prove(link, &living.tree).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::sandbox::{
        Program,
        tests::{ALONE, Ground},
    };

    /// A sandbox whose program says a word on its link and waits.
    const SAYS: &str = "echo hello >&3; read line <&3";

    #[tokio::test]
    async fn the_first_word_on_a_link_is_the_programs_own_or_refused() {
        let _alone = ALONE.lock().await;
        let ground = Ground::new();
        let command = ["/bin/sh", "-c", SAYS].map(str::to_owned).to_vec();
        let own = ground.sandbox.launch(&ground.spec(21), &Program::Exec(command)).await.expect("a sandbox");
        prove(&own.link, &own.tree).await.expect("its own program");

        // This process is no sandbox's program; a child of the program is another process, too.
        let (ours, theirs) = UnixStream::pair().expect("a link");
        set_socket_passcred(&ours, true).expect("credentials");
        theirs.try_write(b"hello").expect("written");
        let refused = prove(&ours, &own.tree).await;
        let this = i32::try_from(std::process::id()).expect("a pid");
        assert!(matches!(refused, Err(LinkError::Stranger { pid, .. }) if pid == this), "{refused:?}");

        let command = ["/bin/sh", "-c", "/bin/echo hello >&3; read line <&3"].map(str::to_owned).to_vec();
        let child =
            ground.sandbox.launch(&ground.spec(22), &Program::Exec(command)).await.expect("a sandbox");
        let refused = prove(&child.link, &child.tree).await;
        assert!(matches!(refused, Err(LinkError::Stranger { .. })), "{refused:?}");

        // A link that is closed without a word proves nothing and breaks nothing.
        let (ours, theirs) = UnixStream::pair().expect("a link");
        drop(theirs);
        prove(&ours, &own.tree).await.expect("its end is seen by whoever reads");
    }
}
