//! What routing must be told: users, aliases and files, found out as the machine asks for them.

mod alias_files;

pub use alias_files::{AliasFileError, read as read_aliases};

use crate::agent::{Agent, AgentError, Facts, FileSeen};
use crate::fault::{Retry, ToFault};
use crate::post::address::Address;
use crate::post::route::directors::permission::{Directory, Seen};
use crate::post::route::directors::{Answer, Found, FoundAlias, Need, Reader, Settings, User, Wanted};
use crate::post::route::{Resolver, Routed, Tables};
use alias_files::{AliasFiles, Loaded};
use std::io::ErrorKind;
use std::sync::Arc;

/// Finds out what routing asks for.
#[derive(Debug)]
pub(super) struct Lookup {
    agent: Agent,
    aliases: AliasFiles,
}

impl Lookup {
    pub fn new(agent: Agent, directors: &Settings) -> Lookup {
        Lookup { aliases: AliasFiles::new(directors.clone()), agent }
    }

    /// Routes the recipients of one message.
    pub async fn resolve(&self, tables: &Tables, recipients: &[Address]) -> Vec<Routed> {
        let mut resolver = Resolver::new(tables, recipients);
        // The alias files as they are at the first question count for the whole message.
        let mut aliases = None;
        while let Some(need) = resolver.poll() {
            let answer = match need {
                Need::Alias(name) => {
                    let files = match aliases.take() {
                        Some(files) => files,
                        None => self.aliases.now().await,
                    };
                    let found = find(&files, &name);
                    aliases = Some(files);
                    Answer::Alias(name, found)
                }
                Need::User(name) => {
                    let found = self.user(&name).await;
                    Answer::User(name, found)
                }
                Need::File(wanted) => {
                    let found = self.file(&wanted).await;
                    Answer::File(wanted, found)
                }
            };
            resolver.answer(answer);
        }
        resolver.finish()
    }

    async fn user(&self, name: &str) -> Result<Option<User>, String> {
        match self.agent.look_up(name).await {
            Ok(found) => Ok(found.map(|user| {
                let mailbox = self.agent.rules().permit(user.clone()).mailbox;
                User { name: user.name, uid: user.uid, home: Some(user.home), mailbox }
            })),
            Err(error) => {
                tracing::warn!(%error, "a user cannot be looked up now");
                Err("who has mail here cannot be found out now".to_owned())
            }
        }
    }

    async fn file(&self, wanted: &Wanted) -> Result<Found, String> {
        let own = self.agent.own_uid();
        let (name, uid) = match &wanted.reader {
            Reader::Site => ("", own),
            Reader::User(user) => (user.name.as_str(), user.uid),
        };
        match self.agent.read_file(name, uid, &wanted.path, wanted.limit).await {
            Ok(Some(file)) => Ok(Found::Seen(seen(file))),
            Ok(None) => Ok(Found::Absent),
            // Of what is our own nothing needs be mounted first.
            Err(AgentError::Directory { source, .. }) if uid == own && is_absent(&source) => {
                Ok(Found::Absent)
            }
            Err(error) if stays(&error) => Ok(Found::Refused(error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "a file that says where mail goes cannot be read now");
                Err("where this mail goes cannot be found out now".to_owned())
            }
        }
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether the file itself must be changed before it can be read.
fn stays(error: &AgentError) -> bool {
    match error {
        AgentError::Unsafe { .. } => true,
        AgentError::Read { source, .. } | AgentError::Directory { source, .. } => {
            source.kind() == ErrorKind::PermissionDenied
        }
        error => error.fault().retry == Retry::Never,
    }
}

/// The first file that has a name counts. One that cannot be read now might have had it.
fn find(files: &[Arc<Loaded>], name: &str) -> Result<Option<FoundAlias>, String> {
    for file in files {
        match file.as_ref() {
            Loaded::Table { file, trust, names } => {
                if let Some(alias) = names.get(name) {
                    let (file, alias, trust) = (file.clone(), alias.clone(), *trust);
                    return Ok(Some(FoundAlias { file, alias, trust }));
                }
            }
            Loaded::Unusable => return Err("the aliases of this site cannot be read now".to_owned()),
        }
    }
    Ok(None)
}

fn seen(file: FileSeen) -> Seen {
    let whole = file.is_whole();
    let FileSeen { bytes, facts, links, directories, .. } = file;
    let directories = directories.iter().map(|&Facts { uid, mode, .. }| Directory { owner: uid, mode });
    let directories = directories.collect();
    Seen { bytes, whole, owner: facts.uid, mode: facts.mode, links, directories }
}

#[cfg(test)]
mod matrix;
#[cfg(test)]
mod tests;
