//! `protocols` and the sections of the protocols, of a line and of a system. What a system says counts before what its
//! line says.

use super::section::Section;
use super::units::{duration, size};
use crate::wire::call::Protocols;
use crate::wire::link::{Change, KNOWN, Kind, Value, settings};

/// The keys of all protocols.
const LETTERS: [&str; 9] = ["i", "t", "e", "g", "G", "v", "y", "j", "f"];

pub fn read(section: &mut Section<'_>) -> Protocols {
    let letters = section.value("protocols", letters).unwrap_or_default();
    let mut changes = Vec::new();
    for (key, letter) in LETTERS.iter().flat_map(|key| key.chars().map(move |letter| (*key, letter))) {
        let Some(mut section) = section.section(key) else { continue };
        for (name, kind) in settings(letter) {
            let value = value(&mut section, name, kind);
            changes.extend(value.map(|value| Change { letter, name, value }));
        }
        section.finish();
    }
    Protocols { letters, changes }
}

fn value(section: &mut Section<'_>, name: &'static str, kind: Kind) -> Option<Value> {
    match kind {
        Kind::Count(least, most) => section.count(name, least..=most).map(Value::Number),
        Kind::Size { least, most, doubled } => {
            section.value(name, |text| size(text).and_then(|bytes| fitting(bytes, least, most, doubled)))
        }
        Kind::Time => section.value(name, duration).map(Value::Time),
        Kind::Truth => section.boolean(name).map(Value::Truth),
        Kind::Characters => section.value(name, characters).map(Value::Characters),
    }
}

fn fitting(bytes: u64, least: u32, most: u32, doubled: bool) -> Result<Value, String> {
    let number = u32::try_from(bytes).ok().filter(|number| (least..=most).contains(number));
    let fits = |number: &u32| if doubled { number.is_power_of_two() } else { number.is_multiple_of(least) };
    number.filter(fits).map(Value::Number).ok_or_else(|| match (doubled, least) {
        (true, _) => {
            format!("write \"{least} B\", \"{} B\", and so on by doubling, up to \"{most} B\"", 2 * least)
        }
        (false, 1) => format!("write \"1 B\" to \"{most} B\""),
        (false, _) => format!("write \"{least} B\", \"{} B\", and so on, up to \"{most} B\"", 2 * least),
    })
}

/// As chat scripts write them: a backslash and three octal digits each.
fn characters(text: &str) -> Result<Vec<u8>, String> {
    let hint =
        r"write each as a backslash and three octal digits, as '\021\023'; printable ones cannot be avoided";
    let one = |escape: &[u8]| {
        let digits = std::str::from_utf8(escape.strip_prefix(b"\\")?).ok()?;
        let whole = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let byte = u8::from_str_radix(digits, 8).ok().filter(|_| whole)?;
        (!(0x20..0x7f).contains(&byte)).then_some(byte)
    };
    text.as_bytes().chunks(4).map(one).collect::<Option<Vec<u8>>>().ok_or_else(|| hint.into())
}

fn letters(text: &str) -> Result<Vec<char>, String> {
    let letters: Vec<char> = text.chars().collect();
    let once = |(at, letter): (usize, &char)| !letters.iter().take(at).any(|before| before == letter);
    let known = letters.iter().all(|letter| KNOWN.contains(*letter));
    if !letters.is_empty() && known && letters.iter().enumerate().all(once) {
        return Ok(letters);
    }
    Err(format!("write letters out of \"{KNOWN}\" in the order of your liking, each once, as \"ig\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_has_its_section() {
        let mut all: Vec<char> = LETTERS.concat().chars().collect();
        let mut known: Vec<char> = KNOWN.chars().collect();
        all.sort_unstable();
        known.sort_unstable();
        assert_eq!(all, known);
    }

    #[test]
    fn lists_name_each_protocol_once() {
        assert_eq!(letters("gi"), Ok(vec!['g', 'i']));
        for wrong in ["", "gg", "a", "i g", "x"] {
            assert!(letters(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_and_characters_are_what_the_protocol_can_use() {
        assert_eq!(fitting(64, 32, 4096, true), Ok(Value::Number(64)));
        assert_eq!(fitting(512, 256, 32_512, false), Ok(Value::Number(512)));
        for (bytes, least, doubled) in [(65, 32, true), (16, 32, true), (8192, 32, true), (300, 256, false)] {
            assert!(fitting(bytes, least, 4096, doubled).is_err(), "{bytes}");
        }
        assert_eq!(characters(r"\021\377"), Ok(vec![0x11, 0xff]));
        for wrong in [r"\21", "x", r"\101", r"\021\", r"\+21", r"\400"] {
            assert!(characters(wrong).is_err(), "{wrong}");
        }
    }
}
