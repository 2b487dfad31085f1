use super::*;
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Nothing in these tests takes nearly as long; it only keeps a failure from hanging.
const PATIENCE: i64 = 20;

/// A program at a modem, with nothing but open, read, write and termios.
struct Terminal(OwnedFd);

impl Terminal {
    fn open(path: &Path) -> Terminal {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let fd = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let mut termios = tcgetattr(&fd).unwrap();
        termios.make_raw();
        tcsetattr(&fd, OptionalActions::Now, &termios).unwrap();
        Terminal(fd)
    }

    fn wait(&self, flags: PollFlags) {
        let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
        let ready = retry_on_intr(|| poll(&mut [PollFd::new(&self.0, flags)], Some(&patience))).unwrap();
        assert_eq!(ready, 1, "nothing came");
    }

    fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            self.wait(PollFlags::OUT);
            let count = rustix::io::write(&self.0, bytes).unwrap();
            bytes = &bytes[count..];
        }
    }

    /// Reads until what came ends in `end`.
    fn expect(&self, end: &[u8]) -> Vec<u8> {
        let mut read = Vec::new();
        while !read.ends_with(end) {
            read.extend(self.read().unwrap_or_else(|| panic!("ended after {}", read.escape_ascii())));
        }
        read
    }

    /// What comes next; `None` when the carrier was lost.
    fn read(&self) -> Option<Vec<u8>> {
        self.wait(PollFlags::IN);
        let mut bytes = vec![0; 4096];
        match rustix::io::read(&self.0, &mut bytes) {
            Ok(0) | Err(Errno::IO) => None,
            Ok(count) => {
                bytes.truncate(count);
                Some(bytes)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads to the loss of the carrier.
    fn to_the_end(&self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = self.read() {
            all.extend(bytes);
        }
        all
    }

    fn ask(&self, line: &str) {
        self.send(line.as_bytes());
        self.send(b"\r");
        self.expect(b"OK\r\n");
    }
}

struct Office {
    folder: tempfile::TempDir,
    exchange: Exchange,
}

impl Office {
    fn new(settings: Settings) -> Office {
        let folder = tempfile::tempdir().unwrap();
        let modem = |name: &str, number: &str| ModemSpec {
            path: folder.path().join(name),
            number: number.to_owned(),
            digital: name == "host",
        };
        let modems = vec![modem("leaf", "1"), modem("host", "2")];
        // Quick, so that the tests are; and a rate that is not.
        let settings = Settings {
            dialling: Duration::ZERO,
            training: Duration::from_millis(10),
            latency: Duration::ZERO,
            ..settings
        };
        Office { exchange: Exchange::start(settings, modems).unwrap(), folder }
    }

    fn open(&self, name: &str) -> Terminal {
        Terminal::open(&self.folder.path().join(name))
    }

    fn connected(&self) -> (Terminal, Terminal) {
        let (leaf, host) = (self.open("leaf"), self.open("host"));
        host.ask("ATE0S0=1");
        leaf.ask("ATE0");
        leaf.send(b"ATDT2\r");
        assert!(leaf.expect(b"RX\r\n").starts_with(b"\r\nCONNECT 53333/V90/LAPM/33600:TX"));
        host.expect(b"RX\r\n");
        (leaf, host)
    }

    /// Waits for a PTY on a path that is not `old`.
    async fn fresh(&mut self, name: &str, old: &Path) {
        let path = self.folder.path().join(name);
        for _ in 0..400 {
            if std::fs::read_link(&path).unwrap() != old {
                return;
            }
            crate::clock::sleep(Duration::from_millis(10)).await;
        }
        panic!("no new PTY on {name}");
    }

    fn device(&self, name: &str) -> PathBuf {
        std::fs::read_link(self.folder.path().join(name)).unwrap()
    }
}

#[tokio::test]
async fn two_programs_call_each_other_and_hang_up_by_closing() {
    let mut office = Office::new(Settings::default());
    let (leaf_device, host_device) = (office.device("leaf"), office.device("host"));
    let (leaf, host) = office.connected();
    let all: Vec<u8> = (0..2000u32).map(|n| n as u8).collect();
    leaf.send(&all);
    host.send(&all);
    assert_eq!(host.expect(&all), all);
    assert_eq!(leaf.expect(&all), all);
    leaf.send(b"bye");
    drop(leaf);
    assert_eq!(host.to_the_end(), b"bye\r\nNO CARRIER\r\n");
    assert_eq!(rustix::io::write(&host.0, b"x"), Err(Errno::IO));
    office.fresh("leaf", &leaf_device).await;
    office.fresh("host", &host_device).await;
    drop(host);
    office.connected();
    let mut connected = 0;
    while connected < 2 {
        match office.exchange.event().await.unwrap() {
            Event::Connected { from: 0, to: 1, down: 53_333, .. } => connected += 1,
            Event::Ended { sent, received, dropped, .. } => {
                assert_eq!((sent, received, dropped), (2003, 2000, false))
            }
            _ => {}
        }
    }
    office.exchange.shutdown().await;
    assert_eq!(std::fs::read_dir(office.folder.path()).unwrap().count(), 0, "the links are gone");
}

#[tokio::test]
async fn a_carrier_lost_in_mid_transfer_is_seen_at_both_ends() {
    let mut office = Office::new(Settings { drop_carrier_after: Some(5000), ..Settings::default() });
    let (leaf_device, host_device) = (office.device("leaf"), office.device("host"));
    let (leaf, host) = office.connected();
    let sender = std::thread::spawn(move || {
        let mut sent = 0;
        loop {
            leaf.wait(PollFlags::OUT);
            match rustix::io::write(&leaf.0, &[b'x'; 512]) {
                Ok(count) => sent += count,
                Err(Errno::AGAIN) => {}
                Err(error) => return (sent, error),
            }
        }
    });
    let received = host.to_the_end();
    assert!(received.len() <= 5000 && received.iter().all(|byte| *byte == b'x'), "unread bytes are lost");
    let (sent, error) = sender.join().unwrap();
    assert!(sent > 1000);
    assert_eq!(error, Errno::IO);
    office.fresh("leaf", &leaf_device).await;
    office.fresh("host", &host_device).await;
    // The next call on the same paths is a new one.
    let (leaf, host) = office.connected();
    leaf.send(b"again");
    host.expect(b"again");
    office.exchange.shutdown().await;
}

#[tokio::test]
async fn whoever_opens_a_modem_that_is_in_use_is_heard_when_it_is_free() {
    let mut office = Office::new(Settings::default());
    let first_device = office.device("leaf");
    let (first, host) = office.connected();
    office.fresh("leaf", &first_device).await;
    let second = office.open("leaf");
    second.send(b"ATE0\r");
    first.send(b"mine");
    host.expect(b"mine");
    drop(first);
    assert_eq!(host.to_the_end(), b"\r\nNO CARRIER\r\n");
    second.expect(b"OK\r\n");
    // What somebody said who did not wait is not the next one's.
    let host = office.open("host");
    host.ask("ATE0S0=1");
    second.send(b"ATDT2\r");
    second.expect(b"RX\r\n");
    let impatient = office.open("leaf");
    impatient.send(b"ATI\r");
    drop(impatient);
    drop(second);
    host.to_the_end();
    let third = office.open("leaf");
    third.ask("ATE0");
    third.send(b"AT\r");
    assert_eq!(third.expect(b"OK\r\n"), b"\r\nOK\r\n");
    office.exchange.shutdown().await;
}

#[tokio::test]
async fn a_modem_can_be_opened_while_the_call_of_its_last_user_still_ends() {
    let office = Office::new(Settings::default());
    let (leaf, host) = office.connected();
    leaf.send(&[b'x'; 1500]);
    drop(leaf);
    let mut leaf = office.open("leaf");
    leaf.ask("ATE0");
    let heard = host.to_the_end();
    assert!(heard.starts_with(&[b'x'; 1500]) && heard.ends_with(b"\r\nNO CARRIER\r\n"));
    for _ in 0..20 {
        drop(leaf);
        leaf = office.open("leaf");
        leaf.ask("ATE0");
    }
    office.exchange.shutdown().await;
}

#[tokio::test]
async fn a_speed_of_zero_hangs_up_and_the_device_can_be_used_again() {
    let office = Office::new(Settings::default());
    let (leaf, host) = office.connected();
    let mut termios = tcgetattr(&leaf.0).unwrap();
    termios.set_speed(0).unwrap();
    tcsetattr(&leaf.0, OptionalActions::Now, &termios).unwrap();
    assert_eq!(host.to_the_end(), b"\r\nNO CARRIER\r\n");
    termios.set_speed(38_400).unwrap();
    tcsetattr(&leaf.0, OptionalActions::Now, &termios).unwrap();
    // DTR is looked at twenty times a second; until it is seen, nobody listens.
    for _ in 0..400 {
        leaf.send(b"AT\r");
        let second = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        if retry_on_intr(|| poll(&mut [PollFd::new(&leaf.0, PollFlags::IN)], Some(&second))).unwrap() == 1 {
            break;
        }
    }
    leaf.expect(b"OK\r\n");
    office.exchange.shutdown().await;
}

#[tokio::test]
async fn who_hangs_up_and_closes_leaves_the_modem_to_the_next() {
    let office = Office::new(Settings::default());
    for _ in 0..3 {
        let (leaf, host) = office.connected();
        let mut termios = tcgetattr(&leaf.0).unwrap();
        termios.set_speed(0).unwrap();
        tcsetattr(&leaf.0, OptionalActions::Now, &termios).unwrap();
        host.to_the_end();
        drop(leaf);
    }
    office.exchange.shutdown().await;
}

#[tokio::test]
async fn a_program_may_ask_to_keep_its_device() {
    let office = Office::new(Settings { carrier_follows: false, ..Settings::default() });
    let (leaf, host) = office.connected();
    drop(leaf);
    host.expect(b"\r\nNO CARRIER\r\n");
    host.ask("AT");
    office.exchange.shutdown().await;
}

#[test]
fn a_path_that_is_taken_and_numbers_given_twice_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let modem =
        |path: &Path, number: &str| ModemSpec { path: path.into(), number: number.into(), digital: false };
    let start = |modems| Exchange::start(Settings::default(), modems);
    assert!(matches!(start(vec![modem(&file, "1")]), Err(ExchangeError::Occupied(_))));
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    assert!(matches!(start(vec![modem(&a, "1"), modem(&b, "1")]), Err(ExchangeError::NumberTwice(_))));
    assert!(matches!(start(vec![modem(&a, "1"), modem(&a, "2")]), Err(ExchangeError::PathTwice(_))));
}
