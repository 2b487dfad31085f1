//! Telnet, as a machine: what it takes to send every byte through a telnet connection and to get every byte back.
//!
//! ```text
//! byte 255 (IAC) of the data          IAC IAC
//! may we, will you                    IAC WILL | WONT | DO | DONT, option
//! what belongs to an option           IAC SB, option, ..., IAC SE
//! outside binary mode, a CR           CR NUL, or CR LF
//! ```
//!
//! Sources: RFC 854 (the protocol), 855 (options), 856 (binary transmission), 857 (echo), 858 (no go-aheads), and RFC 1143
//! for how two sides come to terms without end. The serial port behind a terminal server is [`comport`], RFC 2217.

pub mod comport;
pub mod drive;
mod option;
#[cfg(test)]
mod tests;

use comport::{ComPort, ComSettings, Request};
use option::{Change, Side};

/// Commands of RFC 854, "Telnet command structure".
pub(crate) const IAC: u8 = 255;
pub(crate) const DONT: u8 = 254;
pub(crate) const DO: u8 = 253;
pub(crate) const WONT: u8 = 252;
pub(crate) const WILL: u8 = 251;
pub(crate) const SB: u8 = 250;
pub(crate) const SE: u8 = 240;

/// Options: RFC 856, 857, 858 and 2217.
pub(crate) const BINARY: u8 = 0;
pub(crate) const ECHO: u8 = 1;
pub(crate) const NO_GO_AHEAD: u8 = 3;
pub(crate) const COM_PORT: u8 = 44;
/// Those that are ever agreed to; all others are refused.
const OPTIONS: [u8; 4] = [BINARY, ECHO, NO_GO_AHEAD, COM_PORT];

/// What is kept of one subnegotiation, in bytes; those of RFC 2217 have 6, its signatures are free text.
const LONGEST_SUBNEGOTIATION: usize = 256;

/// Which end of the telnet connection this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It connected.
    Client,
    /// It was connected to.
    Server,
}

/// Where in the stream of the other side we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Data,
    /// After a CR outside binary mode: its NUL or LF.
    AfterCr,
    Command,
    /// After WILL, WONT, DO or DONT.
    Option(u8),
    Subnegotiation,
    /// After an IAC in a subnegotiation.
    SubnegotiationCommand,
}

/// One end of a telnet connection.
#[derive(Debug)]
pub struct Telnet {
    role: Role,
    awaits: Awaits,
    /// What we do, and what the other side does, by the index of `OPTIONS`.
    ours: [Side; OPTIONS.len()],
    theirs: [Side; OPTIONS.len()],
    subnegotiation: Vec<u8>,
    port: Option<ComPort>,
    out: Vec<u8>,
}

impl Telnet {
    /// Begins at once to ask for binary mode both ways; a client with `port` asks for the serial port as well.
    pub fn new(role: Role, port: Option<ComSettings>) -> Self {
        let mut telnet = Telnet {
            role,
            awaits: Awaits::Data,
            ours: [Side::No; OPTIONS.len()],
            theirs: [Side::No; OPTIONS.len()],
            subnegotiation: Vec::new(),
            port: port.map(ComPort::new),
            out: Vec::new(),
        };
        if telnet.port.is_some() {
            telnet.ask(WILL, COM_PORT);
        }
        for option in [BINARY, NO_GO_AHEAD] {
            telnet.ask(WILL, option);
            telnet.ask(DO, option);
        }
        if role == Role::Server {
            // Whoever types need not see it twice; a password is not to be seen at all.
            telnet.ask(WILL, ECHO);
        }
        telnet
    }

    /// Takes what came from the other side; the data among it go to the end of `data`. What is to be answered waits in
    /// [`Telnet::poll_transmit`], never more than about three bytes for each one taken.
    pub fn handle_input(&mut self, bytes: &[u8], data: &mut Vec<u8>) {
        for &byte in bytes {
            self.awaits = self.next(byte, data);
        }
    }

    fn next(&mut self, byte: u8, data: &mut Vec<u8>) -> Awaits {
        match self.awaits {
            Awaits::Data | Awaits::AfterCr if byte == IAC => Awaits::Command,
            Awaits::AfterCr if byte == 0 => Awaits::Data,
            Awaits::Data | Awaits::AfterCr => {
                data.push(byte);
                let plain = !self.theirs_is(BINARY);
                if byte == b'\r' && plain { Awaits::AfterCr } else { Awaits::Data }
            }
            Awaits::Command => match byte {
                IAC => {
                    data.push(IAC);
                    Awaits::Data
                }
                WILL | WONT | DO | DONT => Awaits::Option(byte),
                SB => {
                    self.subnegotiation.clear();
                    Awaits::Subnegotiation
                }
                // No operation, go ahead, are you there and the like: nothing that a line has.
                _ => Awaits::Data,
            },
            Awaits::Option(command) => {
                self.hear(command, byte);
                Awaits::Data
            }
            Awaits::Subnegotiation if byte == IAC => Awaits::SubnegotiationCommand,
            Awaits::Subnegotiation => {
                self.keep(byte);
                Awaits::Subnegotiation
            }
            Awaits::SubnegotiationCommand => match byte {
                IAC => {
                    self.keep(IAC);
                    Awaits::Subnegotiation
                }
                SE => {
                    self.subnegotiated();
                    Awaits::Data
                }
                // It never ended. What follows IAC is a command all the same.
                _ => {
                    self.awaits = Awaits::Command;
                    self.next(byte, data)
                }
            },
        }
    }

