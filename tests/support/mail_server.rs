//! A mail server that answers as a test tells it, and keeps what it heard.

use super::PATIENCE;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// What it does when it has heard something.
pub enum Answer {
    Say(String),
    /// Says nothing and goes on listening.
    Wait,
}

/// The usual answers, of a server that takes everything. Nothing was heard yet when the greeting is wanted; a whole text is a dot.
pub fn usual(heard: &str) -> Answer {
    let verb = heard.split([' ', ':']).next().unwrap_or_default();
    let said = match verb {
        "" => "220 mx.far.example ESMTP",
        "EHLO" => "250-mx.far.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE",
        "DATA" => "354 go",
        "." => "250 2.0.0 queued",
        "QUIT" => "221 2.0.0 bye",
        _ => "250 2.1.0 ok",
    };
    Answer::Say(said.to_owned())
}

#[derive(Default)]
struct Heard {
    lines: Vec<String>,
    /// Whole texts, as they came, dots included.
    texts: Vec<Vec<u8>>,
}

pub struct MailServer {
    pub address: SocketAddr,
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

type Script = dyn Fn(&str) -> Answer + Send + Sync;

impl MailServer {
    pub fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let server = MailServer {
            address: listener.local_addr().expect("its address"),
            heard: Arc::new((Mutex::default(), Condvar::new())),
        };
        let (heard, answer): (_, Arc<Script>) = (server.heard.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, answer) = (heard.clone(), answer.clone());
                // A client that goes away ends its conversation and nothing else.
                thread::spawn(move || drop(converse(stream, &heard, &*answer)));
            }
        });
        server
    }

    /// The server as a next hop.
    pub fn hop(&self) -> String {
        format!("[{}]:{}", self.address.ip(), self.address.port())
    }

    /// How many lines began so.
    pub fn count(&self, start: &str) -> usize {
        self.heard
            .0
            .lock()
            .expect("nobody panics")
            .lines
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }

    pub fn texts(&self) -> Vec<Vec<u8>> {
        self.heard.0.lock().expect("nobody panics").texts.clone()
    }

    /// Waits until so many texts have come whole.
    #[track_caller]
    pub fn await_texts(&self, count: usize) {
        let heard = self.heard.0.lock().expect("nobody panics");
        let few = |heard: &mut Heard| heard.texts.len() < count;
        let (heard, waited) = self.heard.1.wait_timeout_while(heard, PATIENCE, few).expect("nobody panics");
        assert!(!waited.timed_out(), "{} of {count} texts came: {:?}", heard.texts.len(), heard.lines);
    }
}

fn converse(stream: TcpStream, heard: &(Mutex<Heard>, Condvar), answer: &Script) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        let told = String::from_utf8_lossy(&line).trim_end().to_owned();
        heard.0.lock().expect("nobody panics").lines.push(told.clone());
        match answer(&told) {
            Answer::Wait => {}
            Answer::Say(said) => {
                stream.get_mut().write_all(format!("{said}\r\n").as_bytes())?;
                if said.starts_with("354") {
                    let text = read_text(&mut stream)?;
                    heard.0.lock().expect("nobody panics").texts.push(text);
                    heard.1.notify_all();
                    line = b".".to_vec();
                    continue;
                }
            }
        }
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
    }
}

fn read_text(stream: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let begin = text.len();
        if stream.read_until(b'\n', &mut text)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if text.get(begin..) == Some(b".\r\n") {
            text.truncate(begin);
            return Ok(text);
        }
    }
}
