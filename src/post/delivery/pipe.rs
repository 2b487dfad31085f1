//! Into a program: the local delivery agent of a user, or a program that an address names; at least once.
//!
//! Each message is given to the program by itself, as the user, with a From_ line and two header lines in front, its
//! envelope in the environment (see [`crate::agent::Task`]). The attempt is counted before; what the program says by
//! its exit status, one of sysexits.h, decides. A program that takes a message and is killed before it could say so gets
//! it again.

use super::{Failed, users::Users};
use crate::agent::{Agent, Ended, How, Program, Task, User};
use crate::clock;
use crate::exit;
use crate::fault::{Fault, Retry, Stage, ToFault, Whose};
use crate::observe::printable;
use crate::post::mail::{self, Sender};
use crate::post::route::directors::command::{Command, CommandError};
use crate::spool::{CHUNK, Delivery, Outcome, Spool, SpoolError};
use std::time::Duration;

/// How long one group of deliveries may keep a program busy before the rest waits for another turn: well within the
/// lease of the queue.
const TURN: Duration = Duration::from_secs(240);
/// How much of what a program said goes into a report, in bytes.
const SAID: usize = 1000;
/// How qmail-command(8) says "try again later", and the programs that were written for it.
const QMAIL_LATER: u8 = 111;

/// Gives mail to programs.
#[derive(Debug, Clone)]
pub struct Pipe {
    spool: Spool,
    agent: Agent,
    users: Users,
}

impl Pipe {
    pub fn new(spool: Spool, agent: Agent, users: Users) -> Pipe {
        Pipe { spool, agent, users }
    }

    /// Whether the local mail of a user goes to a program.
    pub fn takes_local(&self, user: &str) -> bool {
        !self.agent.rules().lda_of(&user.to_ascii_lowercase()).is_empty()
    }

    /// Local mail of one user.
    pub async fn local(&self, user: &str, deliveries: Vec<Delivery>) -> Result<Vec<Failed>, SpoolError> {
        self.deliver(user, &Program::Lda, deliveries).await
    }

    /// Mail for a command line; the address of each delivery is the user in whose name it runs.
    pub async fn command(&self, line: &str, deliveries: Vec<Delivery>) -> Result<Vec<Failed>, SpoolError> {
        let command = match Command::parse(line) {
            Ok(command) => command,
            Err(error) => return Ok(vec![Failed { deliveries, fault: no_command(line, &error) }]),
        };
        let words = std::iter::once(command.program).chain(command.arguments).collect();
        let program = Program::Command(words);
        let mut failed = Vec::new();
        for delivery in deliveries {
            let user = delivery.address.clone();
            failed.extend(self.deliver(&user, &program, vec![delivery]).await?);
        }
        Ok(failed)
    }

    async fn deliver(
        &self,
        user: &str,
        program: &Program,
        deliveries: Vec<Delivery>,
    ) -> Result<Vec<Failed>, SpoolError> {
        let user = match self.users.find(user).await {
            Ok(user) => user,
            Err(fault) => return Ok(vec![Failed { deliveries, fault }]),
        };
        let end_of_turn = clock::now() + TURN;
        let mut failed = Vec::new();
        let mut waiting = deliveries.into_iter();
        while let Some(delivery) = waiting.next() {
            let given = match clock::now() < end_of_turn {
                true => self.give(&user, program, &delivery).await,
                false => Err(later("its program has too much mail to take at once".to_owned())),
            };
            match given {
                Ok(note) => {
                    let delivered = Outcome::Delivered { deliveries: vec![delivery.claim], note };
                    self.spool.settle(clock::wall(), vec![delivered]).await?;
                }
                // It would say the same of the others.
                Err(fault) if fault.retry == Retry::Later => {
                    let deliveries = std::iter::once(delivery).chain(waiting).collect();
                    failed.push(Failed { deliveries, fault });
                    break;
                }
                Err(fault) => failed.push(Failed { deliveries: vec![delivery], fault }),
            }
        }
        Ok(failed)
    }

    /// Gives one message to the program; what became of it, in words.
    async fn give(&self, user: &User, program: &Program, delivery: &Delivery) -> Result<String, Fault> {
        self.spool.body_check(delivery.body).await.map_err(|error| error.fault())?;
        let task = Task {
            program: program.clone(),
            sender: delivery.sender.clone(),
            recipient: delivery.recipient.clone(),
            extension: extension(&delivery.recipient, &user.name).to_owned(),
        };
        let mut running = self.agent.run(user, task).await.map_err(|error| error.fault())?;
        running.write(head(delivery).as_bytes()).await.map_err(|error| error.fault())?;
        let mut offset = 0;
        while offset < delivery.body.size {
            let piece = self.spool.body_read(delivery.body.id, offset, CHUNK).await;
            let piece = piece.map_err(|error| error.fault())?;
            if piece.is_empty() {
                return Err(SpoolError::Corrupt(format!("body {} ends early", delivery.body.id.0)).fault());
            }
            offset += piece.len() as u64;
            running.write(&piece).await.map_err(|error| error.fault())?;
        }
        let ended = running.end().await.map_err(|error| error.fault())?;
        judge(&self.name(user, program), &ended)
    }

    /// How the program is called in reports.
    fn name(&self, user: &User, program: &Program) -> String {
        let first = match program {
            Program::Lda => self.agent.rules().lda_of(&user.name).first().map(|word| word.as_str()),
            Program::Command(words) => words.first().map(String::as_str),
        };
        format!("{} for {}", first.unwrap_or("the program"), user.name)
    }
}

