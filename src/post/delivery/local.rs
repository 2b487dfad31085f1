//! Into a mailbox of this machine, exactly once: the append journal.
//!
//! All due deliveries of one mailbox are one batch. With both locks held, what is about to be appended is written
//! down in the spool (place, length, digest, deliveries); then it is appended in one write and made durable;
//! then the deliveries are settled. After a crash between those steps [`Local::recover`] looks into the mailbox
//! and settles or repeats. Each copy carries its delivery id, so that it is known even if a mail reader has
//! rewritten the file since.

use super::users::Users;
use super::{Failed, body};
use crate::agent::{Account, Agent, AgentError, Begun};
use crate::clock;
use crate::fault::{Fault, ToFault};
use crate::mailbox::{Place, Recovered, mbox};
use crate::spool::{Claim, Delivery, Intent, Spool, SpoolError};
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most bytes that go into a mailbox in one write, unless a single message is larger: 8 MiB. They are in
/// memory while they are written.
const BATCH: usize = 8 * 1024 * 1024;

/// After this what broke off in the middle of an append is tried again.
const AGAIN: SignedDuration = SignedDuration::from_mins(1);

/// How long the work on one left-over intent may take.
const RECOVERY_LEASE: Duration = Duration::from_secs(120);

/// Delivers to the mailboxes of local users.
#[derive(Debug, Clone)]
pub struct Local {
    spool: Spool,
    agent: Agent,
    users: Users,
}

impl Local {
    pub fn new(spool: Spool, agent: Agent, users: Users) -> Local {
        Local { spool, agent, users }
    }

    /// Delivers to one user and settles what was delivered. What fails while it is being written is due again after
    /// [`AGAIN`]; what fails before comes back, each with its reason.
    pub async fn deliver(&self, user: &str, deliveries: Vec<Delivery>, now: Timestamp) -> Vec<Failed> {
        match self.users.mailbox(user).await {
            Ok(account) => self.deliver_to(&account, deliveries, now).await,
            Err(fault) => vec![Failed { deliveries, fault }],
        }
    }

    /// The same to a file that is no mailbox; the address of each delivery is the user in whose name it is written.
    pub async fn file(&self, path: &str, deliveries: Vec<Delivery>, now: Timestamp) -> Vec<Failed> {
        let mut failed = Vec::new();
        for delivery in deliveries {
            match self.users.file(&delivery.address, Path::new(path)).await {
                Ok(account) => failed.extend(self.deliver_to(&account, vec![delivery], now).await),
                Err(fault) => failed.push(Failed { deliveries: vec![delivery], fault }),
            }
        }
        failed
    }

    async fn deliver_to(&self, account: &Account, deliveries: Vec<Delivery>, now: Timestamp) -> Vec<Failed> {
        let due_again = now.saturating_add(AGAIN).unwrap_or(now);
        let mut failed = Vec::new();
        let mut waiting = deliveries.into_iter().peekable();
        while waiting.peek().is_some() {
            let mut batch: Vec<Delivery> = Vec::new();
            let mut bytes = Vec::new();
            let fits = |delivery: &Delivery, begun: bool, length: usize| {
                let size = usize::try_from(delivery.body.size).unwrap_or(usize::MAX);
                !begun || length.saturating_add(size) <= BATCH
            };
            while let Some(delivery) =
                waiting.next_if(|delivery| fits(delivery, !batch.is_empty(), bytes.len()))
            {
                let before = bytes.len();
                match self.put_copy(&mut bytes, &delivery).await {
                    Ok(()) => batch.push(delivery),
                    // One that cannot be read does not keep the others from their mailbox.
                    Err(error) => {
                        bytes.truncate(before);
                        failed.push(Failed { deliveries: vec![delivery], fault: error.fault() });
                    }
                }
            }
            if batch.is_empty() {
                continue;
            }
            let claims = batch.iter().map(|delivery| delivery.claim).collect();
            if let Err(fault) = self.append(account, bytes, claims, self.ids(&batch), due_again).await {
                batch.extend(waiting);
                failed.push(Failed { deliveries: batch, fault });
                break;
            }
        }
        failed
    }

