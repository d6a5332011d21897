//! System calls that reach beyond a sandbox or widen what of Linux can be attacked.

use std::{fs::File, io, os::fd::AsRawFd};

use crate::{Attempt, call, text};

pub(crate) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("mount", mount),
    ("new_mount_api", || done("fsopen", call(libc::SYS_fsopen, &[text(c"tmpfs"), 0]))),
    ("unshare_user", || done("unshare", call(libc::SYS_unshare, &[flag(libc::CLONE_NEWUSER)]))),
    ("unshare_time", || done("unshare", call(libc::SYS_unshare, &[0x80]))),
    ("clone_user", clone_user),
    ("clone3_user", clone3_user),
    ("setns", setns),
    ("chroot", || done("chroot", call(libc::SYS_chroot, &[text(c"/usr")]))),
    ("set_host_name", set_host_name),
    ("become_root", || done("setresuid", call(libc::SYS_setresuid, &[0, 0, 0]))),
    ("am_i_root", am_i_root),
    ("ptrace_parent", || with_parent("ptrace", |parent| call(libc::SYS_ptrace, &[0x4206, parent, 0, 0]))),
    ("read_parent_memory", || with_parent("process_vm_readv", read_memory_of)),
    ("take_descriptor", take_descriptor),
    ("open_by_io_uring", io_uring),
    ("bpf", bpf),
    ("userfaultfd", || done("userfaultfd", call(libc::SYS_userfaultfd, &[0]))),
    ("perf_event", perf_event),
    ("kernel_keyring", kernel_keyring),
    ("load_module", load_module),
    ("kernel_log", || done("syslog", call(libc::SYS_syslog, &[10, 0, 0]))),
    ("personality", || done("personality", call(libc::SYS_personality, &[0x0040_0000]))),
    ("x32_call", || done("x32 getpid", call(0x4000_0000 | libc::SYS_getpid, &[]))),
    ("i386_call", i386),
];

fn done(what: &str, result: io::Result<usize>) -> io::Result<String> {
    result.map(|value| format!("{what} returned {value}"))
}

fn flag(flag: i32) -> usize {
    usize::try_from(flag).unwrap_or_default()
}

/// In a mount namespace of its own where one can be had, so that the control leaves the host alone.
fn mount() -> io::Result<String> {
    let _ = call(libc::SYS_unshare, &[flag(libc::CLONE_NEWNS)]);
    let private = flag(libc::c_int::try_from(libc::MS_PRIVATE | libc::MS_REC).unwrap_or_default());
    let _ = call(libc::SYS_mount, &[0, text(c"/"), 0, private, 0]);
    done("mount", call(libc::SYS_mount, &[text(c"none"), text(c"/tmp"), text(c"tmpfs"), 0, 0]))
}

fn set_host_name() -> io::Result<String> {
    // Away from the host's name where that is possible; inside it is not.
    let _ = call(libc::SYS_unshare, &[flag(libc::CLONE_NEWUTS)]);
    done("sethostname", call(libc::SYS_sethostname, &[text(c"x"), 1]))
}

fn clone_user() -> io::Result<String> {
    let flags = flag(libc::CLONE_NEWUSER | libc::SIGCHLD);
    child(call(libc::SYS_clone, &[flags, 0, 0, 0, 0]), "clone")
}

fn clone3_user() -> io::Result<String> {
    // struct clone_args of clone(2): flags first, exit_signal fifth.
    let mut arguments = [0_u64; 8];
    arguments[0] = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    arguments[4] = u64::from(libc::SIGCHLD.cast_unsigned());
    child(call(libc::SYS_clone3, &[arguments.as_mut_ptr() as usize, 64]), "clone3")
}

/// The child of a fork ends at once.
fn child(result: io::Result<usize>, what: &str) -> io::Result<String> {
    if matches!(result, Ok(0)) {
        let _ = call(libc::SYS_exit_group, &[0]);
    }
    done(what, result)
}

