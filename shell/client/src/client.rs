//! The client: what the desktop, the command line and tests hold.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use aether_protocol::{
    Code, Command, Error, Reply, Request, Seq, TerminalId,
    files::{Entry, Place},
    identity::{Login, Setup, SignedIn, SignedOut},
};
use bytes::Bytes;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::{
    ConnectionState, Endpoint, Incoming, Pending, TerminalLink, Token,
    platform::{self, Spawner, Transport},
    rest::{Answer, Ask},
    session::{Order, Session},
};

/// A connection to a kernel that restores itself. Cheap to clone; all clones share the connection and the
/// events. It ends when the last clone and the last [`TerminalLink`] are dropped.
#[derive(Clone)]
pub struct Client {
    pub(crate) handle: Arc<Handle>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether events are asked for at once. If not, [`Client::events`] starts them.
    pub events: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { events: true }
    }
}

/// What the driver and the clients share.
pub(crate) struct Shared {
    pub(crate) session: Mutex<Session>,
    token: Mutex<Option<Token>>,
    /// Whether this end has asked for the session's end: then its end is no error.
    leaving: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// What the clients share. When the last one drops it the driver ends.
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
    background: Option<(Transport, Spawner)>,
}

impl Shared {
    /// Changes the session, then asks for a repaint.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Session) -> T) -> T {
        let result = change(&mut self.session.lock());
        (self.wake)();
        result
    }

    pub(crate) fn token(&self) -> Option<Token> {
        self.token.lock().clone()
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    pub(crate) fn set_leaving(&self, leaving: bool) {
        self.leaving.store(leaving, Ordering::Relaxed);
    }

    pub(crate) fn set_token(&self, token: Option<Token>) {
        *self.token.lock() = token;
    }

    pub(crate) fn is_online(&self) -> bool {
        self.session.lock().state(0) == ConnectionState::Online
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.session.lock().order(Order::Close);
    }
}

impl Client {
    /// Connects in the background. `wake` is called from another thread (natively) whenever there is
    /// something new to show; it must not call the client.
    ///
    /// In a browser `session` is `None`: the cookie decides whether somebody is signed in.
    pub fn connect(
        endpoint: Endpoint,
        session: Option<Token>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self::connect_with(endpoint, session, Options::default(), wake)
    }

