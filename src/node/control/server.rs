//! The side of the daemon: takes connections, asks the kernel who they are, and carries out what they ask.

use super::{Answer, ControlError, Question, VERSION};
use crate::clock;
use crate::fault::ToFault;
use crate::frames::{self, Frame, Kind};
use crate::job::SystemName;
use crate::node::report::Report;
use crate::node::verbs::{Body, LoginRequest, PollRequest, Request, VerbError, Verbs, Who};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tracing::{debug, info, warn};

/// How long a relayed call may be silent: its session gives up far earlier.
const LONGEST_CALL: Duration = Duration::from_secs(24 * 3600);

/// What a node allows its commands.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Connections at once of one uid, so that no user can shut out the others.
    pub connections_per_user: usize,
    /// How long a client may take to say what it wants.
    pub question_timeout: Duration,
    /// How long a client may be silent in the middle of a body; its input may be a person.
    pub body_timeout: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        ServerSettings {
            connections_per_user: 256,
            question_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(3600),
        }
    }
}

/// The listening socket; it is removed from the file system when this is dropped.
pub struct Server {
    listener: UnixListener,
    socket: PathBuf,
    settings: ServerSettings,
    /// Connections of each uid.
    open: watch::Sender<HashMap<u32, usize>>,
    /// True when watchers are to be let go.
    closing: watch::Sender<bool>,
}

impl Server {
    /// Begins to listen. The caller holds the spool, so a socket that lies there is a dead daemon's.
    pub fn bind(socket: &Path, settings: ServerSettings) -> Result<Server, ControlError> {
        let failed = |error| ControlError::Socket { socket: socket.to_owned(), error };
        match std::fs::symlink_metadata(socket) {
            Ok(about) if std::os::unix::fs::FileTypeExt::is_socket(&about.file_type()) => {
                std::fs::remove_file(socket).map_err(failed)?;
            }
            Ok(_) => return Err(failed(io::Error::other("it exists and is no socket"))),
            Err(_) => {}
        }
        let listener = UnixListener::bind(socket).map_err(failed)?;
        // Everybody may ask; what is done depends on who it is.
        std::fs::set_permissions(socket, PermissionsExt::from_mode(0o666)).map_err(failed)?;
        Ok(Server {
            listener,
            socket: socket.to_owned(),
            settings,
            open: watch::Sender::default(),
            closing: watch::Sender::new(false),
        })
    }

