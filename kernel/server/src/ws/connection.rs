//! One client: what it sends, what it gets, and when it is let go.

use std::{sync::Arc, time::Duration};

use actix_web::web;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Session};
use aether_kernel::{Delivery, Subscription};
use aether_protocol::{
    Actor, Command, Error, Seq,
    frame::{ClientFrame, ServerFrame, TerminalFrame},
    system::GetStatus,
};
use bytes::Bytes;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};

use super::{frames, terminals::Terminals};
use crate::state::State;

/// Calls of one client that run at once; a client with more waits.
const CALLS_AT_ONCE: usize = 32;
/// Bad frames after which a client is let go.
const BAD_FRAMES: u32 = 8;
/// How often the connection is looked after: pings, the session.
const TICK: Duration = Duration::from_secs(10);
/// A client that was silent for so long, pings notwithstanding, is gone.
const SILENCE: Duration = Duration::from_secs(45);
/// A client that takes nothing for so long is let go; it resumes by its last event.
const STALL: Duration = Duration::from_secs(30);

/// Why a connection ends, as the client is told.
struct End(CloseCode, &'static str);

/// A client's connection.
pub(super) struct Connection {
    state: web::Data<State>,
    actor: Actor,
    token: Arc<str>,
    session: Session,
    subscription: Option<Subscription>,
    terminals: Terminals,
    running: usize,
    bad_frames: u32,
    heard: Instant,
}

impl Connection {
    /// A connection of `actor`, who was proved by `token`.
    pub fn new(state: web::Data<State>, actor: Actor, token: Arc<str>, session: Session) -> Self {
        let terminals = Terminals::default();
        let heard = Instant::now();
        Self { state, actor, token, session, subscription: None, terminals, running: 0, bad_frames: 0, heard }
    }

    /// Serves until either side ends it.
    pub async fn run(mut self, messages: AggregatedMessageStream) {
        let End(code, reason) = match self.serve(messages).await {
            Ok(()) => End(CloseCode::Normal, ""),
            Err(end) => end,
        };
        let description = (!reason.is_empty()).then(|| reason.to_owned());
        // Whoever has gone already need not be told.
        let _ = timeout(STALL, self.session.close(Some(CloseReason { code, description }))).await;
    }

    async fn serve(&mut self, mut messages: AggregatedMessageStream) -> Result<(), End> {
        let (done, mut answers) = mpsc::channel::<String>(CALLS_AT_ONCE);
        let mut stopping = self.state.stopping.clone();
        let mut tick = interval_at(Instant::now() + TICK, TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.greet().await?;
        loop {
            let has_room = self.running < CALLS_AT_ONCE;
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return Err(End(CloseCode::Away, "Aether shuts down"));
                }
                Some(answer) = answers.recv() => {
                    self.running = self.running.saturating_sub(1);
                    self.send(answer).await?;
                }
                message = messages.recv(), if has_room => match message {
                    None => return Ok(()),
                    Some(Err(error)) => return Err(refusal(&error)),
                    Some(Ok(message)) => {
                        self.heard = Instant::now();
                        if !self.take(message, &done).await? {
                            return Ok(());
                        }
                    }
                },
                delivery = next(&mut self.subscription) => match delivery {
                    Some(delivery) => self.deliver(delivery).await?,
                    None => return Err(End(CloseCode::Away, "The stream of events has ended")),
                },
                output = self.terminals.next() => {
                    let (terminal, output) = output;
                    match output {
                        Ok(bytes) => self.send_bytes(TerminalFrame { terminal, bytes: &bytes }.encode()).await?,
                        Err(reason) => {
                            self.terminals.detach(terminal);
                            self.send_frame(&ServerFrame::TerminalEnded { terminal, reason }).await?;
                        }
                    }
                }
                _ = tick.tick() => {
                    self.require_session()?;
                    // While calls fill every place nothing is read, and silence means nothing.
                    if has_room && self.heard.elapsed() > SILENCE {
                        return Err(End(CloseCode::Policy, "The client is silent"));
                    }
                    within(self.session.ping(b"")).await?;
                }
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        let status = self.state.kernel.request(&Actor::Kernel, GetStatus {}).await;
        let last_seq = status.map_err(|_| End(CloseCode::Again, "The kernel does not answer"))?.last_seq;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.send_frame(&ServerFrame::Hello { version, last_seq }).await
    }

    /// Takes one message; `false` when the client says goodbye.
    async fn take(&mut self, message: AggregatedMessage, done: &mpsc::Sender<String>) -> Result<bool, End> {
        match message {
            AggregatedMessage::Text(text) => {
                self.require_session()?;
                match serde_json::from_str::<ClientFrame>(&text) {
                    Ok(frame) => self.obey(frame, done).await?,
                    Err(error) => self.refuse(format!("The frame does not fit: {error}")).await?,
                }
            }
            AggregatedMessage::Binary(bytes) => {
                self.require_session()?;
                match TerminalFrame::decode(&bytes) {
                    Some(frame) if self.terminals.write(&frame) => {}
                    Some(_) => {
                        self.refuse("The terminal is not attached to this connection".to_owned()).await?;
                    }
                    None => self.refuse("The frame is too short to name a terminal".to_owned()).await?,
                }
            }
            AggregatedMessage::Ping(bytes) => within(self.session.pong(&bytes)).await?,
            AggregatedMessage::Pong(_) => {}
            AggregatedMessage::Close(_) => return Ok(false),
        }
        Ok(true)
    }

    async fn obey(&mut self, frame: ClientFrame, done: &mpsc::Sender<String>) -> Result<(), End> {
        match frame {
            ClientFrame::Call { id, command } => {
                let command = match serde_json::from_value::<Command>(command) {
                    Ok(command) => command,
                    Err(error) => {
                        let error = Error::invalid(format!("The command does not fit: {error}"));
                        return self.send(frames::answer(id, Err(error))).await;
                    }
                };
                self.running += 1;
                let (state, actor, done) = (self.state.clone(), self.actor.clone(), done.clone());
                // A task of its own: a call that holds something in the kernel must never wait for a client
                // that does not read.
                actix_web::rt::spawn(async move {
                    let answer = frames::answer(id, state.kernel.call(&actor, command).await);
                    // The client may have gone; what was done is done.
                    let _ = done.send(answer).await;
                });
            }
            ClientFrame::Subscribe { after } => self.subscribe(after).await?,
            ClientFrame::Attach { terminal } => {
                match self.state.kernel.attach_terminal(&self.actor, terminal).await {
                    Ok(stream) => self.terminals.attach(terminal, stream),
                    Err(error) => {
                        let reason = error.message;
                        self.send_frame(&ServerFrame::TerminalEnded { terminal, reason }).await?;
                    }
                }
            }
            ClientFrame::Detach { terminal } => self.terminals.detach(terminal),
        }
        Ok(())
    }

    async fn subscribe(&mut self, after: Option<Seq>) -> Result<(), End> {
        match self.state.kernel.subscribe(&self.actor, after).await {
            Ok(subscription) => {
                let (after, oldest) = (subscription.after(), subscription.oldest());
                self.subscription = Some(subscription);
                self.send_frame(&ServerFrame::Subscribed { after, oldest }).await
            }
            Err(error) => self.send_frame(&ServerFrame::Refused { error }).await,
        }
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<(), End> {
        self.require_session()?;
        match delivery {
            Delivery::Events(records) => {
                for frame in frames::events(&records) {
                    self.send(frame).await?;
                }
                Ok(())
            }
            Delivery::Live(live) => self.send_frame(&ServerFrame::Live { live }).await,
        }
    }

    async fn refuse(&mut self, message: String) -> Result<(), End> {
        self.bad_frames += 1;
        self.send_frame(&ServerFrame::Refused { error: Error::invalid(message) }).await?;
        if self.bad_frames >= BAD_FRAMES {
            return Err(End(CloseCode::Policy, "Too many frames were not understood"));
        }
        Ok(())
    }

    /// Ends the connection once its session was ended elsewhere. In memory, so it can be asked at every step.
    fn require_session(&self) -> Result<(), End> {
        if self.state.kernel.authenticate(&self.token).as_ref() == Some(&self.actor) {
            Ok(())
        } else {
            Err(End(CloseCode::Policy, "The session has ended"))
        }
    }

    async fn send_frame(&mut self, frame: &ServerFrame) -> Result<(), End> {
        self.send(frames::text(frame)).await
    }

    async fn send(&mut self, text: String) -> Result<(), End> {
        within(self.session.text(text)).await
    }

    async fn send_bytes(&mut self, bytes: Vec<u8>) -> Result<(), End> {
        within(self.session.binary(Bytes::from(bytes))).await
    }
}

/// Waits for the client to take what is sent, but not for ever.
async fn within(sending: impl Future<Output = Result<(), actix_ws::Closed>>) -> Result<(), End> {
    match timeout(STALL, sending).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(actix_ws::Closed)) => Err(End(CloseCode::Normal, "")),
        Err(_) => Err(End(CloseCode::Policy, "The client does not read")),
    }
}

/// What comes next of the events; waits for ever where there is no subscription.
async fn next(subscription: &mut Option<Subscription>) -> Option<Delivery> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

fn refusal(error: &actix_ws::ProtocolError) -> End {
    use actix_ws::ProtocolError;
    match error {
        ProtocolError::Overflow => End(CloseCode::Size, "The frame is larger than 1 MiB"),
        // A frame that is no UTF-8, a message whose pieces are too large together, a broken connection.
        ProtocolError::Io(_) => End(CloseCode::Policy, "The message cannot be read"),
        _ => End(CloseCode::Protocol, "The frame breaks the protocol"),
    }
}
