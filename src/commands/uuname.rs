//! `uuname`: the names of the neighbours, or our own. Grammar: the Taylor UUCP manual, "Invoking uuname".

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::node::report::Report;
use crate::node::verbs::Request;
use std::ffi::OsString;

const HELP: &str = "\
usage: uuname [-a | -l]

Prints the names of the systems that this one knows.

  -a, --aliases      their other names too
  -l, --local        our own name instead
      --json         as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[('a', "aliases", Takes::Nothing), ('l', "local", Takes::Nothing)],
    dash: None,
    words_end_options: false,
};

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uuname", HELP)? {
        return Ok(code);
    }
    let (mut aliases, mut local) = (false, false);
    for argument in arguments {
        match argument {
            Argument::Option('a', _) => aliases = true,
            Argument::Option('l', _) => local = true,
            Argument::Option(..) => {}
            Argument::Word(word) => return Err(Failure::usage(format!("{word:?} is too much"))),
        }
    }
    let report = common.site.ask(Request::Names, None)?;
    let text = match &report {
        _ if common.json => return common.print(&report).map(|()| exit::OK),
        Report::Names(names) if local => format!("{}\n", names.node),
        Report::Names(names) if aliases => {
            let lines = |system: &crate::node::report::Name| {
                let all = std::iter::once(&system.name).chain(&system.aliases);
                all.map(|name| format!("{name}\n")).collect::<String>()
            };
            names.systems.iter().map(lines).collect()
        }
        other => other.to_string(),
    };
    common.say(&text)?;
    Ok(exit::OK)
}
