//! What a command asks of the node.

use super::bundle::BundleRequest;
use super::call::LoginRequest;
use super::queue::{QueueAction, QueueFilter};
use super::route::RouteRequest;
use super::sequence::SequenceRequest;
use crate::job::Grade;
use crate::job::Notify;
use crate::spool::{Notify as Told, Return};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One request. Those that say so are followed by a body: bytes of any length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// `uux`: a command for a system; the body is its input.
    Execute(ExecuteRequest),
    /// `uucp`: a file for a system; the body is the file.
    Copy(CopyRequest),
    /// `uucp` from a system: a file of it, or those that fit a pattern.
    Fetch(FetchRequest),
    /// `rmail`, `sendmail`: a message; the body.
    Mail(MailRequest),
    /// `rsmtp`: a batch of messages; the body.
    Batch,
    /// `uuname`.
    Names,
    /// `uustat`: one page of jobs, after this number.
    Jobs { filter: JobFilter, after: Option<u64> },
    /// `mailq`, `uugate queue`: one page of deliveries, after this message.
    Queue {
        #[serde(default)]
        filter: QueueFilter,
        after: Option<u64>,
    },
    /// `uugate queue --summary`: how much waits.
    QueueSummary,
    /// `uugate queue hold` and the like, `sendmail -q`.
    Handle { what: QueueAction, filter: QueueFilter },
    /// `sendmail -bv`: where mail for these would go.
    Verify { addresses: Vec<String> },
    /// `uustat -m`: the last calls.
    Calls { system: Option<String>, limit: usize },
    /// `uugate poll`.
    Poll(PollRequest),
    /// `uucico -r1`: the same, but if the system is reached by standard input alone, a relay is granted.
    Call(PollRequest),
    /// `uucico`: a call comes in on a stream, from this line or address as far as it is known; a relay is granted for it.
    Answer {
        login: LoginRequest,
        #[serde(default)]
        from: Option<String>,
    },
    /// `smtpd`: an SMTP session on a stream, from this address if it is known; a relay is granted for it.
    Smtp { from: Option<IpAddr> },
    /// `uugate export`, `uugate import`.
    Bundle(BundleRequest),
    /// `uugate sequence`.
    Sequence(SequenceRequest),
    /// `uugate spool restored`.
    Restored,
    /// `uugate route`: where mail for addresses goes.
    Route(RouteRequest),
    /// `uugate when`: when a system is called, or all.
    When { system: Option<String> },
    /// `uugate why`: what a job or a message waits for.
    Why { what: String },
    /// `uugate watch`: what happens on the lines from now on, as a stream of events.
    Watch,
    /// `uugate terminal`, on a line that costs something: counts a call by hand until the client goes away.
    Terminal { system: String },
    /// `uuxqt`: carry out what has arrived, now.
    Run,
}

impl Request {
    /// It is only about what is there; nothing comes of it that would have to be seen to.
    pub fn only_reports(&self) -> bool {
        matches!(
            self,
            Request::Names
                | Request::Jobs { .. }
                | Request::Queue { .. }
                | Request::QueueSummary
                | Request::Verify { .. }
                | Request::Calls { .. }
                | Request::Sequence(_)
                | Request::Restored
                | Request::Route(_)
                | Request::When { .. }
                | Request::Why { .. }
                | Request::Watch
        )
    }
}

/// What `uux` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExecuteRequest {
    /// Empty: our own.
    pub system: String,
    /// The program and its arguments.
    pub words: Vec<String>,
    pub grade: Grade,
    /// Who is told how it went, and whom mail is from (`-a`).
    pub requestor: Option<String>,
    pub notify: Notify,
    /// Call the system soon (no `-r`).
    pub call: bool,
}

/// What `uucp` asks, for one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CopyRequest {
    pub system: String,
    /// The name here.
    pub from: String,
    /// The name there.
    pub to: String,
    /// Others may run it.
    pub executable: bool,
    pub grade: Grade,
    pub make_directories: bool,
    /// A user there to be told (`-n`).
    pub notify: Option<String>,
    pub call: bool,
}

/// What `uucp` asks, for one name of another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FetchRequest {
    pub system: String,
    /// The name there; with wildcards it stands for many.
    pub from: String,
    /// The name here.
    pub to: String,
    pub grade: Grade,
    pub make_directories: bool,
    pub call: bool,
}

/// What `rmail` and `sendmail` ask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MailRequest {
    /// The body begins with From_ lines (`rmail`).
    pub from_line: bool,
    /// The envelope sender (`-f`).
    pub sender: Option<String>,
    /// The name of the sender for a header that lacks From (`-F`).
    pub full_name: Option<String>,
    pub recipients: Vec<String>,
    /// Recipients stand in the header too (`-t`).
    pub recipients_in_header: bool,
    /// A line with a single dot ends the message (no `-i`).
    pub dot_ends: bool,
    /// What the sender wants to be told (`-N`), with how much of the message (`-R`), by what name of it (`-V`).
    #[serde(default)]
    pub notify: Option<Told>,
    #[serde(default)]
    pub ret: Option<Return>,
    #[serde(default)]
    pub envid: Option<String>,
}

/// Which jobs `uustat` lists; everything that is given has to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct JobFilter {
    /// Of these systems; empty: of all.
    pub systems: Vec<String>,
    /// Of this user; the others' jobs are shown to trusted users alone.
    pub user: Option<String>,
}

/// What `uugate poll` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PollRequest {
    /// None: every system that has work.
    pub system: Option<String>,
    /// Even if it is not yet time to try again (`-S`, `-f`).
    pub force: bool,
    /// Only if there is work for it (`-C`).
    pub if_work: bool,
    /// Answer when the call is over.
    pub wait: bool,
}
