//! Routing by the tables alone.

use super::directors::{Answer, Found, Need};
use super::{Resolver, Routed, Tables};
use crate::post::address::Address;

/// Routes the recipients of one message with no files and no users but those of the tables.
pub fn resolve(tables: &Tables, recipients: &[Address]) -> Vec<Routed> {
    let mut resolver = Resolver::new(tables, recipients);
    while let Some(need) = resolver.poll() {
        resolver.answer(match need {
            Need::Alias(name) => Answer::Alias(name, Ok(None)),
            Need::User(name) => Answer::User(name, Ok(None)),
            Need::File(wanted) => Answer::File(wanted, Ok(Found::Absent)),
        });
    }
    resolver.finish()
}
