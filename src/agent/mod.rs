//! What is done as a user: work on a mailbox and on files, in the name of their owner.
//!
//! The requests are a closed list: look up a user ([`Agent::look_up`]), read a forward or include file
//! ([`Agent::read_file`]), look at a mailbox and append a batch to it ([`Agent::open_mailbox`], then
//! [`OpenMailbox::append`]), and find out what became of an append ([`Agent::recover`]). This is the side that
//! serves its own uid alone, in its own process on a blocking thread; whatever another uid would be needed for
//! is refused with [`AgentError::OtherUser`].
//!
//! A mailbox stays locked from the look to the append, so that the place that the journal recorded is the place
//! where the bytes go. Waiting for a lock is bounded.

mod error;
mod seen;
mod user;

pub use error::AgentError;
pub use seen::{Facts, FileSeen, read_file};
pub use user::{Passwd, User};

use crate::clock;
use crate::mailbox::{Appended, Create, Mailbox, Place, Recovered};
use rustix::fs::{Mode, OFlags};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What can be set about the agent.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long another program may hold the lock of a mailbox before mail is deferred. Setting `lock-wait`;
    /// default 10 s, for a mail reader holds it only while it rewrites the file.
    pub lock_wait: Duration,
    /// Which users of the password file get mail. Settings `passwd-users`, `min-uid`, `passwd-file`; default: none do.
    pub passwd: Option<Passwd>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { lock_wait: Duration::from_secs(10), passwd: None }
    }
}

/// How often a held lock is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Whose mailbox, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    pub uid: u32,
    pub mailbox: PathBuf,
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
    /// An agent that acts for the uid of this process alone.
    pub fn same_user(settings: Settings) -> Agent {
        Agent { settings, own: rustix::process::geteuid().as_raw() }
    }

    /// The uid that it acts for.
    pub fn own_uid(&self) -> u32 {
        self.own
    }

    /// The user of the password file with that name, in any case. None: there is none that gets mail.
    pub async fn look_up(&self, name: &str) -> Result<Option<User>, AgentError> {
        let Some(passwd) = self.settings.passwd.clone() else { return Ok(None) };
        let name = name.to_owned();
        blocking(move || passwd.look_up(&name)).await?
    }

    /// Reads the beginning of a file as the user `uid`, `limit` bytes at most; see [`read_file`].
    pub async fn read_file(
        &self,
        uid: u32,
        path: &Path,
        limit: usize,
    ) -> Result<Option<FileSeen>, AgentError> {
        let path = path.to_owned();
        self.is_own(uid, &path)?;
        blocking(move || read_file(&path, limit)).await?
    }

    /// Locks a mailbox (making it if need be) and tells where the next append begins.
    pub async fn open_mailbox(&self, account: &Account) -> Result<OpenMailbox, AgentError> {
        let mailbox = self.lock(account, Create::Yes).await?;
        let mailbox = mailbox.ok_or_else(|| AgentError::BadPath(account.mailbox.clone()))?;
        let (mailbox, place) = blocking(move || mailbox.place().map(|place| (mailbox, place))).await??;
        Ok(OpenMailbox { mailbox, place })
    }

    /// Finds out what became of an append that was begun before a crash; a part of it at the end of the file is cut
    /// off. A mailbox that is not there holds nothing.
    pub async fn recover(&self, account: &Account, begun: Begun) -> Result<Recovered, AgentError> {
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

    fn is_own(&self, uid: u32, path: &Path) -> Result<(), AgentError> {
        if uid == self.own {
            return Ok(());
        }
        Err(AgentError::OtherUser { path: path.to_owned(), wanted: uid, own: self.own })
    }

    async fn lock(&self, account: &Account, create: Create) -> Result<Option<Mailbox>, AgentError> {
        self.is_own(account.uid, &account.mailbox)?;
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
    mailbox: Mailbox,
    place: Place,
}

impl OpenMailbox {
    /// Where the append will begin.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Appends, makes it durable, and gives the mailbox free. `bytes` begin with the separator of the place.
    pub async fn append(self, bytes: Vec<u8>) -> Result<(), AgentError> {
        let mut mailbox = self.mailbox;
        Ok(blocking(move || mailbox.append(&bytes)).await??)
    }
}

fn lock_now(account: &Account, create: Create) -> Result<Option<Mailbox>, AgentError> {
    let path = &account.mailbox;
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| AgentError::BadPath(path.clone()))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory: OwnedFd = rustix::fs::open(directory, flags, Mode::empty())
        .map_err(|errno| AgentError::Directory { path: path.clone(), source: errno.into() })?;
    Ok(Mailbox::lock(directory, name, account.uid, create, clock::wall())?)
}

