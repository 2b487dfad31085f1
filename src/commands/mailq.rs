//! `mailq`, `sendmail -bp`, `uugate queue`: the mail that waits; and what is done to it.

use super::arguments::{Argument, Grammar, Takes};
use super::common::say;
use super::{Common, Failure};
use crate::exit;
use crate::node::report::{Queue, Report};
use crate::node::verbs::{QueueAction, QueueFilter, Request};
use std::ffi::OsString;

const HELP: &str = "\
usage: mailq [--json] [MESSAGE...]

Lists the messages that have not reached all their recipients yet.

      --json         as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    // What mailq of sendmail takes, and what does not matter here.
    options: &[('A', "", Takes::Attached), ('q', "", Takes::Attached)],
    dash: None,
    words_end_options: false,
};

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("mailq", HELP)? {
        return Ok(code);
    }
    let words = arguments.into_iter().filter_map(|argument| match argument {
        Argument::Word(word) => Some(word),
        Argument::Option(..) => None,
    });
    let messages = words.map(|word| message(&word)).collect::<Result<_, _>>()?;
    show(&common, QueueFilter { messages, ..QueueFilter::default() })
}

/// A message as the list has it.
pub fn message(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(|_| Failure::usage(format!("{word:?} is no message: `mailq` shows their numbers")))
}

/// All pages of the queue, each printed when it has come.
pub fn show(common: &Common, filter: QueueFilter) -> Result<u8, Failure> {
    let (mut after, mut entries, mut messages) = (None, 0, 0);
    loop {
        let request = Request::Queue { filter: filter.clone(), after };
        let Report::Queue(page) = common.site.ask(request, None)? else {
            return Err(super::other_answer());
        };
        let first = entries == 0;
        // A message is never on two pages.
        messages += page.entries.chunk_by(|one, next| one.message == next.message).count();
        entries += page.entries.len();
        after = page.next;
        if common.json {
            print_json(&page, first)?;
        } else if !page.entries.is_empty() {
            say(if first { Queue::HEADING } else { "" })?;
            common.print(&Report::Queue(page))?;
        }
        if after.is_none() {
            break;
        }
    }
    match (common.json, entries) {
        (true, 0) => say("{\n  \"queue\": {\n    \"entries\": [],\n    \"next\": null\n  }\n}\n")?,
        (true, _) => say("\n    ],\n    \"next\": null\n  }\n}\n")?,
        (false, 0) => say("Mail queue is empty\n")?,
        (false, _) => say(&format!("\t\tTotal requests: {messages}\n"))?,
    }
    Ok(exit::OK)
}

/// A part of one list, so that nobody has to keep it whole.
fn print_json(page: &Queue, first: bool) -> Result<(), Failure> {
    let mut text = String::new();
    for entry in &page.entries {
        let entry =
            serde_json::to_string(entry).map_err(|error| Failure::new(exit::SOFTWARE, error.to_string()))?;
        text.push_str(if first && text.is_empty() {
            "{\n  \"queue\": {\n    \"entries\": [\n"
        } else {
            ",\n"
        });
        text.push_str("      ");
        text.push_str(&entry);
    }
    say(&text)
}

/// Does something to the mail of the queue.
pub fn handle(common: &Common, what: QueueAction, filter: QueueFilter) -> Result<u8, Failure> {
    let Report::Handled(handled) = common.site.ask(Request::Handle { what, filter }, None)? else {
        return Err(super::other_answer());
    };
    let code = if handled.left.is_empty() { exit::OK } else { exit::TEMPFAIL };
    common.print(&Report::Handled(handled))?;
    Ok(code)
}

/// `sendmail -q`, `runq`: what can be tried is tried.
pub fn flush(common: &Common, filter: QueueFilter) -> Result<u8, Failure> {
    let request = Request::Handle { what: QueueAction::Flush, filter };
    let report = common.site.ask(request, None)?;
    if common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}
