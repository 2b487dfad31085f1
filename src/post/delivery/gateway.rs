//! To another network through a program of the configuration, such as `ifmail` to FidoNet: at least once.
//!
//! The program runs in our own name, without a shell and with a clean environment, and has the From_ line and the message as its
//! input. Its exit code says what came of it, by sysexits.h. An attempt is counted before it begins; what a crash
//! leaves undecided is given to it again.

use super::Failed;
use crate::clock;
use crate::exit;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::observe::printable;
use crate::post::address::Address;
use crate::post::mail::{self, Sender};
use crate::post::route::{Neighbour, Pipe, group};
use crate::spool::{BodyRef, CHUNK, Delivery, Outcome, Spool, SpoolError};
use jiff::Timestamp;
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, Command};

/// How long the program may take over one message; less than the lease of the deliveries.
const PATIENCE: Duration = Duration::from_secs(300);
/// How much of what it says is kept, in bytes; the rest is read over.
const SAID_MAX: usize = 1024;
/// Where it finds other programs.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Deliveries of one message by one command. What was delivered is settled when this returns.
pub async fn deliver(
    spool: &Spool,
    command: &str,
    deliveries: Vec<Delivery>,
    now: Timestamp,
) -> Result<Vec<Failed>, SpoolError> {
    // smail's limits for a pipe, those of `rmail` jobs.
    let limits = Neighbour::default();
    let addresses: Vec<Address> =
        deliveries.iter().filter_map(|delivery| Address::parse(&delivery.address).ok()).collect();
    let mut failed = Vec::new();
    let mut left = deliveries.into_iter();
    for recipients in group(addresses, &limits) {
        let list: Vec<Delivery> = left.by_ref().take(recipients.len()).collect();
        match run(spool, &Pipe::words(command, &recipients), &list).await? {
            Ok(()) => {
                let deliveries = list.iter().map(|delivery| delivery.claim).collect();
                spool.settle(now, vec![Outcome::Delivered { deliveries, note: command.to_owned() }]).await?;
            }
            Err(fault) => failed.push(Failed { deliveries: list, fault }),
        }
    }
    let unread: Vec<Delivery> = left.collect();
    if !unread.is_empty() {
        let fault = fault(Whose::Bug, Retry::Never, "an address does not read back".to_owned());
        failed.push(Failed { deliveries: unread, fault });
    }
    Ok(failed)
}

async fn run(
    spool: &Spool,
    words: &[String],
    deliveries: &[Delivery],
) -> Result<Result<(), Fault>, SpoolError> {
    let (Some((program, arguments)), Some(first)) = (words.split_first(), deliveries.first()) else {
        return Ok(Err(fault(Whose::Bug, Retry::Never, "there is no program".to_owned())));
    };
    if let Err(error) = spool.body_check(first.body).await {
        return Ok(Err(error.fault()));
    }
    let started = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("SENDER", &first.sender)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            // Somebody will put it there; the mail must not come back meanwhile.
            return Ok(Err(fault(Whose::Local, Retry::Later, format!("{program} cannot be run: {error}"))));
        }
    };
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let sender = Sender::parse(&first.sender).unwrap_or(Sender::Null);
    let from_line = mail::from_line(&sender, first.accepted, None);
    let said = child.stderr.take();
    let ended = clock::within(PATIENCE, async {
        let (read, said) =
            tokio::join!(feed(spool, &mut child, from_line.as_bytes(), first.body), listen(said));
        read?;
        Ok::<_, SpoolError>((child.wait().await, said))
    })
    .await;
    // Whatever it started ends with it.
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    Ok(match ended {
        None => {
            let message = format!("{program} took longer than {} s", PATIENCE.as_secs());
            Err(fault(Whose::Local, Retry::Later, message))
        }
        Some(ended) => {
            let (status, said) = ended?;
            match status {
                Ok(status) => judge(program, status, &said),
                Err(error) => Err(fault(Whose::Local, Retry::Later, format!("{program}: {error}"))),
            }
        }
    })
}

/// Gives it the message. A program that wants no more of it is no error: how it ends tells.
async fn feed(
    spool: &Spool,
    child: &mut Child,
    from_line: &[u8],
    message: BodyRef,
) -> Result<(), SpoolError> {
    let Some(mut input) = child.stdin.take() else { return Ok(()) };
    let mut wants_more = input.write_all(from_line).await.is_ok();
    let mut offset = 0;
    while wants_more && offset < message.size {
        let piece = spool.body_read(message.id, offset, CHUNK).await?;
        if piece.is_empty() {
            return Err(SpoolError::Corrupt(format!("body {} ends early", message.id.0)));
        }
        offset += piece.len() as u64;
        wants_more = input.write_all(&piece).await.is_ok();
    }
    Ok(())
}