    /// Looks after the appends that a crash interrupted. Returns how many there were.
    pub async fn recover(&self) -> Result<usize, SpoolError> {
        let open = self.spool.open_intents(clock::wall(), RECOVERY_LEASE).await?;
        let count = open.len();
        for (intent, deliveries) in open {
            let mailbox = PathBuf::from(&intent.path);
            let account = match self.account_of(&deliveries, mailbox).await {
                Ok(account) => account,
                Err(error) => {
                    tracing::warn!(path = intent.path, %error, "it is not known whose an append is");
                    continue;
                }
            };
            let mut bytes = Some(Vec::new());
            for delivery in &deliveries {
                if let Some(whole) = &mut bytes
                    && let Err(error) = self.put_copy(whole, delivery).await
                {
                    tracing::warn!(path = intent.path, %error, "cannot make a copy again to compare it");
                    bytes = None;
                }
            }
            let begun = Begun {
                device: intent.device,
                inode: intent.inode,
                at: intent.length_before,
                bytes,
                length: intent.length,
                digest: intent.digest,
                ids: self.ids(&deliveries),
            };
            let claims: Vec<Claim> = deliveries.iter().map(|delivery| delivery.claim).collect();
            let now = clock::wall();
            match self.settle(&account, intent.id, begun, &claims, now).await? {
                Ok(found) => {
                    tracing::info!(path = intent.path, found, of = claims.len(), "an append was recovered")
                }
                // The intent stays open and is looked after again when our lease has run out.
                Err(error) => tracing::warn!(path = intent.path, %error, "an append cannot be recovered yet"),
            }
        }
        Ok(count)
    }

    /// Whose an append was.
    async fn account_of(&self, deliveries: &[Delivery], path: PathBuf) -> Result<Account, Fault> {
        match deliveries.first() {
            Some(delivery) if delivery.transport == "file" => self.users.file(&delivery.address, &path).await,
            // It may have another place by now; the append is where it was.
            Some(delivery) => {
                let account = self.users.mailbox(&delivery.site).await?;
                Ok(Account { mailbox: path, ..account })
            }
            None => Ok(Account::own(self.agent.own_uid(), path)),
        }
    }

    /// One append, journalled. On an error nothing is known to the spool that is not settled or open for recovery.
    async fn append(
        &self,
        account: &Account,
        bytes: Vec<u8>,
        claims: Vec<Claim>,
        ids: Vec<String>,
        due_again: Timestamp,
    ) -> Result<(), Fault> {
        let open = self.agent.open_mailbox(account).await.map_err(|error| error.fault())?;
        let Place { device, inode, length, separator } = open.place();
        let whole = [separator, &bytes].concat();
        let digest = *blake3::hash(&whole).as_bytes();
        let intent = Intent {
            id: 0,
            path: account.mailbox.to_string_lossy().into_owned(),
            device,
            inode,
            length_before: length,
            length: whole.len() as u64,
            digest,
            deliveries: claims.clone(),
        };
        let whole_length = intent.length;
        let id = self.spool.intend(intent).await.map_err(|error| error.fault())?;
        let settled = match open.append(whole).await {
            Ok(()) => self.spool.settle_intent(id, claims, due_again, clock::wall()).await,
            Err(error) => {
                tracing::warn!(mailbox = %account.mailbox.display(), %error, "an append failed");
                let bytes = Some(bytes);
                let begun = Begun { device, inode, at: length, bytes, length: whole_length, digest, ids };
                self.settle(account, id, begun, &claims, due_again).await.map(|recovered| {
                    if let Err(error) = recovered {
                        tracing::warn!(mailbox = %account.mailbox.display(), %error, "it stays open for recovery");
                    }
                })
            }
        };
        // Whatever the spool says: the intent is in it, and recovery settles what is still open.
        if let Err(error) = settled {
            tracing::warn!(mailbox = %account.mailbox.display(), %error, "an append is left to recovery");
        }
        Ok(())
    }

