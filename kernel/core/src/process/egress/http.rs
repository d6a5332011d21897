//! HTTP/1 heads, read strictly (RFC 9112).
//!
//! A proxy and a server that read the same bytes differently are how requests are smuggled. So what can be read
//! in two ways is refused, and what goes on is written anew from what was understood; nothing is passed through.

use super::policy::Host;

/// The longest head.
pub(super) const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Header fields in one head.
const MAX_FIELDS: usize = 100;
/// The longest target of a request.
const MAX_TARGET_BYTES: usize = 8 * 1024;

/// Fields that concern one connection only (RFC 9110 §7.6.1), and those that are written anew.
const NOT_PASSED_ON: [&str; 13] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-authentication-info",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
    "transfer-encoding",
    "content-length",
    "host",
];

/// What is wrong with a message: a status, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) status: u16,
    pub(super) what: String,
}

pub(super) fn bad(what: impl Into<String>) -> Bad {
    Bad { status: 400, what: what.into() }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `CONNECT host:port`
    Tunnel,
    /// `GET http://host/path`: the path, with its query.
    Plain { path: String },
}

/// How a body is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Of known length; 0 for none.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection ends. Answers only.
    ToEnd,
}

/// A request that was understood.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) target: Target,
    pub(super) framing: Framing,
    /// Whether the sender waits for leave to send the body.
    pub(super) expects_leave: bool,
    /// Whether more requests may follow.
    pub(super) keeps_alive: bool,
    /// Whether it understands chunks.
    pub(super) is_http_11: bool,
    fields: Vec<(String, Vec<u8>)>,
}

/// An answer that was understood.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) framing: Framing,
    reason: String,
    fields: Vec<(String, Vec<u8>)>,
}

/// Looks for the end of a head while it comes in. Line ends other than CRLF, and lines that go on in the next
/// one, are refused as soon as they are seen.
#[derive(Debug, Default)]
pub(super) struct HeadEnd {
    /// What was looked at.
    seen: usize,
    /// Where the line in hand begins.
    line: usize,
}

