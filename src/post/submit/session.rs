//! One client's mail, on its way from the SMTP machine to the door.

use super::{Client, Desk, Service, clients};
use crate::clock;
use crate::fault::{Retry, ToFault};
use crate::job::SystemName;
use crate::observe::Secret;
use crate::password;
use crate::post::address::{Address, Target};
use crate::post::delivery::body;
use crate::post::mail::{Envelope, Sender, With};
use crate::post::queue::{Asked, Incoming, Origin, QueueError, Submitter};
use crate::post::route::{self, Decision, Tables};
use crate::post::smtp::drive::Acceptor;
use crate::post::smtp::{MailFrom, RcptTo, Refusal};
use std::sync::Arc;
use std::time::Duration;

/// How long a password may wait to be looked at, behind those of others.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);

/// Takes the mail of one connection.
pub(super) struct Session {
    desk: Desk,
    client: Client,
    /// Only mail that is passed on is taken.
    submission: bool,
    /// It may send to others than our users.
    may_relay: bool,
    /// Who it has logged in as.
    user: Option<String>,
    mail: Option<Mail>,
}

/// A message on offer.
struct Mail {
    from: MailFrom,
    recipients: Vec<Address>,
    asked: Asked,
    text: Option<body::Writer>,
}

impl Session {
    pub(super) fn new(desk: Desk, client: Client, service: Service) -> Session {
        let may_relay = match &client {
            Client::At(address) => desk.settings.relays_for(*address),
            Client::Local { .. } => true,
        };
        Session { desk, client, submission: service != Service::Smtp, may_relay, user: None, mail: None }
    }

    fn tables(&self) -> Arc<Tables> {
        self.desk.door.tables()
    }

    fn origin(&self, from: &MailFrom) -> Origin {
        let host = &self.desk.door.settings().host;
        // From a client of ours a message may come unfinished; a stranger's is left as it is.
        let submitter = self.may_relay.then(|| {
            let from = match &from.sender {
                Sender::Null => format!("MAILER-DAEMON@{host}"),
                Sender::Address(address) => match address.target(self.tables().precedence) {
                    Target::User(_) => format!("{address}@{host}"),
                    Target::Hop { .. } | Target::Domain { .. } => address.to_string(),
                },
            };
            Submitter { from, full_name: None }
        });
        let with = match (from.extended, from.secured, &self.user) {
            (false, ..) => With::Smtp,
            (true, false, _) => With::Esmtp,
            (true, true, None) => With::Esmtps,
            (true, true, Some(_)) => With::Esmtpsa,
        };
        let text = match (&self.client, &self.user) {
            (client @ Client::Local { .. }, _) => format!("{client} by smtp"),
            (client, None) => format!("smtp {client}"),
            (client, Some(user)) => format!("smtp {client} as {user}"),
        };
        let address = match &self.client {
            Client::At(address) => Some(address.to_canonical().to_string()),
            Client::Local { .. } => None,
        };
        let claimed = address.as_ref().filter(|address| **address != from.client);
        Origin { with, text, claimed: claimed.map(|_| from.client.clone()), from: address, submitter }
    }

    /// What its wrong passwords are counted by.
    fn guest(&self) -> String {
        match &self.client {
            Client::At(address) => clients::known_by(*address).to_string(),
            local @ Client::Local { .. } => local.to_string(),
        }
    }

    /// The neighbour that takes the mail for a node, which is named itself or by a domain.
    fn neighbour_for(&self, node: &str) -> Option<SystemName> {
        if let Ok(name) = node.parse::<SystemName>()
            && self.tables().neighbours.contains_key(&name)
        {
            return Some(name);
        }
        let anybody = Address::parse(&format!("postmaster@{node}")).ok()?;
        let routed = route::resolve(&self.tables(), std::slice::from_ref(&anybody));
        routed.into_iter().find_map(|one| match one.decision {
            Decision::Neighbour { system, .. } => Some(system),
            _ => None,
        })
    }
}

impl Acceptor for Session {
    async fn sender(&mut self, mail: MailFrom) -> Result<(), Refusal> {
        if self.submission && !self.may_relay {
            return Err(Refusal::new(530, "5.7.0", "log in first (AUTH)"));
        }
        // Said here it saves the client the text (RFC 1870, section 6.1).
        self.desk.door.spool().room_for(mail.size.unwrap_or(0)).await.map_err(refusal)?;
        let asked = Asked::of(&mail.notice);
        self.mail = Some(Mail { from: mail, recipients: Vec::new(), asked, text: None });
        Ok(())
    }

    async fn recipient(&mut self, to: RcptTo) -> Result<(), Refusal> {
        let Some(mail) = &mut self.mail else { return Err(out_of_order()) };
        let tables = self.desk.door.tables();
        let RcptTo { recipient, notice } = to;
        if !self.may_relay && !is_for_us(&tables, &recipient) {
            return Err(Refusal::new(
                550,
                "5.7.1",
                format!("{recipient} is not here, and we do not pass on for you"),
            ));
        }
        let routed = self.desk.door.resolve(std::slice::from_ref(&recipient)).await;
        let mut refused = None;
        for one in routed {
            match one.decision {
                Decision::Refused(refusal) => refused = Some(refusal),
                // Where an alias leads to several, one that can be reached is enough; the others are reported.
                _ => {
                    mail.asked.add(&recipient, &notice);
                    mail.recipients.push(recipient);
                    return Ok(());
                }
            }
        }
        Err(match refused {
            // RFC 5321, section 4.2.3: "requested action aborted", and "user not local; please try".
            Some(refusal) if refusal.is_passing() => Refusal::new(451, &refusal.status, refusal.reason),
            Some(refusal) if refusal.status == "5.1.6" => Refusal::new(551, "5.1.6", refusal.reason),
            Some(refusal) => Refusal::new(550, &refusal.status, refusal.reason),
            None => Refusal::new(550, "5.1.2", "no route"),
        })
    }

