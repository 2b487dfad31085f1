//! `sendmail`: what programs of this machine hand mail in with. Only the options that they use mean something here;
//! what steers a daemon or changes how mail is delivered is taken and does nothing.

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure, mailq, newaliases};
use crate::exit;
use crate::node::verbs::{MailRequest, Request};
use std::ffi::OsString;

const HELP: &str = "\
usage: sendmail [options] [ADDRESS...] < MESSAGE

Hands in a message for the addresses.

  -t             the addresses stand in To, Cc and Bcc; Bcc is taken out
  -i, -oi        a line with a single dot does not end the message
  -f ADDRESS     whom it is from; your own address, unless you are trusted
  -F NAME        the full name of the sender
  -bm            hand in a message (the default)
  -bp            list the queue, as mailq
  -bi            say what is wrong with the alias files, as newaliases
  -I, --config FILE  the configuration of the node
  --version; --help
Other options of sendmail are accepted and do nothing.
";

const GRAMMAR: Grammar = Grammar {
    options: &[
        ('t', "", Takes::Nothing),
        ('i', "", Takes::Nothing),
        ('f', "", Takes::Value),
        ('r', "", Takes::Value),
        ('F', "", Takes::Value),
        ('b', "", Takes::Attached),
        ('o', "", Takes::Attached),
        ('q', "", Takes::Attached),
        ('d', "", Takes::Attached),
        ('B', "", Takes::Value),
        ('C', "", Takes::Value),
        ('h', "", Takes::Value),
        ('L', "", Takes::Value),
        ('N', "", Takes::Value),
        ('O', "", Takes::Value),
        ('R', "", Takes::Value),
        ('V', "", Takes::Value),
        ('X', "", Takes::Value),
        ('m', "", Takes::Nothing),
        ('n', "", Takes::Nothing),
        ('s', "", Takes::Nothing),
        ('e', "", Takes::Attached),
        ('G', "", Takes::Nothing),
        ('U', "", Takes::Nothing),
        ('v', "verbose", Takes::Nothing),
        (VERSION, "version", Takes::Nothing),
        (HELP_OPTION, "help", Takes::Nothing),
    ],
    dash: None,
    words_end_options: false,
};
/// `-v` and `-h` mean something else here, so these two have no letter.
const VERSION: char = '\u{3}';
const HELP_OPTION: char = '\u{4}';

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    HandIn(MailRequest),
    List,
    Aliases,
    Help,
    Version,
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    let request = match parse(arguments)? {
        Mode::HandIn(request) => request,
        Mode::List => return mailq::show(&common),
        Mode::Aliases => return newaliases::check(&common),
        Mode::Help => return common.say(HELP).map(|()| exit::OK),
        Mode::Version => return common.say(&super::common::version("sendmail")).map(|()| exit::OK),
    };
    let report = common.site.ask(Request::Mail(request), Some(&mut std::io::stdin()))?;
    if common.json {
        common.print(&report)?;
    }
    Ok(exit::OK)
}

fn parse(arguments: Vec<Argument>) -> Result<Mode, Failure> {
    let mut request = MailRequest {
        from_line: false,
        sender: None,
        full_name: None,
        recipients: Vec::new(),
        recipients_in_header: false,
        dot_ends: true,
    };
    for argument in arguments {
        match argument {
            Argument::Option('t', _) => request.recipients_in_header = true,
            Argument::Option('i', _) => request.dot_ends = false,
            Argument::Option('o', option) if option == "i" => request.dot_ends = false,
            Argument::Option('f' | 'r', sender) => request.sender = Some(sender),
            Argument::Option('F', name) => request.full_name = Some(name),
            Argument::Option('b', mode) => match mode.as_str() {
                "m" | "" => {}
                "p" => return Ok(Mode::List),
                "i" => return Ok(Mode::Aliases),
                // There is nothing to be frozen.
                "z" => return Ok(Mode::Version),
                "d" | "D" => {
                    return Err(Failure::usage("the daemon is `uugate run`"));
                }
                mode => return Err(Failure::usage(format!("-b{mode} is not possible"))),
            },
            Argument::Option(HELP_OPTION, _) => return Ok(Mode::Help),
            Argument::Option(VERSION, _) => return Ok(Mode::Version),
            Argument::Option(..) => {}
            Argument::Word(word) => request.recipients.push(word),
        }
    }
    if request.recipients.is_empty() && !request.recipients_in_header {
        return Err(Failure::usage("for whom? Name an address, or give -t"));
    }
    Ok(Mode::HandIn(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> MailRequest {
        let words = line.split(' ').map(OsString::from).collect();
        let (_, arguments) = Common::read(words, GRAMMAR).unwrap();
        match parse(arguments).unwrap() {
            Mode::HandIn(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// What cron, mutt, mailx, git and PHP say.
    #[test]
    fn the_command_lines_of_other_programs() {
        assert!(request("-oem -oi -f jan marie@x.org").recipients == ["marie@x.org"]);
        let cron = request("-FCronDaemon -i -B8BITMIME -oem jan");
        assert_eq!((cron.full_name.as_deref(), cron.dot_ends), (Some("CronDaemon"), false));
        assert!(request("-t -i").recipients_in_header);
        assert_eq!(request("-oem -oi -- jan@x marie").recipients, ["jan@x", "marie"]);
        assert_eq!(request("-i -fjan -Nfailure -Rhdrs -O ErrorMode=m marie").sender.as_deref(), Some("jan"));
        assert!(request("-bm -om -odb jan").dot_ends);
        assert_eq!(request("-f  jan").sender.as_deref(), Some(""));
    }

    #[test]
    fn the_queue_is_listed_and_nobody_is_told_of() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let mode = |line: &str| parse(Common::read(words(line), GRAMMAR).unwrap().1);
        assert_eq!(mode("-bp").unwrap(), Mode::List);
        assert_eq!(mode("-bi").unwrap(), Mode::Aliases);
        assert!(mode("-i").is_err() && mode("-bs jan").is_err() && mode("-bd").is_err());
    }
}
