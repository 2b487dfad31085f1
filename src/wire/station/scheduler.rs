//! Decides who is called next, and gives each due system to a free line.
//!
//! A system that is due while none of its lines is free waits for one; that is no failure. Who waits longest goes first.

use super::switch::Switch;
use super::{Outlook, Settings, Shared, SystemSettings};
use crate::clock;
use crate::job::SystemName;
use crate::schedule::{ClockWatch, Doubt, Due, NextCall, NotPaid, Turn};
use crate::spool::SpoolError;
use jiff::{SignedDuration, Timestamp, Zoned};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Rounds are made at least so often: hints may be lost, and the wall clock may jump.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// Rounds are made at most so often: the spool of a busy node changes all the time.
const SHORTEST_REST: Duration = Duration::from_millis(250);
/// A system that a line gave back without a call record (it is calling us at this moment) is left alone so long.
const GIVEN_BACK: Duration = Duration::from_secs(2);

pub(super) struct Scheduler {
    shared: Shared,
    switch: Switch,
    /// When each system was last given to a line.
    given: BTreeMap<SystemName, Instant>,
    clock: ClockWatch,
    /// The beginning of the monotonic time that the clock is watched by.
    began: Instant,
}

/// A system that is due.
struct DueSystem {
    system: SystemSettings,
    turn: Turn,
    outlook: Outlook,
    next: NextCall,
}

impl Scheduler {
    pub(super) fn new(shared: Shared, switch: Switch) -> Self {
        let (clock, began) = (ClockWatch::default(), clock::now());
        Scheduler { shared, switch, given: BTreeMap::new(), clock, began }
    }

    pub(super) async fn run(mut self) {
        loop {
            let rest = match self.round().await {
                Ok(rest) => rest.clamp(SHORTEST_REST, LONGEST_REST),
                Err(error) => {
                    tracing::error!(%error, "it cannot be said who is to be called");
                    LONGEST_REST
                }
            };
            clock::sleep(SHORTEST_REST).await;
            let mut settings = self.shared.settings.clone();
            tokio::select! {
                () = clock::sleep(rest) => {}
                () = self.shared.spool.changed() => {}
                () = self.switch.changed() => {}
                Ok(()) = settings.changed() => {}
            }
        }
    }

    /// Gives away what is due; how long to rest then.
    async fn round(&mut self) -> Result<Duration, SpoolError> {
        let settings = self.shared.settings.borrow_and_update().clone();
        let wall = clock::wall();
        let last = self.shared.spool.last_call().await?;
        let doubt = self.clock.look(wall, clock::now().saturating_duration_since(self.began), last);
        self.shared.events.doubt_clock(doubt);
        let now = wall.to_zoned(settings.zone.clone());
        let wishes = self.shared.spool.wishes().await?;
        let mut rest = LONGEST_REST;
        let mut due = Vec::new();
        for system in settings.systems.iter().filter(|system| !system.lines.is_empty()) {
            if self.switch.in_hand(&system.name) {
                continue;
            }
            if let Some(given) = self.given.get(&system.name) {
                let left = GIVEN_BACK.saturating_sub(clock::now().saturating_duration_since(*given));
                if !left.is_zero() {
                    rest = rest.min(left);
                    continue;
                }
            }
            let wish = wishes.iter().find(|wish| wish.system == system.name).cloned();
            let outlook = settings.outlook_with(&self.shared.spool, system, wish, &now).await?;
            if outlook.in_call.is_some() {
                // It is calling us. What is wished meanwhile may be fulfilled by that call.
                continue;
            }
            let Some(next) = outlook.next else { continue };
            match next.due {
                Due::At(at) if at <= wall => due.push(DueSystem {
                    system: system.clone(),
                    turn: Turn::new(at, outlook.last),
                    outlook,
                    next,
                }),
                Due::At(at) => rest = rest.min(until(wall, at)),
                Due::Never => {}
            }
        }
        due.sort_by_key(|due| due.turn);
        for due in due {
            rest = rest.min(self.give(&settings, due, &now, doubt).await?);
        }
        Ok(rest)
    }

    /// Gives a system to a line; how long to rest if it waits for something else than a line. After a failure the next of its
    /// numbers has its turn, and after all of them the next of its lines; at once, if another program has the line or it is out
    /// of order.
    async fn give(
        &mut self,
        settings: &Settings,
        due: DueSystem,
        now: &Zoned,
        doubt: Option<Doubt>,
    ) -> Result<Duration, SpoolError> {
        let DueSystem { mut system, outlook, next, .. } = due;
        let failures = usize::try_from(outlook.failures).unwrap_or(0);
        let held = outlook.held();
        let numbers = system.numbers.len().max(1);
        system.numbers = outlook.numbers.into_iter().map(|(number, _)| number).collect();
        let taken = usize::try_from(outlook.line_taken).unwrap_or(0);
        let turn = (failures / numbers + taken) % system.lines.len().max(1);
        let mut permitted = Vec::new();
        let mut rest = LONGEST_REST;
        for line in system.lines.iter().cycle().skip(turn).take(system.lines.len()) {
            let spool = &self.shared.spool;
            // Whoever has asked for the call later than it was last tried knows better.
            let waits = |tried| outlook.asked.is_none_or(|asked| asked <= tried);
            if held.is_some_and(|held| settings.dials_on(line) && waits(held.tried)) {
                continue;
            }
            if let Some(fault) = settings.line_fault(spool, line, now.timestamp()).await?
                && fault.until > now.timestamp()
                && waits(fault.last)
            {
                rest = rest.min(until(now.timestamp(), fault.until));
                continue;
            }
            match settings.may_pay(spool, line, &system, next.grade, now, doubt).await? {
                None | Some(Ok(_)) => permitted.push(line.clone()),
                Some(Err(NotPaid::Cheaper(from))) => rest = rest.min(until(now.timestamp(), from)),
                Some(Err(NotPaid::Clock(doubt))) => {
                    tracing::debug!(system = %system.name, line, %doubt, "not called");
                }
                Some(Err(why @ (NotPaid::Money | NotPaid::Airtime | NotPaid::Reserve))) => {
                    tracing::debug!(system = %system.name, line, "not called: {why}");
                }
            }
        }
        if self.switch.give(&system, permitted.into_iter()) {
            tracing::info!(system = %system.name, why = next.why.words(), "is to be called");
            self.given.insert(system.name, clock::now());
        }
        Ok(rest)
    }
}

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now).max(SignedDuration::ZERO)).unwrap_or_default()
}
