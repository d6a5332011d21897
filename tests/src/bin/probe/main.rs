//! Tries to get out of a sandbox, one attempt per start, and says what came of it.
//!
//! `probe NAME` makes one attempt: `got out: …` and status 0, or `held: …` and status 1. `probe each WORDS…`
//! makes them one after the other in processes of their own and writes a line for each to file descriptor 3;
//! words with `=` are their environment.
//! Run outside of a sandbox the same attempts are the control: there they work.

mod calls;
mod files;
mod limits;
mod reach;

use std::{env, io, io::Write, os::fd::FromRawFd, process::Command};

/// What an attempt returns: what it got, or what stopped it.
type Attempt = fn() -> io::Result<String>;

fn main() {
    let mut words = env::args().skip(1);
    let name = words.next().unwrap_or_default();
    if name == "each" {
        each(words);
        return;
    }
    let attempts = [files::ATTEMPTS, calls::ATTEMPTS, reach::ATTEMPTS, limits::ATTEMPTS].concat();
    let Some((_, attempt)) = attempts.iter().find(|(known, _)| *known == name) else {
        println!("there is no attempt {name}");
        std::process::exit(2);
    };
    match attempt() {
        Ok(got) => println!("got out: {got}"),
        Err(error) => {
            println!("held: {error}");
            std::process::exit(1);
        }
    }
}

#[expect(unsafe_code, reason = "the link is passed as a file descriptor number")]
fn each(words: impl Iterator<Item = String>) {
    // SAFETY: the sandbox puts the link on 3, and nothing else here uses it.
    let mut link = unsafe { std::fs::File::from_raw_fd(3) };
    let mut environment = Vec::new();
    for name in words {
        if let Some((variable, value)) = name.split_once('=') {
            environment.push((variable.to_owned(), value.to_owned()));
            continue;
        }
        let run = env::current_exe()
            .and_then(|own| Command::new(own).arg(&name).envs(environment.iter().cloned()).output());
        let line = match run {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout);
                let said = said.lines().next().unwrap_or("held: the process was ended").to_owned();
                format!("{name}\t{:?}\t{said}\n", output.status.code())
            }
            Err(error) => format!("{name}\tNone\theld: {error}\n"),
        };
        let _ = link.write_all(line.as_bytes());
    }
}

/// What the test tells by the environment, or what goes in its place.
fn told(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// A system call by its number. Pointers are given as numbers by callers that keep what they point to alive.
#[expect(
    unsafe_code,
    reason = "attempts are raw system calls, some with arguments that no library would pass"
)]
fn call(number: i64, arguments: &[usize]) -> io::Result<usize> {
    let at = |position: usize| arguments.get(position).copied().unwrap_or(0);
    // SAFETY: every caller passes numbers, or pointers to memory of its own that is as large as the call needs.
    let result = unsafe { libc::syscall(number, at(0), at(1), at(2), at(3), at(4), at(5)) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// A C string's address, for [`call`].
fn text(words: &std::ffi::CStr) -> usize {
    words.as_ptr() as usize
}
