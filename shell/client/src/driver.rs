//! Keeps the connection: opens it, carries frames to and fro, opens it again.

use std::{future::poll_fn, pin::pin, sync::Arc};

use aether_protocol::{Error, identity};
use futures_util::future::{Either, select};

use crate::{
    client::Shared,
    platform::{self, Socket, Transport},
    rest::Ask,
    session::{Frame, Order},
};

/// After a whole turn of this length without a sign of life the kernel is asked for one; after one more the
/// connection counts as lost.
const QUIET_MS: u64 = 15_000;

/// What a socket brought.
pub(crate) enum Received {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(bytes::Bytes),
    /// A sign of life.
    Other,
}

/// Why a connection could not be opened.
pub(crate) enum OpenError {
    /// The kernel wants to know who asks.
    SignedOut(Option<Error>),
    /// Trying again is of no use until a person has done something.
    Refused(Error),
    /// Not now.
    Failed(String),
}

/// How a connection, or the attempt to have one, ended.
enum Ended {
    Lost(String),
    SignedOut(Option<Error>),
    Refused(Error),
    Again,
    Closed,
}

/// Runs until the last [`crate::Client`] is gone.
pub(crate) async fn drive(shared: Arc<Shared>, transport: Transport) {
    loop {
        let mut ended = connect(&shared, &transport).await;
        if let Ended::SignedOut(error) = ended {
            let error = error.filter(|_| !shared.is_leaving());
            shared.set_token(None);
            ended = show_door(&shared, &transport, error).await;
        }
        if let Ended::Refused(error) = ended {
            shared.change(|session| session.signed_out(None, Some(error)));
            ended = wait(&shared, None).await;
        }
        match ended {
            Ended::Lost(reason) => {
                let pause_ms =
                    shared.change(|session| session.lost(&reason, platform::now_ms(), platform::jitter()));
                if matches!(wait(&shared, Some(pause_ms)).await, Ended::Closed) {
                    return;
                }
            }
            Ended::Closed => return,
            Ended::Again | Ended::SignedOut(_) | Ended::Refused(_) => {}
        }
    }
}

async fn connect(shared: &Shared, transport: &Transport) -> Ended {
    let token = shared.token();
    let opened = {
        let open = pin!(transport.open(token.as_ref()));
        match select(open, pin!(next_control(shared))).await {
            Either::Left((opened, _)) => opened,
            Either::Right((ended, _)) => return ended,
        }
    };
    match opened {
        Ok(socket) => converse(shared, socket).await,
        Err(OpenError::SignedOut(error)) => Ended::SignedOut(error),
        Err(OpenError::Refused(error)) => Ended::Refused(error),
        Err(OpenError::Failed(reason)) => Ended::Lost(reason),
    }
}

/// Shows the lock screen what it needs to know, then waits until somebody signs in.
async fn show_door(shared: &Shared, transport: &Transport, error: Option<Error>) -> Ended {
    let answer = transport.http(Ask::new("GET", "/api/v1/door"), None).await;
    match answer.and_then(crate::rest::Answer::json) {
        Ok(door) => {
            shared.change(|session| session.signed_out(Some(door), error));
            wait(shared, None).await
        }
        Err(error) => Ended::Lost(error.message),
    }
}

/// Waits for an order, at most for a time.
async fn wait(shared: &Shared, at_most_ms: Option<u64>) -> Ended {
    let control = pin!(next_control(shared));
    match at_most_ms {
        None => control.await,
        Some(ms) => match select(control, pin!(platform::sleep(ms))).await {
            Either::Left((ended, _)) => ended,
            Either::Right(((), _)) => Ended::Again,
        },
    }
}

/// The next order that is not a frame.
async fn next_control(shared: &Shared) -> Ended {
    loop {
        let order = poll_fn(|cx| shared.session.lock().next_order(cx.waker())).await;
        if let Some(ended) = control(shared, order).err() {
            return ended;
        }
    }
}

/// A frame to send, or how the connection ends.
fn control(shared: &Shared, order: Order) -> Result<Frame, Ended> {
    Err(match order {
        Order::Send(frame) => return Ok(frame),
        Order::SignedIn(token) => {
            shared.set_token(token);
            shared.set_leaving(false);
            shared.change(crate::session::Session::signing_in);
            Ended::Again
        }
        Order::SignedOut => Ended::SignedOut(None),
        Order::Retry => Ended::Again,
        Order::Close => Ended::Closed,
    })
}

async fn converse(shared: &Shared, mut socket: Socket) -> Ended {
    // Turns of the timer since the last sign of life.
    let mut quiet = 0;
    let mut timer = pin!(platform::sleep(QUIET_MS));
    loop {
        let next = {
            let received = pin!(socket.next());
            let order = pin!(poll_fn(|cx| shared.session.lock().next_order(cx.waker())));
            match select(select(received, order), timer.as_mut()).await {
                Either::Left((Either::Left((received, _)), _)) => Some(Either::Left(received)),
                Either::Left((Either::Right((order, _)), _)) => Some(Either::Right(order)),
                Either::Right(((), _)) => None,
            }
        };
        match next {
            Some(Either::Left(Ok(received))) => {
                quiet = 0;
                match received {
                    Received::Text(text) => shared.change(|session| session.text(&text)),
                    Received::Binary(bytes) => shared.change(|session| session.binary(&bytes)),
                    Received::Other => {}
                }
            }
            Some(Either::Left(Err(reason))) => return Ended::Lost(reason),
            Some(Either::Right(order)) => match control(shared, order) {
                Ok(frame) => {
                    if let Err(reason) = socket.send(frame).await {
                        return Ended::Lost(reason);
                    }
                }
                // An impatient person on a living connection.
                Err(Ended::Again) if shared.is_online() => {}
                Err(ended) => {
                    socket.close().await;
                    return ended;
                }
            },
            None if quiet < 2 => {
                quiet += 1;
                timer.set(platform::sleep(QUIET_MS));
                if quiet == 2 {
                    shared.session.lock().call(&identity::Door {}.into(), Box::new(|_| {}));
                }
            }
            None => return Ended::Lost("the kernel has stopped answering".into()),
        }
    }
}
