//! `uugate export`, `uugate import`: mail that travels as a file, written and read by whoever has the spool.

use super::{VerbError, Verbs, Who};
use crate::bundle::{self, BundleError};
use crate::fault::ToFault;
use crate::job::SystemName;
use crate::node::report::Bundle;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is to be done with a file. Its path is absolute, for the daemon stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum BundleRequest {
    Export {
        system: String,
        file: PathBuf,
    },
    Done {
        file: PathBuf,
    },
    Recall {
        file: PathBuf,
    },
    Import {
        file: PathBuf,
        /// The system that made it; None: the only one that we know.
        from: Option<String>,
    },
}

impl Verbs {
    /// Only for trusted users: files are read and written with the rights of the node.
    pub(super) async fn bundle(&self, who: &Who, request: BundleRequest) -> Result<Bundle, VerbError> {
        if !who.trusted {
            let what = "export or import mail".to_owned();
            return Err(VerbError::Forbidden { who: who.name.clone(), what });
        }
        let below = |error: BundleError| VerbError::Below(error.fault());
        let shown = |file: &PathBuf| file.display().to_string();
        match request {
            BundleRequest::Export { system, file } => {
                let system = self.neighbour(&system)?;
                let (node, host) = (&self.config.node.name, self.config.host());
                let made = bundle::export(&self.spool, node, &host, &system, &file).await.map_err(below)?;
                let jobs = made.jobs as u64;
                let bundle::Exported { messages, bytes, left, .. } = made;
                Ok(Bundle::Exported { file: shown(&file), jobs, messages, bytes, left })
            }
            BundleRequest::Done { file } => {
                let jobs = bundle::done(&self.spool, &file).await.map_err(below)?;
                Ok(Bundle::Done { file: shown(&file), jobs })
            }
            BundleRequest::Recall { file } => {
                let jobs = bundle::recall(&self.spool, &file).await.map_err(below)?;
                Ok(Bundle::Recalled { file: shown(&file), jobs })
            }
            BundleRequest::Import { file, from } => {
                let peer = self.maker(from.as_deref())?;
                let taken = bundle::import(&self.door, &file, &peer).await.map_err(below)?;
                let messages = taken.messages as u64;
                let bundle::Imported { already, dropped, .. } = taken;
                Ok(Bundle::Imported { file: shown(&file), messages, already, dropped })
            }
        }
    }

    fn maker(&self, from: Option<&str>) -> Result<SystemName, VerbError> {
        match (from, self.config.systems.as_slice()) {
            (Some(name), _) => self.neighbour(name),
            (None, [only]) => Ok(only.name.clone()),
            (None, _) => Err(VerbError::Usage("say with --from which system made the file".to_owned())),
        }
    }
}
