//! The walk of each recipient through the directors to its ends.
//!
//! A machine: [`Resolver::poll`] goes on until something must be known or all is done, [`Resolver::answer`] tells what was
//! asked. What was told counts for all recipients of the message, so each file is asked for once.

use super::decision::refused;
use super::directors::{Answer, Directed, Expansion, Grant, Known, Local, Member, Need, Pause};
use super::routers::{self, Remote};
use super::rule::Why;
use super::{Decision, Routed, Tables};
use crate::post::address::{Address, Target};
use std::collections::BTreeSet;

/// The most addresses that one recipient may become.
const EXPANSION_MAX: usize = 1000;
/// How many aliases, forward files and lists may lead one to the next.
const DEPTH_MAX: usize = 10;

/// Routes the recipients of one message. Each gives at least one answer, except those that lead to a mailbox, or to an
/// address at a neighbour, to which an earlier one led already: nobody gets a message twice.
#[derive(Debug)]
pub struct Resolver<'a> {
    tables: &'a Tables,
    known: Known,
    recipients: std::slice::Iter<'a, Address>,
    walk: Option<Walk>,
    reached: BTreeSet<Decision>,
    all: Vec<Routed>,
}

impl<'a> Resolver<'a> {
    pub fn new(tables: &'a Tables, recipients: &'a [Address]) -> Resolver<'a> {
        let (known, reached) = (Known::default(), BTreeSet::new());
        Resolver { tables, known, recipients: recipients.iter(), walk: None, reached, all: Vec::new() }
    }

    /// Goes on; gives what must be known first, and `None` when all is done.
    pub fn poll(&mut self) -> Option<Need> {
        loop {
            let walk = match &mut self.walk {
                Some(walk) => walk,
                None => self.walk.insert(Walk::new(self.tables, self.recipients.next()?)),
            };
            if let Some(need) = walk.run(self.tables, &self.known) {
                return Some(need);
            }
            let routed = self.walk.take().map(|walk| walk.routed).unwrap_or_default();
            let reached = &mut self.reached;
            self.all.extend(routed.into_iter().filter(|one| {
                matches!(one.decision, Decision::Refused(_)) || reached.insert(one.decision.clone())
            }));
        }
    }

    pub fn answer(&mut self, answer: Answer) {
        self.known.tell(answer);
    }

    /// What became of the recipients, in their order.
    pub fn finish(self) -> Vec<Routed> {
        self.all
    }
}

/// The walk of one recipient.
#[derive(Debug)]
struct Walk {
    recipient: Address,
    routed: Vec<Routed>,
    waiting: Vec<Step>,
    /// Aliases, files and lists that were opened already; each is opened once, so loops end.
    opened: BTreeSet<String>,
    looped: Option<Step>,
}

/// A member that waits to be routed.
#[derive(Debug, Clone)]
struct Step {
    what: Member,
    /// Whom a report about it names.
    recipient: Address,
    /// The sender of what goes to it, if an expansion changed that.
    owner: Option<Address>,
    grant: Grant,
    why: Why,
    depth: usize,
}

impl Walk {
    fn new(tables: &Tables, recipient: &Address) -> Walk {
        // Once, and before anything is looked up: a list or an alias names who is meant.
        let address = tables.inner_recipient(recipient);
        let mut why = Why::default();
        if address != *recipient {
            why.push(format!("{recipient} is {address} here"));
        }
        let first = Step {
            what: Member::Address(address),
            recipient: recipient.clone(),
            owner: None,
            grant: Grant::SENDER,
            why,
            depth: 0,
        };
        let (routed, opened) = (Vec::new(), BTreeSet::new());
        Walk { recipient: recipient.clone(), routed, waiting: vec![first], opened, looped: None }
    }

