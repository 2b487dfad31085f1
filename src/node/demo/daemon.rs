//! One site's daemon, as a child process.

use super::DemoError;
use super::site::Site;
use crate::clock;
use crate::node::control::Client;
use crate::node::verbs::{PollRequest, Request};
use crate::wire::station::CallEvent;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

/// How long a node may take until it is ready.
const START: Duration = Duration::from_secs(20);
/// How long it may take to stop; it promises 10 s.
const STOP: Duration = Duration::from_secs(15);
/// Events that wait to be shown.
const EVENTS: usize = 1024;

pub struct Daemon {
    child: Child,
    site: &'static str,
    socket: PathBuf,
}

impl Daemon {
    /// Starts the node of a site and waits until it says, as to a service manager, that it is ready.
    pub async fn start(site: &Site) -> Result<Daemon, DemoError> {
        let notify = site.folder.join("notify");
        let ready = UnixDatagram::bind(&notify)?;
        let log = File::create(site.log())?;
        let child = Command::new(std::env::current_exe()?)
            .args(["run", "--with-parent"])
            .arg("-I")
            .arg(site.config())
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut daemon = Daemon { child, site: site.name, socket: site.folder.join("control") };
        let mut message = [0; 256];
        let said = tokio::select! {
            said = ready.recv(&mut message) => said.is_ok(),
            _ = daemon.child.wait() => false,
            () = clock::sleep(START) => false,
        };
        if said { Ok(daemon) } else { Err(DemoError::NoStart { site: site.name, log: site.log() }) }
    }

    /// What happens on its lines from now on.
    pub fn watch(&self) -> Result<mpsc::Receiver<CallEvent>, DemoError> {
        let mut events = Client::connect(&self.socket)?.watch()?;
        let (tell, told) = mpsc::channel(EVENTS);
        // Ends with the node, whose end closes the connection.
        std::thread::spawn(move || {
            while let Ok(event) = events.next_event() {
                if tell.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        Ok(told)
    }

    /// Asks it to call a system now.
    pub fn poll(&self, system: &str) -> Result<(), DemoError> {
        let poll = PollRequest { system: Some(system.to_owned()), force: true, if_work: false, wait: false };
        Client::connect(&self.socket)?.ask(&Request::Poll(poll), None)?;
        Ok(())
    }

    /// Ends it in order.
    pub async fn stop(mut self) {
        let process = self.child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
        if let Some(process) = process {
            // One that has ended by itself needs no telling.
            let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        }
        tokio::select! {
            _ = self.child.wait() => {}
            () = clock::sleep(STOP) => tracing::warn!(site = self.site, "the node did not stop and is killed"),
        }
    }
}
