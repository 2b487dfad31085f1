//! What is ahead, from what is in the spool.

use super::*;
use crate::fault::CallFailure;
use crate::job::{Command, Execute, Grade, Notify, Work};
use crate::schedule::{Due, Hold, Plan, SizeLimits};
use crate::spool::{CallId, CallRecord, Content, NewCall, NewJob};
use crate::wire::call::Protocols;
use crate::wire::line::Declared;
use crate::wire::station::{LineKind, LineSettings};
use jiff::SignedDuration;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    format!("2026-11-23T{text}Z").parse().unwrap()
}

fn polux() -> SystemSettings {
    SystemSettings {
        name: "polux".parse().unwrap(),
        lines: Vec::new(),
        numbers: Vec::new(),
        address: None,
        certificate_name: None,
        sends: true,
        plan: Plan::default(),
        sizes: SizeLimits::new(vec![
            (100, "Wk0800-1800".parse().unwrap()),
            (1000, "Any0000-2200".parse().unwrap()),
        ]),
    }
}

#[tokio::test]
async fn a_call_that_a_clock_ahead_has_dated_keeps_nobody_waiting() {
    let spool = Spool::in_memory();
    let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/public".into());
    let settings = Settings::new(std::sync::Arc::new(node));
    let plan = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let system = SystemSettings { plan, ..polux() };
    let now = at("12:00:00").to_zoned(TimeZone::UTC);
    let began = at("12:00:00") + jiff::SignedDuration::from_hours(24 * 365);
    let call = NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing: true, began };
    let lease = spool.call_began(call, Duration::from_secs(60)).await.unwrap();
    spool.call_ended(lease, began, CallRecord::default()).await.unwrap();
    let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
    assert_eq!(outlook.next.unwrap().due, Due::At(now.timestamp()));
}

#[tokio::test]
async fn work_that_is_too_large_for_the_hour_is_called_for_when_its_hour_comes() {
    let spool = Spool::in_memory();
    let system = polux();
    let submit = async |size: usize, created| {
        let command = Command::parse("rmail ann").unwrap();
        let work = Work::Execute(Execute {
            command,
            user: "jan".to_owned(),
            requestor: None,
            notify: Notify::OnError,
        });
        let (system, content) = (system.name.clone(), Some(Content::bytes(vec![b'x'; size])));
        let job = NewJob { system, grade: Grade::MAIL, work, content, created };
        spool.submit_job(None, job).await.unwrap();
    };
    let called = |outgoing, began| {
        let call = NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing, began };
        PastCall { id: CallId(1), call, ended: Some(began), record: CallRecord::default() }
    };
    let hour =
        async |past: &[PastCall]| permitted_since(&spool, &system, past, &TimeZone::UTC).await.unwrap();
    submit(100, at("09:00:00")).await;
    assert_eq!(hour(&[]).await, None, "it may go at once");
    submit(5000, at("09:00:00")).await;
    assert_eq!(hour(&[]).await, Some(at("22:00:00")));
    submit(500, at("09:30:00")).await;
    assert_eq!(hour(&[]).await, Some(at("18:00:00")), "a smaller one sooner");
    assert_eq!(hour(&[called(false, at("18:30:00"))]).await, Some(at("18:00:00")), "it was not our call");
    assert_eq!(
        hour(&[called(true, at("18:00:00"))]).await,
        Some(at("22:00:00")),
        "that hour has had its call"
    );
    assert_eq!(hour(&[called(true, at("22:00:00"))]).await, None);
    let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/nowhere".into());
    let settings = Settings::new(std::sync::Arc::new(node));
    let now = at("22:30:00").to_zoned(TimeZone::UTC);
    let next = settings.outlook(&spool, &system, &now).await.unwrap().next.unwrap();
    assert_eq!(next.why, Why::Size, "nobody has asked for it");
}

#[tokio::test]
async fn a_call_that_found_its_line_taken_has_not_failed() {
    let spool = Spool::in_memory();
    let system = SystemSettings {
        plan: Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() },
        ..polux()
    };
    let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/nowhere".into());
    let settings = Settings::new(std::sync::Arc::new(node));
    let call = async |began: Timestamp, record: CallRecord| {
        let new = NewCall { system: system.name.clone(), line: "modem".to_owned(), outgoing: true, began };
        let lease = spool.call_began(new, Duration::from_secs(60)).await.unwrap();
        spool.call_ended(lease, began, record).await.unwrap();
    };
    call(at("09:00:00"), CallRecord::default()).await;
    let taken =
        || CallRecord { line_taken: true, failure: Some("in use".to_owned()), ..CallRecord::default() };
    call(at("10:00:00"), taken()).await;
    call(at("10:01:00"), taken()).await;
    let now = at("10:02:00").to_zoned(TimeZone::UTC);
    let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
    assert_eq!((outlook.failures, outlook.line_taken), (0, 2));
    let next = outlook.next.unwrap();
    assert_eq!(next.due, Due::At(at("10:03:00")));
    assert_eq!(next.held, Some(Hold::LineTaken));
}

