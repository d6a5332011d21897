//! Hosts and grants.

use aether_protocol::network::HostGrant;

use super::super::policy::{Allowed, BadHost, Host, NotGranted, Policy, checked};

fn host(text: &str) -> Host {
    Host::parse_with_port(text).unwrap().0
}

fn policy(grants: &str) -> Policy {
    let grants: Vec<HostGrant> = grants.split_whitespace().map(|grant| grant.parse().unwrap()).collect();
    Policy::new(&grants).unwrap()
}

#[test]
fn a_host_has_one_form() {
    for (text, form) in [
        ("pypi.org", "pypi.org"),
        ("PyPI.ORG", "pypi.org"),
        ("pypi.org.", "pypi.org"),
        ("localhost", "localhost"),
        ("a_b.example", "a_b.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1.", "10.0.0.1"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[::ffff:10.0.0.1]", "10.0.0.1"),
    ] {
        assert_eq!(host(text).to_string(), form, "{text}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_no_host() {
    let table: &[(&str, BadHost)] = &[
        ("", BadHost::Empty),
        (".", BadHost::Empty),
        ("a..b", BadHost::Character),
        ("a.b..", BadHost::Character),
        ("-a.example", BadHost::Character),
        ("a b", BadHost::Character),
        ("a%2eb", BadHost::Character),
        ("a/b", BadHost::Character),
        ("ada@example.org", BadHost::User),
        ("bücher.example", BadHost::NotAscii),
        ("１27.0.0.1", BadHost::NotAscii),
        ("127。0。0。1", BadHost::NotAscii),
        ("2130706433", BadHost::Notation),
        ("0x7f000001", BadHost::Notation),
        ("0x7f.0.0.1", BadHost::Notation),
        ("0x", BadHost::Notation),
        ("0177.0.0.1", BadHost::Notation),
        ("127.1", BadHost::Notation),
        ("127.0.1", BadHost::Notation),
        ("127.0.0.01", BadHost::Notation),
        ("127.0.0.256", BadHost::Notation),
        ("1.2.3.4.5", BadHost::Notation),
        ("example.1", BadHost::Notation),
        ("[::1", BadHost::Ipv6),
        ("[fe80::1%eth0]", BadHost::Ipv6),
        ("[fe80::1%25eth0]", BadHost::Ipv6),
        ("[127.0.0.1]", BadHost::Ipv6),
        ("::1", BadHost::Ipv6),
        ("[::1]80", BadHost::Port),
        ("a:", BadHost::Port),
        ("a:0", BadHost::Port),
        ("a:+80", BadHost::Port),
        ("a:080", BadHost::Port),
        ("a:65536", BadHost::Port),
        ("a:80a", BadHost::Port),
    ];
    for (text, why) in table {
        assert_eq!(Host::parse_with_port(text).unwrap_err(), *why, "{text}");
    }
    assert_eq!(Host::parse(&"a".repeat(64)).unwrap_err(), BadHost::Long);
    assert_eq!(Host::parse(&"a.".repeat(128)).unwrap_err(), BadHost::Long);
}

#[test]
fn a_grant_covers_what_it_names_and_nothing_else() {
    let policy = policy("pypi.org *.pythonhosted.org attic.lan:8080,local 10.1.2.3:5000,local");
    let decide = |text: &str, port| policy.decide(&host(text), port);
    let public = Ok(Allowed { local: false, exact_address: false });
    assert_eq!(decide("pypi.org", 443), public);
    assert_eq!(decide("PYPI.org.", 80), public);
    assert_eq!(decide("pypi.org", 22), Err(NotGranted::Port));
    assert_eq!(decide("www.pypi.org", 443), Err(NotGranted::Host));
    assert_eq!(decide("pypi.org.evil.example", 443), Err(NotGranted::Host));
    assert_eq!(decide("files.pythonhosted.org", 443), public);
    assert_eq!(decide("a.b.pythonhosted.org", 443), public);
    assert_eq!(decide("pythonhosted.org", 443), Err(NotGranted::Host));
    assert_eq!(decide("evilpythonhosted.org", 443), Err(NotGranted::Host));
    assert_eq!(decide("attic.lan", 8080), Ok(Allowed { local: true, exact_address: false }));
    assert_eq!(decide("attic.lan", 443), Err(NotGranted::Port));
    assert_eq!(decide("10.1.2.3", 5000), Ok(Allowed { local: true, exact_address: true }));
    assert_eq!(decide("[::ffff:10.1.2.3]", 5000), Ok(Allowed { local: true, exact_address: true }));
    assert_eq!(decide("10.1.2.4", 5000), Err(NotGranted::Host));
    assert_eq!(Policy::default().decide(&host("pypi.org"), 443), Err(NotGranted::Host));
}

#[test]
fn what_cannot_be_granted_is_named() {
    let refused = |host: &str| {
        checked(vec![HostGrant { host: host.to_owned(), port: None, local: false }]).unwrap_err()
    };
    for host in
        ["*", "*.", "*.org", "*.1.2.3.4", "a.*.b", "https://pypi.org", "pypi.org/simple", "127.1", "ü.de"]
    {
        let told = refused(host);
        assert!(told.contains(host) && told.contains("cannot be granted"), "{told}");
    }
    let many = vec![HostGrant { host: "a.example".to_owned(), port: None, local: false }; 33];
    assert!(checked(many).unwrap_err().contains("32"));
}
