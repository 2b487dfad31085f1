//! What the answer to `AT` shows of whoever gave it.

use crate::wire::modem::reply::{self, Reply};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Silence,
    /// A modem in command state.
    Ok {
        /// It gives back what it is told.
        echo: bool,
        /// Results are numbers (`ATV0`).
        numbers: bool,
    },
    /// What was sent came back, and no more.
    EchoAlone,
    /// `OK` is in it if each byte is taken for seven bits and this parity.
    SevenBits {
        format: &'static str,
    },
    /// Text, but not that of a modem in command state.
    Other(String),
    /// No text.
    Garbage,
}

/// Reads what was heard after `AT`.
pub fn answer(heard: &[u8]) -> Answer {
    let lines = lines(heard);
    if lines.is_empty() {
        return Answer::Silence;
    }
    let strange = heard.iter().filter(|byte| !matches!(byte, b' '..=b'~' | b'\r' | b'\n' | 0)).count();
    let result = lines.iter().rfind(|line| reply::parse(line) == Reply::Ok);
    match result {
        Some(_) if heard.iter().any(|byte| *byte >= 0x80) && strange > 0 => {
            parity(heard).map_or(Answer::Garbage, |format| Answer::SevenBits { format })
        }
        Some(line) => {
            Answer::Ok { echo: lines.iter().any(|line| is_echo(line)), numbers: line.as_slice() == b"0" }
        }
        None if strange * 4 >= heard.len() => Answer::Garbage,
        None if lines.iter().all(|line| is_echo(line)) => Answer::EchoAlone,
        None => {
            let text: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
            Answer::Other(text.join(" / "))
        }
    }
}

/// The lines that are not empty, each without blanks around it.
fn lines(heard: &[u8]) -> Vec<Vec<u8>> {
    let ends = |byte: &u8| matches!(byte & 0x7f, b'\r' | b'\n' | 0);
    heard.split(ends).map(|line| line.trim_ascii().to_vec()).filter(|line| !line.is_empty()).collect()
}

fn is_echo(line: &[u8]) -> bool {
    line.eq_ignore_ascii_case(b"AT")
}

/// The parity that all bytes have, if it is one.
fn parity(bytes: &[u8]) -> Option<&'static str> {
    let odd = bytes.iter().filter(|byte| byte.count_ones() % 2 == 1).count();
    match odd {
        0 => Some("7E1"),
        all if all == bytes.len() => Some("7O1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modem_says_ok_in_words_or_numbers_with_its_echo_or_without() {
        for (heard, echo, numbers) in [
            (&b"\r\nOK\r\n"[..], false, false),
            (b"AT\r\r\nOK\r\n", true, false),
            (b"AT\r0\r", true, true),
            (b"0\r", false, true),
            // The rest of something before.
            (b"\r\nNO CARRIER\r\nAT\r\r\nOK\r\n", true, false),
        ] {
            assert_eq!(answer(heard), Answer::Ok { echo, numbers }, "{}", heard.escape_ascii());
        }
    }

    #[test]
    fn silence_echo_and_other_text_are_told_apart() {
        assert_eq!(answer(b""), Answer::Silence);
        assert_eq!(answer(b"\r\n\0"), Answer::Silence);
        assert_eq!(answer(b"AT\r"), Answer::EchoAlone);
        assert_eq!(answer(b"\r\npolux login: "), Answer::Other("polux login:".to_owned()));
        assert_eq!(answer(b"AT\r\r\nERROR\r\n"), Answer::Other("AT / ERROR".to_owned()));
    }

    #[test]
    fn what_is_no_text_is_another_speed_or_another_format() {
        assert_eq!(answer(&[0xfe, 0x1c, 0xe0, 0x00, 0xfe]), Answer::Garbage);
        let even: Vec<u8> = b"\r\nOK\r\n".iter().map(|b| b | ((b.count_ones() as u8 & 1) << 7)).collect();
        assert_eq!(answer(&even), Answer::SevenBits { format: "7E1" });
        let odd: Vec<u8> = b"\r\nOK\r\n".iter().map(|b| b | ((!b.count_ones() as u8 & 1) << 7)).collect();
        assert_eq!(answer(&odd), Answer::SevenBits { format: "7O1" });
    }
}
