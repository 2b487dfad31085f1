//! `uucico`: call a system, or be called on standard input. Grammar: the Taylor UUCP manual, "Invoking uucico".
//!
//! With a daemon the call is the daemon's: a system is called on its lines, and a call on our standard input and output
//! goes to it byte by byte. Without one, who owns the spool makes the call himself, and then sees to what it brought.

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure, site};
use crate::exit;
use crate::job::SystemName;
use crate::node::config::Places;
use crate::node::control::{Client, ControlError, Server, ServerSettings};
use crate::node::report::Report;
use crate::node::verbs::{LoginRequest, PollRequest, Request, VerbError, Verbs, Who};
use crate::spool::CallRecord;
use crate::wire::line::Port;
use std::ffi::OsString;
use std::path::PathBuf;

const HELP: &str = "\
usage: uucico [-l] [-u NAME]
       uucico -r1 [-s SYSTEM | -S SYSTEM] [-C]

Takes a call on standard input and output; with -r1 or a SYSTEM, calls that system, or all that have work.

  -l, --prompt         ask the caller for name and password
  -u, --login NAME     the caller has logged in by this name
  -r1, --master        call; -r0, --slave: be called (the default)
  -s, --system SYSTEM  call SYSTEM
  -S SYSTEM            the same, even if it is too early to try again
  -C, --ifwork         only if there is work for it
  -q, --nouuxqt        do not carry out what has arrived
  -f, -D, -c, -p, -z   accepted
      --record FILE    write every byte of the call down, for `uugate trace`; passwords are left out
      --json           report as JSON (not when standard output is the line)
  -I, --config FILE    the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[
        ('r', "", Takes::Value),
        (MASTER, "master", Takes::Nothing),
        (SLAVE, "slave", Takes::Nothing),
        ('s', "system", Takes::Value),
        ('S', "", Takes::Value),
        ('f', "force", Takes::Nothing),
        ('l', "prompt", Takes::Nothing),
        ('p', "port", Takes::Value),
        ('e', "loop", Takes::Nothing),
        ('w', "wait", Takes::Nothing),
        ('q', "nouuxqt", Takes::Nothing),
        ('c', "quiet", Takes::Nothing),
        ('C', "ifwork", Takes::Nothing),
        ('D', "nodetach", Takes::Nothing),
        ('u', "login", Takes::Value),
        ('z', "try-next", Takes::Nothing),
        ('X', "", Takes::Value),
        (RECORD, "record", Takes::Value),
    ],
    dash: None,
    words_end_options: false,
};
/// `--master`, `--slave` and `--record` have no letters.
const MASTER: char = '\u{5}';
const SLAVE: char = '\u{6}';
const RECORD: char = '\u{7}';

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Call(PollRequest),
    BeCalled(LoginRequest),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    role: Role,
    /// Carry out what has arrived.
    execute: bool,
    /// Where to write the call down.
    record: Option<PathBuf>,
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (mut common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uucico", HELP)? {
        return Ok(code);
    }
    let line = parse(arguments)?;
    common.site.record.clone_from(&line.record);
    let places = Places::find(&common.site.file);
    let request = match &line.role {
        Role::Call(poll) => Request::Call(poll.clone()),
        Role::BeCalled(login) => Request::Answer { login: login.clone(), from: came_from() },
    };
    let report = match Client::connect(&places.socket) {
        Ok(_) if line.record.is_some() => return Err(site::recorded_by_daemon()),
        Ok(client) => client.call(&request)?,
        Err(error @ ControlError::NoDaemon { .. }) => {
            if !site::owns(&places.spool) {
                return Err(error.into());
            }
            site::runtime()?.block_on(by_myself(&common, &places, line))?
        }
        Err(error) => return Err(error.into()),
    };
    conclude(&common, &report)
}

/// The exit code says whether the call was good.
fn conclude(common: &Common, report: &Report) -> Result<u8, Failure> {
    let failures: Vec<String> = match report {
        Report::Call(record) => record.failure.iter().cloned().collect(),
        Report::Poll(poll) => {
            if common.json {
                common.print(report)?;
            }
            poll.failures()
        }
        _ => Vec::new(),
    };
    if failures.is_empty() { Ok(exit::OK) } else { Err(Failure::new(exit::TEMPFAIL, failures.join("; "))) }
}

async fn by_myself(common: &Common, places: &Places, line: Line) -> Result<Report, Failure> {
    let own = common.site.open(places).await?;
    // A call may take long; other commands are served meanwhile, as a daemon would. Without the socket they wait.
    let server = Server::bind(&places.socket, ServerSettings::default()).ok();
    let serving = async {
        match &server {
            Some(server) => server.run(|| own.clone()).await,
            None => std::future::pending().await,
        }
    };
    let working = async {
        // Mail that waits becomes jobs first.
        let report = match own.run().await {
            Ok(_) => call(&own, line.role).await,
            Err(error) => Err(error),
        };
        (report, if line.execute { own.run().await.map(drop) } else { Ok(()) })
    };
    let (report, seen_to) = tokio::select! {
        done = working => done,
        () = serving => return Err(Failure::new(exit::SOFTWARE, "control: the socket was closed")),
    };
    if let Some(server) = server {
        server.close().await;
    }
    own.spool.close().await;
    let report = report?;
    seen_to?;
    Ok(report)
}

