//! The names of our files on the wire. They are made from the number of the job, so that they are the same in every call.
//!
//! TO is what other systems write: `D.`, the first seven characters of our name, the grade, four characters (the manual,
//! "UUCP Grades"); 14 characters, for that is as long as a file name of an old Unix may be. TEMP is `D.` and the whole
//! number in at most 12 characters. Between uugates TEMP is `D.` and the stable id.

use super::Features;
use crate::job::{Grade, StableId, SystemName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireNames {
    /// TEMP of the body.
    pub temp: String,
    /// TEMP of the X. file.
    pub execution_temp: String,
    /// TO of the body.
    pub data: String,
    /// TO of the X. file.
    pub execution: String,
}

impl WireNames {
    pub fn new(ours: &SystemName, stable: StableId, grade: Grade, features: Features) -> WireNames {
        let temp = match features.has(Features::UUGATE) {
            true => format!("D.{stable}"),
            false => format!("D.{}", base36(stable.number, 12)),
        };
        // A capital X is in no number of ours.
        let execution_temp = format!("D.X{}", base36(stable.number, 11));
        let name: String = ours.as_str().chars().take(7).collect();
        let tail = format!("{name}{grade}{:0>4}", base36(stable.number, 4));
        WireNames { temp, execution_temp, data: format!("D.{tail}"), execution: format!("X.{tail}") }
    }
}

/// The stable id in the TEMP of a uugate.
pub fn stable_id(temp: &str) -> Option<StableId> {
    let (spool, number) = temp.strip_prefix("D.")?.split_once('.')?;
    let hex = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| plain)
    };
    (spool.len() == 16).then_some(())?;
    Some(StableId { spool: hex(spool)?, number: hex(number)? })
}

/// The last `digits` digits of a number to the base 36.
fn base36(number: u64, digits: usize) -> String {
    let mut rest = number;
    let mut text = Vec::new();
    while text.len() < digits {
        let digit = u32::try_from(rest % 36).unwrap_or_default();
        text.push(char::from_digit(digit, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    text.into_iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_short_and_tell_jobs_apart() {
        let ours: SystemName = "barberouge".parse().unwrap();
        let stable = StableId { spool: 0xfeed, number: 123_456_789 };
        let names = WireNames::new(&ours, stable, Grade::MAIL, Features::default());
        assert_eq!((names.data.as_str(), names.execution.as_str()), ("D.barberoCi3v9", "X.barberoCi3v9"));
        assert_eq!((names.temp.as_str(), names.execution_temp.as_str()), ("D.21i3v9", "D.X21i3v9"));
        assert_eq!(
            WireNames::new(&ours, stable, Grade::MAIL, Features::OURS).temp,
            "D.000000000000feed.75bcd15"
        );
        let small = WireNames::new(&ours, StableId { spool: 1, number: 1 }, Grade::MAIL, Features::default());
        assert_eq!((small.data.as_str(), small.temp.as_str()), ("D.barberoC0001", "D.1"));
    }

    proptest! {
        #[test]
        fn a_stable_id_is_read_back(spool: u64, number: u64) {
            let ours: SystemName = "leaf".parse().unwrap();
            let stable = StableId { spool, number };
            let names = WireNames::new(&ours, stable, Grade::MAIL, Features::OURS);
            prop_assert_eq!(stable_id(&names.temp), Some(stable));
            let old = WireNames::new(&ours, stable, Grade::MAIL, Features::default());
            prop_assert!(old.temp.len() <= 14 && old.execution_temp.len() <= 14 && old.data.len() <= 14);
            prop_assert_eq!(stable_id(&old.temp), None);
        }
    }
}
