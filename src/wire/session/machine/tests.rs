mod expand;
mod fetch;
mod old;
mod refusals;
mod turns;

use super::super::command::{Letter, Rest};
use super::super::{Ending, JobKey, Kind, OutgoingJob, Refusal, Verdict};
use super::*;
use crate::job::{Command, Digest, Execute, Fetch, Grade, Notify, StableId, Work};
use crate::wire::link::{Abilities, Counters, Expect};
use proptest::prelude::*;

/// What the machine said through the link.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    Command(Channel, String),
    Data(Channel, u64, usize),
    Close,
}

/// A link that only remembers.
struct Paper {
    letter: char,
    channels: u8,
    sound: bool,
    room: usize,
    closes: bool,
    said: Vec<Said>,
}

impl Link for Paper {
    fn start(&mut self, _: Instant) {}
    fn handle_input(&mut self, _: Instant, _: &[u8]) {}
    fn handle_timeout(&mut self, _: Instant) {}
    fn poll_transmit(&mut self, _: Instant, _: usize, _: &mut Vec<u8>) -> bool {
        false
    }
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    fn poll_event(&mut self) -> Option<Event> {
        None
    }
    fn take_rest(&mut self) -> Vec<u8> {
        Vec::new()
    }
    fn abilities(&self) -> Abilities {
        Abilities { letter: self.letter, channels: self.channels, sound: self.sound, closes: self.closes }
    }
    fn room(&self) -> usize {
        self.room.min(1000)
    }
    fn send_command(&mut self, _: Instant, channel: Channel, text: &[u8]) {
        self.said.push(Said::Command(channel, String::from_utf8(text.to_vec()).unwrap()));
    }
    fn begin_file(&mut self, _: u64) {}
    fn send_data(&mut self, _: Instant, channel: Channel, position: u64, bytes: &[u8]) {
        self.room = self.room.saturating_sub(bytes.len());
        self.said.push(Said::Data(channel, position, bytes.len()));
    }
    fn expect(&mut self, _: Expect) {}
    fn close(&mut self, _: Instant) {
        self.said.push(Said::Close);
    }
    fn idle(&self) -> bool {
        true
    }
    fn counters(&self) -> Counters {
        Counters::default()
    }
}

/// One end of a session, the other end played by the test.
struct End {
    machine: Machine,
    link: Paper,
    now: Instant,
    jobs: VecDeque<OutgoingJob>,
    /// Of every file that is read, in bytes.
    size: usize,
    verdict: Verdict,
    /// It is also what becomes of a fetch.
    refuses_to_open: bool,
    opened_digest: Option<Digest>,
    /// What becomes of a file that has come whole.
    committed: Reply,
    /// What was asked, but for reading and finding jobs.
    asked: Vec<Ask>,
}

const ONLY: Channel = Channel::ONLY;

impl End {
    fn new(caller: bool, channels: u8, features: &[u8]) -> End {
        let features = Features::parse(features).unwrap();
        let agreement = Agreement {
            peer: "polux".parse().unwrap(),
            caller,
            features,
            protocol: 'p',
            knows_already: features.has(Features::RESTART),
            worst: None,
            limit: None,
            answered: true,
            rest: Vec::new(),
        };
        let permissions = Permissions { largest: 10_000, ..Permissions::default() };
        let machine = Machine::new("leaf".parse().unwrap(), &agreement, permissions, "/public".to_owned());
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let closes = channels > 1;
        let link = Paper { letter: 'p', channels, sound: true, room: usize::MAX, closes, said: Vec::new() };
        let verdict = Verdict::Take { offset: 0 };
        End {
            machine,
            link,
            now,
            jobs: VecDeque::new(),
            size: 3000,
            verdict,
            refuses_to_open: false,
            opened_digest: None,
            committed: Reply::Done,
            asked: Vec::new(),
        }
    }

    fn queue(&mut self, number: u64, work: Work, size: u64) {
        let stable = StableId { spool: 7, number };
        self.jobs.push_back(OutgoingJob {
            key: JobKey(number),
            stable,
            grade: Grade::MAIL,
            work,
            size,
            largest: None,
            begun: false,
            digest: None,
            rest: None,
        });
    }

    /// Goes on until the machine waits.
    fn run(&mut self) -> Option<Result<(), SessionError>> {
        for _ in 0..1000 {
            match self.machine.step(self.now, &mut self.link) {
                Step::Ask(ask) => {
                    let reply = self.reply(&ask);
                    if !matches!(
                        ask,
                        Ask::NextJob { .. } | Ask::Read { .. } | Ask::ReadOpened { .. } | Ask::Waiting { .. }
                    ) {
                        self.asked.push(ask);
                    }
                    self.machine.reply(self.now, &mut self.link, reply);
                }
                Step::Wait => return None,
                Step::WaitForRoom if self.link.room == 0 => return None,
                Step::WaitForRoom => {}
                Step::Over(result) => return Some(result),
            }
        }
        panic!("it goes on for ever");
    }

    fn reply(&mut self, ask: &Ask) -> Reply {
        match ask {
            Ask::NextJob { .. } => Reply::Job(self.jobs.pop_front().map(Box::new)),
            Ask::Read { offset, .. } | Ask::ReadOpened { offset, .. } => {
                let left = self.size.saturating_sub(usize::try_from(*offset).unwrap());
                Reply::Bytes(vec![1; left.min(2000)])
            }
            Ask::Offer { .. } => Reply::Verdict(self.verdict),
            Ask::Commit { .. } => self.committed.clone(),
            Ask::Open { .. } if self.refuses_to_open => Reply::Verdict(self.verdict),
            Ask::Open { path, .. } if path == "~/there" => {
                Reply::Opened { size: 3000, mode: 0o644, digest: self.opened_digest }
            }
            Ask::Open { path, .. } if path == "~/busy" => Reply::Verdict(Verdict::Refuse(Refusal::NoChannel)),
            Ask::Open { .. } => Reply::Verdict(Verdict::Refuse(Refusal::Denied)),
            Ask::Expand(expansion) => Reply::Expanded(expansion.pattern == "~/*.txt"),
            Ask::Waiting { worst } => {
                let grades = self.jobs.iter().map(|job| job.grade);
                Reply::Waiting(grades.filter(|grade| worst.is_none_or(|worst| *grade <= worst)).min())
            }
            _ => Reply::Done,
        }
    }

    fn event(&mut self, event: Event) -> Option<Result<(), SessionError>> {
        self.machine.handle_event(self.now, &mut self.link, event);
        self.run()
    }

