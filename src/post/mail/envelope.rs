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

    /// How this sender is answered from here, when a UUCP peer hands it over: by way of that peer, unless it has a
    /// domain. A peer that wrote its own name there already is not named twice. Fails if the path grows too long.
    pub fn by_way_of(&self, peer: &str) -> Result<Sender, AddressError> {
        let Sender::Address(address) = self else { return Ok(Sender::Null) };
        let own = address.as_str().split_once('!').filter(|(hop, _)| hop.eq_ignore_ascii_case(peer));
        match (address.domain(), own) {
            (Some(_), Some((_, rest))) => Address::parse(rest).map(Sender::Address),
            (Some(_), None) | (None, Some(_)) => Ok(self.clone()),
            (None, None) => address.through(peer).map(Sender::Address),
        }
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
    fn a_peers_sender_is_answered_through_the_peer() {
        let through =
            |text| Sender::parse(text).unwrap().by_way_of("leaf").map(|sender| sender.smtp().to_owned());
        for (text, answered) in [
            ("joe", "leaf!joe"),
            ("far!joe", "leaf!far!joe"),
            ("leaf!joe", "leaf!joe"),
            ("joe%far", "leaf!joe%far"),
            ("joe@far.example", "joe@far.example"),
            ("leaf!joe@far.example", "joe@far.example"),
            ("<>", ""),
        ] {
            assert_eq!(through(text).as_deref(), Ok(answered), "{text}");
        }
        assert!(through(&format!("{}joe", "b!".repeat(254))).is_err());
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
