//! What a call holds in the spool.

use crate::clock;
use crate::job::SystemName;
use crate::spool::{CallLease, Claim, Job, Outcome, Spool, SpoolError, Wanted};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The claims that a call holds; they are renewed while it runs.
#[derive(Debug, Clone, Default)]
pub struct Claims(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    held: Vec<Claim>,
    /// The call is over.
    closed: bool,
}

impl Claims {
    pub fn of(lease: CallLease) -> Claims {
        let claims = Claims::default();
        claims.state().held.push(lease.claim);
        claims
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False: the call is over, and holds nothing more.
    fn add(&self, claim: Claim) -> bool {
        let mut state = self.state();
        if !state.closed {
            state.held.push(claim);
        }
        !state.closed
    }

    pub fn remove(&self, claim: Claim) {
        self.state().held.retain(|other| *other != claim);
    }

    pub fn all(&self) -> Vec<Claim> {
        self.state().held.clone()
    }

    /// The call is over. What it still held is for the caller to give back.
    pub fn close(&self) -> Vec<Claim> {
        let mut state = self.state();
        state.closed = true;
        state.held.clone()
    }

    /// Claims the next job for a system. A call may be cut off while it waits for the answer, with which the claim would
    /// be lost until it lapses: so it is awaited in a task of its own, that gives back what nobody wants any more.
    pub async fn next_job(
        &self,
        spool: &Spool,
        system: SystemName,
        wanted: Wanted,
        lease: Duration,
    ) -> Result<Option<Job>, SpoolError> {
        let (claims, spool) = (self.clone(), spool.clone());
        let claiming = tokio::spawn(async move {
            let jobs = spool.claim_jobs(clock::wall(), system, wanted, 1, lease).await?;
            let Some(job) = jobs.into_iter().next() else { return Ok(None) };
            if claims.add(job.claim) {
                return Ok(Some(job));
            }
            give_back(&spool, job.claim).await?;
            Ok(None)
        });
        claiming.await.unwrap_or(Err(SpoolError::Closed))
    }
}

/// Gives a job back that a call did not come to.
pub async fn give_back(spool: &Spool, job: Claim) -> Result<(), SpoolError> {
    let note = "the call was cut off before its turn".to_owned();
    match spool.settle(clock::wall(), vec![Outcome::JobDeferred { job, note }]).await {
        // It was settled meanwhile.
        Err(SpoolError::Conflict(_)) => Ok(()),
        settled => settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Command, Execute, Grade, Notify, Work};
    use crate::spool::NewJob;

    #[tokio::test]
    async fn a_job_that_was_claimed_for_a_call_that_is_gone_is_given_back() {
        let spool = Spool::in_memory();
        let system: SystemName = "polux".parse().unwrap();
        let command = Command::parse("rmail ann").unwrap();
        let execute = Execute { command, user: "jan".to_owned(), requestor: None, notify: Notify::OnError };
        let (created, work) = (clock::wall(), Work::Execute(execute));
        let job = NewJob { system: system.clone(), grade: Grade::MAIL, work, content: None, created };
        spool.submit_job(None, job).await.unwrap();
        let lease = Duration::from_secs(3600);
        let claims = Claims::default();
        tokio::select! {
            biased;
            // The claim is asked for, and hardly anybody stays for the answer.
            _ = claims.next_job(&spool, system.clone(), Wanted::default(), lease) => {}
            () = tokio::task::yield_now() => {}
        }
        for job in claims.close() {
            give_back(&spool, job).await.unwrap();
        }
        let again = async {
            while spool
                .claim_jobs(clock::wall(), system.clone(), Wanted::default(), 1, lease)
                .await
                .unwrap()
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        clock::within(Duration::from_secs(60), again).await.expect("the job, without waiting for its lease");
    }
}
