//! More than one's share.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::{Attempt, call, told};

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("fork_bomb", fork_bomb),
    ("exhaust_descriptors", exhaust_descriptors),
    ("fill_disk", || write("big", 1, told_mib("FILE_MIB") * 2)),
    ("fill_tmp", || fill_tmp(told_mib("TMP_MIB") * 2)),
    ("take_memory", take_memory),
    ("raise_limits", raise_limits),
];

/// How many more than the limit: enough to be sure, harmless to the host.
const MANY: usize = 400;

fn told_mib(name: &str) -> usize {
    told(name).parse().unwrap_or(8)
}

/// Children that wait, until no more can be made.
fn fork_bomb() -> io::Result<String> {
    let signal = |number: i32| usize::try_from(number).unwrap_or_default();
    let mut children = Vec::new();
    let stopped = loop {
        if children.len() == MANY {
            break None;
        }
        match call(libc::SYS_clone, &[signal(libc::SIGCHLD), 0, 0, 0, 0]) {
            Ok(0) => loop {
                let _ = call(libc::SYS_ppoll, &[0, 0, 0, 0, 0]);
            },
            Ok(child) => children.push(child),
            Err(error) => break Some(error),
        }
    };
    for child in &children {
        let _ = call(libc::SYS_kill, &[*child, signal(libc::SIGKILL)]);
        let _ = call(libc::SYS_wait4, &[*child, 0, 0, 0]);
    }
    match stopped {
        None => Ok(format!("{} processes were made", children.len())),
        Some(error) => Err(io::Error::other(format!("after {} processes: {error}", children.len()))),
    }
}

fn exhaust_descriptors() -> io::Result<String> {
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most })?;
    let mut open = Vec::new();
    while open.len() < 2_000 {
        match File::open("/dev/null") {
            Ok(file) => open.push(file),
            Err(error) => return Err(io::Error::other(format!("after {} files: {error}", open.len()))),
        }
    }
    Ok(format!("{} files are open", open.len()))
}

fn write(name: &str, copies: usize, mebibytes: usize) -> io::Result<String> {
    // SIGXFSZ would end the process before it can say how far it came; the error says it.
    let ignored = [1_usize, 0, 0, 0];
    let _ = call(libc::SYS_rt_sigaction, &[25, ignored.as_ptr() as usize, 0, 8]);
    let folder = told("SCRATCH");
    let mut result = Ok(());
    let mebibyte = vec![1; 1 << 20];
    let mut written = 0;
    for copy in 0..copies {
        let mut file = File::create(Path::new(&folder).join(format!("{name}-{copy}")))?;
        for _ in 0..mebibytes {
            result = file.write_all(&mebibyte);
            if result.is_err() {
                break;
            }
            written += 1;
        }
    }
    for copy in 0..copies {
        let _ = fs::remove_file(Path::new(&folder).join(format!("{name}-{copy}")));
    }
    result.map_err(|error| io::Error::other(format!("after {written} MiB: {error}")))?;
    Ok(format!("{written} MiB were written"))
}

/// Many files of 4 MiB, each within the limit for one.
fn fill_tmp(mebibytes: usize) -> io::Result<String> {
    write("part", mebibytes / 4, 4)
}

fn take_memory() -> io::Result<String> {
    let flags =
        usize::try_from(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE).unwrap_or_default();
    call(libc::SYS_mmap, &[0, 8 << 30, 0, flags, usize::MAX, 0]).map(|_| "8 GiB of address space".to_owned())
}

fn raise_limits() -> io::Result<String> {
    let more = getrlimit(Resource::Nproc).maximum.map(|most| most + 1);
    setrlimit(Resource::Nproc, Rlimit { current: more, maximum: more })?;
    match more {
        Some(more) => Ok(format!("{more} processes are allowed now")),
        None => Ok("processes are not limited".to_owned()),
    }
}
