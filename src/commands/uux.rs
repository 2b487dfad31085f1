//! `uux`: queue a command for a system. Grammar: the Taylor UUCP manual, "Invoking uux".

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure};
use crate::exit;
use crate::job::{Grade, Notify};
use crate::node::verbs::{ExecuteRequest, PollRequest, Request};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;

const HELP: &str = "\
usage: uux [options] SYSTEM!COMMAND [ARGUMENT...]

Queues COMMAND to be run on SYSTEM; `uux SYSTEM!` only asks for a call.
Arguments with ! in them stand in parentheses: uux - polux!rmail '(moria!gimli)'

  -, -p, --stdin           standard input is the input of the command
  -g, --grade GRADE        0-9, A-Z, a-z: how urgent it is (default N)
  -a, --requestor ADDRESS  who is told how it went, and whom mail is from
  -n, --notification=no    tell nobody, even if it fails
  -z, --notification=error tell the requestor if it fails (the default)
  -r, --nouucico           do not ask for a call now
  -j, --jobid              print the id of the job
  -c, -C, -l               accepted: files are always copied
  -I, --config FILE        the configuration of the node
  -v, --version; -h, --help
";

const GRAMMAR: Grammar = Grammar {
    options: &[
        ('p', "stdin", Takes::Nothing),
        ('c', "nocopy", Takes::Nothing),
        ('C', "copy", Takes::Nothing),
        ('l', "link", Takes::Nothing),
        ('g', "grade", Takes::Value),
        ('n', "", Takes::Nothing),
        ('z', "", Takes::Nothing),
        (NOTIFICATION, "notification", Takes::Value),
        ('a', "requestor", Takes::Value),
        ('r', "nouucico", Takes::Nothing),
        ('j', "jobid", Takes::Nothing),
        ('W', "noexpand", Takes::Nothing),
        ('s', "", Takes::Value),
    ],
    dash: Some('p'),
    words_end_options: true,
};
/// `--notification` has no letter.
const NOTIFICATION: char = '\u{2}';

/// Where the input of the command comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Input {
    Nothing,
    Stdin,
    /// A file here.
    File(String),
}

/// A command line, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    request: Request,
    input: Input,
    print_id: bool,
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    if let Some(code) = common.information("uux", HELP)? {
        return Ok(code);
    }
    let line = parse(arguments)?;
    let mut file;
    let mut stdin;
    let body: Option<&mut (dyn Read + Send)> = match &line.input {
        Input::Nothing => None,
        Input::Stdin => {
            stdin = std::io::stdin();
            Some(&mut stdin)
        }
        Input::File(path) => {
            file = File::open(path)
                .map_err(|error| Failure::new(exit::NOINPUT, format!("submit: {path}: {error}")))?;
            Some(&mut file)
        }
    };
    let report = common.site.ask(line.request, body)?;
    if line.print_id || common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}

fn parse(arguments: Vec<Argument>) -> Result<Line, Failure> {
    let mut input = Input::Nothing;
    let (mut call, mut print_id, mut notify) = (true, false, Notify::OnError);
    let (mut grade, mut requestor) = (Grade::DEFAULT, None);
    let mut words = Vec::new();
    for argument in arguments {
        match argument {
            Argument::Option('p', _) => input = Input::Stdin,
            Argument::Option('g', value) => grade = super::grade(&value)?,
            Argument::Option('n', _) => notify = Notify::Never,
            Argument::Option('z', _) => notify = Notify::OnError,
            Argument::Option(NOTIFICATION, value) => {
                notify = match value.as_str() {
                    "no" | "n" => Notify::Never,
                    "error" | "e" => Notify::OnError,
                    _ => return Err(Failure::usage("--notification is `no` or `error`")),
                }
            }
            // An empty sender is the null sender, as `-a"${SENDER:-MAILER-DAEMON}"` means it.
            Argument::Option('a', value) => {
                requestor = Some(if value.is_empty() { "MAILER-DAEMON".to_owned() } else { value });
            }
            Argument::Option('r', _) => call = false,
            Argument::Option('j', _) => print_id = true,
            Argument::Option(..) => {}
            Argument::Word(word) => words.push(word),
        }
    }
    let parts = split(&words.join(" "))?;
    let mut parts = parts.into_iter();
    let Some(Part::Plain(command)) = parts.next() else {
        return Err(Failure::usage("which command, at which system?"));
    };
    let (system, program) = command.split_once('!').unwrap_or(("", &command));
    if program.is_empty() {
        if parts.next().is_some() || system.is_empty() {
            return Err(Failure::usage("the command is empty"));
        }
        let poll = PollRequest { system: Some(system.to_owned()), force: false, if_work: false, wait: false };
        return Ok(Line { request: Request::Poll(poll), input: Input::Nothing, print_id: false });
    }
    let mut command = vec![program.to_owned()];
    if let Some((_, path)) = program.split_once('!') {
        return Err(forwarding(path));
    }
    for part in parts {
        match part {
            Part::Literal(word) => command.push(word),
            Part::Redirect('<', name) => {
                let file = name.strip_prefix('!').unwrap_or(&name);
                if input != Input::Nothing || file.contains('!') || file.is_empty() {
                    return Err(Failure::usage(format!("input from {name:?} is not possible")));
                }
                input = Input::File(file.to_owned());
            }
            Part::Redirect(_, name) => {
                return Err(Failure::usage(format!("output to {name:?} is not possible")));
            }
            Part::Plain(word) if word.contains('!') => {
                return Err(Failure::usage(format!(
                    "{word:?} would be a file of another system, which is not possible; an address with ! stands in parentheses"
                )));
            }
            Part::Plain(word) => command.push(word),
        }
    }
    let request =
        ExecuteRequest { system: system.to_owned(), words: command, grade, requestor, notify, call };
    Ok(Line { request: Request::Execute(request), input, print_id })
}

