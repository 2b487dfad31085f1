//! Addresses that are other outside than inside.
//!
//! | table | from | to | where |
//! | --- | --- | --- | --- |
//! | `domains` | an old domain | the new one | every address: envelope, headers |
//! | `generics` | an internal sender | the public one | envelope sender, sender fields |
//! | `visible-name` | our names, and those of hidden hosts | one name | envelope sender, sender fields |
//! | `canonical` | a public recipient | the internal one | envelope recipients |
//!
//! Each address is rewritten once: what comes out of a table is not looked up in it again. So a reply to a public sender
//! comes back to the internal one through `canonical`, and out again through `generics`.

use super::Tables;
use crate::post::address::Address;
use std::collections::BTreeMap;

/// What is rewritten at this site. Keys are in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewriting {
    /// Stands in place of our names and of hidden ones.
    pub visible_name: Option<String>,
    /// Hosts behind the visible name, `.domain` for all in it. Our own names always are.
    pub hidden: Vec<String>,
    /// `user@host`, or `user` for one of our own names.
    pub generics: BTreeMap<String, Address>,
    pub canonical: BTreeMap<String, Address>,
    pub domains: BTreeMap<String, String>,
    /// Header fields beside those of the sender in which `generics` and the visible name count too.
    pub headers: Vec<String>,
}

impl Rewriting {
    /// True if nothing is ever rewritten.
    pub fn is_empty(&self) -> bool {
        let Rewriting { visible_name, hidden: _, generics, canonical, domains, headers: _ } = self;
        visible_name.is_none() && generics.is_empty() && canonical.is_empty() && domains.is_empty()
    }

    fn in_new_domain(&self, address: &Address) -> Address {
        let new = address.domain().and_then(|domain| self.domains.get(&Tables::key(domain)));
        new.and_then(|new| at(address, new)).unwrap_or_else(|| address.clone())
    }

    fn is_hidden(&self, domain: &str) -> bool {
        let domain = Tables::key(domain);
        self.hidden.iter().any(|hidden| match hidden.strip_prefix('.') {
            Some(_) => domain.ends_with(hidden.as_str()),
            None => domain == *hidden,
        })
    }
}

impl Tables {
    /// A sender as the world knows it.
    pub fn public_sender(&self, sender: &Address) -> Address {
        let rewriting = &self.rewriting;
        let sender = rewriting.in_new_domain(sender);
        let is_ours = sender.domain().is_some_and(|domain| self.is_ours(domain));
        let user = sender.domain().filter(|_| is_ours).and_then(|domain| before(&sender, domain));
        let keys = [Some(sender.as_str()), user];
        if let Some(public) =
            keys.into_iter().flatten().find_map(|key| rewriting.generics.get(&Tables::key(key)))
        {
            return public.clone();
        }
        match (&rewriting.visible_name, sender.domain()) {
            (Some(name), Some(domain)) if is_ours || rewriting.is_hidden(domain) => {
                at(&sender, name).unwrap_or(sender)
            }
            _ => sender,
        }
    }

    /// A recipient as it is known inside.
    pub fn inner_recipient(&self, recipient: &Address) -> Address {
        let recipient = self.rewriting.in_new_domain(recipient);
        self.rewriting.canonical.get(&Tables::key(recipient.as_str())).cloned().unwrap_or(recipient)
    }

    /// An address of a header field.
    pub fn in_header(&self, field: &str, is_of_sender: bool, address: &Address) -> Address {
        let chosen = || self.rewriting.headers.iter().any(|name| name.eq_ignore_ascii_case(field));
        if is_of_sender || chosen() {
            self.public_sender(address)
        } else {
            self.rewriting.in_new_domain(address)
        }
    }
}

/// What stands before `@domain`.
fn before<'a>(address: &'a Address, domain: &str) -> Option<&'a str> {
    address.as_str().strip_suffix(domain)?.strip_suffix('@')
}

/// The same user at another domain.
fn at(address: &Address, domain: &str) -> Option<Address> {
    let user = before(address, address.domain()?)?;
    Address::parse(&format!("{user}@{domain}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn site() -> Tables {
        let mut tables = Tables::new("polux".parse().unwrap());
        tables.domains = vec!["polux.example".to_owned(), "mail.example".to_owned()];
        let entries = |list: &[(&str, &str)]| {
            list.iter().map(|(from, to)| ((*from).to_owned(), address(to))).collect::<BTreeMap<_, _>>()
        };
        tables.rewriting = Rewriting {
            visible_name: Some("mail.example".to_owned()),
            hidden: vec![".lan.example".to_owned(), "leaf.example".to_owned()],
            generics: entries(&[
                ("jan", "Jan.Bart@mail.example"),
                ("op@leaf.example", "operator@mail.example"),
            ]),
            canonical: entries(&[
                ("jan.bart@mail.example", "jan@polux.example"),
                ("operator@mail.example", "op@leaf.example"),
            ]),
            domains: BTreeMap::from([("old.example".to_owned(), "polux.example".to_owned())]),
            headers: vec!["To".to_owned()],
        };
        tables
    }

    #[test]
    fn senders_go_out_under_their_public_names() {
        let tables = site();
        for (inside, outside) in [
            ("jan@polux.example", "Jan.Bart@mail.example"),
            ("JAN@old.example", "Jan.Bart@mail.example"),
            ("op@leaf.example", "operator@mail.example"),
            ("ida@polux.example", "ida@mail.example"),
            ("ida@polux.uucp", "ida@mail.example"),
            ("x@a.lan.example", "x@mail.example"),
            ("x@leaf.example", "x@mail.example"),
            ("x@lan.example", "x@lan.example"),
            ("joe@far.example", "joe@far.example"),
            ("jan@far.example", "jan@far.example"),
            ("far!jan", "far!jan"),
        ] {
            assert_eq!(tables.public_sender(&address(inside)).as_str(), outside);
        }
        assert_eq!(
            tables.in_header("To", false, &address("jan@polux.example")).as_str(),
            "Jan.Bart@mail.example"
        );
        assert_eq!(tables.in_header("Cc", false, &address("jan@old.example")).as_str(), "jan@polux.example");
    }

    #[test]
    fn replies_come_back_to_where_the_mail_was_from() {
        let tables = site();
        for inside in ["jan@polux.example", "op@leaf.example"] {
            let outside = tables.public_sender(&address(inside));
            assert_eq!(tables.inner_recipient(&outside).as_str(), inside);
            assert_eq!(tables.public_sender(&tables.inner_recipient(&outside)), outside);
        }
        assert_eq!(tables.inner_recipient(&address("x@old.example")).as_str(), "x@polux.example");
    }

    proptest! {
        /// Whatever is rewritten is an address again, and public names stay as they are.
        #[test]
        fn a_public_sender_is_rewritten_once(user in "[a-z]{1,4}", host in "(polux|old|leaf|a\\.lan|far|mail)\\.example") {
            let tables = site();
            let once = tables.public_sender(&address(&format!("{user}@{host}")));
            prop_assert_eq!(Address::parse(once.as_str()), Ok(once.clone()));
            prop_assert!(tables.is_ours(once.domain().unwrap()) == (host != "far.example"));
        }
    }
}
