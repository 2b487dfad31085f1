//! What AT commands set in the virtual modem, apart from the S-registers.

use super::registers::Registers;

/// The active profile of a modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// E
    pub echo: bool,
    /// V
    pub verbose: bool,
    /// Q
    pub quiet: bool,
    /// X
    pub extent: u8,
    /// &C: the carrier signal follows the carrier.
    pub carrier_follows: bool,
    /// &D: 0 ignored, 1 to command state, 2 hang up, 3 hang up and reset.
    pub on_dtr_fall: u8,
    /// +MR, +ER, +DR
    pub report_modulation: bool,
    pub report_correction: bool,
    pub report_compression: bool,
    /// +VCID
    pub caller_id: bool,
    pub registers: Registers,
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            echo: true,
            verbose: true,
            quiet: false,
            extent: 4,
            carrier_follows: true,
            on_dtr_fall: 2,
            report_modulation: false,
            report_correction: false,
            report_compression: false,
            caller_id: false,
            registers: Registers::default(),
        }
    }
}

impl Profile {
    /// A command of one letter; false if it is not known. Those that speak of a loudspeaker, of pulse or tone, of
    /// the form of `CONNECT` have nothing to act on here.
    pub fn set_basic(&mut self, letter: char, parameter: u32) -> bool {
        match (letter, parameter) {
            ('E', 0 | 1) => self.echo = parameter == 1,
            ('V', 0 | 1) => self.verbose = parameter == 1,
            ('Q', 0 | 1) => self.quiet = parameter == 1,
            ('X', 0..=4) => self.extent = parameter as u8,
            ('T' | 'P', 0) | ('L' | 'M' | 'W', 0..=3) | ('N' | 'Y', 0..=5) | ('B', 0..=32) => {}
            _ => return false,
        }
        true
    }

    /// A command with `&`, `\` or `%`.
    pub fn set_prefixed(&mut self, prefix: char, letter: char, parameter: u32) -> bool {
        match (prefix, letter, parameter) {
            ('&', 'C', 0 | 1) => self.carrier_follows = parameter == 1,
            ('&', 'D', 0..=3) => self.on_dtr_fall = parameter as u8,
            // Guard tone, flow control, line speed, speaker, DSR, clock, profiles: nothing to act on.
            (
                '&',
                'A' | 'B' | 'G' | 'H' | 'I' | 'K' | 'M' | 'N' | 'P' | 'Q' | 'R' | 'S' | 'W' | 'Y',
                0..=9,
            ) => {}
            // Error correction and compression: the exchange decides for all.
            ('\\' | '%', 'A'..='Z', 0..=15) => {}
            _ => return false,
        }
        true
    }

    /// `+NAME=VALUE`.
    pub fn set_extended(&mut self, name: &str, to: &str) -> bool {
        let flag = match to {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        match (name, flag) {
            ("MR", Some(on)) => self.report_modulation = on,
            ("ER", Some(on)) => self.report_correction = on,
            ("DR", Some(on)) => self.report_compression = on,
            ("VCID", Some(on)) => self.caller_id = on,
            ("MR" | "ER" | "DR" | "VCID", None) => return false,
            // Modulation, correction, compression, speed and flow control of the port: the exchange decides.
            ("MS" | "ES" | "DS" | "IPR" | "IFC" | "ICF", _) => {}
            _ => return false,
        }
        true
    }

    /// `+NAME?`; nothing if there is no such parameter.
    pub fn read_extended(&self, name: &str) -> Option<String> {
        let flag = |on: bool| Some(u8::from(on).to_string());
        match name {
            "MR" => flag(self.report_modulation),
            "ER" => flag(self.report_correction),
            "DR" => flag(self.report_compression),
            "VCID" => flag(self.caller_id),
            "MS" => Some("V90,1".to_owned()),
            "ES" => Some("3,0,2".to_owned()),
            "DS" => Some("0".to_owned()),
            "IPR" => Some("0".to_owned()),
            "IFC" => Some("2,2".to_owned()),
            "ICF" => Some("3,4".to_owned()),
            _ => None,
        }
    }

    /// The lines of `AT&V`.
    pub fn show(&self) -> Vec<String> {
        let flag = u8::from;
        let registers: Vec<String> = self
            .registers
            .list()
            .filter(|(register, value)| *register < 13 || *value != 0)
            .map(|(register, value)| format!("S{register:02}:{value:03}"))
            .collect();
        let mut lines = vec![format!(
            "E{} V{} Q{} X{} &C{} &D{} +MR={} +ER={} +DR={} +VCID={}",
            flag(self.echo),
            flag(self.verbose),
            flag(self.quiet),
            self.extent,
            flag(self.carrier_follows),
            self.on_dtr_fall,
            flag(self.report_modulation),
            flag(self.report_correction),
            flag(self.report_compression),
            flag(self.caller_id),
        )];
        lines.extend(registers.chunks(8).map(|row| row.join(" ")));
        lines
    }
}
