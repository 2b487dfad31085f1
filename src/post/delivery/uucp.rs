//! To a neighbour by UUCP: deliveries become jobs, in one transaction.
//!
//! A job is either `rmail ADDRESS...` with the message as its input, a From_ line in front, or `rsmtp` with a batch
//! that has the envelopes inside. Nothing is waited for here: the job goes with the next call, and comes back
//! as refused deliveries if the neighbour does not take it.

use super::batches::{self, Terms};
use super::{Failed, body};
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::job::{Command, Execute, Grade, Notify, SystemName, Work};
use crate::post::address::{Address, AddressStyle};
use crate::post::mail::head::{self, HEAD_LIMIT};
use crate::post::mail::{self, Sender, rewrite};
use crate::post::route::{self, Neighbour};
use crate::spool::{Claim, Content, Delivery, NewJob, Outcome, Spool, SpoolError, Wish};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How mail goes to neighbours.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our own name, as neighbours know us: after `remote from`.
    pub node: SystemName,
    /// Our name in mail: after `HELO` in a batch.
    pub host: String,
    /// The urgency of mail; default `C`. Setting `mail-grade`.
    pub grade: Grade,
    /// How batches are made for neighbours that have other terms than the usual ones.
    pub batches: BTreeMap<SystemName, Terms>,
    /// Who asks for the jobs that the queue makes; default `uucp`. Setting `mail-user`.
    pub user: String,
    /// How addresses are written. Setting `address-style` of a neighbour.
    pub style: AddressStyle,
}

impl Settings {
    pub fn new(node: SystemName, host: String) -> Settings {
        let (grade, style) = (Grade::MAIL, AddressStyle::default());
        Settings { node, host, grade, batches: BTreeMap::new(), user: "uucp".to_owned(), style }
    }

    /// The same as one neighbour has it.
    pub fn for_neighbour(&self, neighbour: &Neighbour) -> Settings {
        let (grade, style) = (neighbour.grade.unwrap_or(self.grade), neighbour.style.unwrap_or_default());
        Settings { grade, style, ..self.clone() }
    }

    /// What stands behind `@` in our own addresses.
    fn is_ours(&self, domain: &str) -> bool {
        let name = self.node.as_str();
        domain.eq_ignore_ascii_case(&self.host)
            || domain.eq_ignore_ascii_case(name)
            || domain.eq_ignore_ascii_case(&format!("{name}.uucp"))
    }

    /// A sender, as the neighbour is told it in the From_ line.
    pub fn told_sender(&self, sender: &Sender) -> Sender {
        match sender {
            Sender::Null => Sender::Null,
            Sender::Address(address) => {
                Sender::Address(self.style.sender(address, |domain| self.is_ours(domain)))
            }
        }
    }

    /// A recipient, as the neighbour is told it on the command line.
    pub fn told_recipient(&self, address: &str) -> String {
        match Address::parse(address) {
            Ok(address) => self.style.recipient(&address).to_string(),
            Err(_) => address.to_owned(),
        }
    }
}

/// Makes jobs for neighbours.
#[derive(Debug, Clone)]
pub struct Uucp {
    spool: Spool,
    settings: Settings,
}

impl Uucp {
    pub fn new(spool: Spool, settings: Settings) -> Uucp {
        Uucp { spool, settings }
    }