    /// Serves until the future is dropped. `verbs` is asked anew for each connection, for a reload changes it.
    /// Requests that are under way are carried to their end.
    pub async fn run(&self, verbs: impl Fn() -> Verbs) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => self.admit(stream, verbs()),
                Err(error) => {
                    // Too many open files, most likely: let some be closed.
                    warn!(%error, "the control socket takes no connection");
                    clock::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Takes no more connections, and answers those that it has.
    pub async fn close(self) {
        let _ = std::fs::remove_file(&self.socket);
        self.idle().await;
    }

    /// Lets watchers go, and waits until every request that is under way is answered.
    pub async fn idle(&self) {
        self.closing.send_replace(true);
        let _ = self.open.subscribe().wait_for(HashMap::is_empty).await;
    }

    fn admit(&self, stream: UnixStream, verbs: Verbs) {
        let uid = match stream.peer_cred() {
            Ok(credentials) => credentials.uid(),
            Err(error) => return debug!(%error, "a connection without credentials"),
        };
        let Some(place) = Place::take(&self.open, uid, self.settings.connections_per_user) else {
            return warn!(uid, "too many connections at once to the control socket");
        };
        let (settings, closing) = (self.settings.clone(), self.closing.subscribe());
        tokio::spawn(async move {
            let mut connection = Connection { stream, settings, closing };
            if let Err(error) = Box::pin(connection.serve(uid, &verbs)).await {
                debug!(uid, %error, "a control connection broke");
            }
            drop(place);
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// One of the connections that a uid may have.
struct Place {
    open: watch::Sender<HashMap<u32, usize>>,
    uid: u32,
}

impl Place {
    fn take(open: &watch::Sender<HashMap<u32, usize>>, uid: u32, most: usize) -> Option<Place> {
        let taken = open.send_if_modified(|counts| {
            let count = counts.entry(uid).or_default();
            let free = *count < most;
            *count += usize::from(free);
            free
        });
        taken.then(|| Place { open: open.clone(), uid })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.send_modify(|counts| match counts.get_mut(&self.uid) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.remove(&self.uid);
            }
        });
    }
}

struct Connection {
    stream: UnixStream,
    settings: ServerSettings,
    closing: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(&mut self, uid: u32, verbs: &Verbs) -> Result<(), ControlError> {
        let question = self.frame(self.settings.question_timeout).await?;
        let answer = match self.understand(question) {
            Ok(request) => self.carry_out(uid, verbs, request).await,
            Err(answer) => *answer,
        };
        self.send(&answer).await
    }

    fn understand(&self, question: Frame) -> Result<Request, Box<Answer>> {
        let refuse = |text: String| Box::new(Answer::Refused(ControlError::Misbehaved(text).fault()));
        let Frame::Message(text) = question else {
            return Err(refuse("bytes instead of a question".to_owned()));
        };
        let question: Question = serde_json::from_slice(&text)
            .map_err(|error| refuse(format!("a question that is none: {error}")))?;
        if question.version != VERSION {
            return Err(Box::new(Answer::Version(VERSION)));
        }
        serde_json::from_value(question.request)
            .map_err(|error| refuse(format!("a request that is not known here: {error}")))
    }

    async fn carry_out(&mut self, uid: u32, verbs: &Verbs, request: Request) -> Answer {
        let config = verbs.config.clone();
        let who = match tokio::task::spawn_blocking(move || Who::of(uid, &config)).await {
            Ok(who) => who,
            Err(error) => return Answer::Refused(ControlError::Lost(io::Error::other(error)).fault()),
        };
        let done = match self.relayed(&who, verbs, &request).await {
            Ok(Some(call)) => self.relay(&who, verbs, call).await,
            Ok(None) if request == Request::Watch => self.show_calls(&who, verbs).await,
            Ok(None) => match request {
                Request::Terminal { system } => self.count_by_hand(&who, verbs, &system).await,
                request => verbs.carry_out(&who, request, self).await,
            },
            Err(error) => Err(error),
        };
        match done {
            Ok(report) => Answer::Report(report),
            Err(error) => {
                info!(user = who.name, %error, "a request was refused");
                Answer::Refused(error.fault())
            }
        }
    }

    /// What a request is about, if that runs over the client's own standard input.
    async fn relayed(
        &self,
        who: &Who,
        verbs: &Verbs,
        request: &Request,
    ) -> Result<Option<Relayed>, VerbError> {
        match request {
            Request::Answer { login, from } => Ok(Some(Relayed::Answer(login.clone(), from.clone()))),
            Request::Smtp { from } => Ok(Some(Relayed::Smtp(*from))),
            Request::Call(PollRequest { system: Some(system), if_work, .. }) => {
                let system = verbs.reached_by_stdin(who, system)?;
                match system {
                    Some(system) if *if_work && !verbs.has_work(&system).await? => Ok(None),
                    system => Ok(system.map(Relayed::Place)),
                }
            }
            _ => Ok(None),
        }
    }

    /// Tells what happens on the lines until the client goes away or the daemon ends. Whoever is slow misses some.
    async fn show_calls(&mut self, who: &Who, verbs: &Verbs) -> Result<Report, VerbError> {
        if !who.trusted {
            return Err(VerbError::Forbidden { who: who.name.clone(), what: "watch the calls".to_owned() });
        }
        let lost = |error: ControlError| VerbError::Below(error.fault());
        let mut events = verbs.events.watch();
        self.send(&Answer::Watching).await.map_err(lost)?;
        let mut closing = self.closing.clone();
        let mut nothing = [0; 1];
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.send(&Answer::Event(Box::new(event))).await.map_err(lost)?,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(Report::Done),
                },
                // The client has nothing to say: whatever comes, it is done.
                _ = self.stream.read(&mut nothing) => return Ok(Report::Done),
                () = async { drop(closing.wait_for(|closing| *closing).await) } => return Ok(Report::Done),
            }
        }
    }

    /// Counts what a call costs that the client places itself, until it goes away or the daemon ends.
    async fn count_by_hand(&mut self, who: &Who, verbs: &Verbs, system: &str) -> Result<Report, VerbError> {
        let by_hand = verbs.call_by_hand(who, system).await?;
        let milliseconds = u64::try_from(by_hand.longest.as_millis()).unwrap_or(u64::MAX);
        let mut closing = self.closing.clone();
        let mut nothing = [0; 1];
        let talking = async {
            if self.send(&Answer::Counting { milliseconds }).await.is_err() {
                return;
            }
            tokio::select! {
                // The client has nothing to say: whatever comes, it is done.
                _ = self.stream.read(&mut nothing) => {}
                () = async { drop(closing.wait_for(|closing| *closing).await) } => {}
            }
        };
        verbs.count_by_hand(by_hand, talking).await.map(Report::from)
    }

