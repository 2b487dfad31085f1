//! What is done as a user: work on mailboxes and files, and programs, in the name of their owner.
//!
//! The requests are a closed list: look up a user ([`Agent::look_up`]), read a forward or include file
//! ([`Agent::read_file`]), look at a mailbox and append a batch to it ([`Agent::open_mailbox`], then
//! [`OpenMailbox::append`]), find out what became of an append ([`Agent::recover`]), and give a message to a program
//! ([`Agent::run`]). What is to be done as our own uid is done in this process, on a blocking thread. For any other uid the
//! agent is asked, a process of root ([`serve`]) that has a child become the user ([`serve_child`]) and hands it the
//! connection; without an agent that is refused with [`AgentError::OtherUser`].
//!
//! A mailbox stays locked from the look to the append, so that the place that the journal recorded is the place
//! where the bytes go. Waiting for a lock is bounded.
//!
//! To look up a user needs no rights, so it is done here; the agent believes nobody and looks him up again.

mod beneath;
mod child;
mod error;
mod identity;
mod message;
mod program;
mod remote;
mod root;
mod rules;
mod running;
mod seen;
mod user;
mod wire;

pub use child::serve as serve_child;
pub use error::AgentError;
pub use message::{Answer, Kind, LONGEST_OPENING, Opening, Request};
pub use program::{ARGUMENT_NAMES, Ended, How, OUTPUT, Program, Task};
pub use root::{RootError, serve};
pub use rules::{Permit, Rules, Template};
pub use running::Running;
pub use seen::{Facts, FileSeen, read_file};
pub use user::{Passwd, User};

use crate::clock;
use crate::mailbox::{Appended, Create, Mailbox, Place, Recovered};
use remote::{PATIENCE, Session};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What can be set about the agent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long another program may hold the lock of a mailbox before mail is deferred. Setting `lock-wait`;
    /// default 10 s, for a mail reader holds it only while it rewrites the file.
    pub lock_wait: Duration,
    /// Where the agent of root listens. Setting `socket`; default: there is none.
    pub socket: Option<PathBuf>,
    pub rules: Arc<Rules>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { lock_wait: Duration::from_secs(10), socket: None, rules: Arc::new(Rules::new(50 << 20)) }
    }
}

/// How often a held lock is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Whose mailbox, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// His name in the password file; nothing for our own uid.
    pub user: String,
    pub uid: u32,
    pub mailbox: PathBuf,
    /// Whether it is his mailbox or another file of his.
    pub kind: Kind,
}

impl Account {
    /// A mailbox that belongs to the uid that serves it.
    pub fn own(uid: u32, mailbox: PathBuf) -> Account {
        Account { user: String::new(), uid, mailbox, kind: Kind::Mailbox }
    }
}

/// What was begun before a crash; see [`Appended`].
#[derive(Debug, Clone)]
pub struct Begun {
    pub device: u64,
    pub inode: u64,
    pub at: u64,
    pub bytes: Option<Vec<u8>>,
    pub length: u64,
    pub digest: [u8; 32],
    pub ids: Vec<String>,
}

/// The door to work in the name of a user.
#[derive(Debug, Clone)]
pub struct Agent {
    settings: Settings,
    own: u32,
}

impl Agent {
    /// An agent that acts for the uid of this process, and asks the agent of root for others, if there is one.
    pub fn new(settings: Settings) -> Agent {
        Agent { settings, own: rustix::process::geteuid().as_raw() }
    }

    /// The uid that it acts for by itself.
    pub fn own_uid(&self) -> u32 {
        self.own
    }

    /// Who owns what belongs to the node itself.
    pub fn own_user(&self) -> User {
        let gid = rustix::process::getegid().as_raw();
        User { name: String::new(), uid: self.own, gid, home: PathBuf::from("/nonexistent") }
    }

    pub fn rules(&self) -> &Rules {
        &self.settings.rules
    }

