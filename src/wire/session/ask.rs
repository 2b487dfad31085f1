//! What the machine asks of its driver, and what it is answered. Plain data; the driver's [`super::Store`] knows what
//! stands behind it.

use super::Refusal;
use super::command::Rest;
use crate::job::{Digest, Execute, Grade, StableId, Work};

/// A job of ours in the hands of this session; the store chose the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobKey(pub u64);

/// A job for the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingJob {
    pub key: JobKey,
    pub stable: StableId,
    pub grade: Grade,
    pub work: Work,
    /// Bytes of its input or file; 0 for a fetch.
    pub size: u64,
    /// The largest file that a fetch may bring now, in bytes.
    pub largest: Option<u64>,
    /// It was begun in an earlier call: the peer may have a part of it.
    pub begun: bool,
    /// Of its body, if the store knows it.
    pub digest: Option<Digest>,
    /// What lacks of the file that a fetch has begun to bring.
    pub rest: Option<Rest>,
}

/// A file that is under way between the peer and the store; the machine chose the number. One stands for one file at a
/// time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u64);

/// What the peer wants to give us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The TEMP field, as it was told.
    pub temp: String,
    pub size: Option<u64>,
    pub user: String,
    /// The destination of an S, the command of an E.
    pub command: String,
    /// As FROM and TEMP tell it: every uugate writes it, to whatever peer. The digest is that of the whole file.
    pub stable: Option<StableId>,
    pub digest: Option<Digest>,
    pub kind: Kind,
    /// TEMP stands for the same file in every call, and the peer can begin it anywhere: a partial file may be continued.
    pub restart: bool,
    /// The peer knows the answer "received before"; another has to be let send again.
    pub knows_already: bool,
}

/// What an offered file is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// The input of a command.
    Execution(Execute),
    /// A D. file, for an X. file.
    Data { name: String },
    /// An X. file.
    ExecutionFile { name: String },
    /// A file below the public directory.
    File { to: String, mode: u32, make_directories: bool, notify: Option<String> },
    /// What our own fetch job asked for.
    Fetched { job: JobKey, mode: u32 },
}

/// Files of the public directory that the peer wants sent to itself (an X command).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expansion {
    /// A path below the public directory, with wildcards.
    pub pattern: String,
    /// Where they go there.
    pub to: String,
    pub user: String,
    pub make_directories: bool,
}

/// How a job of ours ended in this call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The peer has it: it said CY, or that it had it before.
    Done,
    /// Not in this call.
    Deferred(String),
    /// It arrived as something else than was told: once more, at once if that is not tried again and again.
    Damaged,
    /// Never.
    Refused(String),
}

/// What the machine asks. Each is answered by one [`Reply`] before the next is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The next job for the peer, of this grade or better: [`Reply::Job`].
    NextJob { worst: Option<Grade> },
    /// At most `limit` bytes of a job's body: [`Reply::Bytes`].
    Read { job: JobKey, offset: u64, limit: usize },
    /// A job has ended: [`Reply::Done`], when that is on disk.
    Settle { job: JobKey, ending: Ending },
    /// Whether a file may come, and from where on: [`Reply::Verdict`].
    Offer { slot: Slot, offer: Box<Offer> },
    /// The next bytes of it, in order without gaps: [`Reply::Done`]; they need not be on disk yet.
    Write { slot: Slot, bytes: Vec<u8> },
    /// What came of it so far is damaged, and comes again from its beginning: [`Reply::Done`].
    Rewind { slot: Slot },
    /// It is whole: keep it. [`Reply::Done`], when that is on disk; or [`Reply::Unkept`], or [`Reply::Damaged`].
    Commit { slot: Slot },
    /// It will never be whole, or does not go to the peer after all: forget it. [`Reply::Done`].
    Drop { slot: Slot },
    /// A file of the public directory, for the peer to fetch: [`Reply::Opened`], or a refusing [`Reply::Verdict`].
    /// `digested`: with its digest, if it is large enough for one.
    Open { slot: Slot, path: String, digested: bool },
    /// At most `limit` bytes of an opened file: [`Reply::Bytes`].
    ReadOpened { slot: Slot, offset: u64, limit: usize },
    /// To queue jobs for the peer with the files that it wants: [`Reply::Expanded`], when they are on disk.
    Expand(Expansion),
    /// The best grade, no worse than this, of the jobs that wait for the peer: [`Reply::Waiting`].
    Waiting { worst: Option<Grade> },
    /// The peer has shown that it heard our CY for everything so far: [`Reply::Done`].
    Heard,
}

/// What the driver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    Job(Option<Box<OutgoingJob>>),
    /// Empty: the end of the file.
    Bytes(Vec<u8>),
    Done,
    Verdict(Verdict),
    Opened {
        size: u64,
        mode: u32,
        digest: Option<Digest>,
    },
    /// It is not what its digest says, and forgotten.
    Damaged,
    /// The file could not be put in its place, and never can.
    Unkept,
    /// False: there are none, or it may not have them.
    Expanded(bool),
    /// `None`: no job.
    Waiting(Option<Grade>),
    /// The store has failed; the session cannot go on.
    Failed(String),
}

/// What becomes of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send it, from this byte on.
    Take {
        offset: u64,
    },
    Already,
    Refuse(Refusal),
}
