//! The programs, one file a name: the grammar of its command line and what it prints; what is asked is done by
//! [`crate::node`].

mod agent;
mod arguments;
mod bundle;
mod check;
mod common;
mod demo;
mod exchange;
mod failure;
mod line;
mod mailq;
mod newaliases;
mod own;
mod password;
mod rmail;
mod rsmtp;
mod runq;
mod sendmail;
mod site;
mod smtpd;
mod spool;
mod telephone;
mod terminal;
mod trace;
mod uucico;
mod uucp;
mod uuname;
mod uustat;
mod uux;
mod uuxqt;

use common::Common;
use failure::Failure;

use crate::exit;
use crate::job::Grade;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;

/// A program under its own name: what it does with the words behind the name.
type Program = fn(Vec<OsString>) -> Result<u8, Failure>;

/// The old names, each also a subcommand.
const PROGRAMS: [(&str, Program); 17] = [
    ("in.smtpd", smtpd::run),
    ("mailq", mailq::run),
    ("newaliases", newaliases::run),
    ("rcsmtp", rsmtp::run),
    ("rgsmtp", rsmtp::run),
    ("rmail", rmail::run),
    ("rsmtp", rsmtp::run),
    ("rzsmtp", rsmtp::run),
    ("runq", runq::run),
    ("sendmail", sendmail::run),
    ("smtpd", smtpd::run),
    ("uucico", uucico::run),
    ("uucp", uucp::run),
    ("uuname", uuname::run),
    ("uustat", uustat::run),
    ("uux", uux::run),
    ("uuxqt", uuxqt::run),
];

/// Runs what the command line asks for and gives the exit code. The first word is the name that the program was
/// called by.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let called = words.first().map(Path::new).and_then(Path::file_name).map(|name| name.to_string_lossy());
    let mut program = called.as_deref().and_then(find);
    let mut drop = 1;
    if program.is_none() {
        program = words.get(1).and_then(|word| find(&word.to_string_lossy()));
        drop = 2;
    }
    let (name, result) = match program {
        Some((name, run)) => (name, run(words.split_off(drop.min(words.len())))),
        None => ("uugate", own::run(words)),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            if !failure.text.is_empty() {
                let _ = writeln!(
                    std::io::stderr(),
                    "{name}: {}",
                    crate::commands::common::one_line(&failure.text)
                );
            }
            failure.code
        }
    }
}

fn find(name: &str) -> Option<(&'static str, Program)> {
    PROGRAMS.into_iter().find(|(known, _)| *known == name)
}

/// A grade as it stands on a command line.
fn grade(text: &str) -> Result<Grade, Failure> {
    let mut letters = text.chars();
    let letter = letters.next().filter(|_| letters.next().is_none());
    letter
        .and_then(Grade::new)
        .ok_or_else(|| Failure::usage(format!("{text:?} is no grade: one character of 0-9, A-Z, a-z")))
}

/// The node answered something else than what was asked.
fn other_answer() -> Failure {
    Failure::new(exit::PROTOCOL, "control: the daemon answered something else; let both be of one version")
}