    /// The user of the password file with that name, in any case. None: there is none that gets mail.
    pub async fn look_up(&self, name: &str) -> Result<Option<User>, AgentError> {
        let Some(passwd) = self.settings.rules.passwd.clone() else { return Ok(None) };
        let name = name.to_owned();
        blocking(move || passwd.look_up(&name)).await?
    }

    /// Reads the beginning of a file as the user of that name and uid, `limit` bytes at most; see [`read_file`]. Of others than
    /// ourselves the agent reads only what [`Rules::read`] has.
    pub async fn read_file(
        &self,
        user: &str,
        uid: u32,
        path: &Path,
        limit: usize,
    ) -> Result<Option<FileSeen>, AgentError> {
        if uid == self.own {
            let path = path.to_owned();
            return blocking(move || read_file(&path, limit)).await?;
        }
        let mut session = self.session(user, uid, Kind::Files, path, PATIENCE).await?;
        match session.ask(&Request::Read { path: path.to_owned(), limit }).await? {
            Answer::Nothing => Ok(None),
            Answer::Seen { size, facts, links, directories } => {
                let bytes = session.body(limit).await?;
                Ok(Some(FileSeen { bytes, size, facts, links, directories }))
            }
            _ => Err(unasked()),
        }
    }

    /// Locks a mailbox (making it if need be) and tells where the next append begins.
    pub async fn open_mailbox(&self, account: &Account) -> Result<OpenMailbox, AgentError> {
        if account.uid == self.own {
            let mailbox = self.lock(account, Create::Yes).await?;
            let mailbox = mailbox.ok_or_else(|| AgentError::BadPath(account.mailbox.clone()))?;
            let (mailbox, place) = blocking(move || mailbox.place().map(|place| (mailbox, place))).await??;
            return Ok(OpenMailbox { held: Held::Here(mailbox), place });
        }
        let mut session = self.session_of(account).await?;
        let request = Request::Open { path: account.mailbox.clone() };
        match self.ask_until_free(&mut session, &request, &[]).await? {
            Answer::Place { device, inode, length, separator } => {
                let known = [&b""[..], b"\n", b"\n\n"];
                let separator = known.into_iter().find(|known| *known == separator.as_bytes());
                let place = Place { device, inode, length, separator: separator.ok_or_else(unasked)? };
                Ok(OpenMailbox { held: Held::There(session), place })
            }
            _ => Err(unasked()),
        }
    }

    /// Finds out what became of an append that was begun before a crash; a part of it at the end of the file is cut
    /// off. A mailbox that is not there holds nothing.
    pub async fn recover(&self, account: &Account, begun: Begun) -> Result<Recovered, AgentError> {
        if account.uid != self.own {
            return self.recover_there(account, begun).await;
        }
        let Some(mut mailbox) = self.lock(account, Create::No).await? else {
            return Ok(Recovered::Found(Vec::new()));
        };
        let recovered = blocking(move || {
            mailbox.recover(&Appended {
                device: begun.device,
                inode: begun.inode,
                at: begun.at,
                bytes: begun.bytes.as_deref(),
                length: begun.length,
                digest: begun.digest,
                ids: &begun.ids,
            })
        });
        Ok(recovered.await??)
    }

    /// Begins to give a message to a program, as a user. What is our own uid's is run by this process.
    pub async fn run(&self, user: &User, task: Task) -> Result<Running, AgentError> {
        if user.uid == self.own {
            return Running::here(self.settings.rules.permit(user.clone()), task);
        }
        let patience = self.settings.rules.program_time + PATIENCE;
        let mut session = self.session(&user.name, user.uid, Kind::Program, &user.home, patience).await?;
        session.begin(&Request::Run(task)).await?;
        Ok(Running::there(session))
    }

