//! The one grammar of mail commands: what SMTP clients and batches say.
//!
//! RFC 5321 sections 4.1.1 and 4.1.2, with what UUCP sites add: `<a!b!user>` and bare `<user>` as addresses, brackets
//! left out, blanks after the colon, and the verbs that old batches carry (`TICK`, `VERB`). A parser of one whole
//! line without its end; limits on the length of the line are the reader's.

use super::Sender;
use crate::observe::Secret;
use crate::post::address::{Address, AddressError};
use nom::branch::alt;
use nom::bytes::complete::{is_not, tag_no_case, take_while, take_while1};
use nom::character::complete::{anychar, char, none_of, space0, space1};
use nom::combinator::{all_consuming, map, opt, recognize};
use nom::multi::{many0, many0_count};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The client's name for itself; hostile text without controls.
    Helo(String),
    Ehlo(String),
    Mail {
        sender: Sender,
        parameters: Vec<Parameter>,
    },
    Rcpt {
        recipient: Address,
        parameters: Vec<Parameter>,
    },
    Data,
    Reset,
    Noop,
    Quit,
    Verify,
    Help,
    StartTls,
    /// RFC 4954. The initial response is a secret, as all that follows.
    Auth {
        /// In capitals.
        mechanism: String,
        initial: Option<Secret>,
    },
    /// RFC 1985: the node whose mail is to be sent on its way; a domain, `@domain` or `#name`.
    Turn(String),
    /// A known verb that is nowhere offered: EXPN, TURN, BDAT, SEND and its kin.
    NotOffered(&'static str),
    /// `TICK` and `VERB`: they mean something only to who wrote the batch.
    Ignored,
}

/// What stands after the address of MAIL or RCPT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// In capitals.
    pub keyword: String,
    pub value: Option<String>,
}

/// Why a line is no command. Texts from outside are cut to 80 characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("a command holds only printable ASCII")]
    Character,
    #[error("{0:?} is no command")]
    Unknown(String),
    #[error("the form is {0}")]
    Syntax(&'static str),
    #[error("the sender is not acceptable: {0}")]
    Sender(AddressError),
    #[error("the recipient is not acceptable: {error}")]
    Recipient { text: String, error: AddressError },
}

impl Command {
    /// Reads one line without its line end.
    pub fn parse(line: &[u8]) -> Result<Command, CommandError> {
        let line = std::str::from_utf8(line).map_err(|_| CommandError::Character)?;
        if !line.bytes().all(|b| (b' '..=b'~').contains(&b) || b == b'\t') {
            return Err(CommandError::Character);
        }
        let line = line.trim_end_matches([' ', '\t']);
        let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim_start_matches([' ', '\t']);
        let alone =
            |command| if rest.is_empty() { Ok(command) } else { Err(CommandError::Syntax("a verb alone")) };
        match verb.to_ascii_uppercase().as_str() {
            "HELO" if !rest.is_empty() => Ok(Command::Helo(rest.to_owned())),
            "EHLO" if !rest.is_empty() => Ok(Command::Ehlo(rest.to_owned())),
            "HELO" | "EHLO" => Err(CommandError::Syntax("EHLO name")),
            "MAIL" => mail(rest),
            "RCPT" => rcpt(rest),
            "DATA" => alone(Command::Data),
            "RSET" => alone(Command::Reset),
            "QUIT" => alone(Command::Quit),
            "NOOP" => Ok(Command::Noop),
            "VRFY" if rest.is_empty() => Err(CommandError::Syntax("VRFY name")),
            "VRFY" => Ok(Command::Verify),
            "HELP" => Ok(Command::Help),
            "TICK" | "VERB" => Ok(Command::Ignored),
            "EXPN" => Ok(Command::NotOffered("EXPN")),
            "STARTTLS" => alone(Command::StartTls),
            "AUTH" => auth(rest),
            "ETRN" if rest.is_empty() || rest.contains([' ', '\t']) => Err(CommandError::Syntax("ETRN node")),
            "ETRN" => Ok(Command::Turn(rest.to_owned())),
            "BDAT" => Ok(Command::NotOffered("BDAT")),
            "TURN" => Ok(Command::NotOffered("TURN")),
            "SEND" | "SOML" | "SAML" => Ok(Command::NotOffered("SEND")),
            _ => Err(CommandError::Unknown(verb.chars().take(80).collect())),
        }
    }
}