#[tokio::test]
async fn a_line_that_is_taken_or_out_of_order_for_long_hides_no_failure_and_no_good_call() {
    let spool = Spool::in_memory();
    let plan = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let system = SystemSettings { plan, ..polux() };
    let settings = settings();
    let call = async |began: Timestamp, record: CallRecord| past_call(&spool, &system, began, record).await;
    let failed = |kind| CallRecord { failure: Some("x".to_owned()), kind, ..CallRecord::default() };
    call(at("08:00:00"), CallRecord::default()).await;
    call(at("09:00:00"), failed(Some(CallFailure::Busy))).await;
    call(at("09:01:00"), failed(None)).await;
    for minute in 2..59 {
        let began = at(&format!("09:{minute:02}:00"));
        let taken = CallRecord { line_taken: true, ..failed(None) };
        let record = if minute % 2 == 0 { taken } else { failed(Some(CallFailure::OwnSide)) };
        call(began, record).await;
    }
    let now = at("10:00:00").to_zoned(TimeZone::UTC);
    let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
    assert_eq!((outlook.failures, outlook.line_taken), (2, 29));
    assert_eq!(outlook.last, Some(at("09:01:00")));
    assert_eq!(outlook.next.unwrap().why, crate::schedule::Why::Retry);
    let fault = settings.line_fault(&spool, "modem", now.timestamp()).await.unwrap().unwrap();
    assert_eq!(fault.last, at("09:57:00"));
    assert_eq!(fault.until, at("10:57:00"), "the line has a clock of its own");
    call(at("10:30:00"), failed(Some(CallFailure::Busy))).await;
    let later = at("10:31:00");
    assert_eq!(settings.line_fault(&spool, "modem", later).await.unwrap(), None, "it has dialled");
    assert_eq!(settings.line_fault(&spool, "other", later).await.unwrap(), None);
}

fn settings() -> Settings {
    let node = crate::wire::call::Node::new("leaf".parse().unwrap(), "/nowhere".into());
    Settings::new(std::sync::Arc::new(node))
}

async fn past_call(spool: &Spool, system: &SystemSettings, began: Timestamp, record: CallRecord) {
    let line = "modem".to_owned();
    let call = NewCall { system: system.name.clone(), line, outgoing: true, began };
    let lease = spool.call_began(call, Duration::from_secs(60)).await.unwrap();
    spool.call_ended(lease, began, record).await.unwrap();
}

#[tokio::test]
async fn a_number_that_is_left_alone_keeps_no_other_line_waiting() {
    let spool = Spool::in_memory();
    let lines = ["modem", "net"].map(str::to_owned).to_vec();
    let plan = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let system = SystemSettings { plan, numbers: vec!["5555".to_owned()], ..polux() };
    let (number, kind) = (Some("5555".to_owned()), Some(CallFailure::Voice));
    let record = CallRecord { number, kind, failure: Some("voice".to_owned()), ..CallRecord::default() };
    past_call(&spool, &system, at("08:00:00"), record).await;
    let mut settings = settings();
    let kind = LineKind::tcp(Vec::new());
    let (answer, declared, protocols) = (false, Declared::default(), Protocols::default());
    settings.lines = vec![LineSettings {
        name: "net".to_owned(),
        answer,
        declared,
        protocols,
        order: None,
        hold_off: LineSettings::HOLD_OFF,
        kind,
    }];
    let now = at("08:30:00").to_zoned(TimeZone::UTC);
    let held = async |lines: &[String]| {
        let system = SystemSettings { lines: lines.to_vec(), ..system.clone() };
        let outlook = settings.outlook(&spool, &system, &now).await.unwrap();
        assert!(outlook.held().is_some());
        outlook.next.unwrap().held
    };
    assert_eq!(held(&lines[..1]).await, Some(Hold::Person));
    assert_eq!(held(&lines).await, Some(Hold::Retry));
}

/// What is at a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum There {
    Modem,
    Busy,
    /// A modem that is switched off, and was never met, or a telephone.
    Silent,
    Person,
    /// Busy, until our modem has it on its list.
    Listed,
}

