//! The names of our files on the wire. They are made from the number of the job, so that they are the same in every call.
//!
//! TO is what other systems write: `D.`, the first seven characters of our name, the grade, four characters (the manual,
//! "UUCP Grades"); 14 characters, for that is as long as a file name of an old Unix may be. TEMP is `D.` and the whole
//! number in at most 12 characters.
//!
//! FROM is `D._` and the id of our spool until an E or an S pair has told it in this call, and `D.0` from then on; the number in
//! TEMP makes the stable id whole. For another uugate a point and the digest of the body follow. The id goes to every peer: what
//! noise does to a handshake, which has no checksum, can hide from two uugates that they are such, and a job has to be known again
//! all the same. No system makes more of the FROM of a spool file than a line of its log.

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
    /// `told`: every receiver knows the id of our spool by a command before this one in the call.
    pub fn new(ours: &SystemName, stable: StableId, grade: Grade, told: bool) -> WireNames {
        // `D.0` would be the dummy of the manual.
        let temp = format!("D.{:0>4}", base36(stable.number, NUMBER));
        // A capital X is in no number of ours.
        let execution_temp = format!("D.X{:0>3}", base36(stable.number, NUMBER - 1));
        let name: String = ours.as_str().chars().take(7).collect();
        let tail = format!("{name}{grade}{:0>4}", base36(stable.number, 4));
        let spool = match told {
            true => TOLD.to_owned(),
            false => format!("{MARK}{:0>1$}", base36(stable.spool, SPOOL), SPOOL),
        };
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
/// Stands before the id; no other system has it there.
const MARK: char = '_';
/// Stands for the id that was told before.
const TOLD: &str = "0";
/// The fewest and the most digits of the number of a job, in TEMP; one less where an X stands before them.
const LEAST_NUMBER: usize = 4;
const NUMBER: usize = 12;

/// Reads what a peer's names tell in the course of a call.
#[derive(Debug, Clone, Default)]
pub struct NameReader {
    spool: Option<u64>,
}

/// What the names of a file tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Named {
    pub stable: Option<StableId>,
    pub digest: Option<Digest>,
}

impl NameReader {
    /// FROM and TEMP of a spool file.
    pub fn read_spool_file(&mut self, from: &str, temp: &str) -> Named {
        self.read(from, temp).unwrap_or_default()
    }

    /// The same of a file of the file system, as uugates tell it to each other.
    pub fn read_public_file(&mut self, from: &str, temp: &str) -> Named {
        from.split_once('/').and_then(|(names, _)| self.read(names, temp)).unwrap_or_default()
    }

    fn read(&mut self, from: &str, temp: &str) -> Option<Named> {
        let told = from.strip_prefix("D.")?;
        let (spool, digest) = match told.split_once('.') {
            Some((spool, digest)) => (spool, digest.parse().ok()),
            None => (told, None),
        };
        let digits = temp.strip_prefix("D.")?;
        let number = match digits.strip_prefix('X') {
            Some(digits) => number(digits, LEAST_NUMBER - 1, NUMBER - 1),
            None => number(digits, LEAST_NUMBER, NUMBER),
        }?;
        match spool.strip_prefix(MARK) {
            Some(digits) => self.spool = Some(self::number(digits, SPOOL, SPOOL)?),
            None if spool == TOLD => {}
            _ => return None,
        }
        Some(Named { stable: self.spool.map(|spool| StableId { spool, number }), digest })
    }
}

/// The grade of a job in the TO of its spool files: before the last four characters.
pub fn grade(to: &str) -> Option<Grade> {
    let tail = to.strip_prefix("D.").or_else(|| to.strip_prefix("X."))?;
    Grade::new(tail.chars().rev().nth(4)?)
}

/// A number of ours to the base 36, of so many digits.
fn number(digits: &str, least: usize, most: usize) -> Option<u64> {
    let ours = digits.bytes().all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase());
    u64::from_str_radix(digits, 36).ok().filter(|_| ours && (least..=most).contains(&digits.len()))
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
        assert_eq!(names.from, "D._0000000001ect");
        assert_eq!(names.for_file("/home/jan/plan"), "D._0000000001ect/plan");
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
        let mut reader = NameReader::default();
        for (from, temp) in [
            ("D.0002", "D.0002"),
            ("D.polluxN0002", "D.0002"),
            ("D.0aaaaa1234abc", "D.0aaaaa1234abc"),
            ("D._zzzzzzzzzzzzz", "D.0002"),
            ("D._0000000000001", "D.0"),
            ("D._0000000000001", "D.0000000000001"),
            ("D._0000000000001", "D.X000000000001"),
            ("D._0000000000001", "D.XX1"),
            ("/home/jan/plan", "D.0001"),
            ("", ""),
        ] {
            assert_eq!(reader.read_spool_file(from, temp), Named::default(), "{from} {temp}");
            assert_eq!(reader.read_public_file(from, temp), Named::default(), "{from} {temp}");
        }
        // Nothing of it was taken for the id of a spool.
        assert_eq!(reader.read_spool_file("D.0", "D.0001"), Named::default());
    }

    #[test]
    fn a_digest_is_read_though_the_spool_was_not_told() {
        let digest = Digest::from_bytes([7; Digest::LENGTH]);
        let named = NameReader::default().read_spool_file(&format!("D.0.{digest}"), "D.0001");
        assert_eq!(named, Named { stable: None, digest: Some(digest) });
    }

    #[test]
    fn the_spool_is_read_though_what_follows_is_no_digest() {
        let mut reader = NameReader::default();
        let named = |number| Named { stable: Some(StableId { spool: 1, number }), digest: None };
        assert_eq!(reader.read_spool_file("D._0000000000001.x", "D.0001"), named(1));
        assert_eq!(reader.read_spool_file("D.0", "D.0002"), named(2));
    }

    proptest! {
        #[test]
        fn a_stable_id_and_a_digest_are_read_back(
            spool: u64, numbers in proptest::collection::vec(0..36u64.pow(11), 1..4), digest: Option<[u8; Digest::LENGTH]>,
        ) {
            let ours: SystemName = "leaf".parse().unwrap();
            let digest = digest.map(Digest::from_bytes);
            let (mut of_spool, mut of_files) = (NameReader::default(), NameReader::default());
            for (at, number) in numbers.into_iter().enumerate() {
                let stable = StableId { spool, number };
                let names = WireNames::new(&ours, stable, Grade::MAIL, at > 0).digested(digest);
                let told = Named { stable: Some(stable), digest };
                prop_assert_eq!(of_spool.read_spool_file(&names.from, &names.temp), told);
                prop_assert_eq!(of_spool.read_spool_file(&names.from, &names.execution_temp), told);
                prop_assert_eq!(of_files.read_public_file(&names.for_file("/a b/c"), &names.temp), told);
                prop_assert!(names.temp.len() <= 14 && names.execution_temp.len() <= 14 && names.data.len() <= 14);
            }
        }
    }
}
