//! Where requests go, and where they do not.

use std::{net::SocketAddr, sync::atomic::Ordering};

use aether_protocol::EventBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::ground::{Proxy, Server, Told, read_all};

#[tokio::test]
async fn a_granted_host_answers_and_another_is_refused_by_name() {
    let server = Server::start().await;
    let port = server.port;
    let mut proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
    let answer = proxy.get(&format!("a.test:{port}")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
    let EventBody::EgressAllowed { host, address, sent_bytes, received_bytes, .. } = proxy.event().await
    else {
        panic!("another event")
    };
    assert_eq!((host.as_str(), address.as_str(), sent_bytes, received_bytes), ("a.test", "127.0.0.1", 0, 2));
    let answer = proxy.get(&format!("b.test:{port}")).await;
    assert!(answer.starts_with("HTTP/1.1 403 b.test is not granted to this agent\r\n"), "{answer}");
    assert!(
        answer.contains(&format!("b.test:{port} is not granted"))
            && answer.contains("aether spawn --network b.test")
    );
    let EventBody::EgressRefused { host, reason, .. } = proxy.event().await else { panic!("another event") };
    assert_eq!((host.as_str(), reason.as_str()), ("b.test", "is not granted to this agent"));
    assert_eq!(server.heads.lock().len(), 1);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_the_checked_address_is_connected_to() {
    let server = Server::start().await;
    let port = server.port;
    // The second answer would be the server; the first one is what was checked.
    let resolver = Told::new(&["192.0.2.1", "127.0.0.1"]);
    let proxy = Proxy::new(&format!("a.test:{port},local"), resolver.clone(), false).await;
    assert!(proxy.get(&format!("a.test:{port}")).await.starts_with("HTTP/1.1 403"));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    // The other way round: it was right when it was checked, and what is said later does not matter.
    let resolver = Told::new(&["127.0.0.1", "192.0.2.1"]);
    let proxy = Proxy::new(&format!("a.test:{port},local"), resolver.clone(), false).await;
    assert!(proxy.get(&format!("a.test:{port}")).await.starts_with("HTTP/1.1 200"));
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    // And each request on a kept connection is looked up and checked anew.
    let request = format!("GET http://a.test:{port}/ HTTP/1.1\r\nHost: a.test:{port}\r\n\r\n");
    let resolver = Told::new(&["127.0.0.1", "192.0.2.1"]);
    let proxy = Proxy::new(&format!("a.test:{port},local"), resolver.clone(), false).await;
    let answers = proxy.ask(&request.repeat(2)).await;
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
    assert!(answers.contains("HTTP/1.1 403 a.test is at 192.0.2.1"), "{answers}");
    assert_eq!(server.heads.lock().len(), 2);
}

#[tokio::test]
async fn one_address_that_is_not_covered_spoils_a_name() {
    let server = Server::start().await;
    let port = server.port;
    let refused = [
        "127.0.0.1",
        "10.0.0.1",
        "93.184.215.14 127.0.0.1",
        "127.0.0.1 93.184.215.14",
        "93.184.215.14 ::ffff:127.0.0.1",
        "93.184.215.14 64:ff9b::7f00:1",
        "93.184.215.14 2002:7f00:1::",
        "2606:4700::1 fd00::1",
        "169.254.169.254",
        "0.0.0.0",
        "::",
        "100.64.0.1",
        "224.0.0.1",
    ];
    for answer in refused {
        let proxy = Proxy::new(&format!("a.test:{port}"), Told::new(&[answer]), false).await;
        let told = proxy.get(&format!("a.test:{port}")).await;
        assert!(told.starts_with("HTTP/1.1 403 a.test is at "), "{answer}: {told}");
    }
    // With a grant for the local network these are still nobody's.
    for answer in
        ["169.254.169.254", "0.0.0.0", "::", "224.0.0.1", "198.18.0.1", "127.0.0.1 ::ffff:169.254.169.254"]
    {
        let proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&[answer]), false).await;
        let told = proxy.get(&format!("a.test:{port}")).await;
        assert!(told.starts_with("HTTP/1.1 403 a.test is at "), "{answer}: {told}");
    }
    let proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&[]), false).await;
    assert!(proxy.get(&format!("a.test:{port}")).await.starts_with("HTTP/1.1 502 a.test cannot be found"));
    assert_eq!(server.heads.lock().len(), 0);
}

#[tokio::test]
async fn offline_refuses_what_is_beyond_the_lan() {
    let server = Server::start().await;
    let port = server.port;
    let grants = format!("a.test:{port},local 93.184.215.14 100.64.0.1:80,local");
    let proxy = Proxy::new(&grants, Told::new(&["127.0.0.1", "93.184.215.14"]), true).await;
    let a = format!("a.test:{port}");
    assert!(proxy.get(&a).await.starts_with("HTTP/1.1 200"));
    for authority in [a.as_str(), "93.184.215.14", "100.64.0.1"] {
        let told = proxy.get(authority).await;
        assert!(told.starts_with("HTTP/1.1 403") && told.contains("set to be offline"), "{told}");
    }
    let told = proxy.ask("CONNECT 93.184.215.14:443 HTTP/1.1\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 403") && told.contains("set to be offline"), "{told}");
}

