//! One connection of a tool: requests one after the other, or one tunnel.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};

use super::{
    http::{self, Bad, Framing, Request, Target, bad},
    policy::{Host, Policy},
    refusal::{self, Refusal},
    report::{Reporter, Tally},
    resolve::{self, Resolve},
    wire::{self, Broken, Incoming},
};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// A head, from the first moment that one is waited for.
    pub(super) head: Duration,
    /// Silence within a message.
    pub(super) idle: Duration,
    /// Silence of a tunnel, both ways.
    pub(super) tunnel_idle: Duration,
    /// Looking a name up; connecting to one address.
    pub(super) connect: Duration,
    /// What a tool may still send after it was refused.
    pub(super) last_words: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            idle: Duration::from_mins(1),
            tunnel_idle: Duration::from_mins(5),
            connect: Duration::from_secs(10),
            last_words: Duration::from_secs(1),
        }
    }
}

/// What one process may, and who writes down what it does.
pub(super) struct Desk {
    pub(super) policy: Policy,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) offline: bool,
    /// Where this kernel itself listens.
    pub(super) listening: Arc<RwLock<Vec<SocketAddr>>>,
    pub(super) reporter: Reporter,
    pub(super) pace: Pace,
}

impl Desk {
    /// Decides, looks up, checks, connects; in this order, for every request anew.
    async fn connect(&self, host: &Host, port: u16) -> Result<(TcpStream, SocketAddr), Refusal> {
        let allowed = self.policy.decide(host, port)?;
        let finding = resolve::addresses(self.resolver.as_ref(), host, allowed, self.offline);
        let found = timeout(self.pace.connect, finding)
            .await
            .unwrap_or_else(|_| Err(Refusal::Unresolved("no name server answered in time".to_owned())))?;
        let mut reason = String::new();
        for address in found {
            let target = SocketAddr::new(address, port);
            if resolve::is_own_door(&self.listening.read(), target) {
                return Err(Refusal::OwnDoor);
            }
            match timeout(self.pace.connect, TcpStream::connect(target)).await {
                Ok(Ok(stream)) => {
                    // A packet that waits for another saves nothing here.
                    let _ = stream.set_nodelay(true);
                    return Ok((stream, target));
                }
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => "it does not answer in time".clone_into(&mut reason),
            }
        }
        Err(Refusal::Unreachable(reason))
    }
}

/// A tool's connection.
struct Tool {
    read: Incoming<OwnedReadHalf>,
    write: OwnedWriteHalf,
}

/// What comes after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another may.
    Request,
    /// The end.
    End,
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, desk: &Desk) {
    let _ = stream.set_nodelay(true);
    let (read, write) = stream.into_split();
    let mut tool = Tool { read: Incoming::new(read, desk.pace.idle), write };
    while tool.request(desk).await == Next::Request {}
    let _ = tool.write.shutdown().await;
    tool.read.drain(desk.pace.last_words).await;
}

impl Tool {
    async fn request(&mut self, desk: &Desk) -> Next {
        let head = match self.read.head(desk.pace.head).await {
            Ok(Some(head)) => head,
            Ok(None) | Err(Broken::Io) => return Next::End,
            Err(Broken::Bad(bad)) => return self.complain(desk, &bad).await,
            Err(Broken::Slow) => {
                let slow = Bad { status: 408, what: "its head did not come in time".to_owned() };
                return self.complain(desk, &slow).await;
            }
        };
        let request = match http::request(&head) {
            Ok(request) => request,
            Err(bad) => return self.complain(desk, &bad).await,
        };
        let host = request.host.to_string();
        let (server, address) = match desk.connect(&request.host, request.port).await {
            Ok(connected) => connected,
            Err(refusal) => {
                desk.reporter.refused(&host, Some(request.port), &refusal.to_string());
                self.say(desk, &refusal::answer(&refusal, &host, request.port)).await;
                return Next::End;
            }
        };
        let tally = desk.reporter.follow(host, request.port, address.ip());
        match &request.target {
            Target::Tunnel => {
                self.tunnel(desk, server, &tally).await;
                Next::End
            }
            Target::Plain { path } => self.exchange(desk, server, &request, path, &tally).await,
        }
    }

    /// Says what is wrong with a request, and ends: who cannot be understood once is not listened to again.
    async fn complain(&mut self, desk: &Desk, bad: &Bad) -> Next {
        desk.reporter.refused("", None, &bad.what);
        self.say(desk, &refusal::complain(bad.status, &bad.what)).await;
        Next::End
    }

