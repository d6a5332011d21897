//! Files over HTTP, as a stranger to the code would use them: the trash, searching, uploads that break and go on,
//! folders as archives; and the same by somebody who means harm.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::{Cursor, Read as _},
    path::PathBuf,
};

use aether_tests::{
    daemon::Daemon,
    raw::{Raw, Response},
};
use serde_json::{Value, json};

/// The owner, with a daemon of her own.
struct House {
    daemon: Daemon,
    token: String,
}

impl House {
    async fn new() -> Self {
        let daemon = Daemon::start().await.unwrap();
        let token = daemon.sign_up().await.unwrap();
        Self { daemon, token }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let path = format!("/api/v1{path}");
        self.daemon.connect().await.unwrap().request(method, &path, &all, body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, &[], b"").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json().unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().as_bytes()).await
    }

    async fn write(&self, path: &str, body: &[u8]) {
        let answer = self.send("PUT", &format!("/files/{path}"), &[], body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }

    async fn folder(&self, path: &str) {
        assert_eq!(self.send("PUT", &format!("/folders/{path}"), &[], b"").await.status, 200);
    }

    async fn read(&self, path: &str) -> Response {
        self.send("GET", &format!("/files/{path}"), &[], b"").await
    }

    /// Begins an upload; returns its address below `/api/v1`.
    async fn begin(&self, path: &str, size: usize) -> String {
        let answer = self
            .send("POST", &format!("/uploads/{path}"), &[("upload-length", &size.to_string())], b"")
            .await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
        answer.header("location").unwrap().strip_prefix("/api/v1").unwrap().to_owned()
    }

    async fn piece(&self, upload: &str, offset: usize, data: &[u8]) -> Response {
        let headers = [
            ("content-type", "application/offset+octet-stream"),
            ("upload-offset", &offset.to_string()),
            ("tus-resumable", "1.0.0"),
        ];
        self.send("PATCH", upload, &headers, data).await
    }

    /// Where an upload stands.
    async fn offset(&self, upload: &str) -> usize {
        let mut raw = self.daemon.connect().await.unwrap();
        let head = format!(
            "HEAD /api/v1{upload} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            self.token
        );
        raw.send(head.as_bytes()).await.unwrap();
        let answer = raw.head().await.unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        answer.header("upload-offset").unwrap().parse().unwrap()
    }

    /// The owner's home on disk.
    fn home(&self) -> PathBuf {
        let users = self.daemon.state_dir().join("homes/users");
        fs::read_dir(users).unwrap().next().unwrap().unwrap().path()
    }
}

/// Bytes that do not repeat in any way that would hide a piece in the wrong place.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

#[tokio::test]
async fn what_is_thrown_away_is_listed_restored_and_emptied() {
    let house = House::new().await;
    for text in ["one", "two"] {
        house.write("home/notes.txt", text.as_bytes()).await;
        let thrown = house.post("/trash", json!({"place": {"kind": "home"}, "path": "notes.txt"})).await;
        assert_eq!(thrown.status, 200, "{}", thrown.text());
    }
    assert_eq!(house.read("home/notes.txt").await.status, 404);
    let listed = house.get("/trash/home/").await;
    let mut names: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["notes.txt", "notes.txt.2"]);
    let restore = |name: &str, rename: bool| {
        house.post("/restorations", json!({"place": {"kind": "home"}, "name": name, "rename": rename}))
    };
    assert_eq!(restore("notes.txt.2", false).await.json().unwrap()["path"], "notes.txt");
    let taken = restore("notes.txt", false).await;
    assert_eq!((taken.status, &taken.json().unwrap()["code"]), (409, &json!("conflict")));
    assert_eq!(restore("notes.txt", true).await.json().unwrap()["path"], "notes (2).txt");
    assert_eq!(house.read("home/notes.txt").await.body, b"two");
    assert_eq!(house.read("home/notes%20(2).txt").await.body, b"one");
    house.post("/trash", json!({"place": {"kind": "home"}, "path": "notes.txt"})).await;
    let emptied = house.send("DELETE", "/trash/home/", &[], b"").await;
    assert_eq!(emptied.json().unwrap()["entries"], 1);
    assert_eq!(house.get("/trash/home/").await["items"], json!([]));
    assert_eq!(house.send("GET", "/trash/home/folder", &[], b"").await.status, 400);
}

