//! Which hosts are granted: names and addresses as tools write them, brought to one form and compared.
//!
//! *Invariant:* a host has one form. What can be read in two ways (an address in octal, a name with a user
//! before it) is no host.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use aether_protocol::network::{DEFAULT_PORTS, HostGrant, MAX_GRANTS};

/// The longest name in characters (RFC 1035).
const MAX_NAME: usize = 253;
/// The longest part of a name.
const MAX_LABEL: usize = 63;

/// Why some text is no host. The text reads after the host's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    /// nothing stands there
    #[error("is empty")]
    Empty,
    /// more than a name may have
    #[error("is longer than a name can be")]
    Long,
    /// `user@host`
    #[error("carries a user name")]
    User,
    /// letters beyond ASCII
    #[error("is not in its ASCII form (xn--…)")]
    NotAscii,
    /// a character that no name has
    #[error("has a character that no host name has")]
    Character,
    /// `127.1`, `0x7f000001`, `0177.0.0.1`
    #[error("is an address in a notation that can be read in two ways")]
    Notation,
    /// `fe80::1%eth0`
    #[error("is no IPv6 address, or names an interface")]
    Ipv6,
    /// a port that is none
    #[error("has a port that is none")]
    Port,
    /// `*.org`
    #[error("is a wildcard that would cover everything below a top-level name")]
    Wide,
}

/// A host, in the one form that is compared, resolved and told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// In lower case, without the dot at its end.
    Name(String),
    /// IPv4 where it can be written as that.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl Host {
    /// A name or an IPv4 address, without port.
    pub(crate) fn parse(text: &str) -> Result<Self, BadHost> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(BadHost::Empty);
        }
        if text.len() > MAX_NAME {
            return Err(BadHost::Long);
        }
        if text.contains('@') {
            return Err(BadHost::User);
        }
        if !text.is_ascii() {
            return Err(BadHost::NotAscii);
        }
        let name = text.to_ascii_lowercase();
        // What ends in a number is an address (WHATWG URL, "ends in a number"), and there is one way to write it.
        if name.rsplit('.').next().is_some_and(is_number) {
            let address: Ipv4Addr = name.parse().map_err(|_| BadHost::Notation)?;
            return Ok(Self::Address(address.into()));
        }
        for label in name.split('.') {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
            if label.is_empty() || label.starts_with('-') || label.ends_with('-') || !label.chars().all(known)
            {
                return Err(BadHost::Character);
            }
            if label.len() > MAX_LABEL {
                return Err(BadHost::Long);
            }
        }
        Ok(Self::Name(name))
    }

    /// `host`, `host:port` or `[address]:port`, as it stands in a request (RFC 9110 §4.2, RFC 9112 §3.2.3).
    pub(crate) fn parse_with_port(text: &str) -> Result<(Self, Option<u16>), BadHost> {
        if text.contains('@') {
            return Err(BadHost::User);
        }
        let Some(rest) = text.strip_prefix('[') else {
            return match text.split_once(':') {
                None => Ok((Self::parse(text)?, None)),
                Some((_, port)) if port.contains(':') => Err(BadHost::Ipv6),
                Some((host, port)) => Ok((Self::parse(host)?, Some(port_of(port)?))),
            };
        };
        let (inside, after) = rest.split_once(']').ok_or(BadHost::Ipv6)?;
        let address: Ipv6Addr = inside.parse().map_err(|_| BadHost::Ipv6)?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port_of(port)?),
            None if after.is_empty() => None,
            None => return Err(BadHost::Port),
        };
        Ok((Self::Address(IpAddr::V6(address).to_canonical()), port))
    }
}

/// Decimal, or hexadecimal with `0x` before it.
fn is_number(label: &str) -> bool {
    let digits = |text: &str, kind: fn(&char) -> bool| text.chars().all(|c| kind(&c));
    match label.strip_prefix("0x") {
        Some(rest) => digits(rest, char::is_ascii_hexdigit),
        None => !label.is_empty() && digits(label, char::is_ascii_digit),
    }
}

fn port_of(text: &str) -> Result<u16, BadHost> {
    let plain = text.chars().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or(BadHost::Port)
}

/// What a grant covers.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// This host.
    Only(Host),
    /// Every name that ends so; with the dot before it.
    Below(String),
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    port: Option<u16>,
    local: bool,
}

/// What is allowed by a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Addresses of this machine and of the local network too.
    pub(crate) local: bool,
    /// The grant names this very address.
    pub(crate) exact_address: bool,
}

/// Why a host is not granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotGranted {
    /// No grant covers the host.
    Host,
    /// The host is granted, on other ports.
    Port,
}

/// All grants of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy(Vec<Rule>);

impl Policy {
    /// The grants, or the first that cannot be one.
    pub(crate) fn new(grants: &[HostGrant]) -> Result<Self, (HostGrant, BadHost)> {
        grants
            .iter()
            .map(|grant| rule(grant).map_err(|bad| (grant.clone(), bad)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether anything is granted that a packet could leave the machine for.
    pub(crate) fn decide(&self, host: &Host, port: u16) -> Result<Allowed, NotGranted> {
        let covers = |rule: &&Rule| match (&rule.pattern, host) {
            (Pattern::Only(only), host) => only == host,
            (Pattern::Below(end), Host::Name(name)) => name.len() > end.len() && name.ends_with(end.as_str()),
            (Pattern::Below(_), Host::Address(_)) => false,
        };
        let on_port = |rule: &&Rule| match rule.port {
            Some(only) => only == port,
            None => DEFAULT_PORTS.contains(&port),
        };
        let mut named = false;
        let mut allowed: Option<Allowed> = None;
        for rule in self.0.iter().filter(covers) {
            named = true;
            if on_port(&rule) {
                let local = rule.local || allowed.is_some_and(|allowed| allowed.local);
                allowed = Some(Allowed { local, exact_address: matches!(host, Host::Address(_)) });
            }
        }
        allowed.ok_or(if named { NotGranted::Port } else { NotGranted::Host })
    }
}

fn rule(grant: &HostGrant) -> Result<Rule, BadHost> {
    let pattern = match grant.host.strip_prefix("*.") {
        Some(end) => match Host::parse(end)? {
            Host::Name(name) if name.contains('.') => Pattern::Below(format!(".{name}")),
            Host::Name(_) => return Err(BadHost::Wide),
            Host::Address(_) => return Err(BadHost::Notation),
        },
        None => Pattern::Only(match grant.host.parse::<Ipv6Addr>() {
            Ok(address) => Host::Address(IpAddr::V6(address).to_canonical()),
            Err(_) => Host::parse(&grant.host)?,
        }),
    };
    if grant.port == Some(0) {
        return Err(BadHost::Port);
    }
    Ok(Rule { pattern, port: grant.port, local: grant.local })
}

/// Grants within bounds, or what is wrong with them, for people.
pub(crate) fn checked(grants: Vec<HostGrant>) -> Result<Vec<HostGrant>, String> {
    if grants.len() > MAX_GRANTS {
        return Err(format!("More than {MAX_GRANTS} hosts are granted"));
    }
    match Policy::new(&grants) {
        Ok(_) => Ok(grants),
        Err((grant, bad)) => Err(format!("'{}' cannot be granted: it {bad}", grant.host)),
    }
}

/// The grants in one line, for people: `pypi.org, *.pythonhosted.org`.
pub(crate) fn in_words(grants: &[HostGrant]) -> String {
    grants.iter().map(ToString::to_string).collect::<Vec<_>>().join(" · ")
}