    /// Goes on until something must be known, or to the end.
    fn run(&mut self, tables: &Tables, known: &Known) -> Option<Need> {
        while let Some(step) = self.waiting.pop() {
            let (mut why, mut warnings) = (step.why.clone(), Vec::new());
            let opened = &self.opened;
            let local = Local { tables, known, opened, why: &mut why, warnings: &mut warnings };
            let directed = direct(local, &step);
            if let Err(Pause::Need(need)) = directed {
                self.waiting.push(step);
                return Some(need);
            }
            for warning in warnings {
                tracing::warn!(recipient = %step.recipient, "{warning}");
            }
            let step = Step { why, ..step };
            match directed {
                Ok(Directed::Done(decision)) => self.done(decision, step),
                Ok(Directed::Expanded(expansion)) => self.expand(expansion, step, tables),
                // RFC 3463: other or undefined mail system status, for now.
                Err(Pause::Later(why)) => self.refuse("4.3.0", why, step),
                Err(Pause::Need(_)) => {}
            }
            let count = self.routed.len() + self.waiting.len();
            if count > EXPANSION_MAX
                && let Some(step) = self.waiting.pop()
            {
                self.routed.clear();
                self.waiting.clear();
                let recipient = self.recipient.clone();
                let step = Step { recipient, owner: None, why: Why::default(), ..step };
                self.refuse(
                    "5.4.6",
                    format!("the aliases lead to more than {EXPANSION_MAX} addresses"),
                    step,
                );
            }
        }
        if self.routed.is_empty()
            && let Some(step) = self.looped.take()
        {
            self.refuse("5.4.6", "the aliases lead only to themselves".to_owned(), step);
        }
        None
    }

    fn expand(&mut self, expansion: Expansion, mut step: Step, tables: &Tables) {
        let Expansion { what, place, members, grant, owner } = expansion;
        if self.opened.contains(&what) {
            step.why.push(format!("{what} was opened already"));
            self.looped = Some(step);
            return;
        }
        if step.depth == DEPTH_MAX {
            self.refuse("5.4.6", format!("{what} lies more than {DEPTH_MAX} deep"), step);
            return;
        }
        step.why.push_at(what.clone(), place);
        self.opened.insert(what);
        let owner = owner.and_then(|user| Address::parse(&format!("{user}@{}", tables.host())).ok());
        let is_owned = owner.is_some();
        step.owner = owner.or(step.owner);
        step.grant = grant;
        step.depth += 1;
        // Last in, first out: reversed, so that the list keeps its order.
        for what in members.into_iter().rev() {
            let mut step = step.clone();
            // Who answers for the members is told which of them failed; the sender knows the list alone.
            if is_owned && let Member::Address(member) | Member::Mailbox(member) = &what {
                step.recipient = member.clone();
            }
            self.waiting.push(Step { what, ..step });
        }
    }

    fn refuse(&mut self, status: &str, reason: String, step: Step) {
        self.done(refused(status, reason), step);
    }

    fn done(&mut self, decision: Decision, step: Step) {
        let Step { recipient, owner, why, .. } = step;
        let (why, place) = (why.to_string(), why.place().cloned());
        self.routed.push(Routed { recipient, decision, owner, why, place });
    }
}

/// What becomes of one member.
fn direct(mut local: Local<'_>, step: &Step) -> Result<Directed, Pause> {
    let refused = |status: &str, reason: String| Ok(Directed::Done(refused(status, reason)));
    match &step.what {
        Member::Address(address) => look_up(local, address, false),
        Member::Mailbox(address) => look_up(local, address, true),
        Member::Include(path) => local.include(path, &step.grant),
        Member::Pipe(_) | Member::File(_) => {
            Ok(Directed::Done(local.program_or_file(&step.what, &step.grant)))
        }
        // The words of sendmail's FEATURE(redirect).
        Member::Moved(to) => refused("5.1.6", format!("User has moved; please try <{to}>")),
        Member::Wrong(why) => {
            local.warnings.push(why.clone());
            local.why.push(why.clone());
            refused("5.1.3", "an entry of an alias or a list here cannot be read".to_owned())
        }
    }
}

/// One address, whose local part is asked about, or `straight` brought to the mailbox.
fn look_up(mut local: Local<'_>, address: &Address, straight: bool) -> Result<Directed, Pause> {
    let tables = local.tables;
    let mut address = address.clone();
    loop {
        // Every step makes the address shorter, so this ends.
        if let Some(shorter) = tables.shortened(&address) {
            local.why.push(format!("{address} is cut short to {shorter}"));
            address = shorter;
            continue;
        }
        let (host, whole, rest) = match address.target(tables.precedence) {
            Target::User(name) if straight => return local.mailbox(&name).map(Directed::Done),
            Target::User(name) => return local.direct(&name),
            Target::Hop { hop, rest } => (hop, address.clone(), rest),
            Target::Domain { local: rest, domain } => {
                // A bare `user%host` becomes what it stands for.
                let whole = Address::parse(&format!("{rest}@{domain}")).unwrap_or_else(|_| address.clone());
                (domain, whole, rest)
            }
        };
        if !tables.is_ours(&host) {
            return Ok(Directed::Done(routers::route(tables, &Remote { host, whole, rest }, local.why)));
        }
        local.why.push(format!("{host} is ours"));
        address = rest;
    }
}
