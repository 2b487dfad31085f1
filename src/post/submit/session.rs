//! One client's mail, on its way from the SMTP machine to the door.

use crate::clock;
use crate::fault::{Retry, ToFault};
use crate::post::address::{Address, Target};
use crate::post::delivery::body;
use crate::post::mail::{Envelope, Sender, With};
use crate::post::queue::{Door, Incoming, Origin, QueueError, Submitter};
use crate::post::route::{self, Decision, Tables};
use crate::post::smtp::drive::Acceptor;
use crate::post::smtp::{MailFrom, Refusal};
use std::net::IpAddr;

/// Takes the mail of one connection.
pub(super) struct Session {
    door: Door,
    client: IpAddr,
    /// It may send to others than our users.
    may_relay: bool,
    mail: Option<Mail>,
}

/// A message on offer.
struct Mail {
    from: MailFrom,
    recipients: Vec<Address>,
    text: Option<body::Writer>,
}

impl Session {
    pub(super) fn new(door: Door, client: IpAddr, may_relay: bool) -> Session {
        Session { door, client, may_relay, mail: None }
    }

    fn origin(&self, from: &MailFrom) -> Origin {
        let host = &self.door.settings().host;
        // From a client of ours a message may come unfinished; a stranger's is left as it is.
        let submitter = self.may_relay.then(|| {
            let from = match &from.sender {
                Sender::Null => format!("MAILER-DAEMON@{host}"),
                Sender::Address(address) => match address.target(self.door.tables().precedence) {
                    Target::User(_) => format!("{address}@{host}"),
                    Target::Hop { .. } | Target::Domain { .. } => address.to_string(),
                },
            };
            Submitter { from, full_name: None }
        });
        let address = self.client.to_canonical().to_string();
        Origin {
            with: if from.extended { With::Esmtp } else { With::Smtp },
            text: format!("smtp {address}"),
            claimed: Some(from.client.clone()).filter(|name| *name != address),
            from: Some(address),
            submitter,
        }
    }
}

impl Acceptor for Session {
    async fn sender(&mut self, mail: MailFrom) -> Result<(), Refusal> {
        // Said here it saves the client the text (RFC 1870, section 6.1).
        self.door.spool().room_for(mail.size.unwrap_or(0)).await.map_err(refusal)?;
        self.mail = Some(Mail { from: mail, recipients: Vec::new(), text: None });
        Ok(())
    }

    async fn recipient(&mut self, recipient: Address) -> Result<(), Refusal> {
        let Some(mail) = &mut self.mail else { return Err(out_of_order()) };
        let tables = self.door.tables();
        if !self.may_relay && !is_for_us(&tables, &recipient) {
            return Err(Refusal::new(
                550,
                "5.7.1",
                format!("{recipient} is not here, and we do not pass on for you"),
            ));
        }
        let routed = route::resolve(&tables, std::slice::from_ref(&recipient));
        let mut refused = None;
        for one in routed {
            match one.decision {
                Decision::Refused(refusal) => refused = Some(refusal),
                // Where an alias leads to several, one that can be reached is enough; the others are reported.
                _ => {
                    mail.recipients.push(recipient);
                    return Ok(());
                }
            }
        }
        Err(match refused {
            Some(refusal) => Refusal::new(550, &refusal.status, refusal.reason),
            None => Refusal::new(550, "5.1.2", "no route"),
        })
    }

    async fn begin(&mut self) -> Result<(), Refusal> {
        let Some(mail) = &mut self.mail else { return Err(out_of_order()) };
        mail.text = Some(body::Writer::new(self.door.spool()));
        Ok(())
    }

    async fn write(&mut self, text: Vec<u8>) -> Result<(), Refusal> {
        let Some(writer) = self.mail.as_mut().and_then(|mail| mail.text.as_mut()) else {
            return Err(out_of_order());
        };
        let written = writer.write(&text).await;
        if let Err(error) = written {
            self.abandon().await;
            return Err(refusal(error));
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<String, Refusal> {
        let Some(Mail { from, recipients, text: Some(writer) }) = self.mail.take() else {
            return Err(out_of_order());
        };
        let origin = self.origin(&from);
        let content = writer.finish().await.map_err(refusal)?;
        let envelope = Envelope { sender: from.sender, recipients };
        let arrived = clock::wall();
        let mail = Incoming { envelope, unreadable: Vec::new(), content, origin, arrived };
        match self.door.accept(mail).await {
            Ok(accepted) => Ok(accepted.id),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn abandon(&mut self) {
        if let Some(Mail { text: Some(writer), .. }) = self.mail.take()
            && let Err(error) = writer.abandon().await
        {
            tracing::debug!(%error, "a body is left to the sweep");
        }
    }
}

/// Whether an address names a user of ours (or an alias), with no other system in it: `user`, `user@ours`.
fn is_for_us(tables: &Tables, address: &Address) -> bool {
    let is_user = |address: &Address| matches!(address.target(tables.precedence), Target::User(_));
    match address.target(tables.precedence) {
        Target::User(_) => true,
        Target::Domain { local, domain } => tables.is_ours(&domain) && is_user(&local),
        Target::Hop { .. } => false,
    }
}

/// What went wrong here, as the client is told; details of this machine stay here.
fn refusal(error: impl Into<QueueError>) -> Refusal {
    let error = error.into();
    let fault = error.fault();
    tracing::warn!(%fault, "mail was not taken");
    match fault.retry {
        // RFC 5321, section 4.2.3; RFC 3463, section 3.4: "mail system full".
        _ if error.is_full() => {
            Refusal::new(452, "4.3.1", "the disk is full here; nothing was taken, try again later")
        }
        Retry::Later => Refusal::later("not taken now; try again later"),
        Retry::Never => Refusal::new(554, "5.3.0", fault.message),
    }
}

fn out_of_order() -> Refusal {
    Refusal::new(503, "5.5.1", "commands out of order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_may_write_to_our_users_alone() {
        let mut tables = Tables::new("polux".parse().unwrap());
        tables.domains = vec!["polux.example".to_owned()];
        let for_us = |text: &str| is_for_us(&tables, &Address::parse(text).unwrap());
        for ours in
            ["joe", "joe@polux.example", "joe@POLUX", "\"joe\"@polux.uucp", "@relay.example:joe@polux"]
        {
            assert!(for_us(ours), "{ours}");
        }
        let through = [
            "joe@bank.example",
            "bank!joe",
            "polux!joe@bank.example",
            "polux!bank!joe",
            "bank!joe@polux.example",
            "joe%bank.example@polux.example",
            "joe%bank.example",
            "joe@bank.example@polux.example",
            "@polux.example:joe@bank.example",
        ];
        for other in through {
            assert!(Address::parse(other).is_err() || !for_us(other), "{other}");
        }
    }
}
