//! A telephone exchange, and who hangs on it: nodes with a daemon, programs that drive a modem by hand.

use super::{PATIENCE, hashed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::retry_on_intr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use uugate::clock;
use uugate::wire::exchange::{Event, Exchange, ModemSpec, Settings};

/// The name and the password that callers log in with.
pub const LOGIN: &str = "Uleaf";
pub const PASSWORD: &str = "geheim";

/// An exchange with four modems; that of the feeding host is connected digitally.
pub struct Telephone {
    folder: PathBuf,
    exchange: Exchange,
    runtime: tokio::runtime::Runtime,
}

impl Telephone {
    /// Name and number of each modem.
    pub const MODEMS: [(&str, &str); 4] =
        [("leaf", "5551"), ("feed", "5552"), ("other", "5553"), ("mute", "5554")];

    /// Starts it; nothing on it takes longer than it must.
    pub fn new(parent: &Path, settings: Settings) -> Telephone {
        let folder = parent.join("telephone");
        std::fs::create_dir_all(&folder).expect("folder of the exchange");
        let modem = |(name, number): (&str, &str)| ModemSpec {
            path: folder.join(name),
            number: number.to_owned(),
            digital: name == "feed",
        };
        let settings = Settings {
            latency: Duration::from_millis(1),
            ring_every: Duration::from_millis(300),
            dialling: Duration::from_millis(10),
            training: Duration::from_millis(10),
            // Taylor runs as another user than the exchange, when the tests run as root.
            mode: 0o666,
            ..settings
        };
        let exchange = Exchange::start(settings, Self::MODEMS.map(modem).to_vec()).expect("an exchange");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        Telephone { folder, exchange, runtime }
    }

    pub fn device(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The `[[line]]` of a node with this modem.
    pub fn line(&self, name: &str, settings: &str) -> String {
        format!(
            "[[line]]\nname = \"modem\"\ntype = \"serial\"\ndevice = \"{}\"\nmodem = \"exchange\"\n\
             lock-directory = \".\"\n{settings}\n",
            self.device(name).display()
        )
    }

    /// Waits for something to happen on the exchange.
    #[track_caller]
    pub fn until(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let waiting = async {
            loop {
                let event = self.exchange.event().await.expect("the exchange runs");
                if wanted(&event) {
                    return event;
                }
            }
        };
        let came = self.runtime.block_on(async { clock::within(PATIENCE, waiting).await });
        came.unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}"))
    }

    /// Waits until a call has ended in order.
    #[track_caller]
    pub fn until_hung_up(&mut self) {
        let ended = self.until("the end of the call", |event| matches!(event, Event::Ended { .. }));
        assert!(matches!(ended, Event::Ended { dropped: false, .. }), "{ended:?}");
    }
}

/// A neighbour that logs in.
pub fn caller(name: &str, settings: &str) -> String {
    format!(
        "[[system]]\nname = \"{name}\"\ncalled-login = \"{LOGIN}\"\ncalled-password-hash = \"{}\"\n{settings}\n",
        hashed(PASSWORD)
    )
}

/// A neighbour that is dialled.
pub fn dialled(name: &str, number: &str, settings: &str) -> String {
    format!(
        "[[system]]\nname = \"{name}\"\nline = \"modem\"\nnumber = \"{number}\"\nlogin = \"{LOGIN}\"\n\
         password = \"{PASSWORD}\"\n{settings}\n"
    )
}

/// A modem that is driven by hand.
pub struct Terminal(File);

impl Terminal {
    /// Opens a modem, at whatever moment.
    #[track_caller]
    pub fn open(device: &Path) -> Terminal {
        let line = rustix::fs::open(device, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("the modem");
        let mut terminal = Terminal(File::from(line));
        terminal.say("ATZE0\r");
        terminal.expect("OK\r\n");
        terminal
    }

    /// The line, for whoever says more than words.
    pub fn into_line(self) -> File {
        self.0
    }

    pub fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("the modem takes it");
    }

    /// Reads to the end of these words.
    #[track_caller]
    pub fn expect(&mut self, end: &str) {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let patience = Timespec::try_from(PATIENCE).expect("a short time");
            let came = retry_on_intr(|| poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&patience)))
                .expect("poll");
            assert_eq!(came, 1, "waited for {end:?}, got {:?}", String::from_utf8_lossy(&read));
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("the modem speaks");
            read.push(byte[0]);
        }
    }

    /// Waits for a call and takes it, as a getty does.
    pub fn answer(device: &Path) -> File {
        let mut terminal = Terminal::open(device);
        terminal.expect("RING\r\n");
        terminal.say("ATA\r");
        terminal.expect("CONNECT");
        terminal.expect("\n");
        terminal.0
    }
}
