//! A message that is offered, and the commands that offer it.

use super::extensions::Extensions;
use crate::post::address::Address;
use crate::post::mail::Sender;
use std::fmt::Write;

/// A message and whom it is for.
#[derive(Debug, Clone)]
pub struct Offer {
    pub sender: Sender,
    /// At least one.
    pub recipients: Vec<Recipient>,
    /// Bytes of the text with CRLF line ends.
    pub size: u64,
    /// Some byte of the text is above 127.
    pub eight_bit: bool,
}

/// One recipient.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// As the server is to be given it.
    pub address: Address,
    /// As it was given here; told to a server that makes reports, so that the sender knows it again.
    pub original: Option<Address>,
}

impl Offer {
    /// The MAIL command, with what the server understands.
    pub fn mail(&self, extensions: &Extensions) -> String {
        let mut line = format!("MAIL FROM:<{}>", self.sender.smtp());
        if extensions.size.is_some() {
            let _ = write!(line, " SIZE={}", self.size);
        }
        if extensions.eight_bit && self.eight_bit {
            line.push_str(" BODY=8BITMIME");
        }
        line
    }
}

impl Recipient {
    /// The RCPT command, with what the server understands.
    pub fn rcpt(&self, extensions: &Extensions) -> String {
        let mut line = format!("RCPT TO:<{}>", self.address);
        if extensions.dsn
            && let Some(original) = &self.original
        {
            line.push_str(" ORCPT=rfc822;");
            put_xtext(&mut line, original.as_str());
        }
        line
    }
}

/// RFC 3461 section 4: what could end the word is written in hexadecimal.
fn put_xtext(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if !matches!(byte, b'+' | b'=') => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "+{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_command_has_only_what_the_server_understands() {
        let sender = Sender::Address(address("joe@leaf"));
        let offer = Offer { sender, recipients: Vec::new(), size: 70, eight_bit: true };
        let to = Recipient { address: address("far!bob"), original: Some(address("a+b=c@h")) };
        let plain = Extensions::default();
        assert_eq!(
            (offer.mail(&plain), to.rcpt(&plain)),
            ("MAIL FROM:<joe@leaf>".into(), "RCPT TO:<far!bob>".into())
        );
        let all = Extensions { size: Some(None), eight_bit: true, dsn: true, ..plain };
        assert_eq!(offer.mail(&all), "MAIL FROM:<joe@leaf> SIZE=70 BODY=8BITMIME");
        assert_eq!(to.rcpt(&all), "RCPT TO:<far!bob> ORCPT=rfc822;a+2Bb+3Dc@h");
        let bounce = Offer { sender: Sender::Null, eight_bit: false, ..offer };
        assert_eq!(bounce.mail(&all), "MAIL FROM:<> SIZE=70");
    }
}
