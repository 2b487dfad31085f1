//! `uustat`: what waits for a call. Grammar: the Taylor UUCP manual, "Invoking uustat".

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::node::report::{Jobs, Report};
use crate::node::verbs::{JobFilter, Request, user_name};
use std::ffi::OsString;

const HELP: &str = "\
usage: uustat [-a] [-s SYSTEM] [-u USER] [-m]

Lists the jobs that you queued and that have not gone out yet.

  -a, --all            everybody's, as far as you may see them
  -s, --system SYSTEM  those for SYSTEM; may be repeated
  -u, --user USER      those of USER
  -m, --status         the last calls instead
      --json           as JSON
  -I, --config FILE    the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[
        ('a', "all", Takes::Nothing),
        ('s', "system", Takes::Value),
        ('u', "user", Takes::Value),
        ('m', "status", Takes::Nothing),
    ],
    dash: None,
    words_end_options: false,
};

/// How many calls `-m` shows.
const CALLS: usize = 50;

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uustat", HELP)? {
        return Ok(code);
    }
    let (mut filter, mut everybody, mut calls) = (JobFilter::default(), false, false);
    for argument in arguments {
        match argument {
            Argument::Option('a', _) => everybody = true,
            Argument::Option('s', system) => filter.systems.push(system),
            Argument::Option('u', user) => filter.user = Some(user),
            Argument::Option('m', _) => calls = true,
            Argument::Option(..) => {}
            Argument::Word(word) => return Err(Failure::usage(format!("{word:?} is too much"))),
        }
    }
    if calls {
        let system = filter.systems.first().cloned();
        let report = common.site.ask(Request::Calls { system, limit: CALLS }, None)?;
        common.print(&report)?;
        return Ok(exit::OK);
    }
    if !everybody && filter.systems.is_empty() && filter.user.is_none() {
        filter.user = Some(user_name(rustix::process::getuid().as_raw()));
    }
    common.print(&Report::Jobs(list(&common, &filter)?))?;
    Ok(exit::OK)
}

/// All pages.
fn list(common: &Common, filter: &JobFilter) -> Result<Jobs, Failure> {
    let mut all = Jobs::default();
    let mut after = None;
    loop {
        let request = Request::Jobs { filter: filter.clone(), after };
        let Report::Jobs(page) = common.site.ask(request, None)? else { return Err(super::other_answer()) };
        all.jobs.extend(page.jobs);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