    /// The deliveries of one message as `rmail` jobs, each of as many addresses as one command takes there.
    pub async fn rmail(
        &self,
        site: &str,
        neighbour: &Neighbour,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Result<Vec<Failed>, SpoolError> {
        let Ok(system) = site.parse::<SystemName>() else { return Ok(vec![no_system(site, deliveries)]) };
        let settings = self.settings.for_neighbour(neighbour);
        let (sound, mut failed) = self.sound(deliveries).await;
        let mut handed = false;
        for list in commands(neighbour, sound) {
            match rmail(&self.spool, &settings, &system, list, now).await {
                Ok(outcome) => {
                    self.spool.settle(now, vec![outcome]).await?;
                    handed = true;
                }
                Err(not_handed) => failed.push(not_handed),
            }
        }
        self.demand(&system, neighbour, settings.grade, now, handed).await?;
        Ok(failed)
    }

    /// Deliveries of any messages as batches.
    pub async fn rsmtp(
        &self,
        site: &str,
        neighbour: &Neighbour,
        deliveries: Vec<Delivery>,
        now: Timestamp,
    ) -> Result<Vec<Failed>, SpoolError> {
        let Ok(system) = site.parse::<SystemName>() else { return Ok(vec![no_system(site, deliveries)]) };
        let settings = self.settings.for_neighbour(neighbour);
        let (sound, mut failed) = self.sound(deliveries).await;
        let (not_handed, handed) = batches::hand(&self.spool, &settings, &system, sound, now).await?;
        failed.extend(not_handed);
        self.demand(&system, neighbour, settings.grade, now, handed).await?;
        Ok(failed)
    }

    /// Asks for a call to a neighbour that is called as soon as there is mail. When it comes is up to its hours and to what calls
    /// may cost. Asked afterwards: a call without work would cost as much.
    async fn demand(
        &self,
        system: &SystemName,
        neighbour: &Neighbour,
        grade: Grade,
        now: Timestamp,
        handed: bool,
    ) -> Result<(), SpoolError> {
        if !(handed && neighbour.is_demand()) {
            return Ok(());
        }
        let why = "there is mail for it, and it is called on demand".to_owned();
        self.spool.want_call(Wish { system: system.clone(), grade, why, since: now, at_once: false }).await
    }

    /// Those whose message is what was written; the others fail, each alone.
    async fn sound(&self, deliveries: Vec<Delivery>) -> (Vec<Delivery>, Vec<Failed>) {
        let (mut sound, mut failed): (Vec<Delivery>, _) = (Vec::new(), Vec::new());
        for delivery in deliveries {
            let is_same = sound.last().is_some_and(|last| last.body == delivery.body);
            match if is_same { Ok(()) } else { self.spool.body_check(delivery.body).await } {
                Ok(()) => sound.push(delivery),
                Err(error) => failed.push(Failed { deliveries: vec![delivery], fault: error.fault() }),
            }
        }
        (sound, failed)
    }
}

/// Cuts the deliveries of one message into those of one command each.
fn commands(neighbour: &Neighbour, deliveries: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let addresses = deliveries.iter().filter_map(|delivery| Address::parse(&delivery.address).ok());
    let groups = route::group(addresses.collect(), neighbour);
    let mut deliveries = deliveries.into_iter();
    let mut lists: Vec<Vec<Delivery>> =
        groups.iter().map(|group| deliveries.by_ref().take(group.len()).collect()).collect();
    // None is left unless an address did not read back.
    lists.extend(deliveries.map(|delivery| vec![delivery]));
    lists
}

/// Deliveries of one message to one neighbour, few enough for one command, as an `rmail` job.
async fn rmail(
    spool: &Spool,
    settings: &Settings,
    site: &SystemName,
    deliveries: Vec<Delivery>,
    now: Timestamp,
) -> Result<Outcome, Failed> {
    let Some(first) = deliveries.first() else {
        return Err(Failed { deliveries, fault: refused("nobody to send to".to_owned()) });
    };
    let sender = settings.told_sender(&Sender::parse(&first.sender).unwrap_or(Sender::Null));
    let from_line = mail::from_line(&sender, first.accepted, Some(settings.node.as_str()));
    let content = match message(spool, settings, site, from_line, first).await {
        Ok(content) => content,
        Err(error) => return Err(Failed { deliveries, fault: error.fault() }),
    };
    let addresses = deliveries.iter().map(|delivery| settings.told_recipient(&delivery.address)).collect();
    match job(settings, site, "rmail", addresses, Some(&sender), content, now) {
        Ok(job) => Ok(Outcome::Handed { deliveries: claims(&deliveries), job }),
        Err(fault) => Err(Failed { deliveries, fault }),
    }
}

/// The input of `rmail`: From_ line and message, the addresses in its header as the neighbour knows addresses.
async fn message(
    spool: &Spool,
    settings: &Settings,
    site: &SystemName,
    from_line: String,
    delivery: &Delivery,
) -> Result<Content, SpoolError> {
    let mut text = from_line.into_bytes();
    if !settings.style.is_bang() {
        return Ok(Content { head: text, rest: Some(delivery.body.id) });
    }
    let beginning = body::beginning(spool, delivery.body.id, HEAD_LIMIT).await?;
    let (node, neighbour) = (settings.node.as_str(), site.as_str());
    let in_header = |_: &str, address: &Address| {
        Some(settings.style.in_header(address, node, neighbour, |domain| settings.is_ours(domain)))
    };
    text.extend_from_slice(&rewrite::addresses(&beginning, in_header));
    let mut writer = body::Writer::new(spool);
    writer.write(&text).await?;
    writer.copy(delivery.body.id, head::length(&beginning) as u64).await?;
    writer.finish().await
}

fn claims(deliveries: &[Delivery]) -> Vec<Claim> {
    deliveries.iter().map(|delivery| delivery.claim).collect()
}

/// Its mail is held: the route names no system that is none.
fn no_system(site: &str, deliveries: Vec<Delivery>) -> Failed {
    let fault = Fault { whose: Whose::Bug, ..refused(format!("{site:?} is no system name")) };
    Failed { deliveries, fault }
}

fn refused(message: String) -> Fault {
    Fault { stage: Stage::Deliver, whose: Whose::Usage, retry: Retry::Never, message, advice: String::new() }
}

pub(super) fn job(
    settings: &Settings,
    site: &SystemName,
    program: &str,
    arguments: Vec<String>,
    sender: Option<&Sender>,
    content: Content,
    now: Timestamp,
) -> Result<NewJob, Fault> {
    let command = Command::new(program.to_owned(), arguments).map_err(|error| refused(error.to_string()))?;
    // Whom the neighbour tells if the command fails there; nobody is told about reports.
    let (requestor, notify) = match sender {
        Some(Sender::Null) => (Some(Sender::Null.from_user().to_owned()), Notify::Never),
        Some(Sender::Address(address)) if address.is_command_word() => {
            (Some(address.to_string()), Notify::OnError)
        }
        _ => (None, Notify::OnError),
    };
    let work = Work::Execute(Execute { command, user: settings.user.clone(), requestor, notify });
    Ok(NewJob { system: site.clone(), grade: settings.grade, work, content: Some(content), created: now })
}
