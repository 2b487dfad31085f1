//! What a sender asks to be told about his mail: RFC 3461, the parameters RET, ENVID, NOTIFY and ORCPT.
//!
//! Each kind is parsed from parameters of MAIL or RCPT, and prints as they are written there, in which form the spool
//! keeps it and the next host is told it.

use super::command::Parameter;
use std::fmt;
use std::str::FromStr;

/// The longest ENVID, in bytes: RFC 3461 section 4.4.
const ENVID_MAX: usize = 100;
/// The longest ORCPT, in bytes: RFC 3461 section 4.2.
const ORCPT_MAX: usize = 500;

/// Why a parameter is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    #[error("RET is FULL or HDRS")]
    Ret,
    #[error("ENVID is xtext of at most {ENVID_MAX} bytes")]
    Envid,
    #[error("NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")]
    Notify,
    #[error("ORCPT is a type and an address, as rfc822;joe@host, of at most {ORCPT_MAX} bytes")]
    Orcpt,
    #[error("the same parameter stands there twice")]
    Twice,
}

/// How much of a message a report gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    Full,
    Headers,
}

/// What goes for all recipients of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageNotice {
    /// RET.
    pub returned: Option<Returned>,
    /// ENVID, as xtext: what the sender knows the message by.
    pub envelope_id: Option<String>,
}

/// NOTIFY: about what a recipient's fate the sender wants to hear. Nothing set: NEVER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

/// What goes for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipientNotice {
    /// NOTIFY; without it the sender hears of failures and delays.
    pub notify: Option<Notify>,
    /// ORCPT, as a type and xtext: the recipient as the sender wrote him.
    pub original: Option<String>,
}

impl MessageNotice {
    /// Takes a parameter of MAIL; false if it is none of these.
    pub fn take(&mut self, parameter: &Parameter) -> Result<bool, NoticeError> {
        let value = parameter.value.as_deref().unwrap_or_default();
        match parameter.keyword.as_str() {
            "RET" => {
                let returned = match value.to_ascii_uppercase().as_str() {
                    "FULL" => Returned::Full,
                    "HDRS" => Returned::Headers,
                    _ => return Err(NoticeError::Ret),
                };
                once(&mut self.returned, returned)?;
            }
            "ENVID" => {
                if value.is_empty() || value.len() > ENVID_MAX || !is_xtext(value) {
                    return Err(NoticeError::Envid);
                }
                once(&mut self.envelope_id, value.to_owned())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl RecipientNotice {
    /// Takes a parameter of RCPT; false if it is none of these.
    pub fn take(&mut self, parameter: &Parameter) -> Result<bool, NoticeError> {
        let value = parameter.value.as_deref().unwrap_or_default();
        match parameter.keyword.as_str() {
            "NOTIFY" => once(&mut self.notify, Notify::parse(value)?)?,
            "ORCPT" => {
                let (kind, address) = value.split_once(';').ok_or(NoticeError::Orcpt)?;
                let is_atom = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
                let sound = !kind.is_empty() && kind.bytes().all(is_atom) && !address.is_empty();
                if !sound || value.len() > ORCPT_MAX || !is_xtext(address) {
                    return Err(NoticeError::Orcpt);
                }
                once(&mut self.original, value.to_owned())?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl Notify {
    fn parse(value: &str) -> Result<Notify, NoticeError> {
        let mut notify = Notify { success: false, failure: false, delay: false };
        if value.eq_ignore_ascii_case("NEVER") {
            return Ok(notify);
        }
        for word in value.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                _ => return Err(NoticeError::Notify),
            }
        }
        Ok(notify)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), NoticeError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(NoticeError::Twice),
    }
}

/// RFC 3461 section 4: printable ASCII but `=`, and `+` only before two hexadecimal digits in capitals.
pub fn is_xtext(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let hex = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        match byte {
            b'+' if hex(bytes.next()) && hex(bytes.next()) => {}
            b'+' | b'=' => return false,
            _ if byte.is_ascii_graphic() => {}
            _ => return false,
        }
    }
    true
}

impl fmt::Display for MessageNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let returned = self.returned.map(|returned| match returned {
            Returned::Full => "RET=FULL".to_owned(),
            Returned::Headers => "RET=HDRS".to_owned(),
        });
        let id = self.envelope_id.as_ref().map(|id| format!("ENVID={id}"));
        joined(f, [returned, id])
    }
}

impl fmt::Display for RecipientNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notify = self.notify.map(|Notify { success, failure, delay }| {
            let words = [(success, "SUCCESS"), (failure, "FAILURE"), (delay, "DELAY")];
            let words: Vec<&str> = words.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect();
            let words = if words.is_empty() { "NEVER".to_owned() } else { words.join(",") };
            format!("NOTIFY={words}")
        });
        let original = self.original.as_ref().map(|original| format!("ORCPT={original}"));
        joined(f, [notify, original])
    }
}

