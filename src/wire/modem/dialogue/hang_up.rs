//! The end of a call that DTR does not end, or an attempt to find the modem in one.

use super::{Event, Modem, Purpose, State};
use std::time::Instant;

impl Modem {
    pub(super) fn leave_call(&mut self, now: Instant, purpose: Purpose) {
        let usual = self.profile.escape;
        let may_be = match purpose {
            Purpose::HangUp if self.known => [Some(self.escape().unwrap_or(usual)), None, None],
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

    pub(super) fn send_hang_up(&mut self, now: Instant, purpose: Purpose) {
        self.send(&self.profile.hang_up_command.clone());
        self.state =
            State::ExpectHungUp { purpose, told: false, deadline: now + self.profile.timeouts.command };
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
