//! What the two modems agreed on, and the words in which a modem tells it.
//!
//! Sources: ITU-T V.250 section 5.7.2 (`CONNECT` and what may follow it) and 6.4 to 6.6; the forms of each family as the
//! pages of firmware-notes give them. Their order differs from maker to maker, the words hardly do.

/// Speeds that a serial port is usually set to, in bit/s.
const PORT_SPEEDS: [u32; 13] =
    [300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115_200, 230_400, 460_800, 921_600];
/// The slow way of the modulations with two rates, V.23 and its like, in bit/s.
const BACKWARD: u32 = 75;

/// What the modems agreed on, as far as it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connect {
    /// bit/s from us to the other end.
    pub transmit: Option<u32>,
    /// bit/s from the other end to us. Where one number alone is said, both are that; a modem that says the speed
    /// of the port there (`CONNECT 115200`) cannot be told from one that says the line's.
    pub receive: Option<u32>,
    /// bit/s between computer and modem, if it was told beside a rate of the line.
    pub port: Option<u32>,
    /// `V34`, `V90`, ...
    pub modulation: Option<String>,
    /// `LAPM`, `MNP`, ...; `NONE` if it was said that there is none.
    pub error_correction: Option<String>,
    /// `V42BIS`, `V44`, ...; `NONE` if it was said that there is none.
    pub compression: Option<String>,
}

impl Connect {
    /// Adds what an earlier report said and this one does not. The rates of the earlier one stand: if it told what comes
    /// in from the line, a lone number here is the port's where it can be.
    pub fn or(self, earlier: Connect) -> Connect {
        let told = [earlier.transmit, earlier.receive];
        let is_port = |rate: &u32| PORT_SPEEDS.contains(rate) && !told.contains(&Some(*rate));
        let lone = self.receive.filter(|_| self.transmit == self.receive && earlier.receive.is_some());
        Connect {
            transmit: earlier.transmit.or(self.transmit),
            receive: earlier.receive.or(self.receive),
            port: self.port.or(earlier.port).or(lone.filter(is_port)),
            modulation: self.modulation.or(earlier.modulation),
            error_correction: self.error_correction.or(earlier.error_correction),
            compression: self.compression.or(earlier.compression),
        }
    }

    /// Whether the modems correct errors; `None`: it was not said.
    pub fn corrects(&self) -> Option<bool> {
        let is = |named: &Option<String>| named.as_ref().map(|named| named != "NONE");
        // There is no compression without correction.
        match (is(&self.error_correction), is(&self.compression)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (correction, _) => correction,
        }
    }

    /// Reads the words behind `CONNECT` or in a report, between blanks, `/` and `,`.
    pub(super) fn read(text: &str) -> Connect {
        let mut connect = Connect::default();
        let mut rates = Vec::new();
        let mut previous = String::new();
        let words = text.split([' ', '/', ',', '(', ')']).filter(|word| !word.is_empty());
        for word in words.map(|word| word.to_ascii_uppercase().replace('.', "")) {
            match (rate(&word), word.as_str()) {
                (Some((rate, Some(Way::Transmit))), _) => connect.transmit = Some(rate),
                (Some((rate, Some(Way::Receive))), _) => connect.receive = Some(rate),
                (Some((rate, None)), _) => rates.push(rate),
                // `1200 TX`, in two words.
                (None, "TX") => connect.transmit = rates.pop().or(connect.transmit),
                (None, "RX") => connect.receive = rates.pop().or(connect.receive),
                (None, _) => connect.take(&word, &previous),
            }
            previous = word;
        }
        connect.take_rates(&rates);
        connect
    }

    fn take(&mut self, word: &str, previous: &str) {
        let text = || Some(word.to_owned());
        match word {
            "V42BIS" | "V42B" | "V44" | "MNP5" => self.compression = text(),
            // `V.42 BIS`, in two words; the first may have been taken for the correction.
            "BIS" if previous == "V42" => {
                self.error_correction = self.error_correction.take().filter(|correction| correction != "V42");
                self.compression = Some("V42BIS".to_owned());
            }
            // Class 5 of MNP.
            "CLASS5" => self.compression = Some("MNP5".to_owned()),
            "5" if previous == "CLASS" => self.compression = Some("MNP5".to_owned()),
            "COMPRESSED" => _ = self.compression.get_or_insert_with(|| word.to_owned()),
            "NOEC" => self.error_correction = Some("NONE".to_owned()),
            // First comes the correction, then the compression.
            "NONE" | "ALT" if self.error_correction.is_some() => {
                self.compression.get_or_insert_with(|| word.to_owned());
            }
            "LAP-M" | "REL-LAPM" | "LAPM" => self.error_correction = Some("LAPM".to_owned()),
            "RELIABLE" => self.error_correction = Some("MNP".to_owned()),
            "ARQ" | "REL" | "EC" | "V42" => _ = self.error_correction.get_or_insert_with(|| word.to_owned()),
            // The second of `HST/HST`: the maker's own correction over his own modulation.
            "HST" if self.modulation.as_deref() == Some("HST") => self.error_correction = text(),
            "HST" | "K56" | "K56FLEX" | "KFLEX" | "X2" | "VFC" | "ZYX" => self.modulation = text(),
            _ if word == "NONE" || word.starts_with("MNP") || word.starts_with("ALT") => {
                self.error_correction = text();
            }
            _ if word.starts_with('V') && word.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => {
                self.modulation = text();
            }
            _ => {}
        }
    }

    /// Numbers that tell no way: one is the line's, of several the first is the port's and the last the line's.
    fn take_rates(&mut self, rates: &[u32]) {
        match *rates {
            [] => {}
            [transmit, receive] if transmit == BACKWARD || receive == BACKWARD => {
                self.transmit.get_or_insert(transmit);
                self.receive.get_or_insert(receive);
            }
            [first, .., last] => {
                self.port = Some(first);
                self.transmit.get_or_insert(last);
                self.receive.get_or_insert(last);
            }
            [lone] => {
                // Beside a rate for each way, it is the port's unless it says one of them again.
                let ways = [self.transmit, self.receive];
                if ways.iter().all(|way| way.is_some_and(|rate| rate != lone)) {
                    self.port = Some(lone);
                }
                self.transmit.get_or_insert(lone);
                self.receive.get_or_insert(lone);
            }
        }
    }
}

enum Way {
    Transmit,
    Receive,
}

/// `33600`, `33600:TX`, `75TX`, `TX=33600`; a rate, not a code: 75 bit/s to 10 Mbit/s.
fn rate(word: &str) -> Option<(u32, Option<Way>)> {
    let (digits, way) = match word {
        _ if word.starts_with("TX=") => (word.get(3..)?, Some(Way::Transmit)),
        _ if word.starts_with("RX=") => (word.get(3..)?, Some(Way::Receive)),
        _ if word.ends_with("TX") => (word.trim_end_matches("TX"), Some(Way::Transmit)),
        _ if word.ends_with("RX") => (word.trim_end_matches("RX"), Some(Way::Receive)),
        _ => (word, None),
    };
    let digits = digits.strip_suffix(':').unwrap_or(digits);
    let rate = digits.parse().ok().filter(|rate| (BACKWARD..=10_000_000).contains(rate))?;
    Some((rate, way))
}

#[cfg(test)]
mod tests;
