//! The filter of system calls (seccomp(2)).
//!
//! A list of what is denied and not of what is allowed: ordinary programs (shells, compilers, interpreters)
//! must run unchanged. Denied is what reaches beyond the sandbox or widens the attack surface of Linux: mounts
//! and namespaces, other processes' memory, kernel modules, keys, clocks, performance counters, io_uring.
//! Another architecture's calls (i386) kill the process; x32's do not exist.

use std::collections::BTreeMap;

use aether_protocol::process::Layer;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    sock_filter,
};

use super::{SealError, layer};

/// Denied whatever the arguments.
const DENIED: &[i64] = &[
    // The file system's shape.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_acct,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    // Namespaces.
    libc::SYS_setns,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_process_madvise,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // The running Linux.
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_syslog,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_kexec_file_load,
    // Keys are not namespaced.
    libc::SYS_add_key,
    libc::SYS_keyctl,
    libc::SYS_request_key,
    // Clocks.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

/// Denied on x86 only, because they exist there only.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[i64] =
    &[libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt, libc::SYS_uselib, libc::SYS__sysctl];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[i64] = &[];

/// Told that they do not exist, so that libraries take the older way: the arguments of `clone3` lie in memory,
/// where a filter cannot look.
const MISSING: &[i64] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// `CLONE_NEWTIME` for `unshare`; `clone` uses these bits for the exit signal.
const NEW_TIME: u64 = 0x80;

/// All other flags that make namespaces.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// ioctls that type into a terminal on somebody's behalf, or paste on the console.
const TERMINAL_TRICKS: [u64; 2] = [0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */];

/// Personalities that programs ask for: the query, the usual one, and without address randomisation.
const PERSONALITIES: [u64; 3] = [0xffff_ffff, 0, 0x0004_0000];

/// Socket families that reach nobody outside: local ones, and the Internet's in a namespace with no network.
const FAMILIES: [libc::c_int; 3] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Installs the filters, for good.
pub(super) fn filter() -> Result<Layer, SealError> {
    let programs = [
        x32(),
        compile(denied()?, errno(libc::EPERM))?,
        compile(MISSING.iter().map(|call| (*call, Vec::new())).collect(), errno(libc::ENOSYS))?,
        compile(families()?, errno(libc::EAFNOSUPPORT))?,
    ];
    for program in programs.iter().filter(|program| !program.is_empty()) {
        seccompiler::apply_filter(program).map_err(|error| SealError::Seccomp(error.to_string()))?;
    }
    let count = DENIED.len() + DENIED_HERE.len() + MISSING.len();
    Ok(layer("seccomp", true, format!("{count} system calls denied, others by their arguments")))
}

fn denied() -> Result<Rules, SealError> {
    let mut rules: Rules = DENIED.iter().chain(DENIED_HERE).map(|call| (*call, Vec::new())).collect();
    let mut unshared = vec![rule(vec![has(0, NEW_TIME)?])?];
    let mut cloned = Vec::new();
    for flag in NAMESPACES {
        let flag = u64::from(flag.cast_unsigned());
        unshared.push(rule(vec![has(0, flag)?])?);
        cloned.push(rule(vec![has(0, flag)?])?);
    }
    rules.insert(libc::SYS_unshare, unshared);
    rules.insert(libc::SYS_clone, cloned);
    let tricks: Result<Vec<_>, _> =
        TERMINAL_TRICKS.iter().map(|request| rule(vec![word(1, SeccompCmpOp::Eq, *request)?])).collect();
    rules.insert(libc::SYS_ioctl, tricks?);
    let odd: Result<Vec<_>, _> =
        PERSONALITIES.iter().map(|allowed| word(0, SeccompCmpOp::Ne, *allowed)).collect();
    rules.insert(libc::SYS_personality, vec![rule(odd?)?]);
    rules.insert(libc::SYS_mknodat, devices(2)?);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_mknod, devices(1)?);
    Ok(rules)
}

/// Character and block devices; pipes and sockets can be made.
fn devices(mode_argument: u8) -> Result<Vec<SeccompRule>, SealError> {
    [libc::S_IFCHR, libc::S_IFBLK]
        .into_iter()
        .map(|kind| {
            let mask = SeccompCmpOp::MaskedEq(u64::from(libc::S_IFMT));
            rule(vec![word(mode_argument, mask, u64::from(kind))?])
        })
        .collect()
}

fn families() -> Result<Rules, SealError> {
    let foreign: Result<Vec<_>, _> =
        FAMILIES.iter().map(|family| word(0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned()))).collect();
    let foreign = rule(foreign?)?;
    Ok([(libc::SYS_socket, vec![foreign.clone()]), (libc::SYS_socketpair, vec![foreign])].into())
}

/// x32 calls have the number of an x86-64 one with bit 30 set and pass the check of the architecture: they
/// would slip past every number below. On a Linux without x32 they do not exist, so that is the answer.
fn x32() -> BpfProgram {
    if !cfg!(target_arch = "x86_64") {
        return Vec::new();
    }
    let step = |code: u32, jt: u8, jf: u8, k: u32| sock_filter { code: code as u16, jt, jf, k };
    let not_there = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    vec![
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K, 0, 1, 0x4000_0000),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, not_there),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

fn compile(rules: Rules, action: SeccompAction) -> Result<BpfProgram, SealError> {
    let architecture = std::env::consts::ARCH.try_into().map_err(broken)?;
    SeccompFilter::new(rules, SeccompAction::Allow, action, architecture)
        .and_then(TryInto::try_into)
        .map_err(broken)
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.cast_unsigned())
}

/// All conditions together.
fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, SealError> {
    SeccompRule::new(conditions).map_err(broken)
}

fn word(argument: u8, operation: SeccompCmpOp, value: u64) -> Result<SeccompCondition, SealError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operation, value).map_err(broken)
}

fn has(argument: u8, flag: u64) -> Result<SeccompCondition, SealError> {
    word(argument, SeccompCmpOp::MaskedEq(flag), flag)
}

fn broken(error: impl std::fmt::Display) -> SealError {
    SealError::Seccomp(error.to_string())
}
