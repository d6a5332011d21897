//! Files that nobody inside should read or write.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::symlink,
    path::Path,
    process::Command,
};

use crate::{Attempt, call, text, told};

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("read_shadow", || read("/etc/shadow")),
    ("read_state_db", || read(&told("STATE_DB"))),
    ("read_other_home", || read(&told("OTHER_HOME"))),
    ("read_through_init_root", || read(&format!("/proc/1/root{}", told("STATE_DB")))),
    ("read_through_host_pid", || read(&format!("/proc/{}/root{}", told("HOST_PID"), told("STATE_DB")))),
    ("read_host_environment", || read(&format!("/proc/{}/environ", told("HOST_PID")))),
    ("read_init_memory", || open_for_reading("/proc/1/mem")),
    ("symlink_out_of_home", symlink_out),
    ("dot_dot_out_of_home", || read(&format!("{}{}", "../".repeat(16), told("STATE_DB")))),
    ("write_usr", || create("/usr/probe-was-here")),
    ("write_etc", || create("/etc/probe-was-here")),
    ("write_root", || create("/probe-was-here")),
    ("write_agent_binary", || open_for_writing(&told("AGENT_BINARY"))),
    ("write_core_pattern", || open_for_writing("/proc/sys/kernel/core_pattern")),
    ("write_sysrq", || open_for_writing("/proc/sysrq-trigger")),
    ("write_sysfs", || open_for_writing("/sys/kernel/mm/transparent_hugepage/enabled")),
    ("write_own_oom_score", || open_for_writing("/proc/self/oom_score_adj")),
    ("open_kernel_log", || open_for_reading("/dev/kmsg")),
    ("open_disk", || open_for_reading(&told("DISK"))),
    ("make_device", make_device),
    ("run_setuid", run_setuid),
    ("file_handle", file_handle),
];

fn read(path: &str) -> io::Result<String> {
    let mut start = [0; 16];
    let count = File::open(path)?.read(&mut start)?;
    Ok(format!("{count} bytes of {path}"))
}

fn open_for_reading(path: &str) -> io::Result<String> {
    File::open(path).map(|_| format!("{path} is open for reading"))
}

/// Opens only: the control must not change the host.
fn open_for_writing(path: &str) -> io::Result<String> {
    OpenOptions::new().write(true).open(path).map(|_| format!("{path} is open for writing"))
}

fn create(path: &str) -> io::Result<String> {
    File::create(path)?;
    fs::remove_file(path)?;
    Ok(format!("{path} was made"))
}

fn symlink_out() -> io::Result<String> {
    let link = Path::new(&told("SCRATCH")).join("link-out");
    let _ = fs::remove_file(&link);
    symlink(told("STATE_DB"), &link)?;
    let got = read(&link.display().to_string());
    fs::remove_file(&link)?;
    got
}

/// A null device in a place of one's own, which would do as well for a disk.
fn make_device() -> io::Result<String> {
    let path = std::ffi::CString::new(format!("{}/device", told("SCRATCH")))?;
    let mode = usize::try_from(libc::S_IFCHR | 0o666).unwrap_or_default();
    call(libc::SYS_mknodat, &[usize::MAX - 99, text(&path), mode, 0x103])?;
    fs::remove_file(format!("{}/device", told("SCRATCH")))?;
    Ok("a device node was made".to_owned())
}

/// A copy of this program that belongs to root and has the setuid bit.
fn run_setuid() -> io::Result<String> {
    let output = Command::new(told("SETUID_PROBE")).arg("am_i_root").output()?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(said) } else { Err(io::Error::other(said)) }
}

/// A file's handle opens it past every directory in between (CVE-2014-9357, "shocker").
fn file_handle() -> io::Result<String> {
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let mut mount = 0_i32;
    let here = usize::MAX - 99;
    let folder = c"/usr";
    call(
        libc::SYS_name_to_handle_at,
        &[here, text(folder), handle.as_mut_ptr() as usize, (&raw mut mount) as usize, 0],
    )?;
    let root = call(libc::SYS_openat, &[here, text(c"/usr"), 0])?;
    call(libc::SYS_open_by_handle_at, &[root, handle.as_mut_ptr() as usize, 0])?;
    Ok("a file was opened by its handle".to_owned())
}
