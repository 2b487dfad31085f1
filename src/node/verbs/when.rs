//! Why things are as they are: when a system is called, what a job or a message waits for, and which rule says so.

use super::{JobFilter, QueueFilter, VerbError, Verbs, Who};
use crate::clock;
use crate::job::{Grade, SystemName};
use crate::node::config::{Kind, System};
use crate::node::report::{Account, Ahead, Because, Happened, Job, LineAhead, NumberAhead, When, Why};
use crate::schedule::{Allowance, Doubt, Due, Hold, NextCall, NotPaid, Why as Reason, month, next_month};
use crate::spool::{DeliveryState, Event, JobState, MessageId};
use crate::wire::station::{Outlook, Settings, SystemSettings};
use jiff::{SignedDuration, Timestamp, Zoned};

impl Verbs {
    /// What is ahead for a system, or for all.
    pub(super) async fn when(&self, system: Option<String>) -> Result<When, VerbError> {
        let wanted = system.map(|name| self.neighbour(&name)).transpose()?;
        let mut systems = Vec::new();
        for system in &self.config.systems {
            if wanted.as_ref().is_none_or(|wanted| *wanted == system.name) {
                systems.push(self.ahead(system).await?);
            }
        }
        Ok(When { systems })
    }

    async fn ahead(&self, system: &System) -> Result<Ahead, VerbError> {
        let (settings, now) = (self.config.station(), self.now());
        let mut ahead = Ahead {
            system: system.name.to_string(),
            now: now.timestamp(),
            in_call: None,
            why: None,
            due: None,
            held: None,
            failures: 0,
            numbers: Vec::new(),
            lines: Vec::new(),
        };
        let Some(called) = settings.systems.iter().find(|called| called.name == system.name) else {
            let last = self.spool.calls(Some(system.name.clone()), 1).await?;
            let under_way = last.first().filter(|past| past.ended.is_none());
            ahead.in_call = under_way.map(|past| past.call.began);
            return Ok(ahead);
        };
        let outlook = settings.outlook(&self.spool, called, &now).await?;
        (ahead.in_call, ahead.failures) = (outlook.in_call, outlook.failures);
        let numbers = outlook.numbers.iter().filter_map(|(number, held)| Some((number, (*held)?)));
        ahead.numbers = numbers
            .map(|(number, held)| NumberAhead {
                number: number.clone(),
                held: self.hold(system, held.why, &outlook, &now),
                until: held.until,
            })
            .collect();
        let grade = outlook.next.map_or(Grade::WORST, |next| next.grade);
        for line in &called.lines {
            ahead.lines.push(self.line_ahead(&settings, called, line, grade, &now).await?);
        }
        let Some(next) = outlook.next else { return Ok(ahead) };
        ahead.why = Some(self.reason(system, &next).await?);
        ahead.held = next.held.map(|hold| self.hold(system, hold, &outlook, &now));
        ahead.due = match next.due {
            Due::At(moment) => Some(moment),
            Due::Never => None,
        };
        Ok(ahead)
    }

    async fn reason(&self, system: &System, next: &NextCall) -> Result<Because, VerbError> {
        let key = match next.why {
            Reason::Wish => {
                let wishes = self.spool.wishes().await?;
                let wish = wishes.into_iter().find(|wish| wish.system == system.name);
                let text = wish.map_or_else(|| next.why.words().to_owned(), |wish| wish.why);
                return Ok(Because { text, rule: None });
            }
            Reason::Retry => return Ok(Because { text: next.why.words().to_owned(), rule: None }),
            Reason::Work => "call-for",
            Reason::Size => "call-local-size",
            Reason::Poll => "poll",
            Reason::PollTime => "poll-at",
        };
        Ok(self.because(Kind::System, system.name.as_str(), next.why.words(), key))
    }

    fn hold(&self, system: &System, hold: Hold, outlook: &Outlook, now: &Zoned) -> Because {
        let last = outlook.last.map(|last| last.to_zoned(now.time_zone().clone()));
        let fixed = last.and_then(|last| system.plan.times.retry_at(&last)).is_some();
        let key = match hold {
            Hold::Retry if fixed => "times",
            Hold::Retry | Hold::CallBack | Hold::LineTaken => {
                return Because { text: hold.words().to_owned(), rule: None };
            }
            Hold::OnceADay => "max-retries",
            Hold::SuccessWait => "success-wait",
            Hold::Times => "times",
            Hold::Busy => "redial.busy",
            Hold::Person => "redial.person",
            Hold::GivenUp => "redial.person-attempts",
            Hold::Delayed => "redial.delayed",
            Hold::Blacklisted => "redial.blacklisted",
            Hold::Login => "redial.login",
        };
        self.because(Kind::System, system.name.as_str(), hold.words(), key)
    }

