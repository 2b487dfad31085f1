//! What becomes of a file that has come whole: an execution, a file of the public directory, or, if it is an X. file that
//! says nothing that can be done, something put aside.

use super::CallStore;
use super::coming::Coming;
use crate::clock;
use crate::job::{Work, XFile};
use crate::spool::{Arrival, ArrivalKind, BodyId, CHUNK, Input, NewNotice, Received, SpoolError};
use crate::wire::session::{Committed, Kind};

impl CallStore<'_> {
    pub(super) async fn arrived(&self, coming: Coming) -> Result<Committed, SpoolError> {
        let received = clock::wall();
        let mut stable = coming.offer.stable;
        let kind = match coming.offer.kind {
            Kind::Execution(execute) => ArrivalKind::Execution(execute),
            Kind::Data { name } => ArrivalKind::Data { name },
            Kind::File { to, mode, make_directories, notify } => {
                ArrivalKind::File { to, mode, make_directories, notify }
            }
            Kind::Fetched { job, mode } => {
                let Some((Work::Fetch(fetch), ours)) =
                    self.jobs.get(&job).map(|held| (&held.job.work, held.job.stable))
                else {
                    return Err(SpoolError::Misuse("a file for no fetch job".to_owned()));
                };
                // If we die before the job is settled, it brings the file once more, and in vain.
                stable = Some(ours);
                let (to, make_directories) = (fetch.to.clone(), fetch.make_directories);
                ArrivalKind::Fetched { to, mode, make_directories }
            }
            Kind::ExecutionFile { name } => {
                let text = self.read_whole(coming.body, coming.kept).await?;
                match XFile::parse(&text) {
                    Ok(file) => ArrivalKind::ExecutionFile {
                        name,
                        execute: file.execute,
                        input: file.input.map_or(Input::Nothing, Input::Spooled),
                    },
                    Err(error) => {
                        let reason = error.to_string();
                        let notice = self.refusal(&coming.identity.user, &name, &reason);
                        ArrivalKind::Unusable { name, reason, notice }
                    }
                }
            }
        };
        let arrival = Arrival { identity: coming.identity, stable, kind, body: coming.body, received };
        match self.spool.receive(arrival).await? {
            Received::Kept => {}
            Received::Already => tracing::info!(peer = %self.peer, "a file that had come before was dropped"),
            Received::Damaged => {
                tracing::warn!(peer = %self.peer, "a file that is not what its digest says comes again");
                return Ok(Committed::Damaged);
            }
        }
        Ok(Committed::Kept)
    }

    /// What is said of an X. file that says nothing that can be done.
    fn refusal(&self, user: &str, name: &str, why: &str) -> Option<NewNotice> {
        // A plain name at the peer itself: no peer makes us write to somebody elsewhere.
        is_plain(user).then(|| NewNotice {
            to: format!("{}!{user}", self.peer),
            subject: format!("Your request {name} was refused"),
            text: format!("The execution file {name} cannot be carried out here: {why}.\n"),
        })
    }

    /// The start of a body, as much as an X. file may have and a little more.
    async fn read_whole(&self, body: BodyId, size: u64) -> Result<Vec<u8>, SpoolError> {
        let mut text = Vec::new();
        while (text.len() as u64) < size && text.len() < 4 * CHUNK {
            let bytes = self.spool.body_read(body, text.len() as u64, CHUNK).await?;
            if bytes.is_empty() {
                break;
            }
            text.extend(bytes);
        }
        Ok(text)
    }
}

/// Whether a user name leads to no other system, and to nobody but a user.
pub(super) fn is_plain(user: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+');
    user.starts_with(|c: char| c.is_ascii_alphanumeric())
        && user.len() <= 64
        && user.bytes().all(plain)
        && !user.eq_ignore_ascii_case("MAILER-DAEMON")
}

#[cfg(test)]
mod tests {
    use super::super::super::claims::Claims;
    use super::super::super::settings::Node;
    use super::super::super::terms::Terms;
    use super::*;
    use crate::spool::Spool;
    use crate::wire::session::{Offer, Slot, Store};
    use std::time::Duration;

    /// Who is told of an X. file without a command that came for `user`.
    async fn told(user: &str) -> Vec<String> {
        let spool = Spool::in_memory();
        let node = Node::new("polux".parse().unwrap(), "/nonexistent".into());
        let mut store =
            CallStore::new(&spool, &node, "leaf".parse().unwrap(), Claims::default(), Terms::default());
        // It comes twice, for the first CY was not heard.
        for slot in [Slot(1), Slot(2)] {
            let offer = Offer {
                temp: "D.X1".to_owned(),
                size: None,
                user: user.to_owned(),
                command: "X.leafN1".to_owned(),
                stable: None,
                digest: None,
                kind: Kind::ExecutionFile { name: "X.leafN1".to_owned() },
                restart: false,
                knows_already: false,
            };
            store.offer(slot, offer).await.unwrap();
            store.write(slot, b"no execution file".to_vec()).await.unwrap();
            assert_eq!(store.commit(slot).await.unwrap(), Committed::Kept);
        }
        assert_eq!(spool.quarantined(None).await.unwrap().len(), 1);
        let notices = spool.claim_notices(clock::wall(), 9, Duration::from_secs(60)).await.unwrap();
        notices.into_iter().map(|notice| notice.notice.to).collect()
    }

    #[tokio::test]
    async fn only_a_user_of_the_peer_itself_is_told_of_a_bad_execution_file() {
        assert_eq!(told("jan").await, ["leaf!jan"]);
        for other in ["victim@bank.example", "bank!victim", "a%bank", "-oQ", "MAILER-DAEMON", "a\nBcc: b", ""]
        {
            assert!(told(other).await.is_empty(), "{other:?}");
        }
    }
}