async fn call(own: &Verbs, role: Role) -> Result<Report, VerbError> {
    let who = Who::myself(&own.config);
    match role {
        Role::BeCalled(login) => {
            let stream = stdin().await?;
            own.answer(&who, login, came_from(), stream).await.map(Report::from)
        }
        Role::Call(poll) => {
            let by_stdin = match &poll.system {
                Some(name) => own.reached_by_stdin(&who, name)?,
                None => None,
            };
            match by_stdin {
                Some(system) => place(own, &poll, &system).await.map(Report::from),
                None => {
                    let wished = own.poll(&who, PollRequest { wait: false, ..poll }).await?;
                    own.call_now(wished).await.map(Report::Poll)
                }
            }
        }
    }
}

async fn place(own: &Verbs, poll: &PollRequest, system: &SystemName) -> Result<CallRecord, VerbError> {
    if poll.if_work && !own.has_work(system).await? {
        return Ok(CallRecord::default());
    }
    own.place(system, stdin().await?).await
}

async fn stdin() -> Result<crate::wire::line::Line, VerbError> {
    let opened = Port::Stdio.open().await;
    opened.map_err(|error| VerbError::Below(crate::fault::ToFault::fault(&error)))
}

/// Where the call on our standard input comes from: the address that sshd or the socket tells, or the terminal. A pseudo
/// terminal says nothing of who is behind it.
fn came_from() -> Option<String> {
    let stdin = std::io::stdin();
    if let Ok(connection) = std::env::var("SSH_CONNECTION") {
        return connection.split(' ').next().map(str::to_owned);
    }
    if let Some(peer) = site::peer_of_stdin() {
        return Some(peer.to_string());
    }
    let terminal = rustix::termios::ttyname(&stdin, Vec::new()).ok()?.into_string().ok()?;
    Some(terminal).filter(|terminal| !terminal.starts_with("/dev/pts/"))
}

fn parse(arguments: Vec<Argument>) -> Result<Line, Failure> {
    let mut poll = PollRequest { system: None, force: false, if_work: false, wait: true };
    let (mut master, mut ask, mut execute, mut name) = (false, false, true, None);
    let mut record = None;
    for argument in arguments {
        match argument {
            Argument::Option('r', value) => {
                master = match value.as_str() {
                    "1" => true,
                    "0" => false,
                    _ => return Err(Failure::usage("-r is followed by 1 or 0")),
                }
            }
            Argument::Option(MASTER, _) => master = true,
            Argument::Option(SLAVE, _) => master = false,
            Argument::Option(letter @ ('s' | 'S'), system) => {
                master = true;
                poll.force |= letter == 'S';
                poll.system = Some(system);
            }
            Argument::Option('f', _) => poll.force = true,
            Argument::Option('C', _) => poll.if_work = true,
            Argument::Option('l', _) => ask = true,
            Argument::Option('u', value) => name = Some(value),
            Argument::Option('q', _) => execute = false,
            Argument::Option(RECORD, file) => record = Some(PathBuf::from(file)),
            Argument::Option('e' | 'w', _) => {
                return Err(Failure::usage("a line that takes calls for ever is the daemon's: `uugate run`"));
            }
            Argument::Option(..) => {}
            Argument::Word(word) => return Err(Failure::usage(format!("{word:?} is too much"))),
        }
    }
    let role = match (master, ask) {
        (true, _) => Role::Call(poll),
        (false, true) => Role::BeCalled(LoginRequest::Ask),
        (false, false) => Role::BeCalled(LoginRequest::Done { name }),
    };
    Ok(Line { role, execute, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, Failure> {
        let words = text.split(' ').filter(|word| !word.is_empty()).map(OsString::from).collect();
        parse(Common::read(words, GRAMMAR)?.1)
    }

    fn call(text: &str) -> PollRequest {
        match line(text).unwrap().role {
            Role::Call(poll) => poll,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_caller_as_scripts_write_it() {
        assert_eq!(call("-r1 -s polux -f -D").system.as_deref(), Some("polux"));
        assert!(call("-r1 -s polux -f").force && call("-Spolux").force && !call("-s polux").force);
        assert_eq!(call("--master").system, None);
        assert!(call("-r1 -spolux -C").if_work);
        assert!(!line("-r1 -q").unwrap().execute);
    }

    #[test]
    fn the_called_side_is_the_default() {
        let done = |name: Option<&str>| Role::BeCalled(LoginRequest::Done { name: name.map(str::to_owned) });
        assert_eq!(line("").unwrap().role, done(None));
        assert_eq!(line("-r0 -q -D").unwrap().role, done(None));
        assert_eq!(line("-u Uleaf").unwrap().role, done(Some("Uleaf")));
        assert_eq!(line("-l").unwrap().role, Role::BeCalled(LoginRequest::Ask));
        for wrong in ["-e", "-r2", "polux", "-s"] {
            assert_eq!(line(wrong).unwrap_err().code, exit::USAGE, "{wrong}");
        }
    }
}
