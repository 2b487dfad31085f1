//! How a command reaches its node: by the control socket, or, when no daemon answers and the spool is the caller's
//! own, by opening the spool itself.

use super::Failure;
use crate::clock;
use crate::exit;
use crate::fault::ToFault;
use crate::node::config::{Config, DEFAULT_FILE, Places};
use crate::node::control::{Client, ControlError};
use crate::node::report::Report;
use crate::node::verbs::{Body, PollRequest, Request, VerbError, Verbs, Who};
use crate::spool::{CHUNK, Spool, SpoolError};
use crate::wire::record::drive::{Place, RecordSettings};
use crate::wire::station::CallEvents;
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The environment variable that names the configuration file.
const CONFIG_VARIABLE: &str = "UUGATE_CONFIG";

/// Where the other end of our standard input is, if that is a socket of the network.
pub fn peer_of_stdin() -> Option<IpAddr> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map(TcpStream::from);
    let peer = socket.and_then(|socket| socket.peer_addr()).ok()?;
    Some(peer.ip().to_canonical())
}

/// A node, as a command finds it.
#[derive(Debug, Clone)]
pub struct Site {
    pub file: PathBuf,
    /// Calls that the command places or takes itself are recorded there.
    pub record: Option<PathBuf>,
}

impl Site {
    /// `-I`, else `UUGATE_CONFIG`, else the default.
    pub fn find(given: Option<String>) -> Site {
        let variable = || std::env::var_os(CONFIG_VARIABLE).filter(|value| !value.is_empty());
        let file = given.map(PathBuf::from).or_else(|| variable().map(PathBuf::from));
        Site { file: file.unwrap_or_else(|| DEFAULT_FILE.into()), record: None }
    }

    /// The whole configuration; warnings are left to `check`.
    pub fn config(&self) -> Result<Config, Failure> {
        Config::load(&self.file).map(|(config, _)| config).map_err(Failure::from)
    }

    /// Asks the node. The body is read only if the request has one.
    pub fn ask(&self, request: Request, body: Option<&mut (dyn Read + Send)>) -> Result<Report, Failure> {
        let places = Places::find(&self.file);
        match Client::connect(&places.socket) {
            Ok(_) if self.record.is_some() => Err(recorded_by_daemon()),
            Ok(client) => Ok(client.ask(&request, body.map(|body| body as &mut dyn Read))?),
            Err(error @ ControlError::NoDaemon { .. }) => {
                if owns(&places.spool) {
                    self.ask_myself(&places, request, body)
                } else {
                    Err(error.into())
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    fn ask_myself(
        &self,
        places: &Places,
        request: Request,
        body: Option<&mut (dyn Read + Send)>,
    ) -> Result<Report, Failure> {
        let runtime = runtime()?;
        runtime.block_on(async {
            let own = self.open(places).await?;
            let who = Who::myself(&own.config);
            let only_reports = request.only_reports();
            let done = match request {
                // Nobody else will place the call.
                Request::Poll(PollRequest { wait: true, system, force, if_work }) => {
                    let poll = PollRequest { wait: false, system, force, if_work };
                    match own.poll(&who, poll).await {
                        Ok(wished) => own.call_now(wished).await.map(Report::Poll),
                        Err(error) => Err(error),
                    }
                }
                request => own.carry_out(&who, request, &mut Local { body }).await,
            };
            // There is no daemon that would see to what comes of it.
            let seen_to = if only_reports { Ok(Report::Done) } else { own.run().await };
            own.spool.close().await;
            seen_to.and(done).map_err(Failure::from)
        })
    }

    /// Opens the spool, which only its owner may, and only when no daemon has it.
    pub async fn open(&self, places: &Places) -> Result<Verbs, Failure> {
        let mut config = self.config()?;
        if let Some(file) = &self.record {
            let largest = config.record.as_ref().map_or(RecordSettings::LARGEST, |record| record.largest);
            config.record = Some(RecordSettings { place: Place::File(file.clone()), largest });
        }
        let config = Arc::new(config);
        let spool = open_spool(places).await?;
        let own = Verbs::new(config, spool, CallEvents::default());
        own.make_directories();
        Ok(own)
    }
}

/// A daemon writes no files for others.
pub fn recorded_by_daemon() -> Failure {
    Failure::usage(
        "with a daemon, calls are recorded where `directory` in [record] says; --record is for calls without one",
    )
}

/// A runtime for a command that does the work itself.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OSERR, format!("no runtime: {error}")))
}

/// How often and how long a command waits for another one that has the spool.
const TRIES: u32 = 600;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(50);

async fn open_spool(places: &Places) -> Result<Spool, Failure> {
    let mut tries = 0;
    loop {
        match Spool::open_with(&places.spool, places.spool_settings(), clock::wall()).await {
            Err(SpoolError::Conflict(_)) if tries < TRIES => {
                tries += 1;
                clock::sleep(BETWEEN).await;
            }
            Err(SpoolError::Conflict(text)) => {
                let mut fault = SpoolError::Conflict(text).fault();
                fault.advice = format!("no daemon answers at {}; try again later", places.socket.display());
                return Err(fault.into());
            }
            other => return Ok(other?),
        }
    }
}

/// Whether the spool, or the folder where it would be made, belongs to who asks.
pub fn owns(spool: &Path) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let owner = |path: &Path| std::fs::metadata(path).map(|about| about.uid());
    match (owner(spool), spool.parent().map(owner)) {
        (Ok(uid), _) => uid == me,
        (Err(error), Some(Ok(uid))) => error.kind() == ErrorKind::NotFound && uid == me,
        _ => false,
    }
}

/// The body of our own request. Reading blocks, but there is nobody else to be served.
struct Local<'a> {
    body: Option<&'a mut (dyn Read + Send)>,
}

// The runtime has one thread, and the reader never leaves it.
impl Body for Local<'_> {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
        let Some(body) = &mut self.body else { return Ok(None) };
        let mut chunk = vec![0; CHUNK];
        loop {
            match body.read(&mut chunk) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    chunk.truncate(length);
                    return Ok(Some(chunk));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(VerbError::Body(error.to_string())),
            }
        }
    }
}