    fn data(&mut self, channel: Channel, bytes: &[u8]) -> Option<Result<(), SessionError>> {
        self.event(Event::Data { channel, position: None, bytes: bytes.to_vec() })
    }

    /// A packet of a link that tells the position; gives back what is said to that.
    fn hears_at(&mut self, position: u64, channel: Channel, bytes: &[u8]) -> Vec<Said> {
        self.link.said.clear();
        let over = self.event(Event::Data { channel, position: Some(position), bytes: bytes.to_vec() });
        assert!(over.is_none(), "{over:?}");
        std::mem::take(&mut self.link.said)
    }

    /// The other end says a text, and its NUL; gives back what is said to that.
    fn hears(&mut self, channel: Channel, text: &str) -> Vec<Said> {
        self.link.said.clear();
        let over = self.data(channel, format!("{text}\0").as_bytes());
        assert!(over.is_none(), "{over:?}");
        std::mem::take(&mut self.link.said)
    }

    /// After so many seconds the link has room for 500 bytes; gives back on which channel they went.
    fn has_room_after(&mut self, seconds: u64) -> Vec<Channel> {
        self.link.said.clear();
        (self.now, self.link.room) = (self.now + Duration::from_secs(seconds), 500);
        assert_eq!(self.run(), None);
        let data = self.link.said.iter().filter_map(|said| match said {
            Said::Data(channel, ..) => Some(*channel),
            _ => None,
        });
        data.collect()
    }

    fn starts(&mut self) -> Vec<Said> {
        assert!(self.event(Event::Started).is_none());
        std::mem::take(&mut self.link.said)
    }
}

fn mail() -> Work {
    let command = Command::parse("rmail jan").unwrap();
    Work::Execute(Execute { command, user: "piet".to_owned(), requestor: None, notify: Notify::OnError })
}

fn send(to: &str) -> Work {
    Work::Send(crate::job::Send {
        from: "/home/piet/plan".to_owned(),
        to: to.to_owned(),
        user: "piet".to_owned(),
        mode: 0o644,
        make_directories: true,
        notify: None,
    })
}

fn fetch() -> Work {
    let (from, to) = ("~/a".to_owned(), "~/b".to_owned());
    Work::Fetch(Fetch { from, to, user: "jan".to_owned(), make_directories: true })
}

fn command(channel: Channel, text: &str) -> Said {
    Said::Command(channel, text.to_owned())
}

fn settled(end: &End) -> Vec<Ending> {
    let settled = end.asked.iter().filter_map(|ask| match ask {
        Ask::Settle { ending, .. } => Some(ending.clone()),
        _ => None,
    });
    settled.collect()
}

const TAYLOR: &[u8] = b"047";
const UUGATE: &[u8] = b"02047";

#[test]
fn a_job_for_taylor_is_one_e_command() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    assert_eq!(
        end.starts(),
        [command(ONLY, "E D._0000000000007 D.leafC0001 piet -C D.0001 0666 \"\" 0xbb8 rmail jan")]
    );
    let said = end.hears(ONLY, "EY");
    assert_eq!(said.iter().filter(|said| matches!(said, Said::Data(..))).count(), said.len());
    assert_eq!(said.last(), Some(&Said::Data(ONLY, 3000, 0)));
    assert_eq!(settled(&end), []);
    assert_eq!(end.hears(ONLY, "CY"), [command(ONLY, "H")]);
    assert_eq!(settled(&end), [Ending::Done]);
    assert_eq!(end.hears(ONLY, "HY"), [command(ONLY, "HY"), Said::Close]);
    assert_eq!(end.event(Event::Closed), Some(Ok(())));
}

#[test]
fn a_job_for_an_old_system_is_a_pair_of_files() {
    let mut end = End::new(true, 1, b"0");
    end.queue(1, mail(), 3000);
    assert_eq!(end.starts(), [command(ONLY, "S D._0000000000007 D.leafC0001 piet -C D.0001 0666")]);
    end.hears(ONLY, "SY");
    assert_eq!(end.hears(ONLY, "CY"), [command(ONLY, "S D._0000000000007 X.leafC0001 piet -C D.X001 0666")]);
    assert_eq!(settled(&end), []);
    let said = end.hears(ONLY, "SY");
    assert!(matches!(said[..], [Said::Data(_, 0, size), Said::Data(_, _, 0)] if size > 20));
    end.hears(ONLY, "CY");
    assert_eq!(settled(&end), [Ending::Done]);
}

#[test]
fn a_file_goes_on_where_it_stopped() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    end.starts();
    assert_eq!(end.hears(ONLY, "EY 0xbb0"), [Said::Data(ONLY, 2992, 8), Said::Data(ONLY, 3000, 0)]);
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    end.starts();
    assert!(matches!(end.data(ONLY, b"EY 0xbb9\0"), Some(Err(SessionError::Misbehaved(_)))));
}

#[test]
fn a_file_that_arrived_damaged_is_sent_again_from_where_it_began() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, mail(), 3000);
    end.starts();
    let whole = end.hears(ONLY, "EY 0xbb0");
    end.link.said.clear();
    assert!(end.event(Event::Again).is_none());
    assert_eq!(end.link.said, whole);
    end.hears(ONLY, "CY");
    assert_eq!(settled(&end), [Ending::Done]);
    let again = end.event(Event::Again);
    assert_eq!(again, Some(Err(SessionError::Link(LinkError::Damaged { protocol: 'p' }))));
}

#[test]
fn a_file_that_comes_damaged_is_taken_from_its_beginning_and_no_part_of_it_kept() {
    let mut end = End::new(false, 1, TAYLOR);
    end.link.sound = false;
    end.starts();
    end.hears(ONLY, "E D.9 D.x9 jan -C D.9 0666 \"\" 0x5 rmail x");
    let Ask::Offer { offer, .. } = &end.asked[0] else { panic!() };
    assert!(!offer.restart);
    end.data(ONLY, b"hell");
    assert!(end.event(Event::Spoiled).is_none());
    assert!(matches!(end.asked.last(), Some(Ask::Rewind { .. })));
    end.data(ONLY, b"hello");
    end.data(ONLY, b"");
    assert!(matches!(end.asked.last(), Some(Ask::Commit { .. })));
}

#[test]
fn a_hang_up_of_a_call_for_urgent_jobs_says_nothing_of_the_others() {
    let mut end = End::new(false, 1, TAYLOR);
    end.machine.worst = Some(Grade::MAIL);
    end.starts();
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    assert!(end.asked.is_empty(), "{:?}", end.asked);
}

