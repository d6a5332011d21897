//! From a host to the addresses that may be connected to.
//!
//! *Invariant:* a name is looked up once for each connection, every address it has is checked, and one of the
//! checked addresses is connected to. There is no second lookup that could say something else.

use std::{
    io,
    net::{IpAddr, SocketAddr, UdpSocket},
};

use aether_protocol::network::Place;
use async_trait::async_trait;

use super::{
    policy::{Allowed, Host},
    refusal::Refusal,
};

/// Of a name's addresses, at most so many are tried.
const MAX_ADDRESSES: usize = 8;

/// Looks names up.
#[async_trait]
pub(crate) trait Resolve: Send + Sync {
    /// Every address of a name, in the order in which they should be tried.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The host's own resolver. Offline, it asks no name server that is beyond the LAN.
pub(crate) struct HostResolver {
    pub(crate) offline: bool,
}

#[async_trait]
impl Resolve for HostResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if self.offline {
            return aether_llm::lan::resolve(name).await;
        }
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The addresses of a granted host, each checked; or why none may be connected to.
pub(super) async fn addresses(
    resolver: &dyn Resolve,
    host: &Host,
    allowed: Allowed,
    offline: bool,
) -> Result<Vec<IpAddr>, Refusal> {
    let mut found: Vec<IpAddr> = match host {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            resolver.resolve(name).await.map_err(|error| Refusal::Unresolved(error.to_string()))?
        }
    };
    if found.is_empty() {
        return Err(Refusal::Unresolved("it has no address".to_owned()));
    }
    for address in &mut found {
        *address = address.to_canonical();
        // One that is wrong spoils them all: the others may be there to get past a check.
        check(*address, allowed, offline)?;
    }
    found.truncate(MAX_ADDRESSES);
    Ok(found)
}

fn check(address: IpAddr, allowed: Allowed, offline: bool) -> Result<(), Refusal> {
    let place = Place::of(address);
    let fits = match place {
        Place::Public => true,
        Place::Loopback | Place::Lan | Place::Shared => allowed.local,
        Place::Metadata => allowed.local && allowed.exact_address,
        Place::Nowhere => false,
    };
    if !fits {
        return Err(Refusal::Address { address, place });
    }
    if offline && !place.is_on_lan() {
        return Err(Refusal::Offline { address });
    }
    Ok(())
}

/// Whether `target` is one of the doors of this kernel, which `listening` names.
pub(super) fn is_own_door(listening: &[SocketAddr], target: SocketAddr) -> bool {
    listening.iter().any(|door| door.port() == target.port() && answers(door.ip(), target.ip()))
}

/// Whether a socket that is bound to `bound` gets what is sent to `target`.
fn answers(bound: IpAddr, target: IpAddr) -> bool {
    if !bound.is_unspecified() {
        return bound.to_canonical() == target;
    }
    // Only an address of this machine can be bound to.
    target.is_loopback() || UdpSocket::bind((target, 0)).is_ok()
}
