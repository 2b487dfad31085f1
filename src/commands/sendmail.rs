//! `sendmail`: what programs of this machine hand mail in with. Only the options that they use mean something here;
//! what steers a daemon or changes how mail is delivered is taken and does nothing.

use super::arguments::{Argument, Grammar, Takes};
use super::{Common, Failure, mailq, newaliases, smtpd};
use crate::exit;
use crate::node::report::Report;
use crate::node::verbs::{MailRequest, QueueFilter, Request};
use crate::spool::{Notify, Return};
use std::ffi::OsString;

const HELP: &str = "\
usage: sendmail [options] [ADDRESS...] < MESSAGE

Hands in a message for the addresses.

  -t             the addresses stand in To, Cc and Bcc; Bcc is taken out
  -i, -oi        a line with a single dot does not end the message
  -f ADDRESS     whom it is from; your own address, unless you are trusted
  -F NAME        the full name of the sender
  -N WORDS       tell the sender of success, failure, delay; or never
  -R full|hdrs   with the whole message, or its header
  -V ID          by this name of it
  -v             say under which number it is kept
  -bm            hand in a message (the default)
  -bs            the message comes by SMTP on standard input
  -bp            list the queue, as mailq
  -bi            say what is wrong with the alias files, as newaliases
  -bv            say where mail for the addresses would go
  -q             try the mail that waits now, as runq
  -qR, -qS, -qI  the same for a part of a recipient or sender, or for one message
  -q15m          taken and done without: each delivery is tried at its own time
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
    Flush(QueueFilter),
    Verify(Vec<String>),
    /// Mail comes by SMTP on standard input.
    Smtp,
    /// There is nothing to do, and why.
    Nothing(&'static str),
    Help,
    Version,
}

pub fn run(words: Vec<OsString>) -> Result<u8, Failure> {
    let (common, arguments) = Common::read(words, GRAMMAR)?;
    let is_verbose = arguments.iter().any(|argument| matches!(argument, Argument::Option('v', _)));
    let request = match parse(arguments)? {
        Mode::HandIn(request) => request,
        Mode::Aliases => return newaliases::check(&common),
        Mode::List => return mailq::show(&common, QueueFilter::default()),
        Mode::Flush(filter) => return mailq::flush(&common, filter),
        Mode::Verify(addresses) => return verify(&common, addresses),
        Mode::Smtp => return smtpd::serve(&common),
        Mode::Nothing(why) => return common.say(&format!("{why}\n")).map(|()| exit::OK),
        Mode::Help => return common.say(HELP).map(|()| exit::OK),
        Mode::Version => return common.say(&super::common::version("sendmail")).map(|()| exit::OK),
    };
    let report = common.site.ask(Request::Mail(request), Some(&mut std::io::stdin()))?;
    if common.json {
        common.print(&report)?;
    } else if let (true, Report::Accepted { messages }) = (is_verbose, &report) {
        messages.iter().try_for_each(|message| common.say(&format!("kept as message {message}\n")))?;
    }
    Ok(exit::OK)
}

/// As sendmail, it fails if there is an address that nothing can be delivered to.
fn verify(common: &Common, addresses: Vec<String>) -> Result<u8, Failure> {
    let Report::Verified(verified) = common.site.ask(Request::Verify { addresses }, None)? else {
        return Err(super::other_answer());
    };
    let all = verified.addresses.iter().all(|(_, is_deliverable, _)| *is_deliverable);
    common.print(&Report::Verified(verified))?;
    Ok(if all { exit::OK } else { exit::NOUSER })
}

