//! What a job of ours becomes on the wire for this peer: one E command, an S pair, an S, an R, or an X.

use super::Features;
use super::ask::{JobKey, OutgoingJob, Slot};
use super::command::{Request, Transfer};
use super::naming::WireNames;
use super::permit::goes_to_spool;
use crate::job::{Execute, Notify, SystemName, Work, XFile};

/// Where the bytes of a file come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The body of the job.
    Body(JobKey),
    /// Made here.
    Text(Vec<u8>),
    /// A file that the peer fetches.
    Opened(Slot),
}

/// One command of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The command, ready to be sent.
    pub text: Vec<u8>,
    /// What it sends; nothing for R and X.
    pub source: Option<Source>,
    pub size: u64,
}

/// The commands of a job, in order; `None`: this peer cannot be told of it. `told`: what [`WireNames::new`] says; `largest`: the
/// most that is fetched, in bytes.
pub fn pieces(
    job: &OutgoingJob,
    ours: &SystemName,
    features: Features,
    told: bool,
    largest: u64,
) -> Option<Vec<Piece>> {
    let names = WireNames::new(ours, job.stable, job.grade, told);
    let body = Some(Source::Body(job.key));
    let digest = job.digest.filter(|_| features.has(Features::UUGATE));
    match &job.work {
        Work::Execute(execute) if features.has(Features::EXECUTE) && features.has(Features::SIZE) => {
            let request = execute_request(execute, &names.digested(digest), job.size, features);
            Some(vec![Piece { text: request.print(features)?, source: body, size: job.size }])
        }
        Work::Execute(execute) => {
            let data = Request::Send(spooled(&execute.user, &names.from, &names.temp, &names.data, job.size));
            let (execute, input, system) = (execute.clone(), Some(names.data.clone()), Some(ours.clone()));
            let user = execute.user.clone();
            let text = XFile { execute, input, system }.print().into_bytes();
            let size = text.len() as u64;
            let execution =
                Request::Send(spooled(&user, &names.from, &names.execution_temp, &names.execution, size));
            Some(vec![
                Piece { text: data.print(features)?, source: body, size: job.size },
                Piece { text: execution.print(features)?, source: Some(Source::Text(text)), size },
            ])
        }
        // It would be carried out there in the name of whoever it says.
        Work::Send(send) if goes_to_spool(&send.to) => None,
        Work::Send(send) => {
            let mut options = String::from("C");
            options.push(if send.make_directories { 'd' } else { 'f' });
            if send.notify.is_some() {
                options.push('n');
            }
            let names = names.digested(digest);
            let from = match features.has(Features::UUGATE) {
                true => names.for_file(&send.from),
                false => send.from.clone(),
            };
            let request = Request::Send(Transfer {
                from,
                to: send.to.clone(),
                user: send.user.clone(),
                options,
                temp: names.temp,
                mode: send.mode & 0o777,
                notify: send.notify.clone(),
                size: Some(job.size),
            });
            Some(vec![Piece { text: request.print(features)?, source: body, size: job.size }])
        }
        Work::Fetch(fetch) => {
            let request = Request::Receive {
                from: fetch.from.clone(),
                to: fetch.to.clone(),
                user: fetch.user.clone(),
                options: if fetch.make_directories { "d" } else { "f" }.to_owned(),
                limit: Some(job.largest.map_or(largest, |now| now.min(largest))),
                rest: job.rest,
            };
            Some(vec![Piece { text: request.print(features)?, source: None, size: 0 }])
        }
        Work::Expand(expand) => {
            let request = Request::Expand {
                from: expand.from.clone(),
                to: format!("{ours}!{}", expand.to),
                user: expand.user.clone(),
                options: if expand.make_directories { "d" } else { "f" }.to_owned(),
            };
            Some(vec![Piece { text: request.print(features)?, source: None, size: 0 }])
        }
    }
}

/// Whether the names in the commands of a job tell the id of our spool to every receiver: those of a file are heeded only by one
/// that knows us for a uugate.
pub fn tells_spool(work: &Work) -> bool {
    matches!(work, Work::Execute(_))
}

fn execute_request(execute: &Execute, names: &WireNames, size: u64, features: Features) -> Request {
    // The file of an E command has no name in the spool of a uugate, but a stable id; and the manual's dummy is short.
    let to = if features.has(Features::UUGATE) { "D.0" } else { &names.data };
    let mut transfer = spooled(&execute.user, &names.from, &names.temp, to, size);
    // An E command has no letter for "tell of success too"; the requestor hears of failures.
    if execute.notify == Notify::Never {
        transfer.options.push('N');
    }
    if execute.requestor.is_some() {
        transfer.options.push('R');
    }
    transfer.notify = execute.requestor.clone();
    Request::Execute { transfer, command: execute.command.to_string() }
}

/// A file of our spool for a file of theirs.
fn spooled(user: &str, from: &str, temp: &str, to: &str, size: u64) -> Transfer {
    Transfer {
        from: from.to_owned(),
        to: to.to_owned(),
        user: user.to_owned(),
        options: "C".to_owned(),
        temp: temp.to_owned(),
        mode: 0o666,
        notify: None,
        size: Some(size),
    }
}

/// What the job is, for who watches.
pub fn describe(work: &Work) -> String {
    match work {
        Work::Execute(execute) => execute.command.to_string(),
        Work::Send(send) => format!("{} to {}", send.from, send.to),
        Work::Fetch(fetch) => format!("fetch {}", fetch.from),
        Work::Expand(expand) => format!("fetch {}", expand.from),
    }
}
