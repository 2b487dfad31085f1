//! The steps of a conversation.

use std::fmt;

/// What the server is to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Greeting,
    Ehlo,
    Helo,
    Lhlo,
    StartTls,
    Login,
    Mail,
    Rcpt,
    Data,
    /// The text, before its end.
    Text,
    /// The end of the text.
    End,
    Reset,
    Quit,
    /// Nothing: it was between two messages.
    Idle,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Greeting => "the connection",
            Step::Ehlo => "EHLO",
            Step::Helo => "HELO",
            Step::Lhlo => "LHLO",
            Step::StartTls => "STARTTLS",
            Step::Login => "AUTH",
            Step::Mail => "MAIL",
            Step::Rcpt => "RCPT",
            Step::Data => "DATA",
            Step::Text => "the text of a message",
            Step::End => "the end of a message",
            Step::Reset => "RSET",
            Step::Quit => "QUIT",
            Step::Idle => "nothing",
        })
    }
}
