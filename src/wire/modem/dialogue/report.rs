//! What the modem is asked about a call that is over.

use super::{Event, Modem, State};
use crate::wire::modem::CallReport;
use std::time::Instant;

/// What is kept of a report, in bytes; the longest known have some 2000.
const LONGEST_REPORT: usize = 16 * 1024;
/// How many pages are asked for behind the first; the longest known have one.
const MOST_PAGES: u32 = 4;
/// What stands in the question at the end of a page, with or without a line end behind it (firmware-notes/lucent.md).
const QUESTION: &[u8] = b"any key";

impl Modem {
    /// Asks for the modem's own report on the call that is over; ends in `Report`, at once if it gives none.
    pub fn ask_report(&mut self, now: Instant) {
        self.forget();
        match self.profile.report.clone() {
            Some(command) => {
                self.send(&command);
                let deadline = now + self.profile.timeouts.command;
                self.state = State::ExpectReport { answer: Vec::new(), pages: MOST_PAGES, deadline };
            }
            None => self.reported(&[]),
        }
    }

    pub(super) fn take_report_line(&mut self, now: Instant, line: &[u8]) {
        let State::ExpectReport { answer, .. } = &mut self.state else { return };
        if is_question(line) {
            self.next_page(now);
        } else if answer.len() < LONGEST_REPORT {
            answer.extend_from_slice(line);
            answer.push(b'\n');
        }
    }

    /// Asks for the next page, if a question waits behind the last line.
    pub(super) fn turn_page(&mut self, now: Instant) {
        if matches!(self.state, State::ExpectReport { .. }) && is_question(self.lines.partial()) {
            self.lines.take_rest();
            self.next_page(now);
        }
    }

    fn next_page(&mut self, now: Instant) {
        if let State::ExpectReport { pages, deadline, .. } = &mut self.state
            && *pages > 0
        {
            *pages -= 1;
            *deadline = now + self.profile.timeouts.command;
            self.transmit.push(b'\r');
        }
    }

    pub(super) fn reported(&mut self, answer: &[u8]) {
        self.state = State::Idle;
        self.events.push_back(Event::Report(Box::new(CallReport::read(answer))));
    }
}

/// The eighth bit may be parity.
fn is_question(line: &[u8]) -> bool {
    let is_it = |(one, other): (&u8, &u8)| (one & 0x7f).eq_ignore_ascii_case(other);
    line.windows(QUESTION.len()).any(|window| window.iter().zip(QUESTION).all(is_it))
}