const MAIL_FORM: CommandError = CommandError::Syntax("MAIL FROM:<address>");
const RCPT_FORM: CommandError = CommandError::Syntax("RCPT TO:<address>");

fn mail(rest: &str) -> Result<Command, CommandError> {
    let (path, parameters) = path_and_parameters("FROM:", rest).ok_or(MAIL_FORM)?;
    let sender = Sender::parse(path).map_err(CommandError::Sender)?;
    Ok(Command::Mail { sender, parameters })
}

fn rcpt(rest: &str) -> Result<Command, CommandError> {
    let (path, parameters) = path_and_parameters("TO:", rest).ok_or(RCPT_FORM)?;
    let recipient = Address::parse(path)
        .map_err(|error| CommandError::Recipient { text: path.chars().take(80).collect(), error })?;
    Ok(Command::Rcpt { recipient, parameters })
}

fn auth(rest: &str) -> Result<Command, CommandError> {
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let (mechanism, initial) = (words.next(), words.next());
    match (mechanism, words.next()) {
        (Some(mechanism), None) => Ok(Command::Auth {
            mechanism: mechanism.to_ascii_uppercase(),
            initial: initial.map(|initial| Secret::new(initial.to_owned())),
        }),
        _ => Err(CommandError::Syntax("AUTH mechanism [response]")),
    }
}

/// `FROM:<path> KEY=value KEY`.
fn path_and_parameters<'a>(keyword: &'static str, rest: &'a str) -> Option<(&'a str, Vec<Parameter>)> {
    let path = preceded((tag_no_case(keyword), space0), alt((bracketed, bare)));
    let (_, whole) = all_consuming((path, many0(preceded(space1, parameter)))).parse(rest).ok()?;
    Some(whole)
}

/// What stands between angle brackets; a `>` in quotes does not close them.
fn bracketed(input: &str) -> IResult<&str, &str> {
    let piece = alt((quoted, is_not("<>\"")));
    delimited(char('<'), recognize(many0_count(piece)), char('>')).parse(input)
}

fn quoted(input: &str) -> IResult<&str, &str> {
    let escaped = preceded(char('\\'), anychar);
    let inside = many0_count(alt((escaped, none_of("\"\\"))));
    recognize(delimited(char('"'), inside, char('"'))).parse(input)
}

/// An address whose brackets were left out.
fn bare(input: &str) -> IResult<&str, &str> {
    is_not(" \t<>").parse(input)
}