fn joined(f: &mut fmt::Formatter<'_>, parameters: [Option<String>; 2]) -> fmt::Result {
    f.write_str(&parameters.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

impl FromStr for MessageNotice {
    type Err = NoticeError;

    /// Reads back what was printed.
    fn from_str(text: &str) -> Result<Self, NoticeError> {
        let mut notice = MessageNotice::default();
        parameters(text).try_for_each(|parameter| notice.take(&parameter).map(drop))?;
        Ok(notice)
    }
}

impl FromStr for RecipientNotice {
    type Err = NoticeError;

    /// Reads back what was printed.
    fn from_str(text: &str) -> Result<Self, NoticeError> {
        let mut notice = RecipientNotice::default();
        parameters(text).try_for_each(|parameter| notice.take(&parameter).map(drop))?;
        Ok(notice)
    }
}

fn parameters(text: &str) -> impl Iterator<Item = Parameter> {
    text.split_ascii_whitespace().map(|word| {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        Parameter { keyword: keyword.to_ascii_uppercase(), value: Some(value.to_owned()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_asked_prints_as_it_was_written() {
        for text in ["", "RET=FULL", "RET=HDRS ENVID=QQ314159", "ENVID=a+2Bb"] {
            assert_eq!(text.parse::<MessageNotice>().unwrap().to_string(), text);
        }
        for text in
            ["NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Bob@Dobbs.com", "ORCPT=x400;+3D"]
        {
            assert_eq!(text.parse::<RecipientNotice>().unwrap().to_string(), text);
        }
        let two: RecipientNotice = "notify=delay,success".parse().unwrap();
        assert_eq!(two.notify, Some(Notify { success: true, failure: false, delay: true }));
    }

    #[test]
    fn what_the_grammar_does_not_have_is_refused() {
        for (text, error) in [
            ("RET=SOME", NoticeError::Ret),
            ("RET", NoticeError::Ret),
            ("RET=FULL RET=FULL", NoticeError::Twice),
            ("ENVID=", NoticeError::Envid),
            ("ENVID=a+2b", NoticeError::Envid),
            ("ENVID=a+", NoticeError::Envid),
            ("ENVID=jos\u{e9}", NoticeError::Envid),
        ] {
            assert_eq!(text.parse::<MessageNotice>(), Err(error), "{text}");
        }
        assert_eq!(format!("ENVID={}", "x".repeat(101)).parse::<MessageNotice>(), Err(NoticeError::Envid));
        for (text, error) in [
            ("NOTIFY=NEVER,SUCCESS", NoticeError::Notify),
            ("NOTIFY=", NoticeError::Notify),
            ("NOTIFY=SUCCESS,", NoticeError::Notify),
            ("NOTIFY=DELAY NOTIFY=DELAY", NoticeError::Twice),
            ("ORCPT=bob@dobbs.com", NoticeError::Orcpt),
            ("ORCPT=;bob", NoticeError::Orcpt),
            ("ORCPT=rfc822;", NoticeError::Orcpt),
            ("ORCPT=rfc822;a=b", NoticeError::Orcpt),
            ("ORCPT=rf c822;b", NoticeError::Orcpt),
        ] {
            assert_eq!(text.parse::<RecipientNotice>(), Err(error), "{text}");
        }
        let long = format!("ORCPT=rfc822;{}", "x".repeat(500));
        assert_eq!(long.parse::<RecipientNotice>(), Err(NoticeError::Orcpt));
    }

    proptest! {
        #[test]
        fn what_was_read_is_read_again(text in "((RET|ENVID|NOTIFY|ORCPT)=[A-Za-z;,+0-9=]{0,12} ?){0,3}") {
            if let Ok(notice) = text.parse::<MessageNotice>() {
                prop_assert_eq!(notice.to_string().parse(), Ok(notice));
            }
            if let Ok(notice) = text.parse::<RecipientNotice>() {
                prop_assert_eq!(notice.to_string().parse(), Ok(notice));
            }
        }
    }
}
