//! Where a kernel is, how its certificate is recognised, and what proves who asks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a kernel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `https://host:port`, without a slash at the end. In a browser: the page's own origin.
    pub url: String,
    /// The certificate that the kernel must show. The authorities that the host trusts decide when left
    /// out. Ignored in a browser, which checks certificates by itself.
    pub fingerprint: Option<Fingerprint>,
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Neither `https://` nor `http://`.
    #[error("The address '{0}' does not begin with https://")]
    Scheme(String),
    /// Nothing, or a path, after the scheme.
    #[error("The address '{0}' is not of the form https://host:port")]
    Host(String),
    /// Not 64 hexadecimal digits.
    #[error("A certificate's fingerprint is 64 hexadecimal digits, with or without colons")]
    Fingerprint,
}

impl Endpoint {
    /// Checks an address as a person types it. `https://` is added where no scheme is given.
    pub fn new(address: &str, fingerprint: Option<Fingerprint>) -> Result<Self, EndpointError> {
        let address = address.trim().trim_end_matches('/');
        let (scheme, authority) = match address.split_once("://") {
            Some((scheme @ ("https" | "http"), authority)) => (scheme, authority),
            Some(_) => return Err(EndpointError::Scheme(address.to_owned())),
            None => ("https", address),
        };
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#' | '@' | '\\');
        if authority.is_empty() || authority.starts_with(':') || authority.contains(bad) {
            return Err(EndpointError::Host(address.to_owned()));
        }
        Ok(Self { url: format!("{scheme}://{authority}"), fingerprint })
    }

    /// The origin of the page that runs this.
    #[cfg(target_arch = "wasm32")]
    pub fn same_origin() -> Self {
        Self { url: crate::platform::origin(), fingerprint: None }
    }

    /// The address of a WebSocket or of a resource: `scheme` is `http` or `ws`.
    pub(crate) fn join(&self, scheme: &str, path: &str) -> String {
        let secure = self.url.starts_with("https://");
        let authority = self.url.split_once("://").map_or(self.url.as_str(), |(_, authority)| authority);
        format!("{scheme}{}://{authority}{path}", if secure { "s" } else { "" })
    }

    /// Host and port, for a TCP connection.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn host_and_port(&self) -> (String, u16) {
        let default = if self.url.starts_with("https://") { 443 } else { 80 };
        let authority = self.url.split_once("://").map_or(self.url.as_str(), |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                (host.trim_matches(['[', ']']).to_owned(), port.parse().unwrap_or(default))
            }
            _ => (authority.trim_matches(['[', ']']).to_owned(), default),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The SHA-256 of a certificate's DER bytes. Written as hexadecimal pairs joined by colons.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        let mut digits = text.trim().chars().filter(|c| !matches!(c, ':' | ' '));
        for byte in &mut bytes {
            let high = digits.next().and_then(|c| c.to_digit(16)).ok_or(EndpointError::Fingerprint)?;
            let low = digits.next().and_then(|c| c.to_digit(16)).ok_or(EndpointError::Fingerprint)?;
            *byte = (high * 16 + low) as u8;
        }
        match digits.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(EndpointError::Fingerprint),
        }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What proves a session. It never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps the token that [`aether_protocol::identity::SignedIn`] carries.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
