//! The S-registers of the virtual modem. Sources: ITU-T V.250 (S0, S3 to S10), the Hayes set (S1, S2, S12, S25).

use std::time::Duration;

/// How many registers there are.
const COUNT: usize = 40;
/// Those that are not 0 after a reset.
const DEFAULTS: [(usize, u8); 11] =
    [(2, b'+'), (3, b'\r'), (4, b'\n'), (5, 8), (6, 2), (7, 60), (8, 2), (9, 6), (10, 14), (12, 50), (25, 5)];

/// The registers, each one byte. The unit is the register's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers([u8; COUNT]);

impl Default for Registers {
    fn default() -> Self {
        let mut values = [0; COUNT];
        for (value, default) in values.iter_mut().enumerate().filter_map(|(at, value)| {
            DEFAULTS.iter().find(|(register, _)| *register == at).map(|(_, default)| (value, *default))
        }) {
            *value = default;
        }
        Registers(values)
    }
}

impl Registers {
    pub fn read(&self, register: u32) -> Option<u8> {
        self.0.get(usize::try_from(register).ok()?).copied()
    }

    /// False if there is no such register, or it cannot hold that.
    pub fn set(&mut self, register: u32, to: u32) -> bool {
        let place = usize::try_from(register).ok().and_then(|at| self.0.get_mut(at));
        match (place, u8::try_from(to)) {
            (Some(place), Ok(to)) => {
                *place = to;
                true
            }
            _ => false,
        }
    }

    fn value(&self, register: u32) -> u8 {
        self.read(register).unwrap_or_default()
    }

    /// S0: rings before the modem answers by itself; 0: never.
    pub fn rings_to_answer(&self) -> u8 {
        self.value(0)
    }

    /// S2: the escape character; none above 127.
    pub fn escape(&self) -> Option<u8> {
        Some(self.value(2)).filter(|character| *character < 128)
    }

    /// S3, S4, S5: carriage return, line feed, backspace.
    pub fn line_end(&self) -> (u8, u8) {
        (self.value(3), self.value(4))
    }

    pub fn backspace(&self) -> u8 {
        self.value(5)
    }

    /// S7: seconds to wait for the carrier after dialling or answering; 0 counts as 255, so that it ends.
    pub fn carrier_wait(&self) -> Duration {
        let seconds = self.value(7);
        Duration::from_secs(u64::from(if seconds == 0 { u8::MAX } else { seconds }))
    }

    /// S8: seconds of pause that a comma means.
    pub fn comma(&self) -> Duration {
        Duration::from_secs(u64::from(self.value(8)))
    }

    /// S12: guard time around the escape, in fiftieths of a second.
    pub fn guard(&self) -> Duration {
        Duration::from_millis(20 * u64::from(self.value(12)))
    }

    /// S25: how long DTR must be low to count, in hundredths of a second.
    pub fn dtr_delay(&self) -> Duration {
        Duration::from_millis(10 * u64::from(self.value(25)))
    }

    /// All of them, for `AT&V`.
    pub fn list(&self) -> impl Iterator<Item = (usize, u8)> + '_ {
        self.0.iter().copied().enumerate()
    }
}
