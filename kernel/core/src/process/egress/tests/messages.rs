//! Heads of requests: what is understood, what is refused.

use super::super::http::{Framing, HeadEnd, Target, request};

fn read(text: &str) -> Result<super::super::http::Request, (u16, String)> {
    let told = |bad: super::super::http::Bad| (bad.status, bad.what);
    let end = HeadEnd::default().find(text.as_bytes()).map_err(told)?.expect("a whole head");
    request(&text.as_bytes()[..end]).map_err(told)
}

#[test]
fn a_request_is_written_anew() {
    let request = read(
        "POST http://Example.ORG:8080/a?b HTTP/1.1\r\nHost: example.org:8080\r\nContent-Length: 3\r\n\
         Connection: keep-alive, X-Secret\r\nX-Secret: 1\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\n\
         Upgrade: h2c\r\nHTTP2-Settings: AAAA\r\nExpect: 100-continue\r\nX-Kept: yes\r\n\r\n",
    )
    .unwrap();
    assert_eq!((request.host.to_string().as_str(), request.port), ("example.org", 8080));
    assert_eq!(request.target, Target::Plain { path: "/a?b".to_owned() });
    assert_eq!(request.framing, Framing::Length(3));
    assert!(request.expects_leave && request.keeps_alive);
    assert_eq!(
        String::from_utf8(request.head_for_server("/a?b")).unwrap(),
        "POST /a?b HTTP/1.1\r\nhost: example.org:8080\r\nconnection: close\r\ncontent-length: 3\r\nx-kept: yes\r\n\r\n"
    );
}

#[test]
fn targets_of_each_form() {
    let path = |text: &str| match read(text).unwrap().target {
        Target::Plain { path } => path,
        Target::Tunnel => "tunnel".to_owned(),
    };
    assert_eq!(path("GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n"), "/");
    assert_eq!(path("GET http://a.example?q HTTP/1.1\r\nHost: a.example:80\r\n\r\n"), "/?q");
    assert_eq!(path("OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n"), "*");
    assert_eq!(path("GET HTTP://a.example/ HTTP/1.0\r\n\r\n"), "/");
    assert_eq!(path("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"), "tunnel");
    assert_eq!(path("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n"), "tunnel");
    assert_eq!(path("CONNECT [::1]:443 HTTP/1.0\r\n\r\n"), "tunnel");
}

#[test]
fn what_two_could_read_differently_is_refused() {
    let get = "GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n";
    let post = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\n";
    let table: Vec<(String, u16)> = vec![
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http:///x HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http://b@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http://a.example\\@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http://a.example#@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http://a.example/ HTTP/1.1\r\n\r\n".into(), 400),
        ("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n".into(), 400),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example:81\r\n\r\n".into(), 400),
        ("GET http://a.example/ HTTP/2.0\r\nHost: a.example\r\n\r\n".into(), 400),
        ("GET http://a.example/ HTTP/1.1\nHost: a.example\n\n".into(), 400),
        ("\r\nGET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("CONNECT a.example HTTP/1.1\r\nHost: a.example\r\n\r\n".into(), 400),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n".into(), 400),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:444\r\n\r\n".into(), 400),
        ("CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 3\r\n\r\n".into(), 400),
        (format!("{get}Host: a.example\r\n\r\n"), 400),
        (format!("{get}X: a\r\n b\r\n\r\n"), 400),
        (format!("{get}X: a\rb\r\n\r\n"), 400),
        (format!("{get}X: a\0b\r\n\r\n"), 400),
        (format!("{get}X : a\r\n\r\n"), 400),
        (format!("{get}Expect: miracles\r\n\r\n"), 417),
        (format!("{get}X: {}\r\n\r\n", "a".repeat(40_000)), 431),
        (format!("{get}{}\r\n", "X: a\r\n".repeat(200)), 431),
        (format!("GET http://a.example/{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "a".repeat(9000)), 414),
        (format!("{post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        (format!("{post}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400),
        (format!("{post}Content-Length: 1, 1\r\n\r\n"), 400),
        (format!("{post}Content-Length: +1\r\n\r\n"), 400),
        (format!("{post}Content-Length: 0x1\r\n\r\n"), 400),
        (format!("{post}Content-Length: 99999999999999999999\r\n\r\n"), 400),
        (format!("{post}Content-Length:\r\n\r\n"), 400),
        (format!("{post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        (format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n"), 501),
        (format!("{post}Transfer-Encoding: xchunked\r\n\r\n"), 501),
        ("POST http://a.example/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 400),
    ];
    for (text, status) in &table {
        let shown: String = text.chars().take(120).collect();
        assert_eq!(read(text).map(|_| ()).unwrap_err().0, *status, "{shown:?}");
    }
}

#[test]
fn a_head_is_found_however_it_is_cut() {
    let head = b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\nrest";
    let mut end = HeadEnd::default();
    let found = (1..=head.len()).find_map(|length| end.find(&head[..length]).unwrap());
    assert_eq!(found, Some(head.len() - 4));
    // A line that ends wrongly is refused before its head is whole.
    assert!(HeadEnd::default().find(b"GET http://a.example/ HTTP/1.1\n").is_err());
}
