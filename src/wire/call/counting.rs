//! The numbers of calls with a system that counts them (`sequence`). A number of ours is on disk before it is said, and
//! is spent by that. The called end takes it once the caller has chosen a protocol, which shows that it heard our yes; the
//! caller after that, once the called end has said something that shows it. What a lost line leaves between is
//! [`crate::spool::Sequence`]'s business.

use super::CallError;
use crate::job::SystemName;
use crate::spool::{CallRecord, Spool};
use crate::wire::session::{Admission, Denial, Failure, Gate, Introduction, SessionError};

/// The numbers of one system, in a call that we place.
pub(super) struct Counter<'a> {
    spool: &'a Spool,
    system: &'a SystemName,
    said: Option<u32>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(spool: &'a Spool, system: &'a SystemName) -> Counter<'a> {
        Counter { spool, system, said: None }
    }

    /// The number, by how the call went. One that was refused is said again: Taylor UUCP counts what it refuses, and so
    /// comes up to us; and who is ahead of us stays so until somebody has looked into it (`uugate sequence`).
    pub(super) async fn settle(self, result: &Result<(), CallError>, record: &CallRecord) {
        let (Some(number), system) = (self.said, self.system.clone()) else { return };
        let settled = match result {
            // Who refuses so has not taken it, and these words are not made by noise.
            Err(CallError::Session(SessionError::Refused(
                Denial::BadSequence
                | Denial::Locked
                | Denial::CallBack
                | Denial::WrongLogin
                | Denial::Unknown,
            ))) => self.spool.unsay_sequence(system, number).await,
            // Who sends packets has heard which protocol they are of.
            result if result.is_ok() || record.bytes_received > 0 => {
                self.spool.take_sequence(system, number).await
            }
            _ => Ok(()),
        };
        if let Err(error) = settled {
            tracing::warn!(%error, "the number of a call stays in doubt");
        }
    }
}

impl Gate for Counter<'_> {
    /// On the calling side nobody is judged.
    async fn check(&mut self, _caller: Introduction) -> Result<Admission, Denial> {
        Err(Denial::Unknown)
    }

    async fn number(&mut self) -> Result<u32, Failure> {
        let number = self.spool.say_sequence(self.system.clone()).await.map_err(|error| error.to_string())?;
        self.said = Some(number);
        Ok(number)
    }
}

/// Whether a caller has the right number.
pub(super) async fn permits(spool: &Spool, system: &SystemName, number: Option<u32>) -> Result<(), Denial> {
    let sequence = spool.sequence(system.clone()).await.map_err(|error| Denial::NotNow(error.to_string()))?;
    if number.is_some_and(|number| sequence.permits(number)) { Ok(()) } else { Err(Denial::BadSequence) }
}