fn there() -> impl Strategy<Value = There> {
    prop_oneof![
        Just(There::Modem),
        Just(There::Busy),
        Just(There::Silent),
        Just(There::Person),
        Just(There::Listed)
    ]
}

/// One call of a simulation: when, at which of the numbers, and what became of it.
type Called = (Timestamp, usize, Option<CallFailure>);

/// Three days of a system with these numbers, called every hour, and for mail that comes now and then; each step is read from the
/// spool anew, as after a restart.
async fn days(there: &[There], password: bool, mail: SignedDuration) -> Vec<Called> {
    let spool = Spool::in_memory();
    let plan = Plan { every: Some(Duration::from_secs(3600)), ..Plan::default() };
    let numbers = (0..there.len()).map(|place| format!("555{place}")).collect();
    let system = SystemSettings { plan, numbers, ..polux() };
    let settings = settings();
    let mut now = at("00:00:00");
    let (end, mut next_mail) = (now + SignedDuration::from_hours(3 * 24), now + mail);
    let mut log: Vec<Called> = Vec::new();
    while now < end {
        let outlook = settings.outlook(&spool, &system, &now.to_zoned(TimeZone::UTC)).await.unwrap();
        let due = match outlook.next.map(|next| next.due) {
            Some(Due::At(at)) => at.max(now),
            Some(Due::Never) | None => end,
        };
        if next_mail < due {
            now = next_mail;
            next_mail += mail;
            let (system, why) = (system.name.clone(), "mail".to_owned());
            let wish = Wish { system, grade: Grade::MAIL, why, since: now, at_once: false };
            spool.want_call(wish).await.unwrap();
            continue;
        }
        if due > now {
            // The spool keeps no nanoseconds.
            now = Timestamp::from_second(due.as_second() + 1).unwrap();
            continue;
        }
        let (number, held) = &outlook.numbers[0];
        assert_eq!(*held, None, "who is due has a number to be called at");
        let place = system.numbers.iter().position(|other| other == number).unwrap();
        let before = log.iter().filter(|(_, other, _)| *other == place).count();
        let failure = match there[place] {
            There::Modem if password => None,
            There::Modem => Some(CallFailure::Login),
            There::Listed if before > 3 => Some(CallFailure::Blacklisted),
            There::Busy | There::Listed => Some(CallFailure::Busy),
            There::Silent => Some(CallFailure::NoCarrier),
            There::Person => Some(CallFailure::Voice),
        };
        let record = CallRecord {
            number: Some(number.clone()),
            connect: (there[place] == There::Modem).then(|| "33600".to_owned()),
            failure: failure.map(|failure| format!("{failure:?}")),
            kind: failure,
            ..CallRecord::default()
        };
        past_call(&spool, &system, now, record).await;
        log.push((now, place, failure));
        now += SignedDuration::from_secs(30);
    }
    log
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn nobody_is_called_more_often_than_the_rules_allow(
        there in proptest::collection::vec(there(), 1..4), password: bool, mail in 7i64..200,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let log = runtime.block_on(days(&there, password, SignedDuration::from_mins(mail)));
        for (place, kind) in there.iter().enumerate() {
            let calls: Vec<&Called> = log.iter().filter(|(_, other, _)| *other == place).collect();
            let gaps = |from: usize| {
                calls.windows(2).skip(from).map(|pair| pair[1].0.duration_since(pair[0].0)).min()
            };
            let at_least = |gap: Option<SignedDuration>, least| gap.is_none_or(|gap| gap >= least);
            match kind {
                There::Person => {
                    prop_assert!((1..=3).contains(&calls.len()) || there.contains(&There::Modem));
                    prop_assert!(calls.len() <= 3 && at_least(gaps(0), SignedDuration::from_hours(6)));
                }
                There::Silent => {
                    prop_assert!(calls.len() <= 5 && at_least(gaps(2), SignedDuration::from_hours(6)), "{calls:?}");
                }
                There::Busy => {
                    prop_assert!(at_least(gaps(0), SignedDuration::from_secs(60)));
                    // Without a good call all are in a row.
                    if !log.iter().any(|(.., failure)| failure.is_none()) {
                        prop_assert!(at_least(gaps(10), SignedDuration::from_hours(1)), "{calls:?}");
                    }
                }
                There::Listed => {
                    prop_assert!(at_least(gaps(4), SignedDuration::from_hours(2)));
                }
                There::Modem if password => {
                    let good = log.iter().filter(|(.., failure)| failure.is_none()).count();
                    prop_assert!(good > 60, "there are {good} good calls");
                }
                There::Modem => prop_assert!(at_least(gaps(0), SignedDuration::from_hours(1))),
            }
        }
    }
}
