//! The walk from an address to what is done with it.

use super::decision::refused;
use super::routers::{self, Remote};
use super::rule::Why;
use super::{Decision, Routed, Tables};
use crate::post::address::{Address, Target};
use std::collections::BTreeSet;

/// The most addresses that one recipient may become through aliases.
const EXPANSION_MAX: usize = 1000;
/// How many aliases may lead one to the next.
const ALIAS_DEPTH_MAX: usize = 10;

/// Routes the recipients of one message. Each gives at least one answer, except those that lead to a mailbox, or to an
/// address at a neighbour, to which an earlier one led already: nobody gets a message twice.
pub fn resolve(tables: &Tables, recipients: &[Address]) -> Vec<Routed> {
    let mut reached = BTreeSet::new();
    let mut all = Vec::new();
    for recipient in recipients {
        let mut walk = Walk { tables, recipient, routed: Vec::new(), seen: BTreeSet::new() };
        walk.run();
        all.extend(walk.routed.into_iter().filter(|one| {
            matches!(one.decision, Decision::Refused(_)) || reached.insert(one.decision.clone())
        }));
    }
    all
}

/// The walk of one recipient through aliases to its ends.
struct Walk<'a> {
    tables: &'a Tables,
    recipient: &'a Address,
    routed: Vec<Routed>,
    /// Aliases that were opened already; each is opened once, so loops end.
    seen: BTreeSet<String>,
}

/// An address that waits to be routed.
struct Step {
    address: Address,
    why: Why,
    depth: usize,
}

/// What one address turned out to be.
enum Found<'a> {
    Done(Decision),
    Alias(String, &'a [String]),
}

impl<'a> Walk<'a> {
    fn run(&mut self) {
        // Once, and before anything is looked up: a list or an alias names who is meant.
        let mut why = Why::default();
        let address = self.tables.inner_recipient(self.recipient);
        if address != *self.recipient {
            why.push(format!("{} is {address} here", self.recipient));
        }
        let mut waiting = vec![Step { address, why, depth: 0 }];
        let mut looped = None;
        while let Some(mut step) = waiting.pop() {
            match self.look_up(&step.address, &mut step.why) {
                Found::Done(decision) => self.done(decision, &step.why),
                Found::Alias(name, _) if self.seen.contains(&name) => {
                    step.why.push(format!("alias {name} was opened already"));
                    looped = Some(step.why);
                }
                Found::Alias(name, _) if step.depth == ALIAS_DEPTH_MAX => {
                    self.refuse(
                        "5.4.6",
                        format!("alias {name} lies more than {ALIAS_DEPTH_MAX} aliases deep"),
                        &step.why,
                    );
                }
                Found::Alias(name, targets) => {
                    step.why.push(format!("alias {name}"));
                    self.seen.insert(name);
                    // Last in, first out: reversed, so that the list keeps its order.
                    for target in targets.iter().rev() {
                        match Address::parse(target) {
                            Ok(address) => {
                                waiting.push(Step { address, why: step.why.clone(), depth: step.depth + 1 });
                            }
                            Err(error) => self.refuse("5.1.3", format!("in an alias: {error}"), &step.why),
                        }
                    }
                }
            }
            if self.routed.len() + waiting.len() > EXPANSION_MAX {
                self.routed.clear();
                self.refuse(
                    "5.4.6",
                    format!("the aliases lead to more than {EXPANSION_MAX} addresses"),
                    &Why::default(),
                );
                return;
            }
        }
        if self.routed.is_empty() {
            self.refuse(
                "5.4.6",
                "the aliases lead only to themselves".to_owned(),
                &looped.unwrap_or_default(),
            );
        }
    }

    /// One address, without opening aliases.
    fn look_up(&self, address: &Address, why: &mut Why) -> Found<'a> {
        let mut address = address.clone();
        loop {
            // Every step makes the address shorter, so this ends.
            if let Some(shorter) = self.tables.shortened(&address) {
                why.push(format!("{address} is cut short to {shorter}"));
                address = shorter;
                continue;
            }
            let (host, whole, rest) = match address.target(self.tables.precedence) {
                Target::User(name) => return self.user(&name, why),
                Target::Hop { hop, rest } => (hop, address.clone(), rest),
                Target::Domain { local, domain } => {
                    // A bare `user%host` becomes what it stands for.
                    let whole =
                        Address::parse(&format!("{local}@{domain}")).unwrap_or_else(|_| address.clone());
                    (domain, whole, local)
                }
            };
            if !self.tables.is_ours(&host) {
                return Found::Done(routers::route(self.tables, &Remote { host, whole, rest }, why));
            }
            why.push(format!("{host} is ours"));
            address = rest;
        }
    }

    fn user(&self, name: &str, why: &mut Why) -> Found<'a> {
        let key = Tables::key(name);
        if let Some((name, targets)) = self.tables.aliases.get_key_value(&key)
            && !self.is_own_alias(name, targets)
        {
            return Found::Alias(name.clone(), targets);
        }
        let user = self.tables.users.get_key_value(&key);
        let user = match key.as_str() {
            "postmaster" | "mailer-daemon" => user.or_else(|| self.tables.postmaster()),
            _ => user,
        };
        Found::Done(match user {
            Some((user, mailbox)) => {
                why.push(format!("local user {user}"));
                Decision::Local { user: user.clone(), mailbox: mailbox.clone() }
            }
            None => {
                why.push("no such user or alias".to_owned());
                refused("5.1.1", format!("no user {name:?} here"))
            }
        })
    }

    /// An alias that was opened and names itself means the user of that name: `joe: joe, joe@far`.
    fn is_own_alias(&self, name: &str, targets: &[String]) -> bool {
        self.seen.contains(name)
            && self.tables.users.contains_key(name)
            && targets.iter().any(|target| Tables::key(target) == name)
    }

    fn refuse(&mut self, status: &str, reason: String, why: &Why) {
        self.done(refused(status, reason), why);
    }

    fn done(&mut self, decision: Decision, why: &Why) {
        let (recipient, why, place) = (self.recipient.clone(), why.to_string(), why.place().cloned());
        self.routed.push(Routed { recipient, decision, why, place });
    }
}
