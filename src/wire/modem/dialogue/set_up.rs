//! From a modem that may be anywhere to one that is ready for a call.

use super::{Command, Escape, Event, LONGEST_QUIET, Meaning, Modem, Purpose, State};
use std::collections::VecDeque;
use std::time::Instant;

impl Modem {
    /// Says `AT`, or gives up; half-way it takes the modem for being in a call, and escapes from that.
    pub(super) fn attention(&mut self, now: Instant, tries: u32) {
        if tries == 0 {
            return self.silent("AT".to_owned());
        }
        if tries <= self.profile.timeouts.tries / 2 && !self.escape_tried {
            self.escape_tried = true;
            return self.leave_call(now, Purpose::SetUp);
        }
        // It may have been told to keep its result codes to itself.
        self.send(if tries < self.profile.timeouts.tries { "ATQ0V1" } else { "AT" });
        self.state =
            State::ExpectAttention { tries: tries - 1, deadline: now + self.profile.timeouts.command };
    }

    pub(super) fn expect_quiet(&mut self, now: Instant, commands: VecDeque<Command>) {
        let quiet = self.profile.timeouts.quiet;
        self.state = State::ExpectQuiet { until: now + quiet, limit: now + quiet * LONGEST_QUIET, commands };
    }

    /// Off with the escape, where DTR does its work; else it is moved to where data seldom has it. What somebody stored counts in
    /// neither: the guard time is set, and the escape asked for.
    pub(super) fn escape_commands(&self) -> Vec<Command> {
        let guard = Command::new(format!("ATS12={}", self.profile.guard_register()), Meaning::Guard);
        let (text, escape) = match (self.dtr_heeded, &self.profile.no_escape, self.profile.escape_elsewhere) {
            (true, Some(off), _) => (off.clone(), Escape::Off),
            (false, _, Some(character)) => (format!("ATS2={character}"), Escape::Character(character)),
            _ => return vec![guard],
        };
        let is_asked = text.starts_with("ATS2=");
        let asks = is_asked.then(|| Command::new("ATS2?", Meaning::AsksEscape));
        [guard, Command::new(text, Meaning::Sets(escape))].into_iter().chain(asks).collect()
    }

    /// Takes the answer to the question for the escape; false if this line is none.
    pub(super) fn take_escape(&mut self, line: &[u8]) -> bool {
        let State::ExpectOk { command, .. } = &mut self.state else { return false };
        let code = || std::str::from_utf8(line).ok()?.trim().parse::<u8>().ok();
        let (Meaning::AsksEscape, Some(code)) = (command.meaning, code()) else { return false };
        // The next number may be a result code.
        command.meaning = Meaning::Guard;
        self.escape = if code > 127 { Escape::Off } else { Escape::Character(code) };
        true
    }

    pub(super) fn next_command(&mut self, now: Instant, mut commands: VecDeque<Command>) {
        match commands.pop_front() {
            Some(command) => {
                self.send(&command.text);
                let deadline = now + self.profile.timeouts.command;
                self.state = State::ExpectOk { command, left: commands, deadline };
            }
            None => {
                self.state = State::Idle;
                self.met = true;
                self.events.push_back(Event::Ready);
            }
        }
    }
}