    async fn line_ahead(
        &self,
        settings: &Settings,
        system: &SystemSettings,
        line: &str,
        grade: Grade,
        now: &Zoned,
    ) -> Result<LineAhead, VerbError> {
        let (line, doubt) = (line.to_owned(), self.clock_doubt(now));
        let fault = settings.line_fault(&self.spool, &line, now.timestamp()).await?;
        if let Some(fault) = fault.filter(|fault| fault.until > now.timestamp()) {
            let text = match fault.times {
                1 => "the last call on it failed on our side, before it was dialled".to_owned(),
                times => format!("the last {times} calls on it failed on our side, before they were dialled"),
            };
            let (held, until) = (Some(Because { text, rule: None }), Some(fault.until));
            return Ok(LineAhead { line, held, until, ..LineAhead::default() });
        }
        let paid = settings.may_pay(&self.spool, &line, system, grade, now, doubt).await?;
        let Some(paid) = paid else {
            return Ok(LineAhead { line, ..LineAhead::default() });
        };
        let month = month(now);
        let charges = self.spool.charges(line.clone(), month.clone()).await?;
        let (calls, seconds, thousandths) = (charges.calls, charges.seconds, charges.thousandths);
        let spent = Some(Account { month, calls, seconds, thousandths });
        let (held, until) = match paid {
            Ok(Allowance { longest, worst }) => {
                let reserve = worst.map(|worst| {
                    let text = format!("for grade {worst} and better, by the reserve");
                    self.because(Kind::Line, &line, &text, "tariff.reserve")
                });
                let longest = Some(longest.as_secs());
                return Ok(LineAhead { line, longest, reserve, spent, ..LineAhead::default() });
            }
            Err(why) => {
                let month_ends = next_month(now).map(|month| month.timestamp());
                let (key, until) = match why {
                    NotPaid::Money => ("tariff.budget", month_ends),
                    NotPaid::Airtime => ("tariff.airtime", month_ends),
                    NotPaid::Reserve => ("tariff.reserve", month_ends),
                    NotPaid::Cheaper(from) => ("tariff.wait-for-cheaper", Some(from)),
                    NotPaid::Clock(Doubt::Unset | Doubt::Behind { .. }) => ("tariff", None),
                    NotPaid::Clock(Doubt::Jumped { left, .. }) => {
                        let left = SignedDuration::try_from(left).unwrap_or(SignedDuration::ZERO);
                        ("tariff", now.timestamp().checked_add(left).ok())
                    }
                };
                (self.because(Kind::Line, &line, &why.to_string(), key), until)
            }
        };
        Ok(LineAhead { line, held: Some(held), until, spent, ..LineAhead::default() })
    }

    /// Why no line of a system may be paid for now, if that is so.
    pub(super) async fn not_paid(
        &self,
        system: &SystemName,
        grade: Grade,
    ) -> Result<Option<NotPaid>, VerbError> {
        let (settings, now) = (self.config.station(), self.now());
        let mut refused = None;
        for called in settings.systems.iter().filter(|called| called.name == *system) {
            for line in &called.lines {
                let doubt = self.clock_doubt(&now);
                match settings.may_pay(&self.spool, line, called, grade, &now, doubt).await? {
                    None | Some(Ok(_)) => return Ok(None),
                    Some(Err(why)) => refused = Some(why),
                }
            }
        }
        Ok(refused)
    }

    /// What holds up a job, by its id, or a message, by its number.
    pub(super) async fn why(&self, who: &Who, what: &str) -> Result<Why, VerbError> {
        if let Ok(number) = what.parse::<u64>() {
            return self.why_message(who, number).await;
        }
        let mut after = None;
        loop {
            let page = self.jobs(who, JobFilter::default(), after).await?;
            if let Some(job) = page.jobs.into_iter().find(|job| job.id == what) {
                return self.why_job(job).await;
            }
            after = page.next;
            if after.is_none() {
                return Err(gone(&format!("job {what:?}")));
            }
        }
    }

