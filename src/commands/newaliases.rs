//! `newaliases`, `sendmail -bi`: looks at the alias files. There is nothing to rebuild, for the text itself is what is used.

use super::arguments::{Argument, Grammar};
use super::{Common, Failure};
use crate::exit;
use crate::node::config::Config;
use crate::node::report::{AliasFile, AliasProblem, Aliases};
use crate::post::queue::read_aliases;
use crate::post::route::directors::Settings;
use std::ffi::OsString;
use std::path::Path;

const HELP: &str = "\
usage: newaliases [--json]

Says what is wrong with the alias files of the configuration. They are read again by themselves when they have
changed. Ends with 65 if an entry is wrong, and with 78 if a whole file cannot be used.

      --json         as JSON
  -I, --config FILE  the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar { options: &[], dash: None, words_end_options: false };

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("newaliases", HELP)? {
        return Ok(code);
    }
    if let Some(Argument::Word(word)) = arguments.first() {
        return Err(Failure::usage(format!("{word:?} is too much")));
    }
    check(&common)
}

/// Prints what there is to say of every alias file.
pub fn check(common: &Common) -> Result<u8, Failure> {
    let (config, _) = Config::load(&common.site.file)?;
    let settings = config.tables().directors;
    let files: Vec<AliasFile> = settings.alias_files.iter().map(|file| look_at(file, &settings)).collect();
    let code = if files.iter().any(|file| file.unusable.is_some()) {
        exit::CONFIG
    } else if files.iter().any(|file| !file.problems.is_empty()) {
        exit::DATAERR
    } else {
        exit::OK
    };
    let report = Aliases { files };
    match common.json {
        true => common.print_json(&report)?,
        false => common.say(&report.to_string())?,
    }
    Ok(code)
}

fn look_at(path: &Path, settings: &Settings) -> AliasFile {
    let mut file = AliasFile {
        file: path.display().to_string(),
        present: true,
        names: 0,
        entries: 0,
        unusable: None,
        problems: Vec::new(),
    };
    match read_aliases(path, settings) {
        Ok(None) => file.present = false,
        Err(error) => file.unusable = Some(error.to_string()),
        Ok(Some((aliases, trust))) => {
            file.names = aliases.names.len();
            file.entries = aliases.names.values().map(|alias| alias.members.len()).sum();
            let problem = |problem: &crate::post::route::directors::aliases::Problem| AliasProblem {
                line: problem.line,
                message: problem.text.clone(),
            };
            file.problems = aliases.problems.iter().map(problem).collect();
            for (name, alias) in &aliases.names {
                let objections =
                    alias.members.iter().filter_map(|member| settings.objection(member, None, trust));
                file.problems.extend(objections.map(|objection| AliasProblem {
                    line: alias.line,
                    message: format!("alias {name}: {objection}"),
                }));
            }
            file.problems.sort_by_key(|problem| problem.line);
        }
    }
    file
}
