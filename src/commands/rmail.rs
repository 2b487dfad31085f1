//! `rmail`: hand in a message that begins with From_ lines. RFC 976, 2.4.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure};
use crate::exit;
use crate::node::verbs::{MailRequest, Request};
use std::ffi::OsString;

const HELP: &str = "\
usage: rmail ADDRESS... < MESSAGE

Hands in a message for the addresses. Who is trusted may say in From_ lines whom it is from.

      --json         report as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: true };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("rmail", HELP)? {
        return Ok(code);
    }
    let unbracketed = |word: String| match word.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        // The parentheses of a uux command line that nobody took away.
        Some(inner) => inner.to_owned(),
        None => word,
    };
    let recipients: Vec<String> = arguments
        .into_iter()
        .filter_map(|argument| match argument {
            Argument::Word(word) => Some(unbracketed(word)),
            Argument::Option(..) => None,
        })
        .collect();
    if recipients.is_empty() {
        return Err(Failure::usage("for whom?"));
    }
    let request = MailRequest { from_line: true, recipients, ..MailRequest::default() };
    let report = common.site.ask(Request::Mail(request), Some(&mut std::io::stdin()))?;
    if common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}
