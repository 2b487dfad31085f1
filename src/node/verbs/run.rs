//! `uuxqt`: everything that is due now, carried out now.

use super::{VerbError, Verbs};
use crate::agent::Agent;
use crate::execute::Executor;
use crate::fault::ToFault;
use crate::node::report::Report;
use crate::post::queue::Worker;

/// How often it is looked whether more has become due meanwhile; mail that comes back may make more mail, but not
/// for ever.
const ROUNDS: usize = 1000;

impl Verbs {
    /// What carries out executions.
    pub fn executor(&self) -> Executor {
        Executor::new(self.door.clone(), self.config.execute_settings())
    }

    /// What sees to the queue.
    pub fn worker(&self) -> Worker {
        let agent = Agent::new(self.config.agent_settings());
        let worker = Worker::new(self.door.clone(), agent, self.config.uucp_delivery_settings());
        worker.sending_by(self.config.smtp_delivery_settings())
    }

    /// Carries out executions and sees to the queue until nothing is due any more.
    pub async fn run(&self) -> Result<Report, VerbError> {
        let (executor, worker) = (self.executor(), self.worker());
        worker.recover().await?;
        let mut executions = 0;
        for _ in 0..ROUNDS {
            let executed = executor.pass().await?;
            executions += executed as u64;
            let delivered = worker.pass().await.map_err(|error| VerbError::Below(error.fault()))?;
            if executed + delivered == 0 {
                break;
            }
        }
        Ok(Report::Ran { executions })
    }
}
