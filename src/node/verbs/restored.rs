//! What is to be done once the spool was restored from a backup.

use super::{VerbError, Verbs, Who};
use crate::node::report::Report;

impl Verbs {
    pub(super) async fn restored(&self, who: &Who) -> Result<Report, VerbError> {
        if !who.trusted {
            let what = "say that the spool was restored".to_owned();
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        self.spool.restored().await?;
        Ok(Report::Done)
    }
}
