//! The numbers of conversations: shown, and set by hand once both ends are apart.

use super::{VerbError, Verbs, Who};
use crate::node::report::Sequence;
use serde::{Deserialize, Serialize};

/// What `uugate sequence` asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SequenceRequest {
    pub system: String,
    /// What the last number is to be.
    pub set: Option<u32>,
}

impl Verbs {
    pub(super) async fn sequence(&self, who: &Who, request: SequenceRequest) -> Result<Sequence, VerbError> {
        let system = self.neighbour(&request.system)?;
        if let Some(number) = request.set {
            if !who.trusted {
                let what = format!("set the number of the last conversation with {system}");
                return Err(VerbError::Forbidden { who: who.name.clone(), what });
            }
            self.spool.set_sequence(system.clone(), number).await?;
        }
        let sequence = self.spool.sequence(system.clone()).await?;
        Ok(Sequence { system: system.to_string(), last: sequence.taken, next: sequence.next() })
    }
}
