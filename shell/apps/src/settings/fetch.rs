//! Something that is asked for and shown while it is asked for again.

use aether_client::Pending;
use aether_protocol::Error;

/// How far it has come.
#[derive(Debug)]
pub(crate) enum State<'a, T> {
    /// Nothing has come yet.
    Loading,
    /// It is here.
    Ready(&'a T),
    /// It could not be had.
    Failed(&'a Error),
}

// By hand: derived, these would ask the same of `T`, of which only a reference is held.
impl<T> Clone for State<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for State<'_, T> {}

/// Something that is asked for.
pub(crate) struct Fetch<T> {
    pending: Option<Pending<T>>,
    answer: Option<Result<T, Error>>,
}

impl<T> Default for Fetch<T> {
    fn default() -> Self {
        Self { pending: None, answer: None }
    }
}

impl<T> Fetch<T> {
    /// Waits for this answer. What is here stays until it comes; a failure goes at once, since it is being remedied.
    pub(crate) fn ask(&mut self, pending: Pending<T>) {
        if matches!(self.answer, Some(Err(_))) {
            self.answer = None;
        }
        self.pending = Some(pending);
    }

    /// Takes in what has come.
    pub(crate) fn logic(&mut self) {
        if let Some(answer) = self.pending.as_mut().and_then(Pending::take) {
            self.pending = None;
            self.answer = Some(answer);
        }
    }

    /// Whether nobody has asked yet.
    pub(crate) fn is_unasked(&self) -> bool {
        self.pending.is_none() && self.answer.is_none()
    }

    /// How far it has come.
    pub(crate) fn state(&self) -> State<'_, T> {
        match &self.answer {
            None => State::Loading,
            Some(Ok(value)) => State::Ready(value),
            Some(Err(error)) => State::Failed(error),
        }
    }
}