    async fn why_job(&self, job: Job) -> Result<Why, VerbError> {
        let what = format!("job {} of {}: {}", job.id, job.user, job.work);
        let mut why = Why { what, because: Vec::new(), calls: Vec::new(), history: Vec::new() };
        let plain = |text: String| Because { text, rule: None };
        match job.state {
            JobState::Offered => {
                why.because.push(plain(format!("it goes in a call with {} now", job.system)))
            }
            JobState::Withheld => {
                why.because.push(plain(
                    "it is in an exported file; say what became of that by --done or --recall".into(),
                ));
            }
            JobState::Quarantined => why.because.push(plain("it is kept in quarantine".into())),
            JobState::Queued => why.because.push(plain(format!("it waits for a call with {}", job.system))),
        }
        if !job.note.is_empty() {
            why.because.push(plain(format!("the last time: {}", job.note)));
        }
        let Some(system) = self.config.system(&job.system).filter(|_| job.state == JobState::Queued) else {
            return Ok(why);
        };
        let name = system.name.as_str();
        if system.lines.is_empty() {
            why.because.push(plain(format!("{name} has no line to be called on: it calls us")));
            return Ok(why);
        }
        if !system.transfers.call {
            let text = "work goes in its calls, not in ours";
            why.because.push(self.because(Kind::System, name, text, "call-transfer"));
        }
        let ahead = self.ahead(system).await?;
        let now = self.now();
        let at = ahead.due.map_or(now.timestamp(), |due| due.max(now.timestamp()));
        let at = at.to_zoned(now.time_zone().clone());
        let grade = Grade::new(job.grade).unwrap_or(Grade::WORST);
        if system.plan.times.worst_at(&at).is_some_and(|worst| grade > worst) {
            let text = format!(
                "grade {grade} does not go in a call at that hour{}",
                from(system.plan.times.next_open(grade, &at))
            );
            why.because.push(self.because(Kind::System, name, &text, "times"));
        }
        let limits = &system.sizes.call_local;
        if let Some(size) = job.size.filter(|size| limits.at(&at).is_some_and(|most| *size > most)) {
            let text = format!("it is too large for a call at that hour{}", from(limits.next(size, &at)));
            why.because.push(self.because(Kind::System, name, &text, "call-local-size"));
        }
        why.calls.push(ahead);
        Ok(why)
    }

    async fn why_message(&self, who: &Who, number: u64) -> Result<Why, VerbError> {
        let filter = QueueFilter { messages: vec![number], ..QueueFilter::default() };
        let entries = self.queue(who, &filter, None).await?.entries;
        let history = self.spool.message_events(MessageId(number)).await?;
        let from = entries.first().map(|entry| entry.sender.clone()).or_else(|| sender_of(&history));
        let Some(sender) = from.filter(|sender| who.trusted || self.is_own(who, sender)) else {
            return Err(gone(&format!("message {number}")));
        };
        let happened = |event: Event| Happened { at: event.at, what: event.what, text: event.text };
        let mut why = Why {
            what: format!("message {number} from <{sender}>"),
            because: Vec::new(),
            calls: Vec::new(),
            history: history.into_iter().map(happened).collect(),
        };
        if entries.is_empty() {
            why.because.push(Because { text: "nothing of it waits any more".to_owned(), rule: None });
        }
        for entry in entries {
            let (recipient, site) = (&entry.recipient, &entry.site);
            let mut text = match entry.state {
                DeliveryState::Handed => format!("{recipient}: it waits for a call with {site}"),
                DeliveryState::Delivered => format!("{recipient}: delivered"),
                DeliveryState::Acknowledged => format!("{recipient}: {site} has it"),
                DeliveryState::Bounced => format!("{recipient}: sent back"),
                DeliveryState::Held => format!("{recipient}: held until it is released"),
                DeliveryState::Queued => {
                    format!(
                        "{recipient}: tried by {} {}",
                        entry.transport,
                        since(entry.due, self.now().timestamp())
                    )
                }
            };
            if !entry.note.is_empty() {
                text = format!("{text}; the last time: {}", entry.note);
            }
            why.because.push(Because { text, rule: None });
            let asked = why.calls.iter().any(|ahead| ahead.system == *site);
            if entry.state == DeliveryState::Handed
                && !asked
                && let Some(system) = self.config.system(site)
            {
                why.calls.push(self.ahead(system).await?);
            }
        }
        Ok(why)
    }

    fn because(&self, kind: Kind, name: &str, text: &str, key: &str) -> Because {
        Because { text: text.to_owned(), rule: self.config.rules.find(kind, name, key) }
    }

    fn now(&self) -> Zoned {
        clock::wall().to_zoned(self.config.node.time_zone.clone())
    }

    fn clock_doubt(&self, now: &Zoned) -> Option<Doubt> {
        self.events.clock_doubt().or_else(|| Doubt::of(now.timestamp(), None))
    }
}

fn from(moment: Option<Zoned>) -> String {
    moment.map_or_else(String::new, |moment| format!(", but from {} on", moment.strftime("%m-%d %H:%M")))
}

fn since(due: Timestamp, now: Timestamp) -> String {
    if due <= now { "now".to_owned() } else { format!("again at {due:.0}") }
}

/// The sender of a message that has gone, as it was written down when it came.
fn sender_of(history: &[Event]) -> Option<String> {
    let accepted = history.iter().find(|event| event.what == "accepted")?;
    let (sender, _) = accepted.text.strip_prefix("from <")?.split_once("> to ")?;
    Some(sender.to_owned())
}

fn gone(what: &str) -> VerbError {
    VerbError::Usage(format!("{what} is not here, or not yours; what has gone is in `uustat -m`"))
}
