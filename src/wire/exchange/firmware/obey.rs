//! Command state: a line is typed, and what each command in it does.

use super::command::{self, Action, Command};
use super::reply::Reply;
use super::{Firmware, Request, State};
use std::time::Instant;

/// Longest command line, in characters behind `AT`.
pub(super) const LONGEST_LINE: usize = 255;

/// What became of a command.
enum Outcome {
    GoOn,
    Failed,
    /// The result code comes with the connection.
    SaidLater,
}

impl Outcome {
    fn of(good: bool) -> Outcome {
        if good { Outcome::GoOn } else { Outcome::Failed }
    }
}

impl Firmware {
    /// Echoes what is typed, and gathers it into a line.
    pub(super) fn take_command_byte(&mut self, now: Instant, byte: u8) {
        let (carriage_return, _) = self.profile.registers.line_end();
        if self.profile.echo {
            self.transmit.push(byte);
        }
        if byte == carriage_return {
            let line = std::mem::take(&mut self.line);
            if let Some(command) = attention(&line) {
                self.last_line = command.to_vec();
                self.execute(now, command);
            }
        } else if byte == self.profile.registers.backspace() || byte == 0x7f {
            self.line.pop();
        } else if byte == b'/' && self.line.eq_ignore_ascii_case(b"A") {
            self.line.clear();
            let command = self.last_line.clone();
            self.execute(now, &command);
        } else if byte >= b' ' && self.line.len() <= LONGEST_LINE {
            self.line.push(byte);
        }
    }

    /// Obeys a command line, without its `AT`: one command after the other, up to the first that fails.
    fn execute(&mut self, now: Instant, line: &[u8]) {
        let commands = std::str::from_utf8(line).ok().filter(|line| line.len() < LONGEST_LINE);
        let Some(commands) = commands.and_then(command::parse) else { return self.say(Reply::Error) };
        for command in commands {
            match self.run(now, command) {
                Outcome::GoOn => {}
                Outcome::Failed => return self.say(Reply::Error),
                Outcome::SaidLater => return,
            }
        }
        self.say(Reply::Ok);
    }

    fn run(&mut self, now: Instant, command: Command) -> Outcome {
        match command {
            Command::Dial { string } => return self.dial(now, &string),
            Command::Set { register, to } => return Outcome::of(self.profile.registers.set(register, to)),
            Command::Read { register } => {
                // S1 counts the rings of the call that comes in.
                let value =
                    if register == 1 { Some(self.rings) } else { self.profile.registers.read(register) };
                let Some(value) = value else { return Outcome::Failed };
                self.inform(&format!("{value:03}"));
            }
            Command::Extended { name, action } => return self.extended(&name, &action),
            Command::Basic { prefix: ' ', letter, parameter } => match (letter, parameter) {
                ('A', _) if self.call.is_some() => return Outcome::Failed,
                ('A', _) => {
                    self.answer(now);
                    return Outcome::SaidLater;
                }
                ('H', 0) => self.hang_up(),
                ('H', 1) => self.off_hook = self.call.is_none(),
                ('O', 0 | 1) => {
                    let Some(agreed) = self.call else {
                        self.say(Reply::NoCarrier);
                        return Outcome::SaidLater;
                    };
                    self.say(Reply::Connect(agreed));
                    self.go_online(now);
                    return Outcome::SaidLater;
                }
                ('Z', 0 | 1) => {
                    self.hang_up();
                    self.profile = self.defaults.clone();
                }
                ('I', 0..=9) => {
                    self.inform(concat!("uugate exchange modem ", env!("CARGO_PKG_VERSION")));
                }
                _ => return Outcome::of(self.profile.set_basic(letter, parameter)),
            },
            Command::Basic { prefix: '&', letter: 'F', .. } => self.profile = self.defaults.clone(),
            Command::Basic { prefix: '&', letter: 'V', .. } => {
                for line in self.profile.show() {
                    self.inform(&line);
                }
            }
            Command::Basic { prefix, letter, parameter } => {
                return Outcome::of(self.profile.set_prefixed(prefix, letter, parameter));
            }
        }
        Outcome::GoOn
    }

    fn extended(&mut self, name: &str, action: &Action) -> Outcome {
        match action {
            Action::Execute => Outcome::Failed,
            Action::Set(to) => Outcome::of(self.profile.set_extended(name, to)),
            Action::Read => match self.profile.read_extended(name) {
                Some(value) => {
                    self.inform(&format!("+{name}: {value}"));
                    Outcome::GoOn
                }
                None => Outcome::Failed,
            },
            Action::Test => Outcome::of(self.profile.read_extended(name).is_some()),
        }
    }

    fn dial(&mut self, now: Instant, string: &str) -> Outcome {
        if self.call.is_some() {
            return Outcome::Failed;
        }
        let known = |c: char| c.is_ascii_digit() || "*#ABCDTPW,!@-(). ".contains(c);
        if !string.chars().all(known) {
            return Outcome::Failed;
        }
        let number: String =
            string.chars().filter(|c| c.is_ascii_digit() || matches!(c, '*' | '#')).collect();
        if number.is_empty() {
            return Outcome::Failed;
        }
        let commas = string.chars().filter(|c| *c == ',').count().min(10) as u32;
        let pause = self.profile.registers.comma() * commas;
        let deadline = now + pause + self.profile.registers.carrier_wait();
        self.requests.push_back(Request::Dial { number, pause });
        self.state = State::ExpectConnection { deadline, answered: false };
        Outcome::SaidLater
    }
}

/// What follows `AT` (or `at`) in a line; noise before it means nothing.
fn attention(line: &[u8]) -> Option<&[u8]> {
    let at = line.windows(2).position(|pair| pair == b"AT" || pair == b"at" || pair == b"At")?;
    line.get(at + 2..)
}