impl HeadEnd {
    /// Where the head ends in `bytes`, which begin as they did the time before; `None` where it goes on.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Bad> {
        while let Some(byte) = bytes.get(self.seen) {
            if self.seen >= MAX_HEAD_BYTES {
                return Err(Bad { status: 431, what: "its head is too long".to_owned() });
            }
            self.seen += 1;
            match byte {
                b'\n' => {
                    let line = bytes.get(self.line..self.seen - 1).unwrap_or_default();
                    let Some(line) = line.strip_suffix(b"\r") else {
                        return Err(bad("a line ends with LF alone"));
                    };
                    if line.contains(&b'\r') {
                        return Err(bad("there is a CR inside a line"));
                    }
                    match line.first() {
                        None if self.line == 0 => return Err(bad("it begins with an empty line")),
                        None => return Ok(Some(self.seen)),
                        Some(b' ' | b'\t') => return Err(bad("a header is folded over two lines")),
                        Some(_) => self.line = self.seen,
                    }
                }
                0..=8 | 11 | 12 | 14..=31 | 127 => {
                    return Err(bad("there is a control character in its head"));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// The request whose head is `bytes`, whole.
pub(super) fn request(bytes: &[u8]) -> Result<Request, Bad> {
    let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Request::new(&mut storage);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Bad { status: 431, what: "it has too many headers".to_owned() });
        }
        Ok(_) => return Err(bad("its head is not whole")),
        Err(error) => return Err(bad(error.to_string())),
    }
    let (Some(method), Some(target), Some(version)) = (head.method, head.path, head.version) else {
        return Err(bad("its first line is not whole"));
    };
    let fields = own(head.headers);
    let is_http_11 = version == 1;
    let (host, port, target) = if method == "CONNECT" {
        let (host, port) = Host::parse_with_port(target).map_err(|why| bad(format!("the host {why}")))?;
        (host, port.ok_or_else(|| bad("CONNECT names no port"))?, Target::Tunnel)
    } else {
        absolute(method, target)?
    };
    check_host(&fields, &host, port, is_http_11, target == Target::Tunnel)?;
    let framing = match framing(&fields, is_http_11)? {
        Some(framing) if target == Target::Tunnel && framing != Framing::Length(0) => {
            return Err(bad("CONNECT has a body"));
        }
        framing => framing.unwrap_or(Framing::Length(0)),
    };
    let expects_leave = match only(&fields, "expect")? {
        None => false,
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => true,
        Some(_) => return Err(Bad { status: 417, what: "it expects what is not known here".to_owned() }),
    };
    let keeps_alive = is_http_11 && !lists(&fields, &["connection", "proxy-connection"], "close");
    Ok(Request {
        method: method.to_owned(),
        host,
        port,
        target,
        framing,
        expects_leave,
        keeps_alive,
        is_http_11,
        fields,
    })
}

/// `http://host:port/path?query`
fn absolute(method: &str, target: &str) -> Result<(Host, u16, Target), Bad> {
    if target.len() > MAX_TARGET_BYTES {
        return Err(Bad { status: 414, what: "its target is too long".to_owned() });
    }
    if !target.chars().all(|c| c.is_ascii_graphic()) {
        return Err(bad("its target has characters that must be escaped"));
    }
    let Some((scheme, rest)) = target.split_once("://") else {
        return Err(bad("its target is no whole address; this is a proxy"));
    };
    if !scheme.eq_ignore_ascii_case("http") {
        return Err(bad("only http:// is taken here; other schemes go through CONNECT"));
    }
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.contains(['#', '\\']) {
        return Err(bad("its target has a fragment or a backslash"));
    }
    let (host, port) = Host::parse_with_port(authority).map_err(|why| bad(format!("the host {why}")))?;
    let path = match path.chars().next() {
        Some('/') => path.to_owned(),
        Some(_) => format!("/{path}"),
        None if method == "OPTIONS" => "*".to_owned(),
        None => "/".to_owned(),
    };
    Ok((host, port.unwrap_or(80), Target::Plain { path }))
}

/// One `Host`, and it says what the target says (RFC 9112 §3.2). HTTP/1.0 may leave it out, CONNECT too.
fn check_host(
    fields: &[(String, Vec<u8>)],
    host: &Host,
    port: u16,
    is_http_11: bool,
    is_tunnel: bool,
) -> Result<(), Bad> {
    let Some(value) = only(fields, "host")? else {
        return if is_http_11 && !is_tunnel { Err(bad("it has no Host")) } else { Ok(()) };
    };
    let value = std::str::from_utf8(value).map_err(|_| bad("its Host is no text"))?;
    let (named, named_port) =
        Host::parse_with_port(value).map_err(|why| bad(format!("the host in its Host {why}")))?;
    // Clients of CONNECT leave out the port, or name it as the target does.
    let implied = if is_tunnel { port } else { 80 };
    if named == *host && named_port.unwrap_or(implied) == port {
        Ok(())
    } else {
        Err(bad(format!("its Host is not that of its target, {host}:{port}")))
    }
}

/// How the body is bounded; `None` where nothing says (RFC 9112 §6.3, without its leniency).
fn framing(fields: &[(String, Vec<u8>)], is_http_11: bool) -> Result<Option<Framing>, Bad> {
    let coding = only(fields, "transfer-encoding")?;
    let length = only(fields, "content-length")?;
    match (coding, length) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(bad("it has both Transfer-Encoding and Content-Length")),
        (Some(_), None) if !is_http_11 => Err(bad("HTTP/1.0 has no Transfer-Encoding")),
        (Some(coding), None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        (Some(_), None) => Err(Bad { status: 501, what: "its Transfer-Encoding is not chunked".to_owned() }),
        (None, Some(length)) => {
            let text = std::str::from_utf8(length).unwrap_or_default();
            let plain = !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit());
            let length = text.parse().ok().filter(|_| plain);
            length
                .map(|length| Some(Framing::Length(length)))
                .ok_or_else(|| bad("its Content-Length is no number"))
        }
    }
}

