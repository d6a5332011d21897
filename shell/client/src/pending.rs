//! An answer that has not come yet.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use aether_protocol::{Code, Error};
use parking_lot::Mutex;

/// An answer that has not come yet. A desktop polls it each frame; everybody else awaits it.
///
/// Dropping it does not take the call back.
#[derive(Debug)]
pub struct Pending<T> {
    slot: Arc<Mutex<Slot<T>>>,
    seen: Option<Result<T, Error>>,
}

#[derive(Debug)]
struct Slot<T> {
    answer: Option<Result<T, Error>>,
    waker: Option<Waker>,
}

/// The other end of a [`Pending`]. Dropped without an answer it answers that the client was closed.
pub(crate) struct Completer<T>(Option<Arc<Mutex<Slot<T>>>>);

impl<T> Pending<T> {
    pub(crate) fn new() -> (Completer<T>, Self) {
        let slot = Arc::new(Mutex::new(Slot { answer: None, waker: None }));
        (Completer(Some(Arc::clone(&slot))), Self { slot, seen: None })
    }

    /// An answer that is known already.
    pub fn ready(answer: Result<T, Error>) -> Self {
        Self { slot: Arc::new(Mutex::new(Slot { answer: None, waker: None })), seen: Some(answer) }
    }

    /// The answer, where it has come. It stays until it is taken.
    pub fn poll(&mut self) -> Option<&Result<T, Error>> {
        if self.seen.is_none() {
            self.seen = self.slot.lock().answer.take();
        }
        self.seen.as_ref()
    }

    /// Takes the answer out, where it has come. Once taken, there is nothing more to come.
    pub fn take(&mut self) -> Option<Result<T, Error>> {
        self.poll();
        self.seen.take()
    }

    /// Whether the answer is still to come.
    pub fn is_pending(&self) -> bool {
        self.seen.is_none() && self.slot.lock().answer.is_none()
    }
}

impl<T: Unpin> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.seen.take() {
            return Poll::Ready(answer);
        }
        let mut slot = self.slot.lock();
        if let Some(answer) = slot.answer.take() {
            return Poll::Ready(answer);
        }
        slot.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<T> Completer<T> {
    pub(crate) fn complete(mut self, answer: Result<T, Error>) {
        self.put(answer);
    }

    fn put(&mut self, answer: Result<T, Error>) {
        let Some(slot) = self.0.take() else { return };
        let waker = {
            let mut slot = slot.lock();
            slot.answer = Some(answer);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Completer<T> {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.put(Err(Error::new(Code::Interrupted, "The connection was closed before the answer came")));
        }
    }
}