fn forwarding(rest: &str) -> Failure {
    Failure::usage(format!("forwarding by way of several systems is not possible ({rest:?})"))
}

/// A piece of the command.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    /// It stood in parentheses.
    Literal(String),
    /// `<` or `>` and a file.
    Redirect(char, String),
}

/// Splits the command at blanks. Parentheses keep together and take away the meaning of what is in them.
fn split(line: &str) -> Result<Vec<Part>, Failure> {
    let mut parts = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let length;
        match first {
            '(' => {
                length = closing(rest).ok_or_else(|| Failure::usage("a parenthesis is not closed"))?;
                let inner = rest.get(1..length - 1).unwrap_or_default();
                parts.extend(inner.split_whitespace().map(|word| Part::Literal(word.to_owned())));
            }
            '<' | '>' => {
                let name = rest.get(1..).unwrap_or_default().trim_start();
                let end = name.find(char::is_whitespace).unwrap_or(name.len());
                length = rest.len() - name.len() + end;
                parts.push(Part::Redirect(first, name.get(..end).unwrap_or_default().to_owned()));
            }
            _ => {
                length = rest.find(char::is_whitespace).unwrap_or(rest.len());
                parts.push(Part::Plain(rest.get(..length).unwrap_or_default().to_owned()));
            }
        }
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(parts)
}

/// The length of the text up to the parenthesis that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Result<Line, Failure> {
        let words = words.iter().map(OsString::from).collect();
        let (_, arguments) = Common::read(words, GRAMMAR)?;
        parse(arguments)
    }

    fn request(words: &[&str]) -> ExecuteRequest {
        match line(words).unwrap().request {
            Request::Execute(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// What mail programs say, and what must come of it: system, command, grade, requestor, call.
    #[test]
    fn the_command_lines_of_mail_programs() {
        type Expected<'a> = (&'a str, &'a str, char, Option<&'a str>, bool);
        let table: &[(&[&str], Expected<'_>)] = &[
            (
                &["-", "-r", "-gC", "-a", "jan@leaf", "polux!rmail", "(jan@x.org)"],
                ("polux", "rmail jan@x.org", 'C', Some("jan@leaf"), false),
            ),
            (
                &["-r", "-n", "-z", "-ajan", "-", "polux!rmail", "(a!b)", "(c)"],
                ("polux", "rmail a!b c", 'N', Some("jan"), false),
            ),
            (
                &["-", "-r", "-gC", "-a", "", "lm!rmail", "(jan@x.org)"],
                ("lm", "rmail jan@x.org", 'C', Some("MAILER-DAEMON"), false),
            ),
            (&["-p", "polux!rmail jan@x.org"], ("polux", "rmail jan@x.org", 'N', None, true)),
            (&["-p", "polux!rmail (a b)"], ("polux", "rmail a b", 'N', None, true)),
            (&["--stdin", "--grade=9", "--nouucico", "polux!rsmtp"], ("polux", "rsmtp", '9', None, false)),
            (&["-rp", "-g", "z", "!rmail", "jan"], ("", "rmail jan", 'z', None, false)),
            (&["-pr", "rmail", "jan"], ("", "rmail jan", 'N', None, false)),
            (&["-p", "polux!echo", "-n", "-x"], ("polux", "echo -n -x", 'N', None, true)),
            (&["-p", "polux!echo", "((a))", "(<b)"], ("polux", "echo (a) <b", 'N', None, true)),
        ];
        for (words, (system, command, grade, requestor, call)) in table {
            let request = request(words);
            assert_eq!(request.system, *system, "{words:?}");
            assert_eq!(request.words.join(" "), *command, "{words:?}");
            assert_eq!(request.grade.letter(), *grade, "{words:?}");
            assert_eq!(request.requestor.as_deref(), *requestor, "{words:?}");
            assert_eq!(request.call, *call, "{words:?}");
        }
    }

    #[test]
    fn input_comes_from_standard_input_or_a_local_file() {
        assert_eq!(line(&["polux!date"]).unwrap().input, Input::Nothing);
        assert_eq!(line(&["-", "polux!rmail", "jan"]).unwrap().input, Input::Stdin);
        for words in [
            &["polux!rmail jan <!letter"][..],
            &["polux!rmail", "jan", "<letter"],
            &["polux!rmail", "jan", "<", "letter"],
        ] {
            assert_eq!(line(words).unwrap().input, Input::File("letter".into()), "{words:?}");
        }
    }

    #[test]
    fn notification_is_said_by_letter_or_name() {
        assert_eq!(request(&["-n", "a!b"]).notify, Notify::Never);
        assert_eq!(request(&["--notification=no", "a!b"]).notify, Notify::Never);
        assert_eq!(request(&["-n", "-z", "a!b"]).notify, Notify::OnError);
        assert_eq!(request(&["a!b"]).notify, Notify::OnError);
    }

    #[test]
    fn an_empty_command_asks_for_a_call() {
        let poll = line(&["polux!"]).unwrap();
        assert!(matches!(poll.request, Request::Poll(PollRequest { system: Some(s), .. }) if s == "polux"));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let wrong: &[&[&str]] = &[
            &[],
            &["-g", "CC", "polux!rmail"],
            &["-g", "!", "polux!rmail"],
            &["polux!rmail", "(jan"],
            &["polux!rmail", "moria!file"],
            &["polux!moria!rmail", "x"],
            &["polux!cat", ">", "out"],
            &["-", "polux!cat", "<in"],
            &["!"],
            &["-Q", "polux!rmail"],
        ];
        for words in wrong {
            assert_eq!(line(words).unwrap_err().code, exit::USAGE, "{words:?}");
        }
    }
}
