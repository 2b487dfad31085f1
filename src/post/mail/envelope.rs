//! Who a message is from and for, apart from what its headers say.

use crate::post::address::{Address, AddressError};
use serde::{Deserialize, Serialize};

/// Who is told when a message cannot be delivered.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sender {
    /// Nobody: the message is itself a report, or must not be answered. Never bounced.
    Null,
    Address(Address),
}

impl Sender {
    /// Reads a sender as any program writes it, with or without angle brackets. Nothing, `<>` and `MAILER-DAEMON`
    /// (in any case, at the end of any bang path, at any domain) are the null sender.
    pub fn parse(text: &str) -> Result<Sender, AddressError> {
        let text = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
        if text.is_empty() { Ok(Sender::Null) } else { Address::parse(text).map(Sender::from) }
    }

    /// As it stands between `<` and `>` in SMTP and batches: nothing for the null sender.
    pub fn smtp(&self) -> &str {
        self.address().map_or("", Address::as_str)
    }

    /// As it stands in a From_ line, and after `uux -a`.
    pub fn from_user(&self) -> &str {
        self.address().map_or("MAILER-DAEMON", Address::as_str)
    }

    pub fn address(&self) -> Option<&Address> {
        match self {
            Sender::Null => None,
            Sender::Address(address) => Some(address),
        }
    }
}

impl From<Address> for Sender {
    fn from(address: Address) -> Sender {
        if address.is_mailer_daemon() { Sender::Null } else { Sender::Address(address) }
    }
}

/// Who a message is from and whom it goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub sender: Sender,
    pub recipients: Vec<Address>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_null_sender_is_known() {
        for text in [
            "",
            "<>",
            "MAILER-DAEMON",
            "mailer-daemon",
            "<MAILER-DAEMON>",
            "polux!MAILER-DAEMON",
            "MAILER-DAEMON@polux",
        ] {
            assert_eq!(Sender::parse(text), Ok(Sender::Null), "{text}");
        }
        assert_eq!(Sender::Null.smtp(), "");
        assert_eq!(Sender::Null.from_user(), "MAILER-DAEMON");
    }

    #[test]
    fn an_ordinary_sender_is_printed_as_it_came() {
        let sender = Sender::parse("<a!b!joe>").unwrap();
        assert_eq!(sender.smtp(), "a!b!joe");
        assert_eq!(sender.from_user(), "a!b!joe");
        assert!(Sender::parse("<joe").is_err());
        assert!(Sender::parse("joe\nRCPT TO:<x>").is_err());
    }
}
