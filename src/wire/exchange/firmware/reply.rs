//! The result codes of the virtual modem, in words and numbers. Source: ITU-T V.250, section 5.7.

use super::Agreed;

/// One result code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Ok,
    Connect(Agreed),
    Ring,
    NoCarrier,
    Error,
    NoDialtone,
    Busy,
    NoAnswer,
    Voice,
}

impl Reply {
    /// What is said instead where `ATX` leaves a code out: below 2 no dial tone, below 3 no busy, below 4 no voice is heard.
    pub fn at_level(self, extent: u8) -> Reply {
        match self {
            Reply::NoDialtone if !matches!(extent, 2 | 4..) => Reply::NoCarrier,
            Reply::Busy if extent < 3 => Reply::NoCarrier,
            Reply::Voice if extent < 4 => Reply::NoCarrier,
            other => other,
        }
    }

    /// The result code in words (`ATV1`).
    pub fn words(self, extent: u8) -> String {
        match self {
            Reply::Ok => "OK".to_owned(),
            Reply::Connect(_) if extent == 0 => "CONNECT".to_owned(),
            Reply::Connect(agreed) => {
                let Agreed { transmit, receive, modulation, corrected } = agreed;
                let correction = if corrected { "LAPM" } else { "NONE" };
                match transmit == receive {
                    true => format!("CONNECT {receive}/{modulation}/{correction}"),
                    false => {
                        format!("CONNECT {receive}/{modulation}/{correction}/{transmit}:TX/{receive}:RX")
                    }
                }
            }
            Reply::Ring => "RING".to_owned(),
            Reply::NoCarrier => "NO CARRIER".to_owned(),
            Reply::Error => "ERROR".to_owned(),
            Reply::NoDialtone => "NO DIALTONE".to_owned(),
            Reply::Busy => "BUSY".to_owned(),
            Reply::NoAnswer => "NO ANSWER".to_owned(),
            Reply::Voice => "VOICE".to_owned(),
        }
    }

    /// The result code as a number (`ATV0`); V.250, table 1, and for VOICE that of USRobotics.
    pub fn code(self) -> u8 {
        match self {
            Reply::Ok => 0,
            Reply::Connect(_) => 1,
            Reply::Ring => 2,
            Reply::NoCarrier => 3,
            Reply::Error => 4,
            Reply::NoDialtone => 6,
            Reply::Busy => 7,
            Reply::NoAnswer => 8,
            Reply::Voice => 12,
        }
    }
}