/// What comes before the message, as mail programs that read one message from their input expect it.
fn head(delivery: &Delivery) -> String {
    let sender = Sender::parse(&delivery.sender).unwrap_or(Sender::Null);
    let from = mail::from_line(&sender, delivery.accepted, None);
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let (sender, recipient) = (plain(&delivery.sender), plain(&delivery.recipient));
    format!("{from}Return-Path: <{sender}>\nDelivered-To: {recipient}\n")
}

/// What stands between the user's name and the host in an address, behind a `+` or `-`.
fn extension<'a>(recipient: &'a str, user: &str) -> &'a str {
    let local = recipient.rsplit_once('@').map_or(recipient, |(local, _)| local);
    let behind = match local.split_at_checked(user.len()) {
        Some((name, behind)) if name.eq_ignore_ascii_case(user) => behind,
        _ => return "",
    };
    behind.strip_prefix(['+', '-']).unwrap_or("")
}

/// What the end of a program means for the message.
fn judge(name: &str, ended: &Ended) -> Result<String, Fault> {
    let said = match ended.output.as_slice() {
        [] => String::new(),
        output => format!(": {}", printable(output.trim_ascii(), SAID)),
    };
    let status = match ended.how {
        How::Exit(0) => return Ok(format!("{name} took it")),
        How::TimedOut => return Err(later(format!("{name} took too long and was killed{said}"))),
        How::Signal(signal) => return Err(later(format!("{name} was ended by signal {signal}{said}"))),
        How::Exit(status) => status,
    };
    let (retry, whose, meaning) = match u8::try_from(status).unwrap_or(u8::MAX) {
        exit::TEMPFAIL | QMAIL_LATER => (Retry::Later, Whose::Local, " (not now)"),
        exit::OSERR => (Retry::Later, Whose::Local, " (the system refused something)"),
        exit::IOERR => (Retry::Later, Whose::Local, " (reading or writing failed)"),
        exit::USAGE => (Retry::Never, Whose::Local, " (it was called wrongly)"),
        exit::DATAERR => (Retry::Never, Whose::Local, " (the message is not as it should be)"),
        exit::NOINPUT => (Retry::Never, Whose::Local, " (a file is missing)"),
        exit::NOUSER => (Retry::Never, Whose::PeerRefused, " (there is no such user)"),
        exit::NOHOST => (Retry::Never, Whose::Local, " (there is no such host)"),
        exit::UNAVAILABLE => (Retry::Never, Whose::Local, " (a service is not there)"),
        exit::SOFTWARE => (Retry::Never, Whose::Local, " (a defect in it)"),
        exit::CANTCREAT => (Retry::Never, Whose::Local, " (a file cannot be made)"),
        exit::NOPERM => (Retry::Never, Whose::Local, " (not permitted)"),
        exit::CONFIG => (Retry::Never, Whose::Local, " (its configuration is wrong)"),
        _ => (Retry::Never, Whose::Local, ""),
    };
    let message = format!("{name} ended with status {status}{meaning}{said}");
    Err(Fault { stage: Stage::Deliver, whose, retry, message, advice: String::new() })
}

fn no_command(line: &str, error: &CommandError) -> Fault {
    let message = format!("{} cannot be run: {error}", printable(line.as_bytes(), SAID));
    let advice = "write it anew where the address comes from".to_owned();
    Fault { stage: Stage::Deliver, whose: Whose::Usage, retry: Retry::Never, message, advice }
}

fn later(message: String) -> Fault {
    let advice = String::new();
    Fault { stage: Stage::Deliver, whose: Whose::Local, retry: Retry::Later, message, advice }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(how: How, output: &[u8]) -> Result<String, Fault> {
        judge("/usr/bin/lda for jan", &Ended { how, output: output.to_vec() })
    }

    #[test]
    fn each_status_of_sysexits_is_honoured() {
        assert!(judged(How::Exit(0), b"whatever").is_ok());
        for status in [71, 74, 75, 111] {
            assert_eq!(judged(How::Exit(status), b"").unwrap_err().retry, Retry::Later, "{status}");
        }
        for status in [1, 64, 65, 66, 67, 68, 69, 70, 72, 73, 76, 77, 78, 99, 100, 127, 255] {
            assert_eq!(judged(How::Exit(status), b"").unwrap_err().retry, Retry::Never, "{status}");
        }
        for how in [How::Signal(9), How::Signal(11), How::TimedOut] {
            assert_eq!(judged(how, b"").unwrap_err().retry, Retry::Later, "{how:?}");
        }
        assert_eq!(judged(How::Exit(67), b"").unwrap_err().whose, Whose::PeerRefused);
    }

    #[test]
    fn what_a_program_says_is_told_printable_and_in_one_line() {
        let fault = judged(How::Exit(69), b"no\x1b[2J room\r\nleft\n").unwrap_err();
        let told =
            r"/usr/bin/lda for jan ended with status 69 (a service is not there): no\x1b[2J room\r\nleft";
        assert_eq!(fault.message, told);
    }

    #[test]
    fn the_extension_is_what_stands_behind_the_users_name() {
        for (recipient, extension_of_it) in [
            ("jan+lists@polux", "lists"),
            ("Jan-x", "x"),
            ("jan@polux", ""),
            ("janet@polux", ""),
            ("info@polux", ""),
        ] {
            assert_eq!(extension(recipient, "jan"), extension_of_it, "{recipient}");
        }
    }
}
