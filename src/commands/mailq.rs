//! `mailq`, `sendmail -bp`, `uugate queue`: the mail that waits.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure};
use crate::exit;
use crate::node::report::{Queue, Report};
use crate::node::verbs::Request;
use std::ffi::OsString;

const HELP: &str = "\
usage: mailq [--json]

Lists the messages that have not reached all their recipients yet.

      --json         as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: false };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("mailq", HELP)? {
        return Ok(code);
    }
    if let Some(Argument::Word(word)) = arguments.first() {
        return Err(Failure::usage(format!("{word:?} is too much")));
    }
    show(&common)
}

/// All pages of the queue.
pub fn show(common: &Common) -> Result<u8, Failure> {
    let mut all = Queue::default();
    let mut after = None;
    loop {
        let Report::Queue(page) = common.site.ask(Request::Queue { after }, None)? else {
            return Err(super::other_answer());
        };
        all.entries.extend(page.entries);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    common.print(&Report::Queue(all))?;
    Ok(exit::OK)
}
