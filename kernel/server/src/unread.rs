//! Bodies that nobody reads to their end.
//!
//! The HTTP layer throws away the rest of a chunked body whose reader has gone, for as long as it comes. A
//! client could so keep the server reading for ever. While the body is held, the layer waits a moment
//! instead and then hangs up.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage as _,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::{Version, header},
};
use bytes::Bytes;
use futures_util::Stream;

/// Longer than the HTTP layer waits before it hangs up.
const HOLD: Duration = Duration::from_secs(4);

struct Shared {
    payload: Payload,
    is_read: bool,
}

/// The other end of a body that a handler may read.
pub(crate) struct Unread(Rc<RefCell<Shared>>);

struct Reader(Rc<RefCell<Shared>>);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut shared = self.0.borrow_mut();
        let piece = Pin::new(&mut shared.payload).poll_next(cx);
        if matches!(piece, Poll::Ready(None)) {
            shared.is_read = true;
        }
        piece
    }
}

impl Unread {
    /// Takes hold of a chunked body; the handler reads it as before. `None` where there is none.
    pub fn hold(request: &mut ServiceRequest) -> Option<Self> {
        let is_chunked =
            request.version() < Version::HTTP_2 && request.headers().contains_key(header::TRANSFER_ENCODING);
        if !is_chunked {
            return None;
        }
        let shared = Rc::new(RefCell::new(Shared { payload: request.take_payload(), is_read: false }));
        let reader: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> =
            Box::pin(Reader(shared.clone()));
        request.set_payload(Payload::Stream { payload: reader });
        Some(Self(shared))
    }

    /// Lets go of a body that was read to its end; keeps any other until the connection is closed. Returns
    /// whether it must be closed.
    pub fn release(self) -> bool {
        let is_left = !self.0.borrow().is_read;
        if is_left {
            actix_web::rt::spawn(async move {
                tokio::time::sleep(HOLD).await;
                drop(self);
            });
        }
        is_left
    }
}