/// Runs file work where it may take its time.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, AgentError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| AgentError::BrokenOff(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::mbox;

    fn account(folder: &Path) -> Account {
        Account { uid: rustix::process::geteuid().as_raw(), mailbox: folder.join("jan") }
    }

    #[tokio::test]
    async fn work_for_another_user_is_refused_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::same_user(Settings::default());
        let own = account(folder.path());
        let other = Account { uid: own.uid + 1, ..own };
        let refused = agent.open_mailbox(&other).await.unwrap_err();
        assert!(matches!(refused, AgentError::OtherUser { .. }), "{refused}");
        let refused = agent.read_file(other.uid, Path::new("/etc/passwd"), 1).await.unwrap_err();
        assert!(matches!(refused, AgentError::OtherUser { .. }), "{refused}");
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[tokio::test]
    async fn a_missing_directory_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::same_user(Settings::default());
        let refused = agent.open_mailbox(&account(&folder.path().join("nowhere"))).await.unwrap_err();
        assert!(refused.to_string().contains("nowhere/jan"), "{refused}");
    }

    #[tokio::test]
    async fn a_lock_that_is_not_given_up_defers() {
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::same_user(Settings { lock_wait: Duration::ZERO, ..Settings::default() });
        let held = agent.open_mailbox(&account(folder.path())).await.unwrap();
        let refused = agent.open_mailbox(&account(folder.path())).await.unwrap_err();
        assert!(matches!(&refused, AgentError::Mailbox(error) if error.is_passing()), "{refused}");
        drop(held);
        agent.open_mailbox(&account(folder.path())).await.unwrap();
    }

    /// Appenders of ours beside a program that takes the same dotlock and rewrites the file.
    #[tokio::test]
    async fn parallel_appends_beside_another_locker_lose_nothing() {
        const WRITERS: usize = 6;
        const EACH: usize = 5;
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::same_user(Settings::default());
        let program = "import os,sys,time\nbox=sys.argv[1]\nfor n in range(20):\n  \
            while True:\n    \
              try:\n      fd=os.open(box+'.lock',os.O_CREAT|os.O_EXCL|os.O_WRONLY); break\n    \
              except FileExistsError: time.sleep(0.001)\n  \
            os.write(fd,str(os.getpid()).encode()); os.close(fd)\n  \
            old=open(box,'rb').read() if os.path.exists(box) else b''\n  \
            open(box,'wb').write(old+b'From py x\\n\\npy\\n\\n')\n  \
            os.unlink(box+'.lock')\n";
        let mut other = tokio::process::Command::new("python3");
        let mut other = other.args(["-c", program]).arg(folder.path().join("jan")).spawn().unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            let (agent, account) = (agent.clone(), account(folder.path()));
            tasks.spawn(async move {
                for number in 0..EACH {
                    let open = agent.open_mailbox(&account).await.unwrap();
                    let mut bytes = open.place().separator.to_vec();
                    let body = format!("Subject: {writer}-{number}\n\n{}\n", "x".repeat(3000));
                    mbox::put_message(&mut bytes, "a", jiff::Timestamp::UNIX_EPOCH, "", body.as_bytes());
                    open.append(bytes).await.unwrap();
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        assert!(other.wait().await.unwrap().success());
        let mbox = std::fs::read_to_string(folder.path().join("jan")).unwrap();
        for writer in 0..WRITERS {
            for number in 0..EACH {
                assert_eq!(mbox.matches(&format!("Subject: {writer}-{number}\n")).count(), 1);
            }
        }
        assert_eq!(mbox.matches("From py x\n").count(), 20);
        assert_eq!(mbox.matches("\n\nFrom ").count() + 1, WRITERS * EACH + 20);
    }
}
