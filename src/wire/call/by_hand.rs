//! Calls in which somebody talks by hand: nothing is known of them but how long they take, and what that costs.

use super::meter::Meter;
use super::under_way::UnderWay;
use super::{CallError, Node, renewed};
use crate::clock;
use crate::job::SystemName;
use crate::spool::{CallLease, CallRecord, Spool};
use std::future::Future;

/// Counts a call with `system` from now, when it is dialled, until `talk` is over: nobody tells whether it was answered.
pub async fn by_hand(
    spool: &Spool,
    node: &Node,
    system: &SystemName,
    lease: CallLease,
    line: &str,
    talk: impl Future<Output = ()>,
) -> Result<CallRecord, CallError> {
    let call = UnderWay::new(spool, lease);
    let meter = Meter::of_attempt(node, system, lease, line, clock::now());
    let counted = async {
        match &meter {
            Some(meter) => meter.count_on(spool, node.lease / 2, talk).await,
            None => talk.await,
        }
    };
    renewed(spool, node, call.claims(), counted).await?;
    let charge = meter.as_ref().map(Meter::charge);
    Ok(call.end(CallRecord { by_hand: true, charge, ..CallRecord::default() }).await)
}
