//! From the command line to a kernel that serves, and back.

use std::{
    io::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

use aether_kernel::Kernel;
use anyhow::{Context as _, anyhow};
use rustix::process::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;

use crate::{
    banner::Ready,
    config::{self, Settings},
    lock, logs,
    options::Options,
    supervise::{self, StopSignals},
    whereabouts::Whereabouts,
};

/// After this long a shutdown is given up and the process ends as it is. Nothing acknowledged is lost by it.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(20);

/// More is of no use, and some programs go through all numbers up to the limit.
const MOST_OPEN_FILES: u64 = 65_536;

/// Takes as many open files as the host lets this process have: each agent needs a few of the kernel's.
fn raise_open_files() {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(MOST_OPEN_FILES, |maximum| maximum.min(MOST_OPEN_FILES));
    if limit.current.is_none_or(|current| current >= most) {
        return;
    }
    limit.current = Some(most);
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// Runs until a signal says to stop.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let settings = config::load(options)?;
    if options.print_config {
        std::io::stdout().write_all(settings.text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.check_config {
        println!("The configuration is sound.");
        return Ok(ExitCode::SUCCESS);
    }
    logs::start(&settings.log)?;
    raise_open_files();
    let _lock = lock::take(&settings.kernel.state_dir)?;
    // Both ring and another provider may be linked in; this one is used everywhere.
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("a provider of cryptography was chosen already"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("aetherd")
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let code = runtime.block_on(serve(options, settings, started))?;
    // Whatever still runs has had its time.
    runtime.shutdown_background();
    Ok(code)
}

async fn serve(options: &Options, settings: Settings, started: Instant) -> anyhow::Result<ExitCode> {
    let mut signals = StopSignals::listen().context("signals cannot be received")?;
    let state_dir = settings.kernel.state_dir.clone();
    let kernel = Kernel::start(settings.kernel).await?;
    let server = aether_server::Server::bind(settings.server, kernel.clone())?;
    kernel.note_listening(server.address);
    let ready = Ready::new(&kernel, &server, started.elapsed());

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut serving = tokio::spawn(server.run(async move {
        // A sender that is gone says the same.
        let _ = stopped.await;
    }));
    let _whereabouts = Whereabouts::write(&state_dir, &ready)
        .with_context(|| format!("{} cannot be written", state_dir.join("runtime.json").display()))?;
    announce(options, &ready, &kernel)?;
    let watchdog = tokio::spawn(supervise::watchdog(kernel.clone()));

    let ended = tokio::select! {
        name = signals.next() => {
            tracing::info!(signal = name, "shutting down");
            None
        }
        ended = &mut serving => Some(ended),
    };
    supervise::tell(NotifyState::Stopping);
    watchdog.abort();
    drop(stop);
    let shutdown = async {
        if ended.is_none()
            && let Err(error) = (&mut serving).await
        {
            tracing::error!(%error, "the server ended badly");
        }
        kernel.shutdown().await;
    };
    let code = tokio::select! {
        finished = tokio::time::timeout(SHUTDOWN_DEADLINE, shutdown) => if finished.is_ok() {
            ExitCode::SUCCESS
        } else {
            tracing::error!("the shutdown took longer than {SHUTDOWN_DEADLINE:?} and is given up");
            ExitCode::FAILURE
        },
        name = signals.next() => {
            tracing::warn!(signal = name, "a second signal; ending at once");
            ExitCode::FAILURE
        }
    };
    match ended {
        None => Ok(code),
        Some(Ok(Ok(()))) => Err(anyhow!("the server ended by itself")),
        Some(Ok(Err(error))) => Err(error).context("the server failed"),
        Some(Err(error)) => Err(error).context("the server failed"),
    }
}

fn announce(options: &Options, ready: &Ready, kernel: &Kernel) -> anyhow::Result<()> {
    // Nobody may be there to read it.
    let _ = std::io::stderr().write_all(ready.banner(kernel).as_bytes());
    if options.json_ready {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(ready.line().as_bytes()).and_then(|()| stdout.flush()).context("the ready line")?;
    }
    if let Some(fd) = options.ready_fd {
        ready.write_to_fd(fd).with_context(|| format!("file descriptor {fd} cannot be written"))?;
    }
    tracing::info!(address = ready.address, "ready");
    supervise::tell(NotifyState::Ready);
    Ok(())
}