#[test]
fn what_arrives_is_kept_before_it_is_said() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    // Stale bytes stand behind the NUL.
    let over = end.data(ONLY, b"E D.9 D.x9 jan -CR D.9 0666 piet 0x5 rmail x\0tale");
    assert!(over.is_none());
    assert_eq!(end.link.said, [command(ONLY, "EY")]);
    end.data(ONLY, b"hel");
    end.data(ONLY, b"lo");
    end.data(ONLY, b"");
    assert_eq!(end.link.said.last(), Some(&command(ONLY, "CY")));
    let Ask::Offer { offer, .. } = &end.asked[0] else { panic!() };
    let Kind::Execution(execute) = &offer.kind else { panic!() };
    assert_eq!((execute.requestor.as_deref(), offer.size, offer.restart), (Some("piet"), Some(5), true));
    assert!(matches!(&end.asked[1..], [Ask::Write { .. }, Ask::Write { .. }, Ask::Commit { .. }]));
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    assert_eq!(end.asked.last(), Some(&Ask::Heard));
    assert_eq!(end.hears(ONLY, "HY"), [Said::Close]);
    assert_eq!(end.event(Event::Closed), Some(Ok(())));
    assert_eq!(end.machine.tally().received, 1);
}

#[test]
fn a_peer_that_just_hangs_up_after_both_agreed_has_done_no_wrong() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    end.hears(ONLY, "H");
    assert_eq!(end.event(Event::Failed(LinkError::ClosedByPeer { protocol: 'p' })), Some(Ok(())));
    let mut end = End::new(true, 1, TAYLOR);
    end.starts();
    assert!(matches!(end.event(Event::Closed), Some(Err(SessionError::Link(_)))));
}

#[test]
fn what_is_not_permitted_is_refused_and_the_session_goes_on() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    for (text, answer) in [
        ("S /home/x /etc/passwd jan -C D.1 0666 \"\" 0x1", "SN2"),
        ("S /home/x ~/../x jan -C D.1 0666 \"\" 0x1", "SN2"),
        ("S /home/x ~root/x jan -C D.1 0666 \"\" 0x1", "SN2"),
        ("S /home/x D.../x jan -C D.1 0666 \"\" 0x1", "SN2"),
        ("S /home/x C.x jan -C D.1 0666 \"\" 0x1", "SN2"),
        ("S x ~/a\\000b jan -Cq D.1 0666 \"\" 0x1", "SN2"),
        ("S x ~/x jan -C D.1 0666 \"\" 0x2711", "SN7"),
        ("S x", "SN2"),
        ("E D.1 ../x jan -C D.1 0666 \"\" 0x1 rmail x", "EN2"),
        ("E D.1 D.x jan -Ce D.1 0666 \"\" 0x1 rmail x", "EN2"),
        ("R /etc/passwd ~/x jan -d 0x1000", "RN2"),
        ("R ~/../x ~/x jan -d 0x1000", "RN2"),
        ("R ~/none ~/x jan -d 0x1000", "RN2"),
        ("R ~/there ~/x jan -d 0x100", "RN6"),
        ("X ~/* leaf!~/x jan -d", "XN"),
    ] {
        assert_eq!(end.hears(ONLY, text), [command(ONLY, answer)], "{text}");
    }
    assert!(!end.asked.iter().any(|ask| matches!(ask, Ask::Offer { .. })));
    assert_eq!(end.hears(ONLY, "S x ~/x jan -C D.1 0666 \"\" 0x1"), [command(ONLY, "SY")]);
}

#[test]
fn a_command_that_may_not_run_here_is_taken_all_the_same() {
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    assert_eq!(end.hears(ONLY, "E D.1 D.x1 jan -C D.1 0666 \"\" 0x1 rm -rf /"), [command(ONLY, "EY")]);
}

#[test]
fn a_file_that_is_not_what_was_told_is_not_kept_and_comes_again_unless_the_line_is_trusted() {
    let cases = [
        ('t', TAYLOR, Some("CN5")),
        ('t', UUGATE, Some("CN5")),
        ('g', UUGATE, Some("CN4")),
        ('i', UUGATE, Some("CN4")),
        ('g', TAYLOR, None),
        ('i', TAYLOR, None),
    ];
    let too_much_and_too_little: [&[&[u8]]; 4] = [&[b"123456"], &[b"1234", b"56"], &[b"1234"], &[]];
    let all =
        cases.iter().flat_map(|case| too_much_and_too_little.iter().map(move |pieces| (*case, *pieces)));
    for ((letter, features, answer), pieces) in all {
        let mut end = End::new(false, 1, features);
        end.link.letter = letter;
        end.starts();
        end.hears(ONLY, "E D.1 D.x1 jan -C D.1 0666 \"\" 0x5 rmail x");
        for piece in pieces {
            assert!(end.data(ONLY, piece).is_none());
        }
        end.link.said.clear();
        let over = end.data(ONLY, b"");
        // No part of it is kept for the next call either.
        assert!(end.asked.iter().any(|ask| matches!(ask, Ask::Drop { .. })), "{letter}");
        assert!(!end.asked.iter().any(|ask| matches!(ask, Ask::Commit { .. })));
        match answer {
            Some(answer) => {
                assert_eq!((over, &end.link.said[..]), (None, &[command(ONLY, answer)][..]), "{letter}");
                assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
            }
            None => {
                let damaged = LinkError::Damaged { protocol: letter };
                assert_eq!((over, &end.link.said[..]), (Some(Err(damaged.into())), &[][..]));
            }
        }
    }
}

#[test]
fn a_file_whose_size_was_not_told_is_refused_for_good_if_it_is_larger_than_what_is_taken() {
    let mut end = End::new(false, 1, b"0");
    end.link.letter = 'g';
    end.starts();
    end.hears(ONLY, "S D.1 D.x1 jan -C D.1 0666");
    end.data(ONLY, &[1; 10_001]);
    end.link.said.clear();
    assert_eq!(end.data(ONLY, b""), None);
    assert_eq!(end.link.said, [command(ONLY, "CN5")]);
}

