//! `runq`: try the mail that waits, now. `sendmail -q`.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure, mailq};
use crate::node::verbs::QueueFilter;
use std::ffi::OsString;

const HELP: &str = "\
usage: runq [MESSAGE...]

Tries the mail that waits now, and asks for the calls that it waits for, each at the hours of its line.

      --json         report as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: false };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("runq", HELP)? {
        return Ok(code);
    }
    let mut filter = QueueFilter::default();
    for argument in arguments {
        if let Argument::Word(word) = argument {
            filter.messages.push(mailq::message(&word)?);
        }
    }
    mailq::flush(&common, filter)
}
