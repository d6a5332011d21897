//! Why a request goes no further, and what its sender is told.

use std::net::IpAddr;

use aether_protocol::network::Place;

use super::policy::NotGranted;

/// Why a request goes no further. The text reads after the host's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// no grant covers it
    #[error("is not granted to this agent")]
    NotGranted,
    /// granted, but not on this port
    #[error("is granted to this agent, but not on this port")]
    Port,
    /// an address that the grant does not cover
    #[error("is at {address}, an address {}", .place.describe())]
    Address {
        /// Which.
        address: IpAddr,
        /// Of what kind.
        place: Place,
    },
    /// beyond the LAN while the device is offline
    #[error("is at {address}, beyond the local network, and this device is set to be offline")]
    Offline {
        /// Which.
        address: IpAddr,
    },
    /// the kernel itself
    #[error("is Aether itself")]
    OwnDoor,
    /// the name has no address
    #[error("cannot be found: {0}")]
    Unresolved(String),
    /// nobody answers
    #[error("cannot be reached: {0}")]
    Unreachable(String),
}

impl From<NotGranted> for Refusal {
    fn from(refused: NotGranted) -> Self {
        match refused {
            NotGranted::Host => Self::NotGranted,
            NotGranted::Port => Self::Port,
        }
    }
}

impl Refusal {
    /// The HTTP status.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Unresolved(_) | Self::Unreachable(_) => 502,
            _ => 403,
        }
    }

    /// What to do.
    fn hint(&self, host: &str, port: u16) -> String {
        match self {
            Self::NotGranted => format!(
                "a person can grant it: aether spawn --network {host} …, or [[network]] host = \"{host}\" in the role's file"
            ),
            Self::Port => format!(
                "a person can grant it: aether spawn --network {host}:{port} …, or port = {port} in the role's file"
            ),
            Self::Address { place: Place::Loopback | Place::Lan | Place::Shared, .. } => format!(
                "a person can grant hosts of the local network: aether spawn --network {host}:{port},local …, or local = true in the role's file"
            ),
            Self::Address { place: Place::Metadata, .. } => {
                "a metadata service must be granted by its address, with local = true".to_owned()
            }
            Self::Address { .. } => "no grant allows such an address".to_owned(),
            Self::Offline { .. } => "network.offline in aether.toml says so".to_owned(),
            Self::OwnDoor => "agents speak to Aether by their tools".to_owned(),
            Self::Unresolved(_) | Self::Unreachable(_) => {
                "check the name, and that the host is up".to_owned()
            }
        }
    }
}

/// An answer of the proxy's own. Reason phrase and body name the host: some tools show the one, some the other.
pub(super) fn answer(refusal: &Refusal, host: &str, port: u16) -> Vec<u8> {
    let hint = refusal.hint(host, port);
    say(refusal.status(), &format!("{host} {refusal}"), &format!("{host}:{port} {refusal}.\nhint: {hint}\n"))
}

/// An answer to what is no request that this proxy takes.
pub(super) fn complain(status: u16, what: &str) -> Vec<u8> {
    say(status, what, &format!("The proxy of this sandbox does not take this request: {what}.\n"))
}

fn say(status: u16, reason: &str, body: &str) -> Vec<u8> {
    // One line of plain characters: what comes from a name server or a tool stands in it.
    let reason: String =
        reason.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(200).collect();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nProxy-Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