#[test]
fn nonsense_ends_the_session_within_bounds() {
    let over = |caller: bool, channels, bytes: &[u8]| {
        let mut end = End::new(caller, channels, TAYLOR);
        end.starts();
        end.data(if channels > 1 { Channel::Theirs(1) } else { ONLY }, bytes)
    };
    for bytes in [&b"Q\0"[..], b"\0", b"CY\0", b"\xff\0"] {
        assert!(matches!(over(false, 1, bytes), Some(Err(SessionError::Misbehaved(_)))), "{bytes:?}");
        assert!(matches!(over(false, 7, bytes), Some(Err(SessionError::Misbehaved(_)))), "{bytes:?}");
    }
    // A master that has said H is asked for jobs instead of answered.
    assert!(matches!(over(true, 1, b"E D.1 D.1 j -C D.1 0666 \"\" 0x1 rmail\0"), Some(Err(_))));
    let mut end = End::new(false, 1, TAYLOR);
    end.starts();
    let mut ended = None;
    for _ in 0..100 {
        ended = ended.or(end.data(ONLY, &[b'S'; 1000]));
    }
    assert!(matches!(ended, Some(Err(SessionError::Misbehaved(_)))));
}

#[test]
fn with_channels_both_ends_work_at_once() {
    let mut end = End::new(true, 7, TAYLOR);
    end.queue(1, mail(), 3000);
    end.queue(2, mail(), 3000);
    let said = end.starts();
    let begun = |number: u8| {
        let channel = Channel::Ours(number);
        said.iter()
            .any(|said| matches!(said, Said::Command(on, text) if *on == channel && text.starts_with('E')))
    };
    assert!(begun(1) && begun(2));
    // Commands first, and then the files, for which no verdict is awaited.
    let data = |number: u8, from: u64, bytes: usize| Said::Data(Channel::Ours(number), from, bytes);
    let file = |number| {
        [data(number, 0, 1000), data(number, 1000, 1000), data(number, 2000, 1000), data(number, 3000, 0)]
    };
    assert_eq!(said[2..], [file(1), file(2)].concat());
    // The peer's file comes before our answers to its command, and before its answers to ours.
    let theirs = Channel::Theirs(3);
    assert_eq!(end.hears(theirs, "E D.9 D.x9 jan -C D.9 0666 \"\" 0x2 rmail x"), [command(theirs, "EY")]);
    assert!(end.event(Event::Data { channel: theirs, position: Some(0), bytes: b"ab".to_vec() }).is_none());
    assert_eq!(end.hears(Channel::Ours(2), "EY"), []);
    assert_eq!(end.hears(Channel::Ours(2), "CY"), []);
    // The file is out already, to its end.
    assert_eq!(end.hears(Channel::Ours(1), "EN2"), []);
    // Hanging up waits for the peer's file.
    end.link.said.clear();
    assert!(end.event(Event::Data { channel: theirs, position: Some(2), bytes: Vec::new() }).is_none());
    assert_eq!(end.link.said, [command(theirs, "CY"), command(ONLY, "H")]);
    // What was under way for a channel that is free again is let fall.
    assert_eq!(end.hears(Channel::Ours(1), "CY"), []);
    assert_eq!(end.hears(ONLY, "HY"), [command(ONLY, "HY"), Said::Close]);
    assert_eq!(settled(&end).len(), 2);
}

#[test]
fn of_a_large_file_the_beginning_goes_before_the_verdict() {
    let ours = Channel::Ours(1);
    let large = || {
        let mut end = End::new(true, 7, TAYLOR);
        end.size = 20_000;
        end.queue(1, mail(), 20_000);
        assert_eq!(end.starts().last(), Some(&Said::Data(ours, 16_000, 384)));
        end
    };
    // The peer has a part of it: it goes on behind that.
    let mut end = large();
    assert_eq!(end.hears(ours, "EY 0x4e18"), [Said::Data(ours, 19_992, 8), Said::Data(ours, 20_000, 0)]);
    assert_eq!(end.hears(ours, "CY"), [command(ONLY, "H")]);
    assert_eq!(settled(&end), [Ending::Done]);
    // It is past that point already.
    assert_eq!(large().hears(ours, "EY 0x1").first(), Some(&Said::Data(ours, 16_384, 1000)));
    assert_eq!(large().hears(ours, "EY").last(), Some(&Said::Data(ours, 20_000, 0)));
    // The end that shows the channel to be free again.
    let mut end = large();
    assert_eq!(end.hears(ours, "EN2"), [Said::Data(ours, 16_384, 0), command(ONLY, "H")]);
    assert!(matches!(&settled(&end)[..], [Ending::Refused(_)]));
    for wrong in ["CY", "EY 0x4e21", "XY"] {
        let over = large().data(ours, format!("{wrong}\0").as_bytes());
        assert!(matches!(over, Some(Err(SessionError::Misbehaved(_)))), "{wrong}");
    }
    let mut end = large();
    end.hears(ours, "EY");
    assert!(matches!(end.data(ours, b"EY\0"), Some(Err(SessionError::Misbehaved(_)))));
    // Of one that was begun in an earlier call it is likely to have a part.
    let mut end = End::new(true, 7, TAYLOR);
    end.size = 20_000;
    end.queue(1, mail(), 20_000);
    end.jobs[0].begun = true;
    assert!(!end.starts().iter().any(|said| matches!(said, Said::Data(..))));
    assert_eq!(end.hears(ours, "EY 0x4e18"), [Said::Data(ours, 19_992, 8), Said::Data(ours, 20_000, 0)]);
}

#[test]
fn no_file_goes_whole_to_a_peer_that_has_not_answered_yet() {
    let mut end = End::new(true, 7, UUGATE);
    end.machine.answered = false;
    end.queue(1, mail(), 3000);
    end.queue(2, mail(), 0);
    let said = end.starts();
    assert_eq!(
        said.iter().rfind(|said| matches!(said, Said::Data(..))),
        Some(&Said::Data(Channel::Ours(1), 2000, 999))
    );
    let rest = [Said::Data(Channel::Ours(1), 2999, 1), Said::Data(Channel::Ours(1), 3000, 0)];
    assert_eq!(end.hears(Channel::Ours(1), "EY"), rest);
}

#[test]
fn between_uugates_the_last_job_and_the_hang_up_go_together() {
    let ours = Channel::Ours(1);
    let last = |answers: &[&str]| {
        let mut end = End::new(true, 7, UUGATE);
        end.queue(1, mail(), 3000);
        assert_eq!(end.starts().last(), Some(&command(ONLY, "H")));
        for answer in answers {
            assert_eq!(end.hears(ours, answer), [], "{answer}");
        }
        end
    };
    for (answers, done) in
        [(&["EY", "CY"][..], true), (&["EN8"], true), (&["EY", "CN5"], false), (&["EN4"], false)]
    {
        let mut end = last(answers);
        assert_eq!(end.hears(ONLY, "HY"), [command(ONLY, "HY"), Said::Close]);
        assert_eq!(settled(&end) == [Ending::Done], done, "{answers:?}");
        assert_eq!(end.event(Event::Closed), Some(Ok(())));
    }
    // With all channels taken it is not known whether there is another job.
    let mut end = End::new(true, 2, UUGATE);
    (1..=3).for_each(|number| end.queue(number, mail(), 3000));
    assert!(!end.starts().contains(&command(ONLY, "H")));
    end.hears(ours, "EY");
    assert!(matches!(&end.hears(ours, "CY")[..], [Said::Command(_, text), ..] if text.starts_with('E')));
    // The peer has work too.
    let mut end = last(&["EY"]);
    assert_eq!(end.hears(ONLY, "HN"), []);
    assert_eq!(end.hears(ours, "CY"), []);
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY"), Said::Close]);
    // No job is done without its CY.
    let over = last(&["EY"]).data(ONLY, b"HY\0");
    assert!(matches!(over, Some(Err(SessionError::Misbehaved(_)))));
}

