//! From a modem that may be anywhere to one that is ready for a call.

use super::{Command, CommandPurpose, Escape, Event, LONGEST_QUIET, Modem, Purpose, State};
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

    /// Off with the escape, where DTR does its work; else it is moved to where data seldom has it.
    pub(super) fn escape_command(&self) -> Option<Command> {
        match self.dtr_heeded {
            true => self
                .profile
                .no_escape
                .clone()
                .map(|text| Command { text, purpose: CommandPurpose::Escape(Escape::Off) }),
            false => self.profile.escape_elsewhere.map(|character| Command {
                text: format!("ATS2={character}"),
                purpose: CommandPurpose::Escape(Escape::Character(character)),
            }),
        }
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
