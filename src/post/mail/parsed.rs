//! The one door to the message parser: what has to be understood in a header, not only carried.
//!
//! The parser (`mail-parser`) is given the header section alone, without From_ line; bodies never reach it.

use super::head;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::post::address::{Address, AddressError};
use mail_parser::{HeaderName, HeaderValue, MessageParser};

/// The most recipients that are taken from the headers of one message.
pub const RECIPIENTS_MAX: usize = 1000;

/// Why recipients cannot be taken from the headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsedError {
    #[error("a recipient in the headers is not acceptable: {0}")]
    Address(#[from] AddressError),
    #[error("the headers name more than {RECIPIENTS_MAX} recipients")]
    TooMany,
}

impl ToFault for ParsedError {
    fn fault(&self) -> Fault {
        Fault {
            stage: Stage::Submit,
            whose: Whose::Usage,
            retry: Retry::Never,
            message: self.to_string(),
            advice: "correct the To, Cc and Bcc fields, or name the recipients on the command line"
                .to_owned(),
        }
    }
}

/// The addresses in To, Cc and Bcc, each once, in order: what `sendmail -t` sends to.
pub fn recipients(message: &[u8]) -> Result<Vec<Address>, ParsedError> {
    let header = message.get(..head::length(message)).unwrap_or(message);
    let Some(parsed) = MessageParser::default().parse_headers(header) else { return Ok(Vec::new()) };
    let mut found: Vec<Address> = Vec::new();
    for field in parsed.headers() {
        let (HeaderName::To | HeaderName::Cc | HeaderName::Bcc, HeaderValue::Address(list)) =
            (&field.name, &field.value)
        else {
            continue;
        };
        // A word without `@` comes out of the parser as a display name; for us it is a local user or a bang path.
        for text in list.iter().filter_map(|one| one.address.as_deref().or(one.name.as_deref())) {
            let address = Address::parse(text)?;
            if found.len() == RECIPIENTS_MAX {
                return Err(ParsedError::TooMany);
            }
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    Ok(found)
}

/// The message without its Bcc fields; every other byte stays.
pub fn without_bcc(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    for field in head::fields(message).filter(|field| !field.is("Bcc") && !field.is("Resent-Bcc")) {
        kept.extend_from_slice(field.raw);
    }
    kept.extend_from_slice(message.get(head::length(message)..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(message: &str) -> Vec<String> {
        recipients(message.as_bytes()).unwrap().iter().map(Address::to_string).collect()
    }

    #[test]
    fn recipients_come_from_to_cc_and_bcc() {
        let message = "From: me@h\nTo: Joe <joe@a.example>, bill\nTo: a!b!carl\ncc: \"X, Y\" <joe@a.example>,\n \
                       eve@h\nBcc: secret@h\nSubject: To: nobody@h\n\nTo: body@h\n";
        assert_eq!(texts(message), ["joe@a.example", "bill", "a!b!carl", "eve@h", "secret@h"]);
        assert!(texts("Subject: x\n\n").is_empty());
        assert!(texts("").is_empty());
    }

    #[test]
    fn a_group_gives_its_members() {
        assert_eq!(texts("To: friends: joe@a, bill@b;\n\n"), ["joe@a", "bill@b"]);
        assert!(texts("To: undisclosed-recipients:;\n\n").is_empty());
    }

    #[test]
    fn a_hostile_recipient_is_an_error() {
        assert!(matches!(recipients(b"To: <|sh>\n\n"), Err(ParsedError::Address(_))));
        let many: String = (0..=RECIPIENTS_MAX).map(|n| format!("Bcc: u{n}@h\n")).collect();
        assert_eq!(recipients(many.as_bytes()), Err(ParsedError::TooMany));
    }

    #[test]
    fn bcc_goes_and_nothing_else() {
        let message = b"A: 1\nBcc: x@h,\n y@h\nB: 2\r\nbcc:z\n\nBcc: body\0\xff";
        assert_eq!(without_bcc(message), b"A: 1\nB: 2\r\n\nBcc: body\0\xff");
    }
}
