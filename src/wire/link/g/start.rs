//! The start of the `g` family: INITA, INITB and INITC, each said by the caller and answered by the called side.

use super::packet::{Control, Header, LEAST_DATA, MOST_DATA};
use super::{G, MOST_WINDOW, State};
use crate::wire::link::{Event, LinkError, Role};
use std::time::Instant;

/// The steps of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    A,
    B,
    C,
}

/// The largest data field, in bytes, before the peer has announced its wishes. Any uugate takes it.
const LARGEST_AHEAD: u16 = 1024;

/// What the peer has announced so far; 0: nothing.
#[derive(Debug, Default)]
pub struct Announced {
    /// Packets.
    window: u8,
    /// Bytes of data.
    size: usize,
    /// It has answered INITC, or said it.
    all: bool,
}

impl G {
    /// The packet of a step as we announce it.
    fn init(&self, step: Step) -> Control {
        match step {
            Step::A => Control::InitA(self.parameters.window),
            Step::B => Control::InitB(self.parameters.packet_size.ilog2() as u8 - 5),
            Step::C => Control::InitC(self.parameters.window),
        }
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.await_init(now, Step::A, 1, 0);
        if let (Role::Caller, true, State::AwaitInit { eager, .. }) =
            (self.role, self.parameters.eager, &mut self.state)
        {
            *eager = true;
            self.control.extend([self.init(Step::B), self.init(Step::C)]);
            // Both ends of a line are mostly set up alike.
            let size = self.parameters.packet_size.min(LARGEST_AHEAD);
            self.sender.agree(self.parameters.window.into(), size.into());
            self.started();
        }
    }

    pub(super) fn await_init(&mut self, now: Instant, step: Step, tries: u32, startups: u32) {
        let until = now + self.parameters.init_timeout;
        self.state = State::AwaitInit { step, tries, startups, until, eager: false };
        if self.role == Role::Caller {
            self.control.push_back(self.init(step));
        }
    }

    fn started(&mut self) {
        if !std::mem::replace(&mut self.started, true) {
            self.events.push_back(Event::Started);
        }
    }

    pub(super) fn handle_init(&mut self, now: Instant, header: Header) {
        let step = match header {
            Header::Control(Control::InitA(window)) => {
                self.announced.window = window;
                Step::A
            }
            Header::Control(Control::InitB(size)) => {
                self.announced.size = LEAST_DATA << size;
                Step::B
            }
            Header::Control(Control::InitC(window)) => {
                self.announced.window = window;
                self.announced.all = true;
                Step::C
            }
            _ => return,
        };
        match (self.role, self.state) {
            (Role::Caller, State::AwaitInit { eager: true, .. })
                if self.announced.all && self.announced.size > 0 =>
            {
                self.agree(now);
            }
            (Role::Caller, State::AwaitInit { step: awaited, startups, eager: false, .. })
                if step == awaited =>
            {
                match step {
                    Step::A => self.await_init(now, Step::B, 1, startups),
                    Step::B => self.await_init(now, Step::C, 1, startups),
                    Step::C => self.agree(now),
                }
            }
            (Role::Called, State::AwaitInit { .. }) => {
                self.control.push_back(self.init(step));
                if step == Step::C && self.announced.size > 0 {
                    self.agree(now);
                } else {
                    self.await_init(now, step, 1, 0);
                }
            }
            // It repeats a step whose answer was lost; an eager one has sent more by then.
            (Role::Called, State::Running)
                if (self.receiver.untouched() || self.parameters.eager) && self.control.is_empty() =>
            {
                self.control.push_back(self.init(step));
            }
            _ => {}
        }
    }

    fn agree(&mut self, now: Instant) {
        let window = match self.parameters.remote_window {
            0 => self.announced.window,
            window => window,
        };
        let size = match usize::from(self.parameters.remote_packet_size) {
            0 => self.announced.size,
            size => 1 << size.clamp(LEAST_DATA, MOST_DATA).ilog2(),
        };
        if window == 0 {
            let what = "it asks for a window of no packets".into();
            self.fail(LinkError::Misbehaved { protocol: self.letter, what });
            return;
        }
        self.sender.agree(usize::from(window.min(MOST_WINDOW)), size);
        self.state = State::Running;
        self.silence.heard(now);
        self.started();
    }

    /// A peer that is up already has answered all steps, and some of it was lost: what it wants is what every uugate takes. To ask
    /// again would take longer than a short call. Returns whether we are up now.
    pub(super) fn missed_answers(&mut self, now: Instant) -> bool {
        let State::AwaitInit { eager: true, .. } = self.state else { return false };
        if self.announced.window == 0 {
            self.announced.window = self.parameters.window;
        }
        if self.announced.size == 0 {
            self.announced.size = self.parameters.packet_size.min(LARGEST_AHEAD).into();
        }
        self.agree(now);
        true
    }

    /// A step was not answered in time.
    pub(super) fn handle_init_timeout(&mut self, now: Instant, step: Step, tries: u32, startups: u32) {
        if tries <= self.parameters.init_retries {
            self.await_init(now, step, tries + 1, startups);
        } else if startups < self.parameters.startup_retries {
            self.await_init(now, Step::A, 1, startups + 1);
        } else {
            self.fail(LinkError::NoStart { protocol: self.letter });
        }
        self.give_up_packet(now);
    }
}
