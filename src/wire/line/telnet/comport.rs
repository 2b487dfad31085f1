//! The serial port of a terminal server: RFC 2217, as its client.
//!
//! Every command goes as a subnegotiation of option 44, and is answered with its number plus 100 and the value that
//! counts now. The server tells by itself when a modem line changes.

/// How the port is to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComSettings {
    /// bit/s.
    pub speed: u32,
    /// 5 to 8.
    pub data_bits: u8,
    pub parity: ComParity,
    pub flow: ComFlow,
}

/// SET-PARITY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComParity {
    None = 1,
    Odd = 2,
    Even = 3,
}

/// SET-CONTROL, flow control both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComFlow {
    None = 1,
    XonXoff = 2,
    RtsCts = 3,
}

/// What is asked of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Speed(u32),
    DataBits(u8),
    Parity(ComParity),
    OneStopBit,
    Flow(ComFlow),
    Break(bool),
    Dtr(bool),
    /// Which modem lines we want to hear of: all.
    TellModemLines,
    /// How they are now.
    ModemLines,
    /// Throw away what waits in both directions.
    Purge,
}

/// Numbers of RFC 2217, "Com Port Configuration Commands".
const SET_SPEED: u8 = 1;
const SET_DATA_BITS: u8 = 2;
const SET_PARITY: u8 = 3;
const SET_STOP_BITS: u8 = 4;
const SET_CONTROL: u8 = 5;
const MODEM_LINES: u8 = 7;
const SUSPEND: u8 = 8;
const RESUME: u8 = 9;
const SET_MODEM_MASK: u8 = 11;
const PURGE: u8 = 12;
/// What the server adds to a number in its answer.
const ANSWER: u8 = 100;

impl Request {
    /// The command and its value, before IAC is doubled.
    pub fn bytes(&self) -> Vec<u8> {
        match *self {
            Request::Speed(speed) => [&[SET_SPEED][..], &speed.to_be_bytes()].concat(),
            Request::DataBits(bits) => vec![SET_DATA_BITS, bits],
            Request::Parity(parity) => vec![SET_PARITY, parity as u8],
            Request::OneStopBit => vec![SET_STOP_BITS, 1],
            Request::Flow(flow) => vec![SET_CONTROL, flow as u8],
            Request::Break(on) => vec![SET_CONTROL, if on { 5 } else { 6 }],
            Request::Dtr(high) => vec![SET_CONTROL, if high { 8 } else { 9 }],
            Request::TellModemLines => vec![SET_MODEM_MASK, 255],
            Request::ModemLines => vec![MODEM_LINES],
            Request::Purge => vec![PURGE, 3],
        }
    }
}

/// The incoming modem lines of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComLines {
    pub carrier: bool,
    pub ring: bool,
    pub dsr: bool,
    pub cts: bool,
}

/// Whether the port is as it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaits {
    /// The server's word that it knows RFC 2217.
    Agreement,
    /// Answers to the settings: speed, data bits, parity.
    Settings([bool; 3]),
    Nothing,
}

/// What is known of the port.
#[derive(Debug)]
pub struct ComPort {
    wanted: ComSettings,
    awaits: Awaits,
    /// What could not be had.
    failed: Option<&'static str>,
    lines: Option<ComLines>,
    suspended: bool,
}

impl ComPort {
    pub(super) fn new(wanted: ComSettings) -> Self {
        ComPort { wanted, awaits: Awaits::Agreement, failed: None, lines: None, suspended: false }
    }

    /// The server knows RFC 2217: everything that is asked of it at the start.
    pub(super) fn start(&mut self) -> Vec<Request> {
        self.awaits = Awaits::Settings([false; 3]);
        vec![
            Request::Speed(self.wanted.speed),
            Request::DataBits(self.wanted.data_bits),
            Request::Parity(self.wanted.parity),
            Request::OneStopBit,
            Request::Flow(self.wanted.flow),
            Request::Dtr(true),
            Request::TellModemLines,
            Request::ModemLines,
        ]
    }

    pub(super) fn refused(&mut self) -> Vec<Request> {
        self.awaits = Awaits::Nothing;
        self.failed = Some("anything of the serial port: the server does not know RFC 2217");
        self.lines = None;
        Vec::new()
    }

    pub(super) fn handle_answer(&mut self, answer: &[u8]) {
        let Some((&number, value)) = answer.split_first() else { return };
        let Some(number) = number.checked_sub(ANSWER) else { return };
        match (number, value) {
            (SET_SPEED, &[a, b, c, d]) => {
                self.settled_one(0, u32::from_be_bytes([a, b, c, d]) == self.wanted.speed, "the speed");
            }
            (SET_DATA_BITS, &[bits]) => self.settled_one(1, bits == self.wanted.data_bits, "the data bits"),
            (SET_PARITY, &[parity]) => self.settled_one(2, parity == self.wanted.parity as u8, "the parity"),
            (MODEM_LINES, &[lines, ..]) => {
                let on = |bit: u8| lines & bit != 0;
                self.lines = Some(ComLines { carrier: on(128), ring: on(64), dsr: on(32), cts: on(16) });
            }
            (SUSPEND, _) => self.suspended = true,
            (RESUME, _) => self.suspended = false,
            // Stop bits and flow control are said by some servers otherwise than they are.
            _ => {}
        }
    }

    fn settled_one(&mut self, which: usize, right: bool, what: &'static str) {
        if !right {
            self.failed = Some(what);
        }
        let Awaits::Settings(answered) = &mut self.awaits else { return };
        if let Some(answered) = answered.get_mut(which) {
            *answered = true;
        }
        if answered.iter().all(|answered| *answered) {
            self.awaits = Awaits::Nothing;
        }
    }

    /// The port is as it was asked for, or cannot be.
    pub fn settled(&self) -> bool {
        self.failed.is_some() || self.awaits == Awaits::Nothing
    }

    /// What could not be had of the port.
    pub fn failed(&self) -> Option<&'static str> {
        self.failed
    }

    /// The modem lines, once the server has told them.
    pub fn lines(&self) -> Option<ComLines> {
        self.lines
    }

    /// The server wants no data now.
    pub fn suspended(&self) -> bool {
        self.suspended
    }
}
