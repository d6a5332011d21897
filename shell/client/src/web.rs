//! The transport of the browser: its WebSocket and its fetch, with the session's cookie.
//!
//! *Invariant:* no token is kept here. The cookie is `HttpOnly`; scripts cannot read it.

use std::{
    cell::RefCell, collections::VecDeque, future::poll_fn, rc::Rc, sync::Arc, task::Poll, task::Waker,
};

use aether_protocol::Error;
use bytes::Bytes;
use js_sys::{ArrayBuffer, Promise, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    BinaryType, CloseEvent, Headers, MessageEvent, RequestCredentials, RequestInit, Response, WebSocket,
    Window,
};

use crate::{
    Endpoint, Token,
    client::Shared,
    driver::{OpenError, Received, drive},
    rest::{Answer, Ask, problem},
    session::Frame,
};

/// In a browser the cookie proves the session.
pub(crate) const KEEPS_TOKEN: bool = false;

/// Starts tasks on the page's event loop.
pub(crate) struct Spawner;

impl Spawner {
    #[expect(clippy::unused_self, reason = "the native one has a runtime behind it")]
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(task);
    }
}

/// Starts the client on the page's event loop.
pub(crate) fn start(endpoint: Endpoint, shared: Arc<Shared>) -> Result<(Transport, Spawner), Error> {
    let transport = Transport { endpoint };
    spawn_local(drive(shared, transport.clone()));
    Ok((transport, Spawner))
}

/// How to reach the kernel that served the page.
#[derive(Clone)]
pub(crate) struct Transport {
    endpoint: Endpoint,
}

impl Transport {
    pub(crate) async fn http(&self, ask: Ask, _token: Option<&Token>) -> Result<Answer, Error> {
        fetch(&self.endpoint.join("http", &ask.path), &ask).await.map_err(|reason| {
            Error::unavailable(format!("The kernel at {} cannot be reached: {}", self.endpoint, say(&reason)))
                .hint("Check that the device is on and that this computer is on its network")
        })
    }

    pub(crate) async fn open(&self, _token: Option<&Token>) -> Result<Socket, OpenError> {
        // A page is not told why a WebSocket was refused, so ask first who is signed in.
        let who = self.http(Ask::new("GET", "/api/v1/me"), None).await;
        match who {
            Ok(answer) if answer.status == 401 => return Err(OpenError::SignedOut(None)),
            Ok(answer) if matches!(answer.status, 403 | 404) => {
                return Err(OpenError::Refused(problem(answer.status, &answer.body)));
            }
            Ok(answer) if answer.status >= 300 => {
                return Err(OpenError::Failed(problem(answer.status, &answer.body).message));
            }
            Ok(_) => {}
            Err(error) => return Err(OpenError::Failed(error.message)),
        }
        let socket = Socket::new(&self.endpoint.join("ws", "/api/v1/ws"))
            .map_err(|error| OpenError::Failed(say(&error)))?;
        match socket.opened().await {
            Ok(()) => Ok(socket),
            Err(reason) => Err(OpenError::Failed(reason)),
        }
    }
}

async fn fetch(url: &str, ask: &Ask) -> Result<Answer, JsValue> {
    let init = RequestInit::new();
    init.set_method(ask.method);
    init.set_credentials(RequestCredentials::SameOrigin);
    let headers = Headers::new()?;
    for (name, value) in &ask.headers {
        headers.set(name, value)?;
    }
    if let Some(content_type) = ask.content_type {
        headers.set("content-type", content_type)?;
        init.set_body(&Uint8Array::from(ask.body.as_slice()));
    }
    init.set_headers(&headers);
    let response: Response =
        JsFuture::from(window()?.fetch_with_str_and_init(url, &init)).await?.dyn_into()?;
    let body = JsFuture::from(response.array_buffer()?).await?;
    Ok(Answer { status: response.status(), body: Uint8Array::new(&body).to_vec().into() })
}