#[tokio::test]
async fn files_are_found_and_counted() {
    let house = House::new().await;
    house.folder("shared/deep/er").await;
    house.write("shared/deep/er/plan.md", b"buy milk\nand bread").await;
    house.write("shared/large.bin", &noise(200_000)).await;
    let by_name = house.get("/search/shared/?name=*.md").await;
    assert_eq!(by_name["items"][0]["entry"]["path"], "deep/er/plan.md");
    let by_content = house.get("/search/shared/deep?content=BREAD").await;
    assert_eq!(by_content["items"][0]["lines"], json!([{"number": 2, "text": "and bread"}]));
    assert_eq!(by_content["stopped"], Value::Null);
    assert_eq!(house.get("/search/shared/?content=milk&name=nothing").await["items"], json!([]));
    for wrong in ["", "?content=(&regex=true", "?name=", "?name=a&limit=0", "?colour=red"] {
        assert_eq!(
            house.send("GET", &format!("/search/shared/{wrong}"), &[], b"").await.status,
            400,
            "{wrong}"
        );
    }
    let usage = house.get("/usage/shared/").await;
    assert_eq!((&usage["files"], &usage["folders"]), (&json!(2), &json!(2)));
    assert_eq!(usage["shares"][0]["name"], "large.bin");
    assert!(usage["bytes"].as_u64().unwrap() >= 200_000);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_broken_connection_and_after_a_killed_kernel() {
    let mut house = House::new().await;
    let content = noise(21 * 1024 * 1024 + 17);
    let abilities = house.send("OPTIONS", "/uploads", &[], b"").await;
    assert_eq!(abilities.header("tus-version"), Some("1.0.0"));
    assert_eq!(abilities.header("tus-extension"), Some("creation,termination"));
    let upload = house.begin("home/film.bin", content.len()).await;
    assert_eq!(house.offset(&upload).await, 0);
    let first = house.piece(&upload, 0, &content[..9_000_000]).await;
    assert_eq!((first.status, first.header("upload-offset")), (204, Some("9000000")));
    // A piece of which one half is sent before the connection breaks.
    let half = 5_000_000;
    let mut raw: Raw = house.daemon.connect().await.unwrap();
    let head = format!(
        "PATCH /api/v1{upload} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/offset+octet-stream\r\nupload-offset: 9000000\r\ncontent-length: {}\r\n\r\n",
        house.token,
        2 * half
    );
    raw.send(&[head.as_bytes(), &content[9_000_000..9_000_000 + half]].concat()).await.unwrap();
    drop(raw);
    // How much of it is kept is the kernel's; that it is a beginning shows at the end. While it still writes, the
    // next piece is refused and the client asks again.
    assert_eq!(house.read("home/film.bin").await.status, 404);
    let mut offset = house.offset(&upload).await;
    assert!((9_000_000..=9_000_000 + half).contains(&offset), "{offset}");
    loop {
        let answer = house.piece(&upload, offset, &content[offset..15_000_000]).await;
        if answer.status == 204 {
            break;
        }
        assert_eq!(answer.status, 409, "{}", answer.text());
        offset = house.offset(&upload).await;
    }
    let token = house.token;
    let stopped = house.daemon.kill().await.unwrap();
    house = House { daemon: Daemon::start_again(stopped).await.unwrap(), token };
    assert_eq!(house.offset(&upload).await, 15_000_000, "what was acknowledged is there");
    assert_eq!(house.piece(&upload, 15_000_000, &content[15_000_000..]).await.status, 204);
    let read = house.read("home/film.bin").await;
    assert!(read.body == content, "{} bytes came back", read.body.len());
    assert_eq!(house.offset(&upload).await, content.len());
    let part = house.send("GET", "/files/home/film.bin", &[("range", "bytes=8999990-9000009")], b"").await;
    assert_eq!((part.status, part.body.as_slice()), (206, &content[8_999_990..9_000_010]));
    let listed = house.get("/uploads").await;
    assert_eq!(listed["items"][0]["finished"], true);
}

#[tokio::test]
async fn uploads_that_make_no_sense_are_refused_and_change_nothing() {
    let house = House::new().await;
    let upload = house.begin("home/a", 10).await;
    let refused = async |status: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]| {
        let answer = house.send(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
    };
    let piece = ("content-type", "application/offset+octet-stream");
    refused(415, "PATCH", &upload, &[("content-type", "text/plain"), ("upload-offset", "0")], b"x").await;
    refused(412, "PATCH", &upload, &[piece, ("upload-offset", "0"), ("tus-resumable", "0.2.2")], b"x").await;
    for offset in ["", "-1", "+0", "1e3", "99999999999999999999999", "zero"] {
        refused(400, "PATCH", &upload, &[piece, ("upload-offset", offset)], b"x").await;
    }
    refused(409, "PATCH", &upload, &[piece, ("upload-offset", "3")], b"x").await;
    refused(413, "PATCH", &upload, &[piece, ("upload-offset", "0")], b"more than ten bytes").await;
    for (status, length) in [(400, "-1"), (400, ""), (400, "a"), (409, "18446744073709551615")] {
        refused(status, "POST", "/uploads/home/b", &[("upload-length", length)], b"").await;
    }
    let one = ("upload-length", "1");
    refused(404, "POST", "/uploads/home/no/folder", &[one], b"").await;
    refused(400, "POST", "/uploads/home/%2e%2e/%2e%2e/x", &[one], b"").await;
    refused(400, "POST", "/uploads/home/", &[one], b"").await;
    // `../x` and no base64 at all as names.
    refused(400, "POST", "/uploads/home/", &[one, ("upload-metadata", "filename Li4veA==")], b"").await;
    refused(400, "POST", "/uploads/home/", &[one, ("upload-metadata", "filename ???")], b"").await;
    let named =
        house.send("POST", "/uploads/home/", &[one, ("upload-metadata", "filename YS50eHQ=")], b"").await;
    assert_eq!((named.status, named.json().unwrap()["path"].as_str()), (201, Some("a.txt")));
    assert_eq!(house.offset(&upload).await, 0);
    assert_eq!(house.send("DELETE", &upload, &[], b"").await.status, 204);
    refused(404, "PATCH", &upload, &[piece, ("upload-offset", "0")], b"x").await;
    refused(404, "DELETE", "/uploads/00000000-0000-0000-0000-000000000000", &[], b"").await;
    assert_eq!(fs::read_dir(house.home()).map_or(0, Iterator::count), 0, "nothing came into the home");
}

#[tokio::test]
async fn a_folder_comes_as_a_zip_and_links_lead_nowhere() {
    let house = House::new().await;
    house.folder("home/project/src").await;
    house.write("home/project/src/main.rs", b"fn main() {}").await;
    house.write("home/project/noise.bin", &noise(3_000_000)).await;
    let home = house.home();
    let secret = house.daemon.state_dir().join("state.db");
    std::os::unix::fs::symlink(&secret, home.join("project/database")).unwrap();
    std::os::unix::fs::symlink("/etc", home.join("project/etc")).unwrap();
    std::os::unix::fs::symlink("/etc", home.join("etc")).unwrap();
    let answer = house.send("GET", "/archives/home/project", &[], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/zip")));
    assert!(answer.header("content-disposition").unwrap().contains("project.zip"));
    let mut archive = zip::ZipArchive::new(Cursor::new(answer.body)).unwrap();
    let mut names: Vec<String> = (0..archive.len())
        .map(|index| archive.by_index(index).unwrap().name().unwrap().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, ["project/LEFT OUT.txt", "project/noise.bin", "project/src/", "project/src/main.rs"]);
    let mut bytes = Vec::new();
    archive.by_name("project/noise.bin").unwrap().read_to_end(&mut bytes).unwrap();
    assert!(bytes == noise(3_000_000));
    for (path, status) in [("home/etc", 403), ("home/project/src/main.rs", 409), ("home/nothing", 404)] {
        // A link is no folder, whatever it points to.
        let status = if path == "home/etc" { 409 } else { status };
        assert_eq!(house.send("GET", &format!("/archives/{path}"), &[], b"").await.status, status, "{path}");
    }
    for way in ["search/home/etc?name=passwd", "usage/home/etc", "usage/home/project/etc"] {
        let answer = house.send("GET", &format!("/{way}"), &[], b"").await;
        assert_eq!(answer.status, 403, "{way}: {}", answer.text());
    }
    let found = house.get("/search/home/?content=root&hidden=true").await;
    assert_eq!(found["items"], json!([]), "nothing of /etc");
}

#[tokio::test]
async fn strangers_get_nothing_of_it() {
    let house = House::new().await;
    house.write("home/diary.txt", b"secret").await;
    let upload = house.begin("home/x", 3).await;
    let places = json!({"place": {"kind": "home"}, "path": "diary.txt"}).to_string();
    for (method, path) in [
        ("POST", "/trash"),
        ("GET", "/trash/home/"),
        ("DELETE", "/trash/home/"),
        ("POST", "/restorations"),
        ("GET", "/search/home/?name=diary"),
        ("GET", "/usage/home/"),
        ("GET", "/archives/home/"),
        ("POST", "/uploads/home/y"),
        ("GET", "/uploads"),
        ("PATCH", upload.as_str()),
        ("DELETE", upload.as_str()),
    ] {
        let headers = [
            (
                "content-type",
                if method == "PATCH" { "application/offset+octet-stream" } else { "application/json" },
            ),
            ("upload-offset", "0"),
            ("upload-length", "3"),
        ];
        let path = format!("/api/v1{path}");
        let body: &[u8] = if matches!(method, "POST" | "PATCH") { places.as_bytes() } else { b"" };
        let answer =
            house.daemon.connect().await.unwrap().request(method, &path, &headers, body).await.unwrap();
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("secret") && !answer.text().contains("diary"), "{}", answer.text());
    }
    assert_eq!(house.read("home/diary.txt").await.body, b"secret");
    assert_eq!(house.offset(&upload).await, 0);
}

#[tokio::test]
async fn what_changes_in_a_folder_is_told_to_who_watches_it() {
    let house = House::new().await;
    house.folder("home/desk").await;
    let mut raw = house.daemon.connect().await.unwrap();
    let head = format!(
        "GET /api/v1/watches/home/desk HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
        house.token
    );
    raw.send(head.as_bytes()).await.unwrap();
    let answer = raw.head().await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    // Not by the kernel, but as an agent's tool would.
    fs::write(house.home().join("desk/letter.txt"), "x").unwrap();
    let mut told = String::new();
    while !told.contains("letter.txt") {
        let more = raw.more().await.unwrap();
        assert!(!more.is_empty(), "the stream ended: {told}");
        told.push_str(&String::from_utf8_lossy(&more));
    }
    fs::rename(house.home().join("desk"), house.home().join("table")).unwrap();
    while !told.contains("\"gone\":true") {
        let more = raw.more().await.unwrap();
        assert!(!more.is_empty(), "the end was not told: {told}");
        told.push_str(&String::from_utf8_lossy(&more));
    }
    for (path, status) in [("home/nothing", 404), ("home/%2e%2e/etc", 400), ("etc/", 404)] {
        let answer = house.send("GET", &format!("/watches/{path}"), &[], b"").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
}
