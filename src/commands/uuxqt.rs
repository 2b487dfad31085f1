//! `uuxqt`: carry out what has arrived. Grammar: the Taylor UUCP manual, "Invoking uuxqt".

use super::arguments::{Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::node::verbs::Request;
use std::ffi::OsString;

const HELP: &str = "\
usage: uuxqt

Carries out the commands that other systems sent, and delivers what mail came of them. A daemon does so by
itself.

  -c, -s             accepted; everything that is due is carried out
      --json         report as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[('c', "command", Takes::Value), ('s', "system", Takes::Value)],
    dash: None,
    words_end_options: false,
};

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, _) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uuxqt", HELP)? {
        return Ok(code);
    }
    let report = common.site.ask(Request::Run, None)?;
    if common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}
