//! Starts a program with chosen file descriptors and nothing else, by `posix_spawn`.
//!
//! `std::process` cannot place a descriptor on a number without a `pre_exec` hook, and with one it forks,
//! which copies the kernel's page tables. `posix_spawn` is a `vfork` in glibc: its cost does not grow with the
//! kernel's memory.

use std::{
    ffi::{CString, OsStr},
    io,
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    ptr,
};

use rustix::process::Pid;

use super::SandboxError;

/// A program, its arguments, its environment and its descriptors.
pub(super) struct Child {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    descriptors: Vec<(OwnedFd, RawFd)>,
}

impl Child {
    /// The first argument is the program's file name alone: those inside can read it.
    pub(super) fn new(program: &Path) -> Result<Self, SandboxError> {
        let name = program.file_name().unwrap_or(program.as_os_str());
        Ok(Self {
            arguments: vec![c_string(name)?],
            program: c_string(program.as_os_str())?,
            environment: Vec::new(),
            descriptors: Vec::new(),
        })
    }

    /// Adds an argument.
    pub(super) fn arg(&mut self, argument: impl AsRef<OsStr>) -> Result<&mut Self, SandboxError> {
        self.arguments.push(c_string(argument.as_ref())?);
        Ok(self)
    }

    /// Adds arguments.
    pub(super) fn args<T: AsRef<OsStr>>(
        &mut self,
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<&mut Self, SandboxError> {
        for argument in arguments {
            self.arg(argument)?;
        }
        Ok(self)
    }

    /// Puts `descriptor` on the number `target` in the child.
    pub(super) fn descriptor(&mut self, descriptor: &OwnedFd, target: RawFd) -> Result<(), SandboxError> {
        // Above every target, so that placing one never overwrites another that is still to be placed.
        let copy = rustix::io::fcntl_dupfd_cloexec(descriptor, 16)
            .map_err(SandboxError::host("duplicating a file descriptor"))?;
        self.descriptors.push((copy, target));
        Ok(())
    }

    /// Starts it in a process group of its own, with all signals at their defaults, and returns its pid.
    /// The caller reaps it.
    #[expect(unsafe_code, reason = "posix_spawn has no safe binding")]
    pub(super) fn spawn(&self) -> io::Result<Pid> {
        let argv = pointers(&self.arguments);
        let envp = pointers(&self.environment);
        let mut pid: libc::pid_t = 0;
        // SAFETY: both structures are initialised by their init functions before use and destroyed once;
        // argv and envp are NULL-terminated arrays of pointers into CStrings that outlive the call.
        let result = unsafe {
            let mut actions = std::mem::zeroed::<libc::posix_spawn_file_actions_t>();
            let mut attributes = std::mem::zeroed::<libc::posix_spawnattr_t>();
            check(libc::posix_spawn_file_actions_init(&raw mut actions))?;
            check(libc::posix_spawnattr_init(&raw mut attributes))?;
            let mut result = prepare(&raw mut attributes);
            for (descriptor, target) in &self.descriptors {
                result = result.and_then(|()| {
                    check(libc::posix_spawn_file_actions_adddup2(
                        &raw mut actions,
                        descriptor.as_raw_fd(),
                        *target,
                    ))
                });
            }
            let result = result.and_then(|()| {
                check(libc::posix_spawn(
                    &raw mut pid,
                    self.program.as_ptr(),
                    &raw const actions,
                    &raw const attributes,
                    argv.as_ptr(),
                    envp.as_ptr(),
                ))
            });
            libc::posix_spawnattr_destroy(&raw mut attributes);
            libc::posix_spawn_file_actions_destroy(&raw mut actions);
            result
        };
        result?;
        Pid::from_raw(pid).ok_or_else(|| io::Error::other("posix_spawn returned no pid"))
    }
}

/// A process group of its own (so that Ctrl-C at the kernel's terminal does not end the agents), no signal
/// blocked, none ignored.
#[expect(unsafe_code, reason = "posix_spawn has no safe binding")]
unsafe fn prepare(attributes: *mut libc::posix_spawnattr_t) -> io::Result<()> {
    let flags = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK;
    // SAFETY: the caller passes attributes that are initialised; the sets are initialised here.
    unsafe {
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        let mut all = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigfillset(&raw mut all);
        libc::sigdelset(&raw mut all, libc::SIGKILL);
        libc::sigdelset(&raw mut all, libc::SIGSTOP);
        check(libc::posix_spawnattr_setpgroup(attributes, 0))?;
        check(libc::posix_spawnattr_setsigmask(attributes, &raw const none))?;
        check(libc::posix_spawnattr_setsigdefault(attributes, &raw const all))?;
        check(libc::posix_spawnattr_setflags(attributes, libc::c_short::try_from(flags).unwrap_or(0)))
    }
}

/// The functions of this family return the error instead of setting `errno`.
fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) }
}

fn c_string(text: &OsStr) -> Result<CString, SandboxError> {
    CString::new(text.as_bytes()).map_err(|_| SandboxError::Nul)
}

fn pointers(strings: &[CString]) -> Vec<*mut libc::c_char> {
    strings.iter().map(|text| text.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect()
}
