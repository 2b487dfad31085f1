//! Command lines of the virtual modem: what follows `AT`, up to the carriage return.
//! Source: ITU-T V.250, section 5.3 and 5.4 (basic and extended syntax), and the Hayes set (`&`, `\`, `%`).

use nom::branch::alt;
use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, one_of, satisfy, u32 as number};
use nom::combinator::{all_consuming, map_opt, opt, rest, value};
use nom::multi::many0;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `E1`, `&C1`, `\N3`: the prefix (a blank for none), the letter, the number (0 if none is given).
    Basic { prefix: char, letter: char, parameter: u32 },
    /// `S7=60`
    Set { register: u32, to: u32 },
    /// `S7?`
    Read { register: u32 },
    /// `D`: the rest of the line is the dial string.
    Dial { string: String },
    /// `+MS=V34`, `+MR=1;`, `+ER?`
    Extended { name: String, action: Action },
}

/// What is done with an extended parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Execute,
    Set(String),
    Read,
    Test,
}

/// Parses a line, without its `AT`; upper and lower case are the same, blanks mean nothing.
pub fn parse(line: &str) -> Option<Vec<Command>> {
    let line: String = line.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    all_consuming(many0(command)).parse(line.as_str()).ok().map(|(_, commands)| commands)
}

fn command(input: &str) -> IResult<&str, Command> {
    alt((extended, dial, register, basic)).parse(input)
}

fn basic(input: &str) -> IResult<&str, Command> {
    (opt(one_of("&\\%")), satisfy(|c| c.is_ascii_uppercase()), opt(number))
        .map(|(prefix, letter, parameter)| Command::Basic {
            prefix: prefix.unwrap_or(' '),
            letter,
            parameter: parameter.unwrap_or(0),
        })
        .parse(input)
}

fn register(input: &str) -> IResult<&str, Command> {
    let set = (number, preceded(char('='), opt(number)))
        .map(|(register, to)| Command::Set { register, to: to.unwrap_or(0) });
    let read = terminated(number, char('?')).map(|register| Command::Read { register });
    preceded(char('S'), alt((set, read))).parse(input)
}

fn dial(input: &str) -> IResult<&str, Command> {
    preceded(char('D'), rest).map(|string: &str| Command::Dial { string: string.to_owned() }).parse(input)
}

fn extended(input: &str) -> IResult<&str, Command> {
    let name = take_while1(|c: char| c.is_ascii_alphanumeric());
    let action = alt((
        value(Action::Test, (char('='), char('?'))),
        preceded(char('='), take_while(|c| c != ';')).map(|text: &str| Action::Set(text.to_owned())),
        value(Action::Read, char('?')),
        map_opt(take_while(|c| c != ';'), |text: &str| text.is_empty().then_some(Action::Execute)),
    ));
    (preceded(char('+'), name), action, opt(char(';')))
        .map(|(name, action, _): (&str, _, _)| Command::Extended { name: name.to_owned(), action })
        .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn basic(prefix: char, letter: char, parameter: u32) -> Command {
        Command::Basic { prefix, letter, parameter }
    }

    #[test]
    fn several_commands_stand_in_one_line() {
        assert_eq!(
            parse("e0 v1 &c1\\n3%c0 s7=60 s0? +mr=1;+er? dt 0,555-1").unwrap(),
            [
                basic(' ', 'E', 0),
                basic(' ', 'V', 1),
                basic('&', 'C', 1),
                basic('\\', 'N', 3),
                basic('%', 'C', 0),
                Command::Set { register: 7, to: 60 },
                Command::Read { register: 0 },
                Command::Extended { name: "MR".to_owned(), action: Action::Set("1".to_owned()) },
                Command::Extended { name: "ER".to_owned(), action: Action::Read },
                Command::Dial { string: "T0,555-1".to_owned() },
            ]
        );
        assert_eq!(parse(""), Some(vec![]));
        assert_eq!(parse("Z"), Some(vec![basic(' ', 'Z', 0)]));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in ["1", "&", "S=1", "S", "+", "E99999999999", "?"] {
            let whole = parse(line);
            assert!(whole.is_none() || whole == Some(vec![basic(' ', 'S', 0)]), "{line}: {whole:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_harm(line in "[ -~]{0,80}") {
            parse(&line);
        }
    }
}
