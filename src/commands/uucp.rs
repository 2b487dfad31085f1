//! `uucp`: queue files for a system, or ask one for files. Grammar: the Taylor UUCP manual, "Invoking uucp".

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::job::Grade;
use crate::node::verbs::{CopyRequest, FetchRequest, Request};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

const HELP: &str = "\
usage: uucp [options] FILE... SYSTEM!NAME
       uucp [options] SYSTEM!NAME... PLACE

Queues FILE to be copied to SYSTEM, or asks SYSTEM for files, which it sends when it is called. A NAME
that begins with ~/ is below its public directory, a PLACE below ours; quote them from the shell:
  uucp report.txt 'polux!~/report.txt'
  uucp 'polux!~/plan' '~/plan'
  uucp 'polux!~/*.txt' '~/plans/'

  -d, --directories    make missing directories (the default)
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
    task: Task,
    print_ids: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Task {
    /// Files for a system; everything but the names of the file, which differ from file to file.
    Copy {
        request: CopyRequest,
        files: Vec<String>,
    },
    Fetch(Vec<FetchRequest>),
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uucp", HELP)? {
        return Ok(code);
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::new(exit::OSERR, format!("submit: the current directory: {error}")))?;
    let line = parse(arguments, &here.to_string_lossy())?;
    let print = |report| if line.print_ids || common.json { common.print(&report) } else { Ok(()) };
    let (request, files) = match line.task {
        Task::Copy { request, files } => (request, files),
        Task::Fetch(requests) => {
            for request in requests {
                print(common.site.ask(Request::Fetch(request), None)?)?;
            }
            return Ok(exit::OK);
        }
    };
    let several = files.len() > 1;
    for path in &files {
        let unreadable = |error| Failure::new(exit::NOINPUT, format!("submit: {path}: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        let about = file.metadata().map_err(unreadable)?;
        if !about.is_file() {
            return Err(Failure::new(exit::NOINPUT, format!("submit: {path} is no file")));
        }
        let mut request = request.clone();
        request.executable = about.permissions().mode() & 0o111 != 0;
        request.from = here.join(path).to_string_lossy().into_owned();
        if several && !request.to.ends_with('/') {
            request.to.push('/');
        }
        print(common.site.ask(Request::Copy(request), Some(&mut file))?)?;
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
    let below_here = |name: &str| match name {
        "" => "~/".to_owned(),
        name if !name.starts_with(['/', '~']) => format!("{here}/{name}"),
        name => name.to_owned(),
    };
    let name_there = |name: &str| if expand || name.is_empty() { below_here(name) } else { name.to_owned() };
    let remote = files.iter().filter_map(|file| system_and_name(file)).collect::<Vec<_>>();
    let task = match system_and_name(&there) {
        None if remote.is_empty() => {
            return Err(Failure::usage(format!("{there:?} names no other system; write SYSTEM!~/NAME")));
        }
        None if remote.len() == files.len() => {
            let several = remote.len() > 1 && !there.ends_with('/');
            let to = below_here(&there) + if several { "/" } else { "" };
            let request = |(system, from): &(&str, &str)| FetchRequest {
                system: (*system).to_owned(),
                from: name_there(from),
                to: to.clone(),
                grade,
                make_directories,
                call,
            };
            Task::Fetch(remote.iter().map(request).collect())
        }
        None => return Err(Failure::usage("files of this system go to another alone")),
        Some(_) if !remote.is_empty() => {
            return Err(Failure::usage("files of another system come to this one alone"));
        }
        Some((system, name)) => {
            let (system, to) = (system.to_owned(), name_there(name));
            let (from, executable) = (String::new(), false);
            let request = CopyRequest { system, from, to, executable, grade, make_directories, notify, call };
            Task::Copy { request, files: files.clone() }
        }
    };
    let names = remote.iter().chain(system_and_name(&there).as_ref()).any(|(_, name)| name.contains('!'));
    if names {
        return Err(Failure::usage("forwarding by way of several systems is not possible"));
    }
    Ok(Line { task, print_ids })
}

/// The parts of `SYSTEM!NAME`; `None`: it is a name here.
fn system_and_name(text: &str) -> Option<(&str, &str)> {
    text.split_once('!').filter(|(system, _)| !system.is_empty() && !system.starts_with(['/', '.', '~']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Result<Line, Failure> {
        let (_, arguments) = Common::read(text.split(' ').map(OsString::from).collect(), GRAMMAR)?;
        parse(arguments, "/home/jan")
    }

    fn copy(text: &str) -> (CopyRequest, Vec<String>) {
        match line(text).unwrap().task {
            Task::Copy { request, files } => (request, files),
            Task::Fetch(_) => panic!("{text}"),
        }
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
            assert_eq!(copy(text).0.to, to, "{text}");
        }
    }

    #[test]
    fn options_as_the_manual_has_them() {
        let (request, files) = copy("-r -C -f -gA -n marie a polux!~/b");
        assert!(!request.call && !request.make_directories);
        assert_eq!(request.grade.letter(), 'A');
        assert_eq!(request.notify.as_deref(), Some("marie"));
        assert_eq!((files, request.system), (vec!["a".to_owned()], "polux".to_owned()));
    }

    #[test]
    fn files_of_another_system_are_asked_for() {
        for (text, from, to) in [
            ("polux!~/a ~/b", &["~/a"][..], "~/b"),
            ("polux!~/*.txt ~/in/", &["~/*.txt"], "~/in/"),
            ("polux!a b", &["/home/jan/a"], "/home/jan/b"),
            ("-W polux!a /tmp/b", &["a"], "/tmp/b"),
            ("polux!~/a moria!~/b ~/in", &["~/a", "~/b"], "~/in/"),
        ] {
            let Task::Fetch(requests) = line(text).unwrap().task else { panic!("{text}") };
            assert!(requests.iter().all(|request| request.to == to), "{text}: {requests:?}");
            let asked: Vec<&str> = requests.iter().map(|request| request.from.as_str()).collect();
            assert_eq!(asked, from, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for text in [
            "a",
            "",
            "a b",
            "a !~/b",
            "polux!~/a b ~/c",
            "polux!a moria!b",
            "a polux!moria!~/b",
            "polux!moria!a b",
        ] {
            assert_eq!(line(text).unwrap_err().code, exit::USAGE, "{text}");
        }
    }
}