    async fn begin(&mut self) -> Result<(), Refusal> {
        let Some(mail) = &mut self.mail else { return Err(out_of_order()) };
        mail.text = Some(body::Writer::new(self.desk.door.spool()));
        Ok(())
    }

    async fn write(&mut self, text: Vec<u8>) -> Result<(), Refusal> {
        let Some(writer) = self.mail.as_mut().and_then(|mail| mail.text.as_mut()) else {
            return Err(out_of_order());
        };
        let written = writer.give(text).await;
        if let Err(error) = written {
            self.abandon().await;
            return Err(refusal(error));
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<String, Refusal> {
        let Some(Mail { from, recipients, asked, text: Some(writer) }) = self.mail.take() else {
            return Err(out_of_order());
        };
        let origin = self.origin(&from);
        let content = writer.finish().await.map_err(refusal)?;
        let envelope = Envelope { sender: from.sender, recipients };
        let arrived = clock::wall();
        let mail = Incoming { envelope, unreadable: Vec::new(), content, origin, arrived, asked };
        match self.desk.door.accept(mail).await {
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

    fn secured(&mut self, names: Vec<String>) {
        let trusted = &self.desk.settings.relay_certificates;
        if let Some(name) = names.iter().find(|name| trusted.contains(name)) {
            tracing::debug!(client = %self.client, name, "mail is passed on for a certificate");
            self.may_relay = true;
        }
    }

    async fn login(&mut self, name: String, password: Secret) -> Result<(), Refusal> {
        let (clients, guest) = (&self.desk.clients, self.guest());
        if !clients.wait(clock::now(), &guest).is_zero() {
            tracing::info!(client = %self.client, "no password is looked at after so many wrong ones");
            return Err(Refusal::new(
                454,
                "4.7.0",
                "too many wrong passwords came from you; try again later",
            ));
        }
        let known = self.desk.settings.passwords.get(&name);
        let hashes = known.map(|hash| hash.expose().to_owned()).into_iter().collect();
        let Some(right) = password::check(hashes, password, LOGIN_LIMIT).await else {
            return Err(Refusal::new(454, "4.7.0", "no time for passwords now; try again later"));
        };
        clients.logged_in(clock::now(), &guest, right);
        // A name that nobody has may be a password that was typed in the wrong place.
        let user = known.map(|_| name.as_str());
        if !right {
            tracing::warn!(client = %self.client, user, "a wrong password");
            return Err(Refusal::new(535, "5.7.8", "name or password is wrong"));
        }
        tracing::info!(client = %self.client, user, "logged in");
        self.may_relay = true;
        self.user = Some(name);
        Ok(())
    }

    async fn turn(&mut self, node: String) -> Result<bool, Refusal> {
        let Some(turn) = &self.desk.turn else { return Err(out_of_order()) };
        if !self.may_relay {
            return Err(Refusal::new(
                459,
                "4.7.1",
                format!("node {node} not allowed: we call nobody for you"),
            ));
        }
        match self.neighbour_for(node.trim_start_matches(['@', '#'])) {
            Some(system) => turn.call(system).await,
            None => {
                let text = format!("node {node} not allowed: its mail goes by no neighbour of ours");
                Err(Refusal::new(459, "4.4.4", text))
            }
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
    use crate::post::mail::notice::{MessageNotice, RecipientNotice};
    use crate::post::queue::{self, Door};
    use crate::post::submit::{Clients, Settings};
    use crate::spool::Spool;

    #[tokio::test]
    async fn a_name_that_nobody_has_any_more_and_one_that_cannot_be_looked_up_now() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("aliases"), "ann = Ann Farmer = ann@farm.example\n").unwrap();
        let ask = async |files: &[&str], recipient: &str| {
            let mut tables = Tables::new("polux".parse().unwrap());
            tables.aliases.insert("bill".to_owned(), vec!["bill@new.example.REDIRECT".to_owned()]);
            tables.directors.alias_files = files.iter().map(|file| folder.path().join(file)).collect();
            let settings = queue::Settings::new("polux.example".to_owned());
            let door = Door::new(Spool::in_memory(), settings, tables);
            let desk = Desk::new(door, Settings::default(), Clients::default(), None);
            let client = Client::At("192.0.2.1".parse().unwrap());
            let mut session = Session::new(desk, client, Service::Smtp);
            let from = MailFrom {
                sender: Sender::parse("joe@leaf.example").unwrap(),
                client: "leaf".to_owned(),
                extended: true,
                secured: false,
                size: None,
                notice: MessageNotice::default(),
            };
            session.sender(from).await.unwrap();
            let recipient = Address::parse(recipient).unwrap();
            session.recipient(RcptTo { recipient, notice: RecipientNotice::default() }).await
        };
        let moved = Refusal::new(551, "5.1.6", "User has moved; please try <bill@new.example>");
        assert_eq!(ask(&[], "bill").await, Err(moved));
        let later = ask(&["aliases"], "ann").await.unwrap_err();
        assert_eq!((later.code, later.status.as_str()), (451, "4.3.0"));
    }

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
