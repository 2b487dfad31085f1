//! What an exchange is told: its modems, and how good its lines are.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// One modem of the exchange, as `--modem PATH=NUMBER[,digital]` gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModemSpec {
    /// Where its PTY is published, as a symlink.
    pub path: PathBuf,
    /// Its number: 1 to 20 of `0-9 * #`.
    pub number: String,
    /// It is connected digitally, as a provider's are: an analogue caller gets V.90.
    pub digital: bool,
}

/// Why a text is no modem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("{0:?} is not PATH=NUMBER or PATH=NUMBER,digital")]
    Form(String),
    #[error("{0:?} is no number: 1 to 20 of 0-9 * #")]
    Number(String),
}

impl FromStr for ModemSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        // The last `=`: a path may hold others.
        let (path, rest) = text.rsplit_once('=').ok_or_else(|| SpecError::Form(text.to_owned()))?;
        let (number, digital) = match rest.split_once(',') {
            None => (rest, false),
            Some((number, "digital")) => (number, true),
            Some(_) => return Err(SpecError::Form(text.to_owned())),
        };
        if path.is_empty() || path.contains('\0') {
            return Err(SpecError::Form(text.to_owned()));
        }
        Ok(ModemSpec { path: PathBuf::from(path), number: number_of(number)?, digital })
    }
}

/// The number of a subscriber: 1 to 20 of `0-9 * #`.
pub fn number_of(text: &str) -> Result<String, SpecError> {
    let dialled = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#');
    let fits = (1..=20).contains(&text.len()) && text.chars().all(dialled);
    if fits { Ok(text.to_owned()) } else { Err(SpecError::Number(text.to_owned())) }
}

/// How the exchange and its lines behave.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The fastest that modems connect, in bit/s; without one, what V.90 and V.34 allow. One above 56 000 makes every
    /// call a digital circuit of that rate both ways, as ISDN or a leased line is.
    pub speed: Option<u32>,
    /// Error correction (V.42): mishaps become stalls. Without it they reach the data.
    pub corrected: bool,
    /// How long a bit travels from one modem to the other.
    pub latency: Duration,
    /// Probability, per bit, that it arrives inverted.
    pub bit_errors: f64,
    /// Probability, per byte, that it never arrives.
    pub lost: f64,
    /// The carrier is lost once, when this many bytes were carried in all calls together.
    pub drop_carrier_after: Option<u64>,
    /// Numbers without a modem: a person takes the call after the first ring.
    pub people: Vec<String>,
    /// What decides every mishap.
    pub seed: u64,
    /// From one RING to the next; 5 or 6 s on real exchanges.
    pub ring_every: Duration,
    /// From the end of a number to the first RING.
    pub dialling: Duration,
    /// From the answer to CONNECT; 10 to 30 s between real modems.
    pub training: Duration,
    /// The end of a call is shown as a loss of carrier (a new PTY); otherwise only NO CARRIER is said, for
    /// programs that keep the device open. `AT&C` changes it for one modem.
    pub carrier_follows: bool,
    /// The escape needs no silence around it, as with modems whose makers had no licence for that.
    pub time_independent_escape: bool,
    /// Permission bits of the PTYs: whoever may open one may dial.
    pub mode: u32,
    /// How long what was sent before a hang-up may take to reach the other end.
    pub drain: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            speed: None,
            corrected: true,
            latency: Duration::from_millis(20),
            bit_errors: 0.0,
            lost: 0.0,
            drop_carrier_after: None,
            people: Vec::new(),
            seed: 1,
            ring_every: Duration::from_secs(5),
            dialling: Duration::from_millis(200),
            training: Duration::from_millis(800),
            carrier_follows: true,
            time_independent_escape: false,
            mode: 0o600,
            drain: Duration::from_secs(5),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modem_is_a_path_and_a_number() {
        let spec = |path: &str, number: &str, digital| {
            Ok(ModemSpec { path: path.into(), number: number.to_owned(), digital })
        };
        assert_eq!("/tmp/leaf=5551".parse(), spec("/tmp/leaf", "5551", false));
        assert_eq!("a=b=030#1,digital".parse(), spec("a=b", "030#1", true));
        for bad in ["", "=5", "x=", "x", "x=12a", "x=1,analogue", "x=1,digital,2", "x=123456789012345678901"]
        {
            assert!(bad.parse::<ModemSpec>().is_err(), "{bad}");
        }
    }
}