/// What goes ahead: a command whose file follows, and the file.
fn ahead(number: u64, size: usize) -> Vec<Said> {
    // The first tells whose they are.
    let from = if number == 1 { "D._0000000000007" } else { "D.0" };
    let text = format!("+E {from} D.0 piet -C D.000{number} 0666 \"\" 0x{size:x} rmail jan");
    let part = size.min(4096);
    let mut said = vec![command(ONLY, &text)];
    // The link of these tests has room for so much, and the store gives twice that.
    said.extend((0..part).step_by(1000).map(|at| Said::Data(ONLY, at as u64, (part - at).min(1000))));
    said.push(Said::Data(ONLY, part as u64, 0));
    said
}

#[test]
fn between_uugates_no_answer_is_awaited_where_there_are_no_channels() {
    let mut end = End::new(true, 1, UUGATE);
    (1..=3).for_each(|number| end.queue(number, mail(), 3000));
    let jobs = [ahead(1, 3000), ahead(2, 3000), ahead(3, 3000)].concat();
    assert_eq!(end.starts(), [jobs, vec![command(ONLY, "H")]].concat());
    // Every answer is for the first job that has none; the one to H comes last.
    for answer in ["EY", "CY", "EN2", "EY", "CN5"] {
        assert_eq!(end.hears(ONLY, answer), [], "{answer}");
    }
    assert!(matches!(&settled(&end)[..], [Ending::Done, Ending::Refused(_), Ending::Refused(_)]));
    assert_eq!(end.hears(ONLY, "HY"), [command(ONLY, "HY"), Said::Close]);
    assert_eq!(end.machine.tally().sent, 1);
    // No job is done without its CY.
    let mut end = End::new(true, 1, UUGATE);
    end.queue(1, mail(), 3000);
    end.starts();
    end.hears(ONLY, "EY");
    assert!(matches!(end.data(ONLY, b"HY\0"), Some(Err(SessionError::Misbehaved(_)))));
    assert_eq!(settled(&end), []);
}

#[test]
fn only_so_many_jobs_go_ahead() {
    let mut end = End::new(true, 1, UUGATE);
    (1..=9).for_each(|number| end.queue(number, mail(), 3000));
    let commands = |said: &[Said]| said.iter().filter(|said| matches!(said, Said::Command(..))).count();
    assert_eq!(commands(&end.starts()), usize::from(crate::wire::session::ahead::JOBS));
    assert_eq!(end.hears(ONLY, "EY"), []);
    assert_eq!(end.hears(ONLY, "CY"), ahead(8, 3000));
    // A slave that wants to be master gets no more than is said already.
    end.hears(ONLY, "EY");
    assert_eq!(end.hears(ONLY, "CYM"), []);
    for _ in 3..=7 {
        end.hears(ONLY, "EY");
        assert_eq!(end.hears(ONLY, "CY"), []);
    }
    assert_eq!(end.hears(ONLY, "EN8"), [command(ONLY, "H")]);
    assert_eq!(settled(&end), vec![Ending::Done; 8]);
    end.hears(ONLY, "HN");
    assert_eq!(end.hears(ONLY, "R ~/none ~/x jan -d"), [command(ONLY, "RN2")]);
    let said = end.hears(ONLY, "H");
    assert_eq!(said, [vec![command(ONLY, "HN")], ahead(9, 3000), vec![command(ONLY, "H")]].concat());
}

#[test]
fn of_a_large_file_one_part_goes_ahead_and_the_rest_when_it_is_taken() {
    let large = || {
        let mut end = End::new(true, 1, UUGATE);
        end.size = 9000;
        end.queue(1, mail(), 9000);
        end.queue(2, mail(), 9000);
        assert_eq!(end.starts(), ahead(1, 9000));
        end
    };
    let mut end = large();
    let said = end.hears(ONLY, "EY");
    assert_eq!(said[0], Said::Data(ONLY, 4096, 1000));
    assert_eq!(said[said.len() - ahead(2, 9000).len()..], ahead(2, 9000));
    assert_eq!(said[said.len() - ahead(2, 9000).len() - 1], Said::Data(ONLY, 9000, 0));
    // The peer has more of it than the part.
    let said = large().hears(ONLY, "EY 0x2320");
    assert_eq!(said[..2], [Said::Data(ONLY, 8992, 8), Said::Data(ONLY, 9000, 0)]);
    assert_eq!(large().hears(ONLY, "EY 0x10")[0], Said::Data(ONLY, 4096, 1000));
    assert_eq!(large().hears(ONLY, "EN4"), ahead(2, 9000));
    for wrong in ["CY", "EY 0x2329", "HY"] {
        let over = large().data(ONLY, format!("{wrong}\0").as_bytes());
        assert!(matches!(over, Some(Err(SessionError::Misbehaved(_)))), "{wrong}");
    }
}

#[test]
fn without_channels_nothing_goes_ahead_of_a_large_file_that_was_begun_before() {
    let mut end = End::new(true, 1, UUGATE);
    end.size = 9000;
    end.queue(1, mail(), 9000);
    end.jobs[0].begun = true;
    assert!(matches!(&end.starts()[..], [Said::Command(_, text)] if text.starts_with('E')));
    let said = end.hears(ONLY, "EY 0x1388");
    assert_eq!(said.first(), Some(&Said::Data(ONLY, 5000, 1000)));
    assert_eq!(said.last(), Some(&command(ONLY, "H")));
}

