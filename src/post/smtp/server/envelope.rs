//! MAIL, RCPT and DATA: what they may say, and when.

use super::text::too_large;
use super::{Awaiting, Server};
use crate::post::address::Address;
use crate::post::mail::Sender;
use crate::post::mail::command::Parameter;
use crate::post::mail::notice::{MessageNotice, RecipientNotice, is_xtext};
use crate::post::smtp::{Event, MailFrom, RcptTo};

impl Server {
    pub(super) fn mail(&mut self, sender: Sender, parameters: &[Parameter]) {
        let Some((client, extended)) = self.greeted.clone() else {
            return self.wrong(503, "5.5.1", "say EHLO first");
        };
        if self.recipients.is_some() {
            return self.wrong(503, "5.5.1", "a message is on offer already");
        }
        let (mut size, mut notice) = (None, MessageNotice::default());
        for parameter in parameters {
            let value = parameter.value.as_deref().unwrap_or_default();
            match parameter.keyword.as_str() {
                "SIZE"
                    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) || size.is_some() =>
                {
                    return self.wrong(501, "5.5.4", "SIZE is one number of bytes");
                }
                "SIZE" => match value.parse::<u64>() {
                    Ok(told) if told <= self.settings.message_max => size = Some(told),
                    _ => return self.wrong(552, "5.3.4", &too_large(self.settings.message_max)),
                },
                "BODY" if value.eq_ignore_ascii_case("7BIT") || value.eq_ignore_ascii_case("8BITMIME") => {}
                "BODY" => return self.wrong(501, "5.5.4", "BODY is 7BIT or 8BITMIME"),
                "SMTPUTF8" => {
                    return self.wrong(555, "5.6.7", "SMTPUTF8 is not offered; addresses are ASCII");
                }
                // Who the message is from in another's eyes (RFC 4954, section 5) says nothing to us.
                "AUTH" if self.settings.login && is_xtext(value) => {}
                other => match notice.take(parameter) {
                    Ok(true) => {}
                    Ok(false) => {
                        return self.wrong(555, "5.5.4", &format!("MAIL with {other} is not offered"));
                    }
                    Err(error) => return self.wrong(501, "5.5.4", &error.to_string()),
                },
            }
        }
        let secured = self.settings.secured;
        self.events.push_back(Event::Sender(MailFrom { sender, client, extended, secured, size, notice }));
        self.awaiting = Awaiting::SenderAnswer;
    }

    pub(super) fn rcpt(&mut self, recipient: Address, parameters: &[Parameter]) {
        let Some(count) = self.recipients else { return self.wrong(503, "5.5.1", "say MAIL first") };
        let mut notice = RecipientNotice::default();
        for parameter in parameters {
            match notice.take(parameter) {
                Ok(true) => {}
                Ok(false) => {
                    let text = format!("RCPT with {} is not offered", parameter.keyword);
                    return self.wrong(555, "5.5.4", &text);
                }
                Err(error) => return self.wrong(501, "5.5.4", &error.to_string()),
            }
        }
        if count >= self.settings.recipients_max {
            // Not counted as wrong: a client with a long list goes on with the rest in another message.
            return self.say(452, "4.5.3", "too many recipients, send to the others in another message");
        }
        self.events.push_back(Event::Recipient(RcptTo { recipient, notice }));
        self.awaiting = Awaiting::RecipientAnswer;
    }

    pub(super) fn data(&mut self) {
        match self.recipients {
            None => self.wrong(503, "5.5.1", "say MAIL first"),
            Some(0) => self.wrong(554, "5.5.1", "no recipient was accepted"),
            Some(_) => {
                self.events.push_back(Event::Begin);
                self.awaiting = Awaiting::BeginAnswer;
            }
        }
    }
}
