//! The grammar of an address, in one pass over its bytes.
//!
//! ```text
//! address  = *( host "!" ) user [ "@" domain ]
//! user     = quoted / word          word: atext and "."; quoted: "..." with \ escapes
//! domain   = label *( "." label ) / "[" literal "]"
//! ```

use super::{ADDRESS_MAX, AddressError, DOMAIN_MAX, HOP_MAX, USER_MAX};

/// The parts of an address, as they stand in the text. `hops` has no final `!`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub hops: Option<&'a str>,
    pub user: &'a str,
    pub domain: Option<&'a str>,
}

/// Drops `@a,@b:` before an address.
pub(super) fn without_source_route(text: &str) -> Result<&str, AddressError> {
    if text.len() > ADDRESS_MAX {
        return Err(AddressError::TooLong { limit: ADDRESS_MAX });
    }
    if !text.starts_with('@') {
        return Ok(text);
    }
    let (route, rest) = text.split_once(':').ok_or_else(|| AddressError::Malformed(excerpt(text)))?;
    for hop in route.split(',') {
        check_domain(hop.strip_prefix('@').ok_or_else(|| AddressError::Malformed(excerpt(text)))?)?;
    }
    Ok(rest)
}

/// Takes a text apart without judging the parts; `None` if quotes do not match.
pub(super) fn split(text: &str) -> Option<Parts<'_>> {
    let mut quoted = false;
    let mut escaped = false;
    let (mut last_bang, mut last_at) = (None, None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'!' if !quoted && last_at.is_none() => last_bang = Some(at),
            b'@' if !quoted => last_at = Some(at),
            _ => {}
        }
    }
    if quoted {
        return None;
    }
    let (path, domain) = match last_at {
        Some(at) => (text.get(..at)?, Some(text.get(at + 1..)?)),
        None => (text, None),
    };
    let (hops, user) = match last_bang {
        Some(at) => (Some(path.get(..at)?), path.get(at + 1..)?),
        None => (None, path),
    };
    Some(Parts { hops, user, domain })
}

/// Checks a whole address.
pub(super) fn check(text: &str) -> Result<(), AddressError> {
    if text.is_empty() {
        return Err(AddressError::Empty);
    }
    if !text.is_ascii() {
        return Err(AddressError::NotAscii(excerpt(text)));
    }
    if text.bytes().any(|b| !(b' '..=b'~').contains(&b)) {
        return Err(AddressError::Character(excerpt(text)));
    }
    let parts = split(text).ok_or_else(|| AddressError::Malformed(excerpt(text)))?;
    for hop in parts.hops.iter().flat_map(|hops| hops.split('!')) {
        check_hop(hop)?;
    }
    check_user(parts.user, text)?;
    parts.domain.map_or(Ok(()), check_domain)
}

/// A host in a bang path: a system name.
fn check_hop(hop: &str) -> Result<(), AddressError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let starts_well = hop.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if starts_well && hop.len() <= HOP_MAX && hop.bytes().all(plain) {
        Ok(())
    } else {
        Err(AddressError::Host(excerpt(hop)))
    }
}

fn check_user(user: &str, text: &str) -> Result<(), AddressError> {
    if user.is_empty() {
        return Err(AddressError::Malformed(excerpt(text)));
    }
    if user.len() > USER_MAX {
        return Err(AddressError::TooLong { limit: USER_MAX });
    }
    let plain = if user.starts_with('"') {
        // Quotes were matched by `split`; what follows the closing one would be a word glued to it.
        let inside = user.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inside = inside.filter(|inside| !inside.is_empty() && quotes_are_escaped(inside));
        inside.ok_or_else(|| AddressError::Malformed(excerpt(text)))?
    } else {
        let good = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
        if !user.bytes().all(good) {
            return Err(AddressError::Character(excerpt(text)));
        }
        user
    };
    if plain.trim_start_matches(['\\', ' ']).starts_with(['-', '|', '/']) {
        return Err(AddressError::Start(excerpt(text)));
    }
    Ok(())
}

/// Inside a quoted string, each quote has a backslash before it and the last backslash something after it.
fn quotes_are_escaped(inside: &str) -> bool {
    let mut escaped = false;
    for byte in inside.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return false,
            _ => {}
        }
    }
    !escaped
}

/// A domain name, or an address literal in brackets.
fn check_domain(domain: &str) -> Result<(), AddressError> {
    let wrong = || Err(AddressError::Host(excerpt(domain)));
    if domain.len() > DOMAIN_MAX {
        return wrong();
    }
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-');
        return if !literal.is_empty() && literal.bytes().all(good) { Ok(()) } else { wrong() };
    }
    let label_is_good = |label: &str| {
        label.len() <= 63
            && label.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    if domain.split('.').all(label_is_good) { Ok(()) } else { wrong() }
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}
