//! `[dialling]` and `[dial-codes]`: what may be dialled, and short names for what numbers begin with.
//!
//! Calls abroad and to premium numbers cost more than a mistake in a configuration should: they are refused unless they are
//! allowed. The codes are those of the Taylor UUCP manual, "Configuration File Overview" (`dialcode`).

use super::findings::Findings;
use super::section::Section;
use crate::wire::modem::{Number, Profile};
use std::collections::BTreeMap;

/// What is refused if nothing is said: international (`+`, 00, 011) and premium numbers (Germany 0190 and 0900, North America
/// 1-900 and 1-976). Other countries have others.
const USUALLY_REFUSED: [&str; 7] = ["+", "00", "011", "0190", "0900", "1900", "1976"];

/// How to write a number.
pub const HINT: &str = "write digits, with * # + , W T P and blanks where needed, as \"0 555 1234\"; it may begin with a name from [dial-codes]";

#[derive(Debug, Clone, Default)]
pub struct Dialling {
    codes: BTreeMap<String, String>,
    refuse: Vec<String>,
    allow: Vec<String>,
}

impl Dialling {
    pub fn read(root: &mut Section<'_>, findings: &Findings) -> Dialling {
        let codes = root.section("dial-codes").map(|section| read_codes(section, findings));
        let lists = root.section("dialling").map(|mut section| {
            let lists = (section.list("refuse", beginning), section.list("allow", beginning));
            section.finish();
            lists
        });
        let (refuse, allow) = lists.unwrap_or_default();
        let usual = || USUALLY_REFUSED.map(str::to_owned).to_vec();
        Dialling {
            codes: codes.unwrap_or_default(),
            refuse: refuse.unwrap_or_else(usual),
            allow: allow.unwrap_or_default(),
        }
    }

    /// What a modem is told to dial for a number as it is written.
    pub fn number(&self, text: &str) -> Result<String, String> {
        let word = text.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (code, rest) = text.split_at(word);
        let number = match self.codes.get(code) {
            Some(beginning) => format!("{beginning}{rest}"),
            None => text.to_owned(),
        };
        // Which of these characters the modem takes is for the lines of the system to say.
        let printable: String = (' '..='~').collect();
        Number::parse(&number, &printable).map_err(|_| HINT)?;
        self.permit(&number)?;
        Ok(number)
    }

    /// Whether a number may be dialled behind the prefix of a line. One that ends with a pause or a wait gets out of a PBX, and
    /// what follows is a number by itself.
    pub fn behind(&self, prefix: &str, number: &str) -> Result<(), String> {
        match prefix.ends_with([',', 'W', 'w', '@']) {
            true => self.permit(prefix),
            false => self.permit(&format!("{prefix}{number}")).map_err(|hint| {
                format!("{hint}; if `dial-prefix` gets out of a PBX, let it end with W or a comma")
            }),
        }
    }

    /// Refuses what is dear, at the beginning and behind all that may get an outside line or end a code: 9W, *31#.
    fn permit(&self, dialled: &str) -> Result<(), String> {
        let is_mark = |c: char| !(c.is_ascii_digit() || " -().:+".contains(c));
        // W waits for another dial tone: there a number ends for certain.
        for run in dialled.split(['W', 'w']) {
            let behind_marks = run.match_indices(is_mark).filter_map(|(at, mark)| run.get(at + mark.len()..));
            for rest in [run].into_iter().chain(behind_marks) {
                let rest = digits(rest);
                let begins = |with: &&String| rest.starts_with(with.as_str());
                match self.refuse.iter().find(begins) {
                    Some(refused) if !self.allow.iter().any(|allowed| begins(&allowed)) => {
                        return Err(format!(
                            "numbers that begin with {refused} are not dialled; if this one is meant, write [dialling] allow = [\"{rest}\"]"
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn read_codes(section: Section<'_>, findings: &Findings) -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for entry in section.entries() {
        let named = !entry.key.is_empty() && entry.key.bytes().all(|b| b.is_ascii_alphabetic());
        match entry.texts.as_slice() {
            [number] if named && is_dialled(number) => {
                codes.insert(entry.key, number.clone());
            }
            _ => findings.error(
                entry.span,
                "a dial code is a name of letters for digits",
                "write it as home = \"030\"",
            ),
        }
    }
    codes
}

/// What a number begins with.
fn beginning(text: &str) -> Result<String, String> {
    match is_dialled(text) || text == "+" {
        true => Ok(digits(text)),
        false => Err("write the first digits of a number, as \"0900\", or \"+\"".into()),
    }
}

/// What a modem of the usual kind may be told to dial: digits, pauses and tone marks, never `;` or a line end.
pub fn is_dialled(text: &str) -> bool {
    Number::parse(text, &Profile::generic().number_characters).is_ok()
}

fn digits(number: &str) -> String {
    number.chars().filter(|c| c.is_ascii_digit() || "*#+".contains(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialling() -> Dialling {
        Dialling {
            codes: [("home", "030-"), ("pbx", "9W")]
                .map(|(name, is)| (name.to_owned(), is.to_owned()))
                .into(),
            refuse: USUALLY_REFUSED.map(str::to_owned).to_vec(),
            allow: vec!["00358".to_owned()],
        }
    }

    #[test]
    fn a_dial_code_stands_for_the_beginning_of_a_number() {
        assert_eq!(dialling().number("home555 1"), Ok("030-555 1".to_owned()));
        assert_eq!(dialling().number("T555"), Ok("T555".to_owned()), "a tone mark is no code");
        assert_eq!(
            dialling().number("bbs.example:23"),
            Ok("bbs.example:23".to_owned()),
            "some modems dial names"
        );
    }

    #[test]
    fn dear_numbers_are_dialled_only_if_they_are_allowed() {
        for refused in ["0900 123", "+49 30", "0 0 1", "1-900-5551", "011 44"] {
            assert!(dialling().number(refused).is_err_and(|hint| hint.contains("allow")), "{refused}");
        }
        for fine in ["00358 9 1234", "09 0", "5551", "0,5551"] {
            assert!(dialling().number(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn nor_behind_what_gets_an_outside_line() {
        let hidden =
            ["9W0900123", "9,0900123", "*31#0900123", "pbx0900123", "9,+49 30", "1,900-5551", "9,W,011 44"];
        for refused in hidden {
            assert!(dialling().number(refused).is_err(), "{refused}");
        }
        for (prefix, number) in [("0900", "123"), ("9W0", "900 123"), ("00", "49 30"), ("0", "0 49 30")] {
            assert!(dialling().behind(prefix, number).is_err(), "{prefix} {number}");
        }
        for fine in ["0W030 5551", "9W00358 9 1234", "*31#5551", "030 0110 55"] {
            assert!(dialling().number(fine).is_ok(), "{fine}");
        }
        for (prefix, number) in [("0W", "030 5551"), ("0,", "030 5551"), ("9", "030 5551"), ("9W", "00358 9")]
        {
            assert!(dialling().behind(prefix, number).is_ok(), "{prefix} {number}");
        }
    }

    #[test]
    fn nothing_but_a_number_reaches_the_modem() {
        for bad in ["555;H0", "555\rATH", "", "w", &"1".repeat(61)] {
            assert!(dialling().number(bad).is_err(), "{bad:?}");
        }
    }
}