fn parameter(input: &str) -> IResult<&str, Parameter> {
    let keyword = recognize((
        take_while1(|c: char| c.is_ascii_alphanumeric()),
        take_while(|c: char| c.is_ascii_alphanumeric() || c == '-'),
    ));
    let value = preceded(char('='), is_not("= \t"));
    map((keyword, opt(value)), |(keyword, value): (&str, Option<&str>)| Parameter {
        keyword: keyword.to_ascii_uppercase(),
        value: value.map(str::to_owned),
    })
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mail_from(line: &str) -> Sender {
        match Command::parse(line.as_bytes()) {
            Ok(Command::Mail { sender, .. }) => sender,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn rcpt_to(line: &str) -> String {
        match Command::parse(line.as_bytes()) {
            Ok(Command::Rcpt { recipient, .. }) => recipient.to_string(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_form_of_address_is_read() {
        assert_eq!(mail_from("MAIL FROM:<>"), Sender::Null);
        assert_eq!(mail_from("mail from: <a!b!user>").smtp(), "a!b!user");
        assert_eq!(mail_from("MAIL FROM:joe@host").smtp(), "joe@host");
        assert_eq!(rcpt_to("RCPT TO:<bob>"), "bob");
        assert_eq!(rcpt_to("rcpt to:<postmaster>"), "postmaster");
        assert_eq!(rcpt_to("RCPT TO:<@relay:u@h>"), "u@h");
        assert_eq!(rcpt_to("RCPT TO:<\"a>b\"@h>"), "\"a>b\"@h");
    }

    #[test]
    fn parameters_follow_the_address() {
        let Ok(Command::Mail { parameters, .. }) =
            Command::parse(b"MAIL FROM:<joe> size=1000 BODY=8BITMIME X")
        else {
            panic!("not read")
        };
        let expected = [("SIZE", Some("1000")), ("BODY", Some("8BITMIME")), ("X", None)];
        let read: Vec<_> = parameters.iter().map(|p| (p.keyword.as_str(), p.value.as_deref())).collect();
        assert_eq!(read, expected);
        for bad in
            ["MAIL FROM:<joe>SIZE=1", "MAIL FROM:<joe> SIZE=", "MAIL FROM:<joe> =1", "MAIL FROM:<a> B=C=D"]
        {
            assert_eq!(Command::parse(bad.as_bytes()), Err(MAIL_FORM), "{bad}");
        }
    }

    #[test]
    fn what_is_no_command_says_why() {
        assert_eq!(Command::parse(b"WIZ"), Err(CommandError::Unknown("WIZ".to_owned())));
        assert_eq!(Command::parse(b"NOOP\0"), Err(CommandError::Character));
        assert_eq!(Command::parse(b"MAIL FROM:<a\rb>"), Err(CommandError::Character));
        assert_eq!(Command::parse("RCPT TO:<jos\u{e9}>".as_bytes()), Err(CommandError::Character));
        assert_eq!(Command::parse(b"RCPT TO <joe>"), Err(RCPT_FORM));
        assert_eq!(Command::parse(b"RCPT TO:<joe"), Err(RCPT_FORM));
        assert_eq!(Command::parse(b"DATA now"), Err(CommandError::Syntax("a verb alone")));
        assert!(matches!(Command::parse(b"RCPT TO:<>"), Err(CommandError::Recipient { .. })));
        assert!(matches!(Command::parse(b"RCPT TO:<|sh>"), Err(CommandError::Recipient { .. })));
        assert!(matches!(Command::parse(b"MAIL FROM:<a b>"), Err(CommandError::Sender(_))));
    }

    #[test]
    fn verbs_of_any_case_are_known() {
        assert_eq!(Command::parse(b"quit"), Ok(Command::Quit));
        assert_eq!(Command::parse(b"EhLo leaf.example  "), Ok(Command::Ehlo("leaf.example".to_owned())));
        assert_eq!(Command::parse(b"TICK 4711"), Ok(Command::Ignored));
        assert!(Command::parse(b"EHLO").is_err());
        assert_eq!(Command::parse(b"ETRN @leaf.example"), Ok(Command::Turn("@leaf.example".to_owned())));
        assert!(Command::parse(b"ETRN").is_err() && Command::parse(b"ETRN a b").is_err());
        assert_eq!(Command::parse(b"starttls"), Ok(Command::StartTls));
        assert!(Command::parse(b"STARTTLS now").is_err() && Command::parse(b"VRFY").is_err());
    }

    #[test]
    fn a_password_is_not_printed_with_its_command() {
        let command = Command::parse(b"auth plain AGpvZQBnZWhlaW0=").unwrap();
        assert!(matches!(&command, Command::Auth { mechanism, initial: Some(_) } if mechanism == "PLAIN"));
        assert!(!format!("{command:?}").contains("AGpvZQ"));
        assert!(Command::parse(b"AUTH").is_err());
        // Nor with its error.
        let wrong = Command::parse(b"AUTH PLAIN AGpvZQ BnZWhlaW0=").unwrap_err();
        assert!(!format!("{wrong:?} {wrong}").contains("AGpvZQ"));
    }

    proptest! {
        #[test]
        fn no_line_breaks_the_parser(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Command::parse(&line);
        }

        #[test]
        fn nearly_right_lines_do_not_either(line in "(MAIL FROM:|RCPT TO:)[<>\"\\\\a!@ =.-]{0,20}") {
            let _ = Command::parse(line.as_bytes());
        }
    }
}
