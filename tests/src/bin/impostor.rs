//! A program in the place of `aether-agent` that breaks its link to the kernel, in the way that its goal names.

use std::{
    io::{Read as _, Write as _},
    os::{fd::FromRawFd as _, unix::net::UnixStream},
    process::ExitCode,
};

use aether_agent::seal::{self, Profile};
use aether_protocol::link::{FD, MAX_FRAME_BYTES, VERSION};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("impostor: {error:#}");
            ExitCode::from(99)
        }
    }
}

fn run() -> Result<ExitCode> {
    // What it breaks is the link, not the sandbox.
    seal::seal(&Profile::from_environment()?)?;
    let mut link = inherited();
    let briefing = call(&mut link, "life.boot", &json!({"version": VERSION, "sealed": []}))?;
    let goal =
        briefing.pointer("/reply/reply/journal/0/body/text").and_then(Value::as_str).context("no goal")?;
    let (code, said) = match goal {
        "garbage" => {
            send(&mut link, b"\xff\x00this is no JSON")?;
            return stay(&mut link);
        }
        "oversize" => {
            let length = u32::try_from(MAX_FRAME_BYTES)? + 1;
            link.write_all(&length.to_le_bytes())?;
            return stay(&mut link);
        }
        "hang up" => {
            drop(link);
            loop {
                std::thread::park();
            }
        }
        "half a frame" => {
            link.write_all(&100_u32.to_le_bytes())?;
            link.write_all(b"{\"id\"")?;
            (3, goal.to_owned())
        }
        "wrong version" => {
            (4, error(&call(&mut link, "life.boot", &json!({"version": VERSION + 1, "sealed": []}))?))
        }
        "unknown command" => (5, error(&call(&mut link, "life.fly", &json!({}))?)),
        "another's command" => (6, error(&call(&mut link, "process.list", &json!({"owner": "x"}))?)),
        _ => {
            let args = json!({"call": "x", "tool": "think", "ok": true, "output": "", "duration_ms": 0});
            (7, error(&call(&mut link, "life.finish_call", &args)?))
        }
    };
    eprintln!("impostor: {said}");
    Ok(ExitCode::from(code))
}

#[expect(unsafe_code, reason = "the kernel passes the socket as a bare file descriptor number")]
fn inherited() -> UnixStream {
    // SAFETY: the kernel put the socket there for this program, and nothing else in it uses the number.
    unsafe { UnixStream::from_raw_fd(FD) }
}

/// Waits for the kernel to end this process.
fn stay(link: &mut UnixStream) -> Result<ExitCode> {
    let _ = link.read(&mut [0; 1]);
    loop {
        std::thread::park();
    }
}

fn send(link: &mut UnixStream, body: &[u8]) -> Result<()> {
    link.write_all(&u32::try_from(body.len())?.to_le_bytes())?;
    Ok(link.write_all(body)?)
}

fn call(link: &mut UnixStream, name: &str, args: &Value) -> Result<Value> {
    send(link, json!({"id": 1, "call": name, "args": args}).to_string().as_bytes())?;
    let mut length = [0; 4];
    link.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(u32::from_le_bytes(length))?];
    link.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn error(answer: &Value) -> String {
    answer.pointer("/error/message").and_then(Value::as_str).unwrap_or("no error").to_owned()
}
