//! The end of a call that DTR does not end, and of one that the modem may be in.

use super::{Event, Modem, Purpose, State};
use std::time::Instant;

impl Modem {
    pub(super) fn leave_call(&mut self, now: Instant, purpose: Purpose) {
        let usual = self.profile.escape;
        let may_be = match purpose {
            Purpose::HangUp if self.met => [Some(self.escape().unwrap_or(usual)), None, None],
            // It may be as a program that ended has left it, or somebody by hand.
            Purpose::HangUp | Purpose::SetUp => [self.escape(), Some(usual), self.profile.escape_elsewhere],
        };
        self.candidates.clear();
        for character in may_be.into_iter().flatten() {
            if !self.candidates.contains(&character) {
                self.candidates.push_back(character);
            }
        }
        self.state = State::ExpectGuard { purpose, until: now + self.profile.timeouts.guard };
    }

    pub(super) fn say_escape(&mut self, now: Instant, purpose: Purpose) {
        let character = self.candidates.pop_front().unwrap_or(self.profile.escape);
        self.transmit.extend([character; 3]);
        let earliest = now + self.profile.timeouts.guard;
        let deadline = match purpose {
            Purpose::HangUp => earliest + self.profile.timeouts.command,
            // A modem on hook has nothing to say to that.
            Purpose::SetUp => earliest,
        };
        self.state = State::ExpectEscaped { purpose, answered: false, earliest, deadline };
    }

    pub(super) fn send_hang_up(&mut self, now: Instant, purpose: Purpose) {
        self.send(&self.profile.hang_up_command.clone());
        self.state =
            State::ExpectHungUp { purpose, told: false, deadline: now + self.profile.timeouts.command };
    }

    /// Says `AT`; a modem that does not answer is in a call after all.
    pub(super) fn expect_on_hook(&mut self, now: Instant, tries: u32) {
        if tries == 0 {
            return self.leave_call(now, Purpose::HangUp);
        }
        self.send("AT");
        self.state = State::ExpectOnHook { tries: tries - 1, deadline: now + self.profile.timeouts.command };
    }

    pub(super) fn hung_up(&mut self, now: Instant, purpose: Purpose) {
        match purpose {
            Purpose::HangUp => {
                self.state = State::Idle;
                self.events.push_back(Event::HungUp);
            }
            Purpose::SetUp => self.attention(now, self.profile.timeouts.tries / 2),
        }
    }
}
