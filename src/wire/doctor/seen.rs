//! What was seen of a serial line, as plain data: the transcripts of the tests are texts of it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Seen {
    /// As the configuration names it.
    pub device: String,
    /// The device itself, if that name is a link.
    pub leads_to: Option<String>,
    /// A name below /dev/serial/by-id that leads to the same device.
    pub stable_name: Option<String>,
    /// As configured, in bit/s.
    pub speed: u32,
    /// RTS and CTS are to be heeded.
    pub hardware_flow: bool,
    /// A modem is to be there, not the cable to another machine.
    pub modem: bool,
    pub opening: Opening,
    /// Who else has the device open, or waits on it.
    pub others: Vec<Process>,
    /// ModemManager runs on this machine.
    pub modem_manager: bool,
    /// None: the driver does not tell.
    pub uart: Option<Uart>,
    /// None: the device has no modem lines.
    pub signals: Option<Signals>,
    /// What was said to the modem, in this order, and what came back.
    pub trials: Vec<Trial>,
}

/// How opening went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    #[default]
    Opened,
    Missing,
    /// `user` may not; the device is for `group`.
    Denied {
        user: String,
        group: String,
        /// Its permission bits, in octal.
        mode: String,
    },
    NoTerminal,
    /// Somebody has it; none if it cannot be told who.
    Held(Option<Process>),
    /// Anything else, in the words of the error.
    Failed(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Process {
    pub pid: i32,
    /// None: it may not be seen.
    pub program: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Uart {
    /// `16550A` and the like.
    pub name: String,
    /// In characters.
    pub fifo: u32,
}

/// The incoming modem lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signals {
    pub cts: bool,
    pub dsr: bool,
    pub dcd: bool,
    pub ring: bool,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trial {
    /// Of the port, in bit/s.
    pub speed: u32,
    pub said: Said,
    /// Each byte as the character of that number.
    pub heard: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// `AT` and a return.
    At,
    /// `+++` between two silences.
    Escape,
}

impl Trial {
    pub fn new(speed: u32, said: Said, heard: &[u8]) -> Trial {
        Trial { speed, said, heard: heard.iter().map(|byte| char::from(*byte)).collect() }
    }

    /// The bytes that were heard.
    pub fn bytes(&self) -> Vec<u8> {
        self.heard.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
    }
}
