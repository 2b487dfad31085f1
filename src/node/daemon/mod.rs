//! Start-up, supervision, shutdown of `uugate run`.
//!
//! Order: configuration, logging, spool (its gate keeps a second daemon out), control socket, then the parts that
//! work. Only then is the service manager told that we are ready. A panic in one part ends that part alone, and it
//! is started again; without the spool nothing can go on, so when that is gone the process ends.

mod error;
mod parts;
mod smtp;

pub use error::DaemonError;

use crate::clock;
use crate::node::config::{Config, ConfigError};
use crate::node::control::{Server, ServerSettings};
use crate::node::verbs::Verbs;
use crate::observe;
use crate::spool::{Spool, SpoolError};
use crate::wire::station::{self, CallEvents};
use parts::Parts;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
use smtp::Listener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

/// Threads of the runtime: the work waits for lines and disks, not for processors.
const WORKERS: usize = 2;
/// Stack of a thread, in bytes. What is not used of it costs nothing; a call in a debug build uses more than one MiB.
const STACK: usize = 4 << 20;
/// How long calls, sessions and requests have to end when we are told to stop.
const STOPPING: Duration = Duration::from_secs(10);
/// How often the leases of owners that are gone are taken back.
const RECOVERY: Duration = Duration::from_secs(60);

/// Runs the daemon until it is told to stop.
pub fn run(file: &Path) -> Result<(), DaemonError> {
    let (config, findings) = Config::load(file)?;
    observe::init(&config.log)?;
    for line in findings.render(false).lines().filter(|line| !line.is_empty()) {
        warn!("{line}");
    }
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_stack_size(STACK)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(DaemonError::Runtime)?;
    let ended = runtime.block_on(serve(config));
    // What has not ended by now never will.
    runtime.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// Lines, sessions and bodies take open files; many systems begin with 1024 and permit far more.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        warn!(%error, "the limit of open files stays as it is");
    }
}

async fn serve(config: Config) -> Result<(), DaemonError> {
    let mut signals = Signals::take()?;
    let places = config.places.clone();
    let name = config.node.name.clone();
    let spool = Spool::open_with(&places.spool, places.spool_settings(), clock::wall()).await?;
    let server = Arc::new(Server::bind(&places.socket, ServerSettings::default())?);
    let mut listeners = Listener::handed_over()?;
    for (service, address) in config.smtp.listeners() {
        listeners.push(Listener::bind(service, address)?);
    }
    let (swap, current) = watch::channel(Verbs::new(Arc::new(config), spool.clone(), CallEvents::default()));
    current.borrow().make_directories();
    let (stop, stopping) = watch::channel(false);
    let mut parts = Parts::new(stopping);
    let control = server.clone();
    let verbs = current.clone();
    parts.start("control socket", move |mut stop| {
        let (server, verbs) = (control.clone(), verbs.clone());
        async move {
            tokio::select! {
                () = server.run(|| verbs.borrow().clone()) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    });
    let (lines, lines_now) = watch::channel(Arc::new(current.borrow().config.station()));
    let (calls, events) = (spool.clone(), current.borrow().events.clone());
    parts.start("lines", move |stop| station::run(lines_now.clone(), calls.clone(), events.clone(), stop));
    for listener in listeners {
        parts.start_configured("smtp", &current, move |verbs, stop| listener.clone().serve(verbs, stop));
    }
    parts.start_configured("queue", &current, |verbs, stop| verbs.worker().run(stop));
    parts.start_configured("executions", &current, |verbs, stop| verbs.executor().run(stop));

    let _ = sd_notify::notify(&[NotifyState::Ready]);
    info!(node = %name, spool = %places.spool.display(), socket = %places.socket.display(), "running");
    let ended = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Told::Stop => break Ok(()),
                Told::Reload => {
                    reload(&swap);
                    lines.send_replace(Arc::new(swap.borrow().config.station()));
                }
            },
            ended = tend(&spool) => break Err(ended.into()),
        }
    };
    info!("stopping");
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    // Waiting parts see it, those that work end what they do.
    let _ = stop.send(true);
    let orderly = async {
        parts.ended().await;
        server.idle().await;
        spool.close().await;
    };
    tokio::select! {
        () = orderly => info!("stopped"),
        () = clock::sleep(STOPPING) => warn!("stopped, with work cut off; it will be taken up again"),
    }
    ended
}

/// Takes back the leases of owners that are gone, for ever; gives the error when the spool is gone itself.
async fn tend(spool: &Spool) -> SpoolError {
    loop {
        match spool.recover(clock::wall()).await {
            Err(gone @ SpoolError::Closed) => return gone,
            Err(error) => error!(%error, "leases are not taken back"),
            Ok(()) => {}
        }
        clock::sleep(RECOVERY).await;
    }
}

/// Reads the configuration again; one that is wrong changes nothing. Calls and sessions that are under way keep the
/// one that they began with.
fn reload(current: &watch::Sender<Verbs>) {
    let verbs = current.borrow().clone();
    let old = &verbs.config;
    match Config::load(&old.file) {
        Ok((config, findings)) => {
            for line in findings.render(false).lines().filter(|line| !line.is_empty()) {
                warn!("{line}");
            }
            if config.places != old.places
                || config.log != old.log
                || !config.smtp.listeners().eq(old.smtp.listeners())
            {
                warn!("places, the log and the addresses of SMTP change when the daemon is started again");
            }
            current.send_replace(verbs.reconfigured(Arc::new(config)));
            info!("configuration read again");
        }
        Err(error) => {
            if let ConfigError::Wrong { findings } = &error {
                findings
                    .render(false)
                    .lines()
                    .filter(|line| !line.is_empty())
                    .for_each(|line| error!("{line}"));
            }
            error!(%error, "the configuration stays as it was");
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn take() -> Result<Signals, DaemonError> {
        let take = |kind| signal(kind).map_err(DaemonError::Signals);
        Ok(Signals {
            terminate: take(SignalKind::terminate())?,
            interrupt: take(SignalKind::interrupt())?,
            hangup: take(SignalKind::hangup())?,
        })
    }
}

/// What a signal tells us to do.
enum Told {
    Stop,
    Reload,
}

impl Signals {
    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::Stop,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}
