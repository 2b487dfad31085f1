//! Months of calls in virtual time: several systems, one line, one budget.

use super::*;
use std::collections::BTreeMap;

/// One system of the simulation.
struct Neighbour {
    plan: Plan,
    history: History,
    /// Work comes so often, of this grade and size.
    work: Option<(SignedDuration, Grade, u64)>,
    next_work: Timestamp,
    polled: Vec<Zoned>,
}

/// A call of the ledger.
struct Charged {
    month: String,
    cost: Money,
    length: Duration,
    grade: Grade,
    reserve: bool,
    connected: Zoned,
}

struct Line {
    now: Zoned,
    tariff: Tariff,
    neighbours: Vec<Neighbour>,
    ledger: Vec<Charged>,
    /// What the spool would say: the sums of each month.
    accounts: BTreeMap<String, Spent>,
    refused: u32,
    dice: u64,
}

impl Line {
    fn new(begin: &str, tariff: Tariff, neighbours: Vec<Neighbour>) -> Line {
        let now = at(begin);
        Line { now, tariff, neighbours, ledger: Vec::new(), accounts: BTreeMap::new(), refused: 0, dice: 7 }
    }

    fn throw(&mut self, sides: u64) -> u64 {
        // Numerical Recipes' generator: the same month each time.
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    /// Runs to a moment, each round as the scheduler makes it: who is due longest is called, if it may be paid.
    fn run(&mut self, end: &str, clock: impl Fn(&Zoned) -> Option<Doubt>) {
        let end = at(end);
        while self.now < end {
            self.bring_work();
            let mut due: Vec<(Turn, usize, NextCall)> = Vec::new();
            let works = self.neighbours.iter().filter(|neighbour| neighbour.work.is_some());
            let mut rest_until = works.map(|neighbour| neighbour.next_work).min().unwrap_or(Timestamp::MAX);
            for (number, neighbour) in self.neighbours.iter().enumerate() {
                let Some(next) = next_call(&self.now, &neighbour.plan, &neighbour.history) else { continue };
                match next.due {
                    Due::At(at) if at <= self.now.timestamp() => {
                        due.push((Turn::new(at, neighbour.history.last), number, next));
                    }
                    Due::At(at) => rest_until = rest_until.min(at),
                    Due::Never => {}
                }
            }
            due.sort_by_key(|(turn, ..)| *turn);
            let doubt = clock(&self.now);
            let mut called = None;
            let refused_before = self.refused;
            for (_, number, next) in due {
                let spent = self.accounts.get(&month(&self.now)).copied().unwrap_or_default();
                let most = Duration::from_secs(3600);
                if self.tariff.permits(&self.now, doubt, spent, next.grade, most).is_err() {
                    self.refused += 1;
                    continue;
                }
                called = Some(self.call(number, next, most));
                break;
            }
            // The line is free again, or the next thing happens; what is not paid now may be a little later.
            let refused = self.refused > refused_before;
            let longest = SignedDuration::from_mins(if refused { 10 } else { 24 * 60 });
            let rest =
                rest_until.duration_since(self.now.timestamp()).clamp(SignedDuration::from_secs(1), longest);
            let talked =
                called.map(|length| SignedDuration::try_from(length.max(Duration::from_secs(30))).unwrap());
            self.now = &self.now + talked.unwrap_or(rest);
        }
    }

    fn bring_work(&mut self) {
        for neighbour in &mut self.neighbours {
            let Some((every, grade, bytes)) = neighbour.work else { continue };
            while neighbour.next_work <= self.now.timestamp() {
                let since = neighbour.next_work;
                match neighbour.history.work.first_mut() {
                    Some(waiting) => (waiting.youngest, waiting.bytes) = (since, waiting.bytes + bytes),
                    None => {
                        neighbour.history.work.push(Waiting { grade, oldest: since, youngest: since, bytes });
                    }
                }
                neighbour.next_work = since + every;
            }
        }
    }

    /// A call: dialled up to two minutes, busy now and then, or answered by no modem; else as long as it wants, and may. It is
    /// answered half a minute before it is connected.
    fn call(&mut self, number: usize, next: NextCall, most: Duration) -> Duration {
        let began = self.now.clone();
        let dialled = Duration::from_secs(5 + self.throw(65));
        let training = Duration::from_secs(30);
        let wanted = Duration::from_secs(30 + self.throw(900));
        let (busy, untrained) = (self.throw(8) == 0, self.throw(8) == 0);
        self.now = &self.now + SignedDuration::try_from(dialled).unwrap();
        let spent = self.accounts.get(&month(&self.now)).copied().unwrap_or_default();
        let allowed = self.tariff.allows(&self.now, spent, next.grade, most);
        let neighbour = &mut self.neighbours[number];
        neighbour.history.last = Some(began.timestamp());
        neighbour.history.chance = Chance::of("node!system", neighbour.history.failures);
        if next.why == Why::PollTime {
            neighbour.polled.push(began);
        }
        let (false, Ok(allowance)) = (busy, allowed) else {
            neighbour.history.failures += 1;
            return Duration::ZERO;
        };
        if untrained {
            neighbour.history.failures += 1;
        } else {
            neighbour.history.failures = 0;
            neighbour.history.work.clear();
        }
        let length = if untrained { training } else { (training + wanted).min(allowance.longest) };
        let cost = self.tariff.cost(&self.now, length);
        let account = self.accounts.entry(month(&self.now)).or_default();
        account.money = Money(account.money.0 + cost.0);
        account.airtime += length;
        self.ledger.push(Charged {
            month: month(&self.now),
            cost,
            length,
            grade: next.grade,
            reserve: allowance.worst.is_some(),
            connected: self.now.clone(),
        });
        length
    }
}

fn neighbour(begin: &str, plan: Plan, work: Option<(SignedDuration, Grade, u64)>) -> Neighbour {
    let begin = at(begin).timestamp();
    let history = History { last: Some(begin), ..History::default() };
    Neighbour { plan, history, work, next_work: begin, polled: Vec::new() }
}

fn polled_at(times: &[&str]) -> Plan {
    let times = times.iter().map(|time| time.parse().unwrap()).collect();
    Plan { at: PollTimes::new(times), ..Plan::default() }
}

/// A leaf that polls three times a day, one that has mail all the time, one with news by night, and one with rare urgent work.
fn neighbours(begin: &str) -> Vec<Neighbour> {
    let call_for =
        |letter, soon| Plan { call_for: vec![CallFor { worst: grade(letter), soon }], ..Plan::default() };
    let news = Plan { times: windows("Any2200-0600").into(), ..call_for('z', Soon::After(100_000)) };
    vec![
        neighbour(begin, polled_at(&["06:00", "12:30", "18:30"]), None),
        neighbour(
            begin,
            call_for('N', Soon::Every(Duration::from_secs(3600))),
            Some((SignedDuration::from_mins(17), grade('N'), 4000)),
        ),
        neighbour(begin, news, Some((SignedDuration::from_mins(20), grade('d'), 9000))),
        neighbour(
            begin,
            call_for('C', Soon::AtOnce),
            Some((SignedDuration::from_hours(31), grade('A'), 900)),
        ),
    ]
}

fn paid(money: &str, airtime: u64) -> Tariff {
    let mut tariff = super::cost::tariff();
    tariff.connection = Money(25);
    tariff.minimum = Money(40);
    tariff.patience = Duration::from_secs(900);
    let airtime = Some(Duration::from_secs(airtime));
    tariff.budget = Budget { money: money.parse().ok(), airtime, reserve: 20, urgent: grade('C') };
    tariff
}

#[test]
fn two_months_of_calls_never_cost_more_than_their_budgets() {
    let begin = "2026-09-15T00:00[Europe/Berlin]";
    for (money, airtime) in [("12", 400 * 3600), ("500", 20 * 3600)] {
        let tariff = paid(money, airtime);
        let budget = tariff.budget;
        let mut line = Line::new(begin, tariff, neighbours(begin));
        line.run("2026-11-15T00:00[Europe/Berlin]", |_| None);
        assert_eq!(line.accounts.keys().collect::<Vec<_>>(), ["2026-09", "2026-10", "2026-11"]);
        for (month, account) in &line.accounts {
            let calls = || line.ledger.iter().filter(|call| call.month == *month);
            assert!(
                Some(account.money) <= budget.money && Some(account.airtime) <= budget.airtime,
                "{month}"
            );
            assert_eq!(calls().map(|call| call.cost.0).sum::<u64>(), account.money.0, "to the thousandth");
            assert_eq!(calls().map(|call| call.length).sum::<Duration>(), account.airtime);
            let ordinary = || calls().filter(|call| !call.reserve);
            let most = budget.money.map(|money| money.0 / 100 * 80);
            assert!(Some(ordinary().map(|call| call.cost.0).sum::<u64>()) <= most);
        }
        let october = || line.ledger.iter().filter(|call| call.month == "2026-10");
        assert!(line.refused > 0, "the budget was too small for all of it");
        assert!(october().any(|call| call.reserve), "the reserve was used");
        assert!(
            october().filter(|call| call.reserve).all(|call| call.grade <= grade('C')),
            "by what is urgent alone"
        );
        let last = |urgent: bool| {
            october().filter(|call| (call.grade <= grade('C')) == urgent).map(|call| &call.connected).max()
        };
        assert!(last(true) > last(false), "urgent work goes on when there is nothing left for the rest");
    }
}

#[test]
fn a_fixed_poll_comes_once_a_day_in_months_in_which_the_clock_is_changed() {
    for (begin, end, days) in [
        ("2026-03-01T00:00[Europe/Berlin]", "2026-04-01T00:00[Europe/Berlin]", 31),
        ("2026-10-01T00:00[Europe/Berlin]", "2026-11-01T00:00[Europe/Berlin]", 31),
    ] {
        let plan = polled_at(&["02:30", "12:30", "18:30"]);
        let mut line = Line::new(begin, Tariff::free(), vec![neighbour(begin, plan, None)]);
        line.run(end, |_| None);
        let polled = &line.neighbours[0].polled;
        // One that the other end does not take is tried again, and that is no poll more.
        assert_eq!(polled.len(), 3 * days, "{begin}");
        let mut counted: BTreeMap<_, u32> = BTreeMap::new();
        for poll in polled {
            *counted.entry((poll.date(), poll.hour() / 12, poll.hour() / 18)).or_default() += 1;
        }
        assert_eq!(counted.len(), 3 * days, "{begin}");
    }
}

#[test]
fn a_node_whose_clock_is_at_1970_places_no_call_that_costs_money() {
    let begin = "1970-01-01T00:00[Europe/Berlin]";
    let mut line = Line::new(begin, paid("100", 400 * 3600), neighbours(begin));
    line.run("1970-01-08T00:00[Europe/Berlin]", |now| Doubt::of(now.timestamp(), None));
    assert!(line.ledger.is_empty() && line.refused > 100);
}