#[test]
fn a_file_that_is_fetched_lets_nothing_go_ahead_of_it() {
    let mut end = End::new(true, 1, UUGATE);
    end.queue(1, mail(), 3000);
    end.queue(2, fetch(), 0);
    end.queue(3, mail(), 3000);
    assert_eq!(end.starts(), [ahead(1, 3000), vec![command(ONLY, "R ~/a ~/b jan -d 0x2710")]].concat());
    end.hears(ONLY, "EY");
    end.hears(ONLY, "CY");
    end.hears(ONLY, "RY 0644 0x3");
    end.data(ONLY, b"abc");
    end.link.said.clear();
    end.data(ONLY, b"");
    let rest = [vec![command(ONLY, "CY")], ahead(3, 3000), vec![command(ONLY, "H")]].concat();
    assert_eq!(end.link.said, rest);
}

#[test]
fn what_was_sent_ahead_of_a_refusal_is_let_through() {
    // A peer may know us for a uugate when noise has hidden it from us.
    for features in [UUGATE, TAYLOR] {
        let mut end = End::new(false, 1, features);
        end.starts();
        for (refused, answer) in [
            ("+S x /etc/x jan -C D.1 0666 \"\" 0x10", "SN2"),
            ("+E D.1 ../x jan -C D.1 0666 \"\" 0x1 rmail x", "EN2"),
            ("+S x", "SN2"),
        ] {
            assert_eq!(end.hears(ONLY, refused), [command(ONLY, answer)]);
            assert!(end.data(ONLY, b"S x ~/x jan -C D.1 0666 \"\" 0x1\0").is_none());
            assert!(end.data(ONLY, b"").is_none());
        }
        end.verdict = Verdict::Already;
        assert_eq!(end.hears(ONLY, "+E D.9 D.x9 jan -C D.9 0666 \"\" 0x2 rmail x"), [command(ONLY, "EN8")]);
        end.data(ONLY, b"H\0");
        end.data(ONLY, b"");
        // What is taken from its second byte on comes from its first.
        end.verdict = Verdict::Take { offset: 1 };
        assert_eq!(
            end.hears(ONLY, "+E D.9 D.x9 jan -C D.9 0666 \"\" 0x3 rmail x"),
            [command(ONLY, "EY 0x1")]
        );
        end.data(ONLY, b"abc");
        end.link.said.clear();
        end.data(ONLY, b"");
        assert_eq!(end.link.said, [command(ONLY, "CY")]);
        let written = end.asked.iter().find_map(|ask| match ask {
            Ask::Write { bytes, .. } => Some(bytes.clone()),
            _ => None,
        });
        assert_eq!(written.as_deref(), Some(&b"bc"[..]));
        assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
    }
    for wrong in ["+H", "+R ~/there ~/x jan -d", "+S x ~/x jan -C D.1 0666", "++S x"] {
        let mut end = End::new(false, 1, UUGATE);
        end.starts();
        let over = end.data(ONLY, format!("{wrong}\0").as_bytes());
        assert!(matches!(over, Some(Err(SessionError::Misbehaved(_)))), "{wrong}");
    }
    for (channels, sound) in [(7, true), (1, false)] {
        let mut end = End::new(false, channels, UUGATE);
        end.link.sound = sound;
        end.starts();
        let over = end.data(if sound { Channel::Theirs(1) } else { ONLY }, b"+E D.1 D.x1 jan\0");
        assert!(matches!(over, Some(Err(SessionError::Misbehaved(_)))));
    }
}

#[test]
fn where_files_may_have_to_come_again_nothing_goes_ahead() {
    let mut end = End::new(true, 1, UUGATE);
    end.link.sound = false;
    end.queue(1, mail(), 3000);
    assert!(matches!(&end.starts()[..], [Said::Command(_, text)] if text.starts_with('E')));
    end.hears(ONLY, "EY");
    assert_eq!(end.hears(ONLY, "CY"), [command(ONLY, "H")]);
}

#[test]
fn an_h_that_went_ahead_does_not_show_that_our_cy_was_heard() {
    let mut end = End::new(false, 7, UUGATE);
    end.starts();
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY"), Said::Close]);
    assert_eq!(end.asked, []);
    end.hears(ONLY, "HY");
    assert_eq!(end.asked, [Ask::Heard]);
}

#[test]
fn a_link_with_an_end_of_its_own_ends_without_waiting_for_the_confirmation() {
    for channels in [1, 7] {
        let mut end = End::new(false, channels, TAYLOR);
        end.link.closes = true;
        end.starts();
        assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY"), Said::Close]);
        assert!(end.machine.hang_up_agreed());
        assert_eq!(end.event(Event::Closed), Some(Ok(())));
    }
}

#[test]
fn a_refused_file_that_is_on_its_way_is_let_through() {
    let mut end = End::new(false, 7, TAYLOR);
    end.starts();
    let theirs = Channel::Theirs(1);
    assert_eq!(end.hears(theirs, "S x /etc/x jan -C D.1 0666 \"\" 0x10"), [command(theirs, "SN2")]);
    assert!(end.data(theirs, b"S of the file, no command").is_none());
    assert!(end.data(theirs, b"").is_none());
    assert_eq!(end.hears(theirs, "S x ~/x jan -C D.1 0666 \"\" 0x1"), [command(theirs, "SY")]);
    // A peer that had not begun to send it says no end either.
    let theirs = Channel::Theirs(2);
    assert_eq!(end.hears(theirs, "S x /etc/x jan -C D.1 0666 \"\" 0x10"), [command(theirs, "SN2")]);
    assert_eq!(end.hears_at(90, theirs, b"R /etc/y /tmp/y jan -d\0"), [command(theirs, "RN2")]);
    assert_eq!(end.hears(theirs, "S x ~/y jan -C D.1 0666 \"\" 0x1"), [command(theirs, "SY")]);
    // Its next command may be in two packets, and a file on another channel between them.
    let theirs = Channel::Theirs(3);
    assert_eq!(end.hears(theirs, "S x /etc/x jan -C D.1 0666 \"\" 0x10"), [command(theirs, "SN2")]);
    assert_eq!(end.hears_at(90, theirs, b"R /etc/y /t"), []);
    assert_eq!(end.hears_at(0, theirs, b"mp/y jan -d\0"), [command(theirs, "RN2")]);
}

/// A user of the peer could choose in whose name it is carried out.
#[test]
fn a_refused_file_that_looks_like_a_command_is_none() {
    let theirs = Channel::Theirs(1);
    let line = b"E D.1 D.x1 root -CR D.1 0666 ann 0x1 rmail x\0";
    for (features, first) in [(TAYLOR, 0), (UUGATE, 0), (UUGATE, 90)] {
        let mut end = End::new(false, 7, features);
        end.starts();
        assert_eq!(end.hears(theirs, "S x /etc/x jan -C D.1 0666 \"\" 0x10"), [command(theirs, "SN2")]);
        assert_eq!(end.hears_at(first, theirs, line), []);
        assert_eq!(end.hears_at(1000, theirs, line), []);
        assert_eq!(end.hears_at(2000, theirs, b""), []);
        assert_eq!(end.asked, []);
        assert_eq!(end.hears_at(2000, theirs, line), [command(theirs, "EY")]);
    }
}