    async fn say(&mut self, desk: &Desk, bytes: &[u8]) {
        // Who does not read it need not have it.
        let _ = timeout(desk.pace.idle, self.write.write_all(bytes)).await;
    }

    async fn tunnel(&mut self, desk: &Desk, server: TcpStream, tally: &Tally) {
        self.say(desk, b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        let (read, mut write) = server.into_split();
        let mut server = Incoming::new(read, desk.pace.idle);
        wire::tunnel(
            (&mut self.read, &mut self.write),
            (&mut server, &mut write),
            &tally.sent,
            &tally.received,
            desk.pace.tunnel_idle,
        )
        .await;
    }

    /// One request and its answer, over a connection to the server that serves nothing else.
    async fn exchange(
        &mut self,
        desk: &Desk,
        server: TcpStream,
        request: &Request,
        path: &str,
        tally: &Tally,
    ) -> Next {
        let (read, mut to_server) = server.into_split();
        let mut server = Incoming::new(read, desk.pace.idle);
        if request.expects_leave {
            self.say(desk, b"HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        let began = AtomicBool::new(false);
        let mut whole = false;
        let outcome = {
            let sending = async {
                let head = request.head_for_server(path);
                timeout(desk.pace.idle, to_server.write_all(&head)).await.map_err(|_| Broken::Slow)??;
                self.read.pass_body(request.framing, request.framing, &mut to_server, &tally.sent).await
            };
            let answering = answer(&mut server, &mut self.write, request, desk, tally, &began);
            let (mut sending, mut answering) = (std::pin::pin!(sending), std::pin::pin!(answering));
            let mut sends = true;
            loop {
                tokio::select! {
                    biased;
                    sent = &mut sending, if sends => {
                        sends = false;
                        match sent {
                            Ok(()) => whole = true,
                            Err(Broken::Bad(bad)) => break Err(Broken::Bad(bad)),
                            // The server may have heard enough to answer.
                            Err(Broken::Io | Broken::Slow) => {}
                        }
                    }
                    answered = &mut answering => break answered,
                }
            }
        };
        match outcome {
            Ok(next) if whole => next,
            Ok(_) => Next::End,
            Err(_) if began.load(Ordering::Relaxed) => Next::End,
            Err(Broken::Bad(bad)) => self.complain(desk, &bad).await,
            Err(Broken::Slow | Broken::Io) => {
                let (host, port) = (request.host.to_string(), request.port);
                let refusal = Refusal::Unreachable("it ended the connection without an answer".to_owned());
                self.say(desk, &refusal::answer(&refusal, &host, port)).await;
                Next::End
            }
        }
    }
}

/// Passes the answer on. `began` is set before the first byte of it.
async fn answer(
    server: &mut Incoming<OwnedReadHalf>,
    tool: &mut OwnedWriteHalf,
    request: &Request,
    desk: &Desk,
    tally: &Tally,
    began: &AtomicBool,
) -> Result<Next, Broken> {
    let broken = |bad: Bad| Broken::Bad(Bad { status: 502, ..bad });
    let answer = loop {
        let head = match server.head(desk.pace.idle).await {
            Ok(head) => head.ok_or(Broken::Io)?,
            Err(Broken::Bad(bad)) => return Err(broken(bad)),
            Err(other) => return Err(other),
        };
        let answer = http::answer(&head, &request.method)?;
        if answer.status == 101 {
            return Err(broken(bad("the server changes to another protocol, which nobody asked for")));
        }
        if !answer.is_interim() {
            break answer;
        }
    };
    let framing = match answer.framing {
        Framing::Length(length) => Framing::Length(length),
        Framing::Chunked | Framing::ToEnd if request.is_http_11 => Framing::Chunked,
        Framing::Chunked | Framing::ToEnd => Framing::ToEnd,
    };
    let keeps_alive = request.keeps_alive && framing != Framing::ToEnd;
    began.store(true, Ordering::Relaxed);
    let head = answer.head_for_tool(framing, keeps_alive);
    timeout(desk.pace.idle, tool.write_all(&head)).await.map_err(|_| Broken::Slow)??;
    server.pass_body(answer.framing, framing, tool, &tally.received).await?;
    Ok(if keeps_alive { Next::Request } else { Next::End })
}
