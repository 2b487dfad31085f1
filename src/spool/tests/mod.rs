//! One suite for both homes of the spool: what each verb promises.

mod batch;
mod calls;
mod crash;
mod damage;
mod incoming;
mod jobs;
mod leases;
mod queue;
mod reader;
mod scale;
mod sequence;
mod told;
mod unclaimed;
mod writing;

use super::*;
use crate::job::{Command, Execute, Grade, Notify, SystemName, Work};
use jiff::Timestamp;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(600);

/// A spool under test. The folder goes when the test does.
struct Home {
    spool: Spool,
    folder: Option<tempfile::TempDir>,
}

impl Home {
    fn memory() -> Home {
        Home { spool: Spool::in_memory(), folder: None }
    }

    async fn directory() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path(), at(0)).await.unwrap();
        Home { spool, folder: Some(folder) }
    }

    /// Closes the spool and opens it again; memory goes on as it is.
    async fn reopen(&mut self, now: Timestamp) {
        if let Some(folder) = &self.folder {
            self.spool.close().await;
            self.spool = Spool::open(folder.path(), now).await.unwrap();
        }
    }
}

/// Makes one test of a suite function for each home.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::super::Home::memory()).await;
            })*
        }
        mod directory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::super::Home::directory().await).await;
            })*
        }
    };
}
use on_both;

/// A time, in seconds after the first of 2026.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

fn system(name: &str) -> SystemName {
    name.parse().unwrap()
}

fn message(text: &str, recipients: &[&str]) -> NewMessage {
    let deliveries = recipients
        .iter()
        .map(|user| NewDelivery {
            recipient: (*user).to_owned(),
            transport: "local".to_owned(),
            site: (*user).to_owned(),
            address: (*user).to_owned(),
            ..NewDelivery::default()
        })
        .collect();
    NewMessage {
        sender: "jan@polux".to_owned(),
        content: Content::bytes(text.as_bytes().to_vec()),
        accepted: at(0),
        origin: "test".to_owned(),
        deliveries,
        ..NewMessage::default()
    }
}

fn rmail(address: &str) -> Execute {
    Execute {
        command: Command::parse(&format!("rmail {address}")).unwrap(),
        user: "jan".to_owned(),
        requestor: None,
        notify: Notify::OnError,
    }
}

fn job(to: &str, grade: char, text: &str) -> NewJob {
    NewJob {
        system: system(to),
        grade: Grade::new(grade).unwrap(),
        work: Work::Execute(rmail("ida")),
        content: Some(Content::bytes(text.as_bytes().to_vec())),
        created: at(0),
    }
}

/// Puts bytes into a new body.
async fn body_of(spool: &Spool, bytes: &[u8]) -> BodyId {
    let body = spool.body_new().await.unwrap();
    for (piece, offset) in bytes.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        spool.body_append(body, offset, piece.to_vec()).await.unwrap();
    }
    body
}

async fn read_all(spool: &Spool, body: BodyId) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = spool.body_read(body, bytes.len() as u64, CHUNK).await.unwrap();
        if more.is_empty() {
            return bytes;
        }
        bytes.extend(more);
    }
}

/// Runs SQL behind the back of the verbs, to make what only time or a crash makes.
async fn meddle(spool: &Spool, sql: &'static str) -> usize {
    spool.writer().verb(0, move |store| store.sql(sql)).await.unwrap()
}

async fn accept(spool: &Spool, text: &str, recipients: &[&str]) -> MessageId {
    spool.accept(None, vec![message(text, recipients)]).await.unwrap()[0]
}

async fn claim_deliveries(spool: &Spool, now: i64) -> Vec<Delivery> {
    spool.claim_deliveries(at(now), 100, LEASE).await.unwrap()
}

async fn claim_jobs(spool: &Spool, to: &str) -> Vec<Job> {
    spool.claim_jobs(at(10), system(to), Wanted::default(), 100, LEASE).await.unwrap()
}

fn claims(deliveries: &[Delivery]) -> Vec<Claim> {
    deliveries.iter().map(|delivery| delivery.claim).collect()
}

fn is_conflict<T>(result: Result<T, SpoolError>) -> bool {
    matches!(result, Err(SpoolError::Conflict(_)))
}

fn is_missing<T>(result: Result<T, SpoolError>) -> bool {
    matches!(result, Err(SpoolError::Missing(_)))
}

async fn events(spool: &Spool, what: &str) -> Vec<Event> {
    let filter = EventFilter { limit: 1000, ..EventFilter::default() };
    let events = spool.events(filter).await.unwrap();
    events.into_iter().map(|(_, event)| event).filter(|event| event.what == what).collect()
}
