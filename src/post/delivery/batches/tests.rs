use super::*;
use crate::job::Work;
use crate::post::batch::{Event, Limits, Reader, Unwrapper};
use crate::spool::{Job, NewDelivery, NewMessage, Wanted};

const LEASE: Duration = Duration::from_secs(600);

fn polux() -> SystemName {
    "polux".parse().unwrap()
}

/// A time, in seconds after the first mail.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

struct Leaf {
    spool: Spool,
    settings: Settings,
}

impl Leaf {
    fn new(terms: Terms) -> Leaf {
        let mut settings = Settings::new("leaf".parse().unwrap(), "leaf.example".to_owned());
        settings.batches.insert(polux(), terms);
        Leaf { spool: Spool::in_memory(), settings }
    }

    /// Mail for polux, which the queue hands on at once.
    async fn mail(&self, recipients: &[&str], text: &str, second: i64) {
        let deliveries = recipients.iter().map(|address| NewDelivery {
            recipient: (*address).to_owned(),
            transport: "uusmtp".to_owned(),
            site: "polux".to_owned(),
            address: (*address).to_owned(),
            ..NewDelivery::default()
        });
        let message = NewMessage {
            sender: "ann".to_owned(),
            content: Content::bytes(text.as_bytes().to_vec()),
            accepted: at(second),
            origin: "test".to_owned(),
            deliveries: deliveries.collect(),
            ..NewMessage::default()
        };
        self.spool.accept(None, vec![message]).await.unwrap();
        let due = self.spool.claim_deliveries(at(second), 1000, LEASE).await.unwrap();
        let (failed, handed) = hand(&self.spool, &self.settings, &polux(), due, at(second)).await.unwrap();
        assert!(failed.is_empty() && handed, "{failed:?}");
    }

    /// The commands that wait, and how many messages each has.
    async fn waiting(&self) -> Vec<(String, usize)> {
        let mut waiting = Vec::new();
        for job in self.spool.jobs(Some(polux()), None).await.unwrap() {
            let Work::Execute(execute) = job.work else { panic!("{:?}", job.work) };
            let number = job.stable.number;
            let carried = self.spool.carried(number).await.unwrap();
            let messages: std::collections::BTreeSet<_> = carried.iter().map(|one| one.message).collect();
            waiting.push((execute.command.to_string(), messages.len()));
        }
        waiting
    }

    /// A call takes all.
    async fn call(&self) -> Vec<Job> {
        self.spool.claim_jobs(at(0), polux(), Wanted::default(), 100, LEASE).await.unwrap()
    }

    /// What a job holds: envelopes and texts.
    async fn read(&self, job: &Job) -> Vec<(Envelope, String)> {
        let bytes = body::read_whole(&self.spool, job.body.unwrap()).await.unwrap();
        let mut unwrapper = Unwrapper::new(Limits::default());
        let (mut rest, mut batch) = (bytes.as_slice(), Vec::new());
        while unwrapper.step(&mut rest, &mut batch).unwrap() {}
        unwrapper.finish(&mut batch).unwrap();
        let mut reader = Reader::new(batch::Settings::default());
        reader.push(&batch).unwrap();
        let mut messages: Vec<(Envelope, String)> = Vec::new();
        while let Some(event) = reader.poll_event() {
            match event {
                Event::Message { envelope, .. } => messages.push((envelope, String::new())),
                Event::Data(text) => {
                    messages.last_mut().unwrap().1.push_str(std::str::from_utf8(&text).unwrap())
                }
                Event::MessageEnd => {}
            }
        }
        assert!(reader.is_framed());
        reader.finish().unwrap();
        messages
    }
}

fn rsmtp(messages: usize) -> (String, usize) {
    ("rsmtp".to_owned(), messages)
}