#[tokio::test]
async fn the_kernels_own_doors_stay_shut_whatever_is_granted() {
    let server = Server::start().await;
    let port = server.port;
    for door in [format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"), format!("[::]:{port}")] {
        let proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
        proxy.desk.listening.write().push(door.parse::<SocketAddr>().unwrap());
        let told = proxy.get(&format!("a.test:{port}")).await;
        assert!(told.starts_with("HTTP/1.1 403 a.test is Aether itself"), "{door}: {told}");
    }
    assert_eq!(server.heads.lock().len(), 0);
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_ends_when_nothing_moves() {
    let server = Server::start().await;
    let port = server.port;
    let mut proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
    let connect = format!("CONNECT a.test:{port} HTTP/1.1\r\nHost: a.test:{port}\r\n\r\n");
    // What follows at once belongs to the tunnel.
    let answer = proxy.ask(&format!("{connect}GET / HTTP/1.0\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK"), "{answer}");
    let EventBody::EgressAllowed { sent_bytes, received_bytes, .. } = proxy.event().await else {
        panic!("another event")
    };
    assert_eq!((sent_bytes, received_bytes), (18, 40));
    let mut silent = proxy.connect().await;
    silent.write_all(connect.as_bytes()).await.unwrap();
    assert_eq!(read_all(&mut silent).await, "HTTP/1.1 200 Connection established\r\n\r\n");
    assert!(matches!(proxy.event().await, EventBody::EgressAllowed { sent_bytes: 0, .. }));
}

#[tokio::test]
async fn bodies_are_framed_anew_and_tricks_in_them_end_the_request() {
    let server = Server::start().await;
    let port = server.port;
    let mut proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
    let post = format!(
        "POST http://a.test:{port}/ HTTP/1.1\r\nHost: a.test:{port}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let answer = proxy.ask(&format!("{post}3\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(matches!(proxy.event().await, EventBody::EgressAllowed { sent_bytes: 5, .. }));
    for body in [
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3;a=b\r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n0\nGET http://b.test/ HTTP/1.1\r\n\r\n",
    ] {
        let answer = proxy.ask(&format!("{post}{body}")).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{body:?}: {answer}");
    }
}

#[tokio::test]
async fn what_a_server_answers_is_read_as_strictly() {
    let server = Server::start().await;
    let port = server.port;
    let proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
    let raw = async |method: &str, raw: &str| {
        let target = format!("http://a.test:{port}/raw/{raw}");
        proxy
            .ask(&format!("{method} {target} HTTP/1.1\r\nHost: a.test:{port}\r\nConnection: close\r\n\r\n"))
            .await
    };
    let to_end = raw("GET", "HTTP/1.1_200_OK~~until-the-end").await;
    assert!(
        to_end.contains("transfer-encoding: chunked") && to_end.ends_with("d\r\nuntil-the-end\r\n0\r\n\r\n"),
        "{to_end}"
    );
    let chunked = raw("GET", "HTTP/1.1_200_OK~Transfer-Encoding:chunked~~3~abc~0~~").await;
    assert!(chunked.ends_with("3\r\nabc\r\n0\r\n\r\n"), "{chunked}");
    let interim = raw("GET", "HTTP/1.1_103_Early~~HTTP/1.1_200_OK~Content-Length:2~~ok").await;
    assert!(interim.starts_with("HTTP/1.1 200 OK") && interim.ends_with("\r\n\r\nok"), "{interim}");
    let head = raw("HEAD", "HTTP/1.1_200_OK~Content-Length:77~~").await;
    assert!(head.contains("content-length: 77") && head.ends_with("\r\n\r\n"), "{head}");
    for answer in [
        "HTTP/1.1_101_Switching~Upgrade:h2c~~",
        "HTTP/1.1_200_OK~Content-Length:1~Transfer-Encoding:chunked~~1~a~0~~",
        "HTTP/1.1_200_OK~Content-Length:1~Content-Length:2~~ab",
        "HTTP/1.1_200_OK~X:a~_b~~",
        "nonsense~~",
    ] {
        let told = raw("GET", answer).await;
        assert!(told.starts_with("HTTP/1.1 502"), "{answer}: {told}");
    }
}

#[tokio::test]
async fn slow_and_half_open_clients_are_let_go() {
    let proxy = Proxy::new("a.test", Told::new(&["127.0.0.1"]), false).await;
    assert!(proxy.ask("GET http://a.test/ HTTP/1.1\r\nX: ").await.starts_with("HTTP/1.1 408"));
    assert_eq!(read_all(&mut proxy.connect().await).await, "");
    let mut half = proxy.connect().await;
    half.write_all(b"GET http://a.test/").await.unwrap();
    half.shutdown().await.unwrap();
    assert_eq!(read_all(&mut half).await, "");
}

#[tokio::test]
async fn a_tool_that_waits_for_leave_gets_it() {
    let server = Server::start().await;
    let port = server.port;
    let proxy = Proxy::new(&format!("a.test:{port},local"), Told::new(&["127.0.0.1"]), false).await;
    let mut tool = proxy.connect().await;
    let head = format!(
        "PUT http://a.test:{port}/ HTTP/1.1\r\nHost: a.test:{port}\r\nConnection: close\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    );
    tool.write_all(head.as_bytes()).await.unwrap();
    let mut leave = [0; 25];
    tool.read_exact(&mut leave).await.unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    tool.write_all(b"abc").await.unwrap();
    assert!(read_all(&mut tool).await.starts_with("HTTP/1.1 200"));
}
