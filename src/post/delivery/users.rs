//! Who gets local mail: the users of the configuration, whose mailboxes are the node's own, and those of the password file.

use crate::agent::{Account, Agent, Kind, User};
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Users {
    own: Arc<HashMap<String, PathBuf>>,
    agent: Agent,
}

impl Users {
    /// `own` are the mailboxes of the configuration.
    pub fn new(own: HashMap<String, PathBuf>, agent: Agent) -> Users {
        Users { own: Arc::new(own), agent }
    }

    /// The user of that name; one of the configuration acts as the node.
    pub async fn find(&self, name: &str) -> Result<User, Fault> {
        if self.own.contains_key(name) {
            return Ok(User { name: name.to_owned(), ..self.agent.own_user() });
        }
        let found = self.agent.look_up(name).await.map_err(|error| error.fault())?;
        found.ok_or_else(|| Fault {
            stage: Stage::Deliver,
            whose: Whose::PeerRefused,
            retry: Retry::Never,
            message: format!("there is no user {name:?} here"),
            advice: String::new(),
        })
    }

    /// His mailbox.
    pub async fn mailbox(&self, name: &str) -> Result<Account, Fault> {
        if let Some(mailbox) = self.own.get(name) {
            return Ok(Account::own(self.agent.own_uid(), mailbox.clone()));
        }
        let user = self.find(name).await?;
        let (uid, mailbox) = (user.uid, self.agent.rules().permit(user.clone()).mailbox);
        Ok(Account { user: user.name, uid, mailbox, kind: Kind::Mailbox })
    }

    /// Another file, to be written in his name. Routing has permitted it; for others than the node the agent looks
    /// once more.
    pub async fn file(&self, name: &str, path: &Path) -> Result<Account, Fault> {
        if self.own.contains_key(name) {
            return Ok(Account::own(self.agent.own_uid(), path.to_owned()));
        }
        let user = self.find(name).await?;
        let permit = self.agent.rules().permit(user.clone());
        permit.place_of(path).map_err(|error| error.fault())?;
        Ok(Account { user: user.name, uid: user.uid, mailbox: path.to_owned(), kind: Kind::Files })
    }
}