#[tokio::test]
async fn mail_is_gathered_until_a_call_takes_it() {
    let leaf = Leaf::new(Terms::default());
    for number in 0..20 {
        leaf.mail(&["bob", "a!b!joe"], &format!("mail {number}\n.\n"), number).await;
    }
    assert_eq!(leaf.waiting().await, [rsmtp(20)]);
    let jobs = leaf.call().await;
    let messages = leaf.read(&jobs[0]).await;
    assert_eq!(messages.len(), 20);
    for (number, (envelope, text)) in messages.iter().enumerate() {
        let recipients: Vec<&str> = envelope.recipients.iter().map(Address::as_str).collect();
        assert_eq!((envelope.sender.smtp(), recipients), ("leaf!ann", vec!["bob", "a!b!joe"]));
        assert_eq!(*text, format!("mail {number}\n.\n"));
    }
    leaf.mail(&["bob"], "more\n", 30).await;
    assert_eq!(leaf.waiting().await, [rsmtp(20), rsmtp(1)], "what the call has stays as it is");
}

#[tokio::test]
async fn five_hundred_recipients_are_one_job() {
    let leaf = Leaf::new(Terms::default());
    let recipients: Vec<String> = (0..500).map(|n| format!("user{n}@far.example")).collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    leaf.mail(&recipients, "to all\n", 0).await;
    let jobs = leaf.call().await;
    assert_eq!((jobs.len(), leaf.read(&jobs[0]).await[0].0.recipients.len()), (1, 500));
}

#[tokio::test]
async fn a_batch_is_closed_by_its_size_its_number_and_its_age() {
    let sized = Leaf::new(Terms { bytes: 2500, ..Terms::default() });
    for number in 0..5 {
        sized.mail(&["bob"], &"x".repeat(1000), number).await;
    }
    assert_eq!(sized.waiting().await, [rsmtp(2), rsmtp(2), rsmtp(1)]);
    sized.mail(&["bob"], &"y".repeat(9000), 9).await;
    assert_eq!(sized.waiting().await.last(), Some(&rsmtp(1)), "one message is never cut");

    let counted = Leaf::new(Terms { messages: 3, ..Terms::default() });
    for number in 0..7 {
        counted.mail(&["bob"], "x\n", number).await;
    }
    assert_eq!(counted.waiting().await, [rsmtp(3), rsmtp(3), rsmtp(1)]);

    let aged = Leaf::new(Terms { age: Duration::from_secs(60), ..Terms::default() });
    for second in [0, 30, 60, 61, 120] {
        aged.mail(&["bob"], "x\n", second).await;
    }
    assert_eq!(aged.waiting().await, [rsmtp(3), rsmtp(2)]);
}

#[tokio::test]
async fn a_batch_that_has_grown_is_not_written_anew_for_every_message() {
    let leaf = Leaf::new(Terms::default());
    for number in 0..64 {
        leaf.mail(&["bob"], &"x".repeat(8 * 1024), number).await;
    }
    let waiting: Vec<usize> = leaf.waiting().await.into_iter().map(|(_, messages)| messages).collect();
    assert_eq!(waiting.iter().sum::<usize>(), 64);
    assert!(waiting.len() <= 6, "{waiting:?}");
    let events = crate::spool::EventFilter { limit: 1000, ..Default::default() };
    let events = leaf.spool.events(events).await.unwrap();
    let made: u64 = events
        .iter()
        .filter(|(_, event)| event.what == "queued")
        .filter_map(|(_, event)| event.text.split(' ').nth(2)?.parse::<u64>().ok())
        .sum();
    assert!(made < 64 * 8 * 1024 * 10, "{made} bytes were written");
}

#[tokio::test]
async fn each_wrapper_has_its_command_and_saves_its_share() {
    let text: String = (0..400).map(|n| format!("Line {n} of a letter that says much the same.\n")).collect();
    for wrapper in Wrapper::ALL {
        let leaf = Leaf::new(Terms { wrapper, ..Terms::default() });
        leaf.mail(&["bob"], &text, 0).await;
        leaf.mail(&["bob"], &text, 1).await;
        assert_eq!(leaf.waiting().await, [(wrapper.command().to_owned(), 2)]);
        let jobs = leaf.call().await;
        let size = jobs[0].body.unwrap().size as usize;
        assert!(wrapper == Wrapper::Plain || size < text.len() / 2, "{wrapper:?}: {size}");
        let messages = leaf.read(&jobs[0]).await;
        assert!(messages.iter().all(|(_, read)| *read == text), "{wrapper:?}");
    }
}