/// The value of a field that may stand once.
fn only<'a>(fields: &'a [(String, Vec<u8>)], name: &str) -> Result<Option<&'a [u8]>, Bad> {
    let mut values = fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.trim_ascii());
    let first = values.next();
    if values.next().is_some() { Err(bad(format!("it has {name} twice"))) } else { Ok(first) }
}

/// Whether a list in one of these fields has the word.
fn lists(fields: &[(String, Vec<u8>)], names: &[&str], word: &str) -> bool {
    fields
        .iter()
        .filter(|(known, _)| names.contains(&known.as_str()))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .any(|listed| listed.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

fn own(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|header| (header.name.to_ascii_lowercase(), header.value.to_vec())).collect()
}

/// The fields that concern more than one connection.
fn passed_on(fields: &[(String, Vec<u8>)]) -> impl Iterator<Item = &(String, Vec<u8>)> {
    fields.iter().filter(|(name, _)| {
        !NOT_PASSED_ON.contains(&name.as_str()) && !lists(fields, &["connection", "proxy-connection"], name)
    })
}

fn write_fields(out: &mut Vec<u8>, fields: &[(String, Vec<u8>)]) {
    for (name, value) in passed_on(fields).filter(|(name, _)| name != "expect") {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_framing(out: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Length(length) => out.extend_from_slice(format!("content-length: {length}\r\n").as_bytes()),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::ToEnd => {}
    }
}

impl Request {
    /// The head for the server: one request for each connection, so that none can hide behind another.
    pub(super) fn head_for_server(&self, path: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(format!("{} {path} HTTP/1.1\r\nhost: {}", self.method, self.host).as_bytes());
        if self.port != 80 {
            out.extend_from_slice(format!(":{}", self.port).as_bytes());
        }
        out.extend_from_slice(b"\r\nconnection: close\r\n");
        if self.framing != Framing::Length(0) || lists(&self.fields, &["content-length"], "0") {
            write_framing(&mut out, self.framing);
        }
        write_fields(&mut out, &self.fields);
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// The answer whose head is `bytes`, whole, to a request with this method.
pub(super) fn answer(bytes: &[u8], method: &str) -> Result<Answer, Bad> {
    let broken =
        |what: String| Bad { status: 502, what: format!("the server's answer cannot be read: {what}") };
    let mut storage = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut storage);
    match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(broken("its head is not whole".to_owned())),
        Err(error) => return Err(broken(error.to_string())),
    }
    let (Some(status), Some(version)) = (head.code, head.version) else {
        return Err(broken("its first line is not whole".to_owned()));
    };
    let fields = own(head.headers);
    let framing = match framing(&fields, version == 1).map_err(|bad| broken(bad.what))? {
        _ if method == "HEAD" || matches!(status, 100..=199 | 204 | 304) => Framing::Length(0),
        Some(framing) => framing,
        None => Framing::ToEnd,
    };
    let reason = head.reason.unwrap_or_default().to_owned();
    Ok(Answer { status, framing, reason, fields })
}

impl Answer {
    /// An answer before the answer (RFC 9110 §15.2).
    pub(super) fn is_interim(&self) -> bool {
        matches!(self.status, 100..=199)
    }

    /// The head for the tool.
    pub(super) fn head_for_tool(&self, framing: Framing, keeps_alive: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        out.extend_from_slice(format!("HTTP/1.1 {} {}\r\n", self.status, self.reason).as_bytes());
        out.extend_from_slice(if keeps_alive {
            b"connection: keep-alive\r\n"
        } else {
            b"connection: close\r\n"
        });
        match (framing, self.framing) {
            // HEAD and 304 tell the length of what they leave out.
            (Framing::Length(0), _) => match only(&self.fields, "content-length") {
                Ok(Some(length)) => {
                    out.extend_from_slice(b"content-length: ");
                    out.extend_from_slice(length);
                    out.extend_from_slice(b"\r\n");
                }
                _ if matches!(self.status, 204 | 304) => {}
                _ => write_framing(&mut out, Framing::Length(0)),
            },
            _ => write_framing(&mut out, framing),
        }
        write_fields(&mut out, &self.fields);
        out.extend_from_slice(b"\r\n");
        out
    }
}
