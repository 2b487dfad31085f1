//! `rsmtp`, also as `rcsmtp`, `rgsmtp` and `rzsmtp`: hand in a batch of messages. RFC 2442.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure};
use crate::exit;
use crate::node::verbs::Request;
use std::ffi::OsString;

const HELP: &str = "\
usage: rsmtp < BATCH

Hands in a batch of messages, all or none. How it is packed (compress, gzip, zstd or not at all) is
seen from it, whatever the name of the program.

      --json         report as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: false };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("rsmtp", HELP)? {
        return Ok(code);
    }
    if let Some(Argument::Word(word)) = arguments.first() {
        return Err(Failure::usage(format!("{word:?} is too much")));
    }
    let report = common.site.ask(Request::Batch, Some(&mut std::io::stdin()))?;
    if common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}