    /// [`Client::connect`] with a choice of what the connection is for.
    pub fn connect_with(
        endpoint: Endpoint,
        session: Option<Token>,
        options: Options,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            session: Mutex::new(Session::new(options.events)),
            token: Mutex::new(session),
            leaving: AtomicBool::new(false),
            wake: Box::new(wake),
        });
        let background = match platform::start(endpoint, Arc::clone(&shared)) {
            Ok(background) => Some(background),
            Err(error) => {
                shared.change(|session| session.signed_out(None, Some(error)));
                None
            }
        };
        Self { handle: Arc::new(Handle { shared, background }) }
    }

    /// How the connection is.
    pub fn state(&self) -> ConnectionState {
        self.session(|session| session.state(platform::now_ms()))
    }

    /// Asks the kernel for something.
    ///
    /// When the connection is lost before the answer, what only reads is asked again; anything else is
    /// answered [`Code::Interrupted`].
    pub fn call<R: Request>(&self, args: R) -> Pending<R::Reply> {
        let (completer, pending) = Pending::new();
        let command: Command = args.into();
        let done = Box::new(move |answer: Result<serde_json::Value, Error>| {
            completer.complete(answer.and_then(|value| {
                let reply: Reply = serde_json::from_value(value).map_err(|error| {
                    Error::internal(format!("The answer to {} was not understood: {error}", R::NAME))
                })?;
                R::take(reply).ok_or_else(|| {
                    Error::internal(format!("The answer to {} was another command's", R::NAME))
                })
            }));
        });
        self.session(|session| session.call(&command, done));
        pending
    }

    /// Everything that arrived since the last time, in order.
    pub fn drain(&self) -> Vec<Incoming> {
        self.session(Session::drain)
    }

    /// The last event that was taken in.
    pub fn last_seq(&self) -> Option<Seq> {
        self.session(|session| session.last_seq())
    }

    /// Creates the owner with the code that the device shows, and signs in.
    ///
    /// In a browser the token in the answer is empty: only the cookie holds it.
    pub fn setup(&self, setup: &Setup) -> Pending<SignedIn> {
        self.enter(Ask::json("POST", "/api/v1/setup", setup))
    }

    /// Signs in. [`Client::setup`] says what becomes of the token.
    pub fn sign_in(&self, login: &Login) -> Pending<SignedIn> {
        self.enter(Ask::json("POST", "/api/v1/session", login))
    }

    /// Ends the session, on the kernel and here.
    pub fn sign_out(&self) -> Pending<SignedOut> {
        let shared = Arc::clone(&self.handle.shared);
        // The kernel closes the connection before it answers.
        shared.set_leaving(true);
        self.http(Ok(Ask::new("DELETE", "/api/v1/session")), move |answer| {
            let answer = answer.bytes().map(|_| SignedOut {});
            // A session that had ended already is what was wanted.
            let answer = match answer {
                Err(error) if error.code == Code::Unauthenticated => Ok(SignedOut {}),
                other => other,
            };
            if answer.is_ok() {
                shared.change(|session| session.order(Order::SignedOut));
            } else {
                shared.set_leaving(false);
            }
            answer
        })
    }

    /// Writes a whole file.
    pub fn upload(&self, place: Place, path: &str, bytes: Vec<u8>) -> Pending<Entry> {
        let ask = Ask::file("PUT", place, path).map(|ask| Ask {
            content_type: Some("application/octet-stream"),
            body: bytes,
            ..ask
        });
        self.http(ask, Answer::json)
    }

    /// Sends the next piece of an upload ([`aether_protocol::files::BeginUpload`] begins one), of any size: at
    /// `offset` is where the upload stands. With the last byte the file is in its place.
    pub fn upload_piece(&self, upload: Uuid, offset: u64, bytes: Vec<u8>) -> Pending<()> {
        let ask = Ask {
            content_type: Some("application/offset+octet-stream"),
            headers: vec![("upload-offset", offset.to_string()), ("tus-resumable", "1.0.0".to_owned())],
            body: bytes,
            ..Ask::new("PATCH", format!("/api/v1/uploads/{upload}"))
        };
        self.http(Ok(ask), |answer| answer.bytes().map(drop))
    }

    /// Adds to the end of a file; makes it where there is none.
    pub fn append(&self, place: Place, path: &str, bytes: Vec<u8>) -> Pending<Entry> {
        let ask = Ask::file("POST", place, path).map(|ask| Ask {
            content_type: Some("application/octet-stream"),
            body: bytes,
            ..ask
        });
        self.http(ask, Answer::json)
    }

    /// Reads a whole file.
    pub fn download(&self, place: Place, path: &str) -> Pending<Bytes> {
        self.http(Ask::file("GET", place, path), Answer::bytes)
    }

    /// Shows a terminal that the kernel keeps ([`aether_protocol::terminal::Open`] makes one).
    pub fn open_terminal(&self, terminal: TerminalId) -> TerminalLink {
        let link = self.session(|session| session.open_terminal(terminal));
        TerminalLink { handle: Arc::clone(&self.handle), terminal, link }
    }

    /// Does not wait for the next attempt to connect but makes it now.
    pub fn retry_now(&self) {
        if matches!(self.state(), ConnectionState::Reconnecting { .. }) {
            self.session(|session| session.order(Order::Retry));
        }
    }

    /// Waits until the connection stands.
    ///
    /// Fails when nobody is signed in, when the certificate is not the expected one, or when the first
    /// attempt fails ([`Code::Unavailable`]); the client goes on trying all the same.
    pub async fn ready(&self) -> Result<(), Error> {
        loop {
            match self.state() {
                ConnectionState::Online => return Ok(()),
                ConnectionState::SignedOut { error, .. } => {
                    return Err(error.unwrap_or_else(Error::unauthenticated));
                }
                ConnectionState::Reconnecting { reason, .. } => {
                    return Err(Error::unavailable(reason)
                        .hint("Check that the kernel runs and that the address is right"));
                }
                ConnectionState::Connecting => {}
            }
            self.state_other_than(&ConnectionState::Connecting).await;
        }
    }

    /// Waits until the state is another than `known`, and returns it.
    pub async fn state_other_than(&self, known: &ConnectionState) -> ConnectionState {
        poll_fn(|cx| {
            let mut session = self.handle.shared.session.lock();
            let state = session.state(platform::now_ms());
            if state == *known {
                session.watch(cx.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(state)
        })
        .await
    }

    /// Events as a stream: everything after `after`, or only what is new. It takes the place of
    /// [`Client::drain`]; what waited there is dropped.
    pub fn events(&self, after: Option<Seq>) -> EventStream {
        self.session(|session| session.follow(after));
        EventStream { client: self.clone() }
    }

    fn session<T>(&self, with: impl FnOnce(&mut Session) -> T) -> T {
        with(&mut self.handle.shared.session.lock())
    }

    fn enter(&self, ask: Result<Ask, Error>) -> Pending<SignedIn> {
        let shared = Arc::clone(&self.handle.shared);
        self.http(ask, move |answer| {
            let mut signed_in: SignedIn = answer.json()?;
            let token = if platform::KEEPS_TOKEN {
                Some(Token::new(signed_in.token.clone()))
            } else {
                signed_in.token.clear();
                None
            };
            shared.change(|session| session.order(Order::SignedIn(token)));
            Ok(signed_in)
        })
    }

    fn http<T: Send + 'static>(
        &self,
        ask: Result<Ask, Error>,
        read: impl FnOnce(Answer) -> Result<T, Error> + Send + 'static,
    ) -> Pending<T> {
        let ask = match ask {
            Ok(ask) => ask,
            Err(error) => return Pending::ready(Err(error)),
        };
        let Some((transport, spawner)) = &self.handle.background else {
            return Pending::ready(Err(Error::unavailable("The client could not be started")));
        };
        let (completer, pending) = Pending::new();
        let (shared, transport) = (Arc::clone(&self.handle.shared), transport.clone());
        spawner.spawn(async move {
            let token = shared.token();
            let answer = transport.http(ask, token.as_ref()).await;
            completer.complete(answer.and_then(read));
            (shared.wake)();
        });
        pending
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// Events as they come ([`Client::events`]). It never ends by itself.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
}

impl EventStream {
    /// The next one.
    pub async fn next(&mut self) -> Incoming {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Incoming> {
        match self.client.session(|session| session.next_incoming(cx.waker())) {
            Some(incoming) => Poll::Ready(incoming),
            None => Poll::Pending,
        }
    }
}

impl futures_util::Stream for EventStream {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.poll(cx).map(Some)
    }
}
