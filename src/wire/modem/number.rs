//! Telephone numbers, and what may stand in one.
//!
//! A number becomes part of an AT command; a `;` or a carriage return in it would begin another one. So only
//! listed characters pass, and numbers come from our own configuration alone, never from a peer.

use std::fmt;

/// Longest number; V.250 promises dial strings of at least 40 characters.
pub const LONGEST: usize = 60;

/// A number that may be dialled: digits, letters and punctuation of the profile's list, with at least one digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(String);

/// Why a text is no number to dial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    #[error("the number {number:?} holds {character:?}, which may not be dialled (allowed: {allowed:?})")]
    Character { number: String, character: char, allowed: String },
    #[error("the number {number:?} holds no digit")]
    NoDigit { number: String },
    #[error("the number is longer than {LONGEST} characters")]
    TooLong,
}

impl Number {
    /// `allowed` is [`super::Profile::number_characters`].
    pub fn parse(text: &str, allowed: &str) -> Result<Number, NumberError> {
        if text.len() > LONGEST {
            return Err(NumberError::TooLong);
        }
        let number = || text.to_owned();
        // Whatever a configuration allows, a control character or `;` never reaches the modem.
        let may = |c: char| allowed.contains(c) && c.is_ascii() && !c.is_ascii_control() && c != ';';
        if let Some(character) = text.chars().find(|c| !may(*c)) {
            return Err(NumberError::Character { number: number(), character, allowed: allowed.to_owned() });
        }
        if !text.chars().any(|c| c.is_ascii_digit()) {
            return Err(NumberError::NoDigit { number: number() });
        }
        Ok(Number(number()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_characters_are_dialled() {
        let allowed = "0123456789*#,WTP@!()- ;";
        assert_eq!(Number::parse("0W(030) 55-51", allowed).unwrap().as_str(), "0W(030) 55-51");
        for bad in ["900;H0", "1\rATH", "55+", "", "--", "٣", "+++"] {
            assert!(Number::parse(bad, allowed).is_err(), "{bad:?}");
        }
        assert_eq!(Number::parse(&"1".repeat(61), allowed), Err(NumberError::TooLong));
    }
}