    /// Finds out what is in the mailbox and settles the intent by it: `claims` go with the ids of `begun`. Returns how
    /// many were there.
    async fn settle(
        &self,
        account: &Account,
        id: u64,
        begun: Begun,
        claims: &[Claim],
        due_again: Timestamp,
    ) -> Result<Result<usize, AgentError>, SpoolError> {
        let ids = begun.ids.clone();
        let delivered: Vec<Claim> = match self.agent.recover(account, begun).await {
            Err(error) => return Ok(Err(error)),
            Ok(Recovered::Whole) => claims.to_vec(),
            Ok(Recovered::Cut) => Vec::new(),
            Ok(Recovered::Found(found)) => {
                let is_there = |id: &String| found.contains(id);
                let pairs = claims.iter().zip(&ids);
                pairs.filter(|(_, id)| is_there(id)).map(|(claim, _)| *claim).collect()
            }
        };
        let count = delivered.len();
        self.spool.settle_intent(id, delivered, due_again, clock::wall()).await?;
        Ok(Ok(count))
    }

    /// The copy of one delivery, made of nothing but what the spool keeps: it comes out the same every time.
    async fn put_copy(&self, out: &mut Vec<u8>, delivery: &Delivery) -> Result<(), SpoolError> {
        let message = body::read_whole(&self.spool, delivery.body).await?;
        let mut header = mbox::delivery_line(&self.id(delivery));
        header.push_str(&format!("Delivered-To: {}\n", delivery.recipient));
        header.push_str(&format!("Return-Path: <{}>\n", delivery.sender));
        mbox::put_message(out, &delivery.sender, delivery.accepted, &header, &message);
        Ok(())
    }

    fn id(&self, delivery: &Delivery) -> String {
        format!("{:016x}.{:x}", self.spool.id(), delivery.claim.id)
    }