    async fn recover_there(&self, account: &Account, begun: Begun) -> Result<Recovered, AgentError> {
        let mut session = self.session_of(account).await?;
        let bytes = begun.bytes.unwrap_or_default();
        let request = Request::Recover(message::Begun {
            path: account.mailbox.clone(),
            device: begun.device,
            inode: begun.inode,
            at: begun.at,
            bytes_are_known: !bytes.is_empty(),
            length: begun.length,
            digest: begun.digest,
            ids: begun.ids,
        });
        match self.ask_until_free(&mut session, &request, &bytes).await? {
            Answer::Nothing => Ok(Recovered::Found(Vec::new())),
            Answer::Whole => Ok(Recovered::Whole),
            Answer::Cut => Ok(Recovered::Cut),
            Answer::Found(ids) => Ok(Recovered::Found(ids)),
            _ => Err(unasked()),
        }
    }

    async fn session_of(&self, account: &Account) -> Result<Session, AgentError> {
        self.session(&account.user, account.uid, account.kind, &account.mailbox, PATIENCE).await
    }

    /// A session for another user than ourselves; `path` is what it is about.
    async fn session(
        &self,
        user: &str,
        uid: u32,
        kind: Kind,
        path: &Path,
        patience: Duration,
    ) -> Result<Session, AgentError> {
        match &self.settings.socket {
            Some(socket) if !user.is_empty() => Session::open(socket, user, kind, patience).await,
            _ => Err(AgentError::OtherUser { path: path.to_owned(), wanted: uid, own: self.own }),
        }
    }

    /// Asks again as long as another program holds the mailbox, but not for ever.
    async fn ask_until_free(
        &self,
        session: &mut Session,
        request: &Request,
        body: &[u8],
    ) -> Result<Answer, AgentError> {
        let deadline = clock::now() + self.settings.lock_wait;
        loop {
            let answer = match request {
                Request::Recover(_) => session.ask_with(request, body).await?,
                _ => session.ask(request).await?,
            };
            match answer {
                Answer::Busy(_) if clock::now() < deadline => clock::sleep(LOCK_PAUSE).await,
                Answer::Busy(fault) => return Err(AgentError::Refused(fault)),
                answer => return Ok(answer),
            }
        }
    }

    async fn lock(&self, account: &Account, create: Create) -> Result<Option<Mailbox>, AgentError> {
        let deadline = clock::now() + self.settings.lock_wait;
        loop {
            let account = account.clone();
            match blocking(move || lock_now(&account, create)).await? {
                Err(AgentError::Mailbox(error)) if error.is_passing() && clock::now() < deadline => {
                    clock::sleep(LOCK_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }
}

/// A locked mailbox; dropping it gives it free.
#[derive(Debug)]
pub struct OpenMailbox {
    held: Held,
    place: Place,
}

/// Who holds the locks.
#[derive(Debug)]
enum Held {
    Here(Mailbox),
    There(Session),
}

impl OpenMailbox {
    /// Where the append will begin.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Appends, makes it durable, and gives the mailbox free. `bytes` begin with the separator of the place.
    pub async fn append(self, bytes: Vec<u8>) -> Result<(), AgentError> {
        match self.held {
            Held::Here(mut mailbox) => Ok(blocking(move || mailbox.append(&bytes)).await??),
            Held::There(mut session) => match session.ask_with(&Request::Append, &bytes).await? {
                Answer::Appended => Ok(()),
                _ => Err(unasked()),
            },
        }
    }
}

fn lock_now(account: &Account, create: Create) -> Result<Option<Mailbox>, AgentError> {
    let (directory, name) = beneath::directory_of(&account.mailbox)?;
    Ok(Mailbox::lock(directory, name, account.uid, create, clock::wall())?)
}

fn unasked() -> AgentError {
    AgentError::Misbehaved("an answer to something else".to_owned())
}

/// Runs file work where it may take its time.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AgentError::BrokenOff(error.to_string()))
}

#[cfg(test)]
mod tests;