    /// One byte more than is kept shows that it was too long.
    fn keep(&mut self, byte: u8) {
        if self.subnegotiation.len() <= LONGEST_SUBNEGOTIATION {
            self.subnegotiation.push(byte);
        }
    }

    fn subnegotiated(&mut self) {
        let whole = std::mem::take(&mut self.subnegotiation);
        if let (Some((&COM_PORT, rest)), Some(port)) = (whole.split_first(), &mut self.port)
            && whole.len() <= LONGEST_SUBNEGOTIATION
        {
            port.handle_answer(rest);
        }
    }

    fn ask(&mut self, command: u8, option: u8) {
        let side = if command == WILL { &mut self.ours } else { &mut self.theirs };
        if let Some(side) = index(option).and_then(|at| side.get_mut(at)) {
            *side = Side::Asked;
            self.out.extend([IAC, command, option]);
        }
    }

    fn hear(&mut self, command: u8, option: u8) {
        let on = matches!(command, WILL | DO);
        // WILL and WONT are about them, DO and DONT about us.
        let about_them = matches!(command, WILL | WONT);
        let agreeable = match option {
            BINARY | NO_GO_AHEAD => true,
            ECHO => about_them == (self.role == Role::Client),
            COM_PORT => self.port.is_some(),
            _ => false,
        };
        let (yes, no) = if about_them { (DO, DONT) } else { (WILL, WONT) };
        let sides = if about_them { &mut self.theirs } else { &mut self.ours };
        let Some(side) = index(option).and_then(|at| sides.get_mut(at)) else {
            // What is off and unknown is refused; a refusal needs no answer.
            if on {
                self.out.extend([IAC, no, option]);
            }
            return;
        };
        let before = *side;
        match side.hear(on, agreeable) {
            Change::None => {}
            Change::Agree => self.out.extend([IAC, yes, option]),
            Change::Refuse => self.out.extend([IAC, no, option]),
        }
        if option == COM_PORT
            && !about_them
            && before != *side
            && let Some(port) = &mut self.port
        {
            let requests = if *side == Side::Yes { port.start() } else { port.refused() };
            requests.iter().for_each(|request| self.request(request));
        }
    }

    /// Puts a request to the serial port on its way; nothing if there is none.
    pub fn request(&mut self, request: &Request) {
        if self.ours_is(COM_PORT) {
            self.out.extend([IAC, SB, COM_PORT]);
            for byte in request.bytes() {
                self.out.push(byte);
                if byte == IAC {
                    self.out.push(IAC);
                }
            }
            self.out.extend([IAC, SE]);
        }
    }

    /// Puts data on their way.
    pub fn send(&mut self, data: &[u8]) {
        let plain = !self.ours_is(BINARY);
        let mut rest = data.iter().peekable();
        while let Some(&byte) = rest.next() {
            self.out.push(byte);
            if byte == IAC {
                self.out.push(IAC);
            }
            if plain && byte == b'\r' && rest.peek() != Some(&&b'\n') {
                self.out.push(0);
            }
        }
    }

    /// What is to be sent to the other side.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        let any = !self.out.is_empty();
        out.append(&mut self.out);
        any
    }

    /// Whether it is settled, one way or the other, what both sides do, and what the serial port is set to.
    pub fn settled(&self) -> bool {
        let open = |side: &Side| *side == Side::Asked;
        !self.ours.iter().chain(&self.theirs).any(open) && self.port.as_ref().is_none_or(ComPort::settled)
    }

    /// Every byte passes, both ways.
    pub fn is_binary(&self) -> bool {
        self.ours_is(BINARY) && self.theirs_is(BINARY)
    }

    /// The serial port behind the connection.
    pub fn port(&self) -> Option<&ComPort> {
        self.port.as_ref()
    }

    fn ours_is(&self, option: u8) -> bool {
        index(option).and_then(|at| self.ours.get(at)) == Some(&Side::Yes)
    }

    fn theirs_is(&self, option: u8) -> bool {
        index(option).and_then(|at| self.theirs.get(at)) == Some(&Side::Yes)
    }
}

fn index(option: u8) -> Option<usize> {
    OPTIONS.iter().position(|known| *known == option)
}
