//! How addresses are written for a UUCP neighbour: the four styles that sendmail has, by its names.
//!
//! | style | recipients | sender in From_ | in headers | addresses a job |
//! | --- | --- | --- | --- | --- |
//! | `uucp-old` | bang paths | bang path | bang paths through us | one |
//! | `suucp` | bang paths | bang path | bang paths through us | several |
//! | `uucp-dom` | as they are | as it is | as they are | several |
//! | `uucp-uudom` | as they are | bang path | as they are | several |
//!
//! Source: the README of sendmail's configuration files, "USING UUCP MAILERS".

use super::Address;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The style of one neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressStyle {
    /// For old UUCP software, which takes one address a job.
    UucpOld,
    /// The same for what takes several.
    Suucp,
    /// For whom `user@domain` says everything.
    #[default]
    UucpDom,
    /// For whom it does but in the envelope, from which the path back is made.
    UucpUudom,
}

impl AddressStyle {
    pub const ALL: [AddressStyle; 4] =
        [AddressStyle::UucpOld, AddressStyle::Suucp, AddressStyle::UucpDom, AddressStyle::UucpUudom];

    pub fn named(name: &str) -> Option<AddressStyle> {
        AddressStyle::ALL.into_iter().find(|style| style.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            AddressStyle::UucpOld => "uucp-old",
            AddressStyle::Suucp => "suucp",
            AddressStyle::UucpDom => "uucp-dom",
            AddressStyle::UucpUudom => "uucp-uudom",
        }
    }

    /// Recipients and headers are bang paths.
    pub fn is_bang(self) -> bool {
        matches!(self, AddressStyle::UucpOld | AddressStyle::Suucp)
    }

    /// A recipient, as it stands on the command line of `rmail` there.
    pub fn recipient(self, address: &Address) -> Address {
        if self.is_bang() { as_path(address) } else { address.clone() }
    }

    /// A sender, as it stands in the From_ line before `remote from` and our name. `is_ours` knows our own domains:
    /// `remote from` says them.
    pub fn sender(self, address: &Address, is_ours: impl Fn(&str) -> bool) -> Address {
        if self == AddressStyle::UucpDom {
            return address.clone();
        }
        match (address.domain(), local_of(address)) {
            (Some(domain), Some(local)) if is_ours(domain) => local,
            _ => as_path(address),
        }
    }

    /// An address of a header, as a user of `neighbour` can answer it: by way of us, `node`.
    pub fn in_header(
        self,
        address: &Address,
        node: &str,
        neighbour: &str,
        is_ours: impl Fn(&str) -> bool,
    ) -> Address {
        if !self.is_bang() {
            return address.clone();
        }
        let path = self.sender(address, is_ours);
        let (first, rest) = match path.as_str().split_once('!') {
            Some((first, rest)) => (Some(first), rest),
            None => (None, path.as_str()),
        };
        let is = |name: &str| first.is_some_and(|first| first.eq_ignore_ascii_case(name));
        if is(neighbour) {
            return Address::parse(rest).unwrap_or(path);
        }
        if is(node) { path } else { path.through(node).unwrap_or(path) }
    }
}

impl fmt::Display for AddressStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `c!a!b` for `a!b@c`: the same way, said as a path. What would grow too long or has an address literal stays.
fn as_path(address: &Address) -> Address {
    match (address.domain(), local_of(address)) {
        (Some(domain), Some(local)) => local.through(domain).unwrap_or_else(|_| address.clone()),
        _ => address.clone(),
    }
}

/// What stands before the last `@`.
fn local_of(address: &Address) -> Option<Address> {
    let domain = address.domain()?;
    let local = address.as_str().strip_suffix(domain)?.strip_suffix('@')?;
    Address::parse(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn is_ours(domain: &str) -> bool {
        domain.eq_ignore_ascii_case("polux.example")
    }

    #[test]
    fn recipients_become_paths_where_only_paths_are_known() {
        for (from, bang) in [
            ("bill", "bill"),
            ("far!bill", "far!bill"),
            ("bill@far.example", "far.example!bill"),
            ("a!bill@far.example", "far.example!a!bill"),
            ("bill%b@far.example", "far.example!bill%b"),
            ("bill@[192.0.2.1]", "bill@[192.0.2.1]"),
        ] {
            for style in AddressStyle::ALL {
                let expected = if style.is_bang() { bang } else { from };
                assert_eq!(style.recipient(&address(from)).as_str(), expected, "{style} {from}");
            }
        }
    }

    #[test]
    fn senders_and_headers_lead_back_through_us() {
        for (from, sender, header) in [
            ("jan@polux.example", "jan", "polux!jan"),
            ("jan", "jan", "polux!jan"),
            ("joe@far.example", "far.example!joe", "polux!far.example!joe"),
            ("leaf!joe", "leaf!joe", "polux!leaf!joe"),
            ("polux!joe", "polux!joe", "polux!joe"),
            ("sun!bill", "sun!bill", "bill"),
        ] {
            for style in AddressStyle::ALL {
                let address = address(from);
                let is_dom = style == AddressStyle::UucpDom;
                let expected = if is_dom { from } else { sender };
                assert_eq!(style.sender(&address, is_ours).as_str(), expected, "{style} {from}");
                let expected = if style.is_bang() { header } else { from };
                let shown = style.in_header(&address, "polux", "sun", is_ours);
                assert_eq!(shown.as_str(), expected, "{style} {from}");
            }
        }
    }

    #[test]
    fn every_style_is_known_by_its_name() {
        for style in AddressStyle::ALL {
            assert_eq!(AddressStyle::named(style.name()), Some(style));
        }
        assert_eq!(AddressStyle::named("uucp"), None);
    }

    proptest! {
        /// Whatever comes out is an address again, and a bang style leaves no `@` of a domain name.
        #[test]
        fn every_style_gives_an_address(text in "([a-c]{1,3}!){0,3}[a-c%]{1,4}(@[a-c]{1,3}(\\.[a-c]{1,3}){0,2})?", number in 0usize..4) {
            let Ok(address) = Address::parse(&text) else { return Ok(()) };
            let style = AddressStyle::ALL[number];
            for written in [
                style.recipient(&address),
                style.sender(&address, is_ours),
                style.in_header(&address, "polux", "sun", is_ours),
            ] {
                prop_assert_eq!(Address::parse(written.as_str()), Ok(written.clone()));
                prop_assert!(!style.is_bang() || written.domain().is_none());
            }
        }
    }
}
