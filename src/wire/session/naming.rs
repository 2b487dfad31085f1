//! The names of our files on the wire. They are made from the number of the job, so that they are the same in every call.
//!
//! TO is what other systems write: `D.`, the first seven characters of our name, the grade, four characters (the manual,
//! "UUCP Grades"); 14 characters, for that is as long as a file name of an old Unix may be. TEMP is `D.` and the whole
//! number in at most 12 characters.
//!
//! FROM is `D.` and the id of our spool, in the first command of a call; `D.0` in the others, for the number in TEMP makes the
//! stable id whole. For another uugate a point and the digest of the body follow. The id goes to every peer: what noise does to a
//! handshake, which has no checksum, can hide from two uugates that they are such, and a job has to be known again all the same. No
//! system makes more of the FROM of a spool file than a line of its log.

use crate::job::{Digest, Grade, StableId, SystemName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireNames {
    /// FROM of body and X. file.
    pub from: String,
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
    /// `told`: a command before this one in the call has told the id of our spool.
    pub fn new(ours: &SystemName, stable: StableId, grade: Grade, told: bool) -> WireNames {
        // `D.0` would be the dummy of the manual.
        let temp = format!("D.{:0>4}", base36(stable.number, 12));
        // A capital X is in no number of ours.
        let execution_temp = format!("D.X{:0>3}", base36(stable.number, 11));
        let name: String = ours.as_str().chars().take(7).collect();
        let tail = format!("{name}{grade}{:0>4}", base36(stable.number, 4));
        let spool =
            if told { TOLD.to_owned() } else { format!("{:0>1$}", base36(stable.spool, SPOOL), SPOOL) };
        WireNames {
            from: format!("D.{spool}"),
            temp,
            execution_temp,
            data: format!("D.{tail}"),
            execution: format!("X.{tail}"),
        }
    }

    /// The same, with a digest of the body in FROM.
    pub fn digested(mut self, digest: Option<Digest>) -> WireNames {
        if let Some(digest) = digest {
            self.from = format!("{}.{digest}", self.from);
        }
        self
    }

    /// FROM of a file of the file system, for another uugate: that of a spool file, and the last part of the path, which is
    /// all that a receiver may need of it.
    pub fn for_file(&self, path: &str) -> String {
        let last = path.rsplit('/').next().unwrap_or_default();
        format!("{}/{last}", self.from)
    }
}

/// Digits of the id of a spool to the base 36: as many as 64 bits need.
const SPOOL: usize = 13;
/// Stands for the id that was told before.
const TOLD: &str = "0";

/// What a peer's names tell in the course of a call.
#[derive(Debug, Clone, Default)]
pub struct Told {
    spool: Option<u64>,
}

impl Told {
    /// The stable id in FROM and TEMP of a spool file, and the digest of the file.
    pub fn by(&mut self, from: &str, temp: &str) -> Option<(StableId, Option<Digest>)> {
        let told = from.strip_prefix("D.")?;
        let (spool, digest) = match told.split_once('.') {
            Some((spool, digest)) => (spool, Some(digest.parse().ok()?)),
            None => (told, None),
        };
        if spool.len() == SPOOL {
            self.spool = Some(number(spool)?);
        } else if spool != TOLD {
            return None;
        }
        let digits = temp.strip_prefix("D.")?;
        let number = number(digits.strip_prefix('X').unwrap_or(digits))?;
        Some((StableId { spool: self.spool?, number }, digest))
    }

    /// The same for a file of the file system, as uugates tell it to each other.
    pub fn by_file(&mut self, from: &str, temp: &str) -> Option<(StableId, Option<Digest>)> {
        self.by(from.split_once('/')?.0, temp)
    }
}

/// The grade of a job in the TO of its spool files: before the last four characters.
pub fn grade(to: &str) -> Option<Grade> {
    let tail = to.strip_prefix("D.").or_else(|| to.strip_prefix("X."))?;
    Grade::new(tail.chars().rev().nth(4)?)
}

/// A number of ours to the base 36.
fn number(digits: &str) -> Option<u64> {
    let ours = digits.bytes().all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase());
    u64::from_str_radix(digits, 36).ok().filter(|_| ours)
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
        let names = WireNames::new(&ours, stable, Grade::MAIL, false);
        assert_eq!((names.data.as_str(), names.execution.as_str()), ("D.barberoCi3v9", "X.barberoCi3v9"));
        assert_eq!((names.temp.as_str(), names.execution_temp.as_str()), ("D.21i3v9", "D.X21i3v9"));
        assert_eq!(names.from, "D.0000000001ect");
        assert_eq!(names.for_file("/home/jan/plan"), "D.0000000001ect/plan");
        assert_eq!((grade(&names.data), grade(&names.execution)), (Some(Grade::MAIL), Some(Grade::MAIL)));
        for other in ["D.x9", "~/alphaN0001", "D.alpha.0001", ""] {
            assert_eq!(grade(other), None, "{other}");
        }
        let small = WireNames::new(&ours, StableId { spool: 1, number: 1 }, Grade::MAIL, true);
        assert_eq!((small.data.as_str(), small.temp.as_str()), ("D.barberoC0001", "D.0001"));
        assert_eq!(small.from, "D.0");
    }

    #[test]
    fn what_other_systems_write_tells_nothing() {
        let mut told = Told::default();
        for (from, temp) in [
            ("D.0002", "D.0002"),
            ("D.0", "D.0001"),
            ("D.polluxN0002", "D.0002"),
            ("D.POLLUXN000200", "D.0002"),
            ("D.zzzzzzzzzzzzz", "D.0002"),
            ("D.0000000000001", "D.0"),
            ("D.0000000000001.x", "D.0001"),
            ("D.0000000000001", "D.XX1"),
            ("/home/jan/plan", "D.0001"),
            ("", ""),
        ] {
            let known = told.by(from, temp);
            // A dummy has the number 0, which no job has.
            assert!(known.is_none_or(|(stable, _)| stable.number == 0), "{from} {temp} {known:?}");
            assert_eq!(Told::default().by_file(from, temp), None, "{from}");
        }
    }

    proptest! {
        #[test]
        fn a_stable_id_and_a_digest_are_read_back(
            spool: u64, numbers in proptest::collection::vec(0..36u64.pow(11), 1..4), digest: Option<[u8; Digest::LENGTH]>,
        ) {
            let ours: SystemName = "leaf".parse().unwrap();
            let digest = digest.map(Digest::from_bytes);
            let (mut told, mut told_by_file) = (Told::default(), Told::default());
            for (at, number) in numbers.into_iter().enumerate() {
                let stable = StableId { spool, number };
                let names = WireNames::new(&ours, stable, Grade::MAIL, at > 0).digested(digest);
                prop_assert_eq!(told.by(&names.from, &names.temp), Some((stable, digest)));
                prop_assert_eq!(told.by(&names.from, &names.execution_temp), Some((stable, digest)));
                prop_assert_eq!(told_by_file.by_file(&names.for_file("/a b/c"), &names.temp), Some((stable, digest)));
                prop_assert!(names.temp.len() <= 14 && names.execution_temp.len() <= 14 && names.data.len() <= 14);
            }
        }
    }
}
