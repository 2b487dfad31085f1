//! Expect-send scripts: how one side gets through a terminal server, a login prompt or an odd modem, and the
//! login prompt that the called side shows.
//!
//! Grammar and meaning come from the Taylor UUCP manual, "Chat Scripts", "Logging In" and "dial File".
//! [`Script`] is the text, parsed; [`Chat`] runs it in virtual time; [`LoginPrompt`] is its counterpart on
//! the called side.

mod login;
mod machine;
mod redact;
mod script;

pub use login::{LoginEvent, LoginPrompt, LoginSettings};
pub use machine::{Chat, Event, Settings, Values};
pub use script::{Expect, Kind, Piece, Script, ScriptError, Step, fail_string};

use crate::fault::{Coded, Fault, Retry, Stage, ToFault, Whose};

/// Why a chat or a login ended without success. What was seen is printable, cut to its last bytes, and holds no
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    #[error("timed out waiting for {expected:?}; last seen: {seen:?}")]
    TimedOut { expected: String, seen: String },
    #[error("the other end said {string:?}; last seen: {seen:?}")]
    FailString { string: String, seen: String },
    #[error("the other end does not echo what is sent; last seen: {seen:?}")]
    NoEcho { seen: String },
    #[error("the carrier was lost during the chat; last seen: {seen:?}")]
    CarrierLost { seen: String },
    #[error("the script sends {what}, which is not known for this call")]
    Missing { what: &'static str },
    #[error("the caller did not log in in time")]
    LoginTimedOut,
    /// `name` is the last one, if it is known: of a caller that is out of step it could be a password.
    #[error("the caller failed to log in {attempts} times; last name: {}", name.as_deref().unwrap_or("not known here"))]
    LoginRefused { name: Option<String>, attempts: u32 },
}

impl ToFault for ChatError {
    fn fault(&self) -> Fault {
        let (stage, whose, retry, advice) = match self {
            ChatError::TimedOut { .. } => (
                Stage::Login,
                Whose::PeerMisbehaved,
                Retry::Later,
                "compare what was seen with the chat script of this system",
            ),
            ChatError::FailString { .. } => {
                (Stage::Login, Whose::PeerRefused, Retry::Later, "the string is one of chat-fail")
            }
            ChatError::NoEcho { .. } => {
                (Stage::Login, Whose::PeerMisbehaved, Retry::Later, "leave \\E out of the chat script")
            }
            ChatError::CarrierLost { .. } => (Stage::Carrier, Whose::Line, Retry::Later, "try again later"),
            ChatError::Missing { .. } => (
                Stage::Login,
                Whose::Usage,
                Retry::Never,
                "set it for this system, or take its escape out of the chat script",
            ),
            ChatError::LoginTimedOut => (
                Stage::Login,
                Whose::PeerMisbehaved,
                Retry::Later,
                "the caller has to send a name and a password",
            ),
            ChatError::LoginRefused { .. } => (
                Stage::Login,
                Whose::PeerRefused,
                Retry::Later,
                "check the name and password that the caller uses against those of its system here",
            ),
        };
        Fault { stage, whose, retry, message: self.to_string(), advice: advice.to_owned() }
    }
}

impl Coded for ChatError {
    fn code(&self) -> &'static str {
        match self {
            ChatError::TimedOut { .. } => "login-timed-out",
            ChatError::FailString { .. } => "login-fail-string",
            ChatError::NoEcho { .. } => "login-no-echo",
            ChatError::CarrierLost { .. } => "carrier-lost-in-chat",
            ChatError::Missing { .. } => "login-missing",
            ChatError::LoginTimedOut => "login-caller-silent",
            ChatError::LoginRefused { .. } => "login-caller-refused",
        }
    }
}

/// Bytes as a person can read them: printable ASCII as it is, everything else escaped.
pub(crate) fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
