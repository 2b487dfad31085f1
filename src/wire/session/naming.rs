//! The names of our files on the wire. They are made from the number of the job, so that they are the same in every call.
//!
//! TO is what other systems write: `D.`, the first seven characters of our name, the grade, four characters (the manual,
//! "UUCP Grades"); 14 characters, for that is as long as a file name of an old Unix may be. TEMP is `D.` and the whole
//! number in at most 12 characters.
//!
//! FROM is `D.` and the stable id, and for another uugate a point and the digest of the body. The id goes to every peer: what noise does to a handshake, which has no checksum, can hide from
//! two uugates that they are such, and a job has to be known again all the same. No system makes more of the FROM of a
//! spool file than a line of its log, and each has room for a long path there.

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
    pub fn new(ours: &SystemName, stable: StableId, grade: Grade) -> WireNames {
        // `D.0` would be the dummy of the manual.
        let temp = format!("D.{:0>4}", base36(stable.number, 12));
        // A capital X is in no number of ours.
        let execution_temp = format!("D.X{:0>3}", base36(stable.number, 11));
        let name: String = ours.as_str().chars().take(7).collect();
        let tail = format!("{name}{grade}{:0>4}", base36(stable.number, 4));
        WireNames {
            from: format!("D.{stable}"),
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

    /// FROM of a file of the file system, for another uugate: the stable id, and the last part of the path, which is
    /// all that a receiver may need of it.
    pub fn for_file(&self, path: &str) -> String {
        let last = path.rsplit('/').next().unwrap_or_default();
        format!("{}/{last}", self.from)
    }
}

/// The stable id in the FROM of a spool file, and the digest behind it.
pub fn told_by(from: &str) -> Option<(StableId, Option<Digest>)> {
    let (spool, number) = from.strip_prefix("D.")?.split_once('.')?;
    let (number, digest) = match number.split_once('.') {
        Some((number, digest)) => (number, Some(digest.parse().ok()?)),
        None => (number, None),
    };
    let hex = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| plain)
    };
    (spool.len() == 16).then_some(())?;
    Some((StableId { spool: hex(spool)?, number: hex(number)? }, digest))
}

/// The same in the FROM of a file of the file system, as uugates tell it to each other.
pub fn told_by_file(from: &str) -> Option<(StableId, Option<Digest>)> {
    told_by(from.split_once('/')?.0)
}

/// The grade of a job in the TO of its spool files: before the last four characters.
pub fn grade(to: &str) -> Option<Grade> {
    let tail = to.strip_prefix("D.").or_else(|| to.strip_prefix("X."))?;
    Grade::new(tail.chars().rev().nth(4)?)
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
        let names = WireNames::new(&ours, stable, Grade::MAIL);
        assert_eq!((names.data.as_str(), names.execution.as_str()), ("D.barberoCi3v9", "X.barberoCi3v9"));
        assert_eq!((names.temp.as_str(), names.execution_temp.as_str()), ("D.21i3v9", "D.X21i3v9"));
        assert_eq!(names.from, "D.000000000000feed.75bcd15");
        assert_eq!(names.for_file("/home/jan/plan"), "D.000000000000feed.75bcd15/plan");
        assert_eq!((grade(&names.data), grade(&names.execution)), (Some(Grade::MAIL), Some(Grade::MAIL)));
        for other in ["D.x9", "~/alphaN0001", "D.alpha.0001", ""] {
            assert_eq!(grade(other), None, "{other}");
        }
        let small = WireNames::new(&ours, StableId { spool: 1, number: 1 }, Grade::MAIL);
        assert_eq!((small.data.as_str(), small.temp.as_str()), ("D.barberoC0001", "D.0001"));
    }

    proptest! {
        #[test]
        fn a_stable_id_and_a_digest_are_read_back(spool: u64, number: u64, digest: Option<[u8; Digest::LENGTH]>) {
            let ours: SystemName = "leaf".parse().unwrap();
            let stable = StableId { spool, number };
            let digest = digest.map(Digest::from_bytes);
            let names = WireNames::new(&ours, stable, Grade::MAIL).digested(digest);
            prop_assert_eq!(told_by(&names.from), Some((stable, digest)));
            prop_assert_eq!(told_by_file(&names.for_file("/a b/c")), Some((stable, digest)));
            prop_assert!(names.temp.len() <= 14 && names.execution_temp.len() <= 14 && names.data.len() <= 14);
            prop_assert_eq!((told_by(&names.temp), told_by_file("/home/jan/plan")), (None, None));
        }
    }
}
