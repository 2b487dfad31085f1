//! `rmail ADDRESS...`: one message, its envelope in the From_ lines and the arguments.

use crate::job::{Execute, SystemName};
use crate::post::address::Address;
use crate::post::mail::{Envelope, Sender, With, read_from_lines};
use crate::post::queue::{Asked, Door, Incoming, Origin, Prepared, QueueError, Unreadable};
use crate::spool::{BodyRef, CHUNK, Content};
use jiff::Timestamp;

/// Prepares the message. `peer` is the authenticated sender of the job, `None` for our own users.
pub(super) async fn prepare(
    door: &Door,
    peer: Option<&SystemName>,
    execute: &Execute,
    body: BodyRef,
    received: Timestamp,
) -> Result<Prepared, QueueError> {
    if body.size > door.settings().size {
        return Err(QueueError::TooLarge(door.settings().size));
    }
    let beginning = door.spool().body_read(body.id, 0, CHUNK).await?;
    let peer_name = peer.map(SystemName::as_str);
    let lines = read_from_lines(&beginning, peer_name);
    let sender = sender(peer_name, execute, lines.sender);
    if let Some(unusable) = &lines.unusable {
        tracing::warn!(
            peer = peer_name,
            unusable,
            "the sender is no address; nobody will be told if mail fails"
        );
    }
    let mut recipients = Vec::new();
    let mut unreadable = Vec::new();
    for argument in &execute.command.arguments {
        // Some systems leave the parentheses in that protected the address from uux.
        let text = argument.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(argument);
        match Address::parse(text) {
            Ok(address) => recipients.push(address),
            Err(error) => {
                let text = text.chars().take(80).collect();
                unreadable.push(Unreadable { text, reason: error.to_string() });
            }
        }
    }
    let content = without_start(door, body, &beginning, lines.length).await?;
    let by = match peer_name {
        Some(peer) => format!("rmail from {peer}"),
        None => format!("rmail by {}", execute.user),
    };
    let origin = Origin {
        with: With::Uucp,
        from: peer_name.map(str::to_owned),
        claimed: lines.claimed,
        text: by,
        submitter: None,
    };
    let envelope = Envelope { sender, recipients };
    let asked = Asked::default();
    door.prepare(Incoming { envelope, unreadable, content, origin, arrived: received, asked }).await
}

/// The From_ lines say who; without them it is who asked for the command. A requestor that is the null sender makes
/// the message a report, whatever its From_ lines say.
fn sender(peer: Option<&str>, execute: &Execute, written: Option<Sender>) -> Sender {
    let asker = execute.requestor.as_deref().unwrap_or(&execute.user);
    // A requestor that is no address is no reason to lose what the From_ lines say.
    let asker = Sender::parse(asker).ok();
    match (asker, written) {
        (Some(Sender::Null), _) => Sender::Null,
        (_, Some(written)) => written,
        (Some(asker), None) => match peer {
            Some(peer) => asker.by_way_of(peer).unwrap_or(Sender::Null),
            None => asker,
        },
        (None, None) => Sender::Null,
    }
}

/// The body without its first `skip` bytes, which lie in `beginning`.
async fn without_start(
    door: &Door,
    body: BodyRef,
    beginning: &[u8],
    skip: usize,
) -> Result<Content, QueueError> {
    if beginning.len() as u64 == body.size {
        return Ok(Content::bytes(beginning.get(skip..).unwrap_or_default().to_vec()));
    }
    if skip == 0 {
        return Ok(Content::body(body.id));
    }
    door.copy_from(body.id, skip as u64).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Command, Notify};

    fn sent_by(user: &str, requestor: Option<&str>, written: Option<&str>) -> String {
        let command = Command::parse("rmail jan").unwrap();
        let requestor = requestor.map(str::to_owned);
        let execute = Execute { command, user: user.to_owned(), requestor, notify: Notify::default() };
        let written = written.map(|text| Sender::parse(text).unwrap());
        sender(Some("leaf"), &execute, written).smtp().to_owned()
    }

    #[test]
    fn the_from_line_counts_then_the_requestor_then_the_user() {
        assert_eq!(sent_by("uucp", Some("joe"), Some("leaf!ann")), "leaf!ann");
        assert_eq!(sent_by("uucp", Some("joe"), None), "leaf!joe");
        assert_eq!(sent_by("uucp", Some("joe@farm.example"), None), "joe@farm.example");
        assert_eq!(sent_by("uucp", None, None), "leaf!uucp");
    }

    #[test]
    fn a_null_requestor_makes_a_report_of_it() {
        assert_eq!(sent_by("uucp", Some("MAILER-DAEMON"), Some("leaf!uucp")), "");
        assert_eq!(sent_by("uucp", Some("joe"), Some("")), "");
        assert_eq!(sent_by("u", Some("a b|c"), None), "");
        assert_eq!(sent_by("u", Some("a b|c"), Some("leaf!ann")), "leaf!ann");
    }
}
