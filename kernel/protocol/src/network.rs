//! What an agent may reach beyond its sandbox, and what kind of place an address is.
//!
//! Types and arithmetic only: nothing here resolves a name or opens a connection.

use std::{fmt, net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Serialize};

/// The ports of a grant that names none: HTTP and HTTPS.
pub const DEFAULT_PORTS: [u16; 2] = [80, 443];

/// Grants that one process may have, at most.
pub const MAX_GRANTS: usize = 32;

/// A host that an agent may reach. As text: `pypi.org`, `*.pythonhosted.org`, `attic.lan:8080,local`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HostGrant {
    /// A name, `*.` and a name for all names below it, or an address. Names in their ASCII form.
    pub host: String,
    /// The only port; 80 and 443 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Whether the host may be at an address of this machine or of the local network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
}

/// The text is no [`HostGrant`]. Whether the host can be granted is for the kernel to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not HOST, HOST:PORT or HOST:PORT,local")]
pub struct NoGrant(pub String);

impl FromStr for HostGrant {
    type Err = NoGrant;

    fn from_str(text: &str) -> Result<Self, NoGrant> {
        let no = || NoGrant(text.to_owned());
        let (place, local) = match text.split_once(',') {
            None => (text, false),
            Some((place, "local")) => (place, true),
            Some(_) => return Err(no()),
        };
        // An IPv6 address has colons of its own, and brackets around them.
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(no)?))
            }
            _ => (place, None),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(no());
        }
        Ok(Self { host: bare.unwrap_or(host).to_owned(), port, local })
    }
}

impl fmt::Display for HostGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_ipv6 = self.host.contains(':');
        if is_ipv6 { write!(f, "[{}]", self.host) } else { f.write_str(&self.host) }?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(if self.local { ",local" } else { "" })
    }
}

/// What kind of place an address is, by the registries of special addresses (RFC 6890 and its successors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// This machine.
    Loopback,
    /// The local network: private (RFC 1918), link-local, unique-local (RFC 4193).
    Lan,
    /// An internet provider's inner network (RFC 6598).
    Shared,
    /// Where clouds give their machines' credentials to whoever asks.
    Metadata,
    /// No single host: unspecified, multicast, broadcast, reserved, for documentation or benchmarks, tunnels.
    Nowhere,
    /// Everywhere else.
    Public,
}

impl Place {
    /// Of an IPv6 address that carries an IPv4 one (mapped, NAT64, 6to4), the place of what it carries.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// On this machine or the local network, so that no packet leaves it.
    pub fn is_on_lan(self) -> bool {
        matches!(self, Self::Loopback | Self::Lan)
    }

    /// For people, after "an address".
    pub fn describe(self) -> &'static str {
        match self {
            Self::Loopback => "of the device itself",
            Self::Lan => "of the local network",
            Self::Shared => "of the provider's inner network",
            Self::Metadata => "of a cloud's metadata service",
            Self::Nowhere => "that is no host's",
            Self::Public => "of the internet",
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Place {
    match address.octets() {
        // AWS, Azure, Google and most others; Alibaba; Oracle.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] => Place::Metadata,
        [127, ..] => Place::Loopback,
        [10, ..] | [192, 168, ..] | [169, 254, ..] => Place::Lan,
        [172, second, ..] if (16..32).contains(&second) => Place::Lan,
        [100, second, ..] if (64..128).contains(&second) => Place::Shared,
        // This network, protocol assignments, documentation, 6to4 relays, benchmarks.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Place::Nowhere,
        // All else that is not multicast, reserved or broadcast.
        [0..224, ..] => Place::Public,
        _ => Place::Nowhere,
    }
}

fn of_v6(address: Ipv6Addr) -> Place {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254] => Place::Metadata,
        [0, 0, 0, 0, 0, 0, 0, 1] => Place::Loopback,
        // IPv4-mapped, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => embedded(high, low),
        [first, ..] if first & 0xfe00 == 0xfc00 => Place::Lan,
        // Link-local, and the site-local that came before unique-local.
        [first, ..] if first & 0xff80 == 0xfe80 => Place::Lan,
        // Teredo, benchmarks, ORCHID, documentation: nothing in 2001::/23 that a name should lead to.
        [0x2001, second, ..] if second < 0x0200 || second == 0x0db8 => Place::Nowhere,
        // Global unicast; all else (unspecified, IPv4-compatible, local NAT64, discard, multicast) is not.
        [first, ..] if first & 0xe000 == 0x2000 && first != 0x3fff => Place::Public,
        _ => Place::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_one_word() {
        for text in
            ["pypi.org", "*.pythonhosted.org", "attic.lan:8080", "attic.lan:8080,local", "[::1]:80,local"]
        {
            let grant: HostGrant = text.parse().unwrap();
            assert_eq!(grant.to_string(), text);
        }
        assert_eq!("[fd00::1]".parse::<HostGrant>().unwrap().host, "fd00::1");
        for text in ["", ":80", "a:0", "a:x", "a:65536", "a,b", "fd00::1", "a:80:80"] {
            assert!(text.parse::<HostGrant>().is_err(), "{text:?}");
        }
        let json = serde_json::to_value(HostGrant { host: "a.b".into(), port: None, local: false }).unwrap();
        assert_eq!(json, serde_json::json!({"host": "a.b"}));
    }

    #[test]
    fn every_special_address_has_its_place() {
        let table = [
            (Place::Loopback, "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 2002:7f00:1::"),
            (
                Place::Lan,
                "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.1.1 fe80::1 fec0::1 fc00::1 fdff::1 \
                 ::ffff:10.1.2.3 64:ff9b::a00:1 2002:c0a8:101::1",
            ),
            (Place::Shared, "100.64.0.1 100.127.255.255 ::ffff:100.64.0.1"),
            (
                Place::Metadata,
                "169.254.169.254 100.100.100.200 192.0.0.192 fd00:ec2::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe",
            ),
            (
                Place::Nowhere,
                "0.0.0.0 0.1.2.3 192.0.0.1 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1 \
                 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::8.8.8.8 ::7f00:1 \
                 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:db8::1 3fff::1 100::1 ff02::1 \
                 64:ff9b:1::1 ::ffff:0.0.0.0 5f00::1",
            ),
            (
                Place::Public,
                "1.1.1.1 8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 192.0.1.1 198.17.0.1 \
                 2606:4700::1111 2a00::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1",
            ),
        ];
        for (place, addresses) in table {
            for address in addresses.split_whitespace() {
                assert_eq!(Place::of(address.parse().unwrap()), place, "{address}");
            }
        }
    }
}