    /// Runs a call, or takes mail, whose bytes come and go by the client.
    async fn relay(&mut self, who: &Who, verbs: &Verbs, call: Relayed) -> Result<Report, VerbError> {
        let lost = |error: ControlError| VerbError::Below(error.fault());
        self.send(&Answer::Relay).await.map_err(lost)?;
        let (inner, outer) = tokio::io::duplex(frames::LONGEST_CHUNK);
        let (mut from_call, mut to_call) = tokio::io::split(outer);
        let (mut from_client, mut to_client) = self.stream.split();
        let patience = self.settings.body_timeout;
        let inward = async {
            // Whatever else comes, and a client that goes away, is the end of the line.
            while let Ok(Frame::Bytes(bytes)) = read_frame(&mut from_client, LONGEST_CALL).await {
                if to_call.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            let _ = to_call.shutdown().await;
            std::future::pending().await
        };
        let outward = async {
            let mut chunk = vec![0; frames::LONGEST_CHUNK];
            while let Ok(length @ 1..) = from_call.read(&mut chunk).await {
                let content = chunk.get(..length).unwrap_or_default();
                let message = [&frames::header(Kind::Bytes, length)[..], content].concat();
                if within(patience, to_client.write_all(&message)).await.is_err() {
                    break;
                }
            }
        };
        let mut closing = self.closing.clone();
        let calling = async {
            match call {
                Relayed::Answer(login, from) => {
                    Box::pin(verbs.answer(who, login, from, inner)).await.map(Report::from)
                }
                Relayed::Place(system) => Box::pin(verbs.place(&system, inner)).await.map(Report::from),
                Relayed::Smtp(from) => {
                    let stop = async { drop(closing.wait_for(|closing| *closing).await) };
                    Box::pin(verbs.smtp(who, from, inner, stop)).await.map(|()| Report::Done)
                }
            }
        };
        let both = async { tokio::join!(calling, outward).0 };
        tokio::select! {
            report = both => report,
            () = inward => Ok(Report::Done),
        }
    }

    async fn send(&mut self, answer: &Answer) -> Result<(), ControlError> {
        let text = serde_json::to_vec(answer).map_err(|e| ControlError::Misbehaved(e.to_string()))?;
        let message = [&frames::header(Kind::Message, text.len())[..], &text].concat();
        let written = self.stream.write_all(&message);
        within(self.settings.question_timeout, written).await.map_err(ControlError::Lost)
    }

    async fn frame(&mut self, patience: Duration) -> Result<Frame, ControlError> {
        read_frame(&mut self.stream, patience).await
    }
}

/// What runs over the standard input of a client: a call, or mail.
enum Relayed {
    Answer(LoginRequest, Option<String>),
    Place(SystemName),
    Smtp(Option<IpAddr>),
}

async fn read_frame(
    stream: &mut (impl AsyncRead + Unpin),
    patience: Duration,
) -> Result<Frame, ControlError> {
    let read = async {
        let mut header = [0; frames::HEADER];
        stream.read_exact(&mut header).await?;
        let (kind, length) = match frames::parse_header(header) {
            Ok(header) => header,
            Err(error) => return Ok(Err(error.into())),
        };
        let mut content = vec![0; length];
        stream.read_exact(&mut content).await?;
        Ok(Ok(frames::assemble(kind, content)))
    };
    within(patience, read).await.map_err(ControlError::Lost)?
}

/// Waits for input or output, but not for ever.
async fn within<T>(patience: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::select! {
        done = work => done,
        () = clock::sleep(patience) => Err(io::ErrorKind::TimedOut.into()),
    }
}

impl Body for Connection {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, VerbError> {
        match self.frame(self.settings.body_timeout).await {
            Ok(Frame::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Frame::End) => Ok(None),
            Ok(Frame::Message(_)) => Err(VerbError::Body("a message in the middle of it".to_owned())),
            Err(error) => Err(VerbError::Body(error.to_string())),
        }
    }
}
