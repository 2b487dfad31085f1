//! Files of routes, the addresses that are routed by them, and lists of addresses in headers.

use std::sync::Arc;
use uugate::post::address::Address;
use uugate::post::mail::rewrite;
use uugate::post::route::{Hosts, Neighbour, PathRouter, Paths, Tables, resolve};

/// A path file, a table and addresses, a line with `%%` between them: whatever is routed by them gets an answer, and what
/// goes on is an address again.
pub fn routes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, "\n%%\n");
    let (paths, hosts) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let mut tables = Tables::new("polux".parse().expect("a name"));
    for name in ["near", "sun"] {
        tables.neighbours.insert(name.parse().expect("a name"), Neighbour::default());
    }
    if let Ok(paths) = Paths::parse("paths", paths) {
        tables.paths = vec![PathRouter { paths: Arc::new(paths), gateway: None }];
    }
    if let Ok(hosts) = Hosts::parse("table", hosts) {
        tables.hosts = Arc::new(hosts);
    }
    for line in parts.next().unwrap_or_default().lines().take(8) {
        let Ok(address) = Address::parse(line) else { continue };
        let routed = resolve(&tables, std::slice::from_ref(&address));
        assert_eq!(routed.len(), 1);
        for one in routed {
            if let Ok(handover) = one.decision.handover() {
                Address::parse(&handover.address).expect("what goes on is an address");
            }
        }
    }
}

/// A header in which every address is replaced: every byte outside of addresses stays, and what was put in is found again.
pub fn address_list(bytes: &[u8]) {
    let other = Address::parse("other@example.org").expect("an address");
    let replaced = rewrite::addresses(bytes, |_, _| Some(other.clone()));
    let count = |bytes: &[u8]| {
        let found = std::cell::Cell::new(0);
        rewrite::addresses(bytes, |_, _| {
            found.set(found.get() + 1);
            None
        });
        found.get()
    };
    assert_eq!(count(bytes), count(&replaced));
    let same = rewrite::addresses(bytes, |_, _| None);
    assert!(bytes.starts_with(&same));
}