fn parse(arguments: Vec<Argument>) -> Result<Mode, Failure> {
    let mut request = MailRequest { dot_ends: true, ..MailRequest::default() };
    let (mut verifies, mut queue) = (false, None);
    for argument in arguments {
        match argument {
            Argument::Option('t', _) => request.recipients_in_header = true,
            Argument::Option('i', _) => request.dot_ends = false,
            Argument::Option('o', option) if option == "i" => request.dot_ends = false,
            Argument::Option('f' | 'r', sender) => request.sender = Some(sender),
            Argument::Option('F', name) => request.full_name = Some(name),
            Argument::Option('N', words) => request.notify = Some(notify(&words)?),
            Argument::Option('R', word) => request.ret = Some(ret(&word)?),
            Argument::Option('V', id) => request.envid = Some(id),
            Argument::Option('q', which) => queue = Some(flushed(&which, queue.unwrap_or_default())?),
            Argument::Option('b', mode) => match mode.as_str() {
                "m" | "" => {}
                "p" => return Ok(Mode::List),
                "i" => return Ok(Mode::Aliases),
                "s" => return Ok(Mode::Smtp),
                "v" => verifies = true,
                "z" => return Ok(Mode::Nothing("nothing has to be frozen")),
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
    match queue {
        Some(Some(filter)) => return Ok(Mode::Flush(filter)),
        Some(None) => return Ok(Mode::Nothing("the queue is seen to by `uugate run`")),
        None => {}
    }
    if verifies && !request.recipients.is_empty() {
        return Ok(Mode::Verify(request.recipients));
    }
    if request.recipients.is_empty() && !request.recipients_in_header {
        return Err(Failure::usage("for whom? Name an address, or give -t"));
    }
    Ok(Mode::HandIn(request))
}

/// `-q`, `-qRjoe`, and a time after which a daemon is to do it, which is none of our business.
fn flushed(which: &str, before: Option<QueueFilter>) -> Result<Option<QueueFilter>, Failure> {
    let mut filter = before.unwrap_or_default();
    let (kind, part) = which.split_at_checked(1).unwrap_or_default();
    match (kind, part) {
        ("", _) | ("f", "") => {}
        ("R", part) if !part.is_empty() => filter.recipient_has = Some(part.to_owned()),
        ("S", part) if !part.is_empty() => filter.sender_has = Some(part.to_owned()),
        ("I", part) => filter.messages.push(mailq::message(part)?),
        (first, rest) if first == "p" || first.starts_with(|c: char| c.is_ascii_digit()) => {
            let is_time = |c: char| c.is_ascii_digit() || "smhdw".contains(c);
            if !rest.chars().all(is_time) {
                return Err(Failure::usage(format!("-q{which}: a time is as 15m or 1h30m")));
            }
            return Ok(None);
        }
        _ => return Err(Failure::usage(format!("-q{which} is not possible"))),
    }
    Ok(Some(filter))
}

fn notify(words: &str) -> Result<Notify, Failure> {
    let mut notify = Notify::NEVER;
    if words.eq_ignore_ascii_case("never") {
        return Ok(notify);
    }
    for word in words.split(',') {
        match word.to_ascii_lowercase().as_str() {
            "success" => notify.success = true,
            "failure" => notify.failure = true,
            "delay" => notify.delay = true,
            _ => return Err(Failure::usage(format!("-N {words}: never, or some of success,failure,delay"))),
        }
    }
    Ok(notify)
}

fn ret(word: &str) -> Result<Return, Failure> {
    match word.to_ascii_lowercase().as_str() {
        "full" => Ok(Return::Full),
        "hdrs" => Ok(Return::Headers),
        _ => Err(Failure::usage(format!("-R {word}: full or hdrs"))),
    }
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
        let asking =
            request("-i -fjan -N failure,delay -Rhdrs -V id1 -O ErrorMode=m -X /dev/null -oQ/tmp marie");
        assert_eq!((asking.sender.as_deref(), asking.ret), (Some("jan"), Some(Return::Headers)));
        assert_eq!(asking.notify, Some(Notify { success: false, failure: true, delay: true }));
        assert_eq!(asking.envid.as_deref(), Some("id1"));
        assert!(request("-bm -om -odb jan").dot_ends);
        assert_eq!(request("-f  jan").sender.as_deref(), Some(""));
    }

    #[test]
    fn the_queue_is_listed_and_nobody_is_told_of() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        let mode = |line: &str| parse(Common::read(words(line), GRAMMAR).unwrap().1);
        assert_eq!(mode("-bp").unwrap(), Mode::List);
        assert_eq!(mode("-bi").unwrap(), Mode::Aliases);
        let flush = |filter| Mode::Flush(filter);
        let has = |word: &str| Some(word.to_owned());
        assert_eq!(mode("-q").unwrap(), flush(QueueFilter::default()));
        assert_eq!(
            mode("-qRpolux -qSjan").unwrap(),
            flush(QueueFilter {
                recipient_has: has("polux"),
                sender_has: has("jan"),
                ..QueueFilter::default()
            })
        );
        assert_eq!(
            mode("-qI12").unwrap(),
            flush(QueueFilter { messages: vec![12], ..QueueFilter::default() })
        );
        assert!(matches!(mode("-q15m").unwrap(), Mode::Nothing(_)));
        assert!(mode("-qGslow").is_err() && mode("-qIx").is_err() && mode("-q15x").is_err());
        assert_eq!(mode("-bv jan").unwrap(), Mode::Verify(vec!["jan".to_owned()]));
        assert!(mode("-Nsometimes jan").is_err() && mode("-Rsome jan").is_err());
        assert!(mode("-i").is_err() && mode("-bd").is_err() && mode("-bs -i").unwrap() == Mode::Smtp);
    }
}
