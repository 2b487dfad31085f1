//! How a session fails.

use crate::fault::{CallFailure, Coded, Fault, Retry, Stage, ToFault, Whose};
use crate::wire::link::LinkError;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The peer answered our name with a refusal.
    #[error("the other end refused the call: {0}")]
    Refused(Denial),
    /// We refused the caller.
    #[error("refused {caller:?}: {why}")]
    RefusedCaller { caller: String, why: Denial },
    #[error("called {wanted}, but {found:?} answered")]
    WrongSystem { wanted: String, found: String },
    #[error("no packet protocol in common: they have {theirs:?}, we have {ours:?}")]
    NoProtocol { theirs: String, ours: String },
    #[error("the other end did not accept our login name or password")]
    LoginRefused,
    #[error("handshake: {0}")]
    Handshake(&'static str),
    #[error("the other end broke the protocol: {0}")]
    Misbehaved(String),
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the connection was lost: {0}")]
    Lost(String),
    #[error("nothing was heard for {0} s")]
    Idle(u64),
    #[error("the call took longer than it may: {} min (max-time)", .0.as_secs() / 60)]
    TooLong(Duration),
    #[error("the spool failed in mid-session: {0}")]
    Store(String),
}

/// Why one end will not talk to the other: the answers of the manual, "The Initial Handshake".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    #[error("a call between the two systems is under way already (RLCK)")]
    Locked,
    #[error("it will call back (RCB)")]
    CallBack,
    #[error("the sequence number is wrong (RBADSEQ)")]
    BadSequence,
    #[error("the login name belongs to another system (RLOGIN)")]
    WrongLogin,
    #[error("the system is not known (RYou are unknown to me)")]
    Unknown,
    /// We cannot talk at this moment; why is for our own records.
    #[error("not now: {0}")]
    NotNow(String),
    #[error("it answered {0:?}")]
    Other(String),
}

impl ToFault for SessionError {
    fn fault(&self) -> Fault {
        use SessionError as E;
        let (stage, whose, retry, advice) = match self {
            E::Refused(denial) => {
                (Stage::Handshake, Whose::PeerRefused, Retry::Later, advice_to_caller(denial))
            }
            E::RefusedCaller { why: Denial::Locked, .. } => {
                (Stage::Handshake, Whose::PeerRefused, Retry::Later, "")
            }
            E::RefusedCaller { why: Denial::BadSequence, .. } => (
                Stage::Handshake,
                Whose::PeerMisbehaved,
                Retry::Later,
                "somebody may have called in its name, or one end was set back; see `uugate sequence`",
            ),
            E::RefusedCaller { why: Denial::NotNow(_), .. } => {
                (Stage::Handshake, Whose::Local, Retry::Later, "")
            }
            E::RefusedCaller { .. } => (
                Stage::Handshake,
                Whose::PeerMisbehaved,
                Retry::Later,
                "compare names, logins and configuration",
            ),
            E::WrongSystem { .. } => (
                Stage::Handshake,
                Whose::PeerMisbehaved,
                Retry::Later,
                "compare number, name and configuration",
            ),
            E::NoProtocol { .. } => (
                Stage::Handshake,
                Whose::PeerRefused,
                Retry::Never,
                "allow a protocol that the other end has",
            ),
            E::LoginRefused => (
                Stage::Login,
                Whose::PeerRefused,
                Retry::Later,
                "compare login and password with what the other end has",
            ),
            E::Handshake(_) => (Stage::Handshake, Whose::PeerMisbehaved, Retry::Later, ""),
            E::Misbehaved(_) => (Stage::Transfer, Whose::PeerMisbehaved, Retry::Later, ""),
            E::Link(error) => {
                let whose = match error {
                    LinkError::Misbehaved { .. } | LinkError::ClosedByPeer { .. } => Whose::PeerMisbehaved,
                    _ => Whose::Line,
                };
                (Stage::Protocol, whose, Retry::Later, "")
            }
            E::Lost(_) | E::Idle(_) => (Stage::Carrier, Whose::Line, Retry::Later, ""),
            E::TooLong(_) => (
                Stage::Transfer,
                Whose::Line,
                Retry::Later,
                "the next call goes on where this one stopped; give a slow line more max-time",
            ),
            E::Store(_) => (Stage::Spool, Whose::Local, Retry::Later, ""),
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }

    fn call_failure(&self) -> Option<CallFailure> {
        match self {
            SessionError::LoginRefused | SessionError::Refused(Denial::WrongLogin | Denial::Unknown) => {
                Some(CallFailure::Login)
            }
            SessionError::Link(LinkError::NoStart { .. }) => Some(CallFailure::NoStart),
            _ => None,
        }
    }
}

impl Coded for SessionError {
    fn code(&self) -> &'static str {
        use SessionError as E;
        match self {
            E::Refused(denial) => match denial {
                Denial::Locked => "handshake-in-call-there",
                Denial::CallBack => "handshake-calls-back",
                Denial::BadSequence => "handshake-sequence",
                Denial::WrongLogin => "handshake-login",
                Denial::Unknown => "handshake-unknown",
                Denial::NotNow(_) => "handshake-not-now",
                Denial::Other(_) => "handshake-refused",
            },
            E::RefusedCaller { why, .. } => match why {
                Denial::Locked => "handshake-caller-in-call",
                Denial::CallBack => "handshake-caller-called-back",
                Denial::BadSequence => "handshake-caller-sequence",
                Denial::WrongLogin => "handshake-caller-login",
                Denial::Unknown => "handshake-caller-unknown",
                Denial::NotNow(_) => "handshake-caller-not-now",
                Denial::Other(_) => "handshake-caller-refused",
            },
            E::WrongSystem { .. } => "handshake-wrong-system",
            E::NoProtocol { .. } => "handshake-no-protocol",
            E::LoginRefused => "login-refused",
            E::Handshake(_) => "handshake-broken",
            E::Misbehaved(_) => "transfer-broken",
            E::Link(error) => error.code(),
            E::Lost(_) => "carrier-lost",
            E::Idle(_) => "carrier-idle",
            E::TooLong(_) => "transfer-too-long",
            E::Store(_) => "spool-in-session",
        }
    }
}

/// What to do about a refusal of the other end.
fn advice_to_caller(denial: &Denial) -> &'static str {
    match denial {
        Denial::Unknown => "have the other end configure our name",
        Denial::WrongLogin => "log in with the name that the other end has for our system",
        Denial::BadSequence => {
            "somebody may have called in our name, or one end was set back: compare the numbers of both ends, and \
             set ours with `uugate sequence SYSTEM --set N`"
        }
        Denial::Locked | Denial::CallBack | Denial::NotNow(_) | Denial::Other(_) => "",
    }
}