#[test]
fn sizes_and_grades_of_the_peer_are_obeyed() {
    let mut end = End::new(true, 1, TAYLOR);
    end.machine.limit = Some(2000);
    end.queue(1, mail(), 3000);
    assert_eq!(end.starts(), [command(ONLY, "H")]);
    assert!(matches!(&settled(&end)[..], [Ending::Deferred(_)]));
}

fn events() -> impl Strategy<Value = Event> {
    let channel = (any::<bool>(), 0_u8..9).prop_map(|(ours, number)| match ours {
        true => Channel::Ours(number),
        false => Channel::Theirs(number),
    });
    let text = prop_oneof![
        "(EY|SY|RY 0644|SY 0x[0-9a-f]{1,5}|[SER]N[0-9]{0,2}|CY|CYM|CN5|HY|HN|H|XY|)\0",
        "[+]?[SE] (D\\.1|~/x) (D\\.x1|~/x|X\\.1) jan -C D\\.[1-9] 0666 \"\" 0x[0-9] rmail x\0",
        "R ~/(there|none) ~/x jan -d\0",
        "[SREXHCYN 0-9\0]{0,12}",
    ];
    let bytes = prop_oneof![
        text.prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..20),
        Just(Vec::new()),
    ];
    let data = (channel, proptest::option::of(0_u64..12), bytes)
        .prop_map(|(channel, position, bytes)| Event::Data { channel, position, bytes });
    prop_oneof![20 => data, 1 => Just(Event::Closed)]
}

proptest! {
    #[test]
    fn no_peer_breaks_it(
        events in proptest::collection::vec(events(), 0..40),
        caller: bool,
        channels in prop_oneof![Just(1_u8), Just(7)],
        features in prop_oneof![Just(TAYLOR), Just(UUGATE)],
        jobs in 0_u64..4,
    ) {
        let mut end = End::new(caller, channels, features);
        for number in 0..jobs {
            end.queue(number, if number == 2 { fetch() } else { mail() }, 3000);
        }
        end.starts();
        for event in events {
            if end.event(event).is_some() {
                break;
            }
        }
        // What was settled as sent was said to have been kept; whatever happened, nothing was settled twice.
        let settles = end.asked.iter().filter_map(|ask| match ask { Ask::Settle { job, .. } => Some(job.0), _ => None });
        let mut settles: Vec<u64> = settles.collect();
        let count = settles.len();
        settles.sort_unstable();
        settles.dedup();
        prop_assert_eq!(settles.len(), count);
    }
}

#[test]
fn a_file_that_has_had_its_time_makes_way_for_the_next() {
    let (first, second, third) = (Channel::Ours(1), Channel::Ours(2), Channel::Ours(3));
    let mut end = End::new(true, 7, TAYLOR);
    end.machine.file_time = Some(Duration::from_secs(10));
    end.link.room = 0;
    for number in 1..3 {
        end.queue(number, mail(), 3000);
    }
    end.starts();
    assert_eq!(end.has_room_after(0), [first]);
    assert_eq!(end.has_room_after(9), [first]);
    assert_eq!(end.has_room_after(1), [second]);
    // What was queued meanwhile has its turn like the others.
    end.queue(3, mail(), 3000);
    assert_eq!(end.has_room_after(10), [first]);
    assert_eq!(end.has_room_after(10), [second]);
    assert_eq!(end.has_room_after(10), [third]);

    // Without it, or without channels, each goes to its end.
    for (channels, time) in [(7, None), (1, Some(Duration::from_secs(10)))] {
        let mut end = End::new(true, channels, TAYLOR);
        end.machine.file_time = time;
        end.link.room = 0;
        end.queue(1, mail(), 3000);
        end.queue(2, mail(), 3000);
        end.starts();
        if channels == 1 {
            end.hears(ONLY, "EY");
        }
        let only = if channels == 1 { ONLY } else { first };
        for _ in 0..4 {
            assert_eq!(end.has_room_after(10), [only]);
        }
    }
}

#[test]
fn what_is_queued_in_the_middle_of_a_long_file_goes_beside_it() {
    let urgent = |end: &mut End, grade| {
        end.queue(2, mail(), 3000);
        end.jobs[0].grade = grade;
        // Not at each packet.
        assert_eq!(end.has_room_after(0), [Channel::Ours(1)]);
        assert_eq!(end.jobs.len(), 1);
    };
    let begun = |grade| {
        let mut end = End::new(true, 7, UUGATE);
        (end.size, end.link.room) = (1 << 20, 0);
        end.queue(1, mail(), 1 << 20);
        end.starts();
        end.hears(Channel::Ours(1), "EY");
        urgent(&mut end, grade);
        end
    };
    let first = Grade::new('0').unwrap();
    let mut end = begun(first);
    assert_eq!(end.has_room_after(1), [Channel::Ours(2)]);
    assert!(end.link.said.iter().any(|said| matches!(said, Said::Command(Channel::Ours(2), _))));
    // Of the same grade it awaits its turn, for which only its command is out.
    let mut end = begun(Grade::MAIL);
    assert_eq!(end.has_room_after(1), [Channel::Ours(1)]);
    assert!(end.link.said.iter().any(|said| matches!(said, Said::Command(Channel::Ours(2), _))));
    // A slave has its own to send as well.
    let mut end = End::new(false, 7, UUGATE);
    end.starts();
    end.hears(Channel::Theirs(1), "E D.1 D.x1 jan -C D.1 0666 \"\" 0x1000 rmail x");
    end.queue(2, mail(), 3000);
    end.now += Duration::from_secs(1);
    end.data(Channel::Theirs(1), b"a piece of it");
    assert!(end.link.said.iter().any(|said| matches!(said, Said::Command(Channel::Ours(1), _))));
}