/// An open WebSocket. Its events queue up until they are asked for.
pub(crate) struct Socket {
    socket: WebSocket,
    inbox: Rc<RefCell<Inbox>>,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

#[derive(Default)]
struct Inbox {
    is_open: bool,
    frames: VecDeque<Received>,
    closed: Option<String>,
    waker: Option<Waker>,
}

impl Inbox {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Socket {
    fn new(url: &str) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let inbox = Rc::new(RefCell::new(Inbox::default()));
        let on_open = Closure::<dyn FnMut()>::new({
            let inbox = Rc::clone(&inbox);
            move || {
                let mut inbox = inbox.borrow_mut();
                inbox.is_open = true;
                inbox.wake();
            }
        });
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new({
            let inbox = Rc::clone(&inbox);
            move |event: MessageEvent| {
                let data = event.data();
                let received = if let Some(text) = data.as_string() {
                    Received::Text(text)
                } else if let Some(buffer) = data.dyn_ref::<ArrayBuffer>() {
                    Received::Binary(Bytes::from(Uint8Array::new(buffer).to_vec()))
                } else {
                    Received::Other
                };
                let mut inbox = inbox.borrow_mut();
                inbox.frames.push_back(received);
                inbox.wake();
            }
        });
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new({
            let inbox = Rc::clone(&inbox);
            move |event: CloseEvent| {
                let reason = event.reason();
                let reason = if reason.is_empty() { "the connection was closed".into() } else { reason };
                let mut inbox = inbox.borrow_mut();
                inbox.closed = Some(reason);
                inbox.wake();
            }
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { socket, inbox, _on_open: on_open, _on_message: on_message, _on_close: on_close })
    }

    async fn opened(&self) -> Result<(), String> {
        poll_fn(|cx| {
            let mut inbox = self.inbox.borrow_mut();
            if inbox.is_open {
                return Poll::Ready(Ok(()));
            }
            if let Some(reason) = inbox.closed.clone() {
                return Poll::Ready(Err(reason));
            }
            inbox.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    #[expect(clippy::unused_async, reason = "the native one waits for room in the socket")]
    pub(crate) async fn send(&mut self, frame: Frame) -> Result<(), String> {
        match frame {
            Frame::Text(text) => self.socket.send_with_str(&text),
            Frame::Binary(bytes) => self.socket.send_with_u8_array(&bytes),
        }
        .map_err(|error| say(&error))
    }

    pub(crate) async fn next(&mut self) -> Result<Received, String> {
        poll_fn(|cx| {
            let mut inbox = self.inbox.borrow_mut();
            if let Some(received) = inbox.frames.pop_front() {
                return Poll::Ready(Ok(received));
            }
            if let Some(reason) = inbox.closed.clone() {
                return Poll::Ready(Err(reason));
            }
            inbox.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    #[expect(clippy::unused_async, reason = "the native one waits for the close frame to be sent")]
    pub(crate) async fn close(&mut self) {
        // Closing what is closed already is not an error to anybody.
        let _ = self.socket.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

/// The origin of the page.
pub(crate) fn origin() -> String {
    window().and_then(|window| window.location().origin()).unwrap_or_default()
}

fn window() -> Result<Window, JsValue> {
    web_sys::window().ok_or_else(|| JsValue::from_str("there is no window"))
}

/// What a thrown value says.
fn say(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map(|error| String::from(error.message()))
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "the browser gave no reason".into())
}

/// The page's clock, in milliseconds.
pub(crate) fn now_ms() -> u64 {
    js_sys::Date::now() as u64
}

/// A pause.
pub(crate) async fn sleep(ms: u64) {
    let promise = Promise::new(&mut |resolve, _reject| {
        let ms = i32::try_from(ms).unwrap_or(i32::MAX);
        if let Ok(window) = window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, ms);
        }
    });
    // A timer is never rejected.
    let _ = JsFuture::from(promise).await;
}

/// A random number from 0 to 1.
pub(crate) fn jitter() -> f64 {
    js_sys::Math::random()
}