fn setns() -> io::Result<String> {
    let namespace = File::open("/proc/self/ns/uts")?;
    done("setns", call(libc::SYS_setns, &[flag(namespace.as_raw_fd()), 0]))
}

fn am_i_root() -> io::Result<String> {
    if rustix::process::geteuid().is_root() {
        Ok("this process is root".to_owned())
    } else {
        Err(io::Error::other("this process is not root"))
    }
}

/// On a child of its own that waits, so that the control works where ptrace is confined to children.
fn with_parent(what: &str, attempt: fn(usize) -> io::Result<usize>) -> io::Result<String> {
    let waiting = call(libc::SYS_clone, &[flag(libc::SIGCHLD), 0, 0, 0, 0])?;
    if waiting == 0 {
        loop {
            let _ = call(libc::SYS_ppoll, &[0, 0, 0, 0, 0]);
        }
    }
    let result = attempt(waiting);
    let _ = call(libc::SYS_kill, &[waiting, flag(libc::SIGKILL)]);
    done(what, result)
}

fn read_memory_of(process: usize) -> io::Result<usize> {
    let (mut here, there) = ([0_u8; 8], [7_u8; 8]);
    let local = [here.as_mut_ptr() as usize, 8];
    let remote = [there.as_ptr() as usize, 8];
    call(libc::SYS_process_vm_readv, &[process, local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0])
}

/// Standard input of its own process: the control needs no right, the filter sees only the call.
fn take_descriptor() -> io::Result<String> {
    let own = call(libc::SYS_getpid, &[])?;
    let pidfd = call(libc::SYS_pidfd_open, &[own, 0])?;
    done("pidfd_getfd", call(libc::SYS_pidfd_getfd, &[pidfd, 1, 0]))
}

fn io_uring() -> io::Result<String> {
    let mut parameters = [0_u8; 120];
    done("io_uring_setup", call(libc::SYS_io_uring_setup, &[4, parameters.as_mut_ptr() as usize]))
}

fn bpf() -> io::Result<String> {
    // BPF_MAP_CREATE of an array of one element.
    let attribute = [2_u32, 4, 4, 1, 0, 0, 0, 0];
    done("bpf", call(libc::SYS_bpf, &[0, attribute.as_ptr() as usize, 32]))
}

fn perf_event() -> io::Result<String> {
    // PERF_TYPE_SOFTWARE, size of the first version of the structure, PERF_COUNT_SW_CPU_CLOCK.
    let mut attribute = [0_u32; 32];
    (attribute[0], attribute[1]) = (1, 64);
    done(
        "perf_event_open",
        call(libc::SYS_perf_event_open, &[attribute.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0]),
    )
}

fn kernel_keyring() -> io::Result<String> {
    // Into the process's own keyring, KEY_SPEC_PROCESS_KEYRING.
    let ring = usize::MAX - 1;
    done("add_key", call(libc::SYS_add_key, &[text(c"user"), text(c"probe"), text(c"x"), 1, ring]))
}

/// An empty module is refused by whoever may load one with "not a module"; by the sandbox before that.
fn load_module() -> io::Result<String> {
    match call(libc::SYS_init_module, &[text(c"x"), 1, text(c"")]) {
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            Ok("Linux looked at a module".to_owned())
        }
        result => done("init_module", result),
    }
}

/// A call by the i386 gate, where numbers mean other calls: 20 is `getpid`, 21 would be `mount`.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the i386 gate is an instruction")]
fn i386() -> io::Result<String> {
    let mut result: i64 = 20;
    // SAFETY: getpid takes no argument and changes no memory; the gate clobbers r8 to r11.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") result, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    if result > 0 {
        Ok(format!("i386 getpid returned {result}"))
    } else {
        Err(io::Error::from_raw_os_error(38))
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn i386() -> io::Result<String> {
    Err(io::Error::other("there is no i386 gate on this architecture"))
}
