//! Mail addresses as they meet at a gateway: `user@host`, `a!b!user`, `user%host@relay`, and mixtures.
//!
//! An [`Address`] is a checked text; what it means is asked one step at a time with [`Address::target`], for
//! every host on the way looks only at its own next step. So a path of any shape is walked by a loop that
//! makes the text shorter each time, never by recursion.
//!
//! Sources: RFC 5321 section 4.1.2 (mailbox, source route) and 4.5.3.1 (lengths), RFC 976 (bang paths, and `@`
//! before `!` in `a!b@c`), RFC 1123 section 5.2.16 (percent form). Source routes (`@r:u@h`) are accepted and
//! dropped, as RFC 5321 appendix C wants. Addresses are ASCII; SMTPUTF8 is not offered.

mod error;
mod scan;
mod style;
mod target;

pub use error::AddressError;
pub use style::AddressStyle;
pub use target::{Precedence, Target};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest address, in bytes. RFC 5321 section 4.5.3.1.3 asks for at least 256; bang paths grow with each hop.
pub const ADDRESS_MAX: usize = 512;
/// The longest user part, in bytes. RFC 5321 section 4.5.3.1.1 asks for at least 64; list software sends longer ones.
pub const USER_MAX: usize = 255;
/// The longest domain, in bytes: RFC 5321 section 4.5.3.1.2.
pub const DOMAIN_MAX: usize = 255;
/// The longest name of one host in a bang path, in bytes: what a UUCP system name may have.
pub const HOP_MAX: usize = 64;

/// A checked mail address.
///
/// Holds no control character, no byte above 126, no line end; neither it nor its user part begins with `-`,
/// `|` or `/`, whatever hops stand before, so that no rest of it can pass for an option, a program or a file.
/// Two addresses are equal if their texts are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

impl Address {
    /// Reads an address, without angle brackets. A source route before it is dropped.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        let text = scan::without_source_route(text)?;
        scan::check(text)?;
        Ok(Address(text.to_owned()))
    }

    /// The text, as it is written inside angle brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What this address asks of the host that holds it now.
    pub fn target(&self, precedence: Precedence) -> Target {
        target::of(&self.0, precedence)
    }

    /// What stands after the last `@`: where the whole network looks for this address. A path or a bare name has none.
    pub fn domain(&self) -> Option<&str> {
        scan::split(&self.0)?.domain
    }

    /// `hop!self`: how the next system answers to an address known here. Fails if that grows too long, or if
    /// `hop` is no host name.
    pub fn through(&self, hop: &str) -> Result<Address, AddressError> {
        Address::parse(&format!("{hop}!{}", self.0))
    }

    /// True if it may stand as one word on a command line that a stranger's program reads: no blank, quote,
    /// parenthesis, or character that a shell acts on. Only such an address can be given to `rmail`.
    pub fn is_command_word(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#%*+-/=?^_{}~.@'[]:,".contains(&b))
    }

    /// True for `MAILER-DAEMON` at any host and in any case: the name under which programs send what must not be answered.
    pub(crate) fn is_mailer_daemon(&self) -> bool {
        let path = self.0.rsplit_once('@').map_or(self.0.as_str(), |(user, _)| user);
        let user = path.rsplit_once('!').map_or(path, |(_, user)| user);
        user.eq_ignore_ascii_case("MAILER-DAEMON")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        Address::parse(text)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Address, AddressError> {
        Address::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
