//! `[rewrite]`: addresses that are other outside than inside.

use super::findings::Findings;
use super::node::domain;
use super::section::Section;
use crate::post::address::Address;
use crate::post::route::{Rewriting, Tables};
use std::collections::BTreeMap;

/// `ours` are the mail domains of this site.
pub fn read(section: &mut Section<'_>, ours: &[String], findings: &Findings) -> Rewriting {
    let visible_name = section.value("visible-name", domain);
    if let Some(name) = visible_name.as_ref().filter(|name| !ours.contains(name)) {
        section.doubtful(
            "visible-name",
            format!("mail for `{name}` is not ours, so replies do not come back here"),
            "add it to `domain` of [node]",
        );
    }
    let hidden = section.list("hide", |text| match text.strip_prefix('.') {
        Some(bare) => domain(bare).map(|bare| format!(".{bare}")),
        None => domain(text),
    });
    if hidden.is_some() && visible_name.is_none() {
        section.wrong(
            "hide",
            "there is nothing to hide behind",
            "add the name to show, as visible-name = \"farm.example\"",
        );
    }
    Rewriting {
        visible_name,
        hidden: hidden.unwrap_or_default(),
        generics: addresses(section.section("generics"), findings),
        canonical: addresses(section.section("canonical"), findings),
        domains: domains(section.section("domains"), findings),
        headers: section.list("headers", header).unwrap_or_default(),
    }
}

fn addresses(section: Option<Section<'_>>, findings: &Findings) -> BTreeMap<String, Address> {
    let mut read = BTreeMap::new();
    for entry in section.into_iter().flat_map(Section::entries) {
        let hint = "write two addresses, as \"jan@inner.example\" = \"jan.bart@farm.example\"";
        match (Address::parse(&entry.key), entry.texts.as_slice()) {
            (Err(error), _) => findings.error(entry.key_span, error.to_string(), hint),
            (Ok(_), [text]) => match Address::parse(text) {
                Ok(address) => {
                    read.insert(Tables::key(&entry.key), address);
                }
                Err(error) => findings.error(entry.span, error.to_string(), hint),
            },
            (Ok(_), _) => findings.error(entry.span, "an address becomes one other", hint),
        }
    }
    read
}

fn domains(section: Option<Section<'_>>, findings: &Findings) -> BTreeMap<String, String> {
    let mut read = BTreeMap::new();
    for entry in section.into_iter().flat_map(Section::entries) {
        let new = match entry.texts.as_slice() {
            [text] => domain(text),
            _ => Err("write the old domain and the new, as \"old.example\" = \"new.example\"".to_owned()),
        };
        match domain(&entry.key).and_then(|old| Ok((old, new?))) {
            Ok((old, new)) => {
                read.insert(old, new);
            }
            Err(hint) => findings.error(entry.key_span, "these are no two domains", hint),
        }
    }
    read
}

/// A header field with recipients, in which internal senders are shown under their public names too.
fn header(text: &str) -> Result<String, String> {
    let known = crate::post::mail::rewrite::RECIPIENT_FIELDS;
    let found = known.iter().find(|field| field.eq_ignore_ascii_case(text));
    found.map(|field| (*field).to_owned()).ok_or_else(|| format!("write some of {}", known.join(", ")))
}