    fn ids(&self, deliveries: &[Delivery]) -> Vec<String> {
        deliveries.iter().map(|delivery| self.id(delivery)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Settings;
    use crate::fault::Retry;
    use crate::spool::{Content, NewDelivery, NewMessage};
    use std::collections::HashMap;

    const LEASE: Duration = Duration::from_secs(60);

    fn local(spool: &Spool, mailbox: PathBuf) -> Local {
        let agent = Agent::new(Settings::default());
        let users = Users::new(HashMap::from([("jan".to_owned(), mailbox)]), agent.clone());
        Local::new(spool.clone(), agent, users)
    }

    async fn accept(spool: &Spool, text: &str) {
        let delivery = NewDelivery {
            recipient: "jan".to_owned(),
            transport: "local".to_owned(),
            site: "jan".to_owned(),
            address: "jan".to_owned(),
            ..NewDelivery::default()
        };
        let message = NewMessage {
            sender: "joe@leaf".to_owned(),
            content: Content::bytes(text.as_bytes().to_vec()),
            accepted: clock::wall(),
            origin: "test".to_owned(),
            deliveries: vec![delivery],
            ..NewMessage::default()
        };
        spool.accept(None, vec![message]).await.unwrap();
    }

    async fn due(spool: &Spool) -> Vec<Delivery> {
        spool.claim_deliveries(clock::wall(), 100, LEASE).await.unwrap()
    }

    /// What is due, delivered; the spool gives out one by one what was in a crash.
    async fn deliver(local: &Local) {
        loop {
            let deliveries = due(&local.spool).await;
            if deliveries.is_empty() {
                break;
            }
            assert!(local.deliver("jan", deliveries, clock::wall()).await.is_empty());
        }
    }

    fn old_mail() -> Vec<u8> {
        let mut old = Vec::new();
        mbox::put_message(&mut old, "a", Timestamp::UNIX_EPOCH, "", b"Subject: old\n\nold");
        old
    }

    /// A process that ends after writing so many bytes of an append; the next one makes it good.
    #[tokio::test]
    async fn a_crash_at_any_point_of_an_append_delivers_once() {
        let mut written = 0;
        loop {
            let folder = tempfile::tempdir().unwrap();
            let mailbox = folder.path().join("jan");
            std::fs::write(&mailbox, old_mail()).unwrap();
            let spool = Spool::in_memory();
            let local = local(&spool, mailbox.clone());
            accept(&spool, "Subject: one\n\nFrom x\n").await;
            accept(&spool, "Subject: two\n\nno end").await;
            let deliveries = due(&spool).await;
            let mut bytes = Vec::new();
            for delivery in &deliveries {
                local.put_copy(&mut bytes, delivery).await.unwrap();
            }
            let open = local.agent.open_mailbox(&local.users.mailbox("jan").await.unwrap()).await.unwrap();
            let place = open.place();
            drop(open);
            let intent = Intent {
                id: 0,
                path: mailbox.to_string_lossy().into_owned(),
                device: place.device,
                inode: place.inode,
                length_before: place.length,
                length: bytes.len() as u64,
                digest: *blake3::hash(&bytes).as_bytes(),
                deliveries: deliveries.iter().map(|delivery| delivery.claim).collect(),
            };
            spool.intend(intent).await.unwrap();
            let end = bytes.len().min(written);
            std::fs::write(&mailbox, [old_mail(), bytes[..end].to_vec()].concat()).unwrap();
            // The lease of the one that died runs out.
            let later = clock::wall() + 2 * LEASE;
            spool.recover(later).await.unwrap();
            assert!(due(&spool).await.is_empty(), "nobody gets them before the mailbox was looked at");
            assert_eq!(local.recover().await.unwrap(), 1);
            deliver(&local).await;
            let mbox = std::fs::read_to_string(&mailbox).unwrap();
            for subject in ["old", "one", "two"] {
                assert_eq!(mbox.matches(&format!("Subject: {subject}\n")).count(), 1, "{written}: {mbox}");
            }
            assert!(mbox.starts_with(&String::from_utf8(old_mail()).unwrap()));
            assert!(spool.queue(None).await.unwrap().is_empty());
            if written >= bytes.len() {
                break;
            }
            written += if written < 60 { 13 } else { 97 };
        }
    }

    #[tokio::test]
    async fn a_mailbox_that_was_rewritten_since_is_searched_for_the_ids() {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = folder.path().join("jan");
        let spool = Spool::in_memory();
        let local = local(&spool, mailbox.clone());
        accept(&spool, "Subject: one\n\nx\n").await;
        accept(&spool, "Subject: two\n\nx\n").await;
        let deliveries = due(&spool).await;
        let mut first = Vec::new();
        local.put_copy(&mut first, &deliveries[0]).await.unwrap();
        let intent = Intent {
            id: 0,
            path: mailbox.to_string_lossy().into_owned(),
            device: 1,
            inode: 1,
            length_before: 7,
            length: 5000,
            digest: [0; 32],
            deliveries: deliveries.iter().map(|delivery| delivery.claim).collect(),
        };
        spool.intend(intent).await.unwrap();
        // A mail reader has seen the first and written the file anew.
        std::fs::write(&mailbox, [old_mail(), first].concat()).unwrap();
        spool.recover(clock::wall() + 2 * LEASE).await.unwrap();
        local.recover().await.unwrap();
        deliver(&local).await;
        let mbox = std::fs::read_to_string(&mailbox).unwrap();
        assert_eq!(
            (mbox.matches("Subject: one").count(), mbox.matches("Subject: two").count()),
            (1, 1),
            "{mbox}"
        );
    }

    #[tokio::test]
    async fn a_user_who_is_gone_gets_nothing_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::in_memory();
        let local = local(&spool, folder.path().join("jan"));
        accept(&spool, "Subject: one\n\nx\n").await;
        let failed = local.deliver("ida", due(&spool).await, clock::wall()).await;
        assert_eq!((failed.len(), failed[0].deliveries.len(), failed[0].fault.retry), (1, 1, Retry::Never));
    }
}
