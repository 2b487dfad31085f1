//! One step of an address: what the host that holds it now is asked to do.

use super::{Address, scan};
use serde::{Deserialize, Serialize};

/// Which mark is read first in `a!b@c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precedence {
    /// `c` is the next host and knows what `a!b` is: RFC 976.
    #[default]
    Domain,
    /// `a` is the next host and is given `b@c`: networks that were bang paths throughout.
    Bang,
}

/// What an address asks of the host that holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A name known here. Without quotes, case kept.
    User(String),
    /// Hand `rest` to the system `hop`.
    Hop { hop: String, rest: Address },
    /// `local` at a domain; `local` is an address for that host. A bare `user%host` is this, too.
    Domain { local: Address, domain: String },
}

/// `text` has been checked.
pub(super) fn of(text: &str, precedence: Precedence) -> Target {
    let name = || Target::User(unquoted(text));
    let Some(parts) = scan::split(text) else { return name() };
    let first_hop = || {
        let (hop, rest) = text.split_once('!')?;
        Some(Target::Hop { hop: hop.to_owned(), rest: Address(rest.to_owned()) })
    };
    let at_domain = |local: &str, domain: &str| Target::Domain {
        local: Address(local.to_owned()),
        domain: domain.to_owned(),
    };
    match (parts.hops, parts.domain) {
        (Some(_), None) => first_hop().unwrap_or_else(name),
        (Some(_), Some(_)) if precedence == Precedence::Bang => first_hop().unwrap_or_else(name),
        (_, Some(domain)) => match text.strip_suffix(domain).and_then(|rest| rest.strip_suffix('@')) {
            Some(local) => at_domain(local, domain),
            None => name(),
        },
        (None, None) => percent(text).unwrap_or_else(name),
    }
}

/// `user%host` without a domain: the last percent sign stands for `@`.
fn percent(text: &str) -> Option<Target> {
    if text.starts_with('"') {
        return None;
    }
    let (user, host) = text.rsplit_once('%')?;
    let whole = Address::parse(&format!("{user}@{host}")).ok()?;
    match of(whole.as_str(), Precedence::Domain) {
        Target::Domain { local, domain } => Some(Target::Domain { local, domain }),
        Target::User(_) | Target::Hop { .. } => None,
    }
}

/// A user part without its quotes and escapes.
fn unquoted(user: &str) -> String {
    let Some(inside) = user.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return user.to_owned();
    };
    let mut plain = String::with_capacity(inside.len());
    let mut escaped = false;
    for c in inside.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            plain.push(c);
        }
    }
    plain
}
