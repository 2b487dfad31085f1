//! What two ends can do together. Source: the manual, "The Initial Handshake".

use std::fmt;

/// The bits of `-N` and `ROKN`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u32);

impl Features {
    /// Sizes are told and refused.
    pub const SIZE: Features = Features(0o1);
    /// A file may be continued.
    pub const RESTART: Features = Features(0o2);
    /// The E command.
    pub const EXECUTE: Features = Features(0o4);
    /// Sizes are decimal.
    pub const DECIMAL: Features = Features(0o10);
    /// An S command has a dummy field before the size (System V Release 4).
    pub const DUMMY: Features = Features(0o20);
    /// The `q` option: quoting in commands.
    pub const QUOTING: Features = Features(0o40);
    /// By this bit uugates know each other. Taylor UUCP ignores it.
    pub const UUGATE: Features = Features(0o2000);

    /// Everything that we can do: 02047.
    pub const OURS: Features = Features(0o2047);
    /// The same for who is not to know that we are a uugate: 047.
    pub const TAYLOR: Features = Features(0o47);
    /// System V Release 4 shows none of these and can do some: 023.
    pub const SVR4: Features = Features(0o23);
    pub const NONE: Features = Features(0);
    /// What `-N` and `ROKN` without a number mean.
    pub const UNNUMBERED: Features = Features(0o11);

    pub fn has(self, bit: Features) -> bool {
        self.0 & bit.0 == bit.0
    }

    /// What both ends can do, given what the peer has said. The two oddities of a peer stay, we obey them.
    pub fn agree(self, peer: Features) -> Features {
        let oddities = Features::DECIMAL.0 | Features::DUMMY.0;
        Features((self.0 & peer.0) | (peer.0 & oddities))
    }

    /// Without what only the private number has, if that is not told.
    pub fn within(self, told: Option<Features>) -> Features {
        match told {
            Some(told) if told.has(Features::UUGATE) => self,
            _ => self.without(Features::UUGATE),
        }
    }

    pub const fn with(self, bit: Features) -> Features {
        Features(self.0 | bit.0)
    }

    pub fn without(self, bit: Features) -> Features {
        Features(self.0 & !bit.0)
    }

    /// Reads the number behind `-N` or `ROKN`: octal, with or without a leading zero; nothing means 011. Unknown
    /// bits are dropped; a number over 32 bits or with other characters is no number.
    pub fn parse(text: &[u8]) -> Option<Features> {
        if text.is_empty() {
            return Some(Features::UNNUMBERED);
        }
        if text.len() > 12 {
            return None;
        }
        let value = text.iter().try_fold(0_u32, |value, &digit| {
            let digit = char::from(digit).to_digit(8)?;
            value.checked_mul(8)?.checked_add(digit)
        })?;
        let known = Features::OURS.0 | Features::DECIMAL.0 | Features::DUMMY.0;
        Some(Features(value & known))
    }
}

/// How much a system has told of its features: behind `-N` of a caller, or `ROKN` of the called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Told {
    /// It does not know of them.
    #[default]
    Nothing,
    /// Taylor UUCP up to 1.03: it knows no numbers.
    Unnumbered,
    Number(Features),
}

impl Told {
    /// Reads what stands behind the `N`; `None`: it is no octal number.
    pub fn parse(text: &str) -> Option<Told> {
        let features = Features::parse(text.as_bytes())?;
        Some(if text.is_empty() { Told::Unnumbered } else { Told::Number(features) })
    }

    pub fn features(self) -> Features {
        match self {
            Told::Nothing => Features::default(),
            Told::Unnumbered => Features::UNNUMBERED,
            Told::Number(features) => features,
        }
    }
}

impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0{:o}", self.0)
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Features({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_octal_and_a_missing_one_is_011() {
        assert_eq!(Features::parse(b""), Some(Features::UNNUMBERED));
        assert_eq!(Features::parse(b"047").map(|f| f.to_string()), Some("047".to_owned()));
        assert_eq!(Features::parse(b"02047"), Some(Features::OURS));
        assert_eq!(Features::parse(b"0147").map(|f| f.to_string()), Some("047".to_owned()));
        assert_eq!(Features::parse(b"08"), None);
        assert_eq!(Features::parse(b"77777777777"), None);
        assert_eq!(Features::parse(b"0000000000000000000000007"), None);
    }

    #[test]
    fn oddities_of_the_peer_are_obeyed() {
        let agreed = Features::OURS.agree(Features::UNNUMBERED);
        assert!(agreed.has(Features::SIZE) && agreed.has(Features::DECIMAL));
        assert!(!agreed.has(Features::EXECUTE) && !agreed.has(Features::UUGATE));
    }
}
