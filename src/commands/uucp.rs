//! `uucp`: queue files for a system. Grammar: the Taylor UUCP manual, "Invoking uucp".

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::job::Grade;
use crate::node::verbs::{CopyRequest, Request};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

const HELP: &str = "\
usage: uucp [options] FILE... SYSTEM!NAME

Queues FILE to be copied to SYSTEM. A NAME that begins with ~/ is below its public directory;
quote it from the shell: uucp report.txt 'polux!~/report.txt'

  -d, --directories    make missing directories there (the default)
  -f, --nodirectories  do not
  -g, --grade GRADE    0-9, A-Z, a-z: how urgent it is (default N)
  -n, --notify USER    mail USER there when it has arrived
  -r, --nouucico       do not ask for a call now
  -j, --jobid          print the ids of the jobs
  -W, --noexpand       do not put the current directory before NAME
  -c, -C, -m           accepted: files are always copied, and failures always told
  -I, --config FILE    the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[
        ('c', "nocopy", Takes::Nothing),
        ('C', "copy", Takes::Nothing),
        ('d', "directories", Takes::Nothing),
        ('f', "nodirectories", Takes::Nothing),
        ('g', "grade", Takes::Value),
        ('m', "mail", Takes::Nothing),
        ('n', "notify", Takes::Value),
        ('r', "nouucico", Takes::Nothing),
        ('j', "jobid", Takes::Nothing),
        ('W', "noexpand", Takes::Nothing),
    ],
    dash: None,
    words_end_options: false,
};

/// A command line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    /// Everything but the names of the file, which differ from file to file.
    request: CopyRequest,
    files: Vec<String>,
    print_ids: bool,
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uucp", HELP)? {
        return Ok(code);
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(exit::OSERR, format!("submit: the current directory: {error}")))?;
    let line = parse(arguments, &here.to_string_lossy())?;
    for path in &line.files {
        let unreadable = |error| Failure::new(exit::NOINPUT, format!("submit: {path}: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(Failure::new(exit::NOINPUT, format!("submit: {path} is no file")));
        }
        let mut request = line.request.clone();
        request.executable = about.permissions().mode() & 0o111 != 0;
        request.from = here.join(path).to_string_lossy().into_owned();
        if line.files.len() > 1 && !request.to.ends_with('/') {
            request.to.push('/');
        }
        let report = common.site.ask(Request::Copy(request), Some(&mut file))?;
        if line.print_ids || common.json {
            common.print(&report)?;
        }
    }
    Ok(exit::OK)
}

fn parse(arguments: Vec<Argument>, here: &str) -> Result<Line, Failure> {
    let (mut call, mut print_ids, mut expand, mut make_directories) = (true, false, true, true);
    let (mut grade, mut notify) = (Grade::DEFAULT, None);
    let mut files = Vec::new();
    for argument in arguments {
        match argument {
            Argument::Option('g', value) => grade = super::grade(&value)?,
            Argument::Option('n', value) => notify = Some(value),
            Argument::Option('r', _) => call = false,
            Argument::Option('j', _) => print_ids = true,
            Argument::Option('W', _) => expand = false,
            Argument::Option('d', _) => make_directories = true,
            Argument::Option('f', _) => make_directories = false,
            Argument::Option(..) => {}
            Argument::Word(word) => files.push(word),
        }
    }
    let there = files.pop().filter(|_| !files.is_empty());
    let Some(there) = there else { return Err(Failure::usage("which file, and where to?")) };
    let Some((system, name)) = there.split_once('!').filter(|(system, _)| !system.is_empty()) else {
        return Err(Failure::usage(format!("{there:?} names no other system; write SYSTEM!~/NAME")));
    };
    if let Some(file) = files.iter().find(|file| file.contains('!') && !file.starts_with(['/', '.'])) {
        return Err(Failure::usage(format!(
            "{file:?} would be fetched from another system, which is not possible"
        )));
    }
    if name.contains('!') {
        return Err(Failure::usage("forwarding by way of several systems is not possible"));
    }
    let to = match name {
        "" => "~/".to_owned(),
        name if expand && !name.starts_with(['/', '~']) => format!("{here}/{name}"),
        name => name.to_owned(),
    };
    let request = CopyRequest {
        system: system.to_owned(),
        from: String::new(),
        to,
        executable: false,
        grade,
        make_directories,
        notify,
        call,
    };
    Ok(Line { request, files, print_ids })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, Failure> {
        let (_, arguments) = Common::read(text.split(' ').map(OsString::from).collect(), GRAMMAR)?;
        parse(arguments, "/home/jan")
    }

    #[test]
    fn the_name_there_is_what_the_user_means() {
        for (text, to) in [
            ("a polux!~/b", "~/b"),
            ("a polux!~/", "~/"),
            ("a polux!", "~/"),
            ("a polux!b", "/home/jan/b"),
            ("-W a polux!b", "b"),
            ("a polux!/tmp/b", "/tmp/b"),
            ("a polux!~uucp/b", "~uucp/b"),
        ] {
            assert_eq!(line(text).unwrap().request.to, to, "{text}");
        }
    }

    #[test]
    fn options_as_the_manual_has_them() {
        let line = line("-r -C -f -gA -n marie a polux!~/b").unwrap();
        assert!(!line.request.call && !line.request.make_directories);
        assert_eq!(line.request.grade.letter(), 'A');
        assert_eq!(line.request.notify.as_deref(), Some("marie"));
        assert_eq!((line.files, line.request.system), (vec!["a".to_owned()], "polux".to_owned()));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for text in ["a", "", "a b", "a !~/b", "polux!~/a b", "polux!a moria!b", "a polux!moria!~/b"] {
            assert_eq!(line(text).unwrap_err().code, exit::USAGE, "{text}");
        }
    }
}