/// The beginning of what it says.
async fn listen(errors: Option<ChildStderr>) -> Vec<u8> {
    let mut said = Vec::new();
    let Some(mut errors) = errors else { return said };
    let mut piece = [0; 1024];
    while let Ok(length) = errors.read(&mut piece).await
        && length > 0
    {
        let room = SAID_MAX.saturating_sub(said.len()).min(length);
        said.extend_from_slice(piece.get(..room).unwrap_or_default());
    }
    said
}

fn judge(program: &str, status: ExitStatus, said: &[u8]) -> Result<(), Fault> {
    if status.success() {
        return Ok(());
    }
    let said = printable(said.trim_ascii(), SAID_MAX);
    let message =
        if said.is_empty() { format!("{program}: {status}") } else { format!("{program}: {status}: {said}") };
    let passes = |code: i32| {
        [exit::TEMPFAIL, exit::OSERR, exit::IOERR].into_iter().any(|known| code == i32::from(known))
    };
    Err(match status.code() {
        Some(code) if !passes(code) => fault(Whose::PeerRefused, Retry::Never, message),
        // Killed, or it asks for another time.
        _ => fault(Whose::Local, Retry::Later, message),
    })
}

fn fault(whose: Whose, retry: Retry, message: String) -> Fault {
    Fault { stage: Stage::Deliver, whose, retry, message, advice: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{Content, NewDelivery, NewMessage};
    use std::os::unix::fs::PermissionsExt;

    /// A gateway in a folder that writes down its words and its input, and ends as told.
    async fn through(ends: &str, users: usize) -> (Vec<String>, String, Vec<Failed>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let (program, out) = (folder.path().join("ifmail"), folder.path().join("out"));
        let script = format!("#!/bin/sh\necho \"$@\" >> {0}.words\ncat >> {0}\n{ends}\n", out.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let command = format!("{} -rnode $user", program.display());
        let spool = Spool::in_memory();
        let deliveries = (0..users).map(|n| NewDelivery {
            recipient: format!("user{n}@node.z2.fidonet.org"),
            transport: "gateway".to_owned(),
            site: command.clone(),
            address: format!("user{n}"),
            ..NewDelivery::default()
        });
        let message = NewMessage {
            sender: "jan@polux.example".to_owned(),
            content: Content::bytes(b"Subject: x\n\n$(id)\n".to_vec()),
            accepted: clock::wall(),
            origin: "test".to_owned(),
            deliveries: deliveries.collect(),
            ..NewMessage::default()
        };
        spool.accept(None, vec![message]).await.unwrap();
        let claimed = spool.claim_deliveries(clock::wall(), 100, Duration::from_secs(60)).await.unwrap();
        let failed = deliver(&spool, &command, claimed, clock::wall()).await.unwrap();
        let words = std::fs::read_to_string(format!("{}.words", out.display())).unwrap();
        let words = words.lines().map(str::to_owned).collect();
        let left = spool.queue(None).await.unwrap().len();
        (words, std::fs::read_to_string(out).unwrap(), failed, left)
    }

    #[tokio::test]
    async fn the_message_is_given_to_the_program_for_five_recipients_at_a_time() {
        let (words, input, failed, left) = through("exit 0", 7).await;
        assert_eq!(words, ["-rnode user0 user1 user2 user3 user4", "-rnode user5 user6"]);
        assert!(input.starts_with("From jan@polux.example "), "{input}");
        assert_eq!(input.matches("\nSubject: x\n\n$(id)\n").count(), 2);
        assert!(failed.is_empty());
        assert_eq!(left, 0);
    }

    #[tokio::test]
    async fn its_exit_code_says_what_becomes_of_it() {
        for (ends, retry) in [
            ("echo busy >&2; exit 75", Retry::Later),
            ("kill -9 $$", Retry::Later),
            ("exit 67", Retry::Never),
            ("exit 1", Retry::Never),
        ] {
            let (_, _, failed, left) = through(ends, 1).await;
            assert_eq!((failed[0].fault.retry, left), (retry, 1), "{ends}");
            assert_eq!(failed[0].fault.message.contains("busy"), ends.contains("busy"));
        }
    }
}
