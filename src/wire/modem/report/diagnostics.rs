//! Reports for programs, `AT#UD`: lines of `KEY=VALUE` in hexadecimal, keys and codes after ITU-T V.58.
//!
//! ```text
//! DIAG <2A4D3263 20=C 22=780 24=0C80 26=79E0>
//! ```

use super::{CallReport, keep};

/// How each line begins; the number names this kind of report.
pub(super) const HEAD: &str = "DIAG <2A4D3263";

pub(super) fn read(report: &mut CallReport, pairs: &str) {
    for pair in pairs.trim_end_matches('>').split_whitespace() {
        let Some((key, value)) = pair.split_once('=') else { continue };
        let Ok(value) = u32::from_str_radix(value, 16) else { continue };
        take(report, key, value);
    }
}

fn take(report: &mut CallReport, key: &str, value: u32) {
    match key {
        "10" => report.receive_level = Some(value),
        // Sent, then received: where they differ, the second is the one that gives the call its name.
        "20" | "21" => keep(&mut report.modulation, modulation(value)),
        "26" => report.transmit.first = Some(value),
        "27" => report.receive.first = Some(value),
        "31" => report.renegotiations = Some(value),
        "32" => report.retrains_asked = Some(value),
        "33" => report.retrains_granted = Some(value),
        "34" => report.transmit.last = Some(value),
        "35" => report.receive.last = Some(value),
        "40" if value == 1 => keep(&mut report.error_correction, Some("LAPM")),
        "44" => keep(&mut report.compression, compression(value)),
        "54" | "55" => {
            report.characters_lost = Some(report.characters_lost.unwrap_or(0).saturating_add(value));
        }
        "56" => report.blocks_sent = Some(value),
        "58" => report.blocks_resent = Some(value),
        "59" => report.block_errors = Some(value),
        "60" => keep(&mut report.reason, Some(cause(value).unwrap_or(&format!("cause {value:X}")))),
        _ => {}
    }
}

fn modulation(code: u32) -> Option<&'static str> {
    Some(match code {
        0x0 => "V17",
        0x1 => "V21",
        0x2 => "V22",
        0x3 => "V22B",
        0x4 => "V23C",
        0xA => "V32",
        0xB => "V32B",
        0xC => "V34",
        0xE => "V90",
        0x81 => "K56",
        0x84 => "B212",
        0x85 => "B103",
        _ => return None,
    })
}

fn compression(code: u32) -> Option<&'static str> {
    Some(match code {
        0x0 => "NONE",
        0x1 => "V42BIS",
        0x80 => "MNP5",
        _ => return None,
    })
}

fn cause(code: u32) -> Option<&'static str> {
    Some(match code {
        0x03 => "a call that waited",
        0x04 => "the delay between calls",
        0x19 => "silence on the line",
        0x1F | 0x20 => "DTR",
        0x29 => "the list of barred numbers",
        0x2A => "the limit of attempts",
        0x2B => "a telephone taken up on the same line",
        0x2C => "no carrier in time",
        0x2D => "a call that came in",
        0x2E => "a break of the loop current",
        0x2F => "no dial tone",
        0x31 => "a reorder tone",
        0x33 => "a busy tone",
        0x34 => "a long space",
        0x3C => "a lost carrier",
        0x3D => "failed training",
        0x3E => "no modulation in common",
        0x3F => "a failed retrain",
        0x40 => "too many retrains",
        0x41 => "the other end",
        0x42 => "a fax at the other end",
        0x50 => "a key during the dial",
        0x51 => "our hang-up command",
        0x52 => "our reset",
        0x5A => "a frame reject",
        0x5B => "no error correction in common",
        0x5C => "a breach of the protocol",
        0x5D => "too many tries of a frame",
        0x5E => "a failed negotiation",
        0x5F => "the other end's disconnect frame",
        0x60 => "a new start of the other end's protocol",
        0x64 => "compression out of step",
        _ => return None,
    })
}