#[test]
fn too_large_is_said_as_each_system_knows_it() {
    for (verdict, features, file, fetched) in [
        (Refusal::TooLargeNow, TAYLOR, "EN6", "RN6"),
        (Refusal::TooLarge, TAYLOR, "EN7", "RN6"),
        (Refusal::TooLargeNow, b"0", "SN4", "RN2"),
        (Refusal::TooLarge, b"0", "SN2", "RN2"),
    ] {
        let mut end = End::new(false, 1, features);
        end.verdict = Verdict::Refuse(verdict);
        end.starts();
        let offer = match file.starts_with('E') {
            true => "E D.9 D.x9 jan -C D.9 0666 \"\" 0x5 rmail x",
            false => "S D.9 D.x9 jan -C D.9 0666",
        };
        assert_eq!(end.hears(ONLY, offer), [command(ONLY, file)]);
        end.refuses_to_open = true;
        assert_eq!(end.hears(ONLY, "R ~/there ~/x jan -d"), [command(ONLY, fetched)]);
    }
}

#[test]
fn a_fetch_tells_the_largest_file_that_may_come_now() {
    let mut end = End::new(true, 1, TAYLOR);
    end.queue(1, fetch(), 0);
    end.jobs[0].largest = Some(1000);
    assert_eq!(end.starts(), [command(ONLY, "R ~/a ~/b jan -d 0x3e8")]);
    end.hears(ONLY, "RN6");
    assert!(matches!(settled(&end)[..], [Ending::Deferred(_)]));
}

#[test]
fn only_a_peer_that_knows_the_answer_is_told_that_a_file_came_before() {
    for (features, knows) in
        [(&b"0"[..], false), (b"", false), (b"05", false), (TAYLOR, true), (UUGATE, true)]
    {
        let mut end = End::new(false, 1, features);
        end.starts();
        end.hears(ONLY, "S D.9 D.x9 jan -C D.9 0666 \"\" 0x5");
        let Ask::Offer { offer, .. } = &end.asked[0] else { panic!() };
        assert_eq!(offer.knows_already, knows, "{features:?}");
    }
}

const DIGEST: &str = "00112233445566778899aabbccddeeff";

#[test]
fn a_job_for_a_uugate_tells_the_digest_of_its_body_and_goes_again_if_it_arrived_damaged() {
    let mut end = End::new(true, 1, UUGATE);
    // So that it waits for the verdict.
    end.link.sound = false;
    end.size = 5000;
    end.queue(1, mail(), 5000);
    end.jobs[0].digest = DIGEST.parse().ok();
    let command_of =
        |from| command(ONLY, &format!("E D.{from}.{DIGEST} D.0 piet -C D.0001 0666 \"\" 0x1388 rmail jan"));
    assert_eq!(end.starts()[0], command_of("_0000000000007"));
    end.hears(ONLY, "EY");
    // The store gives it out once more.
    end.queue(1, mail(), 5000);
    end.jobs[0].digest = DIGEST.parse().ok();
    let said = end.hears(ONLY, "CN4");
    assert_eq!(settled(&end), [Ending::Damaged]);
    assert_eq!(said[0], command_of("0"));
    // Nobody else is told.
    let mut end = End::new(true, 7, TAYLOR);
    end.queue(1, mail(), 5000);
    end.jobs[0].digest = DIGEST.parse().ok();
    assert!(!end.starts().iter().any(|said| format!("{said:?}").contains(DIGEST)));
}

#[test]
fn a_file_that_is_not_what_its_digest_says_is_asked_for_again() {
    let mut end = End::new(false, 1, UUGATE);
    end.committed = Reply::Damaged;
    end.starts();
    let offer = format!("E D._0000000000004.{DIGEST} D.x9 jan -C D.0009 0666 \"\" 0x5 rmail x");
    end.hears(ONLY, &offer);
    let Ask::Offer { offer, .. } = &end.asked[0] else { panic!() };
    assert_eq!(offer.digest, DIGEST.parse().ok());
    assert_eq!(offer.stable, Some(StableId { spool: 4, number: 9 }));
    end.data(ONLY, b"hello");
    end.link.said.clear();
    end.data(ONLY, b"");
    assert_eq!(end.link.said, [command(ONLY, "CN4")]);
    // The next command is heard.
    assert_eq!(end.hears(ONLY, "H"), [command(ONLY, "HY")]);
}

#[test]
fn a_fetch_goes_on_where_it_stopped_if_the_file_is_still_the_same() {
    let (digest, other) = (DIGEST.parse().unwrap(), DIGEST.replace('0', "1").parse().unwrap());
    for (features, same, start) in [(UUGATE, true, 2000), (UUGATE, false, 0), (TAYLOR, true, 0)] {
        let mut end = End::new(false, 1, features);
        end.opened_digest = if features == TAYLOR { None } else { Some(if same { digest } else { other }) };
        end.starts();
        let said = end.hears(ONLY, &format!("R ~/there ~/x jan -d 0x2710 {DIGEST} 0x7d0"));
        let rest = end.opened_digest.map(|digest| format!(" {digest} 0x{start:x}")).unwrap_or_default();
        assert_eq!(said[0], command(ONLY, &format!("RY 0644 0xbb8{rest}")));
        assert!(matches!(said[1], Said::Data(_, place, _) if place == start), "{said:?}");
        let asked = end.asked.iter().find_map(|ask| match ask {
            Ask::Open { digested, .. } => Some(*digested),
            _ => None,
        });
        assert_eq!(asked, Some(features == UUGATE));
    }

    // The other side of it.
    let begun = Rest { digest, start: 2000 };
    for (answer, kept, ending) in [
        (format!("RY 0644 0xbb8 {DIGEST} 0x7d0"), 2000, Some(Ending::Done)),
        // It is another file now; the store has nothing of it.
        (format!("RY 0644 0xbb8 {other} 0x0"), 0, Some(Ending::Done)),
        // What the store had is gone.
        (format!("RY 0644 0xbb8 {DIGEST} 0x7d0"), 0, None),
    ] {
        let mut end = End::new(true, 1, UUGATE);
        end.queue(1, fetch(), 0);
        end.jobs[0].rest = Some(begun);
        assert_eq!(end.starts(), [command(ONLY, &format!("R ~/a ~/b jan -d 0x2710 {DIGEST} 0x7d0"))]);
        end.verdict = Verdict::Take { offset: kept };
        end.hears(ONLY, &answer);
        let offered =
            |ask: &Ask| matches!(ask, Ask::Offer { offer, .. } if offer.restart && offer.digest.is_some());
        assert!(end.asked.iter().any(offered), "{:?}", end.asked);
        let left = if answer.ends_with("0x0") { 3000 } else { 1000 };
        end.data(ONLY, &vec![1; left]);
        end.data(ONLY, b"");
        match ending {
            Some(ending) => assert_eq!(settled(&end), [ending]),
            None => assert!(matches!(settled(&end)[..], [Ending::Deferred(_)])),
        }
    }
}
