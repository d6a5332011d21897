//! Staying on the LAN: what a device that is set to be offline looks up and connects to.
//!
//! A name leads beyond the LAN twice over: by the server that is asked for it, and by the address that it has.
//! Both are checked.

use std::{fs, io, net::IpAddr, sync::Arc};

use aether_protocol::network::Place;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Where the system's resolver finds its name servers; the first file that names one counts. With systemd's
/// resolver the second one names only that, on this machine.
const RESOLVER_FILES: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"];

/// All addresses of a name, which are all on the LAN; no server beyond it is asked. An error says what would
/// have been beyond it.
pub async fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return on_lan(name, vec![address]);
    }
    if name.eq_ignore_ascii_case("localhost") {
        return Ok(vec![IpAddr::from([127, 0, 0, 1])]);
    }
    let texts: Vec<String> = RESOLVER_FILES.iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    if let Some(server) = server_beyond(&texts) {
        return Err(io::Error::other(format!(
            "the name server {server} is beyond the local network, and this device is set to be offline; use an address instead of the name"
        )));
    }
    let found = tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect();
    on_lan(name, found)
}

fn on_lan(name: &str, addresses: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    match addresses.iter().find(|address| !Place::of(**address).is_on_lan()) {
        Some(beyond) => Err(io::Error::other(format!(
            "{name} is at {beyond}, beyond the local network, and this device is set to be offline"
        ))),
        None => Ok(addresses),
    }
}

/// The first name server beyond the LAN, in the first of these files that names any (resolv.conf(5)).
fn server_beyond(files: &[String]) -> Option<IpAddr> {
    let servers = |text: &String| -> Vec<IpAddr> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
        // An address of this link can name its interface.
        lines.filter_map(|rest| rest.trim().split('%').next()?.parse().ok()).collect()
    };
    let first = files.iter().map(servers).find(|servers| !servers.is_empty())?;
    first.into_iter().find(|server| !Place::of(*server).is_on_lan())
}

/// For clients of a device that is offline.
#[derive(Debug)]
pub(crate) struct LanOnly;

impl LanOnly {
    pub(crate) fn shared() -> Arc<Self> {
        Arc::new(Self)
    }
}

impl Resolve for LanOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = resolve(name.as_str()).await?;
            // The port is the address's own.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| (address, 0).into()));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_beyond_the_lan_is_refused_by_name() {
        for here in ["127.0.0.1", "192.168.1.4", "[::1]", "fd00::5", "localhost"] {
            assert_eq!(resolve(here).await.unwrap().len(), 1, "{here}");
        }
        for beyond in ["1.1.1.1", "[2606:4700::1111]", "169.254.169.254", "100.64.0.1", "0.0.0.0"] {
            let told = resolve(beyond).await.unwrap_err().to_string();
            assert!(told.contains("offline") && told.contains(beyond), "{told}");
        }
    }

    #[test]
    fn name_servers_beyond_the_lan_are_found() {
        let file = |text: &str| text.to_owned();
        let beyond = |files: &[String]| server_beyond(files).map(|server| server.to_string());
        assert_eq!(beyond(&[]), None);
        assert_eq!(beyond(&[file("nameserver 192.168.1.1\nnameserver fe80::1%eth0\n")]), None);
        assert_eq!(beyond(&[file("nameserver 10.0.0.1\n nameserver  9.9.9.9\n")]), Some("9.9.9.9".into()));
        // The stub on this machine does not hide whom it asks.
        let upstream = file("# by systemd\nnameserver 8.8.8.8\n");
        assert_eq!(beyond(&[upstream, file("nameserver 127.0.0.53\n")]), Some("8.8.8.8".into()));
        assert_eq!(beyond(&[file("# nothing\n"), file("nameserver 127.0.0.53\n")]), None);
    }
}
