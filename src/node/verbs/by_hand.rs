//! What a call costs in which somebody talks by hand (`uugate terminal`).

use super::{VerbError, Verbs, Who};
use crate::clock;
use crate::fault::ToFault;
use crate::job::{Grade, SystemName};
use crate::schedule::Doubt;
use crate::spool::{CallLease, CallRecord};
use crate::wire::call::{self, CUT_BEFORE, CallError, Node};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// A call that may be placed by hand. The system is called by nobody else meanwhile.
pub struct ByHand {
    node: Arc<Node>,
    system: SystemName,
    line: String,
    lease: CallLease,
    /// When the line is to be hung up at the latest, from now on.
    pub longest: Duration,
}

impl Verbs {
    /// Begins a call by hand, on the first line that the system is called on; it is as urgent as can be.
    pub async fn call_by_hand(&self, who: &Who, name: &str) -> Result<ByHand, VerbError> {
        if !who.trusted {
            let what = format!("call {name} by hand on a line that costs something");
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        let (settings, now) =
            (self.config.station(), clock::wall().to_zoned(self.config.node.time_zone.clone()));
        let called = settings.systems.iter().find(|system| system.name.as_str() == name);
        let called = called.ok_or_else(|| VerbError::NoSystem(name.to_owned()))?;
        let line = called.lines.first().ok_or_else(|| VerbError::NoSystem(name.to_owned()))?;
        let doubt = self.events.clock_doubt().or_else(|| Doubt::of(now.timestamp(), None));
        let paid = settings.may_pay(&self.spool, line, called, Grade::BEST, &now, doubt).await?;
        let longest = match paid {
            None => Duration::MAX,
            Some(Ok(allowance)) => allowance.longest.saturating_sub(CUT_BEFORE),
            Some(Err(why)) => {
                return Err(VerbError::Usage(format!(
                    "{name} is not called now: {why}; see `uugate when {name}`"
                )));
            }
        };
        let below = |error: CallError| VerbError::Below(error.fault());
        let (node, system) = (settings.node.clone(), called.name.clone());
        let lease = call::begin(&self.spool, &node, &system, line).await.map_err(below)?;
        Ok(ByHand { node, system, line: line.clone(), lease, longest })
    }

    /// Counts it until `talk` is over.
    pub async fn count_by_hand(
        &self,
        by_hand: ByHand,
        talk: impl Future<Output = ()>,
    ) -> Result<CallRecord, VerbError> {
        let ByHand { node, system, line, lease, .. } = by_hand;
        let counted = call::by_hand(&self.spool, &node, &system, lease, &line, talk).await;
        counted.map_err(|error| VerbError::Below(error.fault()))
    }
}
